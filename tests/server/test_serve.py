"""`arena serve` as a process of its own: its settings, its log, its counts, its first admin, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from command_line import said
from visitors import PASSWORD, bearer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from arena import accounts
from arena.accounts import Scope
from arena.jobs import job
from arena.ledger import Ledger
from arena.server.host_names import may_ask, names_of
from arena.server.logs import logs
from arena.server.settings import ServerSettings
from arena.solve_job import ask_solve

PROGRAM = "from arena.cli import main; main()"
SECRET = "arena_0123456789ab_secret"


@contextmanager
def process(path, *options, config):
    """A server of this ledger: (its address, the process, the lines of its terminal so far)."""
    settings = path.with_name("server.toml")
    settings.write_text(config)
    reader, terminal = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "serve", "--db", str(path), "--config", str(settings), *options]
    with path.with_name("log").open("wb") as log:
        server = subprocess.Popen(command, stdout=terminal, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    os.close(terminal)
    screen = os.fdopen(reader, encoding="utf-8", newline="\n")
    try:
        first = screen.readline()
        assert first.startswith("Arena at "), path.with_name("log").read_text()
        yield first.split()[2], server, screen
    finally:
        server.kill()
        server.wait()
        screen.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One server for all tests; the last one ends it."""
    path = tmp_path_factory.mktemp("served") / "arena.db"
    config = 'log = "json"\naccess_log = true\nworkers = 1\nbody_bytes = 1000\nport = 1\n'
    with Ledger.open(path) as ledger, process(path, "--port", "0", config=config) as (url, server, screen):
        yield url, ledger, server, screen


def lines_of(ledger, number):
    """The lines of the log that have a request's number; its own comes once it is answered."""
    log = Path(ledger.url_for_people).with_name("log")
    later = threading.Event()
    while not (lines := [line for line in log.read_text().splitlines() if number in line]):
        later.wait(0.02)
    return lines


def test_the_first_admin_is_made_by_a_link_that_only_the_terminal_shows(served):
    url, ledger, _, screen = served
    [link] = re.findall(r"http\S+/sign-up\?invitation=\S+", screen.readline())
    assert link.startswith(url)
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(link).status_code == 200
        form = {"invitation": link.partition("=")[2], "name": "first", "password": PASSWORD}
        page = browser.post(f"{url}/sign-up", data=form)
        assert page.status_code == 200
        assert browser.get(f"{url}/admin").status_code == 200
    assert accounts.account(ledger, "first").scope is Scope.ADMIN
    assert httpx.post(f"{url}/sign-up", data={**form, "name": "second"}).status_code == 403


def test_each_request_is_a_line_of_json_with_its_number_and_without_its_query(served):
    url, ledger, _, _ = served
    answer = httpx.get(f"{url}/sign-up?invitation={SECRET}", headers={"Authorization": "Basic " + SECRET})
    [said] = lines_of(ledger, answer.headers["x-request-id"])
    assert SECRET not in said
    line = json.loads(said)
    assert (line["method"], line["path"], line["status"], line["address"]) == ("GET", "/sign-up", 403, "127.0.0.1")
    assert line["level"] == "info"


@pytest.mark.parametrize("path", ["/a%0d%0aFORGED: line", "/%1b[31mred", "/\u202egnp"])
def test_a_path_cannot_forge_a_line_of_the_log(served, path):
    url, ledger, _, _ = served
    number = httpx.get(url + path).headers["x-request-id"]
    [said] = lines_of(ledger, number)
    line = json.loads(said)
    assert line["request_id"] == number
    assert line["path"].isascii()
    assert line["path"].isprintable()


def test_metrics_count_by_route_and_look_into_the_ledger(served):
    url, _, _, _ = served
    for name in ("one", "two"):
        httpx.get(f"{url}/agents/{name}")
    httpx.request("INVENTED", f"{url}/nowhere/{name}")
    text = httpx.get(f"{url}/metrics").text
    assert 'arena_requests_total{method="GET",route="/agents/{reference:path}",status="404"} 2.0' in text
    assert re.search(r'arena_requests_total\{method="other",route="none",status="4\d\d"\} 1.0', text)
    assert 'arena_request_seconds_bucket{le="+Inf",route="/agents/{reference:path}"} 2.0' in text
    for known in ("arena_matches 0.0", "arena_questions_waiting 0.0", "arena_streams_open 0.0"):
        assert known in text
    assert "INVENTED" not in text


