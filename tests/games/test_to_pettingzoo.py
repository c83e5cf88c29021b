"""Arena's games given back as PettingZoo environments: PettingZoo's own conformance tests, and what they do not look at."""

import importlib.util
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from pettingzoo import AECEnv, ParallelEnv

from arena.games import (
    ActionSpace,
    ArenaError,
    GameInfo,
    ListedLegal,
    NotProvided,
    Ragged,
    Turn,
    VectorLegal,
    load_game,
    to_pettingzoo,
)

with warnings.catch_warnings():
    # PettingZoo's tests import an environment in a way that PettingZoo itself deprecates
    warnings.filterwarnings("ignore", message="The old environment creation API", category=DeprecationWarning)
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

# PettingZoo's `api_test` warns of dict observations and of infinite bounds, except for environments that it lists by name
# because theirs are meant so; Arena's are meant so too. A mask is all zeros for players who are out, as in its own poker.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{message}:UserWarning")
    for message in (
        "Observation space for each agent probably should be",
        "Observation is not a NumPy array",
        "Action mask numpy array is all zeros",
        "Agent's (min|max)imum observation space value is -?infinity",
        "Observation numpy array is all zeros",
        "Action space for each agent probably should be",
    )
]

TURNS = (
    "openspiel:connect_four",
    "openspiel:leduc_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:tiny_bridge_2p",
    "pettingzoo:connect_four_v3",
    "pettingzoo:leduc_holdem_v4",
    "pettingzoo:texas_holdem_v4(num_players=3)",
    "pettingzoo:hanabi_v5",
    "pettingzoo:tictactoe_v3",
    "arena:tic_tac_toe",
    "arena:connect_four",
    "arena:kuhn_poker",
)
AT_ONCE = (
    "openspiel:goofspiel(num_cards=4)",
    "openspiel:matrix_rps",
    "openspiel:oshi_zumo(coins=5)",
    "matrix:rps",
    "pettingzoo:rps_v2",
    "pettingzoo:pursuit_v5(max_cycles=6)",
    "pettingzoo:knights_archers_zombies_v11(max_cycles=20)",
)


def a_game(specification):
    if importlib.util.find_spec("arena.games.native") is None and specification.startswith("arena:"):
        pytest.skip("no native games")
    if importlib.util.find_spec("arena.games.matrix") is None and specification.startswith("matrix:"):
        pytest.skip("no matrix games")
    return load_game(specification)


def play(env, *, seed, choose=min):
    """(returns, final flags) of a match in which every player takes one of its legal actions."""
    env.reset(seed=seed)
    returns = dict.fromkeys(env.possible_agents, 0.0)
    flags = {}
    for agent in env.agent_iter():
        _, reward, termination, truncation, info = env.last()
        returns[agent] += reward
        flags[agent] = (termination, truncation)
        over = termination or truncation
        env.step(None if over else choose(np.flatnonzero(info["action_mask"]).tolist()))
    return list(returns.values()), flags


@pytest.mark.parametrize("specification", TURNS)
def test_games_of_turns_pass_pettingzoos_tests(specification):
    game = a_game(specification)
    env = to_pettingzoo(game)
    assert isinstance(env, AECEnv)
    api_test(env, num_cycles=30)
    seed_test(lambda: to_pettingzoo(game), num_cycles=30)


@pytest.mark.parametrize("specification", AT_ONCE)
def test_games_of_simultaneous_moves_pass_pettingzoos_tests(specification):
    game = a_game(specification)
    env = to_pettingzoo(game)
    assert isinstance(env, ParallelEnv)
    parallel_api_test(env, num_cycles=30)
    parallel_seed_test(lambda: to_pettingzoo(game), num_cycles=30)


@pytest.mark.parametrize("name", ["simple_spread_v3(continuous_actions=true)", "simple_crypto_v3"])
def test_boxes_pass_pettingzoos_tests(name):
    if importlib.util.find_spec("mpe2") is None:
        pytest.skip("mpe2 is not installed")
    parallel_api_test(to_pettingzoo(load_game(f"pettingzoo:{name}")), num_cycles=30)


