"""Policies and networks in processes of their own play what they play in this one, and what they do to their process costs only them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from arena.agents import load_agent, mlp, save_network
from arena.agents.confined import ConfinedAgent, confined_specification, tier_of, unconfined
from arena.agents.confined_process import MOST_FAULTS, PAUSE_S, REST_S, BrokenReader, ConfinedProcess, DataFile
from arena.agents.exploiter_file import exploiter_of, to_bytes
from arena.agents.network_form import gru
from arena.agents.network_mixture import save_mixture
from arena.agents.process import Limits
from arena.agents.sandbox import SandboxUnavailable, require_tier
from arena.games import Game, SpecificationError, TabularPolicy, UnknownName, load_game
from arena.playing import play
from arena.results import NOBODY, Termination
from arena.solvers import nash_conv, save_policy
from tests.confined_here import ServedHere, serve_here

KUHN = load_game("openspiel:kuhn_poker")
BETS = TabularPolicy("openspiel:kuhn_poker", {"0": {0: 0.25, 1: 0.75}, "1": {1: 1.0}, "2pb": {0: 0.5, 1: 0.5}})


def written(kind: str, folder: Path, game: Game = KUHN) -> str:
    """The specification of an agent of each form that files have."""
    info = game.info
    if kind == "table":
        save_policy(BETS, folder / "a.npz")
        return f"policy:{folder / 'a.npz'}"
    path, sizes = folder / "a.safetensors", [info.tensor_width or 0, 8, info.num_actions]
    if kind == "network":
        save_network(mlp(sizes, seed=1), path, game=info)
    elif kind == "memory":
        save_network(gru(sizes, memory=4, seed=1), path, game=info)
    else:
        save_mixture([mlp(sizes, seed=seed) for seed in range(3)], [[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], path, game=game)
    return f"checkpoint:{path}"


@pytest.mark.parametrize("kind", ["table", "network", "memory", "mixture"])
def test_it_plays_and_is_measured_as_in_this_process(kind, tmp_path, monkeypatch):
    serve_here(monkeypatch)
    specification = written(kind, tmp_path)
    here, there = (load_agent(text, game=KUHN) for text in (specification, f"confined:none:{specification}"))
    assert (here.info.remembers, there.info.remembers) == (kind == "memory",) * 2
    ours, theirs = (play(KUHN, [agent, agent], matches=300, seed=4) for agent in (here, there))
    assert ours.equals(theirs)
    assert nash_conv(KUHN, here) == nash_conv(KUHN, there) > 0
    there.close()


def test_masks_of_native_games_arrive_as_they_were(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    game = load_game("arena:tic_tac_toe")
    specification = written("network", tmp_path, game)
    agent = load_agent(f"confined:none:{specification}", game=game)
    ours, theirs = (play(game, [one, "random"], matches=40, seed=4) for one in (specification, agent))
    assert ours.equals(theirs)
    agent.close()


def test_a_real_process_in_a_bubble_plays_the_same(tmp_path):
    try:
        require_tier("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    specification = written("table", tmp_path)
    agent = load_agent(f"confined:bubblewrap:{specification}", game=KUHN)
    try:
        assert play(KUHN, [agent, "random"], matches=50).equals(play(KUHN, [specification, "random"], matches=50))
    finally:
        agent.close()


# A process that says that it is ready, and at its first question does what {does} says.
HOSTILE = """
import os, sys, time
def say(text):
    os.write(1, text.encode() + b"\\n")
say('{{"type": "ready"}}')
for number, line in enumerate(sys.stdin):
    if number == 0:
        say('{{"type": "loaded", "form": "network", "memory": 0}}')
    else:
        {does}
