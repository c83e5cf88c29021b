"""`make demo`: tournaments on six games, their leaderboards in the terminal and in the browser, in a few minutes.

Every step is a command that you can type yourself. Everything is written into the folder demo/.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from arena.games import TabularPolicy
from arena.solvers import save_policy

FOLDER = Path(__file__).parents[1] / "demo"
ARENA = str(Path(sys.executable).with_name("arena"))
LEDGER = "demo.db"
PURE = ("rock", "paper", "scissors")


def main() -> None:
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    os.chdir(FOLDER)
    os.environ["ARENA_DB"] = LEDGER

    step("1. Solve leduc poker with CFR+: a strategy with a certificate of how far it is from perfect")
    arena("solve", "cfr_plus", "openspiel:leduc_poker", "--until", "0.02", "-o", "leduc.json")
    step(
        "2. Leduc poker: the solved strategy against random, uniform and tree search. Watch Elo and exploitability disagree"
    )
    arena("agent", "add", "solved", "policy:leduc.json")
    tournament("leduc", "openspiel:leduc_poker", 400, "random", "uniform", "solved", "search=ismcts(simulations=100)")
    step("3. Connect four: random play and tree search of two strengths")
    tournament(
        "connect-four",
        "arena:connect_four",
        40,
        "random",
        "mcts20=mcts(simulations=20)",
        "mcts200=mcts(simulations=200)",
    )
    step("4. Connect four again, until a test has decided which of the two searches is better")
    duel = ["mcts20=mcts(simulations=20)", "mcts200=mcts(simulations=200)"]
    tournament("duel", "arena:connect_four", 400, *duel, more=["--pairing", "decide", "--error-rate", "0.01"])
    step("5. Three players at one table: kuhn poker, every agent on every seat equally often")
    tournament("three", "openspiel:kuhn_poker(players=3)", 300, "random", "uniform", "search=ismcts(simulations=100)")
    step("6. A general-sum game: the prisoner's dilemma. Who gains most is not who does best together")
    for name, action in (("cooperator", 0), ("defector", 1)):
        write_pure("matrix:prisoners_dilemma", action, name)
    tournament("dilemma", "matrix:prisoners_dilemma", 400, "cooperator", "defector", "random")
    step(
        "7. Rock, paper, scissors as a preference game: Elo calls all equal, the minimax winner is the mixture of a third each"
    )
    for action, name in enumerate(PURE):
        write_pure("preference:rps", action, name)
    tournament("rps", "preference:rps", 1000, *PURE)
    step("8. Results from elsewhere need no ledger: rate a file")
    arena("leaderboard", "--from", str(Path(__file__).with_name("results.csv")))
    print(f"\nAll of it took {time.monotonic() - began:.0f} s and stands in {FOLDER}", flush=True)

    if sys.stdin.isatty() and sys.stdout.isatty():
        step("9. The same leaderboards in your browser; Ctrl-C ends the demo")
        arena("serve", "--port", str(free_port(8000)))
    else:
        step("9. The same leaderboards in a browser; there is no terminal, so the pages are checked over HTTP")
        check_pages()


def step(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def tournament(name: str, game: str, matches: int, *agents: str, more: list[str] | None = None) -> None:
    """Plays and prints the leaderboard."""
    listed = [part for agent in agents for part in ("--agent", agent)]
    arena(
        "tournament",
        "run",
        "--name",
        name,
        "--game",
        game,
        *listed,
        "--matches",
        str(matches),
        "--seed",
        "1",
        *(more or []),
    )


def write_pure(game: str, action: int, name: str) -> None:
    """The agent that always plays one action: a policy of one line for each seat."""
    save_policy(TabularPolicy(game, {f"player {player}": {action: 1.0} for player in range(2)}), f"{name}.json")
    arena("agent", "add", name, f"policy:{name}.json")


def arena(*arguments: str) -> None:
    """Runs a command of Arena's and shows it."""
    shown = " ".join(f"'{text}'" if set(text) & set("() ") else text for text in arguments)
    print(f"$ arena {shown}", flush=True)
    finished = subprocess.run([ARENA, *arguments])
    if finished.returncode not in (0, 130):
        sys.exit(finished.returncode)


def check_pages() -> None:
    """Serves the ledger and asks for every page once."""
    port = free_port(0)
    print(f"$ arena serve --port {port}", flush=True)
    server = subprocess.Popen([ARENA, "serve", "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        wait_for(base, server)
        for path in ("/", "/games", "/games/openspiel:leduc_poker", "/games/preference:rps", "/tournaments/leduc",
                     "/tournaments/connect-four/matches/0", "/agents/solved@1", "/docs", "/api/v1/games"):  # fmt: skip
            with urllib.request.urlopen(base + path, timeout=60) as answer:
                print(f"  {answer.status} {path} {len(answer.read()):,} bytes", flush=True)
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(base: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(base + "/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server did not start")


def free_port(wanted: int) -> int:
    """The port, or a free one where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port(0)
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
