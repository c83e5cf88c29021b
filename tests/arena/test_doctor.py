"""`arena doctor`: what it finds broken, and that it tells broken from absent."""

from __future__ import annotations

import json
import os
import shutil
import socket

import pytest
import sqlalchemy as sa

from arena import doctor
from arena.agents.confined_process import ConfinedProcess
from arena.doctor import Asked, examine
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.server.settings import load_settings
from tests.confined_here import serve_here


@pytest.fixture(autouse=True)
def confined_on_threads(monkeypatch):
    serve_here(monkeypatch)


@pytest.fixture
def look(tmp_path):
    """The checks of one function, by name."""

    def found(of, *, config="", named=True):
        (tmp_path / "server.toml").write_text(config)
        asked = Asked(db=str(tmp_path / "arena.db"), settings=load_settings(tmp_path / "server.toml"), named=named)
        return {check.name: check for check in of(asked)}

    return found


def test_the_doctor_of_a_bare_folder_finds_nothing_broken(arena):
    said = arena("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(said.out)["checks"]}
    assert {"machine", "database", "disk, ledger", "gpu", "sandbox", "browser assets", "port", "torch"} <= set(checks)
    assert checks["database"]["state"] == "absent"
    broken = [name for name, check in checks.items() if check["state"] == "broken"]
    assert said.code == bool(broken)
    assert broken in ([], ["gpu"])  # a machine may have a GPU that this torch cannot use


def test_what_is_broken_makes_the_exit_code_and_a_line(arena, tmp_path, monkeypatch):
    (tmp_path / "arena.db").write_text("no database")
    said = arena("doctor")
    assert said.code == 1
    assert "BROKEN  database" in said.out
    assert "not work: database" in said.out
    monkeypatch.setenv("ARENA_SERVER", "http://127.0.0.1:1")
    assert "the doctor looks at this machine" in arena("doctor").err


def test_an_old_ledger_and_one_of_the_future_are_told_apart(look, tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        assert look(doctor.database)["database"].state == "good"
        for revision, mend in (("0001", "arena db upgrade"), ("9999", "upgrade minimax-arena")):
            with ledger.writing() as connection:
                connection.execute(sa.text("update arena_revision set version_num = :to"), {"to": revision})
            check = look(doctor.database)["database"]
            assert (check.state, check.mend) == ("broken", mend)


def test_a_ledger_that_cannot_be_written_is_broken(look, tmp_path, monkeypatch):
    Ledger.open(tmp_path / "arena.db").close()
    real = Ledger.open.__func__
    monkeypatch.setattr(Ledger, "open", classmethod(lambda cls, *a, **k: real(cls, *a, **{**k, "read_only": True})))
    assert look(doctor.database)["database"].mend == "let this user write the ledger"


def test_a_lost_artifact_is_broken_with_what_brings_it_back(look, tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        content = ledger.artifacts.put(b"a policy")
        ledger.add_agent("solved", specification="policy:solved.json", kind="policy", content_hash=content)
        assert look(doctor.database)["artifacts"].said.endswith(", and were read")
        file = ledger.artifacts.path(content)
        file.chmod(0o644)
        file.write_bytes(b"another1")
        assert f"the artifact {content} is damaged" in look(doctor.database)["artifacts"].said
        monkeypatch.setattr(doctor, "READ_BYTES", 7)
        found = look(doctor.database)["artifacts"]
        assert found.state == "good" and "0 of the 1 were read; `arena db check` reads all" in found.said
        file.write_bytes(b"")
        assert "is damaged, it is empty" in look(doctor.database)["artifacts"].said
        ledger.artifacts.remove(content)
    check = look(doctor.database)["artifacts"]
    assert check.state == "broken"
    assert f"agent solved@1: the artifact {content} is lost: put it back" in check.said


def test_a_clock_behind_the_ledger_is_broken(look, tmp_path, made_game):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        ledger.add_tournament(name="cup", game=made_game(), agents=[], config={}, seed=0, planned=1)
        assert look(doctor.database)["clock"].state == "good"
        with ledger.writing() as connection:
            connection.execute(tournaments.update().values(alive_at="2999-01-01T00:00:00.000Z"))
    assert look(doctor.database)["clock"].state == "broken"


def test_a_full_disk_is_broken(look, monkeypatch):
    assert look(doctor.disk)["disk, ledger"].state == "good"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("usage", (), {"free": 1000}))
    assert {check.state for check in look(doctor.disk).values()} == {"broken"}


def test_a_missing_file_of_the_pages_is_broken(look, monkeypatch, tmp_path):
    assert look(doctor.assets)["browser assets"].state == "good"
    monkeypatch.setattr(doctor, "FOLDER", tmp_path)
    assert "arena.css" in look(doctor.assets)["browser assets"].said


def test_a_taken_port_is_broken_where_somebody_asked_for_it(look, monkeypatch):
    monkeypatch.setattr(doctor, "ANSWER_S", 0.05)  # whoever has it says nothing
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = f"port = {taken.getsockname()[1]}\n"
        assert look(doctor.server, config=config)["port"].state == "broken"
        assert look(doctor.server, config=config, named=False)["port"].state == "absent"
    assert look(doctor.server, config="port = 0\n")["port"].state == "good"


def test_a_server_for_others_without_encryption_is_broken(look):
    bare = look(doctor.server, config="port = 0\nwrites_per_minute = 20\n")
    assert "encryption" not in bare
    assert "20 writes" in bare["rate limits"].said and "to each process" in bare["rate limits"].said
    assert look(doctor.server, config='host = "0.0.0.0"\nport = 0\n')["encryption"].state == "broken"
    assert "encryption" not in look(
        doctor.server, config='host = "0.0.0.0"\nport = 0\npublic_url = "https://arena.example"\n'
    )


def test_a_cluster_that_is_not_there_is_broken_only_where_it_was_asked_for(look, monkeypatch):
    monkeypatch.setattr("arena.ray_cluster.JOIN_S", 0.05)
    assert look(doctor.cluster) == {}
    assert look(doctor.cluster, config='executor = "ray://127.0.0.1:1"\n')["Ray cluster"].state == "broken"


def test_a_sandbox_is_tried_and_never_taken_for_granted(look, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert look(doctor.sandbox)["sandbox"].state == "absent"
    assert look(doctor.sandbox, config='uploaded_programs = "bubblewrap"\n')["sandbox"].state == "broken"


def test_uploads_are_tried_and_never_taken_for_granted(look, monkeypatch):
    assert look(doctor.sandbox)["uploads"].said.endswith(": one of each was read")

    def no_torch(*_, **__):
        raise ImportError("no torch in there")

    monkeypatch.setattr("arena.agents.network.load", no_torch)
    said = look(doctor.sandbox)["uploads"]
    assert (said.state, said.said) == ("broken", "ImportError: no torch in there")
    monkeypatch.undo()
    monkeypatch.setitem(ConfinedProcess.__init__.__kwdefaults__, "command", ("/no/such/python",))
    said = look(doctor.sandbox)["uploads"]
    assert said.state == "broken" and "did not begin" in said.said and "/no/such/python" in said.said


def test_starcraft_that_the_environment_names_and_that_is_not_there_is_broken(look, monkeypatch, tmp_path):
    monkeypatch.setenv("SC2PATH", str(tmp_path))
    assert look(doctor.starcraft)["StarCraft II"].state == "broken"


def test_maps_are_counted_of_the_game_and_of_its_stand_in(look, monkeypatch, tmp_path):
    pytest.importorskip("pysc2")
    from arena.games.starcraft.standin.install import EXECUTABLE, install

    monkeypatch.setenv("SC2PATH", str(tmp_path))
    install(tmp_path)
    (tmp_path / EXECUTABLE).write_bytes(b"\x7fELF")
    found = look(doctor.starcraft)
    assert found["StarCraft II"].said.endswith("17 maps, 5 of the 7 mini-games")
    assert found["its stand-in"].said.startswith("17 maps in ")
    shutil.rmtree(tmp_path / "Maps")
    assert look(doctor.starcraft)["StarCraft II"].state == "broken"


def test_a_look_that_breaks_down_stops_no_other(look, monkeypatch):
    def broken(_):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "CHECKS", {"one": broken, "machine": doctor.machine})
    found = look(examine)
    assert found["one"].said.endswith("RuntimeError: no such thing")
    assert found["machine"].state == "good"


def test_a_wrong_configuration_is_wrong_usage(arena, tmp_path):
    (tmp_path / "server.toml").write_text("prot = 1\n")
    assert arena("doctor", "--config", "server.toml").code == 2
