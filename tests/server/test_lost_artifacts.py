"""A file of the artifacts that is gone costs what needs it, in a sentence without a path of the machine, and nothing else."""

from __future__ import annotations

import pytest
from visitors import browser

from arena.artifacts import ArtifactError
from arena.config import make_config
from arena.games import uniform_policy
from arena.ledger import Ledger
from arena.roster import add_agent, playable
from arena.solvers import save_policy
from arena.tournament import run_tournament

KUHN = "openspiel:kuhn_poker"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lost")
    save_policy(uniform_policy(KUHN), folder / "kuhn.json")
    with Ledger.open(folder / "arena.db") as ledger:
        solved = add_agent(ledger, ledger.artifacts, name="solved", specification=f"policy:{folder / 'kuhn.json'}")
        agents = {"solved": "solved@1", "random": "random"}
        run_tournament(make_config({"name": "cup", "game": KUHN, "agents": agents, "matches": 40}), ledger)
        file = ledger.artifacts.path(solved.content_hash)
        file.unlink()
        yield ledger


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/games/{KUHN}",
        "/agents/solved@1",
        "/tournaments/cup",
        "/tournaments/cup/matches/3",
        f"/versus?game={KUHN}&a=solved@1&b=random@1",
        f"/api/v1/games/{KUHN}",
        "/api/v1/agents/solved@1",
        f"/downloads/standings.csv?game={KUHN}",
    ],
)
def test_all_pages_stay(ledger, path):
    answer = browser(ledger).get(path)
    assert answer.status_code == 200, answer.text
    assert str(ledger.artifacts.folder) not in answer.text


def test_what_needs_it_says_that_it_is_lost(ledger):
    agent = ledger.agent("solved")
    with pytest.raises(ArtifactError, match=f"the artifact {agent.content_hash} is lost") as refused:
        playable(agent, ledger)
    assert str(ledger.artifacts.folder.parent) not in str(refused.value)
    assert browser(ledger).get(f"/api/v1/artifacts/{agent.content_hash}").status_code == 404
