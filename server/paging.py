"""Long lists in pages: which page is shown, and which rows are on it."""

from __future__ import annotations

from dataclasses import dataclass

ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """``at`` is counted from 1."""

    at: int
    total: int
    rows: int
    size: int

    @staticmethod
    def of(rows: int, *, at: int, size: int = ROWS) -> Pages:
        """The pages of so many rows; a page that there is not is the nearest one."""
        total = max(1, -(-rows // size))
        return Pages(at=min(max(at, 1), total), total=total, rows=rows, size=size)

    @property
    def shown(self) -> slice:
        return slice((self.at - 1) * self.size, min(self.rows, self.at * self.size))

    def shown_of(self, before: int, rows: int) -> slice:
        """What is shown of a part of the list: of its ``rows`` rows, ``before`` of which stand in front of it."""
        first, last = self.shown.start - before, self.shown.stop - before
        return slice(min(max(first, 0), rows), min(max(last, 0), rows))
