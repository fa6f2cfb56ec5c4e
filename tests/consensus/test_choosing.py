"""The default model chooses by what votes look like; analysis sees copies; a classifier is weighed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd
from labelwright.consensus import (
    CROWDLAB,
    Automatic,
    Committee,
    DawidSkene,
    MajorityVote,
    MatrixCompletion,
    OneCoin,
    dependent_sources,
    shared_weight,
    summarize_sources,
    whom_to_reask,
)
from labelwright.consensus.automatic import one_sided_share, rule_members
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Votes, one_coin
from labelwright.noise import Sources, cast_votes


def copied_votes(n=600, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    sources = Sources.skilled([0.6] + [0.8] * 5, n_classes=2).with_copiers(5, 0, 0.9, 0.6)
    cast = cast_votes(truth, sources, seed=rng)
    return Votes(cast.row, cast.source, cast.value, n, len(sources), 2), truth


def test_independent_sources_are_given_to_the_committee():
    votes, truth = crowd(n=400)
    model = Automatic().fit(votes)
    assert isinstance(model.model_, Committee)
    assert (model.predict_proba(votes).argmax(axis=1) == truth).mean() > 0.85


def test_rules_that_say_one_class_only_are_given_to_models_with_firm_priors():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    table = np.where(rng.random((400, 6)) < 0.4, np.arange(6) % 2, -1)
    table[(table != truth[:, None]) & (rng.random((400, 6)) < 0.8)] = -1
    model = Automatic().fit(Votes.from_matrix(table, 2)).model_
    assert isinstance(model, Committee) and set(model.kept_) == set(rule_members(2))


def test_copies_are_given_to_matrix_completion():
    votes, _ = copied_votes()
    assert isinstance(Automatic().fit(votes).model_, MatrixCompletion)


def test_the_reason_for_the_choice_is_said():
    assert "held-out votes" in Automatic().fit(crowd(n=60)[0]).reason_


def test_one_sided_sources_count_only_when_that_is_no_accident():
    assert one_sided_share(np.array([[30.0, 0.0], [0.0, 30.0]])) == 1.0
    assert one_sided_share(np.array([[2.0, 0.0], [0.0, 2.0]])) == 0.0


def test_members_that_foretell_held_out_votes_badly_have_no_say():
    votes, _ = crowd(n=300, accuracy=(0.95, 0.9, 0.9, 0.5), coverage=1.0)
    committee = Committee(lambda k: {"good": OneCoin(), "flat": MajorityVote(class_balance=[0.99, 0.01])}).fit(votes)
    assert committee.kept_ == ("good",)
    assert_allclose(committee.predict_proba(votes), OneCoin().fit(votes).predict_proba(votes))


def test_an_empty_committee_is_refused():
    with pytest.raises(BadInput, match="no members"):
        Committee(lambda k: {}).fit(crowd(n=10)[0])


def test_dependent_sources_are_the_copies():
    votes, _ = copied_votes()
    found = dependent_sources(votes, MajorityVote().fit(votes))
    copies = {(a, b) for a in (0, 6, 7, 8, 9, 10) for b in (0, 6, 7, 8, 9, 10) if a < b}
    assert copies <= {(pair.first, pair.second) for pair in found}
    assert {(pair.first, pair.second) for pair in found[:10]} <= copies
    assert all(pair.agreement > pair.expected and pair.deviations > 4 for pair in found)


def test_independent_sources_raise_no_warning():
    votes, _ = crowd(n=400)
    assert dependent_sources(votes, DawidSkene().fit(votes)) == ()


def test_counting_copies_once_restores_the_independent_ones():
    votes, truth = copied_votes()
    copies = tuple(pair for pair in dependent_sources(votes, MajorityVote().fit(votes), threshold=12))
    once = shared_weight(votes, copies)
    before = (DawidSkene().fit(votes).predict_proba(votes).argmax(axis=1) == truth).mean()
    after = (DawidSkene().fit(once).predict_proba(once).argmax(axis=1) == truth).mean()
    assert after > before + 0.1


def test_coverage_overlap_conflict_and_polarity_are_counted():
    votes = Votes([0, 0, 1, 2, 2], [0, 1, 0, 0, 2], [0, 1, 0, 0, 0], 4, 3, 2)
    summary = summarize_sources(votes, gold=[0, 1, -1, -1])
    assert_allclose(summary.coverage, [0.75, 0.25, 0.25])
    assert_allclose(summary.overlap, [2 / 3, 1, 1])
    assert_allclose(summary.conflict, [1 / 3, 1, 0])
    assert summary.n_classes_used.tolist() == [1, 1, 1]
    assert_allclose(summary.accuracy, [0.5, 0, np.nan])
    assert summary.low[0] < 0.5 < summary.high[0] and summary.high[2] == 1


def test_crowdlab_is_the_peers_formula():
    multiannotator = pytest.importorskip("cleanlab.multiannotator")
    votes, truth = crowd(n=150, n_classes=3, accuracy=(0.8, 0.7, 0.6, 0.75), coverage=0.7)
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(3), 150) * 0.4 + 0.6 * (truth[:, None] == np.arange(3))
    table = votes.to_matrix().astype(float)
    table[table < 0] = np.nan
    voted = ~np.isnan(table).all(axis=1)
    kept = votes.take(np.flatnonzero(voted))
    peer = multiannotator.get_label_quality_multiannotator(
        table[voted],
        probs[voted],
        consensus_method="majority_vote",
        verbose=False,
        return_weights=True,
        return_annotator_stats=False,
        return_detailed_quality=False,
    )
    model = CROWDLAB(probs[voted]).fit(kept)
    assert_allclose(model.classifier_weight_, peer["model_weight"])
    assert_allclose(model.weights_, peer["annotator_weight"])
    best = peer["label_quality"]["consensus_label"].to_numpy()
    ours = model.predict_proba(kept)
    assert_allclose(ours[np.arange(len(best)), best], peer["label_quality"]["consensus_quality_score"], atol=1e-9)


def test_crowdlab_refuses_probabilities_of_other_rows():
    votes, _ = crowd(n=20)
    with pytest.raises(BadInput, match="pred_probs has shape"):
        CROWDLAB(np.ones((3, 2)) / 2).fit(votes)
    with pytest.raises(BadInput, match="does not sum to 1"):
        CROWDLAB(np.ones((20, 2))).fit(votes)


def test_the_gain_of_a_perfect_source_is_all_that_is_missing():
    table = VoteTable.of(Votes([0], [0], [1], 2, 2, 2))
    found = whom_to_reask(table, np.array([[0.4, 0.6], [0.3, 0.7]]), one_coin([0.9, 1.0], 2), np.ones(2, bool))
    assert found.row.tolist() == [0, 1] and found.source.tolist() == [1, 1]
    assert_allclose(found.gain, [0.4, 0.3])


def test_nobody_is_asked_when_nobody_may_be():
    table = VoteTable.of(Votes([0], [0], [1], 1, 1, 2))
    assert len(whom_to_reask(table, np.array([[0.4, 0.6]]), one_coin([0.9], 2), np.zeros(1, bool)).row) == 0
