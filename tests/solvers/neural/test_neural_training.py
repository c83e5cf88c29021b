"""Training networks on preferences: certificates, sampled and judged comparisons, checkpoints, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from neural_preferences import Table, cyclic_game, network, table_game, table_policy
from tensor_devices import no_gpu
from torch import nn

from arena.games import NotProvided, SpecificationError, UnknownName
from arena.games.judge import JudgeFailure
from arena.solvers import minimax_winner
from arena.solvers.neural import judged_contexts, preference_contexts, train_on_preferences
from arena.solvers.neural.methods import METHODS

CYCLE = np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]])
BEATS = {("rock", "scissors"), ("paper", "rock"), ("scissors", "paper")}


def rock_paper_scissors(prompts, first, second):
    return [float((a, b) in BEATS) for a, b in zip(first, second, strict=True)]


def judged(judge=rock_paper_scissors, contexts=2, **settings):
    return judged_contexts(
        torch.arange(contexts),
        judge,
        prompts=[f"prompt {x}" for x in range(contexts)],
        candidates=["rock", "paper", "scissors"],
        **settings,
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nash_mp_converges_where_self_play_circles(seed):
    """On cycles, the same network and learning rate: mirror prox below 1e-4 in 400 updates, self-play above 1e-3."""
    settings = {"learning_rate": 1e-2, "iterations": 400}
    contexts = cyclic_game(seed=seed)
    assert train_on_preferences(network(seed=seed), contexts, **settings).gap < 1e-4
    assert train_on_preferences(network(seed=seed), contexts, method="self_play", **settings).gap > 1e-3


def test_the_gap_is_that_of_the_definition():
    contexts, tables = table_game()
    policy = table_policy()
    reference = torch.softmax(policy.logits.detach(), -1).numpy()
    found = train_on_preferences(policy, contexts, beta=0.3, iterations=5)
    for x, table in enumerate(tables):
        p = found.strategies[x]
        best = (
            0.3 * np.log((reference[x] * np.exp(table @ p / 0.3)).sum())
            + 0.3 * (p * np.log(p / reference[x])).sum()
            - 0.5
        )
        assert found.context_gaps[x] == pytest.approx(best, abs=1e-12)
    assert found.gap == pytest.approx(found.context_gaps.mean()) and found.worst_gap == found.context_gaps.max()
    assert found.gap_error == 0 and found.gap_at_least == found.gap
    assert found.history[-1] == (5, found.gap) and found.guarantee.startswith("none")


@pytest.mark.parametrize("method", METHODS)
def test_any_module_learns_by_any_method_from_noisy_samples(method):
    class Odd(nn.Module):
        """Embedded contexts, a layer with dropout, a normalised one, a frozen one, one that is not used."""

        def __init__(self):
            super().__init__()
            self.seen = nn.Embedding(3, 8)
            self.body = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Dropout(0.1), nn.Linear(8, 4))
            self.body[0].requires_grad_(False)
            self.unused = nn.Linear(2, 2)

        def forward(self, features):
            return self.body(self.seen(features))

    torch.manual_seed(3)
    contexts, _ = table_game()
    policy = Odd()
    frozen = policy.body[0].weight.clone()
    found = train_on_preferences(
        policy, contexts, method=method, samples=3, opponents=1, flip_rate=0.2, iterations=20, batch=2
    )
    assert torch.equal(policy.body[0].weight, frozen) and policy.training
    assert np.abs(found.strategies.sum(-1) - 1).max() < 1e-9 and 0 < found.comparisons <= 20 * 2 * 3 * 2
    assert found.policy_gap > 0 and (found.policy_gap == found.gap) == (METHODS[method].averaged is None)


def test_samples_lead_where_expectations_lead():
    contexts, _ = table_game()

    def trained(**settings):
        return train_on_preferences(
            table_policy(), contexts, beta=0.5, decay="linear", learning_rate=0.02, iterations=800, **settings
        )

    exact, noisy = trained(), trained(samples=32, flip_rate=0.1)
    assert np.abs(exact.strategies - noisy.strategies).max() < 0.03


def test_the_first_policy_is_the_reference_unless_another_is_given():
    contexts, _ = table_game()
    by_module, by_array, uniform = (
        train_on_preferences(
            table_policy(), contexts, beta=10.0, learning_rate=0.05, iterations=600, reference=reference
        )
        for reference in (
            Table(np.tile([1.0, 0.0, 0.0, 0.0], (3, 1))),
            np.array([np.e, 1, 1, 1]) / (np.e + 3),
            np.full((3, 4), 0.25),
        )
    )
    first = torch.softmax(table_policy().logits.detach(), -1).numpy()
    own = train_on_preferences(table_policy(), contexts, beta=10.0, learning_rate=0.05, iterations=10)
    assert np.abs(own.strategies - first).max() < 0.05
    assert np.abs(uniform.strategies - 0.25).max() < 0.05
    assert np.abs(by_module.strategies - by_array.strategies).max() < 1e-12
    assert np.abs(by_array.strategies - np.array([np.e, 1, 1, 1]) / (np.e + 3)).max() < 0.05


def test_it_stops_where_the_gap_is_reached():
    contexts, _ = table_game()
    found = train_on_preferences(table_policy(), contexts, learning_rate=0.03, until=1e-3)
    assert found.reached and found.gap <= 1e-3 and found.iterations < 2_000


CASES = [
    ("nash_mp", {}),
    ("nash_mp", {"target": "stages", "inner": 7}),
    ("nash_prox", {"samples": 2}),
    ("nash_md", {"batch": 2, "decay": "linear"}),
    ("online_ipo", {"samples": 2, "flip_rate": 0.1}),
    ("inpo", {"optimiser": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)}),
    ("dno", {"samples": 2, "opponents": 2, "inner": 7}),
    ("spo", {"samples": 2, "batch": 1, "optimiser": lambda p: torch.optim.RMSprop(p, lr=0.01)}),
]


@pytest.mark.parametrize(("method", "settings"), CASES, ids=[f"{method}-{k}" for k, (method, _) in enumerate(CASES)])
def test_an_interrupted_run_goes_on_to_the_same_bits(method, settings, tmp_path):
    class Stop(Exception):
        pass

    def dropping():
        torch.manual_seed(4)
        return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 9)).double()

    def stop(iteration, gap):
        if iteration >= 23:
            raise Stop

    contexts = cyclic_game(contexts=5)
    contexts = preference_contexts(contexts.features.double(), contexts.preferences)
    if settings.get("batch") == 1:  # a batch has no variance of one
        settings = {**settings, "batch": 2}
    whole = train_on_preferences(dropping(), contexts, method=method, iterations=60, **settings)
    path = tmp_path / "run.npz"
    with pytest.raises(Stop):
        train_on_preferences(
            dropping(), contexts, method=method, iterations=60, checkpoint=path, progress=stop, **settings
        )
    other = dropping()
    for parameter in other.parameters():  # the file has the parameters, whatever the module began with
        parameter.data.add_(1.0)
    gone_on = train_on_preferences(other, contexts, method=method, iterations=60, checkpoint=path, **settings)
    assert gone_on.history == whole.history and gone_on.comparisons == whole.comparisons
    assert np.array_equal(gone_on.strategies, whole.strategies)
    for name, value in whole.policy.state_dict().items():
        assert torch.equal(value, gone_on.policy.state_dict()[name]), name


def test_a_finished_run_is_read_and_not_repeated(tmp_path):
    contexts, _ = table_game()
    path = tmp_path / "run.npz"
    first = train_on_preferences(table_policy(), contexts, iterations=20, checkpoint=path)
    policy = table_policy(seed=9)
    again = train_on_preferences(policy, contexts, iterations=20, checkpoint=path)
    assert np.array_equal(first.strategies, again.strategies) and torch.equal(policy.logits, first.policy.logits)


def test_a_checkpoint_of_bfloat16_goes_on(tmp_path):
    contexts = cyclic_game(contexts=4)
    contexts = preference_contexts(contexts.features.bfloat16(), contexts.preferences)
    path = tmp_path / "run.npz"
    whole = train_on_preferences(network().bfloat16(), contexts, iterations=20)
    train_on_preferences(network().bfloat16(), contexts, iterations=10, checkpoint=path)
    gone_on = train_on_preferences(network(seed=5).bfloat16(), contexts, iterations=20, checkpoint=path)
    assert np.array_equal(whole.strategies, gone_on.strategies)


@pytest.mark.parametrize(
    "other",
    [
        {"method": "nash_prox"},
        {"beta": 0.2},
        {"learning_rate": 0.01},
        {"seed": 1},
        {"reference": np.full(4, 0.25)},
        {"optimiser": lambda p: torch.optim.SGD(p, lr=1e-3)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_checkpoint_of_other_settings_is_refused(other, tmp_path):
    contexts, _ = table_game()
    path = tmp_path / "run.npz"
    train_on_preferences(table_policy(), contexts, iterations=3, checkpoint=path)
    with pytest.raises(SpecificationError, match="is a checkpoint of nash_mp"):
        train_on_preferences(table_policy(), contexts, iterations=6, checkpoint=path, **other)


def test_a_checkpoint_of_another_network_or_game_is_refused(tmp_path):
    contexts, _ = table_game()
    path = tmp_path / "run.npz"
    train_on_preferences(table_policy(), contexts, iterations=3, checkpoint=path)
    with pytest.raises(SpecificationError, match="do not fit"):
        train_on_preferences(nn.Embedding(3, 4).double(), contexts, iterations=6, checkpoint=path)
    with pytest.raises(SpecificationError, match="is a checkpoint of nash_mp"):
        train_on_preferences(table_policy(), table_game(seed=5)[0], iterations=6, checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04\x95", b"nonsense" * 50])
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    with pytest.raises(SpecificationError, match="no checkpoint"):
        train_on_preferences(table_policy(), table_game()[0], iterations=3, checkpoint=path)


def test_a_pickle_is_refused_as_a_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    torch.save({"logits": torch.zeros(2)}, path)
    with pytest.raises(SpecificationError, match="no checkpoint"):
        train_on_preferences(table_policy(), table_game()[0], iterations=3, checkpoint=path)


def test_random_numbers_of_others_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    contexts, _ = table_game()
    one = train_on_preferences(table_policy(), contexts, samples=2, iterations=20)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(
        one.strategies, train_on_preferences(table_policy(), contexts, samples=2, iterations=20).strategies
    )
    assert not np.array_equal(
        one.strategies, train_on_preferences(table_policy(), contexts, samples=2, iterations=20, seed=1).strategies
    )


def test_a_judge_teaches_a_policy():
    start = np.tile([1.0, 0.0, -1.0], (2, 1))
    found = train_on_preferences(
        Table(start),
        judged(),
        beta=0.5,
        reference=np.full(3, 1 / 3),
        samples=16,
        learning_rate=0.03,
        decay="linear",
        iterations=400,
    )
    assert np.abs(found.strategies - 1 / 3).max() < 0.05
    assert found.gap_error > 0 and found.gap_at_least <= found.gap + 1e-12 and found.exploitability is None
    assert sum(found.failures.values()) == 0 and found.comparisons > 400


def test_what_a_judge_does_not_say_is_counted_and_no_vote():
    asked = []

    def silent_on_paper(prompts, first, second):
        asked.extend(zip(prompts, first, second, strict=True))
        return [
            JudgeFailure("refused", "not this") if a == "paper" and b == "rock" else float((a, b) in BEATS)
            for a, b in zip(first, second, strict=True)
        ]

    found = train_on_preferences(
        Table(np.zeros((2, 3))), judged(silent_on_paper, both_orders=False, attempts=2), samples=8, iterations=30
    )
    assert found.failures["refused"] > 0 and set(found.failures) == {"refused", "timeout", "nonsense", "error"}
    assert (
        asked.count(("prompt 0", "paper", "rock")) + asked.count(("prompt 1", "paper", "rock"))
        == 2 * found.failures["refused"]
    )


def test_a_judge_that_never_answers_ends_the_run():
    def nonsense(prompts, first, second):
        return ["the first one!"] * len(first)

    with pytest.raises(NotProvided, match=r"no verdict on any of .* nonsense"):
        train_on_preferences(Table(np.zeros((2, 3))), judged(nonsense), iterations=5)


def test_a_judge_that_fails_half_of_the_time_is_learned_from_where_an_update_is_one_comparison():
    rng = np.random.default_rng(0)

    def judge(prompts, first, second):
        said = rock_paper_scissors(prompts, first, second)
        return [JudgeFailure("timeout", "late") if rng.random() < 0.5 else one for one in said]

    contexts = judged(judge, contexts=1, attempts=1)
    found = train_on_preferences(Table(np.zeros((1, 3))), contexts, samples=1, iterations=40)
    assert found.iterations == 40
    assert found.failures["timeout"] > 20


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64, torch.float16])
def test_features_that_the_policy_does_not_read_are_named(dtype):
    contexts = preference_contexts(torch.ones((2, 5), dtype=dtype), np.stack([CYCLE] * 2))
    with pytest.raises(ValueError, match=f"does not read features of {dtype}, its parameters being torch.float32"):
        train_on_preferences(nn.Linear(5, 3), contexts)


def test_a_judged_run_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    whole = train_on_preferences(Table(np.zeros((2, 3))), judged(), iterations=16)
    train_on_preferences(Table(np.zeros((2, 3))), judged(), iterations=8, checkpoint=path)
    gone_on = train_on_preferences(Table(np.zeros((2, 3))), judged(), iterations=16, checkpoint=path)
    assert np.array_equal(whole.strategies, gone_on.strategies) and whole.history == gone_on.history
    assert whole.comparisons == gone_on.comparisons


def test_candidates_may_be_each_prompt_s_own():
    shown = set()

    def noting(prompts, first, second):
        shown.update(zip(prompts, first, strict=True))
        return [0.5] * len(first)

    contexts = judged_contexts(
        np.zeros((2, 1)), noting, prompts=["p", "q"], candidates=[["a", "b"], ["c", "d"]], both_orders=True
    )
    train_on_preferences(nn.Linear(1, 2), contexts, samples=4, iterations=4)
    assert shown == {("p", "a"), ("p", "b"), ("q", "c"), ("q", "d")}


def test_float32_tables_are_taken_as_they_were_meant():
    tables = table_game()[1].astype(np.float32)
    contexts = preference_contexts(torch.arange(3), torch.from_numpy(tables))
    assert np.abs(contexts.preferences + contexts.preferences.swapaxes(1, 2) - 1).max() == 0
    tables[1, 0, 1] += 1e-3
    with pytest.raises(SpecificationError, match=r"\[1, 0, 1\]"):
        preference_contexts(torch.arange(3), tables)


def test_spo_beats_a_reward_on_cycles():
    """The best-rewarded candidate of a cycle loses to the one that beats it; the average policy to none."""
    contexts = preference_contexts(torch.zeros(1, dtype=torch.long), CYCLE[None])
    found = train_on_preferences(
        Table(np.zeros((1, 3))), contexts, method="spo", learning_rate=0.01, iterations=500, samples=4
    )
    assert found.gap < 0.1
    assert np.abs(minimax_winner(CYCLE).strategies[0] - found.strategies[0]).max() < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "spo", "step": 1.0}, "step is no setting of spo, which has queue"),
        ({"mixture": 0.5}, "mixture is no setting of nash_mp"),
        ({"inner": 4}, "inner has no meaning with target='ema'"),
        ({"target": "stages", "ema": 0.1}, "ema has no meaning with target='stages'"),
        ({"target": "slow"}, "target must be 'ema' or 'stages'"),
        ({"step": 0.0}, "step must be positive"),
        ({"step": float("nan")}, "step must be positive"),
        ({"ema": 1.5}, "ema must be above 0, at most 1"),
        ({"method": "nash_md", "mixture": 2.0}, "mixture must be from 0 to 1"),
        ({"method": "inpo", "rate": -1.0}, "rate must be positive"),
        ({"method": "inpo", "rate": 20.0}, "rate times beta must be at most 1"),
        ({"method": "spo", "queue": 0}, "queue must be a whole number"),
        ({"beta": 0.0}, "beta must be"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"flip_rate": 0.1}, "give samples too"),
        ({"samples": 1, "flip_rate": 0.5}, "flip_rate must be from 0 to below 1/2"),
        ({"opponents": 2}, "give samples too"),
        ({"batch": 4}, "batch must be from 1 to the 3 contexts"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": 0.1, "optimiser": torch.optim.Adam}, "has its own"),
        ({"decay": "cosine"}, "decay must be"),
        ({"measured": 1}, "measured must be at least 2"),
        ({"iterations": 0}, "iterations and until must be positive"),
        ({"reference": np.array([0.5, 0.5])}, "reference must have one probability a candidate"),
        ({"reference": nn.Embedding(3, 5)}, r"must give logits \[3, 4\]"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        train_on_preferences(table_policy(), table_game()[0], **settings)


@pytest.mark.parametrize("policy", [lambda features: features, table_policy().requires_grad_(False)])
def test_what_cannot_learn_is_refused(policy):
    with pytest.raises(ValueError, match="with parameters that learn"):
        train_on_preferences(policy, table_game()[0])


def test_an_unknown_method_or_device_is_refused():
    with pytest.raises(UnknownName, match="nash_mp"):
        train_on_preferences(table_policy(), table_game()[0], method="nash_mpp")
    with pytest.raises(SpecificationError, match="device is"):
        train_on_preferences(table_policy(), table_game()[0], device="abacus")


def test_policies_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must give logits \[3, 4\] .*got \[3, 5\]"):
        train_on_preferences(nn.Embedding(3, 5), table_game()[0])
    with pytest.raises(ValueError, match="not finite"):
        train_on_preferences(Table(np.full((3, 4), np.nan)), table_game()[0])


def test_a_run_that_diverges_says_so_and_keeps_its_last_checkpoint(tmp_path):
    path = tmp_path / "run.npz"

    def wild(parameters):
        return torch.optim.SGD(parameters, lr=float("inf"))

    with pytest.raises(FloatingPointError, match="not finite after"):
        train_on_preferences(table_policy(), table_game()[0], optimiser=wild, checkpoint=path)
    assert path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompts": ["a"], "candidates": ["x", "y"]}, "2 contexts, prompts of 1"),
        ({"prompts": ["a", "b"], "candidates": ["x"]}, "two or more"),
        ({"prompts": ["a", "b"], "candidates": [["x", "y"], ["z"]]}, "same number"),
        ({"prompts": ["a", "b"], "candidates": [["x", "y"]]}, "one list for each"),
    ],
)
def test_judged_contexts_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        judged_contexts(np.zeros((2, 1)), rock_paper_scissors, **arguments)


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="features are of 2 contexts"):
        preference_contexts(np.zeros((2, 1)), CYCLE[None])
    with pytest.raises(ValueError, match="finite"):
        preference_contexts(np.full((1, 1), np.nan), CYCLE[None])
    with pytest.raises(SpecificationError, match="contexts, n, n"):
        preference_contexts(np.zeros((1, 1)), CYCLE)


def test_solvers_load_without_torch():
    code = "import sys, arena.solvers; assert 'torch' not in sys.modules; arena.solvers.train_on_preferences; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.gpu
@no_gpu
def test_a_gpu_learns_the_same():
    contexts = cyclic_game(contexts=4)
    here = train_on_preferences(network(), contexts, iterations=200)
    there = train_on_preferences(network(), contexts, iterations=200, device="cuda")
    assert np.abs(here.strategies - there.strategies).max() < 1e-2
