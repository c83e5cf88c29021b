"""Ladders of votes: what the page tells is what the library computes, prompts and answers are shown and never markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.counterfactual import Where
from arena.games.judge import JudgeFailure, Verdict
from arena.games.votes import Votes
from arena.judge_input import AnswerSheet
from arena.judgements import Context
from arena.judging import judge_into, judging_plan
from arena.ledger import Ledger
from arena.match_import import import_votes
from arena.server import numbers
from arena.standings import standings
from tests.server.conftest import HOSTILE, Site, serving

GAME = "preference:hands"
NAMES = ("rock", "paper", "scissors", "well")


def _judge(prompts, first, second):
    """Cyclic among the first three, who all beat the well; refuses one prompt."""
    said = []
    for prompt, one, other in zip(prompts, first, second, strict=True):
        a, b = int(one[0]), int(other[0])
        wins = a != 3 if 3 in (a, b) else (a - b) % 3 == 1
        said.append(
            JudgeFailure("refused", HOSTILE) if prompt == "prompt 7" else Verdict(float(wins), note=f"of {HOSTILE}")
        )
    return said


def _first(prompts, _first, _second):
    return [1.0] * len(prompts)


def _never(prompts, _first, _second):
    return [JudgeFailure("refused", "no comment")] * len(prompts)


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    sheet = AnswerSheet(
        prompts=tuple(Context(f"p{k}", f"prompt {k}" if k else HOSTILE) for k in range(24)),
        candidates=NAMES,
        answers={(k, i): f"{i} {HOSTILE}" for k in range(24) for i in range(4)},
    )
    plan = judging_plan(sheet, {"fair": "python:x:y", "lazy": "python:x:z"})
    with Ledger.open(tmp_path_factory.mktemp("hands") / "arena.db") as ledger:
        judge_into(ledger, plan, {"fair": _judge, "lazy": _first}, game=GAME, name="hands")
        votes = Votes(
            candidates=("x", "y"),
            judges=("anna",),
            first=np.zeros(30, np.int64),
            second=np.ones(30, np.int64),
            score=np.full(30, 0.5),
            both_bad=np.ones(30, bool),
            weight=np.ones(30),
            context=np.full(30, -1),
            judge=np.zeros(30, np.int64),
        )
        import_votes(ledger, votes, game="preference:plain", name="plain", source_text="p")
        silent = judging_plan(sheet, {"silent": "python:x:s"})
        judge_into(ledger, silent, {"silent": _never}, game="preference:silent", name="silent")
        with serving(ledger) as served:
            yield served


def test_the_page_tells_the_finding_and_the_judges(hands: Site) -> None:
    found = standings(hands.ledger, GAME)
    page = unescape(hands.get(f"/games/{GAME}").text)
    assert found.preference is not None
    text = re.sub(r"<[^>]+>", "", page)
    for sentence in found.preference.sentences():
        assert sentence in text
    assert found.preference.winner is None
    assert "The order shown moves judges: lazy names the first more often by 100 points." in page
    fair, lazy = found.preference.judges
    assert (fair.has_bias, lazy.has_bias) == (False, True)
    assert (fair.failures, lazy.failures) == (36, 0)
    assert lazy.order_bias is not None
    assert f"+100 ({numbers.whole(100 * lazy.order_bias.low)} to +100)" in page


def test_the_cycle_is_drawn_with_those_who_are_in_it(hands: Site) -> None:
    page = unescape(hands.get(f"/games/{GAME}").text)
    assert (
        'aria-label="Response graph of 3 agents: paper@1 beats rock@1; rock@1 beats scissors@1; scissors@1 beats paper@1'
        in page
    )
    assert "1 candidate outside the circle is not drawn" in page


def test_command_line_page_and_api_have_the_same_numbers(hands: Site) -> None:
    answer = hands.get(f"/api/v1/games/{GAME}").json()["preference"]
    printed = CliRunner().invoke(app, ["leaderboard", GAME, "--db", hands.ledger.url_for_people, "--json"]).stdout
    assert json.loads(printed)["preference"] == answer
    assert answer["pairs_never_compared"] == 0


def test_the_page_leaves_out_a_judge_and_chooses_a_context(hands: Site) -> None:
    for query, where in (
        ("without_judge=lazy", Where(without_judges=("lazy",))),
        ("context=p3&context=p4", Where(contexts=("p3", "p4"))),
    ):
        shown = hands.get(f"/api/v1/games/{GAME}?{query}").json()
        found = standings(hands.ledger, GAME, where=where)
        assert (shown["matches"], shown["counterfactual"]["where"]) == (found.matches, where.to_dict())
        page = hands.get(f"/games/{GAME}?{query}").text
        assert where.sentence() in page
        assert "selected" in page[page.index('name="without_judge"' if "judge" in query else 'name="context"') :]
    hands.get(f"/games/{GAME}?without_judge=nobody", 404)


def test_a_match_shows_prompt_answers_verdict_judge_and_note(hands: Site) -> None:
    page = hands.get("/tournaments/hands/matches/0").text
    assert HOSTILE not in page
    said = unescape(page)
    assert f'<p class="prompt">{HOSTILE}</p>' in said
    assert f"0 {HOSTILE}" in said and f"1 {HOSTILE}" in said
    assert "paper is preferred to rock" in said
    assert "Judge fair decided in context p0; rock was shown first." in said
    assert f"of {HOSTILE}" in said
    assert "The same comparison in the other order is" in said
    facts = hands.get("/api/v1/tournaments/hands/matches/0").json()["judgement"]
    assert (facts["judge"], facts["verdict"], facts["context"]) == ("fair", "second", "p0")


def test_a_vote_without_texts_says_so(hands: Site) -> None:
    page = unescape(hands.get("/tournaments/plain/matches/0").text)
    assert "x and y are both bad" in page
    assert "votes came with their verdicts alone" in page


def test_what_judges_did_not_judge_is_listed_apart(hands: Site) -> None:
    page = hands.get("/tournaments/hands").text
    assert HOSTILE not in page
    said = unescape(page)
    assert "No votes, and asked again: refused 36." in said
    assert "is asked by the same <code>arena judge</code> command" in said


def test_a_game_without_votes_has_no_such_section(site: Site) -> None:
    page = site.get("/games/openspiel:kuhn_poker").text
    assert "What the votes say" not in page
    assert site.get("/api/v1/games/openspiel:kuhn_poker").json()["preference"] is None


def test_a_ladder_without_a_verdict_has_its_page_and_files(hands: Site) -> None:
    address = "preference:silent"
    page = unescape(hands.get(f"/games/{address}").text)
    found = standings(hands.ledger, address)
    assert found.leaderboard.finding in page
    assert f'data-label="No verdict">{found.preference.judges[0].failures:,}<' in page
    assert hands.get(f"/api/v1/games/{address}").json()["matches"] == 0
    assert hands.get(f"/downloads/standings.csv?game={address}").text == "agent\n"
