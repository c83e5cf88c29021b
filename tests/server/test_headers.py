"""What every answer carries, what may be kept, and the theme."""

from __future__ import annotations

import re

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/api/v1/games",
        "/static/arena.css",
        "/nowhere",
        "/healthz",
        "/?theme=dark",
        "/tournaments/noughts/events",
    ],
)
def test_every_answer_has_a_strict_content_policy(site, path):
    answer = site.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_an_unchanged_page_is_not_sent_again(site):
    first = site.get("/games/openspiel:connect_four")
    again = site.client.get("/games/openspiel:connect_four", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = site.client.get("/games/openspiel:kuhn_poker", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_files_asked_for_by_hash_are_kept_for_good(site):
    [address] = re.findall(r'href="(/static/arena\.css\?v=\w+)"', site.get("/").text)
    assert site.get(address).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.get("/static/arena.css").headers["cache-control"] == "no-cache"
    site.get("/static/../app.py", 404)
    site.get("/static/%2e%2e/app.py", 404)


def test_pages_are_sent_compressed(site):
    assert site.get("/games/openspiel:connect_four").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_page_says_once_what_it_varies_by(site, encoding):
    path = "/games/openspiel:connect_four"
    for tag, status in (("none", 200), (site.get(path).headers["etag"], 304)):
        answer = site.client.get(path, headers={"Accept-Encoding": encoding, "If-None-Match": tag})
        assert answer.status_code == status
        assert answer.headers["vary"].split(", ").count("Accept-Encoding") == 1


def test_a_theme_is_remembered_and_the_page_stays_the_same(site):
    answer = site.client.get("/agents?retired=true&theme=dark")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/agents?retired=true"
    assert "theme=dark" in answer.headers["set-cookie"]
    chosen = site.client.get("/", headers={"Cookie": "theme=dark"}).text
    assert '<html lang="en" data-theme="dark">' in chosen
    assert 'href="/?theme=light" data-theme-switch' in chosen
    odd = site.client.get("/", headers={"Cookie": 'theme="><script>'}).text
    assert '<html lang="en">' in odd
    site.client.cookies.clear()


def test_a_theme_link_leads_to_no_other_host(site):
    assert site.client.get(f"{site.url}//evil.example/?theme=dark").headers["location"] == "/evil.example/"
    site.client.cookies.clear()


def test_our_own_failure_is_a_page_that_tells_no_secrets(site, monkeypatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(site.ledger), "agents", broken)
    page = site.get("/agents", 500)
    assert "The server failed" in page.text
    assert "secret" not in page.text
    assert site.get("/api/v1/agents", 500).json()["error"]["kind"] == "InternalError"
