"""What may run on this machine."""

from __future__ import annotations

import stat
import threading

import pytest

from arena.approvals import ApprovalError, approvals_file, approve, approved, is_approved, withdraw


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_nothing_is_approved_at_first():
    assert not is_approved("exec:./bot", None)
    assert approved() == []
    assert not approvals_file().exists()


def test_an_approval_is_of_one_content():
    approve("exec:./bot", "aa")
    assert is_approved("exec:./bot", "aa")
    assert not is_approved("exec:./bot", "bb")
    assert not is_approved("exec:./bot", None)
    assert not is_approved("exec:./other", "aa")


def test_approving_twice_is_approving_once():
    approve("exec:./bot", None)
    approve("exec:./bot", None)
    approve("python:bot.py:Bot", "aa")
    assert [(one.specification, one.content_hash) for one in approved()] == [
        ("exec:./bot", None),
        ("python:bot.py:Bot", "aa"),
    ]
    assert approved()[0].approved_at.endswith("Z")


def test_an_approval_can_be_taken_back():
    approve("exec:./bot", "aa")
    assert withdraw("exec:./bot", "aa")
    assert not withdraw("exec:./bot", "aa")
    assert not is_approved("exec:./bot", "aa")


def test_approvals_stand_in_the_users_configuration(config, monkeypatch, tmp_path):
    approve("exec:./bot", None)
    assert approvals_file() == config / "arena" / "approvals.json"
    assert stat.S_IMODE(approvals_file().stat().st_mode) == 0o600
    assert [path.name for path in approvals_file().parent.iterdir()] == ["approvals.json"]
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", "relative/path"):  # the XDG specification: relative paths are ignored
        monkeypatch.setenv("XDG_CONFIG_HOME", unset)
        assert approvals_file() == tmp_path / ".config" / "arena" / "approvals.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"approved": 3}',
        '{"approved": ["exec:./bot"]}',
        '{"approved": [{"specification": "exec:./bot"}]}',
        '{"approved": [{"specification": "exec:./bot", "content_hash": 3, "approved_at": ""}]}',
        "\udcff",
    ],
)
def test_a_damaged_file_approves_nothing_and_is_not_overwritten(text):
    approve("exec:./bot", None)
    damaged = text.encode("utf-8", "surrogateescape")
    approvals_file().write_bytes(damaged)
    with pytest.raises(ApprovalError, match=r"approvals\.json"):
        is_approved("exec:./bot", None)
    with pytest.raises(ApprovalError):
        approve("exec:./bot", None)
    assert approvals_file().read_bytes() == damaged


def test_a_folder_that_cannot_be_written_is_named(config):
    config.write_text("a file in the way")
    with pytest.raises(ApprovalError, match="config"):
        approve("exec:./bot", None)


def test_writers_at_once_lose_nothing():
    writers = [threading.Thread(target=approve, args=(f"exec:./bot{i}", None)) for i in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(one.specification for one in approved()) == [f"exec:./bot{i}" for i in range(8)]
