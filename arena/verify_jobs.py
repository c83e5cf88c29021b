"""The answers of jobs held against the ledger: ratings, intervals and exact values computed anew, bounds from their recorded matches.

Trainings and solver runs are not done again; the agents and policies that they left are measured again. An answer about the whole field is compared where it is of the matches that are rated now. What a GPU computed is computed again here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite

from arena.agents.confined import confined_specification
from arena.columns import EXACT_JOB, EXPLOIT_JOB, SOLVE_JOB, TOURNAMENT_JOB, TRAIN_JOB, VERIFY_JOB
from arena.exploit_answer import Exploit, exploit_of
from arena.exploit_bound import exploit_bound
from arena.games import ArenaError, load_game
from arena.job_kinds import CPU, JOB_KINDS, MARK, do_job
from arena.job_parts import nash_conv_of
from arena.job_rows import JobRow
from arena.leaderboards.wording import listed
from arena.ledger import Ledger
from arena.origin import demanded_tier

TOLERANCE = 1e-4
"""Of numbers, absolutely below 1 and relatively above: another machine or release may end in other digits, which no ladder shows."""
UNCOMPARED = (MARK, "notes")
"""Of an answer: matches that no rating counts make the state another one, and a release may say the same otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """An answer that was computed again, or why it was not: ``cannot``, else ''."""

    job: str
    kind: str
    game: str
    agent: str | None
    cannot: str


def recomputed(ledger: Ledger, row: JobRow) -> tuple[Recomputed, str]:
    """(what was done, what differs or '') of a finished job."""
    told = Recomputed(job=row.key[:12], kind=row.kind, game=row.game, agent=row.agent, cannot="")
    result = row.result or {}
    if row.kind not in JOB_KINDS:
        return replace(told, cannot="a kind of job that this release does not know"), ""
    if row.kind == EXPLOIT_JOB and (lacking := [name for name in Exploit.__slots__ if name not in result]):
        return told, f"it does not say its {listed(lacking)}"
    if row.kind == TRAIN_JOB and result.get("exploitability") is None:
        return replace(told, cannot="what it trained has no exact value, and a training is not done again"), ""
    if row.kind == TOURNAMENT_JOB:
        return replace(told, cannot="its matches are verified themselves"), ""
    if row.kind == VERIFY_JOB:
        return replace(told, cannot="it says what was found then"), ""
    if row.kind == SOLVE_JOB and (result.get("policy") is None or result.get("gap_kind") != "nash_conv"):
        return replace(told, cannot="its policy is not kept as a table whose NashConv could be measured"), ""
    try:
        fresh = {EXPLOIT_JOB: _exploit, TRAIN_JOB: _trained, SOLVE_JOB: _solved}.get(row.kind, _anew)(ledger, row)
    except ArenaError as error:
        return replace(told, cannot=f"it cannot be computed here: {error}"), ""
    then, now = result.get("matches"), fresh.get("matches")
    if MARK in fresh and result.get(MARK) != fresh[MARK] and isinstance(then, int) and then < int(str(now)):
        return replace(told, cannot=f"it was computed from {then:,} matches; {now:,} are rated now"), ""
    unlike = [name for name, value in fresh.items() if name not in UNCOMPARED and not _alike(result.get(name), value)]
    return told, f"it says another {listed(unlike)} than is computed now" if unlike else ""


def _anew(ledger: Ledger, row: JobRow) -> Mapping[str, object]:
    here = row if row.device == CPU else replace(row, device="torch")
    return do_job(ledger, here, lambda _done, _planned: None)


def _trained(ledger: Ledger, row: JobRow) -> Mapping[str, object]:
    """How exploitable the agent is that a training left."""
    exact = _anew(ledger, replace(row, kind=EXACT_JOB, agent=str((row.result or {}).get("agent"))))
    return {"exploitability": exact["exploitability"]}


def _solved(ledger: Ledger, row: JobRow) -> Mapping[str, object]:
    """What the policy is worth that a solver left: read as those from elsewhere are, since an answer does not tell who made it."""
    policy = f"policy:{ledger.artifacts.path(str((row.result or {})['policy']))}"
    return {"gap": nash_conv_of(row.game, confined_specification(policy, demanded_tier()), policy, CPU)}


def _exploit(ledger: Ledger, row: JobRow) -> Mapping[str, object]:
    """An exact value, or the bound that the recorded fresh matches give."""
    found = exploit_of(row.result or {})
    if found.kind == "exact":
        exact = _anew(ledger, replace(row, kind=EXACT_JOB))
        return {**exact, "value": exact["exploitability"]}
    met = ledger.played(ledger.tournament(str(found.tournament)))
    own = None if found.own_tournament is None else ledger.played(ledger.tournament(found.own_tournament)).returns
    info = load_game(found.game).info
    bound = exploit_bound(
        info, met.seats, met.returns, exploiter=0, own_returns=own, confidence=float(str(found.confidence))
    )
    return {
        "value": bound.low,
        "exploitability": bound.low,
        "nash_conv": bound.low * info.num_players,
        "gain": bound.gain,
        "seat_returns": list(bound.seat_returns),
        "own_return": bound.own_return,
        "units": bound.units,
        "forfeits": int((met.forfeit >= 0).sum()),
    }


def _alike(kept: object, fresh: object) -> bool:
    """Whether a value of JSON is what was computed."""
    if isinstance(fresh, list):
        return isinstance(kept, list) and len(kept) == len(fresh) and all(map(_alike, kept, fresh))
    if isinstance(fresh, float) and isinstance(kept, int | float):
        return abs(kept - fresh) <= TOLERANCE * max(1.0, abs(fresh))
    if isinstance(fresh, float) and not isfinite(fresh):
        return kept is None  # JSON has no such numbers
    return kept == fresh
