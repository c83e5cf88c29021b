"""All that going on with a run depends on, put into a checkpoint and taken out of it again."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.solvers.language.configuration import PreferenceConfig
from arena.solvers.language.model_files import policy_weights, save_policy, stored_weights
from arena.solvers.language.prompts import Tokenizer, left_padded
from arena.solvers.language.run_files import checkpoints, fill, pack, read_run, require_fit, unpack, write_run
from arena.solvers.language.run_log import Line, Since
from arena.solvers.language.sampling import Completions
from arena.solvers.language.updates import Batch, Learner

LIKE = 1e-2
"""How far, as a share, the reference's log-probability of a text may be from what it was on another machine."""

OPTIMISER, SCHEDULER, ANCHOR, STAGE, OPPONENTS = "optimiser", "scheduler", "anchor", "stage", "opponents"

LrScheduler = torch.optim.lr_scheduler.LRScheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a run has come. ``lines``: of its log; ``since``: what was seen after the last of them."""

    step: int
    seconds: float
    lines: list[Line]
    since: Since


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunState:
    """The live parts of a run. Random words need no state: they are hashes of the seed and the number of the batch."""

    config: PreferenceConfig
    learner: Learner
    optimizer: torch.optim.Optimizer
    scheduler: LrScheduler | None
    tokenizer: Tokenizer

    def save(self, output_dir: Path, reached: Reached) -> None:
        """Writes output_dir/checkpoint-STEP, and removes the oldest where only so many are kept."""
        learner = self.learner
        tensors: dict[str, Tensor] = {}
        facts = {
            "step": reached.step,
            "seconds": reached.seconds,
            "log": reached.lines,
            "since": asdict(reached.since),
            "settings": self._settings(),
            "prompts": learner.prompts.fingerprint(),
            "reference": self._reference(),
            "tokens": learner.tokens,
            "judge": learner.comparisons.state(),
            OPTIMISER: pack(self.optimizer.state_dict(), OPTIMISER, tensors),
            SCHEDULER: None if self.scheduler is None else pack(_numbers(self.scheduler), SCHEDULER, tensors),
            STAGE: pack({n: one.tensors() for n, one in learner.stage.items()}, STAGE, tensors),
            OPPONENTS: pack({n: _named(one) for n, one in learner.opponents.items()}, OPPONENTS, tensors),
            "queue": [[row, [list(one) for one in held]] for row, held in learner.queue.items()],
        }
        tensors |= {f"{ANCHOR}.{name}": one for name, one in learner.copies.anchor_parameters().items()}

        def write_model(folder: Path) -> None:
            save_policy(learner.copies, folder)
            self.tokenizer.save_pretrained(folder)

        write_run(output_dir / f"checkpoint-{reached.step}", facts, tensors, write_model)
        limit = self.config.save_total_limit
        for old in checkpoints(output_dir)[:-limit] if limit else []:
            shutil.rmtree(old)

    def load(self, folder: Path) -> Reached:
        """Puts the live parts where a checkpoint was.

        Raises:
            SpecificationError: it is damaged, or of other prompts, settings or weights.
        """
        facts, tensors = read_run(folder)
        settings, held = self._settings(), facts.get("settings")
        if held != settings:
            odd = [name for name in settings if not isinstance(held, dict) or held.get(name) != settings[name]]
            raise SpecificationError(
                f"{str(folder)!r} is a checkpoint of a run with another {', '.join(odd) or 'kind of settings'}"
            )
        if facts.get("prompts") != self.learner.prompts.fingerprint():
            raise SpecificationError(f"{str(folder)!r} is a checkpoint of a run on other prompts")
        try:
            return self._restore(folder, facts, tensors)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, RecursionError) as error:
            raise SpecificationError(
                f"{str(folder)!r} is a broken checkpoint ({type(error).__name__}: {error}); remove it to begin anew"
            ) from None

    def _restore(self, folder: Path, facts: dict[str, Any], tensors: dict[str, Tensor]) -> Reached:
        learner, device = self.learner, self.learner.device
        weights, anchor = policy_weights(learner.copies), learner.copies.anchor_parameters()
        of = f"{ANCHOR}."
        held_anchor = {name[len(of) :]: one for name, one in tensors.items() if name.startswith(of)}
        held_weights = stored_weights(learner.copies, folder)
        require_fit(weights, held_weights, "weights", folder)
        require_fit(anchor, held_anchor, "the anchor's weights", folder)
        held, mine = facts["reference"], self._reference()
        if (held is None) != (mine is None) or (mine is not None and abs(float(held) - mine) > LIKE * abs(mine)):
            raise SpecificationError(f"{str(folder)!r} is a checkpoint of a run with another reference model")
        optimiser = unpack(facts[OPTIMISER], tensors)
        self._check(optimiser)
        stage = {int(n): Batch.of(_moved(one, device)) for n, one in unpack(facts[STAGE], tensors).items()}
        opponents = {int(n): Completions(**_moved(one, device)) for n, one in unpack(facts[OPPONENTS], tensors).items()}
        queue = {int(row): [tuple(map(int, one)) for one in held] for row, held in facts["queue"]}
        reached = Reached(
            step=int(facts["step"]),
            seconds=float(facts["seconds"]),
            lines=[dict(line) for line in facts["log"]],
            since=Since(**facts["since"]),
        )
        tokens = int(facts["tokens"])
        self._check_texts([*(one.completions for one in stage.values()), *opponents.values()], queue)
        if reached.step < 0:
            raise ValueError(f"step {reached.step}")
        self.optimizer.load_state_dict(optimiser)
        if self.scheduler is not None:
            self.scheduler.load_state_dict(unpack(facts[SCHEDULER], tensors))
        learner.comparisons.restore(facts["judge"])
        fill(weights, held_weights)
        fill(anchor, held_anchor)
        learner.stage, learner.opponents, learner.queue, learner.tokens = stage, opponents, queue, tokens
        return reached

    def _settings(self) -> dict[str, Any]:
        """As they are once JSON has carried them."""
        told: dict[str, Any] = json.loads(json.dumps(self.config.deciding()))
        return told

    def _reference(self) -> float | None:
        """log μ of the first prompt, given itself: tells references apart."""
        learner = self.learner
        if not learner.scored:
            return None
        ids, mask = left_padded([learner.prompts.tokens[0]], pad=0, device=learner.device)
        return float(learner.logs("reference", Completions(prompt_ids=ids, prompt_mask=mask, ids=ids, mask=mask)))

    def _check_texts(self, drawn: list[Completions], queue: dict[int, list[tuple[int, ...]]]) -> None:
        size = int(self.learner.copies.policy.config.vocab_size)
        tokens = [int(end) for one in drawn for ids in (one.prompt_ids, one.ids) for end in (ids.min(), ids.max())]
        tokens += [token for held in queue.values() for one in held for token in one]
        if tokens and not 0 <= min(tokens) <= max(tokens) < size:
            raise ValueError("tokens that the model does not have")

    def _check(self, optimiser: dict[str, Any]) -> None:
        parameters = [one for group in self.optimizer.param_groups for one in group["params"]]
        if len(optimiser["param_groups"]) != len(self.optimizer.param_groups):
            raise ValueError(f"the optimiser has {len(optimiser['param_groups'])} groups of parameters")
        for index, entries in optimiser["state"].items():
            for name, one in entries.items():
                if not isinstance(one, Tensor):
                    continue
                if one.ndim and one.shape != parameters[int(index)].shape:
                    raise ValueError(f"the optimiser's {name} of parameter {index} is {tuple(one.shape)}")
                if one.is_floating_point() and not bool(torch.isfinite(one).all()):
                    raise ValueError(f"the optimiser's {name} of parameter {index} is not finite")


def resumed_folder(output_dir: Path, given: bool | str | Path) -> Path:
    """The folder to go on from: the last checkpoint of the run, or the one that is given.

    Raises:
        ValueError: there is none.
    """
    if not isinstance(given, bool):
        return Path(given)
    found = checkpoints(output_dir)
    if not found:
        raise ValueError(f"no checkpoint in {str(output_dir)!r}; leave resume_from_checkpoint out to begin anew")
    return found[-1]


def _numbers(scheduler: LrScheduler) -> dict[str, object]:
    """A scheduler's state without the functions that it was made with."""
    return {name: one for name, one in scheduler.state_dict().items() if name != "lr_lambdas"}


def _named(completions: Completions) -> dict[str, Tensor]:
    return {one.name: getattr(completions, one.name) for one in fields(Completions)}


def _moved(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: one.to(device) for name, one in tensors.items()}
