"""Columns of a ladder that jobs have computed, each with when, where and from how many matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.job_kinds import JOB_KINDS, MARK
from arena.job_rows import JobRow
from arena.jobs import all_jobs
from arena.leaderboards.methods import RATING_METHODS, Method
from arena.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One number with its interval, None where there is none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobColumn:
    """A column. ``title`` of its head; ``method`` whose scale its ``values`` by agent have, with so many ``digits`` behind the point;
    ``confidence`` of their intervals.

    ``computed_at`` (ISO 8601, UTC) by ``worker``, which names machine and device, in job ``job``; ``matches``: what it was
    computed from; ``current``: whether no block of matches was recorded since.
    """

    kind: str
    method: Method
    title: str
    digits: int
    values: Mapping[str, Estimate]
    confidence: float
    computed_at: str
    worker: str
    job: str
    matches: int
    current: bool

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "kind": self.kind,
            "title": self.title,
            "values": {
                agent: {"value": one.value, "low": one.low, "high": one.high} for agent, one in self.values.items()
            },
            "confidence": self.confidence,
            "computed_at": self.computed_at,
            "worker": self.worker,
            "job": self.job,
            "matches": self.matches,
            "current": self.current,
        }

    def cell(self, agent: str) -> str:
        """An agent's number with its interval, ``104 (80 to 130)``; empty where there is none."""
        one = self.values.get(agent)
        if one is None:
            return ""
        digits = self.digits
        if one.low is None or one.high is None:
            return f"{one.value:.{digits}f}"
        return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"

    def sentence(self) -> str:
        """When and where it was computed."""
        said = f"{self.title}: computed {self.computed_at[:16].replace('T', ' ')} UTC on {self.worker} from {self.matches:,} matches"
        return said if self.current else f"{said}, before the newest ones"


def job_columns(ledger: Ledger, game: str) -> list[JobColumn]:
    """The columns about the whole field that jobs have computed, of each kind and method the newest.

    Args:
        ledger: with the jobs.
        game: its specification in the ledger.
    """
    mark = ledger.mark(game)
    newest: dict[tuple[str, str], JobRow] = {}
    for row in all_jobs(ledger, game=game, status="finished"):
        if row.kind in JOB_KINDS and JOB_KINDS[row.kind].about == "field":
            asked = (row.kind, str(row.settings["method"]))
            if asked not in newest or (newest[asked].finished_at or "") <= (row.finished_at or ""):
                newest[asked] = row
    return [_column(row, mark) for _, row in sorted(newest.items())]


def _column(row: JobRow, mark: int) -> JobColumn:
    result = _Result(row.result or {})
    method = RATING_METHODS[result.method]
    how = f", {row.kind}" if row.kind != "ratings" else ""
    return JobColumn(
        kind=row.kind,
        method=result.method,
        title=f"{method.title}{how}",
        digits=method.digits,
        values=result.values(),
        confidence=result.number("confidence"),
        computed_at=row.finished_at or "",
        worker=row.worker or "",
        job=row.key[:12],
        matches=int(result.number("matches")),
        current=int(result.number(MARK)) == mark,
    )


class _Result:
    """The answer of a job about ratings, read with care: a ledger comes from anywhere."""

    def __init__(self, result: Mapping[str, object]):
        self._result = result

    @property
    def method(self) -> Method:
        return next(name for name in RATING_METHODS if name == self._result.get("method"))

    def number(self, name: str) -> float:
        return float(str(self._result[name]))

    def values(self) -> dict[str, Estimate]:
        names, scores, low, high = (self._column(name) for name in ("agents", "scores", "low", "high"))
        return {
            str(name): Estimate(value=float(str(score)), low=_number(below), high=_number(above))
            for name, score, below, above in zip(names, scores, low, high, strict=True)
            if score is not None
        }

    def _column(self, name: str) -> list[object]:
        values = self._result[name]
        assert isinstance(values, list)
        return values


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
