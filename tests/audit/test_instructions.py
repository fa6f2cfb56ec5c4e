"""Labelling instructions chosen from labelled items, and how well they find the classes [P092]."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    InstructionSet,
    InstructionSheet,
    LabelingInstructionGenerator,
    RetrievalIndex,
    mean_retrieval_precision,
    medoids,
    nearest_of_other_classes,
    truncated_average_precision,
)
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.metrics.ranking import average_precision


def blobs(seed=0, per_class=40, classes=3, spread=0.3):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), per_class)
    return np.eye(classes + 2)[y] + rng.normal(0, spread, (len(y), classes + 2)), y


def test_p092_w_0_with_one_text_is_text_retrieval_and_a_repeated_pair_changes_nothing():
    X, y = blobs()
    index = RetrievalIndex(X, np.eye(5)[:3])
    assert_array_equal(index.pair_scores([7], [1], 0.0), index.like_text([1]))
    once, twice = (InstructionSet(((7, 1),) * n, 0.5, 0.0).scores(index) for n in (1, 2))
    assert_allclose(once, twice, rtol=0, atol=1e-12)
    assert_allclose(*(truncated_average_precision(y == 1, s) for s in (once, twice)))


def test_with_every_item_counted_it_is_the_average_precision():
    rng = np.random.default_rng(0)
    positive, scores = rng.random(50) < 0.4, rng.random(50)
    assert_allclose(truncated_average_precision(positive, scores), average_precision(positive, scores))
    assert np.isnan(truncated_average_precision(np.zeros(3), [1, 2, 3])).all()


def test_an_item_scores_by_its_best_patch():
    patches = np.zeros((3, 2, 2))
    patches[0, 1], patches[1, 0], patches[2] = [1, 0], [0, 1], [0.1, 1]
    index = RetrievalIndex(patches, [[1.0, 0.0]], centre=False)
    assert index.like_text([0])[0].argmax() == 0 and index.like_text([0])[0, 0] == 1.0


def test_more_pairs_never_lower_the_precision_that_was_reached():
    X, y = blobs(spread=0.6)
    index = RetrievalIndex(X)
    reached = [LabelingInstructionGenerator(budget=b).generate(index, y)[0].average_precision for b in (1, 2, 4)]
    assert reached == sorted(reached)


def test_examples_come_from_the_given_rows_of_the_class_and_are_no_suspects():
    X, y = blobs()
    rows = np.arange(0, 120, 2)
    barred = np.zeros(120, bool)
    barred[:20] = True
    sets = LabelingInstructionGenerator(budget=4).generate(RetrievalIndex(X), y, rows=rows, exclude=barred)
    for k, one in sets.items():
        chosen = [row for row, _ in one.pairs]
        assert all(y[row] == k and row % 2 == 0 and not barred[row] for row in chosen)


def test_two_examples_of_a_set_are_never_alike():
    X, y = blobs(spread=0.05)
    index = RetrievalIndex(X)
    sets = LabelingInstructionGenerator(budget=5, least_gain=-1).generate(index, y)
    chosen = [row for row, _ in sets[0].pairs]
    near = index.vectors(chosen) @ index.vectors(chosen).T
    assert near[~np.eye(len(chosen), dtype=bool)].max(initial=0) <= 0.95


def test_the_same_seed_chooses_the_same_pairs():
    X, y = blobs()
    a, b = (LabelingInstructionGenerator(seed=3).generate(RetrievalIndex(X), y) for _ in range(2))
    assert a == b


def test_medoids_are_rows_and_copies_give_one():
    assert_array_equal(medoids([[0.0], [0.1], [5.0], [5.1]], 2) // 2, [0, 1])
    assert_array_equal(medoids([[1.0], [1.0]], 5), [0])


def test_counter_examples_belong_to_other_classes():
    X, y = blobs(spread=0.5)
    found = nearest_of_other_classes(RetrievalIndex(X), [0, 1], y)
    assert len(found) == 3 and all(y[row] != 0 for row, _ in found)
    assert [near for _, near in found] == sorted((near for _, near in found), reverse=True)


def test_parts_of_the_held_out_rows_are_scored_apart():
    X, y = blobs(spread=0.01)
    index = RetrievalIndex(X)
    scores = {k: index.like_item([40 * k])[0] for k in range(3)}
    assert_allclose(mean_retrieval_precision(scores, y, np.arange(120)), np.ones(5))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: RetrievalIndex([[np.nan]]), "finite"),
        (lambda: RetrievalIndex([[1.0, 2.0]], [[1.0]]), "one space"),
        (lambda: LabelingInstructionGenerator(budget=0), "at least 1"),
        (lambda: LabelingInstructionGenerator().generate(RetrievalIndex([[1.0]]), [0, 1]), "2 labels for 1 items"),
        (lambda: InstructionSheet().measure(RetrievalIndex([[1.0]]), [0], ["a"]), "only 1 rows"),
    ],
)
def test_what_cannot_be_instructed_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


@pytest.fixture
def mails(tmp_path):
    rng = np.random.default_rng(0)
    words = (["win", "cash", "prize", "claim", "free"], ["home", "dinner", "train", "love", "late"])
    y = np.arange(120) % 2
    texts = [" ".join(rng.choice(words[k], 5)) + f" {i % 7}" for i, k in enumerate(y)]
    texts[0] = "<script>alert(1)</script> win cash"
    table = pa.table({"id": [f"m{i}" for i in range(120)], "text": texts, "kind": np.array(["spam", "ham"])[y]})
    pq.write_table(table, tmp_path / "mails.parquet")
    return tmp_path


def test_the_command_writes_a_sheet_with_examples_and_words_of_every_class(mails, capsys, monkeypatch):
    monkeypatch.chdir(mails)
    (mails / "texts.yaml").write_text("spam: you won a prize\nham: [dinner at home, the train is late]\n")
    argv = ["measure", "instructions", "mails.parquet", "--label", "kind", "--id", "id", "--jobs", "1"]
    assert run([*argv, "--texts", "texts.yaml", "--pairs", "2"]) == 0
    sheet = (mails / "instructions-report" / "instructions.md").read_text()
    assert "## ham" in sheet and "## spam" in sheet and "<script" not in sheet
    assert "instructions.md" in capsys.readouterr().out
    (mails / "texts.yaml").write_text("spma: x\n")
    assert run([*argv, "--texts", "texts.yaml"]) == 2
    assert "did you mean 'spam'" in capsys.readouterr().err


def test_tables_get_examples_without_texts(mails, capsys, monkeypatch):
    monkeypatch.chdir(mails)
    X, y = blobs()
    table = {"kind": np.array(["a", "b", "c"])[y], **{f"x{j}": X[:, j] for j in range(5)}}
    pq.write_table(pa.table(table), "rows.parquet")
    assert run(["measure", "instructions", "rows.parquet", "--label", "kind", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["classes"] == 3
