"""Counts the queries that learners on preferences ask until their gap is small: docs/explanation/learning-from-preferences.md.

    .venv/bin/python benchmarks/preferences.py [--pictures]

Every learner with its default settings, and those whose constant step decides all with the best of `STEPS` as well, which
nobody knows beforehand. Each table has one reference from which all begin. Same code, same numbers: nothing is timed, and every
random number has a seed. ``--pictures`` draws gaps against queries in place of the tables.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.convergence_plot import convergence_plot
from arena.convergence_words import Curve, asked
from arena.solvers import Solution
from arena.solvers.registry import function_of

Array = NDArray[np.float64]

PICTURES = Path(__file__).parents[1] / "docs" / "explanation" / "pictures"
BETAS = (0.1, 0.01)
GAPS = (1e-3, 1e-6)
UNCHARGED_GAPS = (1e-2, 1e-3)
MOST_QUERIES, MOST_OF_MANY, MANY = 20_000, 3_000, 500
STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
BEST = ", best constant step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Preferences [n, n], and the reference [n] that learners begin at."""

    name: str
    preferences: Array
    reference: Array

    @property
    def most(self) -> int:
        """The most queries that are asked."""
        return MOST_OF_MANY if len(self.preferences) > MANY else MOST_QUERIES


CHARGED = (
    "nash_mirror_prox",
    "optimistic_mwu",
    "nash_prox",
    "mmd_self_play",
    "mmd_self_play" + BEST,
    "inpo",
    "nash_md",
    "nash_md" + BEST,
    "online_ipo",
    "online_ipo" + BEST,
)
UNCHARGED = ("spo", "dno", "optimistic_mwu")
DRAWN = ("nash_mirror_prox", "optimistic_mwu", "nash_prox", "mmd_self_play", "inpo", "nash_md")


def tables() -> Iterator[Table]:
    skewed = _softmax(np.array([1.0, 0.0, -1.0]))
    weighted = np.array([[0.5, 0.8, 0.05], [0.2, 0.5, 0.65], [0.95, 0.35, 0.5]])
    yield Table(name="weighted cycle, 3", preferences=weighted, reference=skewed)
    rps = np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]])
    yield Table(name="rock, paper, scissors", preferences=rps, reference=skewed)
    ahead = (np.arange(101)[None] - np.arange(101)[:, None]) % 101
    circulant = np.where(ahead == 0, 0.5, (ahead <= 50).astype(float))
    yield Table(name="circulant tournament, 101", preferences=circulant, reference=_reference(101))
    for size in (100, 1_000):
        upper = np.triu(np.random.default_rng(1).uniform(size=(size, size)), 1)
        random = upper + np.tril(1 - upper.T, -1) + np.eye(size) / 2
        yield Table(name=f"random, {size:,}", preferences=random, reference=_reference(size))


