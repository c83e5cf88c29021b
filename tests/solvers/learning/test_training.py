"""`train`: what it promises of seeds, interruptions, measures and errors, and that it learns."""

import pytest
import torch
from interruptions import interrupted
from tensor_devices import LEARNERS

from arena.agents import gru, load_agent, save_network
from arena.games import NotProvided, SpecificationError, TabularPolicy, UnknownName, load_game
from arena.solvers import expected_returns, nash_conv
from arena.solvers.learning import measures, train, training
from arena.solvers.learning.learner import Diverged
from arena.solvers.learning.methods import METHODS
from arena.solvers.policy_table import tabulate

KUHN, FOUR = load_game("arena:kuhn_poker"), load_game("arena:connect_four")
SHORT = {"steps": 4096, "tables": 32, "hidden": (16,)}


def weights(trained):
    return torch.cat([one.flatten() for one in trained.policy.network.parameters()])


def test_an_interrupted_run_goes_on_towards_the_same_magnet(tmp_path):
    kept, run = tmp_path / "run.npz", {"settings": {"rollout": 16, "magnet": 0.1, "magnet_updates": 3}, **SHORT}
    whole = train("mmd", KUHN, **run)
    for after in (3, 2):
        with pytest.raises(KeyboardInterrupt):
            train("mmd", KUHN, checkpoint=kept, watch=interrupted(after=after), **run)
    assert torch.equal(weights(whole), weights(train("mmd", KUHN, checkpoint=kept, **run)))


@pytest.mark.parametrize("memory", [0, 4])
def test_an_update_in_which_nothing_is_known_yet_changes_nothing(memory):
    told = []
    run = {"steps": 40, "tables": 1, "hidden": (8,), "memory": memory, "settings": {"rollout": 1}, "measured": False}
    train("ppo", KUHN, watch=lambda _, losses: told.append(losses), **run)
    assert {} in told and sum(map(bool, told)) > 5


@pytest.mark.parametrize("device", LEARNERS)
def test_networks_that_remember_learn_and_go_on_from_checkpoints(device, tmp_path):
    settings = {"memory": 16, "settings": {"rollout": 8}, "device": device, **SHORT}
    whole = train("ppo", KUHN, **settings)
    kept = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        train("ppo", KUHN, checkpoint=kept, watch=interrupted(after=3), **settings)
    resumed = train("ppo", KUHN, checkpoint=kept, **settings)
    assert torch.equal(weights(whole), weights(resumed))
    assert whole.gap == resumed.gap
    longer = train("mmd", KUHN, steps=100_000, tables=128, hidden=(32,), memory=32, seed=1, device=device)
    assert longer.gap < 0.45  # of the uniform policy 0.917


def test_so_do_those_that_learn_against_one_that_remembers(tmp_path):
    network = gru([KUHN.info.information_state_width, 8, 2], memory=4, seed=1)
    save_network(network, tmp_path / "it.safetensors", game=KUHN, reads="information_state")
    run = {"steps": 1500, "tables": 32, "hidden": (8,), "memory": 4, "settings": {"rollout": 9, "minibatches": 2}}

    def response(**given):
        opponent = load_agent(f"checkpoint:{tmp_path / 'it.safetensors'}", game=KUHN)
        return train("ppo", KUHN, opponent=opponent, **run, **given)

    with pytest.raises(KeyboardInterrupt):
        response(checkpoint=tmp_path / "run.npz", watch=interrupted(after=3))
    assert torch.equal(weights(response()), weights(response(checkpoint=tmp_path / "run.npz")))


def test_worker_processes_keep_the_tables_and_change_nothing():
    leduc = load_game("openspiel:leduc_poker")
    given = {**SHORT, "steps": 1024, "tables": 13, "opponent": load_agent("random", game=leduc)}
    here, spread = (train("ppo", leduc, workers=workers, **given) for workers in (1, 2))
    assert torch.equal(weights(here), weights(spread))


