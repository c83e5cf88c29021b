"""What votes say besides ratings: a Condorcet winner or none, and what rests on pairs that were never compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from arena.counterfactual import Where
from arena.games.votes import UNSAID, Votes
from arena.leaderboards.judge_quality import judge_quality
from arena.ledger import Ledger
from arena.match_import import import_votes
from arena.preference_finding import PreferenceFinding
from arena.standings import standings


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def found(ledger: Ledger, *won: tuple[str, str, int]) -> PreferenceFinding:
    preference = said_of(ledger, *won)
    assert preference is not None
    return preference


def said_of(ledger: Ledger, *won: tuple[str, str, int], judge: bool = True) -> PreferenceFinding | None:
    """Of votes (winner, loser, how often), half of them with the loser shown first."""
    names = tuple(sorted({name for one, other, _ in won for name in (one, other)}))
    rows = [
        (names.index(one), names.index(other), 1.0) if k % 2 else (names.index(other), names.index(one), 0.0)
        for one, other, times in won
        for k in range(times)
    ]
    first, second, score = (np.array(column) for column in zip(*rows, strict=True))
    votes = Votes(
        candidates=names,
        judges=("anna",) if judge else (),
        first=first,
        second=second,
        score=score,
        both_bad=np.zeros(len(rows), bool),
        weight=np.ones(len(rows)),
        context=np.full(len(rows), UNSAID),
        judge=np.full(len(rows), 0 if judge else UNSAID),
    )
    import_votes(ledger, votes, game="preference:g", name="v", source_text="v")
    return standings(ledger, "preference:g").preference


def test_who_beats_everybody_is_the_condorcet_winner(ledger: Ledger) -> None:
    said = found(ledger, ("a", "b", 30), ("a", "c", 30), ("b", "c", 30))
    assert (said.winner, said.certain, said.unmet, said.foretold) == ("a@1", True, 0, None)
    assert (
        said.sentences()[0] == "a@1 beats every other candidate, each with 95 % confidence: it is the Condorcet winner."
    )


def test_a_winner_by_a_hair_is_not_certain(ledger: Ledger) -> None:
    said = found(ledger, ("a", "b", 30), ("a", "c", 16), ("c", "a", 14), ("b", "c", 30))
    assert (said.winner, said.certain) == ("a@1", False)
    assert "not each of them for certain" in said.sentences()[0]


def test_a_cycle_has_no_condorcet_winner(ledger: Ledger) -> None:
    said = found(ledger, ("a", "b", 30), ("b", "c", 30), ("c", "a", 30))
    assert said.winner is None
    assert said.sentences()[0].startswith("No candidate is shown to beat every other one")


def test_a_pair_that_was_never_compared_makes_no_winner_and_what_rests_on_it_is_said(ledger: Ledger) -> None:
    """a and b both beat c as often: foretold even, so that both share the mixture, half of whose meetings are of the two."""
    said = found(ledger, ("a", "c", 30), ("b", "c", 30))
    assert (said.winner, said.pairs, said.unmet) == (None, 3, 1)
    assert said.foretold is not None
    assert dict(said.foretold.weights) == {"a@1": pytest.approx(0.5, abs=1e-6), "b@1": pytest.approx(0.5, abs=1e-6)}
    assert said.foretold.resting == pytest.approx(0.5, abs=1e-6)
    assert said.foretold.worst == pytest.approx(0.25, abs=1e-6)  # 1/2 against itself, 0 against the other
    assert "1 of 3 pairs of candidates was never compared" in said.sentences()[1]


def test_matches_without_judge_or_context_say_nothing_of_votes(ledger: Ledger) -> None:
    assert said_of(ledger, ("a", "b", 30), judge=False) is None


def test_a_board_of_one_judge_speaks_of_its_own_votes_and_tells_judges_by_all(ledger: Ledger) -> None:
    first = np.array([0, 1] * 20 + [0, 1] * 15)
    judge = np.array([0] * 40 + [1] * 30)
    votes = Votes(
        candidates=("x", "y"),
        contexts=("p",),
        judges=("anna", "ben"),
        first=first,
        second=1 - first,
        score=np.where(judge == 1, 1.0, 0.7 * (first == 0) + 0.3 * (first == 1)),  # Ben names whom he sees first
        both_bad=np.zeros(70, bool),
        weight=np.ones(70),
        context=np.zeros(70, np.int64),
        judge=judge,
    )
    import_votes(ledger, votes, game="preference:g", name="v", source_text="v")
    full = standings(ledger, "preference:g").preference
    part = standings(ledger, "preference:g", where=Where(without_judges=("ben",))).preference
    assert full is not None and part is not None
    assert (full.votes, full.left_out, full.graded) == (70, 0, 40)
    assert (part.votes, part.left_out, part.graded) == (40, 30, 40)
    assert full.order_bias is not None and full.order_bias.value > 0.3
    assert part.order_bias is not None and abs(part.order_bias.value) < 1e-9
    assert part.judges == full.judges
    assert "Judges are told by all their votes, also the 30 that this board leaves out." in part.sentences()


def test_judges_of_whom_nothing_tells_are_not_called_unmoved(ledger: Ledger) -> None:
    only_first = found(ledger, ("a", "b", 1))
    assert not any("certainly likes" in sentence for sentence in only_first.sentences())


def test_of_many_judges_without_a_liking_hardly_ever_one_is_called_moved() -> None:
    """Each for itself, one in twenty is; the sentence names nobody unless the whole table is that improbable."""
    rng = np.random.default_rng(11)
    size, judges = 8000, 100
    votes = Votes(
        candidates=("a", "b"),
        judges=tuple(f"j{k}" for k in range(judges)),
        first=(first := rng.integers(0, 2, size)),
        second=1 - first,
        score=rng.integers(0, 2, size).astype(float),
        both_bad=np.zeros(size, bool),
        weight=np.ones(size),
        context=np.full(size, UNSAID),
        judge=rng.integers(0, judges, size),
    )
    finding = PreferenceFinding(
        contexts=0,
        winner=None,
        certain=False,
        pairs=1,
        unmet=0,
        foretold=None,
        order_bias=None,
        judges=judge_quality(votes),
    )
    assert any(one.has_bias for one in finding.judges)
    assert finding.sentences()[-1] == "No judge certainly likes one place more than the other."
