"""What pages say where a number alone would mislead: verdicts, few matches, forfeits, groups, margins, addresses."""

from __future__ import annotations

import html
import re

import pytest

from arena.config import make_config
from arena.ledger import Ledger
from arena.ledger_rows import Tournament
from arena.server.site import game_address
from arena.tournament import run_tournament
from tests.server.conftest import import_matches

ODD = "evil/../game?x#y"
MCTS = "mcts(simulations=40)"


def _decide(ledger: Ledger, name: str, game: str, agents: dict[str, str], most: int) -> Tournament:
    values = {"name": name, "game": game, "agents": agents, "matches": most, "seed": 5, "pairing": "decide"}
    return run_tournament(make_config(values), ledger)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory, serve_module):
    with Ledger.open(tmp_path_factory.mktemp("honest") / "arena.db") as ledger:
        _decide(ledger, "Strong", "arena:tic_tac_toe", {"tree": MCTS, "dice": "random"}, 400)
        _decide(ledger, "Equal", "openspiel:kuhn_poker", {"one": "random", "two": "random"}, 20)
        _decide(ledger, "Pooled one", "openspiel:tic_tac_toe", {"tree": MCTS, "dice": "random"}, 400)
        _decide(ledger, "Pooled two", "openspiel:tic_tac_toe", {"one": "random", "two": "random"}, 20)
        import_matches(ledger, "a:few", [("x", "y", 1, -1), ("y", "x", 1, -1), ("x", "y", -1, -1)] * 4)
        import_matches(ledger, "a:broken", [("sound", "broken", 1, 1)] * 30)
        import_matches(ledger, "a:shaky", [("sound", "shaky", 1, 1)] * 15 + [("sound", "shaky", -1, -1)] * 15)
        import_matches(
            ledger,
            "a:apart",
            [("m", "n", 1, -1)] * 30 + [("o", "p", 1, -1), ("p", "o", 1, -1)] * 12,
        )
        import_matches(ledger, "a:graded", [("often", "much", 1, -1)] * 32 + [("often", "much", -20, -1)] * 8)
        import_matches(ledger, ODD, [("x", "y", 1, -1)] * 3)
        with serve_module(ledger) as served:
            yield served


def _words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))).replace("\u00a0", " ")


def _finding(text: str) -> str:
    return _words(re.search(r'<p class="finding"[^>]*>(.*?)</p>', text, re.DOTALL)[1])


def test_the_finding_of_a_decided_tournament_is_its_verdict(honest):
    for path in ("/tournaments/strong", "/games/arena:tic_tac_toe"):
        text = honest.get(path).text
        assert "tree@1 beats dice@1 with" in _finding(text) and " leads" not in _words(text)
        assert "make the better agent look better than it is" in _words(text)
    assert _words(re.search(r"<h1>(.*?)</h1>", text)[1]).endswith(": tree beats dice")


def test_an_open_verdict_is_the_finding_and_opens_the_ranks(honest):
    text = honest.get("/games/openspiel:kuhn_poker").text
    assert "one@1 and two@1 are not told apart by 10 pairs of matches." in _finding(text)
    assert "one and two are not told apart</h1>" in text
    rows = honest.get("/api/v1/games/openspiel:kuhn_poker").json()["leaderboard"]["rows"]
    assert [row["rank"] for row in rows] == [[1, 2], [1, 2]]


def test_a_ladder_that_pools_decided_tournaments_says_so_on_page_and_in_the_api(honest):
    said = "2 of 2 tournaments were played until decided"
    assert said in _words(honest.get("/games/openspiel:tic_tac_toe").text)
    board = honest.get("/api/v1/games/openspiel:tic_tac_toe").json()["leaderboard"]
    assert any(said in note for note in board["notes"])


def test_a_decided_tournament_has_no_bar_and_says_after_how_many_matches(honest):
    text = honest.get("/tournaments/strong").text
    rated = honest.get("/api/v1/tournaments/strong/standings").json()["matches"]
    assert rated < 400
    assert f"Donedecided after {rated} of at most 400 matches" in _words(text)
    assert 'class="meter"' not in text
    assert "of at most 400 matches" in _words(honest.get("/tournaments").text)


