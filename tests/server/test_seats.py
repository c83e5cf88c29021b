"""Agents elsewhere: bots join a real server over WebSockets, play, break off and come back; hostile ones hurt themselves alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import command_line
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from arena.accounts import Scope, add_account
from arena.agents.remote import SeatTaken
from arena.config import make_config
from arena.credentials import end, issue
from arena.games import SpecificationError, load_game
from arena.join import Joining, JoinRefused, join, seats_address
from arena.ledger import Ledger
from arena.ledger_rows import Played
from arena.presence import HERE_S, stay
from arena.questions import LedgerMailbox
from arena.results import Termination
from arena.tournament import run_tournament
from tests.server.conftest import Site, serving, wait_for

KUHN, NOUGHTS = "openspiel:kuhn_poker", "openspiel:tic_tac_toe"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Ledger.open(tmp_path_factory.mktemp("seats") / "arena.db") as ledger, serving(ledger) as site:
        yield site


@pytest.fixture(scope="module")
def token(served: Site) -> Callable[..., str]:
    """A token of an account, made when it is first named."""
    accounts = {}

    def make(name: str = "ann", scope: Scope = Scope.PLAY) -> str:
        if name not in accounts:
            accounts[name] = add_account(served.ledger, name, PASSWORD, Scope.SUBMIT)
        return issue(served.ledger, "token", accounts[name], scope=scope).text

    return make


def hello(**changed: object) -> dict[str, object]:
    return {"type": "hello", "protocol": 1, "game": KUHN, "name": "bot", "wants": ["text"], "matches": 8} | changed


class Bot:
    """A client by hand: what it heard, by kind."""

    def __init__(self, site: Site, **said: object):
        self._opened = ExitStack()
        self.connection: ClientConnection = self._opened.enter_context(connect(seats_address(site.url)))
        self.say(hello(**said))
        self.heard: list[dict] = []

    def say(self, message: object) -> None:
        self.connection.send(message if isinstance(message, str) else json.dumps(message))

    def hear(self, kind: str, *, seconds: float = 10) -> dict:
        """The next message of this kind."""
        until = time.monotonic() + seconds
        while True:
            message = json.loads(self.connection.recv(timeout=max(0.0, until - time.monotonic())))
            self.heard.append(message)
            if message["type"] == kind:
                return message
            assert "fatal" not in message, message

    def close(self) -> None:
        self._opened.close()


def config(agents: list[str], *, game: str = KUHN, matches: int = 2, move_s: float = 5, **more: object):
    values = {"name": "cup", "game": game, "agents": agents, "matches": matches, "move_clock_s": move_s}
    return make_config(values | more)


@contextmanager
def playing(site: Site, *arguments: object, **settings: object) -> Iterator[Callable[[], Played]]:
    """A tournament that runs beside the test; the function waits for its matches."""
    found: list[Played] = []

    def run() -> None:
        found.append(site.ledger.played(run_tournament(config(*arguments, **settings), site.ledger)))  # type: ignore[arg-type]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def results() -> Played:
        thread.join(20)
        return found[0]

    yield results
    thread.join(20)


@contextmanager
def joined(site: Site, specification: str, **settings: object) -> Iterator[list[str]]:
    """`arena join` on a thread: what it says."""
    said: list[str] = []
    over = threading.Event()
    joining = Joining(url=site.url, specification=specification, **settings)  # type: ignore[arg-type]
    thread = threading.Thread(
        target=join, args=(joining,), kwargs={"say": said.append, "stop": over, "first_pause_s": 0.05}
    )
    thread.start()
    try:
        wait_for(lambda: any("connected as" in line for line in said))
        yield said
    finally:
        over.set()
        thread.join(10)


def finish(bot: Bot, *, ends: int) -> None:
    """Plays the first legal action until so many matches have ended."""
    while ends:
        message = json.loads(bot.connection.recv(timeout=10))
        bot.heard.append(message)
        if message["type"] == "act":
            action = message["observation"]["legal_actions"][0]
            bot.say({"type": "action", "request": message["request"], "action": action})
        ends -= message["type"] == "end"


@pytest.mark.parametrize("specification", ["random", "uniform", "scripted"])
def test_any_agent_of_this_machine_can_join(served, token, specification, tmp_path):
    if specification == "scripted":
        (tmp_path / "bot.py").write_text("def act(observation):\n    return observation.legal_actions[-1]\n")
        specification = f"python:{tmp_path / 'bot.py'}:act"
    name = "any-" + specification.partition(":")[0]
    with (
        joined(served, specification, token=token(), game=load_game(KUHN), name=name) as said,
        playing(served, [name, "random"], matches=6) as results,
    ):
        assert results().termination.tolist() == [Termination.NORMAL] * 6
        wait_for(lambda: sum("ends; " in line for line in said) == 6)


def test_searches_join_games_that_hide_nothing_and_are_refused_elsewhere(served, token):
    search = "mcts(simulations=20)"
    with (
        joined(served, search, token=token(), game=load_game(NOUGHTS), name="searcher"),
        playing(served, ["searcher", "random"], game=NOUGHTS) as results,
    ):
        assert results().termination.tolist() == [Termination.NORMAL] * 2
    joining = Joining(url=served.url, token=token(), game=load_game(KUHN), specification="ismcts", name="blind")
    with pytest.raises(SpecificationError, match="needs states to search from"):
        join(joining, say=print)


def test_a_bot_that_comes_back_in_time_goes_on_where_it_was(served, token):
    first = Bot(served, token=token(), name="phoenix")
    first.hear("hello")
    with playing(served, ["phoenix", "random"], game=KUHN, matches=2, move_s=20) as results:
        begun = first.hear("start")
        asked = first.hear("act")
        first.close()
        second = Bot(served, token=token(), name="phoenix")
        greeting = second.hear("hello")
        assert begun["match"] in greeting["matches"]
        again = second.hear("act")
        assert (again["request"], again["observation"]) == (asked["request"], asked["observation"])
        assert again["limit_s"] < asked["limit_s"]
        second.say({"type": "action", "request": again["request"], "action": 0})
        finish(second, ends=2)
        assert results().termination.tolist() == [Termination.NORMAL] * 2
    second.close()


def test_a_match_whose_engine_is_gone_is_broken_off(served, token, monkeypatch):
    bot = Bot(served, token=token(), name="orphan")
    label = bot.hear("hello")["agent"]
    url = served.ledger.url.render_as_string(hide_password=False)
    engine = LedgerMailbox(url, served.ledger.agent(label).id, KUHN)
    engine.take_seats([SeatTaken(match=7, player=1, move_s=None, match_s=None)])
    assert bot.hear("start")["match"] == 7
    monkeypatch.setattr("arena.questions.SILENT_S", 0.0)
    told = bot.hear("end")
    assert (told["match"], told["player"], told["returns"]) == (7, 1, None)
    bot.close()
    engine.close()


def test_it_is_told_what_it_played_in_the_matches_under_way(served, token):
    first = Bot(served, token=token(), name="historian", game=NOUGHTS)
    first.hear("hello")
    with playing(served, ["historian", "random"], game=NOUGHTS, matches=2, move_s=20) as results:
        asked = first.hear("act")
        first.say({"type": "action", "request": asked["request"], "action": asked["observation"]["legal_actions"][0]})
        match = asked["observation"]["match"]
        while (later := first.hear("act"))["observation"]["match"] != match:
            pass
        assert later["moves"][-2:][0] == asked["observation"]["legal_actions"][0]
        first.close()
        second = Bot(served, token=token(), name="historian", game=NOUGHTS)
        while (start := second.hear("start"))["match"] != match:
            pass
        assert start["history"] == [{"ply": 0, "action": asked["observation"]["legal_actions"][0]}]
        finish(second, ends=2)
        assert results().termination.tolist() == [Termination.NORMAL] * 2
    second.close()


def test_a_bot_that_stays_away_forfeits_by_its_clock(served, token):
    bot = Bot(served, token=token(), name="deserter")
    bot.hear("hello")
    with playing(served, ["deserter", "random"], matches=2, move_s=0.2) as results:
        bot.hear("act")
        bot.close()
        played = results()
    assert played.termination.tolist() == [Termination.TIMEOUT] * 2


@pytest.mark.parametrize(
    ("answer", "termination"),
    [
        ({"action": 17}, Termination.ILLEGAL_MOVE),
        ({"action": "all in"}, Termination.PROTOCOL_ERROR),
        ({"action": {"deep": [1] * 100}}, Termination.PROTOCOL_ERROR),
        ({"type": "error", "message": "I am lost"}, Termination.CRASH),
    ],
)
def test_what_a_bot_answers_wrong_loses_its_match_alone(served, token, answer, termination):
    name = f"wrong-{termination.name.lower()}"
    bot = Bot(served, token=token(), name=name)
    bot.hear("hello")
    with (
        joined(served, "random", token=token("bob"), game=load_game(KUHN), name="honest"),
        playing(served, [name, "honest"]) as results,
    ):
        for _ in range(2):
            bot.say({"type": "action", "request": bot.hear("act")["request"]} | answer)
        played = results()
    assert set(played.termination.tolist()) == {termination}
    assert [played.seats[match, seat] for match, seat in enumerate(played.forfeit.tolist())] == [0, 0]
    bot.close()


def test_answers_to_others_questions_change_nothing(served, token):
    victim, thief = (Bot(served, token=token(who), name=name) for who, name in (("ann", "victim"), ("bob", "thief")))
    victim.hear("hello")
    thief.hear("hello")
    with playing(served, ["victim", "random"]) as results:
        request = victim.hear("act")["request"]
        for action in (0, 17):
            thief.say({"type": "action", "request": request, "action": action})
            assert thief.hear("error")["message"] == f"request {request} is none of yours"
        victim.say({"type": "action", "request": request, "action": 1})
        finish(victim, ends=2)
        assert results().termination.tolist() == [Termination.NORMAL] * 2
    for bot in (victim, thief):
        bot.close()


def test_a_late_answer_and_a_second_one_are_refused(served, token):
    bot = Bot(served, token=token(), name="late")
    bot.hear("hello")
    with playing(served, ["late", "random"], move_s=0.15) as results:
        request = bot.hear("act")["request"]
        time.sleep(0.16)
        bot.say({"type": "action", "request": request, "action": 0})
        assert "came after its time" in bot.hear("error")["message"] or "no answer any more" in bot.heard[-1]["message"]
        assert Termination.TIMEOUT in results().termination.tolist()
    bot.close()


@pytest.mark.parametrize(
    "garbage",
    ["{", '"text"', "[]", '{"type": 3}', '{"type":"action"}', '{"type":"action","request":1e9}', '{"type":"act"}'],
)
def test_garbage_is_answered_and_after_twenty_times_cut(served, token, garbage):
    bot = Bot(served, token=token("carl"), name="babbler")
    bot.hear("hello")
    for _ in range(20):
        bot.say(garbage)
        assert "fatal" not in bot.hear("error")
    bot.say(garbage)
    assert bot.hear("error")["fatal"]


def test_a_flood_hurts_only_itself(served, token):
    bot = Bot(served, token=token("carl"), name="flood")
    bot.hear("hello")
    bot.say({"type": "action", "request": 1, "action": "x" * (1 << 16)})
    assert "at most 65,536 bytes" in bot.hear("error")["message"]
    huge = Bot(served, token=token("carl"), name="huge")
    huge.hear("hello")
    huge.say({"type": "action", "request": 1, "action": "x" * (1 << 20)})
    with pytest.raises(ConnectionClosed) as closed:
        huge.hear("error")
    assert closed.value.rcvd.code == 1009  # too long to be read at all
    assert served.get("/healthz").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"token": "arena_0_0"}, "this token is not known"),
        ({}, "sign in, or say your"),
        ({"protocol": 2}, "speaks protocol 2"),
        ({"type": "action"}, 'must be of type "hello"'),
        ({"token": None, "name": "../../etc"}, "an agent's name is"),
        ({"token": None, "game": "preference:/etc/passwd"}, "no game"),
        ({"token": None, "version": "a\0b"}, "must be printable"),
        ({"token": None, "name": "ann.human"}, "is a person's"),
        ({"token": None, "game": ["x"]}, "no game"),
        ({"token": None, "wants": 5}, "must be a list"),
    ],
)
def test_who_may_not_join_is_told_why(served, token, said, why):
    bot = Bot(served, **({**said, "token": token()} if "token" in said and said["token"] is None else said))
    assert why in bot.hear("error")["message"].replace("unknown game", "no game")
    with pytest.raises(ConnectionClosed):
        bot.hear("hello")


def test_reading_is_not_enough_to_play(served, token):
    bot = Bot(served, token=token("dora", Scope.READ))
    assert "asks for the scope 'play'" in bot.hear("error")["message"]


def test_somebody_elses_name_is_refused_by_the_command_too(served, token):
    Bot(served, token=token(), name="mine").hear("hello")
    joining = Joining(url=served.url, token=token("bob"), game=load_game(KUHN), specification="random", name="mine")
    with pytest.raises(JoinRefused, match="somebody else's agent"):
        join(joining, say=print)


def test_a_wrong_token_is_refused_before_anything_is_said(served):
    joining = Joining(url=served.url, token="arena_1_2", game=load_game(KUHN), specification="random", name="x")
    with pytest.raises(JoinRefused, match="is the token right"):
        join(joining, say=print)


def test_a_newer_connection_takes_over(served, token, monkeypatch):
    monkeypatch.setattr("arena.server.seat_hub.HERE_S", 0.1)
    older = Bot(served, token=token(), name="twice")
    older.hear("hello")
    newer = Bot(served, token=token(), name="twice")
    newer.hear("hello")
    assert "another connection plays as twice@1" in older.hear("error")["message"]
    newer.say({"type": "ping"})
    newer.hear("pong")
    newer.close()
    assert HERE_S > 0.1


def test_who_comes_while_others_are_looked_up_stays(served, token, monkeypatch):
    late: list[Bot] = []

    def while_another_comes(ledger: Ledger, connections: list[str]) -> set[str]:
        if not late:
            bot = Bot(served, token=token("bob"), name="late-comer")
            bot.hear("hello")
            late.append(bot)
        return stay(ledger, connections)

    monkeypatch.setattr("arena.server.seat_hub.HERE_S", 0.1)
    monkeypatch.setattr("arena.server.seat_hub.stay", while_another_comes)
    bot = Bot(served, token=token(), name="early-comer")
    bot.hear("hello")
    wait_for(lambda: late)
    late[0].say({"type": "ping"})
    late[0].hear("pong")
    for one in (bot, *late):
        one.close()


def test_who_loses_the_token_loses_the_connection(served, token, monkeypatch):
    monkeypatch.setattr("arena.server.seat_hub.HERE_S", 0.1)
    monkeypatch.setattr("arena.server.seat_hub.CHECK_S", 0.1)
    mine = token()
    bot = Bot(served, token=mine, name="revoked")
    bot.hear("hello")
    end(served.ledger, mine.split("_")[1])
    with pytest.raises(AssertionError, match="was revoked"):
        bot.hear("never")
    bot.close()


def test_foreign_pages_cannot_join_with_somebodys_cookie(served):
    with pytest.raises(InvalidStatus, match="403") as refused:
        connect(seats_address(served.url), origin=Origin("https://evil.example"))
    assert json.loads(refused.value.response.body)["error"]["kind"] == "Forbidden"


def test_one_address_cannot_hold_many_connections_that_say_nothing(served, token, monkeypatch):
    monkeypatch.setattr("arena.server.seat_hub.MOST_UNKNOWN", 1)
    address = seats_address(served.url)
    with connect(address):
        with pytest.raises(InvalidStatus, match="429") as refused:
            connect(address)
        answer = refused.value.response
        assert json.loads(answer.body)["error"]["kind"] == "TooManyRequests"
        assert answer.headers["Retry-After"] == "15"
    bots: list[Bot] = []

    def comes_in() -> bool:
        with suppress(InvalidStatus):  # until it is seen that the other one left
            bots.append(Bot(served, token=token(), name=f"known-{len(bots)}"))
            bots[-1].hear("hello")
            return True
        return False

    for _ in range(2):  # whoever is known counts no more
        wait_for(comes_in)
    for bot in bots:
        bot.close()


def test_many_matches_at_once(served, token, tmp_path: Path):
    with (
        joined(served, "uniform", token=token(), game=load_game(KUHN), name="many", matches=32),
        playing(served, ["many", "random"], matches=40, block=40) as results,
    ):
        assert results().termination.tolist() == [Termination.NORMAL] * 40


def example(language: str) -> str:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "join-from-elsewhere.md").read_text(encoding="utf-8")
    return page.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.mark.parametrize(
    ("language", "command"), [("python", [sys.executable]), ("js", ["node", "--experimental-websocket"])]
)
def test_the_documented_examples_play(served, token, tmp_path, language, command):
    bot = tmp_path / f"bot.{language}"
    bot.write_text(example(language), encoding="utf-8")
    assert 25 <= len(bot.read_text(encoding="utf-8").splitlines()) <= 40
    name = f"example-{language}"
    with subprocess.Popen(
        [*command, bot, seats_address(served.url), KUHN, name],
        env=os.environ | {"ARENA_TOKEN": token()},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"playing as {name}@1\n"
            with playing(served, [name, "random"], matches=4) as results:
                assert results().termination.tolist() == [Termination.NORMAL] * 4
            assert process.stdout.readline().startswith("a match ended with")
        finally:
            process.kill()


def arena_join(site: Site, *arguments: str, token: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from arena.cli import main; main()", "join", site.url, *arguments],
        env=os.environ | {"ARENA_TOKEN": token, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_says_what_happens_and_ends_well_when_it_is_stopped(served, token):
    with arena_join(served, "random", "--game", KUHN, "--name", "typed", token=token()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected as typed@1; waiting for matches of Kuhn Poker\n"
        with playing(served, ["typed", "random"], matches=1) as results:
            results()
        assert [process.stdout.readline()[:13] for _ in range(2)] == ["match 1 begin", "match 2 begin"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["random", "--game", KUHN, "--name", "mallory/1"], 1, "an agent's name is"),
        (["exec:/no/such/program", "--game", KUHN], 2, "there is no program"),
        (["random", "--game", "openspiel:nonsense"], 2, "nonsense"),
    ],
)
def test_the_exit_code_says_who_was_wrong(served, token, monkeypatch, capsys, arguments, code, said):
    monkeypatch.setenv("ARENA_TOKEN", token())
    ended = command_line.said(monkeypatch, capsys, "join", served.url, *arguments)
    assert (ended.code, said in ended.err) == (code, True), ended.err
