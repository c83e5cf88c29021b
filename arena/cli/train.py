"""`arena train`: a policy that learns a game by playing it."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.options import Db, Json

if TYPE_CHECKING:
    from arena.games import Game
    from arena.solvers.learning import Trained
    from arena.solvers.solution import Setting

STEPS, TABLES, HIDDEN = 1_000_000, 256, "128,128"


def train_command(
    method: Annotated[str, typer.Argument(help="ppo, mmd, psro; for teams ippo, mappo, pqn_vdn")],
    game: Annotated[str, typer.Argument(help="for example openspiel:leduc_poker")],
    steps: Annotated[
        float, typer.Option("--steps", help="Decisions played in all, for example 1e6; rounded up to whole updates.")
    ] = STEPS,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the policy here (.safetensors); checkpoint:FILE plays it."),
    ] = None,
    register: Annotated[
        str | None, typer.Option("--register", metavar="NAME", help="Make it an agent of the ledger.")
    ] = None,
    tables: Annotated[int, typer.Option("--tables", min=1, help="Matches played at once.")] = TABLES,
    hidden: Annotated[str, typer.Option("--hidden", help="Widths of the layers of the network.")] = HIDDEN,
    memory: Annotated[
        int, typer.Option("--memory", min=0, help="Width of a network's memory of the match (GRU); 0 = none.")
    ] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method's own; once for each."),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option("--until", min=0, help="Stop at this NashConv, or share of matches not won, as measured."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="The same seed gives the same policy.")] = 0,
    device: Annotated[str, typer.Option("--device", help="Where the network learns: cpu, cuda.")] = "cpu",
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Go on from this file, and keep it up to date.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Write losses and entropy here, a JSON line each (.jsonl).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Train a policy by self-play and say how good it is, exactly where that can be computed."""
    from arena.cli.output import say, say_json
    from arena.config import check_name
    from arena.games import SpecificationError, load_game
    from arena.ledger import Ledger
    from arena.solvers.policy_file import require_place
    from arena.training import register_trained, save_trained

    loaded = load_game(game)
    if not 1 <= steps <= 1e15:
        raise SpecificationError(f"--steps must be from 1 to 1e15; got {steps:g}")
    for path in (output, log):
        if path is not None:
            require_place(path)
            if path.exists() and not force:
                raise SpecificationError(
                    f"{str(path)!r} is there already; name another file, or replace it with --force"
                )
    if checkpoint is not None:
        require_place(checkpoint)
    if register is not None:
        try:
            check_name(register)
        except ValueError as error:
            raise SpecificationError(f"--register: {error}") from None
    widths = _widths(hidden)
    with _said(method, quiet=json) as report, _lines(log) as write:

        def watch(at: int, told: Mapping[str, float]) -> None:
            report.went(at, int(steps))
            write(at, told)

        trained = _trained(
            method,
            loaded,
            settings or [],
            {
                "steps": int(steps),
                "tables": tables,
                "hidden": widths,
                "memory": memory,
                "until": until,
                "seed": seed,
                "device": device,
                "checkpoint": checkpoint,
                "progress": report.measured,
                "watch": watch,
            },
        )
    if output is not None:
        save_trained(trained, output, game=loaded)
    label = None
    if register is not None:
        with Ledger.open(db) as ledger:
            label = register_trained(ledger, trained, game=loaded, method=method, name=register).label
    if json:
        say_json(_told(method, loaded, trained, output, label))
        return
    say(_sentence(method, loaded, trained))
    if output is not None:
        say(f"written: {output}; it plays as checkpoint:{output}")
    if label is not None:
        say(f"registered: {label}")
    if output is None and label is None:
        say("nothing is kept: with --output FILE or --register NAME it is")


class _Report:
    """Shows how far it is, with the last NashConv: a bar on a terminal, lines in a pipe."""

    def __init__(self, show: Callable[[int, int, float | None], None]):
        self._show = show
        self._gap: float | None = None

    def measured(self, updates: int, gap: float) -> None:
        self._gap = None if math.isnan(gap) else gap

    def went(self, done: int, planned: int) -> None:
        self._show(min(done, planned), planned, self._gap)


