"""Figures as files: SVG that needs no style sheet, PNG at twice the size, CSV of what is drawn; and the head-to-head page."""

from __future__ import annotations

import csv
import io
import re
import struct
import xml.etree.ElementTree as ET

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from arena.head_to_head import head_to_head
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.server.app import create_app
from arena.server.drawing import files
from tests.server.conftest import import_matches

GAME = "elsewhere:cards"
OWN = {
    "agent/rating": f"agent=ann&game={GAME}",
    "agent/opponents": f"agent=ann&game={GAME}",
    "versus": f"game={GAME}&a=ann&b=bob",
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("files") / "arena.db") as opened:
        for name, day, other in (("one", "05", "bob"), ("two", "12", "cyd"), ("three", "13", "bob")):
            played = [
                ("ann", other, 1.0, -1),
                (other, "ann", 1.0, -1),
                ("ann", other, 1.0, -1),
                ("bob", "cyd", 1.0, -1),
            ] * 8
            made = import_matches(opened, GAME, played if name != "one" else played[:3] * 8, name=name)
            with opened.writing() as connection:
                when = {"created_at": f"2026-10-{day}T08:00:00.000Z", "finished_at": f"2026-10-{day}T09:00:00.000Z"}
                connection.execute(sa.update(tournaments).where(tournaments.c.key == made.key).values(when))
        yield opened


@pytest.fixture(scope="module")
def client(ledger):
    return TestClient(create_app(ledger))


@pytest.mark.parametrize("figure", OWN)
def test_a_drawing_is_svg_with_its_own_colours(client, figure):
    answer = client.get(f"/figures/{figure}.svg?{OWN[figure]}")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"].endswith('.svg"')
    root = ET.fromstring(answer.text)
    assert root.get("aria-label")
    assert "var(" not in answer.text and "light-dark" not in answer.text


@pytest.mark.parametrize("figure", OWN)
def test_png_has_twice_the_size(client, figure):
    pytest.importorskip("resvg_py")
    box = ET.fromstring(client.get(f"/figures/{figure}.svg?{OWN[figure]}").text).get("viewBox").split()
    body = client.get(f"/figures/{figure}.png?{OWN[figure]}").content
    assert body.startswith(b"\x89PNG")
    assert struct.unpack(">II", body[16:24]) == tuple(round(2 * float(side)) for side in box[2:])


def test_without_resvg_png_says_what_to_install_and_svg_works(client, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    answer = client.get(f"/figures/versus.png?{OWN['versus']}")
    assert answer.status_code == 400
    assert "minimax-arena[figures]" in answer.text
    assert client.get(f"/figures/versus.svg?{OWN['versus']}").status_code == 200


def test_csv_is_what_is_drawn(client, ledger):
    rows = list(csv.DictReader(io.StringIO(client.get(f"/figures/versus.csv?{OWN['versus']}").text)))
    found = head_to_head(ledger, GAME, "ann@1", "bob@1")
    assert [float(row["score"]) for row in rows] == pytest.approx(found.path.tolist())
    rows = list(csv.DictReader(io.StringIO(client.get(f"/figures/agent/rating.csv?{OWN['agent/rating']}").text)))
    assert [row["tournaments"] for row in rows] == ["one", "two", "three"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/figures/agent/opponents.csv?{OWN['agent/opponents']}").text)))
    assert {row["opponent"] for row in rows} == {"bob@1", "cyd@1"}
    assert all(0 < float(row["elo_predicts"]) < 1 for row in rows)


@pytest.mark.parametrize(
    ("kind", "ending"), [("payoffs", "svg"), ("ratings", "png"), ("graph", "pdf"), ("weights", "svg")]
)
def test_figures_of_a_ladder_are_those_for_papers(client, kind, ending):
    pytest.importorskip("matplotlib")
    body = client.get(f"/figures/ladder/{kind}.{ending}?game={GAME}").content
    assert body.lstrip().startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[ending])


@pytest.mark.parametrize(
    ("kind", "heads"),
    [
        ("ratings", "agent,rating,low,high"),
        ("payoffs", "agent,opponent,score,low,high,matches,wins,draws,losses,margin,margin_low,margin_high"),
        ("graph", "winner,loser,score,certain"),
        ("weights", "matches,agent,weight,low,high"),
    ],
)
def test_figures_of_a_ladder_have_their_numbers(client, kind, heads):
    lines = client.get(f"/figures/ladder/{kind}.csv?game={GAME}").text.splitlines()
    assert lines[0] == heads
    assert len(lines) > 2


@pytest.mark.parametrize(
    "address",
    [
        "agent/rating.svg?agent=ann&game=elsewhere:no",
        "ladder/ratings.svg?game=elsewhere:no",
        "versus.svg?game=elsewhere:no&a=ann&b=bob",
    ],
)
def test_what_is_not_there_is_not_found(client, address):
    assert client.get(f"/figures/{address}").status_code == 404


def test_an_unknown_ending_is_refused(client):
    assert client.get(f"/figures/versus.exe?{OWN['versus']}").status_code == 422


def test_a_drawing_keeps_its_label_when_it_leaves_the_page():
    drawing = files.Markup(
        '<svg class="chart" role="img" aria-label="a &amp; b" viewBox="0 0 10 20"><circle class="pt" r="3"/></svg>'
    )
    root = ET.fromstring(files.alone(drawing))
    assert root.get("aria-label") == "a & b"
    assert (root.get("width"), root.get("height")) == ("10", "20")


def test_the_head_to_head_page_says_what_the_score_decides(client, ledger):
    page = client.get(f"/versus?{OWN['versus']}").text
    found = head_to_head(ledger, GAME, "ann@1", "bob@1")
    assert "where Elo predicts" in page
    assert "The two are not told apart after" in page or "told apart after" in page
    assert page.count('role="row"') >= min(30, found.whole.matches)


def test_an_agent_page_says_where_elo_is_wrong_and_how_the_rating_moved(client):
    page = client.get("/agents/ann@1").text
    assert "Elo explains its results" in page or "where Elo predicts" in page
    assert "on 5 Oct 2026 to" in page
    assert 'href="/versus?game=elsewhere%3Acards&amp;a=ann%401&amp;b=bob%401"' in page


def test_a_rating_is_looked_at_closer_by_two_dates_of_the_address(client):
    closer = client.get("/agents/ann@1?begin=2026-10-06&end=2026-10-31").text
    assert "on 12 Oct 2026 to" in closer and "on 5 Oct 2026 to" not in closer
    assert 'name="begin" value="2026-10-06"' in closer
    [address] = re.findall(r'href="(/figures/agent/rating.csv[^"]*)"', closer)
    rows = list(csv.DictReader(io.StringIO(client.get(address.replace("&amp;", "&")).text)))
    assert [row["tournaments"] for row in rows] == ["two", "three"]
    for asked, why in (
        ("begin=2030-01-01", "no tournament of this game is left"),
        ("end=2026-10-06", "not rated at two times between"),
        ("begin=gestern", "gestern"),
    ):
        page = client.get(f"/agents/ann@1?{asked}").text
        assert why in page.lower() and "Shown is all of its time." in page and "on 5 Oct 2026 to" in page
