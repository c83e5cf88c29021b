"""Standard errors of mean returns at equal matches: raw, twins, AIVAT; and of differences between agents with common chance.

    .venv/bin/python benchmarks/variance.py [--matches 2000]

Two policies meet on kuhn poker, leduc poker and liar's dice: an equilibrium with a share of random choices mixed in, and
another random policy. Every row is of the same matches. `true` is the exact expected return, from the tree. A second table
is of two agents that meet the same three opponents, each lineup with its own chance or all with a common one: how well their
difference and their own means are known.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.adjusted_returns import adjusted_returns
from arena.config import make_config
from arena.games import TabularPolicy, load_game
from arena.games.compile_tree import compile_tree
from arena.games.game_tree import GameTree
from arena.leaderboards.control_variates import AdjustedMean
from arena.ledger import Ledger
from arena.recorded_returns import Recorded, Values, adjusted_by_chance
from arena.results import MatchResults
from arena.solvers import save_policy
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.tree_measures import measures, normalised, tabulated
from arena.tournament import run_tournament

GAMES = {
    "kuhn poker": "arena:kuhn_poker",
    "leduc poker": "openspiel:leduc_poker",
    "liar's dice": "openspiel:liars_dice",
}
CARELESS = 0.2  # the share of random choices in the equilibrium player
OPPONENTS = 3  # of two agents that are compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=2000)
    matches = parser.parse_args().matches
    print("| game | matches of each | chance | what | estimate | standard error | worth |")
    print("|---|---|---|---|---|---|---|")
    for title, name in GAMES.items():
        compare_chance(title, name, matches)
    print()
    print("| game | matches | how | mean | standard error | worth |")
    print("|---|---|---|---|---|---|")
    for title, name in GAMES.items():
        began = time.perf_counter()
        compare(title, name, matches)
        print(f"<!-- {title}: {time.perf_counter() - began:.1f} s -->")


def compare(title: str, name: str, matches: int) -> None:
    """Prints the rows of one game."""
    game = load_game(name)
    tree, rng = compile_tree(game), np.random.default_rng(1)
    noise, other = (normalised(tree, rng.random(tree.num_sequences) ** 2) for _ in range(2))
    equilibrium = tabulated(tree, sequence_form_lp(game).policy)
    careful = normalised(tree, (1 - CARELESS) * equilibrium + CARELESS * noise)
    first, second = tree.policy(careful), tree.policy(other)
    results = _tournament(name, [first, second], matches)

    def mean(known: int, values: Values = "fitted") -> AdjustedMean:
        policies = {"careful": first if known else None, "random": second if known == 2 else None}
        found = adjusted_returns(game, results, policies, values=values)
        return next(one for one in found.agents if one.agent == "careful")

    unknown, one_side = mean(0), mean(1)
    raw, unpaired = one_side.raw, one_side.unpaired_error
    recorded = Recorded(
        seats=results.specs.seats,
        returns=results.returns,
        forfeit=results.forfeit.astype(np.int64),
        chance_seed=results.specs.chance_seed,
        actions=results.actions,
        has_moves=np.ones(len(results), np.bool_),
    )
    seat = results.specs.seats == 0
    chance = adjusted_by_chance(game, recorded).returns[seat]
    pairs = np.unique(results.specs.chance_seed, return_inverse=True)[1].reshape(-1)
    sums = np.bincount(pairs, chance)
    chance_error = float(sums.std(ddof=1) * np.sqrt(len(sums)) / len(chance))
    rows = [
        ("raw, as if without twins", raw.mean, unpaired),
        ("raw, seat-swapped twins", raw.mean, raw.error),
        ("regression on chance outcomes", float(chance.mean()), chance_error),
        ("AIVAT, chance alone known", unknown.adjusted.mean, unknown.adjusted.error),
        ("AIVAT, one side known, uniform values", *_of(mean(1, "uniform"))),
        ("AIVAT, one side known, equilibrium values", *_of(mean(1, "equilibrium"))),
        ("AIVAT, one side known, learned values", *_of(one_side)),
        ("AIVAT, both sides known", *_of(mean(2))),
        ("true", _expected(tree, careful, other), 0.0),
    ]
    for how, value, error in rows:
        worth = "exact" if error == 0 else f"{(unpaired / error) ** 2:.1f}"
        print(f"| {title} | {matches:,} | {how} | {value:+.4f} | {error:.4f} | {worth} |", flush=True)


def compare_chance(title: str, name: str, matches: int) -> None:
    """Prints the rows of one game about common chance."""
    game = load_game(name)
    tree, rng = compile_tree(game), np.random.default_rng(1)
    equilibrium = tabulated(tree, sequence_form_lp(game).policy)

    def careless(share: float) -> TabularPolicy:
        noise = normalised(tree, rng.random(tree.num_sequences) ** 2)
        return tree.policy(normalised(tree, (1 - share) * equilibrium + share * noise))

    policies = [careless(CARELESS), careless(CARELESS / 2), *(careless(1.0) for _ in range(OPPONENTS))]
    before: dict[str, float] = {}
    for common in (False, True):
        results = _tournament(name, policies, matches, common_chance=common)
        for what, weights in (("first less second", (1, -1)), ("first alone", (1, 0))):
            estimate, error = _contrast(results, weights)
            before.setdefault(what, error)
            worth = (before[what] / error) ** 2
            chance = "common" if common else "of each lineup"
            print(
                f"| {title} | {matches * OPPONENTS:,} | {chance} | {what} | {estimate:+.4f} | {error:.4f} | {worth:.2f} |"
            )


def _contrast(results: MatchResults, weights: Sequence[float]) -> tuple[float, float]:
    """(sum of weight times mean return of the first agents against the others, its standard error by what shares chance)."""
    seats, own = results.specs.seats, len(weights)
    met = ((seats < own).sum(axis=1) == 1).nonzero()[0]
    seat = (seats[met] < own).argmax(axis=1)
    agent, other = seats[met, seat], seats[met, 1 - seat]
    returns = results.returns[met, seat]
    stratum = (agent * len(seats) + other) * 2 + seat  # what differs between these is no luck
    _, which = np.unique(stratum, return_inverse=True)
    means = np.bincount(which, returns) / np.bincount(which)
    share = np.array(weights)[agent] / np.bincount(agent)[agent]
    sums = np.bincount(
        np.unique(results.specs.chance_seed[met], return_inverse=True)[1], share * (returns - means[which])
    )
    return float(share @ returns), float(np.sqrt((sums**2).sum()))


def _tournament(
    game: str, policies: Sequence[TabularPolicy], matches: int, *, common_chance: bool = False
) -> MatchResults:
    """Seat-swapped twins between two policies, from a ledger of their own."""
    with tempfile.TemporaryDirectory() as folder:
        for number, policy in enumerate(policies):
            save_policy(policy, Path(folder) / f"p{number}.json")
        agents = [f"p{number}=policy:{folder}/p{number}.json" for number in range(len(policies))]
        config = {
            "name": "variance",
            "game": game,
            "agents": agents,
            "matches": matches,
            "seed": 1,
            "common_chance": common_chance,
        }
        with Ledger.open(Path(folder) / "arena.db") as ledger:
            return ledger.results(run_tournament(make_config(config), ledger))


def _of(mean: AdjustedMean) -> tuple[float, float]:
    return mean.adjusted.mean, mean.adjusted.error


def _expected(tree: GameTree, mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    total = 0.0
    for seat in range(2):
        strategy = theirs.copy()
        strategy[tree.sequences(seat)] = mine[tree.sequences(seat)]
        total += float(measures(tree, strategy).returns[seat]) / 2
    return total


if __name__ == "__main__":
    main()
