"""Statistics that add up: parts, in any split, give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd
from labelwright.consensus import (
    IBCC,
    ContinuousLabelModel,
    DataProgramming,
    DawidSkene,
    FastDawidSkene,
    FiniteMetricLabelModel,
    MajorityVote,
    MatrixCompletion,
    OneCoin,
    RankingLabelModel,
    TripletModel,
    WeightedVote,
)
from labelwright.errors import BadInput
from labelwright.evidence import Votes

EXACT = {
    "majority": MajorityVote,
    "weighted": lambda: WeightedVote([1.0, 2.0, 1.0, 1.0, 3.0]),
    "triplet": TripletModel,
    "matrix completion": MatrixCompletion,
}
EXPECTED = {
    "Dawid-Skene": DawidSkene,
    "fast Dawid-Skene": FastDawidSkene,
    "one-coin": OneCoin,
    "IBCC": IBCC,
    "data programming": DataProgramming,
}
ALL = EXACT | EXPECTED


def parts(n_classes=2, cut=40, n=120):
    votes, truth = crowd(n=n, n_classes=n_classes, seed=1)
    return votes, votes.take(np.arange(cut)), votes.take(np.arange(cut, n)), truth


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_parts_of_models_in_closed_form_give_the_fit_of_the_whole(make, n_classes):
    votes, first, second, _ = parts(n_classes)
    whole = make().fit(votes).predict_proba(votes)
    merged = make().fit(first).merge(make().fit(second))
    in_turn = make().partial_fit(first).partial_fit(second)
    assert_allclose(merged.predict_proba(votes), whole, atol=1e-9)
    assert_allclose(in_turn.predict_proba(votes), whole, atol=1e-9)
    assert_allclose(in_turn.source_quality().n_votes, merged.source_quality().n_votes)


@pytest.mark.parametrize("make", EXPECTED.values(), ids=EXPECTED)
def test_first_parts_merge_to_the_first_part_of_the_whole(make):
    votes, first, second, _ = parts()
    whole = make().partial_fit(votes)
    merged = make().partial_fit(first).merge(make().partial_fit(second))
    assert_allclose(merged.predict_proba(votes), whole.predict_proba(votes), atol=1e-9)
    assert_allclose(merged.source_quality().accuracy, whole.source_quality().accuracy, atol=1e-9)


@pytest.mark.parametrize("make", EXPECTED.values(), ids=EXPECTED)
def test_rows_that_come_later_are_learned_from(make):
    votes, truth = crowd(n=600, accuracy=(0.95, 0.9, 0.55, 0.5, 0.6), seed=2)
    model = make()
    for start in range(0, 600, 100):
        model.partial_fit(votes.take(np.arange(start, start + 100)))
    accuracy = model.source_quality().accuracy
    assert accuracy[:2].min() > accuracy[2:].max() + 0.1
    assert (model.predict_proba(votes).argmax(axis=1) == truth).mean() > 0.85


@pytest.mark.parametrize("make", EXPECTED.values(), ids=EXPECTED)
def test_a_fit_goes_on_with_further_rows(make):
    votes, first, second, _ = parts()
    model = make().fit(first)
    before = model.source_quality().n_votes.sum()
    model.partial_fit(second)
    assert_allclose(model.source_quality().n_votes.sum(), before + (second.value >= 0).sum())
    assert np.isfinite(model.predict_proba(votes)).all()


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_parts_that_number_sources_otherwise_are_refused_and_change_nothing(make):
    votes, first, _, _ = parts()
    model = make().fit(first)
    before = model.predict_proba(votes)
    other = Votes.from_matrix(np.zeros((4, 6), dtype=int), 2)
    with pytest.raises(BadInput, match="alike in all parts"):
        model.partial_fit(other)
    with pytest.raises(BadInput, match="alike in all parts"):
        model.merge(type(model)().fit(other) if make is not EXACT["weighted"] else WeightedVote().fit(other))
    assert_allclose(model.predict_proba(votes), before, atol=0)
    with pytest.raises(BadInput, match="has not seen votes"):
        make().merge(model)


@pytest.mark.parametrize("make", [TripletModel, MatrixCompletion, DataProgramming, OneCoin, IBCC])
def test_gold_rows_of_all_parts_count(make):
    votes, first, second, truth = parts()
    whole = make().partial_fit(votes, truth)
    merged = make().partial_fit(first, truth[:40]).merge(make().partial_fit(second, truth[40:]))
    assert_allclose(merged.class_balance_, whole.class_balance_, atol=1e-9)


def test_distances_and_scatter_add_up_for_p066():
    rng = np.random.default_rng(0)
    nodes = rng.integers(0, 4, (90, 5))
    line = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).astype(float)
    numbers = rng.normal(size=(90, 5)) + rng.normal(size=(90, 1)) * 2
    ranked = np.argsort(rng.random((90, 5, 4)), axis=2)
    for make, labels, weight in (
        (lambda: FiniteMetricLabelModel(line), nodes, "theta_"),
        (RankingLabelModel, ranked, "theta_"),
        (ContinuousLabelModel, numbers, "weight_"),
    ):
        whole = getattr(make().fit(labels), weight)
        assert_allclose(getattr(make().fit(labels[:30]).merge(make().fit(labels[30:])), weight), whole, atol=1e-8)
        assert_allclose(getattr(make().partial_fit(labels[:30]).partial_fit(labels[30:]), weight), whole, atol=1e-8)
        with pytest.raises(BadInput):
            make().fit(labels).merge(make().fit(labels[:, :4]))
