"""Which addresses a server asks for others: names that lie, change, or hide one address in another."""

from __future__ import annotations

import ipaddress
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from arena.agents import load_agent, reach
from arena.agents.bounded_http import BoundedClients
from arena.games import AgentCrashed, ProtocolError, SpecificationError, load_game

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff0e::1", "2001:db8::1",
    "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "100::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2001:0:a00:1::1", "::127.0.0.1", "::10.0.0.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.fixture
def bounded():
    """This process as a server's."""
    with reach.only_public():
        yield


@pytest.fixture(scope="module")
def local():
    """A server of this machine, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(307 if self.path == "/redirect" else 200)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def resolving(*answers):
    """A resolver that gives one answer after the other."""
    left = iter(answers)

    def resolve(_host, _port):
        return next(left)

    return resolve


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_not_asked(text):
    assert not reach.is_reachable(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_asked(text):
    assert reach.is_reachable(ipaddress.ip_address(text))


def test_an_allowed_network_opens_itself_alone_and_not_in_disguise():
    allowed = [ipaddress.ip_network("10.0.0.0/8")]
    assert reach.is_reachable(ipaddress.ip_address("10.1.2.3"), allowed)
    assert reach.is_reachable(ipaddress.ip_address("::ffff:10.1.2.3"), allowed)
    assert not reach.is_reachable(ipaddress.ip_address("127.0.0.1"), allowed)
    six = [ipaddress.ip_network("64:ff9b::/96")]
    assert not reach.is_reachable(ipaddress.ip_address("64:ff9b::7f00:1"), six)


def test_the_connection_goes_to_the_address_that_was_judged(bounded):
    at = reach.pinned("https://bot.example:8443/act?x=1", resolver=resolving(["10.0.0.1", "8.8.8.8"]))
    assert at.url == "https://8.8.8.8:8443/act?x=1"
    assert at.headers == {"Host": "bot.example:8443"}
    assert at.extensions == {"sni_hostname": "bot.example"}  # whose certificate is asked for
    six = reach.pinned("http://bot.example/", resolver=resolving(["2606:4700:4700::1111"]))
    assert six.url == "http://[2606:4700:4700::1111]/"


def test_a_name_that_means_another_address_the_second_time_is_judged_again(bounded):
    changing = resolving(["8.8.8.8"], ["127.0.0.1"])
    assert reach.pinned("http://rebinding.example/", resolver=changing).url == "http://8.8.8.8/"
    with pytest.raises(httpx.ConnectError, match="no public address"):
        reach.pinned("http://rebinding.example/", resolver=changing)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::1]",
        "[::ffff:7f00:1]",
        "0",
    ],
)
def test_this_machine_is_not_asked_however_its_name_is_written(bounded, local, host):
    url, asked = local
    before = len(asked)
    clients = BoundedClients(headers={}, trust_env=True)
    with (
        clients.one() as client,
        pytest.raises(httpx.HTTPError),
        client.stream("POST", url.replace("127.0.0.1", host), seconds=5, connect_s=5),
    ):
        pass
    clients.close()
    assert len(asked) == before


def test_an_agent_of_this_machine_is_refused_in_a_sentence(bounded, local):
    agent = load_agent(f"{local[0]}/bot", game=load_game("matrix:rps"))
    with pytest.raises(AgentCrashed, match=r"no public address.*reachable_networks"):
        agent.require_started()
    agent.close()


def test_an_allowed_network_is_asked_by_its_name_and_leads_nowhere_else(local):
    url, asked = local
    agent = load_agent(f"{url.replace('127.0.0.1', 'localhost')}/redirect", game=load_game("matrix:rps"))
    with reach.only_public(["127.0.0.0/8"]), pytest.raises(ProtocolError, match=r"it sent us to 'http://169\.254"):
        agent.require_started()
    agent.close()
    assert asked[-1] == ("/redirect", url.replace("127.0.0.1", "localhost").removeprefix("http://"))


def test_a_proxy_of_the_environment_does_not_ask_in_our_place(bounded, local, monkeypatch):
    url, asked = local
    before = len(asked)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, url)
    clients = BoundedClients(headers={}, trust_env=True)
    with (
        clients.one() as client,
        pytest.raises(httpx.HTTPError),
        client.stream("POST", "http://192.168.7.7/", seconds=2, connect_s=1),
    ):
        pass
    clients.close()
    assert len(asked) == before


def test_everything_is_asked_where_nothing_is_said(local):
    assert not reach.is_bounded()
    clients = BoundedClients(headers={}, trust_env=False)
    with clients.one() as client, client.stream("POST", local[0] + "/", seconds=5, connect_s=5) as answer:
        assert answer.status_code == 200
    clients.close()


def test_networks_that_cannot_be_read_are_told_at_the_start(monkeypatch):
    monkeypatch.setenv(reach.VARIABLE, "10.0.0.0/8, 192.168.0.0/16")
    with reach.only_public():
        assert reach.pinned("http://192.168.1.1/").url == "http://192.168.1.1/"
    monkeypatch.setenv(reach.VARIABLE, "10.0.0.1/8")
    with pytest.raises(SpecificationError, match="lists networks, such as"), reach.only_public():
        pass
    assert os.environ[reach.VARIABLE] == "10.0.0.1/8"
