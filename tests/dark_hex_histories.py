"""OpenSpiel's dark hex without the number of moves in its information states, and what is met in all of its histories."""

from functools import cache

import pyspiel

from arena.games.tree_walk import walk

BOARDS = [(2, 2), (2, 3), (3, 2)]


def spiel_name(rows, columns, version):
    return f"dark_hex(num_rows={rows},num_cols={columns},gameversion={version})"


def without_number(information_state):
    """An information-state string of OpenSpiel without the number of moves made, the line before the last."""
    *view, _, told = information_state.split("\n")
    return "\n".join([*view, told])


class Rules:
    """Of dark hex, with information states that do not tell how many moves were made."""

    def __init__(self, rows, columns, version):
        self.spiel = pyspiel.load_game(spiel_name(rows, columns, version))

    def get_type(self):
        return self.spiel.get_type()

    def num_players(self):
        return 2

    def new_initial_state(self):
        return State(self.spiel.new_initial_state())


class State:
    def __init__(self, spiel):
        self.spiel = spiel
        self.current_player, self.legal_actions, self.returns = spiel.current_player, spiel.legal_actions, spiel.returns

    def child(self, action):
        return State(self.spiel.child(action))

    def information_state_string(self, player):
        mine = without_number(self.spiel.information_state_string(player))
        return mine if mine.strip(".\n") else f"{player}{mine}"  # both players begin with an empty board


@cache
def plain_tree(rows, columns, version):
    """The compiled tree, walked history by history."""
    return walk(Rules(rows, columns, version), spiel_name(rows, columns, version), max_nodes=1_000_000, progress=None)


@cache
def information_states(rows, columns, version):
    """{(player, information-state string): legal actions} of all decisions."""
    met, waiting = {}, [pyspiel.load_game(spiel_name(rows, columns, version)).new_initial_state()]
    while waiting:
        state = waiting.pop()
        if not state.is_terminal():
            player = state.current_player()
            legal = state.legal_actions()
            met[player, state.information_state_string(player)] = legal
            waiting.extend(map(state.child, legal))
    return met
