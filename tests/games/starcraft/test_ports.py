"""Ports of matches side by side."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from arena.games.starcraft import ports
from arena.games.starcraft.ports import NoPorts, reserved_ports


def test_two_holders_never_share_a_port(tmp_path):
    with reserved_ports(5, folder=tmp_path) as mine, reserved_ports(5, folder=tmp_path) as theirs:
        assert len({*mine, *theirs}) == 10


def test_another_process_gets_other_ports(tmp_path):
    script = (
        "import sys, os; os.getpid = lambda: int(sys.argv[2])\n"
        "from pathlib import Path\nfrom arena.games.starcraft.ports import reserved_ports\n"
        "with reserved_ports(5, folder=Path(sys.argv[1])) as found: print(*found)"
    )
    with reserved_ports(5, folder=tmp_path) as mine:  # the other begins its search at the same place
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(os.getpid())], capture_output=True, text=True, check=True
        )
    assert not set(mine) & set(map(int, done.stdout.split()))


def test_a_port_that_a_stranger_holds_is_passed_over(tmp_path):
    with reserved_ports(1, folder=tmp_path) as (first,):
        pass
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first))
        stranger.listen()
        with reserved_ports(1, folder=tmp_path) as (other,):
            assert other != first


def test_too_many_are_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "LAST", ports.FIRST + 3)
    with pytest.raises(NoPorts, match="end other games"), reserved_ports(5, folder=tmp_path):
        pass
