"""A ledger held against itself: an honest one is quiet, and each way of tampering with it is caught."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.config import make_config
from arena.exploit import exploit
from arena.games import TabularPolicy, UnknownName
from arena.job_kinds import ask, do_job
from arena.job_work import do_here
from arena.leaderboards.record_file import read_record
from arena.ledger import Ledger
from arena.match_import import import_record
from arena.packing import pack_actions, pack_columns
from arena.plain_standings import board_differences, plain_rows
from arena.solvers import save_policy
from arena.standings import standings
from arena.tournament import run_tournament
from arena.verify import verify_ledger

KUHN, TENSOR = "openspiel:kuhn_poker", "arena:kuhn_poker"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of two games in both lanes, with forfeits and a policy in the artifact store."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "fails.py").write_text(
        "class Fails:\n"
        "    def act(self, observation):\n"
        "        return -1 if observation.seed % 3 == 0 else observation.legal_actions[0]\n"
    )
    save_policy(TabularPolicy(KUHN, {"0": {0: 1.0}}), folder / "p.json")
    fails = f"python:{folder / 'fails.py'}:Fails"
    with Ledger.open(folder / "arena.db") as ledger:
        for values in (
            {
                "name": "cup",
                "game": KUHN,
                "agents": {"a": "random", "b": "uniform", "p": f"policy:{folder / 'p.json'}"},
            },
            {"name": "wide", "game": TENSOR, "agents": ["random", "uniform"]},
            {"name": "fails", "game": KUHN, "agents": {"a": "random", "f": fails}, "matches": 12},
        ):
            run_tournament(make_config({"matches": 20, "seed": 3, "block": 8, **values}), ledger)
    return folder


@pytest.fixture
def ledger_at(made: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy" / "arena.db"


def _sql(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement


def _told(path: Path, what: str | None = None) -> dict[str, str]:
    return {one.where: one.what for one in verify_ledger(path, what).differences}


def test_an_honest_ledger_is_good(made: Path) -> None:
    found = verify_ledger(made / "arena.db")
    assert found.differences == () and found.good
    assert {one.tournament: (one.matches, one.replayed, one.replay) for one in found.tournaments} == {
        "cup": (60, 60, "exact"),
        "wide": (20, 20, "exact"),
        "fails": (12, 12, "exact"),
    }
    assert set(found.boards) == {KUHN, TENSOR}
    with Ledger.open(made / "arena.db", read_only=True) as ledger:
        assert len(ledger.faults(ledger.tournament("fails"))) > 0, "forfeits are among what was verified"


OF_CUP = "tournament_id = (select id from tournaments where key = 'cup')"


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("update matches set returns = '[9.0, -9.0]' where number = 7", "cup/7", "recorded returns [9.0, -9.0]"),
        ("update matches set seed = seed + 1 where number = 7", "cup/7", "its seed"),
        ("update matches set chance_seed = chance_seed + 1 where number = 7", "cup/7", "chance"),
        (
            "update matches set lineup_id = (select lineup_id from matches m where m.tournament_id ="
            " matches.tournament_id and m.lineup_id != matches.lineup_id limit 1) where number = 7",
            "cup/7",
            "the schedule seats",
        ),
        ("update matches set termination = 1 where number = 7", "cup/7", "truncated"),
        ("update matches set termination = 4, forfeit = 0 where number = 7", "cup/7", "no fault is noted"),
        ("update matches set forfeit = 0 where number = 7", "cup/7", "player 0 forfeited it"),
    ],
)
def test_a_changed_match_is_caught(ledger_at: Path, statement: str, where: str, what: str) -> None:
    _sql(ledger_at, f"{statement} and {OF_CUP}")
    found = [one for one in verify_ledger(ledger_at).differences if one.where == where]
    assert any(what in one.what for one in found), found
    assert not verify_ledger(ledger_at, where).good


def test_changed_actions_are_caught(ledger_at: Path) -> None:
    with Ledger.open(ledger_at, read_only=True) as ledger:
        block = next(ledger.result_blocks(ledger.tournament("cup")))
    values = block.actions.values.copy()
    last = int(block.actions.ends[3]) - 1
    values[last] = 1 - values[last]
    packed = pack_actions(dataclasses.replace(block.actions, values=values))
    with sqlite3.connect(ledger_at) as database:
        database.execute(f"update blocks set actions = ? where first = 0 and {OF_CUP}", (packed,))
    assert set(_told(ledger_at)) == {"cup/3"}


def test_changed_columns_of_the_tensor_lane_are_caught(ledger_at: Path) -> None:
    with Ledger.open(ledger_at, read_only=True) as ledger:
        block = next(ledger.result_blocks(ledger.tournament("wide")))
    returns = block.returns.copy()
    returns[5] = -returns[5]
    with sqlite3.connect(ledger_at) as database:
        database.execute(
            "update blocks set columns = ? where first = 0 and tournament_id ="
            " (select id from tournaments where key = 'wide')",
            (pack_columns(dataclasses.replace(block, returns=returns)),),
        )
    assert set(_told(ledger_at)) == {"wide/5"}


def test_a_dropped_row_is_caught(ledger_at: Path) -> None:
    _sql(ledger_at, f"delete from matches where number = 9 and {OF_CUP}")
    found = verify_ledger(ledger_at).differences
    assert any("rows of matches" in one.what for one in found if one.where == "ledger")
    assert not verify_ledger(ledger_at, "cup").good


def test_a_dropped_block_is_caught_though_all_counts_were_mended(ledger_at: Path) -> None:
    _sql(
        ledger_at,
        f"delete from matches where number between 16 and 23 and {OF_CUP}",
        f"delete from blocks where first = 16 and {OF_CUP}",
        "update tournaments set matches = matches - 8, blocks = blocks - 1, planned = planned - 8 where key = 'cup'",
    )
    told = _told(ledger_at)
    assert {f"cup/{number}" for number in range(16, 24)} <= set(told)
    assert told["cup/16"] == "is missing"
    assert "ledger" not in told, "counts alone do not show it"


def test_an_invented_match_is_caught(ledger_at: Path) -> None:
    with Ledger.open(ledger_at) as ledger:
        tournament = ledger.tournament("cup")
        block = list(ledger.result_blocks(tournament))[-1]
        specs = dataclasses.replace(block.specs, index=block.specs.index + 100)
        ledger.write(tournament, dataclasses.replace(block, specs=specs))
    assert any(what == "is not in the schedule" for what in _told(ledger_at).values())


def test_a_dropped_fault_is_caught(ledger_at: Path) -> None:
    with Ledger.open(ledger_at, read_only=True) as ledger:
        number = ledger.faults(ledger.tournament("fails"))[0].index
    _sql(ledger_at, f"delete from faults where number = {number}")
    assert _told(ledger_at) == {f"fails/{number}": "no fault is noted for it"}


def test_a_changed_artifact_is_caught(ledger_at: Path) -> None:
    with Ledger.open(ledger_at, read_only=True) as ledger:
        path = ledger.artifacts.path(str(ledger.agent("p").content_hash))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    assert "p@1" in _told(ledger_at)["ledger"]


def test_another_utility_is_caught(ledger_at: Path) -> None:
    _sql(ledger_at, "update tournaments set utility = 'general_sum' where key = 'cup'")
    assert "utility" in _told(ledger_at, "cup")["cup"]


def test_another_version_of_the_game_cannot_be_played_again_and_is_no_difference(ledger_at: Path) -> None:
    _sql(ledger_at, "update tournaments set game_version = 'old' where key = 'wide'")
    found = verify_ledger(ledger_at, "wide")
    assert found.good and found.tournaments[0].replayed == 0
    assert "was played with" in found.tournaments[0].cannot


def test_a_sample_plays_so_many_again(made: Path) -> None:
    found = verify_ledger(made / "arena.db", matches=10, seed=4)
    assert sum(one.replayed for one in found.tournaments) == 10 and found.seed == 4
    again = verify_ledger(made / "arena.db", matches=10, seed=4)
    assert found == again
    counted: list[tuple[int, int]] = []
    verify_ledger(made / "arena.db", matches=10, seed=5, progress=lambda done, total: counted.append((done, total)))
    assert counted[-1] == (10, 10)


def test_what_is_not_there_is_said(made: Path) -> None:
    with pytest.raises(UnknownName, match="game, tournament or match"):
        verify_ledger(made / "arena.db", "cap")


def test_imported_matches_are_counted_again_and_not_played(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("agent_a,agent_b,winner\n" + "x,y,a\ny,z,a\nz,x,draw\n" * 9)
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_record(ledger, read_record(tmp_path / "x.csv"), game="club", name="x", source_text=b"x")
    found = verify_ledger(tmp_path / "arena.db")
    assert found.good and found.boards == ("club",)
    assert "imported" in found.tournaments[0].cannot


def _board_of(made: Path) -> tuple[object, object]:
    with Ledger.open(made / "arena.db", read_only=True) as ledger:
        found = standings(ledger, KUHN)
        return found, plain_rows(ledger, [ledger.tournament(key) for key in found.tournaments])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: dataclasses.replace(row, wins=row.wins + 1), "wins"),
        (lambda row: dataclasses.replace(row, forfeits=row.forfeits + 1), "forfeits"),
        (lambda row: dataclasses.replace(row, score=row.score + 1e-6), "score"),
        (lambda row: dataclasses.replace(row, mean_return=row.mean_return + 1e-6), "mean return"),
        (lambda row: dataclasses.replace(row, rating=row.rating + 0.1), "its rating expects"),
    ],
)
def test_a_board_that_says_something_else_is_caught(made: Path, change: Callable[..., object], said: str) -> None:
    found, rows = _board_of(made)
    assert board_differences(found, rows) == []  # type: ignore[arg-type]
    board = found.leaderboard  # type: ignore[attr-defined]
    wrong = dataclasses.replace(board, rows=(change(board.rows[0]), *board.rows[1:]))
    told = board_differences(dataclasses.replace(found, leaderboard=wrong), rows)  # type: ignore[arg-type, type-var]
    assert any(said in one for one in told), told


def test_undefeated_agents_and_their_virtual_draws_are_recomputed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("agent_a,agent_b,winner\n" + "x,y,a\ny,z,a\nz,y,a\nx,z,a\n" * 6)
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_record(ledger, read_record(tmp_path / "x.csv"), game="club", name="x", source_text=b"x")
        found = standings(ledger, "club")
        assert board_differences(found, plain_rows(ledger, ledger.tournaments())) == []


def test_the_command_exits_with_1_and_lists_what_differs(ledger_at: Path) -> None:
    run = CliRunner().invoke
    good = run(app, ["verify", "--db", str(ledger_at), "--json"])
    assert good.exit_code == 0 and json.loads(good.stdout)["differences"] == []
    _sql(ledger_at, f"update matches set returns = '[5.0, -5.0]' where number = 7 and {OF_CUP}")
    bad = run(app, ["verify", "--db", str(ledger_at)])
    assert bad.exit_code == 1 and "cup/7: recorded returns [5.0, -5.0]" in bad.stdout
    as_json = run(app, ["verify", "cup", "--db", str(ledger_at), "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["differences"][0]["where"] == "cup/7"


def test_a_running_tournament_lacks_nothing(tmp_path: Path) -> None:
    config = make_config({"name": "cup", "game": KUHN, "agents": ["random", "uniform"], "matches": 40, "block": 8})
    with Ledger.open(tmp_path / "arena.db") as ledger:

        def stop(done: int, _: int) -> None:
            if done >= 16:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_tournament(config, ledger, progress=stop)
    found = verify_ledger(tmp_path / "arena.db")
    assert found.good, found.differences
    assert 0 < found.tournaments[0].matches < 40
    assert np.sum([one.replayed for one in found.tournaments]) == found.tournaments[0].matches


@pytest.fixture(scope="module")
def answered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger with answers of jobs about its games and agents."""
    folder = tmp_path_factory.mktemp("answered")
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with Ledger.open(folder / "arena.db") as ledger:
        for kind, agent in (("ratings", None), ("bootstrap", None), ("exploitability", "b"), ("exploit", "p")):
            settings: dict[str, str | int | float] = {"resamples": 20} if kind == "bootstrap" else {}
            version = None if agent is None else ledger.agent(agent)
            row = ask(ledger, kind, KUHN, agent=version, settings=settings)
            do_here(ledger, row, partial(do_job, ledger))
        exploit(KUHN, "a", ledger=ledger, method="enumerate", budget=200, matches=20)
    return folder


