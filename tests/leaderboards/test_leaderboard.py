"""The leaderboard: its finding, rows, groups, fall-backs, and what leaves it as JSON and CSV."""

import json

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games import ArenaError, UnknownName
from arena.leaderboards import METHODS, leaderboard, minimax_winner_of, payoff_matrix
from arena.leaderboards.finding import is_decided, mixture_in_words
from arena.leaderboards.stopped import OVERSTATED, Verdict, with_verdict

NBSP = "\N{NO-BREAK SPACE}"
RPS = [[0, 0, 20], [20, 0, 0], [0, 20, 0]]
ROCK = ("rock", "paper", "scissors")


def test_rock_paper_scissors_is_found_to_be_a_cycle():
    board = leaderboard(from_counts(RPS, ROCK))
    assert board.finding == (
        f"paper beats rock (100{NBSP}%), which beats scissors (100{NBSP}%), which beats paper (100{NBSP}%): a cycle, real "
        "with probability over 0.99. Elo does not tell them apart, but the mix that nobody beats is "
        "paper 0.33 (0.26 to 0.40), rock 0.33 (0.26 to 0.41) and scissors 0.33 (0.26 to 0.41)."
    )
    assert board.cycle == ("paper", "rock", "scissors")
    assert [row.rating for row in board.rows] == pytest.approx([0, 0, 0], abs=1e-6)
    assert [row.minimax_weight for row in board.rows] == pytest.approx([1 / 3] * 3)
    assert [row.rank for row in board.rows] == [(1, 3)] * 3


def test_a_certain_leader_is_found():
    board = leaderboard(from_counts([[0, 80, 90], [20, 0, 60], [10, 40, 0]], ("best", "middle", "last")))
    assert board.finding.startswith("best leads: +") and "ahead of middle at" in board.finding
    assert board.finding.endswith(f"with 95{NBSP}% confidence; head to head it scores 80{NBSP}% in 100 matches.")
    assert board.rows[0].agent == "best" and board.rows[0].rank == (1, 1) and board.cycle == ()


def test_equal_agents_are_not_told_apart():
    board = leaderboard(from_counts([[0, 10], [11, 0]], ("a", "b")))
    assert board.finding.startswith("b and a are not told apart: +") and board.finding.endswith(" Elo.")


def test_a_cycle_below_the_leader_does_not_hide_the_leader():
    wins = np.zeros((4, 4), int)
    wins[1:, 1:] = RPS
    wins[0, 1:] = 18
    wins[1:, 0] = 2
    board = leaderboard(from_counts(wins))
    assert board.finding.startswith("a0 leads") and board.cycle == ()
    assert set(board.cycles[0].agents) == {"a1", "a2", "a3"}


def test_elo_may_name_a_leader_who_is_in_a_cycle():
    wins = [[0, 190, 40], [10, 0, 150], [60, 50, 0]]
    board = leaderboard(from_counts(wins, ("p", "q", "r")))
    assert board.cycle == ("p", "q", "r")
    assert " Elo puts p first, but the mix that nobody beats is " in board.finding


def test_rows_count_by_agent_and_seat():
    record = record_of([[0, 1], [1, 0], [0, 1], [0, 1]], [[1, -1], [1, -1], [0, 0], [-1, 1]], forfeit=[-1, -1, -1, 0])
    rows = {row.agent: row for row in leaderboard(record).rows}
    first = rows["a0"]
    assert (first.matches, first.wins, first.draws, first.losses, first.forfeits) == (4, 1, 1, 1, 1)
    assert first.score == pytest.approx(1.5 / 4) and first.mean_return == pytest.approx(-1 / 4)
    assert [(seat.seat, seat.matches, seat.score) for seat in first.seat_scores] == [(0, 3, 0.5), (1, 1, 0.0)]
    assert first.provisional and (rows["a1"].wins, rows["a1"].forfeits) == (2, 0)


def test_first_of_three_wins_and_second_of_three_has_half_the_points():
    board = leaderboard(record_of([[0, 1, 2]] * 30, [[3, 2, 1]] * 30, utility="general_sum"))
    rows = {row.agent: row for row in board.rows}
    assert (rows["a0"].wins, rows["a1"].losses, rows["a2"].losses) == (30, 30, 30)
    assert [rows[name].score for name in ("a0", "a1", "a2")] == [1, 0.5, 0]
    assert board.minimax is None
    assert any("general-sum" in note for note in board.notes) and any("two players" in note for note in board.notes)


