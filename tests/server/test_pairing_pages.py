"""Swiss tables, brackets and what adaptive tournaments decide, on pages and in the API: the library's own numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from arena.config import make_config
from arena.duel_test import duel_test
from arena.ledger import Ledger
from arena.pairing.state import AdaptiveState, KnockoutState, SwissState, pairing_state
from arena.rounds import read_rounds
from arena.server.drawing.bracket import MOST_TIES, Place, bracket_drawing, first_drawn
from arena.tournament import run_tournament
from tests.server.conftest import Site, serving

KUHN = "openspiel:kuhn_poker"


@pytest.fixture(scope="module")
def cups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Ledger.open(tmp_path_factory.mktemp("cups") / "arena.db") as ledger:
        for name, agents, more in (
            ("Swiss", "abcdefg", {"pairing": "swiss", "matches": 6}),
            ("Knockout", "abcdef", {"pairing": "knockout", "matches": 4}),
            ("Adaptive", "abc", {"pairing": "adaptive", "matches": 60, "aim": "top 1"}),
            ("Round robin", "abc", {"matches": 4}),
        ):
            values = {"name": name, "game": KUHN, "agents": dict.fromkeys(agents, "random"), "seed": 3, **more}
            run_tournament(make_config(values), ledger)
        with serving(ledger) as served:
            yield served


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def _rows(text: str, mark: str) -> list[list[str]]:
    """The cells of the table that begins at `mark`, as words."""
    table = text[text.index(mark) :].partition("</table>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    return [[_words(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


def _state(site: Site, key: str) -> SwissState | KnockoutState | AdaptiveState | None:
    return pairing_state(site.ledger, site.ledger.tournament(key))


def test_the_swiss_table_is_the_librarys(cups: Site) -> None:
    state = _state(cups, "swiss")
    assert isinstance(state, SwissState)
    text = cups.get("/tournaments/swiss").text
    finding = text[text.index('id="finding"') :].partition("</p>")[0]
    assert state.sentence[1:] in _words(finding).replace(" @", "@")
    shown = [[row[1].replace(" ", ""), *row[2:5], row[5]] for row in _rows(text, 'class="stack swiss"')]
    assert shown == [
        [
            state.labels[row.entrant],
            f"{row.points:g}",
            f"{row.buchholz:g}",
            f"{row.sonneborn_berger:g}",
            f"{100 * (row.share or 0):.0f} %",
        ]
        for row in state.rows
    ]
    assert state.sentence[1:] in _words(text[text.index('id="pairing"') :]).replace(" @", "@")


def test_what_each_round_counted_sums_to_the_points(cups: Site) -> None:
    for row in _rows(cups.get("/tournaments/swiss").text, 'class="stack swiss"'):
        counted = [part.split()[0] for part in row[6].split("·")]
        values = {"bye": 1.0, "½": 0.5}
        assert sum(values[one] if one in values else float(one) for one in counted) == float(row[2])


def test_the_bracket_is_drawn_and_told(cups: Site) -> None:
    state = _state(cups, "knockout")
    assert isinstance(state, KnockoutState)
    text = cups.get("/tournaments/knockout").text
    drawing = text[text.index('<svg class="bracket"') :].partition("</svg>")[0]
    assert f'aria-label="Bracket: {state.sentence}"' in unescape(drawing)
    ties = [tie for stage in state.bracket.stages for tie in stage]
    assert drawing.count("<rect") == len(ties)
    rows = _rows(text, 'id="ties"')
    assert [row[3] for row in rows] == [
        f"{tie.half_points[0] / 2:g} : {tie.half_points[1] / 2:g}" if tie.matches else "–" for tie in ties
    ]
    assert [row[4].replace(" ", "") for row in rows] == [
        state.labels[tie.winner] for tie in ties if tie.winner is not None
    ]


def test_an_aim_stands_with_verdict_bounds_and_what_is_open(cups: Site) -> None:
    state = _state(cups, "adaptive")
    assert isinstance(state, AdaptiveState)
    said, text = state.conclusion, cups.get("/tournaments/adaptive").text
    part = _words(text[text.index('id="pairing"') : text.index('id="standing"')]).replace(" @", "@")
    finding = _words(text[text.index('id="finding"') :].partition("</p>")[0]).replace(" @", "@")
    assert finding.lower().count(said.sentence.lower()) == 1
    assert "Aim top 1" in part
    assert f"Verdict {'decided' if said.decided else 'open'} error rate 5 %" in part
    rows = {row[0].replace(" ", ""): row for row in _rows(text, 'id="aim"')}
    for at, agent in enumerate(said.agents):
        bounds = f"{100 * said.score[at]:.0f} ({100 * said.low[at]:.0f}–{100 * said.high[at]:.0f}) %"
        assert rows[agent][1] == bounds
        assert rows[agent][3] == f"{100 * state.mean_score[at]:.0f} %"
        assert rows[agent][5] == str(state.matches[at])
        assert rows[agent][6] == ("decided" if agent in said.members else "open" if agent in said.open else "")


def test_rounds_link_to_matches_of_those_who_met(cups: Site) -> None:
    for key in ("swiss", "knockout", "adaptive"):
        text = cups.get(f"/tournaments/{key}").text
        rounds = text[text.index('id="rounds"') : text.index('id="standing"')]
        links = re.findall(rf'data-label="Agents">(.*?)</td>.*?href="(/tournaments/{key}/matches/\d+)"', rounds)
        assert links
        for met, link in links[:: max(1, len(links) // 4)]:
            agents = cups.get("/api/v1" + link).json()["agents"]
            assert sorted(agents) == sorted(name.strip() for name in _words(met).replace(" @", "@").split(","))


def test_the_api_has_state_rounds_and_propensities(cups: Site) -> None:
    for key in ("swiss", "knockout", "adaptive"):
        answer, one = cups.get(f"/api/v1/tournaments/{key}/rounds").json(), cups.ledger.tournament(key)
        state, decided = _state(cups, key), read_rounds(cups.ledger, one)
        assert state is not None
        assert answer["state"] == state.to_dict()
        assert [r["propensities"] for r in answer["rounds"]] == [
            None if r.propensities is None else r.propensities.tolist() for r in decided
        ]
        assert all(r["complete"] for r in answer["rounds"])
        assert sum(r["matches"] for r in answer["rounds"]) == cups.ledger.progress(one)


def test_other_tournaments_have_no_such_part(cups: Site) -> None:
    assert 'id="pairing"' not in cups.get("/tournaments/round-robin").text
    assert cups.get("/api/v1/tournaments/round-robin/rounds").json() == {"rounds": [], "state": None, "next": None}


def test_a_large_bracket_is_drawn_from_where_it_fits() -> None:
    assert first_drawn([64, 32, 16, 8, 4, 2, 1]) == 2
    assert first_drawn([4, 2, 1]) == 0
    assert MOST_TIES == 16


def test_names_in_a_bracket_are_escaped_and_open_places_said() -> None:
    tie = (Place(name="<b>", points="1", won=True), Place(name="", points="", won=False))
    drawing = str(bracket_drawing([("final", [tie])], "Bracket"))
    assert "&lt;b&gt;" in drawing
    assert ">open<" in drawing


def test_a_duel_by_the_pentanomial_test_shows_its_hypotheses_and_how_far_it_is(tmp_path, serve):
    values = {
        "name": "Duel", "game": "arena:tic_tac_toe", "agents": {"search": "mcts(simulations=20)", "random": "random"},
        "pairing": "decide", "test": "gsprt", "elo0": 0.0, "elo1": 200.0, "matches": 200, "seed": 1,
    }  # fmt: skip
    with Ledger.open(tmp_path / "arena.db") as ledger:
        tournament = run_tournament(make_config(values), ledger)
        found = duel_test(ledger, tournament)
        with serve(ledger) as site:
            shown = site.get(f"/tournaments/{tournament.key}").text
    assert found.decided
    assert found.evidence_sentence() in unescape(shown)
    assert found.pairs_sentence() in unescape(shown)
    assert "Elo difference of H1" in shown
    assert "Error rate of the verdict" not in shown
