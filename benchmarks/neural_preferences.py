"""Networks that learn from preferences in contexts: the methods side by side, and self-play against a reward model.

    .venv/bin/python benchmarks/neural_preferences.py [methods] [sampled] [rewards] [--quick] [--figures docs/explanation/pictures]

``methods``: exact win rates, 32 contexts x 9 candidates, P_x = sigmoid(2 C + R_x), C the cycle in which every candidate beats the next
four, R_x normal; a network 8-64-64-9, β = 0.1, the same number of updates for all. Each method has the learning rate of a grid,
kept or falling to 0, that has the smallest gap on another game and network; then it is measured on five games and networks.
``sampled``: the same from comparisons of a judge. ``rewards``: SPO, and a Bradley-Terry reward that is fitted to the very
comparisons that SPO asked for, in orders and cycles, without and with a judge who says the contrary in a fifth of cases.
Tables are printed as Markdown. About five minutes on a free core; with ``--quick`` half a minute, which shows that it runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from arena.games.seeds import seed_of
from arena.solvers import PreferenceContexts, preference_contexts, train_on_preferences

Array = NDArray[np.float64]
Curve = tuple[tuple[int, float], ...]

CONTEXTS, SIZE, WIDTH, HIDDEN = 32, 9, 8, 64
BETA = 0.1
FLIP = 0.2
TUNED_ON = (100,)
MEASURED_ON = (0, 1, 2, 3, 4)
GRID = (3e-4, 1e-3, 3e-3, 1e-2)
DECAYS = ("constant", "linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is done."""

    updates: int
    tuned_on: tuple[int, ...]
    measured_on: tuple[int, ...]
    grid: tuple[float, ...]


FULL = Effort(updates=1_000, tuned_on=TUNED_ON, measured_on=MEASURED_ON, grid=GRID)
QUICK = Effort(updates=60, tuned_on=TUNED_ON, measured_on=MEASURED_ON[:2], grid=(1e-3, 3e-3))

METHODS: dict[str, tuple[str, dict[str, object]]] = {
    "Nash-MP, moving average": ("nash_mp", {}),
    "Nash-MP, two stages": ("nash_mp", {"target": "stages"}),
    "Nash Prox, moving average": ("nash_prox", {}),
    "Nash-MD-PG, mixture 1/8": ("nash_md", {}),
    "self-play policy gradient": ("self_play", {}),
    "Online IPO": ("online_ipo", {}),
    "INPO, falling η": ("inpo", {}),
    "DNO, average": ("dno", {}),
    "SPO, average": ("spo", {}),
}
SAMPLED = (
    "Nash-MP, moving average",
    "Nash-MP, two stages",
    "Nash-MD-PG, mixture 1/8",
    "self-play policy gradient",
    "INPO, falling η",
)
MP, PG = "Nash-MP, moving average", "self-play policy gradient"


def cyclic_tables(seed: int) -> Array:
    """[contexts, n, n], strongly cyclic."""
    rng = np.random.default_rng(seed_of(("cycles", seed)))
    ahead = (np.arange(SIZE)[None] - np.arange(SIZE)[:, None]) % SIZE
    cycle = np.where(ahead == 0, 0.0, np.where(ahead <= SIZE // 2, 1.0, -1.0))
    upper = np.triu(rng.normal(size=(CONTEXTS, SIZE, SIZE)), 1)
    return 1 / (1 + np.exp(-(2 * cycle + upper - upper.swapaxes(1, 2))))


def ordered_tables(seed: int) -> Array:
    """[contexts, n, n], a Bradley-Terry order in each context: what a reward model assumes."""
    strengths = np.random.default_rng(seed_of(("orders", seed))).normal(size=(CONTEXTS, SIZE))
    return 1 / (1 + np.exp(-(strengths[:, :, None] - strengths[:, None])))


def features_of(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed_of(("features", seed))).normal(size=(CONTEXTS, WIDTH))).float()


def network(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, SIZE)
        )


