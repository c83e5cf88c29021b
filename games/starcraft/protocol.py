"""The messages of StarCraft II's protocol, importable on current protobuf."""

from __future__ import annotations

from arena.games.starcraft.pysc2_repair import repair_protocol

repair_protocol()

from s2clientprotocol import common_pb2, sc2api_pb2  # noqa: E402

__all__ = ["common_pb2", "sc2api_pb2"]
