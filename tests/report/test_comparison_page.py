"""The page of a comparison: whole, closed to the network, and safe with hostile data."""

from __future__ import annotations

import re

import pytest

from labelwright.audit.compare import compare_states
from labelwright.report.comparison import comparison_lines, write_comparison
from labelwright.report.comparison_page import MOST_SHOWN, render_comparison, verdict
from page_check import check_page
from state_world import MAIL, edited, world

BAD = ("<script>alert(1)</script>", "{{ 7*7 }}", "\x1b[31mred", "\u202ereversed", '"><img src=http://x onerror=y>')


def page_of(comparison):
    return render_comparison(comparison, comparison.table())


@pytest.fixture
def changed():
    return compare_states(world(MAIL, wrong=[0]), world(edited(b=(None, "ham"), c=("x y", None))[:4], wrong=[1, 3]))


def test_the_page_says_every_count(changed):
    assert verdict(changed) == (
        "Rows: 1 gone, 1 edited, 1 relabelled. Findings: 1 new, 0 resolved; 2 more flipped by the model only."
    )
    page = page_of(changed)
    for title in ("Relabelled rows", "Edited rows", "Rows that are gone", "New findings", "Raised by the model only"):
        assert title in page


def test_the_page_asks_nothing_of_any_network_and_runs_no_script(changed):
    page = page_of(changed)
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=[\"']?(http|//)|<script|@import|url\(", page)


def test_every_element_is_closed_and_every_link_has_its_target(changed):
    check_page(page_of(changed))


@pytest.mark.parametrize("bad", BAD)
def test_hostile_ids_and_labels_are_shown_and_do_nothing(bad):
    rows = [("a", "one", "ham"), (bad, "two", "spam"), ("c", "three", "ham")]
    new = [("a", "one", bad), (bad, "two", "ham"), ("c", "three", "ham")]
    comparison = compare_states(world(rows), world(new, wrong=[1]))
    page = page_of(comparison)
    assert "<script" not in page and "<img" not in page and "49" not in re.findall(r"<bdi[^>]*>([^<]*)", page)
    assert not re.search("[\x1b\u202e]", page)


def test_the_files_are_written_privately_and_formulas_are_neutralised(tmp_path):
    rows = [("=1+1", "one", "ham"), ("b", "two", "spam")]
    comparison = compare_states(world(rows), world([*edited(rows, b=(None, "ham"))[1:], ("c", "x", "spam")]))
    folder = write_comparison(comparison, tmp_path / "out")
    assert {p.name for p in folder.iterdir()} == {"compare.json", "compare.parquet", "compare.csv", "compare.html"}
    assert all(p.stat().st_mode & 0o077 == 0 for p in [folder, *folder.iterdir()])
    assert "'=1+1" in (folder / "compare.csv").read_text()


def test_a_long_list_is_cut_and_says_so():
    many = [(f"r{i}", f"text {i}", "ham" if i % 2 else "spam") for i in range(MOST_SHOWN + 50)]
    swapped = [(i, t, "spam" if y == "ham" else "ham") for i, t, y in many]
    page = page_of(compare_states(world(many), world(swapped)))
    assert f"The first {MOST_SHOWN} of {MOST_SHOWN + 50}" in page


def test_the_same_data_make_a_page_that_says_so():
    lines = comparison_lines(compare_states(world(MAIL), world(MAIL)))
    assert "Findings: none in either" in lines
    assert "No row changed" in page_of(compare_states(world(MAIL), world(MAIL)))
