"""Which rows are on which page."""

import pytest

from arena.server.paging import Pages


@pytest.mark.parametrize(
    ("rows", "at", "expected"),
    [
        (0, 1, (1, 1, slice(0, 0))),
        (100, 1, (1, 1, slice(0, 100))),
        (101, 2, (2, 2, slice(100, 101))),
        (250, 9, (3, 3, slice(200, 250))),
        (250, -4, (1, 3, slice(0, 100))),
    ],
)
def test_a_page_that_there_is_not_is_the_nearest_one(rows, at, expected):
    pages = Pages.of(rows, at=at)
    assert (pages.at, pages.total, pages.shown) == expected


@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_pages_of_a_list_in_parts_are_those_of_the_whole(at):
    parts = [list(range(30)), list(range(30, 175)), list(range(175, 250))]
    pages, before, shown = Pages.of(250, at=at), 0, []
    for part in parts:
        shown += part[pages.shown_of(before, len(part))]
        before += len(part)
    assert shown == list(range(250))[pages.shown]
