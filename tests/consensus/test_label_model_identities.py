"""Exact identities of single label models (P121)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import check_grad
from scipy.sparse import csr_matrix

from consensus.vote_worlds import crowd, full
from labelwright.consensus import (
    EBCC,
    IBCC,
    MACE,
    DataProgramming,
    DawidSkene,
    MajorityVote,
    MatrixCompletion,
    TripletModel,
)
from labelwright.consensus.base import confusion_posterior
from labelwright.consensus.dirichlet import dirichlet_kl
from labelwright.consensus.em import best_climb, climb
from labelwright.consensus.label_models.matrix_completion import hidden_blocks, metal_loss, without_blocks
from labelwright.consensus.label_models.one_coin import one_coin_posterior
from labelwright.consensus.label_models.triplet import triplet_moments, vote_given_class
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Votes, one_coin, posterior
from labelwright.noise import Sources, cast_votes


def test_the_posterior_is_the_evidence_room_s_e_step():
    votes, _ = crowd(n_classes=3)
    model = DawidSkene().fit(votes)
    q = posterior(np.log(np.tile(model.class_balance_, (300, 1))), votes, noise=model.confusion_).q
    assert_allclose(model.predict_proba(votes), q, atol=1e-10)


def test_dawid_skene_without_smoothing_climbs_the_likelihood_of_the_votes():
    votes, _ = crowd(n=100)
    model = DawidSkene(smoothing=0.0, tol=0, max_iter=30).fit(votes)
    weights = np.log(model.class_balance_) + votes.log_likelihood(model.confusion_)
    assert_allclose(np.logaddexp.reduce(weights, axis=1).sum(), model.objective_[-1], rtol=1e-9)
    assert (np.diff(model.objective_) >= 0).all()


def test_one_coin_is_dawid_skene_s_posterior_of_an_even_confusion():
    votes, _ = crowd(n_classes=3)
    table, alpha = VoteTable.of(votes), np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    balance = np.array([0.2, 0.3, 0.5])
    assert_allclose(
        one_coin_posterior(table, balance, alpha), confusion_posterior(table, balance, one_coin(alpha, 3)), atol=1e-12
    )


def test_ebcc_with_one_subtype_is_ibcc():
    votes, _ = crowd(n_classes=3)
    assert_allclose(
        EBCC(1, tol=0, max_iter=20).fit(votes).predict_proba(votes),
        IBCC(tol=0, max_iter=20).fit(votes).predict_proba(votes),
        atol=1e-12,
    )


def test_data_programming_s_gradient_is_posterior_minus_accuracy():
    votes, _ = crowd(n=40)
    model = DataProgramming()
    model.class_balance_ = np.array([0.4, 0.6])
    table = VoteTable.of(votes)
    s = np.array([0.3, -0.2, 1.0, 2.0, 0.0])
    value = lambda z: model.log_likelihood(table, table.no_gold(), z)  # noqa: E731
    assert check_grad(lambda z: value(z)[0], lambda z: value(z)[1], s) < 1e-4


def population(m=5, k=3, seed=0):
    """Return μ (mK, K), π and the population O, diag O of sources that err and abstain independently."""
    rng = np.random.default_rng(seed)
    balance = np.array([0.5, 0.3, 0.2])[:k]
    mu = (rng.dirichlet(np.ones(k), size=(m, k)) * rng.uniform(0.3, 0.9, (m, 1, 1))).transpose(0, 2, 1).reshape(-1, k)
    moments = (mu * balance) @ mu.T
    diagonal = mu @ balance
    return mu, balance, moments, diagonal


def test_the_loss_of_matrix_completion_is_zero_at_the_truth():
    mu, balance, moments, diagonal = population()
    hidden = hidden_blocks(5)
    value, slope = metal_loss(mu, csr_matrix(without_blocks(moments, hidden, 3)), diagonal, hidden, balance)
    assert abs(value) < 1e-14
    assert_allclose(slope, 0, atol=1e-14)


def test_the_loss_of_matrix_completion_has_its_true_gradient():
    mu, balance, moments, diagonal = population()
    hidden = hidden_blocks(5, [(0, 3)])
    seen = csr_matrix(without_blocks(moments, hidden, 3))
    loss = lambda x: metal_loss(x.reshape(-1, 3), seen, diagonal, hidden, balance)  # noqa: E731
    start = np.random.default_rng(1).random(mu.size)
    assert check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], start) < 1e-4


def test_matrix_completion_refuses_large_tables_and_says_what_to_use():
    votes = Votes([0, 0, 0], [0, 1, 2], [0, 0, 0], 1, 1001, 5)
    with pytest.raises(BadInput, match="DataProgramming or DawidSkene"):
        MatrixCompletion().fit(votes)


@pytest.mark.parametrize("make", [MatrixCompletion, TripletModel])
def test_moment_models_need_three_sources(make):
    with pytest.raises(BadInput, match="three sources"):
        make().fit(Votes.from_matrix([[0, 1], [1, 1]], n_classes=2))


def test_triplets_are_exact_on_population_moments():
    a = np.array([0.8, 0.5, 0.3, 0.6])
    assert_allclose(triplet_moments(np.outer(a, a)), a)


def test_triplet_probabilities_rebuild_the_shares_of_answers():
    accuracy, coverage, balance = np.array([0.9, 0.7]), np.array([0.5, 0.8]), 0.3
    moment = coverage * (2 * accuracy - 1)
    positive = coverage * (balance * accuracy + (1 - balance) * (1 - accuracy))
    shares = np.stack([positive, coverage - positive], axis=1)
    given = vote_given_class(moment, shares, 0, balance)
    assert_allclose(given[:, 0, 0], coverage * accuracy)
    assert_allclose(given[:, 1, 1], coverage * accuracy)


def test_partial_states_of_any_split_merge_to_the_state_of_the_whole():
    votes, _ = crowd(n=90)
    whole = DawidSkene().partial_fit(votes)
    first, second = (
        DawidSkene().partial_fit(votes.take(np.arange(30))),
        DawidSkene().partial_fit(votes.take(np.arange(30, 90))),
    )
    assert_allclose(first.merge(second).confusion_, whole.confusion_)
    left, right = MajorityVote().fit(votes.take(np.arange(30))), MajorityVote().fit(votes.take(np.arange(30, 90)))
    both = MajorityVote().fit(votes)
    left.merge(right)
    assert_allclose(left.class_balance_, both.class_balance_)
    assert_allclose(left.source_quality().accuracy, both.source_quality().accuracy)


def test_a_stream_of_blocks_fits_as_the_whole():
    votes, _ = crowd(n=90)

    class Blocks:
        n_sources, n_classes = 5, 2

        def __iter__(self):
            return (VoteTable.of(votes.take(np.arange(a, a + 30))) for a in (0, 30, 60))

    assert_allclose(DawidSkene().fit_stream(Blocks()).confusion_, DawidSkene().fit(votes).confusion_, atol=1e-9)


def test_mace_finds_the_spammers_and_their_habit():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    sources = Sources.skilled([0.85] * 6, n_classes=3) + Sources.spammers(4, 3, answer=2)
    cast = cast_votes(truth, sources, seed=rng)
    model = MACE().fit(Votes(cast.row, cast.source, cast.value, 300, 10, 3))
    assert model.competence_[:6].min() > model.competence_[6:].max()
    assert (model.habit_[6:].argmax(axis=1) == 2).all()


def test_an_abstention_may_be_an_answer():
    table = np.array([[0, 0, -1], [1, 1, 1]] * 30)
    votes = Votes(*np.divmod(np.arange(180), 3), table.ravel(), 60, 3, 2)
    model = DawidSkene(abstaining_answers=True).fit(votes)
    assert model.confusion_.shape == (3, 2, 3)
    assert model.confusion_[2, 0, 2] > 0.95
    assert_allclose(model.source_quality().accuracy, [1, 1, 1], atol=0.01)


def test_the_divergence_of_equal_dirichlets_is_zero_and_otherwise_positive():
    a = np.array([[2.0, 3.0, 0.5]])
    assert dirichlet_kl(a, a, 1) == 0
    assert dirichlet_kl(a, np.ones((1, 3)), 1) > 0


def test_climbing_stops_before_an_objective_falls_or_breaks():
    down = climb(lambda x: (x + 1, -float(x)), 0, max_iter=10, tol=0)
    assert down.parameters == 0 and down.objective == (0.0,)
    broken = climb(lambda x: (x + 1, float(x) if x < 3 else float("nan")), 0, max_iter=10, tol=0)
    assert broken.parameters == 2
    assert best_climb(lambda x: (x, -abs(x)), [3.0, -1.0, 2.0], 5, 0.0).parameters == -1.0


def test_equal_accuracies_and_shares_give_the_majority_exactly():
    votes = full(n_classes=2)
    q = one_coin_posterior(VoteTable.of(votes), np.array([0.5, 0.5]), np.full(5, 0.7))
    assert (q.argmax(axis=1) == votes.counts().argmax(axis=1)).all()
