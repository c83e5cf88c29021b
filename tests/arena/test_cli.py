"""The command line as people use it: what it prints, what it refuses, in one sentence and with which exit code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from command_line import Arena, Said

from arena.config import make_config
from arena.ledger import Ledger
from arena.tournament import run_tournament
from tests.confined_here import serve_here

CUP = (
    "tournament",
    "run",
    "--name",
    "cup",
    "--game",
    "openspiel:kuhn_poker",
    "-a",
    "random",
    "-a",
    "uniform",
    "-n",
    "20",
)


@pytest.fixture(scope="module")
def cup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The database of the cup."""
    place = tmp_path_factory.mktemp("cup") / "arena.db"
    with Ledger.open(place) as ledger:
        values = {"name": "cup", "game": "openspiel:kuhn_poker", "agents": ["random", "uniform"], "matches": 20}
        run_tournament(make_config(values), ledger)
    return place.read_bytes()


TWO_GAMES = ("--game", "matrix:rps", "--game", "arena:kuhn_poker", "-a", "random", "-a", "uniform", "-n", "4")


def test_several_games_are_several_tournaments_of_one_command(arena: Arena) -> None:
    said = arena("tournament", "run", "--name", "both", *TWO_GAMES)
    assert said.code == 0
    assert [line for line in said.out.splitlines() if line.startswith("tournament ")] == [
        "tournament both-matrix-rps: 4 matches of matrix:rps recorded",
        "tournament both-arena-kuhn-poker: 4 matches of arena:kuhn_poker recorded",
    ]
    told = json.loads(arena("tournament", "run", *TWO_GAMES, "--json").out)["tournaments"]
    assert [one["game"] for one in told] == ["matrix:rps", "arena:kuhn_poker"]
    assert all(one["leaderboard"]["rows"] for one in told)
    names = [one["name"] for one in json.loads(arena("tournament", "list", "--json").out)]
    assert names == ["both matrix:rps", "both arena:kuhn_poker", "games matrix:rps", "games arena:kuhn_poker"]


def test_flags_overrule_the_games_of_a_file(arena: Arena) -> None:
    Path("two.toml").write_text(
        'name = "two"\ngame = ["matrix:rps", "arena:kuhn_poker"]\nagents = ["random", "uniform"]\n'
    )
    told = json.loads(
        arena("tournament", "run", "two.toml", "--game", "matrix:matching_pennies", "-n", "2", "--json").out
    )
    assert told["tournament"] == "two"
    told = json.loads(arena("tournament", "run", "two.toml", "-n", "2", "--json").out)["tournaments"]
    assert [one["tournament"] for one in told] == ["two-matrix-rps", "two-arena-kuhn-poker"]


def test_several_finished_tournaments_are_resumed_as_they_are(arena: Arena) -> None:
    arena("tournament", "run", "--name", "both", *TWO_GAMES)
    said = arena("tournament", "resume", "both-matrix-rps", "both-arena-kuhn-poker")
    assert said.code == 0 and said.out.count(" recorded\n") == 2
    assert arena("tournament", "resume", "both-matrix-rps", "none").code == 2


def test_matches_of_teams_are_listed_by_side(arena: Arena) -> None:
    scripted = ("-a", "closest=scripted:closest", "-a", "weakest=scripted:weakest")
    arena("tournament", "run", "--name", "cup", "--game", "smax:3m(max_steps=3)", *scripted, "-n", "2")
    listed = json.loads(arena("match", "list", "cup", "--json").out)
    assert sorted(listed[0]["agents"]) == ["closest@1", "weakest@1"]
    assert listed[0]["agents"] == listed[1]["agents"][::-1] and listed[0]["returns"] == [0, 0]
    assert "sides" in arena("match", "list", "cup").out


def test_a_tournament_prints_its_leaderboard_and_records_it(arena: Arena) -> None:
    said = arena(*CUP)
    assert said.code == 0
    assert "tournament cup: 20 matches of openspiel:kuhn_poker recorded" in said.out
    assert "random@1" in said.out
    assert "Minimax winner" in said.out
    again = arena("leaderboard", "openspiel:kuhn_poker")
    assert again.code == 0
    assert again.out.splitlines()[:8] == said.out.splitlines()[1:9]


def test_json_of_a_leaderboard_has_the_numbers_of_its_table(arena: Arena) -> None:
    arena(*CUP)
    board = json.loads(arena("leaderboard", "--json").out)
    assert board["game"] == "openspiel:kuhn_poker"
    assert board["matches"] == 20
    rows = board["leaderboard"]["rows"]
    assert {row["agent"] for row in rows} == {"random@1", "uniform@1"}
    assert all(row["low"] <= row["rating"] <= row["high"] for row in rows)
    assert all(row["wins"] + row["draws"] + row["losses"] == 20 for row in rows)
    assert board["exploitability"]["uniform@1"]["value"] == pytest.approx(0.458333, abs=1e-6)


