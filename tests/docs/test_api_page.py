"""What docs/how-to/use-the-api.md shows in Python and with curl is answered by a real server."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import httpx
import pytest
from serving import served, worked
from visitors import bearer

from arena.accounts import Scope
from arena.config import make_config
from arena.ledger import Ledger
from arena.tournament import run_tournament

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-api.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
CURL = re.findall(r"^curl .*?[^\\]$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("page") / "arena.db") as ledger:
        cup = {
            "name": "kuhn",
            "game": "openspiel:kuhn_poker",
            "agents": ["random", "uniform"],
            "matches": 10,
            "seed": 1,
        }
        run_tournament(make_config(cup), ledger)
        yield ledger


@pytest.mark.parametrize(
    ("block", "says"),
    list(zip(BLOCKS, ("random@1 random\n", "search@1", "404 UnknownName http://"), strict=True)),
    ids=["read", "play", "error"],
)
def test_python_of_the_page_runs(ledger, block, says, monkeypatch, capsys):
    monkeypatch.setenv("ARENA_TOKEN", bearer(ledger, Scope.RUN)["Authorization"].removeprefix("Bearer "))
    with served(ledger) as url, worked(ledger):
        exec(compile(block.replace("http://127.0.0.1:8000", url), str(PAGE), "exec"), {})
    assert says in capsys.readouterr().out


def test_curl_of_the_page_is_answered(ledger):
    token = bearer(ledger, Scope.RUN)["Authorization"].removeprefix("Bearer ")
    with served(ledger) as url:
        answers = [asked_by(one.replace("http://127.0.0.1:8000", url), token) for one in CURL]
    assert [answer.status_code for answer in answers] == [200, 201]
    assert answers[1].json()["jobs"][0]["settings"]["config"]["matches"] == 20


def asked_by(command: str, token: str) -> httpx.Response:
    """The answer to a request that a line of curl sends."""
    _, url, *options = shlex.split(command.replace("\\\n", " ").replace("$ARENA_TOKEN", token))
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    body = next((value for option, value in given if option == "-d"), None)
    return httpx.request("GET" if body is None else "POST", url, headers=headers, content=body)
