"""Language models that learn from a judge whose preferences go in circles: docs/how-to/language-models.md.

    .venv/bin/python benchmarks/language_preferences.py                   a few minutes on a CPU
    .venv/bin/python benchmarks/language_preferences.py --device cuda --results runs.jsonl --figure runs.svg    20 minutes on one GPU
    .venv/bin/python benchmarks/language_preferences.py --model NAME_OR_FOLDER --device cuda                    20 minutes, a model of yours

Without a model, GPT-2s made in code all of whose completions are enumerated, so that gaps are exact, and every method from the same
models, at the same rates, for the same updates, over seeds. On a CPU two layers, 8 prompts x 91 completions; on a GPU six, 64 x 993,
in several processes at once. First a few updates of each method are timed, and how long all will take is said; on a GPU that many
processes share it takes longer, and each line says what is left by the runs done. Runs go seed by seed, none is begun that would end
after ``--minutes``, and the table is of the seeds that all methods have at all rates, as soon as there are such. ``--results`` keeps a line a run as
soon as it is done; the same command again does what is left, and prints the table of all.

With a model: one run of ``--method`` for so many minutes, with adapters (``--lora``) or without, measured every ``--every`` updates.
Lines are printed and kept in ``--output``/log.jsonl, and a checkpoint from which the same command goes on. The judge is one of ``arena judge`` (``--judge``), by default a circular one that
counts words.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, and in processes that it begins

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import TrainerCallback
from transformers.utils import logging as transformers_logging

from arena.agents.judges import load_judge
from arena.solvers.language import METHODS, PreferenceConfig, PreferenceTrainer
from arena.solvers.language.run_files import checkpoints
from benchmarks.kept_runs import keep_run, read_runs
from benchmarks.language_game import BETA, LONGEST, SCALES, Circular, Exact, model_of

Array = NDArray[np.float64]

TIMED_UPDATES = 6
MOST_OF_REAL = 10**6
OF_METHOD: dict[str, dict[str, Any]] = {
    "nash_mp": {"num_opponents": 4},
    "nash_md": {"num_opponents": 4},
    "inpo": {"inner": 5},
    "dno": {"inner": 5, "num_generations": 6},
    "spo": {"inner": 5},
}
WORDS_A_STEP = 12
REAL_PROMPTS = [
    f"{task} {thing}."
    for task in ("Describe", "Give advice about", "Write a short story about", "Explain to a child")
    for thing in ("the sea", "a first day at school", "how bread is made", "an old clock", "winter", "a lost key")
]


# --------------------------------------------------------------------------------------------------- runs of methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run."""

    scale: str
    device: str
    method: str
    rate: float
    seed: int
    updates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``at``: the updates after which was measured, 0 first. ``gaps``: exact and regularised, mean over prompts. ``exploitabilities``: of
    the average of the policies measured so far. ``an_update``, ``a_measurement``: seconds, the first update's left out.
    """

    at: tuple[int, ...]
    gaps: tuple[float, ...]
    exploitabilities: tuple[float, ...]
    comparisons: int
    seconds: float
    an_update: float
    a_measurement: float


@cache
def exact_of(scale: str, device: str) -> Exact:
    return Exact(SCALES[scale], device)


def run(job: Job) -> Measured:
    """A method at a rate from the model of a seed."""
    torch.set_num_threads(1)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    scale, exact = SCALES[job.scale], exact_of(job.scale, job.device)
    model = model_of(scale, job.seed).to(job.device)
    reference = exact.policy(model)
    at, gaps, exploitabilities = [0], [exact.gap(reference, reference)], [exact.exploitability(reference)]
    total = np.zeros_like(reference)
    ends: list[float] = []
    measuring: list[float] = []

    class Measuring(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            step = state.global_step
            ends.append(time.perf_counter() - sum(measuring))
            if step % scale.every == 0 or step == job.updates:
                begun = time.perf_counter()
                policy = exact.policy(model)
                total[...] += policy
                at.append(step)
                gaps.append(exact.gap(policy, reference))
                exploitabilities.append(exact.exploitability(total / (len(at) - 1)))
                measuring.append(time.perf_counter() - begun)

    with tempfile.TemporaryDirectory() as folder:
        config = PreferenceConfig(
            output_dir=folder,
            loss_type=job.method,  # type: ignore[arg-type]  # one of METHODS
            learning_rate=job.rate,
            max_steps=job.updates,
            seed=job.seed,
            per_device_train_batch_size=scale.prompts,
            max_new_tokens=LONGEST,
            max_length=16,
            temperature=1.0,
            judge_both_orders=False,
            logging_steps=job.updates,
            save_steps=10 * job.updates,
            device=job.device,
            **{"num_generations": 8, **OF_METHOD.get(job.method, {})},
            **({"beta": BETA} if METHODS[job.method].charged else {}),
        )
        trainer = PreferenceTrainer(
            model,
            judge=Circular(scale=scale),
            args=config,
            train_dataset=scale.asked,
            processing_class=exact.tokenizer,
            callbacks=[Measuring()],
        )
        begun = time.perf_counter()
        result = trainer.train()
        return Measured(
            at=tuple(at),
            gaps=tuple(gaps),
            exploitabilities=tuple(exploitabilities),
            comparisons=int(result.metrics["comparisons"] or 0),
            seconds=time.perf_counter() - begun,
            an_update=(ends[-1] - ends[0]) / max(1, len(ends) - 1),
            a_measurement=sum(measuring) / len(measuring),
        )


class Results:
    """Runs done, and the file that keeps them, a line each."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.found: dict[Job, Measured] = {}
        for told in read_runs(path) if path is not None else ():
            measured = {k: tuple(v) if isinstance(v, list) else v for k, v in told["found"].items()}
            self.found[Job(**told["job"])] = Measured(**measured)

    def add(self, job: Job, found: Measured) -> None:
        self.found[job] = found
        if self.path is not None:
            keep_run(self.path, job, found)


