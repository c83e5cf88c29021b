"""Experience: every decision is learned from exactly once, and a network that remembers says the same again."""

import pytest
import torch

from arena.games import SpecificationError, load_game
from arena.solvers.learning.experience import Collector, draw, memories_after
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.minibatches import minibatches, unrolled
from arena.solvers.learning.networks import ActorCritic, Architecture, log_probabilities


def collector(game, tables, *, memory=0, seed=0):
    environment = MatchTables(load_game(game), tables, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ActorCritic(
            Architecture(
                inputs=environment.facts.inputs, actions=environment.facts.actions, hidden=(16,), memory=memory
            )
        )
    return Collector(environment, network)


def gathered(one, steps, words, trace=0.9):
    return one.gather(steps, discount=1.0, trace=trace, scale=1.0, generator=words)


@pytest.mark.parametrize(
    "game", ["arena:kuhn_poker", "openspiel:leduc_poker(players=3)", "openspiel:goofspiel(num_cards=3)"]
)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_every_decision_is_known_once(game, steps):
    one, words = collector(game, 7), torch.Generator().manual_seed(0)
    known = made = 0
    for _ in range(12):
        experience = gathered(one, steps, words)
        known += int(experience.worth.known.sum())
        made += int(experience.decisions.acting[experience.waiting :].sum())
    assert known + int(one.waiting.acting.sum()) == made
    assert known > made / 2


def test_what_a_decision_is_worth_is_scaled_and_discounted():
    """Without a trace: what the match paid at its end, or before it the discounted value of the player's next decision."""
    one, words = collector("arena:kuhn_poker", 50), torch.Generator().manual_seed(0)
    for parameter in one.network.parameters():
        parameter.data.zero_()
    one.network.critic[-1].bias.data.fill_(3.0)
    worth = one.gather(6, discount=0.25, trace=0.0, scale=0.5, generator=words).worth
    assert set(worth.target[worth.known].tolist()) == {-1.0, -0.5, 0.5, 1.0, 0.25 * 3.0}


def test_choices_are_known_as_often_as_they_are_made():
    """Learning only from what is known at once would favour choices that end a match."""
    one, words = collector("arena:kuhn_poker", 400), torch.Generator().manual_seed(0)
    for parameter in one.network.parameters():
        parameter.data.zero_()
    bets = total = 0
    for _ in range(40):
        experience = gathered(one, 1, words)
        bets += int(experience.decisions.action[experience.worth.known].sum())
        total += int(experience.worth.known.sum())
    assert abs(bets / total - 0.5) < 5 * (0.25 / total) ** 0.5


@pytest.mark.parametrize("name", ["waiting.player", "waiting.action"])
@pytest.mark.parametrize("broken", [-1, 2])
def test_decisions_of_a_file_that_nobody_makes_are_refused(name, broken):
    one = collector("arena:kuhn_poker", 3)
    arrays = one.arrays()
    arrays[name][:] = broken
    with pytest.raises(SpecificationError, match="of a checkpoint must be among the 2 of the game"):
        one.restore(arrays)


def test_a_network_that_remembers_says_again_what_it_said():
    one, words = collector("openspiel:leduc_poker", 6, memory=8), torch.Generator().manual_seed(1)
    for _ in range(3):
        experience = gathered(one, 7, words)
        made = experience.decisions
        logits, value = unrolled(one.network, experience, torch.arange(6))
        now = log_probabilities(logits, made.legal).gather(-1, made.action[..., None]).squeeze(-1)
        torch.testing.assert_close(now[made.acting], made.logs[made.acting])
        torch.testing.assert_close(value[made.acting], made.value[made.acting])


def test_memories_are_of_a_match_and_of_a_player():
    one, words = collector("arena:kuhn_poker", 6, memory=8), torch.Generator().manual_seed(1)
    for _ in range(12):
        gathered(one, 1, words)
        fresh = one.environment._ply == 0
        assert (one.memory[torch.from_numpy(fresh)] == 0).all()
        assert (one.memory[torch.from_numpy(~fresh)] != 0).any(-1).all()


def test_players_who_do_not_act_keep_their_memories():
    memory, after = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
    acting = torch.tensor([[True, False, True]])
    found = memories_after(memory, torch.tensor([[2, 1, 0]]), acting, after)
    assert found[0, :, 0].tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("memory", [0, 8])
def test_a_pass_takes_each_known_decision_once(memory):
    one, words = collector("openspiel:leduc_poker", 6, memory=memory), torch.Generator().manual_seed(1)
    gathered(one, 3, words)
    experience = gathered(one, 5, words)
    batches = list(minibatches((one.network,), experience, 3, words))
    assert len(batches) == 3
    advantage = torch.cat([batch.advantage for batch in batches])
    torch.testing.assert_close(advantage.sort()[0], experience.worth.advantage[experience.worth.known].sort()[0])
    for batch in batches:
        now = log_probabilities(batch.logits[0], batch.legal).gather(-1, batch.action[:, None]).squeeze(-1)
        torch.testing.assert_close(now, batch.logs)


def test_actions_are_drawn_with_their_probabilities_and_never_illegal():
    words = torch.Generator().manual_seed(0)
    legal = torch.tensor([True, True, False, True]).expand(40_000, 4)
    logs = log_probabilities(torch.tensor([0.0, 1.0, 9.0, -1.0]).expand(40_000, 4), legal)
    counts = torch.bincount(draw(logs, legal, words), minlength=4) / 40_000
    assert counts[2] == 0
    torch.testing.assert_close(counts, logs[0].exp(), atol=0.012, rtol=0)
    diverged, second = torch.full((9, 4), torch.nan), torch.tensor([False, True, False, True]).expand(9, 4)
    assert second.gather(1, draw(diverged, second, words)[:, None]).all()
