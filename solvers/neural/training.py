"""Training a network on preferences in contexts, by any of the methods of Nash learning, with a certificate of where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from arena.games.errors import UnknownName
from arena.solvers.checkpoint import Subject, fingerprint
from arena.solvers.iteration import MEASURE_GROWTH, Run, iterate
from arena.solvers.neural.contexts import FAILURE_KINDS, PreferenceContexts
from arena.solvers.neural.draws import Exact, Sampled, judging, judging_tables
from arena.solvers.neural.method_settings import require_draws, settings_of
from arena.solvers.neural.methods import METHODS, Learning
from arena.solvers.neural.tensor_state import MakeOptimiser
from arena.solvers.neural.trainer import Pace, Trainer, logits_of
from arena.solvers.preference_learning import REGULARISED, UNREGULARISED, require_beta
from arena.solvers.preference_mirror import Array, reference_logs, win_rate_exploitability
from arena.solvers.solution import Progress, Setting
from arena.solvers.tensor_tree import tensor_device

DEFAULT_ITERATIONS = 2_000
LEARNING_RATE = 1e-3
JUDGED_GROWTH = 2.0
"""A judge measures the gap at iterations that double: it costs comparisons."""
CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeuralSolution:
    """Where training a network on preferences ended, and how good that is.

    ``policy``: the module itself, after the last update. ``strategies`` [contexts, n]: what to play in each context: the module's
    probabilities, or, of SPO and DNO, the average over its policies, which no module computes. ``gap``: of the strategies, the mean
    over contexts, in win rates, one player's; ``gap_kind`` names it: ``regularised_exploitability`` or ``exploitability``.
    ``context_gaps`` [contexts]; ``worst_gap`` the greatest. ``gap_error``: the standard error of ``gap``, 0 where it is exact;
    ``gap_at_least``: an estimate from below, the same as ``gap`` where it is exact. ``policy_gap``: the gap of the module.
    ``exploitability``: by how much the best candidate beats the strategies, mean over contexts; None where it is not known.
    ``reached``: whether the gap asked for by ``until`` was measured; theory does not promise it of networks, so that
    ``guarantee`` says ``none``. ``history``: (iteration, gap) as measured. ``comparisons``: how many were asked, ``failures``: how
    many of them had no verdict, by kind, in training and in measuring.
    """

    policy: nn.Module = field(repr=False)
    strategies: Array = field(repr=False)
    gap: float
    gap_kind: str
    context_gaps: Array = field(repr=False)
    gap_error: float
    gap_at_least: float
    policy_gap: float
    exploitability: float | None
    reached: bool
    guarantee: str = "none: theory is of tables; the gap, measured after the fact, says how good the policy is"
    iterations: int
    history: tuple[tuple[int, float], ...] = field(repr=False)
    comparisons: int
    failures: Mapping[str, int]
    settings: Mapping[str, Setting]
    source: str

    @property
    def worst_gap(self) -> float:
        return float(self.context_gaps.max())


def train_on_preferences(
    policy: nn.Module,
    contexts: PreferenceContexts,
    *,
    method: str = "nash_mp",
    reference: nn.Module | Array | None = None,
    beta: float = 0.1,
    target: Literal["ema", "stages"] | None = None,
    step: float | None = None,
    ema: float | None = None,
    inner: int | None = None,
    mixture: float | None = None,
    rate: float | None = None,
    queue: int | None = None,
    samples: int | None = None,
    opponents: int = 1,
    flip_rate: float = 0.0,
    batch: int | None = None,
    learning_rate: float | None = None,
    decay: Literal["constant", "linear"] = "constant",
    optimiser: MakeOptimiser | None = None,
    measured: int = 16,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    device: str = CPU,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> NeuralSolution:
    """The policy that a network has learned from preferences, and its gap; the module is trained in place.

    An iteration is one gradient step. Methods, whose losses are in `arena.solvers.preference_losses`:

    - ``nash_mp``: mirror prox. ``target="ema"``: opponent and anchor are a moving average of the policy; ``"stages"``: ``inner`` steps against
      the anchor π_k, then ``inner`` against what that gave, with the same anchor.
    - ``nash_prox``: proximal points: the opponent is the policy itself, the anchor as above.
    - ``nash_md``: policy gradient against the geometric mixture of policy and reference (Nash-MD-PG).
    - ``self_play``: policy gradient against itself; ``online_ipo``: the same direction as a regression on pairs.
    - ``inpo``, ``dno``: regressions towards the next mirror step, ``inner`` gradient steps each.
    - ``spo``: steps of Hedge, ``inner`` gradient steps each, against a queue of what it drew before; ``inner=1`` is the plain policy gradient.

    SPO and DNO have no reference: their gap is by how much the best candidate beats the average policy. All others have the
    regularised gap, max_q J(q, π) - 1/2 with J(q, π) = q·Pπ - β KL(q, μ) + β KL(π, μ), of the last policy. With a table of preferences
    gaps are exact; with a judge they are estimated, and their comparisons are counted too.

    Random words are seeded anew by (seed, iteration), torch's global generator is left as it was, and a checkpoint goes on with
    the same numbers on the same machine; a judge's own state is not in it.

    Args:
        policy: maps features [batch, ...] to logits [batch, n].
        contexts: of `preference_contexts` or `judged_contexts`.
        method: see above.
        reference: μ: a module like the policy, or probabilities [n] or [contexts, n]; None = the policy as it is given.
        beta: β > 0, the price of leaving the reference, in win rates.
        target: of nash_mp and nash_prox; by default "ema".
        step: γ > 0, the proximal step of nash_mp (above 2 nothing is promised even of tables) and nash_prox; by default 2.
        ema: the share of the way to the policy that the moving average goes in an update, 0 to 1; by default 0.1.
        inner: gradient steps of a stage; by default 10.
        mixture: of nash_md, the reference's share of the opponent, 0 to 1; by default 0.125.
        rate: η of inpo, dno and spo; None = 2 / (β (stage + 2)) for inpo, √(8 ln n / stages) for dno and spo.
        queue: how many updates the queue of spo holds; by default 10.
        samples: None = exact expectations, which need a table; else how many draws a context an update has. By default 1 with a judge.
        opponents: how many others each draw is compared with; one comparison each. Pairs of online_ipo and inpo have one.
        flip_rate: the known chance, below 1/2, with which a judge says the contrary; corrected for. Of a table comparisons are turned round so.
        batch: how many contexts an update sees; None = all.
        learning_rate: of Adam; by default 0.001.
        decay: "linear" lets the learning rate fall to 0 at the last iteration.
        optimiser: makes a torch optimiser of parameters, in place of Adam.
        measured: how many opponents a judge's estimate of the gap has in each context, each meeting every candidate.
        iterations: the most that are done; by default 2,000.
        until: stop once the measured gap is at most this.
        seed: of draws and batches.
        device: "cpu", "cuda" or "cuda:1"; the policy is moved there.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz, no pickle) to go on from where it exists, and that is written now and then, at the end and on Ctrl-C.

    Raises:
        FloatingPointError: log-probabilities are no longer finite.
        NotProvided: a judge that gave no verdict at all; a device that is not there; a policy whose state is not of tensors.
        SpecificationError: the checkpoint is of other contexts or settings, or no checkpoint.
        UnknownName: no such method.
        ValueError: a setting outside its range, one that the method has not, or a policy whose logits do not fit.
    """
    if method not in METHODS:
        raise UnknownName("method of train_on_preferences", method, METHODS)
    if not isinstance(policy, nn.Module) or not any(one.requires_grad for one in policy.parameters()):
        raise ValueError(
            f"the policy must be a torch.nn.Module with parameters that learn; got {type(policy).__name__}"
        )
    how = METHODS[method]
    given = {
        "target": target,
        "step": step,
        "ema": ema,
        "inner": inner,
        "mixture": mixture,
        "rate": rate,
        "queue": queue,
    }
    own = settings_of(method, how, given)
    price = require_beta(beta) if how.charged else 0.0
    if how.charged and float(own.get("rate") or 0.0) * price > 1:
        raise ValueError(f"rate times beta must be at most 1; got {rate} and {beta}")
    planned = DEFAULT_ITERATIONS if iterations is None else iterations
    if samples is None and contexts.preferences is None:
        samples = 1
    require_draws(samples, opponents, flip_rate, batch, measured, len(contexts))
    if optimiser is not None and learning_rate is not None:
        raise ValueError("learning_rate is that of the default optimiser, Adam; an optimiser that is given has its own")
    if decay not in ("constant", "linear"):
        raise ValueError(f"decay must be 'constant' or 'linear'; got {decay!r}")
    pace = LEARNING_RATE if learning_rate is None else learning_rate
    if not 0 < pace < np.inf:
        raise ValueError(f"learning_rate must be positive and finite; got {learning_rate}")
    where = torch.device(CPU) if device == CPU else tensor_device(device)
    policy.to(where)
    features = contexts.features.to(where)
    first = logits_of(policy, features, contexts.num_candidates)
    precise = torch.promote_types(first.dtype, torch.float32)
    log_reference = _reference(reference, first.double(), features).to(precise)
    if contexts.preferences is None:
        assert contexts.compare is not None
        judge = judging(contexts.compare, flip_rate)
    else:
        judge = judging_tables(torch.from_numpy(contexts.preferences).to(where), flip_rate)
    draws: Exact | Sampled
    if samples is None:
        draws = Exact(preferences=torch.from_numpy(contexts.preferences).to(where, precise))
    else:
        draws = Sampled(samples=samples, opponents=opponents, judging=judge)
    trainer = Trainer(
        contexts,
        Learning(
            policy=policy, features=features, log_reference=log_reference, draws=draws, beta=price, iterations=planned
        ),
        judge,
        method=how,
        settings=own,
        make=partial(torch.optim.Adam, lr=pace) if optimiser is None else optimiser,
        pace=Pace(batch=batch, falling=planned if decay == "linear" else None, opponents=measured, seed=seed),
    )
    settings: dict[str, Setting] = {
        **({"beta": price} if how.charged else {}),
        **own,
        **({"samples": samples, "opponents": opponents, "flip_rate": flip_rate} if samples is not None else {}),
        "batch": batch,
        "optimiser": _words(trainer.optimiser),
        "decay": decay,
        "seed": seed,
    }
    ahead = decay == "linear" or (
        method in ("dno", "spo") and rate is None
    )  # what depends on how many iterations there will be
    judged = contexts.preferences is None
    run = Run(
        subject=Subject(
            method=method,
            game="preferences in contexts",
            fingerprint=fingerprint(
                (
                    np.array(contexts.fingerprint),
                    np.zeros(0) if reference is None else log_reference.cpu().numpy(),
                )
            ),
            settings={
                **settings,
                **({"iterations": planned} if ahead else {}),
                **({"measured": measured} if judged else {}),
            },
        ),
        state=trainer.state,
        advance=trainer.advance,
        gap=lambda: trainer.measure(trainer.answer_logs()).gap,
        measure_growth=JUDGED_GROWTH if judged else MEASURE_GROWTH,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    answer = trainer.answer_logs()
    found = trainer.measure(answer)
    strategies = np.exp(answer)
    counts = [int(count) for count in judge.counts]
    return NeuralSolution(
        policy=policy,
        strategies=strategies,
        gap=found.gap,
        gap_kind=REGULARISED if how.charged else UNREGULARISED,
        context_gaps=found.contexts,
        gap_error=found.error,
        gap_at_least=found.at_least,
        policy_gap=trainer.measure(trainer.policy_logs()).gap if how.averaged else found.gap,
        exploitability=None
        if contexts.preferences is None
        else float(win_rate_exploitability(contexts.preferences, strategies).mean()),
        reached=until is not None and found.gap <= until,
        iterations=run.iterations,
        history=history,
        comparisons=counts[0],
        failures=dict(zip(FAILURE_KINDS, counts[1:], strict=True)),
        settings={"iterations": iterations, "until": until, **settings},
        source=how.source,
    )


def _reference(reference: nn.Module | Array | None, first: Tensor, features: Tensor) -> Tensor:
    """log μ [contexts, n], float64 on the policy's device; ``first``: the logits [contexts, n] of the policy as it is given."""
    contexts, size = first.shape
    if reference is None:
        return torch.log_softmax(first, dim=-1)
    if isinstance(reference, nn.Module):
        return torch.log_softmax(logits_of(reference.to(first.device), features, size).double(), dim=-1)
    return torch.from_numpy(reference_logs(reference, size, contexts)).to(first.device)


def _words(optimiser: torch.optim.Optimizer) -> str:
    """Its name and numbers, which a run that goes on must have too."""
    groups = [
        ", ".join(f"{name}={value}" for name, value in group.items() if name != "params" and value is not None)
        for group in optimiser.param_groups
    ]
    return f"{type(optimiser).__name__}({'; '.join(groups)})"
