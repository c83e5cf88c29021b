"""``llm:MODEL@URL``: a language model behind an OpenAI-compatible endpoint plays any game that has a text.

Every decision is a conversation of its own: the question, and after an answer that is no legal move the reason, as often as
``attempts`` allows. Then the match is forfeited, as an illegal move or as a breach of protocol. An endpoint that is down is
neither: it stops the run, nothing is recorded of the block, and the same command goes on from there.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.agents.chat_endpoint import (
    ChatAnswer,
    ChatEndpoint,
    ChatMessage,
    EndpointDown,
    EndpointError,
    EndpointLate,
    EndpointRefused,
    shown,
)
from arena.agents.llm_prompt import Moves, NoMove, asked_again, questions, read_move
from arena.agents.llm_specification import read_llm
from arena.agents.protocol import action_column
from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentInfo,
    AgentTimeout,
    Answer,
    Game,
    IllegalChoice,
    ObservationBatch,
    ProtocolError,
    SpecificationError,
)
from arena.games.game import GameInfo
from arena.games.seeds import seed_of
from arena.games.usage import Usage

SEED_BITS = 31  # what every server takes
LOG = 2000  # characters of a model's last answer that are kept with a forfeit


def load(rest: str, *, game: Game, name: str) -> LlmAgent:
    """The agent of ``llm:MODEL@URL(key=value, ...)``.

    Raises:
        SpecificationError: not of that form, a wrong value, or a game without a text.
        UnknownName: an option that there is not.
    """
    settings, options = read_llm(rest, {"system": "", "seeded": False})
    system, seeded, attempts = options["system"], options["seeded"], options["attempts"]
    assert isinstance(system, str)
    assert isinstance(seeded, bool)
    assert isinstance(attempts, int)
    if not game.info.has_text:
        raise SpecificationError(f"llm: reads what a game says, and {game.info.title} has no text; use another agent")
    return LlmAgent(ChatEndpoint(settings), game=game.info, name=name, attempts=attempts, system=system, seeded=seeded)


@dataclass(slots=True, kw_only=True)
class _Request:
    """One open ticket: the actions so far, None where one is missing."""

    ticket: int
    inbox: queue.SimpleQueue[Answer]
    actions: list[int | list[float] | None]
    over: bool = False


@dataclass(slots=True)
class _Match:
    """What one player's match has used, and how many of its questions are out."""

    used: Usage = field(default_factory=Usage)
    out: int = 0


