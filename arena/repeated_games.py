"""Which recorded matches repeat others move for move between agents that do not draw: each such game counts once.

A copy of a game between deterministic agents says nothing new. That an agent answers the same to the same seeds does not make it so:
a random agent does that too. The rule reads the record, and is made so that luck hardly ever sets a match aside:

1. The game has no chance. Where it has, the deal is what is sampled: the same deal twice counts twice, as its probability asks.
2. No agent of the match is of a kind that draws: random players, searches, networks, mixed policies, people.
3. *All* matches of these agents, in every seating, went move for move alike, seating by seating. Where one differs, somebody draws
   and all of them count.
4. Of agents that may draw for all that is known (programs, servers, bots), `REPEATS_NEEDED` matches at least repeat others. Agents that
   repeat a game with a probability of q pass by luck with at most q^4. Of those known not to draw one repeat is enough.

The first match of each seating counts; the ledger keeps all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from arena.agents.registry import split_specification
from arena.artifacts import ArtifactStore
from arena.entrants import entrant_labels
from arena.games import ArenaError, load_game
from arena.leaderboards.same_games import alike_pairs_needed
from arena.ledger import AgentVersion, Ledger, Tournament
from arena.solvers.policy_file import load_policy

REPEATS_NEEDED = 4
"""Three pairs of twins that are alike."""
NEVER_DRAWS, MAY_DRAW, DRAWS = 0, 1, 2

DRAWING_KINDS = frozenset({"random", "uniform", "checkpoint", "mcts", "ismcts", "exploiter", "human", "external"})
NOTE = "{count:,} matches repeat others move for move between deterministic agents; each counts once"


def drawing_of(agent: AgentVersion, store: ArtifactStore) -> int:
    """`NEVER_DRAWS`, `MAY_DRAW` where only its matches can tell, or `DRAWS`."""
    if agent.kind in DRAWING_KINDS:
        return DRAWS
    if (
        agent.kind == "policy"
    ):  # states that a table leaves out are played uniformly: only the record tells that none is met
        try:
            table = load_policy(store.path(agent.content_hash)).table if agent.content_hash else None
        except ArenaError:
            return DRAWS
        pure = table is not None and all(max(choices.values()) == 1 for choices in table.values() if choices)
        return MAY_DRAW if pure else DRAWS
    if agent.kind in ("bot", "scripted"):
        _, name = split_specification(agent.specification)
        if name.startswith(("uniform", "random")):
            return DRAWS
        return NEVER_DRAWS if name.startswith(("fixed_action_preference", "closest", "weakest")) else MAY_DRAW
    return MAY_DRAW


def drawing_of_entrants(ledger: Ledger, tournaments: Sequence[Tournament]) -> dict[str, int]:
    """Of each label of these tournaments; a mixed team draws where a member does."""
    known: dict[str, int] = {}
    for tournament in tournaments:
        for agent in tournament.agents:
            if agent.label not in known:
                known[agent.label] = drawing_of(agent, ledger.artifacts)
        teams = tournament.config.get("teams")
        mixed = list(teams.values()) if isinstance(teams, dict) else []
        by_name = {agent.name: known[agent.label] for agent in tournament.agents}
        for label, members in zip(entrant_labels(tournament)[len(tournament.agents) :], mixed, strict=True):
            known[label] = max(by_name[str(member)] for member in members)
    return known


def has_chance(tournament: Tournament) -> bool:
    """Whether its game draws; also where that cannot be known here."""
    try:
        return load_game(tournament.game).info.chance
    except ArenaError:
        return True


def repeats(
    ledger: Ledger,
    tournaments: Sequence[Tournament],
    *,
    drawing: Mapping[str, int],
    agents: Sequence[str],
    seats: NDArray[np.int64],
    returns: NDArray[np.float64],
    forfeit: NDArray[np.int64],
    tournament: NDArray[np.int64],
    number: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """[N]: which of these matches of one game repeat an earlier one, by the rule above.

    Moves are read only where everything else agrees.

    Args:
        drawing: of each label in ``agents``.
        seats: [N, P] indices into ``agents``, -1 for an empty seat.
        returns: [N, P].
        forfeit: [N] seat at fault.
        tournament: [N] index into ``tournaments``.
        number: [N] of the match in its tournament.
    """
    none = np.zeros(len(seats), np.bool_)
    kind = np.array([*(drawing[label] for label in agents), NEVER_DRAWS])
    played_here = np.array([one.source == "play" for one in tournaments])
    asked = np.flatnonzero((kind[seats].max(axis=1, initial=0) < DRAWS) & played_here[tournament])
    if not len(asked):
        return none
    seating, first = _numbered(seats[asked], len(agents))  # first: in `asked`, the first match of each seating
    company = _numbered(np.sort(seats[asked][first], axis=1), len(agents))[
        0
    ]  # of each seating: its agents in any order
    same = (returns[asked] == returns[asked][first][seating]).all(axis=1)
    same &= forfeit[asked] == forfeit[asked][first][seating]
    open_ = np.ones(int(company.max()) + 1, np.bool_)
    open_[company[seating[~same]]] = False
    again = np.bincount(company, weights=np.bincount(seating) - 1, minlength=len(open_))
    needed = np.where(kind[seats[asked][first]].max(axis=1) == MAY_DRAW, REPEATS_NEEDED, 1)
    open_[company[again[company] < needed]] = False
    if not open_.any() or has_chance(tournaments[0]):
        return none
    _close_where_moves_differ(
        ledger, tournaments, open_, company, seating, tournament=tournament[asked], number=number[asked]
    )
    copies = open_[company[seating]]
    copies[first] = False
    none[asked[copies]] = True
    return none


def always_alike(ledger: Ledger, tournament: Tournament, *, error_rate: float) -> int | None:
    """For a test of two: after how many pairs of twins it is over, as all of them were alike; None where they were not.

    The first pairs alone are looked at, `alike_pairs_needed` of them, so that the answer is the same however often one asks.
    """
    pairs = alike_pairs_needed(error_rate)
    if tournament.source != "play" or ledger.progress(tournament) < 2 * pairs:
        return None
    if max(drawing_of(agent, ledger.artifacts) for agent in tournament.agents) == DRAWS or has_chance(tournament):
        return None
    games: dict[tuple[int, ...], tuple[object, ...]] = {}  # of each seating
    count = 0
    for block in ledger.result_blocks(tournament):
        for row in range(min(len(block), 2 * pairs - count)):
            if block.specs.index[row] != count:
                return None
            match = block[row]
            game = match.returns, match.forfeited_by, match.actions.tobytes()
            if games.setdefault(match.spec.seats, game) != game:
                return None
            count += 1
        if count == 2 * pairs:
            return pairs
    return None


def _numbered(rows: NDArray[np.int64], agents: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the number of each row among the different ones, where each of these stands first)."""
    if rows.shape[1] * np.log2(agents + 1) < 62:
        code = np.zeros(len(rows), np.int64)
        for column in rows.T:
            code = code * (agents + 1) + column + 1
        _, first, number = np.unique(code, return_index=True, return_inverse=True)
    else:
        _, first, number = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return number.reshape(-1), first


