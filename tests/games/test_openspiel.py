"""OpenSpiel's games: their names, their facts, and their matches against plain pyspiel."""

import itertools
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyspiel
import pytest

from arena.games import (
    GameMissing,
    NotProvided,
    SpecificationError,
    UnknownName,
    check_game,
    list_games,
    load_game,
)
from arena.games.openspiel import RESAMPLED, list_infos
from arena.games.openspiel_tables import OpenSpielTables

CHECKED = (
    "kuhn_poker",
    "leduc_poker(players=3)",
    "connect_four",
    "goofspiel",
    "goofspiel(imp_info=true,players=3,num_cards=5)",
    "turn_based_simultaneous_game(game=goofspiel(num_cards=4))",
    "matrix_pd",
    "matching_pennies_3p",
    "bargaining",
    "hanabi",
    "tarok",
    "negotiation",
    "stones_and_gems",
    "laser_tag(horizon=30)",
    "oh_hell",
    "kriegspiel(board_size=4)",
    "misere(game=tarok)",
    "restricted_nash_response(game=leduc_poker)",
    "python_iterated_prisoners_dilemma",
    "python_tic_tac_toe",
)


@pytest.mark.parametrize("name", CHECKED)
def test_a_game_of_each_kind_conforms(name):
    check_game(load_game(f"openspiel:{name}"), matches=5)


# names


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("leduc_poker", "leduc_poker"),
        ("leduc_poker()", "leduc_poker"),
        ("leduc_poker(players=2)", "leduc_poker"),
        (" leduc_poker( players = 3 ) ", "leduc_poker(players=3)"),
        ("leduc_poker(suit_isomorphism=TRUE,players=3)", "leduc_poker(players=3,suit_isomorphism=True)"),
        ("hex(board_size=11)", "hex"),
        ("hex(num_rows=5,num_cols=5)", "hex(board_size=5)"),
        ("hex(board_size=5,num_cols=5)", "hex(board_size=5)"),
        ("hex(board_size=5,num_cols=7)", "hex(num_cols=7,num_rows=5)"),
        ("go(komi=7)", "go(komi=7.0)"),
        ("go(max_game_length=722)", "go"),
        ("quoridor(wall_count=10)", "quoridor"),
        ("hanabi(players=2,hand_size=5)", "hanabi"),
        ("hanabi(players=4,hand_size=4)", "hanabi(players=4)"),
        ("2048(max_tile=2048)", "2048"),
        ("kriegspiel(50_move_rule=false)", "kriegspiel(50_move_rule=False)"),
        ("misere", "misere(game=tic_tac_toe())"),
        ("misere(game=leduc_poker)", "misere(game=leduc_poker())"),
        ("restricted_nash_response(p=0.3)", "restricted_nash_response(game=kuhn_poker(),p=0.3)"),
        (
            "turn_based_simultaneous_game(game=goofspiel(players=2,num_cards=4))",
            "turn_based_simultaneous_game(game=goofspiel(num_cards=4))",
        ),
        ('lewis_signaling(payoffs="1, 0, 0, 0, 1, 0, 0, 0, 1")', "lewis_signaling"),
        (
            'lewis_signaling(payoffs="2, 0, 0, 0, 1, 0, 0, 0, 1")',
            'lewis_signaling(payoffs="2, 0, 0, 0, 1, 0, 0, 0, 1")',
        ),
        ("universal_poker(stack=1000 1000)", "universal_poker(stack=1000 1000)"),
        ("universal_poker(numSuits=4,stack=1000 1000,boardCards=)", "universal_poker(stack=1000 1000)"),
        (
            pyspiel.hunl_game_string("fcpa"),
            "universal_poker(blind=100 50,firstPlayer=2 1 1 1,numBoardCards=0 3 1 1,numHoleCards=2,numRanks=13,"
            "numRounds=4,stack=20000 20000)",
        ),
    ],
)
def test_two_spellings_of_one_game_share_one_specification(written, canonical):
    info = load_game(f"openspiel:{written}").info
    assert info.specification == f"openspiel:{canonical}"
    assert load_game(info.specification).info == info


def test_a_parameter_with_line_breaks_is_read_back_from_the_specification():
    game = load_game('openspiel:pathfinding(grid="A.*..**\\n..*....\\n....*a.\\n.......\\n")')
    again = load_game(game.info.specification)
    assert again.rules.get_parameters()["grid"] == "A.*..**\n..*....\n....*a.\n.......\n"
    assert again.info == game.info


