"""``checkpoint:FILE``: a neural network that chooses among the legal actions, for many tables at once.

A checkpoint is a safetensors file. Its metadata has one key, ``arena``: a JSON object with ``version``, ``kind`` ("mlp"),
``game``, ``tensor_width``, ``num_actions``, ``sizes`` (input, hidden layers, output), ``activation`` and ``choice``:
"sample" draws from softmax(logits) over the legal actions, "greedy" takes the greatest logit. Version 2 adds ``reads``:
"observation", or "information_state" where the network reads those tensors, of ``tensor_width`` numbers. Weights are float32 and
named as PyTorch names those of a sequence of linear layers and activations: ``0.weight``, ``0.bias``, ``2.weight``, ...
Nothing in the file is executed.

Answers do not depend on who else was asked: batches are padded to fixed sizes, all multiples of 8, because matrix kernels
round differently for some others. No vendor promises this, so that every size is tried when the agent is made; a size
whose bits differ is not used. Networks run on one thread, whatever `torch.set_num_threads` says, which is set back after
each batch: many tables fill one core well, and bits do not depend on the setting. They may still differ between machines
or versions of torch in the last place: a ledger made with networks is repeated exactly on the same ones.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from arena.agents.registry import require_discrete
from arena.games import AgentCrashed, AgentInfo, Game, GameInfo, ObservationBatch, SpecificationError
from arena.games.observation import Reads, width_of
from arena.games.seeds import sample_rows

if TYPE_CHECKING:
    import torch

Activation = Literal["relu", "tanh", "gelu", "silu"]
Choice = Literal["sample", "greedy"]

VERSION = 2
"""Networks that read information states have it; all others are written as version 1, which older readers know."""
PADDED_SIZES = (8, 32, 128, 256)
METADATA_KEY = "arena"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network and what it is for. ``module`` maps float32 [B, sizes[0]] to logits [B, sizes[-1]], one an action."""

    game: str
    sizes: tuple[int, ...]
    activation: Activation
    choice: Choice
    reads: Reads = "observation"
    module: torch.nn.Sequential = field(repr=False, compare=False)


