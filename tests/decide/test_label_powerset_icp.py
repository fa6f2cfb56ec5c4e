"""Sets of label sets: the search finds exactly the powerset's near part, p-values agree with ranks (P118)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.decide import (
    CooccurrencePenalty,
    LabelPowersetICP,
    MahalanobisNonconformity,
    NormNonconformity,
    bound_label_set_count,
    conformal_p_values,
    conformal_threshold,
    count_label_sets,
    enumerate_label_sets,
)
from labelwright.errors import BadInput


def powerset(k):
    return np.array(list(product([False, True], repeat=k)))


def rows(n, k=5, seed=0):
    rng = np.random.default_rng(seed)
    outputs = rng.random((n, k))
    return outputs, rng.random((n, k)) < outputs


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 8), st.sampled_from([1, 2, 3]))
def test_the_search_finds_what_brute_force_finds(outputs, budget, order):
    o = np.array(outputs)
    distance = (np.abs(powerset(len(o)) - o) ** order).sum(axis=1)
    if (np.abs(distance - budget) < 1e-9).any():
        return
    wanted = {tuple(s) for s in powerset(len(o))[distance <= budget]}
    found = enumerate_label_sets(o, budget, order)
    assert {tuple(s) for s in found} == wanted and len(found) == len(wanted)
    assert count_label_sets(o, budget, order) == len(wanted)
    low, high = bound_label_set_count(o, budget, order)
    assert low <= len(wanted) <= high


def test_p_values_of_all_sets_agree_with_the_threshold():
    outputs, y = rows(60, 6)
    for nonconformity in (
        NormNonconformity(),
        NormNonconformity(1),
        CooccurrencePenalty(y, 0.3),
        MahalanobisNonconformity(outputs, y),
    ):
        icp = LabelPowersetICP(0.17, nonconformity).fit(outputs[:50], y[:50])
        for row in outputs[50:]:
            every = powerset(6)
            p = icp.p_values(np.repeat(row[None], 64, axis=0), every)
            listed = {tuple(s) for s in icp.predict_set(row[None])[0].sets()}
            assert listed == {tuple(s) for s in every[p > 0.17]}
            assert icp.predict_set(row[None])[0].count() == len(listed)


def test_with_one_label_it_is_ordinary_conformal_prediction():
    outputs, y = rows(40, 1)
    icp = LabelPowersetICP(0.2).fit(outputs[:30], y[:30])
    scores = np.abs(y[:30] - outputs[:30])[:, 0]
    assert icp.threshold_ == conformal_threshold(scores, 0.2)
    assert_allclose(icp.p_values(outputs[30:], y[30:]), conformal_p_values(scores, np.abs(y - outputs)[30:, 0] - 1e-12))


def test_the_error_over_many_draws_is_under_alpha():
    outputs, y = rows(21 * 1500, 4)
    missed = [
        not LabelPowersetICP(0.2).fit(o[:20], t[:20]).covers(o[20:], t[20:])[0]
        for o, t in zip(outputs.reshape(1500, 21, 4), y.reshape(1500, 21, 4), strict=True)
    ]
    assert np.mean(missed) <= 0.2 + 2 * np.sqrt(0.16 / 1500)


@pytest.mark.parametrize("kind", ["norm", "penalty", "mahalanobis"])
def test_the_forced_prediction_is_the_best_and_its_rival_the_second_best(kind):
    outputs, y = rows(80, 5)
    nonconformity = {
        "norm": NormNonconformity(),
        "penalty": CooccurrencePenalty(y, 0.5),
        "mahalanobis": MahalanobisNonconformity(outputs, y),
    }[kind]
    icp = LabelPowersetICP(0.1, nonconformity).fit(outputs[:60], y[:60])
    forced = icp.forced_prediction(outputs[60:])
    for i, row in enumerate(outputs[60:]):
        p = np.sort(icp.p_values(np.repeat(row[None], 32, axis=0), powerset(5)))[::-1]
        assert (forced.credibility[i], forced.confidence[i]) == (p[0], 1 - p[1])


def test_too_few_rows_give_all_two_to_the_159_sets_without_listing_them():
    outputs, y = rows(5, 159)
    everything = LabelPowersetICP(0.1).fit(outputs, y).predict_set(outputs[:1])[0]
    assert everything.count() == 2**159 and y[0] in everything
    with pytest.raises(BadInput, match="more than 1000 label sets"):
        everything.sets(limit=1000)


def test_counting_stops_at_its_limit_and_the_bounds_go_on():
    outputs = np.full(60, 0.3)
    assert count_label_sets(outputs, 60 * 0.09 + 0.4 * 10, limit=5000) == 5000
    low, high = bound_label_set_count(outputs, 60 * 0.09 + 0.4 * 3)
    assert low <= 1 + 60 + 1770 + 34220 <= high


def test_an_empty_set_where_even_the_nearest_is_too_strange():
    icp = LabelPowersetICP(0.2).fit(np.full((9, 2), 0.99), np.ones((9, 2)))
    near = icp.predict_set([[0.5, 0.5]])[0]
    assert near.count() == 0 and list(near) == []


def test_criteria_count_what_is_listed():
    outputs, y = rows(200, 4)
    icp = LabelPowersetICP(0.2).fit(outputs[:100], y[:100])
    measured = icp.criteria(outputs[100:], y[100:])
    sizes = [len(near.sets()) for near in icp.predict_set(outputs[100:])]
    assert measured.mean_size == np.mean(sizes)
    assert measured.error == 1 - icp.covers(outputs[100:], y[100:]).mean()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda o, y: LabelPowersetICP(1.5), "alpha is"),
        (lambda o, y: LabelPowersetICP().predict_set(o), "not fitted"),
        (lambda o, y: LabelPowersetICP().fit(o * 3, y), "outside"),
        (lambda o, y: LabelPowersetICP().fit(o[:0], y[:0]), "no calibration row"),
        (lambda o, y: LabelPowersetICP().fit(o, y[:, :2]), "shape"),
        (lambda o, y: LabelPowersetICP().fit(o, y).predict_set(o[:, :3]), "3 columns"),
        (lambda o, y: NormNonconformity(0.5), "order of the norm"),
        (lambda o, y: CooccurrencePenalty(y, -1), "lam is"),
        (lambda o, y: MahalanobisNonconformity(o[:1], y[:1]), "two training rows"),
    ],
)
def test_what_is_wrong_is_said(call, says):
    with pytest.raises(BadInput, match=says):
        call(*rows(30))
