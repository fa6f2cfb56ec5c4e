from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, Ridge

from labelwright.data import probes
from labelwright.data.probes import LinearProbe, RidgeProbe, TagProbe


def blobs(n=300, k=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return (1.5 * np.eye(k, 6)[y] + rng.normal(size=(n, 6))).astype(np.float32), y


def test_the_solution_is_that_of_scikit_learn_at_the_same_penalty(monkeypatch):
    monkeypatch.setattr(probes, "_TOLERANCE", 1e-12)
    monkeypatch.setattr(probes, "_PASSES", 1000)
    X, y = blobs()
    probe = LinearProbe().fit(X, y)
    scaled = (X - X.mean(0)) * np.sqrt(X.shape[1] / X.var(0).sum())
    peer = LogisticRegression(C=1 / (probe.penalty_ * len(X)), tol=1e-9, max_iter=5000).fit(scaled, y)
    assert_allclose(probe.predict_proba(X), peer.predict_proba(scaled), atol=2e-3)


def test_the_scale_and_the_offset_of_the_features_do_not_matter():
    X, y = blobs()
    assert_allclose(
        LinearProbe().fit(X, y).predict_proba(X), LinearProbe().fit(X * 50 + 7, y).predict_proba(X * 50 + 7), atol=2e-3
    )


def test_features_without_any_signal_give_the_class_frequencies():
    rng = np.random.default_rng(0)
    y = rng.choice(3, 2000, p=[0.6, 0.3, 0.1])
    probs = LinearProbe().fit(rng.normal(size=(2000, 5)), y).predict_proba(rng.normal(size=(200, 5)))
    assert_allclose(probs.mean(axis=0), np.bincount(y) / 2000, atol=0.03)
    assert probs.std(axis=0).max() < 0.06


def test_constant_features_give_the_class_frequencies():
    y = np.repeat([0, 1], [30, 10])
    assert_allclose(LinearProbe().fit(np.ones((40, 3)), y).predict_proba(np.ones((1, 3))), [[0.75, 0.25]], atol=1e-3)


def test_more_features_than_rows_are_no_crash():
    X = np.random.default_rng(0).normal(size=(12, 500))
    assert np.isfinite(LinearProbe().fit(X, np.arange(12) % 3).predict_proba(X)).all()


def test_class_names_may_be_text():
    X, y = blobs(k=2)
    assert set(LinearProbe().fit(X, np.array(["no", "yes"])[y]).predict(X)) == {"no", "yes"}


def test_probabilities_stay_probabilities_far_outside_the_data():
    X, y = blobs()
    probs = LinearProbe().fit(X, y).predict_proba(X * 1e6)
    assert_allclose(probs.sum(axis=1), 1)


def test_one_tag_is_binary_logistic_regression():
    X, y = blobs(k=2)
    one = TagProbe().fit(X, y[:, None]).predict_proba(X)[:, 0]
    two = LinearProbe().fit(X, y).predict_proba(X)[:, 1]
    assert np.abs(one - two).mean() < 0.05


@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_ridge_s_error_is_near_that_of_the_best_penalty(noise):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(400, 30)), rng.normal(size=30)
    y = X @ weights + noise * rng.normal(size=400)
    train, test = slice(0, 80), slice(80, 400)
    ours = np.mean((RidgeProbe().fit(X[train], y[train]).predict(X[test]) - y[test]) ** 2)
    best = min(
        np.mean((Ridge(a).fit(X[train], y[train]).predict(X[test]) - y[test]) ** 2) for a in np.logspace(-3, 3, 13)
    )
    assert ours < 1.1 * best


def test_a_constant_value_is_predicted_as_it_is():
    assert_allclose(
        RidgeProbe().fit(np.random.default_rng(0).normal(size=(20, 3)), np.full(20, 5.0)).predict(np.eye(3)), 5
    )


def test_very_many_features_are_no_crash_and_still_tell(monkeypatch):
    monkeypatch.setattr(probes, "_MOST_AXES", 20)
    X, y = blobs(k=2)
    X = np.concatenate([X * 5, np.random.default_rng(1).normal(size=(len(X), 30))], axis=1)
    assert (LinearProbe().fit(X, y).predict(X) == y).mean() > 0.75


def test_the_slope_of_the_tag_loss_is_its_derivative():
    rng = np.random.default_rng(0)
    logits, tags = rng.normal(size=(6, 3)).astype(np.float32), rng.integers(-1, 2, (6, 3)).astype(np.int8)
    _, slope = probes._sigmoid_loss(logits, tags)
    step = np.float32(1e-2)
    for i, k in np.ndindex(6, 3):
        up, down = logits.copy(), logits.copy()
        up[i, k] += step
        down[i, k] -= step
        rise = (probes._sigmoid_loss(up, tags)[0] - probes._sigmoid_loss(down, tags)[0]) / (2 * step)
        assert abs(rise - slope[i, k]) < 1e-4
