"""HTTP clients whose connections are cut at a stated time: headers that trickle in byte by byte do not outlast it.

The timeouts of httpx are for each read alone, and every byte begins another one.
"""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ssl import SSLContext

import httpx

from arena.agents import reach


class BoundedClient:
    """Asks one request at a time, and keeps the connection for the next.

    Args:
        headers: of every request.
        verify: for https.
        trust_env: whether proxies named in the environment are used; never where addresses are judged, which a proxy would hide.
    """

    def __init__(self, *, headers: Mapping[str, str], verify: SSLContext, trust_env: bool):
        self._client = httpx.Client(
            headers=headers,
            verify=verify,
            trust_env=trust_env and not reach.is_bounded(),
            follow_redirects=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )
        self._socket: socket.socket | None = None
        self._late = False

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        connect_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Iterator[httpx.Response]:
        """The answer, whose headers and body are read within so many seconds in all, and the connection made in ``connect_s``.

        ``seconds`` may be infinite.

        Raises:
            httpx.ReadTimeout: it was not there in time.
            httpx.ConnectError: this process may not ask that address, see `arena.agents.reach`.
            httpx.HTTPError: anything else that went wrong.
        """
        self._late = False
        at = reach.pinned(url) if reach.is_bounded() else reach.Pinned(url, {}, {})
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._cut)
        timer.daemon = True
        timer.start()
        try:
            with self._client.stream(
                method,
                at.url,
                content=content,
                headers={**(headers or {}), **at.headers},
                timeout=httpx.Timeout(None if math.isinf(seconds) else seconds, connect=min(connect_s, seconds)),
                extensions={"trace": self._follow, **at.extensions},
            ) as response:
                yield response
            if self._late:  # a body without a stated length seems to be whole where it is cut
                raise httpx.ReadTimeout("the time is over")
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError:
            if self._late:
                raise httpx.ReadTimeout("the time is over") from None
            raise
        finally:
            timer.cancel()
            timer.join()  # one that is just cutting would cut the next request

    def close(self) -> None:
        self._client.close()

    def _follow(self, event: str, info: Mapping[str, object]) -> None:
        """Keeps the socket of a connection as it is made; TLS wraps it into another one."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info.get("return_value")
            found = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
            self._socket = found if isinstance(found, socket.socket) else None
            if self._late:
                self._cut()

    def _cut(self) -> None:
        self._late = True
        if (open_ := self._socket) is not None:
            with suppress(OSError):  # closed meanwhile
                # not the method of an SSLSocket, which takes the cipher away from a read that is under way
                socket.socket.shutdown(open_, socket.SHUT_RDWR)


class BoundedClients:
    """Bounded clients for questions asked at once: as many as were ever needed, each with its connection.

    Args: as of `BoundedClient`.
    """

    def __init__(self, *, headers: Mapping[str, str], trust_env: bool):
        self._headers, self._trust_env = headers, trust_env
        self._verify = httpx.create_ssl_context()
        self._lock = threading.Lock()
        self._free: list[BoundedClient] = []
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[BoundedClient]:
        """A client that nobody else uses meanwhile."""
        with self._lock:
            client = self._free.pop() if self._free else None
        if client is None:
            client = BoundedClient(headers=self._headers, verify=self._verify, trust_env=self._trust_env)
        try:
            yield client
        finally:
            with self._lock:
                if self._closed:
                    client.close()
                else:
                    self._free.append(client)

    def close(self) -> None:
        """Closes the connections that nobody uses; what is out may still come, and then closes its own."""
        with self._lock:
            self._closed = True
            while self._free:
                self._free.pop().close()
