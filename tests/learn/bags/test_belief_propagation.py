"""Pseudo-labels by belief propagation over bags and similar rows [P069]."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from labelwright.errors import BadInput
from labelwright.evidence import Bags
from labelwright.learn.bags import (
    LLPBeliefPropagation,
    PseudoLabelAndBagLoss,
    gibbs_pseudo_labels,
    hidden_layer,
    similarity_graph,
)
from labelwright.learn.bags.count_factors import labels_of_counts, read_bags
from labelwright.metrics import auroc
from labelwright.nn import MLP, Loop, Task, Training
from labelwright.nn.losses import soft_cross_entropy


def world(n=240, size=8, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n // 2)
    X = rng.normal(size=(n, 2)) + 4 * y[:, None]
    ids = rng.permutation(n) // size
    return X, y, ids, np.bincount(ids, weights=y).astype(int)


def test_the_result_does_not_depend_on_threads_or_the_order_of_rows():
    X, _, ids, counts = world()
    K = similarity_graph(X, 5)
    one = gibbs_pseudo_labels(ids, counts, K, similarity_weight=0.5)
    three = gibbs_pseudo_labels(ids, counts, K, similarity_weight=0.5, jobs=3)
    assert (one.q == three.q).all()
    order = np.random.default_rng(4).permutation(len(X))
    moved = gibbs_pseudo_labels(ids[order], counts, K[order][:, order], similarity_weight=0.5)
    assert_allclose(moved.q, one.q[order], atol=1e-3)


def test_similar_rows_tell_more_than_counts_alone():
    X, y, ids, counts = world()
    found = gibbs_pseudo_labels(ids, counts, similarity_graph(X, 5), similarity_weight=1.0)
    alone = gibbs_pseudo_labels(ids, counts).q
    assert ((found.q > 0.5) == y).mean() > 0.9 > ((alone > 0.5) == y).mean()


def test_the_similarity_is_symmetric_and_falls_with_distance():
    X = world()[0]
    K = similarity_graph(X, 5)
    assert abs(K - K.T).max() == 0
    i, j = K.nonzero()
    assert_allclose(K.data, np.exp(-np.linalg.norm(X[i] - X[j], axis=1)))


def test_the_hidden_layer_leads_to_the_networks_own_answer():
    X, y, _, _ = world()
    net = MLPClassifier((16, 8, 4), max_iter=20, random_state=0).fit(X, y)
    h = hidden_layer(net, X)
    assert h.shape == (240, 8)
    h = np.maximum(h @ net.coefs_[2] + net.intercepts_[2], 0) @ net.coefs_[3] + net.intercepts_[3]
    assert_allclose(1 / (1 + np.exp(-h[:, 0])), net.predict_proba(X)[:, 1], rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_four_rounds_classify_rows_from_counts_alone():
    X, y, ids, counts = world()
    net = MLPClassifier((32, 16), max_iter=60, random_state=0)
    model = LLPBeliefPropagation(net, hidden_layer, similarity_weight=1.0).fit(X, ids, counts)
    assert len(model.pseudo_labels_) == 4
    assert (model.predict(X) == y).mean() > 0.9


def test_any_classifier_and_embedding_may_be_given():
    X, y, ids, counts = world()
    calls = []

    def embed(classifier, rows):
        calls.append(classifier.coef_.shape)
        return rows * classifier.coef_

    model = LLPBeliefPropagation(LogisticRegression(), embed, similarity_weight=1.0).fit(X, ids, counts)
    assert calls == [(1, 2)] * 3
    assert (model.predict(X) == y).mean() > 0.9
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def rare_and_dense(n=2048, size=64, seed=0):
    """Return rows of which a fifth is positive and lies close together, in large bags: the case that went wrong."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(int)
    X = np.where(y[:, None] == 1, rng.normal(1.2, 0.3, (n, 2)), rng.normal(0, 1, (n, 2)))
    ids = rng.permutation(n) // size
    return X, y, ids, np.bincount(ids, weights=y).astype(int)


