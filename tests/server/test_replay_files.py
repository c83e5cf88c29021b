"""`arena match replay --out`: files that other programs read, of what a viewer may see, or a sentence that says why not."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import Arena, said
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.config import make_config
from arena.film import film_of
from arena.games import load_game
from arena.ledger import Ledger
from arena.server.drawing.gif import compressed
from arena.server.drawing.raster import moments, pictures
from arena.server.teams import sides_of
from arena.tournament import run_tournament

SVG = "{http://www.w3.org/2000/svg}"
GAME = "smax:3m(max_steps=12)"


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("films") / "arena.db"
    with Ledger.open(place) as ledger:
        teams = {"closest": "scripted:closest", "weakest": "scripted:weakest"}
        two = {"first": "random", "second": "random"}
        for name, game, agents in (
            ("battle", GAME, teams),
            ("four", "arena:connect_four", two),
            ("kuhn", "openspiel:kuhn_poker", two),
            ("rps", "matrix:rps", two),
        ):
            run_tournament(make_config({"name": name, "game": game, "agents": agents, "matches": 2, "seed": 1}), ledger)
    return place


@pytest.fixture
def replay(database, tmp_path, monkeypatch, capsys) -> Arena:
    """`replay("battle/0", "--out", "x.svg")` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARENA_DB", str(database))

    return lambda *words: said(monkeypatch, capsys, "match", "replay", *words)


def _film(database: Path, view: int | None = None):
    with Ledger.open(database, read_only=True) as ledger:
        return film_of(load_game(GAME), ledger.match(ledger.tournament("battle"), 0), view)


def _marks(root: ElementTree.Element, cls: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if cls in element.get("class", "").split()]


def test_a_map_is_an_svg_file_that_needs_nothing_else(replay, database):
    said = replay("battle/0", "--out", "match.svg")
    assert said.code == 0 and said.out.startswith("wrote match.svg: ")
    text = Path("match.svg").read_text()
    root, film = ElementTree.fromstring(text), _film(database)
    assert root.tag == f"{SVG}svg"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "style", "rect", "line", "circle", "g", "text", "animate", "animateTransform")
    }
    assert "var(" not in text and "light-dark" not in text and "href" not in text
    assert len(_marks(root, "shot")) == len(film.shots)
    assert (
        len([group for group in _marks(root, "unit") if "dead" not in group.get("class", "")]) == 6 + 2
    )  # and the key
    assert len(_marks(root, "dead")) == int((film.health[-1] == 0).sum()) > 0


def test_its_units_glide_through_the_places_of_the_film(replay, database):
    replay("battle/0", "--out", "match.svg")
    root, film = ElementTree.parse("match.svg").getroot(), _film(database)
    glides = list(root.iter(f"{SVG}animateTransform"))
    assert len(glides) == 6
    for unit, glide in enumerate(glides):
        times = [float(time) for time in glide.get("keyTimes", "").split(";")]
        places = glide.get("values", "").split(";")
        assert len(times) == len(places) and times == sorted(times) and (times[0], times[-1]) == (0, 1)
        assert len(set(places)) >= len(np.unique(film.position[:: film.per_step, unit], axis=0)) / 2


def test_a_units_file_has_only_what_it_sees(replay, database):
    replay("battle/0", "--out", "unit.svg", "--view", "0")
    root, film = ElementTree.parse("unit.svg").getroot(), _film(database, 0)
    shown = int(film.shown.any(axis=0).sum())
    assert len(list(root.iter(f"{SVG}animateTransform"))) == shown
    assert len(_marks(root, "shot")) == len(film.shots)
    hidden = [k for k in range(6) if 0 < film.shown[:, k].sum() < len(film.shown)]
    assert hidden, "somebody comes into sight or leaves it"


def test_boards_are_written_position_by_position(replay):
    assert replay("four/0", "--out", "four.svg").code == 0
    root = ElementTree.parse("four.svg").getroot()
    positions = [inner for inner in root.iter(f"{SVG}svg") if inner is not root]
    assert [len(_marks(one, "disc-mark")) for one in positions] == list(range(len(positions)))
    assert [group.get("visibility") for group in root.findall(f"{SVG}g") if group.find(f"{SVG}svg") is not None] == [
        "visible",
        *["hidden"] * (len(positions) - 1),
    ]


def test_a_seats_file_of_a_card_game_has_no_card_of_another(replay):
    assert replay("kuhn/0", "--out", "one.svg", "--view", "1").code == 0
    text = Path("one.svg").read_text()
    positions = text.count("<svg ") - 1
    assert text.count('class="card-back"') == positions and text.count("holds a hidden card") >= 1


def _gif(content: bytes) -> tuple[tuple[int, int], list[np.ndarray]]:
    """(width, height) and the pictures of a GIF file, read as its specification says and not by how ours is written."""
    assert content[:6] == b"GIF89a" and content[-1:] == b"\x3b"
    width, height = int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    assert content[10] & 0x87 == 0x87, "a palette of 256"
    palette = np.frombuffer(content[13 : 13 + 768], np.uint8).reshape(256, 3)
    at, canvas, found, transparent = 13 + 768, np.zeros((height, width, 3), np.uint8), [], -1
    while content[at] != 0x3B:
        if content[at] == 0x21:
            if content[at + 1] == 0xF9:
                transparent = content[at + 6] if content[at + 3] & 1 else -1
            at += 2
            while content[at]:
                at += content[at] + 1
            at += 1
            continue
        assert content[at] == 0x2C
        left, top, wide, high = (int.from_bytes(content[at + k : at + k + 2], "little") for k in (1, 3, 5, 7))
        assert content[at + 10] == 8
        at, coded = at + 11, b""
        while content[at]:
            coded += content[at + 1 : at + 1 + content[at]]
            at += content[at] + 1
        at += 1
        places = np.frombuffer(_decoded(coded), np.uint8).reshape(high, wide)
        part = canvas[top : top + high, left : left + wide]
        part[:] = np.where((places == transparent)[..., None], part, palette[places])
        found.append(canvas.copy())
    return (width, height), found


