"""Why two correct programs of CFR part: regrets that tie at 0, and rounding that grows. What docs/explanation/cfr-and-openspiel.md says."""

from decimal import Decimal, localcontext

import numpy as np
import pyspiel
import pytest
from perturbed_games import perturbed
from plain_cfr import PlainCfr, digits

from arena.games import compile_tree, load_game
from arena.solvers.counterfactual import CFR, CFR_PLUS, advance, start
from arena.solvers.tree_measures import measures, normalised

BATTLESHIP = (
    "battleship(board_width=2,board_height=2,ship_sizes=[1;2],ship_values=[1;1],num_shots=3,allow_repeated_shots=False)"
)
GOOFSPIEL = "turn_based_simultaneous_game(game=goofspiel(imp_info=True,num_cards=4,points_order=descending))"
THREE_KUHN = "kuhn_poker(players=3)"


def theirs(tree, solver):
    """The strategy [S] that OpenSpiel's solver plays now."""
    policy = solver.current_policy()
    strategy = np.ones(tree.num_sequences)
    for j, key in enumerate(tree.keys):
        strategy[tree.first[j] : tree.first[j + 1]] = [share for _, share in policy.get_state_policy(key)]
    return strategy


def apart(tree, first, second, *, more_than, player=None):
    """The information sets at which two strategies differ."""
    sets = range(tree.num_sets) if player is None else tree.sets(player)
    spans = [slice(tree.first[j], tree.first[j + 1]) for j in sets]
    return [j for j, span in zip(sets, spans, strict=True) if np.abs(first[span] - second[span]).max() > more_than]


def best_regrets(tree, regrets):
    """The largest regret of each information set [I]."""
    return np.maximum.reduceat(np.asarray(regrets, float), tree.first[:-1].astype(np.int64))


def near_ties(tree, regrets):
    """How many information sets decide by a positive regret that may be rounding."""
    best = best_regrets(tree, regrets)
    return int(((best > 0) & (best < 1e-12)).sum())


@pytest.mark.parametrize(("name", "iterations"), [(BATTLESHIP, 1), (THREE_KUHN, 3)])
def test_where_they_part_at_once_all_exact_regrets_are_nought(name, iterations):
    """In fractions nothing is to be preferred there; floats have ±3e-17, each program its own, and play that action alone."""
    tree, solver = compile_tree(load_game(f"openspiel:{name}")), pyspiel.CFRSolver(pyspiel.load_game(name))
    regrets, twin = start(tree), PlainCfr(tree)
    advance(tree, CFR, regrets, iterations - 1)
    twin.iterate(iterations - 1)
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    advance(tree, CFR, regrets, 1)
    player = 0 if name == BATTLESHIP else 2  # who comes to the tie first: all others play against what he then plays
    for mover in range(player + 1):
        twin.update(mover)
    exact_regret, exact = twin.set_arrays()
    sides = (regrets.strategy, theirs(tree, solver))
    assert apart(tree, *sides, more_than=1e-6, player=player)
    for strategy in sides:
        for j in apart(tree, strategy, exact, more_than=1e-6, player=player):
            span = slice(tree.first[j], tree.first[j + 1])
            assert not exact_regret[span].any() and np.abs(regrets.regret[span]).max() < 1e-15


def test_without_ties_they_stay_together_in_battleship(tmp_path):
    """The same game with noise on its payoffs: where the programs parted at once they agree now."""
    file = tmp_path / "battleship.efg"
    file.write_text(perturbed(BATTLESHIP, 0))
    name = f"efg_game(filename={file})"
    tree, solver = compile_tree(load_game(f"openspiel:{name}")), pyspiel.CFRSolver(pyspiel.load_game(name))
    regrets = start(tree)
    for _ in range(5):
        solver.evaluate_and_update_policy()
        advance(tree, CFR, regrets, 1)
    assert not near_ties(tree, regrets.regret)
    assert np.abs(regrets.strategy - theirs(tree, solver)).max() < 1e-8


def test_in_goofspiel_rounding_grows_without_ties_in_either_program():
    """Against 60 digits: both are exact to 1e-12 after 20 iterations, and to no more than 1e-9 after 170."""
    tree, solver = compile_tree(load_game(f"openspiel:{GOOFSPIEL}")), pyspiel.CFRSolver(pyspiel.load_game(GOOFSPIEL))
    regrets, ours, peers = start(tree), {}, {}
    with localcontext() as context:
        context.prec = 60
        twin = PlainCfr(tree, exact=digits(60), zero=Decimal("1e-40"))
        for iteration in range(1, 171):
            twin.iterate(1)
            solver.evaluate_and_update_policy()
            advance(tree, CFR, regrets, 1)
            if iteration in (20, 170):
                exact_regret, exact = twin.set_arrays()
                for found, strategy in ((ours, regrets.strategy), (peers, theirs(tree, solver))):
                    found[iteration] = np.abs(strategy - exact).max()
                    for j in apart(tree, strategy, exact, more_than=1e-9):
                        assert best_regrets(tree, exact_regret)[j] > 0.1  # no tie: an action is clearly to be preferred
    assert max(ours[20], peers[20]) < 1e-11
    assert min(ours[170], peers[170]) > 1e-9


@pytest.mark.parametrize(
    ("name", "variant", "begin", "marks"),
    [(GOOFSPIEL, CFR, 20, (40, 1000)), ("leduc_poker", CFR_PLUS, 10, (30, 170)), ("leduc_poker", CFR, 10, (30, 1200))],
)
def test_what_a_last_digit_changes_grows_until_averages_differ(name, variant, begin, marks):
    """One program against itself, regrets moved by one part in 1e12 at one iteration: no ties, and yet another average."""
    tree = compile_tree(load_game(f"openspiel:{name}"))
    plain, moved = start(tree), start(tree)
    for regrets in (plain, moved):
        advance(tree, variant, regrets, begin)
    moved.regret[:] *= 1 + 1e-12 * np.random.default_rng(0).uniform(-1, 1, tree.num_sequences)
    differences, ties = [], 0
    for iteration in range(begin + 1, marks[-1] + 1):
        for regrets in (plain, moved):
            advance(tree, variant, regrets, 1)
            ties = max(ties, near_ties(tree, regrets.regret))
        if iteration in marks:
            differences.append(np.abs(plain.strategy - moved.strategy).max())
    gaps = [measures(tree, normalised(tree, regrets.average)).nash_conv for regrets in (plain, moved)]
    assert not ties and differences[0] < 1e-7 and differences[1] > 1e-3
    assert gaps[0] != pytest.approx(gaps[1], rel=1e-4) and gaps[0] == pytest.approx(gaps[1], rel=0.5)
