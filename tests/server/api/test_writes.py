"""Writes of the API: who may, of what form, once by their key, and what is never let in."""

from __future__ import annotations

import io
import json
import sys
import threading
import zipfile

import numpy as np
import pytest
from visitors import bearer

from arena.accounts import Scope
from arena.agents.confined_process import ConfinedProcess
from arena.attendance import Worker, attending
from arena.job_rows import Resources
from arena.jobs import all_jobs
from arena.kept_answers import begin
from arena.presence import register_remote
from arena.uploads import KINDS

KUHN = "openspiel:kuhn_poker"
AGENT = {"name": "searcher", "specification": "mcts(simulations=2)"}
WRITES = [
    ("POST", "/agents", Scope.SUBMIT),
    ("POST", "/agents/upload?name=a&file=a.json", Scope.SUBMIT),
    ("DELETE", "/agents/even", Scope.RUN),
    ("POST", "/tournaments", Scope.RUN),
    ("POST", "/tournaments/kuhn/resume", Scope.RUN),
    ("POST", "/jobs", Scope.RUN),
    ("DELETE", "/jobs/1", Scope.RUN),
    ("POST", "/solves", Scope.RUN),
    ("POST", "/trainings", Scope.RUN),
    ("POST", "/verifications", Scope.RUN),
    ("POST", "/matches/import?game=a&name=b", Scope.RUN),
    ("PUT", f"/artifacts/{'0' * 64}", Scope.RUN),
    ("GET", f"/artifacts/{'0' * 64}/content", Scope.RUN),
    ("POST", "/ledger", Scope.RUN),
    ("POST", "/ledger/part", Scope.RUN),
]
UPLOADS = ("/agents/upload", "/matches/import", "/artifacts/", "/ledger")


def sent(client, method, path, body=None, **headers):
    """An answer to JSON, or to bytes as a file."""
    told = {"content": body} if isinstance(body, bytes) else {"json": body}
    kind = {"Content-Type": "application/octet-stream"} if isinstance(body, bytes) else {}
    return client.request(method, "/api/v1" + path, headers={**kind, **headers}, **told)


def refused(answer, status):
    """The message of an error in the one shape."""
    assert answer.status_code == status, answer.text
    [(name, error)] = answer.json().items()
    assert (name, error["status"], set(error)) == ("error", status, {"status", "kind", "message"})
    return error["message"]


# Who may


@pytest.mark.parametrize(("method", "path", "scope"), WRITES)
def test_each_write_asks_for_its_scope(stranger, ledger, method, path, scope):
    body = b"x" if path.startswith(UPLOADS) and not path.endswith("part") else {}
    refused(sent(stranger, method, path, body), 401)
    below = {Scope.SUBMIT: Scope.PLAY, Scope.RUN: Scope.SUBMIT}[scope]
    assert scope.value in refused(sent(stranger, method, path, body, **bearer(ledger, below)), 403)


# Of what form


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_media_type_is_refused(client, media):
    answer = client.post("/api/v1/agents", content=b"{}", headers={"Content-Type": media})
    assert "application/json" in refused(answer, 415)
    answer = client.post("/api/v1/ledger", content=b"x", headers={"Content-Type": media})
    assert "application/octet-stream" in refused(answer, 415)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'{"name": "x"}', b'{"name": "x", "specification": "random", "extra": 1}']
)
def test_what_cannot_be_read_is_told(client, body):
    refused(client.post("/api/v1/agents", content=body, headers={"Content-Type": "application/json"}), 422)


def test_a_body_that_is_too_large_is_refused(client):
    refused(
        client.post("/api/v1/agents", content=b"x" * (2**20 + 1), headers={"Content-Type": "application/json"}), 413
    )


def test_a_tournament_file_with_an_unknown_key_is_refused_with_its_name(client):
    assert "gaem" in refused(
        sent(client, "POST", "/tournaments", {"config": {"name": "x", "game": KUHN, "agents": ["random"], "gaem": 1}}),
        400,
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", {"kind": "nothing", "game": KUHN}),
        ("/jobs", {"kind": "ratings", "game": "openspiel:chess"}),
        ("/solves", {"method": "nothing", "game": KUHN}),
        ("/trainings", {"method": "nothing", "game": KUHN, "name": "x"}),
        ("/agents", {"name": "x", "specification": "nothing:x"}),
        ("/tournaments", {"config": {"name": "x", "game": "openspiel:nothing", "agents": ["random", "uniform"]}}),
        ("/tournaments", {"config": {"name": "x", "game": KUHN, "agents": {"a": "random", "b": "nothing"}}}),
    ],
)
def test_a_name_in_a_body_that_is_not_known_makes_the_body_wrong_and_not_the_address(client, path, body):
    told = refused(sent(client, "POST", path, body), 422)
    assert "nothing" in told or "chess" in told


