"""The site as files: every page is asked of the application itself, and written with links that need no server."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

import httpx

from arena.columns import exploitabilities
from arena.games import SpecificationError
from arena.ledger import Ledger
from arena.ledger_part import LedgerPart
from arena.polls.voters_ledger import VotersLedger
from arena.server.app import create_app
from arena.server.settings import ServerSettings
from arena.server.static_page import static_page
from arena.server.tournament_pages import PER_PAGE

MANIFEST = "site.json"
MATCHES = 5
MOST_PAIRS = 600
"""Pages of one agent against another: a ledger with more such pairs has none of them."""

MOST_VIEWS = 4
"""Players: of games with more, a match is shown for the whole table alone."""

LISTS = ("/api/v1/games", "/api/v1/agents", "/api/v1/tournaments")
WHOLE = {"limit": "1000"}
"""Of the lists of the API, as much as one answer holds."""
START = ("/", "/tournaments", "/agents", "/games", *(f"{address}?{urlencode(WHOLE)}" for address in LISTS))
QUERIES = {
    "games": {"method", "sort", "order"},
    "agents": {"against", "forfeits", "retired", "ladder", "since"},
    "tournaments": {"matches"},
    "match": {"move", "view"},
    "anytime": {"game"},
    "api": {"limit", "method", "view", "game", "agent", "changed_since"},
    "downloads": {"game", "method", "agent"},
}
LONGEST = 100  # characters of a file's name before its ending
_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSite:
    """What was written. ``pages``: of each address of the server, the file; ``failed``: addresses that the server answers with an error."""

    folder: Path
    pages: dict[str, str]
    failed: tuple[str, ...]
    size: int


def write_site(
    ledger: Ledger,
    folder: Path,
    *,
    games: Sequence[str] = (),
    matches: int = MATCHES,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _planned: None,
) -> StaticSite:
    """Writes a site of all pages that the server shows, to be opened from a disk or put under any address.

    Ladders are there in every order and method that their links reach; of each tournament the last `matches` matches, each
    with a page for each move. What only a server can do is left out: search, the choice of a theme, live progress. A folder
    that was such a site is replaced as a whole.

    Args:
        ledger: what is shown.
        folder: where; made if missing.
        games: only these, by their specification; all by default.
        matches: of each tournament, with their replays.
        force: write into a folder that holds something else, too; nothing is removed from it.
        progress: told (pages written, pages known so far).

    Raises:
        SpecificationError: the folder holds something else, or cannot be written.
        ValueError: a negative number of matches.
    """
    if matches < 0:
        raise ValueError(f"matches must be at least 0; got {matches}")
    ours = _is_ours(folder, force)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        made = _write(LedgerPart(ledger, games) if games else ledger, unfinished, matches, progress)
        if ours:
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
        else:
            shutil.copytree(unfinished, folder, dirs_exist_ok=True)
    except OSError as error:
        raise SpecificationError(f"cannot write {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return StaticSite(folder=folder, pages=made.files, failed=tuple(made.failed), size=made.size)


def _is_ours(folder: Path, force: bool) -> bool:
    """Whether the folder may be replaced as a whole: it is missing, empty, or a site that was written before."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        raise SpecificationError(f"{folder} is a file; name a folder")
    if not any(folder.iterdir()):
        return True
    try:
        made_by = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["made_by"]
    except (OSError, ValueError, KeyError, TypeError):
        made_by = None
    if made_by == "arena site":
        return True
    if not force:
        raise SpecificationError(f"{folder} holds something else; name an empty folder, or --force writes into it")
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extent:
    """What the copy has. ``matches``: of each tournament, the numbers of those with a page; ``views``: whose views are shown."""

    games: frozenset[str]
    agents: frozenset[str]
    matches: dict[str, frozenset[int]]
    list_pages: dict[str, int]
    views: dict[str, bool]
    pairs: bool

    def has(self, path: str, query: dict[str, str]) -> bool:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        kind, rest = parts[0], unquote(path.strip("/").partition("/")[2])
        if kind == "api":
            return query.keys() <= QUERIES["api"] and len(parts) > 2 and self._api(parts[2:], query)
        if kind == "static":
            return True
        if kind == "downloads" and "agent" in query:
            return query.keys() == {"agent"} and query["agent"] in self.agents
        if kind == "versus":
            both = {query.get("a"), query.get("b")}
            return self.pairs and query.get("game") in self.games and both <= self.agents
        if kind in ("downloads", "anytime"):
            return query.keys() <= QUERIES[kind] and query.get("game") in self.games
        if not rest:
            return not query or (kind == "agents" and query == {"retired": "true"})
        if kind == "games":
            return rest in self.games and query.keys() <= QUERIES["games"]
        if kind == "agents":
            if "ladder" in query and query["ladder"] not in self.games:
                return False
            return rest in self.agents and query.keys() <= QUERIES["agents"] and (self.pairs or "against" not in query)
        if kind != "tournaments" or parts[1] not in self.matches:
            return False
        if len(parts) == 2:
            number = query.get("matches", "1")
            return (
                query.keys() <= QUERIES["tournaments"]
                and number.isdecimal()
                and int(number) <= self.list_pages[parts[1]]
            )
        return self._match(parts, query) and len(parts) == 4 and query.keys() <= QUERIES["match"]

    def _api(self, parts: list[str], query: dict[str, str]) -> bool:
        kind, rest = parts[0], "/".join(parts[1:])
        if not rest:
            if kind == "explain":
                return query.get("game") in self.games and query.get("agent") in self.agents
            if kind == "anytime":
                return query.keys() == {"game"} and query["game"] in self.games
            return kind in ("games", "agents", "tournaments") and query == WHOLE
        if kind == "games":
            return rest in self.games
        if kind == "agents":
            return rest in self.agents
        if kind != "tournaments" or parts[1] not in self.matches:
            return False
        return len(parts) < 4 or self._match(["tournaments", *parts[1:]], query)

    def _match(self, parts: list[str], query: dict[str, str]) -> bool:
        key, number = parts[1], parts[3] if len(parts) > 3 else ""
        return number.isdecimal() and int(number) in self.matches[key] and ("view" not in query or self.views[key])


