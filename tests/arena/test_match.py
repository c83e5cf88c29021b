"""The engine: equal results however the work is cut, faults that end one match only, clocks, room."""

from __future__ import annotations

import queue
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scripted_agents import Clocked, Counting, Plain, at_once, never

from arena.games import (
    ActionSpace,
    AgentCrashed,
    Answer,
    GameInfo,
    OutputFlood,
    ProtocolError,
    SpecificationError,
    load_game,
)
from arena.games.forfeits import forfeit_returns
from arena.match import Clock, play_matches
from arena.results import MatchResults, MatchSpecs, Termination
from arena.schedule import round_robin

GAMES = [
    "openspiel:connect_four",
    "openspiel:leduc_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:goofspiel(num_cards=4)",
    "openspiel:matrix_pd",
    "openspiel:tic_tac_toe",
]


def _specs(game: str, matches: int, *, agents: int = 2, seed: int = 5) -> MatchSpecs:
    players = load_game(game).info.num_players
    return round_robin(agents, players, matches=matches, seed=seed).specs(0, matches)


@pytest.mark.parametrize("game", GAMES)
def test_the_same_specs_give_the_same_matches_at_any_number_of_tables(game: str) -> None:
    specs = _specs(game, 90)
    loaded = load_game(game)

    def run(capacity: int) -> MatchResults:
        agents = [Plain("a"), Counting(capacity, loaded.info.num_players)]
        return play_matches(loaded.tables(capacity), agents, specs)

    whole = run(256)
    assert run(1).equals(whole)
    assert run(7).equals(whole)
    halves = [
        play_matches(loaded.tables(32), [Plain("a"), Counting(32, loaded.info.num_players)], specs.take(part))
        for part in (slice(40, 90), slice(0, 40))
    ]
    assert MatchResults.joined(halves).equals(whole)


def test_another_seed_gives_other_matches() -> None:
    loaded = load_game("openspiel:leduc_poker")
    runs = [
        play_matches(loaded.tables(50), [Plain(), Plain()], _specs("openspiel:leduc_poker", 50, seed=seed))
        for seed in (1, 2)
    ]
    assert not np.array_equal(runs[0].returns, runs[1].returns)


def test_seat_swapped_twins_are_dealt_the_same_cards() -> None:
    loaded = load_game("openspiel:leduc_poker")
    results = play_matches(loaded.tables(64), [Plain(), Plain()], _specs("openspiel:leduc_poker", 64))
    deals = [result.actions[:2].tolist() for result in results]
    assert deals[0::2] == deals[1::2]
    assert len({tuple(deal) for deal in deals}) > 5
    assert (results.specs.seats[0::2] == results.specs.seats[1::2, ::-1]).all()


def test_an_agent_is_asked_for_all_its_tables_at_once() -> None:
    agent = Plain()
    loaded = load_game("openspiel:tic_tac_toe")
    play_matches(loaded.tables(100), [agent, Plain()], _specs("openspiel:tic_tac_toe", 100))
    assert max(agent.asked) == 100, "both seats together"
    assert len(agent.asked) < 20


def test_an_illegal_move_ends_its_own_match_only() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    specs = _specs("openspiel:tic_tac_toe", 40)

    def careless(batch: Any) -> NDArray[np.int64]:
        actions: NDArray[np.int64] = batch.legal.sample(batch.seed())
        return np.where(batch.match_seed % np.uint64(4) == 0, 99, actions)

    fair = play_matches(loaded.tables(40), [Plain(), Plain()], specs)
    results = play_matches(loaded.tables(40), [Plain(), Plain("careless", careless)], specs)
    hit = specs.seed % np.uint64(4) == 0
    assert 0 < hit.sum() < 40
    assert (results.termination[hit] == Termination.ILLEGAL_MOVE).all()
    assert (results.termination[~hit] == Termination.NORMAL).all()
    seat = np.argmax(specs.seats == 1, axis=1)
    assert (results.forfeit[hit] == seat[hit]).all()
    assert (results.returns[hit, seat[hit]] == -1).all()
    assert (results.returns[hit, 1 - seat[hit]] == 1).all()
    assert np.array_equal(results.returns[~hit], fair.returns[~hit])
    assert {fault.index for fault in results.faults} == set(np.flatnonzero(hit).tolist())
    assert "99" in results.faults[0].message
    assert "0, 1, 2" in results.faults[0].message


