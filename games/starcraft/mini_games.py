"""The mini-games of SC2LE, how long they take, and what others scored there."""

from __future__ import annotations

from dataclasses import dataclass

LOOPS_A_SECOND = 22.4
COLUMNS = (
    "random policy",
    "human (DeepMind)",
    "human (grandmaster)",
    "Atari-net",
    "FullyConv",
    "FullyConv LSTM",
    "relational agent",
)
SOURCE = "Vinyals et al. 2017, table 1 (arXiv 1708.04782); relational agent: Zambaldi et al. 2018 (arXiv 1806.01830)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniGame:
    """``seconds`` of play. ``scores``: means in the order of `COLUMNS`, as texts, since two are bounds."""

    name: str
    seconds: int
    scores: tuple[str, ...]

    @property
    def loops(self) -> int:
        return round(self.seconds * LOOPS_A_SECOND)


MINI_GAMES = {
    game.name: game
    for game in (
        MiniGame(name="MoveToBeacon", seconds=120, scores=("1", "26", "28", "25", "26", "26", "27")),
        MiniGame(name="CollectMineralShards", seconds=120, scores=("17", "133", "177", "96", "103", "104", "196")),
        MiniGame(name="FindAndDefeatZerglings", seconds=180, scores=("4", "46", "61", "49", "45", "44", "62")),
        MiniGame(name="DefeatRoaches", seconds=120, scores=("1", "41", "215", "101", "100", "98", "303")),
        MiniGame(name="DefeatZerglingsAndBanelings", seconds=120, scores=("23", "729", "727", "81", "62", "96", "736")),
        MiniGame(
            name="CollectMineralsAndGas", seconds=420, scores=("12", "6880", "7566", "3356", "3978", "3351", "5055")
        ),
        MiniGame(name="BuildMarines", seconds=900, scores=("< 1", "138", "133", "< 1", "3", "6", "123")),
    )
}
"""By name, in the order of the published table."""
