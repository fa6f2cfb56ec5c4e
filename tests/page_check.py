"""Whether a page of HTML stands: every element closed, every id once, every link within it with its target."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "rect", "line", "path", "link"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self._seen(dict(attrs))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._seen(dict(attrs))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def _seen(self, facts: dict[str, str | None]) -> None:
        self.ids += [facts["id"]] if facts.get("id") else []
        if (facts.get("href") or "").startswith("#"):
            self.links.add((facts["href"] or "")[1:])


def check_page(html: str) -> None:
    """Fail where an element is not closed, an id stands twice, or a link has no target."""
    page = _Page()
    page.feed(html)
    assert page.stack == []
    assert len(page.ids) == len(set(page.ids))
    assert page.links <= set(page.ids)
