"""Configurations of trainings: method, game, steps and settings as one value; ready ones by name, others in TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from arena.games.errors import SpecificationError, UnknownName
from arena.games.game import Game
from arena.games.registry import load_game
from arena.solvers.learning.networks import Precision
from arena.solvers.learning.training import CPU, HIDDEN, STEPS, TABLES, Trained, Watch, checked, train
from arena.solvers.solution import Progress, Setting

ENDING = ".toml"
FOLDER = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that decides what a training ends with, apart from the device. ``about``: what is to be expected of it; the others as
    of `train`."""

    method: str
    game: str
    about: str = ""
    steps: int = STEPS
    tables: int = TABLES
    hidden: tuple[int, ...] = HIDDEN
    memory: int = 0
    until: float | None = None
    seed: int = 0
    precision: Precision = "float32"
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def check(self) -> None:
        """Makes sure that it can be trained, whatever its game. Errors as of `checked`."""
        checked(
            self.method,
            steps=self.steps,
            tables=self.tables,
            hidden=self.hidden,
            memory=self.memory,
            settings=self.settings,
            until=self.until,
            seed=self.seed,
            precision=self.precision,
        )

    def to_dict(self) -> dict[str, Any]:
        """In types of JSON, without what is said about it."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "about"}
        return {**told, "hidden": list(self.hidden), "settings": dict(self.settings)}

    def train(
        self,
        game: Game | None = None,
        *,
        device: str = CPU,
        workers: int = 1,
        progress: Progress | None = None,
        watch: Watch | None = None,
        checkpoint: str | Path | None = None,
    ) -> Trained:
        """The policy that this ends with; arguments and errors as of `train`. ``game``: where it is loaded already."""
        return train(
            self.method,
            load_game(self.game) if game is None else game,
            steps=self.steps,
            tables=self.tables,
            hidden=self.hidden,
            memory=self.memory,
            until=self.until,
            seed=self.seed,
            settings=self.settings,
            precision=self.precision,
            device=device,
            workers=workers,
            progress=progress,
            watch=watch,
            checkpoint=checkpoint,
        )


def configuration(name: str | Path) -> Configuration:
    """The ready configuration of this name, or the one in a TOML file.

    Raises:
        UnknownName: no such name, or in a file no such method or setting.
        SpecificationError: a file that cannot be read, or is no configuration.
    """
    ready = ready_configurations()
    if str(name) in ready:
        return ready[str(name)]
    path = Path(name)
    if path.suffix != ENDING:
        raise UnknownName("configuration", str(name), ready)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecificationError(f"cannot read the configuration {str(path)!r}: {error}") from None
    return _parsed(text, str(path))


def ready_configurations() -> dict[str, Configuration]:
    """Those that come with Arena, by name."""
    files = sorted(resources.files(__package__).joinpath(FOLDER).iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(ENDING): _parsed(file.read_text(encoding="utf-8"), file.name)
        for file in files
        if file.name.endswith(ENDING)
    }


def configuration_of(found: Mapping[str, Any], *, where: str = "the configuration") -> Configuration:
    """The configuration that `Configuration.to_dict` or a file tells.

    Raises:
        SpecificationError: a key too many or missing, or a value of another type.
    """
    known = {one.name: one for one in fields(Configuration)}
    if more := sorted(found.keys() - known.keys()):
        raise SpecificationError(f"{where} has no key {more[0]!r}; it takes {', '.join(known)}")
    for name in ("method", "game"):
        if not isinstance(found.get(name), str):
            raise SpecificationError(f"{where} must name its {name}")
    values = dict(found)
    if "hidden" in values:
        if not isinstance(values["hidden"], list):
            raise SpecificationError(f"hidden of {where} must be a list of whole numbers; got {values['hidden']!r}")
        values["hidden"] = tuple(values["hidden"])
    if not isinstance(values.get("settings", {}), dict):
        raise SpecificationError(f"settings of {where} must be a table; got {values['settings']!r}")
    return Configuration(**values)


def _parsed(text: str, where: str) -> Configuration:
    try:
        found = configuration_of(tomllib.loads(text), where=where)
    except tomllib.TOMLDecodeError as error:
        raise SpecificationError(f"{where} is no TOML: {error}") from None
    found.check()
    return found
