"""Histories written out one by one: the same game as its sequence form."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from random_trees import random_extensives

from arena.games import compile_tree, load_game
from arena.games.history_tree import history_tree
from arena.games.tree_size import CHANCE, TERMINAL
from arena.games.tree_walk import TooLarge

GAMES = [
    "openspiel:kuhn_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:leduc_poker",
    "openspiel:liars_dice(dice_sides=2)",
    "openspiel:liars_dice(numdice=2,dice_sides=2)",
    "openspiel:dark_hex(board_size=2)",
    "openspiel:goofspiel(imp_info=True,num_cards=3,points_order=random)",
    "openspiel:tiny_hanabi",
    "arena:kuhn_poker",
    "matrix:shapley",
    "matrix:matching_pennies_3p",
]


def ends(histories):
    """(each player's last sequence, probability of chance, returns) of every terminal node, by a walk through children."""
    tree, found = histories.tree, []
    waiting = [(0, tuple(range(tree.num_players)), 1.0)]
    while waiting:
        node, sequences, chance = waiting.pop()
        player, place, child = (int(a[node]) for a in (histories.mover, histories.place, histories.child))
        if player == TERMINAL:
            found.append((sequences, chance, histories.returns[place]))
        elif player == CHANCE:
            edges = [0.0]
            while edges[-1] < 1:
                edges.append(histories.edge[child + len(edges) - 1])
            waiting += [(child + i, sequences, chance * share) for i, share in enumerate(np.diff(edges))]
        else:
            assert tree.parent[place] == sequences[player] and place in tree.sets(player)
            for s in range(tree.first[place], tree.first[place + 1]):
                after = (*sequences[:player], s, *sequences[player + 1 :])
                waiting.append((child + s - int(tree.first[place]), after, chance))
    return found


def require_same_game(game):
    """The histories' payoffs, added up by joint sequences, are the entries of the compiled tree."""
    histories, tree = history_tree(game), compile_tree(game)
    found = ends(histories)
    sums = defaultdict(float)
    for sequences, chance, returns in found:
        for p, own in enumerate(sequences):
            sums[p, own, *(other for q, other in enumerate(sequences) if q != p)] += chance * returns[p]
    seen = 0
    for s in range(tree.num_sequences):
        p = s if s < tree.num_players else next(p for p in range(tree.num_players) if s < tree.sequences(p).stop)
        for e in range(tree.row_begin[s], tree.row_begin[s + 1]):
            assert sums.pop((p, s, *tree.others[e].tolist())) == pytest.approx(tree.weights[e], abs=1e-12)
            seen += 1
    assert seen == len(tree.weights) and all(abs(rest) < 1e-12 for rest in sums.values())
    assert len(found) == len(histories.returns)


@pytest.mark.parametrize("name", GAMES)
def test_histories_add_up_to_the_sequence_form(name):
    require_same_game(load_game(name))


def test_a_player_of_a_single_action_has_an_information_set_in_games_of_payoffs_only(tmp_path):
    np.savez(tmp_path / "game.npz", payoffs=np.arange(12.0).reshape(3, 2, 1, 2))
    require_same_game(load_game(f"matrix:{tmp_path / 'game.npz'}"))


@settings(max_examples=60, deadline=None)
@given(random_extensives(players=(1, 2, 3)))
def test_histories_of_random_games_add_up_to_the_sequence_form(game):
    require_same_game(game)


def test_leduc_poker_has_as_many_histories_as_openspiel_walks_through():
    histories = history_tree(load_game("openspiel:leduc_poker"))
    assert histories.num_nodes == 9457 and len(histories.returns) == 5520


def test_more_histories_than_allowed_are_refused():
    with pytest.raises(TooLarge):
        history_tree(load_game("openspiel:leduc_poker"), max_nodes=1000)
    with pytest.raises(TooLarge):
        history_tree(load_game("matrix:shapley"), max_nodes=5)


def test_histories_cannot_be_written_to():
    histories = history_tree(load_game("openspiel:kuhn_poker"))
    for values in (histories.mover, histories.place, histories.child, histories.edge, histories.returns):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0