def _close_where_moves_differ(
    ledger: Ledger,
    tournaments: Sequence[Tournament],
    open_: NDArray[np.bool_],
    company: NDArray[np.int64],
    seating: NDArray[np.int64],
    *,
    tournament: NDArray[np.int64],
    number: NDArray[np.int64],
) -> None:
    """Takes those companies out of ``open_`` whose matches differ in a move. Reads no further than it must."""
    game: dict[int, bytes] = {}  # of each seating, the moves
    for at, one in enumerate(tournaments):
        rows = np.flatnonzero((tournament == at) & open_[company[seating]])
        if not len(rows):
            continue
        rows = rows[np.argsort(number[rows], kind="stable")]
        for block in ledger.result_blocks(one):
            numbers = number[rows]
            low, high = np.searchsorted(numbers, [block.specs.index[0], block.specs.index[-1] + 1]).tolist()
            here = rows[low:high]
            here = here[open_[company[seating[here]]]]
            places = np.searchsorted(block.specs.index, number[here])
            values, ends = block.actions.values, block.actions.ends
            starts = ends - block.actions.lengths()
            for row, start, end in zip(here.tolist(), starts[places].tolist(), ends[places].tolist(), strict=True):
                moves = values[start:end].tobytes()
                if game.setdefault(int(seating[row]), moves) != moves:
                    open_[company[seating[row]]] = False
            if not open_.any():
                return
