"""A tournament from its configuration to the last match in the ledger; interrupted anywhere, it goes on from there.

A tournament is a sequence of rounds, most often of one. A rule (`arena.pairing`) decides each from the complete rounds
before it; where it looks at results, the round enters the ledger before its first match. Blocks of a round's schedule are the
unit of recording: their borders depend on the configuration and the round alone, so that a resumed run writes exactly
what an uninterrupted one would have written.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import cycle, islice

import numpy as np

from arena.agents.registry import REMOTE
from arena.agents.sandbox import tier_version
from arena.config import ConfigError, TournamentConfig, make_config
from arena.entrants import by_side, without_moves
from arena.executor import Executor, InProcess, MatchSetup
from arena.games import Game, SpecificationError, load_game
from arena.games.sides import Sides
from arena.heartbeat import heartbeat
from arena.hidden_chance import any_from_elsewhere, drawn_seed
from arena.hosted import hosted
from arena.ledger import AgentVersion, Ledger, Played, Tournament
from arena.match import Clock
from arena.noise_floor import add_twin, twins_of
from arena.origin import recorded, tiers
from arena.pairing.rule import Rule, meetings_of, rule_of
from arena.results import MatchResults, MatchSpecs
from arena.roster import enlist, playable, tried
from arena.rounds import LOOKING, PlayedRound, Round, keep_round, played_round, read_rounds
from arena.schedule import Schedule
from arena.verdict import (
    alike_recorded,
    decision,
    hypotheses_of,
    pairs_looked_at,
    points_of_matches,
    points_of_prefix,
)

FAST_KINDS = (
    "random",
    "uniform",
    "policy",
    "checkpoint",
    "scripted",
)  # answer whole batches in microseconds a decision
OBJECT_BLOCK, TENSOR_BLOCK = 4096, 131072  # eight and more waves of the lane's tables: the last, thin one weighs little
SLOW_BLOCK = 16  # what an interruption may cost where agents search or live outside
BLOCKS_AT_LEAST = 32  # enough for every worker and for a moving progress bar
BLOCKS_A_ROUND = 8  # where the next round waits for this one: enough for most crews
DECIDE_BLOCK = 64  # between two looks of a sequential test

Progress = Callable[[int, int], None]
"""Called with (matches recorded or finished, matches planned)."""


def run_tournament(
    config: TournamentConfig,
    ledger: Ledger,
    executor: Executor | None = None,
    *,
    progress: Progress | None = None,
    on_created: Callable[[Tournament], None] | None = None,
) -> Tournament:
    """Plays a tournament to its end and returns it as recorded.

    An unfinished tournament of the same name, configuration and agents is gone on with; otherwise a new one begins.

    Args:
        config: see `TournamentConfig`.
        ledger: where everything is recorded; artifacts go beside it.
        executor: who plays; this process by default.
        progress: hears how far it is.
        on_created: hears of the tournament before its first match.

    Raises:
        ArenaError: the game or an agent cannot be loaded, or they do not fit each other; nothing was recorded.
    """
    tournament = create_tournament(config, ledger, go_on=True)
    if on_created:
        on_created(tournament)
    return resume_tournament(tournament.key, ledger, executor, progress=progress)


def create_tournament(
    config: TournamentConfig,
    ledger: Ledger,
    *,
    go_on: bool = False,
    or_finished: bool = False,
    from_elsewhere: bool = False,
) -> Tournament:
    """The tournament recorded as planned, with no match played: loads the game and tries every agent on it.

    ``go_on``: the unfinished tournament of the same name, configuration and agents in place of a new one, if there is one;
    ``or_finished``: else the newest finished one; ``from_elsewhere``: see `enlist`.
    """
    game = _fitting_game(config)
    twins = twins_of(config.model_dump())
    others = {name: text for name, text in config.agents.items() if name not in twins}
    enlisted = dict(
        zip(
            others,
            enlist(
                ledger,
                ledger.artifacts,
                others,
                game=game,
                common_chance=config.common_chance,
                from_elsewhere=from_elsewhere,
                sandbox=config.sandbox,
            ),
            strict=True,
        )
    )
    enlisted |= {twin: add_twin(ledger, twin, enlisted[name]) for twin, name in twins.items()}
    agents = tuple(enlisted[name] for name in config.agents)
    if len({agent.id for agent in agents}) < len(agents):
        raise ConfigError("one agent stands twice in the tournament; leave it out, or give its twin another name")
    if config.seed is not None and game.info.chance and any(agent.kind == REMOTE for agent in agents):
        raise ConfigError(
            "seed: leave it out, where an agent that joined from elsewhere takes part in a game of chance: who guesses the seed knows all "
            "cards; one is drawn, and told when the tournament is over"
        )
    if game.info.chance and any_from_elsewhere(agents):
        config = config.model_copy(update={"own_chance": True})
    rule = rule_of(config, len(game.info.sides))
    _require_meetings(game, [agent.specification for agent in agents], rule)
    same = [
        earlier
        for earlier in (ledger.tournaments(game.info.specification) if go_on else [])
        if earlier.agents == agents and is_same(earlier.config, config)
    ]
    for earlier in same:
        if earlier.status != "finished":
            return earlier
    if or_finished and same:
        return same[-1]
    config = config.model_copy(update={"block": config.block or block_size(game, agents, config, rule)})
    return ledger.add_tournament(
        name=config.name,
        game=game.info,
        agents=agents,
        config=config.model_dump(mode="json"),
        seed=drawn_seed(agents) if config.seed is None else config.seed,
        planned=rule.most,
        versions=versions() | {"sandbox": tier_version(config.sandbox)} | recorded(agents),
    )


def try_tournament(config: TournamentConfig, ledger: Ledger) -> None:
    """Raises `ArenaError` where the game or an agent cannot be loaded, or they do not fit each other; records nothing."""
    game = _fitting_game(config)
    plans = tried(ledger, config.agents, game=game, common_chance=config.common_chance, sandbox=config.sandbox)
    rule = rule_of(config, len(game.info.sides))
    _require_meetings(game, [text if version is None else version.specification for _, text, version in plans], rule)


def resume_tournament(
    key: str,
    ledger: Ledger,
    executor: Executor | None = None,
    *,
    progress: Progress | None = None,
    on_recorded: Callable[[], None] | None = None,
) -> Tournament:
    """Plays what a tournament still lacks. A finished one is returned as it is. `on_recorded` hears of each block in the ledger.

    Raises:
        UnknownName: the ledger has no such tournament.
        SpecificationError: the game's version or an agent's content changed since it began, or it began with an agent from elsewhere
            in a lower tier than is demanded here.
    """
    tournament = ledger.tournament(key)
    if tournament.source != "play":
        how = "; the same arena judge command goes on" if tournament.source == "judge" else ""
        raise SpecificationError(f"{key} was not played here ({tournament.source}); there is nothing to resume{how}")
    if tournament.status == "finished":
        return tournament
    config = make_config({**tournament.config, "seed": tournament.seed}, source=f"the configuration of {key}")
    game = load_game(tournament.game)
    if game.info.version != tournament.game_version:
        raise SpecificationError(
            f"{key} began with {game.info.title} {tournament.game_version}, here is {game.info.version}: "
            "install that version, or begin a new tournament"
        )
    setup = MatchSetup(
        game=tournament.game,
        agents=tuple(
            (agent.name, playable(agent, ledger, tier=tier))
            for agent, tier in zip(tournament.agents, tiers(tournament), strict=True)
        ),
        clock=Clock(move_s=config.move_clock_s, match_s=config.match_clock_s),
        common_chance=config.common_chance,
        sandbox=config.sandbox,
    )
    ledger.set_status(tournament, "running")
    try:
        run = _Run(
            ledger=ledger,
            tournament=tournament,
            config=config,
            rule=rule_of(config, len(tournament.sides)),
            setup=setup,
            executor=executor or InProcess(),
            progress=progress,
            on_recorded=on_recorded,
        )
        with heartbeat(partial(keep_alive, ledger, [tournament])):
            run.play()
    except BaseException:
        ledger.set_status(tournament, "interrupted")
        raise
    ledger.set_status(tournament, "finished")
    return ledger.tournament(key)


def schedule_of(config: TournamentConfig, sides: Sides, chosen: Round, *, first: int = 0) -> Schedule:
    """The schedule of a round that begins with match `first`, in a game of these sides."""
    alone = all(len(players) == 1 for players in sides)
    return Schedule(
        lineups=chosen.lineups,
        rotations=chosen.rotations,
        seed=config.seed or 0,
        sides=None if alone else sides,
        entrants=None if alone else members_of(config),
        first=first,
        common_chance=config.common_chance,
        seated=chosen.seated,
        own_chance=config.own_chance,
    )


def members_of(config: TournamentConfig) -> list[list[int]]:
    """The agents, by number, that take turns at the players of each entrant's side."""
    numbers = {name: number for number, name in enumerate(config.agents)}
    mixed = [[numbers[member] for member in members] for members in config.teams.values()]
    return [*([number] for number in numbers.values()), *mixed]


