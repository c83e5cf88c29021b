"""Common chance: the same cards and draws for the same rotation of every lineup, one unit of resampling, nobody who remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.config import ConfigError, make_config
from arena.executor import InProcess, MatchSetup, ProcessPool
from arena.games import SpecificationError, TabularPolicy
from arena.leaderboards.record_file import read_record
from arena.ledger import Ledger, Tournament
from arena.match_export import chosen_matches, match_columns
from arena.match_files import write_jsonl
from arena.rated_matches import rated_matches
from arena.results import MatchResults
from arena.schedule import Schedule, round_robin
from arena.solvers import save_policy
from arena.standings import standings
from arena.tournament import create_tournament, resume_tournament, run_tournament
from arena.verify import verify_ledger

KUHN = "openspiel:kuhn_poker"
CUP: dict[str, Any] = {
    "name": "cup",
    "game": KUHN,
    "agents": {"a": "random", "b": "uniform", "c": "random", "d": "uniform"},
    "matches": 12,
    "seed": 5,
    "block": 8,
    "common_chance": True,
}
ROTATIONS, LINEUPS = 6, 6


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cup, played without interruption, in ``arena.db``."""
    made = tmp_path_factory.mktemp("common")
    with Ledger.open(made / "arena.db") as opened:
        run_tournament(make_config(CUP), opened)
    return made


@pytest.fixture
def whole(folder: Path) -> MatchResults:
    with Ledger.open(folder / "arena.db") as opened:
        return opened.results(opened.tournament("cup"))


def _scheduled(**changed: Any) -> Schedule:
    values: dict[str, Any] = {"lineups": round_robin(4, 2, matches=1, seed=9).lineups, "rotations": 6, "seed": 9}
    return Schedule(**values | {"common_chance": True} | changed)


def test_the_rotations_of_one_turn_share_their_seeds_and_no_others_do() -> None:
    specs = _scheduled().specs(0, len(_scheduled()))
    turn = specs.index // (2 * LINEUPS)
    for seeds in (specs.seed, specs.chance_seed):
        assert len(np.unique(seeds)) == ROTATIONS
        assert np.array_equal(
            np.unique(seeds, return_inverse=True)[1][:: 2 * LINEUPS][turn], np.unique(seeds, return_inverse=True)[1]
        )


def test_who_meets_whom_on_which_seat_is_that_of_own_chance() -> None:
    own = _scheduled(common_chance=False)
    assert np.array_equal(_scheduled().specs(0, len(own)).seats, own.specs(0, len(own)).seats)


def test_a_slice_has_the_seeds_of_the_whole() -> None:
    whole = _scheduled().specs(0, len(_scheduled()))
    part = _scheduled().specs(13, 29)
    assert np.array_equal(part.seed, whole.seed[13:29])
    assert np.array_equal(part.chance_seed, whole.chance_seed[13:29])


def test_all_lineups_are_dealt_the_same_cards(whole: MatchResults) -> None:
    dealt = np.array([whole.actions.row(row)[:2] for row in range(len(whole))])
    for turn in range(ROTATIONS):
        assert len(np.unique(dealt[turn * 2 * LINEUPS : (turn + 1) * 2 * LINEUPS], axis=0)) == 1
    assert len(np.unique(dealt, axis=0)) > 1


@pytest.mark.parametrize("change", [{"block": 24}, {"block": 2}], ids=str)
def test_other_blocks_give_the_same_matches(ledger: Ledger, whole: MatchResults, change: dict[str, Any]) -> None:
    assert ledger.results(run_tournament(make_config({**CUP, **change}), ledger)).equals(whole)


def test_workers_give_the_same_ledger(ledger: Ledger, whole: MatchResults) -> None:
    assert ledger.results(run_tournament(make_config(CUP), ledger, ProcessPool(2))).equals(whole)


class _Interrupted(InProcess):
    def run(self, *arguments: Any, **settings: Any) -> Iterator[MatchResults]:
        for number, results in enumerate(super().run(*arguments, **settings)):
            if number == 2:
                raise KeyboardInterrupt
            yield results


def test_an_interrupted_one_goes_on_to_the_same_ledger(ledger: Ledger, whole: MatchResults) -> None:
    created: list[Tournament] = []
    with pytest.raises(KeyboardInterrupt):
        run_tournament(make_config(CUP), ledger, _Interrupted(), on_created=created.append)
    assert ledger.results(resume_tournament(created[0].key, ledger)).equals(whole)


