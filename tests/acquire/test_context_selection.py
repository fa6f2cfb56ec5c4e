"""P059: which rows of a new task are labelled, and how a learner makes use of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    GMMContextSelector,
    LinearHead,
    Pool,
    ProtoNet,
    RandomSampling,
    episode_sampler,
    evaluate_context,
)
from labelwright.errors import BadInput


def blobs(k=5, each=30, d=3, seed=0):
    rng = np.random.default_rng(seed)
    middle = 20 * rng.permutation(np.eye(max(k, d)))[:k, :d] + 10 * np.arange(k)[:, None]
    X = (middle[:, None] + rng.normal(size=(k, each, d))).reshape(-1, d)
    return X, np.repeat(np.arange(k), each)


@pytest.mark.parametrize("seed", range(5))
def test_p059_every_blob_is_hit_at_the_row_nearest_to_its_mean(seed):
    X, y = blobs(seed=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order], y[order]
    rows = GMMContextSelector().select(Pool(features=X), 5, rng=seed).rows
    assert sorted(y[rows]) == [0, 1, 2, 3, 4]
    for row in rows:
        own = np.flatnonzero(y == y[row])
        spread = X[own].var(axis=0) + 1e-3
        away = ((X[own] - X[own].mean(axis=0)) ** 2 / spread).sum(axis=1)
        assert row == own[away.argmin()]


def test_no_row_is_labelled_twice_even_where_components_coincide():
    rows = GMMContextSelector(1).select(Pool(features=np.zeros((8, 2))), 5, rng=0).rows
    assert len(np.unique(rows)) == 5


def test_known_rows_are_not_asked_and_a_budget_beyond_the_pool_takes_all():
    X, _ = blobs(2, 5)
    labels = np.where(np.arange(10) < 4, 0, -1)
    pool = Pool(features=X, labels=labels)
    rows = GMMContextSelector().select(pool, 3, rng=0).rows
    assert (rows >= 4).all()
    assert sorted(GMMContextSelector().select(pool, 50, rng=0).rows) == [4, 5, 6, 7, 8, 9]


def test_tasks_have_their_classes_and_never_judge_on_rows_of_the_pool():
    y = np.repeat(np.arange(8), 40)
    y[:10] = -1
    for _, task in zip(range(20), episode_sampler(y, n_way=5, rng=1), strict=False):
        assert len(np.unique(task.classes)) == 5 and not set(task.pool) & set(task.query)
        assert_array_equal(np.bincount(y[task.pool], minlength=8)[task.classes], [20] * 5)
        assert set(y[task.query]) == set(task.classes)


def test_a_prototype_is_the_mean_and_a_class_without_rows_cannot_be_named():
    features, labels = np.array([[0.0], [2.0], [10.0]]), np.array([0, 0, 2])
    probs = ProtoNet().adapt(features, labels, 3)(np.array([[1.0], [5.5], [100.0]]))
    assert_array_equal(probs[:, 1], 0)
    assert_array_equal(probs.argmax(axis=1), [0, 0, 2])
    assert_allclose(probs[1, 0] / probs[1, 2], np.exp(4.5**2 * 0 + (10 - 5.5) ** 2 - (5.5 - 1) ** 2))


def test_the_linear_head_learns_what_its_rows_say_whatever_their_unit():
    X, y = blobs(3, 10)
    for scale in (1.0, 1000.0):
        predict = LinearHead(steps=200).adapt(scale * X, y, 3)
        assert (predict(scale * X).argmax(axis=1) == y).all()
    assert_allclose(LinearHead(steps=0).adapt(X, y, 3)(X), 1 / 3)


@pytest.mark.parametrize("learner", [ProtoNet(), LinearHead(steps=200)])
def test_chosen_contexts_beat_random_ones_where_classes_are_blobs(learner):
    X, y = blobs(6, 40)
    settings = {"budget": 5, "n_tasks": 15, "rng": 0}
    chosen = evaluate_context(learner, GMMContextSelector(), X, y, **settings)
    random = evaluate_context(learner, RandomSampling(), X, y, **settings)
    assert chosen.mean() > 0.97 and random.mean() < 0.85


def test_the_encoder_is_what_the_selector_and_the_learner_see():
    X, y = blobs(5, 40)
    seen = []
    learner = ProtoNet(lambda rows: seen.append(len(rows)) or np.asarray(rows)[:, :2])
    evaluate_context(learner, RandomSampling(), X, y, budget=5, n_tasks=2)
    assert seen == [200]


def test_what_does_not_fit_is_told():
    with pytest.raises(BadInput, match="2 classes have 35 rows"):
        next(episode_sampler(np.repeat([0, 1], 50)))
    with pytest.raises(BadInput, match="restarts"):
        GMMContextSelector(0)
    with pytest.raises(BadInput, match="needs features"):
        GMMContextSelector().select(Pool(labels=[-1]), 1, rng=0)