def _fitting_game(config: TournamentConfig) -> Game:
    """The game of a configuration that fits it.

    Raises:
        ArenaError: there is none, or it has not the players or teams that the configuration means.
    """
    game = load_game(config.game)
    sides = len(game.info.sides)
    if config.pairing == "decide" and sides != 2:
        raise ConfigError(f"pairing = 'decide' needs a game of two players; {game.info.title} has {sides}")
    if config.common_chance and not game.info.chance:
        raise ConfigError(f"common_chance needs a game of chance; {game.info.title} has none to share")
    if config.common_chance and len(config.entrants) < sides:
        raise ConfigError(
            f"common_chance needs an agent for each of the {sides} sides of {game.info.title}; got {len(config.entrants)}"
        )
    if (config.block or 1) > 1 and game.info.tables_at_once == 1 and game.info.lane != "hosted":
        raise ConfigError(f"leave block out: the matches of {game.info.title} are recorded one by one, as it may fail")
    _check_teams(config, game)
    return game


def _require_meetings(game: Game, agents: Sequence[str], rule: Rule) -> None:
    """Raises `SpecificationError` where agents may meet who cannot play each other, as computer players of a hosted game."""
    if game.info.lane == "hosted":
        for meeting in meetings_of(rule, len(agents), len(game.info.sides)):
            hosted(game).require_meeting([agents[entrant] for entrant in meeting])


