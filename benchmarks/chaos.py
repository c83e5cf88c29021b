"""Kills, delays and duplications between schedulers, workers and the ledger: the ledger must be that of a run without them.

python benchmarks/chaos.py                          # ten thousand simulated faults
python benchmarks/chaos.py --real 200 FOLDER        # kills of real processes; the same command goes on
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from arena.config import make_config
from arena.database import check
from arena.job_rows import Resources
from arena.jobs import all_jobs
from arena.ledger import Ledger
from arena.tournament import run_tournament
from arena.tournament_job import ask_tournament
from benchmarks.chaos_simulation import CONFIGS, Reference, World

CUP = make_config(
    {
        "name": "chaos",
        "game": "openspiel:tic_tac_toe",
        "agents": {"a": "random", "b": "mcts(simulations=30)", "c": "mcts(simulations=60)"},
        "matches": 4000,
        "block": 12,
        "seed": 11,
    }
)
WORKERS = 4
WEIGHTS = {"server": 0.06, "scheduler": 0.14, "block worker": 0.8}
"""Who is killed how often."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--faults", type=int, default=10_000)
    arguments.add_argument("--real", type=int, default=0)
    arguments.add_argument("folder", nargs="?", type=Path)
    asked = arguments.parse_args()
    if asked.real:
        kill_really(asked.real, asked.folder or Path(tempfile.mkdtemp(prefix="arena-chaos-")))
    else:
        simulate(asked.faults)


def simulate(wanted: int) -> None:
    """Worlds one after the other, until there were so many faults."""
    faults: Counter[str] = Counter()
    worlds, schedulers, began = 0, 0, time.process_time()
    with tempfile.TemporaryDirectory(prefix="arena-chaos-") as folder:
        reference = Reference(Path(folder))
        while faults.total() < wanted:
            outcome = World(worlds, CONFIGS[worlds % len(CONFIGS)], reference).run(Path(folder) / f"{worlds}.db")
            if outcome.wrong:
                raise SystemExit(f"world {worlds} ({CONFIGS[worlds % len(CONFIGS)].pairing}): {outcome.wrong}")
            faults += outcome.faults
            schedulers += outcome.schedulers
            worlds += 1
    for what, count in faults.most_common():
        print(f"{count:>6,}  {what}")
    print(
        f"{faults.total():,} faults in {worlds} tournaments, {schedulers} schedulers, {time.process_time() - began:.0f} s of CPU: "
        "every ledger is the reference run's"
    )


def kill_really(wanted: int, folder: Path) -> None:
    """Kills processes of a pool while it plays one tournament, each after something new was recorded."""
    notes = folder / "kills"
    kills = Counter(notes.read_text().splitlines() if notes.exists() else [])
    chance = random.Random(kills.total())
    with Ledger.open(folder / "arena.db") as ledger:
        ask_tournament(ledger, CUP, needs=Resources(cpus=WORKERS))
        server = _serve(folder)
        try:
            recorded = -1
            while kills.total() < wanted and not all_jobs(ledger, status="finished"):
                _wait_for_more(ledger, recorded, server)
                recorded = _recorded(ledger)
                what = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                victims = _processes(server)[what]
                if not victims:
                    continue
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills[what] += 1
                with notes.open("a") as file:
                    file.write(f"{what}\n")
                if what == "server":
                    server.wait()
                    server = _serve(folder)
            while not all_jobs(ledger, status="finished"):
                time.sleep(1)
                assert not all_jobs(ledger, status="failed"), all_jobs(ledger, status="failed")
        finally:
            server.kill()
            server.wait()
        (tournament,) = ledger.tournaments()
        with Ledger.open(folder / "reference.db") as other:
            reference = run_tournament(CUP, other)
            equal = ledger.results(tournament).equals(other.results(reference))
        whole = not check(folder / "arena.db")
        (job,) = all_jobs(ledger)
    shown = ", ".join(f"{count} of {what}s" for what, count in kills.most_common())
    print(f"{kills.total()} kills ({shown}); the job was taken {job.claims} times")
    print(
        f"{len(CUP.agents)} agents, {tournament.planned:,} matches: the ledger {'is' if equal and whole else 'IS NOT'} the reference run's"
    )
    raise SystemExit(0 if equal and whole else 1)


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("chaos_server.py")
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, str(script), str(folder / "arena.db")], stderr=log)


def _processes(server: subprocess.Popen[bytes]) -> dict[str, list[int]]:
    """Of the server, who plays tournaments and who plays their blocks, by process number."""
    found: dict[str, list[int]] = {"server": [server.pid], "scheduler": [], "block worker": []}
    try:
        for scheduler in filter(_is_worker, psutil.Process(server.pid).children()):
            found["scheduler"].append(scheduler.pid)
            found["block worker"] += [child.pid for child in filter(_is_worker, scheduler.children())]
    except psutil.NoSuchProcess:  # died meanwhile
        pass
    return found


def _is_worker(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())


def _recorded(ledger: Ledger) -> int:
    return sum(ledger.progress(tournament) for tournament in ledger.tournaments())


def _wait_for_more(ledger: Ledger, recorded: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while _recorded(ledger) <= recorded:
        if time.monotonic() > deadline or server.poll() is not None:
            raise SystemExit("nothing more is recorded; see the log")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
