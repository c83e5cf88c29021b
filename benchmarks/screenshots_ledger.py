"""A ledger with something for every page to show, most of it by commands that can be typed: what `screenshots.py` pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from starlette.testclient import TestClient

from arena.accounts import Scope, add_account
from arena.agents import load_agent
from arena.games import GameInfo, load_game
from arena.games.actions import ActionSpace
from arena.games.ragged import Ragged
from arena.job_work import claim, fail
from arena.jobs import submit
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.match import play_matches
from arena.results import Fault, MatchResults, MatchSpecs, Termination
from arena.schedule import round_robin
from arena.server.app import create_app

EXAMPLES = Path(__file__).parents[1] / "examples"
ARENA = str(Path(sys.executable).with_name("arena"))
ADMIN, READER = "root", "a-reader-with-a-name-of-32-signs"
PASSWORD = "correct horse battery"
POLL = "explanations"
MANY = "elsewhere:many"
LONG = "elsewhere:long-names"
FEW = "elsewhere:one"
RUNNING = "now"

TOURNAMENTS = (
    ("first-week", "arena:connect_four", 24, ("random", "five=mcts(simulations=5)", "twenty=mcts(simulations=20)"), ()),
    ("second-week", "arena:connect_four", 24, ("random", "five", "twenty", "forty=mcts(simulations=40)"), ()),
    ("third-week", "arena:connect_four", 24, ("random", "five", "twenty", "forty", "twin=mcts(simulations=20)"), ()),
    ("duel", "arena:connect_four", 400, ("five", "forty"), ("--pairing", "decide", "--error-rate", "0.05")),
    ("swiss", "arena:tic_tac_toe", 4, ("random", "five", "twenty", "forty"), ("--pairing", "swiss", "--rounds", "3")),
    ("knockout", "arena:tic_tac_toe", 4, ("random", "five", "twenty", "forty"), ("--pairing", "knockout")),
    ("adaptive", "arena:tic_tac_toe", 40, ("random", "five", "twenty"), ("--pairing", "adaptive", "--aim", "order")),
    ("chess", "openspiel:chess", 2, ("random", "uniform"), ()),
    ("go", "openspiel:go(board_size=9)", 2, ("random", "uniform"), ()),
    ("hex", "openspiel:hex(board_size=7)", 2, ("random", "uniform"), ()),
    ("othello", "openspiel:othello", 2, ("random", "uniform"), ()),
    ("breakthrough", "openspiel:breakthrough", 2, ("random", "uniform"), ()),
    ("checkers", "openspiel:checkers", 2, ("random", "uniform"), ()),
    ("kuhn", "arena:kuhn_poker", 2000, ("random", "uniform", "oracles"), ()),
    ("leduc", "openspiel:leduc_poker", 200, ("random", "uniform", "search=ismcts(simulations=20)"), ()),
    ("skirmish", "smax:3m", 2, ("random", "closest=scripted:closest"), ()),
    ("stand-in", "sc2-standin:Skirmish", 2, ("attack=scripted:attack", "charge=scripted:charge"), ()),
    ("beacon", "sc2-standin:MoveToBeacon", 3, ("collect=scripted:collect",), ()),
)
DATES = {"first-week": "2026-10-05", "second-week": "2026-10-12", "third-week": "2026-10-19", "duel": "2026-10-26"}


def fill(path: Path) -> None:
    """Makes the ledger, in some minutes."""

    def arena(*words: str) -> None:
        print("arena", *words, flush=True)
        subprocess.run([ARENA, *words, "--db", str(path)], check=True, stdout=subprocess.DEVNULL)

    short = ("--steps", "20000", "--tables", "32", "--hidden", "16", "--set", "oracle_steps=4000")
    arena("train", "psro", "arena:kuhn_poker", *short, "--register", "oracles")
    for name, game, matches, agents, more in TOURNAMENTS:
        named = [word for agent in agents for word in ("--agent", agent)]
        arena(
            "tournament", "run", "--name", name, "--game", game, "--matches", str(matches), "--seed", "1", *named, *more
        )
    arena("exploit", "arena:kuhn_poker", "uniform")
    arena("exploit", "arena:connect_four", "five", "--method", "mcts", "--budget", "100", "--matches", "40")
    arena("job", "run", "arena:kuhn_poker", "bootstrap")
    arena("match", "import", str(EXAMPLES / "results.csv"), "--game", "elsewhere:results")
    arena("match", "import", str(EXAMPLES / "votes.csv"), "--game", "preference:answers")
    for name in (POLL, "Not open yet"):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(row) + "\n" for row in _prompts())
            file.flush()
            settings = ("least_seconds=0", "reveal=true", "per_minute=1000", "question=Which explanation is better?")
            arena("poll", "new", file.name, "--name", name, *(word for one in settings for word in ("--set", one)))
    arena("poll", "open", POLL)
    with Ledger.open(path) as ledger:
        with ledger.writing() as connection:
            for key, date in DATES.items():  # as if these had been played on other days
                moved = {"created_at": f"{date}T08:00:00+00:00", "finished_at": f"{date}T09:00:00+00:00"}
                connection.execute(sa.update(tournaments).where(tournaments.c.key == key).values(moved))
        add_account(ledger, ADMIN, PASSWORD, Scope.ADMIN)
        add_account(ledger, READER, PASSWORD, Scope.READ)
        _votes(ledger)
        _jobs(ledger)
        _elsewhere(ledger, LONG, [f"{letter * 30}-{'of-many-words-' * 4}{letter}" for letter in "wiM"], matches=300)
        _elsewhere(ledger, MANY, [f"agent-{number:04}" for number in range(1000)], matches=20_000)
        _elsewhere(ledger, FEW, ["first", "second"], matches=2)
        _running(ledger)


def _prompts() -> list[dict[str, str]]:
    return [
        {
            "prompt": f"Explain in a sentence what a minimax winner is, for reader {reader} of this page.",
            "short": "A mixture that no candidate beats on average.",
            "long": f"Think of a lottery over candidates: {'drawn anew for each prompt, ' * 12}it ties at least.",
            "code": f"Like this:\n```python\nweights = solve(margins)  # for reader {reader}\n```\nThat is all.",
        }
        for reader in range(12)
    ]


def _votes(ledger: Ledger) -> None:
    """Six voters, each with a browser of its own."""
    choices = ("first", "first", "second", "tie", "both_bad", "first")
    app, address = create_app(ledger), f"/polls/{POLL}/vote"
    for voter in range(6):
        with TestClient(app, base_url="http://127.0.0.1") as browser:
            for turn in range(8):
                [ballot] = re.findall(r'name="ballot" value="([^"]+)"', browser.get(address).text)
                browser.post(address, data={"ballot": ballot, "choice": choices[(voter + turn) % len(choices)]})


def _jobs(ledger: Ledger) -> None:
    """One job in each state."""
    for resamples in range(4):
        submit(ledger, kind="bootstrap", game="arena:connect_four", settings={"resamples": resamples + 1})
    failed = claim(ledger, {"cpu": "worker of a machine with a long name, process 4711 on cpu"})
    assert failed is not None
    fail(ledger, failed, "a bootstrap needs at least 2 resamples; ask for more, for example --set resamples=200")
    claim(ledger, {"cpu": "worker-2, CPU"})


def _elsewhere(ledger: Ledger, game: str, names: list[str], *, matches: int) -> None:
    """Results whose actions nobody knows, the lower number mostly the better; some are forfeited."""
    facts = GameInfo(
        specification=game,
        title=game.partition(":")[2],
        version="1",
        num_players=2,
        action_space=ActionSpace(size=1),
    )
    agents = [ledger.add_agent(name, specification="elsewhere", kind="external") for name in names]
    tournament = ledger.add_tournament(
        name=facts.title, game=facts, agents=agents, config={}, seed=0, planned=None, source="import"
    )
    random = np.random.default_rng(1)
    first = random.integers(len(names), size=matches)
    second = (first + random.integers(1, len(names), size=matches)) % len(names)
    lead = (second - first) / len(names)
    won = np.where(random.random(matches) < 1 / (1 + np.exp(-2 * lead)), 1.0, -1.0)
    lost = np.arange(matches) % 40 == 7  # forfeits
    won[lost] = -1.0
    results = MatchResults(
        specs=MatchSpecs(
            index=np.arange(matches),
            seats=np.column_stack((first, second)),
            seed=np.zeros(matches, np.uint64),
            chance_seed=np.arange(matches, dtype=np.uint64),
        ),
        returns=np.column_stack((won, -won)),
        termination=np.where(lost, Termination.TIMEOUT, Termination.NORMAL).astype(np.int8),
        forfeit=np.where(lost, 0, -1).astype(np.int8),
        actions=Ragged.of_lists([[] for _ in range(matches)]),
        seconds=np.zeros((matches, 2), np.float32),
        faults=tuple(
            Fault(
                index=int(index),
                player=0,
                termination=Termination.TIMEOUT,
                message="no answer within 2 s",
                log="thinking...\nstill thinking",
            )
            for index in np.flatnonzero(lost)[:30]
        ),
    )
    ledger.write(tournament, results)
    ledger.set_status(tournament, "finished")


def _running(ledger: Ledger) -> None:
    """A tournament that has played 60 of its 100 matches, and goes on."""
    game = load_game("arena:tic_tac_toe")
    entered = [ledger.agent(name) for name in ("random", "five", "twenty")]
    schedule = round_robin(3, 2, matches=100, seed=3)
    tournament = ledger.add_tournament(
        name="Now", game=game.info, agents=entered, config={"pairing": "round_robin"}, seed=3, planned=len(schedule)
    )
    agents = [load_agent(one.specification, game=game, name=one.name) for one in entered]
    ledger.write(tournament, play_matches(game.tables(64), agents, schedule.specs(0, 60)))
