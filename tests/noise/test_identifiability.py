"""Kruskal ranks, what they say, and noise estimated from labels that agree or differ [P125]."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.noise import (
    HighOrderConsensus,
    LabelMoments,
    TransitionMatrix,
    check_identifiable,
    clusterability_score,
    disentanglement_gain,
    kruskal_rank,
    transition_from_triplets,
    transitions_by_stratum,
)
from labelwright.noise.consensus_matching import spectral_solution
from labelwright.noise.triplets import estimate_from_moments

NOISE = TransitionMatrix([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]])
PRIOR = np.array([0.5, 0.3, 0.2])


def draw(n: int, seed: int = 0, votes: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size=n, p=PRIOR)
    return np.stack([NOISE.apply(truth, rng) for _ in range(votes)], axis=1)


@pytest.mark.parametrize("k", [2, 5, 30])
def test_the_identity_has_full_kruskal_rank(k):
    assert kruskal_rank(np.eye(k)) == k


def test_two_equal_rows_have_kruskal_rank_1():
    assert kruskal_rank([[0.2, 0.8, 0.0], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]]) == 1


def test_a_zero_row_has_kruskal_rank_0():
    assert kruskal_rank([[0.0, 0.0], [1.0, 0.0]]) == 0


def test_a_row_in_the_span_of_two_others_leaves_rank_2():
    rows = np.random.default_rng(0).random((5, 5))
    rows[4] = rows[0] + 2 * rows[2]
    assert kruskal_rank(rows) == 2


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_kruskal_rank_is_that_of_all_subsets(seed, k, width):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 2, size=(k, width)).astype(float)
    from itertools import combinations

    def independent(r: int) -> bool:
        return all(np.linalg.matrix_rank(rows[list(c)]) == r for c in combinations(range(k), r))

    expected = 0
    while expected < k and independent(expected + 1):
        expected += 1
    assert kruskal_rank(rows) == expected


@given(st.integers(0, 1000), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_renaming_the_classes_keeps_the_kruskal_rank(seed, k):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(k), size=k)
    rows[rng.integers(k)] = rows[0]
    order = rng.permutation(k)
    assert kruskal_rank(rows) == kruskal_rank(rows[order])


@pytest.mark.parametrize("k", [2, 3, 10])
def test_three_labels_of_non_singular_noise_suffice_and_two_do_not(k):
    noise = TransitionMatrix.symmetric(0.4, k)
    assert check_identifiable(noise, labels_per_item=3)
    two = check_identifiable(noise, labels_per_item=2)
    assert two.answer == "not identifiable" and "1 more independent label " in two.advice


def test_classes_that_look_the_same_are_named():
    same = check_identifiable([[0.6, 0.4], [0.6, 0.4]], labels_per_item=9)
    assert same.answer == "not identifiable" and "classes 0 and 1" in same.reason
    assert same.smallest_singular_value < 1e-12


def test_a_source_that_splits_the_classes_in_two_needs_help():
    coarse = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    fine = TransitionMatrix.symmetric(0.2, 3)
    assert check_identifiable([fine, fine, coarse]).answer == "undecided"  # 3 + 3 + 1 < 8
    assert check_identifiable([fine, fine, fine, coarse])


def test_pairs_fit_two_different_kinds_of_noise_and_triples_do_not():
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    root = turn @ (np.sqrt(PRIOR)[:, None] * NOISE.matrix)
    assert (root > -1e-15).all()
    one = LabelMoments.from_model(NOISE, PRIOR)
    other = LabelMoments.from_model(root / root.sum(axis=1, keepdims=True), root.sum(axis=1) ** 2)
    assert_allclose(other.first, one.first, atol=1e-12)
    assert_allclose(other.second, one.second, atol=1e-12)
    assert np.abs(other.third - one.third).max() > 1e-3


def test_exact_frequencies_give_exact_noise_and_shares():
    found = spectral_solution(LabelMoments.from_model(NOISE, PRIOR), np.random.default_rng(0))
    assert_allclose(found.transition, NOISE.matrix, atol=1e-10)
    assert_allclose(found.prior, PRIOR, atol=1e-10)


def test_matching_leaves_an_exact_solution_alone():
    found = estimate_from_moments(LabelMoments.from_model(NOISE, PRIOR), steps=50)
    assert_allclose(found.transition.matrix, NOISE.matrix, atol=1e-10)
    assert found.misfit < 1e-10


def test_labels_without_noise_give_the_identity():
    truth = np.repeat([0, 1, 2], [50, 30, 20])
    found = transition_from_triplets(np.stack([truth] * 3, axis=1), 3, steps=50)
    assert_allclose(found.transition.matrix, np.eye(3), atol=1e-10)
    assert_allclose(found.prior, PRIOR, atol=1e-10)


def test_the_order_of_the_three_labels_does_not_matter():
    triples = draw(2000)
    a = LabelMoments.from_triples(triples, 3)
    b = LabelMoments.from_triples(triples[:, [2, 0, 1]], 3)
    assert_allclose(a.third, b.third, atol=1e-15)
    assert_allclose(a.third.sum(axis=(1, 2)), a.first, atol=1e-15)


def test_three_votes_a_row_are_triples():
    triples = draw(500)
    votes = LabelMoments.from_votes(Votes.from_matrix(triples, n_classes=3))
    assert_allclose(votes.third, LabelMoments.from_triples(triples, 3).third, atol=1e-12)


def test_more_votes_are_the_mean_over_their_triples():
    from itertools import combinations

    table = draw(40, votes=5)
    every = np.concatenate([table[:, list(c)] for c in combinations(range(5), 3)])
    votes = LabelMoments.from_votes(Votes.from_matrix(table, n_classes=3))
    assert_allclose(votes.third, LabelMoments.from_triples(every, 3).third, atol=1e-12)
    assert votes.n == 40


def test_rows_with_an_unknown_label_are_left_out():
    triples = draw(300)
    hidden = triples.copy()
    hidden[::3, 1] = -1
    kept = np.delete(triples, np.arange(0, 300, 3), axis=0)
    assert_array_equal(LabelMoments.from_triples(hidden, 3).third, LabelMoments.from_triples(kept, 3).third)


def test_noise_is_recovered_from_triples_within_its_interval():
    found = transition_from_triplets(draw(30_000), 3, steps=300, n_bootstrap=30, seed=1)
    assert np.abs(found.transition.matrix - NOISE.matrix).sum() / 3 < 0.05
    assert found.low is not None and found.high is not None
    assert (found.low <= found.high).all() and ((found.high - found.low) < 0.1).all()
    inside = (found.low - 0.01 <= NOISE.matrix) & (found.high + 0.01 >= NOISE.matrix)
    assert inside.mean() > 0.8


def test_renaming_the_classes_renames_the_estimate():
    order = np.array([2, 0, 1])
    renamed = LabelMoments.from_model(NOISE.matrix[np.ix_(order, order)], PRIOR[order])
    found = estimate_from_moments(renamed, steps=0)
    assert_allclose(found.transition.matrix, NOISE.matrix[np.ix_(order, order)], atol=1e-10)


def test_strata_see_what_one_fit_cannot():
    rng = np.random.default_rng(0)
    truth, hard = rng.integers(0, 2, 20_000), np.arange(20_000) % 2 == 1
    easy, difficult = TransitionMatrix.symmetric(0.05, 2), TransitionMatrix.symmetric(0.35, 2)
    columns = [np.where(hard, difficult.apply(truth, rng), easy.apply(truth, rng)) for _ in range(3)]
    triples = np.stack(columns, axis=1)
    apart = transitions_by_stratum(triples, hard, 2, steps=300)
    assert abs(apart[False].noise_rate - 0.05) < 0.02 and abs(apart[True].noise_rate - 0.35) < 0.02
    together = transition_from_triplets(triples, 2, steps=300)
    assert together.noise_rate < 0.19  # the mean is 0.2: what hard items share looks like truth


def threes(n: int) -> np.ndarray:
    rows = np.arange(n)[:, None]
    return rows // 3 * 3 + (rows + np.array([1, 2])) % 3


def test_neighbours_of_one_class_are_three_labels():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.choice(3, size=8000, p=PRIOR), 3)
    model = HighOrderConsensus(3, steps=300).fit(NOISE.apply(truth, rng), threes(24_000))
    assert np.abs(model.transition_.matrix - NOISE.matrix).sum() / 3 < 0.06
    assert clusterability_score(truth, threes(24_000)) == 1.0


def test_regions_find_noise_that_depends_on_the_place():
    rng = np.random.default_rng(0)
    truth = np.tile(np.repeat([0, 1], 300), 2)
    far = np.arange(1200) >= 600
    noisy = np.where(rng.random(1200) < np.where(far, 0.35, 0.05), 1 - truth, truth)
    place, at = np.divmod(np.arange(1200)[:, None], 600)
    near = place * 600 + (at + np.arange(1, 251)) % 600  # the first neighbours have the row's class
    model = HighOrderConsensus(2, steps=200).fit(noisy, near)
    local = model.local_transitions(noisy, near, steps=300)
    wrong = 1 - local.of_rows()[np.arange(1200), truth, truth]
    assert wrong[far].mean() > wrong[~far].mean() + 0.1
    assert_allclose(local.of_rows().sum(axis=2), 1.0)
    assert_array_equal(local.matrices[-1], model.transition_.matrix)


def test_better_features_give_better_noise():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 3, 3000), 3)
    noisy = NOISE.apply(truth, rng)
    poor = threes(9000)
    poor[::2] = np.sort(rng.integers(0, 9000, (4500, 2)), axis=1)
    poor[poor == np.arange(9000)[:, None]] = 8999
    poor[8999] = [0, 1]
    gain = disentanglement_gain(noisy, poor, threes(9000), 3, truth=truth, steps=200)
    assert gain.error_gain > 0.05
    assert gain.agreement[1] > gain.agreement[0] and gain.clusterability[1] == 1.0


@pytest.mark.parametrize(
    ("triples", "k", "words"),
    [
        (np.zeros((4, 2), int), 2, "three labels an item"),
        (np.full((4, 3), -1), 2, "no item has three"),
        (np.full((4, 3), 5), 2, "there are 2 classes"),
        (np.full((4, 3), np.nan), 2, "not class numbers"),
        (np.zeros((4, 3), int), 1, "at least 2"),
        (np.zeros((4, 3), int), 5000, "too large"),
        (np.zeros((4, 3), int), None, "pass n_classes"),
    ],
)
def test_bad_triples_are_one_clear_line(triples, k, words):
    with pytest.raises(BadInput, match=words):
        transition_from_triplets(triples, k)


def test_two_votes_of_one_source_are_refused():
    votes = Votes([0, 0, 0], [0, 0, 1], [0, 1, 1], n_rows=1, n_sources=2, n_classes=2)
    with pytest.raises(BadInput, match="voted twice"):
        transition_from_triplets(votes)


@pytest.mark.parametrize(
    ("near", "words"),
    [
        ([[0, 1], [0, 2], [0, 1]], "its own neighbour"),
        ([[1], [0], [0]], "shape"),
        ([[1, 2], [0, 2], [0, 9]], "outside 0 to 2"),
        ([[1, 2], [0, 2]], "2 rows but there are 3"),
        ([[0.5, 1.0], [0, 2], [0, 1]], "type float64"),
    ],
)
def test_bad_neighbours_are_one_clear_line(near, words):
    with pytest.raises(BadInput, match=words):
        HighOrderConsensus(2).fit([0, 1, 0], np.array(near))


def test_regions_need_a_fit():
    with pytest.raises(BadInput, match="call fit first"):
        HighOrderConsensus(2).local_transitions([0, 1, 0], [[1, 2], [0, 2], [0, 1]])