@pytest.mark.parametrize(
    ("written", "error", "message"),
    [
        ("leduc_pokr", UnknownName, "did you mean 'leduc_poker'"),
        ("leduc_poker(playrs=2)", UnknownName, "did you mean 'players'"),
        ("chess(colour=1)", UnknownName, "known: chess960"),
        ("misere(game=fou)", UnknownName, "unknown OpenSpiel game 'fou'"),
        ("leduc_poker(players=99)", SpecificationError, "takes 2 to 10 players; got 99"),
        ("leduc_poker(players=two)", SpecificationError, "players must be a whole number; got 'two'"),
        ("leduc_poker(suit_isomorphism=1)", SpecificationError, "must be true or false"),
        ("go(komi=much)", SpecificationError, "komi must be a number"),
        ("leduc_poker(", SpecificationError, "cannot read the game"),
        ("leduc_poker(players)", SpecificationError, "write key=value"),
        ("misere(game=hex(board_size=3)", SpecificationError, "brackets do not match"),
        ('leduc_poker(players="2)', SpecificationError, "a quote is left open"),
        ("leduc_poker(players=2,players=3)", SpecificationError, "stands twice"),
        ("", SpecificationError, "cannot read the game ''"),
        ("hex(board_size=0)", SpecificationError, "no player or no action"),
        ("hex(board_size=-2)", SpecificationError, "board_size must not be below 0; got -2"),
        ("misere(game=hex(board_size=-2))", SpecificationError, "board_size must not be below 0"),
        ("hex(board_size=100000)", SpecificationError, "actions; Arena plays games of up to"),
        ("go(board_size=100)", SpecificationError, "supports board size up to 19"),
        ("go(board_size=0)", SpecificationError, "no player or no action"),
        ("connect_four(rows=0)", SpecificationError, "OpenSpiel cannot make connect_four(rows=0): its own code ends"),
        ("liars_dice(numdice=0)", SpecificationError, "OpenSpiel cannot make liars_dice(numdice=0)"),
        ("universal_poker(numPlayers=3)", SpecificationError, "only read 2 stack sizes, need 3"),
        ("universal_poker(numSuits=0)", SpecificationError, "invalid number of suits: 0"),
        ("misere(game=universal_poker(numSuits=0))", SpecificationError, "invalid number of suits: 0"),
        ("universal_poker(stack=1)", SpecificationError, "OpenSpiel cannot make universal_poker(stack=1): "),
        ("hanabi(colors=9)", SpecificationError, "num_colors_"),
        ("turn_based_simultaneous_game(game=tic_tac_toe)", SpecificationError, "OpenSpiel cannot make"),
        ("start_at(game=tic_tac_toe)", SpecificationError, "Missing parameter history"),
        ("kuhn_poker(players=99999999999999)", SpecificationError, "takes 2 to 10 players"),
        ("tarok(rng_seed=3)", SpecificationError, "Arena draws chance"),
        ("efg_game(filename=/no/such.efg)", SpecificationError, "names no file"),
        ("efg_game", GameMissing, "needs a data file"),
        ("nfg_game", GameMissing, "needs a data file"),
        ("mfg_garnet", GameMissing, "mean-field"),
        ("crossword", GameMissing, "structures"),
    ],
)
def test_what_cannot_be_loaded_says_why_in_one_line(written, error, message, capfd):
    with pytest.raises(error) as raised:
        load_game(f"openspiel:{written}")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_a_game_is_read_from_a_gambit_file(tmp_path):
    path = tmp_path / "pennies.nfg"
    path.write_text('NFG 1 R "pennies" { "A" "B" } { 2 2 }\n\n1 -1 -1 1 -1 1 1 -1\n')
    info = load_game(f"openspiel:nfg_game(filename={path})").info
    assert (info.num_players, info.num_actions, info.simultaneous) == (2, 2, True)


# facts


def test_the_list_names_each_playable_game_once():
    names = [info.specification for info in list_infos()]
    assert names == [info.specification for info in list_games("openspiel")]
    assert len(set(names)) == len(names) >= 119
    assert {"openspiel:leduc_poker", "openspiel:2048", "openspiel:misere(game=tic_tac_toe())"} <= set(names)


