"""Counterfactual regret minimisation plus, driven through OpenSpiel's implementation in C++."""

from __future__ import annotations

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.policy import TabularPolicy
from arena.solvers.exploitability import best_response_value, tabulated, tree_values
from arena.solvers.game_tree import compile_tree, spiel_rules
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 1_000
MEASURE_GROWTH = 1.25
"""The gap is measured at iterations that grow by this factor: it costs more than an iteration."""


def cfr_plus(
    game: Game, *, iterations: int | None = None, until: float | None = None, progress: Progress | None = None
) -> Solution:
    """The average policy of CFR+, keyed by information-state strings, with its NashConv measured on the whole tree.

    In two-player zero-sum games of perfect recall the average policy converges to a Nash equilibrium. In other games it
    has no such guarantee: the gap is then still true, and ``converged`` is never claimed.

    Source: Tammelin, Solving large imperfect information games using CFR+, 2014, arXiv:1407.5042. Alternating updates,
    linear averaging.

    Args:
        game: a turn-based game of OpenSpiel, or a native twin of one, small enough to be written out.
        iterations: the most that are done; by default 1,000, or no limit where `until` is given.
        until: stop once NashConv is at most this.
        progress: called with (iterations, gap) whenever the gap was measured.

    Raises:
        NotProvided: a game of simultaneous moves, or one that has no tree.
        ArenaError: a game too large to be written out.
        ValueError: `iterations` or `until` is not positive.
    """
    if (iterations is not None and iterations < 1) or (until is not None and not until > 0):
        raise ValueError(f"iterations and until must be positive; got {iterations} and {until}")
    if game.info.simultaneous:
        raise NotProvided(f"cfr_plus needs a turn-based game; {game.info.specification} has simultaneous moves")
    tree = compile_tree(game)
    import pyspiel

    solver = pyspiel.CFRPlusSolver(spiel_rules(game))
    last = iterations if iterations is not None else DEFAULT_ITERATIONS if until is None else None
    history: list[tuple[int, float]] = []
    done, measure_at = 0, 1
    while True:
        solver.evaluate_and_update_policy()
        done += 1
        if done != measure_at and done != last:
            continue
        measure_at = max(done + 1, int(done * MEASURE_GROWTH))
        policy = TabularPolicy(game.info.specification, _table(solver))
        probabilities = tabulated(tree, policy)
        values = tree_values(tree, probabilities)
        responses = [best_response_value(tree, probabilities, player) for player in range(tree.num_players)]
        gap = max(float(sum(responses) - sum(values)), 0.0)
        history.append((done, gap))
        if progress is not None:
            progress(done, gap)
        if done == last or (until is not None and gap <= until):
            break
    covered = game.info.num_players == 2 and game.info.utility in ("zero_sum", "constant_sum")
    return Solution(
        policy=policy,
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=covered and until is not None and gap <= until,
        guarantee="the average policy converges to a Nash equilibrium" if covered else "none",
        iterations=done,
        history=tuple(history),
        settings={"iterations": iterations, "until": until},
        source="Tammelin 2014, arXiv:1407.5042; OpenSpiel",
    )


def _table(solver: object) -> dict[str, dict[int, float]]:
    table = solver.tabular_average_policy().policy_table()  # type: ignore[attr-defined]  # pyspiel has no types
    return {state: dict(choices) for state, choices in table.items()}
