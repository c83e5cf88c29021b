"""``preference:FILE``: candidates compared in pairs, as a symmetric zero-sum game whose actions are the candidates.

Each player names a candidate; the returns are the expected preference between the two, 2 P(i beats j) - 1, from -1 to 1.
Its equilibrium is the minimax winner (von Neumann winner, maximal lottery) of the candidates; see P. C. Fishburn,
"Probabilistic Social Choice Based on Simple Voting Comparisons" (1984).

For what files may hold see `arena.games.preference_files`. Settings in brackets, ``preference:FILE(judge=anna, flip_rate=0.1)``:

``unmet``: pairs that were never compared are an error; ``unmet=0.5`` takes them as even, ``unmet=unknown`` as what the
comparisons of others foretell (`arena.games.foretold_rates`), and `PreferenceGame.compared` says which they are.
``judge``, ``without``: the votes of these judges alone, or of all but these. ``context``: one context alone; otherwise all
are pooled. ``flip_rate``: judges name the other one with this chance, and rates are put right. ``preference:rps`` is rock, paper,
scissors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided, SpecificationError, UnknownName
from arena.games.game import GameInfo
from arena.games.normal_form import content_version, normal_form, read_game_file
from arena.games.normal_form_tables import NormalFormTables
from arena.games.preference_files import SUFFIXES, RateMatrix, read_preferences
from arena.games.preference_rates import Completed, Rates, checked_rates, completed_rates, require_flip_rate
from arena.games.preference_settings import PreferenceSettings, Unmet, split_settings
from arena.games.specification import parse_call, read_parameters
from arena.games.votes import Votes

_RPS = RateMatrix(
    candidates=("rock", "paper", "scissors"), rates=np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]])
)
SHOWN = 5  # names in a note
MAX_CANDIDATES = 10_000  # a table of payoffs of 1.6 GB


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceGame:
    """A preference game.

    ``preferences``: float64 [n, n], read-only, no NaN; ``preferences[i, j]`` = probability that candidate i beats j (a tie
    counts half), 1/2 on the diagonal. ``payoffs``: float64 [2, n, n], the same as a normal-form game.

    ``compared``: bool [n, n], whether the source says anything of i and j, true on the diagonal; the preferences of the others
    are what the setting ``unmet`` puts in their place. ``counts``: int64 [n, n], how often i and j were compared, and
    ``weights``: float64 [n, n], what these votes weigh together; None where the source gives rates alone. ``votes``: those
    that count here, after ``judge``, ``without`` and ``context``; None for rates. ``matrix``: the rates as given; None for
    votes. ``notes``: what was done to the source, in sentences; ``left_out``: those of them on candidates without votes here.
    """

    info: GameInfo
    candidates: tuple[str, ...]
    preferences: NDArray[np.float64] = field(repr=False, compare=False)
    payoffs: NDArray[np.float64] = field(repr=False, compare=False)
    compared: NDArray[np.bool_] = field(repr=False, compare=False)
    counts: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    weights: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    votes: Votes | None = field(default=None, repr=False, compare=False)
    matrix: RateMatrix | None = field(default=None, repr=False, compare=False)
    settings: PreferenceSettings = field(default=PreferenceSettings(), repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)
    left_out: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def strategies(self) -> tuple[tuple[str, ...], ...]:
        """The candidates, for each player."""
        return self.candidates, self.candidates

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts that are pooled in the game; () where the source names none, or one was chosen."""
        source = self.votes if self.votes is not None else self.matrix
        return () if source is None or self.settings.context is not None else source.contexts

    def by_context(self) -> NDArray[np.float64]:
        """float64 [contexts, n, n]: the preferences in each of `contexts`, completed and put right as those of the game are.

        Raises:
            NotProvided: the source names no contexts.
            SpecificationError: a pair was never compared in a context, and ``unmet`` is not set.
        """
        return self.completed_by_context().preferences

    def completed_by_context(self) -> Completed:
        """`by_context` with the pairs that were compared in each context, and what was done to the others in words.

        Raises: as `by_context` does.
        """
        if not self.contexts:
            raise NotProvided(f"{self.info.specification} has no contexts to tell apart")
        return completed_rates(
            _by_context(self.votes, self.matrix, self.info.specification),
            self.candidates,
            specification=self.info.specification,
            settings=self.settings,
            contexts=self.contexts,
        )

    def tables(self, capacity: int) -> NormalFormTables:
        return NormalFormTables(self.info, self.payoffs, self.strategies, capacity)