# --------------------------------------------------------------------------------------------- methods side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one method at one learning rate, over seeds."""

    learning_rate: float
    decay: str
    gaps: tuple[float, ...]
    exploitabilities: tuple[float, ...]
    curves: tuple[Curve, ...]
    seconds: float

    @property
    def middle(self) -> float:
        return float(np.median(self.gaps))


def outcome(name: str, seeds: Sequence[int], learning_rate: float, decay: str, updates: int, **more: object) -> Outcome:
    method, settings = METHODS[name]
    start, found = time.process_time(), []
    for seed in seeds:
        contexts = preference_contexts(features_of(seed), cyclic_tables(seed))
        charged = {} if method in ("dno", "spo") else {"beta": BETA}
        found.append(
            train_on_preferences(
                network(seed),
                contexts,
                method=method,
                iterations=updates,
                learning_rate=learning_rate,
                decay=decay,  # type: ignore[arg-type]  # of DECAYS
                seed=seed,
                **{**charged, **settings, **more},  # type: ignore[arg-type]  # a table of keyword arguments
            )
        )
    return Outcome(
        learning_rate=learning_rate,
        decay=decay,
        gaps=tuple(one.gap for one in found),
        exploitabilities=tuple(one.exploitability or 0.0 for one in found),
        curves=tuple(one.history for one in found),
        seconds=(time.process_time() - start) / len(seeds),
    )


def tuned(name: str, effort: Effort, decay: str, **more: object) -> Outcome:
    """At the learning rate that was best elsewhere."""
    tries = [outcome(name, effort.tuned_on, rate, decay, effort.updates, **more) for rate in effort.grid]
    best = min(tries, key=lambda one: one.middle)
    return outcome(name, effort.measured_on, best.learning_rate, decay, effort.updates, **more)


def methods_table(names: Iterable[str], effort: Effort, **more: object) -> dict[tuple[str, str], Outcome]:
    found: dict[tuple[str, str], Outcome] = {}
    print(
        "| method | learning rate kept: gap, median (least to greatest) | at | falling to 0: gap | at | exploitability | CPU s a run |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in names:
        kept, falling = (tuned(name, effort, decay, **more) for decay in DECAYS)
        found[name, "constant"], found[name, "linear"] = kept, falling
        best = min((kept, falling), key=lambda one: one.middle)
        print(
            f"| {name} | {spread(kept.gaps)} | {kept.learning_rate:g} | {spread(falling.gaps)} | {falling.learning_rate:g} | "
            f"{np.median(best.exploitabilities):.3f} | {best.seconds:.1f} |",
            flush=True,
        )
    print()
    for decay, words in (("constant", "kept"), ("linear", "falling")):
        theirs, ours = found[PG, decay], found[MP, decay]
        ratios = [a / b for a, b in zip(theirs.gaps, ours.gaps, strict=True)]
        print(
            f"Self-play policy gradient / Nash-MP (moving average), learning rates {words}: medians {theirs.middle / ours.middle:,.0f}x; "
            f"seed by seed {min(ratios):,.0f}x to {max(ratios):,.0f}x.",
            flush=True,
        )
    best_pg = min((found[PG, d] for d in DECAYS), key=lambda one: one.middle)
    worst = min(min(best_pg.gaps) / max(found[MP, d].gaps) for d in DECAYS)
    print(
        f"Its best seed at its best schedule / Nash-MP's worst seed at its worse schedule: {worst:,.1f}x.\n", flush=True
    )
    return found


def spread(values: Sequence[float]) -> str:
    return f"{np.median(values):.1e} ({min(values):.0e} to {max(values):.0e})"


# --------------------------------------------------------------------------------- self-play against a reward model


@dataclass(slots=True, kw_only=True)
class Asked:
    """A judge of a table who says the contrary with chance ``flip``, and remembers what was asked and said."""

    tables: Array
    flip: float
    rng: np.random.Generator
    said: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Array]]

    def __call__(
        self, contexts: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> tuple[Array, list[object]]:
        chances = self.flip + (1 - 2 * self.flip) * self.tables[contexts, first, second]
        wins = (self.rng.random(len(contexts)) < chances).astype(np.float64)
        self.said.append((contexts.copy(), first.copy(), second.copy(), wins))
        return wins, []


def reward_model(asked: Asked, features: Tensor, seed: int, updates: int) -> Tensor:
    """Rewards [contexts, n] of a network fitted by Bradley and Terry's likelihood to all that was asked, the flips known to it."""
    contexts, first, second, wins = (
        torch.from_numpy(np.concatenate(column)) for column in zip(*asked.said, strict=True)
    )
    counts = torch.zeros(2, CONTEXTS, SIZE, SIZE)  # of the same comparisons: who won, who lost
    places = (contexts * SIZE + first) * SIZE + second
    counts[1] = torch.bincount(places, minlength=CONTEXTS * SIZE**2).reshape(CONTEXTS, SIZE, SIZE)
    counts[0] = torch.bincount(places, weights=wins, minlength=CONTEXTS * SIZE**2).reshape(CONTEXTS, SIZE, SIZE)
    rewards = network(seed + 1)
    optimiser = torch.optim.Adam(rewards.parameters(), lr=3e-3)
    for step in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / updates)
        r = rewards(features)
        chances = asked.flip + (1 - 2 * asked.flip) * torch.sigmoid(r[:, :, None] - r[:, None])
        loss = -(counts[0] * chances.log() + (counts[1] - counts[0]) * (1 - chances).log()).sum() / counts[1].sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rewards(features).detach()


