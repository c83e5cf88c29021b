"""The client of chat endpoints: what it asks, how it waits, and that nothing a server sends can hurt or be leaked."""

import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.agents import chat_endpoint as module
from arena.agents.chat_endpoint import (
    ChatAnswer,
    ChatEndpoint,
    ChatMessage,
    EndpointDown,
    EndpointLate,
    EndpointNonsense,
    EndpointRefused,
    EndpointSettings,
    base_url,
)
from arena.games import SpecificationError
from arena.games.usage import Usage
from tests.chat_server import COMPLETION_TOKENS, PROMPT_TOKENS, Reply, chat_server
from tests.dribbling_server import dribbling

QUESTION = [ChatMessage("user", "2 + 2?")]
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def endpoint():
    """Makes clients that note their pauses in place of sleeping."""
    made = []

    def make(server, **settings):
        pauses = []
        client = ChatEndpoint(
            EndpointSettings(model="tiny", url=server.url, **settings), sleep=pauses.append, jitter=lambda: 1.0
        )
        client.pauses = pauses
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def test_an_answer_comes_back_with_its_tokens_and_cost(endpoint):
    with chat_server(["4"]) as server:
        answer = endpoint(server, price_in=2.0, price_out=10.0).ask(QUESTION)
    assert answer.text == "4"
    assert (answer.usage.requests, answer.usage.prompt_tokens) == (1, PROMPT_TOKENS)
    assert answer.usage.completion_tokens == COMPLETION_TOKENS
    assert answer.usage.cost == pytest.approx((2 * PROMPT_TOKENS + 10 * COMPLETION_TOKENS) / 1e6, abs=0)


