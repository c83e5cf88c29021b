"""What importing Arena loads, and what it must not."""

from __future__ import annotations

import importlib
import json
import pkgutil
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import arena

ROOT = Path(__file__).parents[2]
FOLDERS = ("agents", "games", "leaderboards", "server", "solvers")
HEAVY = ("torch", "pyspiel", "open_spiel", "pettingzoo", "gymnasium", "sqlalchemy", "alembic", "fastapi", "pydantic")
ARENA_COMMAND = Path(sys.executable).parent / "arena"
HELP_TIMES = 3.0  # the processor time of what prints it; seconds would be of the machine
OPTIONAL = ("arena.agents.clients", "arena.migrations.env")  # a file to be copied, and one that only Alembic runs


def loaded_by(code: str) -> set[str]:
    """The top-level names, and Arena's modules, in `sys.modules` after this code ran in a fresh interpreter."""
    tail = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_games_loads_nothing_heavy() -> None:
    assert not loaded_by("import arena.games") & set(HEAVY)


def test_importing_arena_alone_loads_not_even_numpy() -> None:
    assert not loaded_by("import arena") & {*HEAVY, "numpy", "numba", "scipy", "typer", "rich"}


def test_importing_agents_and_leaderboards_loads_no_engine_and_no_database() -> None:
    found = loaded_by("import arena.agents, arena.leaderboards, arena.solvers")
    assert not found & {"arena.ledger", "arena.match", "arena.tournament", "sqlalchemy", "pydantic", "torch", "pyspiel"}


def test_the_command_line_is_there_before_anything_that_does_the_work() -> None:
    found = loaded_by("import arena.cli")
    assert not found & {*HEAVY, "numpy", "numba", "scipy", "networkx", "rich", "arena.games", "arena.ledger"}


def test_the_help_loads_nothing_but_what_prints_it() -> None:
    code = "import arena.cli\ntry:\n    arena.cli.app(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded_by(code) & {*HEAVY, "numpy", "numba", "scipy", "networkx", "arena.games", "arena.ledger"}


def test_the_help_takes_little_longer_than_to_import_what_prints_it() -> None:
    def cpu_seconds(*command: str | Path, says: bytes) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert says in done.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    printing = (sys.executable, "-c", "import typer.main, typer.rich_utils, rich.markdown")
    least = min(cpu_seconds(*printing, says=b"") for _ in range(3))
    assert min(cpu_seconds(ARENA_COMMAND, "--help", says=b"tournament") for _ in range(3)) < HELP_TIMES * least


def test_no_module_of_arena_is_imported_under_a_name_of_its_own() -> None:
    names = [module.name for module in pkgutil.walk_packages(arena.__path__, "arena.") if not _optional(module.name)]
    assert len(names) > 100, arena.__path__
    code = f"import importlib\nfor name in {names}:\n    importlib.import_module(name)"
    found = loaded_by(code)
    assert {"arena.games.registry", "arena.solvers.counterfactual", "arena.server.app", "arena.cli.play"} <= found
    assert not found & set(FOLDERS)


@pytest.mark.parametrize("package", ["arena", "arena.agents", "arena.games", "arena.leaderboards", "arena.solvers"])
def test_every_public_name_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_a_checkout_without_symbolic_links_says_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "arena", tmp_path / "arena", ignore=shutil.ignore_patterns("__pycache__", *FOLDERS))
    for folder in FOLDERS:  # what git writes where it may make no links: a file that holds the link's target
        (tmp_path / "arena" / folder).write_text(f"../{folder}")
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport arena"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "symbolic links" in last
    assert "core.symlinks=true" in last


def test_imports_go_in_one_direction() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


def _optional(name: str) -> bool:
    return name.startswith(OPTIONAL)
