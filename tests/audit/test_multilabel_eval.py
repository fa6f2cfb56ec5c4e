"""Accuracy with several right answers, and what a drop between test sets is made of [P011]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    MultiLabelTest,
    asma,
    make_patchml,
    propose_valid,
    real_accuracy,
    shift_decomposition,
    top1_accuracy,
    valid_from_shares,
    variable_topk_accuracy,
)
from labelwright.audit.label_shares import shares_of_file
from labelwright.cli import run
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput
from labelwright.report.measure_page import render_measure


def world(seed: int = 0, n: int = 200, k: int = 5):
    rng = np.random.default_rng(seed)
    scores, valid = rng.random((n, k)), rng.random((n, k)) < 0.3
    return scores, valid, valid.argmax(axis=1)


@given(st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_with_one_valid_label_an_item_all_accuracies_agree(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.random((50, 4)), rng.integers(0, 4, 50)
    valid = labels[:, None] == np.arange(4)
    expected = top1_accuracy(scores, labels)
    found = asma(scores, valid)
    assert real_accuracy(scores, valid) == expected
    assert_allclose([variable_topk_accuracy(scores, valid).accuracy, found.hits, found.exact], expected, atol=1e-15)


@given(st.integers(0, 500), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_mix_and_within_sum_to_the_drop(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n), rng.integers(0, 2, m)
    shift = shift_decomposition(a, rng.integers(1, 5, n), b, rng.integers(2, 6, m))
    assert_allclose(shift.mix + shift.within, shift.total, atol=1e-12)
    assert_allclose(shift.total, a.mean() - b.mean(), atol=1e-12)


def test_the_same_accuracies_differ_by_their_mix_alone():
    shift = shift_decomposition([1, 1, 1, 0], [1, 1, 1, 2], [1, 0, 0, 0], [1, 2, 2, 2])
    assert_allclose([shift.mix, shift.within, shift.mix_share], [0.5, 0, 1])


def test_hits_count_valid_labels_among_the_best_k():
    scores = [[0.4, 0.3, 0.2, 0.1]] * 3
    valid = [[1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 1]]
    found = variable_topk_accuracy(scores, valid)
    assert_allclose(found.hit, [0.5, 1.0, 2 / 3])
    assert found.exact.tolist() == [False, True, False]
    assert found.size.tolist() == [2, 2, 3]


def test_items_without_a_valid_label_are_left_out():
    scores, valid, _ = world()
    kept = valid.any(axis=1)
    assert real_accuracy(scores, valid) == real_accuracy(scores[kept], valid[kept])
    assert_array_equal(variable_topk_accuracy(scores, valid).rows, np.flatnonzero(kept))


def test_all_labels_valid_is_always_right():
    scores = np.random.default_rng(0).random((10, 3))
    found = asma(scores, np.ones((10, 3)))
    assert found.hits == found.exact == 1.0 and found.groups == ((3, 10, 1.0, 1.0),)


def test_asma_weighs_groups_alike_however_rare():
    scores = np.tile([0.6, 0.3, 0.1], (10, 1))
    valid = np.tile([True, False, False], (10, 1))
    valid[0] = [False, True, True]
    assert_allclose(asma(scores, valid).hits, (1.0 + 0.5) / 2)
    assert_allclose(asma(scores, valid, least=2).hits, 1.0)
    assert_allclose(asma(scores, valid, sizes=[2]).hits, 0.5)


@given(st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_renaming_the_classes_changes_nothing(seed):
    scores, valid, labels = world(seed)
    order = np.random.default_rng(seed).permutation(5)
    place = np.argsort(order)
    assert top1_accuracy(scores[:, order], place[labels]) == top1_accuracy(scores, labels)
    assert_allclose(asma(scores[:, order], valid[:, order]).hits, asma(scores, valid).hits, atol=1e-12)


def test_ties_are_counted():
    found = variable_topk_accuracy([[0.5, 0.5], [0.9, 0.1]], [[1, 0], [1, 0]])
    assert found.tie_rate == 0.5 and found.hit.tolist() == [1.0, 1.0]


def test_shares_of_votes_make_valid_sets():
    shares = [[0.8, 0.2, 0.0], [0.19, 0.01, 0.8], [np.nan, np.nan, np.nan]]
    assert valid_from_shares(shares).tolist() == [[True, True, False], [False, False, True], [False] * 3]


def test_proposed_sets_hold_the_given_label():
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.6, 0.4]])
    proposed = propose_valid([0, 0, 1, 1], probs)
    assert proposed[np.arange(4), [0, 0, 1, 1]].all()
    assert proposed[3].tolist() == [False, True] and not proposed[0, 1]


def flat(n_classes: int = 5, n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Images of one grey each, that of their class."""
    labels = np.arange(n) % n_classes
    return np.tile((40 * labels).astype(np.uint8)[:, None, None, None], (1, 8, 8, 3)), labels


def test_patches_hold_just_the_valid_classes():
    made = make_patchml(*flat(), 5, 60, seed=0)
    assert set(made.valid.sum(axis=1).tolist()) == {2, 3, 4}
    for image, sets in zip(made.images, made.valid, strict=True):
        seen = {int(image[y, x, 0]) for y in (1, 5) for x in (1, 5)} - {128}
        assert seen == {40 * k for k in np.flatnonzero(sets)}


