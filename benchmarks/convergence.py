"""Draws how every method converges: one picture a method, for its page in `docs/solvers/`.

    .venv/bin/python benchmarks/convergence.py [METHOD ...]

An iterative method is run on kuhn and leduc poker, or where it is not for trees on matrix or Markov games, and its
`Solution.history` is drawn. A method without iterations is held against games of growing size: its gap is its certificate.
Same code, same picture: nothing is timed, and every random number has a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.convergence_plot import convergence_plot
from arena.convergence_words import Curve, finding, short
from arena.convergence_words import gap_name as named
from arena.games import ArenaError, Game, MarkovGame, NotProvided, load_game
from arena.games.normal_form import normal_form
from arena.solve_settings import reports, settings_of
from arena.solvers import Demonstrations, Solution, demonstrate, methods, soft_markov_equilibrium, solve
from arena.solvers.registry import function_of

PICTURES = Path(__file__).parents[1] / "docs" / "solvers" / "pictures"
GROUPS = (
    ("openspiel:kuhn_poker", "openspiel:leduc_poker"),
    ("matrix:rps", "matrix:biased_rps", "matrix:shapley"),
    ("markov:rps_chain", "markov:random(zero_sum=false)", "markov:soccer"),
)
"""The first group of which a method takes a game is drawn."""
ZERO_SUM_MARKOV = ("markov:rps_chain", "markov:random", "markov:soccer(rows=2,columns=3)")
SHORT_ZERO_SUM = (
    "matrix:biased_rps",
    "matrix:matching_pennies",
    "markov:random(states=3,actions=2,horizon=2,discount=1.0)",
)
WEIGHTED_CYCLE = f"preference:{Path(__file__).parent / 'preferences' / 'weighted cycle.csv'}"
PREFERENCES = ("preference:rps", WEIGHTED_CYCLE)
LEARNED: dict[str, object] = {"reference": (0.6, 0.3, 0.1), "beta": 0.01, "until": 1e-9}
"""Learners on preferences start at their reference: at uniform play rock, paper, scissors would be solved."""
UNTIL, MOST_ITERATIONS = 1e-3, 10_000
SEEDS = 5

Payoffs = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is drawn of a method where it is not what the module says."""

    games: tuple[str, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)
    sizes: tuple[int, ...] = (2, 4, 8, 16, 32)
    kind: str = "zero_sum"


PLANS = {
    "alpha_rank": Plan(sizes=(2, 4, 8, 16), kind="general_sum"),
    "bimatrix_nash": Plan(sizes=(2, 3, 4, 6, 8), kind="general_sum"),
    "cfr": Plan(settings={"iterations": 100_000}),
    "correlated_equilibrium": Plan(sizes=(2, 4, 8, 16), kind="general_sum"),
    "fictitious_play": Plan(settings={"iterations": 10_000}),
    "logit_qre": Plan(games=("matrix:chicken", "matrix:battle_of_the_sexes", "matrix:biased_rps")),
    "mamql": Plan(games=("markov:random(states=6,zero_sum=false)",), settings={"until": 1e-9}),
    "matrix_game_lp": Plan(sizes=(2, 4, 8, 16, 32, 64, 128)),
    "mccfr": Plan(settings={"iterations": 1_000_000}),
    "minimax_winner": Plan(sizes=(2, 4, 8, 16, 32, 64, 128), kind="symmetric"),
    "nash_average": Plan(sizes=(2, 4, 8, 16, 32)),
    "nash_md": Plan(games=PREFERENCES, settings={**LEARNED, "beta": 0.1, "until": 1e-6}),
    "optimistic_mwu": Plan(games=PREFERENCES, settings=LEARNED),
    "spo": Plan(games=(WEIGHTED_CYCLE,)),
    "nash_prox": Plan(games=PREFERENCES, settings=LEARNED),
    "online_ipo": Plan(games=PREFERENCES, settings={**LEARNED, "beta": 0.1, "until": 1e-6}),
    "inpo": Plan(games=PREFERENCES, settings={**LEARNED, "beta": 0.1, "until": 1e-6, "step": 0.38}),
    "dno": Plan(games=PREFERENCES, settings={"reference": (0.6, 0.3, 0.1), "until": UNTIL}),
    "mmd_self_play": Plan(games=PREFERENCES, settings={**LEARNED, "beta": 0.1, "until": 1e-6}),
    "nash_mirror_prox": Plan(games=PREFERENCES, settings=LEARNED),
    "psro": Plan(settings={"iterations": 200}),
    "sequence_form_lp": Plan(kind="trees"),
    "soft_markov_equilibrium": Plan(settings={"until": 1e-9}),
    "log_barrier_ftrl": Plan(games=SHORT_ZERO_SUM),
    "mex": Plan(games=SHORT_ZERO_SUM, settings={"iterations": 4000}),
    "minimax_q": Plan(games=ZERO_SUM_MARKOV, settings={"iterations": 1_000_000}),
    "nash_value_iteration": Plan(games=ZERO_SUM_MARKOV, settings={"until": 1e-9}),
    "qarl": Plan(games=ZERO_SUM_MARKOV),
    "projected_replicator_dynamics": Plan(games=("matrix:biased_rps", "matrix:prisoners_dilemma")),
}


