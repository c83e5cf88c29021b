"""Networks that remember: in matches they play what they were trained to play, whoever else is asked, and trees measure them."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from arena.agents.network import RecurrentAgent
from arena.agents.network_file import load_network, save_network
from arena.agents.network_form import gru
from arena.agents.registry import load_agent
from arena.config import make_config
from arena.games import NotProvided, SpecificationError, TabularPolicy, load_game
from arena.games.compile_tree import compile_tree
from arena.games.observation import reads_of, width_of
from arena.ledger import Ledger
from arena.playing import play
from arena.solvers import expected_returns, nash_conv
from arena.solvers.learning import NetworkPolicy
from arena.solvers.learning.experience import Decisions, Experience
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.minibatches import unrolled
from arena.solvers.learning.networks import ActorCritic, Architecture
from arena.solvers.learning.returns import Worth
from arena.solvers.policy_table import tabulate
from arena.tournament import run_tournament

LEDUC = "openspiel:leduc_poker"
MEMORY = 12


@pytest.fixture(scope="module")
def leduc():
    return load_game(LEDUC)


def learner(game, *, seed=3):
    """A network of a learner that chooses and remembers strongly."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width = width_of(game.info, reads_of(game.info))
        network = ActorCritic(Architecture(inputs=width, actions=game.info.num_actions, hidden=(16,), memory=MEMORY))
        torch.nn.init.normal_(network.actor[0].weight, std=2.0)
    return network


@pytest.fixture(scope="module")
def network(leduc):
    return learner(leduc)


