"""Weak supervision for labels of any kind (P066)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.consensus import (
    ContinuousLabelModel,
    FiniteMetricLabelModel,
    MetricLabelModel,
    RankingLabelModel,
    kemeny,
    kendall_distance,
    mallows_distance,
    sphere,
    triplet_distances,
    triplet_signs,
)
from labelwright.consensus.label_models.triplet import triplet_moments
from labelwright.consensus.metric_triplets import falling_root
from labelwright.consensus.rankings import pair_signs
from labelwright.errors import BadInput
from labelwright.evidence import LabelSpace, Metric


def squared(a, b):
    return ((a - b) ** 2).sum(axis=-1)


def weighted_mean(labels, theta):
    return np.tensordot(labels, theta / theta.sum(), axes=(1, 0))


def test_triplets_of_squared_distances_are_exact_on_population_moments():
    own = np.array([0.5, 1.0, 2.0, 0.1])
    assert_allclose(triplet_distances(own[:, None] + own), own)


def test_triplets_of_signs_are_those_of_the_binary_label_model():
    moment = np.outer([0.9, 0.4, 0.6, 0.7], [0.9, 0.4, 0.6, 0.7])
    assert_allclose(triplet_signs(moment), triplet_moments(moment))


def test_two_nodes_at_distance_one_are_the_binary_triplet_model():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 4000)
    table = np.where(rng.random((4000, 3)) < [0.9, 0.8, 0.7], truth[:, None], 1 - truth[:, None])
    model = FiniteMetricLabelModel(Metric.ordinal(LabelSpace(("no", "yes")))).fit(table)
    signs = 2 * table - 1
    moment = triplet_moments(signs.T @ signs / 4000)
    assert_allclose(1 - 2 * model.distance_, moment, atol=1e-12)
    accuracy = (1 + moment) / 2
    assert_allclose(model.theta_, np.log(accuracy / (1 - accuracy)), atol=1e-6)


def test_equal_weights_give_the_plain_frechet_mean():
    given = np.random.default_rng(0).normal(size=(20, 4, 3))
    model = MetricLabelModel(squared, weighted_mean).fit(given)
    model.theta_ = np.full(4, 0.7)
    assert_allclose(model.predict(given), given.mean(axis=1))


def test_the_better_source_weighs_more():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(400, 1, 2)) + rng.normal(size=(400, 3, 2)) * np.array([0.2, 1, 2])[None, :, None]
    assert (np.diff(MetricLabelModel(squared, weighted_mean).fit(given).source_quality()) < 0).all()


def test_the_mallows_distance_at_zero_is_half_of_all_pairs_and_falls():
    assert_allclose(mallows_distance(1e-7, 6), 7.5, atol=1e-3)
    assert mallows_distance(0.5, 6) > mallows_distance(1.0, 6)
    theta = falling_root(lambda t: mallows_distance(t, 6), mallows_distance(0.8, 6))
    assert_allclose(theta, 0.8, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_kemeny_ranking_is_nearest_to_the_votes(seed):
    rng = np.random.default_rng(seed)
    given = np.argsort(rng.random((1, 5, 4)), axis=2)
    theta = rng.uniform(0.1, 2, 5)
    cost = lambda order: sum(t * kendall_distance(order[None], given[:, a])[0] for a, t in enumerate(theta))  # noqa: E731
    best = kemeny(given, theta)[0]
    others = [np.argsort(rng.random(4)) for _ in range(20)]
    assert all(cost(best) <= cost(other) + 1e-9 for other in others)


def test_long_rankings_are_improved_by_swaps_until_none_helps():
    rng = np.random.default_rng(0)
    given = np.argsort(rng.random((3, 6, 9)), axis=2)
    merged = kemeny(given, np.ones(6))
    assert (np.sort(merged, axis=1) == np.arange(9)).all()
    unanimous = np.tile(np.arange(9)[::-1], (1, 6, 1))
    assert kemeny(unanimous, np.ones(6))[0].tolist() == list(range(9))[::-1]


def test_the_distance_of_rankings_counts_pairs_in_another_order():
    assert kendall_distance(np.array([[0, 1, 2]]), np.array([[2, 1, 0]])).tolist() == [3.0]
    assert pair_signs(np.array([1, 0, 2])).tolist() == [-1, 1, 1]


def test_rankings_of_unequal_sources_are_told_apart():
    rng = np.random.default_rng(0)
    centre = np.argsort(rng.random((200, 4)), axis=1)
    random = np.argsort(rng.random((200, 4, 4)), axis=2)
    keeps = rng.random((200, 4, 1)) < np.array([0.9, 0.8, 0.2, 0.5])[:, None]
    given = np.where(keeps, centre[:, None], random)
    model = RankingLabelModel().fit(given)
    assert model.theta_[:2].min() > model.theta_[3] > model.theta_[2]


def test_numbers_are_mixed_better_than_by_their_mean():
    rng = np.random.default_rng(0)
    y = rng.normal(size=3000)
    given = 5 + y[:, None] + rng.normal(size=(3000, 4)) * np.array([0.3, 1.0, 1.5, 2.0])
    model = ContinuousLabelModel().fit(given)
    assert_allclose(model.cross_, 1, atol=0.15)
    assert ((model.predict(given) - 5 - y) ** 2).mean() < 0.5 * ((given.mean(axis=1) - 5 - y) ** 2).mean()


def test_points_of_a_sphere_stay_on_it_and_near_the_best_source():
    rng = np.random.default_rng(0)
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)  # noqa: E731
    truth = unit(rng.normal(size=(200, 3)))
    given = unit(truth[:, None] + rng.normal(size=(200, 3, 3)) * np.array([0.05, 0.5, 0.5])[None, :, None])
    model = sphere().fit(given)
    merged = model.predict(given)
    assert_allclose(np.linalg.norm(merged, axis=1), 1)
    assert model.theta_.argmax() == 0
    plain = unit(given.mean(axis=1))
    assert (merged * truth).sum(axis=1).mean() > (plain * truth).sum(axis=1).mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: triplet_distances(np.zeros((2, 2))), "triplets need three"),
        (lambda: triplet_distances(np.zeros((2, 3))), "table of pairs"),
        (lambda: RankingLabelModel().fit([[[0, 0], [0, 1], [1, 0]]]), "no order of all items"),
        (lambda: FiniteMetricLabelModel([[0, 1]]), "no finite square table"),
        (lambda: FiniteMetricLabelModel(1 - np.eye(2)).fit([[0, 1, 2]]), "no node"),
        (lambda: ContinuousLabelModel().fit([[np.nan, 1, 2]]), "hold NaN"),
        (lambda: ContinuousLabelModel().predict([[1, 1, 2]]), "call fit first"),
    ],
)
def test_labels_that_do_not_fit_are_refused(call, message):
    with pytest.raises(BadInput, match=message):
        call()
