"""The preference game that the votes of a ledger make: ``preference:LADDER``, with the settings that a file of votes takes."""

from __future__ import annotations

from arena.games.preference import PreferenceGame, preference_game
from arena.games.preference_settings import split_settings
from arena.judgements import votes_of
from arena.ledger import Ledger

SCHEME = "preference:"


def voted_game(ledger: Ledger, specification: str) -> PreferenceGame | None:
    """The game of all votes and judgements that the ledger holds under this name; None where it holds none.

    Args:
        ledger: where the votes are.
        specification: ``preference:LADDER`` or ``preference:LADDER(unmet=..., judge=..., without=..., context=..., flip_rate=...)``.

    Raises:
        UnknownName: no such setting, judge or context.
        SpecificationError: a setting that cannot be read, a pair that was never compared, or too few candidates.
        LedgerError: matches that are not of two players.
    """
    ladders = sorted((row.game for row in ledger.games() if row.game.startswith(SCHEME)), key=len, reverse=True)
    for ladder in ladders:
        if specification != ladder and not specification.startswith(f"{ladder}("):
            continue
        name = ladder.removeprefix(SCHEME)
        _, settings = split_settings(specification.removeprefix(SCHEME), (name,))
        return preference_game(
            votes_of(ledger, ledger.tournaments(ladder)),
            name=name,
            unmet=settings.unmet,
            judges=settings.judges,
            without=settings.without,
            context=settings.context,
            flip_rate=settings.flip_rate,
        )
    return None
