"""The split into probably clean and probably wrong rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.learn.noisy import gmm_split, gmm_split_per_class, keep_share, small_loss  # noqa: E402


def two_heaps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    clean = rng.random(300) < 0.6
    return np.where(clean, rng.gamma(1.0, 0.2, 300), rng.normal(3.0, 0.5, 300)), clean


def test_two_heaps_of_losses_come_apart():
    losses, clean = two_heaps()
    assert ((gmm_split(losses) > 0.5) == clean).mean() > 0.97


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 50), min_size=2, max_size=40))
def test_the_chance_of_being_clean_falls_with_the_loss_and_stays_a_chance(losses):
    chances = gmm_split(losses)
    order = np.argsort(losses, kind="stable")
    assert (np.diff(chances[order]) <= 1e-12).all()
    assert (chances >= 0).all() and (chances <= 1).all()


def test_scale_and_shift_of_the_losses_do_not_matter():
    losses, _ = two_heaps()
    np.testing.assert_allclose(gmm_split(losses), gmm_split(7 * losses + 3), atol=1e-9)


@pytest.mark.parametrize("losses", [[], [0.4], [0.7, 0.7, 0.7], [1.0, 1.0 + 1e-7]])
def test_losses_that_do_not_differ_speak_against_no_row(losses):
    assert gmm_split(losses).tolist() == [1.0] * len(losses)


@pytest.mark.parametrize("losses", [[0.1, float("nan")], [[0.1, 0.2]], [float("inf"), 0.0]])
def test_losses_that_are_no_finite_column_are_refused(losses):
    with pytest.raises(BadInput):
        gmm_split(losses)


def test_a_class_of_large_losses_keeps_its_clean_rows_when_split_by_class():
    losses, clean = two_heaps()
    both, labels = np.concatenate([losses, losses + 10]), np.repeat([0, 1], 300)
    hard = slice(300, 600)
    assert (gmm_split(both)[hard][clean] > 0.5).mean() < 0.1
    assert (gmm_split_per_class(both, labels)[hard][clean] > 0.5).mean() > 0.95


def test_rows_without_a_label_are_not_clean():
    assert gmm_split_per_class([0.1, 0.2, 0.3], [0, 0, -1])[2] == 0


@pytest.mark.parametrize(("time", "share"), [(0, 1.0), (5, 0.8), (10, 0.6), (99, 0.6)])
def test_the_share_kept_falls_to_what_is_right(time, share):
    assert keep_share(time, 0.4, 10) == pytest.approx(share)


def test_small_losses_are_the_smallest():
    losses = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0])
    assert set(small_loss(losses, 0.6).tolist()) == {1, 3, 4}


def test_at_least_one_row_is_kept():
    assert small_loss(torch.tensor([2.0, 1.0]), 0.0).tolist() == [1]
