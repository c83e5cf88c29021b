"""Matches as tensors: the same as at tables, on a device that is never waited for, and going on from arrays."""

import numpy as np
import pyspiel
import pytest
import torch
from interruptions import interrupted
from tensor_devices import DEVICES

from arena.games import NotProvided, SpecificationError, load_game, markov_tensors, tree_tensors
from arena.games.tensor_tables import tensor_tables
from arena.solvers.learning import train
from arena.solvers.learning.device_matches import DeviceMatches
from arena.solvers.learning.match_tables import MatchTables, inputs_of
from arena.solvers.tensor_tree import tensor_device

CPU = torch.device("cpu")
SMALL = ("arena:kuhn_poker", "arena:tic_tac_toe", "arena:connect_four", "markov:rps_chain", "smax:3m(max_steps=9)")


def matches(name, count, *, seed=3, device=CPU):
    game = load_game(name)
    return DeviceMatches(tensor_tables(game, count, device), count, inputs_of(game.info), seed=seed, device=device)


def drawn(seen, words):
    """A legal action a row, drawn."""
    return (seen.legal.cpu() * torch.rand(seen.legal.shape, generator=words, dtype=torch.float64)).argmax(-1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*SMALL, "arena:kuhn_poker(players=3)", "openspiel:leduc_poker", "markov:soccer"])
def test_equal_seeds_and_actions_make_the_matches_of_tables(name, device):
    place = tensor_device(device)
    there, here = matches(name, 40, device=place), MatchTables(load_game(name), 40, seed=3)
    assert there.facts == here.facts
    words, ended = torch.Generator().manual_seed(0), 0
    for _ in range(90):
        one, other = there.seen(), here.seen()
        acting = other.acting
        assert torch.equal(one.acting.cpu(), acting)
        for column in ("observation", "legal", "player"):
            told, wanted = getattr(one, column).cpu()[acting], getattr(other, column)[acting]
            if name.startswith("smax") and place.type != "cpu":  # a GPU rounds otherwise
                torch.testing.assert_close(told, wanted, atol=1e-4, rtol=1e-4)
            else:
                assert torch.equal(told, wanted)
        action = drawn(one, words)
        happened, again = there.step(action.to(place)), here.step(action)
        assert torch.equal(happened.over.cpu(), again.over)
        assert torch.equal(happened.reward.cpu(), again.reward)
        ended += int(happened.over.sum())
    assert ended > 40


@pytest.mark.parametrize("name", ["goofspiel(num_cards=3,points_order=descending)", "liars_dice(dice_sides=2)"])
def test_what_is_written_out_asks_one_after_the_other_and_where_there_is_a_choice(name):
    there = matches(f"openspiel:{name}", 30)
    words, played, ended = torch.Generator().manual_seed(1), [[] for _ in range(30)], 0
    for _ in range(25):
        seen = there.seen()
        assert there.facts.seats == 1 and (seen.legal.sum(-1) > 1).all()
        action = drawn(seen, words)
        happened = there.step(action)
        for table in range(30):
            played[table].append(int(action[table]))
            if happened.over[table]:
                told = happened.reward[table].tolist()
                assert told in [returns_of(name, dice, played[table]) for dice in dealt(name)]
                played[table], ended = [], ended + 1
    assert ended > 30


def dealt(name):
    return [(a, b) for a in range(2) for b in range(2)] if name.startswith("liars_dice") else [()]


def returns_of(name, dice, actions):
    """What OpenSpiel pays for these chosen actions, all forced ones played between them."""
    state, left = pyspiel.load_game(name).new_initial_state(), list(actions)
    for outcome in dice:
        state.apply_action(outcome)

    def chosen(legal):
        return legal[0] if len(legal) == 1 else left.pop(0)

    while not state.is_terminal():
        if state.is_simultaneous_node():
            state.apply_actions([chosen(state.legal_actions(player)) for player in range(2)])
        else:
            state.apply_action(chosen(state.legal_actions()))
    assert not left
    return state.returns()


