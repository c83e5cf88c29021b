import importlib
import subprocess
import sys

import pytest

import arena.agents
from arena.agents.registry import SCHEMES, content_of, kinds, load_agent, needs_approval
from arena.agents.specification_check import check_specification
from arena.games import SpecificationError, UnknownName, load_game


@pytest.fixture(scope="module")
def kuhn():
    return load_game("openspiel:kuhn_poker")


@pytest.mark.parametrize(
    "specification", ["random", "uniform", " random ", "random()", "ismcts(simulations=5)", "human"]
)
def test_an_agent_is_named_by_its_specification_unless_the_caller_names_it(kuhn, specification):
    assert load_agent(specification, game=kuhn).info.name == specification.strip()
    assert load_agent(specification, game=kuhn, name="bob").info.name == "bob"


def test_every_scheme_has_a_loader_and_stands_in_the_list_for_people():
    for target in SCHEMES.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
    assert [kind.name for kind in kinds()][: len(SCHEMES)] == list(SCHEMES)
    assert all(kind.usage.startswith(kind.name) and kind.description for kind in kinds())


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("randon", "did you mean 'random'"),
        ("mtcs(simulations=3)", "did you mean 'mcts'"),
        ("polcy:file.json", "did you mean 'policy'"),
        ("?!", "unknown agent"),
        ("ismcts(simulation=3)", "did you mean 'simulations'"),
        ("random(seed=1)", "unknown parameter of random 'seed'"),
        ("bot:uniform_randm", "did you mean 'uniform_random'"),
        ("bot:uniform_random(sed=1)", "unknown parameter of uniform_random"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest_known(kuhn, specification, message):
    with pytest.raises(UnknownName) as caught:
        load_agent(specification, game=kuhn)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("", "empty"),
        ("random:3", "write random"),
        ("uniform:3", "write uniform"),
        ("mcts:200", "write mcts(key=value)"),
        ("ismcts(simulations=many)", "simulations must be a whole number"),
        ("ismcts(simulations=0)", "simulations must be from 1"),
        ("ismcts(uct_c=-1)", "uct_c must be at least 0"),
        ("ismcts(final=best)", "one of most_visited, visits"),
        ("policy:", "policy:FILE"),
        ("policy", "policy:FILE"),
        ("policy:missing.json", "missing.json"),
        ("checkpoint:", "checkpoint:FILE"),
        ("checkpoint:missing.safetensors", "missing.safetensors"),
        ("bot:", "write name"),
        ("bot:fixed_action_preference(actions=a)", "numbers with colons"),
        ("bot:uniform_restricted_actions", "needs policy_name"),
        ("mcts", "ismcts"),  # kuhn hides the cards
    ],
)
def test_a_wrong_specification_is_refused_in_a_sentence(kuhn, specification, message):
    with pytest.raises(SpecificationError) as caught:
        load_agent(specification, game=kuhn)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("bot:uci(path=/bin/sh)", "unknown bot 'uci'; known: .*fixed_action_preference"),
        ("bot:fixed_action_preference(actions=1e999)", "numbers with colons between"),
        ("bot:uniform_random(seeds=1)", "unknown parameter of uniform_random 'seeds'"),
        ("mcts(uct_c=1e999)", "at least 0 and finite; got inf"),
        ("ismcts(uct_c=nan)", "at least 0 and finite; got nan"),
        ("mcts(simulations=0)", "must be from 1 to"),
        ("ismcts(final=best)", "final must be one of"),
        ("uniform(of=3)", "unknown parameter of uniform 'of'"),
        ("scripted:nobody", "unknown script 'nobody'"),
        ("policy:/no/such/file.json", "no such|No such|cannot read"),
    ],
)
def test_what_no_game_could_load_is_refused_before_there_is_a_game(specification, message):
    with pytest.raises((SpecificationError, UnknownName), match=message):
        check_specification(specification)


