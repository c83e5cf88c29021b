"""Language models as agents: whole matches in games of every kind, second tries with the reason, forfeits, clocks and usage."""

import re
import threading
import time

import numpy as np
import pytest

import arena
from arena.agents import check_agent, load_agent
from arena.agents.chat_endpoint import ChatEndpoint, EndpointDown, EndpointSettings
from arena.agents.llm import LlmAgent
from arena.games import SpecificationError, load_game
from arena.match import Clock
from arena.results import Termination
from tests.chat_server import COMPLETION_TOKENS, PROMPT_TOKENS, Reply, chat_server


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def listed(request):
    """The legal moves of a question as (number, name)."""
    text = request["messages"][1]["content"]
    moves = text[text.index("Legal moves, ") :].splitlines()[1:]
    pairs = [re.fullmatch(r"(\d+)(?:: (.*))?", line) for line in moves[: moves.index("")]]
    return [(int(pair[1]), pair[2] or pair[1]) for pair in pairs]


def first_move(request):
    return f"I take the first.\nMOVE: {listed(request)[0][1]}"


def last_move(request):
    return f'{{"move": "{listed(request)[-1][1]}"}}'


def spec(server, **options):
    inside = ", ".join(f"{key}={value}" for key, value in {"retries": 0, **options}.items())
    return f"llm:tiny@{server.url}({inside})"


@pytest.mark.parametrize(
    "game",
    [
        "arena:connect_four",
        "openspiel:kuhn_poker",
        "openspiel:goofspiel(num_cards=3)",
        "openspiel:tic_tac_toe",
        "matrix:rps",
        "pettingzoo:tictactoe_v3",
        "pettingzoo:rps_v2",
    ],
)
@pytest.mark.parametrize("script", [first_move, last_move])
def test_legal_matches_are_played_to_the_end(game, script):
    with chat_server(script) as server:
        results = arena.play(game, [spec(server), "random"], matches=3, seed=1)
    assert not results.faults
    assert (results.forfeit == -1).all()


def test_a_deterministic_model_makes_the_moves_of_its_twin_in_arena():
    with chat_server(last_move) as server:
        results = arena.play("openspiel:kuhn_poker", [spec(server), "random"], matches=40, seed=3)
    assert not results.faults
    for match in results:  # first two entries are the deal; the next is player 0's, who always bets
        assert match.actions[2] == 1


def test_a_model_is_shown_its_own_card_and_never_the_other_ones():
    with chat_server(first_move) as server:
        results = arena.play("openspiel:kuhn_poker", [spec(server, concurrency=1), "random"], matches=30, seed=5)
    asked = [request["messages"][1]["content"] for request in server.requests]
    cards = iter([int(match.actions[0]) for match in results])
    for text in asked:
        seen = re.search(r"What you see:\n(\d)11", text)
        if seen:  # the first decision of a match: the own card and both antes, nothing more
            assert int(seen[1]) == next(cards)
            assert "as the game writes it down" not in text
    assert next(cards, None) is None


def test_what_a_player_knows_of_the_past_is_shown_where_the_game_keeps_it():
    with chat_server(first_move) as server:  # a pass, then an answer to the other's bet
        results = arena.play("openspiel:kuhn_poker", [spec(server, concurrency=1), "random"], matches=10, seed=5)
    later = [r["messages"][1]["content"] for r in server.requests if "decision 2" in r["messages"][1]["content"]]
    bets = [match for match in results if match.actions[2:4].tolist() == [0, 1]]
    assert len(later) == len(bets) > 0
    for text, match in zip(later, bets, strict=True):
        known = f"What you know of this match so far, as the game writes it down:\n{match.actions[0]}pb\n\n"
        assert known in text


def test_an_illegal_move_is_asked_again_with_the_reason():
    answers = ["MOVE: x9", "MOVE: x3"]
    with chat_server(lambda r: answers[0] if len(r["messages"]) == 2 else answers[1]) as server:
        arena.play("arena:connect_four", [spec(server), "random"], seed=1)
    first, second = server.requests[:2]
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2] == {"role": "assistant", "content": "MOVE: x9"}
    said = second["messages"][3]
    assert said["role"] == "user"
    assert said["content"].startswith(
        "'x9' is not a legal move.\n\nLegal moves, each with its number and name:\n0: x0\n"
    )
    assert said["content"].endswith(
        "End your answer with one line:\nMOVE: followed by the name or the number of one legal move"
    )


