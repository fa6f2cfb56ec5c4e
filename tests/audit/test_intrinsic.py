"""Intrinsic dimension and label sharpness [P001]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright import Audit
from labelwright.audit import (
    IntrinsicProperties,
    fit_generalization_scaling,
    intrinsic_dimension,
    label_sharpness,
    representation_dimension,
    two_neighbor_dimension,
)
from labelwright.audit.close_contradictions import difficulty
from labelwright.audit.intrinsic import closest_other_label, dimension_of_distances
from labelwright.cli import run
from labelwright.data import nearest_neighbors
from labelwright.errors import BadInput
from labelwright.report.measure_page import render_measure


def cube(d: int = 5, n: int = 3000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((n, d)) @ np.linalg.qr(rng.normal(size=(64, d)))[0].T


@given(st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_two_rows_of_different_labels_at_distance_r_have_sharpness_1_over_r(r):
    x = np.zeros((2, 7))
    x[1, 3] = r
    assert_allclose(label_sharpness(x, [0, 1]).value, 1 / r, rtol=1e-12)


def test_constant_labels_have_sharpness_0():
    sharp = label_sharpness(cube(n=200), np.zeros(200, int))
    assert sharp.value == 0 and len(sharp.pairs) == 0


@given(st.sampled_from([0.01, 0.5, 3.0, 1000.0]), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_scaling_the_rows_divides_sharpness_and_leaves_the_dimension(scale, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(150, 6)), rng.integers(0, 3, 150)
    assert_allclose(label_sharpness(scale * x, y).value, label_sharpness(x, y).value / scale, rtol=1e-9)
    assert_allclose(intrinsic_dimension(scale * x), intrinsic_dimension(x), rtol=1e-9)


def test_sharpness_is_the_largest_quotient_of_all_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.integers(0, 4, 60)
    gaps = np.linalg.norm(x[:, None] - x[None], axis=2)
    quotients = (y[:, None] != y[None]) / np.where(gaps > 0, gaps, np.inf)
    sharp = label_sharpness(x, y)
    assert_allclose(sharp.value, quotients.max(), rtol=1e-12)
    a, b = sharp.pairs[0]
    assert_allclose(quotients[a, b], sharp.value, rtol=1e-12)


def test_more_than_two_classes_count_pairs_that_differ_not_pairs_that_agree():
    x = np.array([[0.0], [0.1], [5.0], [9.0]])
    assert_allclose(label_sharpness(x, [2, 2, 0, 1]).value, 1 / 4)


def test_equal_rows_with_different_labels_are_counted_and_left_out():
    sharp = label_sharpness([[1.0], [1.0], [3.0]], [0, 1, 1])
    assert sharp.contradictions == 1
    assert_allclose(sharp.value, 0.5)


def test_wrong_labels_raise_the_sharpness():
    x = np.concatenate([cube(n=300), cube(n=300, seed=1) + 10])
    y = np.repeat([0, 1], 300)
    wrong = y.copy()
    wrong[7] = 1
    assert label_sharpness(x, wrong).value > 5 * label_sharpness(x, y).value
    assert 7 in label_sharpness(x, wrong).pairs[0]


@pytest.mark.parametrize("estimate", [intrinsic_dimension, two_neighbor_dimension])
def test_a_cube_of_five_sides_in_64_columns_has_about_five_dimensions(estimate):
    assert abs(estimate(cube()) / 5 - 1) < 0.15


def test_two_neighbours_give_the_closed_form():
    x = np.random.default_rng(0).normal(size=(300, 3))
    gaps = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)
    assert_allclose(intrinsic_dimension(x, 2), 300 / np.log(gaps[:, 2] / gaps[:, 1]).sum(), rtol=1e-9)


def test_the_dimension_is_that_of_its_formula():
    x = np.random.default_rng(1).normal(size=(80, 4))
    gaps = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)[:, 1:11]
    expected = 1 / np.log(gaps[:, -1:] / gaps[:, :-1]).mean()
    assert_allclose(intrinsic_dimension(x, 10), expected, rtol=1e-9)
    assert_allclose(dimension_of_distances(gaps), expected, rtol=1e-12)


def test_copies_of_rows_change_nothing():
    x = np.random.default_rng(0).normal(size=(200, 4))
    assert_allclose(intrinsic_dimension(np.repeat(x, 30, axis=0)), intrinsic_dimension(x), rtol=1e-12)
    assert_allclose(two_neighbor_dimension(np.repeat(x, 2, axis=0)), two_neighbor_dimension(x), rtol=1e-12)
    assert np.isnan(intrinsic_dimension(np.ones((30, 4))))


def test_one_row_has_no_dimension():
    assert np.isnan(intrinsic_dimension([[1.0, 2.0]])) and np.isnan(two_neighbor_dimension([[1.0, 2.0]]))


def test_pixels_are_flattened():
    x = np.random.default_rng(0).random((100, 4, 4, 3))
    assert intrinsic_dimension(x) == intrinsic_dimension(x.reshape(100, 48))


def test_a_layer_has_the_dimension_of_its_outputs():
    torch = pytest.importorskip("torch")
    x = cube(n=400).astype(np.float32)
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Dropout(0.5), torch.nn.Linear(64, 2)).train()
    with torch.no_grad():
        expected = intrinsic_dimension(net[0](torch.tensor(x)).numpy())
    assert_allclose(representation_dimension(net, net[0], x), expected, rtol=1e-5)
    assert net.training
    with pytest.raises(BadInput, match="no part of the model"):
        representation_dimension(net, torch.nn.ReLU(), x)


def test_the_law_is_fitted_exactly():
    rng = np.random.default_rng(0)
    n, d, sharp = rng.integers(50, 5000, 30), rng.uniform(5, 30, 30), rng.uniform(0.1, 4, 30)
    law = fit_generalization_scaling(2 * sharp**0.7 * n ** (-1.2 / d), n, d, sharp)
    assert_allclose([law.intercept, law.size_slope, law.sharpness_slope, law.r2], [np.log(2), -1.2, 0.7, 1], atol=1e-9)
    assert_allclose(law.predict(100, 10, 0.5), 2 * 0.5**0.7 * 100**-0.12)


def test_neighbours_find_the_pair_that_decides():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 5)), rng.integers(0, 2, 200)
    near = nearest_neighbors(x, 20, metric="euclidean")
    pairs, distances = closest_other_label(near.indices, near.distances, y)
    sharp = label_sharpness(x, y)
    assert_array_equal(pairs[0], sharp.pairs[0])
    assert_allclose(1 / distances[0], sharp.value, rtol=1e-5)


def test_the_cheap_part_is_that_of_rows_of_length_1():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cheap = difficulty(nearest_neighbors(x, 20), y)
    assert_allclose(cheap.dimension, intrinsic_dimension(unit, 20), rtol=1e-3)
    assert_allclose(cheap.sharpness, label_sharpness(unit, y).value, rtol=1e-2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: intrinsic_dimension([[np.nan], [1.0]]), "NaN or infinity"),
        (lambda: intrinsic_dimension([]), "no rows"),
        (lambda: intrinsic_dimension([["a"], ["b"]]), "not numbers"),
        (lambda: intrinsic_dimension(cube(n=9), k=1), "2 or more"),
        (lambda: label_sharpness([[1.0], [2.0]], [0]), "2 rows"),
        (lambda: label_sharpness([[1.0], [2.0]], [0.5, 1]), "class numbers"),
        (lambda: fit_generalization_scaling([1, 2], [1, 2], [1, 2], [1, 2]), "three"),
        (lambda: fit_generalization_scaling([1, 0, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3]), "above 0"),
        (lambda: IntrinsicProperties(k=1), "2 or more"),
        (lambda: IntrinsicProperties().measure([[1.0], [2.0]], [0, 5], ("a", "b")), "2 classes"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()


def test_the_measure_names_the_wrong_row_first():
    x = np.concatenate([cube(n=300), cube(n=300, seed=1) + 3])
    y = np.repeat([0, 1], 300)
    y[7] = 1
    report = IntrinsicProperties().measure(x, y, ("low", "high"), ids=[f"r{i}" for i in range(600)])
    pairs = report.section("How abruptly labels change").tables[-1]
    assert pairs.rows[0][:3] == ("r7", "high", 0.0)
    assert "<svg" in render_measure("intrinsic", report)


@pytest.mark.parametrize("labels", [[0] * 6, [-1] * 6, [0, 1, -1, -1, -1, -1]])
def test_the_measure_bears_little_data(labels):
    report = IntrinsicProperties().measure(np.ones((6, 2)), labels, ("a", "b"))
    json.loads(report.to_json())
    render_measure("intrinsic", report)


def table(path, rows: int = 120):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'up' if a > 0 else 'down'}" for a, b, c in x]
    path.write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    return path


def test_the_command_writes_a_report_and_the_pairs(tmp_path, capsys):
    data = table(tmp_path / "rows.csv")
    assert run(["measure", "intrinsic", str(data), "--label", "y", "--out", str(tmp_path / "out")]) == 0
    assert "directions" in capsys.readouterr().out
    assert (tmp_path / "out" / "close_pairs.csv").read_text().startswith('"id"')
    assert run(["measure", "intrinsic", str(data), "--label", "nothing", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()


def test_the_audit_tells_difficulty_in_summary_and_report(tmp_path):
    audit = Audit(table(tmp_path / "rows.csv"), label="y", jobs=1).run()
    told = audit.result.summary["difficulty"]
    assert 1 < told["intrinsic_dimension"] < 4 and told["label_sharpness"] > 0
    a, b = told["closest_pair"]
    assert audit.result.dataset.labels[a] != audit.result.dataset.labels[b]
    assert audit.result.nutrition.section("Difficulty").scalars["intrinsic dimension"] == told["intrinsic_dimension"]
