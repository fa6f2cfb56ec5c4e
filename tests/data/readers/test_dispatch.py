"""Which reader takes a path."""

from __future__ import annotations

import os

import pytest

from labelwright.data.readers import dispatch
from labelwright.data.readers.delimited import read_delimited
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


@pytest.mark.parametrize("aim", ["rows.csv", "nowhere.csv"])
def test_a_link_that_leads_nowhere_or_to_itself_is_said_to_be_one(tmp_path, aim):
    (tmp_path / "rows.csv").symlink_to(aim)
    with pytest.raises(BadInput, match=r"rows.csv: is a link that leads nowhere"):
        read_source(tmp_path / "rows.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(BadInput, match="is neither a file nor a folder"):
        read_source(tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["rows.csv.zst", "rows.csv.bz2", "rows.zip"])
def test_a_packed_file_that_is_not_read_says_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(b"(\xb5/\xfd")
    with pytest.raises(BadInput, match=rf"is packed as \.{name[-3:]}\. Fix: unpack it, or pack text as \.gz"):
        read_source(tmp_path / name)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text("x,label\n1,a\n")

    def grows(path, root):
        source = read_delimited(path, root)
        with path.open("a") as file:
            file.write("2,b\n")
        return source

    monkeypatch.setitem(dispatch.READERS, ".csv", grows)
    with pytest.raises(BadInput, match=r"rows.csv: has changed since it was read"):
        read_source(path)
