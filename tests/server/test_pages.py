"""Each page over HTTP, on a real ledger."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest

from arena.config import make_config
from arena.job_kinds import ask
from arena.leaderboard_file import csv_text
from arena.ledger import Ledger
from arena.server.ladder_words import METHODS
from arena.server.site import agent_address, game_address
from arena.tournament import run_tournament
from arena.worker import work

PAGES = {
    "/": "Which agent is better",
    "/games": "games load by name",
    "/games/openspiel:connect_four": "Who beats whom",
    "/games/openspiel:connect_four?method=bradley_terry": "Bradley–Terry",
    "/games/openspiel:liars_dice": "No matches of",
    "/agents": "A version never changes",
    "/agents/first@1": "What it is",
    "/tournaments": "Four cup",
    "/tournaments/four-cup": "Standing",
    "/tournaments/four-cup/matches/0": "Moves",
    "/tournaments/three/matches/0": "Moves",
    "/docs": "swagger",
}


@pytest.mark.parametrize("method", METHODS)
def test_every_rating_method_has_its_ladder_or_says_why_not(site, method):
    shown = site.get(f"/games/openspiel:connect_four?method={method}")
    assert shown.status_code == 200
    head = METHODS[method]
    assert f">{head}<" in shown.text
    assert f'value="{method}" selected' in shown.text


def test_a_method_that_cannot_rank_says_why_and_shows_elo(site):
    shown = site.get("/games/openspiel:kuhn_poker(players=3)?method=deviation").text
    assert 'value="elo" selected' in shown
    assert "Shown is Elo." in shown


def test_a_column_that_a_job_has_computed_is_shown_with_when_and_where(tmp_path, serve):
    game = "openspiel:kuhn_poker"
    with Ledger.open(tmp_path / "arena.db") as ledger:
        values = {"name": "Cup", "game": game, "agents": {"first": "random", "second": "random"}, "matches": 20}
        run_tournament(make_config(values), ledger)
        with serve(ledger) as site:
            assert "Computed as jobs" not in site.get(f"/games/{game}").text
            ask(ledger, "bootstrap", game)
            work(ledger, devices=["cpu"], until_empty=True)
            shown = site.get(f"/games/{game}").text
            assert "Elo, bootstrap: computed 20" in shown
            assert "UTC on cpu of " in shown
            (column,) = site.get(f"/api/v1/games/{game}").json()["columns"]
            assert set(column["values"]) == {"first@1", "second@1"}


@pytest.mark.parametrize("path", PAGES)
def test_page_says_what_it_is_about(site, path):
    answer = site.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert PAGES[path] in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_style_or_script_and_one_heading(site, path):
    text = site.get(path).text
    assert not re.search(r"<[^>]*\sstyle=", text)
    assert not re.search(r"<[^>]*\son\w+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert "<style" not in text
    if path != "/docs":
        assert len(re.findall(r"<h1[ >]", text)) == 1
        assert text.count('<main class="wrap" id="main">') == 1


def test_home_lists_every_game_of_the_ledger_with_its_counts(site):
    text = site.get("/").text
    for row in site.ledger.games():
        assert game_address(row.game).replace("&", "&amp;") in text
    assert f"{sum(row.matches for row in site.ledger.games()):,} matches" in text


def test_an_empty_ledger_says_what_to_do(fresh_ledger, serve):
    with serve(fresh_ledger) as served:
        assert "arena tournament" in served.get("/").text
        assert "arena agent add" in served.get("/agents").text
        assert "No tournament yet" in served.get("/tournaments").text


def test_ladder_shows_every_agent_with_its_rating_and_interval(site):
    text = site.get("/games/openspiel:connect_four").text
    for name in ("first", "second", "third"):
        assert f'href="/agents/{name}@1"' in text
    assert text.count('class="iv-bar"') == 3
    assert "95 % interval" in text


def _order(text: str) -> list[str]:
    table = text[text.index('class="board-table"') :]
    return re.findall(r'rowheader" scope="row"><a class="agent-name" href="/agents/(\w+)@1"', table)


def test_ladder_sorts_by_the_address(site):
    by_name = site.get("/games/openspiel:connect_four?sort=name").text
    assert _order(by_name) == ["first", "second", "third"]
    backwards = site.get("/games/openspiel:connect_four?sort=name&order=desc").text
    assert _order(backwards) == ["third", "second", "first"]
    assert by_name.count("aria-sort=") == 1
    assert 'aria-sort="descending"><a id="sort-name"' in backwards


def test_a_head_links_to_the_other_direction(site):
    text = site.get("/games/openspiel:connect_four?sort=matches&order=desc").text
    assert 'id="sort-matches" href="/games/openspiel:connect_four?method=elo&amp;sort=matches&amp;order=asc"' in text


def test_an_unknown_sort_is_the_ladders_own_order(site):
    assert _order(site.get("/games/openspiel:connect_four?sort=no").text) == _order(
        site.get("/games/openspiel:connect_four").text
    )


def test_heat_map_has_a_number_for_every_pairing(site):
    text = site.get("/games/openspiel:connect_four").text
    table = text[text.index('class="heat"') :]
    cells = re.findall(r'<td class="[npz]\d[^"]*"><a [^>]*>(\d+)</a></td>', table[: table.index("</table>")])
    assert len(cells) == 6
    assert all(
        int(a) + int(b) in (99, 100, 101) for a, b in [(cells[0], cells[2]), (cells[1], cells[4]), (cells[3], cells[5])]
    )


def test_games_page_filters_by_words_and_kind(site):
    text = site.get("/games?q=leduc+zero_sum&kind=openspiel").text
    assert "openspiel:leduc_poker" in text
    assert "openspiel:connect_four" not in text
    assert "No game has all these words" in site.get("/games?q=nosuchgame").text


def test_tournament_matches_are_paged_newest_first(site):
    first = site.get("/tournaments/four-cup").text
    last = site.get("/tournaments/four-cup?matches=4").text
    assert "/tournaments/four-cup/matches/179" in first
    assert 'href="/tournaments/four-cup/matches/0"' not in first
    assert 'href="/tournaments/four-cup/matches/0"' in last
    assert site.get("/tournaments/four-cup?matches=999").text.count('rel="next"') == 0


def test_agent_page_narrows_to_one_opponent(site):
    text = site.get("/agents/first@1?against=third@1").text
    matches = text[text.index('id="matches"') :]
    rows = re.findall(r'data-label="Agents">(.*?)</td>', matches)
    assert len(rows) == 20
    assert all("first" in row and "third" in row for row in rows)


def test_a_forfeit_shows_its_message_and_log_escaped(site):
    [tournament] = [one for one in site.ledger.tournaments() if one.source == "import"]
    text = site.get(f"/tournaments/{tournament.key}").text
    assert "crash: 1" in text
    assert "said &lt;script&gt;" in text


def test_hostile_names_are_text_everywhere(site):
    [tournament] = [one for one in site.ledger.tournaments() if one.source == "import"]
    paths = [
        "/",
        "/agents",
        "/tournaments",
        game_address(tournament.game),
        f"/tournaments/{tournament.key}",
        f"/tournaments/{tournament.key}/matches/4",
        *(agent_address(agent.label) for agent in tournament.agents),
        "/games/" + quote("<script>alert(1)</script>"),
    ]
    for path in paths[:-1]:
        text = site.get(path).text
        assert "<script>alert" not in text, path
        assert "&lt;script&gt;alert" in text, path
    assert "<script>alert" not in site.get(paths[-1], 404).text


def test_an_imported_match_says_that_it_has_no_moves(site):
    [tournament] = [one for one in site.ledger.tournaments() if one.source == "import"]
    assert "there are no moves to replay" in site.get(f"/tournaments/{tournament.key}/matches/0").text


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/games/openspiel:conect_four", "openspiel:connect_four"),
        ("/agents/frist", "first"),
        ("/tournaments/fuor-cup", "four-cup"),
        ("/tournaments/four-cup/matches/180", "the last one is 179"),
        ("/games/openspiel:connect_four?method=eloo", "elo"),
        ("/nowhere", "There is no page /nowhere."),
    ],
)
def test_what_is_not_there_is_a_404_with_the_nearest_names(site, path, hint):
    assert hint in site.get(path, 404).text


def test_an_address_never_loads_a_file(site, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("model_a,model_b,winner\nx,y,x\n")
    for scheme in ("preference", "matrix"):
        site.get(f"/games/{scheme}:{quote(str(secret))}", 404)
    assert site.get(f"/api/v1/games/preference:{quote(str(secret))}", 404).json()["error"]["kind"] == "UnknownName"


def test_a_ladder_weighs_little(site):
    page = site.get("/games/openspiel:connect_four")
    parts = [len(page.content)]
    for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)):
        parts.append(len(site.get(address.replace("&amp;", "&")).content))
    assert sum(parts) < 160_000


def test_downloads_are_files_of_what_the_page_shows(site):
    ladder = site.get("/downloads/standings.csv?game=openspiel:connect_four")
    assert ladder.headers["content-disposition"] == 'attachment; filename="openspiel_connect_four-elo.csv"'
    head, *rows = ladder.text.splitlines()
    assert head.startswith("agent,rank_from,rank_to,rating,low,high,matches")
    assert len(rows) == 3
    matrix = site.get("/downloads/matrix.csv?game=openspiel:connect_four").text.splitlines()
    assert len(matrix) == 1 + 6
    as_json = site.get("/downloads/standings.json?game=openspiel:connect_four").json()
    assert as_json["matches"] == 180
    site.get("/downloads/standings.csv?game=nosuch", 404)


def test_a_csv_cell_is_never_a_formula():
    assert csv_text([["=1+1", -2.5, "@x", "fine"]]) == "'=1+1,-2.5,'@x,fine\n"


def test_every_link_leads_somewhere(site):
    seen, waiting = set(), ["/"]
    while waiting and len(seen) < 400:
        address = waiting.pop(0)
        answer = site.client.get(address)
        assert answer.status_code == 200, address
        if "text/html" not in answer.headers["content-type"] or address.endswith("/games"):
            continue  # the list of playable games has hundreds of links of one kind
        for found in re.findall(r'href="([^"]*)"', answer.text):
            link = str(answer.url.join(html.unescape(found))).partition("#")[0]
            kind = re.sub(
                r"sort=\w+|against=[^&]*|\d+", "", link
            )  # one match, one sorted table, one pairing stand for all
            if link.startswith(site.url) and "theme=" not in link and kind not in seen and "/static/" not in link:
                seen.add(kind)
                waiting.append(link)
    assert len(seen) > 60
