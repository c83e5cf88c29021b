"""`arena leaderboard --methods` and `--method`: what each number means stands beside it."""

import json

import numpy as np
import pytest
from simulated_records import twins

from arena.cli.leaderboard import print_leaderboard, print_methods
from arena.leaderboards import METHODS, RATING_METHODS, leaderboard


def test_the_list_of_methods_says_what_each_means(capsys):
    print_methods(json=False)
    said = capsys.readouterr().out
    assert all(name in said for name in METHODS)


def test_the_list_as_json_has_every_meaning(capsys):
    print_methods(json=True)
    told = json.loads(capsys.readouterr().out)["methods"]
    assert told == {name: method.meaning for name, method in RATING_METHODS.items()}


@pytest.mark.parametrize("name", ["glicko2", "nash_average", "deviation"])
def test_a_leaderboard_says_what_its_numbers_are(name, capsys):
    board = leaderboard(twins(np.random.default_rng(0), np.linspace(-1, 1, 3), 10), method=name)
    print_leaderboard(board, title="votes")
    said = " ".join(capsys.readouterr().out.split())
    assert RATING_METHODS[name].title in said and RATING_METHODS[name].meaning in said


def test_where_no_intervals_were_computed_there_is_a_dash(capsys):
    board = leaderboard(twins(np.random.default_rng(0), np.linspace(-1, 1, 13), 2), method="deviation")
    print_leaderboard(board, title="votes")
    said = capsys.readouterr().out
    assert "nan" not in said
