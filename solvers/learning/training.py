"""Training a policy by self-play: so many steps of a learner on a game, measured exactly where the game can be, and resumable."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import torch

from arena.games.agent import Agent
from arena.games.errors import NotProvided, SpecificationError, UnknownName
from arena.games.game import Game
from arena.games.observation import Reads, reads_of
from arena.games.policy import Policy
from arena.games.tensor_threads import one_thread
from arena.games.worker_tables import in_workers
from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.iteration import Run, iterate
from arena.solvers.learning.device_matches import DeviceMatches
from arena.solvers.learning.empirical_game import EmpiricalGame
from arena.solvers.learning.learner import Learner
from arena.solvers.learning.measures import OFTEN, Measure
from arena.solvers.learning.methods import METHODS, Plan
from arena.solvers.learning.networks import PRECISIONS, Precision
from arena.solvers.learning.settings import Settings, require_number, require_whole, require_word, with_given
from arena.solvers.solution import Progress, Setting
from arena.solvers.tensor_tree import tensor_device

CPU = "cpu"
STEPS = 1_000_000
TABLES = 256
HIDDEN = (128, 128)
MOST_TABLES, WIDEST = 2**20, 2**16
"""More matches at once, or wider layers, are taken for a slip of the pen: they fit into no memory."""
LAST_SEED = 2**63 - 1
MANY_PRODUCTS = 2**26
"""Of a layer that is asked at all tables. Below, threads wait longer for one another than they multiply, and many times longer where
other programs are on the same cores."""

Watch = Callable[[int, Mapping[str, float]], None]
"""Hears (steps so far, numbers by name) after each update."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A policy that was learned, and how good it is.

    ``policy``: plays every seat. ``gap``: of the last policy, what ``gap_kind`` says: NashConv, exactly, or of teams the share of
    ``matches`` against the scripted team that were not won; None where the game is no Markov game and has no tree or too large a
    one, where `arena exploit` bounds it from below, of what remembers where its past is not in the tree, and of a response to an
    opponent. ``reads``: what its network reads. ``steps``: of tables, every seat's
    decisions among them; ``updates``. ``history``: (updates, gap) as measured. ``guarantee``: what theory says of it.
    ``population``: where the policy is a mixture of members, what they earn against each other.
    """

    policy: Policy = field(repr=False)
    gap: float | None
    gap_kind: str
    matches: int | None
    reads: Reads
    steps: int
    updates: int
    history: tuple[tuple[int, float], ...] = field(repr=False)
    settings: Mapping[str, Setting]
    population: EmpiricalGame | None = field(default=None, repr=False)
    guarantee: str = "none: theory is of tables; the gap, measured after the fact, says how good the policy is"
    source: str


def train(
    method: str,
    game: Game,
    *,
    steps: int = STEPS,
    tables: int = TABLES,
    hidden: tuple[int, ...] = HIDDEN,
    memory: int = 0,
    settings: Mapping[str, Setting] | None = None,
    until: float | None = None,
    measured: bool = True,
    opponent: Agent | None = None,
    seed: int = 0,
    device: str = CPU,
    precision: Precision = "float32",
    workers: int = 1,
    progress: Progress | None = None,
    watch: Watch | None = None,
    checkpoint: str | Path | None = None,
) -> Trained:
    """The policy that a method learns on a game by playing every seat itself, or against an opponent.

    Args:
        method: one of `arena.solvers.learning.methods.METHODS`.
        game: any game with listed actions and tensors; its players may take turns or move at once.
        steps: of all tables together, rounded up to whole updates; in a game with turns one decision each.
        tables: how many matches are played at once.
        hidden: widths of the layers of actor and critic.
        memory: width of the gated recurrent unit that they read of a match so far; 0 = they read what is observed now.
        settings: in place of the method's own; names and meanings as of its settings, for example `PPOSettings`.
        until: stop once the gap, as measured, is at most this.
        measured: False leaves the gap out where it could be measured.
        opponent: an agent to learn a best response to, which sits on the seats of all sides but one, match by match another one;
            it is asked as in any match and learns nothing. None = the policy plays every seat itself.
        seed: of chance, of draws and of the network's first weights.
        device: "cpu", "cuda" or "cuda:1": where the network learns and is asked. On a GPU its matches with itself are there too:
            of native board games, Markov games, SMAX and what is written out in 300,000 histories, in which nobody is asked
            where there is one thing to do; other games are played on the CPU, and so are matches with opponents. "torch" is
            the CPU with the same tensors.
        precision: "bfloat16" multiplies the layers of networks in it, with float32 weights, losses and optimiser: faster on GPUs,
            and on CPUs that can. What is measured and kept computes in float32.
        workers: processes that keep the tables, which pays where a step of the game is slow; results are the same. A program that
            asks for more than 1 must be importable, its work under ``if __name__ == "__main__":``.
        progress: called with (updates, gap) whenever it was measured.
        watch: called with (steps, numbers by name) after every update.
        checkpoint: a file (.npz) to go on from where it exists, written now and then, at the end and on Ctrl-C. A run that goes on
            ends as one that was never interrupted, on the same device and machine.

    Raises:
        Diverged: losses are no longer finite.
        NotProvided: a game without tensors or listed actions, or a device that is not there.
        SpecificationError: an argument or a setting outside its range, or a checkpoint of another run.
        UnknownName: no such method or setting.
    """
    own = checked(
        method,
        steps=steps,
        tables=tables,
        hidden=hidden,
        memory=memory,
        settings=settings or {},
        until=until,
        seed=seed,
        precision=precision,
    )
    chosen = METHODS[method]
    if opponent is not None and not chosen.responds:
        able = ", ".join(name for name, one in METHODS.items() if one.responds)
        raise NotProvided(f"{method} learns no response to another agent; {able} do: leave opponent out")
    require_whole("workers", workers)
    where = torch.device(CPU) if device == CPU else tensor_device(device)
    info, reads = game.info, reads_of(game.info)
    small = max(hidden) ** 2 * tables < MANY_PRODUCTS and where.type == CPU
    with in_workers(game, workers) as played, one_thread() if small else contextlib.nullcontext():
        learner = chosen.learner(
            Plan(
                game=game,
                played=played,
                steps=steps,
                tables=tables,
                hidden=tuple(hidden),
                memory=memory,
                precision=precision,
                opponent=opponent,
                seed=seed,
                device=where,
                tensors=device != CPU,
            ),
            own,
        )
        planned = math.ceil(steps / learner.steps_an_update)
        measure = chosen.measure(game) if measured and opponent is None else None
        if memory and measure is not None and not _takes(measure, learner.policy()):
            measure = None
        if until is not None and measure is None:
            raise NotProvided(
                f"until waits for NashConv, which is not measured of {info.specification}: leave it out, or give steps"
            )
        held = _Held(learner, planned, watch)
        told: dict[str, Setting] = {one.name: getattr(own, one.name) for one in fields(own)}
        told |= {
            "seed": seed,
            "tables": tables,
            "hidden": "x".join(map(str, hidden)),
            "memory": memory,
            "precision": precision,
        }
        run = Run(
            subject=Subject(
                method=f"train {method}",
                game=info.specification,
                fingerprint=fingerprint((np.frombuffer(f"{info.version} {reads}".encode(), np.uint8),)),
                settings={
                    **told,
                    "planned": planned,
                    "opponent": None if opponent is None else opponent.info.name,
                    **({"matches": "tensors"} if isinstance(learner.environment, DeviceMatches) else {}),
                },
            ),
            state=held.state,
            advance=held.advance,
            gap=lambda: math.nan if measure is None else measure.value(learner.policy()),
            growing=learner.growing,
            measure_growth=OFTEN if until is not None or measure is None else measure.growth,
        )
        history = iterate(
            run, iterations=planned, until=until, default=planned, progress=progress, checkpoint=checkpoint
        )
        held.take_up()
        return Trained(
            policy=learner.policy(),
            gap=history[-1][1] if measure is not None and history else None,
            gap_kind=chosen.gap_kind,
            matches=None if measure is None else measure.matches,
            reads=reads,
            steps=run.iterations * learner.steps_an_update,
            updates=run.iterations,
            history=history if measure is not None else (),
            settings={"steps": steps, "until": until, **told},
            population=None if chosen.population is None else chosen.population(learner),
            source=chosen.source,
        )


def _takes(measure: Measure, policy: Policy) -> bool:
    """Whether a policy that remembers is measured on this game."""
    try:
        measure.value(policy)
    except NotProvided:
        return False
    return True


def checked(
    method: str,
    *,
    steps: int,
    tables: int,
    hidden: tuple[int, ...],
    memory: int,
    settings: Mapping[str, Setting],
    until: float | None,
    seed: int,
    precision: str,
) -> Settings:
    """A method's settings with those given, once all that is asked for is as `train` takes it, whatever the game.

    Raises:
        NotProvided: a memory, for a method whose networks have none.
        SpecificationError: an argument or a setting outside its range.
        UnknownName: no such method or setting.
    """
    if method not in METHODS:
        raise UnknownName("method of training", method, METHODS)
    require_whole("steps", steps)
    require_whole("tables", tables, at_most=MOST_TABLES)
    if not hidden:
        raise SpecificationError("hidden must be the widths of layers, of one at least; got none")
    for k, width in enumerate(hidden):
        require_whole(f"hidden[{k}]", width, at_most=WIDEST)
    require_whole("memory", memory, at_least=0, at_most=WIDEST)
    if memory and not METHODS[method].remembers:
        able = ", ".join(name for name, one in METHODS.items() if one.remembers)
        raise NotProvided(f"{method} trains no networks that remember; {able} do: leave memory out")
    require_number("until", until, none=True)
    require_whole("seed", seed, at_least=0, at_most=LAST_SEED)
    require_word("precision", precision, PRECISIONS)
    return with_given(METHODS[method].settings, settings, of=method)


class _Held:
    """A learner as `Run` has it: its arrays, changed at one blow after each update."""

    def __init__(self, learner: Learner, planned: int, watch: Watch | None):
        self.learner, self.planned, self.watch = learner, planned, watch
        self.done = 0
        self.state: State = {**learner.arrays(), "clock": np.zeros(1, np.int64)}

    def advance(self, more: int) -> None:
        self.take_up()
        for _ in range(more):
            told = self.learner.update(self.done)
            self.done += 1
            if self.watch is not None:
                self.watch(self.done * self.learner.steps_an_update, told)
        self.state.update(self.learner.arrays(), clock=np.array([self.done]))

    def take_up(self) -> None:
        """Goes on from the state's arrays where a checkpoint was read, or an update was broken off."""
        at = int(self.state["clock"][0])
        if not 0 <= at <= self.planned:
            raise SpecificationError(
                f"a checkpoint of {self.planned} updates cannot have made {at}; remove it to begin anew"
            )
        if at != self.done:
            self.learner.restore(self.state)
            self.done = at
