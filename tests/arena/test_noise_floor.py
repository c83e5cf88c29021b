"""Noise floors on request: who joins, that the twin is the same, and what the board then says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.config import ConfigError, TournamentConfig, make_config
from arena.games import TabularPolicy
from arena.ledger import Ledger
from arena.roster import add_agent
from arena.solvers import save_policy
from arena.standings import standings
from arena.tournament import create_tournament, run_tournament

KUHN = "openspiel:kuhn_poker"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def _config(**values: Any) -> TournamentConfig:
    agents = {"a": "uniform", "b": "uniform"}
    return make_config({"name": "cup", "game": KUHN, "agents": agents, "matches": 20, "noise_floor": True, **values})


def test_a_twin_and_a_random_anchor_join() -> None:
    assert _config().agents == {"a": "uniform", "b": "uniform", "a-twin": "uniform", "random": "random"}
    assert list(_config(twin_of="b").agents) == ["a", "b", "b-twin", "random"]
    assert list(_config(agents=["uniform", "random"]).agents) == ["uniform", "random", "uniform-twin"]
    assert "random-anchor" in _config(agents={"random": "uniform", "b": "uniform"}).agents


def test_what_joined_does_not_join_again() -> None:
    once = _config()
    assert make_config(once.model_dump(mode="json")) == once


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pairing": "decide"}, "between two agents"),
        ({"twin_of": "c"}, "none of the agents"),
        ({"noise_floor": False, "twin_of": "a"}, "set noise_floor = true"),
        ({"agents": {"a": "uniform", "a-twin": "random"}}, "the name of another agent"),
        ({"teams": {"mixed": ["a", "b"]}, "twin_of": "mixed"}, "a mixed team has no twin"),
    ],
)
def test_what_cannot_have_one_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _config(**values)


def test_the_twin_of_a_registered_agent_is_the_same_bytes(ledger: Ledger, tmp_path: Path) -> None:
    save_policy(TabularPolicy(KUHN, {"0": {0: 0.5, 1: 0.5}}), tmp_path / "p.json")
    mine = add_agent(ledger, ledger.artifacts, name="mine", specification=f"policy:{tmp_path / 'p.json'}")
    (tmp_path / "p.json").unlink()
    tournament = run_tournament(_config(agents={"mine": "mine", "b": "uniform"}), ledger)
    twin = next(agent for agent in tournament.agents if agent.name == "mine-twin")
    assert twin.id != mine.id and twin.content_hash == mine.content_hash is not None
    assert twin.specification == mine.specification


def test_the_board_says_its_noise_floor(ledger: Ledger) -> None:
    run_tournament(_config(), ledger)
    found = standings(ledger, KUHN)
    assert found.noise_floor is not None
    assert (found.noise_floor.agent, found.noise_floor.twin, found.noise_floor.anchor) == (
        "a@1",
        "a-twin@1",
        "random@1",
    )
    told = found.to_dict()["noise_floor"]
    assert isinstance(told, dict) and told["covers_zero"] is found.noise_floor.covers_zero
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_without_asking_there_is_none(ledger: Ledger) -> None:
    run_tournament(_config(noise_floor=False), ledger)
    assert standings(ledger, KUHN).noise_floor is None


def test_an_interrupted_tournament_goes_on_with_the_same_twin(ledger: Ledger) -> None:
    begun = create_tournament(_config(), ledger)
    ended = run_tournament(_config(), ledger)
    assert ended.key == begun.key and ended.agents == begun.agents
    assert ended.status == "finished"


def test_the_flag_does_what_the_key_does(tmp_path: Path) -> None:
    flags = ["--game", KUHN, "-a", "a=uniform", "-a", "b=uniform", "-n", "20", "--noise-floor", "--twin-of", "b"]
    done = CliRunner().invoke(app, ["tournament", "run", *flags, "--db", str(tmp_path / "arena.db")])
    assert done.exit_code == 0, done
    assert "Noise floor: b-twin@1 is b@1 byte for byte" in done.stdout
