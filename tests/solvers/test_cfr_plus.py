"""CFR+: the published value of kuhn poker, its certificate, and what it does not claim."""

import pytest

from arena.games import NotProvided, load_game
from arena.solvers import cfr_plus, exploitability, nash_conv


def test_kuhn_poker_is_solved_to_its_published_value():
    """−1/18 for the first player: Kuhn, A simplified two-person poker, 1950."""
    game = load_game("openspiel:kuhn_poker")
    solution = cfr_plus(game, until=1e-3)
    assert solution.converged and solution.gap < 1e-3
    assert solution.values[0] == pytest.approx(-1 / 18, abs=1e-3)
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


def test_leduc_poker_gets_better_with_iterations():
    game = load_game("openspiel:leduc_poker")
    solution = cfr_plus(game, iterations=30)
    gaps = [gap for _, gap in solution.history]
    assert gaps[-1] < 0.1 * gaps[0] and solution.iterations == 30
    assert exploitability(game, solution.policy) == pytest.approx(solution.gap / 2)


def test_progress_hears_every_measurement():
    heard = []
    solution = cfr_plus(load_game("openspiel:kuhn_poker"), iterations=20, progress=lambda *said: heard.append(said))
    assert tuple(heard) == solution.history and heard[-1][0] == 20


def test_the_gap_asked_for_is_not_claimed_when_iterations_run_out():
    solution = cfr_plus(load_game("openspiel:kuhn_poker"), iterations=3, until=1e-6)
    assert not solution.converged and solution.gap > 1e-6


def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed():
    solution = cfr_plus(load_game("openspiel:kuhn_poker(players=3)"), iterations=50, until=10.0)
    assert solution.guarantee == "none" and not solution.converged and solution.gap <= 10


def test_simultaneous_moves_are_refused():
    with pytest.raises(NotProvided, match="turn-based"):
        cfr_plus(load_game("openspiel:matrix_rps"))


@pytest.mark.parametrize("settings", [{"iterations": 0}, {"until": 0.0}])
def test_settings_must_be_positive(settings):
    with pytest.raises(ValueError, match="positive"):
        cfr_plus(load_game("openspiel:kuhn_poker"), **settings)