def test_an_illegal_simultaneous_move_takes_back_the_other_seats_decision() -> None:
    loaded = load_game("openspiel:goofspiel(num_cards=4)")
    specs = _specs("openspiel:goofspiel(num_cards=4)", 60)

    def careless(batch: Any) -> NDArray[np.int64]:
        actions: NDArray[np.int64] = batch.legal.sample(batch.seed())
        return np.where(batch.seed() % np.uint64(5) == 0, -3, actions)

    one = play_matches(loaded.tables(60), [Plain("c", careless), Plain()], specs)
    assert play_matches(loaded.tables(7), [Plain("c", careless), Plain()], specs).equals(one)
    forfeits = one.termination == Termination.ILLEGAL_MOVE
    assert 10 < forfeits.sum() < 60
    assert (np.take_along_axis(specs.seats, one.forfeit[:, None].astype(int), axis=1)[forfeits] == 0).all()
    both = play_matches(loaded.tables(60), [Plain("c", careless), Plain("d", careless)], specs)
    assert len(both.faults) == (both.termination == Termination.ILLEGAL_MOVE).sum()


@pytest.mark.parametrize(
    "answer",
    [np.zeros((3, 2), np.int64), np.zeros(1, np.int64), np.array(["x"]), np.array([0.5])],
    ids=["shape", "short", "text", "real"],
)
def test_answers_of_the_wrong_form_are_illegal_moves(answer: NDArray[Any]) -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    results = play_matches(
        loaded.tables(2), [Plain("odd", lambda _: answer), Plain()], _specs("openspiel:tic_tac_toe", 2)
    )
    assert (results.termination == Termination.ILLEGAL_MOVE).all()


@pytest.mark.parametrize(
    ("fault", "termination"),
    [
        (AgentCrashed("boom", log="Traceback"), Termination.CRASH),
        (ProtocolError("no JSON"), Termination.PROTOCOL_ERROR),
        (OutputFlood("too much"), Termination.OUTPUT_FLOOD),
    ],
)
def test_a_fault_of_an_agent_forfeits_what_it_was_asked_and_nothing_else(
    fault: AgentCrashed, termination: Termination
) -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    specs = _specs("openspiel:tic_tac_toe", 30, agents=3)

    def fail(batch: Any) -> NDArray[np.int64]:
        raise fault

    results = play_matches(loaded.tables(30), [Plain(), Plain("bad", fail), Plain()], specs)
    bad = (specs.seats == 1).any(axis=1)
    assert (results.termination[bad] == termination).all()
    assert (results.termination[~bad] == Termination.NORMAL).all()
    assert results.faults[0].message == str(fault)
    assert results.faults[0].log == fault.log