def test_answers_of_jobs_are_computed_anew(answered: Path) -> None:
    found = verify_ledger(answered / "arena.db")
    assert found.good, found.differences
    assert [(one.kind, one.cannot) for one in found.jobs] == [
        (kind, "") for kind in ("ratings", "bootstrap", "exploitability", "exploit", "exploit")
    ]
    assert verify_ledger(answered / "arena.db", "cup").jobs == () == verify_ledger(answered / "arena.db", TENSOR).jobs


@pytest.mark.parametrize(
    ("kind", "place", "value", "what"),
    [
        ("ratings", "$.scores[0]", 999.0, "scores"),
        ("bootstrap", "$.high[1]", 999.0, "high"),
        ("ratings", "$.matches", 700, "matches"),
        ("exploitability", "$.exploitability", 0.1, "exploitability"),
        ("exploit", "$.value", 0.9, "value"),
    ],
)
def test_a_changed_answer_is_caught(
    answered: Path, tmp_path: Path, kind: str, place: str, value: float, what: str
) -> None:
    shutil.copytree(answered, tmp_path / "copy")
    path = tmp_path / "copy" / "arena.db"
    _sql(path, f"update jobs set result = json_set(result, '{place}', {value}) where kind = '{kind}'")
    assert {said for where, said in _told(path).items() if where.startswith("job ")} == {
        f"it says another {what} than is computed now"
    }


def test_answers_of_fewer_matches_are_not_compared(answered: Path, tmp_path: Path) -> None:
    shutil.copytree(answered, tmp_path / "copy")
    with Ledger.open(tmp_path / "copy" / "arena.db") as ledger:
        more = {"name": "more", "game": KUHN, "agents": ["random", "uniform"], "matches": 2}
        run_tournament(make_config(more), ledger)
    found = verify_ledger(tmp_path / "copy" / "arena.db")
    assert found.good and ["are rated now" in one.cannot for one in found.jobs] == [True, True, False, False, False]
