"""Tables that a learner plays at: what is seen, what follows, who sits where, and going on from arrays."""

import numpy as np
import pyspiel
import pytest
import torch

from arena.agents.random_agent import RandomAgent
from arena.games import AgentCrashed, AgentInfo, NotProvided, SpecificationError, load_game
from arena.solvers.learning.match_tables import MatchTables


def drawn(seen, words):
    """A legal action a row, drawn; 0 where nobody acts."""
    weights = seen.legal.double() * torch.rand(seen.legal.shape, generator=words, dtype=torch.float64)
    return weights.argmax(-1)


@pytest.mark.parametrize(
    "game",
    ["openspiel:leduc_poker", "arena:kuhn_poker(players=3)", "openspiel:goofspiel(num_cards=3)", "arena:tic_tac_toe"],
)
def test_rewards_are_the_returns_of_matches_as_they_were_played(game):
    loaded = load_game(game)
    tables = MatchTables(loaded, 6, seed=3)
    words = torch.Generator().manual_seed(0)
    ended = 0
    name = game.partition(":")[2]
    for _ in range(60):
        before = tables._batch.history(np.arange(6))
        seen = tables.seen()
        action = drawn(seen, words)
        happened = tables.step(action)
        for table in np.flatnonzero(happened.over.numpy()):
            state = pyspiel.load_game(name).new_initial_state()
            entries = before.row(int(table)).tolist() + action[table].tolist()
            while entries:
                if state.is_simultaneous_node():
                    moves, entries = entries[: loaded.info.num_players], entries[loaded.info.num_players :]
                    state.apply_actions(moves)
                else:
                    state.apply_action(int(entries.pop(0)))
            assert state.is_terminal()
            assert happened.reward[table].tolist() == pytest.approx(state.returns())
            ended += 1
        assert (happened.reward[~happened.over] == 0).all()
    assert ended > 10


class Rememberer:
    """Plays by all that it could do at its decisions of the match, and its seed."""

    def __init__(self):
        self.info = AgentInfo(name="rememberer", remembers=True)
        self.held = {}

    def start(self, table, player, seed):
        self.held |= dict(zip(zip(table, player, strict=True), map(int, seed), strict=True))

    def act(self, batch):
        answers = []
        for table, player, legal in zip(batch.table, batch.player, batch.legal.lists(), strict=True):
            self.held[table, player] = hash((self.held[table, player], *legal))
            answers.append(legal[self.held[table, player] % len(legal)])
        return np.array(answers)

    def end(self, table, player, returns): ...

    def close(self): ...


@pytest.mark.parametrize("opponent", [lambda: None, RandomAgent, Rememberer])
@pytest.mark.parametrize("game", ["openspiel:leduc_poker", "arena:kuhn_poker", "openspiel:goofspiel(num_cards=3)"])
def test_tables_go_on_from_arrays_as_if_nothing_had_been(game, opponent):
    loaded = load_game(game)
    first = MatchTables(loaded, 25, seed=1, opponent=opponent())
    words = torch.Generator().manual_seed(2)
    for _ in range(7):
        first.step(drawn(first.seen(), words))
    second = MatchTables(loaded, 25, seed=1, opponent=opponent())
    second.restore(first.arrays())
    for _ in range(9):
        one, other = first.seen(), second.seen()
        for name in ("observation", "player", "acting"):
            torch.testing.assert_close(getattr(one, name), getattr(other, name))
        acting = one.acting
        assert torch.equal(one.legal[acting], other.legal[acting])
        action = drawn(one, words) * acting
        happened, again = first.step(action), second.step(action)
        assert torch.equal(happened.reward, again.reward)
        assert torch.equal(happened.over, again.over)


def test_arrays_of_other_tables_are_refused():
    loaded = load_game("arena:kuhn_poker")
    with pytest.raises(SpecificationError, match="must be those of 5 tables"):
        MatchTables(loaded, 5, seed=1).restore(MatchTables(loaded, 4, seed=1).arrays())


def test_moves_of_a_file_that_are_not_legal_are_refused():
    loaded = load_game("arena:tic_tac_toe")
    tables = MatchTables(loaded, 2, seed=1)
    broken = {"begun": np.array([1, 1]), "played": np.array([4, 4, 0], np.uint8), "played_ends": np.array([2, 3])}
    with pytest.raises(SpecificationError, match="not legal"):
        tables.restore(broken)


class Recorder:
    """Plays the last legal action, and writes down what it is told."""

    def __init__(self):
        self.info = AgentInfo(name="recorder", remembers=True)
        self.started, self.ended, self.asked = [], [], []

    def start(self, table, player, seed):
        self.started += list(zip(table.tolist(), player.tolist(), strict=True))

    def act(self, batch):
        self.asked += list(zip(batch.table.tolist(), batch.player.tolist(), strict=True))
        return np.array([max(row) for row in batch.legal.lists()])

    def end(self, table, player, returns):
        self.ended += list(zip(table.tolist(), player.tolist(), returns.tolist(), strict=True))

    def close(self): ...


