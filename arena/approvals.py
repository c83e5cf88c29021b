"""Programs that may run on this machine: approved by its user, outside every ledger, for one content each.

A ledger that comes from elsewhere can name any command; what it names does not run before it is approved here.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from arena.games.errors import ArenaError


class ApprovalError(ArenaError):
    """The file of approvals cannot be read or written; nothing counts as approved then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A specification with the content that was approved (None: it has no files), and when (ISO 8601, UTC)."""

    specification: str
    content_hash: str | None
    approved_at: str


def approvals_file() -> Path:
    """``$XDG_CONFIG_HOME/arena/approvals.json``, by default under ``~/.config``."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".config"
    return base / "arena" / "approvals.json"


def approve(specification: str, content_hash: str | None) -> None:
    """Lets a specification with this content run on this machine, from now on. Raises `ApprovalError`."""
    with _locked():
        if not is_approved(specification, content_hash):
            new = Approval(
                specification=specification,
                content_hash=content_hash,
                approved_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            )
            _write([*approved(), new])


def withdraw(specification: str, content_hash: str | None) -> bool:
    """Takes an approval back; whether there was one. Raises `ApprovalError`."""
    with _locked():
        before = approved()
        kept = [one for one in before if (one.specification, one.content_hash) != (specification, content_hash)]
        if len(kept) < len(before):
            _write(kept)
    return len(kept) < len(before)


def is_approved(specification: str, content_hash: str | None) -> bool:
    """Whether exactly this specification with exactly this content was approved. Raises `ApprovalError`."""
    return any((one.specification, one.content_hash) == (specification, content_hash) for one in approved())


def approved() -> list[Approval]:
    """All approvals, the oldest first.

    Raises:
        ApprovalError: the file is not what Arena writes: a damaged file approves nothing.
    """
    path = approvals_file()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["approved"]
        return [_approval(entry) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ApprovalError(f"cannot read the approvals {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ApprovalError(f"the approvals {path} are damaged; mend or remove the file, then approve again") from error


def _approval(entry: dict[str, object]) -> Approval:
    specification, content_hash, at = entry["specification"], entry["content_hash"], entry["approved_at"]
    if not isinstance(specification, str) or not isinstance(content_hash, str | None) or not isinstance(at, str):
        raise TypeError("an approval is made of texts")
    return Approval(specification=specification, content_hash=content_hash, approved_at=at)


def _write(entries: list[Approval]) -> None:
    path = approvals_file()
    text = json.dumps({"approved": [asdict(entry) for entry in entries]}, indent=2) + "\n"
    handle, name = tempfile.mkstemp(prefix=".approvals-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def _locked() -> Iterator[None]:
    """One writer at a time, so that no approval is lost."""
    folder = approvals_file().parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
    except OSError as error:
        raise ApprovalError(f"cannot write the approvals in {folder}: {error.strerror}") from error
