"""Pages are kept for strangers alone, and never longer than what they show stays the same."""

import asyncio
import gzip
import math

import numpy as np
import pytest
from coroutines import run
from fastapi.testclient import TestClient

from arena.attendance import Worker, attending
from arena.games.ragged import Ragged
from arena.ledger import Ledger
from arena.ledger_state import ALL, REST, note_read
from arena.results import MatchResults, MatchSpecs
from arena.server.access import Visitor
from arena.server.app import create_app
from arena.server.page_cache import MADE_AT_ONCE, OLD_S, SMALL, PageCache

HTML = [(b"content-type", b"text/html; charset=utf-8"), (b"etag", b'"1"')]
BODY = b"page " * SMALL


class Bench:
    """A cache before an application that counts how often it is asked."""

    def __init__(self, headers=HTML, body=BODY, status=200):
        self.headers, self.body, self.status = headers, body, status
        self.asked, self.state, self.clock, self.reads = 0, {}, 0.0, ()
        self.cache = PageCache(self.app, lambda: self.state, now=lambda: self.clock)

    async def app(self, scope, receive, send):
        self.asked += 1
        await asyncio.to_thread(note_read, *self.reads)
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})

    async def get(self, path="/", *, account=None, method="GET", query=b"", **headers):
        sent = []

        async def send(message):
            sent.append(message)

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query}
        scope |= {"headers": named, "state": {"visitor": Visitor(account=account)}}
        await self.cache(scope, None, send)
        start, *parts = sent
        return start["status"], dict(start["headers"]), b"".join(part["body"] for part in parts)

    def gets(self, *arguments, **headers):
        return run(self.get(*arguments, **headers))


def test_a_page_is_made_once_while_the_ledger_stays_the_same():
    bench = Bench()
    first, second = bench.gets(), bench.gets()
    assert first == second
    assert first[2] == BODY + b"end"
    assert bench.asked == 1


@pytest.mark.parametrize(
    ("reads", "changed", "anew"),
    [
        ((), REST, True),
        ((), "game", False),
        (("game",), "game", True),
        (("game", "other"), "game", True),
        (("game",), REST, True),
        (("game",), "other", False),
        ((ALL,), "never read", True),
    ],
)
def test_a_change_of_what_it_read_makes_it_anew(reads, changed, anew):
    bench = Bench()
    bench.reads = reads
    bench.gets()
    bench.state = {changed: 1}
    bench.gets()
    bench.gets()
    assert bench.asked == 1 + anew


def test_what_was_changed_while_it_was_made_makes_it_anew():
    bench = Bench()
    quick = bench.app

    async def written_meanwhile(scope, receive, send):
        await quick(scope, receive, send)
        bench.state = {REST: 1}

    bench.cache.app = written_meanwhile
    bench.gets()
    bench.gets()
    bench.gets()
    assert bench.asked == 2


def test_no_page_grows_old():
    bench = Bench()
    bench.gets()
    bench.clock = OLD_S
    bench.gets()
    assert bench.asked == 2


def test_an_unchanged_page_has_no_body_the_second_time():
    bench = Bench()
    status, headers, body = bench.gets(if_none_match='W/"1"')
    assert (status, body, headers[b"etag"]) == (304, b"", b'"1"')
    assert bench.gets()[2] == BODY + b"end"


def test_who_can_unpack_is_sent_a_packed_page():
    bench = Bench()
    plain, packed = bench.gets(), bench.gets(accept_encoding="br, gzip")
    assert packed[1][b"content-encoding"] == b"gzip"
    assert int(packed[1][b"content-length"]) == len(packed[2]) < len(plain[2])
    assert gzip.decompress(packed[2]) == plain[2]
    assert b"Accept-Encoding" in packed[1][b"vary"]


@pytest.mark.parametrize(
    "other",
    [{"path": "/agents"}, {"query": b"sort=name"}, {"cookie": "theme=dark"}, {"accept": "text/csv"}],
)
def test_what_a_page_depends_on_tells_it_from_others(other):
    bench = Bench()
    bench.gets()
    bench.gets(**other)
    assert bench.asked == 2


@pytest.mark.parametrize("asked", [{"account": "ada"}, {"cookie": "theme=dark; voter=1"}, {"method": "POST"}])
def test_what_may_be_for_one_visitor_alone_is_never_kept(asked):
    bench = Bench()
    bench.gets(**asked)
    bench.gets(**asked)
    assert bench.asked == 2
    bench.gets()
    assert bench.asked == 3


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"headers": HTML[:1]},
        {"headers": [*HTML, (b"set-cookie", b"voter=1")]},
        {"headers": [*HTML, (b"cache-control", b"max-age=0, no-store")]},
        {"headers": [(b"content-type", b"text/event-stream"), HTML[1]]},
    ],
)
def test_answers_of_other_kinds_pass_through(answer):
    bench = Bench(**answer)
    assert bench.gets()[0] == bench.gets()[0] == answer.get("status", 200)
    assert bench.asked == 2


def test_two_who_ask_at_once_are_given_one_page():
    async def both(bench):
        return await asyncio.gather(bench.get(), bench.get())

    bench = Bench()
    first, second = run(both(bench))
    assert first == second
    assert bench.asked == 1


def test_nothing_kept_and_no_look_at_health_waits_for_pages_that_take_long():
    bench = Bench()
    bench.gets("/kept")
    quick, ended, held = bench.app, asyncio.Event(), []

    async def slow(scope, receive, send):
        if scope["path"].startswith("/slow"):
            held.append(scope["path"])
            await ended.wait()
        await quick(scope, receive, send)

    async def all_at_once():
        making = [asyncio.ensure_future(bench.get(f"/slow/{k}")) for k in range(MADE_AT_ONCE + 1)]
        while len(held) < MADE_AT_ONCE:
            await asyncio.sleep(0.001)
        await asyncio.wait_for(asyncio.gather(bench.get("/kept"), bench.get("/healthz")), 5)
        ended.set()
        await asyncio.gather(*making)

    bench.cache.app = slow
    run(all_at_once())