def test_facts_of_known_games():
    leduc = load_game("openspiel:leduc_poker").info
    assert (leduc.num_players, leduc.num_actions, leduc.chance, leduc.information) == (2, 3, True, "imperfect")
    assert (leduc.utility, leduc.min_utility, leduc.max_utility, leduc.max_length) == ("zero_sum", -13, 13, 8)
    assert (leduc.tensor_width, leduc.has_information_state, leduc.has_simulator) == (16, True, True)
    assert leduc.title == "Leduc Poker"
    assert leduc.version == f"open_spiel {pyspiel.__version__}"
    assert load_game("openspiel:battleship").info.utility == "zero_sum"  # with loss_multiplier=1, its default
    assert load_game("openspiel:hanabi").info.utility == "identical"
    assert load_game("openspiel:laser_tag(fully_obs=false)").info.information == "imperfect"
    assert load_game("openspiel:goofspiel").info.simultaneous
    assert load_game("openspiel:matrix_pd").info.action_names == ("Cooperate", "Defect")
    hidden = load_game("openspiel:restricted_nash_response(game=tic_tac_toe)").info
    assert (hidden.information, hidden.chance, hidden.has_simulator) == ("imperfect", True, False)


def test_the_games_core_is_imported_without_openspiel():
    code = "import sys, arena.games; sys.exit('pyspiel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# matches


@pytest.mark.parametrize("name", ["connect_four", "leduc_poker", "backgammon", "oh_hell", "hearts"])
def test_a_match_equals_its_twin_in_plain_pyspiel(name):
    game = load_game(f"openspiel:{name}")
    tables, choices = game.tables(2), np.random.default_rng(1)
    for seed in range(3):
        turn = tables.start(np.array([1]), np.array([seed], np.uint64))
        plain = pyspiel.load_game(name).new_initial_state()
        while len(turn.table):
            for entry in tables.history(turn.table).row(0).tolist()[len(plain.history()) :]:
                plain.apply_action(entry)
            player = plain.current_player()
            assert turn.player.tolist() == [player]
            assert turn.legal.lists() == [plain.legal_actions()]
            assert tables.render(1) == str(plain)
            if game.rules.get_type().provides_observation_tensor:
                expected = plain.observation_tensor(player)
            else:
                expected = plain.information_state_tensor(player)
            assert tables.tensor(turn.table, turn.player)[0].tolist() == np.float32(expected).tolist()
            action = int(choices.choice(plain.legal_actions()))
            assert tables.action_text(1, player, action) == plain.action_to_string(player, action)
            turn = tables.step(turn.table, turn.player, np.array([action]))
        for entry in tables.history(turn.finished).row(0).tolist()[len(plain.history()) :]:
            plain.apply_action(entry)
        assert plain.is_terminal()
        assert turn.returns[0].tolist() == plain.returns()


def test_a_simultaneous_match_equals_its_twin_in_plain_pyspiel():
    game = load_game("openspiel:goofspiel(players=3,num_cards=5)")
    tables = game.tables(1)
    turn = tables.start(np.array([0]), np.array([5], np.uint64))
    plain = game.rules.new_initial_state()
    choices, seen = np.random.default_rng(2), 0
    while len(turn.table):
        for entry in tables.history(np.array([0])).row(0).tolist()[seen:]:
            plain.apply_action(entry)
        assert turn.player.tolist() == [0, 1, 2]
        assert turn.legal.lists() == [plain.legal_actions(p) for p in range(3)]
        joint = [int(choices.choice(actions)) for actions in turn.legal.lists()]
        seen = len(tables.history(np.array([0])).row(0)) + 3
        plain.apply_actions(joint)
        shuffled = np.array([2, 0, 1])
        turn = tables.step(turn.table, turn.player[shuffled], np.array(joint)[shuffled])
        assert tables.history(np.array([0])).row(0).tolist()[seen - 3 : seen] == joint
    while plain.is_chance_node():
        plain.apply_action(plain.legal_actions()[0])
    assert turn.returns[0].tolist() == plain.returns()


def test_chance_outcomes_come_with_their_probabilities():
    tables = load_game("openspiel:kuhn_poker").tables(6000)
    tables.start(np.arange(6000), np.arange(6000, dtype=np.uint64))
    deals = tables.history(np.arange(6000)).values.reshape(-1, 2)
    counts = [int(np.all(deals == deal, axis=1).sum()) for deal in itertools.permutations(range(3), 2)]
    assert sum(counts) == 6000
    assert all(abs(count - 1000) < 5 * np.sqrt(1000 * 5 / 6) for count in counts)


