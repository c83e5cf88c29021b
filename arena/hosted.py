"""The hosted lane: matches of games that are programs, each in a process tree of its own that ends with it, or with us.

A host that fails, because the game crashed or did not start, holds the match again, twice at most; then the match is recorded
as unrated, and nobody has lost. What its players did wrong is their forfeit, as in every other lane.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.agents.hosted import HostedAgent
from arena.agents.process import Child, Limits
from arena.failing_games import ATTEMPTS, failure_noted
from arena.games import Agent, AgentFault, ClockedAgent, Game, SpecificationError
from arena.games.forfeits import forfeit_returns
from arena.games.hosted import Ending, HostedGame, HostedMatch, Outcome, read_outcome
from arena.games.ragged import Ragged
from arena.games.seeds import DECISION_STREAM, counter_hash
from arena.match import Clock
from arena.results import NOBODY, Fault, MatchFile, MatchResults, MatchSpec, MatchSpecs, Termination

LONGEST_MATCH_S = 7200.0
FILE_BYTES = 32 << 20  # of a file kept with a match; a log is cut at its beginning, anything else is left out
LOG_BYTES = 256 << 10
FACTS = "match.json"
LIMITS = Limits(start_s=LONGEST_MATCH_S, grace_s=0.5, memory_bytes=64 << 30, output_bytes=64 << 20)
TERMINATIONS: dict[Ending, Termination] = {
    "over": Termination.NORMAL,
    "time_limit": Termination.TRUNCATED,
    "timeout": Termination.TIMEOUT,
    "crash": Termination.CRASH,
    "protocol_error": Termination.PROTOCOL_ERROR,
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """What came of a match: the outcome, or None where every attempt failed. ``failures``: why attempts did; ``files``: those that are kept, after
    failures alone the logs of the last attempt."""

    outcome: Outcome | None
    failures: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...] = ()


def play_hosted(
    game: Game,
    agents: Sequence[Agent | ClockedAgent],
    specs: MatchSpecs,
    *,
    clock: Clock,
    on_finished: Callable[[int], None] | None = None,
) -> MatchResults:
    """The results of all matches of `specs`, in their order; they are held one after the other.

    Raises:
        SpecificationError: a seat has an agent that this game cannot start.
    """
    held_by = hosted(game)
    seated = [_player(agent, game) for agent in agents]
    held: list[_Held] = []
    for spec in (specs[row] for row in range(len(specs))):
        held.append(_hold(held_by, seated, spec, clock))
        if on_finished:
            on_finished(1)
    return _results(game, specs, held)


def hosted(game: Game) -> HostedGame:
    """The game as such a one."""
    assert game.info.lane == "hosted"
    return game  # type: ignore[return-value]  # what the lane says


def _player(agent: Agent | ClockedAgent, game: Game) -> HostedAgent:
    if not isinstance(agent, HostedAgent):
        raise SpecificationError(f"{agent.info.name} cannot be seated in {game.info.title}: its players are programs")
    return agent


def _hold(game: HostedGame, agents: Sequence[HostedAgent], spec: MatchSpec, clock: Clock) -> _Held:
    """Holds a match, again where the game fails."""
    failures: list[str] = []
    logs: tuple[tuple[str, bytes], ...] = ()
    seats = [agents[number] for number in spec.seats]
    while len(failures) < ATTEMPTS:
        with tempfile.TemporaryDirectory(prefix="arena-match-") as folder:
            match = HostedMatch(
                names=tuple(agent.info.name for agent in seats),
                players=tuple(agent.player for agent in seats),
                seeds=tuple(
                    int(counter_hash(np.uint64(spec.seed), DECISION_STREAM + seat, 0)) for seat in range(len(seats))
                ),
                chance_seed=spec.chance_seed,
                move_s=clock.move_s,
                match_s=clock.match_s,
                folder=Path(folder),
            )
            said = _ask_host(game, match)
            if isinstance(said, Outcome):
                return _Held(said, tuple(failures), _kept(said))
            logs = _contents({path.name: str(path) for path in sorted(Path(folder).glob("*.log"))})
        failures.append(said)
        logger.warning("match %d failed: %s", spec.index, said)
    return _Held(None, tuple(failures), logs)


def _ask_host(game: HostedGame, match: HostedMatch) -> Outcome | str:
    """What the host of a match says, or why it failed. Afterwards nothing of it runs."""
    lines: list[bytes] = []
    over = threading.Event()
    faults: list[AgentFault] = []

    def hear(line: bytes, _: float) -> None:
        lines.append(line)

    def end(fault: AgentFault | None, _: float) -> None:
        if fault is not None:
            faults.append(fault)
        over.set()

    line = game.assignment(match)
    child = Child("the host", game.host, limits=LIMITS, on_line=hear, on_end=end)
    try:
        child.condemn(AgentFault(f"the match took over {LONGEST_MATCH_S:g} s"), after_s=LONGEST_MATCH_S)
        child.write(line)
        over.wait()
    finally:
        child.close()
    if lines:
        return read_outcome(lines[-1])
    return str(faults[0])


def _kept(outcome: Outcome) -> tuple[tuple[str, bytes], ...]:
    """The files of a match as they are recorded, its facts first."""
    facts = (json.dumps(outcome.facts, indent=1) + "\n").encode()
    return ((FACTS, facts), *_contents(outcome.files))


def _contents(files: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """(name, content) of files that lie somewhere, as far as they are kept."""
    kept: list[tuple[str, bytes]] = []
    for name, place in files.items():
        path = Path(place)
        if path.suffix == ".log":
            content = path.read_bytes()[-LOG_BYTES:]
        elif path.stat().st_size <= FILE_BYTES:
            content = path.read_bytes()
        else:
            logger.warning("%s has over %d bytes and is not kept", name, FILE_BYTES)
            continue
        if content:
            kept.append((name, content))
    return tuple(kept)


def _results(game: Game, specs: MatchSpecs, held: Sequence[_Held]) -> MatchResults:
    players = game.info.num_players
    returns, seconds = np.zeros((len(held), players)), np.zeros((len(held), players), np.float32)
    termination, forfeit = np.zeros(len(held), np.int8), np.full(len(held), NOBODY, np.int8)
    faults: list[Fault] = []
    files: list[MatchFile] = []
    for row, one in enumerate(held):
        index, outcome = int(specs.index[row]), one.outcome
        if one.failures:
            faults.append(failure_noted(index, one.failures, played=outcome is not None))
        files += [MatchFile(index=index, name=name, content=content) for name, content in one.files]
        if outcome is None:
            termination[row] = Termination.INFRASTRUCTURE
            continue
        ending = TERMINATIONS[outcome.ending]
        termination[row], returns[row], seconds[row] = ending, outcome.returns, outcome.seconds
        if outcome.at_fault is not None:
            forfeit[row] = outcome.at_fault
            returns[row] = forfeit_returns(game.info, np.array([outcome.at_fault]))[0]
            faults.append(Fault(index=index, player=outcome.at_fault, termination=ending, message=outcome.message))
    return MatchResults(
        specs=specs,
        returns=returns,
        termination=termination,
        forfeit=forfeit,
        actions=Ragged(np.empty(0, game.info.action_space.history_dtype), np.zeros(len(held), np.int64)),
        seconds=seconds,
        faults=tuple(faults),
        files=tuple(files),
    )
