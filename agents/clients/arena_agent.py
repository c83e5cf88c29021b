"""Arena's reference client: one file, standard library only. Copy it beside your agent.

    from arena_agent import run
    run(lambda observation: observation["legal_actions"][0])

`run` speaks over standard input and output (``exec:python my_agent.py``), `serve` over HTTP (``http://localhost:8000``).
An observation is a dict: game, player, ply, seed, match, legal_actions (or low, high, whole), and those of text, tensor
and information_state that the game has and you `want`. Answer with a number, or with a list where actions are vectors.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

PROTOCOL_VERSION = 1
Message = dict[str, Any]


def make_answer(
    act: Callable[[Message], object],
    *,
    name: str = "",
    version: str = "",
    wants: Sequence[str] | None = None,
    matches: int = 1,
    deterministic: bool = False,
    hello: Callable[[Message], object] | None = None,
    start: Callable[[Message], object] | None = None,
    end: Callable[[Message], object] | None = None,
) -> Callable[[Message], Message | None]:
    """The function from a message to its answer; None where there is nothing to answer.

    ``wants``: parts of observations, None = all. ``matches``: how many at once. ``hello``, ``start`` and ``end`` are
    called with those messages: the game's facts; match, player, move_s, match_s; match, player, returns.
    """

    def answer(message: Message) -> Message | None:
        kind = message["type"]
        if kind == "act":
            return {"type": "action", "request": message["request"], "action": act(message["observation"])}
        called = {"hello": hello, "start": start, "end": end}.get(kind)
        if called is not None:
            called(message)
        if kind != "hello":
            return None
        said: Message = {"type": "hello", "protocol": PROTOCOL_VERSION, "name": name, "version": version}
        said |= {"matches": matches, "deterministic": deterministic}
        return said if wants is None else {**said, "wants": list(wants)}

    return answer


def run(act: Callable[[Message], object], **about: Any) -> None:
    """Plays over standard input and output until Arena says quit; `about` is that of `make_answer`. Prints go to the log."""
    answer = make_answer(act, **about)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # whatever prints, prints to standard error: standard output is for messages
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if message["type"] == "quit":
                return
            said = answer(message)
            if said is not None:
                out.write(json.dumps(said) + "\n")
                out.flush()


def serve(act: Callable[[Message], object], *, host: str = "127.0.0.1", port: int = 8000, **about: Any) -> None:
    """Plays over HTTP, one message a POST, until interrupted; `about` is that of `make_answer`."""
    import http.server  # slow to import, and `run` does without

    answer = make_answer(act, **about)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer: two would wait for each other

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(answer(message)).encode()  # null where there is nothing to say
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Silent: a line a move is no news."""

    with http.server.ThreadingHTTPServer((host, port), Handler) as server:
        print(f"listening on http://{host}:{server.server_port}", flush=True)
        server.serve_forever()
