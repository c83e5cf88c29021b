"""Why an agent has its rank, on its page and in the API: the library's numbers, with links to what they speak of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import numpy as np
import pytest

from arena.config import make_config
from arena.explanation import at_a_terminal, explained
from arena.ledger import Ledger
from arena.server import numbers
from arena.tournament import run_tournament
from tests.server.conftest import Site, import_matches, serving

GAME, KUHN = "a:board", "openspiel:kuhn_poker"
NAMES = ("ann", "bob", "cy", "dan")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three of four agents in a first tournament, all four in a second; two of them play poker too."""
    rng = np.random.default_rng(7)
    with Ledger.open(tmp_path_factory.mktemp("board") / "arena.db") as ledger:
        for name, agents in (("First", NAMES[:3]), ("Second", NAMES)):
            pairs = [(one, two) for one in agents for two in agents if one != two] * 20
            gap = {one: NAMES.index(one) for one in agents}
            wins = [rng.random() < 1 / (1 + np.exp(0.5 * (gap[one] - gap[two]))) for one, two in pairs]
            matches = [(one, two, 1.0 if won else -1.0, -1) for (one, two), won in zip(pairs, wins, strict=True)]
            import_matches(ledger, GAME, matches, name=name)
        run_tournament(
            make_config({"name": "Poker", "game": KUHN, "agents": ["random", "uniform"], "matches": 40, "seed": 1}),
            ledger,
        )
        with serving(ledger) as served:
            yield served


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text))).strip()


def _rows(text: str, mark: str) -> list[list[str]]:
    table = text[text.index(mark) :].partition("</table>")[0]
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    return [[_words(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


def test_opponents_stand_with_what_was_expected(board: Site) -> None:
    found = explained(board.ledger, GAME, "bob@1").explanation
    assert _rows(board.get("/agents/bob@1").text, 'id="surplus"') == [
        [
            one.opponent,
            f"{one.points:g} of {one.matches:g}",
            f"{one.expected:.1f}",
            numbers.signed(one.surplus, 1),
            "",
            numbers.signed(one.removed, 0),
        ]
        for one in found.opponents
    ]


def test_the_matches_that_move_it_most_are_linked(board: Site) -> None:
    found, text = explained(board.ledger, GAME, "bob@1"), board.get("/agents/bob@1").text
    rows = _rows(text, 'id="influence"')
    assert [(row[0], row[3], row[4]) for row in rows] == [
        (key, numbers.signed(one.removed, 2), str(one.alike))
        for key, one in zip(found.keys, found.explanation.matches, strict=True)
    ]
    for key in found.keys:
        address = "/tournaments/{}/matches/{}".format(*key.split("/"))
        assert f'href="{address}"' in text
        board.get(address)


def test_whom_to_play_next(board: Site) -> None:
    found = explained(board.ledger, GAME, "bob@1").explanation
    assert _rows(board.get("/agents/bob@1").text, 'id="next"') == [
        [one.opponent, str(one.matches), f"±{one.half_width:.1f}"] for one in found.next
    ]


def test_what_changed_since_a_date_is_told_in_parts(board: Site) -> None:
    text = board.get("/agents/bob@1").text
    link = unescape(re.search(r'href="(\?[^"]*)">What the newest tournament changed', text)[1])  # type: ignore[index]
    shown = board.get("/agents/bob@1" + link.partition("#")[0]).text
    since = board.ledger.tournament("second").finished_at
    change = explained(board.ledger, GAME, "bob@1", since=since).change
    assert change is not None
    assert change.own_matches == 120
    parts = (change.own, change.others, change.field, change.now - change.then)
    assert [row[1] for row in _rows(shown, "What moved it")] == [numbers.signed(value, 1) for value in parts]
    assert sum(parts[:3]) == pytest.approx(parts[3])
    assert f"{change.own_matches} own and {change.others_matches} others' matches are new" in _words(shown)


def test_before_the_first_match_there_was_no_rating(board: Site) -> None:
    shown = board.get("/agents/bob@1?since=2020-01-01").text
    assert "it had no rating then" in _words(shown)
    assert "What moved it" not in shown


def test_an_agent_of_several_ladders_is_explained_on_each(board: Site) -> None:
    ledger = board.ledger
    run_tournament(
        make_config({"name": "More", "game": "matrix:rps", "agents": ["random", "uniform"], "matches": 24}), ledger
    )
    text = board.get("/agents/random@1").text
    (address,) = re.findall(r'href="(\?ladder=[^"]*)#explained"', text)
    other = board.get("/agents/random@1" + unescape(address)).text
    assert re.findall(r"--explain|leaderboard '([^']*)'", text) != re.findall(r"--explain|leaderboard '([^']*)'", other)
    assert "Unknown ladder of this agent" in board.get(f"/agents/random@1?ladder={GAME}", status=404).text


def test_the_api_explains_as_the_library_does(board: Site) -> None:
    answer = board.get(f"/api/v1/explain?game={GAME}&agent=bob&changed_since=2020-01-01").json()
    assert answer == explained(board.ledger, GAME, "bob", since="2020-01-01").to_dict()
    part = board.get(f"/api/v1/explain?game={GAME}&agent=bob@1&tournament=first&method=bradley_terry").json()
    assert part["method"] == "bradley_terry"
    assert {one["opponent"] for one in part["opponents"]} == {"ann@1", "cy@1"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"game={GAME}&agent=eve", 404),
        ("game=openspiel:chess&agent=bob", 404),
        (f"game={GAME}&agent=bob&method=minimax", 400),
        (f"game={GAME}&agent=bob&seat=1", 400),
        (f"game={GAME}&agent=bob&changed_since=soon", 400),
        ("agent=bob", 422),
    ],
)
def test_what_cannot_be_explained_is_an_error_of_the_one_shape(board: Site, query: str, status: int) -> None:
    assert board.get(f"/api/v1/explain?{query}", status=status).json()["error"]["status"] == status


def test_a_date_that_is_none_is_refused(board: Site) -> None:
    assert "A date is written" in board.get("/agents/bob@1?since=soon", status=400).text


def test_who_beats_an_agent_stands_with_its_confidence(board: Site) -> None:
    answer = board.get(f"/api/v1/games/{GAME}").json()
    matrix, beaten = answer["leaderboard"]["matrix"], answer["beaten_by"]["dan@1"]
    text = _words(board.get("/agents/dan@1").text)
    column = matrix["agents"].index("dan@1")
    for other in beaten:
        row = matrix["agents"].index(other)
        low, high = matrix["low"][row][column], matrix["high"][row][column]
        assert low > 0.5
        assert f"{other} scores {100 * matrix['score'][row][column]:.0f} %" in text
        assert f"({100 * low:.0f}–{100 * high:.0f})" in text
    assert f"beaten by {beaten[0]}" in _words(board.get(f"/games/{GAME}").text)


def test_on_a_ladder_of_many_agents_the_page_and_the_api_name_the_command_instead(
    board: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.server.standings_cache.MOST_EXPLAINED", 1)
    told = at_a_terminal(GAME, "bob@1")
    assert told[1:] in _words(board.get("/agents/bob@1?forfeits=true").text)
    refused = board.get(f"/api/v1/explain?game={GAME}&agent=bob@1&changed_since=2020-01-02", status=400)
    assert told in refused.json()["error"]["message"]
