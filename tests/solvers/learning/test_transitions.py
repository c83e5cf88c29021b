"""Transitions: every decision leads once to its player's next one in the same match, with his rewards in between, or to the end."""

import pytest
import torch

from arena.games import load_game
from arena.solvers.learning.environment import Facts, Happened, Seen
from arena.solvers.learning.match_tables import MatchTables
from arena.solvers.learning.transitions import Waiting

FACTS = Facts(tables=1, seats=1, players=2, inputs=1, actions=2)


def sees(player, number):
    return Seen(
        observation=torch.full((1, 1, 1), float(number)),
        state=torch.zeros(1, 1, 0),
        legal=torch.tensor([[[True, number % 2 == 0]]]),
        player=torch.tensor([[player]]),
        acting=torch.ones(1, 1, dtype=torch.bool),
    )


def gets(*reward, over=False):
    return Happened(reward=torch.tensor([reward]), over=torch.tensor([over]))


def listed(rows):
    return list(
        zip(
            rows["observation"][:, 0].tolist(),
            rows["action"].tolist(),
            rows["reward"].tolist(),
            rows["follows"][:, 0].tolist(),
            rows["follows_legal"].tolist(),
            strict=True,
        )
    )


def test_a_player_gets_what_came_between_his_decisions_whoever_moved():
    waiting, action = Waiting(FACTS, "cpu"), torch.tensor([[1]])
    assert listed(waiting.decided(sees(0, 10), action)) == []
    assert listed(waiting.followed(gets(1.0, -1.0))) == []
    assert listed(waiting.decided(sees(1, 11), action)) == []
    assert listed(waiting.followed(gets(2.0, -2.0))) == []
    assert listed(waiting.decided(sees(0, 12), 1 - action)) == [(10.0, 1, 3.0, 12.0, [True, True])]
    assert listed(waiting.followed(gets(4.0, -4.0, over=True))) == [
        (12.0, 0, 4.0, 0.0, [False, False]),
        (11.0, 1, -6.0, 0.0, [False, False]),
    ]
    # the next match begins with nobody waiting, and with no reward of this one
    assert listed(waiting.decided(sees(1, 13), action)) == []
    assert listed(waiting.followed(gets(0.5, 0.25, over=True))) == [(13.0, 1, 0.25, 0.0, [False, False])]


@pytest.mark.parametrize(
    "game", ["arena:kuhn_poker", "openspiel:leduc_poker(players=3)", "openspiel:goofspiel(num_cards=3)", "matrix:rps"]
)
def test_every_decision_has_one_transition_and_all_rewards_are_in_them(game):
    """In these games everybody decides in every match, and is paid at its end."""
    environment = MatchTables(load_game(game), 7, seed=0)
    waiting, words = Waiting(environment.facts, "cpu"), torch.Generator().manual_seed(0)
    made = known = 0
    got = paid = 0.0
    for _ in range(60):
        seen = environment.seen()
        action = torch.multinomial(seen.legal.flatten(0, 1).float(), 1, generator=words).reshape(seen.player.shape)
        made += int(seen.acting.sum())
        parts = [waiting.decided(seen, action)]
        happened = environment.step(action)
        parts.append(waiting.followed(happened))
        known += sum(len(part["reward"]) for part in parts)
        got += sum(float(part["reward"].abs().sum()) for part in parts)
        paid += float(happened.reward.abs().sum())
    assert known + int(waiting.waits.sum()) == made
    assert got == pytest.approx(paid)
    assert paid > 0
