"""A tournament as a file: TOML, checked to the last key before anything is played."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arena.agents.sandbox import Tier
from arena.games import SpecificationError
from arena.toml_file import ConfigError as ConfigError
from arena.toml_file import place, read_values, refused

Pairing = Literal["round_robin", "gauntlet", "decide", "swiss", "knockout", "adaptive", "exploit", "seated"]
ONLY_FOR: dict[str, Pairing] = {
    "challenger": "gauntlet",
    "rounds": "swiss",
    "further_pairs": "knockout",
    "aim": "adaptive",
    "batch": "adaptive",
    "test": "decide",
}
"""Keys that mean something for one pairing alone."""
FOR_GSPRT = ("elo0", "elo1", "alpha", "beta", "elo_scale")
"""Keys of the pentanomial test alone."""


LONGEST_NAME = 100  # characters of a tournament's name


class TournamentConfig(BaseModel):
    """What a tournament is: a game, its agents, who meets whom, and when it is over. A file may name a list of games; each is
    a tournament then (`make_configs`).

    ``agents``: name -> specification; a name alone stands for a registered agent. ``teams``: in a game of teams, name ->
    agents that take turns at a team's players: a mixed team, which meets the others and is rated under its name. ``matches``: of each pairing, rounded up
    to whole rotations of the seats; in ``swiss`` a round, in ``knockout`` a tie; for ``decide`` and ``adaptive`` the most
    that are played in all. ``seed``: of all chance and all agents; where it is not given
    made from the tournament's key, so that two tournaments are two samples, or drawn (`arena.hidden_chance`). ``move_clock_s``, ``match_clock_s``: seconds
    that an agent outside Arena's process has. ``challenger``: who meets all others in a gauntlet, the first as a rule.
    ``error_rate``: of ``decide`` and ``adaptive``, the probability of a wrong verdict. ``test``: of ``decide``: ``betting``,
    whose error rate holds always, or ``gsprt``, the pentanomial test of the differences ``elo0`` and ``elo1``, of which the first
    is rejected wrongly with a probability of about ``alpha``, the second of about ``beta``; ``elo_scale`` of both. ``rounds``: of ``swiss``; None are few
    more than a knockout's. ``further_pairs``: of ``knockout``, seat-swapped pairs at most that a level tie goes on; then the
    better seed wins, and agents are seeded as they are listed. ``aim``: of ``adaptive``, what is to be decided, see
    `parse_aim`; ``batch``: pairs of matches a round, None as many as entrants. ``block``: matches that are recorded together;
    chosen by the speed of the agents where it is not given. ``noise_floor``: a byte-identical twin of ``twin_of`` (None: of the
    first agent) takes part as ``NAME-twin``, and an agent that plays at random where there is none; ``agents`` then has them.
    ``common_chance``: of ``round_robin`` and ``gauntlet``, whether the k-th rotation of every lineup has the same chance and the
    same draws of agents, not only the matches of one rotation the same chance. ``own_chance``: whether no two
    matches share their chance, not even those of one rotation; always so in games of chance where an agent is a program
    that Arena does not start (`remote:`, `http:`). ``sandbox``: the tier in which ``exec:`` and ``python:`` agents are
    confined; where it does not hold, nothing is played. ``rated``: whether its matches count on leaderboards.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    game: str = Field(min_length=1)
    agents: dict[str, str]
    teams: dict[str, list[str]] = Field(default_factory=dict)
    pairing: Pairing = "round_robin"
    matches: int = Field(default=100, ge=1, le=1_000_000_000)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    move_clock_s: float | None = Field(default=None, gt=0, le=1e6)
    match_clock_s: float | None = Field(default=None, gt=0, le=1e6)
    challenger: str | None = None
    rounds: int | None = Field(default=None, ge=1, le=10_000)
    further_pairs: int = Field(default=4, ge=0, le=10_000)
    aim: str | None = None
    batch: int | None = Field(default=None, ge=1, le=1_000_000)
    error_rate: float = Field(default=0.05, gt=0, lt=0.5)
    test: Literal["betting", "gsprt"] = "betting"
    elo0: float = Field(default=0.0, ge=-1500, le=1500)
    elo1: float = Field(default=10.0, ge=-1500, le=1500)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    beta: float = Field(default=0.05, gt=0, lt=0.5)
    elo_scale: Literal["logistic", "normalized"] = "logistic"
    block: int | None = Field(default=None, ge=1, le=1_000_000)
    noise_floor: bool = False
    twin_of: str | None = None
    common_chance: bool = False
    own_chance: bool = False
    sandbox: Tier = "none"
    rated: bool = True

    @model_validator(mode="before")
    @classmethod
    def _name_the_agents(cls, values: object) -> object:
        """``agents = ["random", "strong"]`` is short for names that are specifications or registered agents."""
        if isinstance(values, dict) and isinstance(values.get("agents"), list):
            listed = values["agents"]
            if all(isinstance(item, str) for item in listed):
                try:
                    return _with_noise_floor({**values, "agents": named_agents(listed)})
                except ConfigError as error:
                    raise ValueError(f"agents: {error}") from None
        return _with_noise_floor(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _agree(self) -> TournamentConfig:
        if not self.name.isprintable():
            raise ValueError(f"name: a tournament is called by printable characters; got {self.name!r:.80}")
        for name in self.agents:
            try:
                check_name(name)
            except ValueError as error:
                raise ValueError(f"agents: {error}") from None
        for name, members in self.teams.items():
            self._check_team(name, members)
        if self.challenger is not None and self.challenger not in self.entrants:
            raise ValueError(f"challenger {self.challenger!r} is none of the agents {', '.join(self.entrants)}")
        for key, pairing in ONLY_FOR.items():
            if self.pairing != pairing and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} is for pairing = {pairing!r}; got {self.pairing!r}")
        for key in FOR_GSPRT:
            if self.test != "gsprt" and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} is for test = 'gsprt'; got {self.test!r}")
        if self.test == "gsprt" and self.error_rate != type(self).model_fields["error_rate"].default:
            raise ValueError("error_rate is for test = 'betting'; 'gsprt' has alpha and beta")
        if not self.elo0 < self.elo1:
            raise ValueError(f"elo1 must be more than elo0; got {self.elo1:g} and {self.elo0:g}")
        if self.twin_of is not None and not self.noise_floor:
            raise ValueError("twin_of says whose twin the noise floor is made of; set noise_floor = true too")
        if self.noise_floor and self.pairing in ("decide", "exploit"):
            raise ValueError(
                f"noise_floor adds a twin and an anchor, and pairing = {self.pairing!r} is between two agents"
            )
        if self.common_chance and self.pairing not in ("round_robin", "gauntlet"):
            raise ValueError(f"common_chance is for pairing = 'round_robin' or 'gauntlet'; got {self.pairing!r}")
        if self.common_chance and self.own_chance:
            raise ValueError("common_chance and own_chance exclude each other; leave one of them out")
        if self.pairing == "decide" and len(self.entrants) != 2:
            raise ValueError(f"pairing = 'decide' is between two agents; got {len(self.entrants)}")
        if self.pairing == "exploit" and not 1 <= len(self.entrants) <= 2:
            raise ValueError(f"pairing = 'exploit' is of an exploiter and its victim; got {len(self.entrants)} agents")
        if self.pairing == "adaptive":
            self._check_aim()
        return self

    def _check_aim(self) -> None:
        from arena.leaderboards.aims import FORMS, Comparison, Top, parse_aim  # late: most tournaments have no aim

        if self.aim is None:
            raise ValueError(f"aim is needed for pairing = 'adaptive': one of {FORMS}")
        if "matches" not in self.model_fields_set:
            raise ValueError("matches is needed for pairing = 'adaptive': the most that may be played in all")
        try:
            aim = parse_aim(self.aim)
        except SpecificationError as error:
            raise ValueError(f"aim: {error}") from None
        if isinstance(aim, Top) and aim.k >= len(self.entrants):
            raise ValueError(f"aim {self.aim!r} decides nothing among {len(self.entrants)} agents; ask for fewer")
        if isinstance(aim, Comparison):
            for name in (aim.first, aim.second):
                if name not in self.entrants:
                    raise ValueError(f"aim {self.aim!r} names {name!r}, which is none of {', '.join(self.entrants)}")

    def _check_team(self, name: str, members: list[str]) -> None:
        try:
            check_name(name)
        except ValueError as error:
            raise ValueError(f"teams: {error}") from None
        if name in self.agents:
            raise ValueError(f"teams: {name!r} is the name of an agent too; give the team another one")
        if len(set(members)) < 2:
            raise ValueError(f"teams: {name} needs two different agents; an agent alone fills its team anyway")
        for member in members:
            if member not in self.agents:
                raise ValueError(f"teams: {member!r} of {name} is none of the agents {', '.join(self.agents)}")

    @property
    def entrants(self) -> list[str]:
        """Who meets whom: the agents, then the mixed teams."""
        return [*self.agents, *self.teams]


