"""The lines of --dry-run."""

from __future__ import annotations

import numpy as np
from PIL import Image

from labelwright.data.describe import describe, expected_seconds
from labelwright.data.load import load_dataset


def test_a_csv_is_described_in_full(tmp_path):
    rows = "".join(f"{k};the quick brown fox number {k};{'ab'[k % 2] if k else ''};web\n" for k in range(40))
    (tmp_path / "tickets.csv").write_text("ref;text;topic;source\n" + rows, encoding="cp1252")
    lines = describe(load_dataset(tmp_path / "tickets.csv", label="topic"))
    assert lines[:-1] == [
        "data: 'tickets.csv' (delimited text; encoding utf-8; delimiter semicolon)",
        "rows: 40 (1 without a label)",
        "label: column 'topic', 2 classes: 'b' 20, 'a' 19",
        "task: classification (its values are names)",
        "modality: text (column 'text' holds free text)",
        "input: text, built-in features, from 'text'",
        "rows are named by a hash of their content (give --id COL if the data have ids)",
        "ignored: 'ref': it counts the rows",
        "ignored: 'source': every row holds 'web'",
    ]
    assert lines[-1].startswith("expected time: about ")


def test_a_hostile_class_name_arrives_inert():
    lines = describe(load_dataset({"x": [1.5, 2.5, 3.5], "y": ["\x1b[31mred", "::error::x", "ok"]}, label="y"))
    assert "\x1b" not in "".join(lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_a_regression_shows_its_range():
    data = load_dataset({"x": np.arange(60.0) % 7, "price": np.linspace(0, 3, 60)}, label="price")
    assert describe(data)[2] == "label: column 'price', numbers from 0 to 3, median 1.5"


def test_more_rows_take_longer_and_given_probabilities_save_time():
    def seconds(n, **given):
        columns = {"x": np.arange(n) * 0.5, "y": [str(k % 2) for k in range(n)]}
        return expected_seconds(load_dataset(columns, label="y"), **given)

    assert seconds(100) < seconds(10_000)
    assert seconds(10_000, given_probs=True) < seconds(10_000)


def test_an_encoder_of_images_is_offered_and_takes_longer(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "1.png")
    data = load_dataset(tmp_path)
    assert "--features efficientnet" in next(line for line in describe(data) if line.startswith("input: image"))
    assert "efficientnet takes" not in "".join(describe(data, "efficientnet"))
    assert expected_seconds(data, "efficientnet") > expected_seconds(data)
    assert expected_seconds(data, "vectors.npy") < expected_seconds(data)