def test_outcomes_of_unequal_probability_are_drawn_in_proportion():
    name = "restricted_nash_response(game=kuhn_poker,p=0.2)"
    tables = load_game(f"openspiel:{name}").tables(5000)
    tables.start(np.arange(5000), np.arange(5000, dtype=np.uint64))
    history = tables.history(np.arange(5000))
    first = history.values[history.ends - history.lengths()]
    outcomes = dict(load_game(f"openspiel:{name}").rules.new_initial_state().chance_outcomes())
    for outcome, probability in outcomes.items():
        assert abs((first == outcome).mean() - probability) < 0.03


@pytest.mark.parametrize("name", ["tarok", "negotiation", "bridge_uncontested_bidding(num_redeals=1)"])
def test_chance_drawn_inside_a_game_is_a_function_of_the_chance_seed(name):
    tables = load_game(f"openspiel:{name}").tables(3)
    seeds = np.array([7, 8, 7], np.uint64)
    tables.start(np.arange(3), seeds)
    assert tables.render(0) == tables.render(2) != tables.render(1)
    with pytest.raises(NotProvided, match="consistent"):
        tables.search_state(0, 0, 1)


def test_a_match_at_its_length_limit_is_cut_and_shared():
    game = load_game("openspiel:connect_four")
    tables = OpenSpielTables(replace(game.info, max_length=3), game.rules, None, 2)
    turn = tables.start(np.arange(2), np.zeros(2, np.uint64))
    for _ in range(2):
        turn = tables.step(turn.table, turn.player, np.array([0, 1]))
        assert turn.truncated is None
    turn = tables.step(turn.table[:1], turn.player[:1], np.array([0]))
    assert (turn.finished.tolist(), turn.truncated.tolist(), turn.returns.tolist()) == ([0], [True], [[0.0, 0.0]])
    assert len(turn.table) == len(turn.legal) == 0