def _with_noise_floor(values: dict[str, object]) -> dict[str, object]:
    """With the twin and the random anchor among the agents, where they are asked for and not there yet."""
    agents, teams = values.get("agents"), values.get("teams")
    if values.get("noise_floor") is not True or not isinstance(agents, dict) or not agents:
        return values
    of = next(iter(agents)) if values.get("twin_of") is None else values["twin_of"]
    if of not in agents:
        team = "; a mixed team has no twin, its agents have" if isinstance(teams, dict) and of in teams else ""
        raise ValueError(f"twin_of {of!r} is none of the agents {', '.join(map(str, agents))}{team}")
    twin = f"{of}-twin"
    if agents.get(twin, agents[of]) != agents[of]:
        raise ValueError(f"twin_of: {twin!r} is the name of another agent; give that one another name")
    grown = {**agents, twin: agents[of]}
    if "random" not in (text.strip() if isinstance(text, str) else text for text in grown.values()):
        name = next(name for name in ("random", "random-anchor", "random-anchor-2") if name not in grown)
        grown[name] = "random"
    return {**values, "agents": grown}


def named_agents(texts: list[str]) -> dict[str, str]:
    """Agents as people list them, ``name=specification`` or a specification or registered name alone, by name.

    Raises:
        ConfigError: two have one name.
    """
    named: dict[str, str] = {}
    for text in texts:
        name, equals, specification = text.partition("=")
        if equals and not set(name) & set("(:"):  # what stands before is meant as a name, not part of a specification
            try:
                name = check_name(name.strip())
            except ValueError as error:
                raise ConfigError(str(error)) from None
        else:
            name, specification = short_name(text), text
        if name in named:
            raise ConfigError(f"two agents are called {name!r}; name them apart: first={text} second={text}")
        named[name] = specification.strip()
    return named