def test_a_joint_leaderboard_says_that_its_ranks_hold_at_once(arena: Arena) -> None:
    players = ("-a", "random", "-a", "uniform", "-a", "third=random")
    ran = arena("tournament", "run", "--game", "openspiel:kuhn_poker", *players, "-n", "40", "--name", "more")
    assert ran.code == 0, ran.err
    single = json.loads(arena("leaderboard", "--json").out)["leaderboard"]
    joint = json.loads(arena("leaderboard", "--joint", "--json").out)["leaderboard"]
    assert (single["joint"], joint["joint"], joint["comparisons"]) == (False, True, 3)
    assert "the 3 comparisons of two agents are all true at once" in " ".join(joint["notes"])
    assert "arena leaderboard --joint" in " ".join(single["notes"])
    refused = arena("leaderboard", "--joint", "--seat", "1")
    assert refused.code == 2


def test_the_status_of_a_duel_shows_its_test(arena: Arena) -> None:
    players = ("-a", "random", "-a", "other=random", "-n", "8", "--pairing", "decide", "--name", "duel")
    arena("tournament", "run", "--game", "openspiel:tic_tac_toe", *players)
    said = arena("tournament", "status", "duel").out
    assert "verdict      random@1 and other@1 are not told apart by 4 pairs of matches" in said
    assert "decides at 40" in said
    assert "pairs read   4 of at most 4 pairs of twins" in said
    state = json.loads(arena("tournament", "status", "duel", "--json").out)["state"]
    assert (state["kind"], state["decided"], state["pairs"]) == ("decide", False, 4)


