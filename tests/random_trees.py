"""Random games of perfect recall with the face of a `pyspiel.Game`, and measures of them by plain recursion."""

from types import SimpleNamespace

import numpy as np

CHANCE, TERMINAL = -1, -4


def random_game(seed, *, num_players=2, depth=4, zero_sum=True, shift=0.0, scale=1.0):
    """A game for `compile_tree`: each move is heard by its player, and by the others where the seed says so."""
    rules = RandomRules(seed, num_players, depth, zero_sum, shift, scale)
    name = f"random:{seed},{num_players},{depth},{zero_sum},{shift},{scale}"
    return SimpleNamespace(rules=rules, info=SimpleNamespace(specification=name, version="1", num_players=num_players))


class RandomRules:
    """What moves a depth has, and who hears them, is drawn from the seed; returns from the whole history."""

    def __init__(self, seed, num_players, depth, zero_sum, shift, scale):
        rng = np.random.default_rng(seed)
        self.seed, self.players, self.zero_sum, self.shift, self.scale = seed, num_players, zero_sum, shift, scale
        self.mover = [CHANCE, *rng.integers(-1, num_players, size=depth - 1).tolist()]
        self.sizes = rng.integers(1, 4, size=depth).tolist()
        self.shares = [rng.dirichlet(np.ones(size)).tolist() for size in self.sizes]
        self.heard = rng.random((depth, num_players)) < 0.5

    def get_type(self):
        return SimpleNamespace(provides_information_state_string=True, chance_mode="EXPLICIT_STOCHASTIC")

    def num_players(self):
        return self.players

    def new_initial_state(self):
        return RandomState(self, ())


class RandomState:
    def __init__(self, rules, history):
        self.rules, self.history = rules, history

    def child(self, action):
        return RandomState(self.rules, (*self.history, action))

    def current_player(self):
        at = len(self.history)
        return TERMINAL if at == len(self.rules.mover) else self.rules.mover[at]

    def legal_actions(self):
        return list(range(self.rules.sizes[len(self.history)]))

    def chance_outcomes(self):
        return list(enumerate(self.rules.shares[len(self.history)]))

    def information_state_string(self, player):
        rules = self.rules
        seen = [
            str(action) if rules.mover[at] == player or rules.heard[at][player] else "?"
            for at, action in enumerate(self.history)
        ]
        return f"{player}:{''.join(seen)}"

    def returns(self):
        rules = self.rules
        values = np.random.default_rng((rules.seed, *self.history)).normal(size=rules.players)
        if rules.zero_sum:
            values -= values.mean()
        return (rules.shift + rules.scale * values).tolist()


def random_table(game, seed):
    """A random policy of a game: information state -> {action: probability}."""
    table, waiting, rng = {}, [game.rules.new_initial_state()], np.random.default_rng(seed)
    while waiting:
        state = waiting.pop()
        player = state.current_player()
        if player == TERMINAL:
            continue
        actions = [a for a, _ in state.chance_outcomes()] if player == CHANCE else state.legal_actions()
        if player >= 0:
            key = state.information_state_string(player)
            table.setdefault(key, dict(zip(actions, rng.dirichlet(np.ones(len(actions))).tolist(), strict=True)))
        waiting += [state.child(action) for action in actions]
    return table


def plain_returns(state, table):
    """Each player's expected return."""
    player = state.current_player()
    if player == TERMINAL:
        return np.array(state.returns())
    return sum(share * plain_returns(state.child(action), table) for action, share in moves(state, table))


def plain_response(states, player, table):
    """Σ weight · return of a player who answers best, over (state, weight) that he cannot tell apart so far."""
    total, waiting, sets = 0.0, list(states), {}
    while waiting:
        state, weight = waiting.pop()
        mover = state.current_player()
        if mover == TERMINAL:
            total += weight * state.returns()[player]
        elif mover == player:
            sets.setdefault(state.information_state_string(player), []).append((state, weight))
        else:
            waiting += [(state.child(action), weight * share) for action, share in moves(state, table)]
    for members in sets.values():
        total += max(
            plain_response([(state.child(action), weight) for state, weight in members], player, table)
            for action in members[0][0].legal_actions()
        )
    return total


def moves(state, table):
    """(action, probability) of chance or of the policy."""
    player = state.current_player()
    if player == CHANCE:
        return state.chance_outcomes()
    return table[state.information_state_string(player)].items()
