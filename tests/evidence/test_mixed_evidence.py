"""Mixed: the conjunction of everything said about one data set."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.evidence import Bags, Candidates, Hard, Mixed, Pairs, Reals, Relation, Tags, Votes, one_coin, posterior

NOISE = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])


def test_row_likelihoods_of_the_parts_add_up():
    labels, sets = Hard([0, 2], 3), Candidates.from_sets([[0, 1], [1, 2]], 3)
    both = Mixed.of(labels, sets).log_likelihood([NOISE, None])
    assert_allclose(both, labels.log_likelihood(NOISE) + sets.log_likelihood())


def test_row_maps_place_each_part_where_it_speaks():
    some = Mixed((Hard([1], 2), Hard([0, 0], 2)), ([2], [0, 0]), 3)
    noise = np.array([[0.9, 0.1], [0.4, 0.6]])
    got = some.log_likelihood([noise, noise])
    assert_allclose(got, [2 * np.log(noise[:, 0]), [0, 0], np.log(noise[:, 1])])


def test_two_noisy_labels_equal_two_votes(random_log_prior):
    first, second = np.array([0, 1, 2]), np.array([1, 1, 0])
    log_prior, coin = random_log_prior(0, 3, 3), one_coin(0.8, 3)[0]
    mixed = posterior(log_prior, Mixed.of(Hard(first, 3), Hard(second, 3)), [coin, coin])
    votes = posterior(log_prior, Votes.from_matrix(np.stack([first, second], axis=1), 3), coin)
    assert_allclose(mixed.q, votes.q, rtol=1e-12)
    assert_allclose(mixed.log_z, votes.log_z, rtol=1e-12)


def test_rows_speak_before_groups_count(enumerated, random_log_prior):
    labels, bags = Hard([1, -1, -1, -1], 2), Bags.counts([0, 0, 0, -1], [1])
    log_prior = random_log_prior(1, 4, 2)
    got = posterior(log_prior, Mixed.of(labels, bags))
    assert got.exact
    assert_allclose(got.q[:3], [[0, 1], [1, 0], [1, 0]], atol=1e-12)
    assert_allclose(got.log_z[0], log_prior[0, 1] + log_prior[1, 0] + log_prior[2, 0], rtol=1e-10)


def test_labels_bags_and_pairs_together_equal_enumeration_on_a_tree(enumerated, random_log_prior):
    log_prior = random_log_prior(2, 5, 2)
    coin = one_coin(0.7, 2)[0]
    labels, bags = Hard([1, 0, -1, -1, 1], 2), Bags.counts([0, 0, 0, -1, -1], [2])
    pairs = Pairs([2], [3], [Relation.UNLIKE], 5, 2, [0.9])
    said = labels.log_likelihood(coin)
    table = pairs.log_tables()[0]

    def weight(y):
        counted = 0.0 if y[:3].sum() == 2 else -np.inf
        return said[np.arange(5), y].sum() + counted + table[y[2], y[3]]

    q, log_z = enumerated(log_prior, weight)
    got = posterior(log_prior, Mixed.of(labels, bags, pairs), [coin, None, None])
    assert got.exact and got.method == ("belief propagation",)
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z.sum(), log_z, rtol=1e-9)
    assert len(got.log_z) == 2


def test_groups_over_a_part_of_the_rows_are_placed(random_log_prior):
    log_prior = random_log_prior(3, 5, 2)
    mixed = Mixed((Bags.counts([0, 0], [1]),), (np.array([4, 1]),), 5)
    got = posterior(log_prior, mixed)
    assert_allclose(got.q[[1, 4], 1].sum(), 1, rtol=1e-12)
    assert mixed.units().tolist() == [0, 1, 2, 3, 1]


def test_units_join_what_any_part_ties():
    mixed = Mixed.of(Bags.counts([0, 0, -1, -1, -1], [1]), Pairs([1], [2], [0], 5, 2), Hard([-1] * 5, 2))
    assert mixed.units().tolist() == [0, 0, 0, 1, 2]


def test_taking_whole_units_keeps_every_part(random_log_prior):
    mixed = Mixed.of(Bags.counts([0, 1, 0, 1], [1, 2]), Hard([-1, -1, 1, -1], 2))
    log_prior = random_log_prior(4, 4, 2)
    whole, part = posterior(log_prior, mixed), posterior(log_prior[[2, 0]], mixed.take([2, 0]))
    assert_allclose(part.q, whole.q[[2, 0]], rtol=1e-12)


def test_tags_mix_with_tags():
    prior = np.log(np.full((1, 2, 2), 0.5))
    got = posterior(prior, Mixed.of(Tags.from_dense([[1, 0]]), Tags.from_dense([[0, -1]])))
    assert_allclose(got.q, [[[0, 1], [1, 0]]])
    assert_allclose(got.log_z, [2 * np.log(0.5)])


def test_reals_mix_their_costs():
    mixed = Mixed((Reals.values([1.0, 2.0]), Reals.between([0.0], [4.0])), ([0, 1], [1]), 2)
    mean = np.array([0.5, 1.0])
    alone = [part.nll(mean[rows]) for part, rows in zip(mixed.parts, mixed.rows, strict=True)]
    assert_allclose(mixed.nll(mean), alone[0] + np.array([0, alone[1][0]]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixed.of(), "nothing to mix"),
        (lambda: Mixed.of(3), "int is no evidence"),
        (lambda: Mixed.of(Hard([0], 2), Hard([0, 1], 2)), "row 1 is outside 0..0"),
        (lambda: Mixed.of(Hard([0], 2), Reals.values([1.0])), "Reals are mixed with"),
        (lambda: Mixed.of(Mixed.of(Hard([0], 2))), "Mixed holds a Mixed"),
        (lambda: Mixed((Hard([0], 2),), ([0, 1],), 2), "2 entries, its Hard 1 rows"),
        (lambda: Mixed((Bags.counts([0, 0], [1]),), ([1, 1],), 2), "mapped to one row"),
        (lambda: Mixed.of(Hard([0], 2), Hard([0], 3)).log_likelihood(), "disagree on classes"),
        (lambda: Mixed.of(Hard([0], 2)).log_likelihood(np.eye(2)), "not one entry a part"),
        (lambda: Mixed.of(Bags.counts([0, 0], [1])).noises([np.eye(2)]), "Bags takes no noise"),
        (lambda: posterior(np.zeros((2, 3)), Mixed.of(Hard([0, 1], 3), Bags.counts([0, 0], [1]))), "other classes"),
    ],
)
def test_bad_mixtures_are_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message):
        make()
