"""Checkpoint files: a neural network that chooses among the legal actions, and what it is for.

A checkpoint is a safetensors file. Its metadata has one key, ``arena``: a JSON object with ``version``, ``kind`` ("mlp" or "gru"),
``game``, ``tensor_width``, ``num_actions``, ``sizes`` (input, hidden layers, output), ``activation`` and ``choice``:
"sample" draws from softmax(logits) over the legal actions, "greedy" takes the greatest logit. Version 2 adds ``reads``:
"observation", or "information_state" where the network reads those tensors, of ``tensor_width`` numbers. Weights are float32 and
named as PyTorch names those of a sequence of linear layers and activations: ``0.weight``, ``0.bias``, ``2.weight``, ...

Version 3 adds networks that remember, of the kind "gru", with ``memory``: its width. ``encoder`` is the input and the hidden
layers, an activation after each; ``memory`` a gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), whose gates are named as
`torch.nn.GRUCell` names them; ``actor`` the linear layer from memory to output: ``encoder.0.weight``, ``memory.weight_ih``,
``actor.0.weight``, ... It also adds the activation ``norm_relu``: outputs of a layer brought to mean 0 and variance 1, then those
above 0. Nothing in a file is executed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from arena.agents.network_form import Activation, form_of, made, weight_shapes
from arena.games import Game, GameInfo, SpecificationError
from arena.games.observation import Reads, width_of

if TYPE_CHECKING:
    import torch

    from arena.agents.network_form import Module

Choice = Literal["sample", "greedy"]

VERSION = 3
"""A file has the least version that knows what is in it, so that older readers read what they can."""
METADATA_KEY = "arena"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network and what it is for. ``module`` maps float32 [B, sizes[0]] to logits [B, sizes[-1]], one an action.

    ``memory``: the width of what it remembers of a match, 0 = nothing; one that remembers is a dict of modules, see `gru`.
    """

    game: str
    sizes: tuple[int, ...]
    activation: Activation
    choice: Choice
    reads: Reads = "observation"
    memory: int = 0
    module: Module = field(repr=False, compare=False)


def save_network(
    module: Module,
    path: str | Path,
    *,
    game: Game | GameInfo,
    choice: Choice = "sample",
    reads: Reads = "observation",
) -> None:
    """Writes a checkpoint that ``checkpoint:FILE`` plays.

    Args:
        module: linear layers with the same activation between each two, as `mlp` makes them, or parts as `gru` makes them.
        path: where; by custom the name ends in .safetensors.
        game: the game that it was trained for, or its facts.
        choice: "sample" from the softmax of the logits, or "greedy".
        reads: which tensor of the game it was trained on, "observation" or "information_state".

    Raises:
        SpecificationError: the network has another form, does not fit the game, or the file cannot be written.
    """
    info = game if isinstance(game, GameInfo) else game.info
    write_file(path, *content_of(module, info, choice, reads))


def content_of(
    module: Module, info: GameInfo, choice: Choice, reads: Reads
) -> tuple[dict[str, object], dict[str, torch.Tensor]]:
    """(header, weights by name) of a network's file.

    Raises:
        SpecificationError: the network has another form, or does not fit the game.
    """
    import torch

    sizes, memory, activation = form_of(module)
    header: dict[str, object] = {
        "version": VERSION if memory or activation == "norm_relu" else 1 if reads == "observation" else 2,
        "kind": "gru" if memory else "mlp",
        "game": info.specification,
        "tensor_width": width_of(info, reads),
        "num_actions": info.num_actions,
        "sizes": list(sizes),
        "activation": activation,
        "choice": choice,
        **({} if reads == "observation" else {"reads": reads}),
        **({"memory": memory} if memory else {}),
    }
    _check_header(header)
    return header, {
        name: weight.detach().to("cpu", torch.float32).contiguous() for name, weight in module.state_dict().items()
    }


def write_file(path: str | Path, header: Mapping[str, object], weights: dict[str, torch.Tensor]) -> None:
    """Writes a safetensors file with this header.

    Raises:
        SpecificationError: it cannot be written.
    """
    from safetensors.torch import save

    try:
        Path(path).write_bytes(save(weights, metadata={METADATA_KEY: json.dumps(header, sort_keys=True)}))
    except OSError as error:
        raise SpecificationError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def load_network(path: str | Path) -> Network:
    """The network of a checkpoint. Nothing in the file is executed.

    Raises:
        SpecificationError: no such file, not safetensors (a pickled .pt for example), no architecture in its metadata,
            weights of other names, sizes or types than the architecture has, or weights that are not finite.
    """
    try:
        return network_of(*read_file(path))
    except SpecificationError as error:
        raise SpecificationError(f"{str(path)!r} is no checkpoint: {error}") from None


