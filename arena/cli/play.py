"""`arena play`: some matches at once, without a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Json, MatchClock, MoveClock, Sandbox, Seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.cli.output import Head
    from arena.games import Game
    from arena.games.usage import Usage
    from arena.results import MatchResults


def play_command(
    game: Annotated[str, typer.Argument(help="for example arena:connect_four")],
    agents: Annotated[
        list[str], typer.Argument(help="one a seat or team: random, human, 'mcts(simulations=200)', exec:...")
    ],
    matches: Annotated[int, typer.Option("--matches", "-n", min=1, help="How many.")] = 1,
    seed: Seed = 0,
    render: Annotated[bool, typer.Option("--render", help="Show the last match move by move.")] = False,
    move_clock: MoveClock = None,
    match_clock: MatchClock = None,
    sandbox: Sandbox = None,
    json: Json = False,
) -> None:
    """Play matches between agents and print what came of them."""
    from arena.agents.sandbox import tier_named
    from arena.cli.output import say, say_json
    from arena.games import load_game
    from arena.match import Clock
    from arena.playing import play
    from arena.replay import replay

    loaded = load_game(game)
    results = play(
        loaded,
        agents,
        matches=matches,
        seed=seed,
        clock=Clock(move_s=move_clock, match_s=match_clock),
        sandbox=tier_named(sandbox or "none"),
    )
    if json:
        say_json([as_json(result) for result in results])
        return
    if render:
        for position in replay(loaded, results[len(results) - 1]):
            say(
                f"--- move {position.move}"
                + (f": {_mover(position.player)}{position.action_text}" if position.move else "")
            )
            say(position.text)
    _summary(loaded, agents, results)


def as_json(result: object) -> dict[str, object]:
    """One match as JSON values."""
    from arena.results import MatchResult

    assert isinstance(result, MatchResult)
    return {
        "match": result.spec.index,
        "seats": list(result.spec.seats),
        "seed": result.spec.seed,
        "chance_seed": result.spec.chance_seed,
        "returns": list(result.returns),
        "termination": result.termination.name.lower(),
        "forfeited_by": result.forfeited_by,
        "actions": result.actions.tolist(),
        "seconds": [round(seconds, 6) for seconds in result.seconds],
    } | ({"usage": [{"player": one.player, **one.usage.to_dict()} for one in result.usage]} if result.usage else {})


def _used(results: MatchResults, side: NDArray[np.int64]) -> dict[int, Usage]:
    """What each seat or team used up in all matches, of those who use anything."""
    from arena.games.usage import Usage

    used: dict[int, Usage] = {}
    for one in sorted(results.usage, key=lambda one: one.player):
        seat = int(side[one.player])
        used[seat] = used.get(seat, Usage()) + one.usage
    return used


def _mover(player: int | None) -> str:
    return "" if player is None else f"player {player} "


def _summary(game: Game, agents: list[str], results: MatchResults) -> None:
    import numpy as np

    from arena.cli.output import say, table
    from arena.games.sides import side_of_player, side_returns
    from arena.games.usage import used_words
    from arena.leaderboards.wording import signed
    from arena.results import NOBODY, Termination

    failed, faults = results.termination == Termination.INFRASTRUCTURE, results.faults
    results = results.take(np.flatnonzero(~failed))
    sides = game.info.sides if len(agents) < game.info.num_players else [[p] for p in range(game.info.num_players)]
    side = side_of_player(sides)
    returns, at_fault = side_returns(results.returns, sides), side[np.maximum(results.forfeit, 0)]
    best = returns == returns.max(axis=1, keepdims=True)
    alone = best & (best.sum(axis=1, keepdims=True) == 1)
    rows = []
    for seat, agent in enumerate(agents):
        won = int(alone[:, seat].sum())
        shared = int((best[:, seat] & ~alone[:, seat]).sum())
        forfeits = int(((results.forfeit >= 0) & (at_fault == seat)).sum())
        mean = signed(float(returns[:, seat].mean()), 3) if len(results) else "–"
        spent = results.seconds[:, side == seat].sum(axis=1)
        seconds = f"{1000 * float(spent.mean()):.2f} ms" if len(results) else "–"
        rows.append(
            (str(seat), agent, mean, str(won), str(shared), str(len(results) - won - shared), str(forfeits), seconds)
        )
    matches = f"{len(results):,} match" + ("" if len(results) == 1 else "es")
    matches += f", and {int(failed.sum()):,} not rated" if failed.any() else ""
    heads: list[Head] = [
        ("seat" if len(agents) == game.info.num_players else "team", "right"),
        "agent",
        ("mean return", "right"),
        ("best", "right"),
        ("shared", "right"),
        ("below", "right"),
        ("forfeits", "right"),
        ("time a match", "right"),
    ]
    table(heads, rows, title=f"{game.info.title}, {matches}")
    for seat, used in _used(results, side).items():
        say(f"{agents[seat]} used {used_words(used)}")
    for fault in faults[:5]:
        if fault.player == NOBODY:
            say(f"match {fault.index}: {fault.message}")
            continue
        say(
            f"match {fault.index}: {agents[side[fault.player]]} forfeited, {fault.termination.name.lower()}: {fault.message}"
        )
        if fault.log:
            say("    " + fault.log.strip().replace("\n", "\n    "))
    if len(faults) > 5:
        say(f"... and {len(faults) - 5:,} more forfeits")
