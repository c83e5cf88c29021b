"""Positions drawn as boards and cards, for the games whose moves a drawing can follow; all others are shown in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.games.errors import SpecificationError
from arena.games.specification import parse_call, split_scheme
from arena.replay import Position
from arena.server import numbers
from arena.server.drawing.grids import grid_drawing, stone_mark
from arena.server.drawing.svg import el, picture, text
from arena.server.position_grid import GRID_GAMES, GridGame, read_grid

CELL = 60
CARD_TABLE = 380  # units wide: its text stays readable on a phone
LONGEST_NAME = 26
RANKS = {3: "JQK", 4: "TJQK", 5: "9TJQK"}

LEDUC = re.compile(
    r"Round: (?P<round>\d+).*?Pot: (?P<pot>\d+).*?Money \([^)]*\): (?P<money>[\d ]+).*?Cards \([^)]*\): (?P<cards>[-\d ]+)",
    re.DOTALL,
)
KUHN = re.compile(r"(?P<cards>\d+(?: \d+)*) ?(?P<bets>[pb]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a drawing needs: the position, who sits where, who moves next, and who looks on.

    ``before``: the position before it, None at the start. ``view``: the seat from which the table is seen, None for all seats: what that seat cannot see is never drawn.
    ``returns``: the final payoffs, once the match is over.
    """

    position: Position
    names: tuple[str, ...]
    to_move: int | None
    view: int | None
    returns: tuple[float, ...] | None
    before: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A way to draw one game. ``public_moves``: every seat sees every move, so the move list hides nothing.

    ``draw`` gives None where it cannot read the position; its text is shown then.
    """

    draw: Callable[[Scene], Markup | None]
    public_moves: bool
    marks: bool = False


def board_of(specification: str) -> Board | None:
    """The board that draws a game, whichever scheme it comes from; None where there is none."""
    scheme, rest = split_scheme(specification, kind="game")
    if scheme not in ("arena", "openspiel", "pettingzoo"):
        return None
    try:
        call = parse_call(rest)
    except SpecificationError:
        return None
    size = {key: value for key, value in call.parameters.items() if isinstance(value, int)}
    name = re.sub(r"_v\d+$", "", call.name)
    if name == "connect_four":
        rows, columns, line = size.get("rows", 6), size.get("columns", 7), size.get("x_in_row", 4)
        return Board(draw=lambda scene: _connect_four(scene, rows, columns, line), public_moves=True, marks=True)
    if name in ("tic_tac_toe", "tictactoe"):
        down_first = scheme == "pettingzoo"
        return Board(draw=lambda scene: _tic_tac_toe(scene, down_first), public_moves=True, marks=True)
    if name == "kuhn_poker" and scheme != "pettingzoo":
        return Board(draw=_kuhn, public_moves=True)
    if name == "leduc_poker" and scheme == "openspiel":
        return Board(draw=_leduc, public_moves=True)
    if name in GRID_GAMES and scheme == "openspiel":
        return Board(draw=lambda scene: _grid(scene, GRID_GAMES[name]), public_moves=True, marks=True)
    return None


def seat_mark(seat: int) -> Markup:
    """The small disc that stands for a seat in the key above a board."""
    disc = el("circle", cls=f"disc-{seat}", r=26)
    return el(
        "svg",
        disc,
        stone_mark(seat, 0, 0, size=11, cls="key-mark"),
        width=14,
        height=14,
        viewBox="-30 -30 60 60",
        aria_hidden="true",
    )


def _connect_four(scene: Scene, rows: int, columns: int, line: int) -> Markup | None:
    heights = [0] * columns
    placed: list[tuple[int, int]] = []
    for action in _whole_numbers(scene.position.actions):
        if not 0 <= action < columns or heights[action] >= rows:
            return None
        placed.append((action, rows - 1 - heights[action]))
        heights[action] += 1
    width, height = columns * CELL + 20, rows * CELL + 42
    marks = [el("rect", cls="frame", x=1, y=1, width=width - 2, height=rows * CELL + 18, rx=10)]
    for column in range(columns):
        marks += [el("circle", cls="hole", cx=_middle(column), cy=_middle(row), r=23) for row in range(rows)]
        marks.append(text(str(column), x=_middle(column), y=height - 5, cls="mid t-3"))
    marks += _discs(placed)
    marks += _winning_line(placed, line)
    spoken = ", ".join(f"{_letter(k)}{column}" for k, (column, _) in enumerate(placed)) or "no disc yet"
    return picture(
        marks, f"Connect four after {numbers.counted(len(placed), 'move')}: {spoken}", width=width, height=height
    )


def _tic_tac_toe(scene: Scene, down_first: bool) -> Markup | None:
    actions = _whole_numbers(scene.position.actions)
    if any(not 0 <= action < 9 for action in actions):
        return None
    placed = [(action // 3, action % 3) if down_first else (action % 3, action // 3) for action in actions]
    size = 3 * CELL + 20
    marks = [el("rect", cls="frame", x=1, y=1, width=size - 2, height=size - 2, rx=10)]
    for k in (1, 2):
        at = 10 + k * CELL
        marks.append(el("line", cls="axis", x1=at, x2=at, y1=14, y2=size - 14))
        marks.append(el("line", cls="axis", x1=14, x2=size - 14, y1=at, y2=at))
    marks += _discs(placed)
    marks += _winning_line(placed, 3)
    spoken = ", ".join(f"{_letter(k)}({row},{column})" for k, (column, row) in enumerate(placed)) or "empty"
    return picture(
        marks,
        f"Tic-tac-toe after {numbers.counted(len(placed), 'move')}: {spoken}",
        width=size,
        height=size,
        cls="chart tic",
    )


def _grid(scene: Scene, game: GridGame) -> Markup | None:
    position, before = scene.position, "" if scene.before is None else scene.before.text
    grid = read_grid(game, position.text, before=before, said=position.said)
    if grid is None:
        return None
    moved = f", last {position.action_text}" if position.move else ""
    return grid_drawing(grid, f"{game.title} after {numbers.counted(position.move, 'move')}{moved}: {grid.spoken()}")


def _discs(placed: Sequence[tuple[int, int]]) -> list[Markup]:
    """Cross for the seat that moved first, ring for the other, as moves are written x and o; the last one is ringed."""
    marks = []
    for k, (column, row) in enumerate(placed):
        x, y = _middle(column), _middle(row)
        marks.append(el("circle", cls=f"disc-{k % 2}", cx=x, cy=y, r=23))
        marks.append(stone_mark(k % 2, x, y, size=8, cls="disc-mark"))
    if placed:
        column, row = placed[-1]
        marks.append(el("circle", cls="last", cx=_middle(column), cy=_middle(row), r=26))
    return marks


def _letter(move: int) -> str:
    return "xo"[move % 2]


def _winning_line(placed: Sequence[tuple[int, int]], length: int) -> list[Markup]:
    """A stroke through the line that the last disc completed."""
    if not placed:
        return []
    mine = {place for k, place in enumerate(placed) if k % 2 == (len(placed) - 1) % 2}
    column, row = placed[-1]
    for right, down in ((1, 0), (0, 1), (1, 1), (1, -1)):
        ends, whole = [], 1
        for sign in (1, -1):
            k = 1
            while (column + sign * k * right, row + sign * k * down) in mine:
                k += 1
            whole += k - 1
            ends.append((column + sign * (k - 1) * right, row + sign * (k - 1) * down))
        if whole >= length:
            (x1, y1), (x2, y2) = ends
            return [
                el("line", cls="win-line", x1=_middle(x1), y1=_middle(y1), x2=_middle(x2), y2=_middle(y2))
            ]  # fmt: skip
    return []


def _kuhn(scene: Scene) -> Markup | None:
    players = len(scene.names)
    actions = _whole_numbers(scene.position.actions)
    cards, bets = actions[:players], actions[players:]
    faces = _faces(players + 1)
    if (
        len(cards) < players
        or any(not 0 <= card < len(faces) for card in cards)
        or any(bet not in (0, 1) for bet in bets)
    ):
        return None
    pot = [1] * players
    for k, bet in enumerate(bets):
        pot[k % players] += bet
    lines = tuple(f"in the pot: {chips}" for chips in pot)
    return _card_table(
        scene, [faces[card] for card in cards], lines, public=None, foot=f"pot {sum(pot)}", title="Kuhn poker"
    )


def _leduc(scene: Scene) -> Markup | None:
    found = LEDUC.search(scene.position.text)
    players = len(scene.names)
    if found is None:
        return None
    cards = [int(card) for card in found["cards"].split()]
    money = [int(chips) for chips in found["money"].split()]
    faces = _faces(players + 1)
    if len(cards) != players + 1 or len(money) != players or any(card >= 2 * len(faces) for card in cards):
        return None
    public = faces[cards[0] // 2] + "♠♥"[cards[0] % 2] if cards[0] >= 0 else ""
    private = [faces[card // 2] + "♠♥"[card % 2] if card >= 0 else "" for card in cards[1:]]
    lines = tuple(f"chips left: {chips}" for chips in money)
    foot = f"round {found['round']}" + (", over" if scene.returns else f", pot {found['pot']}")
    return _card_table(scene, private, lines, public=public, foot=foot, title="Leduc poker")


def _card_table(
    scene: Scene, faces: Sequence[str], lines: Sequence[str], *, public: str | None, foot: str, title: str
) -> Markup:
    """A row a seat: its card, its agent, its chips. A card that the viewer may not see is drawn as a back."""
    width, row = CARD_TABLE, 92
    height = row * len(faces) + 52
    marks = [el("rect", cls="stage", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=8)]
    spoken = []
    for seat, face in enumerate(faces):
        y = 16 + seat * row
        seen = scene.view is None or scene.view == seat
        moves = seat == scene.to_move
        marks.append(_card(18, y, face if seen else None))
        marks.append(text(f"seat {seat}" + (", to move" if moves else ""), x=86, y=y + 20, cls="t-3"))
        marks.append(text(_shortened(scene.names[seat]), x=86, y=y + 38, cls="t-b" if moves else ""))
        line = lines[seat] if scene.returns is None else f"{lines[seat]}; gets {numbers.signed(scene.returns[seat], 0)}"
        marks.append(text(line, x=86, y=y + 56, cls="t-3"))
        spoken.append(f"seat {seat} holds {face if seen else 'a hidden card'}")
    if public is not None:
        marks.append(_card(width - 84, 16, public) if public else _empty_place(width - 84, 16))
        marks.append(text("public card" if public else "no public card yet", x=width - 58, y=110, cls="mid t-3"))
        spoken.append(f"public card {public}" if public else "no public card yet")
    marks.append(text(foot, x=18, y=height - 16, cls="t-b"))
    return picture(marks, f"{title}: {'; '.join(spoken)}; {foot}", width=width, height=height, cls="chart cards")


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _card(x: float, y: float, face: str | None) -> Markup:
    if face is None:
        stripes = [el("path", d=f"M{x + 10 + 8 * k} {y + 8} V{y + 68}", cls="line thin s-soft") for k in range(5)]
        return el("g", el("rect", cls="card-back", x=x, y=y, width=52, height=76, rx=6), *stripes)
    number = text(face, x=x + 26, y=y + 48, cls="pip mid" + (" small" if len(face) > 1 else ""))
    return el("g", el("rect", cls="card", x=x, y=y, width=52, height=76, rx=6), number)


def _empty_place(x: float, y: float) -> Markup:
    return el("rect", cls="card-place", x=x, y=y, width=52, height=76, rx=6)


def _faces(ranks: int) -> list[str]:
    return list(RANKS[ranks]) if ranks in RANKS else [str(k + 1) for k in range(ranks)]


def _middle(k: int) -> int:
    return 10 + k * CELL + CELL // 2


def _whole_numbers(actions: Sequence[object]) -> list[int]:
    return [int(action) for action in actions if isinstance(action, (int, float))]
