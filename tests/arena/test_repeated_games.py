"""Games that deterministic agents play again and again count once; luck sets nothing aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.config import make_config
from arena.games import TabularPolicy
from arena.ledger import Ledger
from arena.plain_standings import board_differences, plain_rows
from arena.rated_matches import RatedMatches, rated_matches
from arena.repeated_games import DRAWS, MAY_DRAW, NEVER_DRAWS, drawing_of, repeats
from arena.solvers import save_policy
from arena.standings import standings
from arena.tournament import run_tournament
from arena.verify_schedule import schedule_differences

TTT = "openspiel:tic_tac_toe"
PENNIES = "openspiel:matrix_mp"
LOW = "bot:fixed_action_preference(actions=0:1:2:3:4:5:6:7:8)"
HIGH = "bot:fixed_action_preference(actions=8:7:6:5:4:3:2:1:0)"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def _run(ledger: Ledger, agents: dict[str, str], *, name: str = "cup", game: str = TTT, **values: Any) -> str:
    config = {"name": name, "game": game, "agents": agents, "matches": 20, **values}
    return run_tournament(make_config(config), ledger).key


def _rated(ledger: Ledger) -> RatedMatches:
    return rated_matches(ledger, ledger.tournaments())


def _policy(path: Path, game: str, table: dict[str, dict[int, float]]) -> str:
    save_policy(TabularPolicy(game, table), path)
    return f"policy:{path}"


def test_two_deterministic_agents_have_two_games_however_often_they_play(ledger: Ledger) -> None:
    _run(ledger, {"low": LOW, "high": HIGH})
    found = _rated(ledger)
    assert (len(found.record), found.copies) == (2, 18)
    assert found.number.tolist() == [0, 1], "the first pair of twins stays whole"
    assert len(set(found.record.pair.tolist())) == 1
    assert ledger.progress(ledger.tournament("cup")) == 20, "the ledger keeps all"


def test_games_of_deterministic_agents_count_once_over_several_tournaments(ledger: Ledger) -> None:
    _run(ledger, {"low": LOW, "high": HIGH})
    _run(ledger, {"low": LOW, "high": HIGH}, name="again", seed=7)
    assert len(_rated(ledger).record) == 2


def test_agents_that_draw_keep_all_their_matches_and_so_do_their_opponents(ledger: Ledger) -> None:
    _run(ledger, {"low": LOW, "high": HIGH, "random": "random"}, matches=10)
    found = _rated(ledger)
    assert found.copies == 8, "of 10 matches between low and high two count"
    with_random = (found.record.seats == found.record.agents.index("random@1")).any(axis=1)
    assert with_random.sum() == 20


def test_random_agents_that_repeat_their_only_games_by_luck_lose_no_match(ledger: Ledger) -> None:
    for seed in range(4):  # two pairs of twins of two moves each: alike in one run of four and more
        _run(ledger, {"a": "random", "b": "uniform"}, name=f"cup{seed}", game=PENNIES, matches=4, seed=seed)
    assert _rated(ledger).copies == 0


def test_a_pure_policy_is_judged_by_its_record(ledger: Ledger, tmp_path: Path) -> None:
    states = ("", "0", "1", "Row player", "Observing player: 0. Non-terminal", "Terminal")
    heads = _policy(tmp_path / "heads.json", PENNIES, {state: {0: 1.0} for state in states})
    mixed = _policy(tmp_path / "mixed.json", PENNIES, {state: {0: 0.9, 1: 0.1} for state in states})
    _run(ledger, {"heads": heads, "mixed": mixed}, game=PENNIES)
    heads_version, mixed_version = ledger.tournament("cup").agents
    assert drawing_of(heads_version, ledger.artifacts) == MAY_DRAW
    assert drawing_of(mixed_version, ledger.artifacts) == DRAWS
    assert _rated(ledger).copies == 0


def test_a_board_says_what_it_counted_once_and_the_plain_count_agrees(ledger: Ledger) -> None:
    _run(ledger, {"low": LOW, "high": HIGH, "random": "random"}, matches=20)
    found = standings(ledger, TTT)
    assert (
        "18 matches repeat others move for move between deterministic agents; each counts once"
        in found.leaderboard.notes
    )
    rows = plain_rows(ledger, ledger.tournaments())
    assert board_differences(found, rows) == []
    assert {row.agent: row.matches for row in found.leaderboard.rows} == {"low@1": 22, "high@1": 22, "random@1": 40}


def test_a_game_with_chance_samples_its_deals_and_keeps_all(ledger: Ledger, tmp_path: Path) -> None:
    kuhn = "openspiel:kuhn_poker"
    calls = "bot:fixed_action_preference(actions=1:0)"
    folds = "bot:fixed_action_preference(actions=0:1)"
    _run(ledger, {"calls": calls, "folds": folds}, game=kuhn, matches=200)
    assert _rated(ledger).copies == 0


PROGRAM = """
import random
class Player:
    deterministic = True
    def act(self, observation):
        return {choose}
