"""The page: one file, nothing loaded, everything escaped, readable by all."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from labelwright.errors import BadInput
from labelwright.report.html import render
from labelwright.report.pages import TEMPLATES, picture, visible
from labelwright.report.redact import redact
from labelwright.report.view import build_view

VOID = {"meta", "img", "rect", "path", "line", "br", "link"}


class Page(HTMLParser):
    """Collects what the tests ask about, and notices unbalanced tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.text: list[str] = []
        self.tables: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        if self.tables and "table" in self.open:
            self.tables[-1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture(scope="module")
def page(every):
    return Page(render(build_view(every)))


def test_tags_are_balanced(page):
    assert (page.unbalanced, page.open) == ([], [])


def test_nothing_is_loaded_and_nothing_runs(page):
    names = {tag for tag, _ in page.tags}
    assert not names & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "audio",
        "video",
        "foreignobject",
    }
    for tag, attrs in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
        assert str(attrs.get("href", "#")).startswith("#")
        assert str(attrs.get("src", "data:image/png;base64,")).startswith("data:image/png;base64,")


def test_a_policy_forbids_everything_but_the_pages_own_style(page):
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'sha256-[\w+/]+='; base-uri 'none'; form-action 'none'", policy
    )


def test_links_lead_somewhere_and_ids_are_unique(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {attrs["href"][1:] for tag, attrs in page.tags if tag == "a"}
    assert targets <= set(ids)
    labelled = {i for _, attrs in page.tags for i in str(attrs.get("aria-labelledby") or "").split()}
    assert labelled <= set(ids)


def test_headings_start_at_one_and_skip_no_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_tables_have_captions_and_header_cells_have_scopes(page):
    assert page.tables
    assert all(table[0] == "caption" for table in page.tables)
    assert all(attrs.get("scope") in ("row", "col") for tag, attrs in page.tags if tag == "th")


def test_pictures_have_words(page):
    assert all(attrs.get("alt") for tag, attrs in page.tags if tag == "img")
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (
                attrs.get("role") == "img" and (attrs.get("aria-label") or attrs.get("aria-labelledby"))
            )


def test_the_language_is_named_and_the_findings_can_be_skipped_to(page):
    assert page.tags[0] == ("html", {"lang": "en"}) or ("html", {"lang": "en"}) in page.tags[:2]
    assert ("a", {"class": "skip", "href": "#main"}) in page.tags


def test_the_verdict_comes_before_every_finding(page):
    classes = [attrs.get("class") for _, attrs in page.tags]
    first_section = next(i for i, (tag, _) in enumerate(page.tags) if tag == "section")
    assert classes.index("verdict") < first_section


def test_control_and_direction_characters_are_visible(every):
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", render(build_view(every))
    )


def test_a_stored_view_draws_the_same_page(every):
    view = build_view(every)
    assert render(json.loads(json.dumps(view, allow_nan=False))) == render(view)


def test_the_redacted_page_is_a_page_too(every):
    page = Page(render(redact(build_view(every))))
    assert page.unbalanced == []
    assert "without row content" in " ".join(page.text)


HOSTILE = '"><img src=x onerror=alert(1)>{{1234*1234}}</style><script>x</script>\u202e\x1b[2J'


def test_hostile_data_stays_text_wherever_it_stands(audits):
    result = audits("table", n=80, classes=(HOSTILE, "b"), **{HOSTILE: [HOSTILE] * 80})
    plan = result.dataset.plan
    object.__setattr__(plan, "feature_columns", (HOSTILE, "city"))
    object.__setattr__(plan, "label", HOSTILE)
    object.__setattr__(result, "notes", (HOSTILE,))
    html = render(build_view(result))
    page = Page(html)
    assert page.unbalanced == []
    assert all(tag not in ("img", "script") for tag, _ in page.tags)
    assert "{{1234*1234}}" in "".join(page.text)
    assert "1522756" not in html


def test_only_png_data_may_stand_as_a_picture():
    assert picture("data:image/png;base64,AAAA") == "data:image/png;base64,AAAA"
    for bad in ("http://x/y.png", "data:image/svg+xml;base64,AAAA", 'data:image/png;base64,A" onerror="x', None, 3):
        assert picture(bad) == ""


def test_line_ends_stay_and_control_characters_do_not():
    assert visible("a\nb\x00\u202ec") == "a\nb\\x00\\u202ec"


def test_a_view_of_another_format_is_refused(audits):
    with pytest.raises(BadInput, match="run the audit again"):
        render(build_view(audits()) | {"schema_version": 99})


# Contrast as WCAG 2.2 defines it, over the pairs that the style sheet uses.


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _themes() -> dict[str, dict[str, str]]:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    assert len(blocks) == 3
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


TEXT_PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "link", "accent") for ground in ("paper", "card")),
    ("ink", "sunken"),
    ("soft", "sunken"),
    *((kind, f"{kind}-ground") for kind in ("given", "suggested", "serious", "caution", "info")),
    ("same-ink", "same"),
    *((f"h{i}-ink", f"h{i}") for i in range(6)),
]
MARK_PAIRS = [
    *((f"k{i}", "card") for i in range(9)),
    ("ring", "card"),
    ("suspect-bar", "rail"),
    ("strong-line", "paper"),
]


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_text_has_a_contrast_of_four_and_a_half_and_marks_of_three(theme):
    colours = _themes()[theme]
    text = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT_PAIRS}
    marks = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in MARK_PAIRS}
    assert {pair: c for pair, c in text.items() if c < 4.5} == {}
    assert {pair: c for pair, c in marks.items() if c < 3} == {}


@pytest.mark.parametrize("part", ["found", "findings", "facts", "made", "map", "class_rows", "next_in_line"])
def test_a_damaged_view_is_bad_input_and_no_traceback(audits, part):
    view = build_view(audits())
    lacking = {key: value for key, value in view.items() if key != part}
    for wrong in (lacking, view | {part: [3]}):
        for draw in (render, lambda v: render(redact(v))):
            if part == "class_rows" and draw is render:
                continue
            with pytest.raises(BadInput, match="damaged"):
                draw(wrong)


@pytest.mark.parametrize("stored", [[], 3, "text", None])
def test_json_that_is_no_view_is_bad_input(stored):
    with pytest.raises(BadInput, match="damaged"):
        render(stored)
    with pytest.raises(BadInput, match="damaged"):
        redact(stored)
