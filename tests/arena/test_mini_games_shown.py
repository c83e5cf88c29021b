"""The mini-games' table: the published layout, and never a stand-in's scores under published ones."""

from __future__ import annotations

import numpy as np
import pytest

from arena.cli.mini_games_shown import print_mini_games
from arena.games.actions import ActionSpace
from arena.games.game import GameInfo
from arena.games.ragged import Ragged
from arena.games.starcraft.mini_games import MINI_GAMES
from arena.ledger import Ledger
from arena.results import MatchResults, MatchSpecs
from arena.standings import standings


def board(ledger, scheme: str, name: str, scores: list[float]):
    """The standings of one agent with these scores at a mini-game."""
    game = GameInfo(
        specification=f"{scheme}:{name}", title=name, version="1", num_players=1, action_space=ActionSpace(size=1),
        utility="identical", lane="hosted",
    )  # fmt: skip
    agent = ledger.add_agent("mine", specification="random", kind="random")
    played = ledger.add_tournament(name=name, game=game, agents=(agent,), config={}, seed=1, planned=len(scores))
    count = len(scores)
    ledger.write(
        played,
        MatchResults(
            specs=MatchSpecs(
                index=np.arange(count), seats=np.zeros((count, 1), np.int64), seed=np.arange(count, dtype=np.uint64),
                chance_seed=np.arange(count, dtype=np.uint64),
            ),
            returns=np.array(scores)[:, None], termination=np.zeros(count, np.int8), forfeit=np.full(count, -1, np.int8),
            actions=Ragged(np.empty(0, np.int32), np.zeros(count, np.int64)), seconds=np.zeros((count, 1), np.float32),
        ),
    )  # fmt: skip
    return standings(ledger, game.specification)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "a.db") as ledger:
        yield ledger


def test_the_columns_are_the_maps_in_the_published_order_with_published_rows_first(ledger, capsys):
    print_mini_games([board(ledger, "sc2", "DefeatRoaches", [90, 110]), board(ledger, "sc2", "MoveToBeacon", [25, 27])])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[1].split() == ["mean", "score", *MINI_GAMES]
    assert lines[3].split("(published)")[1].split() == ["1", "17", "4", "1", "23", "12", "<", "1"]
    mine = next(line for line in lines if line.strip().startswith("mine@1"))
    assert [word for word in mine.split()[1:] if "±" not in word] == ["26.0", "–", "–", "100.0", "–", "–", "–"]
    assert "–: not played" in lines[-2]
    assert "arXiv 1708.04782" in lines[-1]


def test_scores_on_the_stand_in_stand_alone_and_say_so(ledger, capsys):
    boards = [board(ledger, "sc2-standin", name, [1, 2]) for name in ("MoveToBeacon", "DefeatRoaches")]
    print_mini_games(boards)
    shown = capsys.readouterr().out
    assert "stand-in, not StarCraft" in shown
    assert "published" not in shown.lower()
    assert "BuildMarines" in shown


def test_boards_of_the_game_and_of_the_stand_in_are_in_different_tables(ledger, capsys):
    print_mini_games([board(ledger, "sc2-standin", "MoveToBeacon", [1]), board(ledger, "sc2", "DefeatRoaches", [90])])
    assert capsys.readouterr().out == "", "neither has two"


def test_one_mini_game_alone_is_no_table(ledger, capsys):
    print_mini_games([board(ledger, "sc2", "MoveToBeacon", [1])])
    assert capsys.readouterr().out == ""
