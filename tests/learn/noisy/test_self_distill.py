"""Self-distillation under label noise [P082]."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.errors import BadInput
from labelwright.learn.noisy import (
    SelfDistillation,
    distillation_targets,
    optimal_imitation_weight,
    plug_in_imitation_weight,
    ridge_self_distillation,
    softmax_regression,
    student_error,
)


@pytest.fixture
def linear():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 8)) * np.geomspace(1, 5, 8), rng.normal(size=8)


@pytest.fixture
def classes():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(120, 5))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([SelfDistillation(l2=1e-2)])
def test_it_keeps_the_estimator_contract(estimator, check):
    check(estimator)


def test_weight_zero_gives_the_teacher_again(linear, classes):
    X, theta = linear
    found = ridge_self_distillation(X, X @ theta + 1, 3.0, 0.0)
    assert_allclose(found.student, found.teacher)
    model = SelfDistillation(0.0, l2=1e-2).fit(*classes)
    assert_allclose(model.predict_proba(classes[0]), model.teacher_.predict_proba(classes[0]), atol=1e-6)


def test_weight_one_is_ridge_repeated(linear):
    X, theta = linear
    y = X @ theta + np.random.default_rng(2).normal(size=60)
    first = Ridge(3.0, fit_intercept=False).fit(X, y)
    again = Ridge(3.0, fit_intercept=False).fit(X, first.predict(X))
    assert_allclose(ridge_self_distillation(X, y, 3.0, 1.0).student, again.coef_)


def test_in_the_singular_basis_the_student_is_the_shrunk_teacher(linear):
    X, theta = linear
    found = ridge_self_distillation(X, X @ theta + 1, 3.0, 1.7)
    _, s, vt = np.linalg.svd(X, full_matrices=False)
    b = 3.0 / (s**2 + 3.0)
    assert_allclose(vt @ found.student, (vt @ found.teacher) * (1 - 1.7 * b))


def test_the_expected_error_is_the_mean_over_the_noise(linear):
    X, theta = linear
    rng = np.random.default_rng(3)
    errors = [
        ((ridge_self_distillation(X, X @ theta + 3 * rng.normal(size=60), 5.0, 1.4).student - theta) ** 2).sum()
        for _ in range(2000)
    ]
    expected = student_error(X, theta, 9.0, 5.0, 1.4)
    assert abs(np.mean(errors) - expected) < 4 * np.std(errors) / np.sqrt(len(errors))


@pytest.mark.parametrize("noise_variance", [0.0, 1.0, 30.0, 1e4])
def test_the_closed_form_is_the_minimum_of_the_expected_error(linear, noise_variance):
    X, theta = linear
    best = optimal_imitation_weight(X, theta, noise_variance, 5.0)
    here = student_error(X, theta, noise_variance, 5.0, best)
    assert all(student_error(X, theta, noise_variance, 5.0, best + d) >= here for d in (-1, -1e-2, 1e-2, 1))


def test_under_endless_noise_the_weight_is_above_one(linear):
    X, theta = linear
    limit = optimal_imitation_weight(X, theta, np.inf, 5.0)
    assert limit > 1
    assert optimal_imitation_weight(X, theta, 1e9, 5.0) == pytest.approx(limit, rel=1e-5)


def test_without_noise_the_weight_is_negative(linear):
    X, theta = linear
    assert optimal_imitation_weight(X, theta, 0.0, 5.0) < 0


def test_columns_that_x_does_not_see_add_their_error_alone():
    X = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert student_error(X, [1.0, 3.0], 1.0, 1.0, 1.2) == pytest.approx(
        student_error(X[:, :1], [1.0], 1.0, 1.0, 1.2) + 9
    )


def test_the_plug_in_is_near_the_optimum():
    rng = np.random.default_rng(4)
    X, theta = rng.normal(size=(2000, 5)), np.ones(5)
    y = X @ theta + 5 * rng.normal(size=2000)
    best = optimal_imitation_weight(X, theta, 25.0, 400.0)
    assert plug_in_imitation_weight(X, y, 400.0, seed=0) == pytest.approx(best, abs=0.5)


def test_softmax_regression_is_scikit_learns_on_hard_labels(classes):
    X, y = classes
    ours = softmax_regression(X, np.eye(3)[y], 0.02)
    theirs = LogisticRegression(C=1 / (0.02 * len(y)), tol=1e-10, max_iter=1000).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_the_slope_is_zero_at_targets_with_negative_entries(classes):
    X, y = classes
    given = np.eye(3)[y]
    teacher = softmax_regression(X, given, 0.02)
    targets = distillation_targets(teacher.predict_proba(X), given, 1.8)
    assert targets.min() < 0
    student = softmax_regression(X, targets, 0.02)
    slope = X.T @ (student.predict_proba(X) - targets) / len(X) + 0.02 * student.coef
    assert_allclose(slope, 0, atol=1e-6)


def test_clipped_targets_are_probabilities(classes):
    plain, clipped = (SelfDistillation(2.0, l2=1e-2, clip_targets=c).fit(*classes) for c in (False, True))
    assert np.abs(plain.coef_ - clipped.coef_).max() > 1e-3
    assert np.isfinite(clipped.coef_).all()


def test_the_same_data_give_the_same_bits(classes):
    one, two = (SelfDistillation(l2=1e-2).fit(*classes).coef_ for _ in range(2))
    assert (one == two).all()


def test_labels_may_be_names(classes):
    X, y = classes
    names = np.array(["a", "é", "z"])[y]
    assert set(SelfDistillation(l2=1e-2).fit(X, names).predict(X)) <= {"a", "é", "z"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge_self_distillation([[1.0]], [1.0], 0.0, 1.0), "lam"),
        (lambda: ridge_self_distillation([[1.0]], [1.0, 2.0], 1.0, 1.0), "rows"),
        (lambda: optimal_imitation_weight([[1.0]], [1.0], -1.0, 1.0), "noise_variance"),
        (lambda: optimal_imitation_weight([[1.0]], [1.0, 2.0], 1.0, 1.0), "columns"),
        (lambda: optimal_imitation_weight([[0.0]], [1.0], 1.0, 1.0), "zero"),
        (lambda: optimal_imitation_weight([[1.0]], [0.0], 0.0, 1.0), "neither"),
        (lambda: plug_in_imitation_weight([[1.0]], [1.0], 1.0, seed=0), "four"),
        (lambda: softmax_regression([[1.0]], [[0.5, 0.6]], 1.0), "sum to 1"),
        (lambda: softmax_regression([[1.0]], [[1.5, -0.5]], 1.0), "no minimum"),
        (lambda: softmax_regression([[1.0]], [[0.5, 0.5]], 0.0), "l2"),
        (lambda: softmax_regression([[1.0]], [[0.5, 0.5]], 1.0, sample_weight=[0.0]), "weights"),
        (lambda: SelfDistillation().fit([[1.0], [2.0]], [1, 1]), "one class"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(BadInput, match=message):
        call()
