"""How an agent learned, on its page and as files."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient

from arena.curves import read_curve, write_curve
from arena.exploit_answer import Exploit
from arena.job_work import claim, finish
from arena.jobs import submit
from arena.ledger import Ledger
from arena.server.app import create_app
from arena.server.drawing.curve import MOST, curve_drawing
from arena.training_answer import TrainingAnswer

POINTS = {100: {"loss": 0.5, "NashConv": 0.9}, 200: {"loss": 0.4}, 300: {"loss": float("nan"), "NashConv": 0.2}}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture
def trained(ledger):
    """An agent whose training told `POINTS`."""
    submit(ledger, kind="train", game="arena:kuhn_poker", settings={"name": "mine"})
    row = claim(ledger, {"cpu": "cpu of here, process 1"})
    with ledger.writing() as connection:
        write_curve(connection, row.id, POINTS)
    answer = TrainingAnswer(
        method="ppo",
        game="arena:kuhn_poker",
        players=2,
        steps=300,
        updates=3,
        gap=0.2,
        gap_kind="nash_conv",
        matches=None,
        exploitability=0.1,
        history=[[1, 0.9], [3, 0.2]],
        reads="observation",
        settings={},
        guarantee="none",
        source="",
        agent="mine@1",
    )
    finish(ledger, row, answer.to_dict())
    lineage = {"training": row.key[:12]}
    ledger.add_agent("mine", specification="checkpoint:mine.safetensors", kind="checkpoint", lineage=lineage)
    return row


def test_the_page_says_and_draws_how_it_learned(ledger, trained):
    page = TestClient(create_app(ledger)).get("/agents/mine").text
    assert "Exploitability was 0.45 after 100 steps and is 0.1 after 300." in page
    assert 'aria-label="loss: 0.5 after 100 steps, 0.4 after 200"' in page
    assert "cpu of here, process 1" in page


def test_files_hold_what_was_told(ledger, trained):
    site = TestClient(create_app(ledger))
    lines = list(csv.DictReader(io.StringIO(site.get("/downloads/training.csv?agent=mine").text)))
    assert [line["NashConv"] for line in lines] == ["0.9", "", "0.2"]
    told = site.get("/downloads/training.json?agent=mine").json()
    assert told == {"steps": [100, 200, 300], "loss": [0.5, 0.4, None], "NashConv": [0.9, None, 0.2]}


def test_each_number_is_a_figure_of_its_own(ledger, trained):
    site = TestClient(create_app(ledger))
    rows = list(csv.reader(io.StringIO(site.get("/figures/training.csv?agent=mine&panel=1").text)))
    assert rows == [["steps", "Loss"], ["100", "0.5"], ["200", "0.4"]]
    assert "loss: 0.5 after 100 steps" in site.get("/figures/training.svg?agent=mine&panel=1").text
    assert site.get("/figures/training.svg?agent=mine&panel=9").status_code == 404


def test_an_agent_that_never_learned_has_no_such_part(ledger):
    ledger.add_agent("plain", specification="random", kind="random")
    site = TestClient(create_app(ledger))
    assert "How it learned" not in site.get("/agents/plain").text
    assert site.get("/downloads/training.csv?agent=plain").status_code == 404


def test_what_is_told_again_stays_as_it_was(ledger, trained):
    with ledger.writing() as connection:
        write_curve(connection, trained.id, {200: {"loss": 7.0}, 400: {"loss": 0.3}})
    assert read_curve(ledger, trained).series("loss") == [(100, 0.5), (200, 0.4), (400, 0.3)]


def test_a_long_curve_is_drawn_with_its_extremes():
    points = [(step, 1000.0 if step == 777 else 1.0) for step in range(1, 5001)]
    drawing = curve_drawing(points, label="it", written=str, cls="s-ink")
    path = drawing.split(' d="')[1].split('"')[0]
    assert path.count("L") <= MOST + 1
    assert " 14.0" in path  # the top


def test_an_exploiter_shows_what_it_found_and_how_it_learned(ledger):
    victim = ledger.add_agent("random", specification="random", kind="random")
    settings = {"method": "ppo", "budget": 300, "matches": 0, "confidence": 0.95, "seed": 0}
    submit(ledger, kind="exploit", game="arena:kuhn_poker", agent=victim, settings=settings)
    row = claim(ledger, {"cpu": "cpu of here, process 1"})
    with ledger.writing() as connection:
        write_curve(connection, row.id, {100: {"entropy": 0.5}, 200: {"entropy": 0.25}})
    found = Exploit(
        game="arena:kuhn_poker",
        victim="random@1",
        method="ppo",
        kind="lower bound",
        value=0.4,
        nash_conv=0.8,
        gain=0.45,
        seat_returns=(0.5, 0.4),
        own_return=0.0,
        confidence=0.95,
        matches=2000,
        units=1000,
        unit="rotation",
        bound="Maurer and Pontil",
        forfeits=0,
        budget={},
        exploiter="random-exploiter@1",
        tournament=None,
        own_tournament=None,
        seed=0,
    )
    finish(ledger, row, found.to_dict())
    lineage = {"training": row.key[:12], "exploits": victim.label}
    ledger.add_agent("random-exploiter", specification="checkpoint:e.safetensors", kind="checkpoint", lineage=lineage)
    page = TestClient(create_app(ledger)).get("/agents/random-exploiter").text
    assert "exploitability at least 0.4" in page
    assert 'aria-label="entropy: 0.5 after 100 steps, 0.25 after 200"' in page
