"""A real ledger with real matches, a real server over it, and a headless Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import argon2
import httpx
import numpy as np
import pytest
from serving import served

from arena.agents import load_agent
from arena.config import make_config
from arena.games import GameInfo, load_game
from arena.games.actions import ActionSpace
from arena.games.ragged import Ragged
from arena.ledger import Ledger
from arena.ledger_rows import Tournament
from arena.match import play_matches
from arena.results import Fault, MatchResults, MatchSpecs, Termination
from arena.schedule import round_robin
from arena.server.settings import ServerSettings
from arena.server.site import playable_games
from arena.tournament import run_tournament

HOSTILE = '<script>alert("1")</script>'
SAID = f'said {HOSTILE} in File "/srv/arena/host.py", line 3'


@dataclass(frozen=True, slots=True)
class Site:
    """A server that runs: its address, its ledger, and a client for it."""

    url: str
    ledger: Ledger
    client: httpx.Client

    def get(self, path: str, status: int = 200) -> httpx.Response:
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing a password costs on purpose; tests do it often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arena.accounts._hasher", lambda: argon2.PasswordHasher(time_cost=1, memory_cost=64))
        yield


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Connect four, tic-tac-toe, two poker games and an imported tournament with hostile names; tests only read it."""
    with Ledger.open(tmp_path_factory.mktemp("ledger") / "arena.db") as ledger:
        play(ledger, "Four cup", "openspiel:connect_four", ["first", "second", "third"], matches=60)
        play(ledger, "Noughts", "openspiel:tic_tac_toe", ["first", "second"], matches=8)
        play(ledger, "Kuhn cup", "openspiel:kuhn_poker", ["first", "second", "even=uniform"], matches=20)
        play(ledger, "Leduc cup", "openspiel:leduc_poker", ["first", "second"], matches=8)
        play(ledger, "Dark cup", "openspiel:phantom_ttt", ["first", "second"], matches=4)
        play(ledger, "Three", "openspiel:kuhn_poker(players=3)", ["first", "second", "third"], matches=6)
        imported(ledger)
        with serving(ledger) as served:
            yield served


