"""Contents of agents by their SHA-256: written once, never changed, checked whenever they are read."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arena.games.errors import ArenaError

if TYPE_CHECKING:
    import sqlalchemy as sa

_HASH = re.compile(r"[0-9a-f]{64}")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")
_CHUNK = 1 << 20
_MEND = (
    "put it back from a backup of the artifacts, or, where it is an agent's, by `arena agent add` with the same file"
)


class ArtifactError(ArenaError):
    """An artifact that is missing, damaged or cannot be stored."""


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """A folder of read-only files ``ab/ab12...`` named by their content; made when something is put into it."""

    folder: Path

    @staticmethod
    def beside(url: str | Path | sa.URL | None) -> ArtifactStore:
        """The store of the ledger at an address: ``arena.db`` -> ``arena.artifacts/``; for a ledger on a server
        $ARENA_ARTIFACTS or ./arena.artifacts.
        """
        from arena.connection import artifacts_folder, locate  # late: a store by itself needs no database

        return ArtifactStore(artifacts_folder(locate(url)))

    def put(self, content: Path | str | bytes, *, ending: str = "") -> str:
        """Stores bytes, or a copy of the file at a path; the SHA-256 of the content in hex.

        A file's ending is kept, because loaders go by it; bytes have the one that is given. The same content is stored once.

        Raises:
            ArtifactError: the file cannot be read, or the store cannot be written.
        """
        ending = ending if isinstance(content, bytes) else Path(content).suffix
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".incoming-", dir=self.folder)
            incoming = Path(name)
            try:
                digest = hashlib.sha256()
                with os.fdopen(handle, "wb") as file:
                    for chunk in _chunks(content):
                        digest.update(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                self._keep(incoming, digest.hexdigest(), ending if _ENDING.fullmatch(ending) else "")
            finally:
                incoming.unlink(missing_ok=True)
        except OSError as error:
            raise ArtifactError(f"cannot store {_named(content)} in {self.folder}: {error.strerror}") from error
        return digest.hexdigest()

    def path(self, content_hash: str) -> Path:
        """The file with that content, checked against its hash. It is read-only: copy it to change it.

        Raises:
            ArtifactError: not in the store, or no longer what it was.
        """
        found = self.place(content_hash)
        try:
            actual = file_hash(found)
        except OSError as error:
            raise ArtifactError(f"cannot read the artifact {content_hash}: {error.strerror}") from error
        if actual != content_hash:
            raise ArtifactError(f"the artifact {content_hash} is damaged, its content has hash {actual}: {_MEND}")
        return found

    def place(self, content_hash: str) -> Path:
        """Where the file with that content is; of what is in it no more is looked at than whether it is empty.

        Raises:
            ArtifactError: not in the store, or empty where its hash is not that of nothing.
        """
        found = self._find(_checked(content_hash))
        if found is None:
            raise ArtifactError(f"the artifact {content_hash} is lost: {_MEND}")
        try:
            size = found.stat().st_size
        except OSError as error:
            raise ArtifactError(f"cannot read the artifact {content_hash}: {error.strerror}") from error
        if not size and content_hash != hashlib.sha256().hexdigest():
            raise ArtifactError(f"the artifact {content_hash} is damaged, it is empty: {_MEND}")
        return found

    def remove(self, content_hash: str) -> None:
        """Takes it out of the store, where it is: what was of use for a while, like the checkpoint of a training.

        Raises:
            ArtifactError: it cannot be removed.
        """
        found = self._find(_checked(content_hash))
        if found is not None:
            try:
                found.unlink(missing_ok=True)
            except OSError as error:
                raise ArtifactError(f"cannot remove the artifact {found}: {error.strerror}") from error

    def __contains__(self, content_hash: str) -> bool:
        """Whether it is there, whole or damaged."""
        return self._find(_checked(content_hash)) is not None

    def files(self) -> list[Path]:
        """All artifacts, in the order of their hashes; unchecked."""
        return sorted(path for path in self.folder.glob("??/*") if _HASH.fullmatch(path.name[:64]))

    def _keep(self, incoming: Path, content_hash: str, ending: str) -> None:
        os.chmod(incoming, 0o444)
        found = self._find(content_hash)
        if found is not None and file_hash(found) == content_hash:
            return
        place = found or self.folder / content_hash[:2] / (content_hash + ending)
        place.parent.mkdir(exist_ok=True)
        incoming.replace(place)  # also over a damaged file

    def _find(self, content_hash: str) -> Path | None:
        found = sorted((self.folder / content_hash[:2]).glob(content_hash + "*"))
        return found[0] if found else None


def saved_bytes(save: Callable[[Path], None], *, ending: str) -> bytes:
    """The content of the file that `save` writes, whose name has this ending."""
    with tempfile.TemporaryDirectory(prefix="arena-saved-") as folder:
        place = Path(folder) / f"saved{ending}"
        save(place)
        return place.read_bytes()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chunks(content: Path | str | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with Path(content).open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _checked(content_hash: str) -> str:
    if not _HASH.fullmatch(content_hash):
        raise ArtifactError(f"{content_hash!r} is no SHA-256: 64 digits 0-9a-f")
    return content_hash


def _named(content: Path | str | bytes) -> str:
    return f"{len(content)} bytes" if isinstance(content, bytes) else str(content)
