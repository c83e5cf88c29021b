"""Holds one match of StarCraft II: starts the game, seats the players behind proxies, judges, keeps the replay, ends everything.

A process of its own: it reads its assignment from standard input, and says in one line what came of it. Whoever started it ends all
that it started, should it not come to that.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.server import serve

from arena.games.errors import GameFailed
from arena.games.hosted import Ending, Outcome, failed_line
from arena.games.starcraft.assignment import Assignment, read_assignment
from arena.games.starcraft.bot_program import BotProgram
from arena.games.starcraft.game_process import GameProcess
from arena.games.starcraft.ports import LOCALHOST, NoPorts, reserved_ports
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb
from arena.games.starcraft.seat_proxy import SeatProxy

LOOK_EVERY_S = 0.25  # at clocks
GAME_ANSWERS_S = 120.0  # while no player is to speak
WIND_UP_S = 5.0  # for players to notice the end, and for the replay
REPLAY, STANDIN_REPLAY = "replay.SC2Replay", "standin-replay.json"


@dataclass(frozen=True, slots=True)
class _Decision:
    """Why a match is over; ``seat``: who is at fault, or who left."""

    ending: Ending
    seat: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """Everything of a running match; by seat, None for the computer player."""

    assignment: Assignment
    seats: Sequence[SeatProxy | None]
    bots: Sequence[BotProgram | None]

    @property
    def taken(self) -> list[tuple[int, SeatProxy, BotProgram]]:
        """The seats of programs."""
        both = enumerate(zip(self.seats, self.bots, strict=True))
        return [(number, seat, bot) for number, (seat, bot) in both if seat is not None and bot is not None]


async def conduct(assignment: Assignment) -> Outcome:
    """Plays the match to its end.

    Raises:
        GameFailed: the game did not start, or crashed; nobody lost.
    """
    programs = [number for number, seat in enumerate(assignment.seats) if seat.command]
    async with contextlib.AsyncExitStack() as stack:
        try:
            ports = stack.enter_context(reserved_ports(len(programs) + 4))
        except NoPorts as error:
            raise GameFailed(str(error)) from None
        games = await _start_games(assignment, ports[4:], stack)
        await _create(assignment, games)
        seats: list[SeatProxy | None] = [None] * len(assignment.seats)
        bots: list[BotProgram | None] = [None] * len(assignment.seats)
        for number, game in zip(programs, games, strict=True):
            lan = ports[:4] if len(programs) > 1 else []
            seat = SeatProxy(assignment.seats[number].name, game, assignment.rules, ports=lan, start_port=ports[0])
            server = await stack.enter_async_context(
                serve(seat.attend, LOCALHOST, 0, compression=None, max_size=None, ping_interval=None)
            )
            stack.callback(seat.release)
            others = [other.name for at, other in enumerate(assignment.seats) if at != number]
            bots[number] = BotProgram(
                assignment.seats[number],
                log=Path(assignment.folder, f"seat-{number + 1}.log"),
                port=server.sockets[0].getsockname()[1],
                start_port=ports[0],
                opponent=others[0] if others else "",
            )
            seats[number] = seat
        table = _Table(assignment, seats, bots)
        for _, _, bot in table.taken:
            await stack.enter_async_context(bot)
        decision = await _play(table)
        replay = await _wind_up(table, decision)
        return _outcome(table, decision, replay)


async def _start_games(
    assignment: Assignment, ports: Sequence[int], stack: contextlib.AsyncExitStack
) -> list[GameProcess]:
    games = [
        GameProcess(Path(assignment.program), Path(assignment.base), port=port, data_version=assignment.data_version)
        for port in ports
    ]
    started = await asyncio.gather(*map(stack.enter_async_context, games), return_exceptions=True)
    for one in started:
        if isinstance(one, BaseException):
            raise one
    return games


async def _create(assignment: Assignment, games: Sequence[GameProcess]) -> None:
    """Creates the match in the first process; the computer player sits last, as no program may name its number."""
    content = Path(assignment.base, "Maps", assignment.map_path).read_bytes()
    created = sc_pb.RequestCreateGame(random_seed=assignment.seed, realtime=False, disable_fog=False)
    created.local_map.map_path = assignment.map_path
    if len(games) == 1:
        created.local_map.map_data = content
    else:
        saved = sc_pb.RequestSaveMap(map_path=assignment.map_path, map_data=content)
        for game in games:
            await game.ask(sc_pb.Request(save_map=saved))
    for seat in sorted(assignment.seats, key=lambda seat: not seat.command):
        if seat.command:
            created.player_setup.add(type=sc_pb.Participant)
        else:
            created.player_setup.add(type=sc_pb.Computer, difficulty=seat.difficulty, race=seat.race)
    told = await games[0].ask(sc_pb.Request(create_game=created))
    if told.create_game.HasField("error") or told.error:
        kind = sc_pb.ResponseCreateGame.Error.Name(told.create_game.error) if told.create_game.error else "error"
        details = told.create_game.error_details or ", ".join(told.error)
        raise GameFailed(f"the game refuses {assignment.map_path}: {kind} {details}".rstrip())


async def _play(table: _Table) -> _Decision:
    """Waits until the match is decided.

    Raises:
        GameFailed: by the game itself.
    """
    begun = asyncio.get_running_loop().time()
    idle_since = begun
    while True:
        for _, seat, _ in table.taken:
            seat.changed.clear()
        if (decision := _decided(table, asyncio.get_running_loop().time() - begun)) is not None:
            return decision
        if any(seat.thinks_since is not None or not seat.joining for _, seat, _ in table.taken):
            idle_since = asyncio.get_running_loop().time()
        elif asyncio.get_running_loop().time() - idle_since > GAME_ANSWERS_S:
            raise GameFailed(f"the game did not answer within {GAME_ANSWERS_S:g} s")
        waits: list[asyncio.Future[object]] = []
        for _, seat, bot in table.taken:
            waits += [asyncio.ensure_future(seat.changed.wait()), asyncio.ensure_future(bot.ended())]
        await asyncio.wait(waits, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()


def _decided(table: _Table, since_start_s: float) -> _Decision | None:
    rules = table.assignment.rules
    ended = [(number, seat.ended.result()) for number, seat, _ in table.taken if seat.ended.done()]
    for _, (how, why) in ended:  # the game's failure goes before whatever followed from it
        if how == "failed":
            raise GameFailed(why)
    if any(seat.results for _, seat, _ in table.taken):
        return _Decision("over")
    for number, (how, why) in ended:
        if how == "left":
            return _Decision("over", number, why)
        return _Decision("crash" if how == "closed" else "protocol_error", number, why)
    if all(seat.loop >= rules.max_loops for _, seat, _ in table.taken):
        return _Decision("over" if rules.scored else "time_limit")
    for number, seat, bot in table.taken:
        if (fault := _late(table, seat, bot, since_start_s)) is not None:
            ending, why = fault
            return _Decision(ending, number, why)
    return None


def _late(table: _Table, seat: SeatProxy, bot: BotProgram, since_start_s: float) -> tuple[Ending, str] | None:
    """Why this player has lost by its own silence, if it has."""
    rules, thinking = table.assignment.rules, seat.thinking_s()
    if bot.exit_code is not None and not seat.joining:
        return "crash", f"{seat.name} ended with exit code {bot.exit_code} before it joined"
    if not seat.joining:
        late = since_start_s > rules.start_s
        return ("timeout", f"{seat.name} did not join within {rules.start_s:g} s") if late else None
    if seat.player is None:
        return None
    if rules.move_s is not None and seat.times.current_s + thinking > rules.move_s:
        return "timeout", f"{seat.name} took over {rules.move_s:g} s for a step, at game loop {seat.loop}"
    if rules.match_s is not None and seat.times.total_s + thinking > rules.match_s:
        return "timeout", f"{seat.name} took over {rules.match_s:g} s for all its steps, at game loop {seat.loop}"
    if thinking > rules.silent_s:
        return "timeout", f"{seat.name} was silent for {rules.silent_s:g} s, at game loop {seat.loop}"
    return None


async def _wind_up(table: _Table, decision: _Decision) -> bytes:
    """Keeps the replay, lets the others see the end, and waits a moment for them; the replay, empty where there is none."""
    replay = b""
    here = [(number, seat) for number, seat, _ in table.taken if seat.player is not None]
    order = sorted(here, key=lambda one: one[0] != decision.seat)  # whoever is at fault is asked nothing anymore
    for number, seat in order:
        with contextlib.suppress(GameFailed, TimeoutError):
            if not replay:
                told = await _in_time(seat, sc_pb.Request(save_replay=sc_pb.RequestSaveReplay()))
                replay = told.save_replay.data
            if decision.ending == "over" and decision.seat is None:
                continue
            if number == decision.seat:
                await _in_time(seat, sc_pb.Request(leave_game=sc_pb.RequestLeaveGame()))
    if (
        decision.ending in ("over", "time_limit")
        and decision.seat is None
        and not any(seat.results for _, seat in here)
    ):
        for _, seat in here:  # a budget that was used up: the score of its last loop
            with contextlib.suppress(GameFailed, TimeoutError):
                await asyncio.wait_for(seat.look(), WIND_UP_S)
    if decision.seat is not None or any(seat.results for _, seat in here):
        ends = [
            asyncio.ensure_future(bot.ended())
            for number, seat, bot in table.taken
            if (number == decision.seat and decision.ending == "crash")  # for its last words
            or (number != decision.seat and seat.player is not None)
        ]
        if ends:
            await asyncio.wait(ends, timeout=WIND_UP_S)
    return replay


async def _in_time(seat: SeatProxy, request: sc_pb.Request) -> sc_pb.Response:
    return await asyncio.wait_for(seat.game.ask(request), WIND_UP_S)


def _outcome(table: _Table, decision: _Decision, replay: bytes) -> Outcome:
    assignment, taken = table.assignment, table.taken
    at_fault = decision.seat if decision.ending in ("timeout", "crash", "protocol_error") else None
    said = next((bot.last_words() for number, _, bot in taken if number == at_fault), "")
    files = {bot.log.name: str(bot.log) for _, _, bot in taken}
    if replay:
        path = Path(assignment.folder, REPLAY if replay[:3] == b"MPQ" else STANDIN_REPLAY)  # the game's archives
        path.write_bytes(replay)
        files[path.name] = str(path)
    content = Path(assignment.base, "Maps", assignment.map_path).read_bytes()
    loop = max(seat.loop for _, seat, _ in taken)
    times = {
        assignment.seats[number].name: {
            "steps": seat.times.steps,
            "average_step_s": round(seat.times.total_s / max(1, seat.times.steps), 6),
            "slowest_step_s": round(seat.times.slowest_s, 6),
        }
        for number, seat, _ in taken
    }
    return Outcome(
        returns=_returns(table, decision),
        ending=decision.ending,
        at_fault=at_fault,
        message=decision.message + said,
        seconds=tuple(0.0 if seat is None else seat.times.total_s for seat in table.seats),
        facts={
            "map": assignment.map_path,
            "map_sha256": hashlib.sha256(content).hexdigest(),
            "game_loops": loop,
            "most_loops": assignment.rules.max_loops,
            "step_loops": assignment.rules.step_loops,
            "seed": assignment.seed,
            "players": times,
        },
        files=files,
    )


def _returns(table: _Table, decision: _Decision) -> tuple[float, ...]:
    """Of a mini-game the score; else 1 for who won and -1 for who lost. What a fault pays is its game's to say."""
    if table.assignment.rules.scored:
        return tuple(float(seat.score) for _, seat, _ in table.taken)
    numbers = range(len(table.seats))
    if decision.seat is not None:
        return tuple(-1.0 if number == decision.seat else 1.0 for number in numbers)
    results = next((seat.results for _, seat, _ in table.taken if seat.results), {})
    worth = {sc_pb.Victory: 1.0, sc_pb.Defeat: -1.0}
    of_seat = {number: seat.player for number, seat, _ in table.taken}
    computer = next((player for player in results if player not in of_seat.values()), None)
    players = [of_seat.get(number, computer) for number in numbers]
    return tuple(worth.get(results.get(player, sc_pb.Tie), 0.0) if player else 0.0 for player in players)


def main() -> None:
    assignment = read_assignment(sys.stdin.readline())
    try:
        said = asyncio.run(conduct(assignment)).to_line()
    except GameFailed as failure:
        said = failed_line(str(failure))
    sys.stdout.write(said)


if __name__ == "__main__":
    main()
