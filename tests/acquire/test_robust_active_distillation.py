"""P038: robust active distillation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog

from labelwright.acquire import Pool, RobustActiveDistillation, rad_distribution
from labelwright.errors import BadInput


def value_by_linear_program(g, p):
    """max Σ v − (sum of the p largest v), v_i = q_i g_i: the inner sum by its dual, min p·t + Σ (v − t)⁺."""
    n = len(g)
    cost = np.concatenate([-g, [p], np.ones(n)])
    above = np.hstack([np.diag(g), -np.ones((n, 1)), -np.eye(n)])
    total = np.concatenate([np.ones(n), np.zeros(n + 1)])[None]
    return -linprog(cost, A_ub=above, b_ub=np.zeros(n), A_eq=total, b_eq=[1.0], bounds=[(0, None)] * (2 * n + 1)).fun


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 12))
def test_the_value_is_that_of_the_linear_program_p038(seed, n):
    rng = np.random.default_rng(seed)
    g, p = rng.uniform(0.02, 1, n), int(rng.integers(0, n))
    found = rad_distribution(g, p)
    assert found.value == pytest.approx(value_by_linear_program(g, p), abs=1e-9)
    worst = np.sort(found.q * g)[: n - p].sum()
    assert worst == pytest.approx(found.value, abs=1e-9)
    assert found.q.sum() == pytest.approx(1, abs=1e-12)


def test_with_a_perfect_teacher_all_mass_is_on_the_largest_gain_p038():
    assert_allclose(rad_distribution([0.2, 0.9, 0.5], 0).q, [0, 1, 0])


def test_inside_the_support_the_adversary_is_indifferent_p038():
    g = np.random.default_rng(0).uniform(0.1, 1, 20)
    found = rad_distribution(g, 5)
    worth = (found.q * g)[found.q > 0]
    assert len(worth) == found.support
    assert_allclose(worth, worth[0])


def test_no_row_is_worth_asking_when_all_answers_are_wrong_p038():
    with pytest.raises(BadInput, match="wrong"):
        rad_distribution([0.5, 0.5], 2)
    with pytest.raises(BadInput, match="accuracy"):
        RobustActiveDistillation(teacher_accuracy=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 50), st.floats(0.05, 1))
def test_a_batch_has_its_size_and_states_its_chances_p038(seed, budget, accuracy):
    probs = np.random.default_rng(seed).dirichlet(np.ones(3), 40)
    found = RobustActiveDistillation(accuracy).select(Pool(pred_probs=probs), budget, seed)
    assert len(found) == len(set(found.rows.tolist())) == min(budget, 40)
    assert found.probability is not None and (found.probability > 0).all() and (found.probability <= 1).all()


def test_a_worse_teacher_is_asked_about_more_kinds_of_rows_p038():
    g = np.linspace(0.05, 1, 200)
    assert rad_distribution(g, 10).support < rad_distribution(g, 60).support
