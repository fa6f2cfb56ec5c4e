"""P006 from data: a model on cheap labels that careful ones move as far as they can tell."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.acquire.two_tiers import TwoTiers, _in_turn

K, N = 3, 600


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, K, N)
    X = (2.5 * np.eye(K)[truth] + rng.normal(size=(N, K))).astype(np.float32)
    return X, truth


def accuracy(model, X, truth):
    return (model(X).argmax(axis=1) == truth).mean()


def test_too_few_careful_labels_leave_the_model_of_the_cheap_ones_as_it_is_p006(world):
    X, truth = world
    cheap, few, none = np.arange(300), np.arange(300, 309), np.arange(0)
    with_few, alone = (_in_turn(X, cheap, truth, rows, truth, K, 0)(X[400:]) for rows in (few, none))
    np.testing.assert_allclose(with_few, alone, atol=5e-4)  # probabilities below 1e-4 are taken as that


def test_careful_labels_mend_what_cheap_ones_confuse_p006(world):
    X, truth = world
    swapped = np.where(truth == 0, 1, np.where(truth == 1, 0, truth))
    cheap, careful, test = np.arange(250), np.arange(250, 350), np.arange(350, N)
    before = accuracy(_in_turn(X, cheap, swapped, careful[:0], truth, K, 0), X[test], truth[test])
    after = accuracy(_in_turn(X, cheap, swapped, careful, truth, K, 0), X[test], truth[test])
    assert before < 0.4 and after > 0.85


def test_careful_labels_that_agree_with_the_model_do_no_harm_p006(world):
    X, truth = world
    cheap, careful, test = np.arange(250), np.arange(250, 270), np.arange(350, N)
    before = accuracy(_in_turn(X, cheap, truth, careful[:0], truth, K, 0), X[test], truth[test])
    assert accuracy(_in_turn(X, cheap, truth, careful, truth, K, 0), X[test], truth[test]) > before - 0.03


def test_no_score_is_worse_than_cheap_labels_alone_for_a_handful_of_careful_ones_p006(world):
    X, truth = world
    bench = TwoTiers(X, truth, np.where(np.arange(N) % 4 == 0, truth, -1), K)
    assert [bench.score(120, careful, 0) for careful in (1, 4, 9)] == pytest.approx(
        [bench.score(120, 0, 0)] * 3, abs=0.05
    )
