"""PettingZoo's environments as games: each against PettingZoo's own loop, and the kinds of spaces and endings they have."""

import importlib.util
import pickle
import sys

import numpy as np
import pytest

from arena.games import GameMissing, NotProvided, SpecificationError, UnknownName, load_game
from arena.games.conformance import check_game
from arena.games.pettingzoo import list_infos, load
from arena.games.pettingzoo_catalogue import catalogue, find, make, quiet
from arena.games.seeds import OUTCOME_STREAM, counter_hash

CLASSIC = (
    "chess_v6",
    "connect_four_v3",
    "go_v5(board_size=5)",
    "hanabi_v5",
    "leduc_holdem_v4",
    "rps_v2",
    "texas_holdem_no_limit_v6",
    "texas_holdem_no_limit_v6(num_players=4)",
    "texas_holdem_v4",
    "tictactoe_v3",
)
OTHERS = (  # (what must be installed, environment)
    ("pygame", "cooperative_pong_v6(max_cycles=4)"),
    ("pygame", "knights_archers_zombies_v11(max_cycles=40,max_zombies=20,spawn_delay=2)"),
    ("pymunk", "pistonball_v6(max_cycles=5,n_pistons=3)"),
    ("pymunk", "pistonball_v6(continuous=false,max_cycles=5,n_pistons=3)"),
    ("pygame", "pursuit_v5(max_cycles=5)"),
    ("Box2D", "multiwalker_v9(max_cycles=20,terminate_on_fall=false)"),
    ("mpe2", "simple_v3"),
    ("mpe2", "simple_spread_v3(N=2)"),
    ("mpe2", "simple_spread_v3(continuous_actions=true)"),
    ("mpe2", "simple_world_comm_v3"),  # discrete spaces of different sizes
    ("mpe2", "simple_crypto_v3(continuous_actions=true)"),  # boxes of different widths
    ("mpe2", "simple_speaker_listener_v4"),
)


def one(number):
    return np.array([number])


def random_match(game, seed, moves=10_000):
    """(tables, the last turn) after a random match at one table, or its first moves."""
    tables = game.tables(1)
    turn = tables.start(one(0), np.array([seed], np.uint64))
    players = np.arange(game.info.num_players)
    for ply in range(moves):
        if len(turn.finished):
            break
        action = turn.legal.sample(counter_hash(np.uint64(seed), turn.player, ply))
        if game.info.simultaneous:
            joint = np.zeros((len(players), *game.info.action_space.shape), action.dtype)
            joint[turn.player] = action
            turn = tables.step(np.zeros_like(players), players, joint)
        else:
            turn = tables.step(turn.table, turn.player, action)
    return tables, turn


def environment_seed(seed):
    return int(counter_hash(np.uint64(seed), OUTCOME_STREAM, 0) >> np.uint64(33))


def own_loop(env, seed, actions):
    """Returns of PettingZoo's documented loop over an AEC environment: sums of what ``last()`` tells of rewards."""
    env.reset(seed=seed)
    actions = iter(actions)
    returns = dict.fromkeys(env.possible_agents, 0.0)
    for agent in env.agent_iter():
        _, reward, termination, truncation, _ = env.last()
        returns[agent] += reward
        env.step(None if termination or truncation else next(actions))
    assert next(actions, None) is None
    return list(returns.values())


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_environments_conform(name):
    game = load_game(f"pettingzoo:{name}")
    assert game.info.replay == "exact"
    check_game(game, matches=2 if "chess" in name else 6, moves=60 if "chess" in name else 400)


def test_every_classic_environment_is_tested():
    classic = {name for name, entry in catalogue().items() if entry.family == "classic"}
    assert classic == {name.partition("(")[0] for name in CLASSIC}


@pytest.mark.parametrize(("needs", "name"), OTHERS)
def test_environments_of_other_families_conform(needs, name):
    if importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    check_game(load_game(f"pettingzoo:{name}"), matches=2)


@pytest.mark.parametrize("name", [name for name in CLASSIC if "chess" not in name])
def test_returns_are_those_of_pettingzoos_own_loop(name):
    import pettingzoo

    game = load(name)
    called, _, given = name.partition("(")
    settings = {key: int(value) for key, _, value in [given.rstrip(")").partition("=")] if key}
    for seed in range(8):
        tables, turn = random_match(game, seed)
        with quiet():
            env = pettingzoo.make("aec", f"classic/{called}", **settings)
        expected = own_loop(env, environment_seed(seed), tables.history(one(0)).row(0).tolist())
        assert turn.returns[0].tolist() == expected


