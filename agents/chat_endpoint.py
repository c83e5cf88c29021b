"""A client of any OpenAI-compatible ``/chat/completions``: what is asked, what comes back, and every way in which it can fail.

What a server sends is hostile until it is read: bodies are bounded, redirects are not followed, and the key, which comes
from the environment at each request, stands in no setting, message or log.
"""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import parse_qsl

import httpx

from arena.agents.bounded_http import BoundedClients
from arena.games import ArenaError, SpecificationError
from arena.games.usage import Usage

CONNECT_S = 10.0
START_S = 10.0  # for the one question whether an endpoint is there
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # between two tries, doubling
LONGEST_RETRY_AFTER_S = 600.0  # a server that asks for more patience counts as down
MAX_BODY = 4 << 20  # bytes
MAX_TOKENS_TOLD = 2**53  # a greater number is no count
SHOWN = 300  # characters of a server's own words that a message repeats
BAD_GATEWAY = 502
AGAIN = frozenset({408, 409, 425, 429})  # and all from 500 on
NOT_OURS = frozenset({401, 402, 403, 404, 405, 407, 410})  # the same for every request: the settings are wrong
LEAST_SECRET = 12  # characters; shorter "keys", as those of local servers, are no secrets and stand in ordinary text
HERE = ("127.0.0.1", "localhost", "::1")
NO_SECRETS = ("key", "token", "secret", "sig", "password")
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_BEFORE = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """What the model said. ``refusal``: its words where the server marks them as a refusal; ``finish``: why it stopped."""

    text: str
    refusal: str = ""
    finish: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def said(self) -> str:
        """The text without what the model thinks between ``<think>`` marks, or before a mark that only ends: many templates
        begin the thought in the question."""
        return _THOUGHT_BEFORE.sub("", _THOUGHT.sub("", self.text)).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Where a model answers and how it is asked.

    ``url``: the base of the API, with or without ``/v1``. ``key``: the name of the environment variable that holds the API
    key; where the variable is not set, none is sent. ``timeout_s``: for one answer. ``retries``: how often a request is
    sent again after 429, 5xx or a broken connection. ``concurrency``: requests out at once. ``price_in``, ``price_out``:
    per million tokens of prompt and of completion. ``temperature``, ``max_tokens``: None = the server's own.
    """

    model: str
    url: str
    key: str = "OPENAI_API_KEY"
    timeout_s: float = 120.0
    retries: int = 5
    concurrency: int = 16
    price_in: float | None = None
    price_out: float | None = None
    temperature: float | None = None
    max_tokens: int | None = 1024


class EndpointError(ArenaError):
    """No answer. ``usage``: what was used all the same; ``log``: what the server said, '' if nothing."""

    def __init__(self, message: str, *, usage: Usage | None = None, log: str = ""):
        super().__init__(message)
        self.usage, self.log = usage or Usage(), log


class EndpointDown(EndpointError):
    """The endpoint cannot be reached, is overloaded or refuses every request: nobody's strength, and no match's result."""

    work_failed = True


class EndpointLate(EndpointError):
    """No answer in time."""


class EndpointRefused(EndpointError):
    """The server refuses this one request, for example because its context is too long."""


class EndpointNonsense(EndpointError):
    """The server's answer is none."""


