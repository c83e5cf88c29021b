"""What people read in a terminal, and what programs read in its place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

LINE_EVERY_S = 10.0  # how often progress is told in a pipe


def say(text: str = "") -> None:
    """A line of plain text; brackets in it are not markup."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """JSON, never with NaN: what a program reads must be JSON for every parser."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


Head = str | tuple[str, Literal["right"]]


def table(heads: Sequence[Head], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """A quiet table. A head is its text, or (text, "right") for numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made: Table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, title_style="bold")
    for head in heads:
        name, justify = (head, "left") if isinstance(head, str) else head
        made.add_column(name, justify="right" if justify == "right" else "left", no_wrap=justify == "right")
    for row in rows:
        made.add_row(*map(plain, row))
    show(made)


def show(renderable: object) -> None:
    """Prints something of rich; wide enough for a table when the output is a pipe."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(renderable)


def plain(text: str) -> str:
    """Text with its brackets kept: agents' names are not markup."""
    from rich.markup import escape

    return escape(text)


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then in a pipe, on stderr: stdout stays for the result."""
    if quiet:
        yield lambda _done, _planned: None
        return
    if not sys.stderr.isatty():
        yield _Lines(label)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("matches"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plain(label), total=None)
        yield lambda done, planned: bar.update(task, completed=done, total=planned)


class _Lines:
    def __init__(self, label: str):
        import time

        self.label, self.now = label, time.monotonic
        self.told = self.now()

    def __call__(self, done: int, planned: int) -> None:
        if self.now() - self.told >= LINE_EVERY_S:
            self.told = self.now()
            sys.stderr.write(f"{self.label}: {done:,} of {planned:,} matches\n")
            sys.stderr.flush()
