"""A folder that cannot take results is refused in one line, and nothing is written."""

from __future__ import annotations

import pytest

from labelwright.errors import BadInput
from labelwright.results_folder import refuse_inputs, refuse_unwritable


def test_an_input_is_no_place_for_results(tmp_path):
    with pytest.raises(BadInput, match="into the data"):
        refuse_inputs(tmp_path, [None, tmp_path])


def test_within_an_input_folder_is_refused_unless_results_may_lie_there(tmp_path):
    with pytest.raises(BadInput, match="into the data"):
        refuse_inputs(tmp_path / "a" / "b", [tmp_path])
    refuse_inputs(tmp_path / "a" / "b", [tmp_path], within=False)


def test_beside_an_input_is_fine(tmp_path):
    refuse_inputs(tmp_path / "out", [tmp_path / "data.csv", tmp_path / "data"])


def test_a_file_is_no_folder_for_results(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BadInput, match="a file, not a folder"):
        refuse_unwritable(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_new_folder_is_fine_and_is_not_made_yet(tmp_path):
    refuse_unwritable(tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()
