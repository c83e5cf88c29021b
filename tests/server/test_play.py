"""People play agents in the browser, with and without JavaScript; what is hidden from them is in no page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from arena.accounts import Scope, add_account
from arena.client import Client, ServerError
from arena.columns import PLAY_JOB
from arena.config import make_config
from arena.credentials import issue
from arena.games import load_game
from arena.jobs import all_jobs, cancel
from arena.ledger import Ledger
from arena.replay import replay
from arena.results import Termination
from arena.server import play_limits
from arena.server.app import create_app
from arena.server.play_pages import MOVE_S
from arena.server.settings import ServerSettings
from arena.table_host import at_tables
from arena.tournament import run_tournament
from tests.server.conftest import Site, serving, wait_for

KUHN, NOUGHTS = "openspiel:kuhn_poker", "openspiel:tic_tac_toe"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server at which visitors may play."""
    with (
        Ledger.open(tmp_path_factory.mktemp("play") / "arena.db") as ledger,
        serving(ledger, ServerSettings(visitors="play")) as site,
    ):
        yield site


def begin(
    client: httpx.Client, *, game: str = NOUGHTS, opponent: str = "random", seat: str = "first", **more: str
) -> str:
    """The address of a match that begins."""
    answer = client.post("/play", data={"game": game, "opponent": opponent, "seat": seat, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def turn(client: httpx.Client, address: str) -> str:
    """The page once it asks for a move, or is over."""
    found: list[str] = []

    def ready() -> bool:
        found.append(client.get(address).text)
        return "It is your turn" in found[-1] or "Watch the replay" in found[-1]

    wait_for(ready, 30)
    return found[-1]


def act(client: httpx.Client, address: str, page: str, choose: int = 0, **changed: str) -> httpx.Response:
    question = re.search(r'name="question" value="(\d+)"', page)
    actions = re.findall(r'name="action" value="(\d+)"', page)
    assert question is not None
    return client.post(address, data={"question": question[1], "action": actions[choose]} | changed)


def played_out(client: httpx.Client, address: str) -> str:
    while "It is your turn" in (page := turn(client, address)):
        assert act(client, address, page).status_code == 303
    return page


@pytest.fixture
def person(served: Site) -> Iterator[httpx.Client]:
    """A browser without JavaScript."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


def test_a_person_plays_to_the_end_by_forms_alone(served, person):
    address = begin(person)
    page = turn(person, address)
    assert "<svg" in page
    assert "<h1>You against random</h1>" in page
    assert page.count('name="action"') == 9
    over = played_out(person, address)
    assert re.search(r"You won|You lost|It ended even", over)
    key = address.split("/")[2]
    tournament = served.ledger.tournament(key)
    wait_for(lambda: served.ledger.tournament(key).status == "finished")
    assert not tournament.is_rated
    assert tournament.config["move_clock_s"] == MOVE_S
    match = served.ledger.match(tournament, 0)
    assert match.termination is Termination.NORMAL
    assert replay(load_game(NOUGHTS), match)[-1].done
    assert person.get(address.removesuffix("/live")).status_code == 200


def test_an_action_that_is_not_listed_costs_nothing(person):
    address = begin(person)
    page = turn(person, address)
    refused = act(person, address, page, action="77")
    assert refused.status_code == 422
    assert "77 is no action that is legal now" in refused.text
    assert "It is your turn" in refused.text


def test_nobody_learns_the_seed_of_the_cards_before_the_end(served, person):
    address = begin(person, game=KUHN)
    key = address.split("/")[2]
    turn(person, address)
    seed, api = str(served.ledger.tournament(key).seed), "/api/v1"
    told = ("/tournaments", f"/tournaments/{key}", f"/tournaments/{key}/matches/0/live", "/jobs", "/matches/export")
    for path in [address, f"/tournaments/{key}", *(api + path for path in told)]:
        assert seed not in person.get(path).text, path
    played_out(person, address)
    wait_for(lambda: served.ledger.tournament(key).status == "finished")
    assert str(person.get(f"{api}/tournaments/{key}").json()["tournament"]["seed"]) == seed


def test_a_match_that_nobody_plays_any_longer_says_so(served, person, monkeypatch):
    address = begin(person)
    turn(person, address)
    tournament = served.ledger.tournament(address.split("/")[2])
    monkeypatch.setattr("arena.server.live_match.seats_under_way", lambda *_: [])  # as after the end of its table
    served.ledger.set_status(tournament, "interrupted")
    assert "The match stands still" in person.get(address).text
    assert "stands still" in person.get(f"/api/v1{address}").json()["problem"]


def test_a_second_answer_and_one_of_an_old_page_change_nothing(person):
    address = begin(person)
    page = turn(person, address)
    assert act(person, address, page).status_code == 303
    again = act(person, address, page, choose=1)
    assert again.status_code == 409
    assert "answered already" in again.text


def test_a_stranger_cannot_move_for_a_person_and_sees_the_board(served, person):
    address = begin(person)
    page = turn(person, address)
    assert address in person.get(address.partition("/matches/")[0]).text
    with httpx.Client(base_url=served.url, timeout=30) as stranger:
        seen = stranger.get(address).text
        assert "<svg" in seen
        assert 'name="action"' not in seen
        assert act(stranger, address, page).status_code == 403


def test_no_page_shows_a_card_that_its_reader_may_not_see(served, person):
    address = begin(person, game=KUHN, seat="second", opponent="uniform")
    page = turn(person, address)
    assert page.count("a hidden card") == 1
    with httpx.Client(base_url=served.url, timeout=30) as onlooker:
        seen = onlooker.get(address).text
        assert seen.count("a hidden card") == 2
        assert not re.search(r"holds [JQK]", seen)
    played_out(person, address)


def test_a_game_without_a_board_is_played_as_text(person):
    address = begin(person, game="openspiel:phantom_ttt")
    page = turn(person, address)
    assert "<pre" in page
    assert page.count('name="action"') == 9
    assert act(person, address, page, action="99999").status_code == 422  # bad input loses nothing
    over = played_out(person, address)
    assert "Watch the replay" in over


def test_casual_matches_move_no_ladder_unless_that_is_asked(served, person):
    played_out(person, begin(person, game=KUHN))
    assert f"No match of {KUHN} in this ledger is rated" in served.get(f"/games/{KUHN}", status=404).text
    assert "hold no votes yet" in served.get(f"/api/v1/votes?game={KUHN}", status=400).text
    played_out(person, begin(person, game=KUHN, rated="true"))  # nor where a guest asks for it
    assert f"no match of {KUHN} in this ledger is rated" in served.get(f"/api/v1/games/{KUHN}", status=404).text
    ann = add_account(served.ledger, "ann", "correct horse battery", Scope.PLAY)
    person.headers["Authorization"] = f"Bearer {issue(served.ledger, 'token', ann, scope=Scope.PLAY).text}"
    played_out(person, begin(person, game=KUHN, rated="true"))
    assert "ann.human" in served.get(f"/games/{KUHN}").text
    served.ledger.add_agent("ann.human", specification="random", kind="random")  # where a program came by that name
    played = served.ledger.tournament(begin(person, game=KUHN).split("/")[2])
    assert played.agents[0].label == "ann.human@1"


def test_a_program_plays_for_its_account_and_sees_what_its_seat_sees(served):
    whose = add_account(served.ledger, "bea", "correct horse battery", Scope.PLAY)
    text = issue(served.ledger, "token", whose, scope=Scope.PLAY).text
    with Client(served.url, text) as client, Client(served.url, "") as stranger:
        match = client.begin_play(KUHN, "uniform", seat="second")
        assert match.agents == ("uniform", "bea.human")

        def asked() -> bool:
            nonlocal match
            match = client.live_match(match.tournament)
            return match.question is not None or match.returns is not None

        wait_for(asked, 30)
        assert (match.player, match.waits_for, len(match.choices)) == (1, (1,), 2)
        assert match.moves[-1].players == (0,)
        seen = stranger.live_match(match.tournament)
        assert (seen.player, seen.question, seen.choices, seen.text) == (None, None, (), "")
        assert match.text
        with pytest.raises(ServerError, match="play in no seat") as refused:
            stranger.move(match, 0)
        assert refused.value.status == 403
        with pytest.raises(ServerError, match="no action that is legal"):
            client.move(match, 7)
        while match.returns is None:
            before = match
            client.move(match, match.choices[0].action)
            wait_for(asked, 30)
        positions = replay(load_game(KUHN), served.ledger.match(served.ledger.tournament(match.tournament), 0))
        assert [move.text for move in match.moves] == [position.action_text for position in positions[1:]]
        assert match.text == client.live_match(match.tournament).text == positions[-1].text
        with pytest.raises(ServerError) as refused:
            client.move(before, 0)
        assert refused.value.status == 409
        with pytest.raises(ServerError, match="sign in"):
            stranger.begin_play(KUHN, "uniform")
    offered = served.get(f"/api/v1/play?game={KUHN}").json()
    assert KUHN in offered["games"]
    assert {"random", "uniform@1"} <= set(offered["opponents"])


def test_who_resigns_forfeits_when_it_is_his_turn(served, person):
    address = begin(person)
    key = address.split("/")[2]
    assert "Resign" in turn(person, address)
    with httpx.Client(base_url=served.url, timeout=30) as stranger:
        assert stranger.post(f"{address}/resign").status_code == 403
        assert stranger.delete(f"/api/v1{address}").status_code == 403
    assert person.post(f"{address}/resign").status_code == 303
    wait_for(lambda: "You lost" in person.get(address).text, 30)
    match = served.ledger.match(served.ledger.tournament(key), 0)
    assert (match.termination, match.forfeited_by) == (Termination.CRASH, 0)
    assert "gave the match up: it resigned" in person.get(address.removesuffix("/live")).text
    again = person.post(f"{address}/resign")
    assert (again.status_code, "the match is over" in again.text) == (409, True)


def test_one_person_plays_a_few_matches_at_once_and_guests_of_one_address_few_together(served, monkeypatch):
    for row in all_jobs(served.ledger, kind=PLAY_JOB, status="running"):  # of tests before
        cancel(served.ledger, row)
    monkeypatch.setattr(play_limits, "MOST_OF_ONE", 1)
    monkeypatch.setattr(play_limits, "MOST_OF_GUESTS", 2)
    asked = {"game": NOUGHTS, "opponent": "random", "seat": "first"}
    whose = add_account(served.ledger, "dot", "correct horse battery", Scope.PLAY)
    text = issue(served.ledger, "token", whose, scope=Scope.PLAY).text
    with ExitStack() as opened:
        guests = [opened.enter_context(httpx.Client(base_url=served.url, timeout=30)) for _ in range(3)]
        first = begin(guests[0])
        refused = guests[0].post("/play", data=asked)
        assert refused.status_code == 409
        assert "matches of yours are under way" in refused.text
        assert f'<a href="{first}">' in refused.text
        begin(guests[1])
        refused = guests[2].post("/play", data=asked)
        assert (refused.status_code, "guests at your network address" in refused.text) == (409, True)
        client = opened.enter_context(Client(served.url, text))
        own = client.begin_play(NOUGHTS, "random", seat="first")
        with pytest.raises(ServerError, match=f"resign one of them first .*{own.tournament}") as late:
            client.begin_play(NOUGHTS, "random")
        assert late.value.status == 409
        wait_for(lambda: client.live_match(own.tournament).question is not None, 30)
        client.resign(own)
        wait_for(lambda: own.tournament not in at_tables(served.ledger), 30)
        assert client.live_match(own.tournament).returns == (-1.0, 1.0)
        client.begin_play(NOUGHTS, "random")


def test_nobody_plays_against_a_person_or_one_whose_moves_cost_money(served, person):
    paid = served.ledger.add_agent("paid", specification="llm:m@http://localhost:1", kind="llm")
    human = served.ledger.add_agent("cy.human", specification="remote:cy.human", kind="remote")
    for opponent in (paid.label, paid.name, human.label, human.name):
        answer = person.post("/play", data={"game": NOUGHTS, "opponent": opponent, "seat": "first"})
        assert answer.status_code == 400
        assert "nobody plays against" in answer.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"game": "openspiel:nothing"}, "cannot be played in a browser"),
        ({"game": "preference:/etc/passwd"}, "cannot be played in a browser"),
        ({"opponent": "exec:rm -rf /"}, "name a registered agent"),
        ({"opponent": "policy:/etc/passwd"}, "name a registered agent"),
        ({"opponent": "remote:1@/etc/passwd"}, "name a registered agent"),
        ({"opponent": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_played_is_said_in_the_form(person, changed, said):
    answer = person.post("/play", data={"game": NOUGHTS, "opponent": "random", "seat": "first"} | changed)
    assert answer.status_code == 400
    assert said in answer.text


def test_an_agents_page_leads_to_a_match_against_it(served, person):
    uniform = served.ledger.add_agent("even", specification="uniform", kind="uniform")
    page = person.get(f"/agents/{uniform.label}").text
    link = re.search(r'href="(/play[^"]+)"', page)
    assert link is not None
    assert '<option value="even@1" selected>' in person.get(link[1].replace("&amp;", "&")).text
    begin(person, opponent=uniform.label)


def test_an_agent_of_a_game_for_one_or_for_teams_offers_no_match(served, person):
    run_tournament(
        make_config(
            {
                "name": "teams",
                "game": "smax:3m(max_steps=2)",
                "agents": {"one": "random", "two": "random"},
                "matches": 2,
            }
        ),
        served.ledger,
    )
    assert "Play against this agent" not in person.get("/agents/one@1").text


def test_a_game_of_the_ledger_is_offered_with_its_parameters(served, person):
    small = "openspiel:hex(board_size=3)"
    assert small not in person.get("/play").text
    run_tournament(
        make_config({"name": "small", "game": small, "agents": {"small": "random", "other": "random"}, "matches": 2}),
        served.ledger,
    )
    assert f'<option value="{small}" selected>' in person.get(f"/play?opponent=small@1&game={small}").text
    assert quote(small, safe="") in person.get("/agents/small@1").text
    begin(person, game=small, opponent="small@1")


def test_a_game_is_called_by_its_title_and_by_its_specification_too_where_others_are_called_so(person):
    offered = dict(re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)</option>', person.get("/play").text))
    assert offered["openspiel:misere(game=tic_tac_toe())"] == "Misere Version of a Regular Game (game=tic_tac_toe())"
    assert (offered["openspiel:chess"], offered[NOUGHTS]) == ("Chess", f"Tic Tac Toe ({NOUGHTS})")


def test_who_may_only_read_is_told_to_sign_in(tmp_path: Path):
    with Ledger.open(tmp_path / "arena.db") as ledger, serving(ledger) as site:
        assert "sign in" in site.get("/play").text
        answer = site.client.post("/play", data={"game": NOUGHTS, "opponent": "random"})
        assert answer.status_code == 401
        assert ledger.tournaments() == []


def test_a_match_of_other_agents_is_shown_when_it_is_recorded(served):
    tournament = run_tournament(
        make_config({"name": "quick", "game": NOUGHTS, "agents": ["random", "uniform"], "matches": 2, "seed": 1}),
        served.ledger,
    )
    assert "The match is over" in served.get(f"/tournaments/{tournament.key}/matches/0/live").text
    served.get(f"/tournaments/{tournament.key}/matches/99/live", status=404)
    offered = dict(re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', served.get(f"/play?game={NOUGHTS}").text))
    assert "random@1" in offered["Have played it"]
    assert (
        "random@1"
        in dict(
            re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', served.get("/play?game=openspiel:chess").text)
        )["Others, which may not fit the game"]
    )


def test_without_a_place_to_play_matches_wait(tmp_path: Path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        assert create_app(ledger, ServerSettings(executor="none")).state.tables is None


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_plays_in_a_real_browser(served, open_page, scripts):
    page = open_page("/play", at=served, scripts=scripts)
    page.get_by_label("Game").select_option(NOUGHTS)
    page.get_by_label("Against").select_option("random")
    page.get_by_role("radio", name="first").check()
    page.get_by_role("button", name="Play", exact=True).click()
    link, turn_now = page.get_by_role("link", name="Watch the replay"), page.get_by_text("It is your turn")
    for _ in range(5):
        wait_for(lambda: shown(page, scripts, link, turn_now), 20)
        if link.is_visible():
            break
        page.locator("button[name=action]").first.click()
    wait_for(lambda: shown(page, scripts, link), 20)
    link.click()
    page.get_by_role("heading", name="Moves", exact=True).wait_for()


def shown(page, scripts: bool, *parts) -> bool:
    """Whether one of these is on the page; without scripts it is looked at again, as its link says."""
    if any(part.is_visible() for part in parts):
        return True
    if scripts:
        page.wait_for_timeout(20)
    else:
        page.get_by_role("link", name="Look again").click()
    return False
