"""Ratings and rankings against those of other packages (recorded by `oracles/record_peers.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest
from simulated_records import record_of

from arena.leaderboards import bradley_terry, davidson, elo, minimax_ranking, plackett_luce
from arena.leaderboards.nash_average import nash_weights
from arena.solvers import minimax_winner, nash_average

RECORDED = json.loads((Path(__file__).parent / "oracles" / "peers.json").read_text(encoding="utf-8"))


def matches_of(rows):
    return record_of(rows, [[1, -1]] * len(rows), agents=tuple(f"a{k:02}" for k in range(int(np.max(rows)) + 1)))


@pytest.fixture(params=RECORDED["pairs"], ids=lambda held: f"{len(held['choix'])} agents")
def pairs(request):
    return request.param


@pytest.mark.parametrize("method", [bradley_terry, davidson, plackett_luce])
def test_strengths_are_those_of_choix(pairs, method):
    theirs = np.array(pairs["choix"])
    assert np.allclose(method(matches_of(pairs["matches"])).scores, theirs - theirs.mean(), atol=1e-7)


def test_elo_is_that_of_arena_rank(pairs):
    theirs = np.array(pairs["arena_rank"])
    ours = elo(matches_of(pairs["matches"])).scores
    # it adds 1e-5 a match to the information, and stops at a gradient of 1e-9
    assert np.allclose(ours, theirs - theirs.mean(), atol=0.05)


def test_intervals_of_many_matches_are_as_wide_as_arena_ranks(pairs):
    # theirs are of whole squares and normal; ours add what the fit took and units of unknown outcome
    theirs = np.array(pairs["arena_rank_high"]) - np.array(pairs["arena_rank_low"])
    record = matches_of(pairs["matches"])
    drawn = record_of(record.seats, record.returns, agents=record.agents, drawn=True)
    ours = np.ptp(elo(drawn).intervals, axis=1)
    assert (ours > theirs).all() and (ours < 1.2 * theirs).all()


@pytest.mark.parametrize("held", RECORDED["orders"], ids=lambda held: f"{len(held['choix'])} agents")
def test_strengths_from_whole_orders_are_those_of_choix(held):
    orders, theirs = np.array(held["orders"]), np.array(held["choix"])
    record = record_of(orders, np.tile(-np.arange(orders.shape[1]), (len(orders), 1)))
    assert np.allclose(plackett_luce(record).scores, theirs - theirs.mean(), atol=1e-6)


@pytest.mark.parametrize("held", RECORDED["matrices"], ids=lambda held: f"{len(held['matrix'])} agents")
def test_nash_averages_are_those_of_openspiel(held):
    matrix = np.array(held["matrix"])
    assert np.allclose(nash_average(matrix).strategies[0], held["nash_average"], atol=1e-4)
    assert np.allclose(nash_weights(0.5 + matrix / 40), held["nash_average"], atol=1e-4)


@pytest.mark.parametrize("held", RECORDED["votes"], ids=lambda held: f"{len(held['maximal_lottery'])} candidates")
def test_the_minimax_winner_is_openspiels_maximal_lottery(held):
    # voters are an odd number, so that the lottery is unique (Laffond, Laslier, Le Breton 1997)
    votes = np.array(held["votes"])
    record = record_of(votes, np.tile(-np.arange(votes.shape[1]), (len(votes), 1)))
    assert np.allclose(minimax_ranking(record).scores, held["maximal_lottery"], atol=1e-6)
    place = np.argsort(votes, axis=1)
    shares = (place[:, :, None] < place[:, None]).mean(axis=0) + 0.5 * np.eye(votes.shape[1])
    assert np.allclose(minimax_winner(shares).strategies[0], held["maximal_lottery"], atol=1e-6)
