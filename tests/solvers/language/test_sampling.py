"""Sampling: completions have the probabilities that the model gives them, alone and in batches."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from tiny_language import EOS, PAD, all_completions, plain_log, tiny_gpt2, tiny_llama

from arena.solvers.language.prompts import left_padded
from arena.solvers.language.sampling import Sampler, Voice
from arena.solvers.language.updates import unpadded

CPU = torch.device("cpu")
DRAWS = 2000


def sampler(longest=2, temperature=0.8, at_once=None) -> Sampler:
    return Sampler(temperature=temperature, longest=longest, ends=torch.tensor([EOS]), pad=PAD, at_once=at_once)


def voice(model, share=1.0) -> Voice:
    model.eval()
    return Voice(enter=lambda: nullcontext(model), share=share)


def drawn(voices, prompts, *, seed=0, **settings):
    ids, mask = left_padded(prompts, pad=PAD, device=CPU)
    return sampler(**settings).sample(voices, ids, mask, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("make", [tiny_gpt2, tiny_llama])
def test_shares_of_completions_are_their_probabilities_whatever_is_padded_before(make):
    model = make()
    prompts = [(6,), (7, 6, 7, 7)]  # the first is padded by three
    told = unpadded(drawn([voice(model)], [one for one in prompts for _ in range(DRAWS)]))
    for k, prompt in enumerate(prompts):
        counts = Counter(told[k * DRAWS : (k + 1) * DRAWS])
        for answer in all_completions(2):
            chance = np.exp(plain_log(model, prompt, answer, 0.8))
            assert abs(counts[answer] / DRAWS - chance) < 5 * np.sqrt(chance * (1 - chance) / DRAWS) + 1 / DRAWS


def test_a_mixture_is_geometric_token_by_token():
    model, other = tiny_gpt2(seed=1), tiny_gpt2(seed=2)
    told = unpadded(drawn([voice(model, 0.25), voice(other, 0.75)], [(6, 7)] * DRAWS, longest=1, temperature=0.5))
    logs = [np.array([plain_log(one, (6, 7), (k,), 0.5) for k in range(8)]) for one in (model, other)]
    expected = np.exp(0.25 * logs[0] + 0.75 * logs[1])
    expected /= expected.sum()
    shares = np.bincount([one[0] for one in told], minlength=8) / DRAWS
    assert np.all(np.abs(shares - expected) < 5 * np.sqrt(expected * (1 - expected) / DRAWS) + 1 / DRAWS)
    assert np.abs(expected - np.exp(logs[0])).max() > 0.05  # neither of the two alone


def test_masks_end_right_after_the_end_of_the_text():
    told = drawn([voice(tiny_gpt2())], [(6,)] * 500, longest=5)
    ended = 0
    for ids, mask in zip(told.ids.tolist(), told.mask.tolist(), strict=True):
        length = sum(mask)
        assert mask == [1] * length + [0] * (len(mask) - length)
        assert EOS not in ids[: length - 1]
        assert all(one == PAD for one in ids[length:])
        assert ids[length - 1] == EOS or length == len(ids)
        ended += ids[length - 1] == EOS
    assert 0 < ended < 500


def test_it_stops_once_all_texts_have_ended():
    class Ender:
        """Ends every text at once."""

        def __new__(cls):
            model = tiny_gpt2()
            model.lm_head.forward = lambda states: (
                torch.nn.functional.one_hot(torch.full(states.shape[:-1], EOS), 8).float() * 1e4
            )
            return model

    assert drawn([voice(Ender())], [(6,)] * 3, longest=50).ids.shape == (3, 1)


def test_parts_sampled_one_after_another_are_put_together():
    told = drawn([voice(tiny_gpt2())], [(6,)] * 7, longest=4, at_once=3)
    assert len(told) == 7
    assert told.ids.shape == told.mask.shape
