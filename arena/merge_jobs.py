"""The answers of another ledger's jobs taken into this one: columns keep when and where they were computed.

An answer about the whole field is of the matches that were there. Where this ledger holds the same ones of the game and no others it
stays current; otherwise its state is noted as a negative number, which no state here equals, and the column says that newer matches exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from arena.columns import TOURNAMENT_JOB
from arena.curves import read_curve, write_curve
from arena.job_kinds import MARK
from arena.job_rows import JobRow, job_key
from arena.jobs import all_jobs
from arena.ledger import AgentVersion, Ledger
from arena.ledger_entries import insert_new
from arena.ledger_schema import jobs
from arena.solve_job import POLICY

LABELS = ("victim", "exploiter", "agent")  # in answers


def copy_jobs(
    ledger: Ledger,
    other: Ledger,
    ours: Mapping[int, AgentVersion],
    renamed: Mapping[str, str],
    *,
    wanted: Callable[[JobRow], bool],
) -> int:
    """How many answers are new here. Jobs that wait, are being done or failed are the other ledger's own business.

    Args:
        ledger, other: with all matches of `other` in `ledger`.
        ours: of each agent's number there the agent here.
        renamed: labels there and here, where they differ.
        wanted: which answers.
    """
    known = {(one.kind, one.game, one.agent_id, one.worker, one.finished_at) for one in all_jobs(ledger)}
    count = 0
    for one in all_jobs(other, status="finished"):
        if one.kind == TOURNAMENT_JOB or not wanted(one):  # of a tournament, itself is what is merged
            continue
        agent_id = None if one.agent_id is None else ours[one.agent_id].id
        if (one.kind, one.game, agent_id, one.worker, one.finished_at) in known:
            continue
        curve = read_curve(other, one)
        policy = (one.result or {}).get(POLICY)
        if isinstance(policy, str) and policy in other.artifacts:
            ledger.artifacts.put(other.artifacts.path(policy))
        with ledger.writing() as connection:
            number = insert_new(connection, jobs, _row(ledger, one, agent_id, renamed))
            if number is not None:
                write_curve(connection, number, dict(curve.points))
                count += 1
    return count


def _row(ledger: Ledger, one: JobRow, agent_id: int | None, renamed: Mapping[str, str]) -> dict[str, object]:
    settings, result = dict(one.settings), dict(one.result or {})
    for name in LABELS:
        if result.get(name) in renamed:
            result[name] = renamed[str(result[name])]
    if MARK in result:  # a number of blocks, which are only added: with all of the other's here, as many are the same
        state = int(str(result[MARK]))
        same = state == ledger.mark(one.game)
        settings[MARK] = result[MARK] = state if same else -abs(state)
    return {
        "key": job_key(one.kind, one.game, agent_id, settings, one.device),
        "kind": one.kind,
        "game": one.game,
        "agent_id": agent_id,
        "settings": settings,
        "device": one.device,
        "status": one.status,
        "attempts": one.attempts,
        "worker": one.worker,
        "created_at": one.created_at,
        "started_at": one.started_at,
        "finished_at": one.finished_at,
        "alive_at": one.finished_at,
        "result": result,
        "error": None,
    }
