"""Checkpoints of several networks: who is drawn, that files come back as they were written, and which are refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from arena import play
from arena.agents import load_agent, mlp, save_network
from arena.agents.network import NetworkAgent
from arena.agents.network_file import load_network
from arena.agents.network_mixture import load_checkpoint, save_mixture
from arena.games import MixturePolicy, SpecificationError, load_game
from arena.solvers import nash_conv

KUHN = load_game("openspiel:kuhn_poker")
WEIGHTS = [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]


def networks():
    return [mlp([KUHN.info.tensor_width, 8, KUHN.info.num_actions], seed=seed) for seed in range(3)]


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "population.safetensors"
    save_mixture(networks(), WEIGHTS, path, game=KUHN)
    return path


def test_the_agent_of_a_mixture_is_measured_as_its_members_drawn_once_a_match(checkpoint, tmp_path):
    members = []
    for k, module in enumerate(networks()):
        save_network(module, tmp_path / f"{k}.safetensors", game=KUHN)
        members.append(NetworkAgent(load_network(tmp_path / f"{k}.safetensors")))
    agent = load_agent(f"checkpoint:{checkpoint}", game=KUHN)
    assert nash_conv(KUHN, agent) == nash_conv(KUHN, MixturePolicy(members, WEIGHTS))


def test_a_match_is_the_same_whatever_is_played_beside_it(checkpoint):
    few, many = (play(KUHN, [f"checkpoint:{checkpoint}", "random"], matches=count, seed=3) for count in (7, 60))
    assert np.array_equal(many.returns[: len(few)], few.returns)
    assert (many.forfeit == -1).all()


def test_weights_come_back_bit_for_bit(checkpoint):
    mixture = load_checkpoint(checkpoint)
    assert mixture.weights == tuple(map(tuple, WEIGHTS))
    for module, member in zip(networks(), mixture.members, strict=True):
        for name, weight in module.state_dict().items():
            assert weight.equal(member.module.state_dict()[name])


def test_members_of_several_forms_are_refused(tmp_path):
    other = mlp([KUHN.info.tensor_width, 9, KUHN.info.num_actions])
    with pytest.raises(SpecificationError, match="one form"):
        save_mixture([networks()[0], other], [[0.5, 0.5]] * 2, tmp_path / "n", game=KUHN)
    assert not (tmp_path / "n").exists()


def changed(path, *, header=None, tensors=None):
    with safe_open(path, framework="np") as file:
        told = json.loads(file.metadata()["arena"])
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    told = {name: value for name, value in {**told, **(header or {})}.items() if value is not None}
    held = {name: value for name, value in {**held, **(tensors or {})}.items() if value is not None}
    save_file(held, path, metadata={"arena": json.dumps(told)})
    return path


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"version": 5}, "update Arena"),
        ({"version": None}, "version 4"),
        ({"member": None}, "member must be a JSON object"),
        ({"member": {}}, "its version"),
        ({"weights": None}, "row for each player"),
        ({"weights": []}, "row for each player"),
        ({"weights": [[0.5, 0.5], [0.5, 0.5]]}, "3 numbers"),
        ({"weights": [[1.5, -0.5, 0.0]] * 2}, "at least 0"),
        ({"weights": [[float("nan"), 0.5, 0.5]] * 2}, "at least 0"),
        ({"weights": [["1", 0, 0]] * 2}, "at least 0"),
        ({"weights": [[True, 0, 0]] * 2}, "at least 0"),
        ({"weights": [[0.5, 0.4, 0.0]] * 2}, "sum to 1"),
        ({"weights": {"0": 1}}, "row for each player"),
    ],
)
def test_headers_that_tell_no_mixture_are_refused(checkpoint, header, says):
    with pytest.raises(SpecificationError, match=says):
        load_checkpoint(changed(checkpoint, header=header))


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"3/0.weight": np.zeros((8, 11), np.float32)}, "row for each player: 4"),
        ({"x/0.weight": np.zeros(1, np.float32)}, "numbered from 0"),
        ({"0.weight": np.zeros(1, np.float32)}, "numbered from 0"),
        ({"1/0.bias": None}, "need weights '0.bias'"),
        ({"1/0.bias": np.zeros(9, np.float32)}, "must be float32"),
        ({"2/0.bias": np.full(8, np.inf, np.float32)}, "not finite"),
    ],
)
def test_files_whose_members_are_not_whole_are_refused(checkpoint, tensors, says):
    with pytest.raises(SpecificationError, match=says):
        load_checkpoint(changed(checkpoint, tensors=tensors))


def test_a_mixture_for_another_number_of_players_or_another_game_is_refused(checkpoint):
    with pytest.raises(SpecificationError, match="mixture for 3 players"):
        load_agent(f"checkpoint:{changed(checkpoint, header={'weights': [[1, 0, 0]] * 3})}", game=KUHN)
    with pytest.raises(SpecificationError, match="is a network for openspiel:kuhn_poker"):
        load_agent(f"checkpoint:{checkpoint}", game=load_game("openspiel:leduc_poker"))
