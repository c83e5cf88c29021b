"""What a player may ask of the game, and what its proxy keeps from it."""

from __future__ import annotations

import pytest
from coroutines import run

pytest.importorskip("pysc2")

from websockets.exceptions import ConnectionClosedOK

from arena.games.errors import GameFailed
from arena.games.starcraft.assignment import Rules
from arena.games.starcraft.protocol import common_pb2
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb
from arena.games.starcraft.seat_proxy import SeatProxy

RULES = Rules(scored=False, step_loops=4, max_loops=100, interface="raw")
LAN = [15000, 15001, 15002, 15003]


class Game:
    """Answers as the game would, and keeps what it was asked."""

    def __init__(self):
        self.status, self.refuses = sc_pb.in_game, 0
        self.asked: list[sc_pb.Request] = []

    async def ask(self, request):
        self.asked.append(sc_pb.Request.FromString(request.SerializeToString()))
        kind = request.WhichOneof("request")
        told = sc_pb.Response(id=request.id, status=self.status)
        getattr(told, kind).SetInParent()
        if kind == "join_game" and self.refuses:
            told.join_game.error = self.refuses
        elif kind == "join_game":
            told.join_game.player_id = 1
        elif kind == "step":
            told.step.simulation_loop = 50
        elif kind == "game_info":
            for player, name in ((1, "me"), (2, "them")):
                told.game_info.player_info.add(player_id=player, player_name=name, race_actual=common_pb2.Zerg)
        elif kind == "observation" and self.status == sc_pb.ended:
            told.observation.player_result.add(player_id=1, result=sc_pb.Victory)
        return told


def ask(kind: str, *, rules: Rules = RULES, status: int = sc_pb.in_game, **fields) -> tuple:
    """(the answer, what reached the game, the seat) of one request."""

    async def talk():
        game = Game()
        game.status = status
        seat = SeatProxy("bot", game, rules, ports=LAN, start_port=20000)
        request = sc_pb.Request()
        getattr(request, kind).SetInParent()
        for name, value in fields.items():
            target = getattr(request, kind)
            *path, last = name.split("__")
            for part in path:
                target = getattr(target, part)
            setattr(target, last, value)
        return await seat.respond(request), game.asked, seat

    return run(talk())


def test_debugging_is_answered_and_never_reaches_the_game():
    told, asked, _ = ask("debug")
    assert told.HasField("debug")
    assert asked == []


def test_fog_stays():
    _, asked, _ = ask("observation", disable_fog=True)
    assert not asked[0].observation.disable_fog


@pytest.mark.parametrize("kind", ["create_game", "restart_game", "start_replay", "quick_load", "map_command"])
def test_the_match_is_the_hosts(kind):
    told, asked, _ = ask(kind)
    assert "host's" in told.error[0]
    assert asked == []


def test_a_replay_is_given_out_when_the_match_is_over():
    told, asked, _ = ask("save_replay")
    assert "over" in told.error[0]
    assert asked == []


def test_leaving_ends_the_seat_and_the_game_goes_on():
    told, asked, seat = ask("quit")
    assert told.status == sc_pb.quit
    assert asked == []
    assert seat.ended.result()[0] == "left"


def test_joining_gets_the_agents_name_and_the_hosts_ports():
    _, asked, seat = ask("join_game", player_name="somebody else", server_ports__game_port=20002)
    joined = asked[0].join_game
    assert joined.player_name == "bot"
    assert (joined.server_ports.game_port, joined.client_ports[0].base_port) == (LAN[0], LAN[3])
    assert seat.player == 1


def test_whoever_asks_wrongly_may_ask_again_and_a_game_that_lets_nobody_join_has_failed():
    async def talk():
        game = Game()
        seat = SeatProxy("bot", game, RULES, ports=LAN, start_port=20000)
        game.refuses = sc_pb.ResponseJoinGame.MissingParticipation
        told = await seat.respond(sc_pb.Request(join_game=sc_pb.RequestJoinGame()))
        assert (told.join_game.error, seat.player, seat.joining) == (game.refuses, None, False)
        game.refuses = sc_pb.ResponseJoinGame.NetworkError
        with pytest.raises(GameFailed, match="NetworkError"):
            await seat.respond(sc_pb.Request(join_game=sc_pb.RequestJoinGame()))
        game.refuses = 0
        seat.joining = False
        await seat.respond(sc_pb.Request(join_game=sc_pb.RequestJoinGame()))
        return seat.player

    assert run(talk()) == 1


def test_a_bot_of_another_match_is_refused():
    told, asked, _ = ask("join_game", server_ports__game_port=31000)
    assert "StartPort is 20000" in told.error[0]
    assert asked == []


def test_feature_layers_alone_are_given_where_the_game_says_so():
    rules = Rules(scored=True, step_loops=8, max_loops=100, interface="feature")
    _, asked, _ = ask("join_game", rules=rules, options__raw=True)
    assert not asked[0].join_game.options.raw


def test_steps_are_neither_shorter_than_allowed_nor_past_the_end():
    assert ask("step", count=1)[1][0].step.count == 4
    assert ask("step", count=10_000)[1][0].step.count == 100


def test_the_opponents_name_and_race_are_hidden():
    async def talk():
        seat = SeatProxy("bot", Game(), RULES, ports=LAN, start_port=20000)
        await seat.respond(sc_pb.Request(join_game=sc_pb.RequestJoinGame()))
        told = await seat.respond(sc_pb.Request(game_info=sc_pb.RequestGameInfo()))
        return told.game_info.player_info

    mine, theirs = run(talk())
    assert (mine.player_name, mine.race_actual) == ("me", common_pb2.Zerg)
    assert (theirs.player_name, theirs.race_actual) == ("opponent", common_pb2.NoRace)


def test_the_end_is_known_although_the_player_never_looks():
    _, _, seat = ask("step", status=sc_pb.ended, count=8)
    assert seat.results == {1: sc_pb.Victory}


def test_what_is_no_message_ends_the_seat_with_its_name():
    class Connection:
        def __init__(self):
            self.said = [b"\xff\xff\xff"]

        async def recv(self, decode):
            if not self.said:
                raise ConnectionClosedOK(None, None)
            return self.said.pop()

    async def talk():
        seat = SeatProxy("bot", Game(), RULES, ports=LAN, start_port=20000)
        await seat.attend(Connection())
        return seat.ended.result()

    how, why = run(talk())
    assert how == "garbage"
    assert why.startswith("bot sent")
