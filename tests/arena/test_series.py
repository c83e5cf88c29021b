"""Files of several games: a tournament of each, tried before anything is played, and gone on with where they stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.config import ConfigError, make_config, make_configs, read_config, read_configs
from arena.executor import InProcess
from arena.games import ArenaError
from arena.ledger import Ledger, Tournament
from arena.results import MatchResults
from arena.series import plan_series, play_series

TEXT = """\
name = "cup"
matches = 6
seed = 2
game = ["openspiel:kuhn_poker", "arena:tic_tac_toe", "matrix:rps"]
[agents]
a = "random"
b = "uniform"
"""
GAMES = ["openspiel:kuhn_poker", "arena:tic_tac_toe", "matrix:rps"]


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "series.db") as opened:
        yield opened


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cup.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_game_of_a_file_has_a_tournament_named_after_it(tmp_path):
    configs = read_configs(_file(tmp_path, TEXT))
    assert [(config.name, config.game) for config in configs] == [(f"cup {game}", game) for game in GAMES]
    assert all((config.matches, config.seed) == (6, 2) for config in configs)


def test_a_file_of_one_game_is_one_tournament_of_the_files_name(tmp_path):
    one = TEXT.replace("[" + TEXT.partition("[")[2].partition("]")[0] + "]", '"matrix:rps"', 1)
    assert [config.name for config in read_configs(_file(tmp_path, one))] == ["cup"]
    assert read_config(tmp_path / "cup.toml").game == "matrix:rps"


@pytest.mark.parametrize(
    ("games", "said"),
    [
        ("[]", "cup.toml, line 4: game: the list is empty"),
        ('["matrix:rps", 3]', "line 4: game: a list of games has their specifications as text; got 3"),
        ('["matrix:rps", "matrix:rps"]', "line 4: game: 'matrix:rps' stands twice"),
        ("3", "line 4: game: .*string; got 3"),
    ],
)
def test_a_wrong_list_is_told_by_its_line(tmp_path, games, said):
    text = "\n".join(f"game = {games}" if line.startswith("game") else line for line in TEXT.splitlines())
    with pytest.raises(ConfigError, match=said):
        read_configs(_file(tmp_path, text))


def test_other_mistakes_of_such_a_file_keep_their_lines(tmp_path):
    with pytest.raises(ConfigError, match=r"cup.toml, line 2: unknown key 'matchs'; did you mean 'matches'"):
        read_configs(_file(tmp_path, TEXT.replace("matches", "matchs")))
    with pytest.raises(ConfigError, match="the key 'name' is missing"):
        read_configs(_file(tmp_path, TEXT.replace('name = "cup"', "")))


def test_who_asks_for_one_tournament_is_told_that_there_are_several(tmp_path):
    with pytest.raises(ConfigError, match="line 4: game: several games are several tournaments"):
        read_config(_file(tmp_path, TEXT))


def _configs(**changed: object) -> list:
    values = {"name": "cup", "matches": 6, "seed": 2, "game": GAMES, "agents": {"a": "random", "b": "uniform"}}
    return make_configs({**values, **changed})


def test_nothing_is_recorded_before_every_game_and_agent_is_tried(ledger):
    for wrong in ({"game": [*GAMES, "matrix:none"]}, {"agents": {"a": "random", "b": "scripted:closest"}}):
        with pytest.raises(ArenaError):
            plan_series(_configs(**wrong), ledger)
        assert ledger.tournaments() == [] and ledger.agents() == []


def test_progress_counts_all_matches_together(ledger):
    told: list[tuple[int, int]] = []
    played = play_series(
        plan_series(_configs(), ledger), ledger, progress=lambda done, planned: told.append((done, planned))
    )
    assert [one.status for one in played] == ["finished"] * 3
    assert [ledger.progress(one) for one in played] == [6, 6, 6]
    assert told[0] == (0, 18) and told[-1] == (18, 18)
    assert told == sorted(told)


def test_a_verdict_leaves_nothing_to_do(ledger):
    told: list[tuple[int, int]] = []
    games = ["matrix:prisoners_dilemma", "arena:kuhn_poker"]
    values = {"name": "duel", "game": games, "pairing": "decide", "matches": 64, "seed": 1}
    configs = make_configs({**values, "agents": {"a": "random", "b": "uniform"}})
    play_series(plan_series(configs, ledger), ledger, progress=lambda *now: told.append(now))
    assert told[-1][0] == told[-1][1]


class _Stops(InProcess):
    """Breaks off before its n-th block."""

    def __init__(self, blocks: int):
        super().__init__()
        self.left = blocks

    def run(self, setup, specs, *, on_finished=None):
        for block in super().run(setup, specs, on_finished=on_finished):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            yield block


def _recorded(ledger: Ledger) -> dict[str, list[MatchResults]]:
    found: dict[str, list[MatchResults]] = {}
    for one in ledger.tournaments():
        found.setdefault(one.game, []).append(ledger.results(one))
    return found


@pytest.mark.parametrize("blocks", [0, 2, 5])
def test_an_interrupted_series_goes_on_and_ends_as_a_whole_one(tmp_path, blocks):
    configs = [config.model_copy(update={"block": 2}) for config in _configs()]
    with Ledger.open(tmp_path / "whole.db") as one, Ledger.open(tmp_path / "cut.db") as two:
        play_series(plan_series(configs, one), one)
        with pytest.raises(KeyboardInterrupt):
            play_series(plan_series(configs, two), two, _Stops(blocks))
        assert {tournament.status for tournament in two.tournaments()} <= {"finished", "interrupted"}
        begun: list[Tournament] = []
        play_series(plan_series(configs, two), two, on_begun=begun.append)
        assert [one.game for one in begun] == GAMES
        whole, cut = _recorded(one), _recorded(two)
        assert whole.keys() == cut.keys()
        for game in whole:
            assert len(whole[game]) == len(cut[game]) == 1
            assert cut[game][0].equals(whole[game][0])


def test_a_finished_series_begins_anew(ledger):
    for _ in range(2):
        play_series(plan_series(_configs(seed=None), ledger), ledger)
    assert len(ledger.tournaments()) == 6


def test_one_configuration_is_planned_as_a_tournament_alone(ledger):
    config = make_config({"name": "one", "game": "matrix:rps", "agents": {"a": "random", "b": "uniform"}, "matches": 2})
    assert play_series(plan_series([config], ledger), ledger)[0].name == "one"
