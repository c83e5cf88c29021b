"""People's own PettingZoo environments: spaces of all kinds, players who drop out, truncation, masks in odd places."""

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv

from arena.games import GameMissing, from_pettingzoo
from arena.games.conformance import check_game
from arena.games.pettingzoo_spaces import flatten_of, text_of


class Rounds(AECEnv):
    """Players in turn, three rounds; player_1 drops out after the first with a reward, the others are truncated."""

    def __init__(self, *action_spaces, masks=None, observation_space=None):
        self.possible_agents = [f"player_{i}" for i in range(len(action_spaces))]
        self._actions = dict(zip(self.possible_agents, action_spaces, strict=True))
        self._observed = observation_space or spaces.Box(0, 9, (2,), np.float32)
        self._masks = masks
        self.taken = []

    def observation_space(self, agent):
        return self._observed

    def action_space(self, agent):
        return self._actions[agent]

    def observe(self, agent):
        return np.array([self.round, self.possible_agents.index(agent)], np.float32)

    def reset(self, seed=None, options=None):
        self.round = 0
        self.taken.clear()
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {a: {} if self._masks is None else {"action_mask": self._masks} for a in self.agents}
        self.agent_selection = self.agents[0]

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.taken.append(action)
        self._cumulative_rewards[agent] = 0
        self._clear_rewards()
        living = list(self.agents)
        if agent == living[-1]:
            self.round += 1
            self.rewards = dict.fromkeys(living, 1)
            if self.round == 1 and "player_1" in living:
                self.rewards["player_1"] = 7
                self.terminations["player_1"] = True
            if self.round == 3:
                self.truncations = dict.fromkeys(living, True)
        self.agent_selection = living[(living.index(agent) + 1) % len(living)]
        self._accumulate_rewards()
        self._deads_step_first()


class Together(ParallelEnv):
    """Players at once; each is paid the sum of its own action, and player_0 leaves after the first round."""

    def __init__(self, *action_spaces):
        self.possible_agents = [f"player_{i}" for i in range(len(action_spaces))]
        self._actions = dict(zip(self.possible_agents, action_spaces, strict=True))
        self.taken = []

    def observation_space(self, agent):
        return spaces.Discrete(4)

    def action_space(self, agent):
        return self._actions[agent]

    def reset(self, seed=None, options=None):
        self.round = 0
        self.taken.clear()
        self.agents = list(self.possible_agents)
        return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        self.taken.append(actions)
        self.round += 1
        over = {agent: self.round == 3 or agent == "player_0" for agent in self.agents}
        rewards = {agent: float(np.sum(action)) for agent, action in actions.items()}
        seen = dict.fromkeys(self.agents, self.round)
        infos = {agent: {} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not over[agent]]
        return seen, rewards, over, dict.fromkeys(over, False), infos


def game_of(constructor, **more):
    return from_pettingzoo(constructor, specification="unregistered:own", **more)


def test_a_player_who_drops_out_keeps_its_rewards_and_is_asked_no_more():
    tables = game_of(lambda: Rounds(*[spaces.Discrete(2)] * 3)).tables(1)
    turn = tables.start(np.array([0]), np.array([1], np.uint64))
    asked = []
    while len(turn.table):
        asked.append(int(turn.player[0]))
        turn = tables.step(turn.table, turn.player, np.array([1]))
    assert asked == [0, 1, 2, 0, 2, 0, 2]
    assert turn.returns.tolist() == [[3, 7, 3]]
    assert turn.truncated.tolist() == [True]


def test_two_matches_at_once_have_environments_of_their_own():
    tables = game_of(lambda: Rounds(*[spaces.Discrete(2)] * 3)).tables(2)
    tables.start(np.array([0, 1]), np.array([1, 2], np.uint64))
    tables.step(np.array([1]), np.array([0]), np.array([1]))
    assert [row.tolist() for row in map(tables.history(np.array([0, 1])).row, range(2))] == [[], [1]]


@pytest.mark.parametrize(
    "action_spaces",
    [
        [spaces.Discrete(2), spaces.Discrete(5), spaces.Discrete(3, start=-4)],
        [spaces.MultiDiscrete([2, 3]), spaces.MultiDiscrete([[4, 2], [3, 3]]), spaces.MultiBinary(3)],
        [spaces.MultiDiscrete([2, 3], start=[5, -1]), spaces.Discrete(4, start=2), spaces.Box(0, 9, (2,), np.int16)],
        [spaces.Box(-1, 1, (2,)), spaces.Box(0, 3, (2, 2)), spaces.Box(-np.inf, np.inf, (1,), np.float64)],
    ],
    ids=["discrete", "multi-discrete", "whole", "box"],
)
@pytest.mark.parametrize("kind", [Rounds, Together])
def test_environments_get_actions_of_their_own_spaces(kind, action_spaces):
    made = []

    def constructor():
        made.append(kind(*action_spaces))
        return made[-1]

    game = game_of(constructor)
    check_game(game, matches=3)
    assert game.info.simultaneous == (kind is Together)
    taken = [action for env in made for action in env.taken]
    if kind is Together:
        for actions in taken:
            for agent, action in actions.items():
                assert made[0].action_space(agent).contains(action)
    else:
        order = [action_spaces[i] for i in (0, 1, 2, 0, 2, 0, 2)]
        complete = [env.taken for env in made if len(env.taken) == len(order)]
        assert complete
        for match in complete:
            assert all(space.contains(action) for space, action in zip(order, match, strict=True))