class NetworkAgent:
    """Asks a network for all rows of a batch together. See the module for what makes its answers reproducible."""

    def __init__(self, network: Network, *, name: str = "network"):
        self.info = AgentInfo(name=name)
        self.network = network
        self.sizes: tuple[int, ...] = ()
        self._choose_sizes()

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row.

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        if self.network.choice == "greedy":
            best: NDArray[np.int64] = self._masked(batch).argmax(axis=1)
            return best
        return sample_rows(self.probabilities(batch), batch.seed())

    def probabilities(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """What `act` plays with which probability, [R, num_actions].

        Raises:
            AgentCrashed: logits that are no finite numbers.
        """
        masked = self._masked(batch)
        if self.network.choice == "greedy":
            certain = np.zeros(masked.shape)
            certain[np.arange(len(masked)), masked.argmax(axis=1)] = 1.0
            return certain
        weights = np.exp(masked - masked.max(axis=1, keepdims=True))
        spread: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return spread

    def _masked(self, batch: ObservationBatch) -> NDArray[np.float64]:
        """The logits, minus infinity for illegal actions."""
        logits = self.logits(batch.read(self.network.reads)).astype(np.float64)
        if not np.isfinite(logits).all():
            raise AgentCrashed(f"{self.info.name} computed logits that are not finite")
        return np.where(batch.legal.mask(logits.shape[1]), logits, -np.inf)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [R, num_actions] of float32 [R, tensor_width]; a row's bits do not depend on the other rows."""
        import torch

        most = self.sizes[-1]
        parts = []
        with torch.inference_mode(), _one_thread():
            for first in range(0, len(inputs), most):
                part = inputs[first : first + most]
                padded = np.zeros((next(s for s in self.sizes if s >= len(part)), inputs.shape[1]), np.float32)
                padded[: len(part)] = part
                parts.append(self.network.module(torch.from_numpy(padded))[: len(part)].numpy())
        return np.concatenate(parts) if parts else np.empty((0, self.network.sizes[-1]), np.float32)

    def _choose_sizes(self) -> None:
        """Keeps the sizes at which every row has the bits that it has at the largest."""
        import torch

        most = PADDED_SIZES[-1]
        probe = torch.randn(most, self.network.sizes[0], generator=torch.Generator().manual_seed(0))
        with torch.inference_mode(), _one_thread():
            whole = self.network.module(probe)
            self.sizes = tuple(
                size for size in PADDED_SIZES if size == most or torch.equal(self._in_parts(probe, size), whole)
            )

    def _in_parts(self, inputs: torch.Tensor, size: int) -> torch.Tensor:
        import torch

        parts = [self.network.module(inputs[first : first + size]) for first in range(0, len(inputs), size)]
        return torch.cat(parts)


def mlp(sizes: Sequence[int], *, activation: Activation = "relu", seed: int = 0) -> torch.nn.Sequential:
    """A new network of linear layers with an activation between each two, its weights drawn from `seed`.

    Args:
        sizes: input, hidden layers, output; for a game ``[tensor_width, 128, 128, num_actions]``.
        activation: "relu", "tanh", "gelu" or "silu".
        seed: of PyTorch's default initialisation; torch's global generator stays as it was.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _sequential(sizes, activation)


def save_network(
    module: torch.nn.Sequential,
    path: str | Path,
    *,
    game: Game | GameInfo,
    choice: Choice = "sample",
    reads: Reads = "observation",
) -> None:
    """Writes a checkpoint that ``checkpoint:FILE`` plays.

    Args:
        module: linear layers with the same activation between each two, as `mlp` makes them.
        path: where; by custom the name ends in .safetensors.
        game: the game that it was trained for, or its facts.
        choice: "sample" from the softmax of the logits, or "greedy".
        reads: which tensor of the game it was trained on, "observation" or "information_state".

    Raises:
        SpecificationError: the network has another form, does not fit the game, or the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    info = game if isinstance(game, GameInfo) else game.info
    sizes, activation = _form(module)
    header = {
        "version": 1 if reads == "observation" else VERSION,
        "kind": "mlp",
        "game": info.specification,
        "tensor_width": width_of(info, reads),
        "num_actions": info.num_actions,
        "sizes": list(sizes),
        "activation": activation,
        "choice": choice,
        **({} if reads == "observation" else {"reads": reads}),
    }
    _check_header(header)
    weights = {
        name: weight.detach().to("cpu", torch.float32).contiguous() for name, weight in module.state_dict().items()
    }
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
    import torch

    try:
        header, weights = _read(Path(path))
        sizes, activation = _check_header(header)
        expected = _weight_shapes(sizes)  # the module is made when they are right: its sizes may be anything before
        if weights.keys() != expected.keys():
            odd = min(weights.keys() ^ expected.keys())
            raise SpecificationError(
                f"sizes {list(sizes)} {'need' if odd in expected else 'do not have'} weights {odd!r}"
            )
        for name, shape in expected.items():
            weight = weights[name]
            if weight.shape != shape or weight.dtype != np.float32:
                raise SpecificationError(
                    f"{name!r} must be float32 {list(shape)}; got {weight.dtype} {list(weight.shape)}"
                )
            if not np.isfinite(weight).all():
                raise SpecificationError(f"{name!r} has weights that are not finite")
    except SpecificationError as error:
        raise SpecificationError(f"{str(path)!r} is no checkpoint: {error}") from None
    module = _sequential(sizes, activation)
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return Network(
        game=cast(str, header["game"]),
        sizes=sizes,
        activation=activation,
        choice=cast(Choice, header["choice"]),
        reads=cast("Reads", header.get("reads", "observation")),
        module=module.eval(),
    )


def load(rest: str, *, game: Game, name: str) -> NetworkAgent:
    """The agent of ``checkpoint:FILE``.

    Raises:
        SpecificationError: a broken file (see `load_network`), or a network for another game.
    """
    if not rest or rest.startswith("("):
        raise SpecificationError(
            "checkpoint: needs a file; write checkpoint:FILE with a .safetensors file of save_network"
        )
    require_discrete(game, "a checkpoint")
    network, info = load_network(rest), game.info
    if network.game != info.specification:
        raise SpecificationError(f"{rest!r} is a network for {network.game}; it does not fit {info.specification}")
    width = width_of(info, network.reads)
    if (network.sizes[0], network.sizes[-1]) != (width, info.num_actions):
        raise SpecificationError(
            f"{rest!r} reads {network.sizes[0]} numbers and chooses among {network.sizes[-1]} actions; "
            f"{info.specification} has {width} and {info.num_actions}"
        )
    return NetworkAgent(network, name=name)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _sequential(sizes: Sequence[int], activation: Activation) -> torch.nn.Sequential:
    from torch import nn

    between = _activations()[activation]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), between()]
    return nn.Sequential(*layers[:-1])


