"""The first page's newest results: one match a finished tournament, as it ended."""

from __future__ import annotations

import re

from arena.server.newest import SHOWN


def test_newest_results_are_the_last_matches_of_games_that_are_drawn(site):
    page = site.get("/").text
    listed = page[page.index('class="newest"') : page.index("</ul>", page.index('class="newest"'))]
    links = re.findall(r'<a href="/tournaments/([\w-]+)/matches/(\d+)">', listed)
    assert 0 < len(links) <= SHOWN
    assert listed.count('role="img"') == len(links)
    for key, number in links:
        tournament = site.ledger.tournament(key)
        assert int(number) == max(site.ledger.played(tournament).index)
    assert "dark-cup" not in dict(links)  # of which there is no drawing


def test_an_empty_ledger_says_how_to_begin(fresh_ledger, serve):
    with serve(fresh_ledger) as site:
        assert "This ledger has no tournament yet." in site.get("/").text
