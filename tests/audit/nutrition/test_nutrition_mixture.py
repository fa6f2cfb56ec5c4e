"""The model of rows finds what made them."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.audit.nutrition.mixture import fit_mixture

NO_GROUPS = np.zeros((1500, 0), dtype=np.int32)


def test_one_gaussian_comes_back_with_its_own_mean_and_covariance():
    x = np.random.default_rng(0).multivariate_normal([3, -1], [[4, 1.5], [1.5, 1]], 1500)
    model = fit_mixture(x, NO_GROUPS, (), 8, 0)
    assert len(model.weights) == 1
    assert model.means[0] == pytest.approx(x.mean(axis=0), abs=1e-9)
    assert model.factors[0] @ model.factors[0].T == pytest.approx(np.cov(x.T, bias=True), rel=1e-4)


def test_rows_drawn_from_one_gaussian_have_its_mean_and_covariance():
    x = np.random.default_rng(1).multivariate_normal([3, -1], [[4, 1.5], [1.5, 1]], 1500)
    made, _ = fit_mixture(x, NO_GROUPS, (), 1, 0).draw(20_000, np.random.default_rng(2))
    assert made.mean(axis=0) == pytest.approx(x.mean(axis=0), abs=0.08)
    assert np.cov(made.T) == pytest.approx(np.cov(x.T), abs=0.2)


def test_bic_finds_two_types_of_rows():
    rng = np.random.default_rng(0)
    which = rng.random(1500) < 0.4
    x = np.where(which, -4.0, 4.0)[:, None] + rng.standard_normal((1500, 1))
    groups = (which ^ (rng.random(1500) < 0.05)).astype(np.int32)[:, None]
    model = fit_mixture(x, groups, (2,), 8, 0)
    assert len(model.weights) == 2
    assert sorted(model.weights) == pytest.approx([0.4, 0.6], abs=0.05)


def test_the_shares_of_a_group_are_kept_when_there_are_no_numbers():
    groups = (np.arange(1000) % 10 < 3).astype(np.int32)[:, None]
    _, made = fit_mixture(np.zeros((1000, 0)), groups, (2,), 3, 0).draw(10_000, np.random.default_rng(0))
    assert made.mean() == pytest.approx(0.3, abs=0.02)


def test_the_same_seed_gives_the_same_bits():
    rng = np.random.default_rng(0)
    x, groups = rng.standard_normal((300, 3)) ** 3, rng.integers(0, 4, (300, 2)).astype(np.int32)
    a, b = (fit_mixture(x, groups, (4, 4), 4, 5) for _ in range(2))
    assert (a.means == b.means).all()
    assert a.bic == b.bic


def test_a_column_of_one_value_and_equal_rows_do_not_break_the_fit():
    x = np.column_stack([np.ones(200), np.repeat([0.0, 5.0], 100)])
    assert np.isfinite(fit_mixture(x, np.zeros((200, 0), np.int32), (), 8, 0).bic)
