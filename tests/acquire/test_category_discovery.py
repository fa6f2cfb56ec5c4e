"""P180: which rows of unnamed classes are asked about, and which output stands for which class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    AdaptiveNovelSampling,
    Pool,
    StableLabelMapping,
    clustering_accuracy,
    margin_score,
    novelty_metrics,
)
from labelwright.errors import BadInput


@given(st.integers(0, 10_000), st.integers(2, 8))
@settings(max_examples=30, deadline=None)
def test_p180_a_head_that_permutes_the_classes_is_mapped_by_that_permutation(seed, k):
    rng = np.random.default_rng(seed)
    head = rng.permutation(k)
    targets = np.concatenate([np.arange(k), rng.integers(0, k, 40)])
    mapping = StableLabelMapping(k).fit(head[targets], targets)
    assert_array_equal(mapping.output_of, head)
    assert_array_equal(mapping(targets), head[targets])


def test_classes_without_labelled_rows_get_what_is_left():
    mapping = StableLabelMapping(4).fit([3, 3, 1], [0, 0, 1])
    assert mapping.output_of[0] == 3 and mapping.output_of[1] == 1
    assert sorted(mapping.output_of) == [0, 1, 2, 3]


def world(n=200, k=6, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.4), n)


def test_p180_from_the_second_round_on_the_least_sure_are_asked_in_place_of_the_surest():
    """The authors count rounds from 1 and turn at 2: one round of sure rows, not two [P180]."""
    probs = world()
    pool = Pool(pred_probs=probs)
    unsure, held = margin_score(probs), probs.argmax(axis=1)
    for r, turn, sign in ((0, 2, 1), (1, 2, -1), (5, 2, -1), (0, 1, -1), (1, 3, 1), (2, 3, -1)):
        rows = AdaptiveNovelSampling(3, r, adaptive_round=turn).select(pool, 9, rng=0).rows
        for c in (3, 4, 5):
            own = np.flatnonzero(held == c)
            wanted = own[np.argsort(sign * unsure[own])[:3]]
            assert set(rows[held[rows] == c]) == set(wanted)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_every_question_is_used_and_new_outputs_come_first(seed, budget, r):
    probs = world(50, seed=seed)
    labels = np.where(np.arange(50) < 5, 0, -1)
    rows = AdaptiveNovelSampling(3, r).select(Pool(pred_probs=probs, labels=labels), budget, seed).rows
    held = probs[rows].argmax(axis=1) >= 3
    assert len(rows) == min(budget, 45) == len(set(rows.tolist())) and (rows >= 5).all()
    assert held.sum() == min(budget, (probs[5:].argmax(axis=1) >= 3).sum())


def test_where_nothing_is_held_to_be_new_the_least_sure_old_rows_are_asked():
    probs = np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.6, 0.3, 0.1]])
    assert_array_equal(AdaptiveNovelSampling(2).select(Pool(pred_probs=probs), 2, rng=0).rows, [1, 2])


def test_answers_are_counted_by_what_they_tell_of_new_classes():
    found = novelty_metrics([0, 2, 2, 3, 3], n_old=2, n_new=4)
    assert (found.ratio, found.coverage) == (0.8, 0.5)
    assert_allclose(found.entropy, 0.5)
    assert novelty_metrics([0, 1], 2, 3).coverage == 0 == novelty_metrics([], 2, 3).ratio


def test_one_matching_serves_all_classes():
    truth = np.repeat([0, 1, 2, 3], 5)
    head = np.array([2, 0, 3, 1])
    found = clustering_accuracy(head[truth], truth, 2, 4)
    assert (found.all, found.old, found.new) == (1, 1, 1)
    split = np.where(np.arange(20) < 10, 0, head[truth])
    assert clustering_accuracy(split, truth, 2, 4).old == 0.5


def test_mistakes_are_told():
    with pytest.raises(BadInput, match="leave none"):
        AdaptiveNovelSampling(6).select(Pool(pred_probs=world()), 1, rng=0)
    with pytest.raises(BadInput, match="at least 1"):
        AdaptiveNovelSampling(0)


def trainer(**more):
    pytest.importorskip("torch")
    from labelwright.acquire import AGCDTrainer
    from labelwright.nn import MLP

    settings = {"net": MLP((16, 8)), "base_epochs": 3, "epochs": 2, "rounds": 2, "per_round": 6, "batch_size": 40}
    return AGCDTrainer(2, 2, **(settings | more))


def corners(n=30, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), n)
    return np.eye(4)[y] * 2 + 0.1 * rng.normal(size=(4 * n, 4)), y


def test_losses_of_even_and_of_collapsed_predictions():
    torch = pytest.importorskip("torch")
    from labelwright.acquire.simgcd import cluster_loss, evenness

    even = torch.zeros(4, 4)
    collapsed = torch.tensor([[1.0, -1.0, -1.0, -1.0]]).repeat(4, 1)
    assert_allclose(evenness(even).item(), 0, atol=1e-6)
    assert_allclose(evenness(collapsed).item(), np.log(4), atol=1e-4)
    assert_allclose(cluster_loss(even, even, 0.07).item(), np.log(4), rtol=1e-6)
    assert cluster_loss(collapsed, collapsed, 0.07) < 1e-4


def test_rounds_ask_new_rows_and_the_same_seed_gives_the_same_run():
    X, y = corners()
    labels = np.where((y < 2) & (np.arange(120) % 3 == 0), y, -1)
    asked = []

    def oracle(rows):
        asked.append(rows)
        return y[rows]

    first = trainer().fit(X, labels, oracle)
    assert len(asked) == 2 and len(np.unique(first.rows)) == 12 and (labels[first.rows] < 0).all()
    assert_array_equal(first.answers, y[first.rows])
    again = trainer().fit(X, labels, lambda rows: y[rows])
    assert_array_equal(first.predict(X), again.predict(X))


def test_separate_classes_are_found():
    X, y = corners()
    labels = np.where((y < 2) & (np.arange(120) % 3 == 0), y, -1)
    from labelwright.nn import MLP

    discover = trainer(net=MLP((32, 16)), base_epochs=15, epochs=8, per_round=12)
    assert clustering_accuracy(discover.fit(X, labels, lambda rows: y[rows]).predict(X), y, 2, 4).all > 0.95


def test_labels_of_new_classes_are_refused_and_no_round_asks_nothing():
    X, y = corners()
    with pytest.raises(BadInput, match="no named classes"):
        trainer().fit(X, y, lambda rows: y[rows])
    found = trainer(rounds=0).fit(X, np.where(y < 2, y, -1), lambda rows: y[rows])
    assert len(found.rows) == 0


def test_several_ways_of_asking_share_the_training_before_the_first_question():
    X, y = corners()
    labels = np.where((y < 2) & (np.arange(120) % 3 == 0), y, -1)
    base = trainer(rounds=0).fit(X, labels, lambda rows: y[rows])
    shared, alone = (trainer().fit(X, labels, lambda rows: y[rows], start=s) for s in (base, None))
    assert_array_equal(shared.rows, alone.rows)
    assert_array_equal(shared.predict(X), alone.predict(X))
    with pytest.raises(BadInput, match="rounds=0"):
        trainer().fit(X, labels, lambda rows: y[rows], start=alone)


def test_p180_every_epoch_learns_from_every_answer(monkeypatch):
    pytest.importorskip("torch")
    from labelwright.acquire import SimGCD

    seen = []
    plain = SimGCD.answered_losses

    def noted(self, batch):
        seen.append((batch.clock.epoch, batch["answered"].index.tolist()))
        return plain(self, batch)

    monkeypatch.setattr(SimGCD, "answered_losses", noted)
    X, y = corners()
    labels = np.where((y < 2) & (np.arange(120) % 3 == 0), y, -1)
    asked = trainer(rounds=1, per_round=50).fit(X, labels, lambda rows: y[rows]).rows
    for epoch in (0, 1):
        assert {row for at, rows in seen if at == epoch for row in rows} == set(asked.tolist())
