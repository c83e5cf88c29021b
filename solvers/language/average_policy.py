"""The average policy of a run, which SPO and DNO answer with: every answer is drawn by one of its checkpoints, each as likely.

Where preferences go in circles the last policy of these methods goes round; only their average is near the solution.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arena.games.errors import SpecificationError
from arena.games.seeds import seed_of
from arena.solvers.language.copies import WholeCopies, voice
from arena.solvers.language.model_files import Tokenizer, load_tokenizer, pad_token, positions_of
from arena.solvers.language.prompts import left_padded, read_prompts, room_for_prompts
from arena.solvers.language.run_files import checkpoints, read_run
from arena.solvers.language.sampling import Sampler, end_tokens
from arena.solvers.language.updates import unpadded


def average_answers(
    output_dir: str | Path,
    prompts: Iterable[object],
    *,
    count: int = 1,
    seed: int = 0,
    base_model: str | Path | None = None,
    processing_class: Tokenizer | None = None,
    device: str | None = None,
) -> list[list[str]]:
    """``count`` answers to each prompt from the even mixture of all checkpoints in ``output_dir``, drawn as in training.

    A checkpoint is chosen for every answer, so what is drawn is the average of whole answers' chances, not of words'. One
    model is in memory at a time. The mixture is of the updates that were saved: every ``save_steps``.

    Source: Swamy et al., A minimaximalist approach to reinforcement learning from human feedback, ICML 2024, arXiv:2401.04056.

    Args:
        output_dir: of a run that saved checkpoints.
        prompts: as `PreferenceTrainer` reads them.
        count: answers a prompt, at least 1.
        seed: decides the checkpoint and the words of every answer.
        base_model: of checkpoints that are adapters: the model below them, where they do not name it.
        processing_class: the tokenizer; None = that of the checkpoints.
        device: None = CUDA where there is one, else the CPU.

    Raises:
        ValueError: no checkpoints, no prompts, or a count below 1.
        SpecificationError: the state of the last checkpoint is damaged.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be a whole number, at least 1; got {count!r}")
    folders = checkpoints(Path(output_dir))
    if not folders:
        raise ValueError(f"no checkpoints in {str(output_dir)!r}: train with save_steps below max_steps")
    from transformers import AutoConfig

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    tokenizer = load_tokenizer(processing_class, folders[0])
    temperature, longest, most, truncate = _drawn_as(folders[-1])
    positions = positions_of(AutoConfig.from_pretrained(_whole(folders[-1], base_model)))
    room = room_for_prompts(max_length=most, max_new_tokens=longest, positions=positions)
    asked = read_prompts(prompts, tokenizer, room=room, truncate=truncate, name="prompts")
    rows = [row for row in range(len(asked)) for _ in range(count)]
    chosen = np.random.default_rng(seed_of(("checkpoints", seed))).integers(len(folders), size=len(rows))
    found: dict[int, str] = {}
    for k, folder in enumerate(folders):
        mine = np.flatnonzero(chosen == k).tolist()
        if not mine:
            continue
        model = _model(folder, base_model)
        copies = WholeCopies(model, None, anchored=False, device=place, parked=False)
        model.eval()
        pad = pad_token(tokenizer)
        ids, mask = left_padded([asked.tokens[rows[one]] for one in mine], pad=pad, device=place)
        generator = torch.Generator(place)
        generator.manual_seed(seed_of(("average", seed, k)))
        sampler = Sampler(temperature=temperature, longest=longest, ends=end_tokens(model, tokenizer, place), pad=pad)
        drawn = unpadded(sampler.sample([voice(copies, "policy")], ids, mask, generator))
        found |= {
            one: str(tokenizer.decode(list(said), skip_special_tokens=True))
            for one, said in zip(mine, drawn, strict=True)
        }
    return [[found[row * count + k] for k in range(count)] for row in range(len(asked))]


def _drawn_as(folder: Path) -> tuple[float, int, int, bool]:
    """(temperature, the longest answer, the longest prompt and answer, whether longer prompts are cut) of the run."""
    facts, _ = read_run(folder)
    try:
        told = facts["settings"]
        longest = int(told["max_new_tokens"])
        return float(told["temperature"]), longest, int(told["max_length"]), bool(told["truncate_prompts"])
    except (KeyError, TypeError, ValueError) as error:
        raise SpecificationError(f"{str(folder)!r} is a broken checkpoint ({type(error).__name__}: {error})") from None


def _model(folder: Path, base_model: str | Path | None) -> Any:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(_whole(folder, base_model))
    if not (folder / "adapter_config.json").exists():
        return model
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(folder))


def _whole(folder: Path, base_model: str | Path | None) -> str | Path:
    """Where the whole model is: the checkpoint itself, or what its adapters are for."""
    if not (folder / "adapter_config.json").exists():
        return folder
    from peft import PeftConfig

    below: str | Path | None = base_model or PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if not below:
        raise ValueError(f"{str(folder)!r} holds adapters that name no model below them: give base_model")
    return below