@pytest.mark.parametrize("device", LEARNERS)
def test_bfloat16_learns_from_float32_weights_and_goes_on_where_it_was(device, tmp_path):
    kept = tmp_path / "run.npz"
    mixed = {"precision": "bfloat16", "device": device, **SHORT}
    whole = train("ppo", KUHN, **mixed)
    with pytest.raises(KeyboardInterrupt):
        train("ppo", KUHN, checkpoint=kept, watch=interrupted(after=3), **mixed)
    assert torch.equal(weights(whole), weights(train("ppo", KUHN, checkpoint=kept, **mixed)))
    assert weights(whole).dtype == torch.float32
    assert whole.gap == pytest.approx(nash_conv(KUHN, whole.policy))
    assert not torch.equal(weights(whole), weights(train("ppo", KUHN, device=device, **SHORT)))


def test_bfloat16_learns_kuhn_poker():
    trained = train("mmd", KUHN, steps=100_000, tables=128, hidden=(64,), seed=1, precision="bfloat16")
    assert trained.gap < 0.45  # of the uniform policy 0.917


def test_the_magnet_becomes_the_policy_after_so_many_updates():
    held, follows = (
        train("mmd", KUHN, settings={"magnet": 1.0, "magnet_updates": updates}, **SHORT) for updates in (1000, 2)
    )
    assert not torch.equal(weights(held), weights(follows))


def test_the_gap_is_that_of_the_policy_and_falls():
    trained = train("mmd", KUHN, steps=100_000, tables=128, hidden=(64,), seed=1)
    assert trained.gap == pytest.approx(nash_conv(KUHN, trained.policy))
    assert trained.history[-1] == (trained.updates, trained.gap)
    assert trained.gap < 0.45  # of the uniform policy 0.917


@pytest.mark.parametrize(("many", "threads"), [(training.MANY_PRODUCTS, 1), (0, 2)])
def test_small_layers_are_multiplied_by_one_thread(many, threads, monkeypatch):
    monkeypatch.setattr(training, "MANY_PRODUCTS", many)
    before, seen = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        train("ppo", KUHN, watch=lambda *_: seen.add(torch.get_num_threads()), **SHORT)
        assert seen == {threads}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_games_of_many_histories_are_measured_seldom(monkeypatch):
    monkeypatch.setattr(measures, "MANY_HISTORIES", 50)  # Kuhn poker has 58
    assert [updates for updates, _ in train("ppo", KUHN, **SHORT).history] == [1, 8]
    assert [updates for updates, _ in train("ppo", KUHN, until=1e-9, **SHORT).history] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_response_to_an_opponent_comes_close_to_the_best_one():
    uniform = load_agent("uniform", game=KUHN)
    trained = train(
        "ppo", KUHN, steps=200_000, tables=128, hidden=(64,), opponent=uniform, settings={"entropy": 0.01, "clip": 0.2}
    )
    response, still = tabulate(KUHN, trained.policy).table, tabulate(KUHN, uniform.policy).table
    gained = 0.0
    for player in (0, 1):
        mine = {state: row for state, row in response.items() if _mover(state) == player}
        gained += expected_returns(KUHN, TabularPolicy(KUHN.info.specification, {**still, **mine}))[player]
    assert trained.gap is None
    assert gained > 0.75 * nash_conv(KUHN, uniform.policy)


def _mover(state):
    """Whose turn it is at an information state of two-player Kuhn poker: a card, then the moves."""
    return (len(state) - 1) % 2


@pytest.mark.parametrize(
    "game", ["arena:connect_four", "openspiel:goofspiel(num_cards=3)", "openspiel:kuhn_poker(players=3)", "smax:3m"]
)
def test_games_of_all_kinds_are_learned_on(game):
    trained = train("ppo", load_game(game), steps=256, tables=8, hidden=(8,), settings={"rollout": 4})
    assert trained.steps == 256
    assert (trained.gap is None) == game.startswith(("arena:connect_four", "smax"))


def test_markov_games_are_measured_exactly_unless_the_network_remembers():
    game, run = load_game("markov:soccer"), {"steps": 64, "tables": 8, "hidden": (8,), "settings": {"rollout": 8}}
    trained = train("ppo", game, **run)
    assert trained.gap == nash_conv(game, trained.policy) > 0
    assert train("ppo", game, memory=4, **run).gap is None


