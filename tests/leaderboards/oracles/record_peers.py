"""Writes peers.json: what choix, arena-rank and OpenSpiel say of random matches. Run it by hand where they are installed.

They were choix 0.4.1 (maximum likelihood of pairs and of orders), arena-rank 0.1.1 (ratings and sandwich intervals), OpenSpiel 2.0.2 with
cvxpy 1.9.3 and ecos (Nash averaging, maximal lotteries).
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import choix
import numpy as np
import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset
from open_spiel.python.algorithms.nash_averaging import _max_entropy_symmetric_nash
from open_spiel.python.voting import base, maximal_lotteries


def pairs_of(rng: np.random.Generator, size: int, matches: int) -> np.ndarray:
    """[matches, 2]: the winner, the loser; of a ring so often that all are linked both ways, then at random."""
    strength = rng.normal(size=size)
    first = np.concatenate((np.arange(size), np.arange(size), rng.integers(0, size, matches)))
    step = np.concatenate((np.ones(size), np.full(size, size - 1), rng.integers(1, size, matches))).astype(int)
    second = (first + step) % size
    won = rng.random(len(first)) < 1 / (1 + np.exp(strength[second] - strength[first]))
    won[: 2 * size] = True  # each beat its neighbours once
    return np.where(won[:, None], np.stack((first, second), 1), np.stack((second, first), 1))


def of_pairs(rng: np.random.Generator, size: int, matches: int) -> dict[str, object]:
    rows = pairs_of(rng, size, matches)
    table = pd.DataFrame({"model_a": [f"a{i:02}" for i in rows[:, 0]], "model_b": [f"a{i:02}" for i in rows[:, 1]]})
    table["winner"] = "model_a"
    # as in its own data, the winner stands in either column
    swap = rng.random(len(table)) < 0.5
    table.loc[swap, ["model_a", "model_b"]] = table.loc[swap, ["model_b", "model_a"]].to_numpy()
    table.loc[swap, "winner"] = "model_b"
    dataset = PairDataset.from_pandas(table)
    model = BradleyTerry(n_competitors=size)
    found = model.compute_ratings_and_cis(dataset)
    order = np.argsort([str(name) for name in found["competitors"]])
    return {
        "matches": rows.tolist(),
        "choix": choix.ilsr_pairwise(size, rows.tolist(), alpha=0.0, tol=1e-12, max_iter=100_000).tolist(),
        "arena_rank": np.asarray(found["ratings"])[order].tolist(),
        "arena_rank_low": np.asarray(found["rating_lower"])[order].tolist(),
        "arena_rank_high": np.asarray(found["rating_upper"])[order].tolist(),
    }


def of_orders(rng: np.random.Generator, size: int, seats: int, matches: int) -> dict[str, object]:
    strength = rng.normal(size=size) * 0.7
    orders = []
    for _ in range(matches):
        players = rng.choice(size, seats, replace=False)
        orders.append(players[np.argsort(-(strength[players] + rng.gumbel(size=seats)))].tolist())
    found = choix.ilsr_rankings(size, orders, alpha=0.0, tol=1e-12, max_iter=100_000)
    return {"orders": orders, "choix": found.tolist()}


def of_matrix(rng: np.random.Generator, size: int) -> dict[str, object]:
    upper = np.triu(rng.integers(-9, 10, (size, size)), 1).astype(float)
    matrix = upper - upper.T
    return {"matrix": matrix.tolist(), "nash_average": _max_entropy_symmetric_nash(matrix, eps=0.0)[:, 0].tolist()}


def of_votes(rng: np.random.Generator, size: int, voters: int) -> dict[str, object]:
    votes = [rng.permutation(size).tolist() for _ in range(voters)]
    names = [str(k) for k in range(size)]
    profile = base.PreferenceProfile(votes=[[names[k] for k in vote] for vote in votes], alternatives=names)
    rule = maximal_lotteries.MaximalLotteriesVoting(iterative=False)
    outcome = rule.run_election(profile)
    scores = dict(zip(outcome.ranking, outcome.scores, strict=True))
    return {"votes": votes, "maximal_lottery": [float(scores[name]) for name in names]}


def main() -> None:
    rng = np.random.default_rng(7)
    held = {
        "versions": {name: version(name) for name in ("choix", "arena-rank", "open_spiel", "cvxpy")},
        "pairs": [of_pairs(rng, size, matches) for size, matches in ((3, 40), (6, 200), (12, 400))],
        "orders": [of_orders(rng, *sizes) for sizes in ((4, 3, 40), (6, 4, 60), (8, 5, 80))],
        "matrices": [of_matrix(rng, size) for size in (3, 5, 8, 8, 12)],
        "votes": [of_votes(rng, size, 15) for size in (3, 4, 5, 6, 7)],
    }
    file = Path(__file__).with_name("peers.json")
    file.write_text(json.dumps(held, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
