"""Frames: pandas, Polars and Arrow tables read and written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from labelwright.errors import BadInput
from labelwright.evidence import (
    Bags,
    Candidates,
    Hard,
    LabelSpace,
    Mixed,
    Pairs,
    Reals,
    Soft,
    Tags,
    Votes,
    evidence_from_frame,
    evidence_to_frame,
)

SPACE = LabelSpace(("cat", "dog", "rose"))
EXAMPLES = {
    "hard": Hard([0, -1, 2], 3),
    "soft": Soft([[0.25, 0.75, 0.0]]),
    "candidates": Candidates.from_sets([[0, 2], [1]], 3),
    "votes": Votes([0, 1, 1], [1, 0, 1], [1, -1, 2], 2, 2, 3, [1.0, 0.5, 1.0], [np.nan, 2.5, 1.0]),
    "tags": Tags.from_dense([[1, 0, -1], [0, 1, 0]]),
    "counts": Bags.counts([0, 0, 1], [1, 0], n_classes=3),
    "pairs": Pairs([0, 1], [1, 2], [0, 2], 3, 3, [0.9, 1.0]),
    "reals": Reals([[1.0, 1.0], [-np.inf, 2.0]], [3, -1]),
}


@pytest.mark.parametrize("backend", ["pyarrow", "pandas", "polars"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_type_comes_back_from_every_frame(name, backend):
    evidence = EXAMPLES[name]
    frame = evidence_to_frame(evidence, backend, space=SPACE)
    assert type(frame) in (pa.Table, pd.DataFrame, pl.DataFrame)
    assert evidence_from_frame(type(evidence), frame, space=SPACE, n_rows=len(evidence)) == evidence


def test_labels_are_names_with_a_space_and_numbers_without():
    assert evidence_to_frame(EXAMPLES["hard"], space=SPACE)["label"].to_pylist() == ["cat", None, "rose"]
    assert evidence_to_frame(EXAMPLES["hard"])["label"].to_pylist() == [0, None, 2]


def test_missing_labels_of_any_kind_are_unlabelled():
    frame = pd.DataFrame({"label": ["cat", None, np.nan]})
    assert evidence_from_frame(Hard, frame, space=SPACE).labels.tolist() == [0, -1, -1]


def test_sources_may_be_names():
    frame = pd.DataFrame({"row": [0, 0], "source": ["zoë", "anna"], "label": ["cat", "dog"]})
    votes = evidence_from_frame(Votes, frame, space=SPACE)
    assert votes.source.tolist() == [0, 1] and votes.value.tolist() == [1, 0]


def test_real_votes_come_from_a_value_column():
    votes = evidence_from_frame(Votes, pl.DataFrame({"row": [0], "source": [0], "value": [2.5]}))
    assert votes.n_classes is None and votes.value.tolist() == [2.5]


@pytest.mark.parametrize(
    ("kind", "frame", "message"),
    [
        (Hard, {"labels": ["cat"]}, "no column 'label'. Fix: did you mean 'labels'"),
        (Hard, {"label": ["cta"]}, "row 0: label 'cta' is not one of the 3 classes. Fix: did you mean 'cat'"),
        (Votes, {"row": [0.5], "source": [0], "label": ["cat"]}, "column 'row', row 0: '0.5' is no whole number"),
        (Votes, {"row": ["x"], "source": [0], "label": ["cat"]}, "column 'row': the column is not made of whole"),
        (Votes, {"row": [0, 0], "source": [0, "b"], "label": ["cat"] * 2}, "sources are missing or of mixed types"),
        (Tags, {"row": [None], "label": ["cat"], "value": [1]}, "column 'row', row 0: a value is missing"),
        (Pairs, {"first": [0], "second": [1], "relation": ["same"]}, "'same' is no relation. Fix: use one of 'alike'"),
        (Reals, {"low": ["a"], "high": [1.0]}, "column 'low': the column is not made of numbers"),
    ],
)
def test_bad_tables_are_one_clear_line(kind, frame, message):
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in frame.items()})
    with pytest.raises(BadInput, match=message):
        evidence_from_frame(kind, table, space=SPACE)


def test_rows_of_a_bag_that_disagree_are_refused():
    frame = pd.DataFrame({"row": [0, 1], "bag": [0, 0], "low:a": [1, 2], "high:a": [2, 2]})
    with pytest.raises(BadInput, match="the rows of bag 0 give different counts"):
        evidence_from_frame(Bags, frame)


def test_what_is_no_frame_is_refused():
    with pytest.raises(BadInput, match="list is no data frame"):
        evidence_from_frame(Hard, [1, 2])


def test_mixed_evidence_has_no_table():
    with pytest.raises(BadInput, match="use save_evidence"):
        evidence_to_frame(Mixed.of(Hard([0], 2)))
