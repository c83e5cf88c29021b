"""The messages: what Arena writes, what it takes, and that the reference page shows both as they are."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from arena.agents.clients.arena_agent import make_answer
from arena.agents.observation import PARTS, Observation
from arena.agents.program import ProgramAgent
from arena.agents.protocol import (
    MAX_MATCHES,
    act_message,
    action_column,
    action_message,
    end_message,
    hello_message,
    match_numbers,
    read_action,
    read_hello,
    read_message,
    to_line,
)
from arena.games import ActionSpace, GameInfo, ProtocolError, load_game
from arena.games.seeds import counter_hash
from arena.match import Clock, play_matches
from arena.results import MatchSpecs

DISCRETE = ActionSpace(kind="discrete", size=9)
WHOLE_LISTS = ActionSpace(kind="multi_discrete", width=2)
REAL_LISTS = ActionSpace(kind="box", width=2)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "agent-protocol.md"
PROGRAMS = Path(__file__).parent / "programs"


def example_session():
    """(who, message) of each line of the page's example: who is '>' for Arena, '<' for the program."""
    block = PAGE.read_text().split("```")[1]
    return [(line[0], json.loads(line[2:])) for line in block.strip().splitlines()]


def test_the_page_shows_what_arena_writes(tmp_path):
    game = load_game("openspiel:kuhn_poker")
    command = [sys.executable, str(PROGRAMS / "misbehaving.py"), "answers", str(tmp_path)]
    first = ProgramAgent(command, game=game.info, name="first")
    first.announce_clock(move_s=2.0, match_s=None)
    second = ProgramAgent(
        [sys.executable, "-m", "arena.agents.host", "examples/first_agent.py:FirstAgent"], game=game.info, name="second"
    )
    specs = MatchSpecs(
        index=np.array([0]),
        seats=np.array([[0, 1]]),
        seed=np.array([3], np.uint64),
        chance_seed=np.array([5], np.uint64),
    )
    results = play_matches(game.tables(1), [first, second], specs, clock=Clock(move_s=2.0))
    first.close()
    second.close()
    assert results.faults == ()
    written = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    shown = [message for who, message in example_session() if who == ">"]
    assert written[0]["game"].pop("version")
    assert shown[0]["game"].pop("version")
    assert written == shown


def test_the_page_shows_what_a_program_answers():
    answer = make_answer(
        lambda observation: observation["legal_actions"][0],
        name="cautious",
        version="1.0",
        wants=["text"],
        deterministic=True,
    )
    session = example_session()
    said = []
    for who, message in session:
        if who == ">" and (reply := answer(message)) is not None:
            said.append(reply)
    assert said == [message for who, message in session if who == "<"]
    assert read_hello(said[0]).wants == ("text",)
    assert read_action(said[1], DISCRETE) == (1, 0)


def test_the_page_names_every_field():
    page = PAGE.read_text()
    info = GameInfo(specification="x", title="x", version="1", num_players=2, action_space=DISCRETE)
    hello = hello_message(info)
    fields = [*hello, *hello["game"], *PARTS, "low", "high", "whole", "legal_actions", "seed", "ply", "matches"]
    assert [field for field in fields if f"`{field}`" not in page] == []


def test_a_hello_may_leave_everything_out():
    hello = read_hello({"type": "hello"})
    assert (hello.name, hello.version, hello.wants, hello.matches) == ("", "", PARTS, 1)
    assert not hello.deterministic


def test_a_hello_keeps_what_it_says():
    hello = read_hello(
        {"type": "hello", "wants": ["tensor", "text"], "matches": MAX_MATCHES, "deterministic": True, "mood": "good"}
    )
    assert hello.wants == ("text", "tensor")
    assert hello.matches == MAX_MATCHES
    assert hello.deterministic


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "action"),
        ("protocol", 2),
        ("protocol", "1"),
        ("protocol", True),
        ("wants", "text"),
        ("wants", ["pictures"]),
        ("wants", [["text"]]),
        ("matches", 0),
        ("matches", MAX_MATCHES + 1),
        ("matches", 1.0),
        ("matches", True),
        ("deterministic", 1),
        ("name", 7),
        ("name", "x" * 201),
        ("version", None),
    ],
)
def test_a_wrong_hello_is_refused(field, value):
    with pytest.raises(ProtocolError):
        read_hello({"type": "hello", field: value})