class LlmAgent:
    """A `ClockedAgent` and `Metered`: each decision is asked from a thread of its own, as many at once as the endpoint allows.

    Args:
        endpoint: the model; closed with the agent.
        game: what it plays.
        name: what results call it.
        attempts: how often one decision is asked, in all, until the answer is a legal move.
        system: takes the place of the usual first words.
        seeded: whether each decision's own random word is sent along, for servers that draw by it.
    """

    def __init__(
        self,
        endpoint: ChatEndpoint,
        *,
        game: GameInfo,
        name: str,
        attempts: int = 3,
        system: str = "",
        seeded: bool = False,
    ):
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1; got {attempts}")
        self.endpoint, self.game, self.attempts, self.system, self.seeded = endpoint, game, attempts, system, seeded
        self.info = AgentInfo(
            name=name,
            deterministic=False,
            remembers=True,
            tables_at_once=endpoint.settings.concurrency,
            separate=True,
        )
        self._state = threading.Lock()  # guards all below
        self._matches: dict[tuple[int, int], _Match] = {}
        self._requests: dict[int, _Request] = {}
        self._total = Usage()

    @property
    def total(self) -> Usage:
        """What all matches together used so far."""
        return self._total

    @property
    def log(self) -> str:
        """A model says nothing besides its answers."""
        return ""

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None: ...

    def require_started(self) -> None:
        """Asks whether the endpoint is there, at no cost.

        Raises:
            AgentCrashed: nobody answers, or the key is refused.
        """
        try:
            self.endpoint.require_reachable()
        except EndpointDown as error:
            raise AgentCrashed(f"{error}; start the server before the match, or mend the URL or the key") from None

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        with self._state:
            for seat in zip(table.tolist(), player.tolist(), strict=True):
                self._matches[seat] = _Match()

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        began = time.monotonic()
        asked = questions(batch, self.system)
        limits = [math.inf] * len(asked) if batch.limit_s is None else batch.limit_s.tolist()
        seeds = [seed_of(("decision", word)) % 2**SEED_BITS for word in batch.seed().tolist()]
        request = _Request(ticket=ticket, inbox=inbox, actions=[None] * len(asked))
        seats = list(zip(batch.table.tolist(), batch.player.tolist(), strict=True))
        with self._state:
            self._requests[ticket] = request
            matches = [self._matches.setdefault(seat, _Match()) for seat in seats]
        for row, ((messages, moves), match, limit, seed) in enumerate(zip(asked, matches, limits, seeds, strict=True)):
            deadline = None if math.isinf(limit) else began + limit
            arguments = (request, row, match, messages, moves, seed if self.seeded else None, deadline)
            threading.Thread(target=self._decide, args=arguments, name=f"agent {self.info.name}", daemon=True).start()

    def timed_out(self, ticket: int) -> None:
        """Waits for the answer no more."""
        with self._state:
            request = self._requests.get(ticket)
        if request is not None:
            self._finish(request, AgentTimeout(f"{self.info.name} did not answer in time"))

    def usage(self, table: int, player: int) -> Usage:
        """What this match used so far; of a question that is still out nobody knows the tokens."""
        with self._state:
            match = self._matches.get((table, player), _Match())
            unknown = Usage(requests=match.out, prompt_tokens=None, completion_tokens=None, cost=None)
            return match.used + unknown if match.out else match.used

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        with self._state:
            for seat in zip(table.tolist(), player.tolist(), strict=True):
                self._matches.pop(seat, None)

    def close(self) -> None:
        self.endpoint.close()

    def _decide(
        self,
        request: _Request,
        row: int,
        match: _Match,
        messages: Sequence[ChatMessage],
        moves: Moves,
        seed: int | None,
        deadline: float | None,
    ) -> None:
        """One decision, on a thread of its own."""
        answer: int | list[float] | Exception
        try:
            answer = self._answer(request, match, messages, moves, seed, deadline)
        except Exception as error:  # noqa: BLE001  the engine's to raise: a thread has nobody to tell
            answer = error
        self._note(request, row, answer)

    def _answer(
        self,
        request: _Request,
        match: _Match,
        messages: Sequence[ChatMessage],
        moves: Moves,
        seed: int | None,
        deadline: float | None,
    ) -> int | list[float]:
        """The move.

        Raises:
            AgentFault: there is none, and the match is lost.
            EndpointDown: the endpoint cannot be asked, which loses no match.
        """
        answer, fault = ChatAnswer(text=""), NoMove("", illegal=False)
        for _ in range(self.attempts):
            if request.over:
                raise AgentTimeout(f"{self.info.name} did not answer in time")
            answer = self._ask(match, messages, seed, deadline)
            found = read_move(answer, moves)
            if not isinstance(found, NoMove):
                return found
            fault = found
            messages = asked_again(messages, answer, moves, fault)
        answers = "one answer" if self.attempts == 1 else f"{self.attempts} answers"
        said = f"named no legal move in {answers}; the last was told: {fault.reason}"
        log = shown(answer.refusal or answer.text, LOG)
        raise IllegalChoice(said, log) if fault.illegal else ProtocolError(said, log)

    def _ask(
        self, match: _Match, messages: Sequence[ChatMessage], seed: int | None, deadline: float | None
    ) -> ChatAnswer:
        with self._state:
            match.out += 1
        used = Usage()
        try:
            answer = self.endpoint.ask(messages, seed=seed, deadline=deadline)
            used = answer.usage
        except EndpointDown as error:
            used = error.usage
            raise
        except EndpointError as error:
            used = error.usage
            raise self._fault(error) from None
        finally:
            with self._state:
                match.out -= 1
                match.used = match.used + used
                self._total = self._total + used
        return answer

    def _fault(self, error: EndpointError) -> AgentFault:
        kinds: list[tuple[type[EndpointError], type[AgentFault]]] = [
            (EndpointLate, AgentTimeout),
            (EndpointRefused, AgentCrashed),
        ]
        kind = next((fault for kind, fault in kinds if isinstance(error, kind)), ProtocolError)
        return kind(str(error), error.log)

    def _note(self, request: _Request, row: int, answer: int | list[float] | Exception) -> None:
        if isinstance(answer, Exception):
            self._finish(request, answer)
            return
        with self._state:
            request.actions[row] = answer
            actions = [action for action in request.actions if action is not None]
        if len(actions) == len(request.actions):
            self._finish(request, action_column(actions, self.game.action_space))

    def _finish(self, request: _Request, answer: NDArray[Any] | Exception) -> None:
        with self._state:
            if request.over:
                return
            request.over = True
            del self._requests[request.ticket]
        request.inbox.put((request.ticket, answer, time.monotonic()))
