"""Mean returns with luck taken out and noise floors on a ladder's page: the library's numbers, quickly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from arena.adjusted_returns import adjusted_standings
from arena.config import make_config
from arena.counterfactual import Where
from arena.ledger import Ledger
from arena.server import numbers
from arena.server.adjusted_views import interval_in_words
from arena.standings import standings
from arena.tournament import run_tournament
from tests.server.conftest import Site, import_matches, serving

KUHN, FOUR = "openspiel:kuhn_poker", "openspiel:connect_four"


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Ledger.open(tmp_path_factory.mktemp("luck") / "arena.db") as ledger:
        for name, game, more in (("Kuhn", KUHN, {"noise_floor": True}), ("Four", FOUR, {})):
            values = {"name": name, "game": game, "agents": ["random", "uniform"], "matches": 40, "seed": 2, **more}
            run_tournament(make_config(values), ledger)
        import_matches(ledger, "a:elsewhere", [("x", "y", 1.0, -1), ("y", "x", 1.0, -1)] * 12)
        with serving(ledger) as served:
            yield served


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text))).strip()


@pytest.mark.parametrize("where", [Where(), Where(without_agents=("uniform@1",))], ids=str)
def test_adjusted_means_stand_beside_raw_ones(games: Site, where: Where) -> None:
    query = "?without_agent=uniform@1" if where else ""
    text = games.get(f"/games/{KUHN}{query}").text
    table = text[text.index('class="stack luck"') :].partition("</table>")[0]
    rows = [
        [_words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr role[^>]*>(.*?)</tr>", table, re.DOTALL)
    ]
    found = adjusted_standings(games.ledger, KUHN, where=where)
    assert [row[:3] for row in rows] == [
        [mean.agent, interval_in_words(mean.raw), interval_in_words(mean.adjusted)] for mean in found.agents
    ]
    assert found.finding in _words(text)
    games.get(f"/api/v1/adjusted?game={KUHN}&seat=0", 400)
    told = games.get(f"/api/v1/adjusted?game={KUHN}&{query[1:]}").json()
    assert told | {"computed_at": ""} == found.to_dict() | {"computed_at": ""}


def test_of_a_large_game_the_command_is_named(games: Site) -> None:
    text = games.get(f"/games/{FOUR}").text
    assert "arena leaderboard openspiel:connect_four --adjusted" in _words(text)
    assert 'id="luck"' not in text
    assert "arena pull" in games.get(f"/api/v1/adjusted?game={FOUR}", 400).json()["error"]["message"]


def test_a_game_that_cannot_be_loaded_has_neither(games: Site) -> None:
    text = games.get("/games/a:elsewhere").text
    assert 'id="luck"' not in text
    assert "--adjusted" not in text


def test_the_noise_floor_is_said(games: Site) -> None:
    floor = standings(games.ledger, KUHN).noise_floor
    assert floor is not None
    text = games.get(f"/games/{KUHN}").text
    assert floor.sentence() in _words(text)
    assert f"{floor.floor:,.0f} Elo: of two agents that are the same byte for byte" in _words(text)
    assert games.get(f"/api/v1/games/{KUHN}").json()["noise_floor"] == floor.to_dict()
    assert 'id="noise-floor"' not in games.get(f"/games/{FOUR}").text


def test_the_command_that_prints_the_same_board(games: Site) -> None:
    text = games.get(f"/games/{KUHN}?method=glicko2&without_forfeits=1&tournament=kuhn&without_agent=random@1").text
    command = "arena leaderboard openspiel:kuhn_poker --method glicko2 --without-forfeits --only-tournament kuhn"
    assert f"{command} --without-agent random@1" in _words(text)


def test_exact_values_say_when_and_where_they_were_computed(games: Site) -> None:
    one = standings(games.ledger, KUHN).exploitability["uniform@1"]
    when = one.computed_at[:16].replace("T", " ")
    assert f"1 exact value computed {when} UTC on {one.computed_by}" in _words(games.get(f"/games/{KUHN}").text)
    assert numbers.exploitable_by(one.value) in games.get(f"/games/{KUHN}").text
