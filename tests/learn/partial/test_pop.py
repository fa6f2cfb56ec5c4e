"""P053: what purification strikes out, and what it never does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Candidates  # noqa: E402
from labelwright.learn.partial import PRODEN, ProgressivePurification, RiskConsistent, purified  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402


def small_task(seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    mask = rng.random((60, 4)) < 0.5
    mask[np.arange(60), rng.integers(0, 4, 60)] = True
    return Task(rng.normal(size=(60, 5)).astype(np.float32), Candidates.from_mask(mask), net=MLP((8,)))


def fitted(objective, epochs: int = 6) -> Loop:
    loop = Loop(objective, small_task(), Training(epochs=epochs, batch_size=16, device="cpu"))
    loop.fit()
    return loop


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_likeliest_candidate_always_stays_and_nothing_returns(seed, theta):
    rng = np.random.default_rng(seed)
    allowed = torch.from_numpy(rng.random((8, 5)) < 0.6)
    allowed[:, 0] = True
    weights = torch.from_numpy(rng.random((8, 5)))
    kept = purified(allowed, weights, theta)
    best = torch.where(allowed, weights, -torch.ones(())).argmax(1)
    assert kept[torch.arange(8), best].all() and not (kept & ~allowed).any()


def test_threshold_zero_is_proden():
    """θ = 0 strikes nothing out, so the training is PRODEN's, bit for bit [P053]."""
    plain = fitted(PRODEN(views=("weak", "strong", "strong")))
    pop = fitted(ProgressivePurification(theta=0.0, start=7))
    assert torch.equal(plain.predict().logits, pop.predict().logits)
    purifying = fitted(ProgressivePurification(theta=0.0, start=1, every=1))
    assert torch.equal(purifying.objective.allowed, torch.from_numpy(small_task().evidence.mask()))


def test_threshold_one_leaves_hard_labels_of_the_models_own():
    loop = fitted(ProgressivePurification(theta=1.0, start=3, every=1))
    assert (loop.objective.allowed.sum(1) == 1).all()
    torch.testing.assert_close(loop.objective.base.weights.values, loop.objective.allowed.float())


def test_nothing_happens_before_the_start():
    loop = fitted(ProgressivePurification(theta=1.0, start=6), epochs=6)
    assert torch.equal(loop.objective.allowed, torch.from_numpy(small_task().evidence.mask()))


def test_the_threshold_rises_only_where_a_round_changes_nothing():
    still = fitted(ProgressivePurification(theta=1e-30, step=0.1, start=1, every=1), epochs=4)
    assert float(still.objective.threshold) == pytest.approx(1e-30 * 1.1**3)
    moving = fitted(ProgressivePurification(theta=0.39, step=0.1, start=3, every=1), epochs=4)
    assert float(moving.objective.threshold) == 0.39


def test_it_wraps_other_losses():
    loop = fitted(ProgressivePurification(RiskConsistent(), theta=0.5, start=2, every=1))
    assert loop.objective.allowed.sum() < small_task().evidence.mask().sum()


def test_settings_outside_their_range_are_refused():
    with pytest.raises(BadInput):
        ProgressivePurification(start=0)
