"""The wheel, built from the source distribution and installed beside a package that owns Arena's folder names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("agents", "games", "leaderboards", "server", "solvers")
PAPERS = ("LICENSE", "README.md", "pyproject.toml")

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A virtual environment with Arena's wheel, and a folder to work in that has nothing of the checkout."""

    wheel: Path
    environment: Path
    folder: Path

    def run(self, *command: str, code: int = 0) -> str:
        """What a program of the environment prints; it must end with this exit code."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ARENA"))}
        done = subprocess.run(
            [self.environment / "bin" / command[0], *command[1:]],
            cwd=self.folder,
            env=variables | {"XDG_CONFIG_HOME": str(self.folder / "config")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def names(self) -> list[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.namelist()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    wheel = built(copy_of_the_checkout(folder / "checkout"), folder / "dist")
    other = built(another_distribution(folder / "other"), folder / "dist")
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    install = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install"]
    run(*install, "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet", wheel, other)
    # The dependencies of the environment that runs the tests; its own .pth files, the editable Arena too, are not read.
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    outside = folder / "outside"
    outside.mkdir()
    return Installed(wheel=wheel, environment=environment, folder=outside)


def copy_of_the_checkout(to: Path) -> Path:
    """What a build reads, symbolic links kept: nothing that lies about in the checkout can help it."""
    for name in ("arena", *FOLDERS):
        shutil.copytree(ROOT / name, to / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PAPERS:
        shutil.copy(ROOT / name, to)
    return to


def another_distribution(to: Path) -> Path:
    """A distribution that owns top-level modules by the names of Arena's folders."""
    to.mkdir()
    for name in FOLDERS:
        (to / f"{name}.py").write_text("OWNER = 'another distribution'\n")
    (to / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "another-distribution"\nversion = "1"\n'
        f"[tool.setuptools]\npy-modules = {list(FOLDERS)}\n"
    )
    return to


def built(project: Path, to: Path) -> Path:
    """The wheel of a project, made from its source distribution."""
    before = set(to.glob("*.whl"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", to, project)
    (wheel,) = set(to.glob("*.whl")) - before
    return wheel


def run(*command: str | Path) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"


def tracked(*endings: str) -> set[str]:
    """Every file of the packages with one of these endings, by its name in the wheel."""
    found = set()
    for package in ("arena", *FOLDERS):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix in endings:
                name = path.relative_to(ROOT).as_posix()
                found.add(name if package == "arena" else f"arena/{name}")
    return found


def test_every_module_is_in_the_wheel(installed: Installed) -> None:
    assert tracked(".py") <= set(installed.names())


def test_pages_scripts_styles_clients_and_vendored_licences_are_in_the_wheel(installed: Installed) -> None:
    wanted = tracked(".html", ".css", ".js", ".svg", ".txt", ".typed")
    assert {
        "arena/server/templates/base.html",
        "arena/server/static/arena.css",
        "arena/server/static/vendor/LICENSES/htmx.txt",
        "arena/agents/clients/arena_agent.js",
        "arena/py.typed",
    } <= wanted
    assert wanted <= set(installed.names())


def test_nothing_but_arena_is_installed(installed: Installed) -> None:
    tops = {name.partition("/")[0] for name in installed.names()}
    assert tops == {"arena", "minimax_arena-0.1.0.dist-info"}


def test_the_licence_is_included_and_named(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        licence = archive.read("minimax_arena-0.1.0.dist-info/licenses/LICENSE").decode()
        metadata = Parser().parsestr(archive.read("minimax_arena-0.1.0.dist-info/METADATA").decode())
    assert licence == (ROOT / "LICENSE").read_text()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "# Arena" in metadata.get_payload()


def test_arena_is_the_installed_one_and_other_modules_keep_their_names(installed: Installed) -> None:
    code = (
        "import json, importlib, arena, arena.agents, arena.games, arena.leaderboards, arena.server.app, arena.solvers\n"
        "import arena.cli, arena.tournament\n"
        f"modules = [importlib.import_module(name) for name in {FOLDERS}]\n"
        "print(json.dumps([arena.__file__, *({m.OWNER for m in modules})]))"
    )
    file, owner = json.loads(installed.run("python", "-c", code))
    assert Path(file).is_relative_to(installed.environment)
    assert owner == "another distribution"


def test_a_match_is_played_without_the_checkout(installed: Installed) -> None:
    played = json.loads(
        installed.run("arena", "play", "arena:tic_tac_toe", "random", "mcts(simulations=5)", "-n", "4", "--json")
    )
    assert [match["termination"] for match in played] == ["normal"] * 4
    assert all(sum(match["returns"]) == 0 for match in played)


def test_a_tournament_with_an_agent_of_ones_own_is_played_rated_and_served_without_the_checkout(
    installed: Installed,
) -> None:
    shutil.copy(ROOT / "examples" / "first_agent.py", installed.folder)
    agents = ("-a", "first=python:first_agent.py:FirstAgent", "-a", "random=random")
    told = installed.run("arena", "tournament", "run", "-g", "arena:tic_tac_toe", "-n", "10", *agents, "--json")
    assert json.loads(told)["matches"] == 10
    assert "first@1" in installed.run("arena", "leaderboard")
    code = (
        "from starlette.testclient import TestClient\n"
        "from arena.ledger import Ledger\n"
        "from arena.server.app import create_app\n"
        "with Ledger.open(create=False) as ledger, TestClient(create_app(ledger)) as browser:\n"
        "    print([browser.get(path).status_code for path in ('/', '/static/arena.css', '/docs')])"
    )
    assert installed.run("python", "-c", code).strip() == "[200, 200, 200]"


def test_wrong_usage_ends_with_exit_code_2(installed: Installed) -> None:
    installed.run("arena", "play", "arena:tic_tac_to", "random", "random", code=2)
