"""A tournament of a script and an external bot on the stand-in, as the browser shows it: marked, with replays to save."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pysc2")

from fastapi.testclient import TestClient

from arena.config import make_config
from arena.failing_games import failure_noted
from arena.games import load_game
from arena.kept_files import files_of
from arena.ledger import Ledger
from arena.merge import merge
from arena.results import NOBODY, Termination
from arena.server.app import create_app
from arena.server.starcraft_views import StarcraftView, marked_title, published_means, starcraft_view
from arena.standings import standings
from arena.tournament import run_tournament

BOT = Path(__file__).parents[2] / "examples" / "starcraft_bot.py"
GAME = "sc2-standin:Skirmish"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch, Ledger.open(folder / "a.db") as ledger:
        patch.chdir(folder)
        bot = f"exec:{shlex.join([sys.executable, str(BOT)])}"
        settings = {
            "name": "cup",
            "game": GAME,
            "agents": {"attack": "scripted:attack", "bot": bot},
            "matches": 2,
            "seed": 1,
        }
        run_tournament(make_config(settings, source="a test"), ledger)
        yield ledger


@pytest.fixture(scope="module")
def client(ledger):
    with TestClient(create_app(ledger), base_url="http://127.0.0.1") as client:
        yield client


def test_the_ladder_counts_all_matches_under_the_stand_ins_own_name(ledger, client):
    found = standings(ledger, GAME)
    assert found.matches == 2
    page = client.get(f"/games/{GAME}").text
    assert "Played on the stand-in, whose combat is not StarCraft" in page
    assert "Skirmish (stand-in, not StarCraft)" in page


@pytest.mark.parametrize("page", ["/", "/tournaments"])
def test_lists_mark_it(client, page):
    assert '<span class="tag warn">stand-in, not StarCraft</span>' in client.get(page).text


def test_a_match_page_offers_its_replay_and_the_log_of_the_bot(client):
    page = client.get("/tournaments/cup/matches/0").text
    assert "game loops of at most 80,640" in page
    assert "stand-in 1, map" in page
    address = "/tournaments/cup/matches/0/files/standin-replay.json"
    assert address in page
    saved = client.get(address)
    assert saved.headers["content-disposition"] == 'attachment; filename="cup-0-standin-replay.json"'
    assert json.loads(saved.content)["format"] == "arena-standin-replay-1"
    logs = [name for name in ("seat-1.log", "seat-2.log") if f"files/{name}" in page]
    assert any("result:" in client.get(f"/tournaments/cup/matches/0/files/{name}").text for name in logs)


def test_a_file_that_a_match_did_not_leave_is_not_there(client):
    assert client.get("/tournaments/cup/matches/0/files/..%2Fa.db").status_code == 404
    assert client.get("/tournaments/cup/matches/0/files/replay.png").status_code == 404


def test_another_ledger_takes_the_files_over(ledger, tmp_path):
    with Ledger.open(tmp_path / "b.db") as other:
        merge(other, ledger)
        (taken,) = other.tournaments()
        kept = files_of(other, taken, 1)
        assert kept == files_of(ledger, ledger.tournament("cup"), 1)
        assert all(other.artifacts.path(artifact).is_file() for artifact in kept.values())


def test_published_scores_stand_beside_the_real_mini_games_alone():
    reference = dict(starcraft_view("sc2:DefeatRoaches(step_mul=4)").reference)
    assert reference["human (grandmaster)"] == "215"
    assert starcraft_view("sc2-standin:DefeatRoaches").reference == ()
    assert starcraft_view("openspiel:chess") == StarcraftView()


def test_the_ladder_of_a_mini_game_has_lines_at_the_published_scores(tmp_path, made_game, made_results):
    game = made_game(specification="sc2:MoveToBeacon", players=1)
    with Ledger.open(tmp_path / "b.db") as other, TestClient(create_app(other), base_url="http://127.0.0.1") as client:
        agents = tuple(other.add_agent(name, specification=f"scripted:{name}", kind="scripted") for name in ("a", "b"))
        cup = other.add_tournament(name="cup", game=game, agents=agents, config={}, seed=1, planned=100)
        results = made_results(100, players=1, agents=2, faults=False)
        other.write(cup, replace(results, returns=12.0 + results.specs.seats))
        page = client.get(f"/games/{game.specification}").text
    assert "Dashed lines among the ratings above stand at these scores." in page
    drawn = [part for part in page.split("<svg")[1:] if 'class="pt"' in part]
    assert [part.count('class="even"') for part in drawn[:2]] == [7, 7]
    assert published_means("sc2:BuildMarines") == (3, 6, 123, 133, 138)


def test_titles_of_other_games_are_shown_as_they_are():
    assert marked_title("Go <9x9>") == "Go &lt;9x9&gt;"


def test_a_match_in_which_the_game_failed_is_shown_as_not_rated_and_as_no_draw(tmp_path, made_results):
    unrated = replace(
        made_results(1, agents=2, faults=False),
        returns=np.zeros((1, 2)),
        termination=np.array([Termination.INFRASTRUCTURE], np.int8),
        forfeit=np.array([NOBODY], np.int8),
        faults=(failure_noted(0, ["it crashed"] * 3, played=False),),
    )
    with Ledger.open(tmp_path / "b.db") as other, TestClient(create_app(other), base_url="http://127.0.0.1") as client:
        agents = tuple(
            other.add_agent(name, specification=f"scripted:{name}", kind="scripted") for name in ("attack", "wait")
        )
        broken = other.add_tournament(
            name="broken", game=load_game(GAME).info, agents=agents, config={}, seed=1, planned=1
        )
        other.write(broken, unrated)
        page = client.get("/tournaments/broken/matches/0").text
        assert "<h1>Not rated: the game failed</h1>" in page
        assert "end even" not in page
        assert "not rated, the game failed" in client.get("/tournaments/broken").text
