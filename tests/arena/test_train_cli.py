"""`arena train` as people use it, and the agent that it leaves in the ledger."""

from __future__ import annotations

import json
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import Arena

from arena import kept_training
from arena.agents import load_agent
from arena.cli import solve_progress
from arena.curves import read_curve
from arena.games import load_game
from arena.jobs import all_jobs
from arena.kept_training import KeptTraining
from arena.ledger import Ledger
from arena.roster import playable
from arena.solvers import nash_conv

KUHN = "arena:kuhn_poker"
SHORT = ("--steps", "4096", "--tables", "32", "--hidden", "16")


def test_a_trained_policy_is_written_registered_and_worth_what_was_said(arena: Arena, tmp_path: Path) -> None:
    said = arena(
        "train",
        "mmd",
        KUHN,
        *SHORT,
        *("--set", "rollout=16", "-o", "k.safetensors", "--register", "mine", "--log", "k.jsonl", "--json"),
    )
    told = json.loads(said.out)
    game = load_game(KUHN)
    file = load_agent("checkpoint:k.safetensors", game=game)
    assert told["gap"] == pytest.approx(nash_conv(game, file), rel=1e-5)
    assert told["agent"] == "mine@1"
    with Ledger.open() as ledger:
        agent = ledger.agent("mine")
        kept = load_agent(playable(agent, ledger), game=game)
        assert nash_conv(game, kept) == nash_conv(game, file)
        lineage = agent.lineage
    assert (lineage["method"], lineage["game"], lineage["steps"]) == ("mmd", KUHN, 4096)
    assert "seed=0" in str(lineage["settings"])
    assert lineage["NashConv"] == told["gap"]
    lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines if "entropy" in line] == list(range(512, 4097, 512))
    assert [line["NashConv"] for line in lines if "NashConv" in line][-1] == told["gap"]


def test_it_says_that_the_game_is_written_out_to_be_measured(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve_progress, "LINE_EVERY_S", 0.0)
    monkeypatch.setattr(sys.modules["arena.games.compile_tree"], "_kept", OrderedDict())
    said = arena("train", "ppo", KUHN, "--steps", "64", "--tables", "4", "--hidden", "8")
    assert f"writing {KUHN} out: 58 histories" in said.err


def test_a_trained_policy_plays_at_once(arena: Arena) -> None:
    arena("train", "ppo", "openspiel:leduc_poker", *SHORT, "-o", "l.safetensors")
    said = arena("play", "openspiel:leduc_poker", "checkpoint:l.safetensors", "random", "-n", "20", "--json")
    assert said.code == 0
    assert arena("train", "ppo", KUHN, *SHORT).out.splitlines()[-1].startswith("nothing is kept")


def test_a_network_that_remembers_is_an_agent(arena: Arena) -> None:
    told = json.loads(arena("train", "ppo", KUHN, *SHORT, "--memory", "8", "-o", "k.safetensors", "--json").out)
    said = json.loads(arena("exploit", KUHN, "checkpoint:k.safetensors", "--json").out)
    assert said["kind"] == "exact"
    assert said["nash_conv"] == pytest.approx(told["gap"], abs=1e-5)


def test_a_run_goes_on_from_its_checkpoint(arena: Arena) -> None:
    first = json.loads(arena("train", "ppo", KUHN, *SHORT, "--checkpoint", "run.npz", "--json").out)
    again = json.loads(arena("train", "ppo", KUHN, *SHORT, "--checkpoint", "run.npz", "--json").out)
    assert first == again
    Path("other").write_bytes(b"\xff\n")
    said = arena("train", "ppo", KUHN, *SHORT, "--checkpoint", "run.npz", "--log", "other")
    assert (said.code, "is no log of a training" in said.err) == (2, True)


