"""Pictures of every page at two widths in both themes, to be looked at: `python benchmarks/screenshots.py OUT`.

Without `--db` it plays a ledger of its own with something for each page to show, in a minute or two. Needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import sync_playwright

from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.server.run import make_server
from arena.server.site import agent_address, game_address, match_address, tournament_address

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
EXAMPLES = Path(__file__).parents[1] / "examples"
ARENA = str(Path(sys.executable).with_name("arena"))

TOURNAMENTS = (
    ("first-week", "arena:connect_four", 24, ("random", "five=mcts(simulations=5)", "twenty=mcts(simulations=20)"), ()),
    ("second-week", "arena:connect_four", 24, ("random", "five", "twenty", "forty=mcts(simulations=40)"), ()),
    ("third-week", "arena:connect_four", 24, ("random", "five", "twenty", "forty", "twin=mcts(simulations=20)"), ()),
    ("duel", "arena:connect_four", 400, ("five", "forty"), ("--pairing", "decide", "--error-rate", "0.05")),
    ("swiss", "arena:tic_tac_toe", 4, ("random", "five", "twenty", "forty"), ("--pairing", "swiss", "--rounds", "3")),
    ("knockout", "arena:tic_tac_toe", 4, ("random", "five", "twenty", "forty"), ("--pairing", "knockout")),
    ("chess", "openspiel:chess", 2, ("random", "uniform"), ()),
    ("go", "openspiel:go(board_size=9)", 2, ("random", "uniform"), ()),
    ("hex", "openspiel:hex(board_size=7)", 2, ("random", "uniform"), ()),
    ("othello", "openspiel:othello", 2, ("random", "uniform"), ()),
    ("breakthrough", "openspiel:breakthrough", 2, ("random", "uniform"), ()),
    ("checkers", "openspiel:checkers", 2, ("random", "uniform"), ()),
    ("kuhn", "arena:kuhn_poker", 2000, ("random", "uniform", "oracles"), ()),
    ("leduc", "openspiel:leduc_poker", 200, ("random", "uniform", "search=ismcts(simulations=20)"), ()),
    ("skirmish", "smax:3m", 2, ("random", "closest=scripted:closest"), ()),
)
DATES = {"first-week": "2026-10-05", "second-week": "2026-10-12", "third-week": "2026-10-19", "duel": "2026-10-26"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="a folder for the pictures")
    parser.add_argument("--db", type=Path, help="a ledger to show; made where it is missing, and kept")
    parser.add_argument("--only", default="", help="only pages with this in their address")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = given.db or Path(folder) / "arena.db"
        if not path.exists():
            fill(path)
        with Ledger.open(path) as ledger, socket.create_server(("127.0.0.1", 0)) as listener:
            server = make_server(ledger)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            while not server.started:
                time.sleep(0.05)
            try:
                pages = {name: address for name, address in addresses(ledger).items() if given.only in address}
                take(f"http://127.0.0.1:{listener.getsockname()[1]}", pages, given.out)
            finally:
                server.should_exit = True
                thread.join()


def fill(path: Path) -> None:
    """Plays a ledger, each part by a command that can be typed."""

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
    arena("match", "import", str(EXAMPLES / "results.csv"), "--game", "elsewhere:results")
    arena("match", "import", str(EXAMPLES / "votes.csv"), "--game", "preference:answers")
    with Ledger.open(path) as ledger, ledger.writing() as connection:
        for key, date in DATES.items():  # as if these had been played on other days
            moved = {"created_at": f"{date}T08:00:00+00:00", "finished_at": f"{date}T09:00:00+00:00"}
            connection.execute(sa.update(tournaments).where(tournaments.c.key == key).values(moved))


def addresses(ledger: Ledger) -> dict[str, str]:
    """Of each page that is pictured the address, by a name for its files."""
    found = {
        "home": "/",
        "tournaments": "/tournaments",
        "agents": "/agents",
        "games": "/games?q=poker",
        "api": "/docs",
        "missing": "/nothing-here",
        "empty": "/games/openspiel:liars_dice",
    }
    known = [row.game for row in ledger.games() if row.matches]
    for game in known:
        found[f"ladder-{game}"] = game_address(game)
    for one in ledger.tournaments():
        found[f"tournament-{one.key}"] = tournament_address(one.key)
        if one.source == "play":
            found[f"match-{one.key}"] = match_address(one.key, 0)
    for agent in ledger.agents():
        found[f"agent-{agent.label}"] = agent_address(agent.label)
    if "arena:connect_four" in known:
        ladder = game_address("arena:connect_four")
        found["ladder-columns"] = f"{ladder}?column=alpha_rank&column=seats&column=forfeits&compare=2026-10-12"
        found["versus"] = "/versus?game=arena:connect_four&a=forty&b=twenty"
    if "arena:kuhn_poker" in known:
        found["match-seat"] = match_address("kuhn", 0) + "?view=0"
    return found


def take(url: str, pages: dict[str, str], out: Path) -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for width in WIDTHS:
            for theme in THEMES:
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                page = context.new_page()
                for name, address in pages.items():
                    page.goto(url + address, wait_until="domcontentloaded")
                    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
                    page.screenshot(path=out / f"{safe}-{width}-{theme}.png", full_page=True)
                context.close()
        browser.close()
    print(f"{len(pages)} pages, {len(pages) * len(WIDTHS) * len(THEMES)} pictures in {out}")


if __name__ == "__main__":
    main()