def test_metrics_are_not_for_those_whom_a_proxy_of_this_machine_lets_through(served):
    url, ledger, _, _ = served
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert httpx.get(f"{url}/metrics", headers=forwarded).status_code == 403
    assert httpx.get(f"{url}/metrics", headers=forwarded | bearer(ledger, Scope.RUN)).status_code == 403
    assert httpx.get(f"{url}/metrics", headers=forwarded | bearer(ledger, Scope.ADMIN)).status_code == 200


def test_a_body_without_a_length_is_refused_while_it_comes(served):
    url, _, _, _ = served
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")  # and no end
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_name_that_somebody_else_leads_here_is_refused(served):
    url, _, _, _ = served
    foreign = {"Host": "evil.example:80"}
    for path in ("/", "/api/v1/games", "/static/arena.css"):
        refused = httpx.get(url + path, headers=foreign)
        assert (refused.status_code, "`public_url` or `hosts`" in refused.text) == (421, True), path
    assert httpx.get(url + "/api/v1/games", headers=foreign).json()["error"]["kind"] == "MisdirectedRequest"
    assert httpx.get(url + "/healthz", headers=foreign).status_code == 200
    with pytest.raises(InvalidStatus), connect(url.replace("http", "ws") + "/api/v1/seats", additional_headers=foreign):
        pass


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8000", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("192.0.2.7:8000", True),
        ("arena.example.org", True),
        ("lab.example", True),
        ("evil.example", False),
        ("arena.example.org.evil.example", False),
        ("localhost.evil.example", False),
        ("2130706433", False),
        ("127.1", False),
        ("", True),
    ],
)
def test_by_which_names_a_server_may_be_asked(host, known):
    settings = ServerSettings(public_url="https://arena.example.org:8443", hosts=("lab.example",))
    assert may_ask(host, names_of(settings)) == known
    assert may_ask(host, {"*"})


def test_a_header_that_holds_another_is_no_header(served):
    url, _, _, _ = served
    answer = httpx.get(f"{url}/sign-in?next=/%0d%0aSet-Cookie:%20a=b&theme=dark", follow_redirects=False)
    assert "a=b" not in str(answer.headers)
    assert answer.status_code in (200, 303)


@pytest.mark.parametrize(
    ("options", "config", "environment", "sentence"),
    [
        ([], "prot = 1\n", {}, "server.toml, line 1: unknown key 'prot'; did you mean 'port'?"),
        ([], "port = 70000\n", {}, "server.toml, line 1: port: input should be less than or equal to 65535; got 70000"),
        (["--executor", "cloud"], "", {}, "--executor: executor: string should match"),
        ([], "", {"ARENA_SERVE_SIGNUP": "open"}, "ARENA_SERVE_SIGNUP: unknown key 'signup'; did you mean 'sign_up'?"),
        ([], "", {"ARENA_SERVE_SIGN_UP": "sometimes"}, "ARENA_SERVE_SIGN_UP: sign_up: input should be"),
        ([], 'trusted_proxies = ["10.0.0.1/8"]\n', {}, "has host bits set"),
    ],
)
def test_a_wrong_setting_is_told_by_its_place(tmp_path, monkeypatch, capsys, options, config, environment, sentence):
    (tmp_path / "server.toml").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = said(monkeypatch, capsys, "serve", "--config", str(tmp_path / "server.toml"), *options)
    assert result.code == 2
    assert sentence in result.err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_in_the_log_tells_no_values(form, capsys):
    def broken(password):
        raise RuntimeError("it broke")

    with logs(form):
        try:
            broken(PASSWORD)
        except RuntimeError:
            logging.getLogger("arena.server").exception("a request failed")
    told = capsys.readouterr().err
    assert "it broke" in told
    assert "broken" in told
    assert PASSWORD not in told


# The end


def test_a_server_that_is_told_to_end_ends_its_streams_and_hands_its_jobs_back(served, begin):
    url, ledger, server, _ = served
    asked = ask_solve(ledger, "cfr", "openspiel:leduc_poker", settings={"iterations": 10**7})
    tournament, _ = begin(ledger, matches=40)
    waiting = threading.Event()
    while job(ledger, asked.key).status == "waiting":
        waiting.wait(0.1)
    assert job(ledger, asked.key).status == "running", job(ledger, asked.key).error
    with httpx.stream("GET", f"{url}/tournaments/{tournament.key}/events", timeout=60) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        assert "arena_streams_open 1.0" in httpx.get(f"{url}/metrics").text
        with connect(f"ws{url.removeprefix('http')}/api/v1/seats") as socket:
            assert "arena_streams_open 2.0" in httpx.get(f"{url}/metrics").text
            server.send_signal(signal.SIGTERM)
            list(lines)  # ends, and not by an error
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=60)
    assert server.wait(60) == 0
    ended = job(ledger, asked.key)
    assert ended.status == "waiting", ended.error