@pytest.mark.parametrize(
    "search", ["mcts(simulations=100001)", "ismcts(simulations=1000, rollouts=101)", "mcts(simulations=x)"]
)
def test_a_search_that_would_hold_the_server_for_minutes_is_refused(client, search):
    assert "simulations" in refused(sent(client, "POST", "/agents", {"name": "deep", "specification": search}), 400)


NAMED = [
    ("random", "a kind of agent"),
    ("mcts", "a kind of agent"),
    ("ann.human", "a person's"),
    ("even", "somebody else's agent"),
    ("far", "somebody else's agent"),
    ("Random", "a kind of agent"),
    ("ann.Human", "a person's"),
]


@pytest.mark.parametrize(("name", "said"), NAMED)
def test_nobody_registers_an_agent_by_a_name_that_means_another(client, ledger, name, said):
    register_remote(ledger, "far", account="ann")
    ben, before = bearer(ledger, Scope.SUBMIT, "ben"), ledger.agents()
    asked = {"name": name, "specification": "mcts(simulations=3)"}
    for answer in (
        sent(client, "POST", "/agents", asked, **ben),
        sent(client, "POST", f"/agents/upload?name={name}&file=a.json", b"{}", **ben),
    ):
        told = refused(answer, 400)
        assert said in told and "take another name" in told
    assert ledger.agents() == before


def test_an_account_makes_versions_of_its_own_agents_and_with_run_of_any_but_no_kind_and_no_person(client, ledger):
    ben = bearer(ledger, Scope.SUBMIT, "ben")
    for number in (2, 3):
        asked = {"name": "bens", "specification": f"mcts(simulations={number})"}
        made = sent(client, "POST", "/agents", asked, **ben).json()
    assert (made["label"], made["lineage"]) == ("bens@2", {"registered_by": "ben"})
    asked["specification"] = "uniform"
    assert sent(client, "POST", "/agents", asked).json()["label"] == "bens@3"
    assert sent(client, "POST", "/agents", {**asked, "specification": "random"}, **ben).json()["label"] == "bens@4"
    for name, said in NAMED[:3]:
        assert said in refused(sent(client, "POST", "/agents", {**asked, "name": name}), 400)
        wanted = {"method": "ppo", "game": KUHN, "name": name}
        assert said in refused(sent(client, "POST", "/trainings", wanted), 400)
    cup = {"name": "x", "game": KUHN, "agents": {"ann.human": "random", "b": "uniform"}}
    assert "a person's" in refused(sent(client, "POST", "/tournaments", {"config": cup}), 400)


# Once


def test_the_same_write_with_the_same_key_is_done_once(client, ledger):
    first = sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "one"})
    again = sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    sent(client, "DELETE", "/agents/searcher")
    assert sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "one"}).json() == first.json()
    assert sent(client, "POST", "/agents", AGENT).json()["version"] == 2


def test_another_write_with_the_same_key_is_refused(client):
    sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "two"})
    for path, body in (("/agents", AGENT | {"name": "other"}), ("/solves", {"method": "cfr", "game": KUHN})):
        assert "Idempotency-Key" in refused(sent(client, "POST", path, body, **{"Idempotency-Key": "two"}), 422)


def test_a_write_that_failed_may_be_sent_again(client):
    key = {"Idempotency-Key": "three"}
    refused(sent(client, "POST", "/agents", AGENT | {"name": "a b"}, **key), 400)
    assert sent(client, "POST", "/agents", AGENT | {"name": "ab"}, **key).status_code == 201


def test_a_write_that_is_being_done_is_not_begun_again(client, ledger):
    said = b"POST /api/v1/agents?\n" + json.dumps(AGENT, separators=(",", ":")).encode()
    begin(ledger, asker="robot admin", key="four", request=said, salt=client.headers["Authorization"].encode())
    answer = sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "four"})
    refused(answer, 409)
    assert answer.headers["Retry-After"] == "1"


def test_a_key_is_of_who_gave_it(client, stranger, ledger):
    sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": "five"})
    other = bearer(ledger, Scope.SUBMIT, name="other")
    answer = sent(
        stranger, "POST", "/agents", {"name": "x", "specification": "random"}, **{"Idempotency-Key": "five"}, **other
    )
    assert answer.status_code == 201


def test_many_at_once_with_one_key_are_one_job(client, ledger):
    answers = []
    body = {"method": "cfr", "game": KUHN, "settings": {"iterations": 17}}

    def ask():
        answers.append(sent(client, "POST", "/solves", body, **{"Idempotency-Key": "six"}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert len(all_jobs(ledger, kind="solve")) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/solves", {"method": "cfr", "game": KUHN, "settings": {"iterations": 18}}),
        ("/trainings", {"name": "needy", "method": "ppo", "game": "arena:kuhn_poker", "device": "cuda"}),
    ],
)
def test_a_job_says_what_it_needs_and_who_is_there_what_he_gives(client, ledger, path, body):
    needs = {"cpus": 8, "memory_bytes": 2**34}
    told = sent(client, "POST", path, body | {"needs": needs}).json()["needs"]
    assert told == needs | {"gpus": 1.0 if "device" in body else 0.0}
    gives = Resources(cpus=2, memory_bytes=2**33)
    with attending(ledger, lambda: [Worker(name="small", devices=("cpu",), kinds=("solve",), gives=gives)]):
        [there] = client.get("/api/v1/workers").json()["workers"]
    assert (there["name"], there["gives"]["cpus"]) == ("small", 2)
    refused(sent(client, "POST", path, body | {"needs": {"cpus": 0}}), 422)


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none_is_refused(client, key):
    refused(sent(client, "POST", "/agents", AGENT, **{"Idempotency-Key": key}), 422)


