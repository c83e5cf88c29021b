"""Where an agent comes from: its forebears back to the first one, and what came of each of them, as a tree.

The parent of a version is the version before it; that of an exploiter the agent that it was made against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena.ledger_rows import AgentVersion

FOREBEARS_SHOWN = 5
CHILDREN_SHOWN = 8
SHORT_HASH = 8  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """An agent of the tree. ``how`` it came of its parent, '' of the first one; ``content``: the begin of its hash; ``changed``: whether
    that is another one than its parent's; ``is_this``: whose page it is; ``more``: children that are not shown."""

    label: str
    how: str
    content: str
    changed: bool
    created_at: str
    is_this: bool
    children: tuple[Kin, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A tree, and how many forebears there are before its ``root``."""

    root: Kin
    earlier: int


def ancestry(agent: AgentVersion, known: Sequence[AgentVersion]) -> Family | None:
    """The agent with its last forebears; children are told of these alone. None where there is nobody else."""
    by_label = {one.label: one for one in known}
    children: dict[str, list[AgentVersion]] = {}
    for one in sorted(known, key=lambda one: (one.created_at, one.id)):
        if (parent := _parent(one, by_label)) is not None:
            children.setdefault(parent, []).append(one)
    place, last = {agent.label: 0}, agent.label
    # a ledger from anywhere may name itself in a circle
    while (parent := _parent(by_label[last], by_label)) is not None and parent not in place:
        place[parent], last = len(place), parent
    shown_line = list(place)[: FOREBEARS_SHOWN + 1]

    def kin(one: AgentVersion, parent: AgentVersion | None) -> Kin:
        born = children.get(one.label, []) if one.label in shown_line else []
        first = [child for child in born if place.get(child.label) == place[one.label] - 1]
        others = [child for child in born if child.label not in place]
        shown = (first + others)[:CHILDREN_SHOWN]
        return Kin(
            label=one.label,
            how="" if parent is None else "made against it" if _is_exploiter(one) else "the next version",
            content=(one.content_hash or "")[:SHORT_HASH],
            changed=parent is not None and one.content_hash != parent.content_hash,
            created_at=one.created_at,
            is_this=one.label == agent.label,
            children=tuple(kin(child, one) for child in shown),
            more=len(first) + len(others) - len(shown),
        )

    root = kin(by_label[shown_line[-1]], None)
    return Family(root=root, earlier=len(place) - len(shown_line)) if root.children else None


def _is_exploiter(one: AgentVersion) -> bool:
    return "exploits" in one.lineage


def _parent(one: AgentVersion, by_label: Mapping[str, AgentVersion]) -> str | None:
    """The label of the agent that it came of, where the ledger has it."""
    label = str(one.lineage["exploits"]) if _is_exploiter(one) else f"{one.name}@{one.version - 1}"
    return label if label in by_label and label != one.label else None
