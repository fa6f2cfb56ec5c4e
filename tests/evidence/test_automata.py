"""Regular constraints: the automaton agrees with enumeration and with counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.evidence import (
    Automaton,
    at_least,
    at_most,
    contains_any,
    count_factor,
    exactly,
    never_falling,
    no_two_in_a_row,
    sequence_posterior,
)

CONSTRAINTS = {
    "any": (contains_any(target=2, n_classes=3), lambda y: 2 in y),
    "none": (~contains_any(target=2, n_classes=3), lambda y: 2 not in y),
    "at least two": (at_least(2, target=1, n_classes=3), lambda y: np.sum(y == 1) >= 2),
    "at most one": (at_most(1, target=0, n_classes=3), lambda y: np.sum(y == 0) <= 1),
    "exactly two": (exactly(2, target=0, n_classes=3), lambda y: np.sum(y == 0) == 2),
    "order": (never_falling(3), lambda y: bool((np.diff(y) >= 0).all())),
    "apart": (no_two_in_a_row(target=1, n_classes=3), lambda y: not ((y[1:] == 1) & (y[:-1] == 1)).any()),
    "both": (
        at_least(1, target=1, n_classes=3) & no_two_in_a_row(target=1, n_classes=3),
        lambda y: 1 in y and not ((y[1:] == 1) & (y[:-1] == 1)).any(),
    ),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("length", [2, 5])
def test_every_constraint_equals_enumeration(name, length, enumerated, random_log_prior):
    automaton, holds = CONSTRAINTS[name]
    log_prior = random_log_prior(length, length, 3)
    q, log_z = enumerated(log_prior, lambda y: 0.0 if holds(y) else -np.inf)
    got = sequence_posterior(log_prior, [0, length], automaton)
    assert_allclose(got.q, q, atol=1e-12)
    assert_allclose(got.log_z[0], log_z, rtol=1e-11)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=12), st.data())
def test_counting_automata_agree_with_counting(odds, data):
    count = data.draw(st.integers(0, len(odds)))
    odds = np.array(odds)
    log_prior = np.stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)], axis=1)
    for automaton, high in ((exactly(count), count), (at_least(count), len(odds))):
        counted = count_factor(odds, [0, len(odds)], count, high)
        got = sequence_posterior(log_prior, [0, len(odds)], automaton)
        assert_allclose(got.q[:, 1], counted.q, atol=1e-11)
        assert_allclose(got.log_z, counted.log_z, rtol=1e-9, atol=1e-10)


def test_sequences_of_all_lengths_are_solved_together_as_alone(random_log_prior):
    log_prior, offsets = random_log_prior(0, 7, 3), [0, 3, 3, 7]
    together = sequence_posterior(log_prior, offsets, never_falling(3))
    assert_allclose(together.q[3:], sequence_posterior(log_prior[3:], [0, 4], never_falling(3)).q)
    assert together.log_z[1] == 0


def test_a_constraint_that_always_holds_leaves_the_prior_alone(random_log_prior):
    log_prior = random_log_prior(1, 6, 3)
    got = sequence_posterior(log_prior, [0, 6], at_least(0, n_classes=3))
    assert_allclose(got.q, np.exp(log_prior), atol=1e-14)


def test_a_sequence_that_cannot_satisfy_the_constraint_is_named():
    with pytest.raises(BadInput, match=r"sequence 1 \(row 2 and on\): no labelling"):
        sequence_posterior(np.zeros((3, 2)), [0, 2, 3], exactly(2))


def test_opposites_share_out_all_probability(random_log_prior):
    log_prior = random_log_prior(2, 5, 2)
    yes = sequence_posterior(log_prior, [0, 5], no_two_in_a_row()).log_z
    no = sequence_posterior(log_prior, [0, 5], ~no_two_in_a_row()).log_z
    assert_allclose(np.logaddexp(yes, no), 0, atol=1e-12)


def test_a_transition_to_nowhere_is_refused():
    with pytest.raises(BadInput, match="leads to no state"):
        Automaton(np.array([[0, 5]]), np.array([True]))


def test_constraints_over_different_classes_do_not_combine():
    with pytest.raises(BadInput, match="3 and 2 classes"):
        never_falling(3) & never_falling(2)