def test_our_own_bug_is_an_exception() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    with pytest.raises(ZeroDivisionError):
        play_matches(loaded.tables(2), [Plain("bug", lambda _: 1 // 0), Plain()], _specs("openspiel:tic_tac_toe", 2))


def test_an_agent_that_cannot_start_forfeits() -> None:
    class Unwilling(Counting):
        def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
            raise AgentCrashed("no board")

        def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    loaded = load_game("openspiel:tic_tac_toe")
    specs = _specs("openspiel:tic_tac_toe", 12, agents=3)
    results = play_matches(loaded.tables(5), [Plain(), Unwilling(5, 2), Plain()], specs)
    mine = (specs.seats == 1).any(axis=1)
    assert (results.termination[mine] == Termination.CRASH).all()
    assert (results.termination[~mine] == Termination.NORMAL).all()


def test_a_player_is_told_of_its_own_decisions_alone() -> None:
    """How often the others moved may be hidden: in phantom tic-tac-toe a refused move is moved again."""
    told: list[tuple[int, str, int]] = []

    def note(batch: Any) -> NDArray[np.int64]:
        rows = zip(batch.player.tolist(), batch.information_state(), batch.ply.tolist(), strict=True)
        told.extend(rows)
        actions: NDArray[np.int64] = batch.legal.sample(batch.seed())
        return actions

    loaded = load_game("openspiel:phantom_ttt")
    play_matches(loaded.tables(50), [Plain("a", note), Plain("b", note)], _specs("openspiel:phantom_ttt", 300))
    known: dict[tuple[int, str], set[int]] = {}
    for player, state, ply in told:
        known.setdefault((player, state), set()).add(ply)
    assert len(known) > 200
    assert all(len(plies) == 1 for plies in known.values())


@pytest.mark.parametrize("game", ["openspiel:leduc_poker", "openspiel:goofspiel(num_cards=4)"])
def test_a_player_counts_its_decisions_from_nought_and_each_has_a_word_of_its_own(game: str) -> None:
    plies: dict[tuple[int, int], list[int]] = {}
    words: list[int] = []

    def note(batch: Any) -> NDArray[np.int64]:
        for seed, player, ply in zip(batch.match_seed.tolist(), batch.player.tolist(), batch.ply.tolist(), strict=True):
            plies.setdefault((seed, player), []).append(ply)
        words.extend(batch.seed().tolist())
        actions: NDArray[np.int64] = batch.legal.sample(batch.seed())
        return actions

    loaded = load_game(game)
    play_matches(loaded.tables(10), [Plain("a", note), Plain("b", note)], _specs(game, 60))
    assert len(plies) == 120
    assert all(counted == list(range(len(counted))) for counted in plies.values())
    assert max(map(len, plies.values())) >= 3
    assert len(set(words)) == len(words)


def test_a_fault_that_arrives_after_the_limit_is_a_timeout() -> None:
    def too_late(agent: Clocked, ticket: int, actions: NDArray[Any], inbox: queue.SimpleQueue[Answer]) -> None:
        inbox.put((ticket, AgentCrashed("killed"), time.monotonic() + 5))

    loaded = load_game("openspiel:tic_tac_toe")
    specs = _specs("openspiel:tic_tac_toe", 2)
    results = play_matches(loaded.tables(2), [Plain(), Clocked(too_late)], specs, clock=Clock(move_s=1))
    assert (results.termination == Termination.TIMEOUT).all()


def test_clocked_and_plain_agents_play_the_same_matches() -> None:
    loaded = load_game("openspiel:leduc_poker")
    specs = _specs("openspiel:leduc_poker", 60)
    plain = play_matches(loaded.tables(60), [Plain(), Plain()], specs)
    clocked = play_matches(
        loaded.tables(60), [Clocked(at_once), Clocked(at_once)], specs, clock=Clock(move_s=60, match_s=60)
    )
    assert clocked.equals(plain)


def test_a_slow_agent_delays_only_its_own_tables() -> None:
    finished: list[int] = []
    held: list[tuple[int, NDArray[Any]]] = []

    def when_others_are_done(
        agent: Clocked, ticket: int, actions: NDArray[Any], inbox: queue.SimpleQueue[Answer]
    ) -> None:
        held.append((ticket, actions))
        if sum(finished) >= 200:
            release(agent)

    def release(agent: Clocked) -> None:
        while held:
            ticket, actions = held.pop()
            agent.inbox.put((ticket, actions, time.monotonic()))

    slow = Clocked(when_others_are_done, name="slow")
    loaded = load_game("openspiel:tic_tac_toe")
    fast_specs = _specs("openspiel:tic_tac_toe", 200)
    seats = np.concatenate([[[0, 2]], fast_specs.seats])
    specs = MatchSpecs(
        index=np.arange(201),
        seats=seats,
        seed=np.arange(201, dtype=np.uint64),
        chance_seed=np.arange(201, dtype=np.uint64),
    )

    def on_finished(matches: int) -> None:
        finished.append(matches)
        if sum(finished) >= 200:
            release(slow)

    results = play_matches(loaded.tables(20), [Plain(), Plain(), slow], specs, on_finished=on_finished)
    assert (results.termination == Termination.NORMAL).all()
    assert finished[-1] == 1, "the slow match came last although it began first"


def test_no_answer_within_the_move_clock_is_a_timeout_and_the_agent_plays_on() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    specs = _specs("openspiel:tic_tac_toe", 4)
    silent = Clocked(never, name="silent", tables_at_once=1)
    began = time.monotonic()
    results = play_matches(loaded.tables(4), [Plain(), silent], specs, clock=Clock(move_s=0.05))
    assert time.monotonic() - began < 3
    assert (results.termination == Termination.TIMEOUT).all()
    assert silent.lost == silent.sent
    assert silent.clock == (0.05, None)
    assert {fault.log for fault in results.faults} == {"the last words"}
    assert len(silent.sent) == 4
    seat = np.argmax(specs.seats == 1, axis=1)
    assert (results.forfeit == seat).all()
    assert (results.seconds[np.arange(4), seat] >= 0.05).all()


def test_an_answer_is_judged_by_its_arrival_not_by_when_the_engine_looked() -> None:
    loaded = load_game("openspiel:tic_tac_toe")

    def busy(batch: Any) -> NDArray[np.int64]:
        time.sleep(0.12)  # the engine is held up past the other's deadline
        actions: NDArray[np.int64] = batch.legal.sample(batch.seed())
        return actions

    specs = _specs("openspiel:tic_tac_toe", 2)
    results = play_matches(loaded.tables(2), [Plain("busy", busy), Clocked(at_once)], specs, clock=Clock(move_s=0.1))
    assert (results.termination == Termination.NORMAL).all()


def test_the_match_clock_counts_all_answers_of_a_player() -> None:
    loaded = load_game("openspiel:connect_four")

    def in_four_tenths(agent: Clocked, ticket: int, actions: NDArray[Any], inbox: queue.SimpleQueue[Answer]) -> None:
        inbox.put((ticket, actions, time.monotonic() + 0.4))

    slow = Clocked(in_four_tenths, tables_at_once=1)
    specs = _specs("openspiel:connect_four", 2)
    results = play_matches(loaded.tables(2), [slow, Plain()], specs, clock=Clock(match_s=1.0))
    assert (results.termination == Termination.TIMEOUT).all()
    assert len(slow.sent) == 6, "two answers in time, the third late, in each match"


def test_a_stale_answer_does_not_reach_the_next_match() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    late: list[int] = []

    class Late(Clocked):
        def timed_out(self, ticket: int) -> None:
            late.append(ticket)
            self.inbox.put((ticket, np.array([77]), time.monotonic()))  # an answer after all

    agent = Late(lambda self, ticket, actions, inbox: None if ticket == 1 else at_once(self, ticket, actions, inbox))
    agent.info = Clocked(at_once, tables_at_once=1).info
    specs = _specs("openspiel:tic_tac_toe", 6)
    results = play_matches(loaded.tables(1), [Plain(), agent], specs, clock=Clock(move_s=0.05))
    assert late == [1]
    assert results.termination.tolist() == [Termination.TIMEOUT] + [Termination.NORMAL] * 5


def test_an_agent_sits_in_no_more_matches_than_it_can() -> None:
    loaded = load_game("openspiel:leduc_poker")
    specs = _specs("openspiel:leduc_poker", 60, agents=3)
    limited = Clocked(at_once, tables_at_once=2)
    results = play_matches(loaded.tables(40), [Plain(), limited, Plain()], specs)
    assert max(len(batch) for batch in limited.batches) <= 2
    assert results.equals(play_matches(loaded.tables(40), [Plain(), Plain(), Plain()], specs))


def test_seats_must_fit_the_game_and_the_agents() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    with pytest.raises(SpecificationError, match="2 players; the schedule seats 3"):
        play_matches(loaded.tables(1), [Plain()] * 3, round_robin(3, 3, matches=3, seed=0).specs(0, 3))
    with pytest.raises(SpecificationError, match="names agent 1; there are 1"):
        play_matches(loaded.tables(1), [Plain()], round_robin(2, 2, matches=2, seed=0).specs(0, 2))


def test_no_matches_give_no_results() -> None:
    loaded = load_game("openspiel:tic_tac_toe")
    results = play_matches(loaded.tables(3), [Plain(), Plain()], _specs("openspiel:tic_tac_toe", 2).take(slice(0, 0)))
    assert len(results) == 0
    assert len(results.actions) == 0


@pytest.mark.parametrize(
    ("utility", "bounds", "players", "expected"),
    [
        ("zero_sum", (-1.0, 1.0), 2, [-1.0, 1.0]),
        ("zero_sum", (-6.0, 6.0), 3, [-6.0, 3.0, 3.0]),
        ("zero_sum", (None, None), 2, [-1.0, 1.0]),
        ("constant_sum", (0.0, 1.0), 2, [0.0, 1.0]),
        ("general_sum", (0.0, 10.0), 3, [0.0, 10.0, 10.0]),
        ("identical", (0.0, 25.0), 2, [0.0, 0.0]),
    ],
)
def test_who_gets_what_when_player_0_forfeits(
    utility: Any, bounds: tuple[float | None, float | None], players: int, expected: list[float]
) -> None:
    info = GameInfo(
        specification="test:x",
        title="x",
        version="1",
        num_players=players,
        action_space=ActionSpace(size=2),
        utility=utility,
        min_utility=bounds[0],
        max_utility=bounds[1],
    )
    assert forfeit_returns(info, np.array([0])).tolist() == [expected]


@pytest.mark.parametrize("clock", [{"move_s": 0.0}, {"match_s": -1.0}, {"move_s": float("inf")}])
def test_a_clock_is_more_than_nothing(clock: dict[str, float]) -> None:
    with pytest.raises(SpecificationError, match="clock must be more than 0"):
        Clock(**clock)
