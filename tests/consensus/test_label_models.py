"""Facts that hold for every label model, and the bad days.

Majority and weighted vote (B045), Dawid-Skene and one coin (B046), data programming (B047), matrix completion (B048),
triplets (B049), GLAD (B050), MACE (B051), IBCC and EBCC (B052), and the library as a whole (P121).
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd, full
from labelwright.consensus import (
    EBCC,
    GLAD,
    IBCC,
    MACE,
    DataProgramming,
    DawidSkene,
    FastDawidSkene,
    MajorityVote,
    MatrixCompletion,
    OneCoin,
    TripletModel,
    WeightedVote,
    WorkerAgreement,
    ZeroBasedSkill,
    most_probable,
)
from labelwright.errors import BadInput
from labelwright.evidence import Soft, Votes

ITERATIVE = [DawidSkene, FastDawidSkene, OneCoin, MACE, IBCC, lambda: EBCC(3, restarts=2), GLAD, DataProgramming]
CLOSED = [MajorityVote, WeightedVote, WorkerAgreement, ZeroBasedSkill]
MOMENTS = [MatrixCompletion, TripletModel]
EVERY = ITERATIVE + CLOSED + MOMENTS
ANY_M = ITERATIVE + CLOSED


def name(make):
    return getattr(make, "__name__", "EBCC").replace("<lambda>", "EBCC")


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_probabilities_are_finite_and_sum_to_one(make):
    votes, _ = crowd()
    probs = make().fit(votes).predict_proba(votes)
    assert probs.dtype == np.float64 and probs.shape == (300, 2)
    assert (probs >= 0).all()
    assert_allclose(probs.sum(axis=1), 1)


@pytest.mark.parametrize("make", ITERATIVE + CLOSED[:2], ids=name)
def test_equal_sources_that_answer_everything_give_the_majority(make):
    votes = full()
    counts = votes.counts()
    untied = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1
    wrong = make().fit(votes).predict_proba(votes)[untied].argmax(axis=1) != counts[untied].argmax(axis=1)
    assert wrong.mean() <= 0.05


@pytest.mark.parametrize("make", [MajorityVote, lambda: WeightedVote(np.ones(5))], ids=name)
def test_equal_weights_are_the_majority_exactly(make):
    votes = full()
    assert_allclose(make().fit(votes).predict_proba(votes), votes.counts() / 5)


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_renaming_classes_permutes_the_outputs(make):
    votes, _ = crowd(accuracy=(0.9, 0.8, 0.7, 0.8), n_classes=3)
    order = np.array([2, 0, 1])
    renamed = Votes(votes.row, votes.source, order[votes.value], 300, 4, 3)
    a, b = make().fit(votes).predict_proba(votes), make().fit(renamed).predict_proba(renamed)
    same = most_probable(a, abstain_on_tie=True) >= 0
    assert (order[a[same].argmax(axis=1)] == b[same].argmax(axis=1)).mean() > 0.98


@pytest.mark.parametrize("make", [DawidSkene, OneCoin, MACE, IBCC, DataProgramming, GLAD, TripletModel], ids=name)
def test_the_order_of_sources_is_irrelevant(make):
    votes, _ = crowd()
    order = np.array([3, 1, 4, 0, 2])
    moved = Votes(votes.row, order[votes.source], votes.value, 300, 5, 2)
    tight = 0.05 if make in (MACE, GLAD) else 1e-4  # those stop early
    assert_allclose(make().fit(votes).predict_proba(votes), make().fit(moved).predict_proba(moved), rtol=0, atol=tight)


@pytest.mark.parametrize("make", ITERATIVE, ids=name)
def test_the_objective_never_falls(make):
    model = make().fit(crowd()[0])
    assert len(model.objective_) > 1
    assert (np.diff(model.objective_) >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=4, max_size=4), min_size=1, max_size=12))
@pytest.mark.parametrize("make", [DawidSkene, FastDawidSkene, OneCoin, MACE, IBCC, DataProgramming, GLAD], ids=name)
def test_any_votes_give_probabilities_and_a_rising_objective(make, table):
    votes = Votes.from_matrix(np.array(table), n_classes=3)
    model = make().fit(votes)
    probs = model.predict_proba(votes)
    assert np.isfinite(probs).all()
    assert_allclose(probs.sum(axis=1), 1)
    assert (np.diff(model.objective_) >= 0).all()


@pytest.mark.parametrize("make", ANY_M, ids=name)
def test_no_smoothing_needed_when_votes_contradict_everything(make):
    votes = Votes.from_matrix([[0, 1, 2]] * 6, n_classes=3)  # total disagreement
    probs = make().fit(votes).predict_proba(votes)
    assert np.isfinite(probs).all()


@pytest.mark.parametrize("make", ANY_M, ids=name)
def test_a_row_nobody_voted_on_gets_the_class_balance_and_says_nothing(make):
    votes = Votes.from_matrix([[0, 0, 1], [-1, -1, -1], [1, 1, 1]], n_classes=2)
    model = make().fit(votes)
    assert_allclose(model.predict_proba(votes)[1], model.class_balance_)
    said = model.predict(votes)
    assert isinstance(said, Soft)
    assert_allclose(said.log_likelihood()[1], 0)


@pytest.mark.parametrize("make", ANY_M, ids=name)
def test_a_source_that_only_abstains_changes_nothing(make):
    votes, _ = crowd(n=80)
    silent = Votes(
        np.append(votes.row, [0, 1]), np.append(votes.source, [5, 5]), np.append(votes.value, [-1, -1]), 80, 6, 2
    )
    with_silent = make().fit(silent)
    assert_allclose(with_silent.predict_proba(silent), make().fit(votes).predict_proba(votes), atol=0.05)
    assert np.isnan(with_silent.source_quality().accuracy[5])


@pytest.mark.parametrize("make", ANY_M, ids=name)
def test_one_class_is_certain(make):
    votes = Votes.from_matrix([[0, 0], [0, -1]], n_classes=1)
    assert_allclose(make().fit(votes).predict_proba(votes), 1)


@pytest.mark.parametrize("make", ANY_M, ids=name)
def test_a_task_with_one_vote_follows_it(make):
    votes, _ = crowd(n=100, accuracy=(0.9, 0.85, 0.8))
    more = Votes(np.append(votes.row, 100), np.append(votes.source, 0), np.append(votes.value, 1), 101, 3, 2)
    assert make().fit(more).predict_proba(more)[100].argmax() == 1


@pytest.mark.parametrize("make", [DawidSkene, OneCoin, IBCC, GLAD], ids=name)
def test_a_source_worse_than_chance_is_turned_around(make):
    votes, truth = crowd(n=400, accuracy=(0.9, 0.85, 0.8, 0.1), coverage=1.0)
    model = make().fit(votes)
    assert model.source_quality().accuracy[3] < 0.3
    assert (model.predict_proba(votes).argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_the_same_votes_give_the_same_bits(make):
    votes, _ = crowd(n=60)
    assert np.array_equal(make().fit(votes).predict_proba(votes), make().fit(votes).predict_proba(votes))


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_mistakes_are_said_in_one_line(make):
    votes, _ = crowd(n=60)
    with pytest.raises(BadInput, match="has not seen votes"):
        make().predict_proba(votes)
    with pytest.raises(BadInput, match="real-valued"):
        make().fit(Votes([0], [0], [0.5], 1, 1, None))
    with pytest.raises(BadInput, match="no sources"):
        make().fit(Votes([], [], [], 2, 0, 2))
    with pytest.raises(BadInput, match="sources"):
        make().fit(votes).predict_proba(Votes([0], [0], [0], 1, 9, 2))


def test_repeated_votes_count_by_their_weight():
    once = Votes([0, 0], [0, 1], [0, 1], 1, 2, 2, weight=[2.0, 1.0])
    twice = Votes([0, 0, 0], [0, 0, 1], [0, 0, 1], 1, 2, 2)
    assert_allclose(MajorityVote().fit(once).predict_proba(once), MajorityVote().fit(twice).predict_proba(twice))


def test_ties_are_broken_evenly_and_the_same_way_every_time():
    tied = np.full((3000, 3), 1 / 3)
    chosen = most_probable(tied)
    assert np.array_equal(chosen, most_probable(tied))
    assert (np.abs(np.bincount(chosen) - 1000) < 120).all()


def test_gold_rows_teach_who_is_wrong():
    votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0]] * 20, n_classes=2)  # two liars outvote one honest source
    gold = np.where(np.arange(40) < 10, np.array([1, 0] * 20), -1)
    probs = DawidSkene().fit(votes, gold).predict_proba(votes)
    assert (probs[10:].argmax(axis=1) == np.array([1, 0] * 15)).all()


def test_gold_that_does_not_fit_is_refused():
    votes, _ = crowd(n=60)
    with pytest.raises(BadInput, match="gold has 3 rows"):
        DawidSkene().fit(votes, [0, 1, -1])


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_known_classes_of_rows_without_votes_change_nothing(make):
    votes, _ = crowd(n=60)
    longer = Votes(votes.row, votes.source, votes.value, 120, 5, 2)
    gold = np.where(np.arange(120) >= 60, 1, -1)
    plain, told = make().fit(longer).predict_proba(longer), make().fit(longer, gold).predict_proba(longer)
    assert_allclose(told, plain, atol=1e-12)
