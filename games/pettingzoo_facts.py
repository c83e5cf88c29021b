"""What PettingZoo's environments do not say about themselves: chance, information, sums, bounds, names of actions.

An environment without an entry is described by `Facts()`: general-sum, with chance and hidden information, and without
bounds, because nothing better is known.

Replay. PettingZoo environments draw all chance from the seed of ``reset``. The rules of the classic family are
whole-number rules, so (seed, actions) give the same match bit for bit: ``exact``. The other families compute in floating
point (physics, distances), which repeats on one machine but may differ in the last bits on another: ``tolerance``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from arena.games.errors import SpecificationError

Parameters = Mapping[str, Any]

POKER_SHOWN = ("hand", "public_card", "public_cards", "my_chips", "all_chips", "stakes", "pot")
GO_SIDE = 19  # lines that its notation has letters for
HOLD_EM_SEATS = 23  # two cards each and five on the table, of 52
CALL_RAISE_FOLD_CHECK = ("call", "raise", "fold", "check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one environment with its parameters; see `GameInfo` for most of the fields.

    ``bounds``: least and greatest return of a player. ``packages``: distributions that hold the rules, for the version.
    ``settings``: what the constructor must be given to work. ``prepare``: called with the environment before it is used,
    where environments of one process share state. ``resets_fully``: a match does not depend on what was played before it in
    the same environment; otherwise each match gets a new one. ``view``: (environment, player), all that the player may see, in words.
    ``action_text``: (environment, player, action) in the game's notation.
    """

    chance: bool = True
    information: Literal["perfect", "imperfect"] = "imperfect"
    utility: Literal["zero_sum", "constant_sum", "general_sum", "identical"] = "general_sum"
    bounds: tuple[float, float] | None = None
    max_length: int | None = None
    replay: Literal["exact", "tolerance", "none"] = "tolerance"
    packages: tuple[str, ...] = ()
    action_names: tuple[str, ...] = ()
    tables_at_once: int = 16
    settings: Parameters = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    resets_fully: bool = True
    view: Callable[[Any, int], str] | None = None
    action_text: Callable[[Any, int, int], str] | None = None


def facts_of(name: str, parameters: Parameters) -> Facts:
    """The facts of the environment `name` (with version) with all its parameters, defaults included."""
    known = FACTS.get(name, Facts())
    return known if isinstance(known, Facts) else known(parameters)


def _board(**more: Any) -> Facts:
    """Two players, win 1, loss -1, draw 0."""
    return Facts(
        chance=False,
        information="perfect",
        utility="zero_sum",
        bounds=(-1.0, 1.0),
        replay="exact",
        tables_at_once=64,
        **more,
    )


def _go(parameters: Parameters) -> Facts:
    size = parameters["board_size"]
    if size not in range(1, GO_SIDE + 1):
        raise SpecificationError(f"go_v5 has boards of 1 to {GO_SIDE} lines; got board_size={size}")
    return _board(prepare=_set_go_board, view=_go_board, action_text=_go_move)


def _rock_paper_scissors(parameters: Parameters) -> Facts:
    rounds = int(parameters["max_cycles"])
    names = ("rock", "paper", "scissors", "spock", "lizard")
    num_actions = int(parameters["num_actions"])
    return Facts(
        chance=False,
        utility="zero_sum",  # each round pays 1 and -1, or 0 and 0
        bounds=(float(-rounds), float(rounds)),
        max_length=rounds,
        replay="exact",
        action_names=names[:num_actions] if num_actions in (3, 5) else (),
        tables_at_once=64,
    )


def _poker(**more: Any) -> Facts:
    """Chips change hands: zero-sum. RLCard deals from the seed."""
    return Facts(utility="zero_sum", replay="exact", packages=("rlcard",), tables_at_once=64, view=_poker_hand, **more)


def _hold_em(action_names: tuple[str, ...]) -> Callable[[Parameters], Facts]:
    def facts(parameters: Parameters) -> Facts:
        players = parameters["num_players"]
        if not 2 <= players <= HOLD_EM_SEATS:
            raise SpecificationError(f"Texas hold'em has 2 to {HOLD_EM_SEATS} players; got num_players={players}")
        return _poker(action_names=action_names)

    return facts


def _hanabi(parameters: Parameters) -> Facts:
    return Facts(
        utility="identical",
        bounds=(0.0, float(int(parameters["colors"]) * int(parameters["ranks"]))),
        replay="exact",
        packages=("open_spiel", "shimmy"),
        tables_at_once=64,
        view=_hanabi_table,
        action_text=_hanabi_move,
    )


def _set_go_board(env: Any) -> None:
    """Go's board size is a variable of PettingZoo's module: whoever made an environment last has set it for all."""
    from pettingzoo.classic.go import go_base

    if go_base.N != env._N:
        env._overwrite_go_global_variables(board_size=env._N)


def _chess_move(env: Any, player: int, action: int) -> str:
    """The move as UCI writes it, for example e2e4."""
    from pettingzoo.classic.chess import chess_utils

    return str(chess_utils.action_to_move(env.board, action, player).uci())


def _go_board(env: Any, _player: int) -> str:
    """Black X, White O, row by row from above."""
    return "\n".join(" ".join(".XO"[stone] for stone in row) for row in env._go.board.tolist())


def _go_move(env: Any, _player: int, action: int) -> str:
    """The point as GTP writes it, for example D4, or pass."""
    from pettingzoo.classic.go import coords

    _set_go_board(env)
    return str(coords.to_gtp(coords.from_flat(action)))


def _poker_hand(env: Any, player: int) -> str:
    """RLCard's cards and chips as they are seen from a seat; what may be done is told elsewhere."""
    seen = env.env.get_state(player)["raw_obs"]
    return "\n".join(f"{key.replace('_', ' ')}: {_words(seen[key])}" for key in POKER_SHOWN if key in seen)


def _words(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _hanabi_table(env: Any, player: int) -> str:
    return str(env.hanabi_env.game_state.observation_string(player))


def _hanabi_move(env: Any, player: int, action: int) -> str:
    return str(env.hanabi_env.game_state.action_to_string(player, action))


FACTS: dict[str, Facts | Callable[[Parameters], Facts]] = {
    "chess_v6": _board(packages=("chess",), action_text=_chess_move),
    "connect_four_v3": _board(max_length=42),
    # observations are pixels of the picture, which is drawn in this mode alone
    "cooperative_pong_v6": Facts(settings={"render_mode": "rgb_array"}),
    "go_v5": _go,
    "hanabi_v5": _hanabi,
    # the clock of the zombies runs on from match to match
    "knights_archers_zombies_v11": Facts(resets_fully=False),
    # at most (1 + 2 + 4) * 2 chips of a player go in, counted in big blinds of 2
    "leduc_holdem_v4": _poker(bounds=(-7.0, 7.0), max_length=8, action_names=CALL_RAISE_FOLD_CHECK),
    "rps_v2": _rock_paper_scissors,
    "texas_holdem_no_limit_v6": _hold_em(("fold", "check or call", "raise half the pot", "raise the pot", "all in")),
    "texas_holdem_v4": _hold_em(CALL_RAISE_FOLD_CHECK),
    "tictactoe_v3": _board(max_length=9),
}
"""Named with their version: another version may have other rules, and is then described by `Facts()`."""