class ChatEndpoint:
    """One model at one endpoint, asked from any number of threads.

    Args:
        settings: where and how.
        sleep, now, jitter: for tests; ``sleep`` returns early when the endpoint is closed, ``jitter`` is from 0 to 1.

    Raises:
        SpecificationError: the URL is none, holds a secret, or the key cannot be one.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        sleep: Callable[[float], object] | None = None,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] | None = None,
    ):
        self.settings = settings
        self.base = base_url(settings.url)
        self._secret()  # a key that cannot be sent is told before the first question
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._now = now
        self._jitter = jitter or random.SystemRandom().random  # only spreads retries
        self._limit = threading.BoundedSemaphore(settings.concurrency)
        here = httpx.URL(self.base).host in HERE  # no proxy stands before this machine itself
        self._clients = BoundedClients(headers=HEADERS, trust_env=not here)
        self._limit_word = "max_tokens"
        # after a question whose retries were in vain, the next ones are asked once, until one is answered
        self._gave_up = False

    def __repr__(self) -> str:
        return f"ChatEndpoint({self.settings.model}@{self.settings.url})"

    def ask(
        self, messages: Sequence[ChatMessage], *, seed: int | None = None, deadline: float | None = None
    ) -> ChatAnswer:
        """The model's answer to a conversation.

        Args:
            messages: the conversation, the question last.
            seed: sent along, for servers that draw by it.
            deadline: on the clock of `time.monotonic`; nothing is tried after it.

        Raises:
            EndpointDown, EndpointLate, EndpointRefused, EndpointNonsense: no answer; each knows what was used.
        """
        used = Usage()
        tries = 0
        while True:
            began = self._now()
            if self._closed.is_set() or (deadline is not None and began >= deadline):
                raise EndpointLate(f"{self._name()} was not asked in time", usage=used)
            pause: float | None
            try:
                with self._limit:
                    began = self._now()
                    status, phrase, headers, body = self._post(self._request(messages, seed), began, deadline)
            except EndpointError as error:
                spent = Usage(requests=1, prompt_tokens=None, completion_tokens=None, cost=None)
                raise type(error)(str(error), usage=used + spent + Usage(seconds=self._now() - began)) from None
            except httpx.HTTPError as broken:
                used += Usage(requests=1, seconds=self._now() - began)
                trouble, log, pause = (
                    f"cannot be reached: {self._clean(str(broken) or type(broken).__name__)}",
                    "",
                    None,
                )
            else:
                if 200 <= status < 300 and (told := _told_status(body)):
                    status, phrase = told, ""
                if 200 <= status < 300:
                    self._gave_up = False
                    return self._read(body, used, self._now() - began)
                used += Usage(requests=1, seconds=self._now() - began)
                log = self._clean(body.decode("utf-8", "replace"), SHOWN * 4)
                trouble = f"answered {status} {phrase}".rstrip() + _because(body, self._clean)
                if self._other_limit_word(status, body):
                    continue
                if not (status in AGAIN or status >= 500) or b'"insufficient_quota"' in body:
                    kind = EndpointDown if status in NOT_OURS or status < 400 or status in AGAIN else EndpointRefused
                    raise kind(f"{self._name()} {trouble}{self._advice(status)}", usage=used, log=log)
                pause = _retry_after(headers)
            tries += 1
            self._wait(tries, pause, trouble, used, log, deadline)

    def require_reachable(self) -> None:
        """Asks the endpoint for its models, which costs no tokens; one that has no such list is taken to be there.

        Raises:
            EndpointDown: nobody answers there, or the key is refused.
        """
        try:
            where = f"{self.base}/models"
            with (
                self._clients.one() as client,
                client.stream(
                    "GET", where, headers=self._authorization(), seconds=START_S, connect_s=START_S
                ) as response,
            ):
                status = response.status_code  # what stands in the body does not matter, nor how much
        except httpx.HTTPError as broken:
            said = self._clean(str(broken) or type(broken).__name__)
            raise EndpointDown(f"{self._name()} cannot be reached: {said}") from None
        if status in (401, 403, 407):
            raise EndpointDown(
                f"{self._name()} answered {status} {self._clean(response.reason_phrase)}{self._advice(status)}"
            )

    def close(self) -> None:
        """Ends pauses; nothing more is asked. What is out may still come, and then closes its connection."""
        self._closed.set()
        self._clients.close()

    def _request(self, messages: Sequence[ChatMessage], seed: int | None) -> bytes:
        settings = self.settings
        asked: dict[str, object] = {
            "model": settings.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
        }
        if settings.temperature is not None:
            asked["temperature"] = settings.temperature
        if settings.max_tokens is not None:
            asked[self._limit_word] = settings.max_tokens
        if seed is not None:
            asked["seed"] = seed
        return json.dumps(asked, ensure_ascii=True, allow_nan=False).encode()

    def _post(self, content: bytes, began: float, deadline: float | None) -> tuple[int, str, httpx.Headers, bytes]:
        until = began + self.settings.timeout_s
        if deadline is not None:
            until = min(until, deadline)
        patience = max(1e-3, until - began)
        body = b""
        try:
            where, key = f"{self.base}/chat/completions", self._authorization()
            with (
                self._clients.one() as client,
                client.stream(
                    "POST", where, content=content, headers=key, seconds=patience, connect_s=CONNECT_S
                ) as response,
            ):
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise EndpointNonsense(f"{self._name()} answered more than {MAX_BODY:,} bytes")
                    if self._now() > until:
                        raise self._late()
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            raise
        except httpx.TimeoutException:
            raise self._late() from None
        return response.status_code, self._clean(response.reason_phrase), response.headers, body

    def _wait(
        self, tries: int, pause: float | None, trouble: str, used: Usage, log: str, deadline: float | None
    ) -> None:
        """Pauses before the next try.

        Raises:
            EndpointDown: there is none any more, or the server asks for too long a pause.
            EndpointLate: the deadline is before it.
        """
        retries = 0 if self._gave_up else self.settings.retries
        often = f" ({tries} tries)" if tries > 1 else ""
        if tries > retries or self._closed.is_set():
            self._gave_up = True
            raise EndpointDown(f"{self._name()} {trouble}{often}", usage=used, log=log)
        backoff = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (tries - 1))
        wait = backoff * (0.5 + self._jitter() / 2) if pause is None else pause
        if wait > LONGEST_RETRY_AFTER_S:
            raise EndpointDown(f"{self._name()} {trouble}; it asks to wait for {wait:,.0f} s", usage=used, log=log)
        if deadline is not None and self._now() + wait >= deadline:
            raise EndpointLate(f"{self._name()} {trouble}{often}, and the time is over", usage=used, log=log)
        self._sleep(wait)

    def _read(self, body: bytes, used: Usage, seconds: float) -> ChatAnswer:
        unknown = used + Usage(requests=1, prompt_tokens=None, completion_tokens=None, seconds=seconds, cost=None)
        try:
            said: object = json.loads(body)
        except (ValueError, RecursionError):
            raise self._nonsense("no JSON", body, unknown) from None
        if not isinstance(said, dict):
            raise self._nonsense("no JSON object", body, unknown)
        usage = used + self._used(said.get("usage"), seconds)
        choices = said.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise self._nonsense("no choice with a message", body, usage)
        text = _text_of(message.get("content"))
        refusal, finish = message.get("refusal"), choice.get("finish_reason")
        if text is None:
            raise self._nonsense("a message without text", body, usage)
        return ChatAnswer(
            text=self._without_key(_storable(text)),
            refusal=self._without_key(_storable(refusal)) if isinstance(refusal, str) else "",
            finish=self._clean(finish) if isinstance(finish, str) else "",
            usage=usage,
        )

    def _used(self, told: object, seconds: float) -> Usage:
        counts = told if isinstance(told, dict) else {}
        prompt, completion = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
        price_in, price_out = self.settings.price_in, self.settings.price_out
        if prompt is None or completion is None or price_in is None or price_out is None:
            cost = None
        else:
            cost = (prompt * price_in + completion * price_out) / 1e6
        return Usage(requests=1, prompt_tokens=prompt, completion_tokens=completion, seconds=seconds, cost=cost)

    def _other_limit_word(self, status: int, body: bytes) -> bool:
        """Whether to ask once more with the newer name of the limit on tokens, which some models insist on."""
        if status == 400 and self._limit_word == "max_tokens" and b"max_completion_tokens" in body:
            self._limit_word = "max_completion_tokens"
            return True
        return False

    def _name(self) -> str:
        return f"{self.settings.model} at {self.settings.url}"

    def _late(self) -> EndpointLate:
        return EndpointLate(f"{self._name()} did not answer in time")

    def _nonsense(self, what: str, body: bytes, usage: Usage) -> EndpointNonsense:
        log = self._clean(body[: SHOWN * 16].decode("utf-8", "replace"), SHOWN * 4)
        return EndpointNonsense(f"{self._name()} answered {what}", usage=usage, log=log)

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            sent = "the key of" if self._secret() else "no key, for want of"
            return f"; it got {sent} the environment variable {self.settings.key}"
        if status in (404, 405):
            return "; look at the URL and at the name of the model"
        if status < 400:
            return "; give the URL that answers, redirects are not followed"
        return ""

    def _authorization(self) -> dict[str, str]:
        secret = self._secret()
        return {"Authorization": f"Bearer {secret}"} if secret else {}

    def _secret(self) -> str:
        secret = os.environ.get(self.settings.key, "").strip()
        if not (secret.isascii() and secret.isprintable()) or " " in secret:
            raise SpecificationError(f"the environment variable {self.settings.key} holds no API key")
        return secret

    def _without_key(self, text: str) -> str:
        secret = self._secret()
        return text.replace(secret, "[key]") if len(secret) >= LEAST_SECRET else text

    def _clean(self, text: str, most: int = SHOWN) -> str:
        """A server's words, fit for a message: one line, printable, without the key, not long."""
        return shown(self._without_key(text), most)


