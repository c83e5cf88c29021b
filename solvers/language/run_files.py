"""Checkpoints of a run: a folder that from_pretrained opens, and beside the weights all that going on depends on.

``trainer_state.json``: counts, settings, log, and the shape of the optimiser's state; ``trainer_state.safetensors``: its tensors.
Nothing is pickled. A folder is written under another name and renamed, so a checkpoint is whole or not there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from arena.games.errors import NotProvided, SpecificationError

FORMAT, VERSION = "arena-language-checkpoint", 1
FACTS, TENSORS = "trainer_state.json", "trainer_state.safetensors"
TENSOR, PAIRS, TUPLE = "$tensor", "$pairs", "$tuple"
LARGEST_FACTS = 1 << 28
_NAME = re.compile(r"checkpoint-(\d+)")


def write_run(
    folder: Path, facts: Mapping[str, object], tensors: Mapping[str, Tensor], write_model: Callable[[Path], None]
) -> None:
    """Writes a checkpoint; one that stands there is replaced.

    Args:
        folder: checkpoint-STEP.
        facts: as JSON has them.
        tensors: by name.
        write_model: writes the model into a folder.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_model(partial)
    save_file({name: one.detach().cpu().clone().contiguous() for name, one in tensors.items()}, partial / TENSORS)
    text = json.dumps({"format": FORMAT, "version": VERSION, **facts})
    with open(partial / FACTS, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(partial, folder)


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(facts, tensors) of a checkpoint.

    Raises:
        SpecificationError: it is none, or damaged.
    """
    try:
        if (folder / FACTS).stat().st_size > LARGEST_FACTS:
            raise ValueError(f"{FACTS} is larger than {LARGEST_FACTS} bytes")
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or (facts.get("format"), facts.get("version")) != (FORMAT, VERSION):
            raise ValueError(f"{FACTS} is not of {FORMAT} version {VERSION}")
        tensors = load_file(folder / TENSORS)
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise SpecificationError(
            f"{str(folder)!r} is no checkpoint that can be gone on from ({error}); remove it to begin anew"
        ) from None
    return facts, tensors


def checkpoints(output_dir: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    if not output_dir.is_dir():
        return []
    found = [(int(match[1]), one) for one in output_dir.iterdir() if (match := _NAME.fullmatch(one.name))]
    return [one for _, one in sorted(found)]


def pack(value: object, name: str, tensors: dict[str, Tensor]) -> object:
    """The value as JSON has it, its tensors put aside by name; what `unpack` makes the value of again.

    Raises:
        NotProvided: the value holds what is neither number, text, tensor nor a container of these.
    """
    if isinstance(value, Tensor):
        tensors[name] = value
        return {TENSOR: name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {PAIRS: [[key, pack(one, f"{name}.{key}", tensors)] for key, one in value.items()]}
    if isinstance(value, tuple):
        return {TUPLE: [pack(one, f"{name}.{k}", tensors) for k, one in enumerate(value)]}
    if isinstance(value, list):
        return [pack(one, f"{name}.{k}", tensors) for k, one in enumerate(value)]
    raise NotProvided(f"checkpoints hold numbers, texts and tensors; {name} is a {type(value).__name__}")


def unpack(value: object, tensors: Mapping[str, Tensor]) -> Any:
    """What `pack` was given.

    Raises:
        KeyError, TypeError, ValueError: it is not of `pack`.
    """
    if isinstance(value, list):
        return [unpack(one, tensors) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {TENSOR}:
        return tensors[value[TENSOR]]
    if set(value) == {PAIRS}:
        return {key: unpack(one, tensors) for key, one in value[PAIRS]}
    if set(value) == {TUPLE}:
        return tuple(unpack(one, tensors) for one in value[TUPLE])
    raise ValueError(f"unknown entry {list(value)[:3]}")


def require_fit(live: Mapping[str, Tensor], held: Mapping[str, Tensor], what: str, folder: Path) -> None:
    """Makes sure that tensors can be copied by name into live ones.

    Raises:
        SpecificationError: names, shapes or types differ, or a number is not finite.
    """
    if set(live) != set(held):
        odd = sorted(set(live) ^ set(held))[:3]
        raise SpecificationError(f"{str(folder)!r} does not fit this model: {what} differ in {', '.join(odd)}")
    for name, one in live.items():
        other = held[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            raise SpecificationError(
                f"{str(folder)!r} does not fit this model: {what} {name} is {tuple(other.shape)} {other.dtype}, "
                f"not {tuple(one.shape)} {one.dtype}"
            )
        if other.is_floating_point() and not bool(torch.isfinite(other).all()):
            raise SpecificationError(
                f"{str(folder)!r} is a broken checkpoint: {what} {name} has numbers that are not finite"
            )


@torch.no_grad()
def fill(live: Mapping[str, Tensor], held: Mapping[str, Tensor]) -> None:
    """Copies tensors by name into live ones."""
    for name, one in live.items():
        one.copy_(held[name])
