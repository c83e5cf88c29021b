"""How a population grew, on its agent's page and as files."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from fastapi.testclient import TestClient

from arena.job_work import claim, finish
from arena.jobs import submit
from arena.ledger import Ledger
from arena.server.app import create_app
from arena.server.drawing.population import payoff_multiple, step_of
from arena.training_answer import TrainingAnswer, kept_answer

PAYOFFS = np.array([[[0.0, -1.0, 2.0], [1.0, 0.0, -1.0], [-2.0, 1.0, 0.0]]])
GROWN = ([[1.0], [1.0]], [[0.0, 1.0], [0.5, 0.5]], [[0.25, 0.0, 0.75], [0.2, 0.3, 0.5]])
ANSWER = {
    "method": "psro", "game": "arena:kuhn_poker", "players": 2, "steps": 300, "updates": 3, "gap": 0.2, "gap_kind": "nash_conv",
    "matches": None, "exploitability": 0.1, "history": [[1, 0.9]], "reads": "observation", "settings": {}, "guarantee": "none",
    "source": "", "agent": "mine@1",
}  # fmt: skip
POPULATION = {
    "names": ["uniform", "oracle 1", "oracle 2"],
    "payoffs": np.concatenate((PAYOFFS, -PAYOFFS)).tolist(),
    "weights": [list(weights) for weights in GROWN],
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("population") / "arena.db") as ledger:
        for name, population in (("mine", POPULATION), ("alone", None)):
            submit(ledger, kind="train", game="arena:kuhn_poker", settings={"name": name})
            row = claim(ledger, {"cpu": "cpu of here"})
            answer = TrainingAnswer(**ANSWER, population=population).to_dict()
            if population is None:
                del answer["population"]  # as older ledgers have it
            finish(ledger, row, answer)
            lineage = {"training": row.key[:12]}
            ledger.add_agent(name, specification="checkpoint:mine.safetensors", kind="checkpoint", lineage=lineage)
        yield TestClient(create_app(ledger))


def test_the_page_says_who_is_weighed_and_shows_every_size(client):
    page = client.get("/agents/mine").text
    assert "Of three members three have weight at the end; oracle 2 has most, 0.62." in page
    assert re.findall(r"<h4>(.*?)</h4>", page) == ["2 members", "3 members"]
    assert page.count("Weights of side") == 2


def test_payoffs_are_coloured_around_nothing_on_one_scale(client):
    page = client.get("/agents/mine").text
    small, large = re.findall(r'<svg class="chart multiple".*?</svg>', page, re.S)
    assert re.findall(r'class="cell-(\w\w)"', small) == ["z0", step_of(-1, 2), step_of(1, 2), "z0"]
    assert re.findall(r'class="cell-(\w\w)"', large)[2] == "p5"


def test_numbers_stand_in_cells_that_hold_them():
    for size, numbers in ((4, 16), (5, 0)):
        assert payoff_multiple(np.zeros((size, size)), most=1.0, label="").count("0.00") == numbers


def test_bars_are_as_high_as_the_weights(client):
    page = client.get("/agents/mine").text
    drawing = re.search(r'<svg class="chart curve" role="img" aria-label="Weights of side 0.*?</svg>', page, re.S)[0]
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"/>', drawing)]
    weights = [
        column for m in range(3) for column in (weights[0][m] for weights in GROWN if m < len(weights[0])) if column
    ]
    assert heights == pytest.approx([17 * weight for weight in weights], abs=0.01)


def test_the_file_has_every_weight(client):
    rows = list(csv.DictReader(io.StringIO(client.get("/figures/population.csv?agent=mine&side=1").text)))
    assert [(row["members"], row["member"], float(row["weight"])) for row in rows[-3:]] == [
        ("3", "uniform", 0.2), ("3", "oracle 1", 0.3), ("3", "oracle 2", 0.5),
    ]  # fmt: skip
    assert client.get("/figures/population.svg?agent=mine").status_code == 200


@pytest.mark.parametrize("asked", ["agent=mine&side=2", "agent=alone"])
def test_what_is_not_there_is_not_found(client, asked):
    assert client.get(f"/figures/population.svg?{asked}").status_code == 404


def test_an_answer_of_before_has_no_population(client):
    assert kept_answer(ANSWER).population is None
    assert "Its population" not in client.get("/agents/alone").text
