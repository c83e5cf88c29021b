"""Games of OpenSpiel with noise on their payoffs, so that no two actions are equally good: text of Gambit's .efg format."""

import numpy as np
import pyspiel


def perturbed(name, seed):
    """A two-player zero-sum game with noise of a tenth on the first player's returns."""
    rng, numbers, lines = np.random.default_rng(seed), {}, ['EFG 2 R "perturbed" { "0" "1" }']

    def write(state):
        if state.is_terminal():
            value = state.returns()[0] + 0.1 * rng.normal()
            lines.append(f't "" {len(lines)} "" {{ {value!r} {-value!r} }}')
            return
        player = state.current_player()
        if state.is_chance_node():
            outcomes, key, kind = state.chance_outcomes(), str(state), 'c ""'
            moves = " ".join(f'"{action}" {share!r}' for action, share in outcomes)
            actions = [action for action, _ in outcomes]
        else:
            actions, key = state.legal_actions(), state.information_state_string()
            kind, moves = f'p "" {player + 1}', " ".join(f'"{action}"' for action in actions)
        sets = numbers.setdefault(player, {})
        lines.append(f'{kind} {sets.setdefault(key, len(sets) + 1)} "{key}" {{ {moves} }} 0')
        for action in actions:
            write(state.child(action))

    write(pyspiel.load_game(name).new_initial_state())
    return "\n".join(lines) + "\n"