@contextlib.contextmanager
def _said(method: str, *, quiet: bool) -> Iterator[_Report]:
    from arena.cli.output import LINE_EVERY_S, plain
    from arena.convergence_words import gap_name
    from arena.solvers.learning.methods import METHODS

    measured = gap_name(METHODS[method].gap_kind) if method in METHODS else "gap"

    def words(done: int, planned: int, gap: float | None) -> str:
        return f"{done:,} of {planned:,} steps" + ("" if gap is None else f", {measured} {gap:.3g}")

    if quiet:
        yield _Report(lambda *_: None)
    elif not sys.stderr.isatty():
        told = time.monotonic()

        def line(done: int, planned: int, gap: float | None) -> None:
            nonlocal told
            if time.monotonic() - told >= LINE_EVERY_S:
                told = time.monotonic()
                sys.stderr.write(f"{method}: {words(done, planned, gap)}\n")

        yield _Report(line)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(plain(method), said="making ready")
            yield _Report(
                lambda done, planned, gap: bar.update(
                    task, completed=done, total=planned, said=words(done, planned, gap)
                )
            )


@contextlib.contextmanager
def _lines(log: Path | None) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Writes what each update tells as a line of JSON."""
    if log is None:
        yield lambda *_: None
        return
    with log.open("w", encoding="utf-8") as file:
        yield lambda steps, told: print(dumps({"steps": steps, **told}), file=file, flush=True)


def _widths(text: str) -> tuple[int, ...]:
    from arena.games import SpecificationError

    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise SpecificationError(
            f"--hidden takes whole numbers above 0 with commas between, for example 128,128; got {text!r}"
        )
    return widths


def _trained(method: str, game: Game, texts: Sequence[str], given: Mapping[str, Any]) -> Trained:
    """Ctrl-C says what stands and how to go on."""
    from arena.solvers.learning import train

    at = given["checkpoint"]
    try:
        return train(method, game, settings=_settings(texts), **given)
    except KeyboardInterrupt:
        kept = "nothing is saved: with --checkpoint FILE a run can be gone on with"
        if at is not None and at.exists():
            kept = f"saved in {at}: the same command goes on from there"
        sys.stderr.write(f"interrupted; {kept}\n")
        raise


def _settings(texts: Sequence[str]) -> dict[str, Setting]:
    """name -> value of the texts ``key=value``: true, false, none, numbers, words."""
    from arena.games import SpecificationError

    words: dict[str, Setting] = {"true": True, "false": False, "none": None}
    found: dict[str, Setting] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name in found:
            raise SpecificationError(f"--set takes key=value, each key once; got {text!r}")
        if value.lower() in words:
            found[name] = words[value.lower()]
            continue
        try:
            found[name] = int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            found[name] = value
    return found


def _sentence(method: str, game: Game, trained: Trained) -> str:
    from arena.training import CONFIDENCE, won

    what = f"{method} on {game.info.specification}, {trained.steps:,} steps"
    if trained.gap is not None and trained.matches is not None:
        share, low, high = won(trained)
        return (
            f"{what}: wins {share:.1%} of {trained.matches:,} matches against the scripted team "
            f"({low:.1%} to {high:.1%} with {CONFIDENCE:.0%} confidence)"
        )
    if trained.gap is None:
        return f"{what}: how exploitable it is cannot be computed here; arena exploit bounds it from below"
    return f"{what}: NashConv {trained.gap:.4g}, exploitability {trained.gap / game.info.num_players:.4g} (exact)"


def _told(method: str, game: Game, trained: Trained, output: Path | None, label: str | None) -> dict[str, object]:
    return {
        "method": method,
        "game": game.info.specification,
        "steps": trained.steps,
        "updates": trained.updates,
        "gap": trained.gap,
        "gap_kind": trained.gap_kind,
        "matches": trained.matches,
        "exploitability": None
        if trained.gap is None or trained.matches is not None
        else trained.gap / game.info.num_players,
        "history": [list(measured) for measured in trained.history],
        "reads": trained.reads,
        "settings": dict(trained.settings),
        "guarantee": trained.guarantee,
        "source": trained.source,
        "output": None if output is None else str(output),
        "agent": label,
    }