@pytest.mark.parametrize("name", ["connect_four_v3", "tictactoe_v3"])
def test_a_round_trip_plays_as_the_original(name):
    import pettingzoo

    original = pettingzoo.make("aec", f"classic/{name}")
    returned = to_pettingzoo(load_game(f"pettingzoo:{name}"))
    for env in (original, returned):
        env.reset(seed=3)
    while not any(original.terminations.values()):
        agent = original.agent_selection
        assert original.possible_agents.index(agent) == returned.possible_agents.index(returned.agent_selection)
        seen, mine = original.observe(agent), returned.observe(returned.agent_selection)
        assert mine["observation"].tolist() == seen["observation"].ravel().tolist()
        assert mine["action_mask"].tolist() == seen["action_mask"].tolist()
        action = int(np.flatnonzero(seen["action_mask"])[-1])
        for env in (original, returned):
            env.step(action)
    for facts in ("rewards", "terminations", "truncations"):
        assert list(getattr(original, facts).values()) == list(getattr(returned, facts).values())
    assert any(original.rewards.values())


def test_rewards_add_up_to_the_returns_of_the_game():
    # both always take the first square that is free
    game = load_game("pettingzoo:tictactoe_v3")
    returns, flags = play(to_pettingzoo(game), seed=1)
    assert returns == [1, -1]  # 0, 2, 4, 6 against 1, 3, 5: the diagonal
    assert set(flags.values()) == {(True, False)}


