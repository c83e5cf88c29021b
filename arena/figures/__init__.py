"""Figures of a leaderboard for papers: rating intervals, payoffs, response graph, weights over time. They need matplotlib."""

from __future__ import annotations

from arena.figures.payoffs import payoffs_figure
from arena.figures.ratings import ratings_figure
from arena.figures.response import graph_figure
from arena.figures.style import save_figure
from arena.figures.weights import weights_figure

__all__ = ["graph_figure", "payoffs_figure", "ratings_figure", "save_figure", "weights_figure"]
