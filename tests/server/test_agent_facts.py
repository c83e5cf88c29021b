"""Forfeits with their logs and forebears, on an agent's page."""

from __future__ import annotations

import html
import re

from fastapi.testclient import TestClient

from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion
from arena.server.ancestry import ancestry
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


def test_versions_and_exploiters_stand_in_the_tree_of_their_forebears(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        import_matches(ledger, "elsewhere:cards", [("ann", "bob", 1.0, -1)])
        ledger.add_agent("ann", specification="policy:p", kind="policy", content_hash="ab" * 32)
        ledger.add_agent("eve", specification="random", kind="random", lineage={"exploits": "ann@1"})
        client = TestClient(create_app(ledger))
        second, eve, bob = (client.get(f"/agents/{label}").text for label in ("ann@2", "eve@1", "bob@1"))
    tree = second[second.index('class="tree"') :].partition("</section>")[0]
    assert re.findall(r"/agents/([^\"]+)\"", tree) == ["ann@1", "eve@1"]
    assert '<strong aria-current="true"><span class="nb">ann<span class="v">@2' in tree
    assert 'the next version, <code class="strong">abababab</code>' in tree
    assert "made against it" in eve[eve.index('aria-current="true"><span class="nb">eve') :]
    assert "Where it comes from" not in bob


def _version(number: int, name: str = "ann", **lineage: object) -> AgentVersion:
    return AgentVersion(
        id=number,
        name=name,
        version=number,
        specification="random",
        kind="random",
        content_hash=None,
        lineage=lineage,
        retired=False,
        created_at=f"2026-01-01T00:00:{number:02}Z",
    )


def test_of_many_forebears_the_last_are_shown():
    known = [_version(number) for number in range(1, 31)]
    family = ancestry(known[19], known)
    assert (family.earlier, family.root.label) == (14, "ann@15")
    depth, one = 0, family.root
    while one.children:
        depth, one = depth + 1, one.children[0]
    assert (depth, one.label) == (6, "ann@21")


def test_a_circle_of_forebears_ends():
    known = [_version(1, "ann", exploits="eve@1"), _version(1, "eve", exploits="ann@1")]
    family = ancestry(known[0], known)
    assert (family.root.label, family.root.children[0].label, family.root.children[0].children) == (
        "eve@1",
        "ann@1",
        (),
    )
