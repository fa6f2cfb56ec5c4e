"""Confident learning counts and flags as its definition says, and as the package that people come from does [P042]."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    calibrate_confident_joint,
    compute_confident_joint,
    estimate_joint,
    estimate_latent,
    find_label_issues,
    find_label_issues_batched,
    find_overlapping_classes,
    find_predicted_neq_given,
    get_confident_thresholds,
    get_label_quality_scores,
    get_normalized_entropy,
    num_label_issues,
    order_label_issues,
    overall_label_health_score,
    rank_classes_by_label_quality,
)
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.label_issues import FILTERS, PRUNING
from labelwright.audit.label_quality import METHODS
from labelwright.errors import BadInput


def world(seed=0, n=300, n_classes=4, noise=0.2, ties=False, dtype=np.float64):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    probs = rng.dirichlet(np.ones(n_classes), n)
    probs[np.arange(n), truth] += 2 * rng.random(n)
    probs /= probs.sum(axis=1, keepdims=True)
    if ties:
        probs = np.round(probs, 1)
    labels = np.where(rng.random(n) < noise, rng.integers(0, n_classes, n), truth)
    return labels, probs.astype(dtype), truth


def test_thresholds_are_the_mean_confidence_of_each_class_and_out_of_reach_for_an_empty_one():
    assert_array_equal(get_confident_thresholds([0, 0, 2], [[0.5, 0.5, 0], [0.75, 0.25, 0], [0, 0, 1]]), [0.625, 2, 1])


def test_true_one_hot_probabilities_give_the_empirical_joint():
    labels, _, truth = world()
    joint = np.zeros((4, 4))
    np.add.at(joint, (labels, truth), 1 / len(labels))
    assert_allclose(estimate_joint(labels, np.eye(4)[truth]), joint, rtol=0, atol=1e-12)


@pytest.mark.parametrize("filter_by", ["confident_learning", "predicted_neq_given", "prune_by_noise_rate", "both"])
def test_true_one_hot_probabilities_flag_exactly_the_errors(filter_by):
    labels, _, truth = world()
    assert_array_equal(find_label_issues(labels, np.eye(4)[truth], filter_by=filter_by), labels != truth)


@pytest.mark.parametrize("filter_by", FILTERS)
def test_perfect_probabilities_of_clean_labels_raise_no_issue(filter_by):
    truth = world()[2]
    assert not find_label_issues(truth, np.eye(4)[truth], filter_by=filter_by).any()


def test_calibration_keeps_the_number_of_rows_of_each_given_class():
    labels, probs, _ = world()
    assert_array_equal(compute_confident_joint(labels, probs).sum(axis=1), np.bincount(labels))


def test_an_uncalibrated_joint_is_never_zero_on_the_diagonal():
    assert_array_equal(compute_confident_joint([0, 1], [[0.1, 0.9], [0.9, 0.1]], calibrate=False).diagonal(), [1, 1])


def test_the_paper_counts_the_most_probable_of_the_confident_classes_and_the_code_the_most_probable_of_all():
    one_row = ([0], [[0.3, 0.25, 0.45]])
    options = {"thresholds": [0.3, 0.2, 0.9], "calibrate": False}
    assert_array_equal(compute_confident_joint(*one_row, **options)[0], [1, 0, 1])
    assert_array_equal(compute_confident_joint(*one_row, rule="paper", **options)[0], [1, 0, 0])


def test_permuting_the_classes_permutes_the_joint():
    labels, probs, _ = world()
    order = np.array([2, 0, 3, 1])
    permuted = compute_confident_joint(order[labels], probs[:, np.argsort(order)], calibrate=False)
    assert_array_equal(permuted[np.ix_(order, order)], compute_confident_joint(labels, probs, calibrate=False))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_the_number_of_threads_changes_nothing(seed, jobs):
    labels, probs, _ = world(seed, n=120)
    assert_array_equal(find_label_issues(labels, probs, n_jobs=jobs), find_label_issues(labels, probs, n_jobs=1))


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda p: p[::1].copy()[:, ::1], lambda p: np.repeat(p, 2, 0)[::2]]
)
def test_the_layout_in_memory_changes_nothing(layout):
    labels, probs, _ = world()
    assert_array_equal(find_label_issues(labels, layout(probs)), find_label_issues(labels, probs))


def test_sparse_counts_calibrate_as_dense_ones():
    labels, probs, _ = world(n=500, n_classes=7)
    raw = compute_confident_joint(labels, probs, calibrate=False)
    assert_array_equal(calibrate_confident_joint(raw, labels).sum(), len(labels))
    cells = JointCounts.of_dense(raw)
    assert_array_equal(cells.dense(), raw)


def test_more_classes_than_a_table_holds_give_the_same_counts(monkeypatch):
    labels, probs, _ = world(n=500, n_classes=7)
    before = compute_confident_joint(labels, probs)
    monkeypatch.setattr("labelwright.audit.joint_counts.MOST_DENSE", 1)
    assert_array_equal(compute_confident_joint(labels, probs), before)


def test_a_file_gives_the_same_rows_as_memory(tmp_path):
    labels, probs, _ = world(dtype=np.float32)
    np.save(tmp_path / "p.npy", probs)
    np.save(tmp_path / "y.npy", labels)
    read = find_label_issues_batched(labels_file=tmp_path / "y.npy", pred_probs_file=tmp_path / "p.npy")
    assert_array_equal(read, np.flatnonzero(find_label_issues(labels, probs)))


def test_a_class_keeps_the_rows_it_is_promised():
    labels = np.array([0] * 5 + [1] * 50)
    probs = np.tile([0.05, 0.95], (55, 1))
    probs[0] = [0.9, 0.1]
    flags = find_label_issues(labels, probs, filter_by="prune_by_class", min_examples_per_class=5)
    assert not flags[:5].any()


def test_half_the_noise_flags_no_more_than_all_of_it():
    labels, probs, _ = world()
    assert find_label_issues(labels, probs, frac_noise=0.5).sum() < find_label_issues(labels, probs).sum()


def test_ranked_indices_are_the_flagged_rows_worst_first():
    labels, probs, _ = world()
    flags = find_label_issues(labels, probs)
    ranked = find_label_issues(labels, probs, return_indices_ranked_by="self_confidence")
    assert_array_equal(ranked, order_label_issues(flags, labels, probs))
    assert (np.diff(probs[ranked, labels[ranked]]) >= 0).all()


def test_scores_are_what_their_names_say():
    labels, probs = [0, 1], [[0.75, 0.25], [0.5, 0.5]]
    assert_array_equal(get_label_quality_scores(labels, probs), [0.75, 0.5])
    assert_array_equal(get_label_quality_scores(labels, probs, method="normalized_margin"), [0.75, 0.5])
    assert_allclose(get_label_quality_scores(labels, probs, method="confidence_weighted_entropy")[1], np.log(3) / 2)
    assert_allclose(get_normalized_entropy([[0.5, 0.5], [1, 0]]), [1, 0])


def test_latents_of_a_counted_joint():
    latents = estimate_latent([[9, 1], [0, 10]], [0] * 10 + [1] * 10)
    assert_allclose(latents.noise_matrix, [[1, 1 / 11], [0, 10 / 11]])
    assert_allclose(latents.py, [0.45, 0.55])


def test_health_and_overlap_agree_with_the_joint():
    labels, probs, _ = world()
    joint = estimate_joint(labels, probs)
    assert overall_label_health_score(labels, probs) == 1 - num_label_issues(labels, probs) / len(labels)
    pairs = find_overlapping_classes(labels, probs).rows
    assert_allclose(sum(row[5] for row in pairs), 1 - joint.trace())
    assert rank_classes_by_label_quality(labels, probs).rows[0][6] == pytest.approx(
        (joint.diagonal() / joint.sum(axis=1)).min()
    )


@pytest.mark.parametrize(
    ("labels", "probs", "words"),
    [
        ([0, 5], [[1, 0], [0, 1]], "row 1: label 5 is not one of the 2 columns"),
        ([0, -1], [[1, 0], [0, 1]], "label -1"),
        ([0, 1], [[1, 0], [0, np.nan]], "pred_probs row 1, column 1"),
        ([0, 1], [[1, 0], [0, 1.5]], "1.5"),
        ([0, 1, 1], [[1, 0], [0, 1]], "2 rows but there are 3 labels"),
        (["a", "b"], [[1, 0], [0, 1]], "not class numbers"),
        ([0, 1], [1, 0], "not (n, K)"),
    ],
)
def test_bad_input_is_named(labels, probs, words):
    with pytest.raises(BadInput) as error:
        find_label_issues(labels, probs)
    assert words in str(error.value)


def test_a_wrong_filter_names_the_near_one():
    with pytest.raises(BadInput, match="did you mean 'prune_by_class'"):
        find_label_issues([0, 1], [[1, 0], [0, 1]], filter_by="prune_by_clas")


def test_one_class_and_no_rows_are_no_crash():
    assert not find_label_issues([0, 0], [[1.0], [1.0]]).any()
    assert len(find_label_issues(np.empty(0, int), np.empty((0, 3)))) == 0


@pytest.mark.parametrize("seed", range(12))
def test_results_equal_cleanlab(seed):
    count = pytest.importorskip("cleanlab.count")
    issues = pytest.importorskip("cleanlab.filter")
    rank = pytest.importorskip("cleanlab.rank")
    labels, probs, _ = world(
        seed, n=150, n_classes=2 + seed % 6, ties=seed % 3 == 1, dtype=np.float32 if seed % 4 == 2 else np.float64
    )
    if seed % 5 == 4:
        labels[labels == 1] = 0  # a class without rows
    assert_array_equal(compute_confident_joint(labels, probs), count.compute_confident_joint(labels, probs))
    assert_array_equal(find_predicted_neq_given(labels, probs), issues.find_predicted_neq_given(labels, probs))
    for filter_by in FILTERS:
        theirs = issues.find_label_issues(labels, probs, filter_by=filter_by, n_jobs=1)
        assert_array_equal(find_label_issues(labels, probs, filter_by=filter_by), theirs)
    for filter_by in PRUNING:
        options = {"filter_by": filter_by, "frac_noise": 0.6, "min_examples_per_class": 3}
        assert_array_equal(
            find_label_issues(labels, probs, **options), issues.find_label_issues(labels, probs, n_jobs=1, **options)
        )
    for method in METHODS:
        theirs = rank.get_label_quality_scores(labels, probs, method=method)
        assert_allclose(get_label_quality_scores(labels, probs, method=method), theirs, rtol=1e-6)
