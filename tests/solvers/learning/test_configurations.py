"""Configurations of trainings: ready ones, and those of files."""

from __future__ import annotations

import pytest

from arena.games import SpecificationError, UnknownName, load_game
from arena.solvers.learning import configuration, ready_configurations
from arena.solvers.learning.configurations import configuration_of


@pytest.mark.parametrize("name", ready_configurations())
def test_every_ready_configuration_fits_its_game_and_says_what_to_expect(name):
    found = configuration(name)
    found.check()
    assert load_game(found.game).info.specification == found.game
    assert found.about


def test_what_is_told_is_read_again():
    found = configuration("kuhn-ppo")
    assert configuration_of(found.to_dict()).to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('game = "arena:kuhn_poker"', SpecificationError, "must name its method"),
        ('method = "pop"\ngame = "arena:kuhn_poker"', UnknownName, "ppo"),
        ('method = "ppo"\ngame = "arena:kuhn_poker"\nstep = 1', SpecificationError, "has no key 'step'"),
        ('method = "ppo"\ngame = "arena:kuhn_poker"\nhidden = 8', SpecificationError, "must be a list"),
        ('method = "ppo"\ngame = "arena:kuhn_poker"\n[settings]\nclip = -1', SpecificationError, "clip must be"),
        ('method = "ppo"\ngame = "arena:kuhn_poker"\nuntil = "soon"', SpecificationError, "until must be a number"),
        ('method = "ppo"\ngame = "arena:kuhn_poker"\nhidden = []', SpecificationError, "of one at least"),
        ("method =", SpecificationError, "is no TOML"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, error, says):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(error, match=says):
        configuration(file)
