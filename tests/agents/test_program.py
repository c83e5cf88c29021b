"""Programs as agents: every way to fail becomes the right fault, and nothing of a program outlives its agent."""

import contextlib
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from arena.agents import load_agent
from arena.agents.process import Limits
from arena.agents.program import MAX_START_FAILURES, ProgramAgent
from arena.agents.program_kinds import load_exec, load_python
from arena.games import (
    AgentCrashed,
    AgentTimeout,
    ListedLegal,
    ObservationBatch,
    OutOfMemory,
    OutputFlood,
    ProtocolError,
    SpecificationError,
    load_game,
)
from arena.match import Clock, play_matches
from arena.results import MatchSpecs, Termination

PROGRAMS = Path(__file__).parent / "programs"
LIMITS = Limits(start_s=10, grace_s=0.2, memory_bytes=200 << 20, line_bytes=1 << 18, output_bytes=4 << 20)
PATIENCE_S = 10.0  # for an answer that must come


@pytest.fixture(scope="module")
def game():
    return load_game("openspiel:tic_tac_toe")


@pytest.fixture
def make_agent(game, tmp_path):
    """Agents of the misbehaving program; afterwards they are closed, and no process that they started is left."""
    agents = []

    def make(mode, **limits):
        command = [sys.executable, str(PROGRAMS / "misbehaving.py"), mode, str(tmp_path)]
        changed = {name: getattr(LIMITS, name) for name in LIMITS.__slots__} | limits
        agents.append(ProgramAgent(command, game=game.info, name="bot", limits=Limits(**changed)))
        return agents[-1]

    yield make
    for agent in agents:
        agent.close()
    assert left_over(tmp_path) == []