def _check_teams(config: TournamentConfig, game: Game) -> None:
    if not config.teams:
        return
    if not game.info.teams:
        raise ConfigError(f"teams are for games of teams; in {game.info.title} every player stands alone")
    largest = max(map(len, game.info.teams))
    for name, members in config.teams.items():
        if len(members) > largest:
            raise ConfigError(
                f"team {name!r} has {len(members)} agents; a team of {game.info.title} has {largest} players"
            )
    for size in sorted({len(players) for players in game.info.teams}):
        _check_told_apart(config, size)


def _check_told_apart(config: TournamentConfig, players: int) -> None:
    """Records keep the agent of each player, and from these alone is known which team that was."""
    known: dict[tuple[str, ...], str] = {}
    for name, members in [*((agent, [agent]) for agent in config.agents), *config.teams.items()]:
        filled = tuple(islice(cycle(members), players))
        if filled in known:
            raise ConfigError(f"{known[filled]} and {name} are the same agents where a team has {players} players")
        known[filled] = name


def is_same(recorded: Mapping[str, object], config: TournamentConfig) -> bool:
    """Whether a recorded configuration is this one; the block is Arena's choice where it is not given.

    What older releases did not know has its default.
    """
    given = config.model_dump(mode="json")
    known = {name: key.default for name, key in TournamentConfig.model_fields.items() if not key.is_required()}
    recorded = {**{name: value for name, value in known.items() if name in given and name != "teams"}, **recorded}
    block = recorded["block"]
    return {**recorded, "block": given["block"] or block} == {**given, "block": block}