def picture(name: str) -> str:
    """The drawing of a method, as the text of an SVG file.

    Raises:
        NotProvided: nothing is known that the method runs on.
    """
    return _iterations(name) if reports(function_of(name)) else _sizes(name)


def _iterations(name: str) -> str:
    plan = PLANS.get(name, Plan())
    known = settings_of(function_of(name))
    given = {key: value for key, value in {"until": UNTIL, "iterations": MOST_ITERATIONS}.items() if key in known}
    given |= plan.settings
    for games in [plan.games] if plan.games else GROUPS:
        solved = [(game, one) for game in map(load_game, games) if (one := _tried(name, game, given)) is not None]
        solved = [
            one for one in solved if any(gap > 0 for _, gap in one[1].history)
        ] or solved  # not solved at the start
        if solved:
            break
    else:
        raise NotProvided(f"no game in benchmarks/convergence.py is one for {name}; give it a Plan")
    gap_name = named(solved[0][1].gap_kind)
    curves = [
        Curve(name=game.info.title, points=tuple((float(n), gap) for n, gap in one.history if n > 0))
        for game, one in solved
    ]
    target = given.get("until")
    target = target if isinstance(target, float) else None
    return convergence_plot(
        curves,
        title=finding(name, curves, gap_name=gap_name, target=target),
        subtitle=f"{gap_name[:1].upper()}{gap_name[1:]} as it was measured, against iterations; both axes are logarithmic.",
        gap_name=gap_name,
        target=target,
    )


def _tried(name: str, game: Game, settings: dict[str, object]) -> Solution | None:
    try:
        if "demonstrations" in settings_of(function_of(name)):
            settings = {**settings, "demonstrations": _demonstrations(game)}
        found = solve(name, game, **settings)
    except NotProvided:
        return None
    return found if any(n > 0 for n, _ in found.history) else None


def _demonstrations(game: Game) -> Demonstrations:
    """What players of a soft equilibrium show of a Markov game."""
    if not isinstance(game, MarkovGame):
        raise NotProvided(f"{game.info.specification} is no Markov game")
    return demonstrate(game, soft_markov_equilibrium(game).policy, episodes=100, steps=100)


def _sizes(name: str) -> str:
    """The gap on random games of growing size, or on trees of growing size where the method is for trees."""
    plan = PLANS.get(name, Plan())
    try:
        points, gap_name = _random_games(name, plan)
        what, x_name = f"random games with payoffs in [−1, 1], the worst of {SEEDS} a size", "actions of each player"
    except NotProvided:
        points, gap_name = _trees(name)
        what, x_name = "game trees of growing size: kuhn poker, leduc poker, liar's dice", "sequences of the tree"
    worst = max(gap for _, gap in points)
    return convergence_plot(
        [Curve(name=what.partition(" with")[0].partition(" of")[0], points=points)],
        title=f"{name} leaves {gap_name} at most {short(worst)} up to {points[-1][0]:,.0f} {x_name}",
        subtitle=f"No iterations: the gap of its answer on {what}.",
        gap_name=gap_name,
        x_name=x_name,
        up_to=1.0,
    )


def _random_games(name: str, plan: Plan) -> tuple[tuple[tuple[float, float], ...], str]:
    points, gap_name = [], ""
    if plan.kind == "trees":
        raise NotProvided(f"{name} is for trees, which random games of one choice hardly are")
    for size in plan.sizes:
        found = [solve(name, _random_game(size, plan.kind, seed)) for seed in range(SEEDS)]
        gap_name = named(found[0].gap_kind)
        points.append((float(size), max(one.gap for one in found)))
    return tuple(points), gap_name


def _trees(name: str) -> tuple[tuple[tuple[float, float], ...], str]:
    from arena.games import compile_tree

    points, gap_name = [], ""
    for specification in ("kuhn_poker", "leduc_poker", "liars_dice(dice_sides=4)", "liars_dice(dice_sides=5)"):
        game = load_game(f"openspiel:{specification}")
        found = solve(name, game)
        gap_name = named(found.gap_kind)
        points.append((float(compile_tree(game).num_sequences), found.gap))
    return tuple(sorted(points)), gap_name


def _random_game(size: int, kind: str, seed: int) -> Game:
    rng = np.random.default_rng([size, seed])
    first = rng.uniform(-1, 1, (size, size))
    if kind == "symmetric":
        first = (first - first.T) / 2
    second = rng.uniform(-1, 1, (size, size)) if kind == "general_sum" else -first
    names = tuple(str(action) for action in range(size))
    return normal_form(
        np.stack((first, second)),
        specification="matrix:random",
        title="Random game",
        version="1",
        strategies=(names, names),
    )


def main(names: Sequence[str], draw: Callable[[str], str] = picture) -> int:
    """Draws these methods, or all; returns how many could not be drawn."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names or methods():
        try:
            (PICTURES / f"{name}.svg").write_text(draw(name), encoding="utf-8")
            print(f"docs/solvers/pictures/{name}.svg")
        except ArenaError as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.exit(1 if main(sys.argv[1:]) else 0)
