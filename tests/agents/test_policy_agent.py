import numpy as np
import pytest

from arena.agents.policy_agent import PolicyAgent
from arena.agents.registry import load_agent
from arena.games import AgentInfo, MixturePolicy, SpecificationError, TabularPolicy, load_game, uniform_policy
from arena.games.policy import sample
from arena.playing import play
from arena.solvers.policy_file import save_policy

GAME = "openspiel:leduc_poker"


@pytest.fixture(scope="module")
def leduc():
    return load_game(GAME)


class Recorder:
    """Random play that notes every information state and its legal actions."""

    def __init__(self):
        self.info, self.seen = AgentInfo(name="recorder"), {}

    def act(self, batch):
        self.seen.update(zip(batch.information_state(), batch.legal.lists(), strict=True))
        return batch.legal.sample(batch.seed())


class Plain:
    """What the agent must equal: one dictionary look-up and one dense row a decision."""

    def __init__(self, policy):
        self.info, self.policy = AgentInfo(name="plain"), policy

    def act(self, batch):
        return sample(self.policy, batch)


@pytest.fixture(scope="module")
def random_policy(leduc):
    recorder = Recorder()
    play(leduc, [recorder, recorder], matches=400, seed=1)
    draws = np.random.default_rng(4)
    table = {}
    for state, legal in recorder.seen.items():
        weights = draws.random(len(legal)) * (draws.random(len(legal)) < 0.7)  # some actions have chance 0
        if not weights.sum():
            weights[-1] = 1.0
        # in any order, as a file may have them
        table[state] = dict(
            draws.permutation(list(zip(legal, (weights / weights.sum()).tolist(), strict=True))).tolist()
        )
        table[state] = {int(action): chance for action, chance in table[state].items()}
    return TabularPolicy(GAME, table)


def test_the_compiled_table_draws_what_the_plain_policy_draws(leduc, random_policy):
    half = TabularPolicy(GAME, dict(list(random_policy.table.items())[::2]))  # the rest is played uniformly
    for policy in (random_policy, half):
        fast, plain = PolicyAgent(policy), Plain(policy)
        results = play(leduc, [fast, fast], matches=500, seed=8)
        assert results.equals(play(leduc, [plain, plain], matches=500, seed=8))


def test_a_policy_of_pure_choices_plays_them():
    first = {"": {4: 1.0}}
    policy = TabularPolicy("openspiel:tic_tac_toe", first)
    results = play("openspiel:tic_tac_toe", [PolicyAgent(policy), "random"], matches=50)
    assert {int(match.actions[0]) for match in results} == {4}


def test_probabilities_are_kept_in_the_long_run():
    policy = TabularPolicy("openspiel:kuhn_poker", {str(card): {0: 0.75, 1: 0.25} for card in range(3)})
    results = play("openspiel:kuhn_poker", [PolicyAgent(policy), "random"], matches=4000)
    bets = sum(int(match.actions[2]) for match in results)  # after two cards
    assert abs(bets - 1000) < 4 * np.sqrt(4000 * 0.75 * 0.25)


def test_matches_are_equal_at_one_table_and_at_a_hundred(leduc, random_policy, play_at):
    agents = [PolicyAgent(random_policy), PolicyAgent(random_policy)]
    assert play_at(leduc, agents, tables=1).equals(play_at(leduc, agents, tables=100))


def test_a_policy_comes_from_a_file_and_stays_readable(leduc, random_policy, tmp_path):
    for name in ("p.json", "p.npz"):
        save_policy(random_policy, tmp_path / name)
        agent = load_agent(f"policy:{tmp_path / name}", game=leduc)
        assert agent.policy == random_policy
        expected = play(leduc, [PolicyAgent(random_policy), "random"], matches=50, seed=2)
        assert play(leduc, [agent, "random"], matches=50, seed=2).equals(expected)


def test_uniform_is_the_empty_tabular_policy_and_plays_like_random(leduc):
    agent = load_agent("uniform", game=leduc)
    assert agent.policy == uniform_policy(GAME)
    results = play(leduc, [agent, agent], matches=50)
    assert results.equals(play(leduc, ["random", "random"], matches=50))


def test_any_policy_can_be_an_agent(leduc, random_policy):
    mixture = MixturePolicy([random_policy, uniform_policy(GAME)], [0.5, 0.5])
    results = play(leduc, [PolicyAgent(mixture), "random"], matches=50)
    assert (results.forfeit == -1).all()


def test_another_spelling_of_the_game_is_the_same_game(leduc, tmp_path):
    save_policy(TabularPolicy("openspiel:leduc_poker(players=2)", {}), tmp_path / "p.json")
    load_agent(f"policy:{tmp_path / 'p.json'}", game=leduc)


@pytest.mark.parametrize(
    ("policy", "game", "message"),
    [
        (TabularPolicy("openspiel:kuhn_poker", {}), GAME, "is a policy for openspiel:kuhn_poker"),
        (TabularPolicy("no such game", {}), GAME, "is a policy for no such game"),
        (TabularPolicy(GAME, {"x": {3: 1.0}}), GAME, "'x' has an action outside 0..2"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(policy, game, message, tmp_path):
    save_policy(policy, tmp_path / "p.json")
    with pytest.raises(SpecificationError) as caught:
        load_agent(f"policy:{tmp_path / 'p.json'}", game=load_game(game))
    assert message in str(caught.value)
