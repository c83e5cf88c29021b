"""Pictures of every page at two widths in both themes, to be looked at: `python benchmarks/screenshots.py OUT`.

Without `--db` it plays a ledger of its own with something for each page to show, in some minutes. Needs Chromium and playwright.
What a visitor sees, a player, a voter, an account and an admin, and what they are told where something is refused.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright
from screenshots_ledger import ADMIN, PASSWORD, POLL, READER, RUNNING, fill

from arena.accounts import Scope, account
from arena.credentials import issue
from arena.games import list_games
from arena.heartbeat import heartbeat
from arena.ledger import Ledger
from arena.server.ladder_columns import COLUMNS
from arena.server.run import make_server
from arena.server.settings import ServerSettings
from arena.server.site import agent_address, game_address, match_address, tournament_address

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
PATIENCE_MS = 300_000  # the first page rates all ladders

Go = Callable[[Page], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="a folder for the pictures")
    parser.add_argument("--db", type=Path, help="a ledger to show; made where it is missing, and kept")
    parser.add_argument("--only", nargs="+", default=[""], help="only pages with one of these in their names")
    parser.add_argument("--width", type=int, choices=WIDTHS, help="only this one")
    parser.add_argument("--theme", choices=THEMES, help="only this one")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    list_games()  # once, as `arena serve` does: the first who plays does not wait for it
    widths = [given.width] if given.width else WIDTHS
    themes = [given.theme] if given.theme else THEMES
    with tempfile.TemporaryDirectory() as folder:
        path = given.db or Path(folder) / "arena.db"
        if not path.exists():
            fill(path)
        open_to_all = ServerSettings(visitors="play", sign_up="invite", sign_ins_per_minute=1000)
        with (
            Ledger.open(path) as ledger,
            Ledger.open(Path(folder) / "empty.db") as empty,
            served(ledger, open_to_all) as url,
            served(empty, ServerSettings()) as empty_url,
            served(empty, ServerSettings(sign_ins_per_minute=1)) as strict_url,
        ):
            running = ledger.tournament(RUNNING)
            ledger.keep_alive(running)
            pages = {
                **{name: at(url, address) for name, address in addresses(ledger).items()},
                **{f"empty-{name}": at(empty_url, address) for name, address in EMPTY.items()},
                **journeys(ledger, url, strict_url),
            }
            pages = {name: go for name, go in pages.items() if any(part in name for part in given.only)}
            with heartbeat(partial(ledger.keep_alive, running)):
                take(pages, given.out, widths, themes)


@contextmanager
def served(ledger: Ledger, settings: ServerSettings) -> Iterator[str]:
    """The address of a server of the ledger on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(ledger, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


EMPTY = {
    "home": "/",
    "tournaments": "/tournaments",
    "agents": "/agents",
    "polls": "/polls",
    "jobs": "/jobs",
    "ladder": "/games/openspiel:liars_dice",
}
"""Pages of a ledger in which there is nothing yet."""


def addresses(ledger: Ledger) -> dict[str, str]:
    """Of each page that a visitor may open the address, by a name for its pictures."""
    found = {
        "home": "/",
        "tournaments": "/tournaments",
        "agents": "/agents",
        "games": "/games?q=poker",
        "api": "/docs",
        "polls": "/polls",
        "jobs": "/jobs",
        "jobs-failed": "/jobs?status=failed",
        "play": "/play?game=arena:connect_four",
        "sign-in": "/sign-in",
        "sign-up-refused": "/sign-up",
        "poll": f"/polls/{POLL}",
        "error-404": "/nothing-here",
        "error-agent": "/agents/fourty",
        "error-figure": "/figures/ladder/ratings.svg?game=nothing",
    }
    for row in ledger.games():
        if row.matches:
            found[f"ladder-{row.game}"] = game_address(row.game)
    for one in ledger.tournaments():
        found[f"tournament-{one.key}"] = tournament_address(one.key)
        if one.source != "vote" and ledger.progress(one):
            found[f"match-{one.key}"] = match_address(one.key, 0)
    by_hundreds = [agent for agent in ledger.agents() if agent.kind == "external"]
    for agent in [*(one for one in ledger.agents() if one not in by_hundreds), by_hundreds[0], by_hundreds[-1]]:
        found[f"agent-{agent.label}"] = agent_address(agent.label)
    four = game_address("arena:connect_four")
    return found | {
        "ladder-columns": f"{four}?column=alpha_rank&column=seats&column=forfeits&compare=2026-10-12",
        "ladder-all-columns": f"{four}?" + "&".join(f"column={key}" for key in COLUMNS),
        "ladder-filtered": f"{four}?without_forfeits=1&without_agent=random&method=bradley_terry",
        "versus": "/versus?game=arena:connect_four&a=forty&b=twenty",
        "anytime": "/anytime?game=arena:connect_four",
        "match-seat": match_address("kuhn", 0) + "?view=0",
        "match-middle": match_address("first-week", 2) + "?move=9",
        "agent-forfeits": agent_address("agent-0001") + "?forfeits=1",
    }


def at(url: str, address: str) -> Go:
    return lambda page: _opened(page, url + address)


def _opened(page: Page, address: str) -> None:
    page.goto(address, wait_until="domcontentloaded")


def journeys(ledger: Ledger, url: str, strict_url: str) -> dict[str, Go]:
    """What is only seen by whoever signs in, votes, plays or is refused, by a name for its pictures."""

    def signed_in(address: str, name: str = ADMIN, then: Go | None = None) -> Go:
        def go(page: Page) -> None:
            page.request.post(f"{url}/sign-in", form={"name": name, "password": PASSWORD})
            _opened(page, url + address)
            if then is not None:
                then(page)

        return go

    def pressed(button: str, **fields: str) -> Go:
        def go(page: Page) -> None:
            for label, value in fields.items():
                page.get_by_label(label.replace("_", " "), exact=True).fill(value)
            page.get_by_role("button", name=button, exact=True).click()
            page.wait_for_load_state()

        return go

    def starting(page: Page) -> None:
        page.get_by_label("random@1").check()
        pressed("Start", Name="Friday cup")(page)

    def invited(page: Page) -> None:
        shown = issue(ledger, "invitation", account(ledger, ADMIN), name="a guest", scope=Scope.SUBMIT)
        _opened(page, f"{url}/sign-up?invitation={shown.text}")

    def wrong_password(page: Page) -> None:
        _opened(page, f"{url}/sign-in")
        pressed("Sign in", Name="root", Password="not the password")(page)

    def too_often(page: Page) -> None:
        _opened(page, f"{strict_url}/sign-in")
        for _ in range(3):
            pressed("Sign in", Name="root", Password="not the password")(page)
            if not page.get_by_role("button", name="Sign in").count():
                return

    def voting(turns: int) -> Go:
        def go(page: Page) -> None:
            _opened(page, f"{url}/polls/{POLL}/vote")
            for _ in range(turns):
                if not (left := page.locator("button[value=first]")).count():
                    return
                left.click()
                page.wait_for_load_state()

        return go

    def playing(game: str, moves: int) -> Go:
        def go(page: Page) -> None:
            form = {"game": game, "opponent": "random", "seat": "first"}
            began = page.request.post(f"{url}/play", form=form, max_redirects=0)
            _opened(page, url + began.headers["location"])
            for _ in range(moves):
                page.get_by_text("It is your turn").or_(page.get_by_text("Watch the replay")).wait_for()
                choice = page.locator("button[name=action]").first
                if not choice.count():
                    break
                choice.click()
            page.get_by_text("It is your turn").or_(page.get_by_text("Watch the replay")).wait_for()

        return go

    return {
        "sign-in-wrong": wrong_password,
        "sign-up": invited,
        "account": signed_in("/account"),
        "account-token": signed_in("/account", then=pressed("Make a token", What_it_is_for="my laptop")),
        "admin": signed_in("/admin"),
        "admin-invitation": signed_in("/admin", then=pressed("Invite", For_whom="a guest")),
        "audit": signed_in("/admin/audit"),
        "agent-new": signed_in("/new/agent"),
        "agent-new-refused": signed_in(
            "/new/agent", then=pressed("Register", Name="bot", **{"Specification,_of_a_kind_below": "exec:./bot"})
        ),
        "tournament-new": signed_in("/new/tournament?game=arena:connect_four"),
        "tournament-new-refused": signed_in(
            "/new/tournament?game=arena:connect_four", then=pressed("Start", Name="Friday cup")
        ),
        "tournament-asked-for": signed_in("/new/tournament?game=arena:connect_four", then=starting),
        "poll-new": signed_in("/new/poll"),
        "polls-admin": signed_in("/polls"),
        "poll-admin": signed_in(f"/polls/{POLL}"),
        "poll-draft": signed_in("/polls/not-open-yet"),
        "jobs-admin": signed_in("/jobs"),
        "error-403": signed_in("/admin", READER),
        "error-429": too_often,
        "vote": voting(0),
        "vote-next": voting(1),
        "vote-over": voting(40),
        "play-turn": playing("arena:connect_four", 2),
        "play-kuhn": playing("arena:kuhn_poker", 0),
        "play-text": playing("openspiel:phantom_ttt", 0),
        "play-over": playing("arena:tic_tac_toe", 9),
        "play-unknown-game": at(url, "/play?game=nothing:here"),
    }


def take(pages: Mapping[str, Go], out: Path, widths: list[int] | tuple[int, ...], themes: list[str]) -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for width in widths:
            for theme in themes:
                for name, go in pages.items():
                    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                    picture(context, go, out / f"{_safe(name)}-{width}-{theme}.png")
                    context.close()
        browser.close()
    print(f"{len(pages)} pages, {len(pages) * len(widths) * len(themes)} pictures in {out}")


def picture(context: BrowserContext, go: Go, file: Path) -> None:
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    go(page)
    page.screenshot(path=file, full_page=True)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]


if __name__ == "__main__":
    main()
