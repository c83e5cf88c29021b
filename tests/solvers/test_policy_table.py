"""Any policy as a table: what it is asked, what the table says, and OpenSpiel's NashConv of the same table."""

import numpy as np
import pyspiel
import pytest
import torch
from open_spiel.python import policy as spiel_policy
from open_spiel.python.algorithms import exploitability as spiel_exploitability

from arena.agents import mlp
from arena.agents.network import NetworkAgent
from arena.agents.network_file import Network
from arena.agents.policy_agent import PolicyAgent
from arena.agents.random_agent import RandomAgent
from arena.games import (
    AgentInfo,
    MixturePolicy,
    NotProvided,
    ObservationBatch,
    SpecificationError,
    TabularPolicy,
    compile_tree,
    load_game,
    uniform_policy,
)
from arena.games.positions import positions
from arena.solvers import best_response, expected_returns, exploitability, nash_conv
from arena.solvers.policy_table import policy_of, tabulate
from arena.solvers.tree_measures import uniform_strategy


def network_agent(game, *, choice="sample", seed=0, scale=4.0):
    """A random network whose logits are far from even."""
    info = game.info
    module = mlp([info.tensor_width, 16, info.num_actions], activation="tanh", seed=seed)
    with torch.no_grad():
        module[-1].weight *= scale
    sizes = (info.tensor_width, 16, info.num_actions)
    return NetworkAgent(Network(game=info.specification, sizes=sizes, activation="tanh", choice=choice, module=module))


def random_policy(game, seed):
    tree = compile_tree(game)
    rng = np.random.default_rng(seed)
    strategy = uniform_strategy(tree)
    for index in range(tree.num_sets):
        span = slice(int(tree.first[index]), int(tree.first[index + 1]))
        strategy[span] = rng.dirichlet(np.full(span.stop - span.start, 0.5))
    return tree.policy(strategy)


def openspiels(rules, policy):
    theirs = spiel_policy.TabularPolicy(rules)
    for key, index in theirs.state_lookup.items():
        if key in policy.table:
            theirs.action_probability_array[index] = 0
            for action, probability in policy.table[key].items():
                theirs.action_probability_array[index, action] = probability
    return spiel_exploitability.nash_conv(rules, theirs)


@pytest.mark.parametrize("choice", ["sample", "greedy"])
@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)", "leduc_poker", "liars_dice(dice_sides=2)"])
def test_nash_conv_of_a_network_is_openspiels_of_its_table(name, choice):
    game = load_game(f"openspiel:{name}")
    agent = network_agent(game, choice=choice)
    table = tabulate(game, agent)
    assert nash_conv(game, agent) == pytest.approx(openspiels(pyspiel.load_game(name), table), abs=1e-9)
    assert nash_conv(game, agent) == pytest.approx(nash_conv(game, table), abs=1e-12)
    assert nash_conv(compile_tree(game), agent) == nash_conv(game, agent)
    assert exploitability(game, agent) * game.info.num_players == pytest.approx(nash_conv(game, agent))


@pytest.mark.parametrize("specification", ["openspiel:leduc_poker", "openspiel:kuhn_poker", "arena:kuhn_poker"])
def test_the_table_is_what_the_agent_plays_with_at_every_decision_of_real_matches(specification):
    game = load_game(specification)
    agent = network_agent(game, seed=3)
    table = tabulate(game, agent)
    tables, rng, seen = game.tables(400), np.random.default_rng(0), set()

    def words(count):
        return rng.integers(0, 2**64, count, dtype=np.uint64)

    turn = tables.start(np.arange(400), words(400))
    while len(turn.table):
        asked = ObservationBatch(turn.table, turn.player, turn.legal, words(len(turn.table)), turn.table, tables)
        rows = zip(asked.information_state(), agent.probabilities(asked), turn.legal.lists(), strict=True)
        for state, row, legal in rows:
            seen.add(state)
            assert [table.table[state][action] for action in legal] == pytest.approx(row[legal].tolist(), abs=1e-12)
        turn = tables.step(turn.table, turn.player, turn.legal.sample(words(len(turn.table))))
    assert len(seen) > 10


def test_an_agent_draws_with_the_probabilities_that_it_tells():
    game = load_game("openspiel:kuhn_poker")
    agent, count = network_agent(game, seed=5), 20_000
    one = positions(game, [(0, "1")])
    many = ObservationBatch(
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        one.legal.take(np.zeros(count, np.int64)),
        np.arange(count).astype(np.uint64),
        np.zeros(count, np.int64),
        one.tables,
    )
    bets = float((agent.act(many) == 1).mean())
    expected = float(agent.probabilities(one)[0, 1])
    assert 0.05 < expected < 0.95
    assert abs(bets - expected) < 5 * np.sqrt(0.25 / count)


