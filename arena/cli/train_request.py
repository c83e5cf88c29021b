"""What `arena train` is asked for: a configuration with what is given beside it, and places for what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from arena.cli.solve_run import require_free
from arena.config import check_name
from arena.games import SpecificationError, UnknownName, load_game
from arena.solve_settings import own_settings, read_settings
from arena.solvers.learning.configurations import ENDING, Configuration, configuration, ready_configurations
from arena.solvers.learning.methods import METHODS
from arena.solvers.policy_file import require_place

if TYPE_CHECKING:
    from arena.solvers.solution import Setting


def asked_for(method: str | None, given: Mapping[str, Any], texts: Sequence[str]) -> Configuration:
    """What is trained: what is given wins over what a configuration says.

    Args:
        method: a method, a ready configuration or a file of one.
        given: options by name, those alone that were given.
        texts: ``KEY=VALUE`` of each ``--set``.

    Raises:
        SpecificationError: something is missing, or outside its range.
        UnknownName: no such method, configuration, game or setting.
    """
    if method is None:
        raise SpecificationError("name a method and a game, or a configuration: arena train --list shows them")
    values = dict(given)
    if "steps" in values:
        if not (1 <= values["steps"] <= 1e15 and values["steps"].is_integer()):
            raise SpecificationError(f"--steps must be a whole number from 1 to 1e15; got {values['steps']:g}")
        values["steps"] = int(values["steps"])
    if "hidden" in values:
        values["hidden"] = _widths(values["hidden"])
    if method in METHODS:
        if "game" not in values:
            raise SpecificationError(f"name the game: arena train {method} GAME")
        asked = Configuration(method=method, game=values["game"])
    elif method in (ready := ready_configurations()) or method.endswith(ENDING):
        asked = configuration(method)
    else:
        raise UnknownName("method or configuration", method, [*METHODS, *ready])
    load_game(values.get("game", asked.game))
    own = read_settings(asked.method, texts, own_settings(METHODS[asked.method].settings))
    asked = replace(asked, **values, settings={**asked.settings, **cast("dict[str, Setting]", own)})
    asked.check()
    return asked


def require_places(
    output: Path | None, checkpoint: Path | None, log: Path | None, register: str | None, *, force: bool
) -> None:
    """Raises `SpecificationError` where something could not be kept, before any work."""
    files = [path.resolve() for path in (output, checkpoint, log) if path is not None]
    if len(set(files)) < len(files):
        raise SpecificationError("--output, --checkpoint and --log must name files of their own; name another one")
    for path in (output, checkpoint):
        if path is not None:
            require_place(path)
    if output is not None:
        require_free(output, force=force)
    if register is not None:
        try:
            check_name(register)
        except ValueError as error:
            raise SpecificationError(f"--register: {error}") from None
        if checkpoint is not None:
            raise SpecificationError(
                "the ledger keeps the checkpoint of a training that is registered; leave out --checkpoint"
            )


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise SpecificationError(
            f"--hidden takes whole numbers above 0 with commas between, for example 128,128; got {text!r}"
        )
    return widths