def test_numbers_that_run_away_are_a_sentence(arena: Arena) -> None:
    said = arena("train", "ppo", KUHN, *SHORT, "--set", "learning_rate=1e30", "-o", "k.safetensors")
    assert (said.code, "try a smaller learning rate" in said.err) == (1, True)
    assert not Path("k.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pop", KUHN), "did you mean 'ppo'"),
        (("ppo", "arena:kun_poker"), "kuhn_poker"),
        (("ppo", KUHN, "--set", "clip"), "--set takes key=value"),
        (("ppo", KUHN, "--set", "clip=wide"), "clip of ppo must be a number or none"),
        (("ppo", KUHN, "--set", "discount=2"), "discount must be from 0 to 1"),
        (("ppo", KUHN, "--set", "clop=1"), "did you mean 'clip'"),
        (("ppo", KUHN, "--hidden", "12,x"), "--hidden takes whole numbers"),
        (("ppo", KUHN, "--steps", "0"), "--steps must be"),
        (("ppo", KUHN, "--steps", "nan"), "--steps must be"),
        (("ppo", KUHN, "--steps", "1.5"), "--steps must be a whole number from 1 to 1e15; got 1.5"),
        (("ppo", KUHN, "-o", "nowhere/k.safetensors"), "cannot write"),
        (("ppo", KUHN, "--register", "a@1"), "a@1"),
        (("ppo",), "name the game"),
        ((), "name a method and a game"),
        (("kuhn-pop",), "did you mean 'kuhn-ppo'"),
        (("missing.toml",), "cannot read the configuration 'missing.toml'"),
        (("ppo", KUHN, "--submit"), "--submit needs --register NAME"),
        (("ppo", KUHN, "--register", "a", "--checkpoint", "run.npz"), "leave out --checkpoint"),
        (("ppo", KUHN, "--checkpoint", "k", "--log", "./k"), "must name files of their own"),
        (("ppo", KUHN, "--until", "0"), "until must be a number above 0"),
        (("ppo", "smax:3m(actions=continuous)"), "vectors"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(
    arena: Arena, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    said = arena("train", *arguments)
    assert said.code == 2
    assert says in said.err
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_are_not_replaced_without_force(arena: Arena, tmp_path: Path) -> None:
    kept = tmp_path / "k.safetensors"
    kept.write_text("mine")
    said = arena("train", "ppo", KUHN, *SHORT, "-o", "k.safetensors")
    assert (said.code, kept.read_text()) == (2, "mine")
    assert "--force" in said.err
    assert arena("train", "ppo", KUHN, *SHORT, "-o", "k.safetensors", "--force").code == 0


def test_a_registered_training_is_a_job_that_is_done_once(arena: Arena) -> None:
    first = arena("train", "ppo", KUHN, *SHORT, "--register", "mine", "--json")
    again = arena("train", "ppo", KUHN, *SHORT, "--register", "mine", "-o", "k.safetensors", "--json")
    assert json.loads(again.out) == {**json.loads(first.out), "output": "k.safetensors"}
    with Ledger.open() as ledger:
        (row,) = all_jobs(ledger, kind="train")
        curve = read_curve(ledger, row)
        assert ledger.agent("mine").lineage["training"] == row.key[:12]
        assert (
            Path("k.safetensors").read_bytes() == ledger.artifacts.path(ledger.agent("mine").content_hash).read_bytes()
        )
        assert [path.suffix for path in ledger.artifacts.files()] == [".safetensors"]
    assert (row.status, row.checkpoint) == ("finished", None)
    assert row.worker is not None and row.worker.startswith("cpu of ")
    assert [steps for steps, _ in curve.series("entropy")] == list(range(512, 4097, 512))
    assert curve.series("NashConv")[-1] == (4096, json.loads(first.out)["gap"])


def test_a_worker_trains_what_was_submitted_to_the_same_policy(arena: Arena) -> None:
    said = json.loads(arena("train", "ppo", KUHN, *SHORT, "--register", "theirs", "--submit", "--json").out)
    assert [row["status"] for row in said] == ["waiting"]
    assert arena("worker", "--until-empty", "--kind", "train").code == 0
    arena("train", "ppo", KUHN, *SHORT, "-o", "here.safetensors")
    with Ledger.open() as ledger:
        kept = ledger.artifacts.path(ledger.agent("theirs").content_hash)
        assert kept.read_bytes() == Path("here.safetensors").read_bytes()


def test_an_interrupted_training_waits_and_goes_on_to_the_same_end_and_log(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(KeptTraining):
        def told(self, steps: int, numbers: Mapping[str, float]) -> None:
            super().told(steps, numbers)
            if steps >= 2048:
                raise KeyboardInterrupt

    options = (KUHN, *SHORT, "--register", "mine", "--log", "k.jsonl")
    with monkeypatch.context() as patched:
        patched.setattr(kept_training, "KeptTraining", Interrupting)
        said = arena("train", "ppo", *options)
    assert said.code == 130
    assert "waits: the same command goes on with it" in said.err
    with Ledger.open() as ledger:
        (row,) = all_jobs(ledger)
        assert (row.status, row.checkpoint in ledger.artifacts) == ("waiting", True)
    before = Path("k.jsonl").read_text().splitlines()
    whole = json.loads(arena("train", "ppo", *options, "--json").out)
    lines = Path("k.jsonl").read_text().splitlines()
    assert lines[: len(before)] == before
    assert [json.loads(line)["steps"] for line in lines if "entropy" in line] == list(range(512, 4097, 512))
    alone = json.loads(arena("train", "ppo", KUHN, *SHORT, "--json").out)
    assert whole["gap"] == alone["gap"]
    with Ledger.open() as ledger:
        (row,) = all_jobs(ledger)
        assert [steps for steps, _ in read_curve(ledger, row).series("entropy")] == list(range(512, 4097, 512))
    arena("train", "ppo", *options[:-1], "again.jsonl")  # done before: nothing is trained, the same is told
    assert numbers_of("again.jsonl") == numbers_of("k.jsonl")


def numbers_of(log: str) -> dict[int, dict[str, float]]:
    told: dict[int, dict[str, float]] = defaultdict(dict)
    for line in map(json.loads, Path(log).read_text().splitlines()):
        told[line["steps"]] |= line
    return told


def test_what_is_given_wins_over_a_ready_configuration(arena: Arena) -> None:
    ready = json.loads(arena("train", "--list", "--json").out)["configurations"]["kuhn-ppo"]
    told = json.loads(arena("train", "kuhn-ppo", *SHORT, "--set", "entropy=0.11", "--json").out)
    assert (told["method"], told["game"], told["steps"]) == (ready["method"], ready["game"], 4096)
    assert (told["settings"]["entropy"], told["settings"]["tables"]) == (0.11, 32)
    Path("mine.toml").write_text('method = "mmd"\ngame = "arena:kuhn_poker"\nsteps = 4096\n[settings]\nentropy = 0.2\n')
    assert json.loads(arena("train", "mine.toml", "--json").out)["settings"]["entropy"] == 0.2


def test_event_files_hold_what_was_told(arena: Arena) -> None:
    pytest.importorskip("tensorboard")
    assert arena("train", "ppo", KUHN, *SHORT, "--tensorboard", "events", "--log", "k.jsonl").code == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator("events").Reload()
    told = [json.loads(line) for line in Path("k.jsonl").read_text().splitlines()]
    for name in ("entropy", "NashConv"):
        lines = [(line["steps"], pytest.approx(line[name])) for line in told if name in line]
        assert [(event.step, event.value) for event in events.Scalars(name)] == lines


def test_without_tensorboard_the_extra_is_named(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = arena("train", "ppo", KUHN, *SHORT, "--tensorboard", "events")
    assert (said.code, "minimax-arena[train]" in said.err) == (2, True)