def network_of(header: Mapping[str, object], weights: Mapping[str, NDArray[np.generic]]) -> Network:
    """The network of a file's content.

    Raises:
        SpecificationError: no architecture, or weights of other names, sizes or types than it has, or that are not finite.
    """
    import torch

    sizes, memory, activation = _check_header(header)
    expected = weight_shapes(sizes, memory)  # the module is made when they are right: its sizes may be anything before
    if weights.keys() != expected.keys():
        odd = min(weights.keys() ^ expected.keys())
        raise SpecificationError(f"sizes {list(sizes)} {'need' if odd in expected else 'do not have'} weights {odd!r}")
    for name, shape in expected.items():
        weight = weights[name]
        if weight.shape != shape or weight.dtype != np.float32:
            raise SpecificationError(f"{name!r} must be float32 {list(shape)}; got {weight.dtype} {list(weight.shape)}")
        if not np.isfinite(weight).all():
            raise SpecificationError(f"{name!r} has weights that are not finite")
    module = made(sizes, memory, activation)
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return Network(
        game=cast(str, header["game"]),
        sizes=sizes,
        activation=activation,
        choice=cast(Choice, header["choice"]),
        reads=cast("Reads", header.get("reads", "observation")),
        memory=memory,
        module=module.eval(),
    )


def read_file(path: str | Path) -> tuple[Mapping[str, object], dict[str, NDArray[np.generic]]]:
    """(header, weights by name) of a safetensors file, neither of them checked.

    Raises:
        SpecificationError: no such file, not safetensors, or without a header.
    """
    from safetensors import SafetensorError, safe_open

    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise SpecificationError(f"it cannot be read: {error.strerror or error}") from None
    if start[8:] != b"{" or 8 + int.from_bytes(start[:8], "little") > size:  # its header's length, then its header
        if _is_arrays(Path(path)):
            raise SpecificationError(f"it holds arrays by name (.npz, .policy); a policy plays as policy:{path}")
        if start.startswith((b"PK", b"\x80")):
            raise SpecificationError(
                "it is a pickled PyTorch file (.pt), which could run code; save the network with save_network as safetensors"
            )
        raise SpecificationError("it is not in the safetensors format; save the network with save_network")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, TypeError, ValueError, OSError) as error:
        raise SpecificationError(f"its safetensors content is broken: {error}") from None
    if METADATA_KEY not in metadata:
        raise SpecificationError(f"its metadata has no {METADATA_KEY!r}: save the network with save_network")
    try:
        header = json.loads(metadata[METADATA_KEY])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise SpecificationError(f"its metadata {METADATA_KEY!r} must be a JSON object")
    return header, weights


def _is_arrays(path: Path) -> bool:
    """Whether numpy wrote it: a zip of .npy members, where PyTorch's holds a pickle."""
    try:
        with zipfile.ZipFile(path) as file:
            return all(name.endswith(".npy") for name in file.namelist())
    except zipfile.BadZipFile:
        return False


def _check_header(header: Mapping[str, object]) -> tuple[tuple[int, ...], int, Activation]:
    """(sizes, memory, activation)."""
    version = header.get("version")
    if not _whole(version) or cast(int, version) > VERSION:
        raise SpecificationError(f"its version must be at most {VERSION}; got {version!r:.80}: update Arena")
    allowed: dict[str, tuple[str, ...]] = {
        "kind": ("mlp", "gru"),
        "activation": get_args(Activation),
        "choice": get_args(Choice),
    }
    for key, values in allowed.items():
        if header.get(key) not in values:
            raise SpecificationError(f"its {key} must be one of {', '.join(values)}; got {header.get(key)!r:.80}")
    if header.get("reads", "observation") not in get_args(Reads):
        raise SpecificationError(
            f"its reads must be one of {', '.join(get_args(Reads))}; got {header.get('reads')!r:.80}"
        )
    if not isinstance(header.get("game"), str):
        raise SpecificationError(f"its game must be a specification; got {header.get('game')!r:.80}")
    memory, remembers = header.get("memory", 0), header["kind"] == "gru"
    if (remembers and not _whole(memory)) or (not remembers and memory != 0):
        raise SpecificationError(f"its memory must be a whole number above 0, of a gru alone; got {memory!r:.80}")
    sizes, least = header.get("sizes"), 3 if remembers else 2
    if not isinstance(sizes, list) or len(sizes) < least or not all(_whole(size) for size in sizes):
        raise SpecificationError(f"its sizes must be {least} or more whole numbers above 0; got {sizes!r:.80}")
    expected = [header.get("tensor_width"), header.get("num_actions")]
    if [sizes[0], sizes[-1]] != expected:
        raise SpecificationError(
            f"its first and last size must be the game's tensor width and number of actions, {expected}; got {sizes}"
        )
    return tuple(sizes), cast(int, memory), cast(Activation, header["activation"])


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
