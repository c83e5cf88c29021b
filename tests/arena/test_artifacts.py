"""The content-addressed store beside a ledger."""

from __future__ import annotations

import hashlib
import stat
import threading
from pathlib import Path

import pytest

from arena.artifacts import ArtifactError, ArtifactStore


def test_content_is_found_by_its_hash_and_keeps_the_files_ending(tmp_path):
    source = tmp_path / "strategy.json"
    source.write_bytes(b'{"a": 1}')
    store = ArtifactStore(tmp_path / "store")
    content_hash = store.put(source)
    assert content_hash == hashlib.sha256(b'{"a": 1}').hexdigest()
    found = store.path(content_hash)
    assert found.read_bytes() == b'{"a": 1}'
    assert found == tmp_path / "store" / content_hash[:2] / f"{content_hash}.json"


def test_the_copy_outlives_its_source(tmp_path):
    source = tmp_path / "bot.py"
    source.write_text("first")
    store = ArtifactStore(tmp_path / "store")
    content_hash = store.put(source)
    source.write_text("changed")
    assert store.path(content_hash).read_text() == "first"
    assert store.put(source) != content_hash


def test_artifacts_are_read_only_and_stored_once(tmp_path):
    store = ArtifactStore(tmp_path)
    content_hash = store.put(b"same")
    assert stat.S_IMODE(store.path(content_hash).stat().st_mode) == 0o444
    assert store.put(b"same") == content_hash
    assert store.files() == [store.path(content_hash)]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == store.files()  # nothing temporary is left


def test_damage_is_found_on_reading_and_mended_by_putting_again(tmp_path):
    store = ArtifactStore(tmp_path)
    content_hash = store.put(b"good")
    file = store.path(content_hash)
    file.chmod(0o644)
    file.write_bytes(b"evil")
    with pytest.raises(ArtifactError, match="damaged"):
        store.path(content_hash)
    assert content_hash in store
    store.put(b"good")
    assert store.path(content_hash).read_bytes() == b"good"


def test_what_is_not_there_is_named(tmp_path):
    store = ArtifactStore(tmp_path / "store")
    missing = "0" * 64
    assert missing not in store
    with pytest.raises(ArtifactError, match=missing):
        store.path(missing)
    with pytest.raises(ArtifactError, match="nowhere"):
        store.put(tmp_path / "nowhere.json")
    assert store.files() == []


@pytest.mark.parametrize("strange", ["../../../etc/passwd", "", "A" * 64, "0" * 63 + "/", "*" * 64])
def test_only_a_hash_is_a_hash(tmp_path, strange):
    with pytest.raises(ArtifactError, match="SHA-256"):
        ArtifactStore(tmp_path).path(strange)


def test_an_ending_cannot_lead_out_of_the_store(tmp_path):
    source = tmp_path / "name.a b;c"
    source.write_bytes(b"1")
    store = ArtifactStore(tmp_path / "store")
    content_hash = store.put(source)
    assert store.path(content_hash).name == content_hash


def test_many_writers_of_one_content_agree(tmp_path):
    store = ArtifactStore(tmp_path)
    content, found = bytes(300_000), []
    threads = [threading.Thread(target=lambda: found.append(store.put(content))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert store.path(found[0]).read_bytes() == content


def test_the_store_stands_beside_its_ledger(tmp_path, monkeypatch):
    assert ArtifactStore.beside(tmp_path / "cup.db").folder == tmp_path / "cup.artifacts"
    assert ArtifactStore.beside(f"sqlite:///{tmp_path}/cup.db").folder == tmp_path / "cup.artifacts"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_ARTIFACTS", raising=False)
    assert ArtifactStore.beside("postgresql://host/name").folder == tmp_path / "arena.artifacts"
    monkeypatch.setenv("ARENA_ARTIFACTS", "/srv/kept")
    assert ArtifactStore.beside("postgresql://host/name").folder == Path("/srv/kept")
