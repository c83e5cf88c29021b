"""Every table of a ledger, on one ``metadata``: a table that is defined elsewhere counts once its module is named here."""

from __future__ import annotations

from arena import (
    account_schema,
    answer_schema,
    ledger_schema,
    match_file_schema,
    poll_schema,
    question_schema,
    worker_schema,
)
from arena.ledger_schema import metadata

MODULES = (ledger_schema, account_schema, answer_schema, question_schema, poll_schema, match_file_schema, worker_schema)

__all__ = ["MODULES", "metadata"]
