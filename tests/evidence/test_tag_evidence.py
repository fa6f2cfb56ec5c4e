"""Tags: on, off and unknown, seen through flips and propensities."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import Propensity, Tags, posterior

TABLE = np.array([[1, -1, 0], [0, 0, 0], [-1, 1, 1]])
INF = np.inf


def test_trusted_tags_settle_what_they_say_and_nothing_else():
    got = Tags.from_dense(TABLE).log_likelihood()
    assert_array_equal(got[0], [[-INF, 0], [0, -INF], [0, 0]])


def test_positive_only_tags_follow_their_propensity():
    got = Tags.from_dense([[1, 0]]).log_likelihood(Propensity([0.25, 0.4]))
    assert_allclose(got, [[[-INF, np.log(0.25)], [0, np.log(0.6)]]])


def test_a_propensity_a_row_follows_the_rows():
    e = np.array([[0.1], [0.2], [0.3]])
    got = Tags.from_dense([[0], [0], [0]]).log_likelihood(Propensity(e), rows=[2, 0])
    assert_allclose(got[:, 0, 1], np.log([0.7, 0.9]))


def test_propensity_one_makes_unlabelled_negative():
    got = posterior(np.log(np.full((1, 2, 2), 0.5)), Tags.from_dense([[1, 0]]), Propensity(1.0))
    assert_array_equal(got.q, [[[0, 1], [1, 0]]])


def test_flips_read_the_observed_column():
    flips = np.array([[0.9, 0.1], [0.3, 0.7]])
    got = Tags.from_dense([[1, -1, 0]]).log_likelihood(flips)
    assert_allclose(got, [[np.log(flips[:, 1]), np.log(flips[:, 0]), [0, 0]]])


def test_flips_a_class_are_read_class_by_class():
    flips = np.random.default_rng(0).dirichlet([1, 1], size=(3, 2))
    got = Tags.from_dense([[1, 1, -1]]).log_likelihood(flips)
    assert_allclose(got[0], np.log([flips[0, :, 1], flips[1, :, 1], flips[2, :, 0]]))


def test_log_z_adds_the_classes_of_a_row():
    prior = np.log(np.random.default_rng(1).dirichlet([1, 1], size=(3, 3)))
    got = posterior(prior, Tags.from_dense(TABLE))
    assert_allclose(
        got.log_z, [prior[0, 0, 1] + prior[0, 1, 0], 0, prior[2, 0, 0] + prior[2, 1, 1] + prior[2, 2, 1]], atol=1e-14
    )


def test_the_dense_table_comes_back():
    assert_array_equal(Tags.from_dense(TABLE).dense(), TABLE)


def test_slices_keep_their_rows():
    assert_array_equal(Tags.from_dense(TABLE).take([2, 2, 0]).dense(), TABLE[[2, 2, 0]])


def test_a_full_indicator_knows_every_class():
    assert_array_equal(Tags.from_indicator([[True, False]]).dense(), [[1, -1]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tags.from_dense([[2]]), "other values than"),
        (lambda: Tags.from_indicator([[0.5]]), "other values than 0 and 1"),
        (lambda: Tags([0, 2], [0, 0], [1, -1], 2), "row 0: class 0 is tagged twice"),
        (lambda: Tags([0, 1], [0], [0], 2), "not one \\+1 or -1"),
        (lambda: Tags([0, 1], [3], [1], 2), "class 3 is outside 0..1"),
        (lambda: Propensity([0.0]), "outside \\(0, 1\\]"),
        (lambda: Tags.from_dense([[1]]).log_likelihood(np.eye(3)), "pass \\(2, 2\\)"),
    ],
)
def test_bad_tags_are_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message):
        make()