def test_two_streams_of_one_address_run_beside_each_other():
    bench = Bench()
    open_streams = 0

    async def stream(scope, receive, send):
        nonlocal open_streams
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        open_streams += 1
        while open_streams < 2:
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})

    async def both():
        await asyncio.wait_for(asyncio.gather(bench.get(), bench.get()), 5)

    bench.cache.app = stream
    run(both())
    assert open_streams == 2


def test_an_application_that_breaks_down_holds_nobody_up():
    bench = Bench()

    async def broken(scope, receive, send):
        raise RuntimeError

    bench.cache.app = broken
    with pytest.raises(RuntimeError):
        bench.gets()
    bench.cache.app = bench.app
    assert bench.gets()[0] == 200


def test_pages_that_nobody_asks_for_make_room(monkeypatch):
    monkeypatch.setattr("arena.server.page_cache.MOST_BYTES", 3 * len(BODY))
    bench = Bench()
    for path in ("/a", "/b", "/a", "/c", "/a"):
        bench.gets(path)
    assert bench.asked == 3
    bench.gets("/b")
    assert bench.asked == 4


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    return str(tmp_path / "arena.db") if request.param == "sqlite" else request.getfixturevalue("postgres_database")


def test_the_state_of_a_ledger_is_another_after_each_commit_of_anybody(url):
    with Ledger.open(url) as ledger, Ledger.open(url) as other:
        before = ledger.state()
        assert ledger.state() == before
        ledger.agents()
        other.agents()
        assert ledger.state() == before, "reading is no change"
        ledger.add_agent("own", specification="random", kind="random")
        after = ledger.state()
        assert after != before
        other.add_agent("of another", specification="random", kind="random")
        assert ledger.state() not in (before, after)
        assert [one.name for one in ledger.agents()] == ["of another", "own"]
        other.retire_agent("own")
        assert [one.name for one in ledger.agents()] == ["of another"], "what was read before is kept no longer"
        assert [one.name for one in ledger.agents(include_retired=True)] == ["of another", "own"]


def block(first, *, size=4):
    """Matches that both of a tournament's agents win in turn."""
    won = np.resize([1.0, -1.0], size)
    return MatchResults(
        specs=MatchSpecs(
            index=np.arange(first, first + size),
            seats=np.tile([0, 1], (size, 1)),
            seed=np.zeros(size, np.uint64),
            chance_seed=np.arange(first, first + size, dtype=np.uint64),
        ),
        returns=np.stack((won, -won), 1),
        termination=np.zeros(size, np.int8),
        forfeit=np.full(size, -1, np.int8),
        actions=Ragged.of_lists([[]] * size),
        seconds=np.zeros((size, 2), np.float32),
    )


def test_pages_are_made_anew_where_what_they_show_was_written_by_anybody_and_nowhere_else(url, made_game, monkeypatch):
    shown = ("/games/test:one", "/games/test:two", "/agents/ann@1", "/agents", "/tournaments/one", "/tournaments", "/")
    games = ("one", "two")
    with Ledger.open(url) as ledger, Ledger.open(url) as elsewhere:
        by = {game: [ledger.add_agent(name, specification="random", kind="random") for name in names]
              for game, names in zip(games, (("ann", "bob"), ("cyd", "dan")), strict=True)}  # fmt: skip
        cups = {
            game: ledger.add_tournament(
                name=game, game=made_game(specification=f"test:{game}"), agents=by[game], config={}, seed=1, planned=64
            )
            for game in games
        }
        for cup in cups.values():
            ledger.write(cup, block(0))
            ledger.set_status(cup, "finished")  # while it runs, standings may wait
        monkeypatch.setattr("arena.server.page_cache.OLD_S", math.inf)
        app = create_app(ledger)
        made = []
        template = app.state.site.templates.get_template
        monkeypatch.setattr(
            app.state.site.templates, "get_template", lambda *named: made.append(named) or template(*named)
        )
        monkeypatch.setattr("arena.server.game_pages.playable_games", tuple)

        def anew(client):
            """The pages of these that are not given as they were."""
            found = set()
            for path in shown:
                made.clear()
                assert client.get(path).status_code == 200
                if made:
                    found.add(path)
            return found

        worker = Worker(name="worker", devices=("cpu",), kinds=("ratings",), gives=None)
        of_all = {"/tournaments", "/"}
        with TestClient(app, headers={"Accept": "text/html"}) as client:
            assert anew(client) == set(shown)
            assert anew(client) == set()
            elsewhere.write(cups["two"], block(4))
            assert anew(client) == {"/games/test:two", *of_all}
            assert "8 matches" in client.get("/games/test:two").text
            elsewhere.write(cups["one"], block(4))
            assert anew(client) == {"/games/test:one", "/agents/ann@1", "/tournaments/one", *of_all}
            elsewhere.keep_alive(cups["one"])
            assert anew(client) == set()
            with attending(elsewhere, lambda: [worker]):
                assert anew(client) == set(shown), "a worker has come"
                with attending(elsewhere, lambda: [worker]):
                    assert anew(client) == set(), "it is there still"
            elsewhere.add_agent("eve", specification="random", kind="random")
            assert anew(client) == set(shown)
            assert "eve" in client.get("/agents").text
