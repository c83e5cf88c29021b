"""A match of a game as text: what is rendered, what each player observes, what is legal, what is played.

Golden playthroughs stand in ``tests/games/golden``: a changed rule, observation or seed shows as a difference. After an
intended change, write them again and read the difference before it is committed:

    python -m arena.games.playthrough tests/games/golden/*.txt

The first line of each file names its game; a new file needs that line alone, ``game: openspiel:leduc_poker``.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import LegalActions, VectorLegal
from arena.games.errors import SpecificationError
from arena.games.game import Game, GameInfo, TableBatch, Turn
from arena.games.registry import load_game
from arena.games.seeds import CHANCE_STREAM, DECISION_STREAM, MATCH_STREAM, counter_hash

HEAD = "game: "
MOVES = 5  # what is written of a long match; it is played to its end all the same
SHOWN_ACTIONS = 8
DIGITS = 6  # of numbers: the last bits may differ from machine to machine


def playthrough(game: Game, *, seed: int = 0, moves: int = MOVES, limit: int = 2000) -> str:
    """One random match of a fixed seed, at most ``limit`` moves long, its first ``moves`` moves written out."""
    tables, info = game.tables(1), game.info
    zero = np.zeros(1, np.int64)
    word: NDArray[np.uint64] = counter_hash(np.uint64(seed), MATCH_STREAM, zero)
    lines = [HEAD + info.specification, *_facts(info)]
    turn = tables.start(zero, counter_hash(np.uint64(seed), CHANCE_STREAM, zero))
    ply = 0
    while len(turn.table) and ply < limit:
        ply_of_rows = np.full(len(turn.table), ply, np.int64)
        action = turn.legal.sample(
            counter_hash(word.repeat(len(turn.table)), turn.player + DECISION_STREAM, ply_of_rows)
        )
        if ply < moves:
            lines += ["", f"# move {ply}", *_indented(tables.render(0))]
            for row in range(len(turn.table)):
                lines += _decision(tables, turn, row, action[row])
        elif ply == moves:
            lines += ["", "# ..."]
        turn = tables.step(*_complete(info, turn, action))
        ply += 1
    lines += ["", f"# after {ply} moves", *_indented(tables.render(0))]
    if len(turn.finished):
        lines.append(f"returns: {_numbers(turn.returns[0])}")
        lines.append(f"truncated: {turn.truncated is not None and bool(turn.truncated[0])}")
    history = tables.history(zero).row(0)
    lines.append(f"history: {len(history)} entries, {_digest(history)}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def read_head(path: Path) -> str:
    """The specification that a golden file's first line names.

    Raises:
        SpecificationError: the first line names none.
    """
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    if not first.startswith(HEAD):
        raise SpecificationError(f"the first line of {path} must be '{HEAD}SPECIFICATION'; got {first!r:.80}")
    return first.removeprefix(HEAD).strip()


def main(arguments: Sequence[str]) -> int:
    """Writes the golden files named anew."""
    for argument in arguments:
        path = Path(argument)
        path.write_text(playthrough(load_game(read_head(path))), encoding="utf-8")
    return 0


def _facts(info: GameInfo) -> list[str]:
    facts = {
        "title": info.title,
        "players": info.num_players,
        "actions": f"{info.action_space.kind} {info.action_space.size or info.action_space.width}",
        "dynamics": info.dynamics,
        "chance": info.chance,
        "information": info.information,
        "utility": f"{info.utility} from {info.min_utility} to {info.max_utility}",
        "max_length": info.max_length,
        "tensor_width": info.tensor_width,
        "simulator": info.has_simulator,
    }
    return [f"{name}: {fact}" for name, fact in facts.items()]


def _decision(tables: TableBatch, turn: Turn, row: int, action: Any) -> list[str]:
    info, at, player = tables.info, turn.table[row : row + 1], turn.player[row : row + 1]
    who = int(player[0])
    lines = [f"player {who}"]
    if info.has_text:
        lines += ["  text:", *_indented(tables.text(at, player)[0])]
    if info.has_information_state:
        lines += ["  information state:", *_indented(tables.information_state(at, player)[0])]
    if info.tensor_width is not None:
        tensor = tables.tensor(at, player)[0]
        lines.append(f"  tensor: {np.count_nonzero(tensor)} of {len(tensor)} not 0, {_digest(tensor)}")
    lines.append(f"  legal: {_legal(tables, who, turn.legal.take(np.array([row])))}")
    lines.append(f"  plays: {_numbers(action)} {tables.action_text(0, who, action)}")
    return lines


def _legal(tables: TableBatch, player: int, legal: LegalActions) -> str:
    if isinstance(legal, VectorLegal):
        return f"from {_numbers(legal.low[0])} to {_numbers(legal.high[0])}"
    actions = legal.lists()[0]
    shown = [f"{action} {tables.action_text(0, player, action)}" for action in actions[:SHOWN_ACTIONS]]
    return f"{len(actions)}: " + ", ".join(shown + ["..."] * (len(actions) > SHOWN_ACTIONS))


def _complete(info: GameInfo, turn: Turn, action: NDArray[Any]) -> tuple[Any, Any, Any]:
    """Arguments for `step`: in a simultaneous game the joint move, zeros for who has nothing to choose."""
    if not info.simultaneous:
        return turn.table, turn.player, action
    joint = np.zeros((info.num_players, *info.action_space.shape), action.dtype)
    joint[turn.player] = action
    return np.zeros(info.num_players, np.int64), np.arange(info.num_players), joint


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def _numbers(values: Any) -> str:
    rounded = np.round(np.asarray(values), DIGITS) + 0  # + 0 makes -0 a 0
    return str(rounded.tolist())


def _digest(values: NDArray[Any]) -> str:
    """Eight letters that change with the values."""
    return hashlib.sha256(_numbers(values.astype(np.float64)).encode()).hexdigest()[:8]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
