"""NFSP: its losses against their formulas, what goes into its buffers, and that the average policy follows an equilibrium."""

import math

import pytest
import torch
from torch import nn

from arena.games import load_game
from arena.solvers.learning import train
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.nfsp import NFSP, NFSPSettings, policy_loss, value_loss

KUHN = load_game("arena:kuhn_poker")


def learner(game=KUHN, *, tables=64, planned=10, **settings):
    return NFSP(MatchTables(game, tables, seed=0), (16,), NFSPSettings(**settings), planned=planned, seed=0)


def listed(module, row):
    return module(row).detach().tolist()


def test_values_are_drawn_to_rewards_and_the_best_legal_value_that_follows():
    values, target = nn.Linear(2, 3).double(), nn.Linear(2, 3).double()
    rows = {
        "observation": torch.randn(4, 2, dtype=torch.float64),
        "action": torch.tensor([0, 2, 1, 1]),
        "reward": torch.tensor([1.0, -1.0, 0.5, 0.0], dtype=torch.float64),
        "follows": torch.randn(4, 2, dtype=torch.float64),
        "follows_legal": torch.tensor([[True, True, True], [False, True, False], [False] * 3, [True, False, True]]),
    }
    told = 0.0
    for row in range(4):
        then = [x for x, ok in zip(listed(target, rows["follows"][row]), rows["follows_legal"][row], strict=True) if ok]
        wanted = float(rows["reward"][row]) + 0.9 * max(then, default=0.0)
        told += (listed(values, rows["observation"][row])[rows["action"][row]] - wanted) ** 2 / 4
    found = value_loss(values, target, rows, 0.9)
    assert found.item() == pytest.approx(told)
    found.backward()
    assert values.weight.grad is not None
    assert target.weight.grad is None


def test_the_policy_is_drawn_to_what_best_responses_did_among_what_is_legal():
    actor = nn.Linear(2, 3).double()
    seen = torch.randn(2, 2, dtype=torch.float64)
    legal = torch.tensor([[True, True, False], [True, True, True]])
    told = 0.0
    for row, action in enumerate((1, 2)):
        weights = [math.exp(x) if ok else 0.0 for x, ok in zip(listed(actor, seen[row]), legal[row], strict=True)]
        told -= math.log(weights[action] / sum(weights)) / 2
    rows = {"observation": seen, "legal": legal, "action": torch.tensor([1, 2])}
    assert policy_loss(actor, rows).item() == pytest.approx(told)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_so_many_players_of_matches_answer_with_best_responses_and_they_alone_are_learned_from(share):
    one = learner(tables=400, anticipation=share, rollout=30)
    one.gather(0.0)
    made = int(one.transitions.came + one.waiting.waits.sum())
    found = one.responses.came / made
    assert abs(found - share) <= 5 * math.sqrt(
        share * (1 - share) / (400 * 10)
    )  # about as many matches, twice as many players


def test_a_player_answers_the_same_way_through_a_match():
    one = learner(load_game("openspiel:leduc_poker"), anticipation=0.5, rollout=1)
    for _ in range(30):
        before = one.best.clone()
        one.gather(0.0)
        on = torch.from_numpy(one.environment._ply.sum(1) > 0)
        assert torch.equal(one.best[on], before[on])


def test_best_responses_are_greedy_but_for_what_is_explored():
    for epsilon, bets in ((0.0, 1.0), (1.0, 0.5)):
        one = learner(tables=400, anticipation=1.0, rollout=10)
        for parameter in one.values.parameters():
            parameter.data.zero_()
        one.values[-1].bias.data.copy_(torch.tensor([0.0, 1.0]))
        one.gather(epsilon)
        action = one.responses.columns["action"][: len(one.responses)].double()
        assert float(action.mean()) == pytest.approx(bets, abs=5 * 0.5 / math.sqrt(len(action)) if epsilon else 0)


def test_best_responses_are_legal():
    one = learner(load_game("arena:tic_tac_toe"), tables=32, anticipation=1.0, rollout=9)
    one.gather(0.0)
    legal, action = (one.responses.columns[name][: len(one.responses)] for name in ("legal", "action"))
    assert not legal.all()
    assert legal.gather(1, action[:, None]).all()


def test_the_target_becomes_the_values_now_and_then():
    one = learner(rollout=2, every=32, target_every=8)  # four gradient steps an update
    kept = []
    for number in range(4):
        one.update(number)
        kept.append(one.target[0].weight.clone())
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(kept[2], kept[3])
    assert not torch.equal(kept[0], kept[2])


def test_the_average_policy_comes_close_to_an_equilibrium():
    trained = train("nfsp", KUHN, steps=150_000, tables=64, hidden=(64,), seed=1)
    assert trained.gap < 0.3  # of the uniform policy 0.917
