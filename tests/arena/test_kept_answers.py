"""A write that comes twice is done once: its answer is kept by the asker's key, for a day."""

from __future__ import annotations

import pytest

from arena.answer_schema import kept_answers
from arena.kept_answers import (
    ABANDONED_S,
    KEPT_S,
    KeptAnswer,
    OtherRequest,
    StillAsked,
    begin,
    forget,
    going_on,
    keep,
)
from arena.ledger import Ledger
from arena.ledger_entries import now

ANSWER = KeptAnswer(status=201, media_type="application/json", body=b'{"a": 1}')


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def asked(ledger, key="k", request=b"one", asker="ann"):
    return begin(ledger, asker=asker, key=key, request=request, salt=b"token")


def test_the_same_request_gets_the_first_answer_again(ledger):
    name, before = asked(ledger)
    assert before is None
    keep(ledger, name, ANSWER)
    assert asked(ledger) == (name, ANSWER)


def test_the_same_key_with_another_request_is_refused(ledger):
    keep(ledger, asked(ledger)[0], ANSWER)
    with pytest.raises(OtherRequest):
        asked(ledger, request=b"two")


def test_a_key_belongs_to_who_asks(ledger):
    keep(ledger, asked(ledger)[0], ANSWER)
    assert asked(ledger, asker="bob")[1] is None


def test_a_request_that_is_being_done_is_not_begun_again(ledger):
    asked(ledger)
    with pytest.raises(StillAsked):
        asked(ledger)


def test_a_request_whose_server_died_is_begun_again_within_a_minute(ledger):
    name, _ = asked(ledger)

    def silent():
        with ledger.writing(None) as connection:
            connection.execute(kept_answers.update().values(created_at=now(-ABANDONED_S - 1)))

    silent()
    going_on(ledger, name)
    with pytest.raises(StillAsked):
        asked(ledger)
    silent()
    assert asked(ledger) == (name, None)


def test_what_was_not_done_may_be_asked_again(ledger):
    forget(ledger, asked(ledger)[0])
    assert asked(ledger)[1] is None


def test_an_answer_is_forgotten_after_a_day(ledger):
    name, _ = asked(ledger)
    keep(ledger, name, ANSWER)
    with ledger.writing() as connection:
        connection.execute(kept_answers.update().values(created_at=now(-KEPT_S - 1)))
    assert asked(ledger)[1] is None