def test_every_read_prints_json(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_here(monkeypatch)
    arena(*CUP)
    reads = [
        ("game", "list", "arena"),
        ("game", "show", "openspiel:kuhn_poker"),
        ("agent", "list"),
        ("agent", "kinds"),
        ("agent", "show", "random"),
        ("tournament", "list"),
        ("tournament", "status", "cup"),
        ("match", "list", "cup"),
        ("match", "show", "cup/3"),
        ("match", "replay", "cup/3"),
        ("match", "verify", "cup"),
        ("db", "check"),
        ("doctor",),
        ("solve", "list"),
        ("solve", "minimax_winner", "preference:rps"),
        ("exploit", "openspiel:kuhn_poker", "uniform"),
        ("play", "openspiel:kuhn_poker", "random", "random"),
    ]
    for read in reads:
        said = arena(*read, "--json")
        assert said.code == 0, (read, said)
        json.loads(said.out)
        plain = arena(*read)
        assert plain.code == 0, (read, plain)
        assert plain.out.strip()


def test_a_match_is_shown_replayed_and_verified(arena: Arena) -> None:
    arena(*CUP)
    shown = json.loads(arena("match", "show", "cup/7", "--json").out)
    positions = json.loads(arena("match", "replay", "cup/7", "--json").out)
    assert [action for p in positions[-1:] for action in p["actions"]] == shown["actions"]
    assert positions[-1]["done"]
    said = arena("match", "verify", "cup")
    assert said == Said(0, "20 of 20 matches replay to what is recorded\n", "")


def test_one_players_view_of_a_replay_holds_no_other_card(arena: Arena) -> None:
    arena(*CUP)
    whole = json.loads(arena("match", "replay", "cup/7", "--json").out)
    seen = json.loads(arena("match", "replay", "cup/7", "--view", "0", "--json").out)
    assert [set(position) for position in seen] == [{"move", "player", "view"}] * len(whole)
    assert [position["view"] for position in seen] == [position["views"][0] for position in whole]


def test_a_tampered_match_does_not_verify(arena: Arena) -> None:
    arena(*CUP)
    with sqlite3.connect("arena.db") as database:
        database.execute("update matches set returns = replace(returns, '1.0', '7.0')")
    said = arena("match", "verify", "cup")
    assert said.code == 1
    assert "recorded returns" in said.out


def test_a_file_of_results_is_rated_without_a_ledger(arena: Arena, tmp_path: Path) -> None:
    Path("votes.csv").write_text("model_a,model_b,winner\n" + "x,y,model_a\n" * 30 + "x,y,model_b\n" * 10)
    said = arena("leaderboard", "--from", "votes.csv")
    assert said.code == 0
    assert "x" in said.out
    assert not (tmp_path / "arena.db").exists()
    board = json.loads(arena("leaderboard", "--from", "votes.csv", "--json").out)["leaderboard"]
    top = next(row for row in board["rows"] if row["agent"] == "x")
    assert top["rating"] - 0 == pytest.approx(200 * 0.4771 * 1.0, abs=2)  # half of 400 log10(30/10)


def test_imported_results_stand_once(arena: Arena) -> None:
    Path("games.csv").write_text("white,black,result\na,b,1-0\nb,a,1/2-1/2\n")
    for _ in range(2):
        assert arena("match", "import", "games.csv", "--game", "chess").code == 0
    board = json.loads(arena("leaderboard", "chess", "--json").out)
    assert board["matches"] == 2


def test_a_template_runs(arena: Arena) -> None:
    assert arena("tournament", "new", "cup.toml", "--game", "openspiel:tic_tac_toe").code == 0
    said = arena("tournament", "run", "cup.toml", "--matches", "4")
    assert said.code == 0
    assert "tournament cup: 4 matches" in said.out
    assert arena("tournament", "new", "cup.toml").code == 2


def test_flags_overrule_the_file(arena: Arena) -> None:
    Path("t.toml").write_text(
        'name = "t"\ngame = "openspiel:kuhn_poker"\nmatches = 50\nagents = ["random", "uniform"]\n'
    )
    said = arena("tournament", "run", "t.toml", "-n", "6", "--json")
    assert json.loads(said.out)["matches"] == 6


def test_an_export_has_a_line_a_match(arena: Arena) -> None:
    arena(*CUP)
    lines = [json.loads(line) for line in arena("tournament", "export", "cup").out.splitlines()]
    assert len(lines) == 20
    assert lines[0]["agents"] in (["random@1", "uniform@1"], ["uniform@1", "random@1"])
    assert arena("tournament", "export", "cup", "-o", "cup.jsonl").out == ""
    assert len(Path("cup.jsonl").read_text().splitlines()) == 20


def test_agents_are_versions(arena: Arena) -> None:
    assert "bob@1" in arena("agent", "add", "bob", "mcts(simulations=5)").out
    assert "bob@1" in arena("agent", "add", "bob", "mcts(simulations=5)").out
    assert "bob@2" in arena("agent", "add", "bob", "mcts(simulations=6)").out
    assert "at least 0 and finite" in arena("agent", "add", "bob", "mcts(uct_c=1e999)").err
    assert json.loads(arena("agent", "show", "bob", "--json").out)["version"] == 2
    assert arena("agent", "remove", "bob").code == 0
    assert "bob@2" not in arena("agent", "list", "--json").out


def test_a_policy_file_is_copied_and_its_original_not_needed(arena: Arena) -> None:
    assert arena("solve", "cfr_plus", "openspiel:kuhn_poker", "--iterations", "50", "-o", "kuhn.json").code == 0
    arena("agent", "add", "solved", "policy:kuhn.json")
    Path("kuhn.json").unlink()
    said = arena("tournament", "run", "--game", "openspiel:kuhn_poker", "-a", "solved", "-a", "random", "-n", "10")
    assert said.code == 0, said.err


def test_a_minimax_winner_is_written_and_plays(arena: Arena) -> None:
    assert arena("solve", "minimax_winner", "preference:rps", "-o", "winner.json").code == 0
    exact = json.loads(arena("exploit", "preference:rps", "policy:winner.json", "--json").out)
    assert exact["exploitability"] == pytest.approx(0, abs=1e-12)
    said = arena("play", "preference:rps", "policy:winner.json", "random", "-n", "300", "--json")
    played = {match["actions"][0] for match in json.loads(said.out)}
    assert played == {0, 1, 2}


def test_an_agent_is_checked(arena: Arena) -> None:
    good = arena("agent", "check", "random")
    assert good.code == 0
    Path("bad.py").write_text("class Bad:\n    def act(self, observation):\n        return -1\n")
    bad = arena("agent", "check", "python:bad.py:Bad")
    assert bad.code == 1
    assert "BAD" in bad.out


def test_a_program_of_another_machines_ledger_needs_approval(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("mine.py").write_text(
        "class Mine:\n    def act(self, observation):\n        return observation.legal_actions[0]\n"
    )
    assert arena("agent", "add", "mine", "python:mine.py:Mine").code == 0
    run = ("tournament", "run", "--game", "openspiel:kuhn_poker", "-a", "mine", "-a", "random", "-n", "2")
    assert arena(*run).code == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another-machine"))
    said = arena(*run)
    assert said.code == 2
    assert "arena agent approve mine" in said.err
    assert arena("agent", "approve", "mine").code == 0
    assert arena(*run).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("play", "openspiel:connect_for", "random", "random"), "connect_four"),
        (("play", "opnspiel:connect_four", "random", "random"), "openspiel"),
        (("play", "arena:connect_for", "random", "random"), "connect_four"),
        (("play", "pettingzoo:conect_four_v3", "random", "random"), "connect_four_v3"),
        (("play", "openspiel:leduc_poker(playrs=2)", "random", "random"), "players"),
        (("play", "openspiel:kuhn_poker", "randm", "random"), "random"),
        (("play", "openspiel:kuhn_poker", "random"), "one a seat"),
        (("play", "openspiel:tic_tac_toe", "mcts(simulation=3)", "random"), "simulations"),
        (("play", "openspiel:tic_tac_toe", "mcts(simulations=many)", "random"), "simulations"),
        (("play", "openspiel:kuhn_poker", "policy:none.json", "random"), "none.json"),
        (("play", "matrix:none.csv", "random", "random"), "none.csv"),
        (("play", "preference:none.csv", "random", "random"), "none.csv"),
        (("tournament", "run", "none.toml"), "none.toml"),
        (("tournament", "run"), "arena tournament new"),
        (("tournament", "resume", "cupp"), "cup"),
        (("tournament", "status", "zzz"), "zzz"),
        (("leaderboard", "openspiel:kuhn_pokr"), "kuhn_poker"),
        (("leaderboard", "--method", "eloo"), "elo"),
        (("leaderboard", "--from", "none.csv"), "none.csv"),
        (("leaderboard", "--tournament", "cupp"), "cup"),
        (("match", "show", "cup"), "TOURNAMENT/NUMBER"),
        (("match", "show", "cup/999"), "999"),
        (("match", "replay", "cup/1", "--view", "7"), "no player 7"),
        (("match", "import", "none.pgn", "--game", "chess"), "none.pgn"),
        (("agent", "show", "randm"), "random"),
        (("agent", "add", "a b", "random"), "name"),
        (("agent", "add", "x", "rndom"), "random"),
        (("agent", "add", "x", "policy:none.json"), "none.json"),
        (("solve", "cfr_pls", "openspiel:kuhn_poker"), "cfr_plus"),
        (("solve", "cfr_plus"), "arena solve cfr_plus GAME"),
        (("exploit", "openspiel:kuhn_poker", "random", "--method", "exact"), "no probabilities"),
        (("exploit", "openspiel:kuhn_poker", "random", "--method", "minimax"), "known: auto, enumerate, exact, mcts, ppo"),
        (("game", "show", "openspiel:mfg_crowd_modelling"), "mean"),
        (("game", "list", "opnspiel"), "openspiel"),
        (("db", "check", "--db", "none.db"), "none.db"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_with_exit_code_2(
    arena: Arena, cup: bytes, arguments: tuple[str, ...], said: str
) -> None:
    Path("arena.db").write_bytes(cup)
    refused = arena(*arguments)
    assert refused.code == 2, refused
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert len(refused.err.strip().splitlines()) == 1, refused.err
    assert refused.out == ""


def test_an_unknown_option_is_wrong_usage(arena: Arena) -> None:
    assert arena("play", "--matchs", "3", "x", "y").code == 2
    assert arena("plai").code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("evil.json", b"\x80\x04\x95\x1a\x00cbuiltins\nexec\n"), ("evil.npz", b"\x80\x04\x95\x1acbuiltins\nexec\n")],
)
def test_a_pickled_policy_is_refused(arena: Arena, name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    refused = arena("play", "openspiel:kuhn_poker", f"policy:{name}", "random")
    assert refused.code == 2
    assert name in refused.err
    assert len(refused.err.strip().splitlines()) == 1


def test_a_damaged_ledger_is_refused_and_untouched(arena: Arena) -> None:
    damaged = b"SQLite format 3\x00" + b"\x00\x01garbage" * 500
    Path("arena.db").write_bytes(damaged)
    for command in (("leaderboard",), CUP, ("tournament", "list"), ("agent", "list")):
        refused = arena(*command)
        assert refused.code == 2, refused
        assert "arena.db" in refused.err
        assert len(refused.err.strip().splitlines()) == 1, refused.err
    assert Path("arena.db").read_bytes() == damaged


def test_a_ledger_of_a_newer_version_is_refused_and_untouched(arena: Arena) -> None:
    arena(*CUP)
    with sqlite3.connect("arena.db") as database:
        database.execute("update arena_revision set version_num = '9999'")
    before = Path("arena.db").read_bytes()
    refused = arena(*CUP)
    assert refused.code == 2
    assert "9999" in refused.err
    assert Path("arena.db").read_bytes() == before


def test_a_ledger_is_backed_up_and_checked(arena: Arena) -> None:
    arena(*CUP)
    assert arena("db", "backup", "copy.db").code == 0
    assert arena("db", "check", "--db", "copy.db").code == 0
    assert arena("db", "upgrade").code == 0
    assert json.loads(arena("leaderboard", "--db", "copy.db", "--json").out)["matches"] == 20
    with sqlite3.connect("copy.db") as copy:
        copy.execute("update tournaments set matches = 1")
    assert arena("db", "check", "--db", "copy.db").out.endswith("\n1 problem\n")
