"""A match of the stand-in: who plays, whose step the others wait for, and what each request of a player is answered."""

from __future__ import annotations

import asyncio
import base64
import json
import os

import numpy as np
from s2clientprotocol import common_pb2, debug_pb2
from s2clientprotocol import sc2api_pb2 as sc_pb

from arena.games.starcraft.standin.battle import Battle
from arena.games.starcraft.standin.facts import answer_query, tell_field, unit_data
from arena.games.starcraft.standin.maps import SCREEN, StandinMap
from arena.games.starcraft.standin.orders import Eye, carry_out
from arena.games.starcraft.standin.rules import Standing, after_tick, begin, command_computer, end, last_one
from arena.games.starcraft.standin.units import TERRAN
from arena.games.starcraft.standin.views import observe

OVER = "Game has already ended"  # clients know these words


class Match:
    """One created game; players are numbered from 1 in the order of its setup."""

    def __init__(self, created: sc_pb.RequestCreateGame, field: StandinMap):
        self.field = field
        self.setup = list(created.player_setup)
        self.seed = created.random_seed if created.HasField("random_seed") else int.from_bytes(os.urandom(4), "big")
        self.all_seen = created.disable_fog or field.reveal
        self.players = list(range(1, len(self.setup) + 1))
        self.slots = [player for player in self.players if self.setup[player - 1].type == sc_pb.Participant]
        self.joined: dict[int, sc_pb.RequestJoinGame] = {}
        self._changed = asyncio.Event()
        self.restart()

    def restart(self) -> None:
        """The same match from its start."""
        self.battle = Battle(self.field.size, self.seed)
        self.standing = Standing(score=dict.fromkeys(self.players, 0.0))
        self.left: set[int] = set()
        self.wanted = dict.fromkeys(self.slots, 0)
        self.dead: dict[int, list[int]] = {player: [] for player in self.slots}
        self.log: list[tuple[int, int, bytes]] = []
        begin(self.field, self.battle)
        self.eyes = {player: self._eye(player) for player in self.joined}

    @property
    def status(self) -> int:
        return int(sc_pb.in_game if self.standing.results is None else sc_pb.ended)

    def join(self, asked: sc_pb.RequestJoinGame) -> int:
        """The number of the player who joins; OSError where nobody else can."""
        player = next((slot for slot in self.slots if slot not in self.joined), None)
        if player is None:
            raise OSError("the game is full")
        self.joined[player] = asked
        self.eyes[player] = self._eye(player)
        return player

    def leave(self, player: int) -> None:
        """He is gone, and nobody waits for him; a match of which one player is left is over."""
        self.left.add(player)
        if self.field.rule == "melee":
            last_one(self.players, self.left, self.standing)
        self._advance()

    async def respond(self, player: int, request: sc_pb.Request) -> sc_pb.Response:
        """The answer to a request of a player in the match."""
        told = sc_pb.Response(id=request.id)
        kind = request.WhichOneof("request")
        if kind in ("step", "action") and self.standing.results is not None:
            told.error.append(OVER)
        elif kind == "step":
            await self._step(player, max(1, request.step.count))
            told.step.simulation_loop = self.battle.loop
        elif kind == "action":
            self.log.append((self.battle.loop, player, request.action.SerializeToString()))
            told.action.SetInParent()
            for action in request.action.actions:
                told.action.result.append(carry_out(action, self.battle, player, self.eyes[player]))
        elif kind == "observation":
            self._observe(player, told.observation, all_seen=self.all_seen or request.observation.disable_fog)
        elif kind == "game_info":
            self._tell_game(player, told.game_info)
        elif kind == "data":
            told.data.CopyFrom(unit_data())
        elif kind == "query":
            told.query.CopyFrom(answer_query(request.query, self.battle))
        elif kind == "debug":
            told.debug.SetInParent()
            self.log.append((self.battle.loop, player, request.debug.SerializeToString()))
            for command in request.debug.debug:
                self._debug(player, command)
        elif kind == "save_replay":
            told.save_replay.data = self._replay()
        elif kind == "restart_game":
            self.restart()
            told.restart_game.need_hard_reset = False
        else:
            told.error.append(f"the stand-in does not support {kind} in a match")
        told.status = self.status
        return told

    async def _step(self, player: int, count: int) -> None:
        """Waits until every player who is still there has asked for as much."""
        self.wanted[player] += count
        target, battle = self.wanted[player], self.battle
        self._advance()
        while battle.loop < target and self.standing.results is None and battle is self.battle:
            await self._changed.wait()

    def _advance(self) -> None:
        here = [player for player in self.slots if player not in self.left]
        while here and self.standing.results is None and self.battle.loop < min(self.wanted[one] for one in here):
            self._tick()
        self._changed.set()
        self._changed = asyncio.Event()

    def _tick(self) -> None:
        battle = self.battle
        before = self._count()
        battle.tick()
        after = self._count()
        lost = {owner: count - after.get(owner, 0) for owner, count in before.items()}
        for player, setup in enumerate(self.setup, 1):
            if setup.type == sc_pb.Computer:
                command_computer(battle, player, setup.difficulty)
        after_tick(self.field, battle, self.standing, self.players, self.left, lost)
        for dead in self.dead.values():
            dead += battle.dead
        battle.dead.clear()

    def _count(self) -> dict[int, int]:
        owners, counts = np.unique(self.battle.owner, return_counts=True)
        return dict(zip(owners.tolist(), counts.tolist(), strict=True))

    def _eye(self, player: int) -> Eye:
        asked = self.joined[player].options.feature_layer
        middle = self.field.size[0] / 2, self.field.size[1] / 2
        x, y = self._home(player) if self.field.rule == "melee" else middle
        return Eye(
            x=x,
            y=y,
            width=asked.width or SCREEN,
            screen=(asked.resolution.x, asked.resolution.y),
            minimap=(asked.minimap_resolution.x, asked.minimap_resolution.y),
        )

    def _home(self, player: int) -> tuple[float, float]:
        """The middle of a player's units, or of the field."""
        own = self.battle.owner == player
        if not own.any():
            return self.field.size[0] / 2, self.field.size[1] / 2
        return float(self.battle.x[own].mean()), float(self.battle.y[own].mean())

    def _observe(self, player: int, told: sc_pb.ResponseObservation, *, all_seen: bool) -> None:
        told.observation.CopyFrom(
            observe(
                self.battle,
                player,
                self.eyes[player],
                self.joined[player].options,
                all_seen=all_seen,
                score=self.standing.score[player],
                dead=self.dead[player],
            )
        )
        self.dead[player].clear()
        for other, result in (self.standing.results or {}).items():
            told.player_result.add(player_id=other, result=result)

    def _tell_game(self, player: int, told: sc_pb.ResponseGameInfo) -> None:
        told.map_name, told.local_map_path = self.field.name, f"{self.field.name}.SC2Map"
        told.options.CopyFrom(self.joined[player].options)
        for number, setup in enumerate(self.setup, 1):
            asked = self.joined.get(number)
            race = (asked.race if asked is not None else setup.race) or TERRAN
            one = told.player_info.add(player_id=number, type=setup.type, race_requested=race)
            one.player_name = asked.player_name if asked is not None else "computer"
            if number == player:
                one.race_actual = TERRAN if race == common_pb2.Random else race
            if setup.type == sc_pb.Computer:
                one.difficulty = setup.difficulty
        tell_field(told, self.battle, [self._home(other) for other in self.players if other != player])

    def _debug(self, player: int, command: debug_pb2.DebugCommand) -> None:
        gone = np.isin(self.battle.tag, np.array(command.kill_unit.tag, np.int64))
        if gone.any():
            self.battle.remove(gone)
        if command.HasField("create_unit"):
            made = command.create_unit
            for _ in range(made.quantity or 1):
                self.battle.add(made.unit_type, made.owner, made.pos.x, made.pos.y)
        if command.HasField("end_game"):
            won = command.end_game.end_result == debug_pb2.DebugEndGame.DeclareVictory
            end(self.standing, self.players, player if won else None)

    def _replay(self) -> bytes:
        """All that happened follows from the map, the seed and what players did when."""
        in_order = sorted(self.log, key=lambda done: done[:2])  # whoever was asked first in a loop
        log = [[loop, player, base64.b64encode(done).decode()] for loop, player, done in in_order]
        told = {
            "format": "arena-standin-replay-1",
            "map": json.loads(self.field.to_bytes()),
            "seed": self.seed,
            "loops": self.battle.loop,
            "results": self.standing.results,
            "log": log,
        }
        return json.dumps(told).encode()
