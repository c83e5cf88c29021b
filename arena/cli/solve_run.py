"""A run of `arena solve`: settings and outputs are checked, then it solves with progress shown, then it writes."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from arena.cli.solve_progress import Last, compiling, solving
from arena.convergence_plot import convergence_plot
from arena.convergence_words import Curve, finding, gap_name
from arena.games import ArenaError, Game, NotProvided, SpecificationError
from arena.games.compile_tree import MAX_NODES, compile_tree, payoffs_of
from arena.games.history_tree import HistoryTree, history_tree
from arena.games.tree_walk import TooLarge
from arena.solution_facts import table_of
from arena.solve_settings import read_settings, reports, runs_on, settings_of
from arena.solvers import Solution, save_policy, solve
from arena.solvers.game_kinds import kinds_of
from arena.solvers.method_list import Method, applicable
from arena.solvers.policy_file import require_place, require_writable
from arena.solvers.registry import function_of

PICTURE_END = ".svg"
CHECKPOINT_END = ".checkpoint"


class NothingToWrite(ArenaError):
    """A run that ended without an answer that a file could hold."""

    work_failed = True


def given_settings(
    method: str, function: Callable[..., object], flags: Mapping[str, object], texts: Sequence[str]
) -> dict[str, object]:
    """What the method is called with: the flags that were given, and ``--set key=value``.

    Raises:
        UnknownName: ``--set`` of a setting that the method does not have.
        SpecificationError: a flag that the method does not have, a setting given twice, a value of another type.
    """
    known = settings_of(function)
    given = read_settings(method, texts, known)
    for name, value in flags.items():
        if value is None:
            continue
        if name == "device" and name not in known:
            if value == "cpu":  # where it computes anyway
                continue
            raise SpecificationError(f"{method} computes on the CPU only; leave out --device")
        if name not in known:
            has = ", ".join(known) or "none"
            raise SpecificationError(f"{method} has no setting {name!r}: leave out --{name} (its settings: {has})")
        if name in given:
            raise SpecificationError(f"--{name} and --set give {name} twice")
        given[name] = value
    return given


def require_outputs(method: Method, game: Game, output: Path, *, force: bool) -> None:
    """Makes sure, before any work, that an answer could be written.

    Raises:
        SpecificationError: it could not, or would replace a file without ``--force``.
    """
    if not method.playable:
        raise SpecificationError(
            f"{method.name} gives no policy that players apart from one another could play; leave out --output"
        )
    if game.info.action_space.kind != "discrete":
        raise SpecificationError(f"actions of {game.info.title} are vectors, which no table holds; leave out --output")
    require_writable(output)
    plot = output.with_suffix(PICTURE_END)
    for path in (output, plot) if reports(function_of(method.name)) else (output,):
        require_free(path, force=force)


def require_free(path: Path, *, force: bool) -> None:
    """Makes sure that nothing is written over unasked.

    Raises:
        SpecificationError: a folder is there, or a file and not ``--force``.
    """
    if path.is_dir():
        raise SpecificationError(f"cannot write {str(path)!r}: it is a folder")
    if path.exists() and not force:
        raise SpecificationError(f"{str(path)!r} is there already; name another file, or replace it with --force")


def solve_and_write(
    method: str, game: Game, settings: Mapping[str, object], *, output: Path | None, max_nodes: int | None, quiet: bool
) -> tuple[Solution, Path | None]:
    """(the solution, where its picture was written). With an output, a run that was interrupted is gone on with.

    Raises:
        SpecificationError: a setting out of its range.
        NothingToWrite: no policy was found, or its gap is no number.
    """
    given, own = dict(settings), None
    if isinstance(given.get("checkpoint"), Path | str):
        require_place(Path(str(given["checkpoint"])))
    if output is not None and "checkpoint" in settings_of(function_of(method)) and "checkpoint" not in given:
        own = given["checkpoint"] = output.with_suffix(CHECKPOINT_END)
    try:
        solution = _solved(method, game, given, max_nodes=max_nodes, quiet=quiet)
    except SpecificationError:
        if own is None or own.exists():
            raise
        given.pop("checkpoint")  # with these settings the method may take none; if that was not why, it says so again
        solution = _solved(method, game, given, max_nodes=max_nodes, quiet=quiet)
    until = given.get("until")
    plot = (
        None if output is None else _write(game, method, solution, output, until if isinstance(until, float) else None)
    )
    if own is not None:
        with contextlib.suppress(OSError):
            own.unlink(missing_ok=True)
    return solution, plot


def _solved(method: str, game: Game, settings: dict[str, object], *, max_nodes: int | None, quiet: bool) -> Solution:
    """The solution, with progress shown. Ctrl-C says what stands and how to go on.

    Raises:
        SpecificationError: a setting out of its range, beside what the method raises.
    """
    is_tree = "tree" in kinds_of(game) and payoffs_of(game) is None
    refused = method not in applicable(game)  # by its facts: nothing is written out for that
    written_out = runs_on(function_of(method)) if is_tree and not refused else "game"
    if max_nodes is not None and written_out == "game" and not refused:
        raise SpecificationError(f"{method} does not write {game.info.specification} out; leave out --max-nodes")
    last = Last()
    try:
        subject = game if written_out == "game" else _written_out(game, written_out, max_nodes or MAX_NODES, quiet)
        return _run(method, subject, settings, last, quiet)
    except ValueError as error:  # of an argument: what the method says of its settings
        raise SpecificationError(f"{method}: {error}") from None
    except KeyboardInterrupt:
        if not quiet:
            sys.stderr.write(_interrupted(method, last, settings) + "\n")
        raise


def _written_out(game: Game, form: Literal["tree", "histories"], most: int, quiet: bool) -> Game | HistoryTree:
    """What a method is given; a tree is kept in memory, where the method finds it by the game."""
    try:
        with compiling(game.info.specification, quiet=quiet) as report:
            if form == "histories":
                return history_tree(game, max_nodes=most, progress=report)
            compile_tree(game, max_nodes=most, progress=report)
            return game
    except TooLarge:
        raise _too_large(game, most) from None


@contextlib.contextmanager
def written_out_before(game: Game, max_nodes: int | None, *, quiet: bool) -> Iterator[None]:
    """Around what measures a game: its tree stands ready there, written out with progress shown.

    Where there is none, the measure says why, and what does apply.

    Raises:
        SpecificationError: more histories than `max_nodes`.
    """
    most = max_nodes or MAX_NODES
    write_out_shown(game, most, quiet=quiet)
    try:
        yield
    except TooLarge:
        raise _too_large(game, most) from None


def write_out_shown(game: Game, max_nodes: int, *, quiet: bool) -> None:
    """Writes the tree of a game out with progress shown, where it has one of at most so many histories."""
    if "tree" in kinds_of(game) and payoffs_of(game) is None:
        with contextlib.suppress(TooLarge, NotProvided), compiling(game.info.specification, quiet=quiet) as report:
            compile_tree(game, max_nodes=max_nodes, progress=report)


def _too_large(game: Game, most: int) -> SpecificationError:
    return SpecificationError(
        f"{game.info.specification} has more than {most:,} histories; take a smaller version of the game, or allow more with "
        "--max-nodes: about half a kilobyte of memory a history"
    )


def _run(method: str, game: Game | HistoryTree, settings: dict[str, object], last: Last, quiet: bool) -> Solution:
    until, iterations = settings.get("until"), settings.get("iterations")
    with solving(
        method,
        last,
        iterations=iterations if isinstance(iterations, int) else None,
        until=until if isinstance(until, float) and until > 0 else None,
        quiet=quiet,
    ) as report:
        given = {**settings, "progress": report} if reports(function_of(method)) else settings
        if isinstance(game, HistoryTree):
            return function_of(method)(game, **given)
        return solve(method, game, **given)


def _interrupted(method: str, last: Last, settings: dict[str, object]) -> str:
    """What stands after Ctrl-C, and how to go on."""
    where = f"interrupted at iteration {last.iteration:,}, gap {last.gap:.3g}" if last.iteration else "interrupted"
    kept = settings.get("checkpoint")
    if isinstance(kept, Path) and kept.exists():
        return f"{where}; saved in {kept}: the same command goes on from there"
    if last.iteration and "checkpoint" in settings_of(function_of(method)):
        return f"{where}; nothing is saved: with --checkpoint FILE or --output a run can be gone on with"
    return f"{where}; nothing is saved"


def _write(game: Game, method: str, solution: Solution, output: Path, target: float | None) -> Path | None:
    """Writes the policy, and the picture where there is a history to be drawn; returns the picture's place.

    Raises:
        NothingToWrite: no policy was found, or its gap is no number.
    """
    policy = table_of(game, solution)
    if policy is None:
        raise NothingToWrite(f"{method} gives no tabular policy of {game.info.specification}; nothing was written")
    if not math.isfinite(solution.gap):
        raise NothingToWrite(f"{method} found no policy whose gap is a number, but {solution.gap}; nothing was written")
    drawn = _picture(game, method, solution, target)
    save_policy(policy, output)
    if drawn is None:
        return None
    plot = output.with_suffix(PICTURE_END)
    try:
        plot.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise NothingToWrite(f"cannot write {str(plot)!r}: {error.strerror or error}; {output} was written") from None
    return plot


def _picture(game: Game, method: str, solution: Solution, target: float | None) -> str | None:
    points = tuple((float(n), gap) for n, gap in solution.history if n > 0 and 0 <= gap < math.inf)
    if not points:
        return None
    curves = [Curve(name=game.info.title, points=points)]
    measured = gap_name(solution.gap_kind)
    return convergence_plot(
        curves,
        title=finding(method, curves, gap_name=measured, target=target),
        subtitle=f"{measured[:1].upper()}{measured[1:]} as it was measured on {game.info.specification}; both axes are logarithmic.",
        gap_name=measured,
        target=target,
    )
