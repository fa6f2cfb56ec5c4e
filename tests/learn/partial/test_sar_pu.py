"""Positive-unlabelled learning with uneven chances of a label [P056]."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.errors import BadInput
from labelwright.evidence import Tags, posterior
from labelwright.learn.partial import SAREM, PropensityWeightedPU
from labelwright.noise import label_by_propensity


@pytest.fixture
def world():
    """Positives: x0 > 0, softly. Labelled: seldom where x1 is small."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3))
    y = rng.random(3000) < 1 / (1 + np.exp(-4 * X[:, 0]))
    e = 1 / (1 + np.exp(-2 * X[:, 1]))
    return X, y, e, label_by_propensity(y, e, seed=1).labeled


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([PropensityWeightedPU(), SAREM(max_iter=20)])
def test_it_keeps_the_estimator_contract(estimator, check):
    check(estimator)


def test_with_certain_labels_the_risk_is_the_supervised_one(world):
    X, y, _, _ = world
    ours = PropensityWeightedPU(1.0, l2=0.5).fit(X, y)
    theirs = LogisticRegression(C=2.0, tol=1e-10).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_the_risk_is_that_of_the_doubled_data_with_negative_weights(world):
    X, _, e, s = world
    model = PropensityWeightedPU(l2=0.7).fit(X, s, propensity=e)
    e = np.maximum(e, 0.05)
    f = model.predict_proba(X)[:, 1]
    positive, negative = s / e, (1 - s) + s * (1 - 1 / e)  # weights of the two copies of a row
    slope = X.T @ ((f - 1) * positive + f * negative) + 0.7 * model.coef_[0]
    assert_allclose(slope, 0, atol=1e-5)


def test_over_the_draws_of_labels_the_risk_is_the_supervised_risk(world):
    X, y, e, _ = world
    e = np.maximum(e, 0.1)
    f = PropensityWeightedPU().fit(X, y).predict_proba(X)[:, 1]
    loss_1, loss_0 = -np.log(f), -np.log1p(-f)
    rng = np.random.default_rng(2)
    s = y & (rng.random((400, len(y))) < e)
    risks = (s * (loss_1 / e + (1 - 1 / e) * loss_0) + ~s * loss_0).mean(axis=1)
    supervised = np.where(y, loss_1, loss_0).mean()
    assert abs(risks.mean() - supervised) < 3 * risks.std(ddof=1) / np.sqrt(len(risks))


@pytest.mark.parametrize("attributes", [None, [1], []])
def test_the_objective_of_em_never_falls(world, attributes):
    X, _, _, s = world
    trace = SAREM(attributes, max_iter=60).fit(X, s).objective_
    assert (np.diff(trace) >= -1e-7 * np.abs(trace[1:])).all()


def test_the_exact_log_likelihood_is_the_one_of_the_card(world):
    X, _, _, s = world
    model = SAREM([1], max_iter=30).fit(X, s)
    fe = model.predict_proba(X)[:, 1] * model.predict_propensity(X)
    assert_allclose(model.log_likelihood_[-1], np.where(s, np.log(fe), np.log1p(-fe)).mean(), rtol=1e-9)


def test_the_expected_log_likelihood_is_below_the_exact_one(world):
    X, _, _, s = world
    model = SAREM([1], max_iter=30).fit(X, s)
    assert (model.expected_log_likelihood_ <= model.log_likelihood_ + 1e-12).all()


def test_its_propensities_serve_the_one_e_step(world):
    X, _, _, s = world
    model = SAREM([1]).fit(X, s)
    f, e = model.predict_proba(X)[:, 1], model.predict_propensity(X)
    tags = Tags.from_dense(s[:, None].astype(np.int8))
    q = posterior(np.log(model.predict_proba(X))[:, None, :], tags, model.propensity(X)).q[:, 0, 1]
    assert_allclose(q, s + (1 - s) * f * (1 - e) / (1 - f * e), atol=1e-12)


def test_the_chances_of_a_label_are_found(world):
    X, y, e, s = world
    model = SAREM([1]).fit(X, s)
    assert model.converged_
    assert np.abs(model.predict_propensity(X) - e).mean() < 0.06
    assert (model.predict(X) == y).mean() > (PropensityWeightedPU(float(e[y].mean())).fit(X, s).predict(X) == y).mean()


def test_without_attributes_every_positive_has_the_weighted_mean_chance(world):
    X, _, _, s = world
    model = SAREM([]).fit(X, s)
    e = model.predict_propensity(X)
    assert_allclose(e, e[0])
    f = model.predict_proba(X)[:, 1]
    positive = s + (1 - s) * f * (1 - e) / (1 - f * e)
    assert_allclose(e[0], (positive * s).sum() / positive.sum(), rtol=1e-3)


def test_the_last_fit_uses_the_propensities_found(world):
    X, _, _, s = world
    plain, again = SAREM([1]).fit(X, s), SAREM([1], refit=True).fit(X, s)
    told = PropensityWeightedPU().fit(X, s, propensity=plain.predict_propensity(X))
    assert_allclose(again.coef_, told.coef_, rtol=1e-6)


def test_labels_may_be_names(world):
    X, _, _, s = world
    model = clone(SAREM([1])).fit(X, np.where(s, "yes", "unknown"))
    assert list(model.classes_) == ["unknown", "yes"]
    assert set(model.predict(X[:50])) <= {"unknown", "yes"}


def test_it_stands_in_a_pipeline(world):
    X, y, _, s = world
    pipe = make_pipeline(StandardScaler(), SAREM([1])).fit(X * [1, 100, 1e-3], s)
    assert (pipe.predict(X * [1, 100, 1e-3]) == y).mean() > 0.8


@pytest.mark.parametrize("propensity", [0.0, 1.5, float("nan"), [0.5], "half"])
def test_impossible_propensities_are_refused(world, propensity):
    X, _, _, s = world
    with pytest.raises(BadInput, match="propensit"):
        PropensityWeightedPU().fit(X, s, propensity=propensity)


@pytest.mark.parametrize("attributes", [[3], [-1], [0.5], [[0]], ["x0"]])
def test_attributes_that_are_no_columns_are_refused(world, attributes):
    X, _, _, s = world
    with pytest.raises(BadInput, match="propensity_attributes"):
        SAREM(attributes).fit(X, s)


def test_labels_of_one_kind_are_refused(world):
    X = world[0]
    with pytest.raises(BadInput, match="only one class"):
        SAREM().fit(X, np.zeros(len(X)))
    with pytest.raises(BadInput, match="binary"):
        SAREM().fit(X, np.arange(len(X)) % 3)
