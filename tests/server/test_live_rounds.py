"""A tournament whose pairing looks at results shows what is played now of its newest round, which looks on at it."""

from __future__ import annotations

import numpy as np
from visitors import browser

from arena.agents.protocol import match_numbers
from arena.agents.remote import SeatTaken
from arena.config import make_config
from arena.games import load_game
from arena.ledger import Ledger
from arena.matches_under_way import numbers_under_way, planned_match
from arena.presence import register_remote
from arena.questions import LedgerMailbox
from arena.rounds import Round, keep_round
from arena.tournament import schedule_of

NOUGHTS = "openspiel:tic_tac_toe"


def test_a_match_of_the_newest_round_is_found_and_looked_on_at(fresh_ledger: Ledger):
    ledger = fresh_ledger
    far = register_remote(ledger, "far", account="ann")
    near = ledger.add_agent("near", specification="random", kind="random")
    config = make_config(
        {
            "name": "cup",
            "game": NOUGHTS,
            "agents": {"far": "far", "near": "random"},
            "pairing": "swiss",
            "matches": 2,
            "seed": 5,
        }
    )
    cup = ledger.add_tournament(
        name="cup",
        game=load_game(NOUGHTS).info,
        agents=[far, near],
        config=config.model_dump(mode="json"),
        seed=5,
        planned=4,
    )
    assert numbers_under_way(ledger, cup) == []
    rounds: list[Round] = []
    for _ in range(2):
        rounds.append(keep_round(ledger, cup, rounds, Round(lineups=np.array([[0, 1]]), rotations=1)))
    second = schedule_of(config, cup.sides, rounds[1], first=2).specs(2, 4)[1]
    assert planned_match(ledger, cup, 3) == second
    player = second.seats.index(0)
    [number] = match_numbers(np.array([second.seed], np.uint64), np.array([player]))
    mailbox = LedgerMailbox(ledger.url.render_as_string(hide_password=False), far.id, NOUGHTS)
    mailbox.take_seats([SeatTaken(match=number, player=player, move_s=None, match_s=None)])
    client = browser(ledger)
    assert '<a href="/tournaments/cup/matches/3/live"' in client.get("/tournaments/cup").text
    assert client.get("/tournaments/cup/matches/3/live").status_code == 200
    assert client.get("/tournaments/cup/matches/4/live").status_code == 404
    mailbox.close()
