"""Random games of perfect recall with the face of a `pyspiel.Game`, and measures of them by plain recursion.

    tree = random_tree(rng, players=3, zero_sum=False)                     a compiled tree
    game = random_extensive(rng, players=3, zero_sum=False)                the game that `random_tree` compiles
    @given(random_extensives(players=(2, 3), zero_sum=(True, False)))      the same as a hypothesis strategy
    table = random_table(game, seed)                                       a policy: information state -> {action: share}
    plain_measures(game, table)                                            returns and best responses, by recursion

`random_game` differs in that all histories of one length have the same mover: larger trees, less irregular ones.
"""

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from arena.games import compile_tree

CHANCE, TERMINAL = -1, -4


def random_tree(rng, *, players=2, zero_sum=True, depth=5, integers=False):
    """The compiled tree of `random_extensive`, of the same arguments."""
    return compile_tree(random_extensive(rng, players=players, zero_sum=zero_sum, depth=depth, integers=integers))


def random_extensives(*, players=(2, 3), zero_sum=(True, False), depth=5):
    """A hypothesis strategy of `random_extensive` games, small ones first; half of them with ties among the returns."""
    return st.builds(
        lambda seed, count, kind, longest, integers: random_extensive(
            np.random.default_rng(seed), players=count, zero_sum=kind, depth=longest, integers=integers
        ),
        st.integers(0, 2**32 - 1),
        st.sampled_from(players),
        st.sampled_from(zero_sum),
        st.integers(1, depth),
        st.booleans(),
    )


def random_extensive(rng, *, players=2, zero_sum=True, depth=5, integers=False):
    """A game for `compile_tree` and the plain measures, drawn node by node: nothing about it is regular.

    Chance moves anywhere, histories end early, a player of one action has no choice, and what a player cannot tell apart are
    histories in which he did and saw the same. Every player recalls all that he did.

    Args:
        rng: a numpy generator; the same state gives the same game.
        players: 1 or more. `zero_sum`: else each player's returns are drawn for himself.
        depth: the longest history. `integers`: returns are whole numbers from -2 to 2, so that many are equal; of zero-sum
            games those of all players but the last.
    """
    root = _grown(rng, players, zero_sum, depth, integers, {}, ("",) * players)
    kind = SimpleNamespace(provides_information_state_string=True, chance_mode="EXPLICIT_STOCHASTIC")
    rules = SimpleNamespace(get_type=lambda: kind, num_players=lambda: players, new_initial_state=lambda: root)
    name = f"random:{rng.integers(2**62)},{players},{zero_sum},{depth},{integers}"  # trees are kept by their name
    return SimpleNamespace(rules=rules, info=SimpleNamespace(specification=name, version="1", num_players=players))


def _grown(rng, players, zero_sum, depth, integers, sizes, memories):
    """``sizes``: the number of actions of the information states so far; ``memories``: what each player did and saw."""
    if depth == 0 or (any(memories) and rng.random() < 0.1):
        values = rng.integers(-2, 3, size=players).astype(float) if integers else rng.normal(size=players)
        if zero_sum and players > 1:
            values[-1] = -values[:-1].sum()
        return Node(TERMINAL, values=values.tolist())
    mover = CHANCE if rng.random() < 0.2 else int(rng.integers(players))
    own = f"{mover}:{memories[mover]}/{int(rng.random() < 0.25)}" if mover >= 0 else ""
    size = int(rng.choice((1, 2, 2, 3, 3)))
    if mover >= 0:
        size = sizes.setdefault(own, size)
    after = [f"{own[2:]}.{action}" for action in range(size)]
    children = [
        _grown(
            rng,
            players,
            zero_sum,
            depth - 1,
            integers,
            sizes,
            tuple(after[action] if p == mover else memory for p, memory in enumerate(memories)),
        )
        for action in range(size)
    ]
    return Node(mover, key=own, children=children, shares=rng.dirichlet(np.ones(size)).tolist())


class Node:
    """A history with all that may follow it, with the face of a `pyspiel.State`."""

    def __init__(self, mover, *, key="", children=(), shares=(), values=()):
        self.mover, self.key, self.children, self.shares, self.values = mover, key, children, shares, values

    def child(self, action):
        return self.children[action]

    def current_player(self):
        return self.mover

    def legal_actions(self):
        return list(range(len(self.children)))

    def chance_outcomes(self):
        return list(enumerate(self.shares))

    def information_state_string(self, player):
        assert player == self.mover
        return self.key

    def returns(self):
        return self.values


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


def plain_measures(game, table):
    """(expected returns [n], values of best responses [n]) of a policy, by recursion through all histories."""
    start = game.rules.new_initial_state()
    responses = [plain_response([(start, 1.0)], player, table) for player in range(game.info.num_players)]
    return np.array(plain_returns(start, table)), np.array(responses)


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
