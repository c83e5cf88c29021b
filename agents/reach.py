"""Which addresses this process may ask over HTTP: all, or, where it works for people at a distance, public ones alone.

A server that asks whatever URL somebody names can be made to ask what only it can reach: other services of its machine, the
network behind it, a cloud's metadata. So a name is resolved here, each address is judged, and the connection is made to the
judged address itself: the name cannot mean another one a moment later.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from arena.games.errors import SpecificationError

VARIABLE = "ARENA_REACHABLE"
"""In the environment, so that worker processes have it too. Unset: everything; else public addresses, and these networks."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

NEVER_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # a cloud's own services, at a public address
        "192.0.0.0/24",  # likewise, and protocol assignments
        "192.88.99.0/24",  # relays into the network behind
        "fec0::/10",  # site-local, as networks of old still have it
    )
)
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # IPv6 addresses that mean IPv4 addresses
COMPATIBLE = ipaddress.IPv6Network("::/96")
GLOBAL_UNICAST = ipaddress.IPv6Network(
    "2000::/3"
)  # all that is given out; what lies outside has local meanings, old and new


@dataclass(frozen=True, slots=True)
class Pinned:
    """A request to an address instead of a name: the URL with the address, and what keeps the name for headers and TLS."""

    url: str
    headers: dict[str, str]
    extensions: dict[str, object]


@contextmanager
def only_public(networks: Sequence[str] | None = None) -> Iterator[None]:
    """Within, this process and those that it starts ask public addresses alone, and these networks.

    Args:
        networks: None: those that the environment names.

    Raises:
        SpecificationError: they are none.
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = ",".join(networks) if networks is not None else before or ""
    try:
        _allowed()  # what cannot be read is said now, and not when somebody is to be asked
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def is_bounded() -> bool:
    """Whether there are addresses that this process may not ask."""
    return VARIABLE in os.environ


def pinned(url: str, *, resolver: Resolver | None = None) -> Pinned:
    """The request for a URL, led to an address that may be asked.

    Raises:
        httpx.ConnectError: the name is unknown, or none of its addresses may be asked.
    """
    parsed = httpx.URL(url)
    allowed = _allowed()
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        found = [ipaddress.ip_address(text) for text in (resolver or _resolved)(parsed.host, port)]
    except (OSError, ValueError) as error:
        raise httpx.ConnectError(f"{parsed.host} cannot be found: {error}") from None
    for address in found:
        if is_reachable(address, allowed):
            return Pinned(
                str(parsed.copy_with(host=str(address))),
                {"Host": parsed.netloc.decode("ascii")},
                {"sni_hostname": parsed.host},
            )
    raise httpx.ConnectError(
        f"{parsed.host} is at no public address; whoever runs the server allows others by its setting reachable_networks, "
        f"such as 127.0.0.0/8, or by {VARIABLE} of a worker"
    )


def is_reachable(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or in an allowed network. Of one that carries another, that one is judged too."""
    return all(_is_reachable(one, allowed) for one in (address, *_carried(address)))


def _allowed() -> list[Network]:
    """The networks that the environment names."""
    named = [part.strip() for part in os.environ.get(VARIABLE, "").split(",") if part.strip()]
    try:
        return [ipaddress.ip_network(part) for part in named]
    except ValueError as error:
        raise SpecificationError(f"{VARIABLE} lists networks, such as 10.0.0.0/8,127.0.0.1: {error}") from None


def _is_reachable(address: Address, allowed: Sequence[Network]) -> bool:
    if any(address in network for network in allowed):
        return True
    carries = bool(_carried(address))  # as an address it is not global, or is so whatever it carries
    given_out = isinstance(address, ipaddress.IPv4Address) or address in GLOBAL_UNICAST
    public = carries or (address.is_global and not address.is_multicast and given_out)
    return public and not any(address in network for network in NEVER_PUBLIC)


def _carried(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for on its way."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address in TRANSLATED or (address in COMPATIBLE and int(address) > 1):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def _resolved(host: str, port: int) -> list[str]:
    """All addresses of a name, as this machine would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in found]
