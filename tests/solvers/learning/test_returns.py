"""Advantages against a plain reading of their definition, player by player, with ends and decisions that are not known yet."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.solvers.learning.returns import advantages, lambda_returns


def plainly(value, player, acting, reward, over, next_value, next_known, discount, trace, table):
    """(step, seat) -> advantage, None where it is not known; the sum over a player's own decisions, written out."""
    steps, seats = player.shape[0], player.shape[2]
    found = {}
    for who in range(reward.shape[2]):
        mine = [
            (t, s) for t in range(steps) for s in range(seats) if acting[t, table, s] and player[t, table, s] == who
        ]
        surprises = []
        for k, (t, s) in enumerate(mine):
            end = next((u for u in range(t, steps) if over[u, table]), None)
            later = mine[k + 1] if k + 1 < len(mine) and (end is None or mine[k + 1][0] <= end) else None
            upto = later[0] if later else (steps if end is None else end + 1)
            gained = sum(float(reward[u, table, who]) for u in range(t, upto))
            if later:
                follows = float(value[later[0], table, later[1]])
            elif end is not None:
                follows = 0.0
            elif next_known[table, who]:
                follows = float(next_value[table, who])
            else:
                follows = None
            surprise = None if follows is None else gained + discount * follows - float(value[t, table, s])
            surprises.append((t, s, surprise, later is not None))
        for k, (t, s, surprise, _) in enumerate(surprises):
            if surprise is None:
                found[t, s] = None
                continue
            total, weight, at = 0.0, 1.0, k
            while True:
                total += weight * surprises[at][2]
                if not surprises[at][3] or surprises[at + 1][2] is None:
                    break
                weight *= discount * trace
                at += 1
            found[t, s] = total
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    turns=st.booleans(),
    discount=st.sampled_from([1.0, 0.9]),
    trace=st.sampled_from([0.0, 0.7, 1.0]),
)
def test_advantages_are_those_of_the_definition(seed, turns, discount, trace):
    words = torch.Generator().manual_seed(seed)
    steps, tables, players = 7, 3, 3
    seats = 1 if turns else players
    value = torch.randn(steps, tables, seats, generator=words, dtype=torch.float64)
    player = (
        torch.randint(players, (steps, tables, 1), generator=words)
        if turns
        else torch.arange(players).expand(steps, tables, players).contiguous()
    )
    acting = torch.rand(steps, tables, seats, generator=words) < 0.8
    reward = torch.randn(steps, tables, players, generator=words, dtype=torch.float64)
    over = torch.rand(steps, tables, generator=words) < 0.25
    next_value = torch.randn(tables, players, generator=words, dtype=torch.float64)
    next_known = torch.rand(tables, players, generator=words) < 0.5
    next_value = next_value * next_known
    found = advantages(
        value,
        player,
        acting,
        reward,
        over,
        next_value=next_value,
        next_known=next_known,
        discount=discount,
        trace=trace,
    )
    for table in range(tables):
        expected = plainly(value, player, acting, reward, over, next_value, next_known, discount, trace, table)
        for t in range(steps):
            for s in range(seats):
                one = expected.get((t, s))
                assert bool(found.known[t, table, s]) == (one is not None)
                if one is not None:
                    torch.testing.assert_close(float(found.advantage[t, table, s]), one)


def test_nothing_is_taken_over_the_end_of_a_match():
    over = torch.tensor([[True], [False]])
    value = torch.tensor([[[5.0]], [[100.0]]])
    found = advantages(
        value,
        torch.zeros(2, 1, 1, dtype=torch.int64),
        torch.ones(2, 1, 1, dtype=torch.bool),
        torch.tensor([[[1.0]], [[0.0]]]),
        over,
        next_value=torch.tensor([[7.0]]),
        next_known=torch.tensor([[True]]),
        discount=1.0,
        trace=1.0,
    )
    assert found.advantage.flatten().tolist() == [1.0 - 5.0, 7.0 - 100.0]


def returns_plainly(best, reward, over, discount, trace):
    """The λ-weighted mean of all n-step returns, written out: (1 − λ) Σ λ^(n−1) G⁽ⁿ⁾, the last one with all that is left."""
    found = []
    for t in range(len(reward)):
        end = next((u for u in range(t, len(reward)) if over[u]), len(reward) - 1)
        total, weight = 0.0, 1.0
        for n in range(1, end - t + 2):
            last = n == end - t + 1
            n_step = sum(discount**k * reward[t + k] for k in range(n))
            if not over[t + n - 1]:
                n_step += discount**n * best[t + n]
            share = weight if last else weight * (1 - trace)
            total += share * n_step
            weight *= trace
        found.append(total)
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    discount=st.sampled_from([1.0, 0.9]),
    trace=st.sampled_from([0.0, 0.65, 1.0]),
)
def test_lambda_returns_are_the_weighted_means_of_n_step_returns(seed, discount, trace):
    words = torch.Generator().manual_seed(seed)
    best = torch.randn(9, 4, generator=words, dtype=torch.float64)
    reward = torch.randn(8, 4, generator=words, dtype=torch.float64)
    over = torch.rand(8, 4, generator=words) < 0.25
    found = lambda_returns(best, reward, over, discount=discount, trace=trace)
    for table in range(4):
        columns = best[:, table].tolist(), reward[:, table].tolist(), over[:, table].tolist()
        expected = returns_plainly(*columns, discount, trace)
        torch.testing.assert_close(found[:, table], torch.tensor(expected, dtype=torch.float64))


def test_lambda_returns_take_nothing_over_the_end_of_a_match():
    found = lambda_returns(
        torch.tensor([[5.0], [1000.0], [7.0]]),
        torch.tensor([[1.0], [0.0]]),
        torch.tensor([[True], [False]]),
        discount=1.0,
        trace=0.5,
    )
    assert found.flatten().tolist() == [1.0, 7.0]