def test_groups_that_never_met_are_ranked_apart():
    wins = np.zeros((5, 5), int)
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2], wins[3, 4], wins[4, 3] = 9, 3, 6, 6, 8, 2
    board = leaderboard(from_counts(wins))
    assert board.finding == (
        "2 groups of agents never met, and each is ranked alone. In the first, of 3 agents: Too few matches to rank: only a3 "
        "has 20 or more. In the second, of 2 agents: Too few matches to rank: every agent has fewer than 20."
    )
    assert board.groups == (("a3", "a2", "a4"), ("a0", "a1"))
    assert [row.agent for row in board.rows] == ["a3", "a2", "a4", "a0", "a1"]
    assert all(row.rank[1] <= 3 for row in board.rows) and board.minimax is None
    assert any("never met" in note for note in board.notes)


def test_agents_without_matches_are_left_out_and_named():
    board = leaderboard(record_of([[0, 1]] * 20, [[1, -1], [-1, 1]] * 10, agents=("a", "b", "idle")))
    assert [row.agent for row in board.rows] == ["a", "b"]
    assert board.minimax is not None and board.minimax.agents == ("a", "b")
    assert "idle met no other agent and is not rated" in board.notes


def test_games_of_one_player_are_ranked_by_mean_return():
    board = leaderboard(record_of([[0], [1]] * 20, [[5.0], [1.0]] * 20))
    assert board.method == "mean_return"
    assert [row.rating for row in board.rows] == [5.0, 1.0]
    assert "nobody meets anybody: ranked by mean return" in board.notes


@pytest.mark.parametrize("method", ["elo", "bradley_terry", "minimax"])
def test_cooperative_games_are_ranked_by_mean_return(method):
    record = record_of([[0, 0], [1, 1]] * 20, [[5, 5], [1, 1.0]] * 20, utility="identical")
    board = leaderboard(record, method=method)
    assert board.method == "mean_return" and [row.rating for row in board.rows] == [5, 1]
    assert any("same return" in note for note in board.notes) and board.minimax is None
    assert board.finding.startswith("a0 leads: +5.00")


def test_graded_returns_are_noted_and_weigh_in_the_minimax_winner():
    board = leaderboard(record_of([[0, 1]] * 20, ([[1, -1]] * 8 + [[-20, 20]] * 2) * 2))
    assert board.rows[0].agent == "a0" and board.minimax is not None
    assert board.minimax.payoff == "margin" and board.minimax.weights.tolist() == [0, 1]
    assert any("by how much" in note for note in board.notes)


def test_minimax_ranks_by_weight_and_falls_back_where_pairs_are_missing():
    assert leaderboard(from_counts(RPS, ROCK), method="minimax").rows[0].rating == pytest.approx(1 / 3)
    board = leaderboard(from_counts([[0, 9, 0], [5, 0, 6], [0, 5, 0]]), method="minimax")
    assert board.method == "elo" and any("no minimax winner" in note for note in board.notes)


def test_an_empty_record_has_nothing_to_rank():
    board = leaderboard(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b")))
    assert board.rows == () and board.groups == () and board.matches == 0
    assert board.finding == "No two agents have met: there is nothing to rank."
    alone = leaderboard(record_of(np.zeros((3, 1)), np.ones((3, 1)), agents=("a",)))
    assert alone.finding == "Only a has played: there is nobody to compare it with."
    json.dumps(board.to_dict(), allow_nan=False)


WANT_ALL_PAIRS = (
    "alpha_rank",
    "copeland",
    "correlated",
    "deviation",
    "kemeny",
    "multidimensional_elo",
    "nash_average",
    "schulze",
)


@pytest.mark.parametrize("method", WANT_ALL_PAIRS)
def test_field_rankings_refuse_a_field_that_did_not_meet(method):
    wins = np.zeros((5, 5), int)
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2], wins[3, 4] = 9, 3, 6, 6, 8
    with pytest.raises(ArenaError, match=r"never met|never seen|at least through others"):
        leaderboard(from_counts(wins), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_everything_goes_into_json_and_csv(method):
    wins = np.zeros((5, 5), int)
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2], wins[3, 4] = 9, 3, 6, 6, 8
    whole = from_counts(RPS, ROCK)
    for record in (whole,) if method in WANT_ALL_PAIRS else (from_counts(wins), whole):
        board = leaderboard(record, method=method)
        assert board.method == method or method == "minimax"
        said = json.loads(json.dumps(board.to_dict(), allow_nan=False))
        assert said["finding"] == board.finding and len(said["rows"]) == len(board.rows)
        assert said["matrix"]["score"][0][0] is None
        rows = board.to_csv_rows()
        assert [row["agent"] for row in rows] == [row.agent for row in board.rows]
        assert all(isinstance(cell, str | int | float) for row in rows for cell in row.values())


