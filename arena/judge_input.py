"""What judges compare: prompts and the candidates' answers, from a CSV or JSON-lines file.

Long: a row an answer, ``prompt``, ``candidate`` and ``answer``. Wide: a row a prompt, ``prompt`` and a column a candidate. Either may
name its prompts in ``prompt_id``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.games import SpecificationError, UnknownName
from arena.games.vote_file import content_of, text_of
from arena.judgements import Context
from arena.ledger_matches import storable

PROMPT = ("prompt", "question", "instruction")
PROMPT_ID = ("prompt_id", "question_id", "context", "id")
CANDIDATE = ("candidate", "model", "agent")
ANSWER = ("answer", "response", "output", "completion")
"""What each column may be called; the first that is there counts."""

MAX_BYTES = 1_000_000_000
MAX_CELL = 10_000_000
MAX_NAME = 200
KEY_LENGTH = 48
"""Characters of a prompt without an id that its key begins with; a hash follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSheet:
    """``prompts`` and ``candidates`` in the order in which they first appear; ``answers`` by the position of both.

    ``missing``: (prompt's key, candidate) where a candidate gave no answer: nothing is compared there.
    """

    prompts: tuple[Context, ...]
    candidates: tuple[str, ...]
    answers: Mapping[tuple[int, int], str]

    @property
    def missing(self) -> list[tuple[str, str]]:
        return [
            (prompt.key, candidate)
            for at, prompt in enumerate(self.prompts)
            for number, candidate in enumerate(self.candidates)
            if (at, number) not in self.answers
        ]


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    cells: Mapping[str, str]  # names in small letters; empty cells are left out


def read_answers(path: str | Path, *, candidates: Sequence[str] = ()) -> AnswerSheet:
    """The prompts and answers of a file, by its ending: ``.csv``, ``.jsonl`` or ``.ndjson``.

    An empty cell is no answer. A prompt without an id is called by its first words.

    Args:
        path: of the file.
        candidates: only these, at least two; in a wide file they name the columns, which otherwise are all but the prompt's.

    Raises:
        SpecificationError: the file is missing, too large or empty; a row has no prompt, or says again or otherwise what another
            says; or there are fewer than two candidates. Messages name file and line.
        UnknownName: a candidate that is asked for is not there.
    """
    sheet = answers_of(content_of(path, most_bytes=MAX_BYTES), str(path))
    return _of_candidates(sheet, candidates, str(path))


def answers_of(content: bytes, path: str) -> AnswerSheet:
    """The prompts and answers of a file's content, of any number of candidates: a file of prompts alone has none.

    Raises:
        SpecificationError: as `read_answers`.
    """
    text = text_of(content, path)
    reader = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}.get(Path(path).suffix.lower())
    if reader is None:
        raise SpecificationError(f"{path}: prompts and answers are read from files that end in .csv, .jsonl or .ndjson")
    heads, rows = reader(text, path)
    prompt = _column(PROMPT, heads, path, needed=True)
    candidate, answer = (_column(names, heads, path) for names in (CANDIDATE, ANSWER))
    if (candidate is None) != (answer is None):
        raise SpecificationError(
            f"{path}: a row an answer needs both columns 'candidate' and 'answer'; a row a prompt needs neither, and a column "
            "a candidate"
        )
    key = _column(PROMPT_ID, heads, path)
    long = candidate is not None
    columns = [] if long else [name for name in heads if name not in (prompt, key)]
    prompts: dict[str, str] = {}
    wide_at: dict[str, str] = {}
    names: dict[str, int] = {name: k for k, name in enumerate(columns)}
    answers: dict[tuple[int, int], str] = {}
    numbers: dict[str, int] = {}
    for row in rows:
        prompted = row.cells.get(prompt or "")
        if prompted is None:
            raise SpecificationError(f"{row.where}: there is no prompt in column {prompt!r}")
        called = (row.cells.get(key or "") or "").strip() or _key_of(prompted)
        if prompts.setdefault(called, prompted) != prompted:
            raise SpecificationError(f"{row.where}: prompt {called!r} has another text than in a row above")
        at = numbers.setdefault(called, len(numbers))
        if not long and wide_at.setdefault(called, row.where) != row.where:
            raise SpecificationError(f"{row.where}: prompt {called!r} stands twice; give each prompt one row")
        for name, said in _answers_of(row, candidate, answer, columns):
            if len(name) > MAX_NAME or not name.isprintable():
                raise SpecificationError(
                    f"{row.where}: a candidate is named by 1-{MAX_NAME} printable characters; got {name!r:.80}"
                )
            place_of = (at, names.setdefault(name, len(names)))
            if place_of in answers:
                raise SpecificationError(f"{row.where}: {name!r} answers prompt {called!r} twice")
            if said is not None:
                answers[place_of] = storable(said)
    if not prompts:
        raise SpecificationError(f"{path} is empty: it has no prompt")
    return AnswerSheet(
        prompts=tuple(Context(storable(name), storable(prompts[name])) for name in prompts),
        candidates=tuple(names),
        answers=answers,
    )