def test_a_match_that_ends_at_its_limit_is_not_cut_and_rewards_are_kept():
    game = load_game("openspiel:cliff_walking")  # each move costs 1
    tables = OpenSpielTables(replace(game.info, max_length=2), game.rules, None, 1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    for _ in range(2):
        turn = tables.step(turn.table, turn.player, np.array([3]))
    assert turn.truncated is not None and turn.truncated.all()
    assert turn.returns.tolist() == [[-2.0]]
    game = load_game("openspiel:matrix_pd")
    tables = game.tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    turn = tables.step(np.zeros(2, np.int64), np.arange(2), np.array([1, 0]))
    assert turn.truncated is None or not turn.truncated.any()
    assert turn.returns.tolist() == [[10.0, 0.0]]


@pytest.mark.parametrize("name", ["leduc_poker", "gin_rummy", "oh_hell"])
def test_a_search_state_hides_what_the_player_does_not_know(name):
    tables = load_game(f"openspiel:{name}").tables(1)
    turn = tables.start(np.array([0]), np.array([3], np.uint64))
    player = int(turn.player[0])
    states = [tables.search_state(0, player, seed) for seed in range(20)]
    assert len({str(state) for state in states}) > 1
    assert str(tables.search_state(0, player, 4)) == str(states[4])
    if tables.info.has_information_state:
        assert {state.information_state_string(player) for state in states} == {
            tables.information_state(turn.table, turn.player)[0]
        }


def test_a_tensor_holds_nothing_of_the_match_before():
    tables = load_game("openspiel:python_dynamic_routing").tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    fresh = tables.tensor(turn.table, turn.player)
    tables.step(np.zeros(5, np.int64), np.arange(5), np.array([row[-1] for row in turn.legal.lists()]))
    tables.tensor(turn.table, turn.player)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    assert np.array_equal(tables.tensor(turn.table, turn.player), fresh)


def test_a_game_whose_parameters_leave_no_chance_has_none():
    orders = ("random", "descending")
    assert [load_game(f"openspiel:goofspiel(points_order={order})").info.chance for order in orders] == [True, False]


def test_a_cached_tree_hides_what_its_game_hides():
    facts = [
        load_game(f"openspiel:cached_tree(game={name})").info.information for name in ("tic_tac_toe", "kuhn_poker")
    ]
    assert facts == ["perfect", "imperfect"]


def test_a_search_state_of_perfect_information_is_the_position_itself():
    tables = load_game("openspiel:connect_four").tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    tables.step(turn.table, turn.player, np.array([3]))
    state = tables.search_state(0, 1, 0)
    assert str(state) == tables.render(0)
    state.apply_action(2)
    assert str(state) != tables.render(0)


def test_the_games_said_to_resample_are_those_that_do():
    draw = np.random.default_rng(0).random
    for info in list_infos():
        if info.information == "perfect" or info.simultaneous or "num_redeals" in info.specification:
            continue
        game = load_game(info.specification)
        state = game.rules.new_initial_state()
        for _ in range(200):
            if not state.is_chance_node():
                break
            outcomes, probabilities = zip(*state.chance_outcomes(), strict=True)
            state.apply_action(outcomes[int(np.searchsorted(np.cumsum(probabilities), draw() * 0.999))])
        try:
            state.resample_from_infostate(state.current_player(), draw)
            resamples = True
        except pyspiel.SpielError:
            resamples = False
        assert resamples == (game.call.name in RESAMPLED | {"colored_trails"}), info.specification


@pytest.mark.parametrize("name", sorted(RESAMPLED))
def test_states_drawn_to_search_from_hide_the_truth(name):
    parameters = "(use_double_dummy_result=false)" if name == "bridge" else ""  # hands are not solved for the test
    tables = load_game(f"openspiel:{name}{parameters}").tables(1)
    told, apart = tables.info.has_information_state, 0
    for match in range(5):
        turn = tables.start(np.array([0]), np.array([match], np.uint64))
        for ply in range(4):
            if not len(turn.table):
                break
            player = int(turn.player[0])
            drawn = [tables.search_state(0, player, seed) for seed in range(8)]
            apart += len({str(state) for state in drawn} - {tables.render(0)}) > 0
            if told:
                known = tables.information_state(turn.table, turn.player)[0]
                assert {state.information_state_string(player) for state in drawn} == {known}
            turn = tables.step(turn.table, turn.player, turn.legal.sample(np.array([match * 4 + ply], np.uint64)))
    assert apart >= 5  # of up to 20 decisions


def test_poker_with_other_suits_offers_no_state_to_search_from():
    assert load_game("openspiel:universal_poker(numRanks=3)").info.has_simulator
    assert not load_game("openspiel:universal_poker(numSuits=2)").info.has_simulator


def test_colored_trails_offers_no_state_to_search_from():
    game = load_game("openspiel:colored_trails")
    assert not game.info.has_simulator
    tables = game.tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    with pytest.raises(NotProvided, match="no state that is consistent"):
        tables.search_state(0, int(turn.player[0]), 1)


def test_what_a_game_does_not_offer_is_refused_not_crashed_into():
    tables = load_game("openspiel:social_deduction").tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    with pytest.raises(NotProvided, match="no tensor"):
        tables.tensor(turn.table, turn.player)
    tables = load_game("openspiel:backgammon").tables(1)
    turn = tables.start(np.array([0]), np.zeros(1, np.uint64))
    with pytest.raises(NotProvided, match="no information-state"):
        tables.information_state(turn.table, turn.player)
    assert tables.action_text(0, int(turn.player[0]), 10**6) == "1000000"


def test_kriegspiel_does_not_tell_of_hidden_pawn_moves():
    tables = load_game("openspiel:kriegspiel").tables(2)
    turn = tables.start(np.arange(2), np.zeros(2, np.uint64))
    plain = pyspiel.load_game("kriegspiel").new_initial_state()
    names = {plain.action_to_string(a): a for a in plain.legal_actions()}
    chosen = np.array([names["a2a3"], names["b1a3"]])  # one resets the clock of fifty moves, one does not
    turn = tables.step(turn.table, turn.player, chosen)
    assert np.array_equal(*tables.tensor(turn.table, turn.player))


def test_stderr_is_left_alone_after_a_refused_game(capfd):
    with pytest.raises(SpecificationError):
        load_game("openspiel:start_at(game=tic_tac_toe)")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_hold_em_as_openspiel_writes_it_plays_on_a_whole_deck():
    game = load_game(f"openspiel:{pyspiel.hunl_game_string('fcpa')}")
    assert (game.info.num_players, game.info.max_utility) == (2, 20000)
    assert game.rules.get_parameters()["numRanks"] == 13
    check_game(game, matches=2)
