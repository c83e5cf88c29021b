"""A ledger held against itself as a job: asked for where others look on, and done by a worker."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from arena.columns import VERIFY_JOB
from arena.job_rows import JobRow
from arena.job_work import Progress
from arena.jobs import submit
from arena.ledger import Ledger
from arena.ledger_entries import now
from arena.verify import chosen_tournaments, verify_ledger

OF, MATCHES, SEED, ASKED_AT = "of", "matches", "seed", "asked_at"


def ask_verification(ledger: Ledger, of: str, *, matches: int | None = None, seed: int | None = None) -> JobRow:
    """The job that holds a game, a tournament or a match against itself; asked again it is another one, since the ledger may be.

    Args:
        ledger: which is held against itself.
        of: a game, a tournament's key, or ``KEY/NUMBER``.
        matches: how many are played again, drawn at random; all without it.
        seed: of that draw; made up without it.

    Raises:
        UnknownName: there is no such game, tournament or match.
    """
    _, chosen = chosen_tournaments(ledger, of)
    drawn = secrets.randbits(32) if seed is None else seed
    asked = {OF: of, MATCHES: matches, SEED: drawn, ASKED_AT: now()}
    return submit(ledger, kind=VERIFY_JOB, game=chosen[0].game, settings=asked)


def verify_job(ledger: Ledger, row: JobRow, progress: Progress) -> Mapping[str, object]:
    """The answer to a job that asks for it: a `arena.verification.Verification` in types of JSON."""
    asked: Mapping[str, object] = row.settings
    matches, seed = asked[MATCHES], asked[SEED]
    assert matches is None or isinstance(matches, int)
    assert isinstance(seed, int)
    url = ledger.url.render_as_string(hide_password=False)
    return verify_ledger(url, str(asked[OF]), matches=matches, seed=seed, progress=progress).to_dict()
