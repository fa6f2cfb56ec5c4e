"""Spreadsheets: the text that a person sees, one sheet."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pytest

from labelwright.data.readers.dispatch import read_source
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
