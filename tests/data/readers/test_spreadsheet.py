"""Spreadsheets: the text that a person sees, one sheet."""

from __future__ import annotations

import datetime as dt
import re
import zipfile

import openpyxl
import pytest

from labelwright.data.readers.dispatch import read_source
from labelwright.data.readers.formulas import unsaved_formula
from labelwright.errors import BadInput


@pytest.fixture
def book(tmp_path):
    def _book(**sheets):
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "tickets.xlsx"
        workbook.save(path)
        return path

    return _book


def test_numbers_dates_and_booleans_are_rendered_as_a_person_writes_them(book):
    row = [7, 7.25, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 9, 30), True, "007", None]
    table = read_source(book(One=[["a", "b", "c", "d", "e", "f", "g"], row])).table
    cells = ["7", "7.25", "2024-01-31", "2024-01-31 09:30:00", "TRUE", "007", None]
    assert list(table.to_pylist()[0].values()) == cells


def test_the_first_filled_sheet_is_read_and_the_others_are_named(book):
    source = read_source(book(Empty=[], One=[["a", "b"], [1, "x"]], Two=[["c", "d"], [2, "y"]]))
    assert source.table.column_names == ["a", "b"]
    assert source.details == {"sheet": "One", "other sheets": "'Two'"}


def test_a_sheet_can_be_chosen(book):
    path = book(One=[["a", "b"], [1, "x"]], Two=[["c", "d"], [2, "y"]])
    assert read_source(path, sheet="Two").table.column_names == ["c", "d"]


def test_line_numbers_are_those_of_the_sheet(book):
    source = read_source(book(One=[[None, None], ["a", "b"], [1, "x"], [None, None], [2, "y"]]))
    assert source.line_numbers.tolist() == [3, 5]
    assert source.table.column("a").to_pylist() == ["1", "2"]


def test_an_unknown_sheet_is_refused_with_a_near_name(book):
    with pytest.raises(BadInput, match=r"has no sheet 'Tickts'. Fix: did you mean 'Tickets'"):
        read_source(book(Tickets=[["a"], [1]]), sheet="Tickts")


def test_a_sheet_with_a_header_alone_is_refused(book):
    with pytest.raises(BadInput, match="has a header row but no rows"):
        read_source(book(One=[["a", "b"]]))


def test_a_doubled_header_is_refused_with_the_sheet(book):
    with pytest.raises(BadInput, match="sheet 'One' row 1: the header names 'a' more than once"):
        read_source(book(One=[["a", "a"], [1, 2]]))


def changed(path, change):
    workbook = openpyxl.load_workbook(path)
    change(workbook.active)
    workbook.save(path)
    return path


ROWS = [["id", "note", "label"], [1, "x", "a"], [2, "y", "b"], [3, "z", "c"]]


def test_a_merged_cell_speaks_for_all_of_its_rows(book):
    path = changed(book(first=ROWS), lambda sheet: sheet.merge_cells("C3:C4"))
    assert read_source(path).table.column("label").to_pylist() == ["a", "b", "b"]


def test_cells_merged_beside_each_other_or_in_the_header_stay_as_they_are(book):
    path = changed(book(first=ROWS), lambda sheet: sheet.merge_cells("A1:B1") or sheet.merge_cells("B3:C3"))
    table = read_source(path).table
    assert table.column_names == ["id", "unnamed_2", "label"]
    assert table.column("label").to_pylist() == ["a", None, "c"]


@pytest.mark.parametrize("second", [{}, {"other": [["x"], ["=1+1"]]}])
def test_a_formula_without_a_stored_result_is_named(book, second):
    path = book(first=[*ROWS, [4, "w", '=IF(A2=1,"a","b")']], **second)
    with pytest.raises(BadInput, match=r"tickets.xlsx sheet 'first': holds a formula in C5 whose result is not stored"):
        read_source(path)


def test_a_formula_in_another_sheet_or_with_a_result_is_no_matter(book):
    assert read_source(book(first=ROWS, other=[["x"], ["=1+1"]])).table.num_rows == 3


@pytest.mark.parametrize(
    ("cell", "unsaved"),
    [
        ('<c r="B2"><f>1+1</f><v>2</v></c>', False),
        ('<c r="B2" s="1" t="str"><f>A1&amp;""</f><v></v></c>', False),
        ('<c r="B2" s="1"><f>1+1</f><v/></c>', True),
        ('<c r="B2"><f t="shared" si="0"/></c>', True),
        ('<c r="B2"><f t="shared" si="0"/><v>3</v></c>', False),
    ],
)
def test_what_a_sheet_says_of_a_formula_tells_whether_its_result_is_stored(book, tmp_path, cell, unsaved):
    path = book(first=[["a", "b"], [1, 7]])
    new = tmp_path / "new.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            text = old.read(name)
            if name.endswith("sheet1.xml"):
                text = re.sub(rb'<c r="B2".*?</c>', cell.encode(), text)
            archive.writestr(name, text)
    assert unsaved_formula(new, "first") == ("B2" if unsaved else None)
