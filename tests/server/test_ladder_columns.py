"""Columns of a ladder: chosen, sorted, filtered and compared with a date by the address alone."""

from __future__ import annotations

import csv
import io
import re
from functools import partial

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from arena.counterfactual import Where
from arena.job_kinds import ask, do_job
from arena.job_work import do_here
from arena.leaderboards.methods import METHODS
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.server.app import create_app
from arena.server.ladder import ladders
from arena.server.ladder_beside import Beside
from arena.server.ladder_columns import COLUMNS, View
from arena.standings import standings
from tests.server.conftest import import_matches

GAME = "elsewhere:cards"
LADDER = f"/games/{GAME}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Two agents in the first tournament, in October; a third joins in the second one, in November."""
    with Ledger.open(tmp_path_factory.mktemp("columns") / "arena.db") as ledger:
        old = import_matches(
            ledger, GAME, [("ann", "bob", 1.0, -1), ("bob", "ann", 1.0, -1), ("ann", "bob", 1.0, -1)] * 8
        )
        new = import_matches(
            ledger,
            GAME,
            [("ann", "cyd", -1.0, -1), ("cyd", "bob", -1.0, -1), ("bob", "ann", 1.0, -1), ("cyd", "ann", 1.0, -1)] * 8,
            name="second",
        )
        with ledger.writing() as connection:
            for one, date in ((old, "2026-10-05"), (new, "2026-11-05")):
                when = {"created_at": f"{date}T08:00:00+00:00", "finished_at": f"{date}T09:00:00+00:00"}
                connection.execute(sa.update(tournaments).where(tournaments.c.key == one.key).values(when))
        yield TestClient(create_app(ledger)), ledger


def _table(client, query: str) -> str:
    page = client[0].get(f"{LADDER}?{query}").text
    return page[page.index('class="board-table') : page.index("</table>", page.index('class="board-table'))]


def _agents(table: str) -> list[str]:
    return re.findall(r'<th role="rowheader".*?>(\w+)<span class="v">', table)


def test_every_method_is_a_column(client):
    offered = {column.method for column in COLUMNS.values()} | {"minimax", "mean_return"}
    assert offered == {*METHODS, None}


def test_chosen_columns_stand_in_their_own_order_and_no_others(client):
    table = _table(client, "column=forfeits&column=copeland&column=weight")
    heads = re.findall(r'id="sort-(\w+)"', table)
    assert heads == ["rank", "name", "rating", "weight", "copeland", "forfeits"]
    assert [re.sub(r"<.*?>", "", group) for group in re.findall(r'scope="colgroup".*?</th>', table)] == [
        f'scope="colgroup" role="columnheader" colspan="{span}">{name}' for name, span in (("How strong", 2), ("Against the field", 2), ("Record", 1))
    ]  # fmt: skip


def test_a_column_holds_the_numbers_of_its_method(client):
    other = standings(client[1], GAME, method="copeland").leaderboard
    table = _table(client, "column=copeland")
    assert re.findall(r'data-label="Copeland"><span><span class="strong">([\d.]+)</span>', table) == [
        f"{next(row.rating for row in other.rows if row.agent == f'{agent}@1'):.2f}".replace("0.00", "0")
        for agent in _agents(table)
    ]


def test_a_column_of_another_method_sorts(client):
    assert (
        _agents(_table(client, "column=copeland&sort=copeland&order=asc"))
        == _agents(_table(client, "column=copeland&sort=copeland"))[::-1]
    )


def test_what_a_job_computed_is_a_column_that_is_chosen_sorted_and_saved(client):
    assert "bootstrap.elo" not in client[0].get(LADDER).text
    asked = ask(client[1], "bootstrap", GAME, settings={"resamples": 20})
    found = do_here(client[1], asked, partial(do_job, client[1])).result
    page = client[0].get(LADDER).text
    assert "<legend>Computed as jobs</legend>" in page
    assert '<input type="checkbox" name="column" value="bootstrap.elo">' in page
    assert 'value="bootstrap.davidson"' not in page
    table = _table(client, "column=bootstrap.elo&column=matches&sort=bootstrap.elo&order=asc")
    rising = sorted(zip(found["scores"], found["agents"], strict=True))
    assert _agents(table) == [agent.partition("@")[0] for _, agent in rising]
    cells = re.findall(
        r'data-label="Elo, bootstrap"><span><span class="strong">(.*?)</span> <span class="sub">±\d+', table
    )
    assert cells == [f"{round(score):+d}".replace("-", "−") for score, _ in rising]
    body = client[0].get(f"/downloads/standings.csv?game={GAME}&column=bootstrap.elo").text
    rows = {row["agent"]: row for row in csv.DictReader(io.StringIO(body))}
    assert [float(rows[agent]["bootstrap.elo"]) for _, agent in rising] == [score for score, _ in rising]
    assert all(float(row["bootstrap.elo_low"]) < float(row["bootstrap.elo_high"]) for row in rows.values())


