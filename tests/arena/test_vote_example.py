"""The votes that the tutorial reads: made by a script with a seed, cyclic on purpose, with judges who like what they see first."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

from arena.games.vote_file import read_votes
from arena.leaderboards.judge_quality import judge_quality

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_script_writes_the_file(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "make_votes.py", tmp_path)
    runpy.run_path(str(tmp_path / "make_votes.py"), run_name="__main__")
    assert (tmp_path / "votes.csv").read_bytes() == (EXAMPLES / "votes.csv").read_bytes()


def test_the_order_biases_of_the_judges_are_those_of_the_script() -> None:
    made = runpy.run_path(str(EXAMPLES / "make_votes.py"))
    for judge in judge_quality(read_votes(EXAMPLES / "votes.csv")):
        assert judge.order_bias is not None
        true = made["LIKING"][judge.judge] * (1 - made["TIES"])
        assert judge.order_bias.low <= true <= judge.order_bias.high
