"""Methods that train networks on preferences: on a table of logits they are the updates that plain loops do."""

import numpy as np
import pytest
import torch
from neural_preferences import Table, random_tables, table_game, table_policy
from preference_tables import WEIGHTED

from arena.solvers import minimax_winner, nash_mirror_prox, online_ipo
from arena.solvers.neural import preference_contexts, train_on_preferences

BETA = 0.2
RATE = 0.3
CONTEXTS, SIZE = 3, 4


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=RATE * CONTEXTS)  # the loss is a mean over contexts


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def wins(tables, policy):
    return np.einsum("xij,xj->xi", tables, policy)


class Plain:
    """The same methods in numpy, one context and one gradient at a time."""

    def __init__(self, tables, logits):
        self.tables, self.theta = tables, logits.copy()
        self.reference = np.log(softmax(logits))

    def climb(self, worth):
        policy = softmax(self.theta)
        self.theta = self.theta + RATE * policy * (worth - (policy * worth).sum(-1, keepdims=True))

    def logs(self):
        return np.log(softmax(self.theta))

    def proximal(self, opponent, anchor):
        worth = wins(self.tables, opponent) - BETA * (self.logs() - self.reference) - (self.logs() - anchor) / 2
        self.climb(worth)

    def regress(self, weights, kept, target, slope):
        """A step on Σ w_ij f(margin_ij - kept_ij, target_ij), ``slope`` its derivative."""
        logs = self.logs()
        margin, base = logs[:, :, None] - logs[:, None], kept[:, :, None] - kept[:, None]
        pulls = weights * slope(margin - base, target)
        by_log = pulls.sum(2) - pulls.sum(1)
        policy = softmax(self.theta)
        self.theta = self.theta - RATE * (by_log - policy * by_log.sum(-1, keepdims=True))


def nash_mp_ema(plain, updates):
    average = plain.theta.copy()
    for _ in range(updates):
        plain.proximal(softmax(average), np.log(softmax(average)))
        average = average + 0.25 * (plain.theta - average)


def nash_prox_ema(plain, updates):
    average = plain.theta.copy()
    for _ in range(updates):
        plain.proximal(softmax(plain.theta), np.log(softmax(average)))
        average = average + 0.25 * (plain.theta - average)


def nash_mp_stages(plain, updates):
    for t in range(updates):
        if t % 6 == 0:
            anchor = plain.logs()
        if t % 3 == 0:
            opponent = softmax(plain.theta)
        plain.proximal(opponent, anchor)


def nash_prox_stages(plain, updates):
    for t in range(updates):
        if t % 3 == 0:
            anchor = plain.logs()
        plain.proximal(softmax(plain.theta), anchor)


def nash_md(plain, updates):
    for _ in range(updates):
        mixed = softmax(0.7 * plain.logs() + 0.3 * plain.reference)
        plain.climb(wins(plain.tables, mixed) - BETA * (plain.logs() - plain.reference))


def self_play(plain, updates):
    for _ in range(updates):
        plain.climb(wins(plain.tables, softmax(plain.theta)) - BETA * (plain.logs() - plain.reference))


def online_ipo_regression(plain, updates):
    for _ in range(updates):
        policy = softmax(plain.theta)
        plain.regress(
            policy[:, :, None] * policy[:, None],
            plain.reference,
            (plain.tables - 0.5) / BETA,
            lambda gap, target: 2 * (gap - target),
        )


