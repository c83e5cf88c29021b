"""What agents of a game tree expect of their actions, by recursion through all histories, and a published equilibrium."""

import numpy as np

AGENT_QRE_OF_KUHN = {  # temperature 0.5: [pass, bet], as published with Sokota et al. and traced by Gambit
    "0": (0.7157, 0.2843), "0pb": (0.8808, 0.1192), "1": (0.6030, 0.3970), "1pb": (0.3618, 0.6382),
    "2": (0.4639, 0.5361), "2pb": (0.0025, 0.9975), "0p": (0.6828, 0.3172), "0b": (0.8808, 0.1192),
    "1p": (0.6539, 0.3461), "1b": (0.3160, 0.6840), "2p": (0.3289, 0.6711), "2b": (0.0025, 0.9975),
}  # fmt: skip


def plain_agent_values(game, tree, strategy):
    """[I][actions]: expected return of each action at each information set, over all histories there, by recursion."""
    first = tree.first.tolist()
    places = {key: j for j, key in enumerate(tree.keys)}
    earned = [np.zeros(first[j + 1] - first[j]) for j in range(tree.num_sets)]
    mass = [0.0] * tree.num_sets

    def walk(state, others):
        """Expected returns [n]; ``others`` [n]: the probability of chance and of all players but each one."""
        mover = state.current_player()
        if mover == -4:
            return np.array(state.returns())
        if mover == -1:
            return sum(p * walk(state.child(a), others * p) for a, p in state.chance_outcomes())
        legal = state.legal_actions()
        if len(legal) == 1:
            return walk(state.child(legal[0]), others)
        j = places[state.information_state_string(mover)]
        mine = strategy[first[j] : first[j + 1]]
        values = []
        for action, p in zip(legal, mine, strict=True):
            ahead = others * p
            ahead[mover] = others[mover]
            values.append(walk(state.child(action), ahead))
        mass[j] += others[mover]
        earned[j] += others[mover] * np.array([value[mover] for value in values])
        return mine @ np.array(values)

    walk(game.rules.new_initial_state(), np.ones(tree.num_players))
    return [sums / weight for sums, weight in zip(earned, mass, strict=True)]


def plain_agent_residual(game, tree, strategy, rationality):
    """max |π − softmax(λ q)| over all information sets."""
    worst, first = 0.0, tree.first.tolist()
    for j, values in enumerate(plain_agent_values(game, tree, strategy)):
        weights = np.exp(rationality * (values - values.max()))
        worst = max(worst, np.abs(weights / weights.sum() - strategy[first[j] : first[j + 1]]).max())
    return worst