def test_heads_keep_the_rest_of_the_address(client):
    table = _table(client, "column=copeland&compare=2026-10-06&agents=ann&without_forfeits=1")
    [address] = re.findall(r'id="sort-name" href="([^"]*)"', table)
    for kept in ("column=copeland", "compare=2026-10-06", "agents=ann", "without_forfeits=1", "sort=name", "order=asc"):
        assert kept in address


def test_an_address_says_all_of_a_view():
    view = View(
        method="glicko2", columns=("copeland",), sort="name", order="desc", compare="2026-01-01", agents="x", page=2
    )
    assert view.query(Where()) == (
        "method=glicko2&column=copeland&sort=name&order=desc&compare=2026-01-01&agents=x&page=2"
    )


def test_ratings_are_compared_with_those_of_a_date(client):
    now = {row.agent: row.rating for row in standings(client[1], GAME).leaderboard.rows}
    then = {
        row.agent: row.rating for row in standings(client[1], GAME, where=Where(until="2026-10-06")).leaderboard.rows
    }
    table = _table(client, "compare=2026-10-06")
    moved = dict(
        zip(_agents(table), re.findall(r'Since 2026-10-06"><span><span class="strong">(.*?)<', table), strict=True)
    )
    for name in ("ann", "bob"):
        assert moved[name] == f"{round(now[f'{name}@1'] - then[f'{name}@1']):+d}".replace("-", "−")
    assert moved["cyd"] == "new"
    assert len(re.findall('class="iv-thin" x1', table)) >= 2
    assert "1 agent joined since." in client[0].get(f"{LADDER}?compare=2026-10-06").text


def test_a_date_before_all_matches_is_said_and_the_ladder_stays(client):
    page = client[0].get(f"{LADDER}?compare=2020-01-01")
    assert page.status_code == 200
    assert "Compared with 2020-01-01: no tournament of this game is left" in page.text


def test_a_method_that_does_not_fit_is_said_and_has_no_column(client):
    page = client[0].get("/games/elsewhere:cards?column=deviation").text
    assert ("Deviation rating:" in page) != ('id="sort-deviation"' in page)


def test_only_agents_with_the_words_are_shown(client):
    assert _agents(_table(client, "agents=kind:external+bo")) == ["bob"]
    assert "No agent here has all these words." in client[0].get(f"{LADDER}?agents=nobody").text


def test_an_unknown_column_is_an_error(client):
    answer = client[0].get(f"{LADDER}?column=beauty")
    assert answer.status_code == 404
    assert "beauty" in answer.text


def test_the_file_has_what_the_table_shows(client):
    body = client[0].get(f"/downloads/standings.csv?game={GAME}&column=copeland&compare=2026-10-06").text
    rows = {row["agent"]: row for row in csv.DictReader(io.StringIO(body))}
    assert rows["ann@1"]["copeland"] and rows["ann@1"]["copeland_low"]
    assert rows["ann@1"]["rating_2026-10-06"] and not rows["cyd@1"]["rating_2026-10-06"]


def test_rows_are_made_once_for_all_pages_of_a_board_and_anew_for_a_newer_one(client):
    older, newer = standings(client[1], GAME), standings(client[1], GAME)

    def rows(board, sort):
        [found], _ = ladders(board, View(sort=sort), beside=Beside(), path=LADDER, kinds=dict, in_teams=False)
        return {row.agent: row for row in found.rows}

    by_name, by_score = rows(older, "name"), rows(older, "score")
    assert len(by_name) == 3
    assert all(by_name[agent] is by_score[agent] for agent in by_name)
    assert rows(newer, "name")["ann@1"] is not by_name["ann@1"]
    assert rows(older, "name")["ann@1"] is not by_name["ann@1"], "what was made of older ones goes"


def test_a_hundred_agents_a_page(tmp_path):
    pairs = [(f"a{k:03}", f"a{(k + 1) % 120:03}", 1.0, -1) for k in range(120)]
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_matches(ledger, GAME, pairs)
        visit = TestClient(create_app(ledger)), ledger
        assert [len(_agents(_table(visit, f"sort=name&page={page}"))) for page in (1, 2)] == [100, 20]
        first = visit[0].get(LADDER).text
        assert "1–100 of 120 agents" in first