def inpo(plain, updates):
    for t in range(updates):
        if t % 3 == 0:
            previous, eta = plain.logs(), 2 / (BETA * (t // 3 + 2))
        plain.regress(
            np.exp(previous)[:, :, None] * np.exp(previous)[:, None],
            (1 - eta * BETA) * previous + eta * BETA * plain.reference,
            eta * (plain.tables - 0.5),
            lambda gap, target: 2 * (gap - target),
        )


def dno(plain, updates):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for t in range(updates):
        if t % 3 == 0:
            previous = plain.logs()
            rates = wins(plain.tables, np.exp(previous))
        plain.regress(
            np.exp(previous)[:, :, None] * np.exp(previous)[:, None],
            previous,
            rates[:, :, None] - rates[:, None],
            lambda gap, target: (sigmoid(gap / 0.4) - sigmoid(target)) / 0.4,
        )


def spo(plain, updates, inner=1):
    queue = [softmax(plain.theta)] * 4
    for t in range(updates):
        if t % inner == 0:
            previous = plain.logs()
        opponent = sum(queue) / 4
        queue = [*queue[1:], softmax(plain.theta)]
        plain.climb(wins(plain.tables, opponent) - (plain.logs() - previous) / 0.4)


def spo_stages(plain, updates):
    spo(plain, updates, inner=3)


TWINS = {
    "nash_mp_ema": (nash_mp_ema, "nash_mp", {"ema": 0.25}),
    "nash_mp_stages": (nash_mp_stages, "nash_mp", {"target": "stages", "inner": 3}),
    "nash_prox_ema": (nash_prox_ema, "nash_prox", {"ema": 0.25}),
    "nash_prox_stages": (nash_prox_stages, "nash_prox", {"target": "stages", "inner": 3}),
    "nash_md": (nash_md, "nash_md", {"mixture": 0.3}),
    "self_play": (self_play, "self_play", {}),
    "online_ipo": (online_ipo_regression, "online_ipo", {}),
    "inpo": (inpo, "inpo", {"inner": 3}),
    "dno": (dno, "dno", {"inner": 3, "rate": 0.4}),
    "spo": (spo, "spo", {"queue": 4, "inner": 1}),
    "spo_stages": (spo_stages, "spo", {"queue": 4, "inner": 3, "rate": 0.4}),
}


@pytest.mark.parametrize("name", TWINS)
def test_updates_are_those_of_plain_loops(name):
    twin, method, settings = TWINS[name]
    contexts, tables = table_game(CONTEXTS, SIZE)
    policy = table_policy(CONTEXTS, SIZE)
    plain = Plain(tables, policy.logits.detach().numpy())
    twin(plain, 20)
    train_on_preferences(policy, contexts, method=method, beta=BETA, optimiser=sgd, iterations=20, **settings)
    found = torch.log_softmax(policy.logits.detach(), -1).numpy()
    assert np.abs(found - plain.logs()).max() < 1e-12
    assert np.abs(found - plain.reference).max() > 1e-2


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("nash_mp", {}),
        ("nash_mp", {"target": "stages"}),
        ("nash_prox", {}),
        ("nash_prox", {"target": "stages"}),
        ("self_play", {}),
        ("online_ipo", {"optimiser": lambda parameters: torch.optim.SGD(parameters, lr=RATE * CONTEXTS * BETA / 4)}),
        ("inpo", {"rate": 0.5}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_the_last_policy_is_the_solution_of_the_regularised_game(method, settings):
    contexts, tables = table_game(CONTEXTS, SIZE)
    policy = table_policy(CONTEXTS, SIZE)
    reference = softmax(policy.logits.detach().numpy())
    found = train_on_preferences(
        policy, contexts, method=method, beta=BETA, iterations=1_500, **{"optimiser": sgd, **settings}
    )
    assert found.gap < 1e-5 and found.gap_kind == "regularised_exploitability"
    for x, table in enumerate(tables):
        exact = nash_mirror_prox(table, reference=reference[x], beta=BETA, until=1e-12).strategies[0]
        assert np.abs(found.strategies[x] - exact).max() < 5e-3


@pytest.mark.parametrize(
    ("method", "settings"), [("dno", {"rate": 0.3}), ("spo", {"queue": 1, "inner": 1}), ("spo", {"rate": 0.3})]
)
def test_the_average_comes_near_the_minimax_winner_and_the_last_policy_circles(method, settings):
    contexts = preference_contexts(torch.arange(1), WEIGHTED[None])
    found = train_on_preferences(
        Table(np.zeros((1, 3))),
        contexts,
        method=method,
        optimiser=lambda parameters: torch.optim.SGD(parameters, lr=RATE),
        iterations=1_000,
        **settings,
    )
    assert found.gap_kind == "exploitability" and found.gap == pytest.approx(found.exploitability)
    assert np.abs(found.strategies[0] - minimax_winner(WEIGHTED).strategies[0]).max() < 0.1
    assert found.gap < 0.04 < found.policy_gap


def test_self_play_is_online_ipo_of_the_table():
    contexts, tables = table_game(CONTEXTS, SIZE)
    policy = table_policy(CONTEXTS, SIZE)
    reference = softmax(policy.logits.detach().numpy())
    found = train_on_preferences(policy, contexts, method="self_play", beta=BETA, optimiser=sgd, iterations=50)
    for x, table in enumerate(tables):
        told = online_ipo(table, reference=reference[x], beta=BETA, step=RATE, iterations=50)
        assert np.abs(found.strategies[x] - told.strategies[0]).max() < 1e-12


def test_self_play_and_online_ipo_are_one_direction():
    """The gradient of the regression is 4/β times that of the policy gradient."""
    contexts, _ = table_game(CONTEXTS, SIZE)

    def scaled(parameters):
        return torch.optim.SGD(parameters, lr=RATE * CONTEXTS * BETA / 4)

    play = train_on_preferences(
        table_policy(CONTEXTS, SIZE), contexts, method="self_play", beta=BETA, optimiser=sgd, iterations=30
    )
    ipo = train_on_preferences(
        table_policy(CONTEXTS, SIZE), contexts, method="online_ipo", beta=BETA, optimiser=scaled, iterations=30
    )
    assert np.abs(play.strategies - ipo.strategies).max() < 1e-12


@pytest.mark.parametrize("method", ["nash_mp", "nash_md", "online_ipo", "inpo", "dno", "spo"])
def test_relabelled_candidates_are_relabelled_strategies(method):
    order = np.array([2, 0, 3, 1])
    tables = random_tables(CONTEXTS, SIZE, seed=3)
    turned = tables[:, order][:, :, order]
    logits = np.random.default_rng(5).normal(size=(CONTEXTS, SIZE))
    one, other = (
        train_on_preferences(
            Table(start),
            preference_contexts(torch.arange(CONTEXTS), table),
            method=method,
            optimiser=sgd,
            iterations=25,
        )
        for start, table in ((logits, tables), (logits[:, order], turned))
    )
    assert np.abs(one.strategies[:, order] - other.strategies).max() < 1e-12
    assert one.gap == pytest.approx(other.gap, abs=1e-13)


def test_an_update_changes_the_contexts_of_its_batch_alone():
    contexts, _ = table_game(CONTEXTS, SIZE)
    policy = table_policy(CONTEXTS, SIZE)
    before = policy.logits.detach().clone()
    train_on_preferences(policy, contexts, method="self_play", optimiser=sgd, iterations=1, batch=1)
    assert (policy.logits.detach() != before).any(-1).sum() == 1


def test_every_context_is_in_some_batch():
    contexts, _ = table_game(CONTEXTS, SIZE)
    found = train_on_preferences(
        table_policy(CONTEXTS, SIZE), contexts, optimiser=sgd, iterations=2_000, batch=1, beta=BETA
    )
    assert found.worst_gap < 3e-3
