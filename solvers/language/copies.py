"""The models of a run: the policy, the reference and the anchor, each held once, or as adapters on one set of weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from arena.solvers.language.sampling import Voice

Model = Any
"""A causal model of transformers, or one that peft has wrapped: neither carries types."""

Role = Literal["policy", "reference", "anchor"]
ANCHOR = "anchor"
DROPPING = ("dropout", "attention_dropout", "attn_dropout", "dropout_p")


class Copies(Protocol):
    """The models by role. ``policy`` is the one that learns."""

    policy: Model

    def using(self, role: Role) -> AbstractContextManager[Model]:
        """The model of a role, on the device for as long as it is used."""
        ...

    def holds(self, role: Role) -> bool: ...

    def anchor_parameters(self) -> dict[str, Tensor]:
        """What is stored of the anchor, by the policy's names."""
        ...

    def follow(self, share: float) -> None:
        """Moves the anchor by this share of the way to the policy; 1 = becomes it."""
        ...


def voice(copies: Copies, role: Role, share: float = 1.0) -> Voice:
    return Voice(enter=lambda: copies.using(role), share=share)


class WholeCopies:
    """A full set of weights for each role that the method needs.

    ``parked``: the reference waits in the memory of the CPU and is brought to the device only while it is used.
    """

    def __init__(self, policy: Model, reference: Model | None, *, anchored: bool, device: torch.device, parked: bool):
        self.policy = policy.to(device)
        self.device, self.parked, self.users = device, parked, 0
        self.reference = None if reference is None else _still(reference).to("cpu" if parked else device)
        self.anchor = _still(copy.deepcopy(policy)) if anchored else None

    @contextmanager
    def using(self, role: Role) -> Iterator[Model]:
        if role == "reference" and self.reference is not None:
            if self.parked and not self.users:
                self.reference.to(self.device)
            self.users += 1
            try:
                yield self.reference
            finally:
                self.users -= 1
                if self.parked and not self.users:
                    self.reference.to("cpu")
            return
        yield {"policy": self.policy, "anchor": self.anchor, "reference": None}[role]

    def holds(self, role: Role) -> bool:
        return {"policy": self.policy, "anchor": self.anchor, "reference": self.reference}[role] is not None

    def anchor_parameters(self) -> dict[str, Tensor]:
        return dict(self.anchor.named_parameters()) if self.anchor is not None else {}

    def follow(self, share: float) -> None:
        assert self.anchor is not None
        _follow(self.anchor_parameters(), dict(self.policy.named_parameters()), share)


class AdapterCopies:
    """One set of weights: the policy and the anchor are adapters on it, the reference is the weights with adapters off.

    ``reference``: where another model is given as one, it is held beside.
    """

    def __init__(self, policy: Model, reference: Model | None, *, anchored: bool, device: torch.device):
        self.policy = policy.to(device)
        self.reference = None if reference is None else _still(reference).to(device)
        self.anchored = anchored
        self.trained = policy.active_adapter
        if anchored:
            policy.add_adapter(ANCHOR, policy.peft_config[self.trained])
            policy.to(device)
            policy.set_adapter(self.trained)
            for parameter in self.anchor_parameters().values():
                parameter.requires_grad_(False)
            self.follow(1.0)

    @contextmanager
    def using(self, role: Role) -> Iterator[Model]:
        if role == "policy":
            yield self.policy
        elif role == "reference" and self.reference is not None:
            yield self.reference
        elif role == "reference":
            with self.policy.disable_adapter():
                yield self.policy
        else:
            self.policy.set_adapter(ANCHOR, inference_mode=True)
            try:
                yield self.policy
            finally:
                self.policy.set_adapter(self.trained)

    def holds(self, role: Role) -> bool:
        return self.anchored if role == "anchor" else True

    def anchor_parameters(self) -> dict[str, Tensor]:
        if not self.anchored:
            return {}
        of, mine = f".{ANCHOR}.", f".{self.trained}."
        return {name.replace(of, mine): parameter for name, parameter in self.policy.named_parameters() if of in name}

    def follow(self, share: float) -> None:
        policy = {name: one for name, one in self.policy.named_parameters() if f".{self.trained}." in name}
        _follow(self.anchor_parameters(), policy, share)


def without_dropout(model: nn.Module) -> None:
    """Sets every chance of dropping to 0: those of modules, and those that attention keeps as numbers."""
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        for name in DROPPING:
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)


def _still(model: Model) -> Model:
    return model.eval().requires_grad_(False)


@torch.no_grad()
def _follow(mine: dict[str, Tensor], theirs: dict[str, Tensor], share: float) -> None:
    for name, parameter in mine.items():
        if share < 1:
            parameter.lerp_(theirs[name].to(parameter.dtype), share)
        else:
            parameter.copy_(theirs[name])