@contextmanager
def serving(ledger: Ledger, settings: ServerSettings | None = None) -> Iterator[Site]:
    """The ledger behind a real port of this machine."""
    with served(ledger, settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield Site(url, ledger, client)


def wait_for(fact: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def play(ledger: Ledger, name: str, game: str, agents: list[str], *, matches: int) -> Tournament:
    """A finished tournament; an agent is ``name`` for a random one, or ``name=specification``."""
    named = {text.partition("=")[0]: text.partition("=")[2] or "random" for text in agents}
    values = {"name": name, "game": game, "agents": named, "matches": matches, "seed": 7}
    return run_tournament(make_config(values), ledger)


def begun(ledger: Ledger, *, matches: int) -> tuple[Tournament, Callable[[int, int], None]]:
    """A tournament that runs, and what plays its matches from..to."""
    game = load_game("openspiel:tic_tac_toe")
    entered = [ledger.add_agent(name, specification="random", kind="random") for name in ("north", "south")]
    schedule = round_robin(2, 2, matches=matches, seed=3)
    tournament = ledger.add_tournament(
        name="Running", game=game.info, agents=entered, config={"pairing": "round_robin"}, seed=3, planned=len(schedule)
    )
    agents = [load_agent("random", game=game, name=agent.name) for agent in entered]

    def advance(start: int, stop: int) -> None:
        ledger.write(tournament, play_matches(game.tables(64), agents, schedule.specs(start, stop)))

    return tournament, advance


def imported(ledger: Ledger) -> Tournament:
    """Results from elsewhere, without actions, between agents with hostile names; one match was forfeited."""
    facts = GameInfo(
        specification=f"elsewhere:{HOSTILE}/x",
        title=f"Chess {HOSTILE}",
        version="1",
        num_players=2,
        action_space=ActionSpace(size=1),
    )
    agents = [ledger.add_agent(name, specification=HOSTILE, kind="external") for name in (HOSTILE, "a/b c?d#e%20&f")]
    tournament = ledger.add_tournament(
        name=f"Import {HOSTILE}", game=facts, agents=agents, config={}, seed=0, planned=None, source="import"
    )
    wins = 30
    results = MatchResults(
        specs=MatchSpecs(
            index=np.arange(wins),
            seats=np.tile([[0, 1], [1, 0]], (wins // 2, 1)),
            seed=np.zeros(wins, np.uint64),
            chance_seed=np.arange(wins, dtype=np.uint64),
        ),
        returns=np.tile([[1.0, -1.0], [1.0, -1.0], [0.0, 0.0]], (wins // 3, 1)),
        termination=np.where(np.arange(wins) == 4, Termination.CRASH, Termination.NORMAL).astype(np.int8),
        forfeit=np.where(np.arange(wins) == 4, 1, -1).astype(np.int8),
        actions=Ragged.of_lists([[] for _ in range(wins)]),
        seconds=np.zeros((wins, 2), np.float32),
        faults=(Fault(index=4, player=1, termination=Termination.CRASH, message=HOSTILE, log=SAID),),
    )
    ledger.write(tournament, results)
    return ledger.set_status(tournament, "finished")


def import_matches(
    ledger: Ledger, game: str, matches: Sequence[tuple[str, str, float, int]], name: str = ""
) -> Tournament:
    """Matches of (agent in seat 0, agent in seat 1, what seat 0 gets, the seat that forfeits or -1)."""
    facts = GameInfo(
        specification=game, title=f"Game {game}", version="1", num_players=2, action_space=ActionSpace(size=1)
    )
    names = list(dict.fromkeys(name for first, second, *_ in matches for name in (first, second)))
    agents = [ledger.add_agent(one, specification="elsewhere", kind="external") for one in names]
    tournament = ledger.add_tournament(
        name=name or game, game=facts, agents=agents, config={}, seed=0, planned=None, source="import"
    )
    size = len(matches)
    forfeit = np.array([match[3] for match in matches], np.int8)
    returns = np.array([match[2] for match in matches], float)
    results = MatchResults(
        specs=MatchSpecs(
            index=np.arange(size),
            seats=np.array([[names.index(match[0]), names.index(match[1])] for match in matches]),
            seed=np.zeros(size, np.uint64),
            chance_seed=np.arange(size, dtype=np.uint64),
        ),
        returns=np.column_stack((returns, -returns)),
        termination=np.where(forfeit >= 0, Termination.CRASH, Termination.NORMAL).astype(np.int8),
        forfeit=forfeit,
        actions=Ragged.of_lists([[] for _ in range(size)]),
        seconds=np.zeros((size, 2), np.float32),
        faults=(),
    )
    ledger.write(tournament, results)
    return ledger.set_status(tournament, "finished")


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A headless Chromium of this machine. Skipped where there is none, but not in CI."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    playable_games()  # as a server does when it starts: no browser waits for it
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, site: Site):
    """`open_page(path, width=1280, scripts=True, dark=False)`: the page, which must load only from its own server
    and say nothing on the console, but for pages that are not found where it need not be `quiet`."""
    contexts, problems = [], []

    def open_it(
        path: str, *, width: int = 1280, scripts: bool = True, dark: bool = False, at: Site = site, quiet: bool = True
    ):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if quiet:
            page.on("console", lambda said: problems.append(f"{path}: {said.type} {said.text}"))
        page.on("pageerror", lambda error: problems.append(f"{path}: {error}"))
        page.on(
            "request",
            lambda asked: asked.url.startswith((at.url, "data:")) or problems.append(f"{path}: asks {asked.url}"),
        )
        page.goto(at.url + path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def fresh_ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as ledger:
        yield ledger


@pytest.fixture
def serve():
    """`with serve(ledger) as site`."""
    return serving


@pytest.fixture(scope="session")
def serve_module():
    """The same for fixtures that many tests share."""
    return serving


@pytest.fixture
def begin():
    """`begin(ledger, matches=100)`: a running tournament, and `advance(start, stop)` that plays matches of it."""
    return begun


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def wait():
    """`wait(fact)`: until it is true."""
    return wait_for