@pytest.mark.parametrize("name", ["kuhn_poker", "leduc_poker", "goofspiel(num_cards=3,points_order=descending)"])
def test_positions_show_the_information_states_that_were_asked_for(name):
    game = load_game(f"openspiel:{name}")
    tree = compile_tree(game)
    states = [(player, tree.keys[j]) for player in range(2) for j in tree.sets(player)]
    asked = positions(game, states)
    assert asked.information_state() == [key for _, key in states]
    assert asked.player.tolist() == [player for player, _ in states]
    first, actions = tree.first.tolist(), tree.actions.tolist()
    assert asked.legal.lists() == [actions[first[j] : first[j + 1]] for j in range(tree.num_sets)]
    assert (asked.ply >= tree.depth).all()  # forced moves count there too


def test_every_history_of_an_information_state_of_leduc_poker_shows_the_same_tensor():
    """Why one history for each is enough."""
    game = load_game("openspiel:leduc_poker")
    shown, waiting = {}, [game.rules.new_initial_state()]
    while waiting:
        state = waiting.pop()
        if state.is_terminal():
            continue
        waiting += [state.child(action) for action in state.legal_actions()]
        if not state.is_chance_node():
            key = state.information_state_string()
            assert shown.setdefault(key, state.observation_tensor()) == state.observation_tensor()
    assert len(shown) == 936


def combined(game, policies):
    """Player p plays the p-th policy."""
    tree = compile_tree(game)
    table = {tree.keys[j]: policies[p].table[tree.keys[j]] for p in range(tree.num_players) for j in tree.sets(p)}
    return TabularPolicy(game.info.specification, table)


@pytest.mark.parametrize("name", ["kuhn_poker", "leduc_poker"])
def test_a_mixture_earns_what_its_members_earn_drawn_by_each_player_for_himself(name):
    game = load_game(f"openspiel:{name}")
    members, weights = [random_policy(game, seed) for seed in range(3)], [0.5, 0.3, 0.2]
    mixture = MixturePolicy(members, weights)
    expected = sum(
        weights[i] * weights[j] * np.array(expected_returns(game, combined(game, (members[i], members[j]))))
        for i in range(3)
        for j in range(3)
    )
    assert expected_returns(game, mixture) == pytest.approx(expected.tolist(), abs=1e-12)
    assert nash_conv(game, tabulate(game, mixture)) == pytest.approx(nash_conv(game, mixture), abs=1e-12)
    response = best_response(game, mixture, 0)
    against = [expected_returns(game, combined(game, (response_of(response, members[0]), one)))[0] for one in members]
    assert response.value == pytest.approx(np.dot(weights, against), abs=1e-12)


def response_of(response, rest):
    return TabularPolicy(rest.game, {**rest.table, **response.policy.table})


def test_a_mixture_of_mixtures_is_the_mixture_of_their_members():
    game = load_game("openspiel:kuhn_poker")
    a, b, c = (random_policy(game, seed) for seed in range(3))
    nested = MixturePolicy([MixturePolicy([a, b], [0.25, 0.75]), c], [0.4, 0.6])
    flat = MixturePolicy([a, b, c], [0.1, 0.3, 0.6])
    assert nash_conv(game, nested) == pytest.approx(nash_conv(game, flat), abs=1e-12)


def test_a_mixture_of_mixtures_draws_its_inner_member_anew():
    """The draws of both levels must not hang together: each of the four ends a quarter of the matches."""
    game = load_game("openspiel:kuhn_poker")
    certain = [TabularPolicy("openspiel:kuhn_poker", {"0": {action: 1.0}}) for action in (0, 1)]
    inner = MixturePolicy(certain, [0.5, 0.5])
    other = TabularPolicy("openspiel:kuhn_poker", {"0": {0: 0.25, 1: 0.75}})
    one, count = positions(game, [(0, "0")]), 4_000
    rows = np.zeros(count, np.int64)
    many = ObservationBatch(rows, rows, one.legal.take(rows), np.arange(count).astype(np.uint64), rows, one.tables)
    bet = MixturePolicy([inner, other], [0.5, 0.5]).probabilities(many)[:, 1]
    for value, share in ((0.0, 0.25), (1.0, 0.25), (0.75, 0.5)):
        assert abs(float((bet == value).mean()) - share) < 5 * np.sqrt(0.25 / count)


def test_mixtures_and_networks_are_measured_in_games_of_one_choice_too():
    game = load_game("matrix:rps")
    sides = [TabularPolicy("matrix:rps", {f"player {p}": {action: 1.0} for p in (0, 1)}) for action in range(3)]
    assert nash_conv(game, MixturePolicy(sides, [1 / 3] * 3)) == pytest.approx(0, abs=1e-12)
    assert nash_conv(game, MixturePolicy(sides, [1, 0, 0])) == pytest.approx(2)

    class Rock:
        def probabilities(self, batch):
            return np.tile([1.0, 0, 0], (len(batch), 1))

    assert nash_conv(game, Rock()) == pytest.approx(2)
    assert tabulate(game, Rock()).table == {f"player {p}": {0: 1.0, 1: 0.0, 2: 0.0} for p in (0, 1)}


