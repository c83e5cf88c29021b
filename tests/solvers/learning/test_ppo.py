"""The losses of PPO and MMD against their formulas, and what they learn on games whose solutions are known."""

import math
from dataclasses import replace

import pytest
import torch

from arena.solvers.learning.minibatches import Minibatch
from arena.solvers.learning.ppo import TERMS, PPOSettings, in_force, losses


def a_batch(*, off=0.3, seed=0):
    words = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 3, generator=words, dtype=torch.float64, requires_grad=True)
    legal = torch.tensor([[True, True, False]] * 3 + [[True, True, True]] * 3)
    action = torch.tensor([0, 1, 0, 2, 1, 2])
    old = torch.log_softmax(
        torch.where(legal, logits.detach() + off * torch.randn(6, 3, generator=words, dtype=torch.float64), -1e9), -1
    )
    return Minibatch(
        logits=(logits, torch.zeros(6, 3, dtype=torch.float64)),
        value=(torch.randn(6, generator=words, dtype=torch.float64), torch.zeros(6)),
        legal=legal,
        action=action,
        logs=old.gather(-1, action[:, None]).squeeze(-1),
        advantage=torch.randn(6, generator=words, dtype=torch.float64),
        target=torch.randn(6, generator=words, dtype=torch.float64),
    )


@pytest.mark.parametrize("clip", [None, 0.1])
def test_the_loss_is_the_formula_row_by_row(clip):
    batch = a_batch()
    one = PPOSettings(clip=clip, entropy=0.3, kl=2.0, magnet=0.7, value=0.25)
    told = dict(zip(TERMS, losses(batch, one), strict=True))
    gains = (batch.advantage - batch.advantage.mean()) / batch.advantage.std(correction=0)
    policy = entropy = step = magnet = 0.0
    for row in range(6):
        allowed = [a for a in range(3) if batch.legal[row, a]]
        weights = [math.exp(float(batch.logits[0][row, a].detach())) for a in allowed]
        shares = {a: w / sum(weights) for a, w in zip(allowed, weights, strict=True)}
        ratio = shares[int(batch.action[row])] / math.exp(float(batch.logs[row]))
        held = ratio if clip is None else min(max(ratio, 1 - clip), 1 + clip)
        policy -= min(ratio * float(gains[row]), held * float(gains[row])) / 6
        entropy -= sum(p * math.log(p) for p in shares.values()) / 6
        step += (ratio * math.log(ratio) - ratio + 1) / 6
        magnet += sum(p * math.log(p * len(allowed)) for p in shares.values()) / 6
    value = float((batch.value[0] - batch.target).square().mean())
    expected = {
        "loss": policy - 0.3 * entropy + 2.0 * step + 0.7 * magnet + 0.25 * value,
        "policy loss": policy,
        "value loss": value,
        "entropy": entropy,
        "KL to the policy before": step,
    }
    assert {name: float(term.detach()) for name, term in told.items()} == pytest.approx(expected)


def test_over_the_run_steps_shrink_and_entropy_falls():
    one = PPOSettings(learning_rate=1e-3, clip=0.2, kl=2.0, entropy=0.1, first_entropy=0.9)
    half = in_force(one, 0.5)
    assert (half.learning_rate, half.clip, half.kl) == (5e-4, 0.1, 4.0)
    assert half.entropy == pytest.approx(0.3)
    assert in_force(one, 1.0).entropy == 0.9
    still = in_force(replace(one, annealed=False, clip=None), 0.5)
    assert (still.learning_rate, still.clip, still.kl, still.entropy) == (1e-3, None, 2.0, half.entropy)


def test_where_the_policy_did_not_move_the_gradient_is_that_of_policy_gradients():
    batch = a_batch(off=0.0)
    one = PPOSettings(entropy=0.0, kl=5.0, value=0.0)
    torch.autograd.backward(losses(batch, one)[0])
    logits = batch.logits[0]
    gains = (batch.advantage - batch.advantage.mean()) / batch.advantage.std(correction=0)
    shares = torch.softmax(torch.where(batch.legal, logits.detach(), -1e9), -1)
    chosen = torch.nn.functional.one_hot(batch.action, 3)
    torch.testing.assert_close(logits.grad, -gains[:, None] * (chosen - shares) / 6)
