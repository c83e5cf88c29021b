"""Servers as agents: the same messages by POST, and every failure of a server becomes the right fault."""

import http.server
import json
import queue
import socket
import threading
import time

import numpy as np
import pytest

from arena.agents.clients.arena_agent import make_answer
from arena.agents.http import HttpAgent, load, load_https
from arena.agents.process import Limits
from arena.games import (
    AgentCrashed,
    AgentTimeout,
    ListedLegal,
    ObservationBatch,
    OutputFlood,
    ProtocolError,
    SpecificationError,
    load_game,
)
from arena.match import play_matches
from arena.results import MatchSpecs
from tests.dribbling_server import dribbling

LIMITS = Limits(start_s=10, grace_s=0.2, line_bytes=1 << 16)
PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def game():
    return load_game("openspiel:tic_tac_toe")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Server:
    """A server whose answer to `act` is a function from (handler, message); the others are answered well."""

    def __init__(self, act=None, hello=None, matches=1):
        self.heard = []
        plain = make_answer(lambda observation: observation["legal_actions"][0], name="server", matches=matches)
        special = {"act": act, "hello": hello}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.heard.append(message)
                answer = special.get(message["type"])
                if answer is not None:
                    answer(self, message)
                else:
                    self.say(json.dumps(plain(message)).encode())

            def say(self, body, status=200, **headers):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that waits no longer
        self.url = f"http://127.0.0.1:{self.server.server_port}/play"
        self.released = threading.Event()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def types(self):
        return [message["type"] for message in self.heard]


@pytest.fixture
def make_server():
    servers = []

    def make(**answers):
        servers.append(Server(**answers))
        return servers[-1]

    yield make
    for server in servers:
        server.released.set()
        server.server.shutdown()
        server.server.server_close()


@pytest.fixture
def make_agent(game):
    agents = []

    def make(url):
        agents.append(HttpAgent(url, game=game.info, name="bot", limits=LIMITS))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()


def start(agent, tables=(0,)):
    table = np.array(tables)
    agent.start(table, np.zeros_like(table), table.astype(np.uint64) + np.uint64(100))


def batch_of(game, tables=(0,), limit_s=None):
    table = np.array(tables)
    board = game.tables(max(tables) + 1)
    board.start(table, table.astype(np.uint64))
    legal = ListedLegal([list(range(number, 9)) for number in tables])
    limits = None if limit_s is None else np.full(len(tables), limit_s)
    zeros = np.zeros_like(table)
    return ObservationBatch(table, zeros, legal, table.astype(np.uint64) + np.uint64(100), zeros, board, limits)


def ask(agent, batch):
    inbox = queue.SimpleQueue()
    agent.send(7, batch, inbox)
    ticket, answer, _ = inbox.get(timeout=PATIENCE_S)
    assert ticket == 7
    return answer


def test_a_server_that_says_hello_is_started_once(make_server, make_agent):
    server = make_server()
    agent = make_agent(server.url)
    agent.require_started()
    agent.require_started()
    assert server.types() == ["hello"]


def test_a_server_that_is_not_there_is_refused(make_agent):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/play"
    with pytest.raises(AgentCrashed, match=r"Connection refused.*start the server before the match"):
        make_agent(url).require_started()


def test_a_server_without_a_hello_is_refused(make_server, make_agent):
    server = make_server(hello=lambda handler, _: handler.say(b"welcome"))
    with pytest.raises(ProtocolError, match=r"bot broke the protocol: .*'welcome'.*mend the URL"):
        make_agent(server.url).require_started()


def test_a_server_plays_by_post(make_server, make_agent, game):
    server = make_server()
    agent = make_agent(server.url)
    assert agent.info.tables_at_once == 1
    assert agent.hello.name == "server"
    start(agent)
    assert ask(agent, batch_of(game, limit_s=5.0)).tolist() == [0]
    agent.end(np.array([0]), np.array([0]), np.array([1.0]))
    agent.close()
    assert server.types() == ["hello", "start", "act", "end"]
    assert server.heard[2]["limit_s"] == 5.0
    assert server.heard[2]["observation"]["match"] == server.heard[1]["match"] == server.heard[3]["match"]
    assert server.heard[3]["returns"] == 1.0


def test_questions_are_out_together_and_answers_keep_their_rows(make_server, make_agent, game):
    barrier = threading.Barrier(4)  # no question is answered before all have come

    def act(handler, message):
        barrier.wait(timeout=PATIENCE_S)
        time.sleep(0.01 * message["observation"]["legal_actions"][-1] / 8)
        action = message["observation"]["legal_actions"][0]
        handler.say(json.dumps({"type": "action", "request": message["request"], "action": action}).encode())

    server = make_server(act=act, matches=4)
    agent = make_agent(server.url)
    assert agent.info.tables_at_once == 4
    start(agent, range(4))
    assert ask(agent, batch_of(game, range(4))).tolist() == [0, 1, 2, 3]


