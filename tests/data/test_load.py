"""From a file or a frame to a Dataset."""

from __future__ import annotations

import numpy as np

from labelwright.data.load import load_dataset


def _write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_becomes_a_dataset(tmp_path):
    rows = "".join(f"{i},the quick brown fox number {i},{'ab'[i % 2]}\n" for i in range(12))
    dataset = load_dataset(_write(tmp_path / "t.csv", "id,text,label\n" + rows), label="label")
    assert (dataset.plan.task, dataset.plan.modality, dataset.plan.text) == ("classification", "text", ("text",))
    assert dataset.labels.tolist() == [0, 1] * 6
    assert dataset.space is not None and dataset.space.names == ("a", "b")
    assert dataset.source.line_numbers.tolist() == list(range(2, 14))


def test_labels_stay_as_written(tmp_path):
    dataset = load_dataset(
        _write(tmp_path / "t.csv", "x,y\n1,01\n2,1\n3,1.0\n4,\n5,NaN\n"), label="y", task="classification"
    )
    assert dataset.given == ("01", "1", "1.0", None, None)
    assert dataset.labels.tolist()[3:] == [-1, -1]


def test_row_ids_do_not_depend_on_the_label(tmp_path):
    first = load_dataset({"text": ["a", "b", "a"], "y": ["p", "q", "p"]}, label="y")
    second = load_dataset({"text": ["a", "b", "a"], "y": ["q", "q", "p"]}, label="y")
    assert np.array_equal(first.ids, second.ids)
    assert first.ids[2] == first.ids[0] + "-2"
