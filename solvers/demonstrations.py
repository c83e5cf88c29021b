"""Demonstrations: what players who know what they want were seen to do in a Markov game, as columns of joint transitions.

On disk a .npz file with the arrays ``format``, ``version``, ``game``, ``num_states``, ``sizes`` and the columns of
`Demonstrations`; never a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.array_file import read_arrays, require_npz, write_arrays
from arena.games.errors import SpecificationError
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.markov_tables import draw_outcomes
from arena.games.policy import Policy
from arena.games.seeds import DECISION_STREAM, OUTCOME_STREAM, counter_hash, sample_rows, seed_of, unit
from arena.solvers.stationary_profile import Profile, policy_profile, stationary_game

FORMAT = "arena-demonstrations"
VERSION = 1
INITIAL_COUNT = 0  # the outcome count of an episode's first state; step t's next state has count t + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demonstrations:
    """T joint transitions of a game with S states, in the order in which they were seen.

    ``states`` [T]; ``actions`` [T, n], what each player did; ``successors`` [T], the states that followed; ``done`` [T]:
    whether nothing comes after the successor, because it is terminal. An episode that was merely cut off is not done.
    ``sizes``: the number of actions of each player. ``game``: the specification of what was played.

    Raises:
        SpecificationError: columns of other shapes, no transitions, or states and actions that are not there.
    """

    game: str
    num_states: int
    sizes: tuple[int, ...]
    states: NDArray[np.int64] = field(repr=False)
    actions: NDArray[np.int64] = field(repr=False)
    successors: NDArray[np.int64] = field(repr=False)
    done: NDArray[np.bool_] = field(repr=False)

    def __post_init__(self) -> None:
        count, players = len(self.states), len(self.sizes)
        shapes = [column.shape for column in (self.states, self.actions, self.successors, self.done)]
        if not count or shapes != [(count,), (count, players), (count,), (count,)]:
            raise SpecificationError(
                f"demonstrations hold at least one transition, with columns [T], [T, {players}], [T], [T]; got {shapes}"
            )
        whole = all(column.dtype.kind in "iu" for column in (self.states, self.actions, self.successors))
        if not whole or self.done.dtype != np.bool_:
            raise SpecificationError("demonstrations hold whole numbers, and truth values in done")
        for name, column in (("states", self.states), ("successors", self.successors)):
            if column.min() < 0 or column.max() >= self.num_states:
                raise SpecificationError(
                    f"{name} of demonstrations are 0 to {self.num_states - 1}; got {column.min()} to {column.max()}"
                )
        for player, size in enumerate(self.sizes):
            own = self.actions[:, player]
            if own.min() < 0 or own.max() >= size:
                raise SpecificationError(
                    f"player {player}'s actions in demonstrations are 0 to {size - 1}; got {own.min()} to {own.max()}"
                )

    def __len__(self) -> int:
        return len(self.states)


def demonstrate(
    game: Game,
    policy: Policy | Sequence[NDArray[np.float64]],
    *,
    episodes: int = 100,
    steps: int = 100,
    seed: int = 0,
) -> Demonstrations:
    """What was seen in some episodes of all players' following a policy, one episode after the other.

    Episodes begin in the game's initial states and end in terminal ones, or are cut off after ``steps`` steps. The
    discount ends nothing. The same seed gives the same demonstrations: every random word is a hash of (seed, episode,
    player, step).

    Args:
        game: a `MarkovGame` without a horizon.
        policy: a `TabularPolicy` of the game, or one array [S, A_i] a player.
        episodes: at least 1. `steps`: the most of an episode, at least 1.

    Raises:
        NotProvided: no Markov game, or one with a horizon.
        SpecificationError: the policy does not fit the game.
        ValueError: `episodes` or `steps` is not positive, or the seed negative.
    """
    if episodes < 1 or steps < 1 or seed < 0:
        raise ValueError(f"episodes and steps must be positive, seed at least 0; got {episodes}, {steps} and {seed}")
    markov = stationary_game(game, "demonstrate")
    states, actions, successors, seen = sampled(
        markov, policy_profile(markov, policy), episodes=episodes, steps=steps, seed=seed
    )
    return Demonstrations(
        game=markov.info.specification,
        num_states=markov.num_states,
        sizes=markov.sizes,
        states=states[seen],
        actions=actions[seen],
        successors=successors[seen],
        done=markov.terminal[successors[seen]],
    )


def sampled(
    game: MarkovGame, profile: Profile, *, episodes: int, steps: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """(states [E, L], actions [E, L, n], successors [E, L], whether the step was made [E, L]) of E episodes."""
    seeds = counter_hash(np.uint64(seed_of(("demonstrate", seed))), OUTCOME_STREAM, np.arange(episodes))
    shape = (episodes, steps)
    states, successors = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    actions, seen = np.zeros((*shape, game.num_players), np.int64), np.zeros(shape, np.bool_)
    state = sample_rows(np.tile(game.initial, (episodes, 1)), counter_hash(seeds, OUTCOME_STREAM, INITIAL_COUNT))
    on = np.flatnonzero(~game.terminal[state])
    state = state[on]
    for step in range(steps):
        if not len(on):
            break
        cell = state
        for player, rows in enumerate(profile):
            choice = sample_rows(rows[state], counter_hash(seeds[on], DECISION_STREAM + player, step))
            actions[on, step, player] = choice
            cell = cell * game.sizes[player] + choice
        draws = unit(counter_hash(seeds[on], OUTCOME_STREAM, step + 1))
        following = game.successors[draw_outcomes(game.begin, game.chances, cell, draws)].astype(np.int64)
        states[on, step], successors[on, step], seen[on, step] = state, following, True
        goes_on = ~game.terminal[following]
        on, state = on[goes_on], following[goes_on]
    return states, actions, successors, seen


def save_demonstrations(demonstrations: Demonstrations, path: str | Path) -> None:
    """Writes them as .npz; a file that stands there is replaced in one step.

    Raises:
        SpecificationError: the name does not end in .npz, or the file cannot be written.
    """
    require_npz(path, "demonstrations")
    held = {name: getattr(demonstrations, name) for name in ("states", "actions", "successors", "done")}
    held |= {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "game": np.array(demonstrations.game),
        "num_states": np.array(demonstrations.num_states),
        "sizes": np.array(demonstrations.sizes),
    }
    write_arrays(path, held, what="demonstrations")


def load_demonstrations(path: str | Path) -> Demonstrations:
    """The demonstrations of a file that `save_demonstrations` or another program wrote.

    Raises:
        SpecificationError: it cannot be read, or holds no demonstrations.
    """
    try:
        held = read_arrays(Path(path).read_bytes())
        kind, version = str(held["format"]), int(held["version"])
        if kind != FORMAT or version != VERSION:
            raise ValueError(f"format {kind} version {version}")
        return Demonstrations(
            game=str(held["game"]),
            num_states=int(held["num_states"]),
            sizes=tuple(int(size) for size in held["sizes"]),
            **{name: held[name] for name in ("states", "actions", "successors", "done")},
        )
    except OSError as error:
        raise SpecificationError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SpecificationError(f"{str(path)!r} holds no demonstrations ({error})") from None


def check_demonstrations(demonstrations: Demonstrations, game: MarkovGame) -> None:
    """Makes sure that all that was seen can happen in the game.

    Raises:
        SpecificationError: another number of states or actions, a transition that has no chance, or a wrong ``done``.
    """
    if demonstrations.num_states != game.num_states or demonstrations.sizes != game.sizes:
        raise SpecificationError(
            f"demonstrations of {demonstrations.game} have {demonstrations.num_states} states and {list(demonstrations.sizes)} "
            f"actions; {game.info.specification} has {game.num_states} and {list(game.sizes)}"
        )
    cell = demonstrations.states
    for player, size in enumerate(game.sizes):
        cell = cell * size + demonstrations.actions[:, player]
    rows = np.repeat(np.arange(len(game.begin) - 1), np.diff(game.begin).astype(np.int64))
    possible = np.isin(
        cell * game.num_states + demonstrations.successors, rows * game.num_states + game.successors.astype(np.int64)
    )
    for fits, what in (
        (possible, "is impossible"),
        (demonstrations.done == game.terminal[demonstrations.successors], "is wrong about whether the game is over"),
    ):
        if not fits.all():
            at = int(np.flatnonzero(~fits)[0])
            raise SpecificationError(
                f"transition {at} of the demonstrations, from state {demonstrations.states[at]} by the actions "
                f"{demonstrations.actions[at].tolist()} to state {demonstrations.successors[at]}, {what} in "
                f"{game.info.specification}"
            )