@pytest.mark.parametrize(
    "line", ["", "4", "[]", "null", '{"type": 4}', "{}", '{"type": "action", "action": NaN}', "{" * 100_000, b"\xff"]
)
def test_what_is_no_message_is_refused(line):
    with pytest.raises(ProtocolError, match=r"^it said "):
        read_message(line)


def test_an_error_shows_no_more_than_the_beginning():
    with pytest.raises(ProtocolError) as error:
        read_message("x" * 10_000)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("space", "action", "taken"),
    [
        (DISCRETE, 4, 4),
        (DISCRETE, -5, -5),
        (DISCRETE, 2**63, -1),
        (WHOLE_LISTS, [3, 4], [3, 4]),
        (REAL_LISTS, [3, 0.5], [3.0, 0.5]),
        (REAL_LISTS, [10**400, -(10**400)], [math.inf, -math.inf]),
    ],
)
def test_an_action_of_the_right_form_is_taken(space, action, taken):
    said = read_message(json.dumps(action_message(request=12, action=action)))
    assert read_action(said, space) == (12, taken)


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (DISCRETE, [4]),
        (DISCRETE, 4.0),
        (DISCRETE, True),
        (DISCRETE, None),
        (WHOLE_LISTS, 3),
        (WHOLE_LISTS, [3]),
        (WHOLE_LISTS, [3, 4, 5]),
        (WHOLE_LISTS, [3, 4.0]),
        (WHOLE_LISTS, [3, True]),
        (REAL_LISTS, [0.5, "1"]),
        (REAL_LISTS, {"0": 1, "1": 2}),
    ],
)
def test_an_action_of_the_wrong_form_is_refused(space, action):
    with pytest.raises(ProtocolError, match="an action of this game is"):
        read_action({"type": "action", "request": 1, "action": action}, space)


@pytest.mark.parametrize("request_number", [None, "1", 1.0, True])
def test_an_action_names_its_request(request_number):
    with pytest.raises(ProtocolError, match="request"):
        read_action({"type": "action", "request": request_number, "action": 1}, DISCRETE)


def test_a_column_of_actions_has_the_shape_that_the_engine_takes():
    assert action_column([3, 4, 5], DISCRETE).tolist() == [3, 4, 5]
    assert action_column([3, 4, 5], DISCRETE).dtype == np.int64
    assert action_column([[3, 4]], WHOLE_LISTS).shape == (1, 2)
    assert action_column([[3, 4]], WHOLE_LISTS).dtype == np.int64
    assert action_column([[3.0, 0.5]], REAL_LISTS).dtype == np.float64


def test_messages_are_plain_json():
    assert json.loads(to_line(act_message(request=1, observation={}, limit_s=math.inf)))["limit_s"] is None
    assert json.loads(to_line(end_message(match=1, player=0, returns=math.nan)))["returns"] is None
    assert to_line({"type": "quit"}) == '{"type":"quit"}\n'


def test_a_match_has_the_number_that_its_observations_show():
    game = load_game("openspiel:kuhn_poker")
    from arena.agents.observation import observations
    from arena.games import ListedLegal, ObservationBatch

    seed, player = counter_hash(np.uint64(5), 1, np.arange(3)), np.array([0, 1, 1])
    tables = game.tables(3)
    batch = ObservationBatch(np.arange(3), player, ListedLegal([[0, 1]] * 3), seed, np.zeros(3, np.int64), tables)
    rows: list[Observation] = observations(batch)
    assert match_numbers(seed, player) == [row.match for row in rows]
