"""``smax:SCENARIO``: SMAX as a game of the arena, for example ``smax:3m`` or ``smax:2s3z(observation=conic)``."""

from __future__ import annotations

from dataclasses import dataclass, field

from arena.games.actions import ActionSpace
from arena.games.errors import SpecificationError
from arena.games.game import Game, GameInfo
from arena.games.smax.acting import CONTINUOUS_WIDTH
from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.scenarios import SCENARIOS
from arena.games.smax.tables import SmaxTables, teams_of
from arena.games.smax.words import DIRECTIONS
from arena.games.specification import Call, Value, parse_call, read_parameters

VERSION = "1 (SMAX dynamics of JaxMARL 0.2.0)"
DEFAULTS: dict[str, Value] = {
    "actions": "discrete",
    "max_steps": 100,
    "observation": "unit_list",
    "see_enemy_actions": True,
    "walls_cause_death": True,
}


@dataclass(frozen=True, slots=True)
class SmaxGame:
    """A scenario as a game. ``rules`` say what `info` cannot."""

    info: GameInfo
    rules: Rules = field(repr=False)

    def tables(self, capacity: int) -> SmaxTables:
        return SmaxTables(self.info, self.rules, capacity)


def load(rest: str) -> Game:
    """The game behind ``smax:``; parameters are those of `DEFAULTS`, with their defaults.

    Raises:
        UnknownName: no such scenario or parameter.
        SpecificationError: a value that the rules do not know.
    """
    call = parse_call(rest)
    scenario = scenario_named(call.name)
    given = read_parameters(call, DEFAULTS)
    for name, allowed in (("observation", ("unit_list", "conic")), ("actions", ("discrete", "continuous"))):
        if given[name] not in allowed:
            raise SpecificationError(f"smax: {name} must be {' or '.join(allowed)}; got {given[name]!r}")
    rules = Rules(scenario=scenario, **given)  # type: ignore[arg-type]  # of the defaults' types, checked above
    return game_of(rules)


def game_of(rules: Rules) -> SmaxGame:
    """The game of these rules."""
    own = {name: getattr(rules, name) for name, default in DEFAULTS.items() if getattr(rules, name) != default}
    discrete = ActionSpace(size=rules.num_actions)
    info = GameInfo(
        specification=f"smax:{Call(rules.scenario.name, own)}",
        title=f"SMAX {rules.scenario.name}",
        version=VERSION,
        num_players=rules.num_units,
        action_space=discrete if rules.actions == "discrete" else ActionSpace(kind="box", width=CONTINUOUS_WIDTH),
        dynamics="simultaneous",
        chance=True,
        information="imperfect",
        utility="zero_sum",
        min_utility=-1.0,
        max_utility=1.0,
        teams=teams_of(rules),
        lane="tensor",
        tables_at_once=1024,
        max_length=rules.max_steps + 1,
        tensor_width=rules.observation_width,
        action_names=_names(rules),
    )
    return SmaxGame(info, rules)


def list_infos() -> list[GameInfo]:
    """The facts of all scenarios, with their parameters as they stand by default."""
    return [load(name).info for name in SCENARIOS]


def _names(rules: Rules) -> tuple[str, ...]:
    if rules.actions == "continuous":
        return ()
    foes = rules.num_actions - len(DIRECTIONS)
    return (*DIRECTIONS, *(f"attack {place}" for place in range(foes)))
