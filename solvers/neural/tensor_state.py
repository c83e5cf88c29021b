"""All that training depends on, as named arrays that a checkpoint holds: parameters, targets, queues, the optimiser's state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from arena.games.errors import NotProvided, SpecificationError
from arena.solvers.checkpoint import State

MakeOptimiser = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

Number = int | float


class TensorState:
    """Live tensors and the arrays [name] that stand for them. ``arrays()`` copies them out, ``restore`` copies them in.

    Args:
        modules: by name; parameters and buffers of each.
        tensors: by name; changed in place by whoever holds them.
        optimiser: of the trained parameters.
        make: makes such an optimiser; of a copy, one step of which shows what state it keeps.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        tensors: Mapping[str, Tensor],
        optimiser: torch.optim.Optimizer,
        make: MakeOptimiser,
    ):
        self.live = {f"tensor.{name}": tensor for name, tensor in tensors.items()}
        for name, module in modules.items():
            for key, value in module.state_dict().items():
                if not isinstance(value, Tensor):
                    raise NotProvided(
                        f"checkpoints hold tensors; {key!r} of the policy's state is a {type(value).__name__}"
                    )
                self.live[f"{name}.{key}"] = value
        self.optimiser = optimiser
        self.kept = _after_a_step(optimiser, make)

    def arrays(self) -> State:
        """Copies of all."""
        found = {name: _array(tensor) for name, tensor in self.live.items()}
        held = _entries(self.optimiser)
        for name, like in self.kept.items():
            found[f"optimiser.{name}"] = _array(held.get(name, like))
        return found

    def restore(self, arrays: State, *, fresh: bool) -> None:
        """Puts what `arrays` gave back into the live tensors and, unless it is ``fresh``, before a step, the optimiser.

        Raises:
            SpecificationError: an optimiser that made fewer than 0 steps.
        """
        for name, tensor in self.live.items():
            tensor.copy_(_tensor(arrays[name], tensor))
        if fresh:
            return
        told = self.optimiser.state_dict()
        state: dict[int, dict[str, Tensor | Number]] = {}
        for name, like in self.kept.items():
            where, index, key = name.split(".", 2)
            array = arrays[f"optimiser.{name}"]
            value = _tensor(array, like) if isinstance(like, Tensor) else type(like)(array.item())
            if key == "step" and value < 0:
                raise SpecificationError(f"the optimiser of a checkpoint must have made 0 steps or more; got {value:g}")
            if where == "state":
                state.setdefault(int(index), {})[key] = value
            else:
                told["param_groups"][int(index)][key] = value
        self.optimiser.load_state_dict({**told, "state": state})


def _after_a_step(optimiser: torch.optim.Optimizer, make: MakeOptimiser) -> dict[str, Tensor | Number]:
    """The entries of the optimiser's state once it has stepped, by name; all zero, as before the first step."""
    twins = [nn.Parameter(torch.zeros_like(one)) for group in optimiser.param_groups for one in group["params"]]
    twin = make(twins)
    for parameter in twins:
        parameter.grad = torch.zeros_like(parameter)
    before = {name: value.clone() if isinstance(value, Tensor) else value for name, value in _entries(twin).items()}
    twin.step()
    first: dict[str, Tensor | Number] = {}
    for name, value in _entries(twin).items():
        if name in before:
            first[name] = before[name]
        else:
            first[name] = torch.zeros_like(value) if isinstance(value, Tensor) else type(value)(0)
    return first


def _entries(optimiser: torch.optim.Optimizer) -> dict[str, Tensor | Number]:
    """state.PARAMETER.NAME and group.GROUP.NAME of all that are tensors or numbers."""
    told = optimiser.state_dict()
    found: dict[str, Tensor | Number] = {}
    for where, parts in (("state", told["state"]), ("group", dict(enumerate(told["param_groups"])))):
        for index, entries in parts.items():
            for key, value in entries.items():
                if isinstance(value, Tensor | int | float) and not isinstance(value, bool):
                    found[f"{where}.{index}.{key}"] = value
    return found


def _array(value: Tensor | Number) -> NDArray[np.generic]:
    if not isinstance(value, Tensor):
        return np.array(value)
    held = value.detach().cpu()
    if held.dtype == torch.bfloat16:  # numpy has no such type; its bits are kept
        held = held.view(torch.int16)
    return np.array(held.numpy())


def _tensor(array: NDArray[np.generic], like: Tensor) -> Tensor:
    held = torch.from_numpy(np.array(array))
    if like.dtype == torch.bfloat16:
        held = held.view(torch.bfloat16)
    return held.to(like.device)
