"""The peers' side of `benchmarks/ratings.py`: started by it in an environment of its own, asked one thing at a time.

The argument is a file of arrays: ``seats`` [N, 2], ``won`` [N], whether the first agent won, and ``agents``, how many there are.
Reads lines ``sklearn TOLERANCE``, ``arena_rank`` and ``arena_rank_refits COUNT``; answers each with a line of JSON: CPU seconds of
this process and, where there are any, ratings on the natural scale.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.linear_model import LogisticRegression


def sklearn_fit(seats: np.ndarray, won: np.ndarray, agents: int, tolerance: float) -> dict[str, object]:
    """Logistic regression on the sparse design, without a penalty to speak of; making the design counts."""
    began = time.process_time()
    rows = np.arange(len(seats))
    signs = np.concatenate((np.ones(len(rows)), -np.ones(len(rows))))
    places = (np.concatenate((rows, rows)), np.concatenate((seats[:, 0], seats[:, 1])))
    design = scipy.sparse.csr_array((signs, places), shape=(len(rows), agents))
    model = LogisticRegression(C=1e8, fit_intercept=False, solver="lbfgs", tol=tolerance, max_iter=1000)
    model.fit(design, won)
    return {"seconds": time.process_time() - began, "ratings": model.coef_[0].tolist()}


def table_of(seats: np.ndarray, won: np.ndarray) -> pd.DataFrame:
    """The matches as arena-rank reads them; names that sort as the numbers do."""
    names = np.array([f"a{k:05d}" for k in range(int(seats.max()) + 1)])
    winner = np.where(won, "model_a", "model_b")
    return pd.DataFrame({"model_a": names[seats[:, 0]], "model_b": names[seats[:, 1]], "winner": winner})


def arena_rank_fit(table: pd.DataFrame) -> dict[str, object]:
    """Dataset, fit and sandwich intervals."""
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    began = time.process_time()
    dataset = PairDataset.from_pandas(table)
    model = BradleyTerry(n_competitors=len(dataset.competitors))
    found = model.compute_ratings_and_cis(dataset)
    ratings = (np.asarray(found["ratings"]) - model.init_rating) / model.alpha
    return {"seconds": time.process_time() - began, "ratings": ratings.tolist()}


def arena_rank_refits(table: pd.DataFrame, count: int) -> dict[str, object]:
    """So many refits of its bootstrap: its own draws, its own function for one, without its pool of processes."""
    import jax
    from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
    from arena_rank.utils.data_utils import PairDataset

    dataset = PairDataset.from_pandas(table)
    model = BradleyTerry(n_competitors=len(dataset.competitors))
    fit_single_bootstrap_sample(dataset.counts, model, dataset)  # compiles
    began = time.process_time()
    total = dataset.counts.sum()
    drawn = jax.random.multinomial(
        jax.random.PRNGKey(0),
        n=int(total),
        p=dataset.counts / total,
        shape=(count, len(dataset.counts)),
        dtype=model.dtype,
    )
    for counts in drawn:
        jax.block_until_ready(fit_single_bootstrap_sample(counts, model, dataset))
    return {"seconds": time.process_time() - began}


def main() -> None:
    arrays = np.load(sys.argv[1])
    seats, won, agents = arrays["seats"], arrays["won"], int(arrays["agents"])
    table = None
    versions = {name: importlib.metadata.version(name) for name in ("scikit-learn", "arena-rank", "jax")}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        asked, *rest = line.split()
        if asked == "sklearn":
            answer = sklearn_fit(seats, won, agents, float(rest[0]))
        else:
            table = table_of(seats, won) if table is None else table
            answer = arena_rank_fit(table) if asked == "arena_rank" else arena_rank_refits(table, int(rest[0]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