def test_the_request_holds_what_was_set_and_nothing_else(endpoint):
    with chat_server(["4"]) as server:
        endpoint(server, temperature=0.25, max_tokens=9).ask(QUESTION, seed=5)
        endpoint(server, max_tokens=None).ask(QUESTION)
    messages = [{"role": "user", "content": "2 + 2?"}]
    assert server.requests == [
        {"model": "tiny", "messages": messages, "temperature": 0.25, "max_tokens": 9, "seed": 5},
        {"model": "tiny", "messages": messages},
    ]
    assert server.paths == ["/v1/chat/completions"] * 2


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://host", "http://host/v1"),
        ("http://host:80/", "http://host/v1"),
        ("http://host:9/v1", "http://host:9/v1"),
        ("http://host/v1/", "http://host/v1"),
        ("https://host/api/openai", "https://host/api/openai"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_the_url_may_come_with_v1_or_without(url, base):
    assert base_url(url) == base


@pytest.mark.parametrize(
    "url",
    ["", "host", "ftp://host", "http://", "http://a:b@host", "http://host?api-key=x", "http://host/#a", "http://h:x"],
)
def test_urls_that_are_none_or_hold_secrets_are_refused(url):
    with pytest.raises(SpecificationError):
        base_url(url)


def test_a_key_of_the_environment_is_sent_and_read_at_each_request(monkeypatch, endpoint):
    with chat_server(["4"]) as server:
        asked = endpoint(server, key="MY_KEY")
        asked.ask(QUESTION)
        monkeypatch.setenv("MY_KEY", KEY)
        asked.ask(QUESTION)
    assert server.authorizations == [None, f"Bearer {KEY}"]


def test_a_key_that_a_server_repeats_is_leaked_nowhere(monkeypatch, caplog, endpoint):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    refusal = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()
    answers = [Reply(f"your key is {KEY}"), Reply(status=401, body=refusal), Reply(status=400, body=refusal)]
    with chat_server([*answers, Reply(body=KEY.encode())]) as server:
        asked = endpoint(server)
        said = [asked.ask(QUESTION).text, repr(asked), repr(asked.settings)]
        for kind in (EndpointDown, EndpointRefused, EndpointNonsense):
            with pytest.raises(kind) as caught:
                asked.ask(QUESTION)
            said += [str(caught.value), repr(caught.value), caught.value.log]
    assert said[0] == "your key is [key]"
    assert all(KEY not in text for text in [*said, caplog.text])


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it(monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SpecificationError, match="OPENAI_API_KEY") as caught:
        ChatEndpoint(EndpointSettings(model="tiny", url="http://host"))
    assert key not in str(caught.value)


@pytest.mark.parametrize("trouble", [Reply(status=429), Reply(status=500), Reply(status=503), Reply(drop=True)])
def test_passing_trouble_is_tried_again_after_doubling_pauses(trouble, endpoint):
    with chat_server([trouble, trouble, trouble, "4"]) as server:
        asked = endpoint(server)
        answer = asked.ask(QUESTION)
    assert answer.text == "4"
    assert answer.usage.requests == 4
    assert asked.pauses == [0.5, 1.0, 2.0]


def test_retry_after_is_honoured_in_seconds_milliseconds_and_as_a_date(endpoint):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    said = [{"Retry-After": "7"}, {"retry-after-ms": "250"}, {"Retry-After": later}, {"Retry-After": "soon"}]
    with chat_server([*(Reply(status=429, headers=headers) for headers in said), "4"]) as server:
        asked = endpoint(server)
        asked.ask(QUESTION)
    assert asked.pauses[:2] == [7.0, 0.25]
    assert 80 < asked.pauses[2] <= 100
    assert asked.pauses[3] == 4.0  # no time: the doubling pause


def test_it_gives_up_after_the_stated_number_of_retries(endpoint):
    with chat_server([Reply(status=503)]) as server:
        asked = endpoint(server, retries=2)
        with pytest.raises(EndpointDown, match=r"answered 503.*3 tries") as caught:
            asked.ask(QUESTION)
    assert len(server.requests) == caught.value.usage.requests == 3
    assert caught.value.usage.prompt_tokens == 0


def test_after_retries_in_vain_the_next_questions_are_asked_once_until_one_is_answered(endpoint):
    down = Reply(status=503)
    with chat_server([down] * 3 + [down, "4", down, "4"]) as server:
        asked = endpoint(server, retries=2)
        for requests in (3, 4):
            with pytest.raises(EndpointDown):
                asked.ask(QUESTION)
            assert len(server.requests) == requests
        assert asked.ask(QUESTION).text == "4"
        assert asked.ask(QUESTION).usage.requests == 2


def test_a_server_that_asks_for_an_hour_is_down(endpoint):
    hour = Reply(status=429, headers={"Retry-After": "3600"})
    with chat_server([hour]) as server, pytest.raises(EndpointDown, match="wait for 3,600 s"):
        endpoint(server).ask(QUESTION)
    assert len(server.requests) == 1


def test_a_spent_quota_is_not_waited_for(endpoint):
    body = json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}).encode()
    with (
        chat_server([Reply(status=429, body=body)]) as server,
        pytest.raises(EndpointDown, match="exceeded your quota"),
    ):
        endpoint(server).ask(QUESTION)
    assert len(server.requests) == 1


def test_nobody_at_the_url_is_down(endpoint):
    with chat_server(["4"]) as server:
        gone = endpoint(server, retries=1)
    with pytest.raises(EndpointDown, match="cannot be reached"):
        gone.ask(QUESTION)
    with pytest.raises(EndpointDown, match="cannot be reached"):
        gone.require_reachable()


def test_a_redirect_is_not_followed(endpoint):
    with chat_server(["no"]) as other:
        there = Reply(status=307, headers={"Location": other.url})
        with chat_server([there]) as server, pytest.raises(EndpointDown, match="redirects are not followed"):
            endpoint(server).ask(QUESTION)
    assert not other.requests


def test_a_refused_request_is_told_apart_from_a_refused_client(endpoint):
    body = json.dumps({"error": {"message": "maximum context length is 10 tokens"}}).encode()
    with chat_server([Reply(status=400, body=body), Reply(status=404)]) as server:
        asked = endpoint(server)
        with pytest.raises(EndpointRefused, match="maximum context length"):
            asked.ask(QUESTION)
        with pytest.raises(EndpointDown, match="name of the model"):
            asked.ask(QUESTION)
    assert not asked.pauses


