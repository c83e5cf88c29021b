import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import SpecificationError, TabularPolicy, uniform_policy
from arena.games.policy import MixturePolicy
from arena.solvers.policy_file import load_policy, require_writable, save_policy

GAME = "openspiel:kuhn_poker"
POLICY = TabularPolicy(GAME, {"0": {0: 1 / 3, 1: 2 / 3}, "0pb": {1: 1.0}, "ünïcode \n\x00": {5: 0.1, 3: 0.2, 0: 0.7}})


@pytest.mark.parametrize("end", ["json", "npz", "policy"])
def test_a_policy_comes_back_bit_for_bit_and_in_order(tmp_path, end):
    path = tmp_path / f"policy.{end}"
    save_policy(POLICY, path)
    loaded = load_policy(path)
    assert loaded == POLICY
    assert list(loaded.table) == list(POLICY.table)
    assert [list(row) for row in loaded.table.values()] == [list(row) for row in POLICY.table.values()]


def rows(weights):
    total = sum(weights)
    return {action: weight / total for action, weight in enumerate(weights)}


@given(st.dictionaries(st.text(), st.lists(st.floats(0.001, 1), min_size=1, max_size=4).map(rows), max_size=5))
def test_any_policy_comes_back(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("policies")
    for end in ("json", "npz", "policy"):
        save_policy(TabularPolicy(GAME, table), folder / f"p.{end}")
        assert load_policy(folder / f"p.{end}").table == table


@pytest.mark.parametrize("end", ["json", "npz", "policy"])
def test_an_empty_policy_comes_back(tmp_path, end):
    save_policy(uniform_policy(GAME), tmp_path / f"p.{end}")
    assert load_policy(tmp_path / f"p.{end}") == uniform_policy(GAME)


@pytest.mark.parametrize("end", ["json", "npz", "policy"])
def test_the_same_policy_makes_the_same_bytes_and_its_name_does_not_matter(tmp_path, end):
    for name in ("a", "b"):
        save_policy(POLICY, tmp_path / f"{name}.{end}")
    assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()
    stored = (tmp_path / f"a.{end}").rename(tmp_path / "0123abcd")
    assert load_policy(stored) == POLICY


def test_saving_replaces_and_leaves_nothing_else(tmp_path):
    for policy in (POLICY, uniform_policy(GAME)):
        save_policy(policy, tmp_path / "p.json")
    assert load_policy(tmp_path / "p.json") == uniform_policy(GAME)
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_other_names_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match=r"\.policy, \.npz or \.json"):
        save_policy(POLICY, tmp_path / "policy.pkl")
    with pytest.raises(SpecificationError, match="No such file"):
        save_policy(POLICY, tmp_path / "missing" / "policy.json")
    with pytest.raises(SpecificationError, match=r"nothing\.json.*No such file"):
        load_policy(tmp_path / "nothing.json")


def test_where_a_policy_can_be_written_is_known_before_and_nothing_stays(tmp_path):
    require_writable(tmp_path / "p.policy")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "f.policy").mkdir()
    with pytest.raises(SpecificationError, match="it is a folder"):
        require_writable(tmp_path / "f.policy")
    with pytest.raises(SpecificationError, match="No such file"):
        require_writable(tmp_path / "missing" / "p.policy")
    with pytest.raises(SpecificationError, match="end the name"):
        require_writable(tmp_path / "p.txt")


@pytest.mark.parametrize("end", ["json", "npz", "policy"])
def test_every_truncation_is_refused_by_name(tmp_path, end):
    save_policy(POLICY, tmp_path / f"p.{end}")
    content = (tmp_path / f"p.{end}").read_bytes()
    for length in range(0, len(content) - 1, 7):
        (tmp_path / f"cut.{end}").write_bytes(content[:length])
        with pytest.raises(SpecificationError, match=r"cut.*is no policy file"):
            load_policy(tmp_path / f"cut.{end}")


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was executed",))


def test_a_pickle_is_refused_and_not_executed(tmp_path):
    path = tmp_path / "policy.json"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(SpecificationError, match="is a pickle"):
        load_policy(path)
    np.savez(
        tmp_path / "policy.npz",
        **dict.fromkeys(["version", "game", "states", "state_ends"], 1),
        actions=1,
        probabilities=1,
        choice_ends=1,
        format=np.array([Evil()], object),
    )
    with pytest.raises(SpecificationError, match="pickled objects"):
        load_policy(tmp_path / "policy.npz")