def test_a_box_is_all_that_is_seen_of_an_image():
    images, labels = flat(n=5)
    framed = np.full((5, 8, 8, 3), 255, np.uint8)
    framed[:, 2:6, 2:6] = images[:, 2:6, 2:6]
    boxes = np.tile([2, 2, 6, 6], (5, 1))
    a = make_patchml(images, labels, 5, 20, seed=1)
    b = make_patchml(framed, labels, 5, 20, seed=1, boxes=boxes)
    assert_array_equal(a.images, b.images)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: real_accuracy([[0.1, 0.9]], [[1, 0, 0]]), "shape"),
        (lambda: top1_accuracy([[0.1, np.nan]], [0]), "NaN"),
        (lambda: variable_topk_accuracy([[0.1, 0.9]], [[2, 0]]), "true and false"),
        (lambda: asma([[0.1, 0.9]], [[1, 0]], sizes=[2]), "no group"),
        (lambda: shift_decomposition([], [], [1], [1]), "no items"),
        (lambda: make_patchml(np.zeros((2, 7, 8, 3), np.uint8), [0, 1], 2, 1, 0), "even"),
        (lambda: make_patchml(*flat(2, 4), 2, 1, 0), "no more than there are classes"),
        (lambda: make_patchml(*flat(), 5, 1, 0, boxes=np.tile([0, 0, 9, 4], (20, 1))), "outside its image"),
        (lambda: MultiLabelTest().measure({}, [0], [[1, 0]], "ab"), "no model"),
        (lambda: MultiLabelTest().measure({"m": [[1, 0]]}, [-1], [[1, 0]], "ab"), "no item"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()


def test_the_measure_blames_the_mix():
    rng = np.random.default_rng(0)
    valid = np.zeros((400, 3), bool)
    labels = rng.integers(0, 3, 400)
    valid[np.arange(400), labels] = True
    several = np.r_[np.arange(200) < 20, np.arange(200) < 160]
    valid[several, (labels[several] + 1) % 3] = True
    scores = valid + 0.1 * rng.random((400, 3))
    report = MultiLabelTest().measure(
        {"model": scores}, labels, valid, ("a", "b", "c"), parts=["old"] * 200 + ["new"] * 200
    )
    json.loads(report.to_json())
    drop = report.section("From new to old").tables[0].rows[0]
    assert drop[1] < -0.2 and abs(drop[5]) < 1e-9
    assert "come of the mix of items alone" in report.verdict
    assert "<svg" in render_measure("multilabel-test", report)


def files(folder):
    rng = np.random.default_rng(0)
    names = ("cat", "dog", "fox")
    y = rng.integers(0, 3, 60)
    lines = [f"r{i},{names[k]},{'v1' if i % 2 else 'v2'},{rng.normal():.3f}" for i, k in enumerate(y)]
    (folder / "test.csv").write_text("id,label,part,x\n" + "\n".join(lines) + "\n")
    probs = np.round(0.7 * np.eye(3)[y] + 0.1, 3)
    rows = [f"r{i},{','.join(map(str, p))}" for i, p in enumerate(probs)]
    (folder / "model.csv").write_text("id,cat,dog,fox\n" + "\n".join(rows) + "\n")
    counts = 6 * np.eye(3, dtype=int)[y] + 4 * np.eye(3, dtype=int)[(y + (np.arange(60) % 3 == 0)) % 3]
    rows = [f"r{i},{','.join(map(str, c))}" for i, c in enumerate(counts)]
    (folder / "votes.csv").write_text("id,count_cat,count_dog,count_fox\n" + "\n".join(rows) + "\n")
    long = [f"r{i},w{w},{names[k]}" for i, c in enumerate(counts) for w, k in enumerate(np.repeat(range(3), c))]
    (folder / "long.csv").write_text("task,worker,label\n" + "\n".join(long) + "\n")
    return folder


def test_votes_wide_and_long_say_the_same(tmp_path):
    at = files(tmp_path)
    dataset = load_dataset(at / "test.csv", label="label", id="id")
    wide, long = shares_of_file(at / "votes.csv", dataset), shares_of_file(at / "long.csv", dataset)
    assert_allclose(wide.shares, long.shares)
    assert_array_equal(wide.votes, 10)


def test_the_command_writes_a_report(tmp_path, capsys):
    at = files(tmp_path)
    command = ["measure", "multilabel-test", str(at / "test.csv"), "--label", "label", "--id", "id"]
    models = ["--pred-probs", str(at / "model.csv")]
    more = ["--votes", str(at / "votes.csv"), "--split", "part", "--out", str(at / "out")]
    assert run([*command, *models, *more]) == 0
    assert "33.3 % of the items have several right answers" in capsys.readouterr().out
    assert len((at / "out" / "several_labels.csv").read_text().splitlines()) == 21
    assert run([*command, *models, "--out", str(at / "proposed")]) == 0
    assert "Have people confirm" in capsys.readouterr().out
    assert run([*command, "--out", str(at / "none")]) == 2
    (at / "bad.csv").write_text("task,worker,label\nr1,w,cow\n")
    assert run([*command, *models, "--votes", str(at / "bad.csv"), "--out", str(at / "none")]) == 2
    assert "'cow' is not among the classes" in capsys.readouterr().err