def test_the_mask_is_that_of_the_player_to_move_and_stands_in_the_info_too():
    env = to_pettingzoo(load_game("pettingzoo:tictactoe_v3"))
    env.reset(seed=1)
    env.step(4)
    assert env.observe("player_1")["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert env.infos["player_1"]["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
    assert not env.observe("player_0")["action_mask"].any() and not env.infos["player_0"]["action_mask"].any()


def test_the_same_seed_begins_the_same_sequence_of_matches():
    game = load_game("pettingzoo:leduc_holdem_v4")

    def deals(env, seed):
        env.reset(seed=seed)
        found = []
        for _ in range(12):
            found.append(tuple(env.observe(env.agent_selection)["observation"].tolist()))
            env.reset()
        return found

    one, two = to_pettingzoo(game), to_pettingzoo(game)
    first = deals(one, 5)
    assert first == deals(one, 5) == deals(two, 5)
    assert first != deals(two, 6)
    assert len(set(first)) > 1  # a reset without a seed is another match
    assert deals(to_pettingzoo(game), None) != deals(to_pettingzoo(game), None)


@pytest.mark.parametrize("action", [0, -1, 9, 99])
def test_an_illegal_action_ends_the_match_and_costs_its_player(action):
    env = to_pettingzoo(load_game("pettingzoo:tictactoe_v3"))
    env.reset(seed=1)
    env.step(0)
    env.step(action)
    assert env.rewards == {"player_0": 0.0, "player_1": -1.0}
    assert all(env.terminations.values())
    env.step(None)
    env.step(None)
    assert env.agents == []
    env.reset()
    assert env.observe(env.agent_selection)["action_mask"].all()


def test_an_illegal_joint_move_costs_those_who_chose_illegally():
    env = to_pettingzoo(load_game("pettingzoo:rps_v2(max_cycles=4)"))
    env.reset(seed=1)
    _, rewards, terminations, truncations, _ = env.step({"player_0": 7, "player_1": 1})
    assert rewards == {"player_0": -4.0, "player_1": 0.0}
    assert all(terminations.values()) and not any(truncations.values()) and env.agents == []


def test_a_length_limit_is_a_truncation():
    env = to_pettingzoo(load_game("pettingzoo:rps_v2(max_cycles=2)"))
    env.reset(seed=1)
    env.step({"player_0": 1, "player_1": 0})
    _, rewards, terminations, truncations, _ = env.step({"player_0": 2, "player_1": 2})
    assert rewards == {"player_0": 1.0, "player_1": -1.0}
    assert not any(terminations.values()) and all(truncations.values())


def test_a_truncated_match_leaves_nothing_to_the_next():
    env = to_pettingzoo(load_game("pettingzoo:rps_v2(max_cycles=1)"))
    env.reset(seed=1)
    env.step({"player_0": 1, "player_1": 0})
    env.reset()
    _, _, terminations, truncations, _ = env.step({"player_0": 1, "player_1": 9})
    assert all(terminations.values()) and not any(truncations.values())


class Sparse:
    """Two rounds at once: player 1 sits out the second; a game of vectors where asked, without tensor or text."""

    def __init__(self, *, vectors):
        space = ActionSpace(kind="box", width=2) if vectors else ActionSpace(size=3)
        self.info = GameInfo(
            specification="unregistered:sparse",
            title="Sparse",
            version="1",
            num_players=2,
            action_space=space,
            dynamics="simultaneous",
            has_text=False,
        )

    def tables(self, capacity):
        assert capacity == 1
        return SparseTables(self.info)


class SparseTables:
    capacity = 1

    def __init__(self, info):
        self.info = info

    def start(self, table, chance_seed):
        self.joint = []
        return self._turn()

    def step(self, table, player, action):
        assert player.tolist() == [0, 1] and table.tolist() == [0, 0]
        self.joint.append(action.tolist())
        return self._turn()

    def _turn(self):
        due = ([0, 1], [0], [])[len(self.joint)]
        low, high = np.array([[-1.0, 0.0], [2.0, 3.0]]), np.array([[1.0, 0.0], [2.5, 4.0]])
        vectors = self.info.action_space.kind == "box"
        legal = (
            VectorLegal(low, high, False).take(np.array(due, np.int64)) if vectors else ListedLegal([[1, 2]] * len(due))
        )
        over = np.zeros(int(not due), np.int64)
        return Turn(np.zeros(len(due), np.int64), np.array(due, np.int64), legal, over, np.zeros((len(over), 2)))

    def history(self, table):
        return Ragged.of_lists([[]])

    def tensor(self, table, player):
        raise NotProvided("no tensor")


def test_a_player_who_has_nothing_to_choose_may_choose_nought_which_is_ignored():
    env = to_pettingzoo(Sparse(vectors=False))
    seen, _ = env.reset(seed=1)
    assert [seen[agent]["action_mask"].tolist() for agent in env.agents] == [[0, 1, 1], [0, 1, 1]]
    seen, _, _, _, infos = env.step({"player_0": 1, "player_1": 2})
    assert seen["player_0"]["action_mask"].tolist() == [0, 1, 1]
    assert seen["player_1"]["action_mask"].tolist() == infos["player_1"]["action_mask"].tolist() == [1, 0, 0]
    env.step({"player_0": 2, "player_1": 0})
    assert env.agents == []
    assert env._match._tables.joint == [[1, 2], [2, 0]]


def test_a_game_without_a_tensor_shows_who_is_asked():
    env = to_pettingzoo(Sparse(vectors=False))
    seen, _ = env.reset(seed=1)
    assert [seen[agent]["observation"].tolist() for agent in env.agents] == [[1, 0], [0, 1]]


def test_players_of_a_game_of_vectors_have_their_own_bounds():
    env = to_pettingzoo(Sparse(vectors=True))
    one, two = (env.action_space(agent) for agent in env.possible_agents)
    assert (one.low.tolist(), one.high.tolist()) == ([-1], [1])
    assert (two.low.tolist(), two.high.tolist()) == ([2, 3], [2.5, 4])
    env.reset(seed=1)
    env.step({"player_0": np.array([0.5]), "player_1": np.array([2.25, 3.5])})
    assert env._match._tables.joint == [[[0.5, 0.0], [2.25, 3.5]]]


def test_a_step_without_a_match_is_refused():
    for name in ("tictactoe_v3", "rps_v2"):
        env = to_pettingzoo(load_game(f"pettingzoo:{name}"))
        with pytest.raises(ArenaError, match="call reset"):
            env.step(0)


def test_the_environment_renders_as_text_and_names_its_game():
    env = to_pettingzoo(load_game("pettingzoo:chess_v6"))
    env.reset(seed=1)
    assert env.render().splitlines()[0] == "r n b q k b n r"
    assert str(env) == "pettingzoo:chess_v6"


def test_environments_come_back_from_a_pickle():
    env = pickle.loads(pickle.dumps(to_pettingzoo(load_game("pettingzoo:tictactoe_v3"))))
    assert play(env, seed=1)[0] == [1, -1]


def test_pettingzoo_is_imported_when_it_is_asked_for():
    code = (
        "import sys, arena.games\n"
        "assert 'pettingzoo' not in sys.modules\n"
        "import arena.games.pettingzoo_env\n"
        "from arena.games import to_pettingzoo, from_pettingzoo\n"
        "from arena.games import to_pettingzoo as again\n"
        "assert callable(to_pettingzoo) and callable(from_pettingzoo) and again is to_pettingzoo\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
