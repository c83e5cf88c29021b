"""How an agent was trained, on its page: what it was worth after so many steps, and what its learner told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.columns import EXPLOIT_JOB, TRAIN_JOB
from arena.convergence_words import gap_name
from arena.curves import Curve, read_curve
from arena.exploit_answer import exploit_of
from arena.games import UnknownName
from arena.job_rows import JobRow
from arena.jobs import job
from arena.ledger_rows import AgentVersion
from arena.server import numbers
from arena.server.drawing.curve import Point, curve_drawing
from arena.server.drawing.files import MEDIA, Ending, Figure
from arena.server.figures import figure_answer
from arena.server.site import Site, SiteOf, download, json_answer
from arena.training_answer import TrainingAnswer, kept_answer

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A number over the steps: its drawing, and the points that are drawn."""

    title: str
    drawing: Markup
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingView:
    """A training as its agent's page shows it: the finding, a drawing each of what was measured and told, where and when."""

    sentence: str
    panels: tuple[Panel, ...]
    where: str


def training_view(site: Site, agent: AgentVersion) -> TrainingView | None:
    """The training that an agent came from; None where the ledger has none."""
    row = training_of(site, agent)
    if row is None:
        return None
    curve = read_curve(site.ledger, row)
    if row.kind == EXPLOIT_JOB:
        found = exploit_of(row.result or {})
        return _view(row, found.method, f"{found.sentence()}.", curve)
    answer = kept_answer(row.result or {})
    measured, title = _measured(answer, curve)
    panels = (_panel(title, measured, "s-orange"),) if measured else ()
    return _view(row, answer.method, _finding(answer, title, measured), curve, panels, drawn=gap_name(answer.gap_kind))


def _view(
    row: JobRow, method: str, sentence: str, curve: Curve, panels: tuple[Panel, ...] = (), drawn: str | None = None
) -> TrainingView:
    """With a panel more for each number that was told and is not ``drawn`` yet."""
    told = tuple(_panel(name, curve.series(name), "s-ink") for name in curve.names if name != drawn)
    return TrainingView(
        sentence=sentence, panels=panels + told, where=f"by {method} on {row.worker}, job {row.key[:12]}"
    )


def training_of(site: Site, agent: AgentVersion) -> JobRow | None:
    """The finished job that an agent's lineage names: a training, or an exploiter's."""
    key = agent.lineage.get("training")
    if isinstance(key, str):
        with suppress(UnknownName):
            found = job(site.ledger, key)
            return found if found.kind in (TRAIN_JOB, EXPLOIT_JOB) and found.status == "finished" else None
    return None


@router.get("/downloads/training.csv")
def training_csv(site: SiteOf, agent: str) -> Response:
    label, curve = _curve_of(site, agent)
    return download(curve.to_csv(), media_type=MEDIA["csv"], filename=f"{label}-training.csv")


@router.get("/downloads/training.json")
def training_json(request: Request, site: SiteOf, agent: str) -> Response:
    return json_answer(request, _curve_of(site, agent)[1].to_dict())


@router.get("/figures/training.{ending}")
def training_figure(site: SiteOf, ending: Ending, agent: str, panel: int = 0) -> Response:
    """One number of a training over its steps.

    Raises:
        UnknownName: the agent has no training, or no such panel.
    """
    found = site.ledger.agent(agent)
    view = training_view(site, found)
    if view is None or not 0 <= panel < len(view.panels):
        raise UnknownName("panel of this agent's training", str(panel), [])
    shown = view.panels[panel]
    rows: list[Sequence[object]] = [["steps", shown.title], *shown.points]
    return figure_answer(Figure(name=f"{found.label}-{shown.title}", drawing=shown.drawing, rows=rows), ending)


def _curve_of(site: Site, reference: str) -> tuple[str, Curve]:
    agent = site.ledger.agent(reference)
    row = training_of(site, agent)
    if row is None:
        raise UnknownName("agent with a training in this ledger", reference, [])
    return agent.label, read_curve(site.ledger, row)


def _measured(answer: TrainingAnswer, curve: Curve) -> tuple[list[Point], str]:
    """(what it was worth after so many steps, what that is called): exploitability where NashConv was measured."""
    name = gap_name(answer.gap_kind)
    points = curve.series(name)
    if answer.matches is None:
        return [(steps, value / answer.players) for steps, value in points], "exploitability"
    return points, name


def _finding(answer: TrainingAnswer, title: str, measured: Sequence[Point]) -> str:
    if not measured:
        return f"It learned for {answer.steps:,} steps; what it was worth then could not be measured."
    (first, begun), (last, ended) = measured[0], measured[-1]
    best, least = min(measured, key=lambda point: point[1])
    said = f"{title[:1].upper()}{title[1:]} was {_short(begun)} after {first:,} steps and is {_short(ended)} after {last:,}"
    if least < ended:
        said += f"; the lowest, {_short(least)}, was after {best:,}"
    return f"{said}."


def _panel(title: str, points: Sequence[Point], cls: str) -> Panel:
    (first, begun), (last, ended) = points[0], points[-1]
    label = f"{title}: {_short(begun)} after {first:,} steps, {_short(ended)} after {last:,}"
    return Panel(
        title=title[:1].upper() + title[1:],
        drawing=curve_drawing(points, label=label, written=_short, cls=cls),
        points=points,
    )


def _short(value: float) -> str:
    return numbers.plain(float(f"{value:.3g}"))