def test_whole_matches_are_played_through_the_engine(make_server, make_agent, game):
    server = make_server(matches=4)
    agent, other = make_agent(server.url), make_agent(server.url)
    index = np.arange(6)
    specs = MatchSpecs(
        index=index,
        seats=np.tile([0, 1], (6, 1)),
        seed=index.astype(np.uint64),
        chance_seed=index.astype(np.uint64),
    )
    results = play_matches(game.tables(6), [agent, other], specs)
    assert results.faults == ()
    assert results.returns[:, 0].tolist() == [1.0] * 6  # both take the first free square


@pytest.mark.parametrize(
    ("body", "status", "headers", "fault", "says"),
    [
        (b"hello", 200, {}, ProtocolError, "not a line of JSON"),
        (b"null", 200, {}, ProtocolError, 'a JSON object with a "type"'),
        (b'{"type":"action","request":99,"action":1}', 200, {}, ProtocolError, "answered request 99; asked was 1"),
        (b'{"type":"action","request":1,"action":"1"}', 200, {}, ProtocolError, 'whole number; it said "1"'),
        (b"", 302, {"Location": "http://elsewhere.invalid/"}, ProtocolError, "http://elsewhere.invalid/"),
        (b"the model is gone", 500, {}, AgentCrashed, "answered 500 Internal Server Error"),
        (b"", 404, {}, AgentCrashed, "answered 404 Not Found"),
        (b"x" * (1 << 17), 200, {}, OutputFlood, "answered over 65,536 bytes"),
    ],
)
def test_each_failure_is_named(make_server, make_agent, game, body, status, headers, fault, says):
    server = make_server(act=lambda handler, _: handler.say(body, status, **headers))
    agent = make_agent(server.url)
    start(agent)
    answer = ask(agent, batch_of(game))
    assert type(answer) is fault
    assert says in str(answer)
    assert (answer.log == "the model is gone") == (status == 500)


def test_a_connection_that_breaks_is_a_crash(make_server, make_agent, game):
    server = make_server(act=lambda handler, _: handler.connection.shutdown(socket.SHUT_RDWR))
    agent = make_agent(server.url)
    start(agent)
    assert type(ask(agent, batch_of(game))) is AgentCrashed


def test_a_server_that_is_not_there_is_a_crash_soon(make_server, make_agent, game):
    server = make_server()
    server.server.shutdown()
    server.server.server_close()
    agent = make_agent(server.url)
    assert agent.info.tables_at_once == 1
    for _ in range(5):
        start(agent)
        answer = ask(agent, batch_of(game))
        assert type(answer) is AgentCrashed
        assert "asked for its hello" in str(answer)


def test_a_wrong_hello_is_a_protocol_error(make_server, make_agent, game):
    server = make_server(hello=lambda handler, _: handler.say(b'{"type":"hello","matches":0}'))
    agent = make_agent(server.url)
    start(agent)
    answer = ask(agent, batch_of(game))
    assert type(answer) is ProtocolError
    assert '"matches" must be a whole number' in str(answer)


def test_an_overdue_question_is_given_up_at_once(make_server, make_agent, game):
    server = make_server(act=lambda *_: server.released.wait(PATIENCE_S))
    agent = make_agent(server.url)
    start(agent)
    inbox = queue.SimpleQueue()
    agent.send(3, batch_of(game, limit_s=0.05), inbox)
    agent.timed_out(3)
    ticket, answer, _ = inbox.get(timeout=PATIENCE_S)
    assert ticket == 3
    assert type(answer) is AgentTimeout
    assert "within 0.05 s" in str(answer)


def test_a_server_that_drips_is_given_up_after_the_limit_and_a_grace(make_server, make_agent, game):
    def act(handler, message):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not server.released.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    server = make_server(act=act)
    agent = make_agent(server.url)
    start(agent)
    began = time.monotonic()
    assert type(ask(agent, batch_of(game, limit_s=0.1))) is AgentTimeout
    assert time.monotonic() - began < 5


def test_a_hello_whose_headers_trickle_in_does_not_hold_up_the_start(game):
    limits = Limits(start_s=0.2, grace_s=0.05)
    with dribbling(b"HTTP/1.1 200 OK\r\nX: ", b"x") as server:
        agent = HttpAgent(server.url, game=game.info, name="bot", limits=limits)
        with pytest.raises(AgentCrashed, match=r"did not answer within 0.2 s"):
            agent.require_started()  # it would go on for 4 s, and then be a broken connection
        agent.close()


def test_a_server_has_all_the_time_where_there_is_no_clock(make_server, make_agent, game):
    server = make_server()
    agent = make_agent(server.url)
    start(agent)
    assert ask(agent, batch_of(game)).tolist() == [0]


def test_a_url_is_read_from_its_specification(game):
    assert load("//localhost:8000/play", game=game, name="bot").url == "http://localhost:8000/play"
    assert load("https://example.org", game=game, name="bot").url == "https://example.org"
    assert load_https("//example.org", game=game, name="bot").url == "https://example.org"
    for wrong in ("", "localhost:8000", "//", "ftp://example.org", "http://exa mple:port"):
        with pytest.raises(SpecificationError):
            load(wrong, game=game, name="bot")
