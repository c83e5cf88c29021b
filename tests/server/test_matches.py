"""A match's page: every position by address, and nothing of what a seat cannot see in that seat's view."""

from __future__ import annotations

import re

import pytest

from arena.games import load_game
from arena.replay import replay


def _discs(text: str) -> int:
    return text.count('class="disc-mark" cx=') + text.count('class="disc-mark" d="M')


def test_each_move_of_connect_four_is_drawn_by_its_address(site):
    tournament = site.ledger.tournament("four-cup")
    moves = len(site.ledger.match(tournament, 5).actions)
    for move in (0, 1, moves):
        text = site.get(f"/tournaments/four-cup/matches/5?move={move}").text
        assert _discs(text) == move
        assert f"move {move} of {moves}" in text
        assert re.search(rf'data-ply="{move}" aria-current="step"', text)


def test_without_a_move_the_last_position_is_shown_and_too_far_is_the_last(site):
    last = site.get("/tournaments/four-cup/matches/5").text
    assert _discs(site.get("/tournaments/four-cup/matches/5?move=9999").text) == _discs(last)
    assert _discs(site.get("/tournaments/four-cup/matches/5?move=-3").text) == 0


def test_the_winning_line_of_connect_four_is_struck(site):
    tournament = site.ledger.tournament("four-cup")
    won = next(n for n in range(50) if site.ledger.match(tournament, n).returns[0] != 0)
    text = site.get(f"/tournaments/four-cup/matches/{won}").text
    assert text.count('class="win-line"') == 1
    assert 'class="win-line"' not in site.get(f"/tournaments/four-cup/matches/{won}?move=5").text


def test_the_title_names_the_winner_and_the_twin_is_linked(site):
    tournament = site.ledger.tournament("four-cup")
    won = next(n for n in range(50) if site.ledger.match(tournament, n).returns[0] == 1)
    seats = site.ledger.match(tournament, won).spec.seats
    names = [tournament.agents[seat].name for seat in seats]
    text = site.get(f"/tournaments/four-cup/matches/{won}").text
    assert f"<h1>{names[0]} beats {names[1]} in" in text
    assert f'href="/tournaments/four-cup/matches/{won ^ 1}"' in text


def _deal(site, key: str, number: int):
    tournament = site.ledger.tournament(key)
    return replay(load_game(tournament.game), site.ledger.match(tournament, number))


def _pips(text: str) -> list[str]:
    return re.findall(r'class="pip mid(?: small)?">([^<]+)<', text)


def test_kuhn_cards_are_drawn_from_the_recorded_deal(site):
    position = _deal(site, "kuhn-cup", 0)[0]
    cards = ["JQK"[int(action)] for action in position.actions[:2]]
    assert _pips(site.get("/tournaments/kuhn-cup/matches/0?move=0").text) == cards


@pytest.mark.parametrize("view", [0, 1])
@pytest.mark.parametrize("key", ["kuhn-cup", "leduc-cup"])
def test_a_seats_view_never_has_the_other_seats_card(site, key, view):
    for number in range(6):
        tournament = site.ledger.tournament(key)
        result = site.ledger.match(tournament, number)
        positions = _deal(site, key, number)
        private = [int(action) for action in positions[0].actions[:2]]
        for move in range(len(positions)):
            path = f"/tournaments/{key}/matches/{number}?move={move}&view={view}"
            page = site.get(path)
            shown = _pips(page.text)
            faces = ["JQK"[c] for c in private] if key == "kuhn-cup" else ["JQK"[c // 2] + "♠♥"[c % 2] for c in private]
            assert shown[0] == faces[view] or shown.count(faces[view])
            assert page.text.count('class="card-back"') == 1
            assert faces[1 - view] not in shown
            assert f"holds {faces[1 - view]}" not in page.text
            assert str(result.spec.chance_seed) not in page.text  # the seed tells the deal
            assert str(result.spec.seed) not in page.text


def test_a_seats_view_and_tag_do_not_depend_on_the_other_seats_card(site):
    tournament = site.ledger.tournament("kuhn-cup")
    deals: dict[tuple[object, ...], set[str]] = {}
    for number in range(60):
        result, position = site.ledger.match(tournament, number), _deal(site, "kuhn-cup", number)[0]
        answer = site.get(f"/api/v1/tournaments/kuhn-cup/matches/{number}?view=0").json()
        seen = str((answer["positions"][0], "actions" in answer, "chance_seed" in answer))
        deals.setdefault((result.spec.seats, int(position.actions[0])), set()).add(seen)
    assert any(len({int(_deal(site, "kuhn-cup", n)[0].actions[1]) for n in range(20)}) > 1 for _ in [0])
    assert all(len(seen) == 1 for seen in deals.values())


def test_a_seats_view_of_hidden_moves_names_only_its_own(site):
    positions = _deal(site, "dark-cup", 0)
    theirs = [p.action_text for p in positions[1:] if p.player == 1]
    mine = [p.action_text for p in positions[1:] if p.player == 0]
    text = site.get("/tournaments/dark-cup/matches/0?view=0").text
    assert text.count("hidden move") == len(theirs)
    assert all(word in text for word in mine)
    assert not any(word in text for word in set(theirs) - set(mine))
    assert "hidden move" not in site.get("/tournaments/dark-cup/matches/0").text


def test_a_game_without_a_board_is_shown_in_its_own_text(site):
    position = _deal(site, "dark-cup", 0)[-1]
    text = site.get("/tournaments/dark-cup/matches/0").text
    assert f'region" aria-label="Position after move {position.move}">{position.text.rstrip()}' in text


def test_an_unknown_seat_is_refused(site):
    assert "Unknown seat" in site.get("/tournaments/kuhn-cup/matches/0?view=2", 404).text
    site.get("/tournaments/kuhn-cup/matches/0?view=x", 422)


def test_three_players_sit_at_a_kuhn_table_of_three(site):
    text = site.get("/tournaments/three/matches/0?view=1").text
    assert len(_pips(text)) == 1
    assert text.count('class="card-back"') == 2
