"""From match results to ratings, rankings and how sure they are: functions of a record, nothing stored."""

from __future__ import annotations

from arena.leaderboards.aims import Aim, Comparison, FullOrder, MinimaxSupport, Top, parse_aim
from arena.leaderboards.alpha_rank import alpha_rank
from arena.leaderboards.bootstrap_intervals import bootstrap_intervals
from arena.leaderboards.bradley_terry import bradley_terry, elo
from arena.leaderboards.comparisons import Comparisons, comparisons
from arena.leaderboards.confidence_sequences import ConfidenceSequence, elo_sequence, rating_sequence, score_sequence
from arena.leaderboards.correlated_ratings import correlated_ratings
from arena.leaderboards.cycle_bootstrap import cycle_probabilities
from arena.leaderboards.cycle_order import cycle_order
from arena.leaderboards.decided import Conclusion, decided
from arena.leaderboards.deviation_ratings import deviation_ratings, deviation_ratings_of
from arena.leaderboards.elo_online import elo_online
from arena.leaderboards.empirical_game import EmpiricalGame, empirical_game
from arena.leaderboards.glicko2 import glicko2
from arena.leaderboards.gsprt import GsprtDecision, gsprt
from arena.leaderboards.judge_quality import JudgeQuality, OrderBias, judge_quality, order_bias
from arena.leaderboards.leaderboard import METHODS, Leaderboard, Method, Row, SeatScore, leaderboard
from arena.leaderboards.low_rank_completion import Completion, choose_anchors, complete_by_anchors, complete_matrix
from arena.leaderboards.mean_return import mean_return
from arena.leaderboards.methods import RATING_METHODS, RatingMethod
from arena.leaderboards.minimax_ranking import MinimaxWinner, minimax_ranking, minimax_winner_of
from arena.leaderboards.multidimensional_elo import PayoffModel, low_rank_payoffs, multidimensional_elo
from arena.leaderboards.multiplicity import Joint, joint_ratings
from arena.leaderboards.nash_average import nash_average
from arena.leaderboards.next_pairs import Pairs, next_pairs
from arena.leaderboards.openskill import openskill
from arena.leaderboards.payoff_matrix import Matrix, payoff_matrix
from arena.leaderboards.plackett_luce import plackett_luce
from arena.leaderboards.planning import Plan, plan
from arena.leaderboards.propensities import effective_matches, uniform_field
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record, Utility
from arena.leaderboards.response_graph import Cycle, cycles, response_graph, top_component
from arena.leaderboards.sequential_test import Decision, sequential_test
from arena.leaderboards.ties import bradley_terry_seats, davidson, rao_kupper
from arena.leaderboards.voting import copeland, kemeny, schulze
from arena.leaderboards.watched_ratings import WatchedRatings, watch_ratings
from arena.leaderboards.weights_over_time import WeightsOverTime, weights_over_time

__all__ = [
    "METHODS",
    "RATING_METHODS",
    "Aim",
    "Comparison",
    "Comparisons",
    "Completion",
    "Conclusion",
    "ConfidenceSequence",
    "Cycle",
    "Decision",
    "EmpiricalGame",
    "FullOrder",
    "GsprtDecision",
    "Joint",
    "JudgeQuality",
    "Leaderboard",
    "Matrix",
    "Method",
    "MinimaxSupport",
    "MinimaxWinner",
    "OrderBias",
    "Pairs",
    "PayoffModel",
    "Plan",
    "RatingMethod",
    "Ratings",
    "Record",
    "Row",
    "SeatScore",
    "Top",
    "Utility",
    "WatchedRatings",
    "WeightsOverTime",
    "alpha_rank",
    "bootstrap_intervals",
    "bradley_terry",
    "bradley_terry_seats",
    "choose_anchors",
    "comparisons",
    "complete_by_anchors",
    "complete_matrix",
    "copeland",
    "correlated_ratings",
    "cycle_order",
    "cycle_probabilities",
    "cycles",
    "davidson",
    "decided",
    "deviation_ratings",
    "deviation_ratings_of",
    "effective_matches",
    "elo",
    "elo_online",
    "elo_sequence",
    "empirical_game",
    "glicko2",
    "gsprt",
    "joint_ratings",
    "judge_quality",
    "kemeny",
    "leaderboard",
    "low_rank_payoffs",
    "mean_return",
    "minimax_ranking",
    "minimax_winner_of",
    "multidimensional_elo",
    "nash_average",
    "next_pairs",
    "openskill",
    "order_bias",
    "parse_aim",
    "payoff_matrix",
    "plackett_luce",
    "plan",
    "rao_kupper",
    "rating_sequence",
    "response_graph",
    "schulze",
    "score_sequence",
    "sequential_test",
    "top_component",
    "uniform_field",
    "watch_ratings",
    "weights_over_time",
]