def _extent(ledger: Ledger, matches: int) -> _Extent:
    tournaments = ledger.tournaments()
    entrants: dict[str, set[str]] = {}
    for one in tournaments:
        entrants.setdefault(one.game, set()).update(agent.label for agent in one.agents)
    last = {one.key: ledger.played(one).index[max(0, ledger.progress(one) - matches) :].tolist() for one in tournaments}
    return _Extent(
        games=frozenset(row.game for row in ledger.games() if row.matches),
        agents=frozenset(agent.label for agent in ledger.agents(include_retired=True)),
        matches={key: frozenset(numbers if matches else []) for key, numbers in last.items()},
        list_pages={key: max(1, -(-len(numbers) // PER_PAGE)) for key, numbers in last.items()},
        views={one.key: one.num_players <= MOST_VIEWS for one in tournaments},
        pairs=sum(len(labels) * (len(labels) - 1) for labels in entrants.values()) <= MOST_PAIRS,
    )


@dataclass(kw_only=True)
class _Crawl:
    """Addresses that are to be written, and the file of each."""

    extent: _Extent
    files: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    waiting: deque[str] = field(default_factory=deque)
    failed: list[str] = field(default_factory=list)
    size: int = 0
    found: dict[str, str | None] = field(default_factory=dict)  # pages name the same addresses over and over

    def file_of(self, address: str) -> str | None:
        """The file of an address of the server; None where the copy has no such page."""
        if address not in self.found:
            self.found[address] = self._file_of(address)
        return self.found[address]

    def _file_of(self, address: str) -> str | None:
        split = urlsplit(address)
        if split.path == "/docs":
            return self.file_of(f"{LISTS[0]}?{urlencode(WHOLE)}")
        query = dict(sorted(parse_qsl(split.query, keep_blank_values=True)))
        if split.path.startswith("/static/"):
            query = {}
        query = {name: value for name, value in query.items() if value != ""}
        path = quote(unquote(split.path), safe="/:(),=@-._")
        if path != "/" and not self.extent.has(path, query):
            return None
        known = path + (f"?{urlencode(query)}" if query else "")
        if known not in self.files:
            name, ending = _name_of(path, query)
            file, more = f"{name}{ending}", 1
            while file.casefold() in self.taken:  # some disks do not know small letters from large ones
                more += 1
                file = f"{name}-{more}{ending}"
            self.files[known] = file
            self.taken.add(file.casefold())
            self.waiting.append(known)
        return self.files[known]

    def link_from(self, address: str) -> Callable[[str], str | None]:
        """How a page's links are written: relative to its own file."""
        here = self.files[address]

        def link(href: str) -> str | None:
            if href.startswith("#") or urlsplit(href).scheme in ("http", "https", "data"):
                return href
            target = urlsplit(urljoin(f"http://site{address}", href))
            file = self.file_of(target.path + (f"?{target.query}" if target.query else ""))
            if file is None:
                return None
            path = os.path.relpath(file, os.path.dirname(here) or ".").replace(os.sep, "/")
            return path + (f"#{target.fragment}" if target.fragment else "")

        return link


def _name_of(path: str, query: dict[str, str]) -> tuple[str, str]:
    """(name, ending) of a file: letters that every disk and every address can hold."""
    if path == "/":
        return "index", ".html"
    folder, _, rest = path.strip("/").partition("/")
    if folder == "static":
        stem, ending = os.path.splitext(unquote(rest))
        return f"static/{stem}", ending
    ending = ".html"
    if folder == "api":
        rest, ending = rest.partition("/")[2], ".json"
    elif folder == "downloads":
        rest, ending = os.path.splitext(rest)
    if "/matches/" in path and folder == "tournaments":
        folder, rest = "matches", rest.replace("/matches/", "-")
    words = [unquote(rest), *(word for pair in query.items() for word in pair)]
    plain = [_UNSAFE.sub("-", word).strip("-.") for word in words]
    slug = "-".join(word for word in plain if word)[:LONGEST].rstrip("-.")
    if not rest and not query:
        return folder, ending
    return f"{folder}/{slug or 'page'}", ending


def _write(ledger: Ledger, folder: Path, matches: int, progress: Callable[[int, int], None]) -> _Crawl:
    crawl = _Crawl(extent=_extent(VotersLedger(ledger), matches))
    for address in START:
        crawl.file_of(address)
    _run(partial(_ask, ledger, crawl, folder, progress))
    manifest = {"made_by": "arena site", "pages": crawl.files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return crawl


def _run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs it to its end, also where a loop runs already, as in a notebook: then in a thread of its own."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()


async def _ask(ledger: Ledger, crawl: _Crawl, folder: Path, progress: Callable[[int, int], None]) -> None:
    settings = ServerSettings(visitors="read", requests_per_minute=10**9)
    app = create_app(ledger, settings)
    for site in (app.state.site, app.state.whole_site):
        site.standings.moment_s = -1  # files are not loaded again
        site.standings.measured = exploitabilities
    transport = httpx.ASGITransport(app=app)
    headers = {"Accept-Encoding": "identity"}
    done = 0
    async with httpx.AsyncClient(transport=transport, base_url="http://site", headers=headers) as client:
        while crawl.waiting:
            address = crawl.waiting.popleft()
            answer = await client.get(address)
            if answer.status_code != 200:
                crawl.failed.append(address)
            content = answer.content
            if answer.headers.get("content-type", "").startswith("text/html"):
                content = static_page(answer.text, crawl.link_from(address)).encode()
            file = folder / crawl.files[address]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            crawl.size += len(content)
            done += 1
            progress(done, len(crawl.files))
