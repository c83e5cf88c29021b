"""The methods that are offered: what each finds, which games it is for, and what theory promises of its answer there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arena.games.game import Game
from arena.solvers.game_kinds import GameKind, kinds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A solver as it is offered: what it finds, which games it is for, and what theory promises of its answer there.

    ``promise``: one phrase. ``takes``: what the function at ``location`` is given: the game, its payoffs
    [num_players, A_0, A_1, ...] or its preferences [n, n]. ``playable``: whether its answer is a policy, which a file can hold and an agent can play;
    a distribution over joint actions is none. ``games``: the kinds of games that it takes, so that a refusal can name the
    methods that do apply.
    """

    name: str
    description: str
    preconditions: str
    promise: str
    location: str
    games: tuple[GameKind, ...]
    takes: Literal["game", "payoffs", "preferences"] = "game"
    playable: bool = True


TREES = "small enough to be written out, perfect recall; a guarantee for two-player zero-sum games"
PREFERENCES = "preference games"

METHODS = (
    Method(
        name="cfr",
        description="counterfactual regret minimisation: a tabular policy",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games, NashConv of order 1/√iterations",
        location="arena.solvers.counterfactual:cfr",
        games=("tree",),
    ),
    Method(
        name="cfr_plus",
        description="counterfactual regret minimisation plus: a tabular policy",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games, NashConv of order 1/√iterations, far faster in practice",
        location="arena.solvers.counterfactual:cfr_plus",
        games=("tree",),
    ),
    Method(
        name="dcfr",
        description="discounted counterfactual regret minimisation: a tabular policy",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games with the exponents of its paper",
        location="arena.solvers.counterfactual:dcfr",
        games=("tree",),
    ),
    Method(
        name="pcfr_plus",
        description="predictive counterfactual regret minimisation plus: a tabular policy",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games, the faster the better the last regrets foretell the next",
        location="arena.solvers.counterfactual:pcfr_plus",
        games=("tree",),
    ),
    Method(
        name="mccfr",
        description="Monte Carlo counterfactual regret minimisation, by external or outcome sampling: a tabular policy",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games with probability 1, NashConv of order 1/√iterations",
        location="arena.solvers.mccfr:mccfr",
        games=("tree",),
    ),
    Method(
        name="mmd",
        description="magnetic mirror descent: the last policy, at a fixed temperature or towards Nash",
        preconditions=TREES,
        promise="at a fixed temperature linear convergence to the regularised equilibrium of two-player zero-sum games if steps are small; none towards Nash",
        location="arena.solvers.mmd:mmd",
        games=("tree",),
    ),
    Method(
        name="agent_qre",
        description="agent quantal response equilibria of game trees, from random to rational play",
        preconditions="small enough to be written out, perfect recall",
        promise="an agent quantal response equilibrium up to rounding; its limit is a Nash equilibrium",
        location="arena.solvers.agent_qre:agent_qre",
        games=("tree",),
    ),
    Method(
        name="qre_curriculum",
        description="quantal response equilibria at falling temperatures, down to nearly a Nash equilibrium",
        preconditions="games in normal form, trees small enough to be written out, Markov games in tables",
        promise="NashConv of the order of the temperature, where the equilibria are found",
        location="arena.solvers.qre_curriculum:qre_curriculum",
        games=("tree", "markov_game"),
    ),
    Method(
        name="sequence_form_lp",
        description="optimal strategies and the value of a game tree, by one linear program",
        preconditions="two-player zero-sum games small enough to be written out, perfect recall",
        promise="a Nash equilibrium, up to rounding",
        location="arena.solvers.sequence_form_lp:sequence_form_lp",
        games=("zero_sum_tree",),
    ),
    Method(
        name="double_oracle",
        description="a Nash equilibrium out of a small part of the game, grown by best responses",
        preconditions="two-player zero-sum games small enough to be written out, perfect recall",
        promise="a Nash equilibrium after finitely many iterations; bounds on the value that only close",
        location="arena.solvers.double_oracle:double_oracle",
        games=("zero_sum_tree",),
    ),
    Method(
        name="psro",
        description="policy-space response oracles: a mixture of populations that grow by best responses to it",
        preconditions=TREES,
        promise="a Nash equilibrium of two-player zero-sum games with the meta-solvers nash, after finitely many iterations, and uniform, in the limit; none with the others",
        location="arena.solvers.psro:psro",
        games=("tree",),
    ),
    Method(
        name="self_play",
        description="a policy against itself: regularised, the last policy, or fictitious, the average",
        preconditions=TREES,
        promise="converges to a Nash equilibrium of two-player zero-sum games, regularised with its last policy",
        location="arena.solvers.self_play:self_play",
        games=("tree",),
    ),
    Method(
        name="alpha_rank",
        description="how often evolution is at each strategy, a ranking",
        preconditions="games in normal form",
        promise="the stationary distribution of its chain, up to rounding; a ranking, no equilibrium",
        location="arena.solvers.alpha_rank:alpha_rank",
        games=("normal_form",),
        takes="payoffs",
    ),
    Method(
        name="bimatrix_nash",
        description="all extreme Nash equilibria, or one by Lemke and Howson's path",
        preconditions="two-player games in normal form",
        promise="Nash equilibria up to rounding, and all extreme ones where supports are enumerated and the game is not degenerate",
        location="arena.solvers.bimatrix_nash:bimatrix_nash",
        games=("bimatrix",),
        takes="payoffs",
    ),
    Method(
        name="correlated_equilibrium",
        description="the correlated or coarse correlated equilibrium of greatest welfare",
        preconditions="games in normal form",
        promise="an equilibrium of greatest welfare, up to rounding",
        location="arena.solvers.correlated_equilibrium:correlated_equilibrium",
        games=("normal_form",),
        takes="payoffs",
        playable=False,
    ),
    Method(
        name="fictitious_play",
        description="average play of players who answer what they saw: in normal form, or on trees (XFP)",
        preconditions=TREES,
        promise="averages converge to a Nash equilibrium of two-player zero-sum games, at no good rate",
        location="arena.solvers.fictitious_play:fictitious_play",
        games=("tree",),
    ),
    Method(
        name="logit_qre",
        description="logit quantal response equilibria from random to rational play",
        preconditions="games in normal form",
        promise="a quantal response equilibrium up to rounding; its limit is a Nash equilibrium",
        location="arena.solvers.logit_qre:logit_qre",
        games=("normal_form",),
        takes="payoffs",
    ),
    Method(
        name="nash_average",
        description="the optimal strategies of greatest entropy, which weigh agents and tasks",
        preconditions="two-player zero-sum games in normal form, preference games",
        promise="the optimal strategies of greatest entropy, up to rounding",
        location="arena.solvers.registry:solve_nash_average",
        games=("zero_sum_matrix",),
    ),
    Method(
        name="projected_replicator_dynamics",
        description="time averages of replicator dynamics that keep every action alive",
        preconditions="games in normal form",
        promise="none: the average comes near optimal strategies of two-player zero-sum games as step and floor go to 0",
        location="arena.solvers.projected_replicator_dynamics:projected_replicator_dynamics",
        games=("normal_form",),
        takes="payoffs",
    ),
    Method(
        name="matrix_game_lp",
        description="maximin strategies by linear programming",
        preconditions="two-player zero-sum games in normal form",
        promise="optimal strategies and the value, up to rounding",
        location="arena.solvers.registry:solve_matrix_game",
        games=("zero_sum_matrix",),
    ),
    Method(
        name="minimax_winner",
        description="the mixture of candidates that no candidate beats",
        preconditions="preference games, and symmetric zero-sum games in normal form",
        promise="a mixture that no candidate beats, up to rounding",
        location="arena.solvers.registry:solve_preference_game",
        games=("symmetric_zero_sum",),
    ),
    Method(
        name="nash_mirror_prox",
        description="the mixture of candidates that is best against itself near a reference: mirror prox, the last policy",
        preconditions=PREFERENCES,
        promise="KL to the solution is divided by 1 + 2 beta, or more, in every iteration of two queries",
        location="arena.solvers.nash_mirror_prox:nash_mirror_prox",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="nash_md",
        description="the mixture of candidates that is best against itself near a reference: Nash mirror descent, the last policy",
        preconditions=PREFERENCES,
        promise="KL to the solution at most 8 / (beta² (iterations + 1)) with falling steps; a biased answer with a constant one",
        location="arena.solvers.nash_md:nash_md",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="optimistic_mwu",
        description="the mixture of candidates that is best against itself, near a reference or without: optimistic multiplicative weights, the last policy",
        preconditions=PREFERENCES,
        promise="linear convergence for small steps; none for the default one, which is faster",
        location="arena.solvers.optimistic_mwu:optimistic_mwu",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="spo",
        description="a mixture that hardly any candidate beats: Hedge in self-play, the average policy",
        preconditions=PREFERENCES,
        promise="the best candidate beats the average by at most √(log candidates / (2 iterations))",
        location="arena.solvers.spo:spo",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="nash_prox",
        description="the mixture of candidates that is best against itself near a reference: proximal points by self-play, the last policy",
        preconditions=PREFERENCES,
        promise="none: exact proximal points converge, so many inner steps to each are not proven to",
        location="arena.solvers.nash_prox:nash_prox",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="online_ipo",
        description="the mixture of candidates that is best against itself near a reference: the policy gradient of self-play, the last policy",
        preconditions=PREFERENCES,
        promise="none: on strong cycles under a weak charge it circles",
        location="arena.solvers.online_ipo:online_ipo",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="mmd_self_play",
        description="the mixture of candidates that is best against itself near a reference: magnetic mirror descent in self-play, the last policy",
        preconditions=PREFERENCES,
        promise="KL to the solution is divided by 1 + 4 beta², or more, in every iteration",
        location="arena.solvers.mmd_self_play:mmd_self_play",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="inpo",
        description="the mixture of candidates that is best against itself near a reference: mirror descent in self-play, the last policy",
        preconditions=PREFERENCES,
        promise="KL to the solution of order 1 / (beta² iterations) with falling steps; linear convergence with small constant ones",
        location="arena.solvers.inpo:inpo",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="dno",
        description="a mixture that hardly any candidate beats: soft policy iteration from a reference, the average policy",
        preconditions=PREFERENCES,
        promise="each policy beats the one before; the best candidate beats the average by a gap of order 1/√iterations",
        location="arena.solvers.dno:dno",
        games=("preference",),
        takes="preferences",
    ),
    Method(
        name="mamql",
        description="policies and rewards of all players, from demonstrations of their play",
        preconditions="Markov games in tables without a horizon, and demonstrations",
        promise="each player's objective within gap² / (4 l2_coefficient) of its least value, where that is proven of the answer",
        location="arena.solvers.mamql:mamql",
        games=("markov_game",),
    ),
    Method(
        name="soft_markov_equilibrium",
        description="policies that are soft best responses to each other, the better an action the likelier",
        preconditions="Markov games in tables without a horizon",
        promise="a gap of ε bounds every player's gain in discounted return plus entropy by 2 ε / (1 - discount)",
        location="arena.solvers.soft_markov_equilibrium:soft_markov_equilibrium",
        games=("markov_game",),
    ),
    Method(
        name="nash_value_iteration",
        description="a Nash equilibrium by the matrix games of all states, over and over",
        preconditions="two-player zero-sum Markov games in tables, zero-sum games in normal form",
        promise="values converge to the game's value like discountᵏ; exact to rounding in the end",
        location="arena.solvers.nash_value_iteration:nash_value_iteration",
        games=("zero_sum_matrix", "zero_sum_markov_game"),
    ),
    Method(
        name="minimax_q",
        description="policies learned from play, one step at a time",
        preconditions="two-player zero-sum Markov games in tables, zero-sum games in normal form",
        promise="converges to a Nash equilibrium with probability 1 in the long run",
        location="arena.solvers.minimax_q:minimax_q",
        games=("zero_sum_matrix", "zero_sum_markov_game"),
    ),
    Method(
        name="qarl",
        description="a robust policy, by a curriculum from a random to a rational adversary",
        preconditions="two-player zero-sum Markov games in tables, zero-sum games in normal form",
        promise="the worst case is within (temperatures x log actions) x discounted length of the game's value",
        location="arena.solvers.qarl:qarl",
        games=("zero_sum_matrix", "zero_sum_markov_game"),
    ),
    Method(
        name="mex",
        description="policies of learners who explore by optimism in one objective",
        preconditions="two-player zero-sum games in normal form, or Markov games in tables with a horizon, small",
        promise="in games of one step NashConv at most the measured regrets over the episodes, of order 1/√episodes",
        location="arena.solvers.mex:mex",
        games=("zero_sum_matrix", "zero_sum_episodes"),
    ),
    Method(
        name="log_barrier_ftrl",
        description="average play of two learners whose losses may be of any sign and size",
        preconditions="two-player zero-sum games in normal form, or Markov games in tables with a horizon",
        promise="in games of one step NashConv of order √(log iterations / iterations)",
        location="arena.solvers.log_barrier_ftrl:log_barrier_ftrl",
        games=("zero_sum_matrix", "zero_sum_episodes"),
    ),
)


def methods() -> dict[str, Method]:
    """name -> what the method finds and what it needs."""
    return {method.name: method for method in METHODS}


def applicable(game: Game) -> list[str]:
    """The names of the methods for games of this kind; its size and perfect recall are known when it is written out."""
    kinds = kinds_of(game)
    return [method.name for method in METHODS if kinds.intersection(method.games)]
