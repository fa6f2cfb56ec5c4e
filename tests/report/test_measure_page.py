"""The report of a measure: files that hold every number, a page that is closed to the network, lines for a terminal."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from json_schema import problems
from labelwright.errors import BadInput
from labelwright.metrics.report import Alert, Picture, Plot, Report, ReportTable, Section
from labelwright.report.measure import check_measure_folder, measure_facts, measure_lines, write_measure
from labelwright.report.measure_page import MOST_SHOWN, render_measure
from labelwright.report.schemas import schema
from page_check import check_page

BAD = ("<script>alert(1)</script>", "{{ 7*7 }}", "\x1b[31mred", "\u202ereversed", '"><img src=http://x onerror=y>')
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def report_of(word="cat", rows=3):
    cells = tuple((f"{word} {i}", 0.1 * i, 0.05 * i, 0.2 * i) for i in range(rows))
    columns = ("class", "share", "low", "high")
    bars = ReportTable(
        "Shares", columns, cells, plot=Plot("bars", ("share",), "low", "high", "share"), file="shares.csv"
    )
    line = ReportTable("Curve", ("n", "a", "b"), ((1, 0.5, None), (2, 0.6, 0.7)), plot=Plot("lines", ("a", "b")))
    heat = ReportTable("Pairs", ("class", "x", "y"), ((word, 1, 2), ("dog", 0, 5)), plot=Plot("heat", ("x", "y")))
    dots = ReportTable("Dots", ("x", "y"), ((1.0, 2.0), (2.0, 3.0)), plot=Plot("points", ("y",)))
    alert = Alert("labels", "caution", f"{word} is odd.", mitigation="Look at it.")
    first = Section("Shares", word, {"rows": rows, word: None}, (bars, line), (alert,))
    second = Section("Shares", tables=(heat, dots), pictures=(Picture(word, PIXEL), Picture("bad", "http://x/y.png")))
    return Report(f"Test of {word}", (first, second), f"{word} is fine.", {"rows": rows}, (f"Look at {word}.",))


def test_a_report_comes_back_from_json_equal_to_itself():
    report = report_of()
    assert Report.from_json(report.to_json()) == report


def test_a_report_written_before_plots_and_pictures_is_still_read():
    old = {
        "title": "t",
        "sections": [
            {
                "title": "s",
                "text": "",
                "scalars": {},
                "alerts": [],
                "tables": [{"title": "a", "columns": ["x"], "rows": [[1]], "private": False}],
            }
        ],
    }
    assert Report.from_dict(old).section("s").tables[0].plot is None


def test_report_json_fits_its_schema_and_a_changed_one_does_not():
    facts = json.loads(json.dumps(measure_facts("test", report_of())))
    assert problems(facts, schema("measure")) == []
    for path, value in (("verdict", 3), ("figures", []), ("sections", {}), ("extra", 1), ("schema_version", 2)):
        assert problems(facts | {path: value}, schema("measure")), path


def test_a_plot_of_a_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="draws column 'z'"):
        ReportTable("t", ("x",), ((1,),), plot=Plot("bars", ("z",)))


def test_every_element_is_closed_every_id_stands_once_and_every_link_has_its_target():
    check_page(render_measure("test", report_of()))


@pytest.mark.parametrize("bad", BAD)
def test_hostile_words_are_shown_and_do_nothing(bad):
    page = render_measure("test", report_of(bad))
    assert "<script" not in page and "onerror=y" not in re.sub(r"&[^;]*;[^<]*", "", page)
    assert not re.search("[\x1b\u202e]", page) and ">49<" not in page
    assert all(source == PIXEL for source in re.findall(r'<img src="([^"]*)"', page))


def test_the_page_asks_nothing_of_any_network_and_has_every_plot_with_its_table():
    page = render_measure("test", report_of())
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=[\"']?(http|//)|<script|@import|url\(", page)
    assert page.count('<figure class="plot">') == page.count("<summary>numbers</summary>") == 4


def test_a_long_table_is_cut_on_the_page_and_whole_in_its_file(tmp_path):
    report = report_of(rows=MOST_SHOWN + 20)
    assert f"the first {MOST_SHOWN} of {MOST_SHOWN + 20} (whole: shares.csv)" in render_measure("test", report)
    folder = write_measure("test", report, tmp_path / "out")
    assert len((folder / "shares.csv").read_text().splitlines()) == MOST_SHOWN + 21


def test_files_are_private_and_formulas_are_neutralised(tmp_path):
    folder = write_measure("test", report_of("=1+1"), tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.html", "shares.csv"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    assert "'=1+1" in (folder / "shares.csv").read_text()


def test_the_terminal_gets_the_verdict_the_alerts_and_what_to_do(tmp_path):
    lines = measure_lines("test", report_of(), folder=tmp_path)
    assert lines[:3] == ["Test of cat", "", "cat is fine."]
    assert "  caution: cat is odd. Look at it." in lines
    assert lines[-2:] == ["  - Look at cat.", f"  - Open {tmp_path / 'report.html'}; beside it: shares.csv."]
    assert json.loads(measure_lines("test", report_of(), json=True)[0])["measure"] == "test"


def test_results_are_never_written_into_the_data(tmp_path):
    with pytest.raises(BadInput, match="into the data"):
        check_measure_folder(tmp_path / "out", [tmp_path])
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(BadInput, match="a file, not a folder"):
        check_measure_folder(file)


def test_an_empty_table_and_missing_numbers_draw_nothing_wrong():
    empty = ReportTable("E", ("x", "y"), (), plot=Plot("lines", ("y",)))
    holes = ReportTable("H", ("x", "y"), (("a", None),), plot=Plot("bars", ("y",)))
    page = render_measure("test", replace(report_of(), sections=(Section("S", tables=(empty, holes)),)))
    assert "nan" not in page.lower().replace("finance", "")


def test_numbers_that_are_not_finite_stand_as_null(tmp_path):
    report = replace(report_of(), figures={"a": float("nan"), "b": float("inf")})
    assert measure_facts("test", report)["figures"] == {"a": None, "b": None}
    assert problems(measure_facts("test", report), schema("measure")) == []
    assert (write_measure("test", report, tmp_path / "out") / "report.json").read_text().count("null") >= 2
