"""Learning for teams: what is seen, that training is deterministic and can be resumed, and that teams learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from arena.agents.network_file import load_network
from arena.games import NotProvided, SpecificationError, load_game
from arena.games.seeds import counter_hash
from arena.games.smax.rules import OWN_FEATURES
from arena.playing import play
from arena.solvers.learning import methods, train
from arena.solvers.learning.environment import Facts, Happened, Seen
from arena.solvers.learning.experience import draw
from arena.solvers.learning.methods import METHODS
from arena.solvers.learning.networks import Architecture
from arena.solvers.learning.ppo import PPO
from arena.solvers.learning.pqn import PQN, PQNSettings, Steps, loss
from arena.solvers.learning.smax_teams import SmaxTeams, rules_of
from arena.training import save_trained

SMAX = load_game("smax:3m")
TEAMS = ("ippo", "mappo", "pqn_vdn")
SHORT = {"steps": 2048, "tables": 16, "hidden": (16,), "measured": False}


class Signals:
    """Matches of two steps: both players see the same of three signals, and earn 1 once both have named it both times.

    The fourth action is never legal; whoever is wrong first decides nothing more in the match.
    """

    def __init__(self, tables=32, *, central=False):
        self.facts = Facts(tables=tables, seats=2, players=2, inputs=4, actions=4, state=4 if central else 0)
        self.count, self.right = 0, torch.ones(tables, 2, dtype=torch.bool)

    def seen(self):
        tables = self.facts.tables
        words = counter_hash(np.uint64(1), np.full(tables, self.count), np.arange(tables))
        self.signal = torch.from_numpy((words % np.uint64(3)).astype(np.int64))
        shown = torch.cat((torch.nn.functional.one_hot(self.signal, 3), torch.full((tables, 1), self.count % 2)), 1)
        return Seen(
            observation=shown.float()[:, None].repeat(1, 2, 1),
            state=shown.float()[:, None, : self.facts.state].repeat(1, 2, 1),
            legal=torch.tensor([True, True, True, False]).repeat(tables, 2, 1),
            player=torch.arange(2).repeat(tables, 1),
            acting=self.right.clone(),
        )

    def step(self, action):
        assert (action[self.right] < 3).all(), "an illegal action"
        self.right &= action == self.signal[:, None]
        self.count += 1
        over = torch.full((self.facts.tables,), self.count % 2 == 0)
        reward = (self.right.all(1) & over).float()
        self.right |= over[:, None]
        return Happened(reward=reward[:, None].repeat(1, 2), over=over)

    def arrays(self):
        return {"count": np.array([self.count]), "right": self.right.numpy().copy()}

    def restore(self, arrays):
        self.count, self.right = int(arrays["count"][0]), torch.from_numpy(arrays["right"].copy())


def weights(trained):
    return torch.cat([one.flatten() for one in trained.policy.network.parameters()])


def share_right(learner):
    """How often both players name the signal."""
    seen = learner.environment.seen()
    legal, nothing = seen.legal.flatten(0, 1), torch.zeros(seen.player.numel(), 0)
    chances, _ = learner.policy().answers(seen.observation.flatten(0, 1), legal, nothing)
    named = chances.argmax(1).reshape(seen.player.shape) == learner.environment.signal[:, None]
    return float(named.all(1).float().mean())


def test_pqn_learns_to_coordinate():
    learner = PQN(Signals(), (32,), PQNSettings(learning_rate=3e-3, rollout=8), planned=40, seed=0)
    losses = [learner.update(number)["loss"] for number in range(40)]
    assert share_right(learner) == 1.0
    assert losses[-1] < losses[0]


def test_ppo_with_shared_weights_learns_to_coordinate():
    settings = replace(METHODS["ippo"].settings, rollout=8, minibatches=2, learning_rate=5e-3)
    learner = PPO(Signals(), Architecture(inputs=4, actions=4, hidden=(32,)), settings, planned=40, seed=0)
    for number in range(40):
        learner.update(number)
    assert share_right(learner) == 1.0


@pytest.mark.parametrize("method", TEAMS)
def test_a_team_beats_random_play(method, monkeypatch):
    """Random play wins one match of 81: of 640 more than 22 with a chance below 1e-5."""
    monkeypatch.setattr(methods, "_teams", lambda plan, *, central: Signals(plan.tables, central=central))
    plan = methods.Plan(
        game=SMAX,
        played=SMAX,
        steps=10_240,
        tables=32,
        hidden=(32,),
        memory=0,
        precision="float32",
        opponent=None,
        seed=0,
        device=torch.device("cpu"),
    )
    settings = replace(METHODS[method].settings, rollout=8, minibatches=2, learning_rate=5e-3)
    learner = METHODS[method].learner(plan, settings)
    for number in range(plan.updates(8)):
        learner.update(number)
    tables, policy, words, wins = Signals(), learner.policy(), torch.Generator().manual_seed(0), 0
    for _ in range(40):
        seen = tables.seen()
        chances, _ = policy.answers(seen.observation.flatten(0, 1), seen.legal.flatten(0, 1), torch.zeros(64, 0))
        wins += int(tables.step(draw(chances.log(), seen.legal.flatten(0, 1), words).reshape(32, 2)).reward[:, 0].sum())
    assert wins > 22


def test_the_loss_of_pqn_is_the_squared_error_of_the_sum_over_those_who_act():
    words = torch.Generator().manual_seed(0)
    values = torch.nn.Linear(3, 4)
    steps = Steps(
        observation=torch.randn(6, 2, 3, generator=words),
        acting=torch.tensor([[True, True], [True, False]] * 3),
        action=torch.randint(4, (6, 2), generator=words),
        target=torch.randn(6, generator=words),
    )
    rows, errors = torch.tensor([4, 1, 3]), []
    for row in rows.tolist():
        total = 0.0
        for seat in range(2):
            if steps.acting[row, seat]:
                total += float(values(steps.observation[row, seat])[steps.action[row, seat]].detach())
        errors.append((total - float(steps.target[row])) ** 2)
    assert float(loss(values, steps, rows).detach()) == pytest.approx(sum(errors) / 3, rel=1e-5)


def test_targets_of_pqn_are_lambda_returns_of_the_best_values_of_those_who_act():
    learner = PQN(Signals(4), (8,), PQNSettings(rollout=4, discount=0.9, trace=0.5), planned=1, seed=0)
    steps = learner.gather(0.3)
    twin = Signals(4)
    best, rewards = [], []
    for t in range(5):
        seen = twin.seen()
        values = learner.values(seen.observation)[..., :3].max(-1).values * seen.acting
        best.append(values.sum(1).detach())
        if t < 4:
            rewards.append(twin.step(steps.action.reshape(4, 4, 2)[t]).reward[:, 0])
    second = rewards[3]
    first = rewards[2] + 0.9 * (0.5 * best[3] + 0.5 * second)
    torch.testing.assert_close(steps.target.reshape(4, 4)[2:], torch.stack((first, second)))


@pytest.mark.parametrize("method", TEAMS)
def test_only_legal_actions_are_played(method, monkeypatch):
    played, step = [], SmaxTeams.step

    def seen_first(self, action):
        now = self.seen()
        played.append(bool(now.legal.gather(2, action[..., None])[now.acting].all()))
        return step(self, action)

    monkeypatch.setattr(SmaxTeams, "step", seen_first)
    train(method, SMAX, **SHORT)
    assert len(played) == 128 and all(played)


def test_an_interrupted_team_that_remembers_ends_as_one_that_was_not(tmp_path):
    calls = []

    def watch(steps, told):
        calls.append(steps)
        if len(calls) == 2:
            raise KeyboardInterrupt

    kept = tmp_path / "run.npz"
    run = {**SHORT, "tables": 8, "steps": 512, "memory": 8, "settings": {"rollout": 16, "minibatches": 2}}
    with pytest.raises(KeyboardInterrupt):
        train("ippo", SMAX, checkpoint=kept, watch=watch, **run)
    resumed = train("ippo", SMAX, checkpoint=kept, watch=watch, **run)
    assert len(calls) < 2 + resumed.updates
    assert torch.equal(weights(train("ippo", SMAX, **run)), weights(resumed))


def test_pqn_learns_in_bfloat16_from_float32_weights():
    once = {**SHORT, "steps": 512}
    mixed, single = (weights(train("pqn_vdn", SMAX, precision=one, **once)) for one in ("bfloat16", "float32"))
    assert mixed.dtype == torch.float32
    assert not torch.equal(mixed, single)


@pytest.mark.parametrize("greedy", [False, True])
def test_what_is_played_is_drawn_or_the_likeliest(greedy):
    policy = train("ippo", SMAX, settings={"greedy": greedy}, **SHORT).policy
    words = torch.Generator().manual_seed(0)
    read, legal = torch.rand(50, SMAX.info.tensor_width, generator=words), torch.rand(50, 8, generator=words) < 0.5
    legal[:, 4] = True
    chances, _ = policy.answers(read, legal, torch.zeros(50, 0))
    drawn = torch.softmax(policy.network.actor(read).detach().double().masked_fill(~legal, -torch.inf), 1)
    likeliest = torch.nn.functional.one_hot(drawn.argmax(1), 8).double()
    torch.testing.assert_close(chances, likeliest if greedy else drawn)


def test_teams_of_other_sizes_sit_on_the_seats_of_the_larger_one():
    tables = SmaxTeams(rules_of(load_game("smax:5m_vs_6m")), 5, seed=0, central=True)
    seen = tables.seen()
    assert seen.acting.sum(1).tolist() == [5, 5, 5, 6, 6]
    assert seen.observation.shape == (5, 6, tables.facts.inputs) and seen.state.shape == (5, 6, tables.facts.state)
    assert (seen.observation[:3, 5] == 0).all() and not seen.legal[:3, 5].any()


def test_the_state_says_which_team_reads_it_and_what_no_unit_sees():
    rules = rules_of(SMAX)
    tables = SmaxTeams(rules, 4, seed=0, central=True)
    state = tables.seen().state
    assert (state[:, 0] == state[:, 2]).all() and (state.abs() <= 1).all()
    assert state[:, 0, -2:].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    positions = state[:2, 0, : 6 * OWN_FEATURES].reshape(2, 6, OWN_FEATURES)[..., 1:3]
    torch.testing.assert_close(positions, tables.sides[0].state.position / rules.size)


def test_both_sides_meet_other_matches_and_their_wins_are_their_own():
    tables, plays, overs = SmaxTeams(rules_of(SMAX), 64, seed=0, central=False), 0, 0
    stop = torch.full((64, 3), 4)
    for _ in range(40):
        happened = tables.step(stop)
        overs += int(happened.over.sum())
        plays += int(tables.won.sum())
    first, second = (side.state.position for side in tables.sides)
    assert overs > 64 and plays < overs / 10  # who stands still is shot
    assert not torch.equal(first, second)


def test_broken_arrays_of_matches_are_refused():
    tables = SmaxTeams(rules_of(SMAX), 4, seed=0, central=False)
    arrays = tables.arrays()
    with pytest.raises(SpecificationError, match="of the matches must have the shape"):
        tables.restore({name: array for name, array in arrays.items() if not name.endswith("health")})


@pytest.mark.parametrize("method", TEAMS)
def test_only_smax_has_teams_to_learn(method):
    with pytest.raises(NotProvided, match="teams learn SMAX"):
        train(method, load_game("arena:kuhn_poker"), **SHORT)


def test_a_trained_team_plays_matches_as_well_as_was_measured(tmp_path):
    trained = train("pqn_vdn", SMAX, steps=12_000, tables=32, hidden=(32,), settings={"exploring": 0.5})
    share = 1 - trained.gap
    assert trained.gap == trained.history[-1][1] and trained.matches == 1000
    assert share > 0.02  # random play wins no match
    save_trained(trained, tmp_path / "team.safetensors", game=SMAX)
    assert load_network(tmp_path / "team.safetensors").choice == "greedy"
    team = f"checkpoint:{tmp_path / 'team.safetensors'}"
    sides = [
        play("smax:3m", pair, matches=300, seed=1) for pair in ([team, "scripted:closest"], ["scripted:closest", team])
    ]
    wins = np.mean([(found.returns[:, seat] > 0).mean() for found, seat in zip(sides, (0, 3), strict=True)])
    assert wins == pytest.approx(share, abs=4 * (share * (1 - share) * (1 / 600 + 1 / trained.matches)) ** 0.5)
