"""The scripted teams of SMAX as agents."""

import numpy as np
import pytest
import torch

from arena.agents.registry import load_agent
from arena.games import SpecificationError, UnknownName, load_game
from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.scripted import MODES, _compiled, _in_torch, fresh_memory
from arena.games.smax.simulator import Smax
from arena.playing import play


@pytest.mark.parametrize("mode", MODES)
def test_a_scripted_team_beats_random_play(mode):
    results = play("smax:3m", [f"scripted:{mode}", "random"], matches=100)
    assert results.returns[:, 0].mean() > 0.9


def test_the_same_seeds_give_the_same_matches_at_one_table_and_at_many(play_at):
    game = load_game("smax:smacv2_5_units")
    results = []
    for tables in (1, 5, 12):
        agents = [load_agent(f"scripted:{mode}", game=game) for mode in ("random", "closest")]
        results.append(play_at(game, [agents[0]] * 5 + [agents[1]] * 5, tables=tables, matches=12))
    assert results[0].equals(results[1]) and results[0].equals(results[2])


def test_the_compiled_script_decides_as_the_one_of_every_device():
    smax = Smax(Rules(scenario=scenario_named("smacv2_10_units")))
    rules, known, generator = smax.rules, smax.constants, torch.Generator().manual_seed(1)
    seed = torch.arange(30)
    state = smax.start(seed)
    memories = [fresh_memory(300, torch.device("cpu")) for _ in (0, 1)]
    shots = 0
    for step in range(40):
        seen, actions = smax.observations(state), []
        for team, units in ((0, slice(0, 10)), (1, slice(10, 20))):
            rows = seen[:, units].reshape(300, -1)
            draws = torch.rand(300, 2, generator=generator)
            given = (team, MODES[step % 3], True, rules, known)
            chosen, memory = _compiled(rows, memories[team], draws, *given)
            again, plain = _in_torch(rows, memories[team], draws, *given)
            alive = state.alive[:, units].reshape(-1)
            assert torch.equal(chosen[alive], again[alive])
            assert torch.equal(memory.last[alive], plain.last[alive])
            assert (memory.goal - plain.goal)[alive].abs().max() < 1e-4
            shots += int((chosen[alive] >= 5).sum())
            memories[team] = memory
            actions.append(chosen.reshape(30, 10))
        state = smax.advance(state, torch.cat(actions, 1), seed)
    assert shots > 100


def test_the_weakest_in_range_is_shot_at():
    smax = Smax(Rules(scenario=scenario_named("3m")))
    state = smax.start(torch.zeros(1, dtype=torch.int64))
    state.position[0] = torch.tensor([[10.0, 10], [2, 2], [2, 30], [11, 10], [13, 10], [14, 10]])
    state.health[0, 4] = 9.0
    seen = smax.observations(state)[:, 0]
    chosen = {
        mode: int(
            _compiled(seen, fresh_memory(1, seen.device), torch.zeros(1, 2), 0, mode, True, smax.rules, smax.constants)[
                0
            ]
        )
        for mode in ("closest", "weakest")
    }
    assert chosen == {"closest": 5, "weakest": 6}


def test_what_it_cannot_play_is_refused():
    with pytest.raises(UnknownName, match="closest"):
        load_agent("scripted:close", game=load_game("smax:3m"))
    with pytest.raises(SpecificationError, match="play SMAX"):
        load_agent("scripted:closest", game=load_game("arena:connect_four"))
    for setting in ("observation=conic", "actions=continuous"):
        with pytest.raises(SpecificationError, match="unit_list observations and discrete"):
            load_agent("scripted:closest", game=load_game(f"smax:3m({setting})"))
    assert np.isfinite(play("smax:2s3z", ["scripted:weakest", "scripted:random"]).returns).all()
