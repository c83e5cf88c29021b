"""How fast the server is with 1,000 agents and 1,000,000 matches in its ledger, while fifty people read.

    python benchmarks/load.py                      # makes the ledger (two minutes), serves it, reads, prints a table
    python benchmarks/load.py --matches 100000     # less to wait for
    python benchmarks/load.py --folder load        # keeps the ledger there for the next time

A real ``arena serve`` on loopback, and readers that each ask once in two seconds, as people do; both share this machine's
cores. Four times: pages of a hundred rows that nobody has asked for before, pages that were asked for before, both again
while a tournament writes matches into the same ladder, and how long it takes until an open page says that there is a new match.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import psutil

from arena.games import load_game
from arena.games.ragged import Ragged
from arena.leaderboards import Record
from arena.ledger import Ledger
from arena.ledger_rows import Tournament
from arena.match_import import import_record
from arena.results import MatchResults, MatchSpecs, Termination

GAME = "openspiel:tic_tac_toe"
PARTS = 20
SORTS = ("rank", "name", "rating", "score", "return", "matches", "forfeits")
BLOCK = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--matches", type=int, default=1_000_000)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--every-s", type=float, default=2.0, help="how often each reader asks")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each part lasts")
    parser.add_argument("--folder", type=Path, help="where the ledger is kept; made where it is missing")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / f"load-{asked.agents}-{asked.matches}.db"
        if not database.exists():
            began = time.perf_counter()
            make_ledger(database, asked.agents, asked.matches)
            print(f"made {database.name}: {asked.matches:,} matches of {asked.agents:,} agents in {since(began)}")
        with Ledger.open(database) as ledger, served(database) as (url, process):
            asyncio.run(measure(ledger, url, process, asked))


async def measure(ledger: Ledger, url: str, process: int, asked: argparse.Namespace) -> None:
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {asked.readers} readers, one request each {asked.every_s:g} s"
    )
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits, headers={"Accept": "text/html"}) as client:
        began = time.perf_counter()
        first = await client.get(f"/games/{GAME}")
        print(f"first page after the start: {since(began)}, {first.status_code}")
        while first.status_code == HTTPStatus.SERVICE_UNAVAILABLE:  # the server reads all matches, and says so
            await asyncio.sleep(1)
            first = await client.get(f"/games/{GAME}")
        first.raise_for_status()
        print(f"the ladder is there: {since(began)}")
        size = sum(
            [
                int((await client.get(path, headers={"Range": "bytes=0-0"})).num_bytes_downloaded)
                for path in assets(first.text)
            ]
        )
        print(f"transferred with style and scripts: {(first.num_bytes_downloaded + size) / 1000:.0f} kB")
        print(f"{'what is read':<44} {'asked':>6} {'median':>9} {'95 %':>9} {'99 %':>9} {'worst':>9} {'processor':>10}")
        fresh = fresh_pages(asked.agents)
        tell = partial(told, client=client, process=process, asked=asked)
        await tell("pages that nobody has asked for", fresh)
        seen = [f"/games/{GAME}?page={page}" for page in (1, 2, 3)] + ["/", "/tournaments"]
        for path in seen:
            (await client.get(path)).raise_for_status()
        await tell("pages that were asked for before", itertools.cycle(seen))
        cup = begin(ledger)
        async with written(ledger, cup):
            await tell("new pages while matches are written", fresh)
            await tell("pages asked for before, while written", itertools.cycle(seen))
        print(f"until an open page says that there is a new match: {await latest_visible(ledger, cup, client)}")
        ledger.set_status(cup, "finished")


def make_ledger(database: Path, agents: int, matches: int) -> None:
    """A league of normal strengths in which everybody meets anybody, as twenty imported tournaments."""
    rng = np.random.default_rng(0)
    strength = rng.normal(0, 1, agents)
    first = rng.integers(agents, size=matches // 2)
    second = (first + 1 + rng.integers(agents - 1, size=len(first))) % agents
    seats = np.stack((first, second, second, first), 1).reshape(-1, 2)
    win = 0.9 / (1 + np.exp(strength[seats[:, 1]] - strength[seats[:, 0]] - 0.1))
    word = rng.random(len(seats))
    returns = np.where(word < win, 1.0, np.where(word < win + 0.1, 0.0, -1.0))
    forfeit = np.where(rng.random(len(seats)) < 0.002, 0, -1)
    names = tuple(f"agent-{number:04d}" for number in range(agents))
    with Ledger.open(database) as ledger:
        for part, rows in enumerate(np.array_split(np.arange(len(seats)), PARTS)):
            record = Record(
                agents=names,
                seats=seats[rows],
                returns=np.stack((returns[rows], -returns[rows]), 1),
                forfeit=forfeit[rows],
                pair=rows // 2,
                weight=np.ones(len(rows)),
                utility="zero_sum",
            )
            import_record(ledger, record, game=GAME, name=f"season {part + 1}", source_text=f"season {part + 1}")


@contextmanager
def served(database: Path) -> Iterator[tuple[str, int]]:
    """Its address and the number of its process."""
    command = [
        str(Path(sys.executable).with_name("arena")),
        "serve",
        "--db",
        str(database),
        "--port",
        "0",
        "--executor",
        "none",
    ]
    quiet = {"OMP_NUM_THREADS": "1", "ARENA_SERVE_REQUESTS_PER_MINUTE": "1000000"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | quiet) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://[\d.]+:\d+", line):
                    yield found[0], process.pid
                    break
            else:
                sys.exit("the server did not start")
        finally:
            process.terminate()


def assets(html: str) -> list[str]:
    return sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)))


def fresh_pages(agents: int) -> Iterator[str]:
    """Ladder pages of a hundred rows, each another one."""
    for number in itertools.count():
        sort, order = SORTS[number % len(SORTS)], ("asc", "desc")[number // len(SORTS) % 2]
        yield f"/games/{GAME}?sort={sort}&order={order}&page={number % (agents // 100) + 1}&fresh={number}"


def processor_s(process: int) -> float:
    """The time that a process has had of the processors, which other programs of the machine change little."""
    return float(sum(psutil.Process(process).cpu_times()[:2]))


async def told(
    what: str, paths: Iterator[str], *, client: httpx.AsyncClient, process: int, asked: argparse.Namespace
) -> None:
    """Reads so long, and prints how long answers took, and how long the server computed for each."""
    took: list[float] = []
    before = processor_s(process)
    end = time.perf_counter() + asked.seconds

    async def reader(number: int) -> None:
        await asyncio.sleep(asked.every_s * number / asked.readers)
        while time.perf_counter() < end:
            path, began = next(paths), time.perf_counter()
            answer = await client.get(path)
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
            await asyncio.sleep(max(0.0, asked.every_s - took[-1]))

    await asyncio.gather(*(reader(number) for number in range(asked.readers)))
    each = (processor_s(process) - before) / len(took)
    marks = (*np.quantile(took, [0.5, 0.95, 0.99]), max(took))
    print(f"{what:<44} {len(took):>6} " + " ".join(f"{1000 * mark:>6.0f} ms" for mark in (*marks, each)), flush=True)


def begin(ledger: Ledger) -> Tournament:
    """A tournament of ten agents that is being played."""
    entered = [ledger.agent(f"agent-{number:04d}") for number in range(10)]
    return ledger.add_tournament(
        name="under way", game=load_game(GAME).info, agents=entered, config={}, seed=1, planned=1_000_000
    )


def write_block(ledger: Ledger, cup: Tournament, first: int) -> None:
    rng = np.random.default_rng(first)
    seats = np.array([rng.permutation(10)[:2] for _ in range(BLOCK)])
    won = rng.choice([-1.0, 1.0], BLOCK)
    ledger.write(
        cup,
        MatchResults(
            specs=MatchSpecs(
                index=np.arange(first, first + BLOCK),
                seats=seats,
                seed=rng.integers(2**63, size=BLOCK).astype(np.uint64),
                chance_seed=rng.integers(2**63, size=BLOCK).astype(np.uint64),
            ),
            returns=np.stack((won, -won), 1),
            termination=np.full(BLOCK, Termination.NORMAL, np.int8),
            forfeit=np.full(BLOCK, -1, np.int8),
            actions=Ragged(np.empty(0, np.int32), np.zeros(BLOCK, np.int64)),
            seconds=np.zeros((BLOCK, 2), np.float32),
        ),
    )


@asynccontextmanager
async def written(ledger: Ledger, cup: Tournament) -> AsyncIterator[None]:
    """Meanwhile a block of matches is written twice a second."""
    ended = asyncio.Event()

    async def write() -> None:
        for first in itertools.count(0, BLOCK):
            await asyncio.to_thread(write_block, ledger, cup, first)
            await asyncio.to_thread(ledger.keep_alive, cup)
            try:
                await asyncio.wait_for(ended.wait(), 0.5)
            except TimeoutError:
                continue
            return

    writing = asyncio.create_task(write())
    yield
    ended.set()
    await writing


async def latest_visible(ledger: Ledger, cup: Tournament, client: httpx.AsyncClient) -> str:
    """The worst of ten: from the commit of a match until the stream of an open ladder tells its number."""
    worst = 0.0
    first = ledger.progress(cup)
    async with client.stream("GET", "/ladder/events", params={"game": GAME}) as answer:
        lines = answer.aiter_lines()

        async def number() -> int:
            async for line in lines:
                if line.startswith("data: ") and "matches" in (said := json.loads(line.removeprefix("data: "))):
                    return int(said["matches"])
            sys.exit("the stream ended")

        before = await number()
        for k in range(10):
            await asyncio.to_thread(write_block, ledger, cup, first + k * BLOCK)
            began = time.perf_counter()
            while (now := await asyncio.wait_for(number(), 30)) <= before:
                pass
            worst, before = max(worst, time.perf_counter() - began), now
    return f"{worst:.2f} s at worst, of ten"


def since(began: float) -> str:
    return f"{time.perf_counter() - began:.1f} s"


if __name__ == "__main__":
    main()
