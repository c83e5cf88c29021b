"""Jobs computed on a real Ray cluster of two nodes on this machine: the ledger is the reference run's, whoever dies."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray's way to stay at 127.0.0.1, read when it is imported
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  as Ray spells it; else whatever runs beside the tests goes before them

import pytest

from arena import jobs, ray_cluster, training_job
from arena.config import make_config
from arena.curves import read_curve
from arena.executor import WorkFailed
from arena.games import SpecificationError, load_game, uniform_policy
from arena.job_kinds import ask
from arena.job_rows import Resources
from arena.jobs import submit
from arena.leaderboards import bootstrap_intervals, elo
from arena.ledger import Ledger
from arena.rated_matches import rated_matches
from arena.roster import add_agent
from arena.solve_job import ask_solve
from arena.solvers import iteration, load_policy, nash_conv, save_policy
from arena.solvers.learning.configurations import Configuration
from arena.tournament import create_tournament, resume_tournament, run_tournament
from arena.tournament_job import ask_tournament
from arena.training import trained_file
from arena.training_job import ask_training
from arena.worker import work

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that Ray leaves open

KUHN = "openspiel:kuhn_poker"
STORE = 80 * 2**20


@pytest.fixture(scope="module")
def port():
    """One that is free for clients, below those that Ray's own workers take."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def nodes(port):
    from ray.cluster_utils import Cluster

    options = {"object_store_memory": STORE, "node_ip_address": "127.0.0.1", "num_cpus": 1}
    head = {**options, "include_dashboard": False, "ray_client_server_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(**options)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def cluster(nodes):
    return ray_cluster.join(f"ray://{nodes[0].address}")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "uniform.npz"
    save_policy(uniform_policy(KUHN), file)
    return f"policy:{file}"


def is_elsewhere(row):
    return not row.worker.endswith(f"process {os.getpid()}")


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
    assert is_elsewhere(done)
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
    assert is_elsewhere(done)
    assert [steps for steps, _ in read_curve(ledger, done).points] == [4096]


def test_programs_are_not_sent_anywhere(ledger, cluster, tmp_path):
    (tmp_path / "first.py").write_text(
        "class First:\n    def act(self, observation):\n        return observation.legal_actions[0]\n"
    )
    add_agent(ledger, ledger.artifacts, name="mine", specification=f"python:{tmp_path / 'first.py'}:First")
    row = ask_tournament(
        ledger, make_config({"game": KUHN, "name": "cup", "agents": {"a": "random", "b": "mine"}, "matches": 4})
    )
    work(ledger, until_empty=True, workplace=cluster)
    assert not is_elsewhere(finished(ledger, row))


def test_a_solver_run_is_done_on_a_node_and_tells_how_far_it_is(ledger, cluster):
    row = ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 5})
    heard = []
    work(ledger, until_empty=True, workplace=cluster, on_begun=lambda _: lambda *far: heard.append(far))
    done = finished(ledger, row)
    assert is_elsewhere(done)
    assert [steps for steps, _ in read_curve(ledger, done).points] == [1, 2, 3, 4, 5]
    assert heard[-1] == (5, 5)
    read, kept = load_policy(ledger.artifacts.path(done.result["policy"])), done.result["gap"]
    assert nash_conv(load_game(KUHN), read) == pytest.approx(kept)


def test_a_training_whose_node_dies_goes_on_elsewhere_to_the_same_policy(ledger, cluster, monkeypatch, tmp_path):
    kuhn = load_game("arena:kuhn_poker")
    asked = Configuration(method="ppo", game=kuhn.info.specification, steps=3 * 512, tables=32, hidden=(16,))
    row = ask_training(ledger, asked, name="learner")
    heard = tmp_path / "heard"
    monkeypatch.setattr(training_job, "trained_as_file", partial(killed_on_the_way, heard))
    deaths = []
    monkeypatch.setattr(ray_cluster.logger, "warning", lambda *said: deaths.append(said))
    work(
        ledger,
        until_empty=True,
        workplace=cluster,
        on_begun=lambda _: lambda steps, _planned: steps >= 2 * 512 and heard.touch(),
    )
    done = finished(ledger, row)
    assert is_elsewhere(done)
    assert len(deaths) == 1
    assert [steps for steps, _ in read_curve(ledger, done).points] == [512, 1024, 1536]
    assert done.checkpoint is None
    whole = trained_file(asked.train(kuhn), game=kuhn, method="ppo").content
    assert ledger.artifacts.path(ledger.agent("learner").content_hash).read_bytes() == whole


def killed_on_the_way(heard, asked, game, device, workers, training):
    """On a node: the training, whose process is killed once it has said what another one goes on from."""
    iteration.CHECKPOINT_S = 0.0
    began = training.told
    goes_on = training.checkpoint.exists()

    def told(steps, numbers):
        assert steps > 512 or not goes_on, "it does not go on from there"
        began(steps, numbers)
        if steps == 2 * 512 and not goes_on:
            while not heard.exists():
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)

    training.told = told
    return TRAINED(asked, game, device, workers, training)


TRAINED = training_job.trained_as_file


def test_a_training_that_is_cancelled_ends_on_its_node(ledger, cluster):
    asked = Configuration(method="ppo", game="arena:kuhn_poker", steps=10**9, tables=32, hidden=(16,))
    row = ask_training(ledger, asked, name="endless")
    work(ledger, until_empty=True, workplace=cluster, on_begun=lambda mine: lambda *_: jobs.cancel(ledger, mine))
    assert jobs.job(ledger, row.key).status == "cancelled"
    deadline = time.monotonic() + 60
    while ray.available_resources().get("CPU", 0) < ray.cluster_resources()["CPU"]:
        assert time.monotonic() < deadline, "the node still computes"
        time.sleep(0.1)


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


def test_who_is_no_machine_of_the_cluster_comes_in_at_its_port_for_clients(ledger, cluster, port):
    ray.shutdown()
    row = ask_solve(ledger, "cfr_plus", KUHN, settings={"iterations": 2})
    work(ledger, until_empty=True, workplace=client_of(port))
    assert is_elsewhere(finished(ledger, row))


def client_of(port):
    """The cluster, which may be too busy to let a client in at once."""
    for _ in range(5):
        try:
            return ray_cluster.join(f"ray://127.0.0.1:{port}")
        except WorkFailed as busy:
            said = busy
    raise said


def test_where_nothing_answers_is_no_cluster_and_that_is_said_soon(monkeypatch):
    monkeypatch.setattr(ray_cluster, "JOIN_S", 0.05)
    with pytest.raises(WorkFailed, match="nothing of Ray answered within"):
        ray_cluster.join("ray://127.0.0.1:1")


@pytest.mark.parametrize("address", ["ray://", "ray://host", "http://127.0.0.1:1"])
def test_another_address_is_no_cluster(address):
    from arena.ray_cluster import join

    with pytest.raises(SpecificationError, match="a Ray cluster is ray://HOST:PORT"):
        join(address)
