"""Forfeits with their logs and relatives, on an agent's page."""

from __future__ import annotations

import html

from fastapi.testclient import TestClient

from arena.ledger import Ledger
from arena.server.app import create_app
from arena.server.site import agent_address
from tests.server.conftest import import_matches


def test_forfeits_are_listed_with_what_happened_and_the_log(site, hostile):
    page = site.get(agent_address("a/b c?d#e%20&f@1")).text
    section = page[page.index('id="forfeits"') : page.index('id="matches"')]
    assert "Forfeits, kept apart from strength" in section
    assert '<span class="tag warn">crash</span>' in section
    assert f'<pre class="log">said {html.escape(hostile)}'.replace("&quot;", "&#34;") in section
    assert hostile not in section


def test_who_forfeited_nothing_has_no_such_part(site):
    assert 'id="forfeits"' not in site.get("/agents/first@1").text


def test_versions_and_exploiters_are_linked(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_matches(ledger, "elsewhere:cards", [("ann", "bob", 1.0, -1)])
        ledger.add_agent("ann", specification="random", kind="random")
        ledger.add_agent("eve", specification="random", kind="random", lineage={"exploits": "ann@1"})
        client = TestClient(create_app(ledger))
        first, eve = (client.get(f"/agents/{label}").text for label in ("ann@1", "eve@1"))
    for what, label in (("The version after", "ann@2"), ("Exploited by", "eve@1")):
        assert f'<dt>{what}</dt><dd><a class="agent-name" href="/agents/{label}">' in first
    assert '<dt>Made against</dt><dd><a class="agent-name" href="/agents/ann@1">' in eve