def _weight_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        shapes |= {f"{2 * layer}.weight": (after, before), f"{2 * layer}.bias": (after,)}
    return shapes


def _activations() -> Mapping[Activation, type[torch.nn.Module]]:
    from torch import nn

    return {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


def _form(module: torch.nn.Sequential) -> tuple[tuple[int, ...], Activation]:
    """(sizes, activation) of a network that `mlp` could have made."""
    from torch import nn

    layers = list(module) if isinstance(module, nn.Sequential) else []
    linear, between = layers[::2], {type(layer) for layer in layers[1::2]}
    names = [name for name, kind in _activations().items() if between <= {kind}]
    whole = all(isinstance(layer, nn.Linear) and layer.bias is not None for layer in linear)
    if not names or not whole or len(layers) % 2 == 0:
        raise SpecificationError(
            "only networks as mlp(...) makes them can be saved: linear layers, one activation between"
        )
    sizes = [cast(nn.Linear, layer) for layer in linear]
    return (sizes[0].in_features, *(layer.out_features for layer in sizes)), names[0]


def _is_arrays(path: Path) -> bool:
    """Whether numpy wrote it: a zip of .npy members, where PyTorch's holds a pickle."""
    try:
        with zipfile.ZipFile(path) as file:
            return all(name.endswith(".npy") for name in file.namelist())
    except zipfile.BadZipFile:
        return False


def _read(path: Path) -> tuple[Mapping[str, object], dict[str, NDArray[np.generic]]]:
    from safetensors import SafetensorError, safe_open

    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise SpecificationError(f"it cannot be read: {error.strerror or error}") from None
    if start[8:] != b"{" or 8 + int.from_bytes(start[:8], "little") > size:  # its header's length, then its header
        if _is_arrays(path):
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


def _check_header(header: Mapping[str, object]) -> tuple[tuple[int, ...], Activation]:
    version = header.get("version")
    if not _whole(version) or cast(int, version) > VERSION:
        raise SpecificationError(f"its version must be at most {VERSION}; got {version!r:.80}: update Arena")
    allowed: dict[str, tuple[str, ...]] = {
        "kind": ("mlp",),
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
    sizes = header.get("sizes")
    if not isinstance(sizes, list) or len(sizes) < 2 or not all(_whole(size) for size in sizes):
        raise SpecificationError(f"its sizes must be two or more whole numbers above 0; got {sizes!r:.80}")
    expected = [header.get("tensor_width"), header.get("num_actions")]
    if [sizes[0], sizes[-1]] != expected:
        raise SpecificationError(
            f"its first and last size must be the game's tensor width and number of actions, {expected}; got {sizes}"
        )
    return tuple(sizes), cast(Activation, header["activation"])


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