def optimised_against(rewards: Tensor, features: Tensor, seed: int, updates: int) -> Array:
    """The policy [contexts, n] of a network by the policy gradient of these rewards."""
    policy = network(seed)
    optimiser = torch.optim.Adam(policy.parameters(), lr=3e-3)
    for _ in range(updates):
        gained = (torch.softmax(policy(features), -1) * rewards).sum(-1).mean()
        optimiser.zero_grad()
        (-gained).backward()
        optimiser.step()
    return torch.softmax(policy(features).detach().double(), -1).numpy()


def worst_case(tables: Array, policy: Array) -> float:
    """min_j P(π ≻ j), mean over contexts: how often the policy is preferred to the candidate that it fears most."""
    return float(1 - (tables @ policy[..., None])[..., 0].max(-1).mean())


PLAYERS = (
    "SPO, average",
    "SPO, last policy",
    "Nash-MP, β = 0.05",
    "reward model, policy gradient",
    "reward model, β = 0.05",
    "uniform",
)


def reward_rows(tables_of: Callable[[int], Array], flip: float, effort: Effort) -> dict[str, list[float]]:
    """Worst-case win rates by player, one a seed."""
    rates: dict[str, list[float]] = {player: [] for player in PLAYERS}
    beta = 0.05
    for seed in effort.measured_on:
        tables, features = tables_of(seed), features_of(seed)
        even = np.full((CONTEXTS, SIZE), 1 / SIZE)
        asked = Asked(tables=tables, flip=flip, rng=np.random.default_rng(seed_of(("judge", seed))), said=[])
        judged = PreferenceContexts(features=features, num_candidates=SIZE, compare=asked, fingerprint=str(seed))  # type: ignore[arg-type]  # no failures
        settings = {
            "samples": 8,
            "flip_rate": flip,
            "iterations": effort.updates,
            "learning_rate": 3e-3,
            "measured": 2,
            "seed": seed,
        }
        spo = train_on_preferences(network(seed), judged, method="spo", **settings)  # type: ignore[arg-type]
        rewards = reward_model(asked, features, seed, effort.updates)
        last = torch.softmax(spo.policy(features).detach().double(), -1).numpy()
        mp = train_on_preferences(
            network(seed),
            judged,
            beta=beta,
            reference=even,
            decay="linear",
            **settings,  # type: ignore[arg-type]
        )
        players = {
            "SPO, average": spo.strategies,
            "SPO, last policy": last,
            "Nash-MP, β = 0.05": mp.strategies,
            "reward model, policy gradient": optimised_against(rewards, features, seed, effort.updates),
            "reward model, β = 0.05": torch.softmax(
                torch.sigmoid(rewards[:, :, None] - rewards[:, None]).mean(-1) / beta, -1
            )
            .double()
            .numpy(),
            "uniform": even,
        }
        for player, policy in players.items():
            rates[player].append(worst_case(tables, policy))
    return rates


