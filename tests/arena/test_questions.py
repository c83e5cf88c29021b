"""The mailbox of agents elsewhere: over both databases, between processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import sqlalchemy as sa

from arena import tournament
from arena.agents import load_agent
from arena.agents.protocol import Hello
from arena.agents.remote import Question, SeatTaken
from arena.config import make_config
from arena.games import SpecificationError, load_game
from arena.games.seeds import seed_of
from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion
from arena.presence import arrive, leave, register_remote, stay
from arena.question_schema import questions, seats
from arena.questions import LedgerMailbox, answer, forget_seats, played_so_far, seats_of
from arena.results import Termination
from arena.rounds import Round
from arena.tournament import create_tournament, run_tournament, schedule_of

KUHN = "openspiel:kuhn_poker"
OBSERVATION = {"game": KUHN, "player": 0, "ply": 0, "seed": 1, "match": 2, "legal_actions": [0, 1]}


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    url = tmp_path / "arena.db" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def far(ledger) -> AgentVersion:
    return register_remote(ledger, "far", account="ann")


@pytest.fixture
def mailbox(ledger, far):
    box = LedgerMailbox(ledger.url.render_as_string(hide_password=False), far.id, KUHN)
    yield box
    box.close()


def asked(mailbox: LedgerMailbox, *, limit_s: float | None = None) -> tuple[int, int]:
    (seat,) = mailbox.take_seats([SeatTaken(match=2, player=0, move_s=limit_s, match_s=None)])
    question = Question(seat=seat, ply=0, observation=dict(OBSERVATION), history=[2, 1], limit_s=limit_s)
    return seat, mailbox.ask(question)


def test_the_first_answer_counts(ledger, far, mailbox):
    _, question = asked(mailbox)
    assert answer(ledger, [far.id], question, 1) == "taken"
    assert answer(ledger, [far.id], question, 0) == "closed"
    assert mailbox.replies([question])[question].action == 1


def test_of_many_answers_at_once_one_counts(ledger, far, mailbox):
    _, question = asked(mailbox)
    verdicts: list[str] = []
    threads = [
        threading.Thread(target=lambda k=k: verdicts.append(answer(ledger, [far.id], question, k))) for k in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == ["closed"] * 5 + ["taken"]


def test_a_match_that_is_begun_again_has_another_number_than_the_one_that_a_killed_engine_left(ledger, far, mailbox):
    left, _ = asked(mailbox)
    again = LedgerMailbox(ledger.url.render_as_string(hide_password=False), far.id, KUHN)
    both = again.take_seats([SeatTaken(match=number, player=0, move_s=None, match_s=None) for number in (2, 2, 3)])
    under_way, _ = seats_of(ledger, [(far.id, KUHN)])
    match = {seat.id: seat.match for seat in under_way}
    assert match[left] == 2
    assert match[both[2]] == 3
    assert len({float(number) for number in match.values()}) == 4, "told apart where numbers are floating point, too"
    again.close()


def test_cards_are_shared_by_no_two_matches_of_who_plays_from_elsewhere(ledger, far, mailbox):
    arrive(ledger, far, KUHN, Hello(matches=4), connection="here")
    cup = {"name": "cup", "game": KUHN, "agents": ["far", "random"], "matches": 4}
    made = create_tournament(make_config(cup), ledger)
    assert made.config["own_chance"] is True
    assert made.seed != seed_of(("tournament", made.key)), "nobody computes them from the key"
    schedule = schedule_of(
        make_config({**made.config, "seed": made.seed}), made.sides, Round(lineups=np.array([[0, 1]]), rotations=2)
    )
    assert len(set(schedule.specs(0, 4).chance_seed.tolist())) == 4
    assert schedule.specs(0, 4).seats.tolist()[0] == schedule.specs(0, 4).seats.tolist()[1][::-1]
    assert create_tournament(make_config(cup), ledger, go_on=True) == made, "the same command goes on with it"
    with pytest.raises(SpecificationError, match="who guesses the seed knows all cards"):
        create_tournament(make_config({**cup, "seed": 7}), ledger)


@pytest.mark.parametrize(
    ("kind", "game", "own"), [("http", KUHN, True), ("llm", KUHN, False), ("http", "matrix:rps", False)]
)
def test_so_it_is_with_a_server_that_hears_all_its_matches(tmp_path, monkeypatch, kind, game, own):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        two = [ledger.add_agent("far", specification=f"{kind}://127.0.0.1:1/", kind=kind)]
        two.append(ledger.add_agent("random", specification="random", kind="random"))
        monkeypatch.setattr(tournament, "enlist", lambda *_, **__: two)
        cup = {"name": "cup", "game": game, "agents": ["far", "random"], "matches": 4}
        assert create_tournament(make_config(cup), ledger).config["own_chance"] is own


def test_another_agents_question_is_unknown(ledger, far, mailbox):
    _, question = asked(mailbox)
    other = register_remote(ledger, "other", account="bob")
    assert answer(ledger, [other.id], question, 1) == "unknown"
    assert mailbox.replies([question]) == {}


def test_an_answer_is_judged_by_when_it_arrived(ledger, far, mailbox):
    _, question = asked(mailbox, limit_s=1000)
    with ledger.writing() as connection:
        connection.execute(questions.update().values(asked_at=questions.c.asked_at - 1500))
    assert answer(ledger, [far.id], question, 1) == "late"
    assert answer(ledger, [far.id], question, 1, ago_s=1000) == "taken"
    assert 500 <= mailbox.replies([question])[question].waited_s < 1000


def test_a_withdrawn_question_takes_no_answer(ledger, far, mailbox):
    _, question = asked(mailbox)
    mailbox.withdraw(question)
    assert answer(ledger, [far.id], question, 1) == "closed"


def test_whoever_comes_back_finds_the_matches_under_way_and_what_was_played(ledger, far, mailbox):
    seat, question = asked(mailbox, limit_s=60)
    answer(ledger, [far.id], question, 1)
    second = mailbox.ask(Question(seat=seat, ply=1, observation=dict(OBSERVATION), history=[2, 1, 1, 1], limit_s=60))
    (open_seat,), (waiting,) = seats_of(ledger, [(far.id, KUHN)])
    assert (open_seat.id, open_seat.match, open_seat.move_s, open_seat.returns) == (seat, 2, 60, None)
    assert (waiting.id, waiting.observation) == (second, OBSERVATION)
    assert 0 < waiting.left_s <= 60
    assert played_so_far(ledger, seat) == [{"ply": 0, "action": 1}]


def test_a_match_that_is_over_stays_until_its_agent_heard_of_it(ledger, far, mailbox):
    seat, question = asked(mailbox)
    mailbox.leave_seats({seat: -1.0})
    (over,), waiting = seats_of(ledger, [(far.id, KUHN)])
    assert (over.returns, waiting) == (-1.0, [])
    assert answer(ledger, [far.id], question, 1) == "closed"
    forget_seats(ledger, [seat])
    assert seats_of(ledger, [(far.id, KUHN)]) == ([], [])


def test_the_matches_of_an_engine_that_fell_silent_are_not_told(ledger, far, mailbox):
    seat, _ = asked(mailbox)
    with ledger.writing() as connection:
        connection.execute(seats.update().values(alive_at=seats.c.alive_at - 31))
    assert seats_of(ledger, [(far.id, KUHN)]) == ([], [])
    mailbox.still_play()
    assert [one.id for one in seats_of(ledger, [(far.id, KUHN)])[0]] == [seat]


def test_an_engine_that_stops_leaves_nothing(ledger, far):
    mailbox = LedgerMailbox(ledger.url.render_as_string(hide_password=False), far.id, KUHN)
    asked(mailbox)
    mailbox.close()
    with ledger.reading() as connection:
        assert [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (seats, questions)] == [
            0,
            0,
        ]


def test_the_newest_connection_plays(ledger, far, mailbox):
    assert mailbox.presence() is None
    arrive(ledger, far, KUHN, Hello(matches=3), connection="first")
    arrive(ledger, far, KUHN, Hello(matches=4), connection="second")
    assert stay(ledger, ["first", "second"]) == {"second"}
    leave(ledger, "first")
    presence = mailbox.presence()
    assert presence is not None
    assert (presence.hello.matches, presence.away_s) == (4, 0.0)
    leave(ledger, "second")
    time.sleep(0.002)
    assert mailbox.presence().away_s > 0


def test_a_name_belongs_to_its_account(ledger, far):
    assert register_remote(ledger, "far", account="ann") == far
    assert register_remote(ledger, "far", account="ann", version="2").version == far.version + 1
    with pytest.raises(SpecificationError, match="somebody else's"):
        register_remote(ledger, "far", account="bob")
    newer = ledger.add_agent("far", specification="uniform", kind="uniform")  # as who may run things can
    assert ledger.agent("far") == newer
    assert register_remote(ledger, "far", account="ann") == far, "nobody takes its name from it"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("random", "a kind of agent"),
        ("bot", "a kind of agent"),
        ("ann.human", "a person's"),
        ("mine", "somebody else's"),
    ],
)
def test_nobody_joins_by_the_name_of_a_kind_a_person_or_an_agent_of_this_machine(ledger, name, said):
    ledger.add_agent("mine", specification="random", kind="random")
    with pytest.raises(SpecificationError, match=f"{said}.*take another name"):
        register_remote(ledger, name, account="ann")


def test_it_cannot_be_loaded_by_what_somebody_types():
    with pytest.raises(SpecificationError, match="no agent by itself"):
        load_agent("remote:far", game=load_game(KUHN))


BOT = """
import sys, time
from arena.agents.protocol import Hello
from arena.ledger import Ledger
from arena.presence import arrive
from arena.questions import answer, seats_of
ledger = Ledger.open(sys.argv[1], create=False)
far = ledger.agent("far")
arrive(ledger, far, sys.argv[2], Hello(matches=4), connection="bot", here_s=60)
print("here", flush=True)
until = time.monotonic() + 30
while time.monotonic() < until:
    for question in seats_of(ledger, [(far.id, sys.argv[2])])[1]:
        answer(ledger, [far.id], question.id, question.observation["legal_actions"][0])
    time.sleep(0.002)
"""


def test_a_tournament_asks_a_bot_of_another_process(ledger, far):
    url = ledger.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", BOT, url, KUHN], stdout=subprocess.PIPE) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == b"here\n"
        try:
            config = make_config(
                {"name": "cup", "game": KUHN, "agents": ["far", "random"], "matches": 4, "move_clock_s": 5}
            )
            tournament = run_tournament(config, ledger)
        finally:
            bot.kill()
    results = ledger.played(tournament)
    assert results.termination.tolist() == [Termination.NORMAL] * 4
    assert np.isfinite(results.returns).all()


def test_a_tournament_is_refused_while_its_agent_is_away(ledger, far):
    config = make_config({"name": "cup", "game": KUHN, "agents": ["far", "random"], "matches": 2})
    with pytest.raises(SpecificationError, match="far is not connected"):
        run_tournament(config, ledger)