def written(tmp_path, **changes):
    whole = {"format": "arena-policy", "version": 1, "game": GAME, "policy": {"0pb": {"0": 1.0}}} | changes
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "format must be"),
        ({"version": 2}, "newer"),
        ({"version": True}, "whole number"),
        ({"game": ""}, '"game"'),
        ({"policy": []}, '"policy"'),
        ({"policy": {"0pb": [0.5, 0.5]}}, "'0pb' must have an object"),
        ({"policy": {"0pb": {"0": "1"}}}, "'0pb': the probability of action 0"),
        ({"policy": {"0pb": {"0": True}}}, "'0pb': the probability of action 0"),
        ({"policy": {"0pb": {"-1": 1.0}}}, "'0pb': action '-1'"),
        ({"policy": {"0pb": {"01": 1.0}}}, "'0pb': action '01'"),
        ({"policy": {"0pb": {"9" * 5000: 1.0}}}, "'0pb': action '999"),
        ({"policy": {"0pb": {"0": 10**400}}}, "'0pb': the probability of action 0"),
        ({"policy": {"0pb": {"0": 0.4}}}, "'0pb' must be at least 0 and sum to 1"),
        ({"policy": {"0pb": {"0": float("nan")}}}, "'0pb' must be at least 0 and sum to 1"),
        ({"policy": {"0pb": {}}}, "'0pb' must be at least 0 and sum to 1"),
    ],
)
def test_a_broken_entry_is_named_with_its_file(tmp_path, changes, message):
    with pytest.raises(SpecificationError, match=r"broken\.json") as caught:
        load_policy(written(tmp_path, **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"format": "arena-policy",\n oops}', "line 2"),
        (b"[]", "must be an object"),
        (b'{"version": 1, "version": 1}', "'version' stands twice"),
        (b"\xff\xfe\x00", "neither JSON nor .npz"),
        (b"PK\x03\x04 but no archive", "damaged"),
    ],
)
def test_what_is_no_policy_file_is_refused(tmp_path, text, message):
    path = tmp_path / "p.json"
    path.write_bytes(text)
    with pytest.raises(SpecificationError) as caught:
        load_policy(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice_ends": np.array([2, 1])}, "'choice_ends' must ascend"),
        ({"choice_ends": np.array([3])}, "different lengths"),
        ({"actions": np.array([0, 1, -1])}, "'b': actions"),
        ({"actions": np.array([0, 0, 1])}, "'a': actions"),
        ({"states": np.frombuffer(b"aa", np.uint8)}, "'a' stands twice"),
        ({"states": np.frombuffer(b"a\xff", np.uint8)}, "no UTF-8"),
        ({"probabilities": np.array([0.5, 0.6, 1])}, "'a' must be"),
        ({"probabilities": np.array([1, 0, 1])}, "float64"),
        ({"format": np.array("x")}, "format must be"),
    ],
)
def test_a_broken_npz_is_refused(tmp_path, changes, message):
    arrays = {
        "format": np.array("arena-policy"), "version": np.array(1), "game": np.array(GAME),
        "states": np.frombuffer(b"ab", np.uint8), "state_ends": np.array([1, 2]),
        "actions": np.array([0, 1, 1]), "probabilities": np.array([0.5, 0.5, 1.0]), "choice_ends": np.array([2, 3]),
    }  # fmt: skip
    np.savez(tmp_path / "p.npz", **arrays)
    assert load_policy(tmp_path / "p.npz").table == {"a": {0: 0.5, 1: 0.5}, "b": {1: 1.0}}
    np.savez(tmp_path / "p.npz", **(arrays | changes))
    with pytest.raises(SpecificationError) as caught:
        load_policy(tmp_path / "p.npz")
    assert message in str(caught.value)


@pytest.mark.parametrize("end", ["json", "npz", "policy"])
def test_a_damaged_file_never_ends_otherwise_than_in_one_sentence(tmp_path, end):
    save_policy(POLICY, tmp_path / f"p.{end}")
    content = (tmp_path / f"p.{end}").read_bytes()
    words = np.random.default_rng(7)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in words.integers(0, len(content), 3).tolist():
            damaged[place] = int(words.integers(256))
        (tmp_path / "damaged").write_bytes(damaged[: int(words.integers(len(content) // 2, len(content) + 1))])
        try:
            load_policy(tmp_path / "damaged")
        except SpecificationError:
            refused += 1
    assert refused > 250


def test_a_mixture_is_refused_with_what_makes_a_table_of_it(tmp_path):
    uniform = uniform_policy("openspiel:kuhn_poker")
    with pytest.raises(SpecificationError, match=r"tabulate\(game, policy\) makes one of a MixturePolicy"):
        save_policy(MixturePolicy((uniform, uniform), (0.5, 0.5)), tmp_path / "m.policy")
    assert not list(tmp_path.iterdir())