def measured(method: str, table: Table, *, until: float, most: int, **settings: object) -> list[tuple[int, float]]:
    """(queries, gap) as they were measured, until the gap is at most `until` or `most` queries were asked."""
    function = function_of(method)
    a_turn = int(function(table.preferences[:2, :2], iterations=1).settings["queries"])  # type: ignore[arg-type]  # a count
    if method != "spo":  # which has no reference
        settings["reference"] = table.reference
    solution: Solution = function(table.preferences, iterations=max(1, most // a_turn), until=until, **settings)
    return [(iteration * a_turn, gap) for iteration, gap in solution.history]


def queries(name: str, table: Table, *, gaps: Sequence[float], **settings: object) -> str:
    """The queries until each of `gaps` as a cell of a table, – where it was not reached."""
    method, _, best = name.partition(BEST[:1])
    beta = float(str(settings.get("beta", 0.0)))
    steps = [step for step in STEPS if method != "nash_md" or step * beta <= 1]
    tries: list[dict[str, object]] = [{"step": step} for step in steps] if best else [{}]
    fewest: list[int | None] = [None] * len(gaps)
    for extra in tries:
        most = table.most if None in fewest else max(count for count in fewest if count is not None)
        way = measured(method, table, until=min(gaps), most=most, **settings, **extra)
        for k, aim in enumerate(gaps):
            found = next((count for count, gap in way if gap <= aim), None)
            if found is not None and (fewest[k] is None or found < (fewest[k] or 0)):
                fewest[k] = found
    return " / ".join("–" if count is None else f"{count:,}" for count in fewest)


def print_tables() -> None:
    shown = list(tables())
    for beta in BETAS:
        print(f"\nbeta = {beta}: queries until the regularised gap is at most {GAPS[0]:g} / {GAPS[1]:g}\n")
        _print_rows(CHARGED, shown, gaps=GAPS, beta=beta)
    print(
        f"\nwithout a charge: queries until the exploitability is at most {UNCHARGED_GAPS[0]:g} / {UNCHARGED_GAPS[1]:g}\n"
    )
    for name in UNCHARGED:
        free: dict[str, object] = {"beta": 0.0} if name == "optimistic_mwu" else {}
        _print_rows((name,), shown, gaps=UNCHARGED_GAPS, head=name == UNCHARGED[0], **free)


def _print_rows(
    names: Sequence[str], shown: Sequence[Table], *, gaps: Sequence[float], head: bool = True, **settings: object
) -> None:
    if head:
        print("| | " + " | ".join(table.name for table in shown) + " |")
        print("|---" * (len(shown) + 1) + "|")
    for name in names:
        cells = [queries(name, table, gaps=gaps, **settings) for table in shown]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def draw_pictures() -> None:
    """Writes three pictures: a cycle under a weak charge, a random table under a strong one, and no charge at all."""
    by_name = {table.name: table for table in tables()}
    weak, strong = {"beta": 0.01}, {"beta": 0.1}
    cycle, random, weighted = (
        by_name[name] for name in ("circulant tournament, 101", "random, 1,000", "weighted cycle, 3")
    )
    free: dict[str, dict[str, object]] = {"spo": {}, "dno": {}, "optimistic_mwu": {"beta": 0.0}}
    _draw("queries-on-a-cycle", cycle, dict.fromkeys(DRAWN, weak), "β = 0.01", "Regularised exploitability")
    _draw("queries-on-a-random-table", random, dict.fromkeys(DRAWN, strong), "β = 0.1", "Regularised exploitability")
    _draw("queries-without-a-charge", weighted, free, "no charge", "Exploitability")


def _draw(file: str, table: Table, learners: Mapping[str, Mapping[str, object]], where: str, gap_name: str) -> None:
    aim = min(GAPS)
    curves = [
        Curve(name=name, points=_points(measured(name, table, until=aim, most=table.most, **settings)))
        for name, settings in learners.items()
    ]
    text = convergence_plot(
        curves,
        title=f"{_said(curves, aim)}: {table.name}, {where}",
        subtitle=f"{gap_name} as it was measured, against queries, evaluations of P π; both axes are logarithmic.",
        gap_name="gap",
        x_name="queries",
        target=aim,
    )
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{file}.svg").write_text(text, encoding="utf-8")
    print(PICTURES / f"{file}.svg")


def _said(curves: Sequence[Curve], aim: float) -> str:
    """Who comes to the gap first and who last, or whom the queries do not suffice."""
    done = sorted((curve.points[-1][0], curve.name) for curve in curves if curve.points[-1][1] <= aim)
    missed = [curve.name for curve in curves if curve.points[-1][1] > aim]
    (fewest, first), (most, last) = done[0], done[-1]
    others = f"{' and '.join(missed)} not in {max(curve.points[-1][0] for curve in curves):,.0f}"
    return f"{first} comes to {asked(aim)} in {fewest:,.0f} queries, {others if missed else f'{last} in {most:,.0f}'}"


def _points(way: Sequence[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(count), gap) for count, gap in way)


def _reference(size: int) -> Array:
    return _softmax(np.random.default_rng(2).normal(size=size))


def _softmax(logs: Array) -> Array:
    weights: Array = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", action="store_true")
    if parser.parse_args().pictures:
        draw_pictures()
    else:
        print_tables()


if __name__ == "__main__":
    main()
