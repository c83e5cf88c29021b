"""A comparison of two candidates as a match: the game that it is one of, and the block that it stands in alone, written when it is
answered, whatever became of its neighbours."""

from __future__ import annotations

import numpy as np

from arena.games.actions import ActionSpace
from arena.games.game import GameInfo
from arena.games.ragged import Ragged
from arena.ledger import Ledger, LedgerError
from arena.match_import import check_game_name, title_of_game
from arena.results import NOBODY, MatchResults, MatchSpecs, Termination


def game_of_comparisons(ledger: Ledger, game: str, *, version: str) -> GameInfo:
    """The preference game of this name, as a ledger names the ladder of its matches. ``version``: how they came about.

    Raises:
        LedgerError: a game cannot be called so, or the ledger has matches of this name that are not of two players.
    """
    check_game_name(game)
    for earlier in ledger.tournaments(game):
        if earlier.num_players != 2:
            raise LedgerError(f"{game} is a game of {earlier.num_players} players here; give --game another name")
    return GameInfo(
        specification=game,
        title=title_of_game(ledger, game),
        version=version,
        num_players=2,
        action_space=ActionSpace(),
        utility="zero_sum",
    )


def judged_match(*, number: int, first: int, second: int, score: float, unit: int) -> MatchResults:
    """The match.

    Args:
        number: of the match in its tournament.
        first, second: the candidates in the order shown, as positions among the tournament's agents.
        score: the share of the win that the first takes.
        unit: what belongs together when verdicts are resampled.
    """
    return MatchResults(
        specs=MatchSpecs(
            index=np.array([number]),
            seats=np.array([[first, second]]),
            seed=np.zeros(1, np.uint64),
            chance_seed=np.array([unit], np.uint64),
        ),
        returns=np.array([[2 * score - 1, 1 - 2 * score]]),
        termination=np.array([Termination.NORMAL], np.int8),
        forfeit=np.array([NOBODY], np.int8),
        actions=Ragged(np.empty(0, np.int32), np.zeros(1, np.int64)),
        seconds=np.zeros((1, 2), np.float32),
    )
