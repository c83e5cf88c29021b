"""The native games against OpenSpiel's, position by position, and their kernels against plain Python."""

import random

import numpy as np
import pytest

from arena.games import ListedLegal, SpecificationError, UnknownName, check_game, list_games, load_game
from arena.games.native.bit_legal import MAX_ACTIONS, BitLegal
from arena.games.native.connect_four import COLUMNS, ROWS
from arena.games.native.tic_tac_toe import LINES
from arena.games.seeds import OUTCOME_STREAM, counter_hash, unit

NAMES = ("tic_tac_toe", "connect_four", "kuhn_poker", "kuhn_poker(players=3)", "kuhn_poker(players=10)")
MATCHES = 200


@pytest.mark.parametrize("name", NAMES)
def test_a_native_game_conforms(name):
    check_game(load_game(f"arena:{name}"), matches=6)


@pytest.mark.parametrize("name", NAMES)
def test_every_position_equals_openspiels_of_the_same_seeds(name):
    native, peer = load_game(f"arena:{name}").tables(MATCHES), load_game(f"openspiel:{name}").tables(MATCHES)
    table = np.arange(MATCHES)
    words = counter_hash(np.uint64(7), 1, table)
    chance = counter_hash(np.uint64(7), 2, table)
    mine, theirs = native.start(table, chance), peer.start(table, chance)
    positions = 0
    for ply in range(native.info.max_length + 1):
        same_turn(mine, theirs)
        same_observations(native, peer, table)
        positions += len(mine.table)
        if not len(mine.table):
            break
        for t, p, actions in zip(mine.table.tolist(), mine.player.tolist(), mine.legal.lists(), strict=True):
            named = [native.action_text(t, p, a) for a in actions]
            assert named == [peer.action_text(t, p, a) for a in actions]
        action = mine.legal.sample(counter_hash(words[mine.table], 16, np.int64(ply)))
        mine, theirs = (tables.step(mine.table, mine.player, action) for tables in (native, peer))
    else:
        pytest.fail("matches go on after max_length")
    assert positions > 2 * MATCHES


