"""Passes over experience: what a network says now of decisions that were made, part by part, with its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from arena.solvers.learning.experience import Experience, memories_after, memories_of
from arena.solvers.learning.networks import ActorCritic


@dataclass(frozen=True, slots=True, kw_only=True)
class Minibatch:
    """R decisions whose worth is known: what each network says now, ``logits`` [R, A] and ``value`` [R], one a network.

    ``legal`` [R, A]; ``action``, ``logs``, ``advantage``, ``target`` [R], as of the experience.
    """

    logits: tuple[Tensor, ...]
    value: tuple[Tensor, ...]
    legal: Tensor
    action: Tensor
    logs: Tensor
    advantage: Tensor
    target: Tensor


def minibatches(
    networks: tuple[ActorCritic, ...], experience: Experience, parts: int, generator: torch.Generator
) -> Iterator[Minibatch]:
    """One pass in about `parts` parts, in an order that is drawn; parts in which nothing is known are left out.

    Without memories a part is of any decisions; with them of some tables, with all that was played there in its order.
    """
    made, device = experience.decisions, generator.device
    remembers = networks[0].memory is not None
    if remembers:
        for tables in torch.randperm(made.player.shape[1], generator=generator, device=device).chunk(parts):
            known = experience.worth.known[:, tables].flatten().nonzero()[:, 0]
            if not len(known):
                continue
            said = [unrolled(network, experience, tables) for network in networks]
            yield _minibatch(experience, known, said, tables)
        return
    whole = experience.worth.known.flatten().nonzero()[:, 0]
    observation, state = made.observation.flatten(0, 2), made.state.flatten(0, 2)
    nothing = made.before.flatten(0, 2)
    if not len(whole):
        return
    for rows in whole[torch.randperm(len(whole), generator=generator, device=device)].chunk(parts):
        said = [network(observation[rows], state[rows], nothing[rows])[:2] for network in networks]
        yield _minibatch(experience, rows, said, None)


def unrolled(network: ActorCritic, experience: Experience, tables: Tensor) -> tuple[Tensor, Tensor]:
    """(logits [T, n, S, A], values [T, n, S]) at these tables, memories carried from decision to decision."""
    made, waiting = experience.decisions, experience.waiting
    logits, values = [], []
    memory = experience.memory[tables]
    for t in range(len(made.player)):
        player, acting = made.player[t, tables], made.acting[t, tables]
        own = made.before[t, tables] if t < waiting else memories_of(memory, player)
        said, value, after = network(
            made.observation[t, tables].flatten(0, 1), made.state[t, tables].flatten(0, 1), own.flatten(0, 1)
        )
        logits.append(said.reshape(*player.shape, -1))
        values.append(value.reshape(player.shape))
        if t >= waiting:
            memory = memories_after(memory, player, acting, after.reshape(own.shape))
            memory = memory.masked_fill(experience.over[t - waiting, tables][:, None, None], 0.0)
    return torch.stack(logits), torch.stack(values)


def _minibatch(
    experience: Experience, rows: Tensor, said: list[tuple[Tensor, Tensor]], tables: Tensor | None
) -> Minibatch:
    """The rows of flat columns; what was said is of these rows already where there are no ``tables``."""
    made, worth = experience.decisions, experience.worth

    def of(column: Tensor) -> Tensor:
        return (column if tables is None else column[:, tables]).flatten(0, 2)[rows]

    if tables is not None:
        said = [(logits.flatten(0, 2)[rows], value.flatten(0, 2)[rows]) for logits, value in said]
    logits, values = zip(*said, strict=True)
    return Minibatch(
        logits=logits,
        value=values,
        legal=of(made.legal),
        action=of(made.action),
        logs=of(made.logs),
        advantage=of(worth.advantage),
        target=of(worth.target),
    )