@pytest.mark.parametrize("game", ["arena:kuhn_poker", "openspiel:goofspiel(num_cards=3)"])
def test_an_opponent_sits_on_the_other_seats_and_is_told_of_its_matches(game):
    loaded, opponent = load_game(game), Recorder()
    tables = MatchTables(loaded, 4, seed=0, opponent=opponent)
    words = torch.Generator().manual_seed(0)
    learner_on = set()
    gained = []
    for _ in range(40):
        seen = tables.seen()
        assert (seen.acting.sum(1) == 1).all()
        mine = seen.player[seen.acting].tolist()
        learner_on |= set(mine)
        happened = tables.step(drawn(seen, words))
        gained += [float(happened.reward[t, 1 - p]) for t, p in enumerate(mine) if happened.over[t]]
    assert learner_on == {0, 1}
    assert {player for _, player in opponent.asked} == {0, 1}
    assert len(opponent.started) == len(opponent.ended) + 4
    assert gained  # matches in which the learner had no decision are told to the opponent alone
    left = [paid for _, _, paid in opponent.ended]
    for paid in gained:
        left.remove(paid)


class Roller(Recorder):
    """Rolls and holds in turn: at pig to 2 it often wins before anybody else has moved."""

    def act(self, batch):
        return batch.ply % 2


def test_a_match_without_a_decision_of_the_learner_is_not_paid_to_another():
    opponent = Roller()
    tables = MatchTables(load_game("openspiel:pig(winscore=2)"), 8, seed=0, opponent=opponent)
    several = 0
    for move in range(60):
        player, told = tables.seen().player[:, 0].tolist(), len(opponent.ended)
        happened = tables.step(torch.full((8, 1), move % 2))
        for table in np.flatnonzero(happened.over.numpy()).tolist():
            ended = [paid for where, _, paid in opponent.ended[told:] if where == table]
            assert float(happened.reward[table, player[table]]) == -ended[0]
            several += len(ended) > 1
    assert several > 0


def test_a_learner_is_paid_what_its_seat_gets_against_the_opponent():
    loaded = load_game("matrix:rps")
    opponent = Recorder()  # always the last action: scissors
    tables = MatchTables(loaded, 3, seed=0, opponent=opponent)
    for _ in range(6):
        seen = tables.seen()
        happened = tables.step(torch.zeros_like(seen.player))  # rock
        paid = happened.reward.gather(1, seen.player)[seen.acting]
        assert happened.over.all()
        assert paid.tolist() == [1.0, 1.0, 1.0]


class Failing(Recorder):
    """Fails at every third question: by a fault, by a move that is not allowed, by an answer of another form."""

    def act(self, batch):
        action = super().act(batch)
        match len(self.asked) // len(batch) % 9:
            case 2:
                raise AgentCrashed("gone")
            case 5:
                return np.where(np.arange(len(batch)) == 0, 99, action)
            case 8:
                return action[:, None]
        return action


@pytest.mark.parametrize("game", ["arena:kuhn_poker", "openspiel:leduc_poker", "openspiel:goofspiel(num_cards=3)"])
def test_an_opponent_that_fails_forfeits_its_match(game):
    loaded, opponent = load_game(game), Failing()
    least = loaded.info.min_utility
    tables = MatchTables(loaded, 3, seed=0, opponent=opponent)
    words = torch.Generator().manual_seed(0)
    lost = 0
    for _ in range(60):
        seen = tables.seen()
        assert (seen.acting.sum(1) == 1).all()
        assert seen.legal[seen.acting].any(-1).all()
        mine = seen.player[seen.acting]
        happened = tables.step(drawn(seen, words))
        paid = happened.reward[torch.arange(3), mine]
        lost += int((paid[happened.over] == -least).sum())
        assert (happened.reward.sum(1) == 0).all()
    assert lost > 5
    assert len(opponent.started) == len(opponent.ended) + 3
    assert min(paid for _, _, paid in opponent.ended) == least


def test_an_opponent_that_can_do_nothing_loses_every_match():
    class Gone(Recorder):
        def act(self, batch):
            raise AgentCrashed("gone")

    tables = MatchTables(load_game("arena:kuhn_poker"), 2, seed=0, opponent=Gone())
    for _ in range(4):
        seen = tables.seen()
        assert (seen.player == 0).all()  # where it begins, it is over before the learner is asked
        happened = tables.step(torch.zeros_like(seen.player))
        assert happened.over.all()
        assert happened.reward[:, 0].tolist() == [2.0, 2.0]


def test_games_without_tensors_or_listed_actions_are_refused():
    with pytest.raises(NotProvided, match="vectors"):
        MatchTables(load_game("smax:3m(actions=continuous)"), 2, seed=0)
