"""How often somebody may ask: token buckets, one for each client, in this process."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from arena.attempts import drawn

CLIENTS = 10_000  # whose buckets are kept; that of who has been silent longest is full anyway


class Buckets:
    """A bucket for each client: ``per_minute`` requests in a moment, filled again evenly within a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self._size = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was so
        self._lock = threading.Lock()

    def wait_s(self, client: str) -> float:
        """Takes one from a client's bucket and returns 0; from an empty one nothing, and how long to wait for the next."""
        with self._lock:
            now = self._clock()
            left, at = self._left.pop(client, (self._size, now))
            left, wait = drawn(left, now - at, most=self._size, within_s=60)
            self._left[client] = (left, now)
            if len(self._left) > CLIENTS:
                self._left.popitem(last=False)
        return wait


def client_of(address: str) -> str:
    """Who is counted as one: an IPv4 address, or the 64 bits of an IPv6 network, in which one machine has all addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def is_loopback(address: str) -> bool:
    """Whether a client is a program of this machine."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return ip.is_loopback or (
        isinstance(ip, ipaddress.IPv6Address) and bool(ip.ipv4_mapped and ip.ipv4_mapped.is_loopback)
    )