def preference_game(
    source: Votes | RateMatrix,
    *,
    name: str = "votes",
    unmet: Unmet = "refused",
    judges: Sequence[str] = (),
    without: Sequence[str] = (),
    context: str | None = None,
    flip_rate: float = 0.0,
) -> PreferenceGame:
    """The preference game of votes or of rates that are in memory, as ``preference:FILE(...)`` makes it of a file.

    Args:
        source: `Votes`, of `read_votes` or `judged_votes`, or a `RateMatrix`.
        name: title of the game; its specification is ``preference:NAME``, which loads nothing.
        unmet: pairs that were never compared are an error, ``even``, or ``unknown``.
        judges, without, context, flip_rate: as the settings ``judge``, ``without``, ``context`` and ``flip_rate``.

    Raises:
        ValueError: flip_rate is not from 0 to below 1/2, unmet is no such word, or both judges and without are given.
        UnknownName: no vote names this judge or context.
        SpecificationError: a pair was never compared, rates that are no preferences, or fewer than two candidates.
    """
    if unmet not in get_args(Unmet):
        raise ValueError(f"unmet must be one of {', '.join(get_args(Unmet))}; got {unmet!r}")
    if judges and without:
        raise ValueError("judges names the only ones, without those to leave out; give one of the two")
    if len(source.candidates) < 2:
        raise SpecificationError(f"{len(source.candidates)} candidates; two are needed to prefer one")
    settings = PreferenceSettings(
        unmet=unmet,
        judges=tuple(sorted(set(judges))),
        without=tuple(sorted(set(without))),
        context=context,
        flip_rate=require_flip_rate(flip_rate),
    )
    return _game(source, specification=f"{name}{settings}", title=name, version="1", settings=settings)