@pytest.mark.parametrize(
    ("said", "termination", "words"),
    [
        (
            "MOVE: x9",
            Termination.ILLEGAL_MOVE,
            "named no legal move in 2 answers; the last was told: 'x9' is not",
        ),
        ("I pass.", Termination.PROTOCOL_ERROR, "Your answer has no line MOVE: ..."),
        ("", Termination.PROTOCOL_ERROR, "Your answer has no line MOVE: ..."),
        (Reply("No.", message={"refusal": "I will not."}), Termination.PROTOCOL_ERROR, "was a refusal"),
        (Reply(body=b"{}"), Termination.PROTOCOL_ERROR, "answered no choice with a message"),
        (Reply(status=400), Termination.CRASH, "answered 400"),
    ],
)
def test_what_never_becomes_a_move_forfeits_apart_from_strength(said, termination, words):
    with chat_server([said]) as server:
        results = arena.play("arena:connect_four", ["random", spec(server, attempts=2)], seed=1)
    (fault,) = results.faults
    assert (fault.termination, fault.player) == (termination, 1)
    assert words in fault.message
    assert results.returns.tolist() == [[1.0, -1.0]]


def test_the_last_words_are_kept_with_the_forfeit_printable_and_short():
    with chat_server([Reply("\x1b[31mMOVE\x00: none of\n them" + "!" * 5000)]) as server:
        results = arena.play("arena:connect_four", [spec(server, attempts=1), "random"], seed=1)
    log = results.faults[0].log
    assert log.isprintable()
    assert len(log) < 2100
    assert "none of them" in log


def test_one_table_that_fails_forfeits_no_other():
    lock, asked = threading.Lock(), []

    def script(request):
        with lock:
            asked.append(request)
            number = len(asked)
        return "MOVE: x9" if number == 1 else first_move(request)

    with chat_server(script) as server:
        results = arena.play("arena:connect_four", [spec(server, attempts=1), "random"], matches=8, seed=1)
    assert len(results.faults) == 1
    assert (results.forfeit >= 0).sum() == 1


def test_many_tables_are_asked_at_once_up_to_the_limit_and_a_slow_one_holds_up_only_itself():
    gate, done = threading.Event(), []

    def script(request):
        text = request["messages"][1]["content"]
        slow = not done and not gate.is_set()
        done.append(text)
        return Reply(first_move(request), until=gate if slow else None)

    def release():
        while len(done) < 40:  # all other matches go on while the first question is out
            time.sleep(0.002)
        gate.set()

    threading.Thread(target=release, daemon=True).start()
    with chat_server(script) as server:
        results = arena.play("openspiel:tic_tac_toe", [spec(server, concurrency=4), "random"], matches=16, seed=2)
    assert gate.is_set()
    assert not results.faults
    assert 1 < server.most_open <= 4


def test_the_clock_of_each_table_is_its_own():
    never = threading.Event()
    asked = []

    def script(request):
        asked.append(request)
        return Reply(first_move(request), until=never if len(asked) == 1 else None)

    with chat_server(script) as server:
        agents = [spec(server, concurrency=4), "random"]
        results = arena.play("openspiel:tic_tac_toe", agents, matches=6, seed=2, clock=Clock(move_s=1.0))
        never.set()
    assert [fault.termination for fault in results.faults] == [Termination.TIMEOUT]
    late = results.faults[0].index
    used = {entry.index: entry.usage for entry in results.usage}
    assert used[late].prompt_tokens is None  # nobody knows what the open question took
    assert all(used[k].prompt_tokens is not None for k in range(6) if k != late)


def test_an_answer_that_never_comes_is_the_models_timeout_also_without_a_clock():
    never = threading.Event()
    with chat_server([Reply("MOVE: x0", until=never)]) as server:
        results = arena.play("arena:connect_four", [spec(server, timeout=0.2), "random"], seed=1)
        never.set()
    assert results.faults[0].termination == Termination.TIMEOUT
    assert "did not answer in time" in results.faults[0].message


@pytest.mark.parametrize("trouble", [Reply(status=503), Reply(status=429), Reply(status=401), Reply(drop=True)])
def test_an_endpoint_that_goes_down_stops_the_run_and_costs_nobody_a_match(trouble):
    answers = []

    def script(request):
        answers.append(1)
        return first_move(request) if len(answers) < 5 else trouble

    with chat_server(script) as server, pytest.raises(EndpointDown) as caught:
        arena.play("arena:connect_four", [spec(server), "random"], matches=20, seed=1)
    assert caught.value.work_failed


