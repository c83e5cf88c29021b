"""What all learners on preferences have in common: counts, seeds, checkpoints, refusals, certificates."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, gap_by_definition, random_preferences, softmax

from arena.cli.solve_settings import settings_of
from arena.games import NotProvided, SpecificationError, TabularPolicy, load_game
from arena.solvers import methods, solve
from arena.solvers.preference_learning import Learner, learn
from arena.solvers.preference_mirror import WinRates
from arena.solvers.registry import function_of

LEARNERS = [name for name, method in methods().items() if method.takes == "preferences"]


def run(name, preferences, **settings):
    """The method with those of the settings that it has."""
    known = settings_of(function_of(name))
    return function_of(name)(preferences, **{key: value for key, value in settings.items() if key in known})


def test_there_are_learners():
    assert "nash_mirror_prox" in LEARNERS


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("size", [1, 2, 9])
def test_the_gap_and_the_exploitability_are_those_of_the_answer(name, size):
    preferences, reference = random_preferences(size, seed=1), softmax(np.arange(size) / 4)
    solution = run(name, preferences, reference=reference, beta=0.2, iterations=25)
    policy = solution.strategies[0]
    assert policy.sum() == pytest.approx(1) and policy.min() >= 0 and solution.strategies[1] is policy
    beaten = (preferences @ policy).max() - 0.5
    assert solution.settings["exploitability"] == pytest.approx(beaten, abs=1e-12)
    if solution.gap_kind == "exploitability":
        assert solution.gap == pytest.approx(beaten, abs=1e-12)
    else:
        assert solution.gap_kind == "regularised_exploitability"
        assert solution.gap == pytest.approx(gap_by_definition(preferences, policy, reference, 0.2), abs=1e-12)
    assert solution.history[-1] == (25, solution.gap)


@pytest.mark.parametrize("name", LEARNERS)
def test_candidates_in_another_order_change_nothing_else(name):
    preferences, order = random_preferences(7, seed=8), np.random.default_rng(9).permutation(7)
    reference = softmax(np.arange(7) / 3)
    one = run(name, preferences, reference=reference, iterations=20)
    other = run(name, preferences[np.ix_(order, order)], reference=reference[order], iterations=20)
    assert np.abs(one.strategies[0][order] - other.strategies[0]).max() <= 1e-12


@pytest.mark.parametrize("name", LEARNERS)
def test_samples_are_counted_and_seeded_and_promise_nothing(name):
    settings = {"samples": 5, "noise": 0.2, "iterations": 10, "until": 1e-9}
    one, again = run(name, WEIGHTED, seed=3, **settings), run(name, WEIGHTED, seed=3, **settings)
    other = run(name, WEIGHTED, seed=4, **settings)
    assert one.strategies[0].tolist() == again.strategies[0].tolist() != other.strategies[0].tolist()
    assert one.settings["queries"] % 10 == 0 and one.settings["queries"] >= 10
    assert one.settings["comparisons"] == one.settings["queries"] * 3 * 5
    loose = run(name, WEIGHTED, seed=3, **{**settings, "until": 1.0})
    assert loose.gap <= 1.0 and not loose.converged and loose.guarantee.startswith("none")


def test_no_two_queries_of_a_run_draw_the_same():
    logs, heard = np.log(np.full(3, 1 / 3)), []

    def update(state, query, done):
        heard.extend((query(logs), query(logs)))
        return {}

    rates = WinRates(preferences=WEIGHTED, samples=40, seed=1)
    settings = {"covered": False, "guarantee": "none", "settings": {}, "source": "a test"}
    state = {"logs": logs.copy()}
    learner = Learner(method="test", state=state, update=update, queries=2, reference=logs, beta=0.1, **settings)
    learn(learner, rates, iterations=3, until=None, default=3, progress=None, checkpoint=None)
    assert [one.tolist() for one in heard] == [rates.of(logs, query).tolist() for query in range(6)]
    assert len({tuple(one) for one in heard}) == 6


@pytest.mark.parametrize("name", LEARNERS)
def test_exact_answers_are_no_comparisons(name):
    assert run(name, WEIGHTED, iterations=3).settings["comparisons"] == 0


@pytest.mark.parametrize("name", LEARNERS)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(name, tmp_path):
    path = tmp_path / "run.npz"
    settings = {"reference": SKEWED, "beta": 0.05, "step": 0.3, "samples": 3, "noise": 0.1}
    whole = run(name, CYCLE, iterations=40, **settings)
    run(name, CYCLE, iterations=17, checkpoint=path, **settings)
    resumed = run(name, CYCLE, iterations=40, checkpoint=path, **settings)
    assert resumed.strategies[0].tolist() == whole.strategies[0].tolist()
    assert resumed.settings == whole.settings and resumed.history == whole.history
    with pytest.raises(SpecificationError, match=r"step=0\.4"):
        run(name, CYCLE, iterations=40, checkpoint=path, **{**settings, "step": 0.4})
    with pytest.raises(SpecificationError):
        run(name, WEIGHTED, iterations=40, checkpoint=path, **settings)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    "setting",
    [
        {"beta": -1.0},
        {"beta": float("nan")},
        {"step": 0.0},
        {"step": float("inf")},
        {"inner": 0},
        {"reference": [0.5, 0.5]},
        {"reference": [0.5, 0.5, 0.0]},
        {"samples": 0},
        {"samples": 3, "noise": 0.5},
        {"noise": 0.1},
        {"iterations": 0},
        {"until": 0.0},
    ],
    ids=str,
)
def test_settings_outside_their_range_are_named(name, setting):
    known = settings_of(function_of(name))
    if set(setting) <= set(known):
        with pytest.raises(ValueError, match=next(reversed(setting))):
            run(name, CYCLE, **setting)


@pytest.mark.parametrize("name", LEARNERS)
def test_what_are_no_preferences_are_refused_by_the_worst_cell(name):
    with pytest.raises(SpecificationError, match=r"\[0, 1\] = 0.7 and \[1, 0\] = 0.2"):
        run(name, [[0.5, 0.7], [0.2, 0.5]])


@pytest.mark.parametrize("name", LEARNERS)
def test_it_is_found_by_name_its_answer_can_be_played_and_other_games_are_refused(name):
    solution = solve(name, load_game("preference:rps"), iterations=50)
    assert isinstance(solution.policy, TabularPolicy)
    assert np.allclose(solution.strategies[0], 1 / 3)  # uniform play is where all begin, and the solution
    with pytest.raises(NotProvided, match="preference games"):
        solve(name, load_game("matrix:rps"))
