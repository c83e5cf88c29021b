"""Adjusted means of real tournaments: they cover the exact expected return, and are far narrower than what was paid."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from arena.adjusted_returns import adjusted_returns, adjusted_standings
from arena.cli import app
from arena.config import make_config
from arena.games import load_game
from arena.games.compile_tree import compile_tree
from arena.ledger import Ledger
from arena.playing import play
from arena.recorded_returns import Recorded, adjusted_by_chance
from arena.results import MatchResults
from arena.solvers import save_policy
from arena.solvers.tree_measures import measures, normalised
from arena.tournament import run_tournament


def _policies(folder, game, seed):
    """Two random policies in files: their strategies on the tree."""
    tree, rng = compile_tree(load_game(game)), np.random.default_rng(seed)
    strategies = [normalised(tree, rng.random(tree.num_sequences) ** 3) for _ in range(2)]
    for number, strategy in enumerate(strategies):
        save_policy(tree.policy(strategy), folder / f"p{number}.json")
    return tree, strategies


def _expected(tree, strategies):
    """What the first earns a match against the second, once on each seat."""
    total = 0.0
    for seat in range(2):
        strategy = strategies[1].copy()
        strategy[tree.sequences(seat)] = strategies[0][tree.sequences(seat)]
        total += measures(tree, strategy).returns[seat] / 2
    return total


@pytest.mark.parametrize(
    ("game", "runs", "matches", "narrower"),
    [("arena:kuhn_poker", 200, 60, 1.5), ("openspiel:leduc_poker", 60, 60, 1.5)],
)
def test_adjusted_intervals_cover_the_exact_expected_return_of_twins_of_a_tournament(
    tmp_path, game, runs, matches, narrower
):
    tree, strategies = _policies(tmp_path, game, 3)
    truth = _expected(tree, strategies)
    agents = [f"p{number}=policy:{tmp_path / f'p{number}.json'}" for number in range(2)]
    with Ledger.open(tmp_path / "arena.db") as ledger:
        config = {"name": "t", "game": game, "agents": agents, "matches": runs * matches, "seed": 1}
        tournament = run_tournament(make_config(config), ledger)
        results = ledger.results(tournament)
    loaded, covered, raw_covered, ratio = load_game(game), 0, 0, []
    for run in range(runs):
        part = results.take(np.arange(run * matches, (run + 1) * matches))
        found = adjusted_returns(loaded, part, {"p0": tree.policy(strategies[0]), "p1": None})
        mean = next(one for one in found.agents if one.agent == "p0")
        covered += mean.adjusted.low <= truth <= mean.adjusted.high
        raw_covered += mean.raw.low <= truth <= mean.raw.high
        ratio.append(mean.raw.half_width / mean.adjusted.half_width)
    slack = 4 * np.sqrt(0.95 * 0.05 / runs)
    assert covered / runs > 0.95 - slack
    assert raw_covered / runs > 0.95 - slack
    assert np.median(ratio) > narrower


def test_with_both_policies_known_the_adjusted_mean_is_the_exact_expected_return(tmp_path):
    tree, strategies = _policies(tmp_path, "arena:kuhn_poker", 4)
    agents = [f"p{number}=policy:{tmp_path / f'p{number}.json'}" for number in range(2)]
    with Ledger.open(tmp_path / "arena.db") as ledger:
        run_tournament(make_config({"name": "t", "game": "arena:kuhn_poker", "agents": agents, "matches": 40}), ledger)
        found = adjusted_standings(ledger, "arena:kuhn_poker")
    mean = next(one for one in found.agents if one.agent == "p0@1")
    assert mean.adjusted.mean == pytest.approx(_expected(tree, strategies), abs=1e-12)
    assert mean.is_exact
    assert found.known == ("p0@1", "p1@1")
    assert "no error is left" in found.finding


@pytest.mark.parametrize("values", ["fitted", "uniform", "equilibrium"])
def test_any_values_give_means_that_agree_within_their_errors(values):
    game = load_game("arena:kuhn_poker")
    results = play(game, ["uniform", "random"], matches=2000, seed=5)
    tree = compile_tree(game)
    uniform = tree.policy(normalised(tree, np.ones(tree.num_sequences)))
    found = adjusted_returns(game, results, {"u": uniform, "r": None}, values=values)
    exact = measures(tree, normalised(tree, np.ones(tree.num_sequences))).returns[0]
    mean = next(one for one in found.agents if one.agent == "u")
    seat_first = (results.specs.seats[:, 0] == 0).mean()
    assert abs(mean.adjusted.mean - exact * (2 * seat_first - 1)) < 4.5 * mean.adjusted.error
    assert mean.worth > 1.5


def test_probabilities_that_were_not_played_are_found_out():
    game = load_game("arena:kuhn_poker")
    results = play(game, ["random", "random"], matches=4000, seed=6)
    tree = compile_tree(game)
    skewed = normalised(tree, np.where(tree.actions == 1, 9.0, 1.0))
    found = adjusted_returns(game, results, {"liar": tree.policy(skewed), "r": None})
    assert any("are not those that were played" in note for note in found.notes)


def test_an_agent_that_did_what_its_probabilities_rule_out_counts_as_unknown():
    game = load_game("arena:kuhn_poker")
    results = play(game, ["random", "random"], matches=400, seed=7)
    tree = compile_tree(game)
    never = normalised(tree, np.where(tree.actions == 1, 0.0, 1.0))
    found = adjusted_returns(game, results, {"liar": tree.policy(never), "r": None})
    assert found.known == ()
    assert any("never lead" in note for note in found.notes)
    assert all(np.isfinite(mean.adjusted.mean) for mean in found.agents)


def test_a_game_too_large_for_a_tree_uses_its_chance_outcomes_and_says_so():
    game = load_game("openspiel:leduc_poker(players=3)")
    results = play(game, ["random"] * 3, matches=1200, seed=8)
    found = adjusted_returns(game, results, dict.fromkeys("abc"))
    assert found.method == "chance"
    assert any(note.startswith("AIVAT does not apply") for note in found.notes)
    assert all(
        mean.worth > 0.9 for mean in found.agents
    )  # rotations share their cards: little luck is left to take out


def test_chance_outcomes_explain_a_part_of_single_matches():
    game = load_game("openspiel:leduc_poker")
    results = play(game, ["random"] * 2, matches=2000, seed=8)
    matches = Recorded(
        seats=results.specs.seats, returns=results.returns, forfeit=results.forfeit.astype(np.int64),
        chance_seed=results.specs.chance_seed, actions=results.actions, has_moves=np.ones(len(results), bool),
    )  # fmt: skip
    left = adjusted_by_chance(game, matches).returns.var(axis=0)
    assert (left < 0.97 * results.returns.var(axis=0)).all()


def test_a_game_without_chance_or_tree_has_twins_alone():
    game = load_game("arena:connect_four")
    found = adjusted_returns(game, play(game, ["random"] * 2, matches=20, seed=9), {"a": None, "b": None})
    assert found.method == "twins"
    assert "no chance outcomes" in found.notes[-1]
    assert all(mean.adjusted == mean.raw for mean in found.agents)


def test_the_order_of_matches_changes_nothing():
    game = load_game("arena:kuhn_poker")
    results = play(game, ["uniform", "random"], matches=300, seed=10)
    order = np.random.default_rng(0).permutation(300)
    moved = MatchResults(
        specs=results.specs.take(order), returns=results.returns[order], termination=results.termination[order],
        forfeit=results.forfeit[order], actions=results.actions.take(order), seconds=results.seconds[order],
    )  # fmt: skip
    means = [adjusted_returns(game, part, {"a": None, "b": None}).agents for part in (results, moved)]
    for before, after in zip(*means, strict=True):
        assert after.adjusted.mean == pytest.approx(before.adjusted.mean, abs=1e-12)
        assert after.adjusted.error == pytest.approx(before.adjusted.error, rel=1e-9)


def test_too_few_names_are_refused():
    game = load_game("arena:kuhn_poker")
    with pytest.raises(ValueError, match="policies must name all 2 agents"):
        adjusted_returns(game, play(game, ["random"] * 2, matches=2), {"a": None})


def test_the_command_shows_raw_and_adjusted_means_and_gives_json(tmp_path):
    database = str(tmp_path / "arena.db")
    with Ledger.open(database) as ledger:
        config = {"name": "t", "game": "arena:kuhn_poker", "agents": ["uniform", "random"], "matches": 200}
        run_tournament(make_config(config), ledger)
    shown = CliRunner().invoke(app, ["leaderboard", "--adjusted", "--db", database])
    assert shown.exit_code == 0, shown.output
    assert "with luck taken out" in shown.output
    assert "adjusted mean" in shown.output
    given = CliRunner().invoke(app, ["leaderboard", "--adjusted", "--json", "--db", database])
    found = json.loads(given.output)
    assert found["method"] == "aivat"
    assert {row["agent"] for row in found["agents"]} == {"uniform@1", "random@1"}


def test_a_file_of_results_has_twins_alone(tmp_path):
    (tmp_path / "r.csv").write_text("agent_a,agent_b,score\n" + "x,y,1\ny,x,0\n" * 10)
    shown = CliRunner().invoke(app, ["leaderboard", "--adjusted", "--from", str(tmp_path / "r.csv")])
    assert shown.exit_code == 0, shown.output
    assert "need the moves of matches" in shown.output
