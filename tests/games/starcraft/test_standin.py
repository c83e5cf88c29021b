"""The stand-in as clients see it: its protocol, fog, mini-games, SMAC's respawns, replays, and maps that it refuses."""

from __future__ import annotations

import asyncio
import json

import pytest
from coroutines import run

pytest.importorskip("pysc2")

from arena.games.starcraft.standin.maps import NoStandinMap, read_map, shipped_maps
from arena.games.starcraft.standin.match import OVER, Match
from arena.games.starcraft.standin.units import MARINE, NUM_TYPES, TOLD_NUMBER

from s2clientprotocol import common_pb2, debug_pb2  # isort: skip  # importable since the stand-in is imported
from s2clientprotocol import sc2api_pb2 as sc_pb  # isort: skip

SELF, ENEMY, NEUTRAL = 1, 4, 3


def begun(path: str, *, seed: int = 1, computer: int | None = None, players: int = 1, layers: bool = False) -> Match:
    created = sc_pb.RequestCreateGame(random_seed=seed)
    for _ in range(players):
        created.player_setup.add(type=sc_pb.Participant)
    if computer is not None:
        created.player_setup.add(type=sc_pb.Computer, difficulty=computer, race=common_pb2.Terran)
    match = Match(created, shipped_maps()[path])
    for _ in range(players):
        joined = sc_pb.RequestJoinGame(race=common_pb2.Terran, options=sc_pb.InterfaceOptions(raw=True))
        if layers:
            for size in (joined.options.feature_layer.resolution, joined.options.feature_layer.minimap_resolution):
                size.x = size.y = 64
        match.join(joined)
    return match


async def ask(match: Match, kind: str, player: int = 1, **fields):
    request = sc_pb.Request()
    getattr(request, kind).SetInParent()
    for name, value in fields.items():
        target = getattr(request, kind)
        getattr(target, name).extend(value) if isinstance(value, list) else setattr(target, name, value)
    return await match.respond(player, request)


async def units(match: Match, alliance: int, player: int = 1):
    seen = await ask(match, "observation", player)
    return [unit for unit in seen.observation.observation.raw_data.units if unit.alliance == alliance]


def order(ability: int, tags: list[int], *, unit: int | None = None, at: tuple[float, float] | None = None) -> list:
    action = sc_pb.Action()
    command = action.action_raw.unit_command
    command.ability_id = ability
    command.unit_tags.extend(tags)
    if unit is not None:
        command.target_unit_tag = unit
    if at is not None:
        command.target_world_space_pos.x, command.target_world_space_pos.y = at
    return [action]


def test_fog_hides_what_is_out_of_sight_until_one_goes_there():
    async def play():
        match = begun("Arena/Skirmish", computer=sc_pb.VeryEasy)
        hidden = await units(match, ENEMY)
        own = [unit.tag for unit in await units(match, SELF)]
        await ask(match, "action", actions=order(16, own, at=(20, 16)))
        await ask(match, "step", count=60)
        return hidden, await units(match, ENEMY)

    hidden, seen = run(play())
    assert hidden == []
    assert seen != []


def test_units_of_others_do_not_obey():
    async def play():
        match = begun("mini_games/DefeatRoaches")
        roach = (await units(match, ENEMY))[0]
        told = await ask(match, "action", actions=order(16, [roach.tag], at=(1, 1)))
        return told.action.result[0]

    assert run(play()) != 1


def test_a_stronger_computer_player_wins_more_against_one_that_waits():
    async def lasts(difficulty: int) -> tuple[int, int]:
        match = begun("Arena/Skirmish", computer=difficulty)
        while match.standing.results is None and match.battle.loop < 2000:
            await ask(match, "step", count=50)
        return match.standing.results or {}, match.battle.loop

    waits, _ = run(lasts(sc_pb.VeryEasy))
    assert waits == {}
    attacks, loops = run(lasts(sc_pb.Medium))
    assert attacks[2] in (sc_pb.Victory, sc_pb.Defeat)
    assert loops < 2000