def seconds(job: Job, timed: Mapping[str, Measured]) -> float:
    """How long a run will take, by an earlier one of its method."""
    like = timed[job.method]
    return job.updates * (like.an_update + like.a_measurement / SCALES[job.scale].every)


def run_all(jobs: Sequence[Job], results: Results, workers: int, minutes: float) -> None:
    """Runs what is not done yet, in order, as long as it would end within the minutes."""
    begun = time.monotonic()
    left = [job for job in jobs if job not in results.found]
    if not left:
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        first = [
            replace(left[0], method=method, updates=TIMED_UPDATES) for method in dict.fromkeys(j.method for j in left)
        ]
        waiting = pool.map(run, first)
        timed = {job.method: found for job, found in zip(first, waiting, strict=True)}
        expected = sum(seconds(job, timed) for job in left) / workers / 60
        spent = (time.monotonic() - begun) / 60
        print(
            f"{len(left)} runs, {workers} at once: about {expected:.1f} minutes, by {TIMED_UPDATES} updates of each method, which took "
            f"{spent:.1f}; no run is begun that would end after {minutes:g} minutes.",
            flush=True,
        )
        queue: Iterator[Job] = iter(left)
        running: dict[Future[Measured], Job] = {}
        done = 0
        while True:
            for job in itertools.islice(queue, workers - len(running)):
                if time.monotonic() - begun + seconds(job, timed) > 60 * minutes:
                    queue = iter(())
                    break
                running[pool.submit(run, job)] = job
            if not running:
                break
            for one in wait(running, return_when=FIRST_COMPLETED).done:
                job, found = running.pop(one), one.result()
                results.add(job, found)
                timed[job.method] = found
                done += 1
                missing = [one for one in left if one not in results.found]
                more = sum(seconds(one, timed) for one in missing) / workers / 60
                print(
                    f"{(time.monotonic() - begun) / 60:5.1f} min, {done} of {len(left)}: {job.method}, rate {job.rate:g}, seed {job.seed}: "
                    f"gap {found.gaps[0]:.3f} to {found.gaps[-1]:.4f}; all others about {more:.1f} min",
                    flush=True,
                )
    if done < len(left):
        print(f"The minutes are over; {len(left) - done} of {len(left)} runs are not done.")


