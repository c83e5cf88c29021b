"""Tournaments that look at their results: one ledger however they were played, and rounds that stand before their matches."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from arena.cli import app
from arena.config import make_config
from arena.connection import DamagedLedger
from arena.database import check
from arena.executor import InProcess, ProcessPool
from arena.games import SpecificationError
from arena.ledger import Ledger, Played, Tournament
from arena.ledger_schema import rounds
from arena.pairing.adaptive import record_of
from arena.pairing.knockout import knockout
from arena.results import NOBODY, MatchResults, Termination
from arena.rounds import Round, keep_round, played_round, played_rounds, read_rounds
from arena.tournament import create_tournament, resume_tournament, run_tournament

AGENTS = {
    "a": "random",
    "b": "mcts(simulations=2)",
    "c": "mcts(simulations=4)",
    "d": "mcts(simulations=8)",
    "e": "mcts(simulations=16)",
}
BASE: dict[str, Any] = {"game": "openspiel:tic_tac_toe", "agents": AGENTS, "seed": 4}
SWISS = {**BASE, "name": "swiss", "pairing": "swiss", "matches": 6, "rounds": 4}
KNOCKOUT = {**BASE, "name": "cup", "pairing": "knockout", "matches": 4, "further_pairs": 2}
ADAPTIVE = {**BASE, "name": "hunt", "pairing": "adaptive", "matches": 60, "aim": "top 2", "batch": 6}
CONFIGS = [
    pytest.param(SWISS, id="swiss"),
    pytest.param(KNOCKOUT, id="knockout"),
    pytest.param(ADAPTIVE, id="adaptive"),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[MatchResults, list[Round]]]:
    """Each tournament, played without interruption."""
    with Ledger.open(tmp_path_factory.mktemp("whole") / "arena.db") as opened:
        return {
            config["name"]: _recorded(opened, run_tournament(make_config(config), opened))
            for config in (SWISS, KNOCKOUT, ADAPTIVE)
        }


def _recorded(ledger: Ledger, tournament: Tournament) -> tuple[MatchResults, list[Round]]:
    return ledger.results(tournament), read_rounds(ledger, tournament)


def _is_same(one: tuple[MatchResults, list[Round]], two: tuple[MatchResults, list[Round]]) -> bool:
    return one[0].equals(two[0]) and list(map(_values, one[1])) == list(map(_values, two[1]))


def _values(chosen: Round) -> tuple[object, ...]:
    drawn = chosen.propensities
    return chosen.lineups.tolist(), chosen.rotations, None if drawn is None else drawn.tolist()


class _Interrupting(InProcess):
    """Plays as many blocks as it is told, then is interrupted."""

    def __init__(self, blocks: int):
        self.blocks = blocks

    def run(self, *arguments: Any, **settings: Any) -> Iterator[MatchResults]:
        for number, results in enumerate(super().run(*arguments, **settings)):
            if number == self.blocks:
                raise KeyboardInterrupt
            yield results


class _Backwards(InProcess):
    """Plays the blocks that can be played now, the last first."""

    def run(self, setup: Any, blocks: Any, **settings: Any) -> Iterator[MatchResults]:
        todo = iter(blocks)
        while True:
            ready = []
            for specs in todo:
                if specs is None:
                    break
                ready.append(specs)
            if not ready:
                return
            yield from super().run(setup, ready[::-1], **settings)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_order_in_which_blocks_finish_decides_nothing(ledger: Ledger, whole: Any, config: dict[str, Any]) -> None:
    tournament = run_tournament(make_config(config), ledger, _Backwards())
    assert _is_same(_recorded(ledger, tournament), whole[config["name"]])


@pytest.mark.parametrize("config", CONFIGS)
def test_interrupted_after_each_block_it_goes_on_to_the_same_ledger(
    ledger: Ledger, whole: Any, config: dict[str, Any]
) -> None:
    key = create_tournament(make_config(config), ledger).key
    interruptions = 0
    while ledger.tournament(key).status != "finished":
        try:
            resume_tournament(key, ledger, _Interrupting(2))
        except KeyboardInterrupt:
            interruptions += 1
    assert interruptions >= 3
    assert _is_same(_recorded(ledger, ledger.tournament(key)), whole[config["name"]])


def test_workers_give_the_same_ledger(ledger: Ledger, whole: Any) -> None:
    tournament = run_tournament(make_config(ADAPTIVE), ledger, ProcessPool(2))
    assert _is_same(_recorded(ledger, tournament), whole["hunt"])


@pytest.mark.parametrize("config", CONFIGS)
def test_other_blocks_give_the_same_matches(ledger: Ledger, whole: Any, config: dict[str, Any]) -> None:
    tournament = run_tournament(make_config({**config, "block": 10}), ledger)
    assert _is_same(_recorded(ledger, tournament), whole[config["name"]])


def test_a_round_stands_in_the_ledger_before_its_first_match(ledger: Ledger) -> None:
    seen: list[tuple[int, int]] = []
    tournament = create_tournament(make_config(SWISS), ledger)

    class Watching(InProcess):
        def run(self, setup: Any, blocks: Any, **settings: Any) -> Iterator[MatchResults]:
            for results in super().run(setup, blocks, **settings):
                known = read_rounds(ledger, tournament)
                seen.append((sum(one.matches for one in known), int(results.specs.index[-1])))
                yield results

    resume_tournament(tournament.key, ledger, Watching())
    assert all(last < covered for covered, last in seen)
    assert {covered for covered, _ in seen} == {12, 24, 36, 48}, "a round is written when the one before it is complete"


def test_what_the_ledger_holds_of_a_round_is_what_is_played(ledger: Ledger) -> None:
    tournament = create_tournament(make_config(SWISS), ledger)
    keep_round(ledger, tournament, [], Round(lineups=np.array([[3, 4], [0, 1]]), rotations=3))
    resume_tournament(tournament.key, ledger)
    met = {tuple(sorted(row)) for row in ledger.played(tournament).seats[:12].tolist()}
    assert met == {(3, 4), (0, 1)}


def test_a_second_decision_about_a_round_changes_nothing(ledger: Ledger) -> None:
    tournament = create_tournament(make_config(SWISS), ledger)
    first, second = (Round(lineups=np.array([[0, one]]), rotations=1) for one in (1, 2))
    assert keep_round(ledger, tournament, [], first).lineups.tolist() == [[0, 1]]
    assert keep_round(ledger, tournament, [], second).lineups.tolist() == [[0, 1]]


def test_rounds_that_do_not_follow_each_other_are_damage(ledger: Ledger) -> None:
    tournament = run_tournament(make_config(SWISS), ledger)
    with ledger.writing() as connection:
        connection.execute(sa.delete(rounds).where(rounds.c.number == 1))
    with pytest.raises(DamagedLedger, match=r"round 2 of tournament 'swiss' .* should be round 1"):
        read_rounds(ledger, tournament)
    assert len([line for line in check(ledger.url_for_people) if "should be round 1" in line]) == 1


def test_seats_are_balanced_and_twins_share_chance(ledger: Ledger) -> None:
    played = ledger.played(run_tournament(make_config(SWISS), ledger))
    assert len(played) == 4 * 2 * 6
    assert (played.seats[::2] == played.seats[1::2, ::-1]).all()
    assert (played.chance_seed[::2] == played.chance_seed[1::2]).all()
    assert len(set(played.seed.tolist())) == len(played)


def test_two_who_play_one_tournament_at_once_write_one_ledger(ledger: Ledger, whole: Any) -> None:
    key = create_tournament(make_config(SWISS), ledger).key

    class Crossed(InProcess):
        """Plays a block while somebody else plays the whole tournament."""

        def run(self, setup: Any, blocks: Any, **settings: Any) -> Iterator[MatchResults]:
            for number, results in enumerate(super().run(setup, blocks, **settings)):
                if number == 1:
                    resume_tournament(key, ledger)
                yield results

    resume_tournament(key, ledger, Crossed())
    assert _is_same(_recorded(ledger, ledger.tournament(key)), whole["swiss"])


def test_a_match_recorded_twice_counts_once(ledger: Ledger) -> None:
    played = ledger.played(run_tournament(make_config(SWISS), ledger))
    joined = Played.joined([played, played.take(slice(3, 9))])
    assert joined.index.tolist() == played.index.tolist()
    assert (joined.seats == played.seats).all()


def test_only_complete_rounds_count_as_played(ledger: Ledger) -> None:
    tournament = create_tournament(make_config({**SWISS, "block": 4}), ledger)
    with pytest.raises(KeyboardInterrupt):
        resume_tournament(tournament.key, ledger, _Interrupting(5))
    played = ledger.played(tournament)
    assert len(played) == 20
    complete = played_rounds(tournament, read_rounds(ledger, tournament), played)
    assert [len(one.played) for one in complete] == [12]


def test_a_knockout_ends_with_a_winner_and_loses_one_a_tie(whole: Any) -> None:
    results, decided = whole["cup"]
    rule = knockout(5, 2, matches=4, further=2)
    past, first = [], 0
    for one in decided:
        rows = np.arange(first, first + one.matches)
        part = results.take(rows)
        past.append(
            played_round(
                one,
                Played(
                    index=rows,
                    seats=part.specs.seats,
                    seed=part.specs.seed,
                    returns=part.returns,
                    termination=part.termination,
                    forfeit=part.forfeit,
                    chance_seed=part.specs.chance_seed,
                ),
            )
        )
        first += one.matches
    assert rule.next_round(past) is None
    assert rule.bracket(past).winner is not None


def test_adaptive_rounds_keep_their_propensities(whole: Any) -> None:
    _, decided = whole["hunt"]
    assert [len(one.lineups) for one in decided] == [6] * 5
    for one in decided:
        assert one.propensities is not None
        assert ((one.propensities > 0) & (one.propensities <= 1)).all()


def test_adaptive_stops_when_it_is_decided_and_before_its_bound(ledger: Ledger) -> None:
    agents = {"strong": "mcts(simulations=64)", "random": "random", "other": "random"}
    config = {**ADAPTIVE, "agents": agents, "aim": "top 1", "matches": 2000, "batch": 10}
    tournament = run_tournament(make_config(config), ledger)
    assert tournament.status == "finished"
    assert tournament.planned == 2000
    assert 0 < ledger.progress(tournament) < 1000


def test_adaptive_ends_at_its_bound(ledger: Ledger) -> None:
    agents = {"a": "random", "b": "random", "c": "random"}
    told: list[tuple[int, int]] = []
    config = make_config({**ADAPTIVE, "agents": agents, "aim": "order", "matches": 33, "batch": 5})
    tournament = run_tournament(config, ledger, progress=lambda done, planned: told.append((done, planned)))
    assert ledger.progress(tournament) == tournament.planned == 34, "rounded up to whole pairs"
    assert told[-1] == (34, 34)


def test_three_seats_swiss(ledger: Ledger) -> None:
    agents = {"a": "random", "b": "uniform", "c": "random", "d": "random"}
    config = {**SWISS, "game": "openspiel:kuhn_poker(players=3)", "agents": agents, "matches": 3, "rounds": 4}
    tournament = run_tournament(make_config(config), ledger)
    seats = ledger.played(tournament).seats
    assert len(seats) == 4 * 3
    assert np.bincount(seats.ravel()).tolist() == [9, 9, 9, 9], "each rests once"


@pytest.mark.parametrize("pairing", ["knockout", "adaptive"])
def test_games_of_three_are_refused_before_anything_is_recorded(ledger: Ledger, pairing: str) -> None:
    config = {**BASE, "name": "no", "game": "openspiel:kuhn_poker(players=3)", "agents": ["random", "uniform"]}
    more = {"aim": "order", "matches": 10} if pairing == "adaptive" else {}
    with pytest.raises(SpecificationError, match=f"{pairing}.*two sides, this one has 3"):
        run_tournament(make_config({**config, "pairing": pairing, **more}), ledger)
    assert ledger.tournaments() == []


def test_half_points_count_forfeits_as_losses() -> None:
    chosen = Round(lineups=np.array([[0, 1]]), rotations=1)
    played = Played(
        index=np.arange(2),
        seats=np.array([[0, 1], [1, 0]]),
        seed=np.zeros(2, np.uint64),
        returns=np.array([[1.0, -1.0], [0.0, 0.0]]),
        termination=np.zeros(2, np.int8),
        forfeit=np.array([NOBODY, 0], np.int8),
        chance_seed=np.zeros(2, np.uint64),
    )
    assert played_round(chosen, played).half_points.tolist() == [[4, 0]]


def test_a_rotation_in_which_the_game_failed_is_not_played_and_never_a_draw() -> None:
    chosen = Round(lineups=np.array([[0, 1], [2, 3]]), rotations=2)
    seats = np.array([[0, 1], [1, 0], [2, 3], [3, 2]] * 2)
    termination = np.zeros(8, np.int8)
    termination[[1, 2, 7]] = Termination.INFRASTRUCTURE
    played = Played(
        index=np.arange(8),
        seats=seats,
        seed=np.zeros(8, np.uint64),
        returns=np.where(seats % 2 == 1, 1.0, -1.0) * (termination == 0)[:, None],
        termination=termination,
        forfeit=np.full(8, NOBODY, np.int8),
        chance_seed=np.zeros(8, np.uint64),
    )
    round_ = played_round(chosen, played)
    assert round_.half_points.tolist() == [[0, 4], [0, 0]]
    assert (round_.rotations.tolist(), round_.most.tolist()) == ([1, 0], [4, 0])
    assert round_.played.index.tolist() == [4, 5]
    assert record_of(("a", "b", "c", "d"), [round_]).pair.tolist() == [0, 0]


@pytest.mark.parametrize("config", CONFIGS)
def test_kill_at_any_moment_and_resume_gives_the_same_ledger(
    tmp_path: Path, whole: Any, config: dict[str, Any]
) -> None:
    path, name = tmp_path / "arena.db", str(config["name"])
    moments = random.Random(name)
    # imports once for all, and has no threads that a fork would lose
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["arena.tournament", "arena.cli", "pyspiel", "pytest", "typer.testing"])
    killed = 0
    while killed < 4:
        process = forked.Process(target=_play_on, args=(path, {**config, "block": 2}))
        process.start()
        _wait_for_blocks(tmp_path, process, more=moments.randint(1, 3))
        time.sleep(moments.random() * 0.005)  # anywhere within a block or its transaction, or before a round is written
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            break
        killed += 1
    assert killed >= 2
    with Ledger.open(path) as opened:
        (tournament,) = opened.tournaments()
        if tournament.status != "finished":
            resume_tournament(name, opened)
        assert opened.tournament(name).status == "finished"
        assert _is_same(_recorded(opened, tournament), whole[name])


def test_the_command_goes_on_with_a_tournament_that_was_interrupted(tmp_path: Path, whole: Any) -> None:
    path = tmp_path / "arena.db"
    with Ledger.open(path) as opened:
        key = create_tournament(make_config(SWISS), opened).key
        with pytest.raises(KeyboardInterrupt):
            resume_tournament(key, opened, _Interrupting(2))
    CliRunner().invoke(app, ["tournament", "resume", key], env={"ARENA_DB": str(path)}, catch_exceptions=False)
    with Ledger.open(path) as opened:
        assert _is_same(_recorded(opened, opened.tournament(key)), whole[key])


def _play_on(path: Path, config: dict[str, Any]) -> None:
    """Plays a tournament from where it stands, in a process of its own."""
    with Ledger.open(path) as opened:
        if not any(one.key == config["name"] for one in opened.tournaments()):
            create_tournament(make_config(config), opened)
        resume_tournament(str(config["name"]), opened)


def _wait_for_blocks(folder: Path, process: BaseProcess, *, more: int) -> None:
    """Until the run has recorded `more` blocks since now, or has ended."""
    start = _blocks_in(folder / "arena.db")
    while process.is_alive() and _blocks_in(folder / "arena.db") < start + more:
        time.sleep(0.001)


def _blocks_in(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return int(database.execute("select count(*) from blocks").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet, or just being made
        return 0
