"""`arena train` as people use it, and the agent that it leaves in the ledger."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from arena.agents import load_agent
from arena.cli import main
from arena.games import load_game
from arena.ledger import Ledger
from arena.roster import playable
from arena.solvers import nash_conv

KUHN = "arena:kuhn_poker"
SHORT = ("--steps", "4096", "--tables", "32", "--hidden", "16")


class Said(NamedTuple):
    code: int
    out: str
    err: str


Arena = Callable[..., Said]


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["arena", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(str(end.code or 0))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def test_a_trained_policy_is_written_registered_and_worth_what_was_said(arena: Arena, tmp_path: Path) -> None:
    said = arena(
        "train", "mmd", KUHN, *SHORT, "-o", "k.safetensors", "--register", "mine", "--log", "k.jsonl", "--json"
    )
    told = json.loads(said.out)
    game = load_game(KUHN)
    file = load_agent("checkpoint:k.safetensors", game=game)
    assert told["gap"] == pytest.approx(nash_conv(game, file), rel=1e-5)
    assert told["agent"] == "mine@1"
    with Ledger.open() as ledger:
        agent = ledger.agent("mine")
        kept = load_agent(playable(agent, ledger.artifacts), game=game)
        assert nash_conv(game, kept) == nash_conv(game, file)
        lineage = agent.lineage
    assert (lineage["method"], lineage["game"], lineage["steps"]) == ("mmd", KUHN, 4096)
    assert "seed=0" in str(lineage["settings"])
    assert lineage["NashConv"] == told["gap"]
    lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines] == list(range(512, 4097, 512))


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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pop", KUHN), "did you mean 'ppo'"),
        (("ppo", "arena:kun_poker"), "kuhn_poker"),
        (("ppo", KUHN, "--set", "clip"), "--set takes key=value"),
        (("ppo", KUHN, "--set", "clip=wide"), "clip takes a number"),
        (("ppo", KUHN, "--set", "clop=1"), "did you mean 'clip'"),
        (("ppo", KUHN, "--hidden", "12,x"), "--hidden takes whole numbers"),
        (("ppo", KUHN, "--steps", "0"), "--steps must be"),
        (("ppo", KUHN, "--steps", "nan"), "--steps must be"),
        (("ppo", KUHN, "-o", "nowhere/k.safetensors"), "cannot write"),
        (("ppo", KUHN, "--register", "a@1"), "a@1"),
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
