"""A supervised child process that talks in lines: bounded output and memory, a log, and nothing left when it is over."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from arena.agents.process_tree import COOKIE, MemoryWatch, end_all, ending, exit_descriptor_of, has_exited
from arena.games.errors import AgentCrashed, AgentFault, OutOfMemory, OutputFlood, ProtocolError

LAUNCHER = Path(__file__).with_name("launch.py")
TICK_S = 0.05  # how often memory, exit and deadlines are looked at while nothing is said
CHUNK_BYTES = 1 << 16
DRAIN_BYTES = 1 << 20  # of what a dead program left in its pipes
LAST_LINE_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What somebody else's program may use.

    ``start_s``: until it said hello; not on the match's clock. ``grace_s``: until it is killed when its time is over or
    when it was told to quit. ``memory_bytes``: resident, its own children included. ``line_bytes``: of one line.
    ``output_bytes``: printed between two questions, standard error included. ``log_bytes``: of standard error kept.
    """

    start_s: float = 30.0
    grace_s: float = 1.0
    memory_bytes: int = 2 << 30
    line_bytes: int = 1 << 20
    output_bytes: int = 16 << 20
    log_bytes: int = 64 << 10


class Child:
    """One life of a program. One thread starts it, writes to it, reads it, watches it and buries it.

    ``on_line(line, arrival)`` is called from that thread for each line, without its end, with the time of
    `time.monotonic` at which it was read; an `AgentFault` raised there ends the program. ``on_end(fault, at)`` is the
    last call: the process and all that it started are gone; the fault is None after `close`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        limits: Limits,
        on_line: Callable[[bytes, float], None],
        on_end: Callable[[AgentFault | None, float], None],
        rules: str = "",
        environment: Mapping[str, str] | None = None,
        own_folder: bool = False,
    ):
        """``rules``, ``environment``, ``own_folder``: how it is confined, see `arena.agents.sandbox.Confined`."""
        self.name, self.command, self.limits = name, tuple(command), limits
        self._rules, self._environment, self._own_folder = rules, environment, own_folder
        self.exited_by_itself: bool | None = None
        self._on_line, self._on_end = on_line, on_end
        self._lock = threading.Lock()
        self._outgoing = bytearray()
        self._stdin: int | None = None
        self._log = bytearray()
        self._line = bytearray()
        self._printed = 0
        self._sentence: tuple[float, AgentFault] | None = None
        self._close_at: float | None = None
        self._over = False
        self._process: subprocess.Popen[bytes] | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        # the thread that starts the warden must live as long: a parent-death signal is sent when it ends
        self._thread = threading.Thread(target=self._live, name=f"agent {name}", daemon=True)
        self._thread.start()

    @property
    def log(self) -> str:
        """The last of what the program wrote to standard error."""
        with self._lock:
            return self._log.decode("utf-8", "replace")

    @property
    def has_exited(self) -> bool:
        """Whether the program has ended, perhaps before `on_end` says so."""
        return self._process is not None and has_exited(self._process)

    def write(self, text: str) -> None:
        """Writes text to the program's standard input, as far as it takes it now; the rest is queued. Never blocks."""
        with self._lock:
            self._outgoing += text.encode()
            self._flush()  # from this thread: waking the other would double the time of an answer
            left = bool(self._outgoing)
        if left:
            self._wake()

    def expect_answer(self) -> None:
        """A question begins: the count of what was printed starts anew."""
        with self._lock:
            self._printed = 0

    def condemn(self, fault: AgentFault, *, after_s: float) -> None:
        """Ends the program with this fault after so many seconds, unless it is spared."""
        self._sentence = (time.monotonic() + after_s, fault)
        if after_s < TICK_S:
            self._wake()

    def spare(self) -> None:
        """Takes `condemn` back."""
        self._sentence = None

    def close(self) -> None:
        """Closes the program's standard input when all is written, waits for the grace, then kills; blocks until done."""
        self._close_at = time.monotonic() + self.limits.grace_s
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        with self._lock:
            if not self._over:
                with contextlib.suppress(BlockingIOError):  # full: it will wake anyway
                    os.write(self._wake_write, b"x")

    def _live(self) -> None:
        fault: AgentFault | None = None
        at, cookie = time.monotonic(), uuid.uuid4().hex
        folder = tempfile.mkdtemp(prefix="arena-agent-") if self._own_folder else None
        environment = os.environ if self._environment is None else {"HOME": folder or "", **self._environment}
        try:
            process = self._process = subprocess.Popen(  # noqa: S603 -- running this command is what the user asked for; no shell
                [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), self._rules, *self.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                cwd=folder,
                env={**environment, COOKIE: cookie, "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            fault = AgentCrashed(f"{self.name} could not be started: {error}")
        else:
            fault, at = self._attend(process, cookie)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._over = True
            os.close(self._wake_read)
            os.close(self._wake_write)
        if fault is not None:
            fault.log = self.log
        self._on_end(fault, at)

    def _attend(self, process: subprocess.Popen[bytes], cookie: str) -> tuple[AgentFault | None, float]:
        """(fault, its time) of the whole life; afterwards nothing of the program is left."""
        stdin, stdout, stderr = _pipes(process)
        fault: AgentFault | None = None
        with self._lock:
            self._stdin = stdin.fileno()
        try:
            self._talk(process, stdin, stdout, stderr)
        except AgentFault as own:
            fault = own
        finally:
            at = time.monotonic()
            if isinstance(fault, ProtocolError):
                fault = self._flood(stdout) or fault
            self.exited_by_itself = has_exited(process)
            code = end_all(process, cookie)
            self._keep_log(_rest(stderr))
            self._close_input(stdin)
            stdout.close()
            stderr.close()
        if fault is None and self._close_at is None:
            fault = AgentCrashed(f"{self.name} {ending(code)}{self._last_words()}")
        return fault, at

    def _talk(self, process: subprocess.Popen[bytes], stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """Reads, writes and watches until the program has ended; raises the `AgentFault` that it must be ended for."""
        watch = MemoryWatch(process.pid)
        looked, silent_since, writing = 0.0, None, False
        with selectors.DefaultSelector() as selector, exit_descriptor_of(process) as exit_descriptor:
            for source in (stdout, stderr, self._wake_read, exit_descriptor):
                if source is not None:
                    selector.register(source, selectors.EVENT_READ)
            while True:
                if not stdin.closed and writing != bool(self._outgoing):
                    writing = not writing
                    if writing:
                        selector.register(stdin, selectors.EVENT_WRITE)
                    else:
                        selector.unregister(stdin)
                hurry = silent_since is not None or self._close_at is not None
                for key, _ in selector.select(TICK_S):
                    if key.fileobj is stdin:
                        with self._lock:
                            self._flush()
                    elif key.fileobj is self._wake_read:
                        os.read(self._wake_read, CHUNK_BYTES)
                        hurry = self._sentence is not None or self._close_at is not None  # else there is more to write
                    elif key.fileobj is exit_descriptor:
                        hurry = True
                    elif not self._read_some(key.fd, is_answer=key.fileobj is stdout):
                        selector.unregister(key.fileobj)
                        if key.fileobj is stdout:
                            silent_since, hurry = time.monotonic(), True
                now = time.monotonic()
                if now - looked < TICK_S and not hurry:
                    continue
                looked = now
                if has_exited(process):
                    while silent_since is None and self._read_some(stdout.fileno(), is_answer=True, wait=False):
                        pass
                    return
                self._check(now, silent_since, watch)
                if self._close_at is not None:
                    if now >= self._close_at:
                        return
                    if not self._outgoing and not stdin.closed:
                        if writing:
                            selector.unregister(stdin)
                        self._close_input(stdin)

    def _check(self, now: float, silent_since: float | None, watch: MemoryWatch) -> None:
        sentence = self._sentence
        if sentence is not None and now >= sentence[0]:
            raise sentence[1]
        used = watch.resident_bytes()
        if used > self.limits.memory_bytes:
            raise OutOfMemory(
                f"{self.name} used {used / 2**20:,.0f} MiB of memory; it may use {self.limits.memory_bytes / 2**20:,.0f} MiB"
            )
        if silent_since is not None and self._close_at is None and now - silent_since > self.limits.grace_s / 4:
            raise AgentCrashed(
                f"{self.name} closed its standard output and still runs; answers are lines on standard output, until 'quit'"
            )

    def _flush(self) -> None:
        """Writes what the pipe takes now; the lock is held."""
        if self._stdin is None or not self._outgoing:
            return
        try:
            written = os.write(self._stdin, self._outgoing)
        except BlockingIOError:
            return
        except BrokenPipeError:  # it reads no more: it has ended, which shows elsewhere, or it will not answer
            written = len(self._outgoing)
        del self._outgoing[:written]

    def _close_input(self, stdin: IO[bytes]) -> None:
        with self._lock:
            self._stdin = None
        stdin.close()

    def _read_some(self, source: int, *, is_answer: bool, is_wrong: bool = False, wait: bool = True) -> bool:
        """Reads what is there, unheard where it `is_wrong`.

        False at the end of the stream, and without `wait` also where nothing is there now.
        """
        try:
            chunk = os.read(source, CHUNK_BYTES)
        except BlockingIOError:
            return wait
        arrival = time.monotonic()
        if not chunk:
            return False
        with self._lock:
            self._printed += len(chunk)
            printed = self._printed
        if not is_answer:
            self._keep_log(chunk)
        if printed > self.limits.output_bytes:
            raise OutputFlood(
                f"{self.name} printed over {self.limits.output_bytes:,} bytes since it was last asked; "
                "a program prints one line an answer, and a modest log to standard error"
            )
        if is_answer and not is_wrong:
            self._hand_over(chunk, arrival)
        return True

    def _flood(self, stdout: IO[bytes]) -> OutputFlood | None:
        """The fault of a program that said something wrong and goes on and on; None if it pauses, or ends."""
        deadline = time.monotonic() + self.limits.grace_s
        while select.select([stdout], [], [], TICK_S)[0]:
            if time.monotonic() >= deadline:
                return OutputFlood(f"{self.name} prints without a pause what is no message of the protocol")
            try:
                if not self._read_some(stdout.fileno(), is_answer=True, is_wrong=True):
                    return None
            except OutputFlood as flood:
                return flood
        return None

    def _hand_over(self, chunk: bytes, arrival: float) -> None:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            if not part and not self._line:
                continue
            line, self._line = bytes(self._line) + part, bytearray()
            self._check_length(line)
            self._on_line(line, arrival)
        self._line += rest
        self._check_length(self._line)

    def _check_length(self, line: bytes | bytearray) -> None:
        if len(line) > self.limits.line_bytes:
            raise OutputFlood(
                f"{self.name} printed over {self.limits.line_bytes:,} bytes without a line end; an answer is one short line"
            )

    def _keep_log(self, chunk: bytes) -> None:
        with self._lock:
            self._log += chunk
            del self._log[: max(0, len(self._log) - self.limits.log_bytes)]

    def _last_words(self) -> str:
        lines = self.log.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        return "" if last is None else f"; its last line on standard error: {last[:LAST_LINE_CHARACTERS]!r}"


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    pipes = (process.stdin, process.stdout, process.stderr)
    for pipe in pipes:
        os.set_blocking(pipe.fileno(), False)
    return pipes


def _rest(source: IO[bytes]) -> bytes:
    rest = b""
    with contextlib.suppress(BlockingIOError):
        while len(rest) < DRAIN_BYTES and (chunk := os.read(source.fileno(), CHUNK_BYTES)):
            rest += chunk
    return rest
