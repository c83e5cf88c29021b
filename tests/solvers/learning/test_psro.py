"""PSRO with learned oracles: with exact ones it is the tabular method; and what it keeps, refuses and comes to."""

import numpy as np
import pytest
import torch

from arena.games import MixturePolicy, SpecificationError, load_game, uniform_policy
from arena.games.compile_tree import compile_tree
from arena.games.observation import reads_of
from arena.games.positions import positions
from arena.solvers import best_response, expected_returns, nash_conv, psro
from arena.solvers.learning import train
from arena.solvers.learning.empirical_game import payoffs_between, played_payoffs, played_returns
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.methods import METHODS, Plan
from arena.solvers.learning.network_policy import NetworkPolicy
from arena.solvers.learning.networks import ActorCritic, Architecture
from arena.solvers.learning.psro import PSRO, PSROSettings
from arena.solvers.policy_table import strategy_of
from arena.solvers.realisation_plans import own_part, realisation_plan

KUHN = load_game("openspiel:kuhn_poker")
BIASED = load_game("matrix:biased_rps")
SHORT = {"steps": 3072, "tables": 32, "hidden": (16,)}
OFTEN = {"oracle_steps": 1024}


class Exact:
    """An oracle that knows: its network plays the best response of each player, by one unit an information set."""

    steps_an_update, environment, growing = 1, None, frozenset()

    def __init__(self, game, opponents):
        tree = compile_tree(game)
        sets = [(player, tree.keys[j]) for player in range(tree.num_players) for j in tree.sets(player)]
        told = positions(game, sets).read(reads_of(game.info))
        seen = torch.from_numpy(told)
        inputs, actions = seen.shape[1], game.info.num_actions
        self.network = ActorCritic(Architecture(inputs=inputs, actions=actions, hidden=(len(sets),)))
        responses = [best_response(game, opponents, player).policy.table for player in range(tree.num_players)]
        first, _, last = self.network.actor
        with torch.no_grad():
            # what is seen are noughts and ones: a unit gets 50 at its own set, -50 and less elsewhere
            first.weight.copy_(100 * (2 * seen - 1))
            first.bias.copy_(100 * (0.5 - seen.sum(1)))
            last.weight.zero_()
            for unit, (player, key) in enumerate(sets):
                (action,) = responses[player][key]
                last.weight[action, unit] = 500.0
            last.bias.copy_(last.weight.sum(1))

    def update(self, number):
        return {}

    def policy(self):
        return NetworkPolicy.of(self.network)


def populations_of(game, learner):
    tree = compile_tree(game)
    plans = [realisation_plan(tree, strategy_of(game, tree, member)) for member in learner.members]
    return [[own_part(tree, plan, player).tolist() for plan in plans] for player in range(tree.num_players)]


def without_copies(plans):
    return [plan for k, plan in enumerate(plans) if plan not in plans[:k]]


def with_exact_oracles(game, meta, oracles):
    grow, constant_sum = payoffs_between(game, matches=1, seed=0)
    learner = PSRO(
        game.info,
        Exact(game, uniform_policy(game.info.specification)).network,
        PSROSettings(meta=meta, oracle_steps=1, fresh=True),
        respond=lambda opponents, _: Exact(game, opponents),
        grow=grow,
        constant_sum=constant_sum,
        planned=oracles,
    )
    for number in range(oracles):
        learner.update(number)
    return learner


@pytest.mark.parametrize(
    ("game", "meta", "oracles"),
    [(KUHN, "nash", 6), (KUHN, "prd", 2), (KUHN, "alpha_rank", 2), (BIASED, "nash", 4), (BIASED, "prd", 3)],
)
def test_with_exact_oracles_it_is_the_tabular_method(game, meta, oracles, tmp_path):
    """Up to copies of members, which the tabular method leaves out, and which change what prd and alpha-rank weigh."""
    tabular = psro(game, meta_solver=meta, iterations=oracles, checkpoint=tmp_path / "psro.npz")
    learner = with_exact_oracles(game, meta, oracles)
    with np.load(tmp_path / "psro.npz") as kept:
        for player, plans in enumerate(populations_of(game, learner)):
            assert without_copies(plans) == kept[f"state.population_{player}"].tolist()
    assert nash_conv(game, learner.policy()) == pytest.approx(tabular.gap, abs=1e-9)


def test_with_uniform_weights_it_is_fictitious_play():
    """Each member is a best response to the even mixture of those before it; which one of several is best may be rounding's choice."""
    learner = with_exact_oracles(KUHN, "uniform", 6)
    assert (learner.weights == 1 / 7).all()
    for count in range(1, 7):
        before = MixturePolicy(learner.members[:count], [[1 / count] * count] * 2)
        earned = (learner.payoffs[0][count, :count].mean(), learner.payoffs[1][:count, count].mean())
        assert earned == pytest.approx([best_response(KUHN, before, player).value for player in (0, 1)])


@pytest.mark.parametrize(("game", "fresh"), [("arena:kuhn_poker", True), ("openspiel:goofspiel(num_cards=3)", False)])
def test_what_goes_on_from_arrays_amid_an_oracle_goes_on_as_if_nothing_had_been(game, fresh):
    loaded = load_game(game)
    plan = Plan(
        game=loaded,
        played=loaded,
        steps=3072,
        tables=32,
        hidden=(16,),
        memory=0,
        precision="float32",
        opponent=None,
        seed=0,
        device=torch.device("cpu"),
    )
    first, second = (
        METHODS["psro"].learner(plan, PSROSettings(oracle_steps=1024, fresh=fresh, rollout=8)) for _ in "12"
    )
    for number in range(6):
        first.update(number)
    second.restore(first.arrays())
    for number in range(6, 12):
        assert first.update(number) == second.update(number)
    arrays, others = first.arrays(), second.arrays()
    assert arrays["members"].shape[0] == 4
    assert all(np.array_equal(array, others[name]) for name, array in arrays.items())