def test_few_matches_give_no_rank_and_percentages_with_counts(honest):
    text = honest.get("/games/a:few").text
    assert "Too few matches to rank" in _finding(text)
    assert ">67<small>of 12</small></a>" in text
    assert "x@1 › y@1" not in _words(text)
    assert "Provisional on Game a:few, with 12 of at least 20 matches" in _words(honest.get("/agents/x@1").text)
    agent = honest.get("/agents/x@1").text
    assert '>33\u00a0%</a><span class="sub">of 12</span>' in agent
    rows = honest.get("/api/v1/games/a:few").json()["leaderboard"]["rows"]
    assert [(row["agent"], row["rank"]) for row in rows] == [("x@1", None), ("y@1", None)]


def test_a_ladder_of_forfeits_alone_is_none_of_strength(honest):
    text = honest.get("/games/a:broken").text
    assert "every match was forfeited</h1>" in text
    assert _finding(text) == "Every match was forfeited, by broken@1: this shows who failed, not who plays better."


def test_forfeits_are_in_the_finding_and_link_to_their_matches(honest):
    text = honest.get("/games/a:shaky").text
    assert "shaky@1 forfeited 15 of its 30 matches" in _finding(text)
    assert 'href="/agents/shaky@1?forfeits=1#matches">15</a>' in text
    listed = honest.get("/agents/shaky@1?forfeits=1").text
    rows = re.findall(r'data-label="Forfeit">(.*?)</td>', listed)
    assert len(rows) == 15
    assert all("shaky@1: crash" in _words(row) for row in rows)
    assert 'data-label="Forfeit"' not in honest.get("/agents/m@1?forfeits=1").text


def test_each_group_that_never_met_has_its_finding(honest):
    text = honest.get("/games/a:apart").text
    assert "two groups that never met</h1>" in text
    assert '<div class="note">m@1 won every match' in text  # a name keeps its first letter
    assert "m@1 leads" in _finding(text) and "o@1 and p@1 are not told apart" in _finding(text)


def test_returns_of_different_size_have_a_table_of_margins(honest):
    text = honest.get("/games/a:graded").text
    margins = text[text.index('id="margins"') :]
    assert ">−6.40</a>" in margins and ">+6.40</a>" in margins
    assert "often@1 against much@1: margin −6.40 in 40 matches, 95 % interval" in margins
    head, *rows = honest.get("/downloads/matrix.csv?game=a:graded").text.splitlines()
    assert head.endswith("losses,margin,margin_low,margin_high")
    assert len(rows) == 2


def test_weights_stand_with_their_intervals(honest):
    text = honest.get("/games/a:shaky").text
    assert "Minimax weightnot decided by these matches: the mixture of agents that nobody beats" in _words(text)
    rows = honest.get("/api/v1/games/a:shaky").json()["leaderboard"]["rows"]
    for row in rows:
        span = f"{row['minimax_low']:.2f} to {row['minimax_high']:.2f}"
        assert f">{span}</text>" in text
        assert f"<small>{span}</small>" in honest.get(f"/agents/{row['agent']}").text or row["agent"] == "sound@1"


def test_the_ladder_says_what_each_agent_is(honest):
    text = honest.get("/games/arena:tic_tac_toe").text
    assert '<span class="sub">mcts</span>' in text and '<span class="sub">random</span>' in text


def test_a_game_of_any_name_has_a_page_that_its_links_lead_to(honest):
    assert game_address(ODD) == "/games/evil%2F..%2Fgame%3Fx%23y"
    assert game_address("matrix:a/b.csv") == "/games/matrix:a/b.csv"
    text = honest.get(game_address(ODD)).text
    assert f"<code>{ODD}</code>" in text
    for link in re.findall(r'href="([^"]*evil[^"]*)"', text):
        address = html.unescape(link)
        assert honest.client.get(address, follow_redirects=True).status_code == 200, address
    moved = honest.client.get(game_address(ODD) + "?theme=dark")
    assert moved.headers["location"] == game_address(ODD)


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_a_click_on_a_game_of_any_name_opens_it(open_page, honest, scripts):
    page = open_page("/", at=honest, scripts=scripts)
    page.click(f'.ladders a:text-is("Game {ODD}")')
    page.locator("nav.crumbs code").wait_for()
    assert page.locator("nav.crumbs code").inner_text() == ODD


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_no_honest_page_scrolls_sideways(open_page, honest, width):
    page = open_page("/", at=honest, width=width)
    for path in ("/games/a:few", "/games/a:graded", "/games/a:apart", "/tournaments/strong", "/games/a:shaky"):
        page.goto(honest.url + path, wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
