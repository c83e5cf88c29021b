"""Games that fail of themselves: their matches begin again, and are unrated where they fail every time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arena import play
from arena.cli.play import _summary
from arena.failing_games import ATTEMPTS
from arena.games import AgentInfo, GameFailed, load_game
from arena.results import NOBODY, Termination

PLAIN = load_game("arena:tic_tac_toe")


class Failing:
    """Tic-tac-toe at one table, whose program crashes in the steps of these numbers, counted over all matches."""

    def __init__(self, crashes: set[int]):
        self.info = replace(PLAIN.info, tables_at_once=1)
        self.crashes, self.steps = crashes, 0

    def tables(self, capacity: int):
        return _Tables(self, PLAIN.tables(capacity))


class _Tables:
    def __init__(self, game: Failing, tables):
        self.game, self.info, self._tables = game, game.info, tables

    def __getattr__(self, name: str):
        return getattr(self._tables, name)

    def step(self, *arguments):
        self.game.steps += 1
        if self.game.steps in self.game.crashes:
            raise GameFailed("the program is gone")
        return self._tables.step(*arguments)


class Listener:
    """Plays the first legal action, and keeps what it is told of matches."""

    info = AgentInfo(name="listener", deterministic=True, remembers=True)

    def __init__(self):
        self.told: list[str] = []

    def start(self, table, player, seed):
        self.told.append("start")

    def act(self, batch):
        return batch.legal.sample(batch.seed())

    def end(self, table, player, returns):
        self.told.append(f"end {returns[0]:g}")

    def close(self): ...


def test_a_match_in_which_the_game_failed_begins_again_and_goes_as_if_it_had_not():
    listener = Listener()
    results = play(Failing({2, 4}), [listener, "random"], matches=2)
    assert results.equals(play(Failing(set()), [Listener(), "random"], matches=2))
    assert listener.told[:5] == ["start", "end 0", "start", "end 0", "start"]
    (fault,) = results.faults
    assert (fault.index, fault.player, fault.termination) == (0, NOBODY, Termination.INFRASTRUCTURE)
    assert fault.message == "the game failed 2 times, last: the program is gone; it was played again"


def test_a_match_in_which_it_fails_every_time_is_unrated_and_the_others_are_played():
    results = play(Failing(set(range(1, ATTEMPTS + 1))), ["random", "random"], matches=2)
    assert results.termination.tolist() == [Termination.INFRASTRUCTURE, Termination.NORMAL]
    assert results.returns[0].tolist() == [0, 0]
    assert results.actions.lengths()[0] == 0
    assert results.faults[0].message.endswith("3 times, last: the program is gone; it is not rated")
    assert not results[0].forfeited_by


@pytest.mark.parametrize(("matches", "said"), [(2, "1 match, and 1 not rated"), (1, "0 matches, and 1 not rated")])
def test_the_command_line_counts_unrated_matches_as_none(capsys, matches, said):
    game = Failing(set(range(1, ATTEMPTS + 1)))
    _summary(game, ["random", "random"], play(game, ["random", "random"], matches=matches))
    shown = capsys.readouterr().out
    assert said in shown
    assert "it is not rated" in shown
    counted = [line.split()[3:6] for line in shown.splitlines() if "random" in line]
    assert sum(int(number) for row in counted for number in row) == 2 * (matches - 1)