def test_a_checkpoint_whose_populations_do_not_fit_is_refused(tmp_path):
    kept = tmp_path / "run.npz"
    train("psro", KUHN, settings=OFTEN, checkpoint=kept, **SHORT)
    with np.load(kept) as held:
        arrays = dict(held)
    arrays["state.payoffs"] = arrays["state.payoffs"][:-1]
    np.savez(kept, **arrays)
    with pytest.raises(SpecificationError, match="members, payoffs and weights do not fit"):
        train("psro", KUHN, settings=OFTEN, checkpoint=kept, **SHORT)


def test_the_gap_is_that_of_the_mixture_and_falls():
    trained = train("psro", KUHN, steps=60_000, tables=128, hidden=(32,), settings={"oracle_steps": 15_000})
    assert trained.gap == pytest.approx(nash_conv(KUHN, trained.policy))
    assert trained.gap < 0.6  # of the uniform policy 0.917


def random_members(game, seeds):
    members = []
    for seed in seeds:
        torch.manual_seed(seed)
        shape = Architecture(inputs=game.info.information_state_width, actions=game.info.num_actions, hidden=(8,))
        network = ActorCritic(shape)
        torch.nn.init.normal_(network.actor[-1].weight)
        members.append(NetworkPolicy.of(network))
    return members


@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)"])
def test_payoffs_as_played_are_the_exact_ones_up_to_chance(name):
    game, matches = load_game(f"openspiel:{name}"), 2000
    members, players = random_members(game, range(3)), game.info.num_players
    grow, _ = payoffs_between(game, matches=matches, seed=0)
    exact = grow(members, np.zeros((players, *[0] * players)))
    first = grow(members[:1], np.zeros((players, *[0] * players)))
    played = played_payoffs(game, members, first, matches=matches, seed=1)
    assert (played[(slice(None), *[0] * players)] == first.ravel()).all()  # of old members nothing is played again
    assert np.abs(played - exact).max() < 5 * game.info.max_utility / np.sqrt(matches)
    assert np.abs(played - exact).max() > 0


def test_each_table_counts_as_many_matches_however_long_they_take():
    game = load_game("openspiel:kuhn_poker")
    members = random_members(game, range(2))
    tables = MatchTables(game, 8, seed=0)
    lineup = torch.tensor([[0, 1]] * 8)
    counted = played_returns(tables, members, lineup, matches=25, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close((counted * 25).round(), counted * 25)
    assert torch.equal(counted.sum(1), torch.zeros(8, dtype=torch.float64))
    assert (tables._begun > 25).all()


def test_a_side_of_a_team_gets_the_mean_of_its_players():
    game = load_game("smax:3m")
    shape = Architecture(inputs=game.info.tensor_width, actions=game.info.num_actions, hidden=(4,))
    members = [NetworkPolicy.of(ActorCritic(shape))] * 2
    payoffs = played_payoffs(game, members, np.zeros((2, 0, 0)), matches=2, seed=0)
    assert payoffs.shape == (2, 2, 2)
    assert np.abs(payoffs).max() <= max(abs(game.info.min_utility), abs(game.info.max_utility))


@pytest.mark.parametrize("meta", ["uniform", "nash", "prd", "alpha_rank"])
def test_the_empirical_game_tells_how_members_were_weighed_when_there_were_fewer(meta):
    """At each size as `policy` weighed them then."""
    grow, constant_sum = payoffs_between(KUHN, matches=1, seed=0)
    learner = PSRO(
        KUHN.info,
        Exact(KUHN, uniform_policy(KUHN.info.specification)).network,
        PSROSettings(meta=meta, oracle_steps=1, fresh=True),
        respond=lambda opponents, _: Exact(KUHN, opponents),
        grow=grow,
        constant_sum=constant_sum,
        planned=3,
    )
    then = [np.array(learner.policy().weights)]
    for number in range(3):
        learner.update(number)
        then.append(np.array(learner.policy().weights))
    grown = learner.empirical_game().grown
    assert [weights.shape for weights in grown] == [(2, 1), (2, 2), (2, 3), (2, 4)]
    for weights, played in zip(grown, then, strict=True):
        np.testing.assert_allclose(weights, played, atol=1e-9)


@pytest.mark.parametrize("meta", ["uniform", "nash", "prd", "alpha_rank"])
def test_what_was_learned_tells_how_its_members_do_against_each_other(meta):
    trained = train("psro", KUHN, settings={**OFTEN, "meta": meta}, **SHORT)
    game = trained.population
    assert game.names == ("uniform", "oracle 1", "oracle 2", "oracle 3")
    assert game.payoffs.shape == (2, 4, 4)
    assert game.payoffs[0] == pytest.approx(-game.payoffs[1], abs=1e-12)
    assert game.weights.tolist() == list(map(list, trained.policy.weights))
    assert (meta == "uniform") == (game.weights == 0.25).all()
    assert game.payoffs[0, 0, 0] == pytest.approx(expected_returns(KUHN, uniform_policy(KUHN.info.specification))[0])


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"settings": {"meta": "rectified"}}, SpecificationError, "meta must be one of uniform, nash"),
        ({"settings": {"meta": 1}}, SpecificationError, "meta must be one of"),
        ({"settings": {"greedy": True}}, SpecificationError, "greedy must be false"),
        (
            {"settings": {"meta": "alpha_rank", "oracle_steps": 1}, "steps": 512 * 71},
            SpecificationError,
            "at most 5,000",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(change, error, says):
    with pytest.raises(error, match=says):
        train("psro", KUHN, **{**SHORT, **change})
