"""Judges: what names the better of two answers to a prompt, asked so that a failure is told as one and never as a vote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Literal, Protocol, SupportsFloat, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arena.games.preference_rates import require_flip_rate
from arena.games.seeds import counter_hash, seed_of, unit
from arena.games.votes import UNSAID, Votes

FailureKind = Literal["refused", "timeout", "nonsense", "error"]

EVEN = 0.5
FLIP_STREAM = 0
ORDER_STREAM = 1
SHOWN = 200  # characters of what a judge said that a message quotes


@dataclass(frozen=True, slots=True)
class Verdict:
    """``score``: the share of the win that the answer shown first takes: 1, 0, 1/2 for a tie; a probability is allowed.

    ``both_bad``: a tie in which neither is good. ``note``: the judge's own words.
    """

    score: float
    both_bad: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """No verdict. ``refused``: the judge would not say; ``timeout``; ``nonsense``: no verdict can be read from what was
    said; ``error``: asking failed."""

    kind: FailureKind
    message: str


@runtime_checkable
class Judge(Protocol):
    """Compares two answers to each prompt: one verdict a comparison, in the order shown; a number is a verdict's score."""

    def __call__(
        self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> Sequence[float | Verdict | JudgeFailure]: ...


@dataclass(frozen=True, slots=True)
class FailedComparison:
    """Row ``row`` got no verdict, in the order given or ``swapped``."""

    row: int
    swapped: bool
    failure: JudgeFailure


@dataclass(frozen=True, slots=True)
class FailedVote:
    """No vote on these two candidates, ``first`` shown first, in this context."""

    context: str
    first: str
    second: str
    failure: JudgeFailure


def verdicts(
    judge: Judge, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> list[Verdict | JudgeFailure]:
    """What the judge says of each comparison: a verdict, or a failure with its reason.

    Where the judge raises, each comparison of the batch is asked alone, so that one that cannot be judged costs no other its
    verdict; none is asked more than twice. Where it gives another number of answers, all of the batch are nonsense: nothing says
    that it has looked at every pair.

    Args:
        judge: asked for all comparisons at once.
        prompts, first, second: m texts each; ``first[k]`` and ``second[k]`` answer ``prompts[k]``.

    Raises:
        ValueError: the three differ in length.
    """
    if not len(prompts) == len(first) == len(second):
        raise ValueError(
            f"prompts, first and second must be of one length; got {len(prompts)}, {len(first)} and {len(second)}"
        )
    if not len(prompts):
        return []
    said = _asked(judge, prompts, first, second)
    if isinstance(said, list):
        return said
    if len(prompts) == 1 or said.kind == "nonsense":
        return [said] * len(prompts)
    found: list[Verdict | JudgeFailure] = []
    for k in range(len(prompts)):
        alone = _asked(judge, prompts[k : k + 1], first[k : k + 1], second[k : k + 1])
        found += alone if isinstance(alone, list) else [alone]
    return found


def preferences_of(
    judge: Judge, prompts: Sequence[str], first: Sequence[str], second: Sequence[str], *, both_orders: bool = True
) -> tuple[NDArray[np.float64], list[FailedComparison]]:
    """(float64 [m] chance that ``first`` is preferred, NaN where there is no verdict; what failed).

    Args:
        judge, prompts, first, second: as in `verdicts`.
        both_orders: each comparison is shown in both orders, in one batch of 2m, and the two are averaged, which cancels a
            liking for the first shown; with a verdict in one order alone, the comparison has none.

    Raises:
        ValueError: the three differ in length.
    """
    size = len(prompts)
    if both_orders and len(first) == len(second) == size:
        said = verdicts(judge, [*prompts, *prompts], [*first, *second], [*second, *first])
    else:
        said = verdicts(judge, prompts, first, second)
    failures = [
        FailedComparison(k % size, k >= size, one) for k, one in enumerate(said) if isinstance(one, JudgeFailure)
    ]
    scores = np.array([one.score if isinstance(one, Verdict) else np.nan for one in said], np.float64)
    if both_orders:
        scores = (scores[:size] + (1 - scores[size:])) / 2
    return scores, failures


def judged_votes(
    judge: Judge,
    prompts: Mapping[str, str] | Sequence[str],
    answers: Mapping[str, Sequence[str | None]],
    *,
    both_orders: bool = True,
    seed: int = 0,
    pairs: Iterable[tuple[str, str]] | None = None,
    name: str = "",
) -> tuple[Votes, list[FailedVote]]:
    """(the votes of a judge on the candidates' answers, what failed); a failure is no vote.

    Args:
        judge: asked once, for all comparisons.
        prompts: texts by their ids, which become the votes' contexts; a sequence is numbered from 0.
        answers: a candidate's answers, one a prompt, in the order of the prompts; None where it gave none, which leaves out
            the comparisons with it.
        both_orders: every comparison in both orders, two votes; otherwise one, in an order drawn by ``seed``.
        seed: decides the order shown, from the prompt's id and the two names alone.
        pairs: the candidates to compare with each other; None = all.
        name: of the judge in the votes; '' = not named.

    Raises:
        ValueError: a candidate has more or fewer answers than there are prompts, or a pair is not of two candidates.
    """
    texts = dict(prompts) if isinstance(prompts, Mapping) else {str(k): text for k, text in enumerate(prompts)}
    candidates, contexts = tuple(answers), tuple(texts)
    for candidate, texts_given in answers.items():
        if len(texts_given) != len(texts):
            raise ValueError(f"{candidate!r} has {len(texts_given)} answers to {len(texts)} prompts")
    shown = _comparisons(contexts, answers, combinations(candidates, 2) if pairs is None else pairs, both_orders, seed)
    said = verdicts(
        judge,
        [texts[contexts[k]] for k, _, _ in shown],
        [str(answers[candidates[i]][k]) for k, i, _ in shown],
        [str(answers[candidates[j]][k]) for k, _, j in shown],
    )
    failures = [
        FailedVote(contexts[k], candidates[i], candidates[j], one)
        for (k, i, j), one in zip(shown, said, strict=True)
        if isinstance(one, JudgeFailure)
    ]
    given = [(row, one) for row, one in zip(shown, said, strict=True) if isinstance(one, Verdict)]
    votes = Votes(
        candidates=candidates,
        contexts=contexts,
        judges=(name,) if name else (),
        first=np.array([i for (_, i, _), _ in given], np.int64),
        second=np.array([j for (_, _, j), _ in given], np.int64),
        score=np.array([one.score for _, one in given], np.float64),
        both_bad=np.array([one.both_bad for _, one in given], bool),
        weight=np.ones(len(given)),
        context=np.array([k for (k, _, _), _ in given], np.int64),
        judge=np.full(len(given), 0 if name else UNSAID, np.int64),
    )
    return votes, failures


def drawn_order(one: str, other: str, context: str, seed: int) -> tuple[str, str]:
    """The two candidates in the order in which a comparison asked once shows them: a hash of the seed, the context and the two
    names draws it, whichever of them is named first."""
    low, high = sorted((one, other))
    word = counter_hash(np.uint64(seed_of((seed, context, low, high))), ORDER_STREAM, 0)
    return (low, high) if unit(word) < EVEN else (high, low)


def retrying(judge: Judge, attempts: int = 3) -> Judge:
    """A judge who is asked again, up to ``attempts`` times in all, for the comparisons that failed, and for those alone.

    Raises:
        ValueError: attempts below 1.
    """
    if attempts < 1:
        raise ValueError(f"attempts must be at least 1; got {attempts}")

    def ask(
        prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> list[float | Verdict | JudgeFailure]:
        said = list[float | Verdict | JudgeFailure](verdicts(judge, prompts, first, second))
        for _ in range(attempts - 1):
            open_ = [k for k, one in enumerate(said) if isinstance(one, JudgeFailure)]
            again = verdicts(judge, *([texts[k] for k in open_] for texts in (prompts, first, second)))
            for k, one in zip(open_, again, strict=True):
                said[k] = one
        return said

    return ask


@dataclass(slots=True)
class NoisyJudge:
    """A judge who names the other one with chance ``flip_rate``, from 0 to below 1/2, each comparison anew.

    Which are turned round is a hash of the seed and of how many comparisons were asked before (``asked``, which a
    checkpoint may keep): the same question asked again meets fresh noise, however the questions are put into batches.
    Failures stay what they are.
    """

    judge: Judge
    flip_rate: float
    seed: int = 0
    asked: int = field(default=0)

    def __post_init__(self) -> None:
        require_flip_rate(self.flip_rate)

    def __call__(
        self, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
    ) -> list[float | Verdict | JudgeFailure]:
        counters = self.asked + np.arange(len(prompts))
        self.asked += len(prompts)
        words = counter_hash(np.uint64(seed_of(("noisy judge", self.seed))), FLIP_STREAM, counters)
        turned = unit(words) < self.flip_rate
        return [
            Verdict(1 - one.score, one.both_bad, one.note) if turn and isinstance(one, Verdict) else one
            for turn, one in zip(turned, verdicts(self.judge, prompts, first, second), strict=True)
        ]


def noisy(judge: Judge, flip_rate: float, seed: int = 0) -> NoisyJudge:
    """The judge with a known flip rate, see `NoisyJudge`; ``flip_rate`` of ``preference:FILE`` and of the learners puts it right.

    Raises:
        ValueError: flip_rate is not from 0 to below 1/2.
    """
    return NoisyJudge(judge, flip_rate, seed)


def _comparisons(
    contexts: Sequence[str],
    answers: Mapping[str, Sequence[str | None]],
    pairs: Iterable[tuple[str, str]],
    both_orders: bool,
    seed: int,
) -> list[tuple[int, int, int]]:
    """(context, first shown, second shown) of all comparisons of candidates who both answered."""
    place = {candidate: i for i, candidate in enumerate(answers)}
    shown: list[tuple[int, int, int]] = []
    for one, other in pairs:
        for candidate in (one, other):
            if candidate not in place:
                raise ValueError(f"pairs names {candidate!r}, which has no answers")
        if one == other:
            raise ValueError(f"pairs compares {one!r} with itself")
        for k, context in enumerate(contexts):
            if answers[one][k] is None or answers[other][k] is None:
                continue
            orders = [(one, other), (other, one)] if both_orders else [drawn_order(one, other, context, seed)]
            shown += [(k, place[first], place[second]) for first, second in orders]
    return shown


def _asked(
    judge: Judge, prompts: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> list[Verdict | JudgeFailure] | JudgeFailure:
    """A verdict or a failure for each; one failure where nothing says which answer belongs to which comparison."""
    size = len(prompts)
    try:
        said: object = judge(prompts, first, second)
        if isinstance(said, str | bytes | Mapping | set | frozenset) or not isinstance(said, Iterable):
            return JudgeFailure("nonsense", f"the judge must give a list of verdicts; it gave {_quoted(said)}")
        answers = list(islice(said, size + 1))
    except TimeoutError as late:
        return JudgeFailure("timeout", _quoted(late))
    except Exception as broken:  # noqa: BLE001  a judge is other people's code: whatever it raises is a failed judgement
        return JudgeFailure("error", f"{type(broken).__name__}: {broken!s:.{SHOWN}}")
    if len(answers) != size:
        count = len(answers) if len(answers) < size else f"more than {size}"
        return JudgeFailure("nonsense", f"{count} verdicts for {size} comparisons")
    return [_verdict(answer) for answer in answers]


def _verdict(said: object) -> Verdict | JudgeFailure:
    if isinstance(said, JudgeFailure):
        if said.kind in get_args(FailureKind) and isinstance(said.message, str):
            return said
        return JudgeFailure("nonsense", f"no such failure: {_quoted(said)}")
    verdict = said if isinstance(said, Verdict) else Verdict(EVEN)
    score = _number(said.score if isinstance(said, Verdict) else said)
    if score is None or not 0 <= score <= 1:  # NaN is neither
        return JudgeFailure("nonsense", f"a verdict is a number from 0 to 1; got {_quoted(said)}")
    if not isinstance(verdict.both_bad, bool | np.bool_) or not isinstance(verdict.note, str):
        return JudgeFailure("nonsense", f"both_bad is true or false, a note is a text; got {_quoted(said)}")
    if verdict.both_bad and score != EVEN:
        return JudgeFailure("nonsense", f"both bad is a tie, with a score of 1/2; got {_quoted(said)}")
    return Verdict(score, bool(verdict.both_bad), verdict.note)


def _number(value: object) -> float | None:
    """The float of a number, of one value of numpy's or torch's too; None where it is none."""
    if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
        return None
    try:
        return None if getattr(value, "ndim", None) else float(value)
    except Exception:  # noqa: BLE001  of an object of the judge's own
        return None


def _quoted(value: object) -> str:
    try:
        return f"{value!r:.{SHOWN}}"
    except Exception:  # noqa: BLE001  of an object of the judge's own
        return f"an object of type {type(value).__name__}"