def test_a_model_that_wants_the_newer_name_of_the_token_limit_gets_it(endpoint):
    body = json.dumps({"error": {"message": "use 'max_completion_tokens' instead"}}).encode()
    with chat_server(lambda r: Reply(status=400, body=body) if "max_tokens" in r else "4") as server:
        asked = endpoint(server, max_tokens=50)
        assert asked.ask(QUESTION).text == "4"
        asked.ask(QUESTION)
    assert [r.get("max_completion_tokens") for r in server.requests] == [None, 50, 50]


def test_an_answer_that_does_not_come_is_late(endpoint):
    never = threading.Event()
    with chat_server([Reply("4", until=never)]) as server:
        with pytest.raises(EndpointLate) as caught:
            endpoint(server, timeout_s=0.1).ask(QUESTION)
        assert caught.value.usage.prompt_tokens is None
        with pytest.raises(EndpointLate):
            endpoint(server).ask(QUESTION, deadline=time.monotonic() + 0.1)
        never.set()


@pytest.mark.parametrize(
    ("start", "dribble"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b" "),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_an_answer_that_trickles_in_is_late_all_the_same(start, dribble, endpoint):
    with dribbling(start, dribble) as server, pytest.raises(EndpointLate):
        endpoint(server, timeout_s=0.2).ask(QUESTION)  # it would go on for 4 s, and then be a broken connection


def test_headers_that_trickle_in_do_not_outlast_the_question_whether_anybody_is_there(monkeypatch, endpoint):
    monkeypatch.setattr(module, "START_S", 0.2)
    with dribbling(b"HTTP/1.1 200 OK\r\nX: ", b"x") as server, pytest.raises(EndpointDown, match="the time is over"):
        endpoint(server).require_reachable()


def test_the_connection_is_kept_for_the_next_question(endpoint):
    with chat_server(["4"]) as server:
        asked = endpoint(server)
        asked.ask(QUESTION)
        (client,) = asked._clients._free
        first = client._socket
        asked.ask(QUESTION)
        assert asked._clients._free == [client]
        assert client._socket is first


def test_no_pause_is_begun_that_ends_after_the_deadline(endpoint):
    with chat_server([Reply(status=503)]) as server:
        asked = endpoint(server)
        with pytest.raises(EndpointLate, match="the time is over"):
            asked.ask(QUESTION, deadline=time.monotonic() + 0.4)
    assert not asked.pauses


def test_a_body_without_end_is_cut_off(monkeypatch, endpoint):
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    with chat_server([Reply("4" * 2000)]) as server, pytest.raises(EndpointNonsense, match="more than 1,000 bytes"):
        endpoint(server).ask(QUESTION)


HOSTILE = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"[" * 100_000,
    b'{"choices": []}',
    b'{"choices": [null]}',
    b'{"choices": [{"message": 3}]}',
    b'{"choices": [{"message": {"content": 3}}]}',
    b'{"choices": {"0": 1}}',
    b'{"choices": [{"message": {"content": ' + b"9" * 5000 + b"}}]}",
    b"\x1f\x8b\x08\x00garbage",
]


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_bodies_are_nonsense_and_count_as_used(body, endpoint):
    with chat_server([Reply(body=body)]) as server, pytest.raises(EndpointNonsense) as caught:
        endpoint(server).ask(QUESTION)
    assert caught.value.usage.requests == 1
    assert str(caught.value).isprintable()
    assert caught.value.log.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "usage", "prompt_tokens", "completion_tokens", "refusal", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_breaks_the_reader(value):
    asked = ChatEndpoint(EndpointSettings(model="tiny", url="http://host"))
    try:
        answer = asked._read(json.dumps(value).encode(), Usage(), 0.0)
    except EndpointNonsense:
        return
    finally:
        asked.close()
    answer.text.encode()
    assert answer.usage.prompt_tokens is None or answer.usage.prompt_tokens >= 0


