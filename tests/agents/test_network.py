import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from arena.agents.network import NetworkAgent
from arena.agents.network_file import load_network, save_network
from arena.agents.network_form import mlp
from arena.agents.registry import load_agent
from arena.games import AgentInfo, SpecificationError, load_game, uniform_policy
from arena.playing import play
from arena.solvers import save_policy

GAME = "openspiel:connect_four"


@pytest.fixture(scope="module")
def connect_four():
    return load_game(GAME)


@pytest.fixture
def checkpoint(connect_four, tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(mlp([connect_four.info.tensor_width, 32, 32, 7], seed=5), path, game=connect_four.info)
    return path


def changed(path, *, weights=None, header=None, metadata=None):
    """The checkpoint with other weights, other entries in its header, or another metadata altogether."""
    old = load_file(path)
    if metadata is None:
        from safetensors import safe_open

        with safe_open(path, framework="np") as file:
            metadata = {"arena": json.dumps(json.loads(file.metadata()["arena"]) | (header or {}))}
    kept = {name: tensor for name, tensor in (old | (weights or {})).items() if tensor is not None}
    save_file(kept, path, metadata=metadata or None)
    return path


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu", "norm_relu"])
def test_a_network_comes_back_bit_for_bit(connect_four, tmp_path, activation):
    module = mlp([connect_four.info.tensor_width, 16, 8, 7], activation=activation, seed=1)
    save_network(module, tmp_path / "n.safetensors", game=connect_four.info, choice="greedy")
    network = load_network(tmp_path / "n.safetensors")
    assert (network.game, network.activation, network.choice) == (GAME, activation, "greedy")
    assert network.sizes == (connect_four.info.tensor_width, 16, 8, 7)
    inputs = torch.randn(8, connect_four.info.tensor_width)
    assert torch.equal(network.module(inputs), module(inputs))


def test_weights_are_drawn_from_the_seed_and_leave_torch_as_it_was():
    before = torch.random.get_rng_state()
    one, same, other = (mlp([3, 4, 2], seed=seed)[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_rows_logits_do_not_depend_on_who_else_was_asked(checkpoint):
    agent = NetworkAgent(load_network(checkpoint))
    inputs = np.random.default_rng(0).normal(size=(300, agent.network.sizes[0])).astype(np.float32)
    whole = agent.logits(inputs)
    for together in (1, 2, 3, 7, 8, 30, 100, 255, 256):
        parts = [agent.logits(inputs[first : first + together]) for first in range(0, 300, together)]
        assert np.array_equal(np.concatenate(parts), whole)
    with torch.inference_mode():
        assert np.allclose(whole, agent.network.module(torch.from_numpy(inputs)).numpy(), atol=1e-5)
    assert agent.logits(inputs[:0]).shape == (0, 7)


class RoundsBySize(torch.nn.Module):
    """A kernel whose bits change with the batch: below 100 rows it adds a little."""

    def forward(self, inputs):
        return inputs[:, :7] + (1e-6 if len(inputs) < 100 else 0.0)


def test_sizes_that_change_bits_are_not_used(checkpoint):
    network = load_network(checkpoint)
    assert NetworkAgent(network).asked.sizes == (8, 32, 128, 256)
    network.module.append(RoundsBySize())
    agent = NetworkAgent(network)
    assert agent.asked.sizes == (128, 256)
    inputs = np.ones((1, network.sizes[0]), np.float32)
    assert np.array_equal(agent.logits(inputs), agent.logits(np.repeat(inputs, 200, axis=0))[:1])


def test_bits_do_not_depend_on_the_threads_of_torch_which_stay_as_they_are(checkpoint):
    before = torch.get_num_threads()
    agent = NetworkAgent(load_network(checkpoint))
    inputs = np.random.default_rng(1).normal(size=(64, agent.network.sizes[0])).astype(np.float32)
    try:
        answers = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            answers.append(agent.logits(inputs))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_matches_are_equal_at_one_table_and_at_ten(connect_four, checkpoint, play_at):
    agents = [load_agent(f"checkpoint:{checkpoint}", game=connect_four), load_agent("random", game=connect_four)]
    assert play_at(connect_four, agents, tables=1, matches=10).equals(
        play_at(connect_four, agents, tables=10, matches=10)
    )


def with_bias(connect_four, path, bias, choice):
    """A network that has the same logits everywhere."""
    module = mlp([connect_four.info.tensor_width, 7])
    with torch.no_grad():
        module[0].weight.zero_()
        module[0].bias[:] = torch.tensor(bias)
    save_network(module, path, game=connect_four.info, choice=choice)
    return f"checkpoint:{path}"


def test_greedy_takes_the_best_legal_action(connect_four, tmp_path):
    agent = with_bias(connect_four, tmp_path / "n", [0.0, 1, 2, 9, 4, 5, 6], "greedy")
    results = play(connect_four, [agent, agent], matches=1)
    assert results[0].actions[:8].tolist() == [3, 3, 3, 3, 3, 3, 6, 6]  # column 3 is full after six


def test_sampling_draws_from_the_softmax_of_the_legal_actions(connect_four, tmp_path):
    agent = with_bias(connect_four, tmp_path / "n", np.log([1.0, 1, 2, 4, 4, 2, 2]).tolist(), "sample")
    results = play(connect_four, [agent, "random"], matches=1600, seed=2)
    first = np.bincount([match.actions[0] for match in results], minlength=7)
    expected = np.array([100, 100, 200, 400, 400, 200, 200])
    assert ((first - expected) ** 2 / expected).sum() < 22.5  # chi-square, 6 degrees: one in a thousand is above
    assert (results.forfeit == -1).all()


def test_logits_that_overflow_forfeit_the_match(connect_four, tmp_path):
    agent = with_bias(connect_four, tmp_path / "n", [3e38] * 7, "sample")
    network = load_network(tmp_path / "n")
    with torch.no_grad():
        network.module[0].weight.fill_(3e38)
    results = play(connect_four, [NetworkAgent(network), "random"], matches=1)
    assert results.faults[0].message.endswith("logits that are not finite")
    assert (play(connect_four, [agent, "random"], matches=1).forfeit == -1).all()


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was executed",))


def test_a_pickled_checkpoint_is_refused_and_not_executed(connect_four, tmp_path):
    torch.save({"x": Evil()}, tmp_path / "zipped.pt")
    torch.save({"x": Evil()}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "renamed.safetensors").write_bytes(pickle.dumps(Evil()))
    for name in ("zipped.pt", "old.pt", "renamed.safetensors"):
        with pytest.raises(SpecificationError, match="pickled PyTorch file"):
            load_agent(f"checkpoint:{tmp_path / name}", game=connect_four)


def test_a_solved_policy_is_no_checkpoint_and_no_pickle_and_what_it_plays_as_is_said(connect_four, tmp_path):
    save_policy(uniform_policy("openspiel:kuhn_poker"), tmp_path / "kuhn.policy")
    with pytest.raises(SpecificationError, match=r"arrays by name .* plays as policy:.*kuhn\.policy"):
        load_agent(f"checkpoint:{tmp_path / 'kuhn.policy'}", game=connect_four)


@pytest.mark.parametrize(
    "content", [b"", b"hello world, this is text", b"\xff" * 40, b"\x10\0\0\0\0\0\0\0{broken json...}"]
)
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    (tmp_path / "n").write_bytes(content)
    with pytest.raises(SpecificationError, match="safetensors"):
        load_network(tmp_path / "n")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 4}, "update Arena"),
        ({"kind": "transformer"}, "kind must be one of mlp, gru"),
        ({"activation": "step"}, "activation must be one of relu"),
        ({"choice": "best"}, "choice must be one of sample, greedy"),
        ({"sizes": [126, 0, 7]}, "sizes must be"),
        ({"sizes": [126, 2**40, 32, 7]}, "'0.weight' must be float32 [1099511627776, 126]"),
        ({"sizes": [126, 32, 32, 32, 7]}, "need weights '6.bias'"),
        ({"sizes": [126, 32, 7]}, "do not have weights"),
        ({"sizes": [126, 32, 16, 7]}, "'2.weight' must be float32 [16, 32]"),
        ({"num_actions": 8}, "first and last size"),
        ({"game": 3}, "game must be"),
    ],
)
def test_a_wrong_architecture_is_refused(checkpoint, header, message):
    with pytest.raises(SpecificationError) as caught:
        load_network(changed(checkpoint, header=header))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"0.bias": torch.full((32,), float("nan"))}, "'0.bias' has weights that are not finite"),
        ({"0.bias": torch.zeros(32, dtype=torch.float64)}, "'0.bias' must be float32"),
        ({"0.bias": torch.zeros(32, dtype=torch.bfloat16)}, "is no checkpoint"),
        ({"0.bias": None}, "need weights '0.bias'"),
        ({"9.bias": torch.zeros(1)}, "do not have weights '9.bias'"),
    ],
)
def test_wrong_weights_are_refused(checkpoint, weights, message):
    with pytest.raises(SpecificationError) as caught:
        load_network(changed(checkpoint, weights=weights))
    assert message in str(caught.value)


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"arena": "[1]"}, {"arena": "{"}])
def test_missing_metadata_is_refused(checkpoint, metadata):
    with pytest.raises(SpecificationError, match="metadata"):
        load_network(changed(checkpoint, metadata=metadata))


