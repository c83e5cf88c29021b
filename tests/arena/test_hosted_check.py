"""An agent of a hosted game is checked in a match of it, here of a game whose host says what it is told to say."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import pytest

from arena import play
from arena.agents.hosted import HostedAgent
from arena.games import ActionSpace, GameInfo
from arena.games.hosted import HostedMatch, Outcome, failed_line
from arena.hosted_check import check_hosted

INFO = GameInfo(
    specification="test:one", title="one", version="1", num_players=1, action_space=ActionSpace(size=1),
    utility="identical", min_utility=0.0, lane="hosted",
)  # fmt: skip
PLAYED = Outcome(
    returns=(3.0,),
    ending="over",
    seconds=(0.05,),
    facts={"game_loops": 40, "players": {"me": {"steps": 5, "average_step_s": 0.01, "slowest_step_s": 0.02}}},
)


@dataclass(frozen=True)
class Game:
    """``lines``: what its host says in each match."""

    lines: tuple[str, ...]
    asked: list[str]
    info: GameInfo = INFO
    host: tuple[str, ...] = (sys.executable, "-S", "-c", "print(input())")

    def assignment(self, match: HostedMatch) -> str:
        self.asked.append(match.names[0])
        (match.folder / "seat-1.log").write_text(f"attempt {len(self.asked)}")
        return self.lines[len(self.asked) - 1]

    def trial(self, player: object):
        return self, ()


def check(*lines: str, deterministic: bool = False) -> dict[str, tuple[bool, str]]:
    agent = HostedAgent("a program", name="me", deterministic=deterministic)
    return {found.name: (found.passed, found.message) for found in check_hosted(agent, Game(lines, []))}


def test_a_good_agent_is_said_to_play_in_time_and_to_repeat_itself():
    found = check(PLAYED.to_line(), PLAYED.to_line(), deterministic=True)
    assert all(passed for passed, _ in found.values())
    assert "40 game loops, which paid it 3" in found["plays"][1]
    assert "5 steps, on average 0.01 s, the slowest 0.02 s" in found["speed"][1]


@pytest.mark.parametrize("deterministic", [True, False])
def test_another_match_is_wrong_where_it_says_that_it_repeats(deterministic):
    other = replace(PLAYED, returns=(4.0,)).to_line()
    assert check(PLAYED.to_line(), other, deterministic=deterministic)["repeats"][0] is not deterministic


def test_what_it_does_wrong_is_said_and_a_failing_game_too():
    lost = replace(PLAYED, ending="crash", at_fault=0, message="me closed its connection").to_line()
    assert check(lost) == {"plays": (False, "me closed its connection")}
    ((passed, said),) = check(*[failed_line("it does not start")] * 3).values()
    assert not passed
    assert "it does not start" in said


def test_of_a_match_that_the_game_failed_in_every_time_the_last_logs_are_kept():
    results = play(
        Game((failed_line("it crashed"),) * 3, []), [HostedAgent("a program", name="me", deterministic=False)]
    )
    assert [(file.index, file.name, file.content) for file in results.files] == [(0, "seat-1.log", b"attempt 3")]