def short_name(specification: str) -> str:
    """A name for an agent that was given none: its specification without what a name cannot hold."""
    text = re.sub(r"[^A-Za-z0-9_.\-]+", "_", specification.strip()).strip("_")
    return text[:60] or "agent"


def check_name(name: str) -> str:
    """The name, if an agent may be called so.

    Raises:
        ValueError: otherwise.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}", name):
        raise ValueError(f"an agent's name is 1-60 letters, digits, '_', '.' or '-'; got {name!r}")
    return name


def read_config(path: str | Path) -> TournamentConfig:
    """The tournament of a TOML file of one game.

    Raises:
        ConfigError: no such file, broken TOML, an unknown key (with the nearest one), or a value out of range.
    """
    values, text = read_values(path)
    return make_config(values, source=str(path), text=text)


def read_configs(path: str | Path) -> list[TournamentConfig]:
    """The tournaments of a TOML file, one a game.

    Raises:
        ConfigError: as `read_config`.
    """
    values, text = read_values(path)
    return make_configs(values, source=str(path), text=text)


def make_configs(values: Mapping[str, object], *, source: str = "tournament", text: str = "") -> list[TournamentConfig]:
    """The tournaments of these values: where ``game`` is a list one a game, called ``NAME game``, else one.

    Raises:
        ConfigError: as `read_config`.
    """
    games = values.get("game")
    if not isinstance(games, list):
        return [make_config(values, source=source, text=text)]
    at = place(["game"], source, text)
    if not games:
        raise ConfigError(f"{at}: game: the list is empty; name at least one game")
    for number, game in enumerate(games):
        if not isinstance(game, str) or not game:
            raise ConfigError(f"{at}: game: a list of games has their specifications as text; got {game!r}")
        if game in games[:number]:
            raise ConfigError(f"{at}: game: {game!r} stands twice in the list")
    name = values.get("name")
    named = {game: f"{name} {game}" if isinstance(name, str) and name else name for game in games}
    return [
        make_config(
            {**values, "game": game, **({} if name is None else {"name": named[game]})}, source=source, text=text
        )
        for game in games
    ]


def make_config(values: Mapping[str, object], *, source: str = "tournament", text: str = "") -> TournamentConfig:
    """The tournament of these values; `source` and `text` are what a message names.

    Raises:
        ConfigError: as `read_config`.
    """
    if isinstance(values.get("game"), list):
        raise ConfigError(
            f"{place(['game'], source, text)}: game: several games are several tournaments, and here is one asked for"
        )
    try:
        return TournamentConfig.model_validate(dict(values))
    except ValidationError as error:
        raise refused(error, TournamentConfig, source=source, text=text) from None
