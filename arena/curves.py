"""Curves: what a training told while it learned, kept in the ledger with its job."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from arena.job_rows import JobRow
from arena.leaderboard_file import csv_text
from arena.ledger import Ledger
from arena.ledger_schema import curves, insert_or_ignore
from arena.ledger_state import UNDER_WAY

Points = Mapping[int, Mapping[str, float]]
"""Numbers by name, after so many steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What was told: ``points`` in the order of their steps, numbers by name. Not all names are told each time."""

    points: tuple[tuple[int, Mapping[str, float]], ...]

    @property
    def names(self) -> list[str]:
        """Those of all numbers, in the order in which they were first told."""
        return list(dict.fromkeys(name for _, told in self.points for name in told))

    def series(self, name: str) -> list[tuple[int, float]]:
        """(steps, value) wherever the number was told."""
        return [(steps, told[name]) for steps, told in self.points if name in told]

    def to_dict(self) -> dict[str, object]:
        """In types of JSON: a column each, None where a number was not told."""
        columns: dict[str, object] = {name: [told.get(name) for _, told in self.points] for name in self.names}
        return {"steps": [steps for steps, _ in self.points], **columns}

    def to_csv(self) -> str:
        """A line after each number of steps, empty where a number was not told."""
        names = self.names
        return csv_text(
            [["steps", *names], *([steps, *(told.get(name, "") for name in names)] for steps, told in self.points)]
        )


def read_curve(ledger: Ledger, row: JobRow) -> Curve:
    """What a job told so far; no points where it trains nothing."""
    query = sa.select(curves.c.steps, curves.c.told).where(curves.c.job_id == row.id).order_by(curves.c.steps)
    with ledger.reading(UNDER_WAY) as connection:
        return Curve(points=tuple((found.steps, found.told) for found in connection.execute(query)))


def write_curve(connection: sa.Connection, job_id: int, points: Points) -> None:
    """Adds points; what is no finite number is left out. Those that are there already stay: a training that goes on tells the
    same again."""
    rows = [
        (job_id, steps, json.dumps({name: value for name, value in told.items() if math.isfinite(value)}))
        for steps, told in points.items()
    ]
    insert_or_ignore(connection, curves, rows)