def test_text_that_no_database_takes_is_mended(endpoint):
    body = b'{"choices": [{"message": {"content": "a\\ud800b\\u0000c"}}]}'
    with chat_server([Reply(body=body)]) as server:
        text = endpoint(server).ask(QUESTION).text
    text.encode()
    assert "\0" not in text


@pytest.mark.parametrize(
    "told",
    [None, {}, {"prompt_tokens": -1, "completion_tokens": True}, {"prompt_tokens": 1e9}, "many", {"prompt_tokens": 3}],
)
def test_tokens_that_a_server_does_not_tell_are_unknown_and_so_is_the_cost(told, endpoint):
    with chat_server([Reply("4", usage=told)]) as server:
        usage = endpoint(server, price_in=1.0, price_out=1.0).ask(QUESTION).usage
    assert usage.completion_tokens is None
    assert usage.cost is None


def test_sums_of_usage_are_unknown_where_a_part_is():
    known = Usage(requests=1, prompt_tokens=3, completion_tokens=4, seconds=1.0, cost=0.5)
    assert Usage.total([known, known]).prompt_tokens == 6
    assert Usage.total([known, known]).cost == 1.0
    dark = Usage(requests=1, prompt_tokens=None, completion_tokens=2, cost=None)
    total = Usage.total([known, dark])
    assert (total.requests, total.prompt_tokens, total.completion_tokens, total.cost) == (2, None, 6, None)


OVERLOADED = {"code": 503, "message": "model overloaded"}


@pytest.mark.parametrize(
    "said",
    [
        {"error": OVERLOADED},
        {"error": OVERLOADED, "choices": []},
        {"error": "no slot is free"},
        {"choices": [{"finish_reason": "error", "error": OVERLOADED, "message": {"content": ""}}]},
    ],
)
def test_an_error_told_with_status_200_is_the_servers_trouble_and_tried_again(said, endpoint):
    with chat_server([Reply(body=json.dumps(said).encode()), "4"]) as server:
        assert endpoint(server).ask(QUESTION).text == "4"
    told = r"answered 50[23]: (model overloaded|no slot is free)"
    with chat_server([Reply(body=json.dumps(said).encode())]) as server, pytest.raises(EndpointDown, match=told):
        endpoint(server, retries=1).ask(QUESTION)
    assert len(server.requests) == 2


def test_an_error_of_one_request_told_with_status_200_is_refused_as_any_other(endpoint):
    said, told = {"error": {"code": 400, "message": "the context is too long"}}, "answered 400: the context is too long"
    with chat_server([Reply(body=json.dumps(said).encode())]) as server, pytest.raises(EndpointRefused, match=told):
        endpoint(server).ask(QUESTION)


@pytest.mark.parametrize("error", [None, {}, "", OVERLOADED])
def test_a_message_counts_whatever_stands_beside_it(error, endpoint):
    said = {"error": error, "choices": [{"message": {"content": '"error"'}, "finish_reason": "stop"}]}
    with chat_server([Reply(body=json.dumps(said).encode())]) as server:
        assert endpoint(server).ask(QUESTION).text == '"error"'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>B, no, A</think> A", "A"),
        ("B, no, A</think>\nA", "A"),
        ("<think>B</think>C</THINK>A", "A"),
        ("A <thinking>B", "A"),
        ("A", "A"),
    ],
)
def test_thoughts_are_not_said_also_where_the_question_began_them(text, said):
    assert ChatAnswer(text=text).said == said


def test_no_more_requests_are_out_than_allowed(endpoint):
    gate = threading.Event()
    with chat_server([Reply("4", until=gate)]) as server:
        asked = endpoint(server, concurrency=2)
        threads = [threading.Thread(target=asked.ask, args=(QUESTION,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        while server.open < 2:
            time.sleep(0.001)
        gate.set()
        for thread in threads:
            thread.join()
    assert server.most_open == 2
    assert len(server.requests) == 5
