"""The papers say what is there: names, commands, options, files, links; what they show runs and prints what is shown.

In the pages, ``<!-- file: NAME -->`` before a block writes it to a file, ``<!-- run -->`` runs its ``$`` commands and
compares what they print, up to an ``…``; Python blocks run, one script a page, unless ``<!-- sketch -->`` stands before.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from arena.agents.registry import SCHEMES as AGENT_SCHEMES
from arena.agents.registry import kinds
from arena.cli import command as arena_command
from arena.cli import main
from arena.config import TournamentConfig
from arena.games.registry import SCHEMES as GAME_SCHEMES
from arena.games.registry import load_game
from arena.leaderboards import METHODS as RATING_METHODS
from arena.server.settings import ServerSettings, load_settings
from arena.solvers import methods

ROOT = Path(__file__).parents[2]
FOLDERS = ("agents", "games", "leaderboards", "server", "solvers")
PAPERS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = [*(ROOT / name for name in PAPERS), *sorted((ROOT / "docs").rglob("*.md"))]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
PACKAGES = ("arena", "arena.agents", "arena.games", "arena.leaderboards", "arena.solvers")
SETTINGS = set(ServerSettings.model_fields)
BIN = Path(sys.executable).parent
SHELLS = ("sh", "console")

_FENCE = re.compile(
    r"(?:<!-- *(?P<mark>[^>]*?) *-->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page, and the mark that stands before it."""

    mark: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(mark=found["mark"] or "", language=found["language"], text=found["text"])
        for found in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def written() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def without_code(page: Path) -> str:
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def arena_lines(block: Block) -> list[str]:
    """The commands of a shell block, continued lines joined."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the command line that is no group, by its words."""

    def walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk((*words, name), inner)
        else:
            yield words, command

    return walk((), arena_command())


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package: str) -> None:
    page = (ROOT / "docs" / "reference" / "library.md").read_text(encoding="utf-8")
    section = re.search(rf"^## `{re.escape(package)}`$(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, f"docs/reference/library.md has no section `{package}`"
    documented = set(re.findall(r"`([A-Za-z_]\w*)", section.group(1)))
    assert set(importlib.import_module(package).__all__) - documented == set()


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_every_command_is_documented_with_all_its_options(words: tuple[str, ...]) -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    heading = re.escape("arena " + " ".join(words))
    section = re.search(rf"^### `{heading}\b[^\n]*$(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, f"docs/reference/commands.md has no section for arena {' '.join(words)}"
    command = dict(commands())[words]
    options = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("-")
    } - {
        "-h",
        "--help",
    }
    documented = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", section.group(1)))
    assert options == documented


def test_every_scheme_method_and_rating_is_documented() -> None:
    text = written()
    plain = {*RATING_METHODS, *methods()}
    assert {f"{scheme}:" for scheme in GAME_SCHEMES if f"`{scheme}:" not in text} == set()
    assert {scheme for scheme in AGENT_SCHEMES if not re.search(rf"`{scheme}\b", text)} == set()
    assert {kind.name for kind in kinds() if kind.name not in text} == set()
    assert {name for name in plain if f"`{name}`" not in text} == set()


def test_every_key_of_a_tournament_file_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "tournament-file.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert documented == set(TournamentConfig.model_fields)


def test_every_setting_of_the_server_is_documented_with_its_default_and_meaning() -> None:
    page = (ROOT / "docs" / "reference" / "server-configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    expected = {}
    for key, field in ServerSettings.model_fields.items():
        default = json.dumps(field.default)
        shown = f"`{default}`" if field.default is not None else ""
        expected[key] = f"{shown} | {field.description}"
    assert rows == expected


def test_the_architecture_names_every_module_and_nothing_else() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w./-]+\.(?:py|js|css|html))` \|", text, re.MULTILINE))
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("arena", *FOLDERS)
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py" or path.parent.name in ("native", "cli") or path.parent == ROOT / "arena"
    }
    assert modules - named == set(), "modules without a line in ARCHITECTURE.md"
    assert {name for name in named if not (ROOT / name).is_file()} == set(), "lines in ARCHITECTURE.md without a file"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in _LINK.findall(without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page if not path else (page.parent / path).resolve()
        assert file.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in _anchors(file), f"{name}: {target}"


def test_every_page_is_reached_from_the_front_page_of_the_docs() -> None:
    """By a link on it, or on the front page of a folder that it links to."""
    front = ROOT / "docs" / "README.md"
    linked = _linked(front)
    linked |= {page for one in linked if one.name == "README.md" for page in _linked(one)}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - linked == {front} - linked


def _linked(page: Path) -> set[Path]:
    return {(page.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(page.read_text())}


def test_games_that_are_named_can_be_loaded() -> None:
    named = set(
        re.findall(r"\b((?:arena|openspiel|pettingzoo|matrix):[a-z][\w]*(?:\([^)\s]*\))?)(?![\w:.])", written())
    )
    assert len(named) > 10
    for specification in named:
        load_game(specification)


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_shell_commands_are_commands_of_arena(name: str) -> None:
    for block in blocks(ROOT / name):
        for line in arena_lines(block) if block.language in SHELLS else ():
            words = shlex.split(line, comments=True)
            if "arena" in words:
                _parse(words[words.index("arena") + 1 :], line)


@pytest.mark.parametrize(
    "name", [name for name in PAGE_NAMES if any(b.language == "toml" for b in blocks(ROOT / name))]
)
def test_files_of_tournaments_trainings_and_servers_can_be_read(name: str, tmp_path: Path) -> None:
    from arena.config import read_configs
    from arena.solvers.learning import configuration

    for block in blocks(ROOT / name):
        if block.language == "toml" and block.mark != "sketch":
            file = tmp_path / "mine.toml"
            file.write_text(block.text)
            keys = set(tomllib.loads(block.text))
            read = configuration if "method" in keys else load_settings if keys <= SETTINGS else read_configs
            read(file)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PAGE_NAMES
        if any("file:" in b.mark or b.mark == "run" or b.language == "python" for b in blocks(ROOT / name))
    ],
)
def test_what_a_page_shows_runs_and_prints_what_is_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents").mkdir()
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "agents" / "clients", tmp_path / "agents" / "clients")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    script = ""
    for block in blocks(ROOT / name):
        if block.mark.startswith("file:"):
            Path(block.mark.removeprefix("file:").strip()).write_text(block.text, encoding="utf-8")
        elif block.mark == "run":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                _compare(command, shown, _printed(command, monkeypatch, capsys))
        elif block.language == "python" and block.mark != "sketch":
            script += block.text + "\n"
    exec(compile(script, name, "exec"), {"__name__": "page"})


def _printed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints. Arena's own run in this process, which has everything imported; others in a shell."""
    if not command.startswith("arena ") or ">" in command:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"$ {command}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert not ended.value.code, f"$ {command}\nended with {ended.value.code}:\n{printed.out}\n{printed.err}"
    return printed.out


def _compare(command: str, shown: str, printed: str) -> None:
    """Every line shown is a line printed, up to an ellipsis; what is printed besides is left out."""
    lines = [_squeezed(line) for line in printed.splitlines()]
    for line in filter(None, map(_squeezed, shown.splitlines())):
        begin, cut, _ = line.partition("…")
        hits = [one for one in lines if one == line or (cut and one.startswith(begin.strip()))]
        assert hits, f"$ {command}\ndid not print: {line}\nbut:\n" + "\n".join(lines)


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", file.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _parse(words: list[str], line: str) -> None:
    """Reads a command line as `arena` would, without running it."""
    command: Any = arena_command()
    name = "arena"
    while hasattr(command, "commands"):
        if not words or words[0].startswith("-"):
            return
        name = words.pop(0)
        assert name in command.commands, f"{line}: no command {name!r}"
        command = command.commands[name]
    try:
        command.make_context(name, list(words))
    except Exception as error:
        raise AssertionError(f"{line}: {error}") from error
