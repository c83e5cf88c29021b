"""The forms of networks that Arena keeps: layers, and layers with a memory; made anew, recognised, and their weights by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from arena.games import SpecificationError

if TYPE_CHECKING:
    import torch

    Module = torch.nn.Sequential | torch.nn.ModuleDict

Activation = Literal["relu", "tanh", "gelu", "silu", "norm_relu"]


def mlp(sizes: Sequence[int], *, activation: Activation = "relu", seed: int = 0) -> torch.nn.Sequential:
    """A new network of linear layers with an activation between each two, its weights drawn from `seed`.

    Args:
        sizes: input, hidden layers, output; for a game ``[tensor_width, 128, 128, num_actions]``.
        activation: "relu", "tanh", "gelu" or "silu"; or "norm_relu", which is layer normalisation that learns nothing, then relu.
        seed: of PyTorch's default initialisation; torch's global generator stays as it was.
    """
    return cast("torch.nn.Sequential", _drawn(sizes, 0, activation, seed))


def gru(sizes: Sequence[int], *, memory: int, activation: Activation = "tanh", seed: int = 0) -> torch.nn.ModuleDict:
    """A new network that remembers, as a dict of its parts ``encoder``, ``memory`` and ``actor``; otherwise as `mlp`.

    Args:
        sizes: input, one hidden layer or more, output.
        memory: how many numbers it remembers of a match.
        activation, seed: as of `mlp`.
    """
    return cast("torch.nn.ModuleDict", _drawn(sizes, memory, activation, seed))


def form_of(module: Module) -> tuple[tuple[int, ...], int, Activation]:
    """(sizes, memory, activation) of a network that `mlp` or `gru` could have made.

    Raises:
        SpecificationError: they could not.
    """
    import torch
    from torch import nn

    parts = list(module.modules())
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    memory = next((part.hidden_size for part in parts if isinstance(part, nn.GRUCell)), 0)
    names = [name for name, kind in _activations().items() if any(isinstance(part, kind) for part in parts)] or ["relu"]
    if len(linear) > bool(memory):
        sizes = (linear[0].in_features, *(layer.out_features for layer in linear))
        with torch.device("meta"):  # what those would have made, without its numbers
            twin = made(sizes, memory, names[0])
        if str(twin) == str(module):  # says all of the form: kinds, sizes, biases and names of parts
            return sizes, memory, names[0]
    raise SpecificationError(
        "only networks as mlp(...) or gru(...) makes them can be saved: linear layers, one activation between"
    )


def made(sizes: Sequence[int], memory: int, activation: Activation) -> Module:
    """A new network of this form, its weights drawn by torch's global generator; ``memory`` 0: without one."""
    from torch import nn

    if not memory:
        return nn.Sequential(*list(_layers(sizes, activation))[:-1])
    parts: dict[str, nn.Module] = {
        "encoder": _layers(sizes[:-1], activation),
        "memory": nn.GRUCell(sizes[-2], memory),
        "actor": nn.Sequential(nn.Linear(memory, sizes[-1])),
    }
    return nn.ModuleDict(parts)


def _drawn(sizes: Sequence[int], memory: int, activation: Activation, seed: int) -> Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return made(sizes, memory, activation)


def _layers(sizes: Sequence[int], activation: Activation) -> torch.nn.Sequential:
    """Linear layers with an activation after each."""
    from torch import nn

    after = _activations()[activation]
    return nn.Sequential(*(one for pair in itertools.pairwise(sizes) for one in (nn.Linear(*pair), after())))


def weight_shapes(sizes: Sequence[int], memory: int) -> dict[str, tuple[int, ...]]:
    """The shape of each weight by its name."""
    if not memory:
        return _linear_shapes(sizes, "")
    gates = {
        "memory.weight_ih": (3 * memory, sizes[-2]),
        "memory.weight_hh": (3 * memory, memory),
        "memory.bias_ih": (3 * memory,),
        "memory.bias_hh": (3 * memory,),
    }
    return {**_linear_shapes(sizes[:-1], "encoder."), **gates, **_linear_shapes((memory, sizes[-1]), "actor.")}


def _linear_shapes(sizes: Sequence[int], prefix: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        shapes |= {f"{prefix}{2 * layer}.weight": (after, before), f"{prefix}{2 * layer}.bias": (after,)}
    return shapes


def _activations() -> Mapping[Activation, type[torch.nn.Module]]:
    from torch import nn

    from arena.solvers.learning.networks import NormReLU

    return {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU, "norm_relu": NormReLU}