def rewards_table(effort: Effort) -> dict[str, dict[str, list[float]]]:
    found = {}
    print("| preferences | " + " | ".join(PLAYERS) + " |\n|---|" + "---|" * len(PLAYERS))
    for name, tables_of in (("an order", ordered_tables), ("cycles", cyclic_tables)):
        for flip in (0.0, FLIP):
            words = f"{name}, {'no noise' if not flip else f'{flip:.0%} of words turned round'}"
            rates = reward_rows(tables_of, flip, effort)
            found[words] = rates
            cells = [f"{np.median(rates[p]):.3f} ({min(rates[p]):.3f} to {max(rates[p]):.3f})" for p in PLAYERS]
            print(f"| {words} | " + " | ".join(cells) + " |", flush=True)
    print()
    return found


# ----------------------------------------------------------------------------------------------------------- figures


def methods_figure(found: dict[tuple[str, str], Outcome], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    shown = [MP, "Nash-MP, two stages", "Nash Prox, moving average", "Nash-MD-PG, mixture 1/8", PG, "INPO, falling η"]
    matplotlib.rcParams.update({"svg.hashsalt": "neural preferences", "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(7.2, 4.2))
    for name, colour in zip(shown, pyplot.get_cmap("tab10").colors, strict=False):
        best = min((found[name, decay] for decay in DECAYS), key=lambda one: one.middle)
        at = [iteration for iteration, _ in best.curves[0]]
        gaps = np.array([[gap for _, gap in curve] for curve in best.curves])
        axes.plot(
            at,
            np.median(gaps, axis=0),
            color=colour,
            label=f"{name} ({best.learning_rate:g}, {'falling' if best.decay == 'linear' else 'kept'})",
        )
        axes.fill_between(at, gaps.min(axis=0), gaps.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="updates", ylabel="regularised gap, mean over contexts")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def rewards_figure(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "reward models", "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(7.2, 3.8))
    for k, player in enumerate(PLAYERS):
        for at, rates in enumerate(found.values()):
            where = at + 0.13 * (k - (len(PLAYERS) - 1) / 2)
            colour = pyplot.get_cmap("tab10").colors[k]
            axes.plot(
                [where] * len(rates[player]),
                rates[player],
                "o",
                color=colour,
                markersize=3,
                alpha=0.6,
                label=player if at == 0 else None,
            )
            axes.plot([where - 0.05, where + 0.05], [np.median(rates[player])] * 2, color=colour, linewidth=2)
    axes.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(found)), [words.replace(", ", ",\n") for words in found])
    axes.set(ylabel="win rate against the candidate it fears most", ylim=(0, 0.55))
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[], help="methods, sampled, rewards; all by default")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--figures", type=Path, help="a folder for figures")
    chosen = parser.parse_args()
    parts = chosen.parts or ["methods", "sampled", "rewards"]
    effort = QUICK if chosen.quick else FULL
    torch.set_num_threads(1)
    if "methods" in parts:
        print(f"## Exact win rates, {effort.updates} updates, {len(effort.measured_on)} seeds\n")
        methods = methods_table(METHODS, effort)
        if chosen.figures:
            methods_figure(methods, chosen.figures / "neural-preferences.svg")
    if "sampled" in parts:
        print(f"## 16 comparisons a context and update, {effort.updates} updates, {len(effort.measured_on)} seeds\n")
        methods_table(SAMPLED, effort, samples=16)
    if "rewards" in parts:
        print(f"## Worst-case win rates, {len(effort.measured_on)} seeds: median (least to greatest)\n")
        rewards = rewards_table(effort)
        if chosen.figures:
            rewards_figure(rewards, chosen.figures / "reward-models.svg")


if __name__ == "__main__":
    main()