def same_turn(mine, theirs):
    for name in ("table", "player", "finished", "returns"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert mine.legal.lists() == theirs.legal.lists()


def same_observations(native, peer, table):
    mine, theirs = native.history(table), peer.history(table)
    np.testing.assert_array_equal(mine.values, theirs.values)
    np.testing.assert_array_equal(mine.ends, theirs.ends)
    assert mine.values.dtype == native.info.action_space.history_dtype
    assert [native.render(t) for t in table.tolist()] == [peer.render(t) for t in table.tolist()]
    for p in range(native.info.num_players):
        player = np.full(len(table), p)
        np.testing.assert_array_equal(native.tensor(table, player), peer.tensor(table, player))
        if native.info.information_state_width is not None:
            np.testing.assert_array_equal(
                native.information_state_tensor(table, player), peer.information_state_tensor(table, player)
            )
        assert native.text(table, player) == peer.text(table, player)
        assert native.information_state(table, player) == peer.information_state(table, player)


@pytest.mark.parametrize("name", NAMES)
def test_facts_equal_openspiels(name):
    mine, theirs = load_game(f"arena:{name}").info, load_game(f"openspiel:{name}").info
    for fact in (
        "title",
        "num_players",
        "action_space",
        "dynamics",
        "chance",
        "information",
        "utility",
        "min_utility",
        "max_utility",
        "max_length",
        "tensor_width",
        "has_information_state",
        "has_simulator",
    ):
        assert getattr(mine, fact) == getattr(theirs, fact), fact
    assert mine.information_state_width in (None, theirs.information_state_width)
    assert mine.lane == "tensor"
    assert mine.tables_at_once >= 4096


@pytest.mark.parametrize("name", NAMES)
def test_tables_in_any_order_play_the_same_matches(name):
    game = load_game(f"arena:{name}")
    orders = (np.arange(50), np.random.default_rng(3).permutation(50))
    histories = []
    for order in orders:
        tables = game.tables(50)
        turn = tables.start(order, counter_hash(np.uint64(1), 2, order))
        while len(turn.table):
            row = np.argsort(order[::-1][turn.table], kind="stable")
            table, player, legal = turn.table[row], turn.player[row], turn.legal.take(row)
            ply = tables.history(table).lengths()
            turn = tables.step(table, player, legal.sample(counter_hash(table.astype(np.uint64), 5, ply)))
        histories.append([tables.history(np.array([t])).values.tolist() for t in range(50)])
    assert histories[0] == histories[1]


# search


def test_search_states_of_perfect_information_are_the_true_ones():
    for name in ("tic_tac_toe", "connect_four"):
        tables, table = load_game(f"arena:{name}").tables(1), np.zeros(1, np.int64)
        turn = tables.start(table, np.zeros(1, np.uint64))
        for action in (3, 2, 4, 0):
            state = tables.search_state(0, int(turn.player[0]), 1)
            assert str(state) == tables.render(0)
            assert state.history() == tables.history(table).values.tolist()
            turn = tables.step(table, turn.player, np.array([action]))


@pytest.mark.parametrize("players", [2, 3])
def test_search_states_of_kuhn_poker_are_drawn_from_all_that_the_player_cannot_tell_apart(players):
    tables, table = load_game(f"arena:kuhn_poker(players={players})").tables(1), np.zeros(1, np.int64)
    turn = tables.start(table, np.array([5], np.uint64))
    turn = tables.step(table, turn.player, np.array([1]))
    dealt = tables.history(table).values[:players].tolist()
    drawn = set()
    for seed in range(60):
        state = tables.search_state(0, 1, seed)
        assert state.information_state_string(1) == tables.information_state(table, turn.player)[0]
        assert state.history()[1] == dealt[1]
        drawn.add(tuple(state.history()[:players]))
        again = tables.search_state(0, 1, seed)
        assert again.history() == state.history()
    others = [card for card in range(players + 1) if card != dealt[1]]
    assert {deal[0] for deal in drawn} == set(others)


# kernels against plain twins


def test_deals_are_cumulative_shares_of_the_cards_left():
    for players in (2, 3, 6):
        tables, table = load_game(f"arena:kuhn_poker(players={players})").tables(500), np.arange(500)
        seeds = counter_hash(np.uint64(11), 2, table)
        tables.start(table, seeds)
        dealt = tables.history(table).values.reshape(500, players).tolist()
        assert dealt == [plain_deal(seed, players) for seed in seeds]
        assert len({tuple(deal) for deal in dealt}) > players


def plain_deal(seed, players):
    cards, dealt = list(range(players + 1)), []
    for count in range(players):
        left = float(unit(counter_hash(seed, OUTCOME_STREAM, count)))
        for card in cards:  # noqa: B007  # the last card looked at is the one dealt
            left -= 1 / len(cards)
            if left < 0:
                break
        cards.remove(card)
        dealt.append(card)
    return dealt


def test_connect_four_ends_as_on_a_plain_board():
    tables, table = load_game("arena:connect_four").tables(1), np.zeros(1, np.int64)
    rng = random.Random(4)
    ends = {0: 0, 1: 0, -1: 0}
    for _ in range(150):
        turn = tables.start(table, np.zeros(1, np.uint64))
        board = [[] for _ in range(COLUMNS)]
        while True:
            legal = [c for c in range(COLUMNS) if len(board[c]) < ROWS]
            assert turn.legal.lists() == [legal]
            # few columns, so that columns fill up and boards too
            column = rng.choice(legal[:3] if rng.random() < 0.5 else legal)
            mover = int(turn.player[0])
            board[column].append(mover)
            turn = tables.step(table, turn.player, np.array([column]))
            won = line_through(board, column)
            if won or all(len(stones) == ROWS for stones in board):
                break
            assert not len(turn.finished)
        value = (1 - 2 * mover) * won
        assert turn.returns.tolist() == [[value, -value]]
        ends[value] += 1
    assert ends[1] > 0
    assert ends[-1] > 0


def line_through(board, column):
    """1 where the last stone of a column stands in a line of four."""
    row = len(board[column]) - 1
    mine = board[column][row]
    for dc, dr in ((0, 1), (1, 0), (1, 1), (1, -1)):
        length = 1
        for sign in (1, -1):
            c, r = column + sign * dc, row + sign * dr
            while 0 <= c < COLUMNS and 0 <= r < len(board[c]) and board[c][r] == mine:
                length, c, r = length + 1, c + sign * dc, r + sign * dr
        if length >= 4:
            return 1
    return 0


def test_a_full_board_without_four_in_a_line_is_a_draw():
    tables, table = load_game("arena:connect_four").tables(1), np.zeros(1, np.int64)
    turn = tables.start(table, np.zeros(1, np.uint64))
    for move in map(int, "361313645534311043046626105524515600224220"):
        assert not len(turn.finished)
        turn = tables.step(table, turn.player, np.array([move]))
    assert turn.returns.tolist() == [[0.0, 0.0]]


def test_every_line_of_tic_tac_toe_wins_for_both_players():
    tables, table = load_game("arena:tic_tac_toe").tables(1), np.zeros(1, np.int64)
    for line in LINES:
        others = [cell for cell in range(9) if cell not in line]
        apart = next([a, b, c] for a in others for b in others for c in others if a < b < c and (a, b, c) not in LINES)
        for winner in (0, 1):
            turn = tables.start(table, np.zeros(1, np.uint64))
            first, second = (line, apart) if winner == 0 else (apart, line)
            moves = [cell for pair in zip(first, second, strict=True) for cell in pair]
            for move in moves:
                if len(turn.finished):
                    break
                turn = tables.step(table, turn.player, np.array([move]))
            assert turn.returns.tolist() == [[1.0, -1.0] if winner == 0 else [-1.0, 1.0]]


# legal actions as bits


def test_bits_draw_and_judge_as_lists_do():
    rows = np.arange(1, 1 << MAX_ACTIONS, dtype=np.uint16)
    legal = BitLegal(rows, MAX_ACTIONS)
    listed = ListedLegal([[a for a in range(MAX_ACTIONS) if bits >> a & 1] for bits in rows.tolist()])
    assert legal.lists() == listed.lists()
    for stream in range(5):
        words = counter_hash(np.uint64(9), stream, np.arange(len(rows)))
        np.testing.assert_array_equal(legal.sample(words), listed.sample(words))
    highest = np.full(len(rows), np.iinfo(np.uint64).max)
    np.testing.assert_array_equal(legal.sample(highest), listed.sample(highest))
    for action in (-(1 << 62), -1, *range(MAX_ACTIONS + 1), 16, 64, 1 << 62):
        actions = np.full(len(rows), action)
        np.testing.assert_array_equal(legal.contains(actions), listed.contains(actions))
    np.testing.assert_array_equal(legal.mask(MAX_ACTIONS), listed.mask(MAX_ACTIONS))
    some = np.array([5, 3, 100])
    assert legal.take(some).joined(legal).lists() == [listed.rows[i] for i in (5, 3, 100)] + listed.rows
    assert len(legal) == len(rows)


# names


def test_native_games_are_listed():
    assert [info.specification for info in list_games("arena")] == [
        "arena:connect_four",
        "arena:kuhn_poker",
        "arena:tic_tac_toe",
    ]


def test_two_spellings_share_a_ladder():
    assert load_game("arena:kuhn_poker( players = 2 )").info == load_game("arena:kuhn_poker").info
    assert load_game("arena:kuhn_poker(players=3)").info.specification == "arena:kuhn_poker(players=3)"


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        ("conect_four", UnknownName, "connect_four"),
        ("", SpecificationError, "name"),
        ("connect_four(rows=5)", UnknownName, "rows"),
        ("tic_tac_toe(players=3)", UnknownName, "players"),
        ("kuhn_poker(player=3)", UnknownName, "players"),
        ("kuhn_poker(players=1)", SpecificationError, "2 to 10"),
        ("kuhn_poker(players=11)", SpecificationError, "2 to 10"),
        ("kuhn_poker(players=two)", SpecificationError, "players"),
    ],
)
def test_what_is_not_there_is_named(written, error, said):
    with pytest.raises(error, match=said):
        load_game(f"arena:{written}")