def base_url(url: str) -> str:
    """The URL that ``/chat/completions`` is added to: ``http://host`` and ``http://host/v1`` are one.

    Raises:
        SpecificationError: no URL of a server, or one that holds a secret, which would be recorded with the agent.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise SpecificationError(f"cannot read the URL {url!r}: {error}") from None
    if parsed.userinfo:
        raise SpecificationError(
            "a URL with a password in it would be recorded; name an environment variable: key=NAME"
        )
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SpecificationError(f"{url!r} is no URL of an endpoint; write http://HOST:PORT/v1")
    if parsed.query or parsed.fragment:
        names = [name for name, _ in parse_qsl(parsed.query.decode("ascii", "replace"), keep_blank_values=True)]
        if any(word in name.lower() for name in names for word in NO_SECRETS):
            raise SpecificationError("a URL with a key in it would be recorded; name an environment variable: key=NAME")
        raise SpecificationError(f"the URL of an endpoint has no '?' or '#'; got {url!r}")
    path = parsed.path.rstrip("/").removesuffix("/chat/completions")
    return str(parsed.copy_with(path=path or "/v1")).rstrip("/")


def shown(text: str, most: int = SHOWN) -> str:
    """Foreign words as one printable line of at most so many characters."""
    line = "".join(
        character if character.isprintable() else "\ufffd" for character in " ".join(text[: most * 16].split())
    )
    return line if len(line) <= most else line[:most] + "..."


def _storable(text: str) -> str:
    """Text that every database and file takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _text_of(content: object) -> str | None:
    """The text of a message: a text, parts of which some are texts, or nothing; None where it is something else."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < MAX_TOKENS_TOLD else None


def _told_status(body: bytes) -> int:
    """The status of an error that a server tells in the body of an answer with status 200, as gateways do whose headers are
    out before the model fails; 0 where it tells none."""
    if b'"error"' not in body:
        return 0
    try:
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    error = _error_of(said)
    if not error:
        return 0
    code = error.get("code") if isinstance(error, dict) else None
    return code if type(code) is int and 400 <= code < 600 else BAD_GATEWAY


def _error_of(said: object) -> object:
    """The error in an answer or in its first choice; None where there is none, or a message beside it."""
    if not isinstance(said, dict):
        return None
    choices = said.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        found = said.get("error")
    else:
        found = choice.get("error") if choice.get("finish_reason") == "error" else None
    return found if isinstance(found, dict | str) else None


def _because(body: bytes, clean: Callable[[str], str]) -> str:
    """The reason that a server gives with an error, in its usual place."""
    try:
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = _error_of(said)
    message = error.get("message") if isinstance(error, dict) else error
    return f": {clean(message)}" if isinstance(message, str) and message.strip() else ""


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that the server asks to wait, in any of the usual ways; None where it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        said = headers.get(name)
        if said is None:
            continue
        try:
            seconds = float(said) / unit
        except ValueError:
            try:
                at = parsedate_to_datetime(said)
            except (ValueError, TypeError, OverflowError):
                continue
            seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
        if seconds == seconds:  # not NaN
            return max(0.0, seconds)
    return None
