"""Boards that count only some matches: the address says which, page and API give the library's numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import numpy as np
import pytest

from arena.counterfactual import Where, moves_in_words, rating_moved
from arena.filter_query import query_of
from arena.leaderboards.methods import RATING_METHODS
from arena.ledger import Ledger
from arena.server import numbers, standings_cache
from arena.server.filters import where_asked
from arena.server.ladder_words import METHOD_GROUPS, doubt_in_words, played_out_in_words, reliability_in_words, writer
from arena.server.standings_cache import StandingsCache
from arena.standings import standings
from tests.server.conftest import Site, import_matches, serving

GAME = "a:board"
NAMES = ("ann", "bob", "cy", "dan")
WHERES = (
    Where(without_forfeits=True),
    Where(seat=1),
    Where(seat=2, without_forfeits=True),
    Where(tournaments=("first",)),
    Where(without_agents=("dan",)),
    Where(without_agents=("dan@1", "cy"), without_forfeits=True),
    Where(since="2020-01-01", until="2100-01-01"),
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two tournaments of four agents of different strength; dan forfeits every fourth match."""
    rng = np.random.default_rng(5)
    with Ledger.open(tmp_path_factory.mktemp("board") / "arena.db") as ledger:
        for name in ("First", "Second"):
            matches = []
            for _ in range(25):
                for first, one in enumerate(NAMES):
                    for second, two in enumerate(NAMES):
                        if first != second:
                            wins = rng.random() < 1 / (1 + np.exp(0.6 * (first - second) - 0.3))
                            failed = 3 in (first, second) and rng.random() < 0.25
                            at_fault = (0 if first == 3 else 1) if failed else -1
                            value = (-1.0 if at_fault == 0 else 1.0) if failed else (1.0 if wins else -1.0)
                            matches.append((one, two, value, at_fault))
            import_matches(ledger, GAME, matches, name=name)
        with serving(ledger) as served:
            yield served


def _address(where: Where, **more: str) -> str:
    return f"/games/{GAME}?{urlencode([*more.items(), *query_of(where)])}"


def _ratings(text: str) -> list[tuple[str, str]]:
    table = text[text.index('class="board-table"') : text.index("<caption>")]
    return re.findall(r'<span class="strong">([^<]*)</span> <span class="muted small">([^<]*)</span>', table)


def test_shares_stand_with_the_ends_of_their_interval(board: Site) -> None:
    found = standings(board.ledger, GAME, method="copeland")
    shown = _ratings(board.get(_address(Where(), method="copeland")).text)
    assert shown == [
        (writer("copeland")(row.rating), f"{row.low:.2f}–{row.high:.2f}") for row in found.leaderboard.rows
    ]


@pytest.mark.parametrize("where", WHERES, ids=str)
@pytest.mark.parametrize("method", ["elo", "mean_return"])
def test_the_page_shows_the_numbers_of_the_library(board: Site, where: Where, method: str) -> None:
    found = standings(board.ledger, GAME, method=method, where=where)
    written = writer(method)
    expected = [(written(row.rating), doubt_in_words(row, method)) for row in found.leaderboard.rows]
    text = board.get(_address(where, method=method)).text
    assert _ratings(text) == expected
    assert moves_in_words(found.moved) in unescape(re.sub(r"<[^>]+>", "", text))
    assert f"{where.sentence()}; {found.left_out:,} matches are left out" in text


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_the_api_gives_what_the_library_gives(board: Site, where: Where) -> None:
    said, expected = board.get("/api/v1" + _address(where)).json(), standings(board.ledger, GAME, where=where).to_dict()
    for key in ("matches", "leaderboard", "counterfactual", "exploitability"):
        assert said[key] == expected[key]


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_an_address_says_all_that_is_asked_and_reads_back(where: Where) -> None:
    lists: dict[str, list[str]] = {}
    for name, value in query_of(where):
        lists.setdefault(name, []).append(value)
    assert (
        where_asked(
            without_forfeits="without_forfeits" in lists,
            seat=lists.get("seat", [""])[0],
            since=lists.get("since", [""])[0],
            until=lists.get("until", [""])[0],
            tournament=lists.get("tournament"),
            without_agent=lists.get("without_agent"),
        )
        == where
    )


def test_ranks_that_moved_are_listed(board: Site) -> None:
    where = Where(without_agents=("ann",))
    text = board.get(_address(where)).text
    table = text[text.index('id="moves"') :].partition("</table>")[0]
    rows = re.findall(r'data-label="Moved by">([^<]*)<', table)
    found = [one for one in standings(board.ledger, GAME, where=where).moved if one.rank != one.rank_in_full]
    assert rows == [rating_moved(one, 0).replace("-", numbers.MINUS) or numbers.MISSING for one in found]
    assert "/agents/ann%401" in table or "/agents/ann@1" in table