def test_a_network_for_another_game_is_refused(checkpoint, tmp_path):
    with pytest.raises(SpecificationError, match="is a network for openspiel:connect_four; it does not fit"):
        load_agent(f"checkpoint:{checkpoint}", game=load_game("openspiel:tic_tac_toe"))
    tic_tac_toe = load_game("openspiel:tic_tac_toe")
    with pytest.raises(SpecificationError, match="first and last size"):
        save_network(mlp([5, 9]), tmp_path / "n", game=tic_tac_toe.info)


@pytest.mark.parametrize(
    "module",
    [
        torch.nn.Sequential(torch.nn.Linear(27, 9), torch.nn.ReLU()),
        torch.nn.Sequential(torch.nn.Linear(27, 9, bias=False)),
        torch.nn.Sequential(torch.nn.Linear(27, 8), torch.nn.Dropout(), torch.nn.Linear(8, 9)),
        torch.nn.Linear(27, 9),
    ],
)
def test_other_networks_cannot_be_saved(module, tmp_path):
    with pytest.raises(SpecificationError, match="only networks as mlp"):
        save_network(module, tmp_path / "n", game=load_game("openspiel:tic_tac_toe").info)


def test_many_tables_are_answered_much_faster_than_one_at_a_time(connect_four, checkpoint):
    """The promise is ten times; a test on a busy machine asks for three."""
    import time

    agent = NetworkAgent(load_network(checkpoint))
    inputs = np.random.default_rng(0).normal(size=(256, agent.network.sizes[0])).astype(np.float32)
    agent.logits(inputs)

    def best_of_three(ask):
        times = []
        for _ in range(3):
            began = time.process_time()
            ask()
            times.append(time.process_time() - began)
        return min(times)

    together = best_of_three(lambda: [agent.logits(inputs) for _ in range(5)]) / 5
    alone = best_of_three(lambda: [agent.logits(inputs[row : row + 1]) for row in range(256)])
    assert alone > 3 * together


def test_a_checkpoint_keeps_its_info(checkpoint, connect_four):
    assert load_agent(f"checkpoint:{checkpoint}", game=connect_four, name="net").info == AgentInfo(name="net")


def test_a_network_is_saved_for_a_game_as_for_its_facts(tmp_path, connect_four):
    module = mlp([connect_four.info.tensor_width, 8, 7], seed=5)
    for name, game in (("game", connect_four), ("facts", connect_four.info)):
        save_network(module, tmp_path / name, game=game)
    assert (tmp_path / "game").read_bytes() == (tmp_path / "facts").read_bytes()
