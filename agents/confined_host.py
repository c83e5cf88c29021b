"""The other side of `arena.agents.confined`: reads one policy or network and answers batches of decisions, line by line.

`python -m arena.agents.confined_host`, in a process that is confined and may be ended at any moment.
"""

from __future__ import annotations

import binascii
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from arena.agents.batch_message import Line, pack, to_line, told_batch, told_game, told_part, unpack
from arena.agents.observation import Part
from arena.games import (
    AgentFault,
    ArenaError,
    Game,
    GameInfo,
    MixturePolicy,
    NotProvided,
    ObservationBatch,
    TableBatch,
    load_game,
)


def main() -> None:
    """Serves standard input and output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    serve(sys.stdin.buffer, answers)


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Says that it is there, and answers questions until there are no more."""
    _say(answers, {"type": "ready"})
    host: Host | None = None
    for line in asked:
        message = json.loads(line)
        if message["type"] == "load":
            host, answer = _loaded(message, asked, answers)
        else:
            assert host is not None
            answer = host.answer(message)
        _say(answers, answer)


class Host:
    """An agent, and where it reads the batches that it is asked about."""

    def __init__(self, agent: Any, info: GameInfo, asked: BinaryIO, answers: BinaryIO):
        self.agent, self.info = agent, info
        self._asked, self._answers = asked, answers

    def about(self) -> Line:
        """What is said of the agent."""
        policy = getattr(self.agent, "policy", None)
        memory = int(getattr(self.agent, "memory_width", 0))
        if isinstance(policy, MixturePolicy):
            weights = [policy.weights_of(player).tolist() for player in range(self.info.num_players)]
            return {"type": "loaded", "form": "mixture", "memory": memory, "weights": weights}
        return {"type": "loaded", "form": "network" if policy is None else "table", "memory": memory}

    def answer(self, message: Line) -> Line:
        """The answer to a question."""
        if message["type"] == "start":
            self.agent.start(
                unpack(message["table"], np.int64, (-1,)),
                unpack(message["player"], np.int64, (-1,)),
                unpack(message["seed"], np.uint64, (-1,)),
            )
            return {"type": "answer"}
        if message["type"] == "table":
            return {"type": "answer", "table": self.agent.policy.table}
        tables = _Told(self, message["parts"])
        tables.batch = batch = told_batch(message, tables)
        try:
            if message["type"] == "act":
                return {"type": "answer", "actions": pack(self.agent.act(batch).astype(np.int64))}
            return self._probabilities(batch, message)
        except AgentFault as fault:
            return {"type": "fault", "why": str(fault)}

    def _probabilities(self, batch: ObservationBatch, message: Line) -> Line:
        if "memory" in message:
            memory = unpack(message["memory"], np.float32, (len(batch), -1))
            probabilities, after = self.agent.probabilities_after(batch, memory)
            return {"type": "answer", "probabilities": pack(probabilities), "memory": pack(after)}
        policy = getattr(self.agent, "policy", self.agent)
        if message["member"] is not None:
            policy = policy.members[message["member"]]
        return {"type": "answer", "probabilities": pack(policy.probabilities(batch))}

    def need(self, part: Part) -> object:
        """Asks for a part of the batch."""
        _say(self._answers, {"type": "need", "part": part})
        return json.loads(self._asked.readline())["told"]


class _Told:
    """The tables behind a batch, as far as the other side tells of them."""

    batch: ObservationBatch

    def __init__(self, host: Host, told: Mapping[Part, object]):
        self.info, self._host = host.info, host
        self._parts = {part: told_part(one, part) for part, one in told.items()}

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", self._part("tensor"))[self._rows(table, player)]

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", self._part("information_state_tensor"))[self._rows(table, player)]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        told = cast("list[str]", self._part("information_state"))
        return told if table is self.batch.table else [told[row] for row in self._rows(table, player).tolist()]

    def _part(self, part: Part) -> list[str] | NDArray[np.float32]:
        if part not in self._parts:
            self._parts[part] = told_part(self._host.need(part), part)
        return self._parts[part]

    def _rows(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of the batch in which these players of these tables are asked."""
        if table is self.batch.table:
            return np.arange(len(table))
        players = self.info.num_players
        key = self.batch.table * players + self.batch.player
        order = np.argsort(key)
        found: NDArray[np.int64] = order[np.searchsorted(key, table * players + player, sorter=order)]
        return found


class _ToldGame:
    """A game of which only the facts are known."""

    def __init__(self, info: GameInfo):
        self.info = info

    def tables(self, capacity: int) -> TableBatch:
        raise NotProvided(f"{self.info.title} is played elsewhere")


def _loaded(message: Mapping[str, Any], asked: BinaryIO, answers: BinaryIO) -> tuple[Host | None, Line]:
    """The agent of a file with what is said of it; None where there is none, or none was asked for."""
    place = Path(message["file"])
    try:
        place.write_bytes(binascii.a2b_base64(message["content"]))
        try:
            return _read(f"{message['scheme']}:{place}", message, asked, answers)
        finally:
            place.unlink()
    except MemoryError:
        return None, {"type": "refused", "why": "it takes more memory than an agent may use"}
    except RecursionError:
        return None, {"type": "refused", "why": "it is nested too deeply"}
    except ArenaError as error:
        return None, {"type": "refused", "why": str(error)}
    except Exception as error:  # noqa: BLE001 -- whatever the file does to its reader is its fault
        return None, {"type": "refused", "why": f"{type(error).__name__}: {error}"}


def _read(
    specification: str, message: Mapping[str, Any], asked: BinaryIO, answers: BinaryIO
) -> tuple[Host | None, Line]:
    from arena.agents.registry import check_content, load_agent

    told = message["game"]
    if told is None:
        check_content(specification)
        return None, {"type": "loaded"}
    game: Game = load_game(told) if isinstance(told, str) else _ToldGame(told_game(told))
    host = Host(load_agent(specification, game=game, name=message["name"]), game.info, asked, answers)
    return host, host.about()


def _say(answers: BinaryIO, message: Line) -> None:
    answers.write(to_line(message).encode())
    answers.flush()


if __name__ == "__main__":
    main()
