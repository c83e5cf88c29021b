"""Golden playthroughs: a rule, an observation or a seed that changes shows as a difference."""

import shutil
from pathlib import Path

import pytest

from arena.games import SpecificationError, load_game
from arena.games.playthrough import main, playthrough, read_head

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_playthrough_equals_its_golden_file(path):
    written = playthrough(load_game(read_head(path)))
    golden = path.read_text(encoding="utf-8")
    assert written == golden, "if the change is meant: python -m arena.games.playthrough tests/games/golden/*.txt"


def test_representative_games_have_golden_files():
    names = {read_head(path) for path in GOLDEN}
    assert len(names) == len(GOLDEN) >= 12
    infos = [load_game(name).info for name in names]
    assert {info.utility for info in infos} >= {"zero_sum", "general_sum", "identical"}
    assert {info.dynamics for info in infos} == {"turn_based", "simultaneous"}
    assert {info.chance for info in infos} == {True, False}
    assert max(info.num_players for info in infos) > 2


def test_another_seed_gives_another_playthrough():
    game = load_game("openspiel:leduc_poker")
    assert playthrough(game, seed=1) != playthrough(game, seed=2)
    assert playthrough(game, seed=1) == playthrough(game, seed=1)


def test_a_golden_file_is_written_anew_from_its_first_line(tmp_path):
    path = tmp_path / "kuhn.txt"
    path.write_text("game: openspiel:kuhn_poker\n")
    assert main([str(path)]) == 0
    assert path.read_text() == playthrough(load_game("openspiel:kuhn_poker"))
    shutil.copy(path, tmp_path / "again.txt")
    main([str(tmp_path / "again.txt")])
    assert (tmp_path / "again.txt").read_text() == path.read_text()


def test_a_file_without_a_head_is_refused(tmp_path):
    path = tmp_path / "broken.txt"
    path.write_text("leduc\n")
    with pytest.raises(SpecificationError, match="first line"):
        read_head(path)
