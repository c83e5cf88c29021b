"""Progress as server-sent events, cached standings, and serving at a port."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from fastapi.testclient import TestClient

from arena.games import ArenaError
from arena.server import standings_cache
from arena.server.app import create_app
from arena.server.run import serve as serve_command
from arena.server.settings import ServerSettings
from arena.server.standings_cache import StandingsCache


def _events(lines):
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_events_follow_a_tournament_to_its_end(fresh_ledger, serve, begin):
    tournament, advance = begin(fresh_ledger, matches=40)
    with serve(fresh_ledger) as served, served.client.stream("GET", f"/tournaments/{tournament.key}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer.iter_lines())
        assert next(events) == ("progress", {"status": "running", "done": 0, "planned": 40, "per_second": None})
        advance(0, 10)
        name, told = next(events)
        assert (name, told["done"]) == ("progress", 10)
        assert told["per_second"] > 0
        advance(10, 40)
        fresh_ledger.set_status(tournament, "finished")
        said = list(events)
    assert said[-2][1]["done"] == 40
    assert said[-2][1]["status"] == "finished"
    assert said[-1] == ("end", {})


def test_events_of_an_unknown_tournament_are_a_404(site):
    site.get("/tournaments/none/events", 404)


def test_a_running_tournament_shows_what_is_written_so_far(fresh_ledger, serve, begin):
    tournament, advance = begin(fresh_ledger, matches=40)
    with serve(fresh_ledger) as served:
        before = served.get(f"/tournaments/{tournament.key}").text
        assert "The first matches are not written yet" in before
        assert f'data-live-source="/tournaments/{tournament.key}/events"' in before
        assert "No match yet" in served.get("/").text
        advance(0, 20)
        after = served.get(f"/tournaments/{tournament.key}").text
        assert "Standing so far" in after
        assert ">20</span> <small>of 40 matches" in after


def test_standings_are_computed_once_for_each_state_of_the_ledger(fresh_ledger, begin, monkeypatch):
    tournament, advance = begin(fresh_ledger, matches=40)
    advance(0, 10)
    clock = [0.0]
    cache = StandingsCache(fresh_ledger, now=lambda: clock[0])
    first = cache.standings(tournament.game)
    assert cache.standings(tournament.game) is first
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_mark", None)
        assert cache.standings(tournament.game) is first, "while nothing is committed the game is not looked at again"
    advance(10, 20)
    clock[0] += 1
    second = cache.standings(tournament.game)
    assert (first.matches, second.matches) == (10, 20)
    assert cache.standings(tournament.game, method="bradley_terry") is not second
    assert cache.standings(tournament.game, tournament=tournament.key) is not second


@pytest.fixture
def timed(fresh_ledger, monkeypatch):
    """`timed(seconds)`: (a cache whose standings take so long, its clock)."""

    def make(seconds):
        clock = [0.0]
        real = standings_cache.standings

        def slow(*arguments, **named):
            clock[0] += seconds
            return real(*arguments, **named)

        monkeypatch.setattr(standings_cache, "standings", slow)
        return StandingsCache(fresh_ledger, now=lambda: clock[0]), clock

    return make


def test_while_matches_pour_in_the_last_standings_are_given_for_a_while(fresh_ledger, begin, timed):
    tournament, advance = begin(fresh_ledger, matches=40)
    cache, clock = timed(0.1)
    advance(0, 10)
    first = cache.standings(tournament.game)
    advance(10, 20)
    clock[0] += 0.5
    assert cache.standings(tournament.game) is first
    clock[0] += 1.0
    assert cache.standings(tournament.game).matches == 20


def test_once_a_tournament_has_ended_its_standings_are_never_old(fresh_ledger, begin, timed):
    tournament, advance = begin(fresh_ledger, matches=40)
    cache, _ = timed(0.1)
    advance(0, 10)
    cache.standings(tournament.game)
    advance(10, 40)
    fresh_ledger.set_status(tournament, "finished")
    assert cache.standings(tournament.game).matches == 40


def test_nobody_waits_for_standings_of_many_matches(fresh_ledger, begin, timed, monkeypatch):
    monkeypatch.setattr(standings_cache, "LARGE", 10)
    monkeypatch.setattr(standings_cache, "MOMENT_S", 60)
    tournament, advance = begin(fresh_ledger, matches=40)
    cache, clock = timed(5.0)
    advance(0, 10)
    first = cache.standings(tournament.game)
    advance(10, 20)
    assert cache.standings(tournament.game) is first
    clock[0] += 60
    assert cache.standings(tournament.game) is first, "they are computed beside this reader"
    assert until(lambda: cache.standings(tournament.game).matches == 20)


def test_whoever_comes_before_the_standings_of_many_matches_is_told_to_come_again(fresh_ledger, begin, monkeypatch):
    monkeypatch.setattr(standings_cache, "LARGE", 10)
    tournament, advance = begin(fresh_ledger, matches=40)
    advance(0, 10)
    may_end, real = threading.Event(), standings_cache.standings
    monkeypatch.setattr(standings_cache, "standings", lambda *a, **b: may_end.wait(60) and real(*a, **b))
    app = create_app(fresh_ledger)
    client = TestClient(app)
    app.state.site.standings.begin()
    told = client.get(f"/games/{tournament.game}")
    assert (told.status_code, told.headers["retry-after"], told.headers["refresh"]) == (503, "3", "3")
    assert "being computed from 10 matches" in told.text
    assert "being computed from 10 matches" in client.get("/").text
    may_end.set()
    assert until(lambda: client.get(f"/games/{tournament.game}").status_code == 200)


def test_who_reads_next_hears_why_standings_could_not_be_computed_again(fresh_ledger, begin, timed, monkeypatch):
    monkeypatch.setattr(standings_cache, "LARGE", 10)
    monkeypatch.setattr(standings_cache, "MOMENT_S", 60)
    tournament, advance = begin(fresh_ledger, matches=40)
    cache, clock = timed(5.0)
    advance(0, 10)
    cache.standings(tournament.game)
    advance(10, 20)
    clock[0] += 60

    def broken(*_, **__):
        raise ArenaError("the ledger is damaged")

    monkeypatch.setattr(standings_cache, "standings", broken)

    def heard():
        try:
            cache.standings(tournament.game)
        except ArenaError as error:
            return str(error) == "the ledger is damaged"

    assert until(heard)


def until(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not holds():
        time.sleep(0.01)
    return holds()


def test_a_taken_port_is_said_in_one_sentence(site, tmp_path):
    from arena.ledger import Ledger

    Ledger.open(tmp_path / "arena.db").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArenaError, match=f"port {port} of 127.0.0.1 is taken"):
            serve_command(tmp_path / "arena.db", ServerSettings(port=port))


def test_a_missing_ledger_is_not_made_by_serving(tmp_path):
    with pytest.raises(ArenaError):
        serve_command(tmp_path / "none.db", ServerSettings(port=0))
    assert not (tmp_path / "none.db").exists()
