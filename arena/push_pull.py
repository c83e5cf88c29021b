"""Pushing a ledger's matches to a server and pulling a server's: each sends what the other lacks, and twice changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from arena.client import Client
from arena.exchange import BadPart, contents_of, holdings, lacking, take_in
from arena.ledger import Ledger
from arena.merge import Merged

NOTHING_NEW = Merged(agents=(), renamed={}, tournaments=(), completed=(), matches=0, artifacts=0, jobs=0)


def push(ledger: Ledger, server: Client) -> Merged:
    """What was new to the server: agents with their contents, tournaments, matches, answers of jobs.

    Raises:
        ArenaError: the server refuses, such as for a tournament that it knows with other matches.
    """
    known = server.holdings()
    with tempfile.TemporaryDirectory(prefix="arena-push-") as folder:
        part = lacking(ledger, known, Path(folder))
        if part is None:
            return NOTHING_NEW
        for content_hash in set(contents_of(part)) - set(known.artifacts):
            file = ledger.artifacts.path(content_hash)
            server.send_artifact(content_hash, file.read_bytes(), ending=file.name[64:])
        return server.send_part(part.read_bytes())


def pull(ledger: Ledger, server: Client) -> Merged:
    """What was new to this ledger of the server's. No program of it runs here before it is approved here.

    Raises:
        ArenaError: the server refuses, or a tournament stands in both with different content.
    """
    sent = server.part_lacking(holdings(ledger))
    if not sent:
        return NOTHING_NEW
    with tempfile.TemporaryDirectory(prefix="arena-pull-") as folder:
        part = Path(folder) / "part.db"
        part.write_bytes(sent)
        for content_hash in contents_of(part):
            if content_hash not in ledger.artifacts:
                _fetch(ledger, server, content_hash, Path(folder))
        return take_in(ledger, part)


def _fetch(ledger: Ledger, server: Client, content_hash: str, folder: Path) -> None:
    ending, content = server.artifact(content_hash)
    file = folder / f"content{Path(f'x{ending}').suffix}"
    file.write_bytes(content)
    if (kept := ledger.artifacts.put(file)) != content_hash:
        ledger.artifacts.remove(kept)
        raise BadPart(f"the server sent {kept} as the artifact {content_hash}")
