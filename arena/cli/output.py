"""What people read in a terminal, and what programs read in its place."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

LINE_EVERY_S = 10.0  # how often progress is told in a pipe
PIPE_WIDTH = 400
GAP = 3  # between two columns
FEWEST_COLUMNS = 3
NARROWEST = 20  # a text is broken no narrower, however narrow the terminal is


def say(text: str = "") -> None:
    """A line of plain text; brackets in it are not markup."""
    sys.stdout.write(text + "\n")


def say_under(head: str, text: str) -> None:
    """A head and a text beside it: on a terminal broken at words and set under itself, in a pipe one line."""
    if sys.stdout.isatty():
        width = max(shutil.get_terminal_size().columns, len(head) + NARROWEST)
        text = textwrap.fill(text, width - len(head), break_long_words=False, break_on_hyphens=False)
    say(head + text.replace("\n", "\n" + " " * len(head)))


def json_text(value: object) -> str:
    """JSON, never with NaN: what a program reads must be JSON for every parser."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def say_json(value: object) -> None:
    sys.stdout.write(json_text(value))


Head = str | tuple[str, Literal["right"]]


def table(
    heads: Sequence[Head], rows: Sequence[Sequence[str]], *, title: str | None = None, optional: Sequence[str] = ()
) -> None:
    """A quiet table. A head is its text, or (text, "right") for numbers.

    Where the terminal is too narrow, the columns in `optional` are left out, the first one first, then numbers from the right,
    and named below. No number is ever cut: it would be another one.
    """
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    # a pipe has room for every column
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    names = [head if isinstance(head, str) else head[0] for head in heads]
    rights = [not isinstance(head, str) for head in heads]
    widths = [max([cell_len(name), *(cell_len(row[at]) for row in rows)]) for at, name in enumerate(names)]
    needed = [width if right else min(width, NARROWEST) for width, right in zip(widths, rights, strict=True)]
    kept = _fitting(names, widths, needed, rights, optional, console.width)
    fits = sum(needed[at] + GAP for at in kept) <= console.width
    made = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, title_style="bold")
    for at in kept:
        made.add_column(
            plain(names[at]),
            justify="right" if rights[at] else "left",
            no_wrap=rights[at] and fits,
            overflow="fold",
            min_width=needed[at] if fits else None,
        )
    for row in rows:
        made.add_row(*(plain(row[at]) for at in kept))
    console.print(made)
    left_out = [name for at, name in enumerate(names) if at not in kept]
    if left_out:
        say(f"(no room for: {', '.join(left_out)}; a wider terminal or --json shows them)")


def _fitting(
    names: list[str], widths: list[int], needed: list[int], rights: list[bool], optional: Sequence[str], width: int
) -> list[int]:
    """The columns that are shown: whole if only optional ones are left out, else with folded texts and fewer numbers."""
    kept = list(range(len(names)))
    for name in optional:
        if sum(widths[at] + GAP for at in kept) <= width:
            break
        kept = [at for at in kept if names[at] != name]
    for at in reversed(kept[FEWEST_COLUMNS:]):
        if rights[at] and sum(needed[other] + GAP for other in kept) > width:
            kept.remove(at)
    return kept


def plain(text: str) -> str:
    """Text with its brackets kept: agents' names are not markup."""
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress(label: str, *, unit: str = "matches") -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then in a pipe, on stderr: stdout stays for the result."""
    if not sys.stderr.isatty():
        yield ProgressLines(label, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plain(label), total=None)
        yield lambda done, planned: bar.update(task, completed=done, total=planned)


class ProgressLines:
    """Says now and then how far something is, in a line each."""

    def __init__(self, label: str, unit: str):
        import time

        self.label, self.unit, self.now = label, unit, time.monotonic
        self.told = self.now()

    def __call__(self, done: int, planned: int) -> None:
        if self.now() - self.told >= LINE_EVERY_S:
            self.told = self.now()
            sys.stderr.write(f"{self.label}: {done:,} of {planned:,} {self.unit}\n")
            sys.stderr.flush()
