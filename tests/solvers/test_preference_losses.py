"""Losses of preference learning: their gradients and minimisers are the updates of tables."""

import numpy as np
import pytest
import torch
from preference_tables import CYCLE, SKEWED, WEIGHTED, random_preferences

from arena.solvers import dno, inpo, nash_md, nash_mirror_prox, online_ipo, spo
from arena.solvers.preference_losses import (
    advantage,
    dno_loss,
    geometric_mixture,
    inpo_loss,
    margins,
    nash_md_loss,
    nash_mp_loss,
    nash_prox_loss,
    online_ipo_loss,
    reinforce_loss,
    self_play_loss,
    spo_loss,
)
from arena.solvers.preference_mirror import mirror_step, rate_of

BETA = 0.3
TABLES = {"cycle": CYCLE, "weighted": WEIGHTED, "random": random_preferences(20, seed=4)}


def tensor(array):
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def random_logs(size, seed):
    return torch.log_softmax(torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), -1)


def reference_of(size):
    return tensor(np.log(SKEWED)) if size == 3 else random_logs(size, seed=9)


def gradient(loss, logs):
    """Of the logits of a policy with these logarithms; ``loss``: a function of log π."""
    logits = logs.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(torch.log_softmax(logits, -1)), logits)
    return found


@pytest.fixture(params=TABLES)
def table(request):
    """(P, log π, log μ) with π not μ."""
    preferences = tensor(TABLES[request.param])
    size = len(preferences)
    return preferences, random_logs(size, seed=2), reference_of(size)


def test_nash_mp_climbs_the_proximal_objective(table):
    preferences, logs, reference = table
    anchor = random_logs(len(logs), seed=5)
    rates = preferences @ random_logs(len(logs), seed=6).exp()

    def objective(log_policy):
        policy = log_policy.exp()
        price = BETA * (policy * (log_policy - reference)).sum()
        return -(policy @ rates - price - (policy * (log_policy - anchor)).sum() / 2)

    found = gradient(lambda x: nash_mp_loss(x, rates, reference, anchor, beta=BETA, weights=logs.exp()), logs)
    assert torch.allclose(found, gradient(objective, logs), rtol=0, atol=1e-14)
    assert nash_prox_loss is nash_mp_loss


def test_two_stages_of_nash_mp_rest_at_the_steps_of_the_table(table):
    preferences, _, reference = table
    anchor = reference
    policy = anchor
    for _ in range(2):  # the half step, and the step from the same anchor
        rates = preferences @ policy.exp()
        policy = tensor(mirror_step(anchor.numpy(), rates.numpy(), reference.numpy(), rate=rate_of(2, BETA), beta=BETA))
        still = gradient(
            lambda x: nash_mp_loss(x, rates, reference, anchor, beta=BETA, weights=policy.exp()),  # noqa: B023
            policy,
        )
        assert still.abs().max() < 1e-15
    found = nash_mirror_prox(preferences.numpy(), reference=reference.exp().numpy(), beta=BETA, iterations=1)
    assert np.abs(policy.exp().numpy() - found.strategies[0]).max() < 1e-14


def test_a_gradient_step_of_self_play_is_online_ipo_of_the_table(table):
    preferences, _, reference = table
    found = gradient(
        lambda x: self_play_loss(x, preferences @ x.exp(), reference, beta=BETA, weights=x.exp()), reference
    )
    stepped = torch.softmax(reference - 0.7 * found, -1)
    told = online_ipo(preferences.numpy(), reference=reference.exp().numpy(), beta=BETA, step=0.7, iterations=1)
    assert np.abs(stepped.numpy() - told.strategies[0]).max() < 1e-14


def test_online_ipo_has_the_gradient_of_self_play_times_four_by_beta(table):
    preferences, logs, reference = table
    pairs = logs.exp()[:, None] * logs.exp()
    play = gradient(
        lambda x: self_play_loss(x, preferences @ logs.exp(), reference, beta=BETA, weights=logs.exp()), logs
    )
    ipo = gradient(
        lambda x: online_ipo_loss(margins(x), margins(reference), preferences, beta=BETA, weights=pairs), logs
    )
    assert torch.allclose(ipo, 4 / BETA * play, rtol=0, atol=1e-13)


def test_nash_md_is_asked_against_the_mixture_of_the_table(table):
    preferences, logs, reference = table
    rate = 0.4
    mixed = geometric_mixture(logs, reference, mixture=rate * BETA)
    assert torch.allclose(mixed.exp().sum(), tensor(1.0))
    after = mirror_step(mixed.numpy(), (preferences @ mixed.exp()).numpy(), reference.numpy(), rate=rate, beta=0.0)
    # nash_md begins at the reference, whose mixture with itself it is
    told = nash_md(preferences.numpy(), reference=reference.exp().numpy(), beta=BETA, step=rate, iterations=1)
    start = geometric_mixture(reference, reference, mixture=rate * BETA)
    first = mirror_step(start.numpy(), (preferences @ start.exp()).numpy(), reference.numpy(), rate=rate, beta=0.0)
    assert np.abs(np.exp(first) - told.strategies[0]).max() < 1e-14
    # the mirror step from the mixture rests where the loss with that anchor does
    still = gradient(
        lambda x: nash_mp_loss(
            x, preferences @ mixed.exp(), reference, mixed, beta=0.0, step=rate, weights=tensor(np.exp(after))
        ),
        tensor(after),
    )
    assert still.abs().max() < 1e-14 and nash_md_loss is self_play_loss