def test_what_shares_its_chance_is_one_unit(folder: Path) -> None:
    with Ledger.open(folder / "arena.db") as ledger:
        rated = rated_matches(ledger, ledger.tournaments())
    assert np.array_equal(np.unique(rated.record.pair, return_counts=True)[1], [2 * LINEUPS] * ROTATIONS)
    assert len(np.unique(np.column_stack((rated.record.pair, rated.number // (2 * LINEUPS))), axis=0)) == ROTATIONS


def test_an_exported_file_has_the_same_units(folder: Path, tmp_path: Path) -> None:
    with Ledger.open(folder / "arena.db") as ledger:
        kept = rated_matches(ledger, ledger.tournaments()).record
        with (tmp_path / "cup.jsonl").open("w", encoding="utf-8") as stream:
            write_jsonl(stream, match_columns(ledger, chosen_matches(ledger, tournament="cup")))
    read = read_record(tmp_path / "cup.jsonl")
    same = np.unique(np.column_stack((read.pair, kept.pair)), axis=0)
    assert len(same) == len(np.unique(kept.pair)) == ROTATIONS


def test_a_tournament_of_own_chance_keeps_a_unit_a_rotation(ledger: Ledger) -> None:
    run_tournament(make_config({**CUP, "common_chance": False}), ledger)
    assert len(np.unique(rated_matches(ledger, ledger.tournaments()).record.pair)) == ROTATIONS * LINEUPS


def test_it_is_another_tournament_than_one_of_own_chance(ledger: Ledger) -> None:
    first = create_tournament(make_config(CUP), ledger, go_on=True)
    assert create_tournament(make_config({**CUP, "common_chance": False}), ledger, go_on=True).key != first.key


def test_verification_knows_the_shared_seeds(folder: Path) -> None:
    assert verify_ledger(folder / "arena.db").good


@pytest.mark.parametrize("column", ["seed", "chance_seed"])
def test_verification_finds_seeds_that_are_not_shared(ledger: Ledger, tmp_path: Path, column: str) -> None:
    run_tournament(make_config(CUP), ledger)
    with ledger.writing() as connection:
        connection.exec_driver_sql(f"update matches set {column} = {column} + 1 where number = 7")
    said = [one.what for one in verify_ledger(tmp_path / "arena.db").differences if one.where == "cup/7"]
    assert f"its {column.replace('_', ' ')} is not the one that the tournament's seed gives" in said


READER = """
class Reader:
    def act(self, observation):
        return observation.legal_actions[0]
"""


def test_an_agent_that_could_remember_is_refused_before_anything_is_recorded(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(READER)
    agents = {**CUP["agents"], "reader": f"python:{tmp_path}/reader.py:Reader"}
    with pytest.raises(SpecificationError, match="reader could remember"):
        run_tournament(make_config({**CUP, "agents": agents}), ledger)
    assert ledger.tournaments() == []
    assert ledger.agents() == []


def test_who_plays_refuses_it_too(tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(READER)
    setup = MatchSetup(
        game=KUHN, agents=(("reader", f"python:{tmp_path}/reader.py:Reader"), ("r", "random")), common_chance=True
    )
    with pytest.raises(SpecificationError, match="reader could remember"):
        list(InProcess().run(setup, [round_robin(2, 2, matches=2, seed=1).specs(0, 2)]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pairing": "swiss"}, "common_chance is for pairing = 'round_robin' or 'gauntlet'; got 'swiss'"),
        ({"game": "openspiel:tic_tac_toe"}, "common_chance needs a game of chance"),
        ({"game": "openspiel:kuhn_poker(players=5)"}, "an agent for each of the 5 sides"),
    ],
)
def test_where_it_means_nothing_it_is_refused(ledger: Ledger, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run_tournament(make_config({**CUP, **change}), ledger)
    assert ledger.tournaments() == []


def test_differences_between_agents_are_known_better(tmp_path: Path) -> None:
    """Two agents that play alike but for one decision, against the same two opponents: how much the difference of their mean returns varies from seed to seed."""
    save_policy(TabularPolicy("arena:kuhn_poker", {"2pb": {1: 1.0}}), tmp_path / "p.json")
    errors: dict[bool, list[float]] = {True: [], False: []}
    agents = {"a": "uniform", "b": f"policy:{tmp_path}/p.json", "c": "uniform", "d": "random"}
    for common in errors:
        with Ledger.open(tmp_path / f"{common}.db") as ledger:
            for seed in range(8):
                config = {
                    **CUP,
                    "agents": agents,
                    "game": "arena:kuhn_poker",
                    "matches": 100,
                    "seed": seed,
                    "block": 600,
                }
                config |= {"name": f"cup{seed}", "common_chance": common}
                results = ledger.results(run_tournament(make_config(config), ledger))
                errors[common].append(_difference(results))
    assert 0 < np.std(errors[True]) < 0.6 * np.std(errors[False])


def test_equals_come_out_equal(folder: Path) -> None:
    """All four agents draw uniformly: on the same cards with the same draws they do the same against everybody else."""
    with Ledger.open(folder / "arena.db") as ledger:
        rows = standings(ledger, KUHN).leaderboard.rows
    assert all(row.low <= 0 <= row.high for row in rows)


def _difference(results: MatchResults) -> float:
    """Of the mean returns of the first two agents against the others."""
    seats = results.specs.seats
    met = ((seats < 2).sum(axis=1) == 1).nonzero()[0]
    seat = (seats[met] < 2).argmax(axis=1)
    agent, returns = seats[met, seat], results.returns[met, seat]
    return float(returns[agent == 0].mean() - returns[agent == 1].mean())
