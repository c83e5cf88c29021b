"""Requests that the API's own description allows, and those that it does not: no answer is a failure of ours, and each has the form that
the description gives it.

``ARENA_API_EXAMPLES=300 pytest tests/server/api/test_schema.py`` asks longer.
"""

from __future__ import annotations

import contextlib
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from arena.jobs import all_jobs

KUHN = "openspiel:kuhn_poker"

EXAMPLES = int(os.environ.get("ARENA_API_EXAMPLES", "1"))


def test_answers_are_as_described(client, ledger):
    [job] = all_jobs(ledger)
    there = {
        "specification": KUHN,
        "game": KUHN,
        "number": 3,
        "reference": "even",
        "agent": "solved",
        "content_hash": ledger.agent("solved").content_hash,
    }
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    schema.config.generation.update(allow_x00=False)  # no address has it, as its refusal says
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 35
    failed = []
    for operation in operations:
        there["key"] = job.key if operation.path.startswith("/api/v1/jobs") else "kuhn"
        for mode, known in (
            (GenerationMode.POSITIVE, {}),
            (GenerationMode.NEGATIVE, {}),
            (GenerationMode.POSITIVE, there),
        ):
            try:
                ask(operation, mode, client, known)
            except (AssertionError, BaseExceptionGroup) as error:
                failed.append(f"{operation.method} {operation.path}: {error}")
    if failed:
        pytest.fail("\n\n".join(failed))


def ask(operation, mode, client, known):
    """Sends requests to one operation, which its description allows or does not, and checks each answer; ``known``: what parameters
    of these names are set to, so that the ledger has it."""

    # that a read is well formed its description says; what a file or a specification must be, and what the ledger has, no schema can
    unsaid = (
        []
        if mode is GenerationMode.NEGATIVE or (operation.method == "get" and not known)
        else [positive_data_acceptance]
    )

    @given(case=operation.as_strategy(mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 100,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    def asked(case):
        for parameters in (case.path_parameters, case.query):
            parameters.update({name: value for name, value in known.items() if name in parameters})
        if mode is GenerationMode.POSITIVE and "after" in case.query:
            case.query.pop("after")  # only an answer says what comes next
        case.headers["Authorization"] = client.headers["Authorization"]
        case.call_and_validate(excluded_checks=unsaid)

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is said
        asked()
