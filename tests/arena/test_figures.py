"""Figures for papers: what they draw, for whatever field; the same field gives the same bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from simulated_records import from_counts, record_of

from arena.figures import graph_figure, payoffs_figure, ratings_figure, save_figure, weights_figure
from arena.figures.response import _name_pt, _node_in, _radius
from arena.figures.style import MISSING, WIDTH_IN, drawing, letters_missing, named, shown, width_of
from arena.games import NotProvided, SpecificationError
from arena.leaderboards import Leaderboard, cycle_order, leaderboard, weights_over_time

CYCLE = from_counts(
    [[0, 60, 10, 50], [12, 0, 55, 50], [58, 14, 0, 50], [10, 10, 10, 0]], agents=("rock", "paper", "scissors", "well")
)
ORDER = from_counts([[0, 40, 40], [5, 0, 40], [1, 5, 0]], agents=("a" * 90 + "@1", "$x_1$ <b>&", "名前@2"))
ALONE = from_counts([[0, 30, 30], [0, 0, 30], [0, 0, 0]], agents=("undefeated", "middle", "never won"))


@pytest.fixture(scope="module", params=["cycle", "order", "alone"])
def board(request: pytest.FixtureRequest) -> Leaderboard:
    return leaderboard({"cycle": CYCLE, "order": ORDER, "alone": ALONE}[request.param])


def texts(figure: object) -> list[str]:
    return [artist.get_text() for artist in figure.findobj() if hasattr(artist, "get_text")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
@pytest.mark.parametrize("draw", [ratings_figure, graph_figure])
def test_the_same_board_is_the_same_bytes(draw: object, suffix: str, board: Leaderboard, tmp_path: Path) -> None:
    one, two = (save_figure(draw(board), tmp_path / f"{k}.{suffix}").read_bytes() for k in (1, 2))  # type: ignore[operator]
    assert one == two
    assert b"CreationDate" not in one
    if suffix == "svg":
        assert ElementTree.fromstring(one).tag.endswith("svg")


@pytest.mark.parametrize("columns", [1, 2])
def test_a_figure_is_as_wide_as_the_columns(columns: int, board: Leaderboard) -> None:
    for figure in (
        ratings_figure(board, columns=columns),  # type: ignore[arg-type]
        payoffs_figure(board.matrix, columns=columns),  # type: ignore[arg-type]
        graph_figure(board, columns=columns),  # type: ignore[arg-type]
    ):
        assert figure.get_size_inches()[0] == WIDTH_IN[columns]


def test_every_rating_stands_beside_its_half_width() -> None:
    board = leaderboard(CYCLE)
    said = texts(ratings_figure(board))
    for row in board.rows:
        assert any(text.endswith(f"±{max(row.high - row.rating, row.rating - row.low):.0f}") for text in said)
        assert row.agent in said


def test_the_heat_map_holds_each_score_bold_where_it_is_certain() -> None:
    matrix = leaderboard(CYCLE).matrix
    cells = {}
    for artist in payoffs_figure(matrix, heading=False).axes[0].texts:
        x, y = artist.get_position()
        if x > 0 and y > 0:
            cells[round(y - 0.52), round(x - 0.5)] = (artist.get_text(), artist.get_weight())
    order = [agent for component in cycle_order(matrix) for agent in component]
    for (row, column), (text, weight) in cells.items():
        i, j = order[row], order[column]
        assert text == f"{100 * matrix.score[i, j]:.0f}"
        assert (weight == "bold") == bool(matrix.low[i, j] > 0.5 or matrix.high[i, j] < 0.5)
    assert len(cells) == 12


def test_a_component_of_several_is_framed_and_an_order_is_not() -> None:
    def frames(board: Leaderboard) -> list[float]:
        patches = payoffs_figure(board.matrix).axes[0].patches
        return [patch.get_width() for patch in patches if isinstance(patch, Rectangle)]

    assert frames(leaderboard(CYCLE)) == [3]
    assert frames(leaderboard(ORDER)) == []


def test_arrows_are_dashed_where_nothing_is_certain() -> None:
    few, many = (leaderboard(from_counts([[0, 3 * k], [2 * k, 0]])) for k in (1, 200))
    styles = [
        patch.get_linestyle()
        for board in (few, many)
        for patch in graph_figure(board).axes[0].patches
        if isinstance(patch, FancyArrowPatch)
    ]
    assert styles[0] != "-" and styles[1] in ("-", "solid")


def test_the_cycle_carries_its_scores() -> None:
    board = leaderboard(CYCLE)
    said = texts(graph_figure(board, heading=False))
    for score in board.cycles[0].scores:
        assert f"{100 * score:.0f}\N{NO-BREAK SPACE}%" in said


def _ring(size: int) -> Leaderboard:
    """So many agents in one cycle: each beats the half of the others that comes next."""
    ahead = (np.arange(size)[None, :] - np.arange(size)[:, None]) % size
    wins = np.where(ahead == 0, 0, np.where(ahead <= size // 2, 11, 3))
    return leaderboard(from_counts(wins.tolist(), agents=tuple(f"agent-number-{at}" for at in range(size))))


@pytest.mark.parametrize(("size", "columns"), [(24, 1), (40, 2)])
def test_in_a_crowded_circle_no_score_covers_another_or_an_agent(size: int, columns: int) -> None:
    board = _ring(size)
    figure = graph_figure(board, columns=columns, heading=False)  # type: ignore[arg-type]
    FigureCanvasAgg(figure).draw()
    placed = figure.axes[0].texts
    scores = [text for text in placed if text.get_text().endswith("%")]
    names = [text for text in placed if text not in scores]
    assert len(names) == size and len(scores) == len(board.cycles[0].scores)
    for at, score in enumerate(scores):
        box = score.get_window_extent()
        assert not any(box.overlaps(other.get_window_extent()) for other in scores[:at])
    centre = [patch.get_center() for patch in figure.axes[0].patches if isinstance(patch, Circle)]
    for score in scores:
        assert min(np.hypot(*(np.subtract(score.get_position(), one))) for one in centre[1:]) > 0.1


@pytest.mark.parametrize("width", WIDTH_IN.values())
@pytest.mark.parametrize("size", [17, 40, 90, 150])
def test_names_along_the_rays_of_a_crowded_circle_do_not_touch(size: int, width: float) -> None:
    names = [f"a-long-name-of-an-agent-{at}" for at in range(size)]
    with drawing():
        apart_in = 2 * np.pi * _radius(names, width) / size
        assert apart_in >= _name_pt(names, width) / 72
        assert apart_in > 2 * _node_in(names, _radius(names, width))


def test_weights_carry_their_interval_and_the_field_of_the_end() -> None:
    rng = np.random.default_rng(1)
    shuffled = rng.permutation(len(CYCLE))
    record = record_of(CYCLE.seats[shuffled], CYCLE.returns[shuffled], agents=CYCLE.agents)
    over_time = weights_over_time(record, points=6)
    last = leaderboard(record).minimax
    assert last is not None
    assert over_time.matches[-1] == len(record)
    assert np.allclose(over_time.weights[-1], last.weights)
    assert (over_time.low <= over_time.weights).all() and (over_time.weights <= over_time.high).all()
    said = texts(weights_figure(over_time))
    rock = CYCLE.agents.index("rock")
    low, value, high = (c[-1, rock] for c in (over_time.low, over_time.weights, over_time.high))
    assert f"{value:.2f} ({low:.2f}–{high:.2f})" in said


def test_weights_have_no_time_before_all_have_met() -> None:
    record = record_of([(0, 1), (1, 2), (0, 2), (0, 1)], [(1, -1)] * 4)
    assert weights_over_time(record, points=4).matches.tolist() == [1, 3, 4]


def test_twins_are_not_parted() -> None:
    record = record_of([(0, 1), (1, 0)] * 3, [(1, -1)] * 6, pair=[0, 0, 1, 1, 2, 2])
    assert weights_over_time(record, points=6).matches.tolist() == [2, 4, 6]


def test_two_hundred_agents_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seats = np.array([(i, (i + k) % 200) for i in range(200) for k in (1, 3, 8)])
    wins = np.where(rng.random(len(seats)) < 0.5, 1, -1)
    board = leaderboard(record_of(seats, np.stack((wins, -wins), axis=1)))
    for draw in (ratings_figure(board, columns=2), payoffs_figure(board.matrix), graph_figure(board, columns=2)):
        assert save_figure(draw, tmp_path / "f.png").stat().st_size > 10_000
        assert draw.get_size_inches()[1] < 12


def test_a_long_name_keeps_both_ends_and_fits() -> None:
    short = named("a-long-name-of-an-agent@17", 0.8, 6.5)
    assert short.startswith("a-l") and short.endswith("@17") and "…" in short
    assert width_of(short, 6.5) <= 0.8


def test_letters_that_no_font_has_are_squares() -> None:
    with drawing():
        assert shown("Ång\ue000") == "Ång" + MISSING


def test_letters_that_no_font_has_are_named_in_a_sentence() -> None:
    assert letters_missing(["rock", "Ångström", "−×"]) is None
    said = letters_missing(["a\ue001\ue000", "\ue000b"])
    assert said is not None and said.startswith(f"no font here has \ue000\ue001, drawn as {MISSING}")
    assert "\ue004…" in str(letters_missing(["\ue000\ue001\ue002\ue003\ue004\ue005"]))


def test_without_matplotlib_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NotProvided, match=r"pip install 'minimax-arena\[figures\]'"):
        ratings_figure(leaderboard(CYCLE))


def test_other_files_and_widths_are_refused(tmp_path: Path) -> None:
    figure = ratings_figure(leaderboard(CYCLE))
    with pytest.raises(SpecificationError, match=r"\.svg, \.pdf or \.png"):
        save_figure(figure, tmp_path / "f.jpg")
    with pytest.raises(ValueError, match="columns must be 1 or 2"):
        ratings_figure(leaderboard(CYCLE), columns=3)  # type: ignore[arg-type]
