"""Tournament files: what is read, and the sentence about what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.config import ConfigError, make_config, named_agents, read_config


def _read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "cup.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


GOOD = """
name = "cup"
game = "openspiel:kuhn_poker"
matches = 40
move_clock_s = 2
[agents]
random = "random"
strong = "mcts(simulations=3)"
"""


def test_a_file_gives_a_tournament(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path, GOOD))
    assert config.agents == {"random": "random", "strong": "mcts(simulations=3)"}
    assert (config.matches, config.move_clock_s, config.pairing, config.seed) == (40, 2.0, "round_robin", None)


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cup.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_agents_may_be_listed_by_specification(tmp_path: Path) -> None:
    config = read_config(
        _write(tmp_path, 'name="c"\ngame="g"\nagents=["random", "mcts(simulations=3)", "b=uniform"]\n')
    )
    assert config.agents == {"random": "random", "mcts_simulations_3": "mcts(simulations=3)", "b": "uniform"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("matches = 40", "matchs = 40", r"cup.toml, line 4: unknown key 'matchs'; did you mean 'matches'\?"),
        ("matches = 40", "zzzz = 40", "unknown key 'zzzz'; known keys: name, game"),
        ("matches = 40", "matches = -3", "line 4: matches: .*greater than or equal to 1; got -3"),
        ("matches = 40", 'matches = "40"', "line 4: matches: .*integer; got '40'"),
        ("matches = 40", "matches = = 4", "broken TOML: .*line 4, .*key 'matches'"),
        ('name = "cup"', 'name = "cup', "broken TOML: .*line 2, .*key 'name'"),
        ('game = "openspiel:kuhn_poker"', "", "the key 'game' is missing"),
        (
            "matches = 40",
            'pairing = "swis"',
            "line 4: pairing: .*'round_robin', 'gauntlet', 'decide', 'swiss', .*; got 'swis'",
        ),
        ("matches = 40", 'challenger = "bob"', "line 4: challenger 'bob' is none of the agents"),
        ("[agents]", "agents = {a = {b = 1}}\n[x]", "line 6: agents.a: .*string"),
        ("matches = 40", 'challenger = "random"', "challenger is for pairing = 'gauntlet'"),
        ("matches = 40", "rounds = 4", "line 4: rounds is for pairing = 'swiss'; got 'round_robin'"),
        ("matches = 40", "further_pairs = 1", "further_pairs is for pairing = 'knockout'"),
        ("matches = 40", 'pairing = "swiss"\nrounds = 0', "line 5: rounds: .*greater than or equal to 1; got 0"),
        ("matches = 40", 'pairing = "adaptive"\nmatches = 9', "aim is needed for pairing = 'adaptive': one of 'top 5'"),
        ("matches = 40", 'pairing = "adaptive"\naim = "order"', "matches is needed for pairing = 'adaptive'"),
        (
            "matches = 40",
            'pairing = "adaptive"\nmatches = 9\naim = "best"',
            "line 6: aim: unknown aim 'best'; an aim is one of",
        ),
        (
            "matches = 40",
            'pairing = "adaptive"\nmatches = 9\naim = "top 9"',
            "aim 'top 9' decides nothing among 2 agents",
        ),
        (
            "matches = 40",
            'pairing = "adaptive"\nmatches = 9\naim = "compare random me"',
            "names 'me', which is none of random",
        ),
        ('random = "random"', "random = 3", "line 7: agents.random: .*string; got 3"),
        ('random = "random"', '"a b" = "random"', "an agent's name is"),
        (
            'strong = "mcts(simulations=3)"',
            'strong = "uniform"\nx="x"\n[agent]',
            "unknown key 'agent'; did you mean 'agents'",
        ),
        ("matches = 40", "seed = -1", "seed: .*greater than or equal to 0"),
        ("matches = 40", "error_rate = 0.5", "error_rate: .*less than 0.5"),
    ],
)
def test_a_broken_file_is_told_by_line_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _read(tmp_path, GOOD.replace(old, new))


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "cup.toml").write_text(GOOD, encoding="utf-8-sig")
    assert read_config(tmp_path / "cup.toml").name == "cup"


@pytest.mark.parametrize("name", ["a b", "é", "<script>", ""])
def test_what_is_meant_as_a_name_is_told_to_be_none(name: str) -> None:
    with pytest.raises(ConfigError, match="an agent's name is 1-60 letters"):
        named_agents([f"{name}=mcts(simulations=3)"])


def test_twice_the_same_name_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cup.toml, line 3: agents: two agents are called 'random'"):
        read_config(_write(tmp_path, 'name="c"\ngame="g"\nagents=["random", "random"]\n'))


def test_decide_is_between_two(tmp_path: Path) -> None:
    text = GOOD.replace("matches = 40", 'pairing = "decide"') + 'third = "random"\n'
    with pytest.raises(ConfigError, match="between two agents; got 3"):
        _read(tmp_path, text)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.toml: No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_config(tmp_path / "x.toml")


@pytest.mark.parametrize("name", ["a\0b", "a\u202eb"])
def test_a_tournament_is_called_by_printable_characters(name: str) -> None:
    with pytest.raises(ConfigError, match="called by printable characters"):
        make_config({"name": name, "game": "arena:kuhn_poker", "agents": ["random", "uniform"]})


def test_one_name_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="two agents are called 'a'"):
        named_agents(["a=random", "a=uniform"])