"""
MISBEHAVIOUR = {
    "a crash": ("os._exit(3)", Termination.CRASH),
    "an endless loop": ("while True: pass", Termination.TIMEOUT),
    "a huge allocation": ("hog = bytearray(1 << 28); time.sleep(60)", Termination.OUT_OF_MEMORY),
    "too few actions": ('say(\'{"type": "answer", "actions": ""}\')', Termination.PROTOCOL_ERROR),
    "no action at all": ('say(\'{"type": "answer"}\')', Termination.PROTOCOL_ERROR),
    "no line of JSON": ("say('hello')", Termination.PROTOCOL_ERROR),
    "what it may not see": ('say(\'{"type": "need", "part": "text"}\')', Termination.PROTOCOL_ERROR),
    "an answer without an end": ("os.write(1, b'x' * (1 << 20)); time.sleep(60)", Termination.OUTPUT_FLOOD),
}


def hostile(does: str) -> ConfinedAgent:
    process = ConfinedProcess(
        DataFile(scheme="policy", name="a.json", content=b""),
        game=KUHN.info,
        name="theirs",
        tier="none",
        command=(sys.executable, "-I", "-S", "-c", HOSTILE.format(does=does)),
        limits=Limits(memory_bytes=1 << 27, line_bytes=1 << 16, grace_s=0.1),
        answer_s=0.5 if does.startswith("while") else 60.0,
    )
    return ConfinedAgent(process, KUHN)


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_what_it_does_to_its_process_costs_it_its_matches(what):
    does, termination = MISBEHAVIOUR[what]
    agent = hostile(does)
    try:
        played = play(KUHN, [agent, "random"], matches=3)
    finally:
        agent.close()
    assert played.forfeit.tolist() == [0, 0, 0]
    assert played.termination.tolist() == [termination] * 3
    assert all("theirs" in fault.message or "numbers" in fault.message for fault in played.faults)


def test_one_that_always_fails_is_not_asked_for_ever():
    agent = hostile("os._exit(3)")
    played = [play(KUHN, [agent, "random"], matches=1) for _ in range(MOST_FAULTS + 1)]
    assert [one.forfeit.tolist() for one in played] == [[0]] * (MOST_FAULTS + 1)
    assert "not asked again" in played[-1].faults[0].message


def test_a_process_that_ended_is_started_again_and_knows_the_matches_under_way(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    agent = load_agent(f"confined:none:{written('memory', tmp_path)}", game=KUHN)
    assert isinstance(agent, ConfinedAgent)
    tables = KUHN.tables(2)
    agent.start(np.arange(2), np.zeros(2, np.int64), np.arange(2).astype(np.uint64))
    process = agent._process
    process.close()
    assert play(KUHN, [agent, "random"], matches=4).forfeit.tolist() == [NOBODY] * 4
    assert (process.lives, tables.capacity) == (2, 2)
    agent.close()


def test_the_one_that_was_not_asked_for_longest_makes_room_unless_it_is_in_a_match(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    monkeypatch.setattr("arena.agents.confined_process.MOST_ALIVE", 2)
    specification = f"confined:none:{written('memory', tmp_path)}"
    agents = [load_agent(specification, game=KUHN) for _ in range(3)]

    def alive() -> list[bool]:
        return [agent._process._child is not None for agent in agents]

    assert alive() == [False, True, True]
    agents[1].start(np.arange(1), np.zeros(1, np.int64), np.arange(1).astype(np.uint64))
    again, without = (play(KUHN, [agent, "random"], matches=20, seed=2) for agent in (agents[0], agents[2]))
    assert again.equals(without) and again.forfeit.tolist() == [NOBODY] * 20
    assert alive() == [False, True, True]
    agents[1].end(np.arange(1), np.zeros(1, np.int64), np.zeros(1))
    play(KUHN, [agents[0], "random"], matches=1)
    assert alive() == [True, False, True]
    for agent in agents:
        agent.close()


def test_a_file_that_breaks_its_reader_is_refused_by_name(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("{}")
    breaks = 'print(\'{"type": "ready"}\', flush=True); input(); import os; os._exit(9)'
    monkeypatch.setitem(ConfinedProcess.__init__.__kwdefaults__, "command", (sys.executable, "-I", "-S", "-c", breaks))
    with pytest.raises(BrokenReader, match="broke the process that read it: theirs ended with exit code 9"):
        load_agent(f"confined:none:policy:{path}", game=KUHN, name="theirs")


def test_a_process_that_never_began_is_the_machines_failure_and_nobodys_forfeit(tmp_path, monkeypatch):
    agent = hostile("os._exit(3)")
    process = agent._process
    process.close()
    process._command = ("/no/such/python",)
    for _ in range(MOST_FAULTS + 1):
        with pytest.raises(SandboxUnavailable, match=r"file of theirs in 'none' did not begin: .* exit code 127"):
            play(KUHN, [agent, "random"], matches=1)
    agent.close()


def test_one_that_rests_ends_and_is_started_again_when_it_is_asked(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    agent = load_agent(f"confined:none:{written('memory', tmp_path)}", game=KUHN)
    assert isinstance(agent, ConfinedAgent)
    process, before = agent._process, play(KUHN, [agent, "random"], matches=20, seed=2)
    child = process._child
    assert isinstance(child, ServedHere)
    assert child.sentence[1] == REST_S
    agent.start(np.arange(1), np.zeros(1, np.int64), np.arange(1).astype(np.uint64))
    assert child.sentence[1] == PAUSE_S  # in a match
    agent.end(np.arange(1), np.zeros(1, np.int64), np.zeros(1))
    assert child.sentence[1] == REST_S
    child.obey()
    assert play(KUHN, [agent, "random"], matches=20, seed=2).equals(before)
    assert process.lives == 2
    agent.close()


def test_what_does_not_fit_is_refused_with_the_readers_own_sentence(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    specification = written("table", tmp_path)
    with pytest.raises(
        SpecificationError, match="a policy for openspiel:kuhn_poker; it does not fit openspiel:leduc_poker"
    ):
        load_agent(f"confined:none:{specification}", game=load_game("openspiel:leduc_poker"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("confined:none:mcts", SpecificationError),
        ("confined:none", SpecificationError),
        ("confined:weak:policy:a", UnknownName),
    ],
)
def test_only_files_are_confined_in_known_tiers(text, error):
    with pytest.raises(error):
        load_agent(text, game=KUHN)


def test_a_specification_takes_its_tier_on_and_off():
    assert confined_specification("policy:a", "limits") == "confined:limits:policy:a"
    assert confined_specification("policy:a", None) == "policy:a"
    assert (tier_of("confined:limits:policy:a"), tier_of("policy:a")) == ("limits", None)
    assert (unconfined("confined:limits:policy:a"), unconfined("policy:a")) == ("policy:a", "policy:a")


def test_an_exploiter_asks_a_confined_opponent_in_its_process(tmp_path, monkeypatch):
    serve_here(monkeypatch)
    specification = written("table", tmp_path)
    file = exploiter_of(
        f"confined:none:{specification}", game="openspiel:kuhn_poker", label="v", simulations=4, uct_c=1.0
    )
    assert file.victim == "policy"
    (tmp_path / "x.exploiter").write_bytes(to_bytes(file))
    agents = [load_agent(f"{tier}exploiter:{tmp_path / 'x.exploiter'}", game=KUHN) for tier in ("", "confined:none:")]
    assert isinstance(agents[1].opponent, ConfinedAgent)
    ours, theirs = (play(KUHN, [agent, "random"], matches=6) for agent in agents)
    assert ours.equals(theirs)
    agents[1].close()
