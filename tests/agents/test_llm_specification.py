"""``MODEL@URL(...)``: the forms that are read, the ranges, and that a key written by mistake is never repeated."""

import pytest

from arena.agents.llm_specification import read_llm, with_lent_key
from arena.games import SpecificationError, UnknownName


def read(rest, **more):
    return read_llm(rest, more)


def test_model_url_and_options_are_taken_apart():
    settings, options = read(
        "org/model:7b@v2@http://host:8000/v1(temperature=0.5, max_tokens=9, price_in=1, price_out=2.5, timeout=3, retries=0, "
        "concurrency=4, attempts=1, system='say (a, b)')",
        system="",
    )
    assert (settings.model, settings.url) == ("org/model:7b@v2", "http://host:8000/v1")
    assert (settings.temperature, settings.max_tokens, settings.timeout_s) == (0.5, 9, 3.0)
    assert (settings.price_in, settings.price_out) == (1.0, 2.5)
    assert (settings.retries, settings.concurrency) == (0, 4)
    assert options == {"attempts": 1, "system": "say (a, b)"}


def test_what_is_left_out_is_not_sent():
    settings, options = read("m@https://host")
    assert (settings.temperature, settings.price_in, settings.price_out) == (None, None, None)
    assert settings.key == "OPENAI_API_KEY"
    assert options == {"attempts": 3}
    assert read("m@https://host(max_tokens=0)")[0].max_tokens is None


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "m",
        "m@host",
        "@http://host",
        "m@http://",
        "m@http://host(temperature=hot)",
        "m@http://host(temperature=-1)",
        "m@http://host(temperature=nan)",
        "m@http://host(attempts=0)",
        "m@http://host(attempts=99)",
        "m@http://host(timeout=0)",
        "m@http://host(concurrency=0)",
        "m@http://host(retries=-1)",
        "m@http://host(price_in=1)",
        "m@http://host(price_in=-1, price_out=1)",
        "m@http://user:password@host",
        "m@http://host(attempts=3",
        "m@http://host(attempts=3, attempts=4)",
    ],
)
def test_what_cannot_be_meant_is_refused(rest):
    with pytest.raises(SpecificationError):
        read(rest)


def test_an_unknown_option_gets_a_suggestion():
    with pytest.raises(UnknownName, match="did you mean 'temperature'"):
        read("m@http://host(temprature=1)")


@pytest.mark.parametrize("key", ["sk-proj-12345", "'sk proj 12345'", "sk_proj_12345"])
def test_a_key_written_in_place_of_its_variable_is_refused_and_not_repeated(key):
    with pytest.raises(SpecificationError, match="environment variable") as caught:
        read(f"m@http://host(key={key})")
    assert "12345" not in str(caught.value)


def test_a_variable_that_is_named_must_be_set(monkeypatch):
    with pytest.raises(SpecificationError, match="not set"):
        read("m@http://host(key=MY_KEY)")
    monkeypatch.setenv("MY_KEY", "x")
    assert read("m@http://host(key=MY_KEY)")[0].key == "MY_KEY"


@pytest.mark.parametrize(
    ("rest", "sends"),
    [
        ("m@https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("m@https://api.openai.com/v1(key=OPENAI_API_KEY, temperature=0)", "OPENAI_API_KEY"),
        ("m@https://elsewhere.example/v1", ""),
        ("m@https://elsewhere.example/v1(temperature=0)", ""),
        ("m@https://api.openai.com.elsewhere.example/v1", ""),
        ("m@https://elsewhere.example/v1(key=none)", ""),
    ],
)
def test_a_server_sends_its_keys_where_its_operator_says_and_nowhere_else(monkeypatch, rest, sends):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    lent = ("OPENAI_API_KEY@api.openai.com",)
    assert read_llm(with_lent_key(rest, lent), {})[0].key == sends


@pytest.mark.parametrize("key", ["ARENA_DB", "OPENAI_API_KEY", "openai_api_key"])
def test_who_names_a_key_that_is_not_lent_to_its_host_is_refused(key):
    with pytest.raises(SpecificationError, match="this server sends"):
        with_lent_key(f"m@https://elsewhere.example/v1(key={key})", ("OPENAI_API_KEY@api.openai.com",))