def test_returns_of_a_parallel_environment_are_sums_of_its_rewards():
    import pettingzoo

    settings = {"max_cycles": 60, "max_zombies": 30, "spawn_delay": 1}
    game = load("knights_archers_zombies(max_cycles=60,max_zombies=30,spawn_delay=1)")
    paid = 0.0
    for seed in range(6):
        tables, turn = random_match(game, seed)
        env = pettingzoo.make("parallel", "butterfly/knights_archers_zombies-v11", **settings)
        env.reset(seed=environment_seed(seed))
        returns = dict.fromkeys(env.possible_agents, 0.0)
        for joint in tables.history(one(0)).row(0).reshape(-1, 4).tolist():
            actions = {agent: joint[env.possible_agents.index(agent)] for agent in env.agents}
            _, rewards, *_ = env.step(actions)
            returns = {agent: total + rewards.get(agent, 0) for agent, total in returns.items()}
        assert turn.returns[0].tolist() == list(returns.values())
        paid += sum(returns.values())
    assert paid > 0  # somebody hit something, else this test says nothing


@pytest.mark.parametrize("name", ["connect_four_v3", "leduc_holdem_v4", "rps_v2", "hanabi_v5"])
def test_tensors_and_masks_are_the_environments_own(name):
    tables, turn = random_match(load(name), seed=3, moves=1)
    env = tables._tables[0].env
    env = getattr(env, "aec_env", env)
    for row, player in enumerate(turn.player.tolist()):
        observation = env.observe(env.possible_agents[player])
        tensor = tables.tensor(turn.table[row : row + 1], turn.player[row : row + 1])[0]
        if name == "rps_v2":
            assert tensor.tolist() == np.eye(4)[int(observation)].tolist()
        else:
            assert tensor.tolist() == observation["observation"].ravel().tolist()
            assert turn.legal.mask(tables.info.num_actions)[row].tolist() == observation["action_mask"].tolist()


def test_one_environment_has_one_name():
    names = {load(text).info.specification for text in ("rps", "rps_v2", "rps-v2", "rps( max_cycles = 15 )")}
    assert names == {"pettingzoo:rps_v2"}
    assert load("rps(max_cycles=3)").info.specification == "pettingzoo:rps_v2(max_cycles=3)"


def test_parameters_make_another_game_with_another_title():
    three, usual = load("rps(max_cycles=3)").info, load("rps").info
    assert (three.min_utility, three.max_length) == (-3, 3) and usual.max_length == 15
    assert three.title == "Rps (max_cycles=3) (PettingZoo)"
    assert load("hanabi(colors=3,ranks=4)").info.max_utility == 12


def test_the_version_names_the_packages_that_hold_the_rules():
    from importlib.metadata import version

    info = load("leduc_holdem").info
    assert info.version == f"pettingzoo {version('pettingzoo')}, rlcard {version('rlcard')}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conect_four_v3", "did you mean 'connect_four_v3'"),
        ("connect_four_v2", "did you mean 'connect_four_v3'"),
        ("rps(max_cycle=3)", "did you mean 'max_cycles'"),
        ("rps(rounds=3)", "known: max_cycles, num_actions"),
        ("connect_four(render_mode=human)", "none is known"),
    ],
)
def test_unknown_names_are_corrected(text, message):
    with pytest.raises(UnknownName, match=message):
        load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rps(max_cycles=many)", "max_cycles must be a whole number"),
        ("hanabi(random_start_player=1)", "random_start_player must be true or false"),
        ("rps(num_actions=4)", "must be an odd number"),
        ("hanabi(colors=9)", "out of bounds"),
        ("rps(3)", "key=value"),
        ("rps(max_cycles=0)", "max_cycles must be at least 1; got 0"),
        ("go(board_size=-3)", "board_size must be at least 0; got -3"),
        ("go(board_size=0)", "boards of 1 to 19 lines; got board_size=0"),
        ("texas_holdem_v4(num_players=40)", "2 to 23 players; got num_players=40"),
        ("texas_holdem_no_limit_v6(num_players=1)", "2 to 23 players"),
    ],
)
def test_bad_parameters_are_refused_in_a_sentence(text, message):
    with pytest.raises(SpecificationError, match=message):
        load(text)


def test_an_environment_that_cannot_begin_with_its_parameters_is_refused():
    pytest.importorskip("pygame")
    message = "cannot begin a match with num_archers=0, num_knights=0: integer modulo by zero"
    with pytest.raises(SpecificationError, match=message):
        load("knights_archers_zombies_v11(num_archers=0,num_knights=0)")


def test_an_environment_that_cannot_be_made_with_its_parameters_is_refused():
    pytest.importorskip("Box2D")
    with pytest.raises(SpecificationError, match="pursuit_v5 refuses"):
        load("pursuit_v5(n_pursuers=0)")


