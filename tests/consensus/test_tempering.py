"""How sure merged labels are: temperatures from held-out votes and from known labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.consensus import Automatic, DawidSkene, aggregate
from labelwright.consensus.table import VoteTable
from labelwright.consensus.tempering import (
    HeldOut,
    flattened,
    held_out_votes,
    known_temperature,
    tempered,
    vote_temperature,
)
from labelwright.evidence import Votes
from labelwright.metrics.calibration import expected_calibration_error
from labelwright.noise import glad_votes


def hard_items(n=600, seed=0):
    """Items of very different difficulty: votes on one row err together, which no confusion matrix can say."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    cast = glad_votes(truth, rng.normal(1.0, 0.3, 30), rng.normal(0.0, 2.0, n), 2, seed=rng, coverage=0.4)
    return Votes(cast.row, cast.source, cast.value, n, 30, 2), truth


def test_confidence_in_items_of_different_difficulty_is_less_wrong_once_tempered():
    votes, truth = hard_items()
    model = Automatic().fit(votes)
    raw, probs = model.model_.predict_proba(votes), model.predict_proba(votes)
    errors = [expected_calibration_error(q.max(axis=1), q.argmax(axis=1) == truth) for q in (raw, probs)]
    assert model.temperature_ > 1.2 and errors[1] < errors[0]
    assert_array_equal(raw.argmax(axis=1), probs.argmax(axis=1))
    assert "tempered by held-out votes" in model.reason_


def test_votes_that_keep_what_the_model_takes_for_granted_are_hardly_tempered():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2000)
    right = rng.random((2000, 8)) < np.linspace(0.6, 0.9, 8)
    model = Automatic().fit(Votes.from_matrix(np.where(right, truth[:, None], 1 - truth[:, None]), 2))
    assert model.temperature_ < 1.2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(1, 10))
def test_tempering_keeps_order_and_sums_and_never_sharpens_above_1(seed, temperature):
    q = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), 20)
    flat = tempered(q, temperature)
    assert_allclose(flat.sum(axis=1), 1)
    assert (flat.max(axis=1) <= q.max(axis=1) + 1e-9).all()
    assert_array_equal(flat.argmax(axis=1), q.argmax(axis=1))


def test_the_temperature_of_votes_is_never_below_1_and_1_without_votes():
    unsure = np.tile([0.6, 0.4], (50, 1))
    asked = VoteTable(np.arange(51), np.zeros(50, np.int32), np.zeros(50, np.int32), np.ones(50), 1, 2, 2)
    assert vote_temperature([HeldOut(unsure, np.eye(2)[None], np.ones(50, bool), asked)]) == 1
    assert vote_temperature(held_out_votes(DawidSkene, asked.keep(np.zeros(50, bool)), np.full(50, -1))) == 1


def test_rows_without_another_vote_are_not_tempered():
    q = np.tile([0.99, 0.01], (2, 1))
    asked = VoteTable(np.arange(3), np.zeros(2, np.int32), np.array([1, 1], np.int32), np.ones(2), 1, 2, 2)
    part = HeldOut(q, np.eye(2)[None], np.array([True, False]), asked)
    assert_allclose(part.log_probability(2.0), np.log(tempered(q[:1], 2.0)[0, 1]) + np.log(0.01))


def test_known_classes_ask_for_the_share_that_is_right():
    q = np.tile([0.999, 0.001], (10, 1))
    known = np.array([0] * 8 + [1] * 2)
    assert_allclose(tempered(q, known_temperature(q, known))[0, 0], 0.8 * 11 / 12 + 0.2 / 12, atol=1e-6)


def test_fifty_known_labels_without_an_error_prove_no_certainty():
    q = np.tile([0.9, 0.05, 0.05], (50, 1))
    assert_allclose(tempered(q, known_temperature(q, np.zeros(50, int)))[0, 0], 51 / 52, atol=1e-6)


@pytest.mark.parametrize(("n_known", "fitted"), [(49, False), (50, True)])
def test_fifty_known_labels_set_the_confidence_of_the_others(n_known, fitted):
    votes, truth = hard_items(seed=1)
    frame = pd.DataFrame({"task": votes.row, "annotator": votes.source, "label": votes.value.astype(str)})
    gold = {i: str(truth[i]) for i in range(n_known)}
    plain, found = aggregate(frame, method=DawidSkene()), aggregate(frame, method=DawidSkene(), gold=gold)
    assert (found.temperature != 1) == fitted == any("50 known labels" in note for note in found.notes)
    rest = np.asarray(plain.labels["task"]) >= 50
    right = truth[np.asarray(plain.labels["task"])[rest]]
    errors = [
        expected_calibration_error(r.posterior[rest].max(axis=1), r.posterior[rest].argmax(axis=1) == right)
        for r in (plain, found)
    ]
    assert errors[1] < errors[0] or not fitted
    assert_allclose(found.posterior[: n_known // 2].max(axis=1), 1)


def test_one_more_vote_counts_no_more_than_those_that_are_there():
    votes, _ = hard_items(n=200)
    frame = pd.DataFrame({"task": votes.row, "annotator": votes.source, "label": votes.value.astype(str)})
    found = aggregate(frame)
    confusion = flattened(found.model.source_quality().confusion, found.model.temperature_)
    best = found.reask.iloc[0]
    q, source = found.posterior[found.tasks.index(best.task)], found.sources.index(best.annotator)
    assert found.model.temperature_ > 1.2
    assert_allclose(best.expected_gain, (q[:, None] * confusion[source]).max(axis=0).sum() - q.max())
