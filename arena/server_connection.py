"""Requests to a server of Arena: its errors as `ArenaError`, repeated where that is safe, and writes that count once however often they
are sent."""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from arena.games import ArenaError, SpecificationError

PREFIX = "/api/v1"
VALUE = "application/vnd.arena.value+json"
UPLOAD = "application/octet-stream"
RETRIED = frozenset((429, 502, 503, 504))  # a server that is busy, or away for a moment
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
BEING_DONE = 409  # with a Retry-After: the first of two equal writes
LONGEST_WORK_S = 600.0  # so long the end of it is waited for
TOKEN, TOKEN_FILE = "ARENA_TOKEN", "ARENA_TOKEN_FILE"

Params = Sequence[tuple[str, str | int | float]]


class ServerError(ArenaError):
    """What a server said against a request. ``status`` of HTTP, 0 where it was not reached; ``kind``: its name of the error."""

    def __init__(self, message: str, *, status: int, kind: str):
        super().__init__(message)
        self.status, self.kind = status, kind

    @property
    def work_failed(self) -> bool:
        """Whether asking in another way would not help."""
        return self.status >= 500 or self.status == 0


def token_here() -> str | None:
    """The token of this user: $ARENA_TOKEN, or what stands in the file that $ARENA_TOKEN_FILE names; None: neither is set.

    Raises:
        SpecificationError: the file cannot be read, or others can read it.
    """
    if token := os.environ.get(TOKEN):
        return token
    if not (name := os.environ.get(TOKEN_FILE)):
        return None
    file = Path(name)
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise SpecificationError(f"others can read the token in {file}: chmod 600 {file}")
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SpecificationError(f"cannot read the token in {file}: {error.strerror}") from None


class Connection:
    """One server, asked over connections that are kept open.

    Args:
        url: of the server, ``https://arena.example.org``.
        token: who asks; without one, somebody who has not signed in.
        timeout_s: for one answer.
        attempts: how often a request is sent at most.
        transport: how; for tests.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 60,
        attempts: int = 5,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ):
        if not url.startswith(("http://", "https://")):
            raise SpecificationError(f"a server is named http://HOST:PORT or https://HOST; got {url!r}")
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(
            base_url=self.url + PREFIX, headers=headers, timeout=timeout_s, transport=transport, follow_redirects=False
        )
        self._attempts, self._pause = attempts, pause

    def close(self) -> None:
        self._client.close()

    def read(self, path: str, params: Params = (), *, as_value: bool = False) -> Any:
        """The JSON of an answer, or with ``as_value`` that of a value of `arena.value_codec`."""
        return self._asked("GET", path, params, {"Accept": VALUE} if as_value else {}).json()

    def content(self, path: str, params: Params = ()) -> bytes:
        """An answer that is a file."""
        return self._asked("GET", path, params, {}).content

    def copy(self, path: str, params: Params, stream: BinaryIO) -> httpx.Headers:
        """Writes an answer that is a large file, as it comes; its headers. It is asked for once.

        Raises:
            ServerError: the server refuses, or the connection broke in the middle.
        """
        try:
            with self._client.stream("GET", path, params=list(params)) as answer:
                if not answer.is_success:
                    answer.read()
                self._good(answer)
                for chunk in answer.iter_bytes():
                    stream.write(chunk)
                return answer.headers
        except httpx.TransportError as error:
            raise self._no_answer(error) from None

    def listed(self, path: str, name: str, params: Params = ()) -> Iterator[Any]:
        """All entries of a list, part by part."""
        after: list[tuple[str, str | int | float]] = []
        while True:
            told = self.read(path, [*params, ("limit", 1000), *after])
            yield from told[name]
            if told["next"] is None:
                return
            after = [("after", told["next"])]

    def write(
        self, method: str, path: str, params: Params = (), *, body: object = None, file: bytes | None = None
    ) -> Any:
        """The JSON of the answer to a write, which the server does once, however often it has to be sent.

        Args:
            method: POST, PUT or DELETE.
            path, params: of the address.
            body: sent as JSON.
            file: sent as it is, in place of a body.
        """
        return self._written(method, path, params, body, file).json()

    def part(self, path: str, params: Params, body: object) -> bytes:
        """A file that is asked for with a body; b'' where there is none."""
        return self._written("POST", path, params, body, None).content

    def _written(self, method: str, path: str, params: Params, body: object, file: bytes | None) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if file is not None:
            return self._asked(method, path, params, headers | {"Content-Type": UPLOAD}, content=file)
        return self._asked(method, path, params, headers, json=body)

    def _asked(self, method: str, path: str, params: Params, headers: Mapping[str, str], **body: Any) -> httpx.Response:
        request = self._client.build_request(method, path, params=list(params), headers=dict(headers), **body)
        attempt, waited = 1, 0.0
        while True:
            pause = FIRST_PAUSE_S * 2 ** (attempt - 1)
            try:
                answer = self._client.send(request)
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise self._no_answer(error) from None
            else:
                pause = _told_to_wait(answer) or pause
                if answer.status_code == BEING_DONE and "retry-after" in answer.headers and waited < LONGEST_WORK_S:
                    waited += pause  # an answer to this very request, which we stopped waiting for
                    attempt -= 1
                elif answer.status_code not in RETRIED or attempt == self._attempts:
                    return self._good(answer)
            self._pause(pause)
            attempt += 1

    def _no_answer(self, error: httpx.TransportError) -> ServerError:
        said = str(error) or type(error).__name__
        return ServerError(f"{self.url} does not answer: {said}", status=0, kind="NoAnswer")

    def _good(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            error = answer.json()["error"]
            message, kind = str(error["message"]), str(error["kind"])
        except (ValueError, KeyError, TypeError):
            message, kind = f"it answers {answer.status_code}; is it a server of Arena?", "Unreadable"
        raise ServerError(f"{self.url}: {message}", status=answer.status_code, kind=kind)


def _told_to_wait(answer: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 where it does not say."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), LONGEST_PAUSE_S) if said.isdecimal() else 0.0