# What is never let in


@pytest.mark.parametrize(
    "agents",
    [
        {"a": "policy:/etc/passwd", "b": "random"},
        {"a": "exec:touch /tmp/x", "b": "random"},
        {"a": "python:os:system", "b": "random"},
        {"a": "http://169.254.169.254/", "b": "random"},
    ],
)
def test_a_tournament_names_no_file_program_or_address_of_the_server(client, agents):
    asked = {"config": {"name": "x", "game": KUHN, "agents": agents}}
    assert "this machine" in refused(sent(client, "POST", "/tournaments", asked), 400)


@pytest.mark.parametrize("game", ["matrix:/etc/passwd", "preference:votes.csv", "markov:../x.json"])
def test_a_game_is_no_file_of_the_server(client, game):
    for path, body in (
        ("/solves", {"method": "cfr", "game": game}),
        ("/trainings", {"method": "ppo", "game": game, "name": "x"}),
        ("/tournaments", {"config": {"name": "x", "game": game, "agents": ["random", "uniform"]}}),
    ):
        refused(sent(client, "POST", path, body), 400)
    assert client.get(f"/api/v1/games/{game}").status_code == 404


def test_a_file_of_results_that_cannot_be_read_is_told_by_its_line(client):
    said = refused(
        sent(client, "POST", "/matches/import?game=g&name=n", b"agent_1,agent_2,return_1,return_2\nx,y,1\n"), 400
    )
    assert said.startswith("results.csv, line 2")


def bomb():
    """An .npz whose array is told to have a terabyte, and whose compressed bytes never end."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (2**37,)})
        archive.writestr("keys.npy", head.getvalue() + b"\0" * 2**20)
    return stream.getvalue()


HOSTILE = {
    "deep json": ("x.json", b"[" * 100_000),
    "huge header": ("x.safetensors", (2**60).to_bytes(8, "little") + b"{}"),
    "bomb": ("x.npz", bomb()),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_and_not_kept(client, ledger, what):
    file, content = HOSTILE[what]
    before = ledger.artifacts.files()
    assert file in refused(sent(client, "POST", f"/agents/upload?name=bad&file={file}", content), 400)
    assert ledger.artifacts.files() == before
    assert client.get("/api/v1/agents/bad").status_code == 404


@pytest.mark.parametrize("file", ["x.pt", "x", "x.exploiter"])
def test_a_file_of_another_kind_is_not_read(client, file):
    assert all(
        ending in refused(sent(client, "POST", f"/agents/upload?name=bad&file={file}", b"x"), 400) for ending in KINDS
    )


def test_a_policy_that_does_not_fit_the_game_is_refused(client, ledger):
    content = ledger.artifacts.path(str(ledger.agent("solved").content_hash)).read_bytes()
    path = "/agents/upload?name=kuhn&file=../../etc/kuhn.json&game="
    refused(sent(client, "POST", path + "openspiel:tic_tac_toe", content), 400)
    added = sent(client, "POST", path + KUHN, content)
    assert (added.status_code, added.json()["specification"]) == (201, "policy:kuhn.json")
    assert added.json()["lineage"] == {"uploaded_by": "robot"}


@pytest.mark.parametrize(
    ("breaks", "status", "said"),
    [
        ("import os; os._exit(9)", 503, "this server cannot confine"),
        ("READY; input()", 400, "kuhn.json: the process that read it ended"),
    ],
)
def test_who_sends_a_file_is_not_told_how_this_machine_is_made(client, monkeypatch, caplog, breaks, status, said):
    command = (sys.executable, "-I", "-S", "-c", breaks.replace("READY", """print('{"type": "ready"}', flush=True)"""))
    monkeypatch.setitem(ConfinedProcess.__init__.__kwdefaults__, "command", command)
    answer = refused(sent(client, "POST", "/agents/upload?name=bad&file=kuhn.json", b"{}"), status)
    assert said in answer
    assert "/" not in answer and "exit code" not in answer
    assert "exit code" in caplog.text  # for the operator


@pytest.mark.parametrize("path", ["/agents/%00", "/jobs?kind=a%00", "/tournaments/x%00/matches"])
def test_an_address_with_a_nul_is_refused(client, path):
    refused(client.get("/api/v1" + path), 400)


def test_errors_of_routes_that_are_none_have_the_same_shape(client):
    refused(client.get("/api/v1/nothing"), 404)
    refused(client.patch("/api/v1/agents"), 405)