def test_a_simultaneous_game_is_asked_player_by_player():
    """Its players' information states have the same names, which batches tell apart."""
    game = load_game("openspiel:goofspiel(num_cards=3,points_order=descending)")

    class Lowest:
        def probabilities(self, batch):
            rows = np.zeros((len(batch), batch.game.num_actions))
            rows[np.arange(len(batch)), [legal[0] for legal in batch.legal.lists()]] = 1
            return rows

    rules = pyspiel.convert_to_turn_based(pyspiel.load_game("goofspiel(num_cards=3,points_order=descending)"))
    theirs = spiel_policy.TabularPolicy(rules)
    theirs.action_probability_array[:] = 0
    theirs.action_probability_array[np.arange(len(theirs.legal_actions_mask)), theirs.legal_actions_mask.argmax(1)] = 1
    assert nash_conv(game, Lowest()) == pytest.approx(spiel_exploitability.nash_conv(rules, theirs), abs=1e-9)


@pytest.mark.parametrize(
    "row", [[0.5, 0.4], [1.5, -0.5], [float("nan"), 1.0]], ids=["sum below one", "negative", "not a number"]
)
def test_answers_that_are_no_probabilities_are_refused_by_information_state(row):
    class Bad:
        def probabilities(self, batch):
            return np.tile(row, (len(batch), 1))

    for specification in ("openspiel:kuhn_poker", "matrix:matching_pennies"):
        with pytest.raises(SpecificationError, match="no distribution over the legal actions"):
            nash_conv(load_game(specification), Bad())


def test_what_has_no_positions_is_refused():
    with pytest.raises(NotProvided, match="no decision of player 1"):
        positions(load_game("openspiel:kuhn_poker"), [(1, "0")])


def test_agents_that_remember_or_tell_no_probabilities_have_no_policy():
    game = load_game("openspiel:kuhn_poker")
    table = uniform_policy("openspiel:kuhn_poker")
    assert policy_of(PolicyAgent(table)) is table
    network = network_agent(game)
    assert policy_of(network) is network
    assert policy_of(RandomAgent()) is None
    network.info = AgentInfo(name="n", remembers=True)
    assert policy_of(network) is None


@pytest.mark.parametrize("specification", ["openspiel:kuhn_poker", "matrix:rps", "markov:soccer"])
def test_agents_that_play_by_a_policy_are_measured_as_it_is(specification):
    game = load_game(specification)
    policy = uniform_policy(specification)
    if specification == "openspiel:kuhn_poker":
        policy = random_policy(game, seed=1)
    agent = PolicyAgent(policy)
    assert nash_conv(game, agent) == nash_conv(game, policy)
    assert expected_returns(game, agent) == expected_returns(game, policy)
    assert best_response(game, agent, 1).policy == best_response(game, policy, 1).policy
    agent.info = AgentInfo(name="a", remembers=True)
    for without in (agent, RandomAgent()):
        with pytest.raises(NotProvided, match="need"):
            nash_conv(game, without)


@pytest.mark.parametrize("specification", ["openspiel:kuhn_poker", "matrix:matching_pennies"])
@pytest.mark.parametrize(
    "choices", [{0: 0.5, 1: 0.5, 7: 5.0}, {0: 1.0, 1: 1.0}, {0: float("nan"), 1: 1.0}, {0: -1.0, 1: 2.0}, {7: 1.0}, {}]
)
def test_answers_by_string_that_are_no_probabilities_are_refused(specification, choices):
    class Strings:
        def action_probabilities(self, _):
            return choices

    for measured in (nash_conv, expected_returns, exploitability):
        with pytest.raises(SpecificationError, match="legal actions"):
            measured(load_game(specification), Strings())


@pytest.mark.parametrize("specification", ["openspiel:leduc_poker", "matrix:rps"])
def test_a_table_of_another_game_is_refused_and_not_played_uniformly(specification):
    other = random_policy(load_game("openspiel:kuhn_poker"), seed=0)
    with pytest.raises(SpecificationError, match="made for openspiel:kuhn_poker, names none"):
        nash_conv(load_game(specification), other)


@pytest.mark.parametrize("specification", ["openspiel:kuhn_poker", "matrix:matching_pennies"])
def test_probabilities_in_printed_decimals_are_scaled_to_sum_to_one(specification):
    """Else the answer would be of a policy that nobody can play, off by as much as payoffs are large."""
    game = load_game(specification)
    keys = compile_tree(game).keys

    class Rounded:
        def probabilities(self, batch):
            return np.tile([0.2999995, 0.7], (len(batch), 1))

    exact = TabularPolicy(specification, {key: {0: 0.2999995 / 0.9999995, 1: 0.7 / 0.9999995} for key in keys})
    rounded = TabularPolicy(specification, {key: {0: 0.2999995, 1: 0.7} for key in keys})
    for policy in (rounded, Rounded(), MixturePolicy([rounded], [1.0]), MixturePolicy([exact], [0.9999995])):
        assert expected_returns(game, policy) == pytest.approx(expected_returns(game, exact), abs=1e-12)
        assert nash_conv(game, policy) == pytest.approx(nash_conv(game, exact), abs=1e-12)


@pytest.mark.parametrize("weights", [[float("nan"), 1.0], [1.5, -0.5], [0.5, 0.4]])
def test_weights_of_a_mixture_that_are_no_probabilities_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be"):
        MixturePolicy([uniform_policy("a"), uniform_policy("b")], weights)
