"""Prompts: from texts, chats and rows, in an order that uses every prompt once an epoch."""

from __future__ import annotations

import re

import pytest
import torch
from tiny_language import PAD, tiny_tokenizer

from arena.solvers.language.prompts import Room, chosen_rows, left_padded, read_prompts, room_for_prompts

TEMPLATE = "{% for m in messages %}{{ m.content }} {% endfor %}now"


def read(dataset, *, tokenizer=None, longest=8, truncate=False):
    return read_prompts(
        dataset,
        tokenizer or tiny_tokenizer(),
        room=Room(longest=longest, why="max_length; raise max_length"),
        truncate=truncate,
        name="train_dataset",
    )


def chatting():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def test_texts_and_rows_are_the_same():
    assert read(["play", "now"]) == read([{"prompt": "play", "id": 3}, {"prompt": "now", "id": 4}])


def test_any_iterable_will_do():
    assert read(text for text in ("play", "now")) == read(["play", "now"])


def test_chats_are_read_by_the_template_and_shown_plainly():
    found = read([[{"role": "user", "content": "play"}]], tokenizer=chatting())
    assert found.tokens == ((6, 7),)
    assert found.texts == ("play",)


def test_longer_chats_are_shown_with_their_roles():
    turns = [{"role": "user", "content": "play"}, {"role": "assistant", "content": "now"}]
    assert read([{"prompt": turns}], tokenizer=chatting()).texts == ("user: play\nassistant: now",)


def test_a_long_prompt_keeps_its_end_when_asked_to():
    assert read(["play now play"], longest=2, truncate=True).tokens == ((7, 6),)


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("play", "must be a list of prompts"),
        ({"prompt": "play"}, "must be a list of prompts"),
        ([], "has no prompts"),
        (["play", ""], "row 1: the prompt has no tokens"),
        (["play", "play now play now play now play now play"], "row 1: the prompt has 9 tokens, at most 8"),
        ([{"prompts": "play"}], "row 0: no 'prompt' among prompts; is 'prompts' meant?"),
        ([{}], "no columns"),
        ([7], "row 0: a prompt is a text or a list"),
        ([None], "row 0: a prompt is a text or a list"),
        ([{"prompt": [{"role": "user"}]}], "row 0: a prompt is a text or a list"),
        ([[{"role": "user", "content": "play"}]], "no chat template"),
    ],
)
def test_what_is_no_prompt_is_named_by_its_row(dataset, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        read(dataset)


@pytest.mark.parametrize(("rows", "size"), [(10, 2), (10, 3), (3, 8), (1, 4)])
def test_every_prompt_is_used_once_before_any_is_used_again(rows, size):
    batches = [chosen_rows(batch, size, rows=rows, seed=5) for batch in range(12)]
    assert all(len(one) == size for one in batches)
    flat = [row for one in batches for row in one]
    for epoch in range(len(flat) // rows):
        assert sorted(flat[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


def test_another_seed_is_another_order():
    assert chosen_rows(0, 20, rows=20, seed=1) != chosen_rows(0, 20, rows=20, seed=2)


def test_padding_stands_at_the_left():
    ids, mask = left_padded([(5,), (6, 7, 5)], pad=PAD, device=torch.device("cpu"))
    assert ids.tolist() == [[PAD, PAD, 5], [6, 7, 5]]
    assert mask.tolist() == [[0, 0, 1], [1, 1, 1]]


@pytest.mark.parametrize(("positions", "longest"), [(None, 508), (600, 508), (512, 508), (32, 28)])
def test_a_prompt_has_what_max_length_and_the_model_leave(positions, longest):
    assert room_for_prompts(max_length=512, max_new_tokens=4, positions=positions).longest == longest


def test_a_model_with_no_positions_left_for_a_prompt_is_named():
    with pytest.raises(ValueError, match="below the 32 positions of the model"):
        room_for_prompts(max_length=512, max_new_tokens=32, positions=32)
