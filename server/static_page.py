"""A page of the site as a file that needs no server: links become relative, forms become links, what needs a server goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

Attributes = list[tuple[str, str | None]]
Link = Callable[[str], str | None]
"""Of an address as it stands in the page, the address to write; None where the copy has no such page."""

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
NEEDS_SERVER = frozenset({"script", "button", "input", "textarea"})
FOR_SCRIPTS = ("hx-", "data-live", "data-film", "data-theme", "data-go", "data-replay", "data-ply")
NOTE = "<span>A copy without a server, made by <code>arena site</code>.</span>"


def static_page(html: str, link: Link) -> str:
    """The page with every link led through `link`.

    A link that leads nowhere becomes plain text. A form becomes a row of links for each of its lists of choices whose choices
    have pages; its other fields go, and so do scripts, buttons, what scripts alone would show, and what says of itself that it needs a server.
    """
    page = _Page(link)
    page.feed(html)
    page.close()
    return "".join(page.out[0])


@dataclass
class _Select:
    """A list of choices of a form: (value, words, chosen)."""

    name: str
    choices: list[tuple[str, str, bool]] = field(default_factory=list)


class _Page(HTMLParser):
    def __init__(self, link: Link):
        super().__init__(convert_charrefs=False)
        self.link = link
        self.out: list[list[str]] = [[]]  # the page, and above it the label of a form that is being read
        self.anchors: list[str] = []
        self.dropped: list[str] = []
        self.action: str | None = None
        self.select: _Select | None = None
        self.kept = False
        self.in_foot = False

    def handle_decl(self, decl: str) -> None:
        self._put(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = dict(attrs)
        if self.dropped:
            if tag == self.dropped[0] and tag not in VOID:
                self.dropped.append(tag)
        elif (
            tag in NEEDS_SERVER
            or "hidden" in given
            or "data-theme-switch" in given
            or "data-needs-server" in given
            or given.get("name") == "htmx-config"
        ):
            if tag not in VOID:
                self.dropped.append(tag)
        elif tag == "form":
            self.action = given.get("action") or ""
            self._open("div", [(name, value) for name, value in attrs if name == "class"])
        elif self.action is not None and tag == "label":
            self.out.append([])
            self.kept = False
        elif self.action is not None and tag == "select":
            self.select = _Select(given.get("name") or "")
        elif self.select is not None:
            if tag == "option":
                self.select.choices.append((given.get("value") or "", "", "selected" in given))
        elif tag == "a":
            self._anchor(attrs)
        elif tag == "link":
            address = self.link(given.get("href") or "")
            if address is not None:
                self._open(tag, [*((n, v) for n, v in attrs if n != "href"), ("href", address)])
        else:
            self._plain(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        if not self.dropped and self.select is None:
            self._put(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if self.dropped:
            if tag == self.dropped[0]:
                self.dropped.pop()
        elif tag == "form":
            self.action = None
            self._put("</div>")
        elif self.action is not None and tag == "label":
            words = "".join(self.out.pop())
            if self.kept:
                self._put(f'<span class="lab">{words}</span>')
        elif tag == "select" and self.select is not None:
            self._choices(self.select)
            self.select = None
        elif self.select is not None or tag in NEEDS_SERVER:
            return
        elif tag == "a":
            self._put(f"</{self.anchors.pop()}>")
        else:
            self._put(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._words(data)

    def handle_entityref(self, name: str) -> None:
        self._words(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._words(f"&#{name};")

    def _words(self, text: str) -> None:
        if self.dropped:
            return
        if self.select is None:
            self._put(text)
        elif self.select.choices:
            value, words, chosen = self.select.choices[-1]
            self.select.choices[-1] = (value, words + text, chosen)

    def _anchor(self, attrs: Attributes) -> None:
        address = self.link(dict(attrs).get("href") or "")
        kept = [(name, value) for name, value in attrs if name != "href"]
        if address is not None:
            self.anchors.append("a")
            self._open("a", [("href", address), *kept])
            return
        self.anchors.append("span")
        dead = ("rel", "aria-current", "target")
        kept = [(name, value) for name, value in kept if name not in dead and (name, value) != ("class", "btn")]
        if any(name == "aria-label" for name, _ in kept):  # without a role nobody would read it
            kept.append(("role", "note"))
        self._open("span", kept)

    def _plain(self, tag: str, attrs: Attributes) -> None:
        if any(name.startswith(FOR_SCRIPTS) for name, _ in attrs):
            self._open(tag, attrs)
        else:
            self._put(self.get_starttag_text() or "")  # as it stands: SVG knows small letters from large ones
        if tag == "footer":
            self.in_foot = True
        elif self.in_foot and tag == "div":
            self.in_foot = False
            self._put(NOTE)

    def _open(self, tag: str, attrs: Attributes) -> None:
        written = [
            f" {name}" if value is None else f' {name}="{escape(value)}"'
            for name, value in attrs
            if not name.startswith(FOR_SCRIPTS)
        ]
        self._put(f"<{tag}{''.join(written)}>")

    def _choices(self, select: _Select) -> None:
        """The choices that have pages, as links; nothing where there would be only one."""
        from urllib.parse import urlencode

        links = []
        for value, words, chosen in select.choices:
            address = self.link(f"{self.action}?{urlencode({select.name: value})}")
            if address is not None:
                now = ' aria-current="true"' if chosen else ""
                links.append(f'<a href="{escape(address)}"{now}>{words.strip()}</a>')
        if len(links) > 1:
            self.kept = True
            self._put(f'<span class="seg units">{"".join(links)}</span>')

    def _put(self, text: str) -> None:
        self.out[-1].append(text)
