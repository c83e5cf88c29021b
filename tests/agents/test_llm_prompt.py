"""What a model is shown, word for word, and which of its answers are moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.agents.chat_endpoint import ChatAnswer
from arena.agents.llm_prompt import SYSTEM, Moves, NoMove, questions, read_move
from arena.games import ObservationBatch, load_game

CHESS = Moves(names={1: "e4", 2: "Nf3", 3: "O-O", 4: "O-O-O", 5: "exd5", 6: "a8=Q"})
COLUMNS = Moves(names={number: str(number) for number in (0, 2, 5)})
BIDS = Moves(names={0: "[P0]Bid: 1", 1: "[P0]Bid: 2", 11: "[P0]Bid: 12"})
SHIFTED = Moves(names={0: "1", 1: "2"})
STARRED = Moves(names={7: "B4-diag*", 8: "B4-diag"})
CARDS = Moves(names={0: "fold", 7: "call", 8: "raise"})
TWICE = Moves(names={0: "take", 1: "take", 2: "leave"})
VECTOR = Moves(names={}, low=(0.0, -1.0), high=(1.0, 1.0))
WHOLE = Moves(names={}, low=(0.0, 0.0), high=(3.0, 3.0), whole=True)


def read(text, moves, **more):
    return read_move(ChatAnswer(text=text, **more), moves)


def first_question(specification, seed=5):
    tables = load_game(specification).tables(1)
    turn = tables.start(np.array([0]), np.array([seed], np.uint64))
    row = np.array([0])
    batch = ObservationBatch(
        turn.table[row], turn.player[row], turn.legal.take(row), np.array([1], np.uint64), row, tables
    )
    ((messages, _),) = questions(batch)
    return messages


def test_the_question_of_a_card_game_word_for_word():
    system, user = first_question("openspiel:kuhn_poker")
    assert (system.role, system.content) == ("system", SYSTEM)
    assert user.role == "user"
    assert user.content == (
        "The game is Kuhn Poker (openspiel:kuhn_poker): 2 players, 0 to 1, who move one after the other. "
        "Chance has a part in it. Some of it is hidden from you. What one side wins the others lose. "
        "A return is from -2 to 2.\n\n"
        "You are player 0, and this is decision 1 of yours in this match.\n\n"
        "What you see:\n111\n\n"
        "Legal moves, each with its number and name:\n0: Pass\n1: Bet\n\n"
        "You may think first. End your answer with one line:\n"
        "MOVE: followed by the name or the number of one legal move"
    )


def test_the_question_of_a_simultaneous_game_says_so():
    _, user = first_question("matrix:rps")
    assert "2 players, 0 to 1, who choose at the same time." in user.content
    assert "0: rock\n1: paper\n2: scissors\n" in user.content


def test_moves_whose_names_are_their_numbers_are_listed_once():
    _, user = first_question("pettingzoo:tictactoe_v3")
    assert "Legal moves, by number:\n0\n1\n" in user.content


def test_the_same_decision_makes_the_same_words():
    assert first_question("openspiel:leduc_poker") == first_question("openspiel:leduc_poker")


@pytest.mark.parametrize(
    ("text", "moves", "action"),
    [
        ("MOVE: e4", CHESS, 1),
        ("move: E4", CHESS, 1),
        ("Long thought about Nf3.\n\n**MOVE: `e4`**.", CHESS, 1),
        ("MOVE: e4\nNo, better:\nMOVE: Nf3", CHESS, 2),
        ("My final move is: Nf3", CHESS, 2),
        ("Final answer: Nf3!", CHESS, 2),
        ("MOVE: 2", CHESS, 2),
        ("MOVE: 2: Nf3", CHESS, 2),
        ("MOVE: 1: Nf3", CHESS, NoMove),
        ("MOVE: O-O", CHESS, 3),
        ("MOVE: O-O-O because it is safe", CHESS, 4),
        ("MOVE: I play O-O-O", CHESS, NoMove),
        ("MOVE: a8=Q", CHESS, 6),
        ("MOVE: Nf3 or e4", CHESS, NoMove),
        ("MOVE: Nf6", CHESS, NoMove),
        ("MOVE:", CHESS, NoMove),
        ('{"move": "Nf3"}', CHESS, 2),
        ('```json\n{"thought": "hm", "move": "e4"}\n```', CHESS, 1),
        ('{"action": 5}', COLUMNS, 5),
        ('{"move": 3.5}', COLUMNS, NoMove),
        ('{"move": true}', COLUMNS, NoMove),
        ("```\nMOVE: e4\n```", CHESS, 1),
        ("Nf3", CHESS, 2),
        ("*nf3!*", CHESS, 2),
        ("I thought long.\n\nI will play Nf3.", CHESS, NoMove),
        ("These come to mind:\n1. e4\n2. Nf3", CHESS, NoMove),
        ("I won't fold. MOVE: 7", CARDS, 7),
        ("I won't fold. **MOVE: 7**", CARDS, 7),
        ("I won't MOVE: fold. I do MOVE: call.", CARDS, 7),
        ("MOVE: fold\nNo! I call: MOVE: 7", CARDS, 7),
        ("MOVE: 7\nNow MOVE: ", CARDS, 7),
        ("I won't fold.", CARDS, NoMove),
        ("not fold", CARDS, NoMove),
        ("MOVE: not fold", CARDS, NoMove),
        ("MOVE: fold, for it is too dear", CARDS, 0),
        ("MOVE: [fold]", CARDS, 0),
        ("MOVE: folding is what I will not do, so no fold", CARDS, NoMove),
        ("MOVE: 7 (call)", CARDS, 7),
        ("MOVE: 7 (fold)", CARDS, NoMove),
        ("Their last move: fold. I like to raise.", CARDS, NoMove),
        ("e4 is bad, and so is exd5.\nI hesitate between e4 and Nf3.", CHESS, NoMove),
        ("e4 is bad.\nSo I resign.", CHESS, NoMove),
        ("<think>MOVE: e4</think>\nMOVE: Nf3", CHESS, 2),
        ("<think>MOVE: e4", CHESS, NoMove),
        ('Or {"move": "e4"}?</think>\nNf3', CHESS, 2),
        ("5", COLUMNS, 5),
        ("MOVE: 5.", COLUMNS, 5),
        ("MOVE: 3", COLUMNS, NoMove),
        ("I put it into column 5.", COLUMNS, NoMove),
        ("MOVE: [P0]Bid: 1", BIDS, 0),
        ("MOVE: [P0]Bid: 12", BIDS, 11),
        ("MOVE: 11", BIDS, 11),
        ("MOVE: 1", SHIFTED, 0),
        ("MOVE: B4-diag*", STARRED, 7),
        ("MOVE: B4-diag", STARRED, 8),
        ("**MOVE: B4-diag**", STARRED, 8),
        ("MOVE: take", TWICE, NoMove),
        ("MOVE: 1", TWICE, 1),
        ("MOVE: " + "9" * 400, COLUMNS, NoMove),
        ("MOVE: [0.5, -1]", VECTOR, [0.5, -1.0]),
        ("[1, 0.25].", VECTOR, [1.0, 0.25]),
        ("MOVE: [1, 0.25], in the middle", VECTOR, [1.0, 0.25]),
        ("I won't choose [1, 0.25].", VECTOR, NoMove),
        ("MOVE: not [1, 0.25]", VECTOR, NoMove),
        ("MOVE: [1, 0.25] or [0, 0]", VECTOR, NoMove),
        ("MOVE: [2, 0]", VECTOR, NoMove),
        ("MOVE: [0]", VECTOR, NoMove),
        ("MOVE: [NaN, 0]", VECTOR, NoMove),
        ("MOVE: [1e999, 0]", VECTOR, NoMove),
        ("MOVE: [true, 0]", VECTOR, NoMove),
        ("MOVE: [1, 2]", WHOLE, [1.0, 2.0]),
        ("MOVE: [1.5, 2]", WHOLE, NoMove),
    ],
)
def test_answers_are_read(text, moves, action):
    found = read(text, moves)
    assert isinstance(found, NoMove) if action is NoMove else found == action


@pytest.mark.parametrize(
    ("text", "illegal"),
    [("MOVE: Nf6", True), ("MOVE: Nf3 or e4", False), ("Hm.", False), ("", False), ("MOVE: 77", True)],
)
def test_an_illegal_move_is_told_from_none(text, illegal):
    assert read(text, CHESS).illegal is illegal


def test_an_answer_that_was_cut_off_is_told_so_and_guessed_from():
    found = read("I think that e4", CHESS, finish="length")
    assert "cut off: be shorter" in found.reason
    assert read("MOVE: e4", CHESS, finish="length") == 1


@given(st.text(), st.sampled_from([CHESS, COLUMNS, BIDS, TWICE]))
def test_no_answer_breaks_the_reader_and_what_it_reads_is_legal(text, moves):
    for said in (text, f"MOVE: {text}", f'{{"move": {text}}}'):
        found = read(said, moves)
        assert found.reason if isinstance(found, NoMove) else found in moves.names


@given(st.text(alphabet="[]0123456789.,-eE naNIfity", max_size=40), st.sampled_from([VECTOR, WHOLE]))
def test_no_vector_breaks_the_reader_and_what_it_reads_is_within_bounds(text, moves):
    found = read(f"MOVE: {text}", moves)
    if not isinstance(found, NoMove):
        assert all(low <= number <= high for number, low, high in zip(found, moves.low, moves.high, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "MOVE:" + " " * 10**6 + "x",
        "[" * 10**6,
        "{" * 10**6,
        "<think>" * 10**5,
        "move" * 10**6,
        "e" * 10**6,
        "*" * 10**6,
    ],
)
@pytest.mark.parametrize("moves", [CHESS, VECTOR])
def test_a_text_of_a_megabyte_is_read_to_the_end(text, moves):
    assert isinstance(read(text, moves), NoMove)
    # a reader that backtracks would not come back
