"""The conformance kit: it passes good games, and names what is wrong with spoilt ones."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from arena.games import (
    ActionSpace,
    ConformanceError,
    GameInfo,
    ListedLegal,
    NotProvided,
    Ragged,
    Turn,
    VectorLegal,
    check_game,
    load_game,
)


@pytest.mark.parametrize(
    "name", ["kuhn_poker", "goofspiel(num_cards=4)", "connect_four", "matching_pennies_3p", "hanabi"]
)
def test_a_good_game_passes(name):
    check_game(load_game(f"openspiel:{name}"))


# a game of vectors, simultaneous and continuous: each player names a point, two rounds, the nearer to a goal wins


class PointTables:
    def __init__(self, info, capacity):
        self.info, self.capacity = info, capacity
        self._log = [[] for _ in range(capacity)]
        self._goal = np.zeros(capacity)

    def start(self, table, chance_seed):
        for t, seed in zip(table.tolist(), chance_seed.tolist(), strict=True):
            self._log[t], self._goal[t] = [], (seed % 1000) / 1000
        return self._turn(table)

    def step(self, table, player, action):
        for row in np.lexsort((player, table)):
            self._log[table[row]].append(action[row].copy())
        return self._turn(np.unique(table))

    def _turn(self, table):
        over = np.array([len(self._log[t]) == 4 for t in table.tolist()], bool)
        due = np.repeat(table[~over], 2)
        low, high = np.full((len(due), 2), -1.0), np.ones((len(due), 2))
        gains = [self._gain(t) for t in table[over].tolist()]
        returns = np.array([[gain, -gain] for gain in gains]).reshape(-1, 2)
        player = np.tile(np.arange(2), (~over).sum())
        return Turn(due, player, VectorLegal(low, high, False), table[over], returns)

    def _gain(self, t):
        distances = np.abs(np.array(self._log[t]) - self._goal[t]).sum(axis=1)
        return float(distances @ [-1, 1, -1, 1])

    def history(self, table):
        rows = [np.array(self._log[t]).reshape(-1, 2) for t in table.tolist()]
        return Ragged.of_arrays(rows, width=(2,), dtype=np.float64)

    def tensor(self, table, player):
        return np.array([[len(self._log[t])] for t in table.tolist()], np.float32).reshape(-1, 1)

    def text(self, table, player):
        return [f"{len(self._log[t])} points" for t in table.tolist()]

    def information_state(self, table, player):
        raise NotProvided("none")

    def search_state(self, table, player, seed):
        raise NotProvided("none")

    def render(self, table):
        return str([point.tolist() for point in self._log[table]])

    def action_text(self, table, player, action):
        return str(action)


POINTS = GameInfo(
    specification="unregistered:points",
    title="Points",
    version="1",
    num_players=2,
    action_space=ActionSpace(kind="box", width=2),
    dynamics="simultaneous",
    chance=True,
    information="imperfect",
    max_length=2,
    tensor_width=1,
)


@dataclass(frozen=True)
class Points:
    info: GameInfo = POINTS

    def tables(self, capacity):
        return PointTables(self.info, capacity)


def test_a_good_game_of_vectors_passes():
    check_game(Points())


def test_a_game_of_vectors_outside_its_bounds_is_named():
    with pytest.raises(ConformanceError, match="above max_utility"):
        check_game(Points(replace(POINTS, min_utility=1.0, max_utility=0.0)))
    with pytest.raises(ConformanceError, match="exceed max_utility"):
        check_game(Points(replace(POINTS, max_utility=0.0)))


# spoilt games: a good one with one thing changed


class SpoiltTables:
    def __init__(self, inner, info, methods):
        self.inner, self.info, self.methods = inner, info, methods
        self.memory = {}

    def __getattr__(self, name):
        method = getattr(self.inner, name)
        if name not in self.methods:
            return method
        return lambda *arguments: self.methods[name](self, method, *arguments)


class Spoilt:
    def __init__(self, name, *, facts=None, **methods):
        self.game = load_game(f"openspiel:{name}")
        self.info = replace(self.game.info, specification="unregistered:spoilt", **(facts or {}))
        self.methods = methods

    def tables(self, capacity):
        return SpoiltTables(self.game.tables(capacity), self.info, self.methods)


def spoil_turn(change):
    def spoilt(tables, method, *arguments):
        return change(method(*arguments))

    return spoilt


def same_buffer(tables, method, table, player):
    tensor = method(table, player)
    buffer = tables.memory.setdefault("buffer", np.zeros((1000, tensor.shape[1]), np.float32))[: len(tensor)]
    buffer[:] = tensor
    return buffer


def counted_start(tables, method, table, chance_seed):
    tables.memory["starts"] = tables.memory.get("starts", 0) + 1
    return method(table, chance_seed + np.uint64(tables.memory["starts"]))


def swap_returns(turn):
    return replace(turn, returns=turn.returns[:, ::-1].copy())


def restless_step(tables, method, *arguments):
    tables.memory["steps"] = tables.memory.get("steps", 0) + 1
    return method(*arguments)


def restless_render(tables, method, table):
    return f"{method(table)} {tables.memory.get('steps')}"


def first_word_of_any_table(tables, method, table, chance_seed):
    return method(table, chance_seed[:1].repeat(len(table)) if len(table) else chance_seed)


def history_backwards(tables, method, table):
    return Ragged.of_lists([row.tolist()[::-1] for row in (method(table).row(i) for i in range(len(table)))])


def endless_tensor(tables, method, table, player):
    return np.full_like(method(table, player), np.inf)


def double_tensor(tables, method, table, player):
    return method(table, player).astype(np.float64)


def open_text(tables, method, table, player):
    return [tables.render(int(t)) for t in table]


def advanced_search(tables, method, table, player, seed):
    state = method(table, player, seed)
    state.apply_action(0)
    return state


def table_itself(tables, method, table, player, seed):
    return tables.inner._states[table]


def another_deal(tables, method, table, player, seed):
    """A state of the same public moves in which the player holds another card."""
    history = tables.inner._states[table].history()
    deals = [(a, b) for a in range(3) for b in range(3) if a != b and (a, b)[player] != history[player]]
    state = tables.inner._rules.new_initial_state()
    for action in [*deals[0], *history[2:]]:
        state.apply_action(action)
    return state


class Careless(ListedLegal):
    def contains(self, actions):
        return np.ones(len(self.rows), bool)

    def take(self, rows):
        return Careless(ListedLegal(self.rows).take(rows).rows)

    def joined(self, other):
        return Careless(self.rows + other.rows)


def with_legal(change):
    return spoil_turn(lambda turn: replace(turn, legal=change(turn.legal)))


def true_state(tables, method, table, player, seed):
    return tables.inner._states[table].clone()


def one_deal(tables, method, table, player, seed):
    return method(table, player, 1)


def ever_other_state(tables, method, table, player, seed):
    tables.memory["asked"] = tables.memory.get("asked", 0) + 1
    return method(table, player, seed + tables.memory["asked"])


def no_search(tables, method, *arguments):
    raise NotProvided("none")


def tell_tale_legal(tables, method, *arguments):
    """One action alone is legal where the opponent holds the king."""
    turn = method(*arguments)
    rows = []
    for table, player, legal in zip(turn.table.tolist(), turn.player.tolist(), turn.legal.rows, strict=True):
        rows.append([0] if tables.inner._states[table].history()[1 - player] == 2 else legal)
    return replace(turn, legal=ListedLegal(rows))


def breaking_step(tables, method, table, player, action):
    if tables.memory.setdefault("steps", 0) == 2:
        raise ZeroDivisionError("a hole in\nthe rules")
    tables.memory["steps"] += 1
    return method(table, player, action)


LAST_STARTED = {}


def noted_start(tables, method, *arguments):
    LAST_STARTED["tables"] = tables
    return method(*arguments)


def step_of_the_last_started(tables, method, *arguments):
    turn = method(*arguments)
    return turn if LAST_STARTED["tables"] is tables else replace(turn, returns=turn.returns * 0)


def drop_row(turn):
    if len(turn.table) < 2:
        return turn
    return replace(
        turn, table=turn.table[1:], player=turn.player[1:], legal=turn.legal.take(np.arange(1, len(turn.table)))
    )


@pytest.mark.parametrize(
    ("message", "game"),
    [
        ("utility is zero_sum", Spoilt("bargaining", facts={"utility": "zero_sum"})),
        ("utility is identical", Spoilt("kuhn_poker", facts={"utility": "identical"})),
        ("utility is constant_sum", Spoilt("bargaining", facts={"utility": "constant_sum"})),
        ("fall below min_utility", Spoilt("kuhn_poker", facts={"min_utility": 0.0})),
        ("max_length is 2", Spoilt("leduc_poker", facts={"max_length": 2})),
        ("expected float32", Spoilt("kuhn_poker", facts={"tensor_width": 5})),
        ("expected finite float32", Spoilt("kuhn_poker", facts={"information_state_width": 5})),
        ("promises no tensor", Spoilt("kuhn_poker", facts={"tensor_width": None})),
        ("promises no text", Spoilt("kuhn_poker", facts={"has_text": False})),
        ("promises no simulator", Spoilt("kuhn_poker", facts={"has_simulator": False})),
        ("do not hold each player once", Spoilt("kuhn_poker", facts={"teams": ((0,), (0, 1))})),
        ("3 action_names for 2", Spoilt("kuhn_poker", facts={"action_names": ("a", "b", "c")})),
        ("chance is False", Spoilt("kuhn_poker", facts={"chance": False})),
        ("another match", Spoilt("kuhn_poker", start=counted_start)),
        ("alone differs", Spoilt("kuhn_poker", start=first_word_of_any_table)),
        ("played again", Spoilt("kuhn_poker", history=history_backwards)),
        ("were asked", Spoilt("kuhn_poker", step=spoil_turn(drop_row))),
        ("must be int64", Spoilt("kuhn_poker", step=spoil_turn(lambda t: replace(t, table=t.table.astype(np.int32))))),
        ("not finite", Spoilt("kuhn_poker", step=spoil_turn(lambda t: replace(t, returns=t.returns * np.nan)))),
        ("is not finite", Spoilt("kuhn_poker", tensor=endless_tensor)),
        ("float64", Spoilt("kuhn_poker", tensor=double_tensor)),
        ("the caller's own", Spoilt("kuhn_poker", tensor=same_buffer)),
        ("tells more", Spoilt("kuhn_poker", text=open_text)),
        ("moved while another", Spoilt("kuhn_poker", step=restless_step, render=restless_render)),
        ("is not legal", Spoilt("leduc_poker", start=with_legal(lambda legal: Careless(legal.rows)))),
        (
            "ascending",
            Spoilt("kuhn_poker", start=with_legal(lambda legal: ListedLegal([row[::-1] for row in legal.rows]))),
        ),
        (
            "another player or other legal actions",
            Spoilt("connect_four", search_state=advanced_search),
        ),
        (
            "moved the table",
            Spoilt("connect_four", search_state=table_itself),
        ),
        ("its search state ends with", Spoilt("tic_tac_toe", step=spoil_turn(swap_returns))),
        ("what no search state ends with", Spoilt("kuhn_poker", step=spoil_turn(swap_returns))),
        ("what no search state ends with", Spoilt("leduc_poker", step=spoil_turn(swap_returns))),
        ("depends on what player . cannot know", Spoilt("kuhn_poker", search_state=true_state)),
        ("depends on what player . cannot know", Spoilt("leduc_poker", search_state=true_state)),
        ("ignores its seed", Spoilt("kuhn_poker", search_state=one_deal)),
        ("same seed gives two", Spoilt("leduc_poker", search_state=ever_other_state)),
        (
            "legal actions tell more",
            Spoilt(
                "kuhn_poker",
                facts={"has_simulator": False},
                search_state=no_search,
                start=tell_tale_legal,
                step=tell_tale_legal,
            ),
        ),
        ("cannot tell apart two tables", Spoilt("kuhn_poker", facts={"information": "perfect"})),
        (
            "cannot tell apart two tables",
            Spoilt(
                "kuhn_poker",
                facts={"information": "perfect", "has_information_state": False, "has_simulator": False},
                information_state=no_search,
                search_state=no_search,
            ),
        ),
        ("all players saw the same", Spoilt("connect_four", facts={"information": "imperfect"})),
        ("other matches|another TableBatch", Spoilt("connect_four", start=noted_start, step=step_of_the_last_started)),
        ("matches are the same under other chance seeds", Spoilt("connect_four", facts={"chance": True})),
        ("add up to 0: declare zero_sum", Spoilt("kuhn_poker", facts={"utility": "general_sum"})),
        (
            r"step raised ZeroDivisionError: a hole in the rules at match 0 \(move 3: player 0 played \d\) or match 1",
            Spoilt("connect_four", step=breaking_step),
        ),
        (
            "contradicts what player",
            Spoilt("kuhn_poker", search_state=another_deal),
        ),
    ],
)
def test_a_spoilt_game_is_named(message, game):
    with pytest.raises(ConformanceError, match=message):
        check_game(game)


def test_the_seed_may_be_given_by_place():
    check_game(load_game("openspiel:kuhn_poker"), 3)


def test_a_registered_game_whose_facts_differ_is_named():
    game = Spoilt("kuhn_poker")
    game.info = replace(game.info, specification="openspiel:kuhn_poker", title="Another")
    with pytest.raises(ConformanceError, match="other facts"):
        check_game(game)
