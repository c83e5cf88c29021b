"""A game for language models that can be solved exactly: words in a circle, few enough completions to enumerate them all.

Made in code by `benchmarks/language_preferences.py`; nothing is downloaded.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from arena.solvers.language.prompts import left_padded

Array = NDArray[np.float64]

BETA = 0.1
PAD, EOS, LONGEST = 0, 1, 2
STRONG = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """``cycle``: words of which each beats the half of the others that comes before it. ``others``: how many other words there are.
    ``turns``: by a prompt's first word, what places in the cycle are multiplied with, so that prompts have different winners.
    ``every``: updates between measurements.
    """

    name: str
    cycle: tuple[str, ...]
    others: int
    turns: Mapping[str, int]
    prompts: int
    layers: int
    width: int
    spread: float
    updates: int
    every: int
    seeds: int
    rates: tuple[float, ...]

    @property
    def words(self) -> list[str]:
        return ["<pad>", "<eos>", *self.cycle, *self.turns, *(f"word{k}" for k in range(self.others))]

    @property
    def asked(self) -> list[str]:
        """The prompts."""
        texts = (" ".join(words) for n in (1, 2, 3) for words in itertools.product(self.turns, repeat=n))
        return list(itertools.islice(texts, self.prompts))


TOY = Scale(
    name="toy",
    cycle=("rock", "paper", "scissors"),
    others=3,
    turns={"play": 1, "now": 2},
    prompts=8,
    layers=2,
    width=32,
    spread=0.25,
    updates=120,
    every=6,
    seeds=5,
    rates=(5e-4, 1e-3, 3e-3),
)
LARGE = Scale(
    name="large",
    cycle=("rock", "paper", "scissors", "lizard", "spock", "fire", "water"),
    others=19,
    turns={"play": 1, "now": 2, "then": 3, "again": 6},
    prompts=64,
    layers=6,
    width=256,
    spread=0.08,
    updates=300,
    every=10,
    seeds=10,
    rates=(3e-5, 1e-4, 3e-4),
)
SCALES = {one.name: one for one in (TOY, LARGE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circular:
    """A judge that looks at first words: one of the cycle beats all others, and of two of the cycle the one that is less than half the
    circle ahead, in the order of the prompt."""

    scale: Scale

    def __call__(self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float]:
        return [self._share(*texts) for texts in zip(prompts, first, second, strict=True)]

    def _share(self, prompt: str, a: str, b: str) -> float:
        cycle, size = self.scale.cycle, len(self.scale.cycle)
        x, y = (text.split(" ", 1)[0] for text in (a, b))
        if x in cycle and y in cycle and x != y:
            ahead = (cycle.index(x) - cycle.index(y)) * self.scale.turns[prompt.split(" ", 1)[0]] % size
            return STRONG if ahead <= size // 2 else 1 - STRONG
        return 0.5 if (x in cycle) == (y in cycle) else (STRONG if x in cycle else 1 - STRONG)


def tokenizer_of(scale: Scale) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(scale.words)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")


def model_of(scale: Scale, seed: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(scale.words),
            n_positions=16,
            n_embd=scale.width,
            n_layer=scale.layers,
            n_head=scale.width // 16,
            initializer_range=scale.spread,
            bos_token_id=EOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    )


class Exact:
    """All completions of a scale, and policies as tables over them."""

    def __init__(self, scale: Scale, device: str) -> None:
        self.scale, self.device = scale, torch.device(device)
        others = [k for k in range(len(scale.words)) if k != EOS]
        self.answers = [(EOS,), *itertools.product(others, range(len(scale.words)))]
        self.tokenizer = tokenizer_of(scale)
        texts = [self.tokenizer.decode(list(one), skip_special_tokens=True) for one in self.answers]
        size, judge = len(texts), Circular(scale=scale)
        # prompts that begin with one word have one table
        self.kinds = [list(scale.turns).index(prompt.split()[0]) for prompt in scale.asked]
        self.tables = [
            np.array(judge([opening] * size**2, [a for a in texts for _ in texts], texts * size)).reshape(size, size)
            for opening in scale.turns
        ]

    @torch.no_grad()
    def policy(self, model: Any) -> Array:
        """[prompts, completions]: chances of a first word, times those of a second after it, each prompt and first word read once."""
        model.eval()
        firsts = [answer[0] for answer in self.answers[1 :: len(self.scale.words)]]
        texts = [[*self.tokenizer(prompt)["input_ids"], first] for prompt in self.scale.asked for first in firsts]
        ids, mask = left_padded(texts, pad=PAD, device=self.device)
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = model(input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False).logits[:, -2:]
        first, second = torch.softmax(logits.double(), -1).cpu().numpy().swapaxes(0, 1)
        shape = (self.scale.prompts, len(firsts), len(self.scale.words))
        alone = first.reshape(shape)[:, 0]  # the same after whatever first word
        pairs = alone[:, firsts, None] * second.reshape(shape)
        found: Array = np.concatenate([alone[:, [EOS]], pairs.reshape(len(alone), -1)], axis=1)
        return found

    def rates(self, policy: Array) -> Array:
        """[prompts, completions]: how often each is preferred to a draw of the policy."""
        return np.stack([self.tables[kind] @ row for kind, row in zip(self.kinds, policy, strict=True)])

    def gap(self, policy: Array, reference: Array) -> float:
        """The regularised exploitability, mean over prompts."""
        reply = BETA * np.log((reference * np.exp(self.rates(policy) / BETA)).sum(1))
        price = BETA * (policy * np.log(policy / reference)).sum(1)
        return float((reply + price - 0.5).mean())

    def exploitability(self, policy: Array) -> float:
        return float((self.rates(policy).max(1) - 0.5).mean())