def test_a_rare_class_among_near_neighbours_is_found_from_large_bags():
    X, y, ids, counts = rare_and_dense()
    model = LLPBeliefPropagation(LogisticRegression(), lambda _, rows: rows).fit(X, ids, counts)
    law = gibbs_pseudo_labels(ids, counts, similarity_graph(X / X.std(axis=0), 5), similarity_weight=0.3)
    assert auroc(y, law.q) < 0.5 < 0.75 < auroc(y, model.pseudo_labels_[-1].q)
    assert auroc(y, model.predict_proba(X)[:, 1]) > 0.8


def test_the_network_of_the_class_is_taught_rows_and_bags():
    X, y, ids, counts = world()
    model = LLPBeliefPropagation(n_rounds=2).fit(X, ids, counts)
    assert (model.predict(X) == y).mean() > 0.9
    assert model.predict_proba(X).shape == (240, 2)


def test_a_classifier_without_weights_learns_labels_that_agree_with_the_counts():
    X, y, ids, counts = world()
    model = LLPBeliefPropagation(KNeighborsClassifier(5), lambda _, rows: rows, n_rounds=2).fit(X, ids, counts)
    assert (model.predict(X) == y).mean() > 0.9


def test_labels_of_counts_agree_with_the_counts():
    rng = np.random.default_rng(5)
    ids, q = np.append(rng.integers(0, 3, 30), [-1, -1]), np.append(rng.random(30), [0.7, 0.2])
    counts = np.array([1, 4, 0])
    labels = labels_of_counts(q, read_bags(ids, counts))
    assert np.bincount(ids[:30], weights=labels[:30]).tolist() == counts.tolist()
    assert labels[30:].tolist() == [1, 0]
    assert q[:30][(ids[:30] == 1) & (labels[:30] == 1)].min() > q[:30][(ids[:30] == 1) & (labels[:30] == 0)].max()


def test_without_bags_weight_the_network_minimises_the_cross_entropy_of_the_pseudo_labels():
    q = np.random.default_rng(6).dirichlet([1, 1], 8).astype(np.float32)
    task = Task(np.eye(8), Bags.counts(np.arange(8) // 4, [1, 3]), net=MLP((4,)), fields={"pseudo": q})
    for weight, apart in ((0.0, False), (0.5, True)):
        loop = Loop(PseudoLabelAndBagLoss(weight), task, Training(epochs=1, device="cpu", batch_size=8))
        logits = loop.objective.net(task.x)
        total = loop.step(np.arange(8)).total.item()
        assert (abs(total - soft_cross_entropy(logits, task.fields["pseudo"]).item()) > 1e-3) == apart


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LLPBeliefPropagation(n_rounds=0).fit([[0.0], [1.0]], [0, 0], [1]), "n_rounds"),
        (lambda: LLPBeliefPropagation(LogisticRegression()).fit([[0.0], [1.0]], [0, 0], [1]), "embedding"),
        (lambda: LLPBeliefPropagation().fit([[0.0], [1.0]], [0, 0], [2]), "one class"),
        (lambda: LLPBeliefPropagation().fit([[0.0], [1.0]], [0, 0, 0], [2]), "3 rows, X has 2"),
        (lambda: LLPBeliefPropagation(n_steps=0).fit([[0.0], [1.0]], [0, 0], [1]), "n_steps"),
        (lambda: LLPBeliefPropagation(classifier_weight=-1).fit([[0.0], [1.0]], [0, 0], [1]), "classifier_weight"),
        (lambda: PseudoLabelAndBagLoss(-1), "weight"),
        (lambda: Loop(PseudoLabelAndBagLoss(), Task(np.eye(2), Bags.counts([0, 0], [1]), net=MLP((2,)))), "pseudo"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(BadInput, match=message):
        call()