def test_equal_agents_seldom_have_a_leader():
    said = [leaderboard(twins(np.random.default_rng(s), np.zeros(2), 20)).finding for s in range(100)]
    assert sum(" leads: " in sentence for sentence in said) <= 9


def test_an_unknown_method_gets_the_nearest():
    with pytest.raises(UnknownName, match="elo"):
        leaderboard(from_counts(RPS), method="ello")


def test_the_finding_of_several_groups_says_what_each_shows():
    wins = np.zeros((4, 4), int)
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2] = 90, 10, 16, 15
    said = leaderboard(from_counts(wins)).finding
    assert said.startswith("2 groups of agents never met") and "In the first, of 2 agents: a0 leads" in said
    assert "In the second, of 2 agents: a2 and a3 are not told apart" in said


def test_provisional_agents_come_last_by_name_and_take_no_rank():
    wins = np.zeros((4, 4), int)
    wins[0, 1], wins[1, 0] = 16, 15
    wins[2, 0], wins[3, 1] = 9, 8  # won all of their few matches
    board = leaderboard(from_counts(wins, ("m", "n", "z", "b")))
    assert [(row.agent, row.provisional) for row in board.rows] == [
        ("m", False),
        ("n", False),
        ("b", True),
        ("z", True),
    ]
    assert board.rows[0].rank == (1, 2) and "z" not in board.finding
    said = board.to_dict()["rows"]
    assert [row["rank"] for row in said] == [[1, 2], [1, 2], None, None]
    assert [row["rank_from"] for row in board.to_csv_rows()] == [1, 1, "", ""]
    assert "provisional, with fewer than 20 matches and without a rank: b and z" in board.notes


def test_a_row_of_weight_thirty_is_one_match_of_a_provisional_agent():
    board = leaderboard(record_of([[0, 1], [1, 0]], [[1, -1], [1, -1]], weight=[30, 30]))
    assert [(row.matches, row.provisional) for row in board.rows] == [(60, True), (60, True)]
    assert board.finding == "Too few matches to rank: every agent has fewer than 20."


def test_few_matches_are_said_with_their_percentage():
    wins = np.zeros((3, 3), int)
    wins[0, 1], wins[1, 2], wins[2, 0] = 12, 12, 12
    assert f"(100{NBSP}% of 12)" in leaderboard(from_counts(wins)).finding


def test_weights_stand_with_their_intervals_and_open_ones_are_not_decided():
    board = leaderboard(from_counts(RPS, ROCK))
    for row, said, cells in zip(board.rows, board.to_dict()["rows"], board.to_csv_rows(), strict=True):
        assert 0 < row.minimax_low < row.minimax_weight < row.minimax_high < 1
        assert (said["minimax_low"], said["minimax_high"]) == (row.minimax_low, row.minimax_high)
        assert (cells["minimax_low"], cells["minimax_high"]) == (row.minimax_low, row.minimax_high)
    even = leaderboard(from_counts([[0, 10], [11, 0]], ("a", "b")))
    assert not is_decided(even.minimax) and mixture_in_words(even.minimax) == "not decided by these matches"


def test_without_resamples_a_weight_says_that_it_has_no_interval():
    winner = minimax_winner_of(payoff_matrix(from_counts(RPS, ROCK)), resamples=0)
    assert mixture_in_words(winner).endswith("scissors 0.33 (no intervals: too many agents)")


def test_margins_of_graded_returns_go_into_json_with_their_intervals():
    board = leaderboard(record_of([[0, 1]] * 40, ([[1, -1]] * 8 + [[-20, 20]] * 2) * 4))
    matrix = board.to_dict()["matrix"]
    assert matrix["graded"] and matrix["margin"][0][1] == pytest.approx((8 * 2 - 2 * 40) / 10)
    assert matrix["margin_low"][0][1] < matrix["margin"][0][1] < matrix["margin_high"][0][1]
    assert matrix["margin_low"][0][1] == pytest.approx(-matrix["margin_high"][1][0])


