"""Seeds of tournaments in which somebody elsewhere plays: drawn, and told by nothing before the end."""

import json

import pytest

from arena.hidden_chance import drawn_seed, hides_chance
from arena.ledger import Ledger
from arena.match_export import chosen_matches, match_columns
from arena.source_facts import match_record, tournament_facts


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as made:
        yield made


@pytest.mark.parametrize("config", [{"seed": 5}, {"seed": 5, "common_chance": True}])
def test_nothing_tells_a_seed_before_the_end(ledger, config, made_game, made_results):
    kinds = ("remote", "random", "random")
    agents = [ledger.add_agent(f"a{i}", specification=kind, kind=kind) for i, kind in enumerate(kinds)]
    cup = ledger.add_tournament(name="cup", game=made_game(), agents=agents, config=config, seed=987654321, planned=9)
    results = made_results(6)
    ledger.write(cup, results)

    def told():
        tournament = ledger.tournament(cup.key)
        record = match_record(ledger, tournament, 2).to_dict()
        columns = list(match_columns(ledger, chosen_matches(ledger)))
        return json.dumps([tournament_facts(ledger, tournament).to_dict(), record, columns])

    seeds = [str(seed) for seed in (987654321, *results.specs.seed.tolist(), *results.specs.chance_seed.tolist())]
    assert hides_chance(cup)
    assert not [seed for seed in seeds if seed in told()]
    ledger.set_status(cup, "finished")
    assert not [seed for seed in seeds if seed not in told()]


def test_it_is_drawn_where_somebody_elsewhere_plays_and_made_from_the_key_elsewhere(ledger):
    near = ledger.add_agent("near", specification="random", kind="random")
    far = ledger.add_agent("far", specification="remote:far", kind="remote")
    assert drawn_seed([near]) is None
    assert len({drawn_seed([near, far]) for _ in range(9)}) == 9
