"""`arena.play`: matches without a ledger."""

from __future__ import annotations

import pytest

import arena
from arena.agents import Observation, load_agent
from arena.games import SpecificationError, UnknownName, load_game


class First:
    """Plays the lowest legal action and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def act(self, observation: Observation) -> int:
        self.asked += 1
        return observation.legal_actions[0]


def last(observation: Observation) -> int:
    return observation.legal_actions[-1]


def test_specifications_objects_and_functions_play() -> None:
    mine = First()
    results = arena.play("openspiel:tic_tac_toe", [mine, last], matches=2)
    assert [result.returns for result in results] == [(1.0, -1.0)] * 2
    assert results[0].actions.tolist() == [0, 8, 1, 7, 2]
    assert mine.asked == 6


def test_the_same_seed_gives_the_same_matches() -> None:
    one, two, other = (
        arena.play("openspiel:leduc_poker", ["random", "uniform"], matches=20, seed=seed) for seed in (1, 1, 2)
    )
    assert one.equals(two)
    assert not one.equals(other)


def test_an_agent_handed_in_stays_open() -> None:
    game = load_game("openspiel:tic_tac_toe")
    agent = load_agent("random", game=game)
    for _ in range(2):
        assert len(arena.play(game, [agent, "random"], matches=3)) == 3


def test_an_exception_in_a_callers_agent_forfeits() -> None:
    def broken(observation: Observation) -> int:
        raise ValueError("no idea")

    (result,) = arena.play("openspiel:tic_tac_toe", [broken, "random"])
    assert result.termination is arena.Termination.CRASH
    assert result.forfeited_by == 0
    assert result.returns == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("agents", "matches", "error", "said"),
    [
        (["random"], 1, SpecificationError, "2 players; got 1 agents"),
        (["random", "rndom"], 1, UnknownName, "random"),
        (["random", First], 1, SpecificationError, r"First\(\)"),
        (["random", 3], 1, SpecificationError, "no agent"),
        (["random", "random"], 0, SpecificationError, "at least 1"),
    ],
)
def test_what_cannot_play_is_refused(agents: list[object], matches: int, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        arena.play("openspiel:tic_tac_toe", agents, matches=matches)