@pytest.mark.parametrize(
    ("module", "name", "remedy"),
    [
        ("mpe2", "simple_spread_v3", "pip install 'mpe2'"),
        ("multi_agent_ale_py", "pong_v3", r"pip install 'pettingzoo\[atari\]'"),
    ],
)
def test_a_missing_package_is_named_with_what_to_install(monkeypatch, module, name, remedy):
    for loaded in [key for key in sys.modules if key.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(GameMissing, match=f"pettingzoo:{name} cannot be played here.*{remedy}"):
        load(name)
    assert f"pettingzoo:{name}" not in {info.specification for info in list_infos()}


def test_what_is_installed_is_listed():
    listed = [info.specification for info in list_infos()]
    assert listed == sorted(listed)
    assert {f"pettingzoo:{name.partition('(')[0]}" for name in CLASSIC} <= set(listed)
    assert "pettingzoo:pursuit_v5" in listed


def test_go_boards_of_two_sizes_do_not_disturb_each_other():
    small, large = load("go(board_size=3)"), load("go(board_size=5)")
    alone = [random_match(game, seed=4, moves=12)[0].history(one(0)).row(0).tolist() for game in (small, large)]
    first, second = small.tables(1), large.tables(1)
    turns = [tables.start(one(0), np.array([4], np.uint64)) for tables in (first, second)]
    for ply in range(12):
        for i, tables in enumerate((first, second)):
            turn = turns[i]
            if len(turn.table):
                action = turn.legal.sample(counter_hash(np.uint64(4), turn.player, ply))
                assert tables.action_text(0, int(turn.player[0]), int(action[0]))
                tables.text(turn.table, turn.player)
                turns[i] = tables.step(turn.table, turn.player, action)
    assert [tables.history(one(0)).row(0).tolist() for tables in (first, second)] == alone


def test_boards_and_cards_are_shown_in_words():
    chess, turn = random_match(load("chess"), seed=1, moves=0)
    assert chess.text(turn.table, turn.player)[0].splitlines()[:2] == ["You are player_0.", "r n b q k b n r"]
    four, turn = random_match(load("connect_four"), seed=1, moves=2)
    assert {"0", "1", "."} >= set("".join(four.text(turn.table, turn.player)[0].splitlines()[1:-1]).replace(" ", ""))
    leduc, turn = random_match(load("leduc_holdem"), seed=1, moves=0)
    shown = leduc.text(turn.table, turn.player)[0]
    assert "hand: " in shown and "public card: none" in shown
    go, turn = random_match(load("go(board_size=3)"), seed=2, moves=1)
    assert go.render(0).count("X") + go.render(0).count("O") == 1


def test_a_poker_hand_is_shown_to_its_owner_alone():
    tables, _ = random_match(load("leduc_holdem"), seed=5, moves=0)
    table = np.zeros(2, np.int64)
    texts = tables.text(table, np.arange(2))
    hands = [env_state["hand"] for env_state in (tables._tables[0].env.env.get_state(p)["raw_obs"] for p in range(2))]
    assert [hand in text for hand, text in zip(hands, texts, strict=True)] == [True, True]
    assert hands[0] != hands[1] and hands[1] not in texts[0] and hands[0] not in texts[1]


@pytest.mark.parametrize(
    ("name", "action", "words"),
    [
        ("chess", 77, "a2a3"),
        ("go(board_size=5)", 25, "pass"),
        ("go(board_size=5)", 0, "A5"),
        ("leduc_holdem", 1, "raise"),
        ("rps", 2, "scissors"),
        ("connect_four", 3, "3"),
        ("hanabi", 0, "(Discard 0)"),
    ],
)
def test_actions_have_words(name, action, words):
    tables, _ = random_match(load(name), seed=1, moves=0)
    assert tables.action_text(0, 0, action) == words


def test_observations_of_pixels_show_the_picture():
    tables, turn = random_match(load("cooperative_pong(max_cycles=3)"), seed=1, moves=1)
    assert tables.tensor(turn.table, turn.player).any()


def test_what_pettingzoo_lacks_is_said():
    tables, turn = random_match(load("tictactoe"), seed=1, moves=0)
    with pytest.raises(NotProvided, match="information states"):
        tables.information_state(turn.table, turn.player)
    with pytest.raises(NotProvided, match="search"):
        tables.search_state(0, 0, 1)


def test_a_game_comes_back_from_a_pickle():
    game = load("rps(max_cycles=3)")
    assert pickle.loads(pickle.dumps(game)).info == game.info


def test_environments_come_without_their_guards():
    """Order and legality are the engine's to check; the wrappers cost half the time of a move."""
    env = make(find("connect_four"), {})
    assert env is env.unwrapped
    parallel = make(find("rps"), {})
    assert parallel.aec_env is parallel.aec_env.unwrapped