def test_forfeits_that_decide_are_in_the_finding_and_the_notes():
    record = record_of(
        [[0, 1]] * 60, [[1, -1]] * 40 + [[-1, 1]] * 20, agents=("sound", "broken"), forfeit=[1] * 30 + [-1] * 30
    )
    board = leaderboard(record)
    assert ", 30 of them forfeited by broken." in board.finding
    assert board.finding.endswith("Forfeits decide here: broken forfeited 30 of its 60 matches.")
    assert board.forfeited == 30 and board.to_dict()["forfeited"] == 30
    assert any("broken (30 of 60 matches)" in note for note in board.notes)


def test_seldom_forfeits_are_no_news():
    board = leaderboard(record_of([[0, 1]] * 60, [[1, -1]] * 40 + [[-1, 1]] * 20, forfeit=[1] * 5 + [-1] * 55))
    assert "Forfeits decide" not in board.finding and not any("forfeit" in note for note in board.notes)


def test_a_ladder_of_forfeits_alone_shows_no_strength():
    board = leaderboard(record_of([[0, 1], [1, 0]] * 30, [[0, 0]] * 60, forfeit=[1, 0] * 30))
    assert board.finding == "Every match was forfeited, by a1: this shows who failed, not who plays better."


B_BEATS_A = Verdict(sentence="b beats a with 90 % of the points", better="b", decided=True)


def open_after(pairs):
    return Verdict(sentence=f"a and b are not told apart by {pairs} pairs of matches", better=None, decided=False)


def test_a_verdict_is_the_finding_and_a_note_says_what_stopping_does():
    board = leaderboard(from_counts([[0, 28], [12, 0]], ("a", "b")))
    assert " leads" in board.finding
    stopped = with_verdict(board, open_after(20), stopped=1, tournaments=1)
    assert stopped.finding == "a and b are not told apart by 20 pairs of matches."
    assert "better than it is" in stopped.notes[0]
    assert [row.rank for row in board.rows] == [(1, 1), (2, 2)] and [row.rank for row in stopped.rows] == [(1, 2)] * 2
    beaten = with_verdict(board, B_BEATS_A, stopped=1, tournaments=1)
    assert {row.agent: row.rank for row in beaten.rows} == {"a": (2, 2), "b": (1, 1)}
    assert with_verdict(stopped, open_after(20), stopped=1, tournaments=1) == stopped
    assert with_verdict(board, None, stopped=0, tournaments=3) is board


def test_a_verdict_after_few_matches_ranks_both():
    board = leaderboard(from_counts([[0, 0], [14, 0]], ("a", "b")))
    assert all(row.provisional for row in board.rows) and any("provisional" in note for note in board.notes)
    decided = with_verdict(board, B_BEATS_A, stopped=1, tournaments=1)
    assert [(row.agent, row.rank, row.provisional) for row in decided.rows] == [
        ("b", (1, 1), False),
        ("a", (2, 2), False),
    ]
    assert not any("provisional" in note for note in decided.notes)
    open_ = with_verdict(board, open_after(7), stopped=1, tournaments=1)
    assert all(row.provisional for row in open_.rows)


def test_a_pooled_ladder_says_how_many_of_its_tournaments_stopped_when_decided():
    board = leaderboard(from_counts([[0, 28], [12, 0]], ("a", "b")))
    pooled = with_verdict(board, None, stopped=1, tournaments=3)
    assert pooled.finding == board.finding + OVERSTATED and pooled.notes[0].startswith(
        "1 of 3 tournaments was played until decided"
    )


def test_a_leader_who_loses_much_when_it_loses_is_told_beside_the_mix_that_nobody_beats():
    """``often`` wins two matches of three by 1 and loses the third by 13: it leads in Elo and loses chips."""
    rng = np.random.default_rng(3)
    won = rng.random(900) < 2 / 3
    seats = np.tile([0, 1], (900, 1))
    returns = np.where(won, 1.0, -13.0)[:, None] * [1.0, -1.0]
    board = leaderboard(record_of(seats, returns, agents=("often", "much")))
    assert board.finding.startswith("often leads: ")
    assert board.finding.endswith("But by how much they win, the mix that nobody beats is much 1.00 (1.00 to 1.00).")
    even = leaderboard(record_of(seats, np.sign(returns), agents=("often", "much")))
    assert "But" not in even.finding