def _of_candidates(sheet: AnswerSheet, wanted: Sequence[str], path: str) -> AnswerSheet:
    """The sheet of some candidates; of all where none is named."""
    for name in wanted:
        if name not in sheet.candidates:
            raise UnknownName(f"candidate in {path}", name, sheet.candidates)
    kept = [name for name in sheet.candidates if name in wanted or not wanted]
    if len(kept) < 2:
        raise SpecificationError(f"{path}: a comparison needs two candidates; there is {kept[0] if kept else 'none'}")
    number = {sheet.candidates.index(name): k for k, name in enumerate(kept)}
    return AnswerSheet(
        prompts=sheet.prompts,
        candidates=tuple(kept),
        answers={(at, number[who]): text for (at, who), text in sheet.answers.items() if who in number},
    )


def _answers_of(
    row: _Row, candidate: str | None, answer: str | None, columns: Sequence[str]
) -> Iterator[tuple[str, str | None]]:
    if candidate is None or answer is None:
        yield from ((name, row.cells.get(name)) for name in columns)
        return
    name = row.cells.get(candidate)
    if name is None or not name.strip():
        raise SpecificationError(f"{row.where}: there is no candidate in column {candidate!r}")
    yield name.strip(), row.cells.get(answer)


def _csv_rows(text: str, path: str) -> tuple[list[str], list[_Row]]:
    before = csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heads = next(reader, [])
        names = _heads(heads, f"{path}, line 1")
        rows = []
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not any(map(str.strip, cells)):
                continue
            if len(cells) != len(names):
                raise SpecificationError(f"{where}: {len(cells)} cells; the head has {len(names)}")
            rows.append(_Row(where, {name: cell for name, cell in zip(names, cells, strict=True) if cell.strip()}))
    except csv.Error as error:
        raise SpecificationError(f"{path}, line {reader.line_num}: no CSV: {error}") from None
    finally:
        csv.field_size_limit(before)
    return names, rows


def _json_rows(text: str, path: str) -> tuple[list[str], list[_Row]]:
    names: dict[str, None] = {}
    rows = []
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if line.isspace():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SpecificationError(f"{where}: no JSON: {error}") from None
        if not isinstance(value, dict):
            raise SpecificationError(f"{where}: expected an object with a prompt and answers")
        inner = value.pop("answers", None)  # {"prompt": ..., "answers": {"a": ..., "b": ...}}
        if inner is not None:
            if not isinstance(inner, dict):
                raise SpecificationError(f"{where}: 'answers' must be an object, an answer a candidate")
            if any(name in value for name in inner):
                raise SpecificationError(f"{where}: a candidate is called as another field is")
            value |= inner
        keys = _heads(list(value), where)
        cells: dict[str, str] = {}
        for name, cell in zip(keys, value.values(), strict=True):
            if cell is None:
                continue
            if isinstance(cell, bool | list | dict):
                raise SpecificationError(f"{where}: {name!r} must be a text; got {cell!r:.60}")
            if str(cell).strip():
                cells[name] = str(cell)
        names |= dict.fromkeys(keys)
        rows.append(_Row(where, cells))
    return list(names), rows


def _heads(heads: Sequence[str], where: str) -> list[str]:
    """Names of columns; those that mean something in small letters, a candidate's as it is written."""
    known = {*PROMPT, *PROMPT_ID, *CANDIDATE, *ANSWER}
    found = [name.strip().lower() if name.strip().lower() in known else name.strip() for name in heads]
    for name in found:
        if not name:
            raise SpecificationError(f"{where}: a column has no name")
        if found.count(name) > 1:
            raise SpecificationError(f"{where}: the column {name!r} stands twice")
    return found


def _column(names: Sequence[str], heads: Sequence[str], path: str, *, needed: bool = False) -> str | None:
    found = next((name for name in names if name in heads), None)
    if found is None and needed:
        has = f"; it has {', '.join(heads)}" if heads else ": it is empty"
        raise SpecificationError(f"{path}: there is no column {names[0]!r}{has}")
    return found


def _key_of(prompt: str) -> str:
    words = " ".join(prompt.split())
    if len(words) <= KEY_LENGTH:
        return words
    return f"{words[:KEY_LENGTH]}… {hashlib.sha256(prompt.encode('utf-8', 'replace')).hexdigest()[:8]}"