def test_the_match_is_over_when_one_leaves_and_nothing_more_is_done():
    async def play():
        match = begun("Arena/Skirmish", players=2)
        waiting = asyncio.ensure_future(ask(match, "step", 1, count=8))
        await asyncio.sleep(0)
        assert not waiting.done()  # a step is a barrier
        match.leave(2)
        await waiting
        seen = await ask(match, "observation", 1)
        return {one.player_id: one.result for one in seen.observation.player_result}, await ask(match, "step", 1)

    results, late = run(play())
    assert results == {1: sc_pb.Victory, 2: sc_pb.Defeat}
    assert late.error == [OVER]


def test_shards_are_collected_and_come_again():
    async def play():
        match = begun("mini_games/CollectMineralShards", layers=True)
        for _ in range(300):
            own, shards = await units(match, SELF), await units(match, NEUTRAL)
            await ask(
                match, "action", actions=order(16, [unit.tag for unit in own], at=(shards[0].pos.x, shards[0].pos.y))
            )
            await ask(match, "step", count=8)
        seen = await ask(match, "observation")
        return seen.observation.observation

    seen = run(play())
    assert seen.score.score > 20
    layer = seen.feature_layer_data.renders.player_relative
    assert {1, 3} <= set(layer.data)


def test_smacs_maps_stay_empty_for_a_moment_and_then_fill_again():
    """SMACv2 kills all units and steps by two until it sees none: with no empty moment it would wait for ever."""

    async def play():
        match = begun("SMAC_Maps/3m", computer=sc_pb.VeryHard)
        own = await units(match, SELF)
        tags = [unit.tag for unit in own + await units(match, ENEMY)]
        await ask(match, "debug", debug=[debug_pb2.DebugCommand(kill_unit=debug_pb2.DebugKillUnit(tag=tags))])
        await ask(match, "step", count=2)
        empty = await units(match, SELF)
        await ask(match, "step", count=8)
        return {unit.unit_type for unit in own}, empty, await units(match, SELF)

    kinds, empty, again = run(play())
    assert kinds == {TOLD_NUMBER["Marine"]}
    assert empty == []
    assert len(again) == 3


def test_units_that_a_client_makes_are_of_the_types_that_it_is_told():
    async def play():
        match = begun("SMAC_Maps/10gen_terran", computer=sc_pb.VeryHard)
        made = debug_pb2.DebugCreateUnit(unit_type=TOLD_NUMBER["Medivac"], owner=1, quantity=2)
        made.pos.x = made.pos.y = 10
        await ask(match, "debug", debug=[debug_pb2.DebugCommand(create_unit=made)])
        await ask(match, "step", count=1)
        data = await ask(match, "data")
        return await units(match, SELF), data.data

    made, data = run(play())
    assert len(made) == 2
    assert len(data.units) == NUM_TYPES
    assert data.units[TOLD_NUMBER["Medivac"]].name == "RL_Medivac"
    assert data.units[MARINE.number].name == "Marine"


def test_a_replay_has_all_that_the_match_follows_from():
    async def play():
        match = begun("Arena/Skirmish", seed=7, computer=sc_pb.Easy)
        await ask(match, "action", actions=order(4, [unit.tag for unit in await units(match, SELF)]))
        await ask(match, "step", count=40)
        return json.loads((await ask(match, "save_replay")).save_replay.data)

    replay = run(play())
    assert (replay["seed"], replay["loops"], len(replay["log"])) == (7, 40, 1)
    assert replay["map"]["name"] == "Skirmish"


@pytest.mark.parametrize("content", [b"MPQ\x1a\x00\x01\x02", b"{}", b"[1]", b'{"format": "arena-standin-map-1"}'])
def test_maps_of_the_real_game_and_other_files_are_refused(content):
    with pytest.raises(NoStandinMap, match="stand-in"):
        read_map(content)


def test_maps_are_read_as_they_are_written():
    for field in shipped_maps().values():
        assert read_map(field.to_bytes()) == field
