"""Exports of a ledger's matches: each file rates to what the ledger rates to, and programs of others read it."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import chess.pgn
import pyarrow.parquet as pq
import pytest

from arena.cli.match_export import write_matches
from arena.config import make_config
from arena.exploit import exploit
from arena.games import NotProvided, SpecificationError
from arena.leaderboards.leaderboard import Leaderboard, leaderboard
from arena.leaderboards.record_file import read_record
from arena.ledger import Ledger
from arena.match_export import chosen_matches, match_columns, match_rows
from arena.match_files import write_csv, write_jsonl
from arena.match_import import import_record
from arena.pgn import pgn_games
from arena.source import LedgerSource
from arena.standings import standings
from arena.tournament import run_tournament

TTT, CHESS, KUHN, RPS = "openspiel:tic_tac_toe", "openspiel:chess", "openspiel:kuhn_poker", "matrix:rps"
AGENTS = {"ann": "random", "bob": "uniform", "cem": "mcts(simulations=5)"}


def play(ledger: Ledger, name: str, game: str, agents: dict[str, str], **more: object) -> None:
    run_tournament(make_config({"name": name, "game": game, "agents": agents, "seed": 1, **more}), ledger)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Two tournaments of tic-tac-toe, the second one with surplus matches after its verdict; chess, poker, a matrix game."""
    with Ledger.open(tmp_path_factory.mktemp("ledger") / "arena.db") as made:
        play(made, "noughts", TTT, AGENTS, matches=12)
        pair = {name: AGENTS[name] for name in ("ann", "cem")}
        play(made, "decided", TTT, pair, pairing="decide", matches=200)
        play(made, "chess", CHESS, {"ann": "random", "bob": "uniform"}, matches=2)
        play(made, "poker", KUHN, {"ann": "random", "bob": "uniform"}, matches=4)
        play(made, "rps", RPS, {"ann": "random", "bob": "uniform"}, matches=4)
        yield made


def exported(ledger: Ledger, path: Path, game: str | None = None, tournament: str | None = None) -> Path:
    write_matches(LedgerSource(ledger), path, path.suffix[1:], game=game, tournament=tournament)
    return path


def rated(board: Leaderboard) -> list[object]:
    """All numbers of the rows, in the table's order; rounding apart, since agents are numbered in another order."""
    return [
        (
            row.agent,
            row.rank,
            pytest.approx([row.rating, row.low, row.high, row.score, row.mean_return], rel=1e-9, abs=1e-9),
            (row.matches, row.wins, row.draws, row.losses, row.forfeits),
            pytest.approx([row.minimax_weight, row.minimax_low, row.minimax_high], rel=1e-9, abs=1e-9),
        )
        for row in board.rows
    ]


def numbers(board: Leaderboard) -> list[object]:
    """The same to be compared with `rated`."""
    return [
        (
            row.agent,
            row.rank,
            [row.rating, row.low, row.high, row.score, row.mean_return],
            (row.matches, row.wins, row.draws, row.losses, row.forfeits),
            [row.minimax_weight, row.minimax_low, row.minimax_high],
        )
        for row in board.rows
    ]