def _decoded(coded: bytes) -> bytes:
    """LZW codes of places in a palette of 256, read one bit after the other."""
    bits, at, size = int.from_bytes(coded, "little"), 0, 9
    table: list[bytes] = []
    before, out = b"", []
    while True:
        code = (bits >> at) & ((1 << size) - 1)
        at += size
        assert at <= 8 * len(coded) + 7
        if code == 256:
            table, size, before = [bytes([k]) for k in range(256)] + [b"", b""], 9, b""
            continue
        if code == 257:
            return b"".join(out)
        entry = table[code] if code < len(table) else before + before[:1]
        if before and len(table) < 4096:
            table.append(before + entry[:1])
        if len(table) == 1 << size and size < 12:
            size += 1
        out.append(entry)
        before = entry


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 256), st.integers(1, 9000), st.integers(0, 2**32 - 1))
def test_compressed_places_are_read_back(colours, length, seed):
    places = np.random.default_rng(seed).integers(0, colours, length).astype(np.uint8)
    assert _decoded(compressed(places)) == places.tobytes()


def test_a_gif_has_every_picture_of_the_film(replay, database):
    said = replay("battle/0", "--out", "match.gif", "--json")
    told = json.loads(said.out)
    content = Path("match.gif").read_bytes()
    assert told["bytes"] == len(content)
    (width, height), found = _gif(content)
    film = _film(database)
    times = moments(film, per_move=4, move_s=0.26)
    with Ledger.open(database, read_only=True) as ledger:
        tournament = ledger.tournament("battle")
        names = [side.label for side in sides_of(tournament, ledger.match(tournament, 0))]
    drawn = list(pictures(film, names, times))
    assert len(found) == told["pictures"] == len(drawn)
    assert (height, width, 3) == drawn[0].shape
    for ours, theirs in zip(drawn[::7], found[::7], strict=True):
        away = np.abs(ours.astype(int) - theirs).max(axis=2)
        assert (away > 24).mean() < 0.002  # a palette of 255 colours blends a few edges


def test_another_program_reads_the_gif(replay):
    import pygame

    replay("battle/0", "--out", "match.gif")
    picture = pygame.image.load("match.gif")
    assert picture.get_width() == 528


FAKE = """#!{python}
import sys
film = sys.stdin.buffer.read()
open(sys.argv[-1], "wb").write(film[:1000])
print(len(film), sys.argv[sys.argv.index("-s") + 1], file=open("told.txt", "w"))
{end}
"""


def _fake_ffmpeg(folder: Path, end: str = "") -> None:
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(FAKE.format(python=sys.executable, end=end))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_mp4_goes_through_ffmpeg(replay, tmp_path, monkeypatch, database):
    _fake_ffmpeg(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    told = json.loads(replay("battle/0", "--out", "match.mp4", "--json").out)
    length, size = Path("told.txt").read_text().split()
    width, height = map(int, size.split("x"))
    assert width % 2 == height % 2 == 0
    assert int(length) == told["pictures"] * width * height * 3
    assert told["pictures"] == len(moments(_film(database), per_move=8, move_s=0.26))
    assert Path("match.mp4").stat().st_size == 1000


def test_a_failing_ffmpeg_is_told_and_leaves_no_file(replay, tmp_path, monkeypatch):
    _fake_ffmpeg(tmp_path, end='sys.exit("no such encoder")')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    said = replay("battle/0", "--out", "match.mp4")
    assert said.code == 2 and "no such encoder" in said.err
    assert not [file for file in tmp_path.iterdir() if "match" in file.name]


def test_without_ffmpeg_it_says_what_to_install(replay, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = replay("battle/0", "--out", "match.mp4")
    assert said.code == 2
    assert re.search(r"need ffmpeg.*apt install ffmpeg.*pip install imageio-ffmpeg", said.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("battle/0", "--out", "match.png"), r"written as \.svg, \.gif or \.mp4; got match\.png"),
        (("battle/0", "--out", "none/match.svg"), "there is no folder none"),
        (("four/0", "--out", "four.gif"), "a board is written as .svg"),
        (("rps/0", "--out", "rps.svg"), "nothing draws"),
        (("battle/0", "--out", "match.svg", "--view", "6"), "there is no player 6"),
        (("battle/99", "--out", "match.svg"), "99"),
    ],
)
def test_what_cannot_be_written_is_told(replay, tmp_path, words, said):
    answer = replay(*words)
    assert answer.code == 2 and re.search(said, answer.err), answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(replay):
    Path("match.svg").write_text("mine")
    assert "--force" in replay("battle/0", "--out", "match.svg").err
    assert Path("match.svg").read_text() == "mine"
    assert replay("battle/0", "--out", "match.svg", "--force").code == 0
    assert Path("match.svg").read_text().startswith("<svg")
