"""pysc2 4.0.0 and s2clientprotocol 5.0.17 made importable on current Python and protobuf, without pins and without editing them.

Two faults of the released packages are mended when they are imported, from the installed files:

* Modules of s2clientprotocol that an old protoc made are rejected by protobuf 4 and later. The description of the messages
  inside each is still good: it is read without running the module, and protobuf's own builder makes the module of it.
* `pysc2.lib.colors.shuffled_hue` calls ``random.shuffle`` in a way that ended with Python 3.10. The same fixed order is made here.

Besides, a game that pysc2 starts ends with its process. Files that a newer protoc made are left alone, so that the packages may be mended upstream, or by pys2clientprotocol, meanwhile.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from arena.games.errors import GameMissing
from arena.games.worker_process import die_with

PROTOCOL = "s2clientprotocol"
INSTALL = "pip install 'minimax-arena[sc2]'"


def repair_protocol() -> None:
    """Makes s2clientprotocol importable; nothing happens where it is already.

    Raises:
        GameMissing: it is not installed.
    """
    if importlib.util.find_spec(PROTOCOL) is None:
        raise GameMissing(f"StarCraft II needs the package {PROTOCOL}; install it with: {INSTALL}")
    if not any(isinstance(finder, _OldProtocol) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OldProtocol())


def repair_pysc2() -> None:
    """Makes pysc2 importable, s2clientprotocol with it, and parses its flags, without which it refuses to start anything.

    Raises:
        GameMissing: it is not installed.
    """
    repair_protocol()
    require_pysc2()
    from absl import flags
    from pysc2.lib import colors

    colors.shuffled_hue = _shuffled_hue
    process = importlib.import_module("pysc2.lib.sc_process")
    process.StarcraftProcess._launch = _launch
    importlib.import_module("pysc2.run_configs.lib")  # defines flags
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["pysc2"])


def require_pysc2() -> None:
    """Raises `GameMissing`, with the way out, where pysc2 is not installed; imports nothing."""
    for package in ("pysc2", PROTOCOL):
        if importlib.util.find_spec(package) is None:
            raise GameMissing(
                f"StarCraft II is played through pysc2, and {package} is missing; install both with: {INSTALL}"
            )


class _OldProtocol(importlib.abc.MetaPathFinder):
    """Finds modules of the protocol that an old protoc made."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != PROTOCOL or not name.endswith("_pb2"):
            return None
        for folder in path or ():
            file = Path(folder, f"{name}.py")
            if file.is_file() and (description := _description(file)) is not None:
                return importlib.machinery.ModuleSpec(fullname, _FromDescription(description), origin=str(file))
        return None


class _FromDescription(importlib.abc.Loader):
    """Makes a module of messages from their serialized description."""

    def __init__(self, description: bytes):
        self._description = description

    def exec_module(self, module: ModuleType) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool
        from google.protobuf.internal import builder

        for needed in descriptor_pb2.FileDescriptorProto.FromString(self._description).dependency:
            importlib.import_module(needed.removesuffix(".proto").replace("/", ".") + "_pb2")
        file = descriptor_pool.Default().AddSerializedFile(self._description)
        module.__dict__["DESCRIPTOR"] = file
        builder.BuildMessageAndEnumDescriptors(file, module.__dict__)
        builder.BuildTopDescriptorsAndMessages(file, module.__name__, module.__dict__)


def _description(file: Path) -> bytes | None:
    """The serialized FileDescriptorProto in a module of an old protoc; None in any other."""
    text = file.read_text(encoding="utf-8")
    if "serialized_pb=" not in text:
        return None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb":
            written = node.value.args[0] if isinstance(node.value, ast.Call) else node.value  # _b('...') in the oldest
            value = ast.literal_eval(written)
            return value.encode("latin1") if isinstance(value, str) else bytes(value)
    return None


def _launch(_process: object, run_config: Any, args: list[str], **_: object) -> subprocess.Popen[bytes]:
    """Starts the game for pysc2 so that it ends with whoever started it, also where that is killed."""
    mortal = partial(die_with, os.getpid())
    return subprocess.Popen(args, cwd=run_config.cwd, env=run_config.env, preexec_fn=mortal)  # noqa: S603


def _shuffled_hue(scale: int) -> object:
    """pysc2's palette in the order that its fixed shuffle had: each place swapped with the one half way below it."""
    import numpy as np
    from pysc2.lib import colors

    hues = np.asarray(colors.smooth_hue_palette(scale))
    order = list(range(len(hues)))
    for last in range(len(order) - 1, 0, -1):
        half = (last + 1) // 2
        order[last], order[half] = order[half], order[last]
    return hues[order]
