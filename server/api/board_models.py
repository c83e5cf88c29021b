"""The form of leaderboards in the API, for its description: what `Standings.to_dict` and its parts give. null: there is no such number."""

from __future__ import annotations

from pydantic import BaseModel

from arena.columns import Exploitability
from arena.counterfactual import Moved, Where
from arena.job_columns import Estimate

Table = list[list[float | None]]
Counts = list[list[int]]


class SeatScoreFacts(BaseModel):
    seat: int
    matches: int
    score: float | None


class RowFacts(BaseModel):
    """One agent's line; ``rank``: best and worst rank, null of a provisional agent."""

    agent: str
    rank: tuple[int, int] | None
    rating: float | None
    low: float | None
    high: float | None
    matches: int
    wins: int
    draws: int
    losses: int
    forfeits: int
    score: float | None
    mean_return: float | None
    seat_scores: list[SeatScoreFacts]
    minimax_weight: float | None
    minimax_low: float | None
    minimax_high: float | None
    reliability: float | None
    reliability_low: float | None
    reliability_high: float | None
    played_out: float | None
    played_out_low: float | None
    played_out_high: float | None
    provisional: bool


class MatrixFacts(BaseModel):
    """Head to head, row against column; ``score``: share of the points; ``margin``: mean difference of returns."""

    agents: list[str]
    graded: bool
    score: Table
    low: Table
    high: Table
    matches: Counts
    wins: Counts
    draws: Counts
    losses: Counts
    margin: Table
    margin_low: Table
    margin_high: Table


class MinimaxFacts(BaseModel):
    """The mixture that nobody beats on average, with intervals of its weights."""

    agents: list[str]
    weights: list[float | None]
    low: list[float | None]
    high: list[float | None]
    payoff: str
    unique: bool | None
    gap: float


class CycleFacts(BaseModel):
    """Agents each of whom beats the next, and the last the first."""

    agents: list[str]
    scores: list[float]
    probability: float | None
    certain: bool


class BoardFacts(BaseModel):
    method: str
    confidence: float
    comparisons: int
    joint: bool
    finding: str
    matches: int
    forfeited: int
    rows: list[RowFacts]
    matrix: MatrixFacts
    minimax: MinimaxFacts | None
    cycles: list[CycleFacts]
    cycle: list[str]
    groups: list[list[str]]
    notes: list[str]


class ColumnFacts(BaseModel):
    """A column that a job computed: when, where, and from how many matches."""

    kind: str
    title: str
    values: dict[str, Estimate]
    confidence: float
    computed_at: str
    worker: str
    job: str
    matches: int
    current: bool


class NoiseFloorFacts(BaseModel):
    """How far apart two agents seem that are the same."""

    agent: str
    twin: str
    difference: float
    low: float
    high: float
    covers_zero: bool
    floor: float
    anchor: str | None
    sentence: str


class PlayedAgainFacts(BaseModel):
    """Blocks of matches that were played again because a worker died."""

    blocks: int
    matches: int
    sentence: str


class ShareFacts(BaseModel):
    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None


class OrderBiasFacts(BaseModel):
    value: float
    low: float
    high: float
    p_value: float
    units: int
    basis: str


class JudgeFacts(BaseModel):
    judge: str
    verdicts: int
    ties: int
    both_bad: int
    failures: int
    order_bias: OrderBiasFacts | None
    both_orders: ShareFacts | None
    repeated: ShareFacts | None
    with_others: ShareFacts | None
    by_chance: float | None
    sentence: str


class ForetoldFacts(BaseModel):
    weights: dict[str, float]
    resting: float
    worst: float


class PreferenceFacts(BaseModel):
    """What votes and judgements say besides ratings."""

    sentences: list[str]
    condorcet_winner: str | None
    condorcet_certain: bool
    contexts: int
    votes: int
    left_out: int
    graded: int
    pairs: int
    pairs_never_compared: int
    foretold: ForetoldFacts | None
    order_bias: OrderBiasFacts | None
    judges: list[JudgeFacts]


class CounterfactualFacts(BaseModel):
    """Of a board that leaves matches out: what counts, and how it differs from the full one."""

    where: Where
    sentence: str
    finding: str
    left_out: int
    moved: list[Moved]


class StandingsFacts(BaseModel):
    game: str
    title: str
    matches: int
    surplus: int
    tournaments: list[str]
    verdict: str | None
    computed_at: str
    exploitability: dict[str, Exploitability]
    beaten_by: dict[str, list[str]]
    leaderboard: BoardFacts
    columns: list[ColumnFacts]
    noise_floor: NoiseFloorFacts | None
    infrastructure: PlayedAgainFacts
    preference: PreferenceFacts | None
    counterfactual: CounterfactualFacts | None


class PayoffsAnswer(BaseModel):
    game: str
    title: str
    matrix: MatrixFacts
    minimax: MinimaxFacts | None


class BeatsFacts(BaseModel):
    """Somebody who scores more than half against somebody else; ``certain``: with 95 % confidence, each pair for itself."""

    agent: str
    against: str
    score: float
    certain: bool


class ResponseGraphAnswer(BaseModel):
    game: str
    title: str
    agents: list[str]
    beats: list[BeatsFacts]
    cycles: list[CycleFacts]


class ExploitabilityAnswer(BaseModel):
    game: str
    title: str
    exploitability: dict[str, Exploitability]
    beaten_by: dict[str, list[str]]
