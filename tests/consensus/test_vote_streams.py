"""Votes too many to hold are read from Parquet, whole tasks at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd
from labelwright.consensus import DawidSkene, ParquetVotes
from labelwright.errors import BadInput


def written(path, task, worker, label):
    pq.write_table(pa.table({"task": task, "worker": worker, "label": label}), path)
    return ParquetVotes(path, "task", "worker", "label", 5, 2)


def test_a_fit_from_parquet_is_the_fit_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("labelwright.consensus.streaming.BLOCK", 100)
    votes, _ = crowd(n=200)
    stream = written(tmp_path / "v.parquet", votes.row, votes.source, votes.value)
    assert len(list(stream)) > 3
    assert sum(table.n_rows for table in stream) == len(np.unique(votes.row))
    assert_allclose(DawidSkene().fit_stream(stream).confusion_, DawidSkene().fit(votes).confusion_, atol=1e-9)


def test_abstentions_in_a_stream_count_for_nothing(tmp_path):
    stream = written(tmp_path / "v.parquet", [0, 0, 1], [0, 1, 2], [1, -1, 0])
    assert sum(len(table.value) for table in stream) == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1, 0], [0, 0], [0, 0]), "out of order"),
        (([0, 0], [0, 5], [0, 0]), "annotator is out of range"),
        (([0, 0], [0, 1], [0, 2]), "label is out of range"),
        (([0, 0], [0, None], [0, 1]), "empty cells"),
        (([0, 0], [0, 1], ["a", "b"]), "no whole numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, columns, message):
    with pytest.raises(BadInput, match=message):
        list(written(tmp_path / "v.parquet", *columns))


def test_a_missing_file_or_column_is_named(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        ParquetVotes(tmp_path / "none.parquet", "task", "worker", "label", 2, 2)
    written(tmp_path / "v.parquet", [0], [0], [0])
    with pytest.raises(BadInput, match="did you mean 'worker'"):
        ParquetVotes(tmp_path / "v.parquet", "task", "workr", "label", 2, 2)