@pytest.fixture
def checkpoint(leduc, network, tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(network.acting(), path, game=leduc, reads="information_state")
    return path


class Recorder(RecurrentAgent):
    """Writes down what it read and with which probabilities it played."""

    def __init__(self, network):
        super().__init__(network)
        self.rows = []

    def probabilities_after(self, batch, memory):
        found = super().probabilities_after(batch, memory)
        read = batch.read(self.network.reads)
        for row in range(len(batch)):
            where = (int(batch.match_seed[row]), int(batch.player[row]), int(batch.ply[row]))
            self.rows.append((where, read[row], batch.legal.mask(batch.game.num_actions)[row], found[0][row]))
        return found


def test_in_a_match_it_plays_what_unrolled_says_in_training(leduc, network, checkpoint):
    agents = [Recorder(load_network(checkpoint)) for _ in range(2)]
    play(leduc, agents, matches=40, seed=1)
    rows = {where: rest for agent in agents for where, *rest in agent.rows}
    seats = sorted({(match, player) for match, player, _ in rows})
    steps = 1 + max(ply for _, _, ply in rows)
    assert steps >= 3
    width, actions = len(next(iter(rows.values()))[0]), leduc.info.num_actions
    observation = torch.zeros(steps, len(seats), 1, width)
    acting = torch.zeros(steps, len(seats), 1, dtype=torch.bool)
    played = torch.zeros(steps, len(seats), 1, actions)
    legal = torch.ones(steps, len(seats), 1, actions, dtype=torch.bool)
    for (match, player, ply), (read, allowed, chances) in rows.items():
        at = (ply, seats.index((match, player)), 0)
        observation[at], legal[at] = torch.from_numpy(read), torch.from_numpy(allowed)
        acting[at], played[at] = True, torch.from_numpy(chances)
    nothing = torch.zeros(steps, len(seats), 1)
    experience = Experience(
        decisions=Decisions(
            observation=observation,
            state=torch.zeros(steps, len(seats), 1, 0),
            legal=legal,
            player=torch.zeros(steps, len(seats), 1, dtype=torch.int64),
            acting=acting,
            action=nothing.long(),
            logs=nothing,
            value=nothing,
            before=torch.zeros(steps, len(seats), 1, MEMORY),
        ),
        worth=Worth(nothing, nothing, acting),
        memory=torch.zeros(len(seats), 1, MEMORY),
        over=torch.zeros(steps, len(seats), dtype=torch.bool),
        waiting=0,
    )
    logits, _ = unrolled(network, experience, torch.arange(len(seats)))
    expected = torch.softmax(torch.where(legal, logits, -1e9), -1)
    torch.testing.assert_close(played[acting], expected[acting].detach(), atol=1e-5, rtol=0)


def test_matches_are_equal_at_one_table_and_at_ten(leduc, checkpoint, play_at):
    """Interleaved matches do not mix memories, nor is one left over from the match before."""
    agents = [load_agent(f"checkpoint:{checkpoint}", game=leduc) for _ in range(2)]
    one, ten = (play_at(leduc, agents, tables=tables, matches=30) for tables in (1, 10))
    assert one.equals(ten)


def test_one_agent_in_both_seats_has_two_memories(leduc, checkpoint):
    agent, other = (load_agent(f"checkpoint:{checkpoint}", game=leduc) for _ in range(2))
    alone, apart = play(leduc, [agent, agent], matches=30), play(leduc, [agent, other], matches=30)
    assert alone.equals(apart)


def test_what_it_remembers_matters(leduc, checkpoint):
    class Forgetful(RecurrentAgent):
        def probabilities_after(self, batch, memory):
            return super().probabilities_after(batch, np.zeros_like(memory))

    kept, forgot = (kind(load_network(checkpoint)) for kind in (RecurrentAgent, Forgetful))
    assert not play(leduc, [kept, kept], matches=60).equals(play(leduc, [forgot, forgot], matches=60))


def test_a_tournament_with_it_is_recorded_and_played_again_to_the_same(leduc, checkpoint, tmp_path):
    config = make_config(
        {"name": "cup", "game": LEDUC, "agents": [f"checkpoint:{checkpoint}", "random"], "matches": 24}
    )
    histories = []
    for name in ("one.db", "two.db"):
        with Ledger.open(tmp_path / name) as ledger:
            run_tournament(config, ledger)
            tournament = ledger.tournament("cup")
            assert tournament.status == "finished"
            histories.append([ledger.match(tournament, k).actions.tolist() for k in range(24)])
    assert histories[0] == histories[1]


def test_learners_play_against_one_as_matches_do(leduc, checkpoint):
    opponent = Recorder(load_network(checkpoint))
    tables = MatchTables(leduc, 2, seed=0, opponent=opponent)
    words = torch.Generator().manual_seed(0)
    for _ in range(60):
        tables.step((tables.seen().legal * torch.rand(2, 1, 3, generator=words)).argmax(-1))
    told = set()
    for (match, player, ply), _, _, _ in opponent.rows:
        assert (ply == 0) == ((match, player) not in told)
        told.add((match, player))
    assert len(told) > 20


@pytest.mark.parametrize("game", ["openspiel:kuhn_poker", LEDUC, "openspiel:goofspiel(num_cards=3)", "matrix:rps"])
def test_its_nash_conv_is_that_of_what_it_plays(game, tmp_path):
    loaded = load_game(game)
    reads = reads_of(loaded.info)
    save_network(learner(loaded).acting(), tmp_path / "net", game=loaded, reads=reads)
    agent = load_agent(f"checkpoint:{tmp_path / 'net'}", game=loaded)
    policy = NetworkPolicy(learner(loaded))
    assert nash_conv(loaded, agent) == pytest.approx(nash_conv(loaded, policy), abs=1e-5)
    assert nash_conv(loaded, agent) > 0.01


def test_what_trees_say_of_it_is_what_matches_show(leduc, checkpoint):
    agent = load_agent(f"checkpoint:{checkpoint}", game=leduc)
    table = tabulate(leduc, agent)
    returns = play(leduc, [agent, agent], matches=4000, seed=2).returns[:, 0]
    error = returns.std() / len(returns) ** 0.5
    assert abs(returns.mean() - expected_returns(leduc, table)[0]) < 4 * error
    uniform = TabularPolicy(LEDUC, {})
    assert max(abs(p - 1 / len(row)) for row in table.table.values() for p in row.values()) > 0.2
    assert expected_returns(leduc, table) != expected_returns(leduc, uniform)


def test_memories_of_forced_moves_that_a_tree_leaves_out_are_not_measured_wrongly(leduc, network):
    tree = compile_tree(leduc)
    later = dataclasses.replace(tree, depth=tree.depth - (tree.depth > 0))  # as if one decision had been forced
    with pytest.raises(NotProvided, match="forced moves"):
        nash_conv(later, NetworkPolicy(network))


def test_logits_that_overflow_forfeit_the_match(leduc, checkpoint):
    network = load_network(checkpoint)
    with torch.no_grad():
        network.module["actor"][0].weight.fill_(3e38)
        network.module["actor"][0].bias.fill_(3e38)
    results = play(leduc, [RecurrentAgent(network), "random"], matches=1)
    assert results.faults[0].message.endswith("logits that are not finite")


def test_a_network_that_remembers_comes_back_bit_for_bit(leduc, tmp_path):
    width = leduc.info.information_state_width
    module = gru([width, 16, 8, 3], memory=5, activation="relu", seed=1)
    save_network(module, tmp_path / "n", game=leduc, choice="greedy", reads="information_state")
    network = load_network(tmp_path / "n")
    assert (network.memory, network.sizes, network.activation, network.choice) == (
        5,
        (width, 16, 8, 3),
        "relu",
        "greedy",
    )
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, network.module.state_dict()[name])


def changed(path, *, weights=None, header=None):
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        told = json.loads(file.metadata()["arena"]) | (header or {})
    kept = {name: tensor for name, tensor in (load_file(path) | (weights or {})).items() if tensor is not None}
    save_file(kept, path, metadata={"arena": json.dumps(told)})
    return path


@pytest.mark.parametrize(
    ("weights", "header", "message"),
    [
        ({}, {"memory": 0}, "memory must be a whole number above 0"),
        ({}, {"memory": True}, "memory must be"),
        ({}, {"memory": 2**40}, "must be float32"),
        ({}, {"kind": "mlp"}, "of a gru alone"),
        ({}, {"kind": "mlp", "memory": 0}, "need weights '0.bias'"),
        ({}, {"sizes": [30, 3]}, "3 or more whole numbers"),
        ({"memory.weight_hh": None}, {}, "need weights 'memory.weight_hh'"),
        ({"memory.bias_ih": torch.full((3 * MEMORY,), float("inf"))}, {}, "not finite"),
        ({"memory.weight_ih": torch.zeros(MEMORY, 16)}, {}, "'memory.weight_ih' must be float32 [36, 16]"),
    ],
)
def test_broken_files_are_refused(checkpoint, weights, header, message):
    with pytest.raises(SpecificationError) as caught:
        load_network(changed(checkpoint, weights=weights, header=header))
    assert message in str(caught.value)
