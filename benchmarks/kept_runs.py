"""Runs of long benchmarks in a file, a line each as soon as it is done: the same command again does what is left."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_runs(path: Path) -> list[dict[str, Any]]:
    """What stands in each line, ``job`` and ``found``; a line that was being written when all was killed is taken out of the file."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        path.write_text("".join(lines), encoding="utf-8")
    return [json.loads(line) for line in lines]


def keep_run(path: Path, job: DataclassInstance, found: DataclassInstance) -> None:
    """Adds a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job": asdict(job), "found": asdict(found)}) + "\n")
