"""Experience of a policy in an environment: T steps at N tables, all decisions with what was seen, chosen and got."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from arena.solvers.checkpoint import State, part, prefixed
from arena.solvers.learning.environment import ENVIRONMENT, Environment, Seen
from arena.solvers.learning.learner import require_among
from arena.solvers.learning.networks import ActorCritic, log_probabilities
from arena.solvers.learning.returns import Worth, advantages


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Decisions [T, N, S] (see `Seen`) with the ``action``, its ``logs`` log π and the critic's ``value``, as they were then.

    ``before`` [T, N, S, H]: the memories that they were made with; H = 0 without.
    """

    observation: Tensor
    state: Tensor
    legal: Tensor
    player: Tensor
    acting: Tensor
    action: Tensor
    logs: Tensor
    value: Tensor
    before: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Decisions and what they were worth.

    The first ``waiting`` steps are decisions of the time before, which waited for what follows them; the others are a
    sequence that began with ``memory`` [N, P, H], in which ``over`` [T, N] says after which steps a match ended.
    """

    decisions: Decisions
    worth: Worth
    memory: Tensor
    over: Tensor
    waiting: int


class Collector:
    """Gathers experience and keeps between two times what belongs to matches under way: memories, decisions that wait."""

    def __init__(self, environment: Environment, network: ActorCritic):
        self.environment, self.network = environment, network
        facts, one = environment.facts, network.architecture
        self.device = next(network.parameters()).device
        shape = (
            facts.players // facts.seats,
            facts.tables,
            facts.seats,
        )  # a step for each player where they take turns
        player = torch.arange(facts.players, device=self.device).reshape(shape[0], 1, shape[2])
        self.memory = torch.zeros(facts.tables, facts.players, one.memory, device=self.device)
        self.waiting = Decisions(
            observation=torch.zeros(*shape, one.inputs, device=self.device),
            state=torch.zeros(*shape, one.state, device=self.device),
            legal=torch.zeros(*shape, one.actions, dtype=torch.bool, device=self.device),
            player=player.expand(shape).contiguous(),
            acting=torch.zeros(shape, dtype=torch.bool, device=self.device),
            action=torch.zeros(shape, dtype=torch.int64, device=self.device),
            logs=torch.zeros(shape, device=self.device),
            value=torch.zeros(shape, device=self.device),
            before=torch.zeros(*shape, one.memory, device=self.device),
        )
        self.gained = torch.zeros(facts.tables, facts.players, device=self.device)

    def gather(
        self, steps: int, *, discount: float, trace: float, scale: float, generator: torch.Generator
    ) -> Experience:
        """Plays T steps with actions drawn from the network's probabilities.

        Args:
            steps: T.
            discount, trace: γ and λ of `advantages`.
            scale: what rewards are multiplied by.
            generator: of the draws, on the network's device.
        """
        taken, rewards, overs, memory = [self.waiting], [self.gained], [], self.memory
        with torch.no_grad():
            for _ in range(steps):
                seen = self.environment.seen()
                own = memories_of(self.memory, seen.player)
                logits, value = self._ask(seen, own)
                logs = log_probabilities(logits, seen.legal)
                action = draw(logs, seen.legal, generator)
                happened = self.environment.step(action)
                self.memory = self.memory.masked_fill(happened.over[:, None, None], 0.0)
                taken.append(
                    Decisions(
                        observation=seen.observation[None],
                        state=seen.state[None],
                        legal=seen.legal[None],
                        player=seen.player[None],
                        acting=seen.acting[None],
                        action=action[None],
                        logs=logs.gather(-1, action[..., None]).squeeze(-1)[None],
                        value=value[None],
                        before=own[None],
                    )
                )
                rewards.append(happened.reward * scale)
                overs.append(happened.over)
            last, kept = self.environment.seen(), self.memory
            _, value = self._ask(last, memories_of(self.memory, last.player))
            self.memory = kept  # the decision is made next time
            whole = Decisions(
                **{one.name: torch.cat([getattr(part, one.name) for part in taken]) for one in fields(Decisions)}
            )
            waiting = len(self.waiting.player)
            nothing = torch.zeros_like(self.gained)
            worth = advantages(
                whole.value,
                whole.player,
                whole.acting,
                torch.stack([nothing] * (waiting - 1) + rewards),
                torch.stack([torch.zeros_like(overs[0])] * waiting + overs),
                next_value=nothing.scatter(1, last.player, torch.where(last.acting, value, 0.0)),
                next_known=nothing.bool().scatter(1, last.player, last.acting),
                discount=discount,
                trace=trace,
            )
            self._keep(whole, worth)
        return Experience(decisions=whole, worth=worth, memory=memory, over=torch.stack(overs), waiting=waiting)

    def arrays(self) -> State:
        """What it keeps between two times, and all that its environment depends on."""
        kept = {one.name: getattr(self.waiting, one.name) for one in fields(Decisions)}
        kept |= {"gained": self.gained, "memory": self.memory}
        found = prefixed("waiting", {name: tensor.cpu().numpy().copy() for name, tensor in kept.items()})
        return found | prefixed(ENVIRONMENT, self.environment.arrays())

    def restore(self, arrays: State) -> None:
        """Goes on from there. Errors as of `Environment.restore`."""
        self.environment.restore(part(ENVIRONMENT, arrays))
        told = {name: torch.from_numpy(array).to(self.device) for name, array in part("waiting", arrays).items()}
        require_among(told["player"], self.environment.facts.players, "players")
        require_among(told["action"], self.environment.facts.actions, "actions")
        self.gained, self.memory = told.pop("gained"), told.pop("memory")
        self.waiting = Decisions(**told)

    def _ask(self, seen: Seen, own: Tensor) -> tuple[Tensor, Tensor]:
        """(logits [N, S, A], values [N, S]) of what is due; the memories of those who act are changed."""
        logits, value, after = self.network(seen.observation.flatten(0, 1), seen.state.flatten(0, 1), own.flatten(0, 1))
        self.memory = memories_after(self.memory, seen.player, seen.acting, after.reshape(own.shape))
        return logits.reshape(*seen.player.shape, -1), value.reshape(seen.player.shape)

    def _keep(self, whole: Decisions, worth: Worth) -> None:
        """Decisions that are not known yet wait, at most one a player and table."""
        step, table, seat = (whole.acting & ~worth.known).nonzero(as_tuple=True)
        player = whole.player[step, table, seat]
        place = (
            (player, table, torch.zeros_like(player))
            if len(self.waiting.player) > 1
            else (torch.zeros_like(player), table, player)
        )
        acting = torch.zeros_like(self.waiting.acting)
        acting[place] = True
        kept = {"acting": acting, "player": self.waiting.player}
        for one in fields(Decisions):
            if one.name not in kept:
                column = torch.zeros_like(getattr(self.waiting, one.name))
                column[place] = getattr(whole, one.name)[step, table, seat]
                kept[one.name] = column
        self.waiting = replace(self.waiting, **kept)
        self.gained = torch.zeros_like(self.gained)
        self.gained[table, player] = worth.target[step, table, seat]


def draw(logs: Tensor, legal: Tensor, generator: torch.Generator) -> Tensor:
    """One legal action a row [...] of log-probabilities [..., A], by exponential races: the first to ring.

    It is legal where networks have diverged and say NaN, too: tables do not look.
    """
    rings = torch.empty_like(logs).exponential_(generator=generator)
    return (logs - rings.log()).masked_fill(~legal, -torch.inf).argmax(-1)


def explored(greedy: Tensor, legal: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """The greedy actions [...], but with probability ε one of the legal ones [..., A], all alike."""
    uniform = draw(torch.zeros_like(legal, dtype=torch.float32), legal, generator)
    explores = torch.rand(greedy.shape, generator=generator, device=greedy.device) < epsilon
    return torch.where(explores, uniform, greedy)


def memories_of(memory: Tensor, player: Tensor) -> Tensor:
    """The memories [N, S, H] of these players."""
    return memory.gather(1, player[:, :, None].expand(-1, -1, memory.shape[-1]))


def memories_after(memory: Tensor, player: Tensor, acting: Tensor, after: Tensor) -> Tensor:
    """The memories [N, P, H] with those after their decisions [N, S, H] in the places of the players who act."""
    kept = torch.where(acting[:, :, None], after, memories_of(memory, player))
    return memory.scatter(1, player[:, :, None].expand(after.shape), kept)
