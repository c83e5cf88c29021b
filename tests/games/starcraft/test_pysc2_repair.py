"""pysc2 and its protocol import and work as installed, on this Python and this protobuf."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pysc2")

GAME_FREE = (
    "pysc2.env.mock_sc2_env_test",
    "pysc2.lib.features_test",
    "pysc2.lib.image_differencer_test",
    "pysc2.lib.named_array_test",
    "pysc2.lib.np_util_test",
    "pysc2.lib.point_test",
    "pysc2.lib.portspicker_test",
    "pysc2.lib.proto_diff_test",
    "pysc2.lib.run_parallel_test",
    "pysc2.lib.stopwatch_test",
    "pysc2.tests.dummy_observation_test",
)
RUN = """
import sys, unittest
from arena.games.starcraft.pysc2_repair import repair_pysc2
repair_pysc2()
names = sys.argv[1:]
found = unittest.TestLoader().loadTestsFromNames(names)
result = unittest.TextTestRunner(verbosity=0).run(found)
print(result.testsRun, len(result.failures) + len(result.errors))
"""


def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_all_tests_of_pysc2_that_need_no_game_pass():
    assert run(RUN, *GAME_FREE) == "205 0"


def test_messages_are_fast_ones_and_palettes_have_the_order_of_the_fixed_shuffle():
    script = """
from arena.games.starcraft.pysc2_repair import repair_pysc2
repair_pysc2()
from google.protobuf.internal import api_implementation
from pysc2.lib import colors
from s2clientprotocol import sc2api_pb2
request = sc2api_pb2.Request(step=sc2api_pb2.RequestStep(count=8))
assert sc2api_pb2.Request.FromString(request.SerializeToString()).step.count == 8
plain, mixed = colors.smooth_hue_palette(7), colors.shuffled_hue(7)
order = list(range(7))
for i in reversed(range(1, 7)):  # random.shuffle(order, lambda: 0.5) as Python 3.10 had it
    j = int(0.5 * (i + 1))
    order[i], order[j] = order[j], order[i]
assert [list(row) for row in mixed] == [list(plain[k]) for k in order]
print(api_implementation.Type())
"""
    assert run(script) == "upb"