@pytest.mark.parametrize(
    "specification",
    [
        "random",
        "uniform",
        "mcts(uct_c=0.5)",
        "ismcts(final=visits)",
        "bot:fixed_action_preference(actions=3:2)",
        "scripted:closest",
        "exec:./bot",
        "https://bots.example/one",
        "human",
    ],
)
def test_what_some_game_could_load_passes_and_no_program_is_run(specification):
    check_specification(specification)


def test_what_plays_starcraft_alone_passes_where_its_packages_are():
    pytest.importorskip("pysc2")
    for specification in ("bot:very_hard(race=zerg)", "scripted:attack(race=protoss)", "random(race=zerg)"):
        check_specification(specification)
    with pytest.raises(UnknownName, match="unknown race 'elf'"):
        check_specification("scripted:attack(race=elf)")
    with pytest.raises(UnknownName, match="unknown script 'bunny'"):
        check_specification("scripted:bunny(race=zerg)")


@pytest.mark.parametrize("specification", ["python:module:Class", "exec:./bot --fast"])
def test_programs_need_approval_and_can_be_refused(kuhn, specification):
    assert needs_approval(specification)
    with pytest.raises(SpecificationError, match="approve"):
        load_agent(specification, game=kuhn, allow_programs=False)


@pytest.mark.parametrize(
    "specification", ["random", "mcts(simulations=3)", "policy:a.json", "http://localhost:1/a", "human"]
)
def test_agents_that_run_no_foreign_code_here_need_no_approval(specification):
    assert not needs_approval(specification)


def test_the_content_of_an_agent_is_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("a.json", "n.safetensors", "my_bot.py", "package/bots.py", "whole/__init__.py", "run.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('imported')")
    names = {
        "policy:a.json": ["a.json"],
        "checkpoint:n.safetensors": ["n.safetensors"],
        "python:my_bot:Class": ["my_bot.py"],
        "python:my_bot.py:Class": ["my_bot.py"],
        "python:package.bots:Class": ["package/bots.py"],
        "python:whole:Class": ["whole/__init__.py"],
        f"exec:{sys.executable} my_bot.py --level 3": ["my_bot.py"],
        "exec:./run.sh a.json": ["run.sh", "a.json"],
        "random": [],
        "mcts(simulations=3)": [],
        "http://localhost/agent": [],
    }
    for specification, expected in names.items():
        assert [str(path) for path in content_of(specification)] == expected, specification


@pytest.mark.parametrize(
    "specification", ["policy:b.json", "checkpoint:b", "python:no_such_module:Class", "python:b.py:Class"]
)
def test_content_that_is_missing_is_refused(specification):
    with pytest.raises(SpecificationError, match="there is no"):
        content_of(specification)


def test_a_package_adds_agents_by_entry_point(tmp_path, monkeypatch, kuhn):
    package = tmp_path / "lucky-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: lucky\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[arena.agents]\nlucky = lucky_agents:load\n")
    (tmp_path / "lucky_agents.py").write_text(
        "from arena.agents import RandomAgent\n"
        "def load(rest, *, game, name):\n"
        "    return RandomAgent(name=f'{name}|{rest}|{game.info.num_players}')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_agent("lucky:seven", game=kuhn).info.name == "lucky:seven|seven|2"
    assert load_agent("lucky(number=7)", game=kuhn).info.name == "lucky(number=7)|(number=7)|2"
    assert not needs_approval("lucky:seven")
    assert [(kind.name, kind.description) for kind in kinds() if kind.name == "lucky"] == [("lucky", "from lucky")]
    with pytest.raises(UnknownName, match="did you mean 'lucky'"):
        load_agent("lucki", game=kuhn)


def test_every_public_name_is_there():
    for name in arena.agents.__all__:
        assert getattr(arena.agents, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = arena.agents.nothing


def test_importing_the_agents_loads_nothing_heavy():
    code = (
        "import sys, arena.agents; light = 'numpy' not in sys.modules; import arena.agents.registry; arena.agents.kinds();"
        "sys.exit(not light or any(name in sys.modules for name in ('torch', 'pyspiel', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
