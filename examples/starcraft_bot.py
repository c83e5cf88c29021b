"""A bot for StarCraft II that speaks the game's own protocol, with the arguments that ladders give.

Run it in a match:  arena play sc2-standin:Skirmish "exec:python examples/starcraft_bot.py" bot:easy

Bots in any language do the same: connect to --GamePort, join, then observe, act and step until the match is over. Bots of
python-sc2 and burnysc2 need nothing but their usual ladder start.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from arena.games.starcraft.protocol import common_pb2
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb

STEP = 8  # game loops
ATTACK = 23  # the ability of that number
ENEMY, SELF = 4, 1


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--GamePort", type=int, required=True)
    arguments.add_argument("--LadderServer", default="127.0.0.1")
    arguments.add_argument("--StartPort", type=int)
    arguments.add_argument("--OpponentId", default="")
    given = arguments.parse_args()
    met = Path(os.environ.get("ARENA_DATA", "."), "opponents.txt")  # what a bot writes there is there in its next match
    with met.open("a") as file:
        file.write(given.OpponentId + "\n")
    with connect(f"ws://{given.LadderServer}:{given.GamePort}/sc2api", max_size=None, compression=None) as game:
        result = play(game)
    print("result:", sc_pb.Result.Name(result))


def play(game: ClientConnection) -> int:
    """Joins, attacks until the match is over, and returns its result."""
    player = join(game)
    told = ask(game, sc_pb.Request(game_info=sc_pb.RequestGameInfo())).game_info
    theirs = told.start_raw.start_locations[0]
    while True:
        seen = ask(game, sc_pb.Request(observation=sc_pb.RequestObservation())).observation
        for one in seen.player_result:
            if one.player_id == player:
                return one.result
        ask(game, sc_pb.Request(action=sc_pb.RequestAction(actions=orders(seen.observation.raw_data.units, theirs))))
        ask(game, sc_pb.Request(step=sc_pb.RequestStep(count=STEP)))


def join(game: ClientConnection) -> int:
    """The number of this player in the match."""
    asked = sc_pb.RequestJoinGame(race=common_pb2.Terran, options=sc_pb.InterfaceOptions(raw=True))
    return ask(game, sc_pb.Request(join_game=asked)).join_game.player_id


def orders(units, theirs: common_pb2.Point2D) -> list[sc_pb.Action]:
    """Everybody at the enemy with the least health that is seen, else to where the enemy began."""
    enemies = [unit for unit in units if unit.alliance == ENEMY]
    own = [unit.tag for unit in units if unit.alliance == SELF]
    if not own:
        return []
    action = sc_pb.Action()
    command = action.action_raw.unit_command
    command.ability_id = ATTACK
    command.unit_tags.extend(own)
    if enemies:
        command.target_unit_tag = min(enemies, key=lambda unit: unit.health).tag
    else:
        command.target_world_space_pos.CopyFrom(theirs)
    return [action]


def ask(game: ClientConnection, request: sc_pb.Request) -> sc_pb.Response:
    game.send(request.SerializeToString())
    return sc_pb.Response.FromString(game.recv(decode=False))


if __name__ == "__main__":
    main()
