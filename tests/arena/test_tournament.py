"""Tournaments in a ledger: equal however they were played, interrupted anywhere, and nothing counted twice."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from arena.config import ConfigError, make_config
from arena.executor import InProcess, ProcessPool
from arena.games import SpecificationError, UnknownName
from arena.leaderboards.gsprt import GsprtDecision
from arena.ledger import Ledger, Played, Tournament
from arena.results import MatchResults, Termination
from arena.standings import standings
from arena.tournament import create_tournament, resume_tournament, run_tournament
from arena.verdict import decision, hypotheses_of, matches_rated, points_of_prefix

CUP: dict[str, Any] = {
    "name": "cup",
    "game": "openspiel:tic_tac_toe",
    "agents": {"random": "random", "weak": "mcts(simulations=2)", "strong": "mcts(simulations=20)"},
    "matches": 20,
    "seed": 11,
}
DECIDE: dict[str, Any] = {
    "name": "duel",
    "game": "openspiel:tic_tac_toe",
    "pairing": "decide",
    "agents": {"strong": "mcts(simulations=4)", "random": "random"},
    "matches": 400,
    "seed": 2,
    "block": 4,
}
GSPRT: dict[str, Any] = {**DECIDE, "test": "gsprt", "elo0": 0, "elo1": 200}
ARENA = [sys.executable, "-c", "from arena.cli import main; main()"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> MatchResults:
    """The cup, played without interruption."""
    with Ledger.open(tmp_path_factory.mktemp("whole") / "arena.db") as opened:
        return opened.results(run_tournament(make_config(CUP), opened))


def test_a_tournament_is_recorded_to_its_end(ledger: Ledger) -> None:
    told: list[tuple[int, int]] = []
    tournament = run_tournament(make_config(CUP), ledger, progress=lambda done, planned: told.append((done, planned)))
    assert tournament.status == "finished"
    assert ledger.progress(tournament) == tournament.planned == 60
    assert told[0] == (0, 60)
    assert told[-1] == (60, 60)
    assert tournament.config["block"] == 2
    assert {"minimax-arena", "open_spiel", "numpy", "python"} <= set(tournament.versions)
    assert [agent.label for agent in tournament.agents] == ["random@1", "weak@1", "strong@1"]
    actions = [result.actions for result in ledger.results(tournament)]
    assert all(5 <= len(moves) <= 9 for moves in actions)


def test_workers_give_the_same_ledger(ledger: Ledger, whole: MatchResults) -> None:
    tournament = run_tournament(make_config(CUP), ledger, ProcessPool(2))
    assert ledger.results(tournament).equals(whole)


def test_other_blocks_give_the_same_matches(ledger: Ledger, whole: MatchResults) -> None:
    tournament = run_tournament(make_config({**CUP, "block": 37}), ledger)
    assert ledger.results(tournament).equals(whole)


def test_resuming_a_finished_tournament_changes_nothing(ledger: Ledger, whole: MatchResults) -> None:
    tournament = run_tournament(make_config(CUP), ledger)
    mark = ledger.mark(tournament.game)
    assert resume_tournament(tournament.key, ledger) == tournament
    assert ledger.mark(tournament.game) == mark


class _Interrupting(InProcess):
    """Plays as many blocks as it is told, then is interrupted."""

    def __init__(self, blocks: int):
        self.blocks = blocks

    def run(self, *arguments: Any, **settings: Any) -> Iterator[MatchResults]:
        for number, results in enumerate(super().run(*arguments, **settings)):
            if number == self.blocks:
                raise KeyboardInterrupt
            yield results


@pytest.mark.parametrize("config", [CUP, DECIDE, GSPRT], ids=["round_robin", "decide", "gsprt"])
@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_an_interrupted_tournament_goes_on_to_the_same_ledger(
    tmp_path: Path, config: dict[str, Any], blocks: int
) -> None:
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        expected = one.results(run_tournament(make_config(config), one))
        created: list[Tournament] = []
        with pytest.raises(KeyboardInterrupt):
            run_tournament(make_config(config), two, _Interrupting(blocks), on_created=created.append)
        key = created[0].key
        assert two.tournament(key).status == "interrupted"
        assert len(two.written(two.tournament(key))) == blocks
        assert two.results(resume_tournament(key, two)).equals(expected)


def test_two_agents_play_until_the_test_decides(ledger: Ledger) -> None:
    tournament = run_tournament(make_config(DECIDE), ledger)
    played = ledger.played(tournament)
    found = decision(points_of_prefix(played), error_rate=0.05)
    assert found.verdict == "first_better"
    assert found.at is not None
    assert len(played) < 400
    rated = matches_rated(found, played)
    assert rated == 2 * found.at
    assert len(played) - rated < 4, "at most the rest of the block in which it was decided"


def test_pairs_in_which_the_game_failed_are_read_by_no_test() -> None:
    seats = np.array([[0, 1], [1, 0]] * 12)
    won = Played(
        index=np.arange(24),
        seats=seats,
        seed=np.zeros(24, np.uint64),
        returns=np.where(seats == 0, 1.0, -1.0),
        termination=np.zeros(24, np.int8),
        forfeit=np.full(24, -1, np.int8),
        chance_seed=np.zeros(24, np.uint64),
    )
    at = decision(points_of_prefix(won), error_rate=0.05).at
    assert at is not None
    assert at < 12
    returns, termination = won.returns.copy(), won.termination.copy()
    returns[3], termination[3] = 0.0, Termination.INFRASTRUCTURE
    holed = dataclasses.replace(won, returns=returns, termination=termination)
    found = decision(points_of_prefix(holed), error_rate=0.05)
    assert (found.at, found.verdict) == (at, "first_better")
    assert matches_rated(found, holed) == 2 * at + 2
    assert decision(points_of_prefix(holed.take(slice(0, 2 * at))), error_rate=0.05).at is None


def test_the_pentanomial_test_stops_a_tournament_and_gives_its_standings_the_verdict(ledger: Ledger) -> None:
    tournament = run_tournament(make_config(GSPRT), ledger)
    found = decision(
        points_of_prefix(ledger.played(tournament)), error_rate=0.05, hypotheses=hypotheses_of(tournament.config)
    )
    assert isinstance(found, GsprtDecision) and found.at is not None and found.better == "first"
    assert len(ledger.played(tournament)) < 400
    shown = standings(ledger, tournament.game, tournament=tournament.key)
    assert shown.verdict is not None and shown.verdict.better == "strong@1"
    assert "strong@1 is more than 0 Elo above random@1" in shown.leaderboard.finding
    assert shown.matches == 2 * found.at


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"elo1": 20.0}, "elo1 is for test = 'gsprt'"),
        ({"test": "gsprt", "error_rate": 0.1}, "error_rate is for test = 'betting'"),
        ({"test": "gsprt", "elo0": 20.0}, "elo1 must be more than elo0"),
        ({"test": "gsprt", "pairing": "round_robin"}, "test is for pairing = 'decide'"),
    ],
    ids=str,
)
def test_settings_of_another_test_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_config({**DECIDE, **change})


def test_workers_stop_at_the_same_match(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        expected = one.results(run_tournament(make_config(DECIDE), one))
        assert two.results(run_tournament(make_config(DECIDE), two, ProcessPool(2))).equals(expected)


def test_twins_are_not_told_apart(ledger: Ledger) -> None:
    twins = {**DECIDE, "agents": {"a": "random", "b": "random"}, "matches": 100}
    tournament = run_tournament(make_config(twins), ledger)
    assert ledger.progress(tournament) == 100
    assert not decision(points_of_prefix(ledger.played(tournament)), error_rate=0.05).decided


def test_three_players_take_turns_at_the_seats(ledger: Ledger) -> None:
    config = {
        "name": "three",
        "game": "openspiel:kuhn_poker(players=3)",
        "agents": {"a": "random", "b": "uniform", "c": "random", "d": "random"},
        "matches": 30,
    }
    tournament = run_tournament(make_config(config), ledger)
    seats = ledger.played(tournament).seats
    assert len(seats) == 4 * 30
    assert (np.stack([np.bincount(seats[:, seat]) for seat in range(3)]) == 30).all()


def test_a_gauntlet_names_its_challenger(ledger: Ledger) -> None:
    tournament = run_tournament(make_config({**CUP, "pairing": "gauntlet", "challenger": "weak"}), ledger)
    seats = ledger.played(tournament).seats
    assert len(seats) == 40
    assert (seats == 1).any(axis=1).all()


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"game": "openspiel:tic_tac_to"}, UnknownName, "tic_tac_toe"),
        ({"agents": {"a": "random", "b": "rndom"}}, UnknownName, "random"),
        ({"agents": {"a": "random", "b": "mcts(simulation=3)"}}, UnknownName, "simulations"),
        ({"agents": {"a": "random", "b": "policy:none.json"}}, SpecificationError, "none.json"),
        ({"game": "openspiel:kuhn_poker"}, SpecificationError, "mcts"),
        ({"game": "openspiel:kuhn_poker(players=3)", "agents": {"a": "random", "b": "uniform"}, "pairing": "decide"}, ConfigError, "two players"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_before_anything_is_recorded(
    ledger: Ledger, change: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        run_tournament(make_config({**CUP, **change}), ledger)
    assert ledger.tournaments() == []
    assert ledger.agents() == []


def test_a_registered_agent_plays_by_its_name(ledger: Ledger) -> None:
    strong = ledger.add_agent("champion", specification="mcts(simulations=20)", kind="mcts")
    tournament = create_tournament(make_config({**CUP, "agents": ["champion", "random"]}), ledger)
    assert tournament.agents[0] == strong
    with pytest.raises(UnknownName, match="champion"):
        create_tournament(make_config({**CUP, "agents": ["champio", "random"]}), ledger)


def test_a_kind_of_agent_is_meant_whoever_is_called_so(ledger: Ledger) -> None:
    strong = ledger.add_agent("random", specification="mcts(simulations=20)", kind="mcts")
    for text, meant in (("random", "random"), ("random@1", strong.specification)):
        tournament = create_tournament(make_config({**CUP, "agents": ["uniform", f"random={text}"]}), ledger)
        assert tournament.agents[1].specification == meant
    ledger.add_agent("bot", specification="random", kind="random")
    with pytest.raises(SpecificationError, match="the agent that is called so is bot@1"):
        create_tournament(make_config({**CUP, "agents": ["bot", "random"]}), ledger)


def test_the_same_command_goes_on_with_what_was_interrupted(ledger: Ledger, whole: MatchResults) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_tournament(make_config(CUP), ledger, _Interrupting(2))
    other = run_tournament(make_config({**CUP, "seed": 12}), ledger)
    assert other.key == "cup-2"
    tournament = run_tournament(make_config(CUP), ledger)
    assert tournament.key == "cup"
    assert ledger.results(tournament).equals(whole)
    assert run_tournament(make_config(CUP), ledger).key == "cup-3", "a finished one is not gone on with"


def test_without_a_seed_two_tournaments_are_two_samples(ledger: Ledger) -> None:
    unseeded = {key: value for key, value in CUP.items() if key != "seed"}
    one, two = (run_tournament(make_config(unseeded), ledger) for _ in range(2))
    assert one.seed != two.seed
    assert not set(ledger.played(one).seed.tolist()) & set(ledger.played(two).seed.tolist())


def test_a_tournament_that_nobody_plays_any_more_reads_as_interrupted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tournament = create_tournament(make_config(CUP), ledger)
    assert ledger.tournament(tournament.key).status == "running"
    monkeypatch.setattr("arena.ledger_entries.SILENT_S", -1.0)  # as if it had been silent for long
    assert ledger.tournament(tournament.key).status == "interrupted"
    assert resume_tournament(tournament.key, ledger).status == "finished"


def test_a_tournament_says_that_it_is_being_played(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[str] = []
    monkeypatch.setattr("arena.heartbeat.HEARTBEAT_S", 0.001)
    monkeypatch.setattr(ledger, "keep_alive", lambda tournament: beats.append(tournament.key))
    tournament = run_tournament(make_config(CUP), ledger)
    assert set(beats) == {tournament.key}


def test_a_twin_is_another_agent_of_the_same_specification(ledger: Ledger) -> None:
    ledger.add_agent("random", specification="random", kind="random")
    tournament = create_tournament(make_config({**CUP, "agents": ["random", "twin=random"]}), ledger)
    assert [agent.label for agent in tournament.agents] == ["random@1", "twin@1"]


def test_a_tournament_of_other_rules_is_not_resumed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    tournament = create_tournament(make_config(CUP), ledger)
    older = dataclasses.replace(tournament, game_version="0.1")
    monkeypatch.setattr(ledger, "tournament", lambda _: older)
    with pytest.raises(SpecificationError, match=r"began with .* 0\.1, here is"):
        resume_tournament(tournament.key, ledger)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_at_any_moment_and_resume_gives_the_same_ledger(tmp_path: Path, whole: MatchResults, workers: int) -> None:
    config = "\n".join(
        [
            'name = "cup"\ngame = "openspiel:tic_tac_toe"\nmatches = 20\nseed = 11\nblock = 2\n[agents]',
            'random = "random"\nweak = "mcts(simulations=2)"\nstrong = "mcts(simulations=20)"',
        ]
    )
    (tmp_path / "cup.toml").write_text(config, encoding="utf-8")
    environment = {**os.environ, "ARENA_DB": str(tmp_path / "arena.db")}
    moments = random.Random(workers)
    command = ["tournament", "run", "cup.toml"]
    killed = 0
    for _ in range(4):
        process = subprocess.Popen(
            [*ARENA, *command, "--workers", str(workers)],
            cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_for_blocks(tmp_path, process, more=moments.randint(1, 5))
        time.sleep(moments.random() * 0.01)  # anywhere within a block, or within its transaction
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            break
        killed += 1
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive, "workers die with their engine"
        command = ["tournament", "resume", "cup"]
    assert killed >= 3
    subprocess.run([*ARENA, *command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    with Ledger.open(tmp_path / "arena.db") as ledger:
        (tournament,) = ledger.tournaments()
        assert tournament.status == "finished"
        assert ledger.progress(tournament) == 60
        assert ledger.results(tournament).equals(whole)


def _wait_for_blocks(folder: Path, process: subprocess.Popen[Any], *, more: int) -> None:
    """Until the run has recorded `more` blocks since now, or has ended."""
    start = _blocks_in(folder / "arena.db")
    while process.poll() is None and _blocks_in(folder / "arena.db") < start + more:
        time.sleep(0.005)


def _blocks_in(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return int(database.execute("select count(*) from blocks").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet, or just being made
        return 0


def test_ctrl_c_prints_the_resume_command(tmp_path: Path) -> None:
    environment = {**os.environ, "ARENA_DB": str(tmp_path / "arena.db")}
    flags = ["--game", "openspiel:tic_tac_toe", "-a", "a=mcts(simulations=300)", "-a", "b=random", "-n", "2000"]
    process = subprocess.Popen(
        [*ARENA, "tournament", "run", "--name", "long", *flags],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _wait_for_blocks(tmp_path, process, more=1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "go on with: arena tournament resume long" in said
    assert "Traceback" not in said
