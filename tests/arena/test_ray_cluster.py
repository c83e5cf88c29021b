"""Jobs computed on a real Ray cluster of two nodes on this machine: the ledger is the reference run's, whoever dies."""

from __future__ import annotations

import os
import signal

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray's way to stay at 127.0.0.1, read when it is imported

import pytest

from arena import jobs
from arena.config import make_config
from arena.curves import read_curve
from arena.games import SpecificationError, load_game, uniform_policy
from arena.job_kinds import ask
from arena.job_rows import Resources
from arena.jobs import submit
from arena.leaderboards import bootstrap_intervals, elo
from arena.ledger import Ledger
from arena.rated_matches import rated_matches
from arena.roster import add_agent
from arena.solve_job import ask_solve
from arena.solvers import nash_conv, save_policy
from arena.tournament import create_tournament, resume_tournament, run_tournament
from arena.tournament_job import ask_tournament
from arena.worker import work

ray = pytest.importorskip("ray")

KUHN = "openspiel:kuhn_poker"
STORE = 80 * 2**20


@pytest.fixture(scope="module")
def nodes():
    from ray.cluster_utils import Cluster

    options = {"object_store_memory": STORE, "node_ip_address": "127.0.0.1", "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
    second = cluster.add_node(**options)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def cluster(nodes):
    from arena.ray_cluster import join

    return join(f"ray://{nodes[0].address}")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "uniform.npz"
    save_policy(uniform_policy(KUHN), file)
    return f"policy:{file}"


def finished(ledger, row):
    done = jobs.job(ledger, row.key)
    assert done.status == "finished", done.error
    return done


def test_a_column_is_computed_on_a_node_and_says_on_which(ledger, cluster, policy):
    run_tournament(
        make_config({"game": KUHN, "name": "cup", "agents": {"a": "random", "b": policy}, "matches": 40}), ledger
    )
    bootstrap = ask(ledger, "bootstrap", KUHN, settings={"resamples": 30})
    exact = ask(ledger, "exploitability", KUHN, agent=ledger.agent("b"))
    work(ledger, until_empty=True, workplace=cluster)
    expected = bootstrap_intervals(rated_matches(ledger, ledger.tournaments(KUHN)).record, elo, resamples=30)
    done = finished(ledger, bootstrap)
    assert done.result["low"] == pytest.approx(expected.intervals[:, 0].tolist())
    assert done.worker.startswith("cpu of ")
    assert not done.worker.endswith(f"process {os.getpid()}")
    assert finished(ledger, exact).result["nash_conv"] == pytest.approx(
        nash_conv(load_game(KUHN), uniform_policy(KUHN))
    )


def test_a_best_response_is_learned_on_a_node_and_its_matches_are_played_there(ledger, cluster):
    victim = add_agent(ledger, ledger.artifacts, name="victim", specification="random")
    settings = {"method": "ppo", "budget": 512, "matches": 64}
    row = ask(ledger, "exploit", "arena:kuhn_poker", agent=victim, settings=settings)
    work(ledger, until_empty=True, workplace=cluster)
    done = finished(ledger, row)
    assert done.result["exploiter"] == "victim-exploiter@1"
    assert not done.worker.endswith(f"process {os.getpid()}")
    assert read_curve(ledger, done).points == ()


def test_programs_are_not_sent_anywhere(ledger, cluster, tmp_path):
    (tmp_path / "first.py").write_text(
        "class First:\n    def act(self, observation):\n        return observation.legal_actions[0]\n"
    )
    add_agent(ledger, ledger.artifacts, name="mine", specification=f"python:{tmp_path / 'first.py'}:First")
    row = ask_tournament(
        ledger, make_config({"game": KUHN, "name": "cup", "agents": {"a": "random", "b": "mine"}, "matches": 4})
    )
    work(ledger, until_empty=True, workplace=cluster)
    assert finished(ledger, row).worker.endswith(f"process {os.getpid()}")


def test_a_solver_run_is_done_beside_the_cluster_and_on_a_gpu_not_at_all(ledger, cluster):
    here = ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 5})
    elsewhere = ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 6}, device="cuda", needs=Resources())
    work(ledger, until_empty=True, workplace=cluster)
    assert finished(ledger, here).worker.endswith(f"process {os.getpid()}")
    assert jobs.job(ledger, elsewhere.key).status == "waiting"


def test_what_no_node_can_give_waits(ledger, cluster):
    row = submit(ledger, kind="ratings", game=KUHN, device="cuda")
    greedy = submit(ledger, kind="ratings", game="arena:leduc_poker", needs=Resources(cpus=99))
    assert work(ledger, until_empty=True, workplace=cluster) == 0
    assert {jobs.job(ledger, one.key).status for one in (row, greedy)} == {"waiting"}


def test_a_killed_worker_and_a_killed_node_change_nothing_in_the_ledger(ledger, nodes, cluster, tmp_path):
    config = make_config(
        {
            "game": "openspiel:tic_tac_toe",
            "name": "cup",
            "agents": {"a": "random", "b": "mcts(simulations=10)", "c": "mcts(simulations=20)"},
            "matches": 60,
            "block": 6,
            "seed": 7,
        }
    )
    row = ask_tournament(ledger, config)
    struck = []

    def progress(done, planned):
        if done >= 30 and not struck:
            struck.append("worker")
            os.kill(int(jobs.job(ledger, row.key).worker.rpartition(" ")[2]), signal.SIGKILL)
        elif done >= 60 and len(struck) == 1:
            struck.append("node")
            nodes[0].remove_node(nodes[1], allow_graceful=False)

    work(ledger, until_empty=True, workplace=cluster, on_begun=lambda _: progress)
    assert finished(ledger, row).result["matches"] == 180
    assert struck == ["worker", "node"]
    with Ledger.open(tmp_path / "other.db") as other:
        reference = resume_tournament(create_tournament(config, other).key, other)
        assert ledger.results(ledger.tournament("cup")).equals(other.results(reference))


@pytest.mark.parametrize("address", ["ray://", "http://127.0.0.1:1"])
def test_another_address_is_no_cluster(address):
    from arena.ray_cluster import join

    with pytest.raises(SpecificationError, match="a Ray cluster is ray://HOST:PORT"):
        join(address)