# -------------------------------------------------------------------------------------------------- tables and figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A method at its best rate."""

    method: str
    rate: float
    at_an_end: bool
    runs: tuple[Measured, ...]

    @property
    def charged(self) -> bool:
        return METHODS[self.method].charged

    @property
    def last(self) -> list[float]:
        """By seed: the gap of the last policy; of methods without a reference the exploitability of the average one."""
        return [one.gaps[-1] if self.charged else one.exploitabilities[-1] for one in self.runs]


def best_rates(found: Mapping[Job, Measured], methods: Sequence[str], rates: Sequence[float]) -> list[Best]:
    """Of each method the rate with the least median, all by the same seeds.

    They are those that every method has at every rate, so that no rate is chosen, and no method ahead, because its runs came first.
    Before there are such, a method is shown at those rates that have most of its seeds.
    """
    every = {(job.method, job.rate) for job in found if job.method in methods and job.rate in rates}
    complete = len(every) == len(methods) * len(rates)
    shared = (
        set.intersection(*({j.seed for j in found if (j.method, j.rate) == one} for one in every))
        if complete
        else set()
    )
    shown = []
    for method in methods:
        tried = {
            rate: tuple(
                one
                for job, one in found.items()
                if job.method == method and job.rate == rate and (not shared or job.seed in shared)
            )
            for rate in rates
        }
        most = max(len(runs) for runs in tried.values())
        if not most:
            continue
        all_of_it = [
            Best(method=method, rate=rate, at_an_end=len(rates) > 1 and rate in (min(rates), max(rates)), runs=runs)
            for rate, runs in tried.items()
            if len(runs) == most
        ]
        shown.append(min(all_of_it, key=lambda one: median(one.last)))
    return shown


def finding(shown: Sequence[Best]) -> str:
    """Which method has the least gap, and which others the seeds do not tell from it."""
    charged = sorted((one for one in shown if one.charged), key=lambda one: median(one.last))
    if not charged:
        return ""
    least = charged[0]
    near = [one.method for one in charged[1:] if min(one.last) <= max(least.last)]
    told = f"Least median gap: {least.method}, {median(least.last):.4f}"
    if len(least.runs) == 1:
        return f"{told}; of one seed, so nothing is told apart."
    if not near:
        return f"{told}; every seed of it is below every seed of the others."
    return f"{told}; not told apart from it, for their seeds overlap with its own: {', '.join(near)}."


def print_table(shown: Sequence[Best]) -> None:
    updates = shown[0].runs[0].at[-1]
    marks = [min(shown[0].runs[0].at, key=lambda at, share=share: abs(at - share * updates)) for share in (0.25, 0.5)]  # type: ignore[misc]
    print(f"\n{finding(shown)}\n")
    print(
        f"| method | rate | seeds | {' | '.join(f'gap at {mark}' for mark in marks)} | gap at {updates} (least to greatest) | "
        "exploitability, average policy (least to greatest) | comparisons | seconds a run |"
    )
    print("|---" * 9 + "|")
    for one in shown:
        told = ["-"] * 3
        if one.charged:
            told = [f"{median(r.gaps[r.at.index(mark)] for r in one.runs):.4f}" for mark in marks]
            told.append(spread([r.gaps[-1] for r in one.runs], 4))
        print(
            f"| {one.method} | {one.rate:g}{'*' if one.at_an_end else ''} | {len(one.runs)} | {' | '.join(told)} | "
            f"{spread([r.exploitabilities[-1] for r in one.runs], 3)} | {median(r.comparisons for r in one.runs):,.0f} | "
            f"{median(r.seconds for r in one.runs):.0f} |"
        )
    if any(one.at_an_end for one in shown):
        print("\n* an end of the rates that were tried: perhaps better beyond.")