def load(rest: str) -> PreferenceGame:
    """The game behind ``preference:``, a file or ``rps``.

    Raises:
        UnknownName: no such name, setting, judge or context.
        GameMissing: the file cannot be read.
        SpecificationError: the file holds no preferences, or a pair has none; the message names line or pair.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    path, settings = split_settings(rest.strip(), SUFFIXES)
    suffix = PurePath(path).suffix.lower()
    if suffix in SUFFIXES:
        content = read_game_file(path)
        found = read_preferences(content, path=path, suffix=suffix)
        return _game(
            found,
            specification=f"{path}{settings}",
            title=PurePath(path).stem,
            version=content_version(content),
            settings=settings,
        )
    if "/" in path or (suffix and "(" not in path):
        raise SpecificationError(f"preference:{path} is neither rps nor a file ending in {', '.join(SUFFIXES)}")
    call = parse_call(path)
    if call.name != "rps":
        raise UnknownName("preference game", call.name, ["rps"])
    read_parameters(call, {})
    return _game(
        _RPS,
        specification="rps",
        title="Rock, Paper, Scissors (preferences)",
        version="1",
        settings=PreferenceSettings(),
    )


def list_infos() -> list[GameInfo]:
    """The facts of the games that have a name."""
    return [load("rps").info]


def _game(
    source: Votes | RateMatrix, *, specification: str, title: str, version: str, settings: PreferenceSettings
) -> PreferenceGame:
    specification = f"preference:{specification}"
    source, left_out = _chosen(source, settings, specification)
    pooled = [] if settings.context is not None else _said_of_pool(source)
    if len(source.candidates) > MAX_CANDIDATES:
        raise SpecificationError(
            f"{specification}: {len(source.candidates):,} candidates; a game has at most {MAX_CANDIDATES:,}"
        )
    votes = source if isinstance(source, Votes) else None
    matrix = source if isinstance(source, RateMatrix) else None
    completed = completed_rates(
        _pooled(source, specification), source.candidates, specification=specification, settings=settings
    )
    antisymmetric = completed.preferences - completed.preferences.T  # = 2 P - 1, and adds up to zero to the last bit
    game = normal_form(
        np.stack((antisymmetric, antisymmetric.T)),
        specification=specification,
        title=title,
        version=version,
        strategies=(source.candidates, source.candidates),
    )
    for array in (completed.preferences, completed.compared):
        array.setflags(write=False)
    return PreferenceGame(
        info=game.info,
        candidates=source.candidates,
        preferences=completed.preferences,
        payoffs=game.payoffs,
        compared=completed.compared,
        counts=None if votes is None else votes.counts(),
        weights=None if votes is None else votes.points()[1],
        votes=votes,
        matrix=matrix,
        settings=settings,
        notes=(*pooled, *left_out, *completed.notes),
        left_out=left_out,
    )


def _chosen(
    source: Votes | RateMatrix, settings: PreferenceSettings, specification: str
) -> tuple[Votes | RateMatrix, tuple[str, ...]]:
    """(the part of the source that the settings name, which candidates that leaves out, in sentences)."""
    if isinstance(source, RateMatrix):
        if settings.judges or settings.without:
            raise SpecificationError(f"{specification}: the file gives rates and names no judges")
        if settings.context is not None:
            return source.of_context(settings.context), ()
        return source, ()
    if (settings.judges or settings.without) and not source.judges:
        raise SpecificationError(f"{specification}: no vote names its judge; a column 'judge' does")
    if settings.context is not None and not source.contexts:
        raise SpecificationError(f"{specification}: no vote names its context; a column 'context' does")
    votes = source
    if settings.judges:
        votes = votes.of_judges(settings.judges)
    if settings.without:
        votes = votes.without_judges(settings.without)
    if settings.context is not None:
        votes = votes.of_context(settings.context)
    if not len(votes):
        raise SpecificationError(f"{specification}: no vote is left")
    if len(votes) == len(source):
        return source, ()
    left = votes.named()
    gone = [name for name in source.candidates if name not in set(left.candidates)]
    if not gone:
        return left, ()
    return left, (f"{_few(gone)} {'has' if len(gone) == 1 else 'have'} no vote here and no place in the game",)


def _said_of_pool(source: Votes | RateMatrix) -> list[str]:
    if len(source.contexts) < 2:
        return []
    how = ", the mean of their rates" if isinstance(source, RateMatrix) else ""
    return [f"{len(source.contexts):,} contexts are pooled in one game{how}; context=NAME takes one alone"]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _pooled(source: Votes | RateMatrix, specification: str) -> Rates:
    """The rates of all contexts together."""
    if isinstance(source, Votes):
        return Rates.of_points(*source.points())
    rates = checked_rates(source.rates, source.candidates, specification=specification, contexts=source.contexts)
    if rates.ndim == 2:
        return Rates(rates=rates)
    known = ~np.isnan(rates)
    times = known.sum(axis=0)
    mean = np.full(times.shape, np.nan)
    np.divide(np.where(known, rates, 0).sum(axis=0), times, out=mean, where=times > 0)
    return Rates(rates=mean)


def _by_context(votes: Votes | None, matrix: RateMatrix | None, specification: str) -> Rates:
    if votes is not None:
        return Rates.of_points(*votes.points_by_context())
    assert matrix is not None  # a game is of votes or of rates
    return Rates(
        rates=checked_rates(matrix.rates, matrix.candidates, specification=specification, contexts=matrix.contexts)
    )
