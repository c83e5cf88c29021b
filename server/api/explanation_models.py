"""The form of explanations, of means without luck and of differences that hold at any time in the API, for its description. null: there is no such number."""

from __future__ import annotations

from pydantic import BaseModel


class OpponentFacts(BaseModel):
    opponent: str
    matches: float
    points: float
    expected: float
    surplus: float
    rating_moves_without: float | None
    refitted: bool


class InfluenceFacts(BaseModel):
    match: str
    agents: list[str]
    returns: list[float]
    alike: int
    rating_moves_without: float | None


class FurtherFacts(BaseModel):
    opponent: str
    matches: int
    half_width: float | None


class ChangeFacts(BaseModel):
    then: float | None
    now: float | None
    own_new_matches: float | None
    others_new_matches: float | None
    newcomers: float | None
    own_matches: int
    others_matches: int
    divided_tournaments: list[str]


class ExplanationAnswer(BaseModel):
    game: str
    agent: str
    method: str
    rating: float | None
    low: float | None
    high: float | None
    opponents: list[OpponentFacts]
    matches: list[InfluenceFacts]
    next: list[FurtherFacts]
    since: str | None
    change: ChangeFacts | None


class DifferenceFacts(BaseModel):
    agent: str
    against: str
    elo: float | None
    low: float | None
    high: float | None
    told_apart_after: int | None


class MeanFacts(BaseModel):
    mean: float | None
    error: float | None
    low: float | None
    high: float | None


class AdjustedMeanFacts(BaseModel):
    """``against``: null over all opponents; ``worth``: how many times as many matches would make the raw mean as certain as the adjusted
    one; ``twins_worth``: as many without seat-swapped twins as these; ``exact``: no error is left."""

    agent: str
    against: str | None
    matches: int
    units: int
    raw: MeanFacts
    adjusted: MeanFacts
    worth: float | None
    twins_worth: float | None
    exact: bool


class AdjustedAnswer(BaseModel):
    """``known``: agents whose probabilities took their luck out; ``method``: aivat, chance or twins."""

    game: str
    title: str
    finding: str
    method: str
    known: list[str]
    matches: int
    confidence: float
    agents: list[AdjustedMeanFacts]
    pairs: list[AdjustedMeanFacts]
    notes: list[str]
    tournaments: list[str]
    computed_at: str


class AnytimeAnswer(BaseModel):
    game: str
    title: str
    finding: str
    confidence: float
    anchor: str | None
    leader: str | None
    leader_since_unit: int | None
    matches: int
    units: int
    looks: list[int]
    differences: list[DifferenceFacts]
    notes: list[str]
    tournaments: list[str]
    computed_at: str
