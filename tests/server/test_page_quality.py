"""What every page owes its readers, checked in Chromium: names of controls, headings, landmarks, contrast, width, size, no jumps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import pytest
from server_routes import routes_of
from visitors import PASSWORD

from arena.accounts import Scope, add_account
from arena.agents.protocol import Hello, match_numbers
from arena.agents.remote import Question, SeatTaken
from arena.config import make_config
from arena.credentials import issue
from arena.games import ArenaError
from arena.job_kinds import ask
from arena.job_work import do_here
from arena.judge_input import answers_of
from arena.ledger import Ledger
from arena.matches_under_way import planned_match
from arena.polls.poll import PollSettings, make_poll, open_poll
from arena.presence import arrive, register_person
from arena.questions import LedgerMailbox
from arena.server.app import create_app
from arena.server.live_match import live_address
from arena.server.site import agent_address, game_address, match_address, tournament_address
from arena.tournament import create_tournament
from tests.server.conftest import begun, play

pytestmark = pytest.mark.browser

NO_PAGES = (
    "/api/",
    "/downloads/",
    "/figures/",
    "/static",
    "/openapi.json",
    "/healthz",
    "/metrics",
    "/robots.txt",
    "/live",
)
MOST_BYTES = 200_000

PROBLEMS = """
() => {
  const found = [];
  const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const name = (e) => (e.getAttribute("aria-label") || [...(e.labels || [])].map((l) => l.textContent).join(" ")
    || (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent || "").join(" ")
    || e.textContent || e.getAttribute("title") || e.value && e.type === "submit" && e.value || "").trim()
    || [...e.querySelectorAll("[aria-label], img[alt]")].map((c) => c.getAttribute("aria-label") || c.alt).join(" ").trim();
  const said = (e) => e.outerHTML.slice(0, 120);
  for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary"))
    if (seen(e) && !name(e)) found.push("no name: " + said(e));
  for (const e of document.querySelectorAll('svg:not([aria-hidden=true])'))
    if (seen(e) && !e.closest("svg svg, [aria-hidden=true]") && !(e.parentElement.closest("svg")) && !e.getAttribute("aria-label")) found.push("picture without words: " + said(e));
  for (const e of document.querySelectorAll("img:not([alt])")) found.push("no alt: " + said(e));
  const heads = [...document.querySelectorAll("h1, h2, h3, h4, h5")].filter((e) => seen(e) || e.classList.contains("sr"));
  if (heads.filter((e) => e.tagName === "H1").length !== 1) found.push("not one h1");
  heads.reduce((before, e) => {
    const level = Number(e.tagName[1]);
    if (level > before + 1) found.push(`heading ${level} after ${before}: ` + said(e));
    return level;
  }, 0);
  for (const landmark of ["header", "main", "footer", "nav[aria-label]"])
    if (!document.querySelector(landmark)) found.push("no " + landmark);
  if (!document.documentElement.lang) found.push("no language");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) found.push("twice: #" + id);
  for (const e of document.querySelectorAll(".scroll")) if (e.tabIndex < 0 || !e.getAttribute("aria-label")) found.push("scrolls unnamed: " + said(e));
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push("wider than the screen: " + document.documentElement.scrollWidth);

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const colour = (text) => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      known.set(text, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(text);
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const back = colour(getComputedStyle(e).backgroundColor);
      if (back[3] === 255) return back;
    }
    return [255, 255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || e.closest("svg, script, noscript, .sr, .skip, option") || !seen(e)) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const [a, b] = [light(colour(style.color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ` + node.textContent.trim().slice(0, 40) + " in " + said(e).slice(0, 60));
  }
  return [...new Set(found)];
}
"""

# The page is parsed and drawn; its scripts, which run when it is parsed, are still on their way.
DRAWN = """
() => new Promise((done) => {
  const look = () => document.readyState !== "loading" && performance.getEntriesByName("first-contentful-paint").length ? done() : requestAnimationFrame(look);
  look();
})
"""
SHIFTS = """
() => new Promise((done) => {
  let sum = 0;
  const add = (entries) => { for (const one of entries) if (!one.hadRecentInput) sum += one.value; };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => { add(observer.takeRecords()); done(sum); })), 30);
})
"""


def _addresses(site) -> list[str]:
    """Every page without a parameter, and one of each that has some."""
    found = [
        path
        for method, path in routes_of(create_app(site.ledger))
        if method == "GET" and "{" not in path and not path.startswith(NO_PAGES)
    ]
    assert "/tournaments" in found
    four, kuhn = "openspiel:connect_four", "openspiel:kuhn_poker"
    found = [path for path in found if path not in ("/docs", "/versus", "/anytime")]
    return [
        *found,
        "/nothing-here",
        game_address(four),
        game_address(kuhn) + "?column=alpha_rank&column=seats&compare=2026-01-01&without_forfeits=1",
        game_address("openspiel:liars_dice"),
        agent_address("first@1"),
        tournament_address("four-cup"),
        match_address("four-cup", 3),
        match_address("kuhn-cup", 0) + "?view=0",
        f"/versus?game={four}&a=first&b=second",
        f"/anytime?game={four}",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def busy(tmp_path_factory, serve_module):
    """(A server where something of everything goes on, the session of its admin, the pages that show it)."""
    with Ledger.open(tmp_path_factory.mktemp("busy") / "arena.db") as ledger:
        root = add_account(ledger, "root", PASSWORD, Scope.ADMIN)
        add_account(ledger, "ann", PASSWORD, Scope.PLAY)
        for kind in ("token", "invitation"):
            issue(ledger, kind, root, name="a laptop", scope=Scope.RUN)
        session = issue(ledger, "session", root, scope=Scope.ADMIN).text
        play(ledger, "Kuhn", "openspiel:kuhn_poker", ["first", "second"], matches=4)
        running, advance = begun(ledger, matches=4)
        advance(0, 2)
        sheet = answers_of(b"prompt,short,long\nWhy?,because,well\nHow?,so,like this\n", "answers.csv")
        polls = [
            make_poll(ledger, sheet, name=name, settings=PollSettings(voters="accounts")) for name in ("Open", "Draft")
        ]
        open_poll(ledger, polls[0])
        failed, waiting = (
            ask(ledger, "ratings", "openspiel:kuhn_poker", settings={"method": method})
            for method in ("elo", "bradley_terry")
        )
        with pytest.raises(ArenaError):
            do_here(ledger, failed, _fails)
        with _asked_to_move(ledger) as mine, serve_module(ledger) as site:
            yield (
                site,
                session,
                [
                    *("/account", "/admin", "/admin/audit", "/new/agent", "/new/tournament", "/new/poll", "/play"),
                    *("/polls", "/jobs", f"/jobs/{failed.key}", f"/jobs/{waiting.key}"),
                    *(f"/polls/{poll.key}" for poll in polls),
                    f"/polls/{polls[0].key}/vote",
                    tournament_address(running.key),
                    live_address(mine, 0),
                ],
            )


def _fails(*_: object) -> dict[str, object]:
    raise ArenaError("nothing comes of it")


@contextmanager
def _asked_to_move(ledger: Ledger) -> Iterator[str]:
    """The key of a tournament in whose match the admin is to move."""
    game = "openspiel:tic_tac_toe"
    person = register_person(ledger, "root.human", account="root")
    arrive(ledger, person, game, Hello(name=person.name, wants=("text",), matches=1), connection="a browser")
    agents = {person.name: person.name, "random": "random"}
    config = {"name": "mine", "game": game, "agents": agents, "pairing": "seated", "matches": 1, "seed": 1}
    tournament = create_tournament(make_config(config), ledger)
    spec = planned_match(ledger, tournament, 0)
    [match] = match_numbers(np.array([spec.seed], np.uint64), np.array([0]))
    with closing(LedgerMailbox(ledger.url.render_as_string(hide_password=False), person.id, game)) as engine:
        [seat] = engine.take_seats([SeatTaken(match=match, player=0, move_s=600, match_s=None)])
        seen = {"legal_actions": list(range(9)), "text": "...\n...\n..."}
        engine.ask(Question(seat=seat, ply=0, observation=seen, history=(), limit_s=600))
        yield tournament.key


BROKEN = """<body><h1>A</h1><h1>B</h1><h3>skips</h3><a href="/x"></a><input id="i"><p id="i" class="pale">pale</p>
<svg width="9" height="9"></svg><div class="scroll"></div><img src="data:,"><div class="wide">wide</div></body>"""


def test_the_check_finds_what_is_wrong(open_page):
    page = open_page("/", quiet=False)
    page.evaluate(
        """(html) => {
          document.documentElement.innerHTML = html;
          document.documentElement.lang = "";
          document.querySelector(".pale").style.color = "#999999";
          document.querySelector(".wide").style.width = "3000px";
        }""",
        BROKEN,
    )
    found = " ".join(page.evaluate(PROBLEMS))
    for problem in (
        *(
            "no name: <a",
            "no name: <input",
            "picture without words",
            "no alt",
            "not one h1",
            "heading 3 after 1",
            "no header",
        ),
        *(
            "no main",
            "no footer",
            "no nav",
            "no language",
            "twice: #i",
            "scrolls unnamed",
            "wider than the screen",
            "contrast 2.",
        ),
    ):
        assert problem in found, problem


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_pages_are_named_told_apart_and_fit(open_page, site, width, dark):
    page = open_page("/", width=width, dark=dark, quiet=False)
    assert _problems(page, site.url, _addresses(site)) == {}


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_pages_of_who_has_signed_in_are_named_told_apart_and_fit(open_page, busy, width, dark):
    page = _signed_in(open_page, busy, width=width, dark=dark)
    assert _problems(page, busy[0].url, busy[2], status=200) == {}
    assert (
        page.get_by_role("form", name="Your move").get_by_role("button").count() == 9
    )  # the last one is a person's match


def _problems(page, url: str, addresses: Sequence[str], status: int | None = None) -> dict[str, list[str]]:
    """What is wrong on each page. ``status``: with which all are answered, at these very addresses; without it no failure of ours."""
    found = {}
    for path in addresses:
        answer = page.goto(url + path, wait_until="domcontentloaded")
        assert answer.status < 500 if status is None else (answer.status, page.url) == (status, url + path), path
        if "text/html" in (answer.headers.get("content-type") or "") and (wrong := page.evaluate(PROBLEMS)):
            found[path] = wrong
    return found


def test_nothing_jumps_while_a_page_loads(open_page, site, busy):
    assert _jumps(open_page("/healthz", quiet=False), site.url, _addresses(site)) == {}
    changed_by_scripts = busy[2][-3:]  # a ballot, a tournament that runs, a match that is played
    assert _jumps(_signed_in(open_page, busy), busy[0].url, changed_by_scripts) == {}


def _jumps(page, url: str, addresses: Sequence[str]) -> dict[str, float]:
    """How far each page jumps on the slowest line: scripts come only when the page was drawn without them."""
    jumps, held, drawn = {}, [], []
    is_script = lambda url: "/static/" in url and ".js" in url  # noqa: E731
    page.route(is_script, lambda route: route.continue_() if drawn else held.append(route))
    for path in addresses:
        drawn.clear()
        page.goto(url + path, wait_until="commit")
        page.evaluate(DRAWN)
        drawn.append(path)
        while held:
            held.pop().continue_()
        page.wait_for_load_state("load")
        if sum_of := page.evaluate(SHIFTS):
            jumps[path] = sum_of
    return jumps


def _signed_in(open_page, busy, **screen: object):
    """A page of the admin of a busy server."""
    site, session, _ = busy
    page = open_page("/healthz", at=site, quiet=False, **screen)
    page.context.add_cookies([{"name": "arena-session", "value": session, "url": site.url}])
    return page


@pytest.mark.parametrize("path", ["/", "/games/openspiel:connect_four"])
def test_a_first_visit_loads_little(open_page, site, path):
    page = open_page(path)
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate(
        "() => performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).map((e) => e.transferSize)"
    )
    assert 0 < sum(loaded) < MOST_BYTES
