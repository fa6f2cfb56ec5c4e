"""FavMac and its ordered structure: cost under the target, online equal to batch, to the last bit (P061)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.decide import (
    AdditiveSetFunction,
    FavMac,
    GeneralSetFunction,
    WeightedQuantile,
    greedy_ratio_sequence,
    probability_sequence,
    value_sequence,
)
from labelwright.decide.contract import OnlineDecider, SetPredictor
from labelwright.decide.weighted_quantile import UNIT
from labelwright.errors import BadInput


def rows(n, k=6, seed=0):
    rng = np.random.default_rng(seed)
    probs = rng.random((n, k))
    return probs, rng.random((n, k)) < probs**1.5


def largest_below(values, weights, budget):
    """The definition, one candidate after the other."""
    if budget < 0:
        return -np.inf
    fits = [
        t
        for t in [*sorted(set(values)), np.inf]
        if sum(w for v, w in zip(values, weights, strict=True) if v < t) <= budget
    ]
    return max(fits)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(-1, 60),
    st.data(),
)
def test_the_weighted_quantile_is_its_definition(pairs, budget, data):
    values, weights = [float(v) for v, _ in pairs], [float(w) for _, w in pairs]
    stored = WeightedQuantile()
    stored.insert(values, weights)
    assert stored.largest_below(budget) == largest_below(values, weights, budget)
    gone = data.draw(st.lists(st.sampled_from(range(len(pairs))), unique=True, max_size=len(pairs) - 1))
    stored.delete([values[i] for i in gone], [weights[i] for i in gone])
    kept = [i for i in range(len(pairs)) if i not in gone]
    left = [values[i] for i in kept], [weights[i] for i in kept]
    assert stored.largest_below(budget) == largest_below(*left, budget)


def test_ten_thousand_values_in_any_order_leave_the_same_state():
    rng = np.random.default_rng(0)
    values, weights = rng.integers(0, 500, 10_000) / 7, rng.random(10_000)
    at_once, one_by_one = WeightedQuantile(), WeightedQuantile()
    at_once.insert(values, weights)
    for i in rng.permutation(10_000).reshape(100, 100):
        one_by_one.insert(values[i], weights[i])
    budgets = rng.random(200) * weights.sum() * 1.1
    assert [at_once.largest_below(b) for b in budgets] == [one_by_one.largest_below(b) for b in budgets]
    assert at_once.total == one_by_one.total


def test_what_was_inserted_and_deleted_is_gone():
    rng = np.random.default_rng(1)
    values, weights = rng.random(3000), rng.random(3000)
    stored = WeightedQuantile()
    stored.insert(values, weights)
    stored.delete(values[::-1], weights[::-1])
    assert len(stored) == 0 and stored.total == 0 and stored.largest_below(0) == np.inf


def test_deleting_what_is_not_there_is_refused_and_leaves_the_rest():
    stored = WeightedQuantile()
    stored.insert([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(BadInput, match="not stored"):
        stored.delete([1.0], [0.5])
    assert len(stored) == 2


def test_the_ratio_order_is_the_one_of_the_paper():
    value, cost = AdditiveSetFunction([1, 2, 3]), AdditiveSetFunction([3, 1, 1])
    probs = np.array([[0.9, 0.5, 0.2], [1.0, 1.0, 1.0]])
    ratio = [0.9 * 1 / (3 * 0.1), 0.5 * 2 / 0.5, 0.2 * 3 / 0.8]
    assert greedy_ratio_sequence(probs, value, cost)[0].tolist() == np.argsort(-np.array(ratio)).tolist()
    assert greedy_ratio_sequence(probs, value, cost)[1].tolist() == [2, 1, 0]


def test_the_compiled_path_is_the_plain_one():
    value, cost = AdditiveSetFunction([1, 2, 3, 1, 1, 4]), AdditiveSetFunction([3, 1, 1, 2, 2, 2])
    probs, y = rows(200)
    probs[:20] = probs[:20].round(1)
    plain = FavMac(value, cost, 0.1, sequence=lambda *row: greedy_ratio_sequence(*row)).fit(probs, y)
    compiled = FavMac(value, cost, 0.1).fit(probs, y)
    assert compiled.threshold_ == plain.threshold_
    assert (compiled.predict_set(probs) == plain.predict_set(probs)).all()


def test_a_general_function_that_is_a_sum_gives_the_additive_answers():
    w = np.array([1.0, 2.0, 4.0, 3.0])
    additive, general = AdditiveSetFunction(w), GeneralSetFunction(lambda sets: sets @ w, 4)
    probs, y = rows(40, 4)
    sets = probs > 0.3
    for name in ("expected_value", "expected_cost"):
        assert_allclose(getattr(additive, name)(sets, probs), getattr(general, name)(sets, probs))
    assert_allclose(additive.violation(sets, probs, 0.3), general.violation(sets, probs, 0.3))
    assert_allclose(additive.cost(sets, y), general.cost(sets, y))
    order = greedy_ratio_sequence(probs, general, general)
    assert (order == greedy_ratio_sequence(probs, additive, additive)).all()
    one, two = (FavMac(u, u, 0.2).fit(probs, y) for u in (additive, general))
    assert_allclose(one.threshold_, two.threshold_, atol=1e-12)


def test_draws_agree_with_the_gaussian_and_exact_violations():
    w, rng = np.arange(1.0, 16.0), np.random.default_rng(0)
    additive, general = AdditiveSetFunction(w), GeneralSetFunction(lambda sets: sets @ w, 15)
    probs, sets = rng.random((3, 15)), np.ones((3, 15), bool)
    drawn = general.violation(sets, probs, 0.5)
    assert_allclose(additive.violation(sets, probs, 0.5), drawn, atol=0.03)


def test_a_sequence_ends_where_no_label_adds_value():
    capped = GeneralSetFunction(lambda sets: sets.any(axis=1).astype(float), 3)
    order = greedy_ratio_sequence(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]), capped, AdditiveSetFunction([1, 1, 1]))
    assert order.tolist() == [[0, -1, -1], [-1, -1, -1]]


@pytest.mark.parametrize("target", [0.05, 0.1, 0.3])
def test_mean_cost_over_2000_draws_of_20_rows_and_one_is_under_the_target(target):
    value = cost = AdditiveSetFunction([1, 2, 3, 4, 5, 6])
    probs, y = rows(21 * 2000, seed=1)
    costs = np.empty(2000)
    for i in range(2000):
        part = slice(21 * i, 21 * i + 20)
        favmac = FavMac(value, cost, target).fit(probs[part], y[part])
        new = slice(21 * i + 20, 21 * i + 21)
        costs[i] = cost.cost(favmac.predict_set(probs[new]), y[new])[0]
    assert costs.mean() <= target + 2 * costs.std() / np.sqrt(2000)


def test_violations_over_1000_draws_are_under_delta():
    cost = AdditiveSetFunction([1, 2, 3, 4, 5, 6])
    probs, y = rows(25 * 1000, seed=2)
    broken = 0
    for i in range(1000):
        part, new = slice(25 * i, 25 * i + 24), slice(25 * i + 24, 25 * i + 25)
        favmac = FavMac(cost, cost, 0.15, delta=0.2).fit(probs[part], y[part])
        broken += cost.cost(favmac.predict_set(probs[new]), y[new])[0] > 0.15 + 1e-9
    assert broken / 1000 <= 0.2 + 2 * np.sqrt(0.16 / 1000)


def test_the_threshold_is_the_supremum_of_its_definition():
    cost = AdditiveSetFunction([1, 2, 3, 1, 1, 2])
    probs, y = rows(30, seed=3)
    favmac = FavMac(cost, cost, 0.2).fit(probs, y)
    order = greedy_ratio_sequence(probs, cost, cost)
    wrong = np.take_along_axis(cost.weights * ~y, order, axis=1).cumsum(axis=1)
    proxy = np.take_along_axis(cost.weights * (1 - probs), order, axis=1).cumsum(axis=1)

    def spent(t):
        return sum(wrong[i][proxy[i] < t].max(initial=0) for i in range(30)) + 1

    t = favmac.threshold_
    assert spent(t) <= 31 * 0.2 < spent(np.nextafter(t, 2))


def test_one_row_after_the_other_equals_all_at_once():
    cost = AdditiveSetFunction(np.arange(1, 7))
    probs, y = rows(300)
    online = FavMac(cost, cost, 0.1)
    for i in range(300):
        online.partial_fit(probs[i : i + 1], y[i : i + 1])
    assert online.threshold_ == FavMac(cost, cost, 0.1).fit(probs[::-1], y[::-1]).threshold_
    assert isinstance(online, OnlineDecider) and isinstance(online, SetPredictor)


def test_answers_of_a_stream_are_those_before_each_update():
    cost = AdditiveSetFunction(np.arange(1, 7))
    probs, y = rows(60)
    for window in (None, 20):
        stream, steps = (FavMac(cost, cost, 0.1, window=window).fit(probs[:10], y[:10]) for _ in range(2))
        followed = stream.predict_then_update(probs[10:], y[10:])
        for i in range(10, 60):
            assert (steps.predict_set(probs[i : i + 1])[0] == followed[i - 10]).all()
            steps.partial_fit(probs[i : i + 1], y[i : i + 1])


@pytest.mark.parametrize("delta", [None, 0.2])
def test_a_window_keeps_the_latest_rows_only(delta):
    cost = AdditiveSetFunction(np.arange(1, 7))
    probs, y = rows(500)
    window = FavMac(cost, cost, 0.1, delta=delta, window=80).fit(probs[:200], y[:200]).partial_fit(probs[200:], y[200:])
    latest = FavMac(cost, cost, 0.1, delta=delta).fit(probs[420:], y[420:])
    assert (window.n_rows_, window.threshold_) == (80, latest.threshold_)


def test_a_target_of_one_returns_every_label():
    cost = AdditiveSetFunction(np.arange(1, 7) / 7)
    probs, y = rows(50)
    assert FavMac(cost, cost, 1.0).fit(probs, y & False).predict_set(probs).all()


def test_a_target_that_so_few_rows_cannot_keep_returns_no_label():
    cost = AdditiveSetFunction(np.ones(6))
    probs, y = rows(30)
    favmac = FavMac(cost, cost, 0.09)
    assert not favmac.fit(probs[:10], y[:10] | True).predict_set(probs).any()
    assert favmac.fit(probs[:11], y[:11] | True).predict_set(probs).all()


def test_orders_by_probability_and_by_value_hold_every_label_once():
    value = GeneralSetFunction(lambda sets: sets @ np.array([1.0, 5, 3]), 3)
    probs = np.array([[0.2, 0.1, 0.9]])
    assert probability_sequence(probs, value, value).tolist() == [[2, 0, 1]]
    assert value_sequence(probs, value, value).tolist() == [[1, 2, 0]]


def test_weights_are_units_of_the_structure():
    stored = WeightedQuantile()
    stored.insert([1.0], [3 * UNIT])
    assert stored.total == 3 * UNIT


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda f: FavMac(f, AdditiveSetFunction([1]), 0.1), "6 labels but cost for 1"),
        (lambda f: FavMac(f, f, 1.1), "target is"),
        (lambda f: FavMac(f, f, 0.1, delta=-1), "delta is"),
        (lambda f: FavMac(f, f, 0.1, window=0), "window is"),
        (lambda f: FavMac(f, f, 0.1).predict_set(np.zeros((1, 6))), "not fitted"),
        (lambda f: FavMac(f, f, 0.1).fit(np.full((2, 6), np.nan), np.zeros((2, 6))), "NaN"),
        (lambda f: FavMac(f, f, 0.1).fit(np.full((2, 6), 2), np.zeros((2, 6))), "outside"),
        (lambda f: FavMac(f, f, 0.1).fit(np.zeros((2, 6)), np.full((2, 6), -1)), "true and false"),
        (lambda f: FavMac(f, f, 0.1).fit(np.zeros((2, 6)), np.zeros((3, 6))), "shape"),
        (lambda f: FavMac(f, f, 0.1).fit(np.zeros((2, 5)), np.zeros((2, 5))), "5 columns"),
        (lambda f: AdditiveSetFunction([0, 0]), "weights must"),
        (lambda f: GeneralSetFunction(lambda sets: sets.sum(1) + 1, 2), "empty set"),
        (lambda f: GeneralSetFunction(lambda sets: "x", 2), "empty set"),
        (lambda f: WeightedQuantile().insert([np.nan], [1]), "NaN"),
        (lambda f: WeightedQuantile().insert([1], [-1]), "weights must"),
        (lambda f: WeightedQuantile().insert([1], [1e9]), "weights must"),
    ],
)
def test_bad_input_says_what_is_wrong(call, says):
    with pytest.raises(BadInput, match=says):
        call(AdditiveSetFunction(np.ones(6)))
