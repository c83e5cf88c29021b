"""A small OpenAI-compatible server in a thread, whose answers a test scripts."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

PROMPT_TOKENS, COMPLETION_TOKENS = 100, 7


@dataclass(frozen=True)
class Reply:
    """What the server sends: a text of the model, or a body as it stands."""

    text: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    usage: object = field(
        default_factory=lambda: {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
    )
    message: dict[str, object] = field(default_factory=dict)
    finish: str = "stop"
    until: threading.Event | None = None  # sent when this is set
    drop: bool = False  # the connection ends without an answer

    def to_body(self) -> bytes:
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text} | self.message
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        said: dict[str, object] = {"object": "chat.completion", "choices": [choice]}
        if self.usage is not None:
            said["usage"] = self.usage
        return json.dumps(said).encode()


Script = Callable[[dict], "Reply | str"]


class ChatServer:
    """``script`` gives the answer to each request; ``requests`` and ``authorizations`` are what was heard."""

    def __init__(self, script: Script):
        self.requests: list[dict] = []
        self.authorizations: list[str | None] = []
        self.paths: list[str] = []
        self.open = self.most_open = 0
        lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self):
                self.say(Reply(body=b'{"object": "list", "data": []}'))

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.requests.append(asked)
                    outer.authorizations.append(self.headers.get("Authorization"))
                    outer.paths.append(self.path)
                    outer.open += 1
                    outer.most_open = max(outer.most_open, outer.open)
                try:
                    reply = script(asked)
                    reply = Reply(reply) if isinstance(reply, str) else reply
                    if reply.until is not None:
                        reply.until.wait(20)
                finally:
                    with lock:
                        outer.open -= 1
                if reply.drop:
                    self.close_connection = True
                    return
                self.say(reply)

            def say(self, reply: Reply):
                body = reply.to_body()
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that waits no longer
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def chat_server(script: Script | Sequence[Reply | str]) -> Iterator[ChatServer]:
    """A server for the time of a test: a function of the request, or answers given one after the other, the last for ever."""
    if callable(script):
        server = ChatServer(script)
    else:
        left = list(script)
        lock = threading.Lock()

        def next_one(_: dict) -> Reply | str:
            with lock:
                return left.pop(0) if len(left) > 1 else left[0]

        server = ChatServer(next_one)
    try:
        yield server
    finally:
        server.close()
