"""A bot of burnysc2 with the ladders' arguments, as such bots start; run by an interpreter that has burnysc2 and nothing of Arena."""

from __future__ import annotations

import argparse
import asyncio

import aiohttp
from sc2.bot_ai import BotAI
from sc2.client import Client
from sc2.data import Race
from sc2.main import _play_game
from sc2.player import Bot
from sc2.portconfig import Portconfig


class Rush(BotAI):
    async def on_step(self, iteration: int) -> None:
        for unit in self.units:
            if self.enemy_units:
                unit.attack(self.enemy_units.closest_to(unit))
            else:
                unit.attack(self.enemy_start_locations[0])


async def join(host: str, port: int, ports: list[int]) -> object:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://{host}:{port}/sc2api") as socket:
        config = Portconfig(server_ports=ports[:2], player_ports=[ports[2:]])
        return await _play_game(Bot(Race.Terran, Rush()), Client(socket), False, config)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    for name, kind in (("GamePort", int), ("StartPort", int), ("LadderServer", str), ("OpponentId", str)):
        arguments.add_argument(f"--{name}", type=kind)
    given = arguments.parse_args()
    print(asyncio.run(join(given.LadderServer, given.GamePort, [given.StartPort + step for step in range(2, 6)])))
