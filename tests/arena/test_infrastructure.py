"""Infrastructure faults: a dead worker's block is played again, counted and told, and nobody's fault."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.config import make_config
from arena.database import check
from arena.executor import ProcessPool
from arena.infrastructure import PlayedAgain, played_again
from arena.ledger import Ledger, Tournament
from arena.merge import merge
from arena.results import NOBODY, MatchResults, Termination
from arena.standings import standings
from arena.tournament import run_tournament
from arena.verify import verify_ledger

GAME = "openspiel:tic_tac_toe"
CUP: dict[str, Any] = {
    "name": "cup",
    "game": GAME,
    "agents": {"random": "random", "strong": "mcts(simulations=20)"},
    "matches": 40,
    "seed": 3,
    "block": 8,
}


class Killed(ProcessPool):
    """A worker is killed once the first block has come back."""

    def run(self, *arguments: Any, **settings: Any) -> Iterator[MatchResults]:
        for number, results in enumerate(super().run(*arguments, **settings)):
            if number == 0:
                workers = [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]
                os.kill(workers[0].pid, signal.SIGKILL)
            yield results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``calm.db``: the cup as it is played when all goes well; ``killed.db``: the cup with a killed worker."""
    made = tmp_path_factory.mktemp("infrastructure")
    for name, pool in (("calm", None), ("killed", Killed(1))):
        with Ledger.open(made / f"{name}.db") as ledger:
            run_tournament(make_config(CUP), ledger, pool)
    return made


@pytest.fixture
def calm(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder / "calm.db") as opened:
        yield opened


@pytest.fixture
def killed(folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder / "killed.db") as opened:
        yield opened


def _cup(ledger: Ledger) -> Tournament:
    return ledger.tournament("cup")


def test_a_killed_worker_changes_no_match(calm: Ledger, killed: Ledger) -> None:
    assert killed.results(_cup(killed)).equals(calm.results(_cup(calm)))


def test_the_block_is_noted_as_played_again_in_the_ledger(killed: Ledger) -> None:
    (fault,) = killed.results(_cup(killed)).faults
    assert (fault.player, fault.termination) == (NOBODY, Termination.INFRASTRUCTURE)
    assert fault.index % 8 == 0
    assert played_again(killed, [_cup(killed)]) == PlayedAgain(blocks=1, matches=8)


def test_where_all_went_well_nothing_was_played_again(calm: Ledger) -> None:
    assert played_again(calm, [_cup(calm)]) == PlayedAgain(blocks=0, matches=0)


def test_it_is_nobody_s_forfeit(killed: Ledger) -> None:
    assert killed.faults(_cup(killed)) == []
    board = standings(killed, GAME).leaderboard
    assert [row.forfeits for row in board.rows] == [0, 0]
    assert not Termination.INFRASTRUCTURE.is_forfeit


def test_ratings_are_those_of_a_calm_ledger(calm: Ledger, killed: Ledger) -> None:
    assert [row.rating for row in standings(killed, GAME).leaderboard.rows] == [
        row.rating for row in standings(calm, GAME).leaderboard.rows
    ]


def test_the_standings_say_so_apart_from_forfeits(calm: Ledger, killed: Ledger) -> None:
    said = "1 block (8 matches) was played again after a worker died or a game failed: the lost attempts are not rated, nobody's fault"
    found = standings(killed, GAME)
    assert said in found.leaderboard.notes
    assert found.to_dict()["infrastructure"] == {"blocks": 1, "matches": 8, "sentence": said}
    assert not any("played again" in note for note in standings(calm, GAME).leaderboard.notes)


def test_the_status_counts_forfeits_and_what_was_played_again(folder: Path) -> None:
    db = ("--db", str(folder / "killed.db"))
    shown = json.loads(CliRunner().invoke(app, ["tournament", "status", "cup", "--json", *db]).stdout)
    assert shown["forfeits"] == 0
    assert (shown["played_again"]["blocks"], shown["played_again"]["matches"]) == (1, 8)
    assert (
        "played again 1 block (8 matches) was" in CliRunner().invoke(app, ["tournament", "status", "cup", *db]).stdout
    )


def test_such_a_ledger_is_whole(folder: Path) -> None:
    assert check(folder / "killed.db") == []
    assert verify_ledger(folder / "killed.db").good


def test_a_merge_takes_it_along(killed: Ledger, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "merged.db") as merged:
        merge(merged, killed)
        assert played_again(merged, [_cup(merged)]) == PlayedAgain(blocks=1, matches=8)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update faults set player = 0", "infrastructure, is noted as that of player 0"),
        ("update faults set termination = 4", "crash, is noted as that of nobody"),
        ("update faults set number = number + 1", "with which it does not begin"),
        ("update matches set termination = 8 where number = 3", "no failure of the game is noted with it"),
    ],
)
def test_what_cannot_be_is_found(folder: Path, tmp_path: Path, damage: str, said: str) -> None:
    with Ledger.open(folder / "killed.db") as intact, Ledger.open(tmp_path / "damaged.db") as damaged:
        merge(damaged, intact)
        with damaged.writing() as connection:
            connection.exec_driver_sql(damage)
    assert any(said in sentence for sentence in check(tmp_path / "damaged.db"))
