"""Pushing a ledger's matches to a server and pulling a server's: each sends what the other lacks, and twice changes nothing."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from arena.accounts import Scope
from arena.client import Client
from arena.exchange import BadPart, contents_of, halves, holdings, others, planned_parts, take_in, write_part
from arena.games import ArenaError
from arena.ledger import Ledger
from arena.merge import Merged

NOTHING_NEW = Merged(agents=(), renamed={}, tournaments=(), completed=(), matches=0, artifacts=0, jobs=0)


def push(ledger: Ledger, server: Client) -> Merged:
    """What was new to the server: agents with their contents, tournaments, matches, answers of jobs.

    A tournament that is another one at the server stays here, and all others travel. One that is interrupted is gone on with.

    Raises:
        ArenaError: the server refuses, such as for a tournament that it knows with other matches, or, whether it lacks anything or not,
            for a scope below ``run``.
    """
    scope = server.scope()
    if scope is None or not scope.includes(Scope.RUN):
        has = "none" if scope is None else repr(scope.value)
        raise ArenaError(
            f"who pushes needs the scope {Scope.RUN.value!r} at the server; the one of $ARENA_TOKEN there is {has}"
        )
    known = server.holdings()
    merged, there = NOTHING_NEW, set(known.artifacts)
    left = planned_parts(ledger, known)[::-1]
    with tempfile.TemporaryDirectory(prefix="arena-push-") as folder:
        while left:
            planned, file = left.pop(), Path(folder) / "part.db"
            write_part(ledger, planned, known, file)
            if known.most_bytes and file.stat().st_size > known.most_bytes:
                left.extend(reversed(halves(planned)))
            else:
                for content_hash in set(contents_of(file)) - there:
                    _send(ledger, server, content_hash)
                    there.add(content_hash)
                merged = merged.then(server.send_part(file.read_bytes()))
            file.unlink()
    return replace(merged, refused=others(holdings(ledger), known))


def pull(ledger: Ledger, server: Client) -> Merged:
    """What was new to this ledger of the server's. No program of it runs here before it is approved here.

    A tournament that is another one here stays there, and all others travel. One that is interrupted is gone on with.

    Raises:
        ArenaError: the server refuses, or a tournament stands in both with different matches.
    """
    known, merged, number = holdings(ledger), NOTHING_NEW, 0
    with tempfile.TemporaryDirectory(prefix="arena-pull-") as folder:
        while sent := server.part_lacking(known, number):
            part = Path(folder) / "part.db"
            part.write_bytes(sent)
            for content_hash in contents_of(part):
                if content_hash not in ledger.artifacts:
                    _fetch(ledger, server, content_hash, Path(folder))
            merged = merged.then(take_in(ledger, part))
            part.unlink()
            number += 1
    return replace(merged, refused=others(server.holdings(), known))


def _send(ledger: Ledger, server: Client, content_hash: str) -> None:
    file = ledger.artifacts.path(content_hash)
    server.send_artifact(content_hash, file.read_bytes(), ending=file.name[64:])


def _fetch(ledger: Ledger, server: Client, content_hash: str, folder: Path) -> None:
    ending, content = server.artifact(content_hash)
    file = folder / f"content{Path(f'x{ending}').suffix}"
    file.write_bytes(content)
    if (kept := ledger.artifacts.put(file)) != content_hash:
        ledger.artifacts.remove(kept)
        raise BadPart(f"the server sent {kept} as the artifact {content_hash}")