@pytest.mark.parametrize("method", ["elo", "elo_online", "mean_return"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet", "pgn"])
def test_an_export_rates_as_the_ledger_does(ledger: Ledger, tmp_path: Path, suffix: str, method: str) -> None:
    read = read_record(exported(ledger, tmp_path / f"t.{suffix}", TTT), game=TTT)
    assert numbers(leaderboard(read, method=method)) == rated(standings(ledger, TTT, method=method).leaderboard)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_of_an_export_of_the_whole_ledger_one_game_is_rated(ledger: Ledger, tmp_path: Path, suffix: str) -> None:
    path = exported(ledger, tmp_path / f"all.{suffix}")
    for game in (TTT, KUHN):
        assert numbers(leaderboard(read_record(path, game=game))) == rated(standings(ledger, game).leaderboard)
    with pytest.raises(SpecificationError, match="name the game"):
        read_record(path)
    with pytest.raises(SpecificationError, match="no match of openspiel:hex"):
        read_record(path, game="openspiel:hex")


def test_matches_after_a_verdict_are_written_and_not_rated(ledger: Ledger) -> None:
    rows = list(match_rows(ledger, chosen_matches(ledger, tournament="decided")))
    found = standings(ledger, TTT, tournament="decided")
    assert found.surplus > 0
    assert [row["weight"] for row in rows] == [1] * found.matches + [0] * found.surplus


def test_fresh_matches_of_exploiters_are_written_and_not_rated(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "arena.db") as made:
        play(made, "poker", KUHN, {"ann": "random", "bob": "uniform"}, matches=4)
        tried = exploit(KUHN, "random", ledger=made, budget=200, matches=2)
        told = {row["tournament"]: row["weight"] for row in match_rows(made, chosen_matches(made))}
        assert told == {"poker": 1, tried.tournament: 0}
        assert rated(leaderboard(read_record(exported(made, tmp_path / "out.jsonl")))) == numbers(
            standings(made, KUHN).leaderboard
        )


def test_a_repeated_match_counts_once(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "arena.db") as ledger:
        for name in ("one", "again"):
            play(ledger, name, TTT, {"ann": "random", "bob": "uniform"}, matches=4)
        weights = [row["weight"] for row in match_rows(ledger, chosen_matches(ledger))]
    assert weights == [1] * 4 + [0] * 4


def test_forfeits_and_empty_seats_come_back(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(
        "agent_1,agent_2,agent_3,return_1,return_2,return_3,forfeit\na,b,c,3,1,2,\nb,a,,5,1,,b\nc,b,a,1,2,3,\n"
    )
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_record(ledger, read_record(source), game="cards", name="cards", source_text=source.read_bytes())
        for suffix in ("csv", "jsonl", "parquet"):
            back = read_record(exported(ledger, tmp_path / f"cards.{suffix}"))
            assert back.seats.tolist() == [[0, 1, 2], [1, 0, -1], [2, 1, 0]]
            assert back.forfeit.tolist() == [-1, 0, -1]
            assert back.returns.tolist()[1][:2] == [5, 1]


def test_the_columns_of_a_csv_file(ledger: Ledger) -> None:
    stream = io.StringIO()
    write_csv(stream, match_columns(ledger, chosen_matches(ledger, tournament="noughts")), sides=2)
    first = next(csv.DictReader(io.StringIO(stream.getvalue())))
    result = ledger.match(ledger.tournament("noughts"), 0)
    assert json.loads(first["actions"]) == result.actions.tolist()
    assert (int(first["seed"]), int(first["plies"])) == (result.spec.seed, len(result.actions))
    assert (first["termination"], first["pair"], first["forfeit"]) == ("normal", "noughts/0", "")


def test_parquet_holds_lists_as_lists(ledger: Ledger, tmp_path: Path) -> None:
    table = pq.read_table(exported(ledger, tmp_path / "all.parquet"))
    rows = table.to_pylist()
    written = io.StringIO()
    write_jsonl(written, match_columns(ledger, chosen_matches(ledger)))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    same = (
        "tournament",
        "match",
        "agents",
        "returns",
        "seats",
        "seed",
        "chance_seed",
        "actions",
        "weight",
        "termination",
    )
    assert [[row[name] for name in same] for row in rows] == [[line[name] for name in same] for line in lines]


def test_chess_is_read_by_a_chess_program(ledger: Ledger, tmp_path: Path) -> None:
    exported(ledger, tmp_path / "c.pgn", CHESS)
    board = standings(ledger, CHESS).leaderboard
    with (tmp_path / "c.pgn").open() as file:
        games = list(iter(lambda: chess.pgn.read_game(file), None))
    assert len(games) == 2
    for number, game in enumerate(games):
        result = ledger.match(ledger.tournament("chess"), number)
        assert game.errors == []
        over = game.end().board().result()  # "*" where a draw had to be claimed, which takes long to check
        assert game.headers["Result"] == ("1/2-1/2" if over == "*" else over)
        assert int(game.headers["PlyCount"]) == len(list(game.mainline_moves())) == len(result.actions)
        white = ledger.tournament("chess").agents[result.spec.seats[1]].label  # OpenSpiel's player 1 has the white men
        assert game.headers["White"] == white
    assert numbers(leaderboard(read_record(tmp_path / "c.pgn"))) == rated(board)


@pytest.mark.parametrize(("game", "reason"), [(KUHN, "do not see everything"), (RPS, "at the same time")])
def test_pgn_refuses_what_it_cannot_tell(ledger: Ledger, game: str, reason: str) -> None:
    with pytest.raises(NotProvided, match=reason):
        pgn_games(ledger, chosen_matches(ledger, game=game))


def test_moves_in_pgn_are_words_without_brackets(ledger: Ledger) -> None:
    text = next(iter(pgn_games(ledger, chosen_matches(ledger, tournament="noughts"))))
    heads, moves = text.split("\n\n")[:2]
    assert '[Variant "Tic Tac Toe"]' in heads
    assert not set("{}();") & set(moves)
    assert moves.startswith("1. x.")


def test_without_pyarrow_the_message_says_how_to_get_it(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(ledger, tmp_path / "t.parquet", TTT)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotProvided, match=r"pip install 'minimax-arena\[parquet\]'"):
        read_record(path)
    with pytest.raises(NotProvided, match=r"pip install 'minimax-arena\[parquet\]'"):
        exported(ledger, tmp_path / "u.parquet", TTT)
    assert not (tmp_path / "u.parquet").exists()


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(SpecificationError, match="no Parquet"):
        read_record(tmp_path / "t.parquet")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet", "pgn"])
def test_the_same_matches_are_the_same_bytes(ledger: Ledger, tmp_path: Path, suffix: str) -> None:
    one, two = (exported(ledger, tmp_path / f"{name}.{suffix}", TTT).read_bytes() for name in ("one", "two"))
    assert one == two
