"""The site as files: no dead link, no control that needs a server, nothing of other games, nothing of a folder's owner removed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from arena.config import make_config
from arena.games import SpecificationError, UnknownName
from arena.ledger import Ledger
from arena.ledger_part import LedgerPart
from arena.server import game_pages, standings_cache
from arena.server.static_page import static_page
from arena.server.static_site import StaticSite, write_site
from arena.tournament import run_tournament

KUHN, RPS = "openspiel:kuhn_poker", "matrix:rps"


class Read(HTMLParser):
    """The links, the identifiers and the elements of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.links += [value for name in ("href", "src") if (value := given.get(name)) is not None]
        if given.get("id"):
            self.ids.add(str(given["id"]))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Poker of two agents, and a matrix game of which a site of poker must not know."""
    with Ledger.open(tmp_path_factory.mktemp("ledger") / "arena.db") as made:
        for name, game, agents in (
            ("Poker cup", KUHN, ["random", "uniform"]),
            ("Secret", RPS, ["random", "mine=uniform"]),
        ):
            run_tournament(make_config({"name": name, "game": game, "agents": agents, "matches": 12, "seed": 1}), made)
        yield made


@pytest.fixture(scope="module")
def site(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> StaticSite:
    with pytest.MonkeyPatch.context() as patch:  # two of the methods that a page offers: each has pages in all orders
        offered = {name: title for name, title in game_pages.METHODS.items() if name in ("elo", "minimax")}
        patch.setattr(game_pages, "METHODS", offered)
        patch.setattr(standings_cache, "LARGE", 1)  # as of a ladder on which readers of a server are told to come again
        patch.setattr(standings_cache, "MOMENT_S", 0)
        return write_site(ledger, tmp_path_factory.mktemp("site") / "out", games=[KUHN], matches=2)


@pytest.fixture(scope="module")
def pages(site: StaticSite) -> dict[str, Read]:
    files = list(site.folder.rglob("*.html"))
    return {str(path.relative_to(site.folder)): Read(path.read_text(encoding="utf-8")) for path in files}


def test_no_link_is_dead(site: StaticSite, pages: dict[str, Read]) -> None:
    dead = []
    for page, read in pages.items():
        for link in read.links:
            split = urlsplit(link)
            target = os.path.normpath(os.path.join(os.path.dirname(page), unquote(split.path))) if split.path else page
            if (
                split.scheme
                or link.startswith("/")
                or not (site.folder / target).is_file()
                or (split.fragment and split.fragment not in pages[target].ids)
            ):
                dead.append((page, link))
    assert dead == []
    assert site.failed == ()


def test_no_page_waits_for_its_numbers(site: StaticSite) -> None:
    assert [path.name for path in site.folder.rglob("*.html") if "being computed" in path.read_text("utf-8")] == []


def test_every_file_is_reached_from_the_first_page(site: StaticSite, pages: dict[str, Read]) -> None:
    reached, waiting = {"index.html"}, ["index.html"]
    while waiting:
        page = waiting.pop()
        for link in pages[page].links if page in pages else ():
            target = os.path.normpath(os.path.join(os.path.dirname(page), unquote(urlsplit(link).path) or "."))
            if urlsplit(link).path and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert set(pages) <= reached


def test_nothing_in_a_page_needs_a_server(pages: dict[str, Read]) -> None:
    for page, read in pages.items():
        assert read.tags.isdisjoint({"form", "script", "button", "input", "select"}), page


def test_methods_orders_moves_views_and_numbers_are_there(site: StaticSite) -> None:
    for address in (
        "/games/openspiel:kuhn_poker?method=minimax",
        "/games/openspiel:kuhn_poker?method=elo&order=desc&sort=rating",
        "/tournaments/poker-cup/matches/11?move=1&view=0",
        "/api/v1/games/openspiel:kuhn_poker?method=elo",
        "/downloads/matrix.csv?game=openspiel%3Akuhn_poker",
    ):
        assert address in site.pages
    shown = json.loads((site.folder / site.pages["/api/v1/games/openspiel:kuhn_poker?method=elo"]).read_text())
    assert shown["matches"] == 12


def test_only_the_last_matches_have_pages(site: StaticSite) -> None:
    numbers = {
        address.split("?")[0].rpartition("/")[2]
        for address in site.pages
        if address.startswith("/tournaments/poker-cup/m")
    }
    assert numbers == {"10", "11"}


def test_nothing_is_said_of_other_games(site: StaticSite) -> None:
    for path in site.folder.rglob("*"):
        if path.is_file() and path.name != "games.html":  # that page lists what can be played at all
            text = path.read_text(encoding="utf-8", errors="replace")
            assert "Secret" not in text and "mine@1" not in text, path


def test_a_part_of_a_ledger_knows_no_other_game(ledger: Ledger) -> None:
    part = LedgerPart(ledger, [KUHN])
    assert [row.game for row in part.games()] == [KUHN]
    assert {agent.label for agent in part.agents()} == {"random@1", "uniform@1"}
    with pytest.raises(UnknownName):
        part.tournament("secret")
    with pytest.raises(UnknownName):
        part.agent("mine")
    shared = part.agent("random")
    assert {key for key, _ in part.matches_of(shared.id, limit=20)} == {"poker-cup"}


def test_a_foreign_folder_is_refused_and_force_removes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SpecificationError, match="holds something else"):
        write_site(LedgerPart(ledger, []), tmp_path)
    write_site(LedgerPart(ledger, []), tmp_path, force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "index.html").is_file()


def test_a_site_is_replaced_as_a_whole(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_site(LedgerPart(ledger, []), folder)
    (folder / "left.html").write_text("of an earlier ledger")
    write_site(LedgerPart(ledger, []), folder)
    assert not (folder / "left.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_leads_nowhere_becomes_text() -> None:
    html = '<p><a class="btn" href="/gone" rel="next">Older</a> <a href="/here">there</a></p>'
    assert static_page(html, lambda href: "here.html" if href == "/here" else None) == (
        '<p><span>Older</span> <a href="here.html">there</a></p>'
    )


def test_a_form_becomes_links_of_the_choices_that_have_pages() -> None:
    html = (
        '<form class="bar" action="/g"><label>By<select name="m"><option value="a" selected>A &amp; B</option>'
        '<option value="b">B</option><option value="c">C</option></select></label>'
        '<label>Words<input name="q"></label><button>Show</button></form>'
    )
    assert static_page(html, lambda href: None if href == "/g?m=c" else href[-1] + ".html") == (
        '<div class="bar"><span class="lab">By<span class="seg units"><a href="a.html" aria-current="true">A &amp; B</a>'
        '<a href="b.html">B</a></span></span></div>'
    )


def test_drawings_and_scripts() -> None:
    html = '<svg viewBox="0 0 1 1"><linearGradient id="g"/></svg><script>x < "</p>"</script><b hidden>for scripts</b>'
    assert static_page(html, lambda href: href) == '<svg viewBox="0 0 1 1"><linearGradient id="g"/></svg>'


def test_a_site_is_written_where_an_event_loop_runs(tmp_path: Path, ledger: Ledger) -> None:
    async def written() -> list[Path]:
        write_site(LedgerPart(ledger, []), tmp_path / "site")
        return list((tmp_path / "site").iterdir())

    with ThreadPoolExecutor(1) as pool:  # of its own: other tests may have left a loop running in this thread
        assert pool.submit(lambda: asyncio.run(written())).result()