"""


def _program(path: Path, choose: str) -> str:
    path.write_text(PROGRAM.format(choose=choose))
    return f"python:{path}:Player"


def test_programs_that_always_play_alike_are_taken_as_deterministic(ledger: Ledger, tmp_path: Path) -> None:
    first = _program(tmp_path / "first.py", "min(observation.legal_actions)")
    _run(ledger, {"first": first, "high": HIGH}, matches=6)
    assert drawing_of(ledger.tournament("cup").agents[0], ledger.artifacts) == MAY_DRAW
    assert _rated(ledger).copies == 4


def test_few_repeats_of_a_program_are_no_evidence(ledger: Ledger, tmp_path: Path) -> None:
    first = _program(tmp_path / "first.py", "min(observation.legal_actions)")
    _run(ledger, {"first": first, "high": HIGH}, matches=4)
    assert _rated(ledger).copies == 0


def test_a_program_that_draws_keeps_all_whatever_it_says_of_itself(ledger: Ledger, tmp_path: Path) -> None:
    draws = _program(tmp_path / "draws.py", "random.choice(observation.legal_actions)")
    _run(ledger, {"draws": draws, "high": HIGH}, matches=6)
    assert _rated(ledger).copies == 0


def test_a_duel_of_deterministic_agents_stops_when_it_is_seen_to_repeat(ledger: Ledger) -> None:
    key = _run(ledger, {"low": LOW, "high": HIGH}, pairing="decide", matches=400, block=8)
    tournament, found = ledger.tournament(key), standings(ledger, TTT)
    assert found.verdict is not None
    assert found.verdict.decided
    assert "always play the same two games" in found.leaderboard.finding
    assert ledger.progress(tournament) <= 24, "at most ten pairs, and the block that they end in"
    assert found.matches == 2
    assert schedule_differences(ledger, tournament, ledger.played(tournament)) == []
    assert board_differences(found, plain_rows(ledger, [tournament])) == []


def test_level_copies_end_a_duel_with_nobody_better(ledger: Ledger) -> None:
    key = _run(ledger, {"low": LOW, "same": LOW}, pairing="decide", matches=400, block=8)
    found = standings(ledger, TTT)
    assert found.verdict is not None
    assert found.verdict.better is None
    assert "10 pairs of twins, move for move alike" in found.leaderboard.finding
    assert {row.rank for row in found.leaderboard.rows} == {(1, 2)}
    assert ledger.progress(ledger.tournament(key)) == 24


def test_a_duel_of_copies_stops_at_the_stated_number_of_pairs(ledger: Ledger) -> None:
    key = _run(ledger, {"low": LOW, "same": LOW}, pairing="decide", matches=400, block=2)
    assert ledger.progress(ledger.tournament(key)) == 20


def test_duels_of_random_agents_are_never_called_alike(ledger: Ledger) -> None:
    key = _run(ledger, {"a": "random", "b": "random"}, game=PENNIES, pairing="decide", matches=60, block=8)
    assert "same two games" not in standings(ledger, PENNIES, tournament=key).leaderboard.finding


def test_moves_are_not_read_where_agents_draw_or_returns_differ(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(ledger, {"low": LOW, "random": "random"})
    tournament = ledger.tournament("cup")
    monkeypatch.setattr(ledger, "result_blocks", lambda _: pytest.fail("moves were read"))
    seats = np.tile([[0, 1], [1, 0]], (10, 1))
    returns = np.tile([1.0, -1.0], (20, 1))
    returns[7] = 0
    columns: dict[str, Any] = {
        "agents": ("low@1", "random@1"),
        "seats": seats,
        "forfeit": np.full(20, -1),
        "tournament": np.zeros(20, np.int64),
        "number": np.arange(20),
    }
    for drawing, got in (({"low@1": MAY_DRAW, "random@1": DRAWS}, returns * 0), ({"low@1": 0, "random@1": 0}, returns)):
        assert not repeats(ledger, [tournament], drawing=drawing, returns=got, **columns).any()


def test_preferences_and_scripts_never_draw(ledger: Ledger) -> None:
    _run(ledger, {"low": LOW, "uniform": "bot:uniform_random"}, matches=2)
    low, uniform = ledger.tournament("cup").agents
    assert drawing_of(low, ledger.artifacts) == NEVER_DRAWS
    assert drawing_of(uniform, ledger.artifacts) == DRAWS
