"""Several tournaments as one piece of work: each game of a file has its own, and they are played one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from arena.config import TournamentConfig
from arena.executor import Executor
from arena.heartbeat import heartbeat
from arena.ledger import Ledger, Tournament
from arena.tournament import Progress, create_tournament, is_same, keep_alive, resume_tournament, try_tournament


def plan_series(configs: Sequence[TournamentConfig], ledger: Ledger) -> list[Tournament]:
    """The tournaments of these configurations, recorded as planned with no match played.

    All games and agents are tried before anything is recorded. Where one of the tournaments is in the ledger already and not
    finished, the series was interrupted: it is gone on with, and what it had finished stays.

    Raises:
        ArenaError: a game or an agent cannot be loaded, or they do not fit each other; nothing was recorded.
    """
    if len(configs) > 1:
        for config in configs:
            try_tournament(config, ledger)
    begun = len(configs) > 1 and any(_is_begun(config, ledger) for config in configs)
    return [create_tournament(config, ledger, go_on=True, or_finished=begun) for config in configs]


def play_series(
    tournaments: Sequence[Tournament],
    ledger: Ledger,
    executor: Executor | None = None,
    *,
    progress: Progress | None = None,
    on_begun: Callable[[Tournament], None] | None = None,
) -> list[Tournament]:
    """Plays what these tournaments still lack, one after the other, and returns them as recorded.

    Args:
        tournaments: of the ledger, as `plan_series` makes them.
        ledger: where they stand.
        executor: who plays; this process by default.
        progress: hears how far all of them are together.
        on_begun: hears of each before its first match.
    """
    waiting = [one for one in tournaments if one.status != "finished"]
    total = sum(one.planned or 0 for one in tournaments)
    before = sum(ledger.progress(one) for one in tournaments if one.status == "finished")
    played: list[Tournament] = []
    try:
        with heartbeat(partial(keep_alive, ledger, waiting)):
            for one in tournaments:
                if on_begun:
                    on_begun(one)
                played.append(resume_tournament(one.key, ledger, executor, progress=_offset(progress, before, total)))
                if one in waiting:
                    waiting.remove(one)
                    # a test may decide before the most matches are played: what is not needed is not left to do
                    done = ledger.progress(one)
                    before, total = before + done, total - (one.planned or 0) + done
    except BaseException:
        for one in waiting:
            ledger.set_status(one, "interrupted")
        raise
    return played


def _is_begun(config: TournamentConfig, ledger: Ledger) -> bool:
    """Whether the ledger has an unfinished tournament of this configuration: a series left it there."""
    return any(one.status != "finished" and is_same(one.config, config) for one in ledger.tournaments())


def _offset(progress: Progress | None, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