def test_filters_survive_a_change_of_method_and_order(board: Site) -> None:
    where = Where(without_forfeits=True, tournaments=("second",), without_agents=("cy@1",), since="2020-01-01")
    text = board.get(_address(where, sort="matches", order="asc")).text
    form = text[text.index("<form") : text.index("</form>")]
    assert 'name="without_forfeits" value="1" checked' in form
    assert '<option value="second" selected>' in form
    assert '<option value="cy@1" selected>' in form
    assert 'name="since" value="2020-01-01"' in form
    assert '<input type="hidden" name="sort" value="matches">' in form
    assert '<input type="hidden" name="order" value="asc">' in form
    assert '<details class="filters" id="filters" data-needs-server open>' in form
    for link in re.findall(r'id="sort-\w+" href="([^"]*)"', text):
        assert urlencode(query_of(where)) in unescape(link)
    for link in re.findall(r'href="(/downloads/[^"]*|/api/v1/games[^"]*)"', text):
        assert urlencode(query_of(where)) in unescape(link)


def test_fields_that_a_form_sends_empty_filter_nothing(board: Site) -> None:
    empty = "?method=elo&seat=&since=&until=&tournament=&without_agent="
    assert _ratings(board.get(f"/games/{GAME}{empty}").text) == _ratings(board.get(f"/games/{GAME}").text)
    assert 'id="moved"' not in board.get(f"/games/{GAME}{empty}").text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("seat=0", 400, "counted from 1"),
        ("seat=first", 400, "counted from 1"),
        ("seat=9", 400, "seat"),
        ("since=yesterday", 400, " date is written"),
        ("since=2099-01-01", 400, "is left"),
        ("tournament=third", 404, "third"),
        ("without_agent=eve", 404, "eve"),
        ("without_forfeits=perhaps", 422, "without_forfeits"),
    ],
)
def test_filters_that_cannot_be_are_errors_of_one_shape(board: Site, query: str, status: int, said: str) -> None:
    assert said in board.get(f"/games/{GAME}?{query}", status=status).text
    error = board.get(f"/api/v1/games/{GAME}?{query}", status=status).json()["error"]
    assert error["status"] == status
    assert said in error["message"]


def test_a_method_that_needs_both_seats_says_so_and_shows_elo(board: Site) -> None:
    text = board.get(_address(Where(seat=1), method="minimax")).text
    assert "Shown is Elo." in text
    assert _ratings(text) == _ratings(board.get(_address(Where(seat=1))).text)


def test_every_method_stands_in_one_group() -> None:
    assert sorted(name for names in METHOD_GROUPS.values() for name in names) == sorted(RATING_METHODS)


def test_reliability_and_strength_without_forfeits_stand_in_the_row(board: Site) -> None:
    rows = standings(board.ledger, GAME).leaderboard.rows
    text = board.get(f"/games/{GAME}").text
    assert re.findall(r"reliable ([^<]*)<", text) == [reliability_in_words(row) for row in rows]
    assert re.findall(r"played out ([^<]*)<", text) == [played_out_in_words(row, writer("elo")) for row in rows]
    dan = next(row for row in rows if row.agent == "dan@1")
    assert dan.reliability is not None and f"reliable {100 * dan.reliability:.0f}" in text


def test_boards_without_forfeits_have_neither(board: Site) -> None:
    text = board.get(_address(Where(without_forfeits=True))).text
    assert '<span class="sub">reliable' not in text and '<span class="sub">played out' not in text


def test_boards_that_were_not_asked_for_longest_are_forgotten_and_full_ones_kept(
    board: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, computed = StandingsCache(board.ledger), []
    monkeypatch.setattr(standings_cache, "standings", lambda *_, **asked: computed.append(asked["where"]) or object())
    full = cache.standings(GAME)
    wheres = [Where(since=f"2020-01-{day:02}") for day in range(1, 29)] + [
        Where(since=f"2020-02-{day:02}") for day in range(1, 29)
    ]
    for where in wheres:
        cache.standings(GAME, where=where)
    assert cache.standings(GAME) is full
    known = len(computed)
    cache.standings(GAME, where=wheres[-1])
    assert len(computed) == known
    cache.standings(GAME, where=wheres[0])
    assert len(computed) == known + 1


def test_the_description_of_the_api_has_every_filter(board: Site) -> None:
    paths = board.get("/openapi.json").json()["paths"]
    filters = {"without_forfeits", "seat", "since", "until", "tournament", "without_agent"}
    for path in ("/api/v1/games/{specification}", "/api/v1/explain"):
        named = {one["name"]: one.get("description") for one in paths[path]["get"]["parameters"]}
        assert filters <= named.keys()
        assert all(named.values()), named
    assert "/api/v1/tournaments/{key}/rounds" in paths
