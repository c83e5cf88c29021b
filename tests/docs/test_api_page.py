"""What docs/how-to/use-the-api.md shows in Python runs against a real server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from serving import served, worked
from visitors import bearer

from arena.accounts import Scope
from arena.config import make_config
from arena.ledger import Ledger
from arena.tournament import run_tournament

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-api.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


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