@pytest.mark.parametrize("name", SMALL)
def test_they_go_on_from_arrays_as_if_nothing_had_been(name):
    first, second, words = matches(name, 20), matches(name, 20), torch.Generator().manual_seed(2)
    for _ in range(7):
        first.step(drawn(first.seen(), words))
    second.restore(first.arrays())
    for _ in range(12):
        one, other = first.seen(), second.seen()
        assert torch.equal(one.observation, other.observation) and torch.equal(one.legal, other.legal)
        action = drawn(one, words)
        happened, again = first.step(action), second.step(action)
        assert torch.equal(happened.reward, again.reward) and torch.equal(happened.over, again.over)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("arena:kuhn_poker", {"begun": np.zeros(2, np.int64)}),
        ("arena:kuhn_poker", {"node": np.array([0, 1 << 40])}),
        ("arena:kuhn_poker", {"node": np.array([0, 5])}),  # node 0 is chance
        ("arena:kuhn_poker", {"node": np.array([1.5, 2.5])}),
        ("arena:kuhn_poker", {"drawn": np.array([-1, 2])}),
        ("arena:tic_tac_toe", {"stones": np.ones((2, 2, 9), np.bool_)}),
        ("arena:tic_tac_toe", {"stones": np.zeros((2, 9), np.bool_)}),
        ("arena:connect_four", {"stones": np.eye(84, dtype=np.bool_)[[10, 10]].reshape(2, 2, 42)}),  # in the air
        ("markov:rps_chain", {"state": np.array([0, 99])}),
        ("markov:rps_chain", {"returns": np.full((2, 2), np.nan)}),
        ("smax:3m(max_steps=9)", {"health": np.zeros((2, 6), np.float32)}),
        ("smax:3m(max_steps=9)", {"unit_type": np.full((2, 6), 99)}),
    ],
)
def test_arrays_of_no_such_matches_are_refused(name, broken):
    there = matches(name, 2)
    with pytest.raises(SpecificationError):
        there.restore({**there.arrays(), **broken})
    with pytest.raises(SpecificationError):
        there.restore({})


@pytest.mark.parametrize("name", [name for name in SMALL if not name.startswith("smax")])
def test_nothing_is_moved_from_or_to_the_device_and_nobody_waits_for_it(name):
    """Tensors of the device "meta" hold no numbers: whoever read one, or mixed it with another device's, would fail."""
    there = matches(name, 5, device=torch.device("meta"))
    for _ in range(3):
        seen = there.seen()
        happened = there.step(torch.zeros_like(seen.player))
        for tensor in (seen.observation, seen.legal, seen.player, seen.acting, happened.reward, happened.over):
            assert tensor.device.type == "meta"


ENDS_AT_ONCE = """EFG 2 R "" { "a" "b" }
c "" 1 "" { "end" 1/2 "go" 1/2 } 0
t "" 1 "" { 1 -1 }
p "" 1 1 "" { "l" "r" } 0
t "" 2 "" { 0 0 }
t "" 3 "" { 2 -2 }
"""


def test_what_cannot_be_written_out_stays_at_tables(tmp_path, monkeypatch):
    assert tensor_tables(load_game("openspiel:chess"), 2, CPU) is None
    assert tensor_tables(load_game("smax:3m(actions=continuous)"), 2, CPU) is None
    assert tensor_tables(load_game("openspiel:kuhn_poker"), 2, CPU, trees=False) is None
    monkeypatch.setattr(tree_tensors, "MOST_SEEN", 100)
    assert tensor_tables(load_game("openspiel:kuhn_poker"), 2, CPU) is None
    monkeypatch.setattr(markov_tensors, "MOST_OUTCOMES", 100)
    assert tensor_tables(load_game("markov:soccer"), 2, CPU) is None
    monkeypatch.undo()
    (tmp_path / "it.efg").write_text(ENDS_AT_ONCE)
    with pytest.raises(NotProvided, match="may end before anybody decides"):
        tree_tensors.tree_tensors(load_game(f"openspiel:efg_game(filename={tmp_path / 'it.efg'})"), 2, CPU)


@pytest.mark.parametrize(("method", "name"), [("ppo", "arena:kuhn_poker"), ("nfsp", "arena:tic_tac_toe")])
def test_training_on_tensors_is_training_at_tables_bit_for_bit_and_goes_on(method, name, tmp_path):
    game, kept = load_game(name), tmp_path / "run.npz"
    run = {"steps": 4096, "tables": 32, "hidden": (16,), "measured": False}
    here = train(method, game, **run)
    with pytest.raises(KeyboardInterrupt):
        train(method, game, device="torch", checkpoint=kept, watch=interrupted(after=3), **run)
    with pytest.raises(
        SpecificationError, match=r"with matches=tensors, with other rules or settings than .+ on \S+ has now"
    ):
        train(method, game, checkpoint=kept, **run)
    there = train(method, game, device="torch", checkpoint=kept, **run)
    for one, other in zip(here.policy.network.parameters(), there.policy.network.parameters(), strict=True):
        assert torch.equal(one, other)
