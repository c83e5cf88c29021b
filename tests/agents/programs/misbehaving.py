"""A program that breaks the agent protocol in the way its argument names; standard library only."""

import json
import os
import signal
import subprocess
import sys
import time

SLEEP_S = 600


def say(message):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    sys.stdout.flush()


def answer(message, action=None, **fields):
    action = message["observation"]["legal_actions"][0] if action is None else action
    say({"type": "action", "request": message["request"], "action": action} | fields)


def hang(message):
    time.sleep(SLEEP_S)


def crash(message):
    raise ValueError("the plan has failed")


def flood_line(message):
    while True:
        os.write(1, b"x" * 65536)


def flood_lines(message):
    while True:
        os.write(1, b"\n" * 65536)


def flood_with_text(message):
    while True:
        os.write(1, b"I think that 4 is good\n" * 2048)


def flood_slowly(message):
    while True:
        os.write(1, b"I think that 4 is good\n")
        time.sleep(0.001)


def flood_stderr(message):
    while True:
        os.write(2, b"thinking...\n" * 4096)


def hog_memory(message):
    kept = bytearray(os.urandom(1 << 20)) * 300
    time.sleep(SLEEP_S)
    say(len(kept))


def hog_memory_in_a_child(message):
    subprocess.run([sys.executable, "-c", "import time; kept = b'x' * (300 << 20); time.sleep(600)", *sys.argv])


def ignore_sigterm(message):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer(message)


def leave_a_child_with_the_pipe(message):
    if os.fork() == 0:
        time.sleep(SLEEP_S)
    os._exit(7)


def leave_a_daemon(message):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(SLEEP_S)
        os._exit(0)
    answer(message)


def start_family(folder):
    """A child, one in a session of its own, and an orphan in a session of its own."""
    sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(600)", folder]
    subprocess.Popen(sleeper)
    subprocess.Popen(sleeper, start_new_session=True)
    if os.fork() == 0:
        subprocess.Popen(sleeper, start_new_session=True)
        os._exit(0)
    os.wait()


def close_stdout(message):
    os.close(1)
    time.sleep(SLEEP_S)


def log_and_crash(message):
    sys.stderr.write("x" * 100_000 + "\nthe last line\n")
    sys.exit(3)


def answer_and_exit(message):
    answer(message)
    sys.exit(5)


def answer_slowly(message):
    time.sleep(0.3)
    answer(message)


def kill_itself(message):
    os.kill(os.getpid(), signal.SIGSEGV)


SAID_WHEN_ASKED = {
    "garbage": "I think that 4 is good",
    "broken json": '{"type": "action", ',
    "deep json": "[" * 100_000,
    "no type": {"action": 4},
    "wrong type": {"type": "resign"},
    "null": {"type": "action", "request": 1, "action": None},
    "not utf-8": "\udcff\udcfe",
}

ANSWERED_WHEN_ASKED = {
    "answers": None,
    "ignores quit": None,
    "has a family": None,
    "illegal": 99,
    "huge": 10**30,
    "text": "4",
    "float": 4.0,
    "bool": True,
    "list": [4],
    "not a number": float("nan"),
}

DONE_WHEN_ASKED = {
    "unknown fields": lambda message: answer(message, comment="left aside"),
    "wrong request": lambda message: answer(message, request=message["request"] + 1000),
    "twice": lambda message: (answer(message), answer(message), time.sleep(SLEEP_S)),
    "hangs": hang,
    "crashes": crash,
    "killed": kill_itself,
    "floods a line": flood_line,
    "floods lines": flood_lines,
    "floods with text": flood_with_text,
    "floods slowly": flood_slowly,
    "floods stderr": flood_stderr,
    "hogs memory": hog_memory,
    "hogs memory in a child": hog_memory_in_a_child,
    "ignores SIGTERM": ignore_sigterm,
    "leaves a child": leave_a_child_with_the_pipe,
    "leaves a daemon": leave_a_daemon,
    "closes stdout": close_stdout,
    "logs and crashes": log_and_crash,
    "answers and exits": answer_and_exit,
    "answers slowly": answer_slowly,
}

MODES_OF_THE_FIRST_LIFE = {"hangs once": hang, "crashes once among many": crash, "crashes at first": hang}


def count_lives(folder):
    with open(os.path.join(folder, "starts"), "a+") as starts:
        starts.write("x")
        starts.flush()
        starts.seek(0)
        return len(starts.read())


def say_hello(mode, life):
    if mode == "crashes at start" or (mode == "crashes at first" and life == 1):
        sys.exit("no licence found")
    elif mode == "hangs at start":
        time.sleep(SLEEP_S)
    elif mode == "says no hello":
        say({"type": "action", "request": 1, "action": 0})
    elif mode == "speaks another version":
        say({"type": "hello", "protocol": 99})
    elif mode == "floods at start":
        flood_line(None)
    else:
        matches = 4 if mode == "crashes once among many" else 1
        say({"type": "hello", "name": mode, "version": "7", "wants": ["text"], "matches": matches})


def act(mode, life, message):
    if mode in MODES_OF_THE_FIRST_LIFE:
        (MODES_OF_THE_FIRST_LIFE[mode] if life == 1 else answer)(message)
    elif mode in SAID_WHEN_ASKED:
        say(SAID_WHEN_ASKED[mode])
    elif mode in ANSWERED_WHEN_ASKED:
        answer(message, ANSWERED_WHEN_ASKED[mode])
    else:
        DONE_WHEN_ASKED[mode](message)


def main(mode, folder):
    sys.stdout.reconfigure(errors="surrogateescape")
    life = count_lives(folder)
    if mode == "has a family":
        start_family(folder)
    with open(os.path.join(folder, "heard"), "a", buffering=1) as heard:
        for line in sys.stdin:
            heard.write(line)
            message = json.loads(line)
            if message["type"] == "hello":
                say_hello(mode, life)
            elif message["type"] == "act":
                act(mode, life, message)
            elif message["type"] == "quit" and mode in ("ignores quit", "ignores SIGTERM"):
                time.sleep(SLEEP_S)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
