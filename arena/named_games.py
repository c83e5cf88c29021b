"""Which games somebody at a distance may name: those that the ledger knows, and those that no file of this machine makes."""

from __future__ import annotations

from arena.games import SpecificationError
from arena.games.openspiel_names import FILE_PARAMETERS
from arena.ledger import Ledger

FILE_GAMES = ("matrix", "preference", "markov")  # are named, or are a file


def refuse_files(ledger: Ledger, game: str) -> None:
    """Raises `SpecificationError` where a game would be read from a file that the ledger has no tournament of."""
    if is_file(game) and not ledger.tournaments(game):
        raise SpecificationError(f"{game!r} is a file of this machine; begin its first tournament there")


def is_file(game: str) -> bool:
    """Whether a game's specification names a file that it is read from."""
    scheme, _, rest = game.partition(":")
    named = scheme in FILE_GAMES and any(sign in rest.partition("(")[0] for sign in "/\\.")
    return named or any(f"{name}=" in rest for name in FILE_PARAMETERS)
