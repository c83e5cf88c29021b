"""What the columns of a table of votes are called, and which misspelt ones are refused rather than passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arena.games.errors import SpecificationError

CANDIDATES = (
    ("model_a", "model_b"),
    ("candidate_a", "candidate_b"),
    ("agent_a", "agent_b"),
    ("player_a", "player_b"),
)
WINNER, SCORE = "winner", "score"
BOTH_BAD_COLUMN = "both_bad"  # read beside a score, which cannot say it
ONE_HOT = ("winner_model_a", "winner_model_b", "winner_tie")
"""Three columns of 0 and 1 in place of ``winner``."""
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "weight": ("weight",),
    "context": ("context", "context_id", "prompt_id", "question_id", "prompt", "question"),
    "judge": (
        "judge",
        "judge_id",
        "judge_name",
        "judge_hash",
        "annotator",
        "annotator_id",
        "annotator_name",
        "rater",
        "rater_id",
    ),
    "id": ("id", "vote_id"),
}
"""What a table may say besides, and the columns that say it: the first that is there does, the others are passed over."""

LEAST = 5  # letters of a name whose misspelling is told: of shorter ones, half of all short words are one
NO_SLIPS = frozenset({"content", "height"})  # words of their own, one letter from a known name


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteColumns:
    """Where the columns of a table stand in its head. ``outcome``: of the winner, of the score
    (with `BOTH_BAD_COLUMN` where it is there), or of the three of `ONE_HOT`.
    ``weight``, ``context``, ``judge``, ``id``: None where there is none."""

    first: int
    second: int
    outcome: tuple[int, ...]
    weight: int | None
    context: int | None
    judge: int | None
    id: int | None

    @property
    def used(self) -> list[int]:
        """All that are read."""
        optional = (self.weight, self.context, self.judge, self.id)
        return [self.first, self.second, *self.outcome, *(place for place in optional if place is not None)]


def is_table(head: Sequence[str]) -> bool:
    """Whether a first line is that of a table of votes, maybe a misspelt one; if not, it may be that of a matrix."""
    names = set(map(plain, head))
    wanted = {name for pair in CANDIDATES for name in pair} | {WINNER}
    like = sum(any(is_slip(name, known) for known in wanted) for name in names - wanted)
    return bool(names & wanted) or set(ONE_HOT) <= names or like >= 2


def vote_columns(head: Sequence[str], where: Callable[[str], str]) -> VoteColumns:
    """Where the columns of votes stand; case and outer blanks do not matter. ``where``: the place of a name, in words.

    Raises:
        SpecificationError: one is missing, stands twice, or is misspelt. Other columns are passed over.
    """
    names = [plain(name) for name in head]
    place = {name: k for k, name in reversed(list(enumerate(names)))}
    for name in sorted(known_names() & set(names)):
        if names.count(name) > 1:
            raise SpecificationError(f"{where(name)}: the column {name!r} stands twice")
    pair = next((pair for pair in CANDIDATES if set(pair) & set(names)), CANDIDATES[0])
    for name in pair:
        if name not in place:
            raise _missing(name, names, where)
    if WINNER in place:
        outcome: tuple[str, ...] = (WINNER,)
    elif set(ONE_HOT) <= set(names):
        outcome = ONE_HOT
    elif SCORE in place:
        outcome = (SCORE, BOTH_BAD_COLUMN) if BOTH_BAD_COLUMN in place else (SCORE,)
    else:
        raise _missing(WINNER, names, where)
    found = {role: next((name for name in known if name in place), None) for role, known in OPTIONAL.items()}
    absent = {name for role, known in OPTIONAL.items() if found[role] is None for name in known}
    for name in names:
        near = _slip_of(name, absent)
        if near:
            raise SpecificationError(
                f"{where(name)}: unknown column {name!r}; did you mean {near!r}? (columns unlike a known one are passed over)"
            )
    places = {role: None if name is None else place[name] for role, name in found.items()}
    return VoteColumns(
        first=place[pair[0]],
        second=place[pair[1]],
        outcome=tuple(place[name] for name in outcome),
        weight=places["weight"],
        context=places["context"],
        judge=places["judge"],
        id=places["id"],
    )


def known_names() -> set[str]:
    """All columns that mean something."""
    optional = {name for known in OPTIONAL.values() for name in known}
    return {name for pair in CANDIDATES for name in pair} | {WINNER, SCORE, BOTH_BAD_COLUMN, *ONE_HOT} | optional


def plain(name: str) -> str:
    """A column's name without outer blanks and case."""
    return name.strip().lower()


def is_slip(name: str, known: str) -> bool:
    """Whether a name is a known one with one letter more, less, another or two neighbours swapped."""
    if name == known or abs(len(name) - len(known)) > 1 or len(known) < LEAST or name in NO_SLIPS:
        return False
    start = 0
    while start < min(len(name), len(known)) and name[start] == known[start]:
        start += 1
    rest, wanted = name[start:], known[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:] if len(rest) > 1 else rest
    return rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:] or swapped == wanted


def _slip_of(name: str, known: set[str]) -> str | None:
    if name in known_names():
        return None
    return next((other for other in sorted(known) if is_slip(name, other)), None)


def _missing(column: str, names: Sequence[str], where: Callable[[str], str]) -> SpecificationError:
    near = next((name for name in names if name not in known_names() and is_slip(name, column)), None)
    hint = f"; is {near!r} meant?" if near else ""
    return SpecificationError(f"{where(near or column)}: a table of comparisons needs a column {column!r}{hint}")