def test_inpo_rests_at_the_mirror_step_of_the_table(table):
    preferences, _, reference = table
    rate = 0.8
    pairs = reference.exp()[:, None] * reference.exp()
    told = inpo(preferences.numpy(), reference=reference.exp().numpy(), beta=BETA, step=rate, iterations=1)
    still = gradient(
        lambda x: inpo_loss(
            margins(x), margins(reference), margins(reference), preferences, beta=BETA, rate=rate, weights=pairs
        ),
        tensor(np.log(told.strategies[0])),
    )
    assert still.abs().max() < 1e-14


def test_inpo_holds_previous_policy_and_reference_apart(table):
    preferences, logs, reference = table
    rate = 0.8
    pairs = logs.exp()[:, None] * logs.exp()
    after = mirror_step(logs.numpy(), (preferences @ logs.exp()).numpy(), reference.numpy(), rate=rate, beta=BETA)
    still = gradient(
        lambda x: inpo_loss(
            margins(x), margins(logs), margins(reference), preferences, beta=BETA, rate=rate, weights=pairs
        ),
        tensor(after),
    )
    assert still.abs().max() < 1e-14


def test_dno_rests_at_soft_policy_iteration_whatever_the_pairs_are_drawn_from(table):
    preferences, _, reference = table
    told = dno(preferences.numpy(), reference=reference.exp().numpy(), step=0.8, iterations=1)
    rates = (preferences @ reference.exp()).numpy()
    after = tensor(mirror_step(reference.numpy(), rates, reference.numpy(), rate=0.8, beta=0.0))
    assert np.abs(np.array(told.strategies[0]) - reference.exp().numpy()).max() < 1e-14  # the average of one policy
    odd = random_logs(len(reference), seed=8).exp()
    still = gradient(
        lambda x: dno_loss(
            margins(x), margins(reference), margins(tensor(rates)), rate=0.8, weights=odd[:, None] * odd
        ),
        after,
    )
    assert still.abs().max() < 1e-15


def test_spo_is_self_play_without_a_reference(table):
    preferences, logs, reference = table
    rates = preferences @ random_logs(len(logs), seed=3).exp()
    queue = gradient(lambda x: spo_loss(x, rates, logs, rate=0.6, weights=logs.exp()), logs)
    free = gradient(lambda x: self_play_loss(x, rates, reference, beta=0.0, weights=logs.exp()), logs)
    assert torch.allclose(queue, free, rtol=0, atol=1e-15)
    first = spo(preferences.numpy(), step=1.0, iterations=2).strategies[0]
    even = torch.full_like(logs, 1 / len(logs))
    step = gradient(lambda x: spo_loss(x, preferences @ even, even.log(), rate=1.0, weights=even), even.log())
    hedge = torch.softmax(-len(logs) * step, -1)
    assert (
        np.abs((hedge + even).numpy() / 2 - first).max() < 1e-14
    )  # a natural step from uniform play is a step of Hedge


def test_spo_rests_at_a_step_of_hedge(table):
    preferences, logs, reference = table
    rates = preferences @ random_logs(len(logs), seed=3).exp()
    after = tensor(mirror_step(logs.numpy(), rates.numpy(), reference.numpy(), rate=0.6, beta=0.0))
    still = gradient(lambda x: spo_loss(x, rates, logs, rate=0.6, weights=after.exp()), after)
    assert still.abs().max() < 1e-15


def test_draws_in_proportion_have_the_gradient_of_the_expectation():
    logs, drawn = tensor(np.log([0.5, 0.25, 0.25])), [0, 0, 1, 2]
    worth = tensor([0.3, -0.2, 0.9])
    exact = gradient(lambda x: reinforce_loss(x, worth, weights=logs.exp()), logs)
    sampled = gradient(lambda x: reinforce_loss(x[drawn], worth[drawn]), logs)
    assert torch.allclose(exact, sampled, rtol=0, atol=1e-15)


@pytest.mark.parametrize("loss", ["online_ipo", "inpo"])
def test_words_of_a_judge_have_the_gradient_of_the_preference(loss, table):
    preferences, logs, reference = table
    pairs = logs.exp()[:, None] * logs.exp()

    def of(said, weights):
        def value(x):
            if loss == "inpo":
                return inpo_loss(
                    margins(x), margins(logs), margins(reference), said, beta=BETA, rate=0.5, weights=weights
                )
            return online_ipo_loss(margins(x), margins(reference), said, beta=BETA, weights=weights)

        return gradient(value, reference)

    ones, noughts = torch.ones_like(preferences), torch.zeros_like(preferences)
    judged = of(ones, pairs * preferences) + of(noughts, pairs * (1 - preferences))
    assert torch.allclose(judged, of(preferences, pairs), rtol=0, atol=1e-12)


def test_the_price_is_taken_from_what_a_candidate_is_worth():
    logs, reference = tensor(np.log([0.5, 0.3, 0.2])), tensor(np.log([0.2, 0.3, 0.5]))
    worth = advantage(logs, tensor([0.5, 0.7, 0.5]), reference, beta=2.0)
    assert torch.allclose(worth, tensor([-2 * np.log(2.5), 0.2, 2 * np.log(2.5)]))


def test_gradients_flow_through_the_policy_alone():
    def leaf(seed):
        return random_logs(4, seed).requires_grad_()

    a, b, c, d = leaf(1), leaf(2), leaf(3), leaf(4)
    losses = [
        nash_mp_loss(a, b, c, d, beta=BETA, weights=d.exp()),
        self_play_loss(a, b, c, beta=BETA),
        spo_loss(a, b, c, rate=0.5),
        online_ipo_loss(a, b, c, beta=BETA),
        inpo_loss(a, b, c, d, beta=BETA, rate=0.5),
        dno_loss(a, b, c, rate=0.5),
    ]
    for loss in losses:
        found = torch.autograd.grad(loss, [a, b, c, d], allow_unused=True)
        assert found[0].abs().max() > 0 and found[1:] == (None, None, None)
