"""P068: ActiveLab."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import ActiveLab, Pool, activelab_scores, activelab_scores_ensemble, vote_quality
from labelwright.acquire.activelab import fit_temperature_to_votes, majority
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Votes


def world(seed, n=120, m=6, k=4, unlabelled=20, coverage=0.4):
    """Votes (n + unlabelled, m) of annotators of different skill, and probabilities of a fair model."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n + unlabelled)
    table = np.where(
        rng.random((n + unlabelled, m)) < rng.uniform(0.4, 0.95, m), y[:, None], rng.integers(0, k, (len(y), m))
    )
    seen = rng.random(table.shape) < coverage
    seen[np.arange(n), rng.integers(0, m, n)] = True
    seen[n:] = False
    logits = rng.normal(size=(len(y), k)) + 1.5 * np.eye(k)[y]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.where(seen, table, -1).astype(np.int32), probs, rng


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5))
def test_with_one_vote_a_row_the_score_is_the_formula_of_the_card_p068(seed, k):
    rng = np.random.default_rng(seed)
    p, label = rng.dirichlet(np.ones(k), 8), rng.integers(0, k, 8)
    table = np.where(rng.random(8) < 0.7, label, -1).astype(np.int32)
    quality = np.where(table >= 0, p[np.arange(8), label], 0)
    labelled, unlabelled = (2 * quality + 1 / k) / 3, (p.max(axis=1) + 1 / k) / 2
    score = activelab_scores(Votes.from_matrix(table[:, None], n_classes=k), p)
    assert_allclose(score, 1 - np.where(table >= 0, labelled, unlabelled), atol=1e-12)


def test_without_any_label_the_score_falls_with_the_largest_probability_p068():
    votes = Votes.from_matrix(np.full((3, 2), -1), n_classes=2)
    assert_allclose(activelab_scores(votes, [[0.5, 0.5], [0.8, 0.2], [1, 0]]), [0.5, 0.35, 0.25])


@pytest.mark.parametrize("seed", range(4))
def test_one_more_agreeing_label_moves_the_score_towards_the_agreement_p068(seed):
    """With frozen weights S' = (S (W + w̄) + w_j P) / (W + w̄ + w_j)."""
    table, probs, _ = world(seed)
    votes = Votes.from_matrix(table, 4)
    found = vote_quality(votes, probs[None])
    shares, k = found.shares, 4
    w_bar = shares.sources.mean()
    row = int(np.flatnonzero((table >= 0).sum(axis=1) == 2)[0])
    j = int(np.flatnonzero(table[row] < 0)[0])
    voted = table[row] >= 0
    total = shares.classifiers.sum() + shares.sources[voted].sum()
    s, w_j, p = 1 - found.score[row], shares.sources[j], shares.likelihood
    moved = (s * (total + w_bar) + w_j * p) / (total + w_bar + w_j)
    quality = (found.quality[row] * total + w_j * p) / (total + w_j)
    assert moved == pytest.approx(((total + w_j) * quality + w_bar / k) / (total + w_j + w_bar), abs=1e-12)
    assert (moved > s) == (s < p)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_scores_do_not_depend_on_the_order_of_rows_or_annotators_p068(seed):
    table, probs, rng = world(seed)
    rows, people = rng.permutation(len(table)), rng.permutation(table.shape[1])
    plain = activelab_scores(Votes.from_matrix(table, 4), probs)
    mixed = activelab_scores(Votes.from_matrix(table[rows][:, people], 4), probs[rows])
    assert_allclose(mixed, plain[rows], atol=1e-12)


def test_an_ensemble_of_one_is_the_single_model_p068():
    table, probs, _ = world(3)
    votes = Votes.from_matrix(table, 4)
    assert_allclose(activelab_scores_ensemble(votes, probs[None]), activelab_scores(votes, probs), atol=1e-14)


def test_scores_are_shares_p068():
    table, probs, _ = world(5, coverage=0.9)
    score = activelab_scores(Votes.from_matrix(table, 4), probs)
    assert score.min() >= 0 and score.max() <= 1


def test_a_disputed_row_comes_before_a_row_that_all_agree_on_p068():
    table = np.array([[0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 0]], np.int32)
    probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9], [0.9, 0.1]])
    pool = Pool(pred_probs=probs, votes=Votes.from_matrix(table, 2), candidates=np.ones(4, bool))
    assert ActiveLab().select(pool, 1, 0).rows[0] == 1


def test_labels_alone_count_as_the_votes_of_one_source_p068():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    labels = Pool(pred_probs=p, labels=[0, 1, -1])
    votes = Pool(pred_probs=p, votes=Votes.from_matrix([[0], [1], [-1]], 2))
    assert_array_equal(ActiveLab().scores(labels), ActiveLab().scores(votes))


def test_ties_go_to_the_model_then_to_the_rarer_class():
    table = VoteTable.of(Votes.from_matrix(np.array([[0, 1], [0, 1], [0, 0]], np.int32), 2))
    probs = np.array([[0.2, 0.8], [0.5, 0.5], [0.5, 0.5]])
    assert_array_equal(majority(table, table.class_weights(), probs), [1, 1, 0])


def test_the_temperature_is_one_where_shares_of_votes_are_the_probabilities():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 400)
    assert fit_temperature_to_votes(p * 100, p) == 1.0
    assert fit_temperature_to_votes(p * 100, p**2 / (p**2).sum(axis=1, keepdims=True)) == 2.0


@pytest.mark.parametrize("seed", range(6))
def test_the_scores_are_those_of_the_reference_at_its_temperature_p068(seed):
    peer = pytest.importorskip("cleanlab.multiannotator")
    from cleanlab.internal.multiannotator_utils import find_best_temp_scaler

    table, probs, _ = world(seed)
    labels = np.where(table < 0, np.nan, table)[:120]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        theirs = np.concatenate(peer.get_active_learning_scores(labels, probs[:120].copy(), probs[120:].copy()))
        heat = find_best_temp_scaler(labels, probs[:120])
    ours = activelab_scores(Votes.from_matrix(table, 4), probs, temperature=heat)
    assert_allclose(1 - ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: activelab_scores(Votes.from_matrix([[0]], 2), [[0.5, 0.5], [0.5, 0.5]]),
        lambda: activelab_scores(Votes.from_matrix([[0]], 2), [[0.5, 0.6]]),
        lambda: activelab_scores(Votes.from_matrix([[0, 1]], 2), [[np.nan, 0.5]]),
        lambda: activelab_scores(Votes.from_matrix([[0, 1]], 2), [[0.5, 0.5]], temperature=0.0),
        lambda: ActiveLab().select(Pool(labels=[0, -1]), 1, 0),
    ],
)
def test_bad_input_is_one_line_p068(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
