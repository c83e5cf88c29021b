"""What all learners on preferences have in common: counts, seeds, checkpoints, refusals, certificates."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, gap_by_definition, random_preferences, softmax

from arena.games import NotProvided, SpecificationError, TabularPolicy, load_game
from arena.solve_settings import settings_of
from arena.solvers import methods, preference_learning, preference_queries, solve
from arena.solvers.preference_learning import Learner, learn, preference_problem
from arena.solvers.preference_queries import exact_rates
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
    settings = {"samples": 5, "flip_rate": 0.2, "iterations": 10, "until": 1e-9}
    one, again = run(name, WEIGHTED, seed=3, **settings), run(name, WEIGHTED, seed=3, **settings)
    other = run(name, WEIGHTED, seed=4, **settings)
    assert one.strategies[0].tolist() == again.strategies[0].tolist() != other.strategies[0].tolist()
    assert one.settings["queries"] % 10 == 0 and one.settings["queries"] >= 10
    assert one.settings["comparisons"] == one.settings["queries"] * 3 * 5
    loose = run(name, WEIGHTED, seed=3, **{**settings, "until": 1.0})
    assert loose.gap <= 1.0 and not loose.converged and loose.guarantee.startswith("none")


def test_no_two_queries_of_a_run_draw_the_same():
    policy, heard = np.full((1, 3), 1 / 3), []

    def update(turn):
        heard.extend((turn.query(np.log(policy))[0], turn.query(np.log(policy))[0]))
        return {"logs": turn.state["logs"]}

    problem = preference_problem(WEIGHTED, samples=40, flip_rate=0.0, seed=1)
    told = {"covered": False, "guarantee": "none", "settings": {}, "source": "a test", "default": 3}
    learner = Learner(method="test", update=update, queries=2, beta=0.1, **told)
    learn(learner, problem, iterations=3, until=None, progress=None, checkpoint=None)
    every = [problem.rates.of(policy, np.array([0]), np.array([query]))[0] for query in range(6)]
    assert np.allclose(heard, every, atol=1e-12)
    assert len({tuple(one) for one in heard}) == 6


@pytest.mark.parametrize("name", LEARNERS)
def test_exact_answers_are_no_comparisons(name):
    assert run(name, WEIGHTED, iterations=3).settings["comparisons"] == 0


@pytest.mark.parametrize("name", LEARNERS)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(name, tmp_path):
    path = tmp_path / "run.npz"
    settings = {"reference": SKEWED, "beta": 0.05, "step": 0.3, "samples": 3, "flip_rate": 0.1}
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
        {"samples": 3, "flip_rate": 0.5},
        {"flip_rate": 0.1},
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


SEVERAL = np.stack([CYCLE, WEIGHTED, random_preferences(3, seed=1), np.full((3, 3), 0.5)])
"""Contexts that take very different times; the last one begins at its solution."""


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("reference", [SKEWED, np.stack([SKEWED, SKEWED[::-1], SKEWED[[1, 0, 2]], SKEWED])])
def test_each_context_goes_as_if_it_were_alone(name, reference):
    settings = {"beta": 0.2, "until": 0.004, "iterations": 400}
    found = run(name, SEVERAL, reference=reference, **settings)
    alone = [
        run(name, table, reference=np.broadcast_to(reference, (4, 3))[k], **settings) for k, table in enumerate(SEVERAL)
    ]
    assert found.strategies[0].shape == (4, 3) and found.strategies[1] is found.strategies[0]
    for k, one in enumerate(alone):
        assert np.abs(found.strategies[0][k] - one.strategies[0]).max() <= 1e-12
        assert found.context_gaps[k] == pytest.approx(one.gap, abs=1e-13)
    assert found.settings["queries"] == sum(one.settings["queries"] for one in alone)
    assert found.iterations == max(one.iterations for one in alone)
    assert found.gap == found.context_gaps.max() == found.history[-1][1]
    assert found.settings["mean_gap"] == pytest.approx(found.context_gaps.mean()) and found.settings["contexts"] == 4
    worst = max(one.settings["exploitability"] for one in alone)
    assert found.settings["exploitability"] == pytest.approx(worst, abs=1e-12)
    assert found.converged == all(one.converged for one in alone)
    assert len({one.iterations for one in alone}) > 1  # there was something to leave out


@pytest.mark.parametrize("name", LEARNERS)
def test_one_context_is_the_table_with_an_axis_before_it(name):
    one, other = run(name, WEIGHTED, iterations=30), run(name, WEIGHTED[None], iterations=30)
    assert other.strategies[0].tolist() == [one.strategies[0].tolist()] and other.gap == one.gap
    assert one.context_gaps is None and "contexts" not in one.settings and other.context_gaps.tolist() == [one.gap]


@pytest.mark.parametrize("name", LEARNERS)
def test_comparisons_are_those_of_the_contexts_that_still_asked(name):
    found = run(name, SEVERAL, samples=4, flip_rate=0.1, iterations=60, until=0.01, beta=0.2)
    assert found.settings["comparisons"] == found.settings["queries"] * 3 * 4
    assert found.settings["queries"] < 4 * found.iterations * run(name, WEIGHTED, iterations=1).settings["queries"]


@pytest.mark.parametrize("name", LEARNERS)
def test_queries_are_those_that_were_asked_one_by_one(name, monkeypatch):
    heard, answer = [], preference_queries.WinRates.of

    def listen(rates, policies, contexts, numbers):
        heard.extend(zip(contexts.tolist(), numbers.tolist(), strict=True))
        return answer(rates, policies, contexts, numbers)

    monkeypatch.setattr(preference_queries.WinRates, "of", listen)
    found = run(name, SEVERAL, samples=3, iterations=30, until=0.02, beta=0.2)
    assert found.settings["queries"] == len(heard) == len(set(heard))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_run_of_contexts_that_was_stopped_goes_on_as_if_it_had_not_been(name, tmp_path):
    path = tmp_path / "run.npz"
    settings = {"reference": SKEWED, "beta": 0.05, "step": 0.3, "samples": 3, "flip_rate": 0.1, "until": 0.03}
    whole = run(name, SEVERAL, iterations=60, **settings)
    for stop in (1, 17, 31):
        run(name, SEVERAL, iterations=stop, checkpoint=path, **settings)
    resumed = run(name, SEVERAL, iterations=60, checkpoint=path, **settings)
    assert resumed.strategies[0].tolist() == whole.strategies[0].tolist()
    assert resumed.settings == whole.settings and resumed.history == whole.history
    assert resumed.context_gaps.tolist() == whole.context_gaps.tolist()


@pytest.mark.parametrize("name", LEARNERS)
def test_where_a_run_was_stopped_decides_not_where_a_context_is_good_enough(name, tmp_path):
    path, settings = tmp_path / "run.npz", {"reference": SKEWED, "beta": 0.05, "step": 0.3}
    until = float(np.sort(run(name, SEVERAL, iterations=47, **settings).context_gaps)[-2])
    whole = run(name, SEVERAL, iterations=60, until=until, **settings)
    for stop in range(44, 60):  # a whole run measures at 46, 48, ...; one that ends at 47 measures there too
        run(name, SEVERAL, iterations=stop, until=until, checkpoint=path, **settings)
    resumed = run(name, SEVERAL, iterations=60, until=until, checkpoint=path, **settings)
    assert resumed.strategies[0].tolist() == whole.strategies[0].tolist() and resumed.settings == whole.settings


def test_contexts_that_were_left_go_on_where_a_smaller_gap_is_asked_for(tmp_path):
    path = tmp_path / "run.npz"
    rough = run("nash_mirror_prox", SEVERAL, reference=SKEWED, until=1e-3, checkpoint=path)
    fine = run("nash_mirror_prox", SEVERAL, reference=SKEWED, until=1e-8, checkpoint=path)
    assert rough.converged and fine.converged and fine.context_gaps.max() <= 1e-8 < rough.context_gaps.max()
    assert fine.settings["queries"] > rough.settings["queries"]


def test_a_policy_that_is_measured_and_then_asked_about_is_multiplied_once(monkeypatch):
    products = []
    for module in (preference_queries, preference_learning):
        monkeypatch.setattr(module, "exact_rates", lambda *given: products.append(1) or exact_rates(*given))
    tables = np.stack([random_preferences(20, seed) for seed in range(3)])
    found = run("nash_mirror_prox", tables, iterations=12)
    assert len(products) == 2 * found.iterations + 1  # and the gap of the last policy


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_given_stays_as_it_was(name):
    tables, reference = SEVERAL.copy(), np.stack([SKEWED] * 4)
    kept = reference.copy()
    run(name, tables, reference=reference, iterations=5)
    assert tables.tolist() == SEVERAL.tolist() and reference.tolist() == kept.tolist()