def test_an_endpoint_that_is_not_there_is_told_before_the_first_match():
    with chat_server([""]) as server:
        gone = spec(server)
    with pytest.raises(SpecificationError, match=r"cannot be reached.*start the server"):
        arena.play("arena:connect_four", [gone, "random"])


def test_the_usage_of_each_match_is_what_its_requests_used():
    with chat_server(first_move) as server:
        agents = [spec(server, price_in=3, price_out=5), "random"]
        results = arena.play("openspiel:tic_tac_toe", agents, matches=5, seed=1)
    assert [entry.index for entry in results.usage] == [0, 1, 2, 3, 4]
    assert sum(entry.usage.requests for entry in results.usage) == len(server.requests)
    for match in results:
        (entry,) = match.usage
        turns = -(-len(match.actions) // 2)
        assert entry.player == 0
        assert (entry.usage.requests, entry.usage.prompt_tokens) == (turns, turns * PROMPT_TOKENS)
        assert entry.usage.cost == pytest.approx(turns * (3 * PROMPT_TOKENS + 5 * COMPLETION_TOKENS) / 1e6)


def test_usage_stays_with_its_match_when_results_are_taken_and_joined():
    with chat_server(first_move) as server:
        results = arena.play("openspiel:tic_tac_toe", [spec(server), "random"], matches=6, seed=1)
    odd, even = results.take(np.array([1, 3, 5])), results.take(np.array([0, 2, 4]))
    assert [entry.index for entry in odd.usage] == [1, 3, 5]
    assert type(results).joined([odd, even]).usage == results.usage
    assert odd[1].usage == results[3].usage


def test_both_seats_of_one_model_are_counted_apart():
    with chat_server(first_move) as server:
        agent = load_agent(spec(server), game=load_game("openspiel:tic_tac_toe"))
        results = arena.play("openspiel:tic_tac_toe", [agent, agent], matches=2, seed=1)
        assert agent.total.requests == len(server.requests) == sum(u.usage.requests for u in results.usage)
        agent.close()
    assert [(entry.index, entry.player) for entry in results.usage] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_each_decision_sends_its_own_seed_where_that_is_asked_for():
    seeds = []
    for _ in range(2):
        with chat_server(first_move) as server:
            arena.play("openspiel:tic_tac_toe", [spec(server, seeded="true"), "random"], seed=4)
        seeds.append([request["seed"] for request in server.requests])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == len(seeds[0])


def test_the_first_words_can_be_replaced():
    with chat_server(first_move) as server:
        arena.play("matrix:rps", [spec(server, system="'You love paper, always.'"), "random"])
    assert server.requests[0]["messages"][0] == {"role": "system", "content": "You love paper, always."}


def test_a_game_without_text_is_refused():
    game = load_game("openspiel:tic_tac_toe")

    class Silent:
        import dataclasses

        info = dataclasses.replace(game.info, has_text=False)

    with pytest.raises(SpecificationError, match="has no text"):
        load_agent("llm:tiny@http://127.0.0.1:1", game=Silent())


def test_the_check_plays_a_few_matches_and_says_what_they_used():
    with chat_server(first_move) as server:
        findings = check_agent(spec(server), load_game("openspiel:kuhn_poker"), matches=4)
    assert [finding.name for finding in findings] == ["starts", "answers", "speed", "usage", "quits"]
    assert all(finding.passed for finding in findings)
    assert findings[3].message.startswith(
        f"{len(server.requests)} requests, {100 * len(server.requests):,} prompt and "
    )


def test_the_check_says_that_an_endpoint_is_down():
    with chat_server([""]) as server:
        gone = spec(server)
    findings = check_agent(gone, load_game("openspiel:kuhn_poker"), matches=1)
    assert [(finding.name, finding.passed) for finding in findings] == [("starts", False), ("quits", True)]


def test_an_agent_that_is_handed_in_is_played_too():
    with chat_server(first_move) as server:
        endpoint = ChatEndpoint(EndpointSettings(model="tiny", url=server.url, concurrency=2))
        agent = LlmAgent(endpoint, game=load_game("matrix:rps").info, name="me")
        results = arena.play("matrix:rps", [agent, "random"], matches=3)
        agent.close()
    assert not results.faults