def test_a_player_who_has_left_is_due_no_more_and_its_row_is_ignored():
    game = game_of(lambda: Together(*[spaces.Discrete(3)] * 3))
    tables = game.tables(1)
    turn = tables.start(np.array([0]), np.array([1], np.uint64))
    assert turn.player.tolist() == [0, 1, 2]
    for joint in ([2, 1, 0], [0, 2, 1], [0, 0, 2]):
        turn = tables.step(np.zeros(3, np.int64), np.arange(3), np.array(joint))
        assert turn.player.tolist() in ([1, 2], [])
    assert turn.returns.tolist() == [[2, 3, 3]]
    assert turn.truncated.tolist() == [False]
    assert tables.history(np.array([0])).row(0).tolist() == [2, 1, 0, 0, 2, 1, 0, 0, 2]


def test_joint_moves_come_in_any_order_of_rows():
    tables = game_of(lambda: Together(*[spaces.Discrete(3)] * 2)).tables(2)
    tables.start(np.array([0, 1]), np.array([1, 2], np.uint64))
    tables.step(np.array([1, 0, 0, 1]), np.array([1, 1, 0, 0]), np.array([1, 2, 0, 2]))
    history = tables.history(np.array([0, 1]))
    assert [history.row(0).tolist(), history.row(1).tolist()] == [[0, 2], [2, 1]]


def test_a_mask_in_the_info_is_kept():
    mask = np.array([0, 1, 1, 0], np.int8)
    tables = game_of(lambda: Rounds(*[spaces.Discrete(4)] * 2, masks=mask)).tables(1)
    turn = tables.start(np.array([0]), np.array([1], np.uint64))
    assert turn.legal.lists() == [[1, 2]]


def test_a_mask_without_any_one_allows_the_first_action():
    tables = game_of(lambda: Rounds(*[spaces.Discrete(4)] * 2, masks=np.zeros(4, np.int8))).tables(1)
    assert tables.start(np.array([0]), np.array([1], np.uint64)).legal.lists() == [[0]]


@pytest.mark.parametrize(
    ("constructor", "why"),
    [
        (lambda: Rounds(spaces.Discrete(2), spaces.Box(0, 1, (2,))), "others real ones"),
        (lambda: Rounds(spaces.Text(5), spaces.Text(5)), "discrete, multi-discrete and box"),
        (lambda: Rounds(spaces.MultiDiscrete([2, 2]), masks=(np.ones(2), np.ones(2))), "masks vectors"),
        (lambda: Rounds(), "not known before"),
    ],
)
def test_what_arena_cannot_play_is_refused_with_the_reason(constructor, why):
    with pytest.raises(GameMissing, match=f"unregistered:own cannot be played: .*{why}"):
        game_of(constructor)


def test_a_game_without_numbers_to_see_has_no_tensor():
    game = game_of(lambda: Rounds(spaces.Discrete(2), observation_space=spaces.Sequence(spaces.Discrete(2))))
    assert game.info.tensor_width is None


@pytest.mark.parametrize(
    ("space", "seen", "flat"),
    [
        (spaces.Box(0, 1, (2, 2), np.int8), np.array([[1, 2], [3, 4]]), [1, 2, 3, 4]),
        (spaces.Discrete(3, start=5), np.int64(6), [0, 1, 0]),
        (spaces.MultiBinary(3), np.array([1, 0, 1], np.int8), [1, 0, 1]),
        (spaces.MultiDiscrete([2, 3]), np.array([1, 2]), [0, 1, 0, 0, 1]),
        (spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(0, 9, (1,))}), {"a": 1, "b": np.ones(1)}, [0, 1, 1]),
        (
            spaces.Dict({"a": spaces.Discrete(2), "action_mask": spaces.Box(0, 1, (2,), np.int8)}),
            {"a": 0},
            [1, 0],
        ),
        (spaces.Dict({"observation": spaces.Discrete(2), "action_mask": spaces.MultiBinary(2)}), 1, [0, 1]),
    ],
)
def test_observations_flatten(space, seen, flat):
    width, flatten = flatten_of(space)
    assert width == len(flat) and flatten(seen).dtype == np.float32
    assert flatten(seen).tolist() == flat


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (3, "3"),
        (np.array(2), "2"),
        ("cold", "cold"),
        (np.array([0, 1, 0, 1]), "4 of zeros, ones at 1, 3"),
        (np.zeros(3), "3 of zeros"),
        (np.array([0.5, 2.0]), "[0.5, 2. ]"),
        ({"heat": 1, "bits": np.array([1, 0])}, "heat: 1\nbits: 2 of zeros, ones at 0"),
    ],
)
def test_observations_in_words(seen, text):
    assert text_of(seen) == text


def test_planes_that_overlap_are_no_board():
    planes = np.zeros((2, 2, 2), np.int8)
    planes[0, 0] = planes[1, 0, 1] = 1
    assert text_of(planes) == "2 x 2 x 2 of zeros, ones at (0, 0, 0), (0, 0, 1), (1, 0, 1)"
    planes[0, 0, 1] = 0
    assert text_of(planes).splitlines()[:2] == ["0 .", "1 ."]


def test_large_observations_are_shortened():
    assert len(text_of(np.arange(100_000))) < 200
    assert text_of(np.ones(2_000)).endswith("and 1600 more")
