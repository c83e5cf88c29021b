"""Exact measures of Markov games: plain twins, mistakes that are named."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game, random_profile

from arena.games import (
    MixturePolicy,
    NotProvided,
    SpecificationError,
    TabularPolicy,
    load_game,
    markov_game,
    uniform_policy,
)
from arena.solvers.exploitability import (
    best_response,
    expected_returns,
    exploitability,
    nash_conv,
    normal_form_nash_conv,
)
from arena.solvers.markov_measures import (
    markov_measures,
    markov_nash_conv,
    markov_returns,
    policy_of,
    profile_of,
    uniform_profile,
)


def plain_returns(game, profile):
    """Expected returns by a walk over all joint actions and next states, or long enough without a horizon."""
    transitions = game.transitions
    values = np.zeros((game.num_players, game.num_states))
    for step in reversed(range(game.horizon or 400)):
        fresh = np.zeros_like(values)
        for state in range(game.num_states):
            for joint in np.ndindex(game.sizes):
                chance = np.prod([table[step % game.stages, state, a] for table, a in zip(profile, joint, strict=True)])
                pay = game.rewards[(slice(None), state, *joint)]
                fresh[:, state] += chance * (pay + game.discount * values @ transitions[(state, *joint)])
        values = fresh
    return values @ game.initial


def plain_responses(game, profile):
    """The best of all deterministic Markov policies of each player, tried one after the other."""
    best = []
    for player, size in enumerate(game.sizes):
        found = -np.inf
        for actions in itertools.product(range(size), repeat=game.stages * game.num_states):
            table = np.eye(size)[np.array(actions)].reshape(game.stages, game.num_states, size)
            tried = [table if p == player else own for p, own in enumerate(profile)]
            found = max(found, markov_measures(game, tried).returns[player])
        best.append(found)
    return best


GAMES = st.builds(
    random_markov_game,
    st.integers(0, 10_000),
    states=st.integers(1, 3),
    sizes=st.sampled_from([(2, 3), (1, 2), (2, 2, 2)]),
    zero_sum=st.just(False),
    discount=st.sampled_from([0.0, 0.5, 0.9]),
    horizon=st.sampled_from([None, 1, 2]),
)


@given(GAMES, st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_returns_are_those_of_a_plain_walk(game, seed):
    profile = random_profile(game, seed)
    np.testing.assert_allclose(markov_measures(game, profile).returns, plain_returns(game, profile), atol=1e-10)
    np.testing.assert_allclose(markov_returns(game, profile), plain_returns(game, profile), atol=1e-10)


def test_without_a_horizon_a_profile_may_leave_out_the_step():
    game = random_markov_game(3)
    profile = random_profile(game, 0)
    assert markov_nash_conv(game, [table[0] for table in profile]) == markov_nash_conv(game, profile)
    with pytest.raises(SpecificationError, match=r"shapes \[\(2, 3, 2\)"):
        markov_nash_conv(random_markov_game(3, discount=1.0, horizon=2), [table[0] for table in profile])


@given(GAMES, st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_no_deterministic_policy_is_better_than_the_best_response(game, seed):
    profile = random_profile(game, seed)
    found = markov_measures(game, profile)
    np.testing.assert_allclose(found.responses, plain_responses(game, profile), atol=1e-10)
    for player, size in enumerate(game.sizes):
        tried = [np.eye(size)[found.choice[player]] if p == player else own for p, own in enumerate(profile)]
        assert markov_measures(game, tried).returns[player] == pytest.approx(found.responses[player], abs=1e-10)


def test_one_state_and_one_step_is_a_normal_form():
    rng = np.random.default_rng(4)
    payoffs, vectors = rng.normal(size=(3, 2, 3, 2)), [rng.dirichlet(np.ones(size)) for size in (2, 3, 2)]
    game = markov_game(np.ones((1, 2, 3, 2, 1)), payoffs[:, None], discount=1.0, horizon=1)
    profile = [vector[None, None] for vector in vectors]
    assert markov_nash_conv(game, profile) == pytest.approx(normal_form_nash_conv(payoffs, vectors), abs=1e-12)


def test_mutual_defection_is_an_equilibrium_of_the_repeated_dilemma_and_cooperation_none():
    game = load_game("markov:repeated_prisoners_dilemma")
    always = [np.tile(np.eye(2)[action], (1, 5, 1)) for action in (0, 1)]
    assert markov_nash_conv(game, [always[1]] * 2) == pytest.approx(0, abs=1e-12)
    # alone in defecting: 5 instead of 3 for ever
    assert markov_nash_conv(game, [always[0]] * 2) == pytest.approx(2 * 2 / (1 - 0.9), abs=1e-9)


def test_to_cooperate_until_somebody_defects_is_an_equilibrium_for_the_patient_alone():
    def trigger(discount):
        game = load_game(f"markov:repeated_prisoners_dilemma(discount={discount})")
        table = np.tile(np.eye(2)[1], (1, 5, 1))
        table[0, [0, 1]] = np.eye(2)[0]  # at first, and after both did
        return markov_nash_conv(game, [table] * 2)

    # 3 / (1 - γ) against 5 + γ / (1 - γ): the temptation pays for γ below 1/2
    assert trigger(0.55) == pytest.approx(0, abs=1e-12)
    assert trigger(0.45) > 0.01


@given(GAMES, st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_policy_by_information_states_is_the_same_profile(game, seed):
    profile = random_profile(game, seed)
    for own, again in zip(profile, profile_of(game, policy_of(game, profile)), strict=True):
        np.testing.assert_array_equal(own, again)


def test_states_that_a_policy_does_not_name_are_played_uniformly():
    game = random_markov_game(1)
    assert markov_nash_conv(game, uniform_policy("any")) == markov_nash_conv(game, uniform_profile(game))


def test_what_does_not_fit_is_refused():
    game = random_markov_game(1)
    for wrong in ([np.ones((1, 3, 2)) / 2], [np.ones((1, 3, 2)), np.ones((1, 3, 3))], random_profile(game, 0)[::-1]):
        with pytest.raises(SpecificationError):
            markov_nash_conv(game, wrong)
    with pytest.raises(SpecificationError, match=r"actions 0\.\.1"):
        markov_nash_conv(game, TabularPolicy("any", {"player 0: 0": {2: 1.0}}))
    with pytest.raises(NotProvided):
        markov_nash_conv(game, 3)


# the measures of all games


def test_the_measures_of_all_games_take_markov_games():
    game = random_markov_game(7, sizes=(2, 2, 2), zero_sum=False, horizon=2)
    profile = random_profile(game, 3)
    found, policy = markov_measures(game, profile), policy_of(game, profile)
    assert nash_conv(game, policy) == markov_nash_conv(game, profile)
    assert exploitability(game, policy) == pytest.approx(nash_conv(game, policy) / 3)
    assert expected_returns(game, policy) == pytest.approx(found.returns)
    response = best_response(game, policy, 1)
    assert (response.value, response.gain) == (found.responses[1], found.responses[1] - found.returns[1])
    tried = [profile_of(game, response.policy)[1] if p == 1 else own for p, own in enumerate(profile)]
    assert markov_measures(game, tried).returns[1] == pytest.approx(response.value, abs=1e-12)
    assert {key[:8] for key in response.policy.table} == {"player 1"}
    with pytest.raises(SpecificationError, match="there is no 3"):
        best_response(game, policy, 3)


def test_a_policy_file_of_a_markov_game_is_measured_and_played(tmp_path):
    from arena import play
    from arena.solvers import load_policy, nash_value_iteration, save_policy

    game = load_game("markov:rps_chain")
    save_policy(nash_value_iteration(game, until=1e-9).policy, tmp_path / "chain.json")
    assert nash_conv(game, load_policy(tmp_path / "chain.json")) <= 1e-9
    results = play("markov:rps_chain", [f"policy:{tmp_path}/chain.json", "random"], matches=200, seed=1)
    assert results.returns[:, 0].mean() > -3 * results.returns[:, 0].std() / np.sqrt(200)


class ByTensor:
    """Plays the last action where the state is the first, else uniformly; reads tensors as a network does."""

    def probabilities(self, batch):
        mask = batch.legal.mask(batch.game.num_actions)
        rows = mask / mask.sum(axis=1, keepdims=True)
        first = batch.tensor()[:, 0] == 1
        last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
        rows[first] = np.eye(mask.shape[1])[last[first]]
        return rows


@pytest.mark.parametrize("horizon", [None, 3])
def test_a_policy_that_answers_batches_is_asked_in_every_state_and_step(horizon):
    game = random_markov_game(5, sizes=(2, 3), horizon=horizon)
    profile = uniform_profile(game)
    for table in profile:
        table[:, 0] = np.eye(table.shape[2])[-1]
    assert nash_conv(game, ByTensor()) == markov_nash_conv(game, profile)


def test_a_mixture_is_no_policy_of_states():
    game = random_markov_game(5)
    with pytest.raises(NotProvided):
        nash_conv(game, MixturePolicy([uniform_policy("any"), uniform_policy("any")], [0.5, 0.5]))
