"""`arena solve` as people use it: from a game to a policy, a picture and the ladder; what it refuses, and before which work."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from command_line import Arena

from arena.agents import mlp, save_network
from arena.cli import solve_progress
from arena.cli.solve_progress import GapLines, HistoryLines, Last, Way, compiling, solving
from arena.cli.solve_shown import GROUPS, group_of
from arena.games import SpecificationError, UnknownName, load_game
from arena.leaderboards.wording import exploitable_by
from arena.solve_settings import read_settings, runs_on, settings_of
from arena.solvers import Solution, cfr_plus, load_policy, methods, nash_conv

KUHN = "openspiel:kuhn_poker"


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_from_a_solver_to_the_ladder(arena: Arena) -> None:
    said = arena("solve", "cfr_plus", "openspiel:leduc_poker", "-o", "leduc.policy", "--until", "1e-3")
    assert said.code == 0, said.err
    assert files() == {"leduc.policy", "leduc.svg"}
    exact = nash_conv(load_game("openspiel:leduc_poker"), load_policy("leduc.policy"))
    assert exact <= 1e-3
    title = ElementTree.parse("leduc.svg").getroot().findtext("{http://www.w3.org/2000/svg}title")
    assert title == "cfr_plus brings NashConv to 0.001 in 689 iterations on Leduc Poker"
    assert "leduc-cfr@1" in arena("agent", "add", "leduc-cfr", "policy:leduc.policy").out
    Path("leduc.policy").unlink()  # the ledger has its own copy
    run = ("tournament", "run", "--game", "openspiel:leduc_poker", "-a", "leduc-cfr", "-a", "random", "-n", "20")
    assert arena(*run).code == 0
    board = arena("leaderboard", "openspiel:leduc_poker")
    assert "exploitability" in board.out
    assert "0.00048" in board.out
    shown = json.loads(arena("leaderboard", "--json").out)["exploitability"]
    assert {agent: (one["kind"], one["value"]) for agent, one in shown.items()} == {
        "leduc-cfr@1": ("exact", pytest.approx(exact / 2, abs=1e-15))
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0.0000"), (2.373611, "2.3736"), (0.001, "0.0010"), (0.00047963, "0.00048"), (4e-17, "4e-17")],
)
def test_a_small_exploitability_keeps_its_digits_on_the_leaderboard(value: float, shown: str) -> None:
    assert exploitable_by(value) == shown


def test_a_network_has_its_exact_exploitability_on_the_ladder_too(arena: Arena) -> None:
    game = load_game(KUHN)
    save_network(mlp([game.info.tensor_width or 0, 8, 2], seed=1), "net.safetensors", game=game)
    exact = json.loads(arena("exploit", KUHN, "checkpoint:net.safetensors", "--json").out)
    assert 0.1 < exact["exploitability"] < 2
    assert arena("agent", "add", "net", "checkpoint:net.safetensors").code == 0
    assert arena("tournament", "run", "--game", KUHN, "-a", "net", "-a", "random", "-n", "10").code == 0
    shown = json.loads(arena("leaderboard", "--json").out)["exploitability"]
    assert {agent: (one["kind"], one["value"]) for agent, one in shown.items()} == {
        "net@1": ("exact", pytest.approx(exact["exploitability"], abs=1e-12))
    }


def test_a_gap_that_was_not_reached_is_said_to_be_so(arena: Arena) -> None:
    limits = ("--iterations", "3")
    said = arena("solve", "cfr", KUHN, "--until", "1e-3", *limits)
    assert "not reached a gap of 0.001; cfr ended after 3 iterations, more --iterations may come closer" in said.out
    assert "not reached" not in arena("solve", "cfr", KUHN, *limits).out
    assert "not reached" not in arena("solve", "cfr", KUHN, "--until", "5").out
    exact = arena("solve", "sequence_form_lp", "matrix:rps", "--until", "1e-300")
    assert "it comes no closer" in exact.out


def test_a_registered_agent_is_measured_by_its_name(arena: Arena) -> None:
    arena("solve", "cfr_plus", KUHN, "-o", "kuhn.policy", "--iterations", "50")
    by_file = arena("exploit", KUHN, "policy:kuhn.policy")
    assert arena("agent", "add", "solved", "policy:kuhn.policy").code == 0
    Path("kuhn.policy").unlink()  # the ledger keeps what it needs
    assert arena("exploit", KUHN, "solved@1").out == arena("exploit", KUHN, "solved").out == by_file.out
    said = arena("exploit", KUHN, "slved")
    assert said.code == 2
    assert "did you mean 'solved'" in said.err


def test_without_a_ledger_an_unknown_agent_is_the_mistake(arena: Arena) -> None:
    said = arena("exploit", KUHN, "unifrom")
    assert said.code == 2
    assert "did you mean 'uniform'" in said.err
    assert not files()
    assert "elsewhere.db" in arena("exploit", KUHN, "solved", "--db", "elsewhere.db").err


def test_a_policy_of_another_game_is_refused_under_the_name_of_its_agent(arena: Arena) -> None:
    arena("solve", "cfr", KUHN, "-o", "kuhn.policy", "--iterations", "5")
    arena("agent", "add", "solved", "policy:kuhn.policy")
    said = arena("tournament", "run", "-g", "openspiel:leduc_poker", "-a", "solved", "-a", "random", "-n", "2")
    assert said.code == 2
    assert "solved@1: 'kuhn.policy' is a policy for openspiel:kuhn_poker" in said.err
    assert "artifacts" not in said.err


def test_json_is_all_that_is_printed(arena: Arena) -> None:
    said = arena("solve", "cfr", KUHN, "--until", "0.01", "--json", "-o", "k.json")
    assert said.err == ""
    found = json.loads(said.out)
    assert found["gap"] <= 0.01
    assert (found["output"], found["plot"]) == ("k.json", "k.svg")


def test_what_was_done_to_votes_is_said_beside_the_answer(arena: Arena) -> None:
    Path("v.csv").write_text("model_a,model_b,winner,context\na,b,a,p\nb,c,b,q\n", encoding="utf-8")
    notes = [
        "2 contexts are pooled in one game; context=NAME takes one alone",
        "1 of 3 pairs was never compared and is taken as even",
    ]
    said = arena("solve", "minimax_winner", "preference:v.csv(unmet=0.5)")
    for note in notes:
        assert note in said.out
    assert json.loads(arena("solve", "minimax_winner", "preference:v.csv(unmet=0.5)", "--json").out)["notes"] == notes
    assert json.loads(arena("solve", "minimax_winner", "preference:rps", "--json").out)["notes"] is None


def test_a_pipe_gets_a_line_for_each_power_of_ten(arena: Arena) -> None:
    said = arena("solve", "cfr_plus", KUHN, "--until", "1e-3")
    lines = said.err.splitlines()
    assert lines[0].startswith("cfr_plus: iteration 1, ")
    assert len(lines) == 4  # 0.9, below 0.1, below 0.01, below 0.001
    assert all("gap" in line and line.endswith(" s") for line in lines)


def test_methods_are_listed_with_what_they_need_and_promise(arena: Arena) -> None:
    shown = json.loads(arena("solve", "--list", "--json").out)
    assert set(shown) == set(methods())
    assert all(entry["promise"] and entry["preconditions"] for entry in shown.values())
    text = arena("solve", "--list").out
    assert text == arena("solve", "list").out
    assert "promises" in text
    assert all(method.promise in text for method in methods().values())
    lines = text.splitlines()
    assert all(lines.count(name) == 1 for name in methods())  # once, though some are for games of several kinds
    assert max(map(len, lines)) < 200  # a pipe gets lines, not a table as wide as all columns


def test_methods_stand_under_the_games_that_they_are_for() -> None:
    groups = {name: group_of(method) for name, method in methods().items()}
    assert groups["cfr_plus"] == groups["sequence_form_lp"] == groups["fictitious_play"] == "trees"
    assert groups["qre_curriculum"] == "trees"
    assert groups["minimax_winner"] == groups["logit_qre"] == "normal forms"
    assert groups["mamql"] == groups["qarl"] == groups["mex"] == "Markov games"
    assert set(groups.values()) == set(GROUPS)


def test_a_terminal_of_80_columns_shows_the_methods_with_their_names_whole(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    arena("solve", "--list")
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 < max(len(method.promise) for method in methods().values())
    assert all(name in lines for name in methods())


def test_a_method_is_shown_with_its_settings(arena: Arena) -> None:
    text = arena("solve", "dcfr", "--list").out
    assert "--set alpha=..." in text
    assert "--until" in text
    shown = json.loads(arena("solve", "bimatrix_nash", "--list", "--json").out)["settings"]
    assert shown["algorithm"] == {"type": "support_enumeration or lemke_howson", "default": "support_enumeration"}
    assert "no settings" in arena("solve", "matrix_game_lp", "--list").out


def test_the_processor_is_a_device_of_every_method(arena: Arena) -> None:
    assert arena("solve", "correlated_equilibrium", "matrix:chicken", "--device", "cpu").code == 0


def test_settings_reach_the_method(arena: Arena) -> None:
    plain = json.loads(arena("solve", "dcfr", KUHN, "--iterations", "50", "--json").out)
    linear = json.loads(
        arena(
            "solve",
            "dcfr",
            KUHN,
            "--iterations",
            "50",
            "--set",
            "alpha=1",
            "--set",
            "beta=1",
            "--set",
            "gamma=1",
            "--json",
        ).out
    )
    assert plain["gap"] != linear["gap"]
    path = arena(
        "solve", "bimatrix_nash", "matrix:chicken", "--set", "algorithm=lemke_howson", "--set", "label=1", "--json"
    )
    assert json.loads(path.out)["iterations"] < 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("solve",), "arena solve --list"),
        (("solve", "--list", "cfr_pls"), "did you mean 'cfr_plus'"),
        (("solve", "dcfr", KUHN, "--set", "alpah=1"), "did you mean 'alpha'"),
        (("solve", "dcfr", KUHN, "--set", "alpha=x"), "alpha of dcfr must be a number; got 'x'"),
        (("solve", "dcfr", KUHN, "--set", "alpha"), "key=value"),
        (("solve", "dcfr", KUHN, "--set", "alpha=nan"), "must be a number"),
        (("solve", "dcfr", KUHN, "--set", "alpha=1", "--set", "alpha=2"), "alpha twice"),
        (("solve", "dcfr", KUHN, "--until", "0.1", "--set", "until=2"), "until twice"),
        (("solve", "correlated_equilibrium", "matrix:chicken", "--device", "cuda"), "on the CPU only"),
        (("solve", "matrix_game_lp", "matrix:rps", "--until", "1"), "no setting 'until'"),
        (("solve", "cfr", KUHN, "--until", "0"), "must be positive"),
        (("solve", "dcfr", KUHN, "--set", "alpha=inf"), "must be finite"),
        (("solve", "cfr", KUHN, "-o", "nowhere/k.policy"), "No such file"),
        (("solve", "cfr", KUHN, "-o", "k.txt"), "end the name in .policy"),
        (("solve", "cfr", KUHN, "-o", "there.policy"), "--force"),
        (("solve", "cfr", KUHN, "-o", "drawn.policy"), "drawn.svg"),
        (("solve", "cfr", KUHN, "-o", "folder.policy"), "it is a folder"),
        (("solve", "cfr", KUHN, "--checkpoint", "nowhere/c"), "No such file"),
        (("solve", "correlated_equilibrium", "matrix:chicken", "-o", "c.policy"), "leave out --output"),
        (("solve", "cfr", "openspiel:tic_tac_toe"), "--max-nodes"),
        (("solve", "cfr", "openspiel:kuhn_poker(players=4)", "--max-nodes", "20"), "more than 20 histories"),
        (("solve", "matrix_game_lp", "matrix:rps", "--max-nodes", "20"), "leave out --max-nodes"),
        (("solve", "matrix_game_lp", KUHN), "two-player zero-sum game in normal form"),
        (("exploit", KUHN, "policy:cut.policy"), "is no policy file"),
        (("agent", "add", "cut", "policy:cut.policy"), "is no policy file"),
        (("exploit", KUHN, "random", "--method", "exact"), "checkpoint:FILE"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_a_sentence_and_nothing_is_written(
    arena: Arena, arguments: tuple[str, ...], said: str
) -> None:
    Path("there.policy").touch()
    Path("drawn.svg").touch()
    Path("folder.policy").mkdir()
    Path("cut.policy").write_bytes(b"PK\x03\x04cut")
    before = files()
    refused = arena(*arguments)
    assert refused.code == 2, refused
    assert said in refused.err
    assert "Traceback" not in refused.err
    told = [line for line in refused.err.strip().splitlines() if not line.startswith("writing ")]  # on a slow machine
    assert len(told) == 1, refused.err
    assert refused.out == ""
    assert files() == before


@pytest.mark.parametrize("output", ["nowhere/k.policy", "there.policy", "k.pkl"])
def test_an_output_is_refused_before_the_work(arena: Arena, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    Path("there.policy").touch()
    monkeypatch.setattr("arena.cli.solve_run.solve", lambda *_, **__: pytest.fail("it worked"))
    assert arena("solve", "cfr", KUHN, "-o", output).code == 2


def test_force_replaces_what_is_there(arena: Arena) -> None:
    for _ in range(2):
        said = arena("solve", "cfr", KUHN, "--iterations", "5", "-o", "k.policy", "--force")
        assert said.code == 0, said.err
    assert files() == {"k.policy", "k.svg"}


def test_a_method_without_iterations_writes_no_picture(arena: Arena) -> None:
    assert arena("solve", "matrix_game_lp", "matrix:biased_rps", "-o", "b.policy").code == 0
    assert files() == {"b.policy"}


def test_an_answer_whose_gap_is_no_number_is_not_written(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Solution:
        good = cfr_plus(load_game(KUHN), iterations=2)
        return Solution(policy=good.policy, gap=float("nan"), gap_kind="nash_conv", converged=False, guarantee="none", iterations=2, source="x")  # fmt: skip

    monkeypatch.setattr("arena.cli.solve_run.solve", broken)
    said = arena("solve", "cfr_plus", KUHN, "-o", "k.policy")
    assert said.code == 1
    assert "nothing was written" in said.err
    assert files() == set()


class StopAfter:
    """Ctrl-C once the method has reported so often."""

    def __init__(self, reports: int):
        self.left = reports

    def __call__(self, iteration: int, gap: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("named", [(), ("--checkpoint", "mine.npz")], ids=["its own", "named"])
def test_ctrl_c_keeps_what_is_done_and_the_same_command_ends_as_if_nothing_had_been(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]
) -> None:
    command = ("solve", "cfr_plus", "openspiel:leduc_poker", "--until", "0.01")
    assert arena(*command, "-o", "whole.policy").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(solve_progress, "GapLines", lambda *_: StopAfter(30))
        said = arena(*command, "-o", "cut.policy", *named)
    checkpoint = named[1] if named else "cut.checkpoint"
    assert said.code == 130
    assert f"saved in {checkpoint}: the same command goes on" in said.err
    assert "interrupted at iteration" in said.err
    assert files() == {"whole.policy", "whole.svg", checkpoint}
    assert arena(*command, "-o", "cut.policy", *named).code == 0
    assert Path("cut.policy").read_bytes() == Path("whole.policy").read_bytes()
    assert Path("cut.svg").read_bytes() == Path("whole.svg").read_bytes()
    assert ("mine.npz" in files()) == bool(named)
    assert "cut.checkpoint" not in files()


def test_ctrl_c_without_a_file_says_that_nothing_is_saved(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solve_progress, "GapLines", lambda *_: StopAfter(3))
    said = arena("solve", "cfr_plus", KUHN)
    assert said.code == 130
    assert "nothing is saved: with --checkpoint FILE or --output" in said.err
    assert files() == set()


# ---- what is shown while it runs


def test_the_way_is_logarithmic_and_never_goes_back() -> None:
    way = Way(None, 1e-3)
    went = [way.went(n, gap) for n, gap in enumerate((1.0, 0.1, 0.5, 0.01, 0.0005))]
    assert went == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 1])
    assert Way(100, None).went(25, 1.0) == 0.25
    assert Way(100, 0.1).went(50, 1.0) == 0.5  # the nearer of the two ends
    assert Way(100, 0.1).went(1, float("nan")) == 0.01
    assert Way(None, 0.1).went(1, 0.0) == 1.0
    assert not Way(None, None).known


def test_a_pipe_hears_from_a_slow_run_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    lines = GapLines("cfr", now=lambda: clock[0])
    for second in range(25):
        clock[0] = float(second)
        lines(second + 1, 0.5)
    told = HistoryLines("a game", now=lambda: clock[0])
    for second in range(25, 50):
        clock[0] = float(second)
        told(1000 * second)
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "cfr: iteration 1, gap 0.5, 0.0 s",
        "cfr: iteration 11, gap 0.5, 10.0 s",
        "cfr: iteration 21, gap 0.5, 20.0 s",
    ]
    assert said[3] == "writing a game out: 34,000 histories"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_iteration_gap_and_time_and_the_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    last = Last()
    with solving("cfr[x]", last, iterations=None, until=1e-3, quiet=False) as report:
        assert "making ready" in screen.getvalue()  # the first run compiles for seconds
        report(1234, 0.0321)
    with compiling("a game", quiet=False) as histories:
        histories(50_000)
    shown = screen.getvalue()
    assert "iteration 1,234" in shown
    assert "gap 0.0321" in shown
    assert "cfr[x]" in shown
    assert "0:00:00" in shown
    assert (last.iteration, last.gap) == (1234, 0.0321)


def test_nothing_is_shown_where_it_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    last = Last()
    with solving("cfr", last, iterations=5, until=None, quiet=True) as report, compiling("g", quiet=True) as histories:
        report(5, 0.5)
        histories(10)
    assert capsys.readouterr() == ("", "")
    assert last.iteration == 5


# ---- settings from text


def many(
    game: object,
    *,
    count: int = 3,
    rate: float | None = None,
    kind: Literal["a", "b"] = "a",
    switch: bool = False,
    rates: tuple[float, ...] = (),
    weights: list[int] | None = None,
    path: str | Path | None = None,
    array: np.ndarray | None = None,
    progress: object = None,
) -> None: ...


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count=7", 7),
        ("count= -2 ", -2),
        ("rate=0.5", 0.5),
        ("rate=inf", float("inf")),
        ("rate=none", None),
        ("kind=b", "b"),
        ("switch=true", True),
        ("switch=no", False),
        ("rates=1,2.5, 3", (1.0, 2.5, 3.0)),
        ("weights=1,2", (1, 2)),
        ("weights=none", None),
        ("path=a=b.npz", "a=b.npz"),
        ("path=none", None),
    ],
)
def test_settings_have_the_types_that_the_method_says(text: str, value: object) -> None:
    name = text.partition("=")[0]
    found = read_settings("many", [text], settings_of(many))[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("count=1.5", "a whole number"),
        ("rate=nan", "a number or none"),
        ("kind=c", "a or b"),
        ("switch=2", "true or false"),
        ("rates=1,x", "a list"),
        ("array=1", "only Python can give"),
    ],
)
def test_values_of_another_type_are_refused_with_the_type(text: str, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        read_settings("many", [text], settings_of(many))


def test_types_are_said_in_words_and_what_cannot_be_typed_is_left_out() -> None:
    words = {name: setting.shown for name, setting in settings_of(many).items()}
    assert words["rate"] == "a number or none"
    assert words["path"] == "a file or none"
    assert words["rates"] == "a list (a number, separated by commas)"
    assert words["array"] == "a value that only Python can give or none"
    assert settings_of(many)["count"].default == "3"


def test_progress_is_no_setting_and_unknown_ones_get_the_nearest() -> None:
    assert "progress" not in settings_of(many)
    with pytest.raises(UnknownName, match="did you mean 'count'"):
        read_settings("many", ["coutn=1"], settings_of(many))
    assert runs_on(many) == "game"
    assert runs_on(cfr_plus) == "tree"
