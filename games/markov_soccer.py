"""``markov:soccer(rows=4, columns=5)``: two players and a ball on a grid; whoever carries it into the other's goal wins.

Source: M. L. Littman, Markov games as a framework for multi-agent reinforcement learning, ICML 1994, section 5. Both choose
a direction or to stand; the two moves are made in an order drawn by chance. Who would step onto the other's square stays,
and the ball goes (or stays) with the one who stood there. Player 0 carries it out at the left edge to score, player 1 at the
right one, through the goals in the middle rows. The first goal ends a match and pays 1 to the scorer and -1 to the other;
the ball at first belongs to either player with the same chance. (Littman goes on from a new kick-off instead. The two games
have the same values and equilibria, because a kick-off, being symmetric, is worth 0.)
"""

from __future__ import annotations

import numpy as np

from arena.games.errors import SpecificationError
from arena.games.markov_game import MarkovGame, sparse_markov_game

MOVES = {"north": (-1, 0), "south": (1, 0), "west": (0, -1), "east": (0, 1), "stand": (0, 0)}
LARGEST_FIELD = 64  # squares: 8,065 states, 400,000 draws of the order of moves

State = tuple[int, int, int]
"""The squares of both players, row * columns + column, and who has the ball."""


def soccer(specification: str, *, rows: int, columns: int, discount: float) -> MarkovGame:
    """The game on a grid of at least 2 x 3 squares.

    Raises:
        SpecificationError: a smaller grid, or one of more than 64 squares.
    """
    if rows < 2 or columns < 3 or rows * columns > LARGEST_FIELD:
        raise SpecificationError(
            f"soccer is played on at least 2 rows of 3 columns and at most {LARGEST_FIELD} squares; got {rows} x {columns}"
        )
    squares, moves = range(rows * columns), list(MOVES.values())
    states = [(a, b, ball) for a in squares for b in squares if a != b for ball in (0, 1)]
    place = {state: i for i, state in enumerate(states)}
    goal = len(states)
    begin, successors = [0], list[int]()
    chances: list[float] = []
    rewards: list[int] = []
    for state in states:
        for pair in np.ndindex(5, 5):
            ends: dict[tuple[int, int], float] = {}
            for order in ((0, 1), (1, 0)):
                after, scored = _played(state, [moves[action] for action in pair], order, rows, columns)
                end = (goal + (scored < 0) if after is None else place[after], scored)
                ends[end] = ends.get(end, 0.0) + 0.5
            successors += [end for end, _ in ends]
            rewards += [scored for _, scored in ends]
            chances += ends.values()
            begin.append(len(successors))
    for end in np.repeat((goal, goal + 1), 25).tolist():  # nothing leaves a goal
        successors.append(end)
        rewards.append(0)
        chances.append(1.0)
        begin.append(len(successors))
    initial = np.zeros(goal + 2)
    upper, lower = (rows - 1) // 2, rows // 2
    kick_off = (lower * columns + (columns + 1) // 2, upper * columns + (columns - 2) // 2)
    initial[[place[(*kick_off, ball)] for ball in (0, 1)]] = 0.5
    return sparse_markov_game(
        begin,
        successors,
        chances,
        np.array((rewards, [-reward for reward in rewards])),
        sizes=(5, 5),
        discount=discount,
        initial=initial,
        states=[_told(state, columns) for state in states] + ["goal of 0", "goal of 1"],
        actions=(tuple(MOVES),) * 2,
        specification=specification,
        title=f"Soccer on {rows} x {columns} squares",
    )


def _played(
    state: State, steps: list[tuple[int, int]], order: tuple[int, int], rows: int, columns: int
) -> tuple[State | None, int]:
    """(the state after both moves in this order, None where a goal ends it; what player 0 gets)."""
    squares, ball = [state[0], state[1]], state[2]
    for player in order:
        row, column = divmod(squares[player], columns)
        row, column = row + steps[player][0], column + steps[player][1]
        if ball == player and column == (-1, columns)[player] and _is_goal(row, rows):
            return None, (1, -1)[player]
        if not (0 <= row < rows and 0 <= column < columns):
            continue
        if row * columns + column == squares[1 - player]:
            ball = 1 - player
            continue
        squares[player] = row * columns + column
    return (squares[0], squares[1], ball), 0


def _is_goal(row: int, rows: int) -> bool:
    """The two middle rows of an even number, the middle one of an odd number."""
    return row in ((rows - 1) // 2, rows // 2)


def _told(state: State, columns: int) -> str:
    shown = [
        f"{place // columns + 1},{place % columns + 1}{'*' * (state[2] == p)}" for p, place in enumerate(state[:2])
    ]
    return f"0 at {shown[0]}, 1 at {shown[1]}"
