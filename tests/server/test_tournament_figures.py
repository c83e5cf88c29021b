"""The path of a sequential test on its tournament's page, and positions of matches, as files."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import pytest
from fastapi.testclient import TestClient

from arena.config import make_config
from arena.duel_test import duel_test
from arena.ledger import Ledger
from arena.server.app import create_app
from arena.tournament import run_tournament
from tests.server.conftest import play


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("figures") / "arena.db") as opened:
        for name, more in (("bets", {}), ("ratio", {"test": "gsprt", "elo0": 0.0, "elo1": 100.0})):
            agents = {"weak": "random", "strong": "mcts(simulations=5)"}
            values = {
                "name": name,
                "game": "arena:tic_tac_toe",
                "agents": agents,
                "matches": 40,
                "seed": 2,
                "pairing": "decide",
            }
            run_tournament(make_config({**values, **more}), opened)
        play(opened, "Kuhn cup", "openspiel:kuhn_poker", ["first", "second"], matches=2)
        yield opened


@pytest.fixture(scope="module")
def client(ledger):
    return TestClient(create_app(ledger))


@pytest.mark.parametrize(("key", "lines"), [("bets", 1), ("ratio", 2)])
def test_the_page_draws_the_evidence_and_where_it_decides(client, ledger, key, lines):
    page = client.get(f"/tournaments/{key}").text
    section = page[page.index('id="evidence"') : page.index("</figure>", page.index('id="evidence"'))]
    assert duel_test(ledger, ledger.tournament(key)).sentence in section.replace("&#39;", "'").replace(
        '<span class="nb">', ""
    ).replace("</span>", "")
    assert section.count('class="line thin s-blue"') == 2 * lines  # once for each width
    assert "Evidence of the sequential test after each of" in section


@pytest.mark.parametrize("key", ["bets", "ratio"])
def test_the_file_is_the_path_that_the_test_followed(client, ledger, key):
    rows = list(csv.reader(io.StringIO(client.get(f"/figures/test.csv?key={key}").text)))
    test = duel_test(ledger, ledger.tournament(key))
    assert rows[0] == ["pairs", *test.paths]
    assert [float(value) for value in rows[-1][1:]] == pytest.approx(list(test.evidence.values()))
    assert len(rows) == test.pairs + 1


def test_other_tournaments_have_no_test(client):
    assert "evidence" not in client.get("/tournaments/kuhn-cup").text.partition("<main")[2].partition("</main")[0]
    assert client.get("/figures/test.svg?key=kuhn-cup").status_code == 404


def test_a_position_is_a_file_and_hides_what_the_viewer_does_not_see(client):
    everything = client.get("/figures/position.svg?key=kuhn-cup&number=0&move=0").text
    seat = client.get("/figures/position.svg?key=kuhn-cup&number=0&move=0&view=1").text
    label = ET.fromstring(everything).get("aria-label")
    card = label.split("seat 0 holds ")[1][0]
    assert ET.fromstring(seat).get("aria-label").startswith("Kuhn poker: seat 0 holds a hidden card")
    assert f">{card}</text>" in everything and f">{card}</text>" not in seat


@pytest.mark.parametrize("asked", ["key=kuhn-cup&number=99", "key=no&number=0", "key=kuhn-cup&number=0&view=7"])
def test_positions_that_are_not_there_are_not_found(client, asked):
    assert client.get(f"/figures/position.svg?{asked}").status_code == 404
