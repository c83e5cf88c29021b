"""Counterfactual regret minimisation on compiled trees: CFR, CFR+, DCFR and PCFR+.

All of them update the players alternately and answer with the average policy. They differ in what becomes of regrets and
in how iterations t are weighted in the average:

======  ======================================  =========================================================================
method  regrets                                 weight of iteration t
======  ======================================  =========================================================================
CFR     kept                                    1
CFR+    never below 0                           t
DCFR    discounted by t^α/(t^α+1), t^β/(t^β+1)  t^γ
PCFR+   never below 0; matched with the last    t²
        regret added again, as a prediction
======  ======================================  =========================================================================

Sources: Zinkevich et al., Regret minimization in games with incomplete information, NIPS 2007 (CFR; alternating updates:
Burch, Moravcik and Schmid, Revisiting CFR+ and alternating updates, JAIR 2019, arXiv:1810.11542); Tammelin, Solving large
imperfect information games using CFR+, 2014, arXiv:1407.5042; Brown and Sandholm, Solving imperfect-information games via
discounted regret minimization, AAAI 2019, arXiv:1809.04040 (DCFR); Farina, Kroer and Sandholm, Faster game solving via
predictive Blackwell approachability, AAAI 2021, arXiv:2007.14358 (PCFR+).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State, Subject, tree_fingerprint
from arena.solvers.exploitability import tree_of
from arena.solvers.iteration import Run, iterate
from arena.solvers.regret_kernels import CLIPPED, DISCOUNTED, KEPT, PREDICTIVE, regret_iterations
from arena.solvers.solution import Progress, Solution
from arena.solvers.tree_kernels import fill_reach
from arena.solvers.tree_measures import Measures, measures, normalised, uniform_strategy
from arena.solvers.tree_solution import is_covered, tree_solution

DEFAULT_ITERATIONS = 1_000
CPU = "cpu"
CALL_WORK = 20_000_000
"""Payoff entries and sequences that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What tells the methods apart: see the module. ``exponents``: α, β, γ."""

    name: str
    rule: int
    exponents: tuple[float, float, float]
    source: str


CFR = Variant(name="cfr", rule=KEPT, exponents=(0.0, 0.0, 0.0), source="Zinkevich et al. 2007")
CFR_PLUS = Variant(name="cfr_plus", rule=CLIPPED, exponents=(0.0, 0.0, 1.0), source="Tammelin 2014, arXiv:1407.5042")
PROVEN_EXPONENTS = ((1.5, 0.0, 2.0), (1.0, 1.0, 1.0))
"""Those for which Brown and Sandholm prove convergence: DCFR's own (theorem 3), and linear CFR (theorem 1)."""
DCFR_SOURCE = "Brown and Sandholm 2019, arXiv:1809.04040"
PCFR_PLUS = Variant(
    name="pcfr_plus",
    rule=PREDICTIVE,
    exponents=(0.0, 0.0, 2.0),
    source="Farina, Kroer and Sandholm 2021, arXiv:2007.14358",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regrets:
    """The state of a run on a tree, arrays [S] that are updated in place; ``clock`` [1]: iterations done."""

    clock: NDArray[np.int64]
    regret: NDArray[np.float64] = field(repr=False)
    strategy: NDArray[np.float64] = field(repr=False)
    average: NDArray[np.float64] = field(repr=False)

    @property
    def iterations(self) -> int:
        return int(self.clock[0])

    @property
    def state(self) -> State:
        """The same arrays by name."""
        return {"clock": self.clock, "regret": self.regret, "strategy": self.strategy, "average": self.average}


def start(tree: GameTree) -> Regrets:
    """The state before the first iteration: no regrets, everybody plays uniformly."""
    return Regrets(
        clock=np.zeros(1, np.int64),
        regret=np.zeros(tree.num_sequences),
        strategy=uniform_strategy(tree),
        average=np.zeros(tree.num_sequences),
    )


def advance(tree: GameTree, variant: Variant, regrets: Regrets, iterations: int) -> None:
    """Does so many more iterations, in place."""
    reach, value = np.ones(tree.num_sequences), np.zeros(tree.num_sequences)
    fill_reach(0, tree.num_sets, tree.first, tree.parent, regrets.strategy, reach)
    a_call = max(1, CALL_WORK // (len(tree.weights) + tree.num_sequences))
    last = regrets.iterations + iterations
    while regrets.iterations < last:
        regret_iterations(
            variant.rule,
            variant.exponents,
            min(a_call, last - regrets.iterations),
            regrets.clock,
            tree.set_begin,
            tree.first,
            tree.parent,
            tree.row_begin,
            tree.others,
            tree.weights,
            regrets.regret,
            regrets.strategy,
            reach,
            regrets.average,
            value,
        )


def cfr(
    game: Game | GameTree,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    device: str = CPU,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average policy of counterfactual regret minimisation, with its NashConv measured on the whole tree.

    In two-player constant-sum games the average policy converges to a Nash equilibrium, NashConv = O(1/√iterations). In
    other games it has no such guarantee: the gap is then still true, and ``converged`` is never claimed.

    Source: Zinkevich et al. 2007; alternating updates, every iteration weighs the same.

    Args:
        game: a game that `compile_tree` takes, or its tree: turn-based or simultaneous, any number of players.
        iterations: the most that are done; by default 1,000, or no limit where `until` is given and sure to be reached.
        until: stop once NashConv is at most this.
        seed: a keyword that solvers share; this one draws nothing.
        device: ``cpu`` for compiled loops; ``cuda`` or ``cuda:1`` for tensors on a GPU, for trees of a million sequences and
            more; ``torch`` for the same tensors on the CPU. The answer is the same.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same policy and gap as one that was not.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall; a device that is not there.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game or method, or no checkpoint; no device has this name.
        ValueError: `iterations` or `until` is not positive.
    """
    return _solution(
        game,
        CFR,
        iterations=iterations,
        until=until,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
    )


def cfr_plus(
    game: Game | GameTree,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    device: str = CPU,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average policy of CFR+: much faster than CFR in practice, with the same guarantee. See `cfr` for the arguments.

    Source: Tammelin 2014: regrets never below 0, alternating updates, linear averaging (iteration t weighs t, from t = 1).
    """
    return _solution(
        game,
        CFR_PLUS,
        iterations=iterations,
        until=until,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
    )


def dcfr(
    game: Game | GameTree,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    device: str = CPU,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
    alpha: float = 1.5,
    beta: float = 0.0,
    gamma: float = 2.0,
) -> Solution:
    """The average policy of discounted CFR: early mistakes are forgotten. See `cfr` for the other arguments.

    Source: Brown and Sandholm 2019, section 4: after iteration t regrets above 0 are multiplied by t^α / (t^α + 1), those
    below by t^β / (t^β + 1), and the average weighs iteration t by t^γ (which is what multiplying all contributions by
    (t / (t + 1))^γ after each iteration comes to). The defaults are the paper's; 1, 1, 1 is linear CFR.
    For these two convergence is proven; with other exponents ``guarantee`` is none and ``converged`` is never claimed.

    Raises:
        ValueError: an exponent is no finite number, beside what `cfr` raises.
    """
    if not np.isfinite([alpha, beta, gamma]).all():
        raise ValueError(f"alpha, beta and gamma must be finite; got {alpha}, {beta} and {gamma}")
    return _solution(
        game,
        Variant(name="dcfr", rule=DISCOUNTED, exponents=(float(alpha), float(beta), float(gamma)), source=DCFR_SOURCE),
        iterations=iterations,
        until=until,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
        exponents={"alpha": alpha, "beta": beta, "gamma": gamma},
    )


def pcfr_plus(
    game: Game | GameTree,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    device: str = CPU,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average policy of predictive CFR+: best where the last regrets foretell the next. See `cfr` for the arguments.

    Source: Farina, Kroer and Sandholm 2021: regret matching+ at each information set, on regrets to which the last
    instantaneous regret is added again as a prediction; alternating updates, quadratic averaging (iteration t weighs t²).
    """
    return _solution(
        game,
        PCFR_PLUS,
        iterations=iterations,
        until=until,
        device=device,
        progress=progress,
        checkpoint=checkpoint,
    )


def _solution(
    game: Game | GameTree,
    variant: Variant,
    *,
    iterations: int | None,
    until: float | None,
    device: str,
    progress: Progress | None,
    checkpoint: str | Path | None,
    exponents: Mapping[str, float] | None = None,
) -> Solution:
    if device != CPU:
        from arena.solvers.tensor_regrets import on_device  # torch is loaded by those who ask for a device
        from arena.solvers.tensor_tree import tensor_device

        tensor_device(device)  # what is not there is refused before the game is written out
    tree = tree_of(game)
    tree.require_names()
    proven = variant.rule != DISCOUNTED or variant.exponents in PROVEN_EXPONENTS
    covered, regrets = is_covered(tree) and proven, start(tree)
    state = regrets.state
    forward: Callable[[int], None] = partial(advance, tree, variant, regrets)
    measured: Callable[[NDArray[np.float64]], Measures] = partial(measures, tree)
    if device != CPU:
        forward, measured = on_device(tree, device, rule=variant.rule, exponents=variant.exponents, state=state)
    run = Run(
        subject=Subject(
            method=variant.name,
            game=tree.specification,
            fingerprint=tree_fingerprint(tree),
            settings=dict(exponents or {}),
        ),
        state=state,
        advance=forward,
        gap=lambda: measured(normalised(tree, state["average"])).nash_conv,
    )
    history = iterate(
        run,
        iterations=iterations,
        until=until,
        default=None if until is not None and covered else DEFAULT_ITERATIONS,
        progress=progress,
        checkpoint=checkpoint,
    )
    return tree_solution(
        game,
        tree,
        normalised(tree, state["average"]),
        until=until,
        guarantee="the average policy converges to a Nash equilibrium" if covered else None,
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "until": until, "device": device, **(exponents or {})},
        source=variant.source,
    )
