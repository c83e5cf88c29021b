"""SMAX on the site: maps move by move, a unit's view without what it does not see, sides and mixed teams on every page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from arena.config import make_config
from arena.film import film_of
from arena.games import load_game
from arena.ledger import Ledger
from arena.server.site import pairing_address
from arena.server.teams import members_of, short_name
from arena.tournament import run_tournament

GAME = "smax:smacv2_5_units(max_steps=25)"
KEY = "battle"
UNITS = 10
MIXED, ODD = "mixed(closest@1+weakest@1)", "odd(weakest@1+noise@1)"
CONFIG = {
    "name": KEY,
    "game": GAME,
    "agents": {"closest": "scripted:closest", "weakest": "scripted:weakest", "noise": "random"},
    "teams": {"mixed": ["closest", "weakest"], "odd": ["weakest", "noise"]},
    "matches": 12,
    "seed": 4,
}


@pytest.fixture(scope="module")
def battles(tmp_path_factory, serve_module):
    with Ledger.open(tmp_path_factory.mktemp("battles") / "arena.db") as ledger:
        run_tournament(make_config(CONFIG), ledger)
        with serve_module(ledger) as served:
            yield served


def _film(site, number: int, view: int | None = None):
    tournament = site.ledger.tournament(KEY)
    return film_of(load_game(tournament.game), site.ledger.match(tournament, number), view)


def _address(number: int, **asked: int) -> str:
    return f"/tournaments/{KEY}/matches/{number}?" + "&".join(f"{name}={value}" for name, value in asked.items())


def _map(text: str) -> ElementTree.Element:
    found = re.search(r'<div id="position">\s*(<svg.*?</svg>)\s*</div>', text, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[1])


def _units(drawing: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in drawing.iter("g") if group.get("class", "").startswith("unit")]


@pytest.mark.parametrize("move", [0, 7, 14])
def test_every_move_has_its_map_by_address(battles, move):
    film = _film(battles, 0)
    text = battles.get(_address(0, move=move)).text
    drawing, frame = _map(text), move * film.per_step
    classes = [group.get("class", "").split() for group in _units(drawing)]
    assert len(classes) == UNITS
    assert sum("dead" in names for names in classes) == int((film.health[frame] <= 0).sum())
    assert sum("side-0" in names for names in classes) == 5
    assert len([line for line in drawing.iter("line") if line.get("class", "").startswith("shot")]) == len(
        film.shots_of(move)
    )
    assert f"move {move} of {film.moves}" in text


def test_discs_have_the_true_radius_and_rings_the_health(battles):
    film, move = _film(battles, 0), 12
    drawing = _map(battles.get(_address(0, move=move)).text)
    scale = 528 / float(drawing.get("viewBox", "").split()[2]) * _scale(film)
    standing = [unit for unit in range(UNITS) if film.health[move * film.per_step, unit] > 0]
    drawn = [group for group in _units(drawing) if "dead" not in group.get("class", "")]
    for unit, group in zip(standing, drawn, strict=True):
        kind = film.kinds[unit]
        body, _, left = group.findall("circle")
        assert float(body.get("r", 0)) == pytest.approx(kind.radius * scale, abs=0.02)
        share = film.health[move * film.per_step, unit] / kind.health * 100
        assert float(left.get("stroke-dasharray", "").split()[0]) == max(1, round(share))
        assert group.findtext("text") == kind.letter


def _scale(film) -> float:
    """Pixels a map unit: everything that happens is within the drawing, so that this follows from where units ever are."""
    spans = np.nanmax(film.position, axis=(0, 1)) - np.nanmin(film.position, axis=(0, 1)) + 4
    return 528 / max(14.0, float(spans.max()))


@pytest.mark.parametrize("unit", [0, 3, 9])
def test_a_units_page_draws_what_it_sees_and_nothing_else(battles, unit):
    for number in (0, 5):
        film, result = _film(battles, number, unit), battles.ledger.match(battles.ledger.tournament(KEY), number)
        for move in range(0, film.moves + 1, 3):
            text = battles.get(_address(number, move=move, view=unit)).text
            assert len(_units(_map(text))) == int(film.shown[move].sum())
            assert str(result.spec.chance_seed) not in text  # the seed tells the start, types and places
            assert str(result.spec.seed) not in text


def test_a_units_page_names_its_own_moves_alone(battles):
    tournament = battles.ledger.tournament(KEY)
    result = battles.ledger.match(tournament, 0)
    answer = battles.get(f"/api/v1/tournaments/{KEY}/matches/0?view=2").json()
    joint = np.asarray(result.actions).reshape(-1, UNITS)
    names = load_game(GAME).info.action_names
    film = _film(battles, 0)
    for move, said in enumerate(answer["moves"]):
        alive = film.health[move * film.per_step, 2] > 0
        expected = names[joint[move, 2]] if alive else ""
        assert said["text"].partition(" ")[0] == expected.partition(" ")[0]
    assert "seed" not in answer and "actions" not in answer
    assert [k for k, seconds in enumerate(answer["seconds"]) if seconds is not None] == [2]


def test_the_numbers_of_a_units_film_are_of_what_it_sees(battles):
    film = _film(battles, 0, 1)
    told = battles.get(f"/api/v1/tournaments/{KEY}/matches/0/film?view=1").json()
    assert [sorted(row[::4]) for row in told["frames"]] == [np.flatnonzero(shown).tolist() for shown in film.shown]
    assert [kind is None for kind in told["units"]] == [kind is None for kind in film.kinds]
    assert len(told["shots"]) == len(film.shots)
    whole = battles.get(f"/api/v1/tournaments/{KEY}/matches/0/film").json()
    assert len(whole["frames"]) == len(_film(battles, 0).position) > len(told["frames"])


def test_a_film_of_a_board_is_refused(site):
    answer = site.get("/api/v1/tournaments/four-cup/matches/0/film", 404).json()
    assert "no film" in answer["error"]["message"]


def test_the_title_and_the_list_name_sides(battles):
    tournament = battles.ledger.tournament(KEY)
    played = battles.ledger.played(tournament)
    won = int(np.flatnonzero(played.returns[:, 0] == 1)[0])
    answer = battles.get(f"/api/v1/tournaments/{KEY}/matches/{won}").json()
    winner, loser = (short_name(side["label"]) for side in answer["sides"])
    text = battles.get(_address(won)).text
    assert re.search(rf"<h1>{winner} beats {loser} in \d+ moves</h1>", text)
    assert [side["players"] for side in answer["sides"]] == [list(range(5)), list(range(5, 10))]
    listed = battles.get(f"/api/v1/tournaments/{KEY}/matches?first={won}&limit=1").json()["matches"][0]
    assert listed["agents"] == [side["label"] for side in answer["sides"]] and listed["returns"] == [1.0, -1.0]
    assert f"match {won ^ 1}</a>" in text


def test_every_link_of_the_pages_leads_somewhere(battles):
    pages = [
        "/",
        f"/games/{GAME}",
        f"/tournaments/{KEY}",
        "/agents",
        "/agents/weakest@1",
        _address(0),
        _address(0, view=1),
    ]
    seen: set[str] = set()
    for path in pages:
        for link in re.findall(r'href="(/[^"]*)"', battles.get(path).text):
            if link not in ("/games", "/docs") and not re.search(r"/static/|/matches/\d\d", link):
                seen.add(link.replace("&amp;", "&"))
    assert any("/versus?" in link and "b=mixed%28" in link for link in seen)
    assert not any(link.startswith(("/agents/mixed", "/agents/odd")) for link in seen)
    for link in sorted(seen):
        assert battles.client.get(link, follow_redirects=True).status_code == 200, link


def test_a_mixed_team_is_named_with_its_members_linked(battles):
    for path in (f"/games/{GAME}", f"/tournaments/{KEY}"):
        text = battles.get(path).text
        assert re.search(r'mixed</span> <span class="sub wrap-any">of <a href="/agents/closest@1">', text), path
    told = battles.get(f"/api/v1/tournaments/{KEY}").json()["teams"]
    assert told == [
        {"label": MIXED, "members": ["closest@1", "weakest@1"]},
        {"label": ODD, "members": ["weakest@1", "noise@1"]},
    ]


def test_a_ladder_of_teams_has_scores_by_side(battles, site):
    text = battles.get(f"/games/{GAME}").text
    assert "Score by side" in text and "● allies ○ enemies" in text
    assert re.search(r'aria-label="score \d+ %.* in side 0, .* in side 1"', text)
    assert "Score by seat" in site.get("/games/openspiel:connect_four").text


def test_an_agents_page_tells_its_own_matches_from_those_of_its_teams(battles):
    answer = battles.get("/api/v1/agents/closest@1?limit=1000").json()
    own = [line for line in answer["matches"] if "closest@1" in line["agents"]]
    team = [line for line in answer["matches"] if "closest@1" not in line["agents"]]
    assert len(own) == answer["ladders"][0]["row"]["matches"] == 48
    assert team and all(MIXED in line["agents"] for line in team)
    text = battles.get("/agents/closest@1").text
    assert "In mixed teams" in text and "odd" not in text.partition("In mixed teams")[2].partition("</table>")[0]
    against = battles.get(f"/api/v1/agents/closest@1?limit=1000&against={MIXED.replace('+', '%2B')}").json()["matches"]
    assert len(against) == 12
    assert all(sorted(line["agents"]) == ["closest@1", MIXED] for line in against)
    battles.get("/agents/closest@1?against=nobody", 404)


def test_a_team_is_known_by_its_label_and_an_agent_by_its_version():
    assert members_of(MIXED) == ("closest@1", "weakest@1")
    assert members_of("m(a@1+b@2+a@1)") == ("a@1", "b@2")
    assert members_of("x(y@1+z@2)@1") == members_of("a@1") == members_of("<b>(a@1+b@1)") == ()
    assert [short_name(label) for label in (MIXED, "a@1", "x(y@1+z@2)@1")] == ["mixed", "a", "x(y@1+z@2)"]
    assert (
        pairing_address(MIXED, "a@1").startswith("/agents/a@1?against=mixed%28") and pairing_address(MIXED, ODD) == ""
    )
