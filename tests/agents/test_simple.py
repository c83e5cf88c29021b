from dataclasses import replace

import numpy as np
import pytest

from arena.agents.registry import load_agent
from arena.agents.simple import SimpleAgent, as_agent, from_function
from arena.games import ActionSpace, AgentFault, ObservationBatch, SpecificationError, VectorLegal, load_game
from arena.playing import play
from arena.results import Termination


@pytest.fixture(scope="module")
def kuhn():
    return load_game("openspiel:kuhn_poker")


def first_legal(observation):
    return observation.legal_actions[0]


class Diary:
    """Notes all that it is told."""

    def __init__(self):
        self.notes = []

    def start(self, *, game, player, match):
        self.notes.append(("start", game, player, match))

    def act(self, observation):
        self.notes.append(("act", observation.information_state, observation.player, observation.match))
        return observation.legal_actions[observation.seed % len(observation.legal_actions)]

    def end(self, *, match, returns):
        self.notes.append(("end", returns, match))


def test_a_function_is_an_agent(kuhn):
    agent = from_function(first_legal)
    assert agent.info.name == "first_legal"
    assert from_function(first_legal, name="passer").info.name == "passer"
    results = play(kuhn, [agent, agent], matches=20)
    assert {tuple(match.actions[2:].tolist()) for match in results} == {(0, 0)}


def test_an_object_hears_of_one_match_after_the_other(kuhn):
    diary = Diary()
    results = play(kuhn, [as_agent(diary, game=kuhn), "random"], matches=30)
    starts = [note for note in diary.notes if note[0] == "start"]
    ends = [note for note in diary.notes if note[0] == "end"]
    assert len(starts) == len(ends) == 30
    assert len({note[3] for note in starts}) == 30
    assert {note[1:3] for note in starts} == {("openspiel:kuhn_poker", 0)}
    assert [note[1] for note in ends] == results.returns[:, 0].tolist()
    current = None
    for note in diary.notes:
        if note[0] == "start":
            assert current is None
            current = note[3]
        else:
            assert note[-1] == current
            current = None if note[0] == "end" else current


def test_an_object_may_ask_for_many_tables(kuhn, play_at):
    class Many(Diary):
        tables_at_once = None

    one, many = (as_agent(player, game=kuhn) for player in (Diary(), Many()))
    random = load_agent("random", game=kuhn)
    assert (one.info.tables_at_once, many.info.tables_at_once) == (1, None)
    assert play_at(kuhn, [one, random], tables=50).equals(play_at(kuhn, [many, random], tables=50))
    assert [note[0] for note in many.player.notes[:50]] == ["start"] * 50


def test_what_a_players_code_raises_ends_its_own_match_alone(kuhn):
    def fragile(observation):
        if observation.information_state == "2":
            raise KeyError("no plan for a king")
        return 0

    results = play(kuhn, [from_function(fragile), "random"], matches=60)
    kings = np.array([match.actions[0] == 2 for match in results])
    assert 5 < kings.sum() < 40
    assert (results.termination[kings] == Termination.CRASH).all()
    assert (results.termination[~kings] == Termination.NORMAL).all()
    assert results.faults[0].message == "fragile raised KeyError: 'no plan for a king'"


@pytest.mark.parametrize("name", ["start", "end"])
def test_what_start_and_end_raise_harms_no_other_match(kuhn, name):
    def fail(self, **_):
        raise RuntimeError("no")

    player = type("Failing", (), {"act": lambda self, observation: first_legal(observation), name: fail})()  # noqa: ARG005
    results = play(kuhn, [as_agent(player, game=kuhn), "random"], matches=5)
    expected = Termination.CRASH if name == "start" else Termination.NORMAL
    assert (results.termination == expected).all()


@pytest.mark.parametrize("answer", ["raise", None, "0", 0.5, [0], True, [[0], [1, 2]]])
def test_an_answer_that_is_no_action_is_a_fault_that_says_so(kuhn, answer):
    results = play(kuhn, [from_function(lambda _: answer, name="odd"), "random"], matches=3)
    assert (results.termination == Termination.PROTOCOL_ERROR).all()
    assert "odd must answer a whole number; got " in results.faults[0].message


@pytest.mark.parametrize("answer", [-1, 2, 10**6])
def test_an_illegal_action_is_an_illegal_move(kuhn, answer):
    results = play(kuhn, [from_function(lambda _: answer, name="odd"), "random"], matches=3)
    assert (results.termination == Termination.ILLEGAL_MOVE).all()


def test_numpy_numbers_are_actions(kuhn):
    results = play(kuhn, [from_function(lambda seen: np.int32(seen.legal_actions[-1])), "random"], matches=3)
    assert (results.forfeit == -1).all()


def test_an_observation_kept_past_its_decision_says_so(kuhn):
    kept = []
    play(kuhn, [from_function(lambda seen: kept.append(seen) or 0), "random"], matches=1)
    with pytest.raises(RuntimeError, match="after its decision"):
        _ = kept[0].text


def test_agents_pass_through_and_anything_else_is_refused(kuhn):
    random = load_agent("random", game=kuhn)
    assert as_agent(random, game=kuhn) is random
    human = load_agent("human", game=kuhn)
    assert as_agent(human, game=kuhn) is human
    assert as_agent(Diary(), game=kuhn, name="d").info.name == "d"
    assert as_agent(Diary(), game=kuhn).info.name == "Diary"
    assert as_agent(first_legal, game=kuhn).info.name == "first_legal"
    with pytest.raises(SpecificationError, match=r"hand in an object of it: Diary\(\)"):
        as_agent(Diary, game=kuhn)
    with pytest.raises(SpecificationError, match="no agent"):
        as_agent(3, game=kuhn)


def test_an_object_is_closed_with_its_agent():
    class Closing(Diary):
        def close(self):
            raise ValueError("twice")

    with pytest.raises(AgentFault, match="Closing raised ValueError: twice"):
        SimpleAgent(Closing(), name="Closing").close()


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [([0.5, 1], "box", [0.5, 1.0]), ((1, 2), "box", [1.0, 2.0]), ([1, 2], "multi_discrete", [1, 2])],
)
def test_vectors_are_answered_as_lists(kuhn, answer, kind, expected):
    space = ActionSpace(kind=kind, width=2)
    action = from_function(lambda _: answer).act(one_row(kuhn, space))
    assert action.tolist() == [expected]
    assert action.dtype == space.dtype


@pytest.mark.parametrize(("answer", "kind"), [([0.5, 1], "multi_discrete"), ([0.5], "box"), (1, "box")])
def test_a_vector_of_another_form_is_a_fault(kuhn, answer, kind):
    with pytest.raises(AgentFault, match="must answer 2"):
        from_function(lambda _: answer).act(one_row(kuhn, ActionSpace(kind=kind, width=2)))


def one_row(game, space):
    class Tables:
        info = replace(game.info, action_space=space)

    zero = np.zeros(1, np.int64)
    legal = VectorLegal(np.zeros((1, 2)), np.ones((1, 2)), space.kind == "multi_discrete")
    return ObservationBatch(zero, zero, legal, zero.astype(np.uint64), zero, Tables())