def left_over(folder):
    """The processes whose command line names the folder: programs, and their wardens."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def warden_in(folder):
    (warden,) = [process for process in left_over(folder) if "launch.py" in " ".join(process.cmdline())]
    return warden


def wait_until_nothing_is_left(folder):
    deadline = time.monotonic() + PATIENCE_S
    while left_over(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left_over(folder) == []


def has_ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_ended(process):
    deadline = time.monotonic() + PATIENCE_S
    while not has_ended(process) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert has_ended(process)


def start(agent, match=0, table=0, player=0):
    agent.start(np.array([table]), np.array([player]), np.array([match + 100], np.uint64))


def batch_of(game, tables=(0,), match=0, limit_s=None):
    table = np.array(tables)
    board = game.tables(max(tables) + 1)
    board.start(table, table.astype(np.uint64))
    return ObservationBatch(
        table,
        np.zeros(len(tables), np.int64),
        ListedLegal([list(range(9)) for _ in tables]),
        table.astype(np.uint64) + np.uint64(match + 100),
        np.zeros(len(tables), np.int64),
        board,
        None if limit_s is None else np.full(len(tables), limit_s),
    )


def ask(agent, batch, *, limit_s=PATIENCE_S):
    inbox = queue.SimpleQueue()
    agent.send(7, batch, inbox)
    try:
        ticket, answer, _ = inbox.get(timeout=limit_s)
    except queue.Empty:
        agent.timed_out(7)
        ticket, answer, _ = inbox.get(timeout=PATIENCE_S)
    assert ticket == 7
    return answer


def first_answer(agent, game):
    start(agent)
    return ask(agent, batch_of(game))


def starts(folder):
    return len((folder / "starts").read_text())


def heard(folder):
    return (folder / "heard").read_text()


def test_a_program_says_what_it_is_and_answers(make_agent, game):
    agent = make_agent("answers")
    assert agent.info.name == "bot"
    assert agent.info.tables_at_once == 1
    assert agent.info.remembers
    assert not agent.info.deterministic
    assert (agent.hello.name, agent.hello.version, agent.hello.wants) == ("answers", "7", ("text",))
    assert first_answer(agent, game).tolist() == [0]


def test_a_program_is_told_its_match_its_clock_its_limit_and_its_return(make_agent, game, tmp_path):
    agent = make_agent("answers")
    agent.announce_clock(move_s=1.5, match_s=60.0)
    start(agent)
    ask(agent, batch_of(game, limit_s=1.5))
    agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    agent.close()
    said = heard(tmp_path)
    assert '"type":"start"' in said
    assert '"move_s":1.5,"match_s":60.0' in said
    assert '"limit_s":1.5' in said
    assert '"returns":-1.0' in said
    assert said.rstrip().endswith('{"type":"quit"}')
    assert agent.quit_in_time


def test_fields_that_nobody_knows_are_left_aside(make_agent, game):
    assert first_answer(make_agent("unknown fields"), game).tolist() == [0]


def test_whole_numbers_are_for_the_engine_to_judge(make_agent, game):
    assert first_answer(make_agent("illegal"), game).tolist() == [99]
    assert first_answer(make_agent("huge"), game).tolist() == [-1]


@pytest.mark.parametrize(
    ("mode", "fault", "says"),
    [
        ("text", ProtocolError, 'whole number; it said "4"'),
        ("float", ProtocolError, "whole number; it said 4.0"),
        ("bool", ProtocolError, "whole number; it said true"),
        ("list", ProtocolError, "whole number; it said [4]"),
        ("null", ProtocolError, "whole number; it said null"),
        ("not a number", ProtocolError, "NaN is no JSON"),
        ("garbage", ProtocolError, "it said 'I think that 4 is good', which is not a line of JSON"),
        ("broken json", ProtocolError, "not a line of JSON"),
        ("deep json", ProtocolError, "not a line of JSON"),
        ("not utf-8", ProtocolError, "not a line of JSON"),
        ("no type", ProtocolError, 'a JSON object with a "type"'),
        ("wrong type", ProtocolError, 'asked for an "action" and said {"type": "resign"}'),
        ("wrong request", ProtocolError, "it answered request 1001; open: 1"),
        ("crashes", AgentCrashed, "exit code 1; its last line on standard error: 'ValueError: the plan has failed'"),
        ("killed", AgentCrashed, "was ended by SIGSEGV"),
        ("leaves a child", AgentCrashed, "exit code 7"),
        ("closes stdout", AgentCrashed, "closed its standard output"),
        ("floods a line", OutputFlood, "without a line end"),
        ("floods lines", OutputFlood, "printed over 4,194,304 bytes since it was last asked"),
        ("floods with text", OutputFlood, "printed over 4,194,304 bytes since it was last asked"),
        ("floods slowly", OutputFlood, "prints without a pause what is no message"),
        ("floods stderr", OutputFlood, "printed over 4,194,304 bytes since it was last asked"),
        ("hogs memory", OutOfMemory, "it may use 200 MiB"),
        ("hogs memory in a child", OutOfMemory, "it may use 200 MiB"),
        ("crashes at start", AgentCrashed, "'no licence found' (before it said hello)"),
        ("floods at start", OutputFlood, "without a line end"),
        ("says no hello", ProtocolError, 'first message must be of type "hello"'),
        ("speaks another version", ProtocolError, "it speaks protocol 99; this Arena speaks 1"),
    ],
)
def test_each_failure_is_named_and_leaves_nothing_behind(make_agent, game, tmp_path, mode, fault, says):
    answer = first_answer(make_agent(mode), game)
    assert type(answer) is fault
    assert says in str(answer)
    assert str(answer).startswith("bot ")
    assert left_over(tmp_path) == []


def test_a_program_that_hangs_is_killed_after_a_grace(make_agent, game, tmp_path):
    agent = make_agent("hangs")
    start(agent)
    inbox = queue.SimpleQueue()
    agent.send(1, batch_of(game, limit_s=0.1), inbox)
    agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    asked = time.monotonic()
    agent.timed_out(1)
    _, answer, arrival = inbox.get(timeout=PATIENCE_S)
    assert type(answer) is AgentTimeout
    assert str(answer) == "bot did not answer within 0.1 s"
    assert arrival - asked >= LIMITS.grace_s
    assert left_over(tmp_path) == []


def test_a_late_answer_within_the_grace_keeps_the_program_alive(make_agent, game, tmp_path):
    agent = make_agent("answers slowly", grace_s=5.0)
    start(agent)
    assert ask(agent, batch_of(game, limit_s=0.1), limit_s=0.1).tolist() == [0]
    assert ask(agent, batch_of(game)).tolist() == [0]
    assert starts(tmp_path) == 1


def test_an_overdue_request_is_answered_when_the_program_is_ready_for_the_next_match(make_agent, game, tmp_path):
    agent = make_agent("hangs once")
    start(agent, match=0)
    inbox = queue.SimpleQueue()
    agent.send(1, batch_of(game, limit_s=0.05), inbox)
    with pytest.raises(queue.Empty):
        inbox.get(timeout=0.05)
    agent.timed_out(1)
    agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    start(agent, match=1)  # the engine seats the next match before the overdue answer has come
    assert type(inbox.get(timeout=PATIENCE_S)[1]) is AgentTimeout
    assert starts(tmp_path) == 2
    assert agent.hello is not None
    assert ask(agent, batch_of(game, match=1)).tolist() == [0]
    assert starts(tmp_path) == 2


def test_a_question_of_a_new_game_waits_for_the_overdue_one_of_the_last(make_agent, game):
    agent = make_agent("hangs once")
    start(agent, match=0)
    agent.send(1, batch_of(game), queue.SimpleQueue())
    agent.timed_out(1)
    agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    start(agent, match=1)
    assert ask(agent, batch_of(game, match=1)).tolist() == [0]


def test_a_program_that_crashed_plays_the_next_match(make_agent, game, tmp_path):
    agent = make_agent("crashes")
    for match in range(3):
        start(agent, match)
        assert type(ask(agent, batch_of(game, match=match))) is AgentCrashed
        agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    assert starts(tmp_path) == 3


def test_a_program_that_ends_between_two_moves_has_crashed(make_agent, game, tmp_path):
    agent = make_agent("answers and exits")
    start(agent)
    process = warden_in(tmp_path)
    assert ask(agent, batch_of(game)).tolist() == [0]
    wait_until_ended(process)
    answer = ask(agent, batch_of(game))
    assert type(answer) is AgentCrashed
    assert "exit code 5" in str(answer)


def test_a_program_that_ends_between_two_matches_harms_none(make_agent, game, tmp_path):
    agent = make_agent("answers and exits")
    for match in range(2):
        start(agent, match)
        process = warden_in(tmp_path)
        assert ask(agent, batch_of(game, match=match)).tolist() == [0]
        agent.end(np.array([0]), np.array([0]), np.array([1.0]))
        wait_until_ended(process)


def test_an_answer_given_twice_is_a_fault(make_agent, game):
    agent = make_agent("twice")
    start(agent)
    assert ask(agent, batch_of(game)).tolist() == [0]
    answer = ask(agent, batch_of(game))
    assert type(answer) is ProtocolError
    assert "answered request 1; open: " in str(answer)


def test_the_log_is_the_end_of_standard_error(make_agent, game):
    answer = first_answer(make_agent("logs and crashes"), game)
    assert len(answer.log) == 64 << 10
    assert answer.log.endswith("xxx\nthe last line\n")
    assert "'the last line'" in str(answer)


def test_one_failed_start_is_forgiven(make_agent, game):
    agent = make_agent("crashes at first")
    assert agent.info.tables_at_once == 1
    assert first_answer(agent, game).tolist() == [0]


def test_a_program_that_never_starts_is_soon_tried_no_more(make_agent, game, tmp_path):
    agent = make_agent("crashes at start")
    for match in range(10):
        start(agent, match)
        answer = ask(agent, batch_of(game, match=match))
        assert type(answer) is AgentCrashed
        assert "no licence found" in str(answer)
        agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    assert starts(tmp_path) == MAX_START_FAILURES
    assert "is not tried again" in str(answer)


def test_a_program_that_hangs_at_start_is_waited_for_once(make_agent, game, tmp_path):
    agent = make_agent("hangs at start", start_s=1.0)
    for match in range(3):
        start(agent, match)
        answer = ask(agent, batch_of(game, match=match))
        assert type(answer) is AgentCrashed
        assert "did not say hello within 1 s" in str(answer)
        agent.end(np.array([0]), np.array([0]), np.array([-1.0]))
    assert starts(tmp_path) == 1


@pytest.mark.parametrize(
    ("mode", "fault", "says"),
    [
        ("crashes at start", AgentCrashed, "exit code 1; its last line on standard error: 'no licence found'"),
        ("hangs at start", AgentCrashed, "bot did not say hello within 1 s"),
        ("says no hello", ProtocolError, 'first message must be of type "hello"'),
        ("floods at start", OutputFlood, "without a line end"),
    ],
)
def test_a_program_that_cannot_start_is_refused_with_its_last_words(make_agent, tmp_path, mode, fault, says):
    agent = make_agent(mode, start_s=1.0)
    with pytest.raises(fault, match=re.escape(says)) as refused:
        agent.require_started()
    assert f"run it by hand: {sys.executable} " in str(refused.value)
    assert "\n" not in str(refused.value)
    assert starts(tmp_path) == 1
    assert left_over(tmp_path) == []


def test_a_program_that_is_started_plays_on(make_agent, game, tmp_path):
    agent = make_agent("answers")
    agent.require_started()
    agent.require_started()
    assert first_answer(agent, game).tolist() == [0]
    assert starts(tmp_path) == 1


@pytest.mark.parametrize(
    ("rest", "says"),
    [("no_such_module:Agent", "there is no module 'no_such_module'"), ("fractions:Agent", "fractions has no 'Agent'")],
)
def test_a_python_agent_that_is_not_there_is_refused(game, rest, says):
    agent = load_python(rest, game=game, name="bot")
    with pytest.raises(AgentCrashed, match=says):
        agent.require_started()
    agent.close()


def test_start_up_is_over_before_the_first_question(make_agent, game, tmp_path):
    agent = make_agent("answers slowly")
    start(agent)
    assert agent.hello is not None
    inbox = queue.SimpleQueue()
    began = time.monotonic()
    agent.send(1, batch_of(game), inbox)
    assert inbox.empty()  # it does not wait for the answer
    _, _, arrival = inbox.get(timeout=PATIENCE_S)
    assert began + 0.3 <= arrival <= time.monotonic()
    assert starts(tmp_path) == 1


def test_many_questions_are_out_at_once_and_a_crash_loses_one_request(make_agent, game, tmp_path):
    agent = make_agent("crashes once among many")
    assert agent.info.tables_at_once == 4
    agent.start(np.arange(4), np.zeros(4, np.int64), np.arange(4).astype(np.uint64) + np.uint64(100))
    assert type(ask(agent, batch_of(game, tables=(0, 1)))) is AgentCrashed
    agent.end(np.array([0, 1]), np.array([0, 0]), np.array([-1.0, -1.0]))
    assert ask(agent, batch_of(game, tables=(2, 3))).tolist() == [0, 0]
    assert starts(tmp_path) == 2
    lives = heard(tmp_path).split('{"type":"hello"')
    assert lives[1].count('"type":"start"') == 4
    assert 2 <= lives[2].count('"type":"start"') <= 4  # the matches still on, announced anew


def test_a_full_pipe_does_not_block(make_agent, game):
    agent = make_agent("hangs")
    start(agent)
    agent.send(1, batch_of(game), queue.SimpleQueue())
    began = time.monotonic()
    for _ in range(20_000):  # over a megabyte into a pipe that nobody reads
        start(agent)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("mode", ["ignores quit", "ignores SIGTERM", "leaves a daemon", "has a family"])
def test_nothing_outlives_close(make_agent, game, tmp_path, mode):
    agent = make_agent(mode)
    assert first_answer(agent, game).tolist() == [0]
    assert left_over(tmp_path) != []
    agent.close()
    assert left_over(tmp_path) == []
    assert agent.quit_in_time == (not mode.startswith("ignores"))


@contextlib.contextmanager
def run_engine(command):
    """An engine's process that has started the program of the command."""
    script = f"""
import time
from arena.agents.program import ProgramAgent
from arena.games import ActionSpace, GameInfo
info = GameInfo(specification="x", title="x", version="1", num_players=2, action_space=ActionSpace(size=9))
agent = ProgramAgent({command!r}, game=info, name="bot")
assert agent.info and agent.hello
print("ready", flush=True)
time.sleep(30)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as engine:
        try:
            assert engine.stdout.readline() == b"ready\n"
            yield engine
        finally:
            engine.kill()


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a warden")


@only_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_program_and_all_below_it_die_with_a_killed_engine(tmp_path, number):
    program = [sys.executable, str(PROGRAMS / "misbehaving.py"), "has a family", str(tmp_path)]
    with run_engine(["sh", "-c", shlex.join(program) + "; true"]) as engine:
        assert (
            len(psutil.Process(engine.pid).children(recursive=True)) == 6
        )  # a warden, a shell, the program, and three sleepers
        os.kill(engine.pid, number)
        engine.wait()
    wait_until_nothing_is_left(tmp_path)


@only_linux
def test_a_killed_warden_is_a_crash_that_leaves_nothing(make_agent, game, tmp_path):
    agent = make_agent("has a family")
    start(agent)
    warden_in(tmp_path).kill()
    wait_until_nothing_is_left(tmp_path)
    answer = ask(agent, batch_of(game))
    assert type(answer) is AgentCrashed
    assert "was ended by SIGKILL" in str(answer)


@only_linux
def test_a_program_that_ends_takes_its_family_along(make_agent, game, tmp_path):
    agent = make_agent("has a family")
    start(agent)
    program = next(
        process for process in warden_in(tmp_path).children() if "misbehaving" in " ".join(process.cmdline())
    )
    program.kill()
    wait_until_nothing_is_left(tmp_path)
    assert type(ask(agent, batch_of(game))) is AgentCrashed


def test_a_command_is_split_as_a_shell_would_and_must_exist(game):
    agent = load_exec(f"{sys.executable} -c 'print(1)'", game=game, name="bot")
    assert agent.command == (sys.executable, "-c", "print(1)")
    with pytest.raises(SpecificationError, match="no program 'no-such-program'"):
        load_exec("no-such-program --fast", game=game, name="bot")
    with pytest.raises(SpecificationError, match="needs a command"):
        load_exec("  ", game=game, name="bot")
    with pytest.raises(SpecificationError, match="No closing quotation"):
        load_exec("python 'x", game=game, name="bot")


def test_a_python_agent_needs_a_file_and_a_class(game):
    with pytest.raises(SpecificationError, match=r"no file 'nowhere.py'"):
        load_python("nowhere.py:Agent", game=game, name="bot")
    with pytest.raises(SpecificationError, match="write python:MODULE:CLASS"):
        load_python("module_alone", game=game, name="bot")


def matches_against_random(game, agent, clock, matches=4):
    index = np.arange(matches)
    specs = MatchSpecs(
        index=index,
        seats=np.tile([0, 1], (matches, 1)),
        seed=index.astype(np.uint64),
        chance_seed=index.astype(np.uint64),
    )
    return play_matches(game.tables(matches), [agent, load_agent("random", game=game)], specs, clock=clock)


def test_a_timeout_loses_one_match_and_the_program_plays_the_others_in_time(make_agent, game, tmp_path):
    results = matches_against_random(game, make_agent("hangs once"), Clock(move_s=1.0))
    assert results.termination.tolist() == [Termination.TIMEOUT, *[Termination.NORMAL] * 3]
    assert results.forfeit.tolist() == [0, -1, -1, -1]
    assert starts(tmp_path) == 2


def test_a_program_that_always_crashes_loses_each_match_with_its_log_on_record(make_agent, game, tmp_path):
    results = matches_against_random(game, make_agent("crashes"), Clock(move_s=5.0))
    assert results.termination.tolist() == [Termination.CRASH] * 4
    assert [fault.player for fault in results.faults] == [0] * 4
    assert all("ValueError: the plan has failed" in fault.log for fault in results.faults)
    assert starts(tmp_path) == 4


def test_a_crash_of_a_program_at_many_tables_loses_only_what_was_asked(make_agent, game):
    results = matches_against_random(game, make_agent("crashes once among many"), None, matches=12)
    lost = results.termination == Termination.CRASH
    assert 1 <= lost.sum() <= 4
    assert (results.termination[~lost] == Termination.NORMAL).all()