def block_size(game: Game, agents: tuple[AgentVersion, ...], config: TournamentConfig, rule: Rule) -> int:
    """Matches recorded together: much where agents are fast, little where an interruption would cost long work."""
    if game.info.lane == "hosted" or game.info.tables_at_once == 1:
        return 1  # a rotation: each match is long, and may leave files behind
    matches = -(-rule.most // BLOCKS_AT_LEAST)
    if config.pairing in LOOKING and (begin := rule.next_round(())) is not None:
        matches = min(matches, -(-begin.matches // BLOCKS_A_ROUND))
    fast = all(agent.kind in FAST_KINDS for agent in agents)
    if fast and game.info.lane == "tensor" and config.pairing != "decide":
        return TENSOR_BLOCK
    most = DECIDE_BLOCK if config.pairing == "decide" else OBJECT_BLOCK
    return max(1, min(most if fast else SLOW_BLOCK, matches))


class _Run:
    """What is left of a tournament, and who plays it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        tournament: Tournament,
        config: TournamentConfig,
        rule: Rule,
        setup: MatchSetup,
        executor: Executor,
        progress: Progress | None,
        on_recorded: Callable[[], None] | None,
    ):
        self.ledger, self.tournament, self.config, self.rule = ledger, tournament, config, rule
        self.setup, self.executor, self.on_recorded = setup, executor, on_recorded
        self.counter = _Counter(progress, rule.most, done=ledger.progress(tournament))
        self.written = ledger.written(tournament)  # the first matches of the blocks that the ledger has
        self.out: dict[int, None] = {}  # those of the blocks that are being played, in schedule order
        self.looks = config.pairing in LOOKING
        # after `written`: what somebody else records between the two is played here too, and then stands twice in `fresh`
        self.fresh = [ledger.played(tournament)] if self.looks else []  # matches of rounds that are not complete yet

    def play(self) -> None:
        """To the end: of the rule, or of the test that decides."""
        recorder = _UntilDecided(self) if self.config.pairing == "decide" else _AsFinished(self)
        if recorder.over:
            return
        with closing(self._results()) as arriving:  # closing it stops the workers
            for results in arriving:
                recorder.record(results)
                if recorder.over:
                    return

    def _results(self) -> Generator[MatchResults, None, None]:
        for results in self.executor.run(self.setup, self._blocks(), on_finished=self.counter.add):
            if int(results.specs.index[0]) in self.out:  # else it came before, from a worker that was thought dead
                yield results

    def write(self, results: MatchResults) -> None:
        """Records a block that was given out."""
        self.ledger.write(self.tournament, results)
        if self.on_recorded is not None:
            self.on_recorded()
        if self.looks:
            self.fresh.append(without_moves(results))
        del self.out[int(results.specs.index[0])]

    def _blocks(self) -> Iterator[MatchSpecs | None]:
        """What is to be played; None while the next round waits for results."""
        kept = read_rounds(self.ledger, self.tournament) if self.looks else []
        past: list[PlayedRound] = []
        first = 0
        while (chosen := self._round(kept, past)) is not None:
            schedule = schedule_of(self.config, self.tournament.sides, chosen, first=first)
            for start, stop in schedule.blocks(self.config.block or 1):
                if start not in self.written:
                    self.out[start] = None
                    yield schedule.specs(start, stop)
            if not self.looks:
                return
            while self.out:
                yield None
            past.append(self._complete(chosen, first, schedule.end))
            first = schedule.end

    def _round(self, kept: list[Round], past: Sequence[PlayedRound]) -> Round | None:
        """The round after these: as the ledger has it, else as the rule decides now."""
        if len(past) < len(kept):
            return kept[len(past)]
        chosen = self.rule.next_round(past)
        if chosen is not None and self.looks:
            chosen = keep_round(self.ledger, self.tournament, kept, chosen)
            kept.append(chosen)
        return chosen

    def _complete(self, chosen: Round, start: int, stop: int) -> PlayedRound:
        """The round with its matches, all of which are recorded."""
        played = Played.joined(self.fresh)
        begin, end = np.searchsorted(played.index, [start, stop]).tolist()
        self.fresh = [played.take(slice(end, None))]
        return played_round(chosen, by_side(self.tournament, played.take(slice(begin, end))))


class _AsFinished:
    """Blocks enter the ledger as they are finished, in any order."""

    over = False

    def __init__(self, run: _Run):
        self.run = run

    def record(self, results: MatchResults) -> None:
        self.run.write(results)


class _UntilDecided:
    """Blocks enter in schedule order, and none after the one in which the test decided."""

    def __init__(self, run: _Run):
        self.run = run
        self.finished: dict[int, MatchResults] = {}
        # read once; each block then adds its own
        self.points = points_of_prefix(by_side(run.tournament, run.ledger.played(run.tournament)))
        self.alike: int | None = None
        self.looked = False  # whether the first pairs, which alone decide it, were enough to tell
        self.over = self._decided()

    def record(self, results: MatchResults) -> None:
        self.finished[int(results.specs.index[0])] = results
        while not self.over and self.run.out and (start := next(iter(self.run.out))) in self.finished:
            block = self.finished.pop(start)
            self.run.write(block)
            met = by_side(self.run.tournament, without_moves(block))
            self.points = np.append(self.points, points_of_matches(met))
            self.over = self._decided()

    def _decided(self) -> bool:
        config, hypotheses = self.run.config, hypotheses_of(self.run.config.model_dump())
        if not self.looked:
            self.alike = alike_recorded(self.run.ledger, self.run.tournament)
            pairs = pairs_looked_at(error_rate=config.error_rate, hypotheses=hypotheses)
            self.looked = len(self.points) >= 2 * pairs
        return decision(self.points, error_rate=config.error_rate, hypotheses=hypotheses, alike=self.alike).decided


def keep_alive(ledger: Ledger, tournaments: Sequence[Tournament]) -> None:
    """Says that these tournaments are being played, so that killed ones do not pass for running ones."""
    for tournament in tournaments:
        ledger.keep_alive(tournament)


class _Counter:
    """Counts finished matches for a progress bar."""

    def __init__(self, progress: Progress | None, planned: int, *, done: int):
        self.progress, self.planned, self.done = progress, planned, done
        self.add(0)

    def add(self, matches: int) -> None:
        self.done += matches
        if self.progress:
            self.progress(self.done, self.planned)


def versions() -> dict[str, str]:
    """What a tournament was played with: Python and the packages that decide what happens in a match."""
    names = ("minimax-arena", "open_spiel", "pettingzoo", "numpy", "torch")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
