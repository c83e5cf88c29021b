"""The columns of tables of votes: which are read, which are passed over, which are refused as misspelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.games.vote_columns import LEAST, NO_SLIPS, is_slip, is_table, known_names, vote_columns

ARENA_33K = "question_id,model_a,model_b,winner,judge,conversation_a,conversation_b,turn,anony,language,tstamp,openai_moderation"
ARENA_55K = "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie"
ARENA_100K = (
    "question_id,model_a,model_b,winner,conversation_a,conversation_b,turn,anony,language,tstamp,conv_metadata,is_code,"
    "is_refusal,dedup_tag,category_tag,judge_hash"
)
ARENA_140K = (
    "id,model_a,model_b,winner,evaluation_session_id,evaluation_order,conversation_a,conversation_b,full_conversation,"
    "conv_metadata,category_tag,language,is_code,timestamp"
)


def columns(head):
    names = head.split(",")
    found = vote_columns(names, lambda name: f"at {name}")
    shown = {role: getattr(found, role) for role in ("first", "second", "weight", "context", "judge", "id")}
    return {role: names[place] for role, place in shown.items() if place is not None} | {
        "outcome": ",".join(names[place] for place in found.outcome)
    }


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ARENA_33K, {"outcome": "winner", "context": "question_id", "judge": "judge"}),
        (ARENA_55K, {"outcome": "winner_model_a,winner_model_b,winner_tie", "context": "prompt", "id": "id"}),
        (ARENA_100K, {"outcome": "winner", "context": "question_id", "judge": "judge_hash"}),
        (ARENA_140K, {"outcome": "winner", "id": "id"}),
        ("model_a,model_b,score,winner,weight", {"outcome": "winner", "weight": "weight"}),
        (
            "model_b,score,model_a,annotator,prompt,prompt_id",
            {"outcome": "score", "judge": "annotator", "context": "prompt_id"},
        ),
    ],
)
def test_the_usual_columns_are_found(head, expected):
    assert columns(head) == {"first": "model_a", "second": "model_b", **expected}


def test_case_and_blanks_do_not_matter():
    assert columns(" Model_A,MODEL_B ,Winner,Weight") == {
        "first": " Model_A",
        "second": "MODEL_B ",
        "outcome": "Winner",
        "weight": "Weight",
    }


def test_agents_and_players_are_candidates_too():
    assert columns("agent_b,agent_a,winner")["first"] == "agent_a"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("model_a,model_b,winner,wieght", "at wieght: unknown column 'wieght'; did you mean 'weight'"),
        ("model_a,model_b,winner,weights", "did you mean 'weight'"),
        ("model_a,model_b,winner,promt_id", "did you mean 'prompt_id'"),
        ("model_a,model_b,winner,judgge", "did you mean 'judge'"),
        ("model_a,model_b,winer", "at winer: .* needs a column 'winner'; is 'winer' meant"),
        ("model_a,modelb,winner", "needs a column 'model_b'; is 'modelb' meant"),
        ("model_a,winner", "at model_b: .* needs a column 'model_b'$"),
        ("agent_a,model_b,winner", "needs a column 'model_a'"),
        ("model_a,model_b", "needs a column 'winner'"),
        ("model_a,model_b,winner_model_a,winner_tie", "needs a column 'winner'"),
        ("model_a,model_b,winner,model_a", "the column 'model_a' stands twice"),
        ("model_a,model_b,winner,judge,Judge", "the column 'judge' stands twice"),
    ],
)
def test_missing_double_and_misspelt_columns_are_refused(head, said):
    with pytest.raises(SpecificationError, match=said):
        columns(head)


@pytest.mark.parametrize(
    "extra", ["content", "height", "judges,judge", "prompts,question_id", "language", "tur", "ids", "x,x"]
)
def test_other_columns_are_passed_over(extra):
    assert columns(f"model_a,model_b,winner,{extra}")["outcome"] == "winner"


def one_letter_apart(name, known):
    """The same by trying all changes."""
    letters = set(name) | set(known)
    changed = {known[:k] + known[k + 1 :] for k in range(len(known))}
    changed |= {known[:k] + x + known[k + 1 :] for k in range(len(known)) for x in letters}
    changed |= {known[:k] + x + known[k:] for k in range(len(known) + 1) for x in letters}
    changed |= {known[:k] + known[k + 1] + known[k] + known[k + 2 :] for k in range(len(known) - 1)}
    return name in changed - {known}


@given(st.text("abc", max_size=7), st.text("abc", min_size=LEAST, max_size=6))
def test_a_slip_is_one_letter_apart(name, known):
    assert is_slip(name, known) == one_letter_apart(name, known)


def test_no_known_name_is_a_slip_of_another():
    slips = {(one, other) for one in known_names() for other in known_names() if is_slip(one, other)}
    assert {tuple(sorted(pair)) for pair in slips} == {
        (f"{kind}_a", f"{kind}_b") for kind in ("agent", "candidate", "model", "player")
    } | {("winner_model_a", "winner_model_b")}
    assert not NO_SLIPS & known_names()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("model_a,model_b,winner", True),
        ("modela,modelb,winer", True),
        ("winner_model_a,winner_model_b,winner_tie", True),
        (",gpt,claude", False),
        ("rates,judge,model", False),
        ("", False),
    ],
)
def test_a_head_of_votes_is_told_from_one_of_a_matrix(head, expected):
    assert is_table(head.split(",")) == expected
