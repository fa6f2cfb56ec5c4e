"""Which reader takes a path."""

from __future__ import annotations

import pytest

from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput


def test_a_misspelt_path_gets_a_near_name(tmp_path):
    (tmp_path / "tickets.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"there is no such file or folder. Fix: did you mean 'tickets.csv'"):
        read_source(tmp_path / "ticket.csv")


def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path):
    (tmp_path / "rows.docx").write_text("x")
    with pytest.raises(BadInput, match=r"the ending '\.docx' is of no known format. Fix: give one of '\.csv'"):
        read_source(tmp_path / "rows.docx")


def test_a_folder_of_tables_is_refused_with_their_names(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"is a folder of tables. Fix: name one file: 'rows.csv'"):
        read_source(tmp_path)


def test_control_characters_in_a_path_arrive_inert(tmp_path):
    with pytest.raises(BadInput) as caught:
        read_source(tmp_path / "a\x1b[31m\0.csv")
    assert "\x1b" not in str(caught.value)


def test_an_upper_case_ending_is_known(tmp_path):
    (tmp_path / "ROWS.CSV").write_text("a,b\n1,2\n")
    assert len(read_source(tmp_path / "ROWS.CSV")) == 1
