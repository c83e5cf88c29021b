"""Differences that may be watched, as a page and as JSON: the library's numbers, and refused where pairings looked at results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from arena.anytime_ratings import PAIRS_AT_MOST, anytime_standings
from arena.config import make_config
from arena.counterfactual import Where
from arena.leaderboards.wording import signed
from arena.ledger import Ledger
from arena.server.static_site import write_site
from arena.tournament import run_tournament
from tests.server.conftest import Site, import_matches, serving

KUHN, TTT, MANY = "openspiel:kuhn_poker", "openspiel:tic_tac_toe", "a:many"


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Ledger.open(tmp_path_factory.mktemp("anytime") / "arena.db") as ledger:
        for name, game, more in (
            ("Kuhn", KUHN, {"matches": 60, "agents": {"a": "random", "b": "uniform", "c": "random"}}),
            ("Swiss", TTT, {"pairing": "swiss", "rounds": 2, "matches": 4, "agents": ["random", "uniform"]}),
        ):
            run_tournament(make_config({"name": name, "game": game, "seed": 2, **more}), ledger)
        names = [f"n{k}" for k in range(12)]
        import_matches(ledger, MANY, [(x, y, 1.0, -1) for x in names for y in names if x != y] * 2)
        with serving(ledger) as served:
            yield served


def rows(text: str) -> list[list[str]]:
    return [
        [
            re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", cell))).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)
        ]
        for row in re.findall(r"<tr role[^>]*>(.*?)</tr>", text, re.DOTALL)
    ]


@pytest.mark.parametrize("anchor", ["", "b@1"])
@pytest.mark.parametrize("where", [Where(), Where(without_agents=("c@1",))], ids=str)
def test_the_page_and_the_api_give_what_the_command_gives(ladders: Site, anchor: str, where: Where) -> None:
    query = f"game={KUHN}&anchor={anchor}" + ("&without_agent=c@1" if where else "")
    found = anytime_standings(ladders.ledger, KUHN, anchor=anchor or None, where=where)
    text = ladders.get(f"/anytime?{query}").text
    assert [row[:3] for row in rows(text)] == [
        [one.agent, one.against, signed(one.difference) if one.difference is not None else "–"]
        for one in found.differences
    ]
    assert found.finding in unescape(text).replace("\N{NO-BREAK SPACE}", " ")
    answer = ladders.get(f"/api/v1/anytime?{query}").json()
    assert {**answer, "computed_at": ""} == {**found.to_dict(), "computed_at": ""}


def test_of_many_pairs_the_page_shows_those_of_the_first(ladders: Site) -> None:
    shown = rows(ladders.get(f"/anytime?game={MANY}").text)
    assert len({row[0] for row in shown}) == 1 and len(shown) == 11 < PAIRS_AT_MOST
    assert len(ladders.get(f"/api/v1/anytime?game={MANY}").json()["differences"]) == 66


def test_the_ladder_links_to_it_where_it_holds(ladders: Site) -> None:
    assert (
        f'href="/anytime?game={quote(KUHN)}&amp;without_agent=c%401"'
        in ladders.get(f"/games/{KUHN}?without_agent=c@1").text
    )
    assert "/anytime" not in ladders.get(f"/games/{KUHN}?seat=1").text
    assert "/anytime" not in ladders.get(f"/games/{TTT}").text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        (f"game={TTT}", 400, "do not look at results"),
        ("game=openspiel:hex", 404, "nknown game"),
        (f"game={KUHN}&anchor=nobody", 404, "nobody"),
        (f"game={KUHN}&seat=1", 400, "all seats"),
    ],
)
def test_what_cannot_be_watched_is_said(ladders: Site, query: str, status: int, said: str) -> None:
    for place in ("/anytime", "/api/v1/anytime"):
        answer = ladders.client.get(f"{place}?{query}")
        assert answer.status_code == status and said in unescape(answer.text)


def test_a_static_site_has_the_page(ladders: Site, tmp_path: Path) -> None:
    made = write_site(ladders.ledger, tmp_path / "site", games=[KUHN], matches=0)
    assert not made.failed
    (page,) = (file for address, file in made.pages.items() if address.startswith("/anytime"))
    text = (tmp_path / "site" / page).read_text()
    assert len(rows(text)) == 3 and "<form" not in text