def test_what_updates_tell_has_names_and_steps():
    told = []
    train("ppo", KUHN, watch=lambda steps, numbers: told.append((steps, set(numbers))), **SHORT)
    assert [steps for steps, _ in told] == list(range(512, 4097, 512))
    assert told[0][1] == {"loss", "policy loss", "value loss", "entropy", "KL to the policy before"}


def test_until_ends_a_run_early():
    trained = train("mmd", KUHN, until=5.0, **SHORT)
    assert trained.updates == 1


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"method": "pp0"}, UnknownName, "did you mean 'ppo'"),
        ({"settings": {"cilp": 0.1}}, UnknownName, "did you mean 'clip'"),
        ({"settings": {"clip": 0.0}}, SpecificationError, "clip must be a number above 0"),
        ({"settings": {"trace": 1.5}}, SpecificationError, "trace must be from 0 to 1"),
        ({"settings": {"rollout": 2.5}}, SpecificationError, "rollout must be a whole number"),
        ({"settings": {"annealed": 1}}, SpecificationError, "annealed must be true or false"),
        ({"settings": {"learning_rate": float("nan")}}, SpecificationError, "learning_rate must be a number above 0"),
        ({"memory": -1}, SpecificationError, "memory must be a whole number from 0 to 65,536"),
        ({"tables": 10**11}, SpecificationError, "tables must be a whole number from 1 to 1,048,576"),
        ({"hidden": (10**11,)}, SpecificationError, "hidden.0. must be a whole number from 1 to 65,536"),
        ({"hidden": (), "memory": 4}, SpecificationError, "hidden must be the widths of layers"),
        ({"until": 0.0}, SpecificationError, "until must be a number above 0, or none; got 0.0"),
        ({"until": float("nan")}, SpecificationError, "until must be a number above 0, or none; got nan"),
        ({"seed": -1}, SpecificationError, "seed must be a whole number from 0 to"),
        ({"settings": {"learning_rate": 1e30}}, Diverged, "try a smaller learning rate"),
        ({"game": FOUR, "settings": {"learning_rate": 1e30}, "device": "torch"}, Diverged, "smaller learning rate"),
        ({"steps": 0}, SpecificationError, "steps must be a whole number"),
        ({"hidden": (8, 0)}, SpecificationError, "hidden"),
        ({"precision": "float16"}, SpecificationError, "precision must be one of float32, bfloat16"),
        ({"method": "nfsp", "precision": "bfloat16"}, NotProvided, "nfsp learns in float32"),
        ({"workers": 0}, SpecificationError, "workers must be a whole number from 1 on; got 0"),
        ({"method": "ippo", "game": load_game("smax:3m"), "workers": 2}, NotProvided, "leave workers out"),
        ({"game": load_game("smax:3m"), "until": 0.1}, NotProvided, "until waits for NashConv"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change, error, says):
    given = {"method": "ppo", "game": KUHN, **SHORT, **change}
    with pytest.raises(error, match=says):
        train(given.pop("method"), given.pop("game"), **given)


@pytest.mark.parametrize("method", [name for name, one in METHODS.items() if not one.responds])
def test_who_learns_no_response_takes_no_opponent(method):
    assert method not in ("ppo", "mmd")
    with pytest.raises(NotProvided, match=f"{method} learns no response to another agent; ppo, mmd do"):
        train(method, KUHN, opponent=load_agent("uniform", game=KUHN), **SHORT)


def test_a_checkpoint_of_other_settings_is_refused_and_left_alone(tmp_path):
    kept = tmp_path / "run.npz"
    train("ppo", KUHN, checkpoint=kept, **SHORT)
    before = kept.read_bytes()
    with pytest.raises(SpecificationError, match="other rules or settings"):
        train("ppo", KUHN, checkpoint=kept, seed=1, **SHORT)
    assert kept.read_bytes() == before


def test_what_is_played_is_the_mean_of_the_weights_so_far_or_the_last_ones():
    last, mean = (
        [
            weights(train("ppo", KUHN, settings={"averaged": share, "annealed": False, "first_entropy": 0.05}, **run))
            for run in ({**SHORT, "steps": 512 * updates} for updates in (1, 2, 3))
        ]
        for share in (0.0, 1.0)
    )
    torch.testing.assert_close(mean[2], torch.stack(last).mean(0))
