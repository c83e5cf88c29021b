"""`arena judge`: candidates' answers compared by judges, into the ledger."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import LAST_SEED, Db, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.cli.output import Head
    from arena.judging import Judged
    from arena.leaderboards.judge_quality import JudgeQuality, Share

NAMED = re.compile(r"([^:=(]+)=(.+)", re.DOTALL)
"""strict=llm:...; in llm:m@u(attempts=2) no name stands before the sign."""
JUDGES_SHOWN = 20
TOLD = 5  # failures and missing answers that are spelled out


def judge_command(
    file: Annotated[
        Path, typer.Argument(help="prompts and answers: .csv or .jsonl, a row an answer or a row a prompt")
    ],
    judge: Annotated[
        list[str],
        typer.Option("--judge", "-j", help="llm:MODEL@URL, python:MODULE:FUNCTION, or NAME=...; several for several."),
    ],
    game: Annotated[
        str | None, typer.Option("--game", "-g", help="Names the ladder; preference:FILE'S NAME without it.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What these judgements are called; the file's name.")
    ] = None,
    candidate: Annotated[
        list[str] | None,
        typer.Option("--candidate", help="Only this candidate; at least two, default all of the file."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeat", min=1, max=100, help="How often each question is asked.")] = 1,
    one_order: Annotated[
        bool, typer.Option("--one-order", help="Each comparison in one order, drawn, in place of both.")
    ] = False,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, max=100, help="How often a question that fails is asked in this run.")
    ] = 3,
    batch: Annotated[int, typer.Option("--batch", min=1, max=10_000, help="Questions that a judge gets at once.")] = 16,
    seed: Annotated[int, typer.Option("--seed", min=0, max=LAST_SEED, help="Draws the order of --one-order.")] = 0,
    db: Db = None,
    json: Json = False,
) -> None:
    """Let judges compare candidates' answers to prompts, every two in both orders. The same command goes on where it stopped."""
    from arena.agents.judges import load_judge
    from arena.cli.output import progress, say_json
    from arena.interruption import signals_interrupt
    from arena.judge_input import read_answers
    from arena.judging import judge_into, judging_plan
    from arena.ledger import Ledger

    specifications = _named(judge)
    sheet = read_answers(file, candidates=candidate or ())
    plan = judging_plan(sheet, specifications, repeats=repeats, both_orders=not one_order, seed=seed)
    judges = {called: load_judge(specification) for called, specification in specifications.items()}
    try:
        with Ledger.open(db) as ledger:
            called, ladder = name or file.stem, game or f"preference:{file.stem}"
            try:
                with signals_interrupt(), progress(called, unit="comparisons") as told:
                    found = judge_into(
                        ledger, plan, judges, game=ladder, name=called, attempts=attempts, batch=batch, progress=told
                    )
            except KeyboardInterrupt:
                sys.stderr.write("interrupted: what was answered is kept; the same command goes on\n")
                raise
    finally:
        for one in judges.values():
            getattr(one, "close", lambda: None)()
    if json:
        say_json(found.to_dict())
    else:
        _say(found)
    if not found.complete:
        raise typer.Exit(1)


def print_judges(quality: Sequence[JudgeQuality]) -> None:
    """The judges' numbers."""
    from arena.cli.output import say, table

    if not quality:
        return
    heads: list[Head] = ["judge", ("verdicts", "right"), ("ties", "right"), ("no verdict", "right")]
    heads += [(head, "right") for head in ("first shown", "both orders", "repeated", "other judges")]
    shown = sorted(quality, key=lambda one: -one.verdicts)[:JUDGES_SHOWN]
    rows = [
        [
            one.judge,
            f"{one.verdicts:,}",
            f"{one.ties:,}",
            f"{one.failures:,}",
            _bias(one),
            *(_share(share) for share in (one.both_orders, one.repeated, one.with_others)),
        ]
        for one in quality
        if one in shown
    ]
    table(heads, rows, optional=("repeated", "ties", "other judges"))
    say(
        "first shown: points by which it wins more often than the second; then how often verdicts are the same, in percent"
    )
    if len(quality) > len(shown):
        say(f"{len(quality) - len(shown):,} more judges with fewer verdicts: --json has all")


def _say(found: Judged) -> None:
    from arena.cli.output import say, say_under
    from arena.games.usage import used_words

    say(f"{found.tournament.game}: {found.finding()}")
    if found.missing:
        shown = ", ".join(f"{candidate} to {prompt!r}" for prompt, candidate in found.missing[:TOLD])
        more = f" and {len(found.missing) - TOLD:,} more" if len(found.missing) > TOLD else ""
        say(f"No answer, so not compared: {shown}{more}")
    for one in found.quality:
        say(one.sentence())
    print_judges(found.quality)
    still = set(found.open)
    failed = {one.number: one for one in found.failures if one.number in still}
    for last in list(failed.values())[:TOLD]:
        say_under(f"comparison {last.number}: ", f"{last.failure.kind}, attempt {last.attempt}: {last.failure.message}")
    if found.usage is not None:
        say(f"Used so far: {used_words(found.usage)}")
    if not found.complete:
        say("The same command asks again what has no verdict.")
    say(f"Kept as {found.tournament.key}: arena leaderboard {shlex.quote(found.tournament.game)}")


def _named(given: Sequence[str]) -> dict[str, str]:
    """Specifications by name; one that is given alone is its own name."""
    from arena.games import SpecificationError

    found: dict[str, str] = {}
    for text in given:
        match = NAMED.fullmatch(text)
        name, specification = (match[1].strip(), match[2]) if match else (text, text)
        if name in found:
            raise SpecificationError(f"the judge {name!r} is named twice; NAME=SPECIFICATION tells two apart")
        found[name] = specification
    return found


def _bias(one: JudgeQuality) -> str:
    from arena.leaderboards.wording import signed

    bias = one.order_bias
    if bias is None:
        return "–"
    return f"{signed(100 * bias.value)} ({signed(100 * bias.low)} to {signed(100 * bias.high)})"


def _share(share: Share | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share.value:.0f} of {share.of:,} ({100 * share.low:.0f} to {100 * share.high:.0f})"
