"""The population of a training run on its agent's page: the game between its members as it grew, and how they were weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter
from markupsafe import Markup
from numpy.typing import NDArray
from starlette.responses import Response

from arena.games import UnknownName
from arena.server import numbers
from arena.server.drawing.files import Ending, Figure
from arena.server.drawing.population import SEEN, payoff_multiple, weights_drawing
from arena.server.figures import figure_answer
from arena.server.site import Site, SiteOf
from arena.server.training_views import training_of

SIZES_SHOWN = 6
TWO_SIDES = 2

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationView:
    """``multiples``: (title, drawing) of the game at some sizes, none where it has more than two sides; ``weights``: (side, drawing)."""

    sentence: str
    multiples: tuple[tuple[str, Markup], ...]
    weights: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """What a training kept of its members: ``payoffs`` [S, K, ..., K]; ``grown``: weights [S, k] of the first k members."""

    agent: str
    names: tuple[str, ...]
    payoffs: NDArray[np.float64]
    grown: tuple[NDArray[np.float64], ...]


def population_of(site: Site, reference: str) -> Population | None:
    """The population that an agent was made of; None where its training kept none."""
    agent = site.ledger.agent(reference)
    row = training_of(site, agent)
    kept: Any = None if row is None else (row.result or {}).get("population")
    if kept is None or len(kept["names"]) < 2:
        return None
    return Population(
        agent=agent.label,
        names=tuple(map(str, kept["names"])),
        payoffs=np.array(kept["payoffs"], float),
        grown=tuple(np.array(weights, float) for weights in kept["weights"]),
    )


def population_view(site: Site, reference: str) -> PopulationView | None:
    """How a population grew; None where there is none."""
    found = population_of(site, reference)
    if found is None:
        return None
    multiples: list[tuple[str, Markup]] = []
    if found.payoffs.ndim == TWO_SIDES + 1:
        most = float(np.abs(found.payoffs[0]).max())
        for size in _sizes(len(found.names)):
            label = f"Payoffs between the first {size} members, the row's side 0 against the column's side 1"
            drawing = payoff_multiple(found.payoffs[0, :size, :size], most=most, label=label)
            multiples.append((numbers.counted(size, "member"), drawing))
    sides = [(f"Side {side}", _weights(found, side)) for side in range(len(found.payoffs))]
    return PopulationView(sentence=_sentence(found), multiples=tuple(multiples), weights=tuple(sides))


@router.get("/figures/population.{ending}")
def weights_figure(site: SiteOf, ending: Ending, agent: str, side: int = 0) -> Response:
    """Weights at every size, with the payoffs in the file of numbers.

    Raises:
        UnknownName: the agent has no population, or no such side.
    """
    found = population_of(site, agent)
    if found is None:
        raise UnknownName("agent that was trained as a population", agent, [])
    if not 0 <= side < len(found.payoffs):
        raise UnknownName("side", str(side), [str(one) for one in range(len(found.payoffs))])
    rows: list[Sequence[object]] = [["members", "member", "weight"]]
    for weights in found.grown:
        own = weights[side]
        rows += [[len(own), found.names[m], float(own[m])] for m in range(len(own))]
    return figure_answer(Figure(name=f"{found.agent}-population", drawing=_weights(found, side), rows=rows), ending)


def _weights(found: Population, side: int) -> Markup:
    own = [weights[side] for weights in found.grown]
    said = ", ".join(
        f"{name} {numbers.weight(float(weight))}" for name, weight in zip(found.names, own[-1], strict=True)
    )
    return weights_drawing(own, found.names, f"Weights of side {side} as the population grew; at the end {said}")


def _sentence(found: Population) -> str:
    """Who is weighed at the end, and whether the first members still are."""
    last = found.grown[-1].mean(axis=0)
    weighed = [m for m in range(len(found.names)) if last[m] >= SEEN]
    most = int(last.argmax())
    said = (
        f"Of {numbers.in_words(len(found.names))} members {numbers.in_words(len(weighed))} "
        f"{'has' if len(weighed) == 1 else 'have'} weight at the end; {found.names[most]} has most, {numbers.weight(float(last[most]))}"
    )
    gone = [
        m
        for m in range(len(found.names))
        if last[m] < SEEN and any(weights[:, m].max() >= SEEN for weights in found.grown[m:])
    ]
    if gone:
        said += f"; {numbers.in_words(len(gone))} had some once and lost it"
    return said + "."


def _sizes(members: int) -> list[int]:
    """At most so many sizes from 2 on, evenly spread, the last among them."""
    return sorted({round(size) for size in np.linspace(2, members, min(SIZES_SHOWN, members - 1))})
