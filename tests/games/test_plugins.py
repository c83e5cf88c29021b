"""Other people's games, by entry point. An installed package is a module and a dist-info folder on the path."""

import logging
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from arena.games import GameMissing, UnknownName, list_games, load_game
from arena.games import registry as registry_module
from arena.games.conformance import check_game

PLUGIN = Path(__file__).parents[1] / "plugins" / "demo_plugin"


def install(folder, *, name, version="0.1", entry_points, modules):
    """What an installer would leave in `folder`."""
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = "".join(f"{scheme} = {value}\n" for scheme, value in entry_points.items())
    (about / "entry_points.txt").write_text(f"[arena.games]\n{lines}")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in set(sys.modules) - before:
        if getattr(sys.modules[module], "__file__", None) and str(tmp_path) in str(sys.modules[module].__file__):
            del sys.modules[module]


@pytest.fixture
def nim(site):
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    install(
        site,
        name=project["name"],
        version=project["version"],
        entry_points=project["entry-points"]["arena.games"],
        modules={"demo_plugin": (PLUGIN / "demo_plugin.py").read_text()},
    )


@pytest.fixture
def broken(site):
    install(
        site,
        name="arena-broken-plugin",
        entry_points={"broken": "broken_plugin:load"},
        modules={"broken_plugin": "raise RuntimeError('the engine room is on fire')\n"},
    )


@pytest.fixture
def no_own_games(monkeypatch):
    """Without Arena's own schemes, which are many and slow to list."""
    monkeypatch.setattr(registry_module, "SCHEMES", {})


def test_a_plugins_game_loads_by_its_scheme(nim):
    assert load_game("demo_plugin:nim").info.title == "Nim"


def test_a_plugins_game_conforms(nim):
    check_game(load_game("demo_plugin:nim"))


def test_a_plugins_games_are_listed(nim, no_own_games):
    assert [info.specification for info in list_games()] == ["demo_plugin:nim"]
    assert [info.specification for info in list_games("demo_plugin")] == ["demo_plugin:nim"]


def test_a_plugins_own_errors_reach_the_user(nim):
    with pytest.raises(UnknownName, match="did you mean 'nim'"):
        load_game("demo_plugin:nimm")


def test_an_unknown_scheme_is_corrected_to_a_plugins(nim):
    with pytest.raises(UnknownName, match="did you mean 'demo_plugin'"):
        load_game("demo_plugn:nim")
    with pytest.raises(UnknownName, match="did you mean 'demo_plugin'"):
        list_games("demo_plugn")


def test_a_broken_plugin_does_not_hide_the_others(nim, broken, no_own_games, caplog):
    with caplog.at_level(logging.WARNING, logger="arena.games.registry"):
        assert [info.specification for info in list_games()] == ["demo_plugin:nim"]
    assert "the engine room is on fire" in caplog.text


@pytest.mark.parametrize("ask", [lambda: load_game("broken:x"), lambda: list_games("broken")])
def test_naming_a_broken_plugin_says_what_failed(broken, ask):
    with pytest.raises(GameMissing, match=r"'broken' of the package arena-broken-plugin 0\.1 .*RuntimeError.*on fire"):
        ask()


def test_a_plugin_that_fails_to_list_does_not_hide_the_others(nim, site, no_own_games, caplog):
    source = "def load(rest):\n    return None\n\ndef list_infos():\n    return 1 / 0\n"
    install(site, name="halting", entry_points={"halting": "halting:load"}, modules={"halting": source})
    assert [info.specification for info in list_games()] == ["demo_plugin:nim"]
    assert "division by zero" in caplog.text


def test_a_plugin_need_not_list_games(site, no_own_games):
    source = "def load(rest):\n    return rest\n"
    install(site, name="silent", entry_points={"silent": "silent_plugin:load"}, modules={"silent_plugin": source})
    assert list_games() == []
    assert load_game("silent:any thing") == "any thing"


def test_a_plugin_cannot_take_a_scheme_of_arenas_own(site):
    source = "def load(rest):\n    return 'mine'\n"
    install(site, name="thief", entry_points={"pettingzoo": "thief:load"}, modules={"thief": source})
    assert load_game("pettingzoo:tictactoe_v3").info.specification == "pettingzoo:tictactoe_v3"
    assert "pettingzoo:tictactoe_v3" in {info.specification for info in list_games("pettingzoo")}


def test_the_plugin_is_a_package_that_can_be_installed():
    """Its metadata names what is there."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())
    for value in project["project"]["entry-points"]["arena.games"].values():
        module, attribute = value.split(":")
        assert module in project["tool"]["setuptools"]["py-modules"]
        assert f"def {attribute}(" in (PLUGIN / f"{module}.py").read_text()


def test_games_are_imported_without_what_their_schemes_need():
    heavy = ("pettingzoo", "pyspiel", "torch", "gymnasium", "sqlalchemy", "fastapi")
    code = f"import sys, arena.games; print(sorted(set(sys.modules) & set({heavy!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
