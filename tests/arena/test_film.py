"""Films of SMAX matches: the recorded match frame by frame, and of one unit exactly what it observed."""

from __future__ import annotations

import numpy as np
import pytest

import arena
from arena.film import Film, film_of
from arena.games import NotProvided, load_game
from arena.games.smax.game import SmaxGame
from arena.games.smax.rules import OWN_FEATURES, UNIT_FEATURES
from arena.games.smax.units import UNIT_TYPES
from arena.results import MatchResult

GAMES = ["smax:3m", "smax:2s3z(max_steps=25)", "smax:smacv2_5_units(max_steps=25)"]


def _played(game: str, seed: int = 5) -> tuple[SmaxGame, MatchResult]:
    loaded = load_game(game)
    assert isinstance(loaded, SmaxGame)
    agents = ["random"] * 2 if loaded.rules.actions == "continuous" else ["scripted:closest", "scripted:weakest"]
    return loaded, arena.play(game, agents, seed=seed)[0]


def _stepped(game: SmaxGame, result: MatchResult) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(position, health, unit types, observations) after each move, by the tables that played the match."""
    tables, table = game.tables(1), np.zeros(1, np.int64)
    n = game.rules.num_units
    players = np.arange(n)
    tables.start(table, np.array([result.spec.chance_seed], np.uint64))
    found = []
    for joint in [None, *np.asarray(result.actions).reshape(-1, n, *game.info.action_space.shape)]:
        if joint is not None:
            tables.step(np.zeros(n, np.int64), players, joint)
        state = tables._one(0)
        seen = tables.tensor(np.zeros(n, np.int64), players)
        found.append((*(column[0].numpy().copy() for column in (state.position, state.health, state.unit_type)), seen))
    return found


@pytest.mark.parametrize("game", [*GAMES, "smax:3m(actions=continuous,max_steps=20)"])
def test_a_film_goes_through_every_position_of_the_match(game: str) -> None:
    loaded, result = _played(game)
    film, steps = film_of(loaded, result), _stepped(loaded, result)
    assert film.moves == len(steps) - 1
    for move, (position, health, _, _) in enumerate(steps):
        assert np.array_equal(film.position[move * film.per_step], position)
        assert np.array_equal(film.health[move * film.per_step], health)


@pytest.mark.parametrize("game", GAMES)
def test_its_shots_are_what_takes_health(game: str) -> None:
    loaded, result = _played(game)
    film = film_of(loaded, result)
    damage = np.zeros_like(film.health)
    for shot in film.shots:
        kind = film.kinds[shot.shooter]
        assert kind is not None and film.health[shot.frame, shot.shooter] > 0
        assert film.side(shot.shooter) != film.side(shot.target)
        assert np.hypot(shot.end[0] - shot.start[0], shot.end[1] - shot.start[1]) < kind.attack_range
        damage[shot.frame + 1, shot.target] += kind.damage
    expected = np.maximum(film.health[:-1] - damage[1:], 0)
    by_the_wall = (film.health[1:] == 0) & (expected > 0)
    assert np.array_equal(np.where(by_the_wall, 0, expected), film.health[1:])
    assert len(film.shots) > 10


def _checked_against_observations(film: Film, unit: int, game: SmaxGame, result: MatchResult) -> int:
    """Every other unit that the film shows stands where the unit's observation says, and no more are shown."""
    n, allies, shown = game.rules.num_units, game.rules.scenario.num_allies, 0
    order = [other for other in (range(n) if unit < allies else reversed(range(n))) if other != unit]
    for move, (_, health, types, seen) in enumerate(_stepped(game, result)):
        row = seen[unit]
        if health[unit] <= 0:
            assert not film.shown[move, order].any()
            continue
        own = row[-OWN_FEATURES:]
        me = own[1:3] * game.rules.size
        assert np.allclose(film.position[move, unit], me, atol=1e-4)
        for place, other in enumerate(order):
            features = row[place * UNIT_FEATURES : (place + 1) * UNIT_FEATURES]
            assert film.shown[move, other] == bool(features.any())
            if not features.any():
                assert np.isnan(film.position[move, other]).all() and np.isnan(film.health[move, other])
                continue
            shown += 1
            sight = UNIT_TYPES[types[unit]].sight_range
            assert np.allclose(film.position[move, other], me + features[1:3] * sight, atol=1e-4)
            assert film.health[move, other] == pytest.approx(features[0] * UNIT_TYPES[types[other]].health, abs=1e-3)
    return shown


@pytest.mark.parametrize("game", GAMES)
def test_a_units_film_is_what_it_observed(game: str) -> None:
    loaded, result = _played(game)
    films = {unit: film_of(loaded, result, unit) for unit in (0, loaded.rules.num_units - 1)}
    assert sum(_checked_against_observations(film, unit, loaded, result) for unit, film in films.items()) > 20
    for unit, film in films.items():
        never = [other for other in range(loaded.rules.num_units) if not film.shown[:, other].any()]
        assert all(film.kinds[other] is None for other in never)
        assert film.kinds[unit] is not None and film.per_step == 1


def test_a_unit_sees_the_shots_of_those_it_sees_and_no_others() -> None:
    loaded, result = _played("smax:smacv2_5_units(max_steps=25)")
    whole = film_of(loaded, result)
    fired = {(shot.frame // whole.per_step, shot.shooter, shot.target) for shot in whole.shots}
    unseen = 0
    for unit in range(loaded.rules.num_units):
        film = film_of(loaded, result, unit)
        told = {(shot.frame, shot.shooter, shot.target) for shot in film.shots}
        assert told <= fired
        assert all(film.shown[move + 1, shooter] for move, shooter, _ in told)
        both = {(m, s, t) for m, s, t in fired if film.shown[m : m + 2, [s, t]].all() and film.health[m + 1, unit] > 0}
        assert both <= told
        unseen += len(fired - told)
    assert unseen > 0


def test_what_enemies_aim_at_is_told_only_where_the_game_tells_it() -> None:
    loaded, result = _played("smax:3m(see_enemy_actions=false)")
    film = film_of(loaded, result, 0)
    assert film.shots and all(film.side(shot.shooter) == 0 for shot in film.shots)


def test_a_dead_units_film_has_itself_where_it_stood_last() -> None:
    loaded, result = _played("smax:3m")
    whole = film_of(loaded, result)
    unit = int(np.argmin(whole.health[-1]))
    film = film_of(loaded, result, unit)
    fell = int(np.argmax(film.health[:, unit] == 0))
    assert 0 < fell <= film.moves
    assert np.array_equal(film.position[-1, unit], film.position[fell - 1, unit])
    assert film.shown[fell:].sum() == film.shown[fell:, unit].sum() == film.moves + 1 - fell


def test_films_are_of_maps() -> None:
    game = load_game("arena:tic_tac_toe")
    with pytest.raises(NotProvided, match="Tic Tac Toe has no map"):
        film_of(game, arena.play("arena:tic_tac_toe", ["random", "random"])[0])
