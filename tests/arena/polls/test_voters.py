"""Voters without their names: seals, keys, invitations, and addresses that last a day."""

from __future__ import annotations

import base64
import json

import pytest
from polling import open_one, sheet_of

from arena.games import ArenaError, SpecificationError, UnknownName
from arena.ledger import Ledger
from arena.polls.poll import PollSettings, all_polls, make_poll, named_endpoints, open_poll, poll_of, poll_settings
from arena.polls.voters import (
    Forged,
    address_hash,
    cookie_key,
    invite,
    invited_key,
    new_cookie,
    sealed,
    unsealed,
    voter_key,
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("polls") / "arena.db") as ledger:
        yield ledger


@pytest.fixture(scope="module")
def poll(ledger):
    return open_one(ledger, name="First")


@pytest.fixture(scope="module")
def other(ledger):
    return open_one(ledger, name="Second")


@pytest.mark.parametrize("value", [None, "text", [1, 2.5, "ü"], {"a": []}])
def test_what_is_sealed_is_read_back_by_its_poll_for_its_purpose_alone(poll, other, value):
    text = sealed(poll, "ballot", value)
    assert unsealed(poll, "ballot", text) == value
    for wrong, purpose in ((other, "ballot"), (poll, "cookie")):
        with pytest.raises(Forged):
            unsealed(wrong, purpose, text)


def test_nobody_reads_or_tells_apart_what_is_sealed(poll):
    value = ["key", 0, 3, 1, 2]
    first, again = sealed(poll, "ballot", value), sealed(poll, "ballot", value)
    assert first != again
    for text in (first, again):
        assert json.dumps(value[3:])[1:-1].encode() not in base64.urlsafe_b64decode(text)
        assert b"key" not in base64.urlsafe_b64decode(text)


@pytest.mark.parametrize("text", ["", ".", "a.b", "\N{SNOWMAN}", "=" * 100, "a" * 10_000])
def test_what_is_not_sealed_is_refused(poll, text):
    with pytest.raises(Forged):
        unsealed(poll, "ballot", text)


def test_one_person_is_another_voter_in_every_poll(poll, other):
    assert voter_key(poll, "account", "ada") == voter_key(poll, "account", "ada")
    keys = {voter_key(one, known, "ada") for one in (poll, other) for known in ("account", "cookie", "invitation")}
    assert len(keys) == 6


def test_cookies_are_those_that_the_poll_gave_out(poll, other):
    cookie = new_cookie(poll)
    assert cookie_key(poll, cookie) == cookie_key(poll, cookie) is not None
    assert cookie_key(poll, new_cookie(poll)) != cookie_key(poll, cookie)
    assert cookie_key(other, cookie) is cookie_key(poll, "made up") is cookie_key(poll, None) is None


def test_invitations_open_their_poll_alone(ledger, poll, other):
    one, two = invite(ledger, poll, 2)
    assert invited_key(ledger, poll, one) != invited_key(ledger, poll, two)
    assert invited_key(ledger, other, one) is invited_key(ledger, poll, "guess") is None
    with pytest.raises(ArenaError):
        invite(ledger, poll, 0)


def test_an_address_is_the_same_for_a_day_and_nothing_the_next(ledger, poll, other):
    def on(day, address, of=poll):
        return address_hash(ledger, of, address, today=day)

    first = on("2026-01-01", "192.0.2.7")
    assert on("2026-01-01", "192.0.2.7") == first == on("2026-01-01", "::ffff:192.0.2.7")
    assert on("2026-01-01", "192.0.2.8") != first
    assert on("2026-01-01", "192.0.2.7", other) != first
    assert on("2026-01-01", "2001:db8::1") == on("2026-01-01", "2001:db8::ffff:1")
    assert on("2026-01-01", "2001:db8:0:1::1") != on("2026-01-01", "2001:db8::1")
    assert on("2026-01-02", "192.0.2.7") != first
    with ledger.reading() as connection:
        days = connection.exec_driver_sql("select day from address_salts").scalars().all()
    assert days.count("2026-01-02") == 1
    assert "2026-01-01" in days  # of the other poll, in which nobody has voted since


def test_polls_are_found_by_their_keys(ledger, poll, other):
    assert [one.key for one in all_polls(ledger)][-2:] == ["second", "first"]
    assert poll_of(ledger, "first") == poll
    with pytest.raises(UnknownName, match="did you mean 'first'"):
        poll_of(ledger, "frist")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"voters": "everybody"}, "voters"),
        ({"per_minute": "0"}, "per_minute"),
        ({"unknown": 1}, "unknown"),
        ({"question": ""}, "question"),
    ],
)
def test_wrong_settings_are_named(values, said):
    with pytest.raises(SpecificationError, match=said):
        poll_settings(values)


def test_settings_are_read_as_people_type_them():
    assert poll_settings({"per_minute": "7", "reveal": "true", "least_seconds": "0.5"}) == PollSettings(
        per_minute=7, reveal=True, least_seconds=0.5
    )


@pytest.mark.parametrize(
    "text", ["llm:m@http://h", "=llm:m@http://h", "m=exec:./x", "m=llm:m", "m=llm:m@http://h(key=sk-123)"]
)
def test_endpoints_are_language_models_with_names(text):
    with pytest.raises(SpecificationError):
        named_endpoints([text])


def test_endpoints_do_not_share_names_with_each_other_or_the_file(ledger):
    with pytest.raises(SpecificationError, match="two candidates"):
        named_endpoints(["m=llm:m@http://h", "m=llm:n@http://h"])
    with pytest.raises(SpecificationError, match="has answers already"):
        make_poll(ledger, sheet_of(1), name="x", settings=PollSettings(), endpoints={"a": "llm:m@http://127.0.0.1:1"})


def test_a_poll_without_two_answers_does_not_open(ledger):
    sheet = sheet_of(2, ("a",))
    poll = make_poll(ledger, sheet, name="Lonely", settings=PollSettings(), endpoints={"m": "llm:m@http://127.0.0.1:1"})
    with pytest.raises(SpecificationError, match="nothing to vote on"):
        open_poll(ledger, poll)