def spread(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def draw(shown: Sequence[Best], path: Path) -> None:
    """The gap over updates, median and range of the seeds; and what the average policy ends at, a dot a seed."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "language preferences", "svg.fonttype": "none"})
    figure, (curves, dots) = pyplot.subplots(1, 2, figsize=(9.6, 4.2), width_ratios=(3, 2))
    colours = dict(zip((one.method for one in shown), (f"C{k}" for k in range(len(shown))), strict=True))
    for one in shown:
        if one.charged:
            gaps, at = np.array([r.gaps for r in one.runs]), one.runs[0].at
            curves.plot(at, np.median(gaps, axis=0), color=colours[one.method], label=f"{one.method} ({one.rate:g})")
            curves.fill_between(at, gaps.min(0), gaps.max(0), color=colours[one.method], alpha=0.12, linewidth=0)
    curves.set(yscale="log", xlabel="updates", ylabel="regularised gap of the last policy\n(mean over prompts)")
    curves.legend(fontsize=8, frameon=False)
    for row, one in enumerate(reversed(shown)):
        ends = [r.exploitabilities[-1] for r in one.runs]
        dots.plot(ends, [row] * len(ends), "o", color=colours[one.method], markersize=4, alpha=0.6)
        dots.plot([median(ends)] * 2, [row - 0.3, row + 0.3], color=colours[one.method], linewidth=2)
    dots.axvline(
        median(shown[0].runs[k].exploitabilities[0] for k in range(len(shown[0].runs))), color="0.6", linestyle=":"
    )
    dots.set_yticks(range(len(shown)), [one.method for one in reversed(shown)])
    dots.set(xlabel="exploitability of the average policy\n(dotted: before training)", xlim=(0, None))
    for axes in (curves, dots):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def compare(options: argparse.Namespace) -> None:
    """All methods on the game made here."""
    scale = SCALES[options.scale or ("large" if options.device == "cuda" else "toy")]
    quick = options.quick
    updates = options.updates or (20 if quick else scale.updates)
    seeds = options.seeds or (1 if quick else scale.seeds)
    rates = sorted(set(options.rates or (scale.rates[:1] if quick else scale.rates)))
    workers = options.workers or (min(12, max(1, (os.cpu_count() or 1) - 2)) if options.device == "cuda" else 1)
    jobs = [
        Job(scale=scale.name, device=options.device, method=method, rate=rate, seed=seed, updates=updates)
        for seed in range(seeds)
        for rate in rates
        for method in options.methods
    ]
    exact = exact_of(scale.name, "cpu")
    where = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    print(
        f"{scale.prompts} prompts x {len(exact.answers)} completions, {scale.layers} layers, width {scale.width}; beta = {BETA}, "
        f"{updates} updates of {8 * scale.prompts} completions, seeds 0 to {seeds - 1}, rates {', '.join(f'{r:g}' for r in rates)}; {where}.",
        flush=True,
    )
    results = Results(options.results)
    run_all(jobs, results, workers, options.minutes or (20.0 if options.device == "cuda" else 10.0))
    found = {job: results.found[job] for job in jobs if job in results.found}
    if not found:
        print("No run is done: give it more --minutes, or fewer --updates.")
        return
    shown = best_rates(found, options.methods, rates)
    starts = {job.seed: one for job, one in found.items()}.values()
    print(
        f"\nAt the start: regularised gap {spread([one.gaps[0] for one in starts], 3)}, "
        f"exploitability {spread([one.exploitabilities[0] for one in starts], 3)}; medians over seeds."
    )
    print_table(shown)
    if options.figure is not None:
        draw(shown, options.figure)


# ------------------------------------------------------------------------------------------------------ a real model


def by_length(prompts: Sequence[str], first: Sequence[str], second: Sequence[str]) -> list[float]:
    """Rock, paper, scissors by the number of words, in steps of twelve: long beats middling, middling short, short long."""
    del prompts  # the judge of the circle looks at answers alone
    lengths = [[len(text.split()) // WORDS_A_STEP % 3 for text in side] for side in (first, second)]
    return [0.5 if a == b else (0.9 if (a - b) % 3 == 1 else 0.1) for a, b in zip(*lengths, strict=True)]


def train(options: argparse.Namespace) -> None:
    """One run of a model given by name or folder."""
    judge = by_length if options.judge is None else load_judge(options.judge)
    prompts = Path(options.prompts).read_text(encoding="utf-8").splitlines() if options.prompts else REAL_PROMPTS
    adapters = None
    if options.lora:
        from peft import LoraConfig

        adapters = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    minutes = options.minutes or 20.0
    print(
        f"{minutes:g} minutes{f', at most {options.updates} updates' if options.updates else ''}, {options.device}.",
        flush=True,
    )
    begun = time.monotonic()

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_training_stop = time.monotonic() - begun > 60 * minutes
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            print(
                json.dumps({name: round(one, 5) if isinstance(one, float) else one for name, one in logs.items()}),
                flush=True,
            )

    config = PreferenceConfig(
        output_dir=options.output,
        loss_type=options.method,
        learning_rate=options.rate,
        lr_scheduler_type="constant",
        max_steps=options.updates or MOST_OF_REAL,
        per_device_train_batch_size=options.prompts_an_update,
        num_generations=4,
        max_new_tokens=options.tokens,
        max_length=options.tokens + 256,
        temperature=1.0,
        logging_steps=options.every,
        eval_steps=options.every,
        eval_prompts=8,
        save_steps=10 * options.every,
        save_total_limit=1,
        device=options.device,
        bf16=options.device == "cuda",
        gradient_checkpointing=options.device == "cuda",
    )
    trainer = PreferenceTrainer(
        options.model,
        judge=judge,
        args=config,
        train_dataset=[prompt for prompt in prompts if prompt.strip()],
        peft_config=adapters,
        callbacks=[Clock()],
    )
    resumed = bool(checkpoints(Path(options.output)))
    if not resumed:
        trainer.evaluate()
    result = trainer.train(resume_from_checkpoint=resumed)
    if trainer.state.global_step % options.every:
        trainer.evaluate()
    spent = time.monotonic() - begun
    print(
        f"{result.global_step} updates, {trainer.learner.tokens:,} tokens sampled ({trainer.learner.tokens / spent:,.0f} a second)"
    )
    if options.device == "cuda":
        print(f"{torch.cuda.get_device_name()}: at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--quick", action="store_true", help="a few updates, to see that it runs")
    reader.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    reader.add_argument("--minutes", type=float, help="20 on a GPU, 10 on a CPU")
    reader.add_argument("--updates", type=int, help="of a run; with a model until the minutes are over")
    made = reader.add_argument_group("the models made here")
    made.add_argument("--scale", choices=list(SCALES), help="toy on a CPU, large on a GPU")
    made.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    made.add_argument("--rates", type=float, nargs="+", help="learning rates; the best of each method is shown")
    made.add_argument("--seeds", type=int)
    made.add_argument("--workers", type=int, help="runs at once; on a GPU one for each core but two, at most 12")
    made.add_argument("--results", type=Path, help="a file that keeps each run as it is done, and is gone on with")
    made.add_argument("--figure", type=Path, help="an .svg")
    given = reader.add_argument_group("a model of yours")
    given.add_argument("--model", help="a causal model: its name or folder")
    given.add_argument("--method", default="nash_mp", choices=list(METHODS))
    given.add_argument("--judge", help="as of arena judge; by default a circular one that counts words")
    given.add_argument("--prompts", help="a file, one prompt a line")
    given.add_argument("--lora", action="store_true", help="train adapters in place of all weights")
    given.add_argument("--rate", type=float, default=1e-5)
    given.add_argument("--every", type=int, default=20, help="updates between lines")
    given.add_argument("--tokens", type=int, default=64, help="the longest completion")
    given.add_argument("--prompts-an-update", type=int, default=8)
    given.add_argument("--output", default="preference_model")
    options = reader.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if options.model:
        train(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
