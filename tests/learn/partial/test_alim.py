"""P072: what λ does, and PiCO [B018] under it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import CandidateNoise, Candidates, posterior  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    ALIM,
    ClassifierConsistent,
    Contrast,
    FixedLambda,
    ModelLambda,
    PiCO,
    QuantileLambda,
    adaptive_lambda,
    candidate_loglik,
    classifier_score,
    hardened,
    scaled,
    set_margin,
)
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402

SMALL = Contrast(queue=32, dim=4)
OFF = Contrast(weight=0.0, queue=8, dim=4, start=0)


def small_task(seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    mask = rng.random((60, 4)) < 0.5
    mask[np.arange(60), rng.integers(0, 4, 60)] = True
    return Task(rng.normal(size=(60, 5)).astype(np.float32), Candidates.from_mask(mask), net=MLP((8,)))


def fitted(objective, epochs: int = 3) -> Loop:
    loop = Loop(objective, small_task(), Training(epochs=epochs, batch_size=16, device="cpu"))
    loop.fit()
    return loop


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_the_share_that_leaves_its_set_is_the_rate(seed, rate):
    """At λ the best soft candidate of ⌊η n⌋ rows lies outside their set, up to one row that is tied [P072]."""
    generator = torch.Generator().manual_seed(seed)
    log_g = torch.randn(50, 6, generator=generator, dtype=torch.float64)
    sets = torch.rand(50, 6, generator=generator) < 0.3
    sets[:, 0] = True
    margins = set_margin(log_g, sets)
    expected = min(int(rate * 50), int((margins < 1).sum()))  # λ is at most 1
    lam = adaptive_lambda(margins, rate)
    soft = log_g + candidate_loglik(sets, lam)
    left = ~sets[torch.arange(50), soft.argmax(1)]
    assert abs(int(left.sum()) - expected) <= 1


def test_without_lambda_and_memory_it_is_the_marginal_likelihood_of_the_set():
    """λ = 0, g = p, φ = 0, Scale: PRODEN with fresh weights, whose step is that of −log Σ_S p [P072]."""
    plain = ALIM(FixedLambda(0.0), score=classifier_score, phi=(0.0, 0.0), mix=0.0, contrast=OFF)
    torch.testing.assert_close(
        fitted(plain).predict().logits, fitted(ClassifierConsistent()).predict().logits, atol=1e-4, rtol=1e-4
    )


def test_the_models_lambda_is_the_posterior_of_noisy_sets():
    evidence = small_task().evidence
    log_g = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).log_softmax(1)
    lam = ModelLambda(0.2, 0.4)(torch.empty(0))
    mine = scaled(log_g, candidate_loglik(torch.from_numpy(evidence.mask()), lam))
    torch.testing.assert_close(mine, posterior(log_g, evidence, CandidateNoise(0.2, 0.4)).q, atol=1e-7, rtol=1e-6)


def test_lambda_one_ignores_the_sets():
    log_g = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    sets = torch.zeros(20, 4, dtype=torch.bool)
    sets[:, 0] = True
    torch.testing.assert_close(scaled(log_g, candidate_loglik(sets, 1.0)), log_g.softmax(1))


def test_lambda_waits_for_its_epoch():
    early = ALIM(QuantileLambda(0.3), start=2, contrast=SMALL)
    assert float(fitted(early, epochs=2).objective.current) == 0
    late = fitted(ALIM(QuantileLambda(0.3), start=2, contrast=SMALL), epochs=4)
    assert 0 < float(late.objective.current) <= 1


@pytest.mark.parametrize("make", [lambda: PiCO(contrast=SMALL), lambda: ALIM(FixedLambda(0.0), contrast=SMALL)])
def test_weights_are_probabilities_inside_the_sets(make):
    loop = fitted(make())
    weights, sets = loop.objective.weights.values, torch.from_numpy(small_task().evidence.mask())
    torch.testing.assert_close(weights.sum(1), torch.ones(60))
    assert float((weights * ~sets).sum()) == 0


def test_pico_moves_a_share_of_the_weight_to_one_candidate():
    """w ← φ w + (1 − φ) onehot, φ falling evenly from 0.95 to 0.8 [B018]."""
    pico = PiCO(contrast=Contrast(queue=32, dim=4, start=0))
    loop = Loop(pico, small_task(), Training(epochs=10, batch_size=60, device="cpu"))
    before = pico.weights.values.clone()
    loop.fit(epochs=1)
    moved = (pico.weights.values - 0.95 * before) / 0.05
    torch.testing.assert_close(moved.max(1).values, torch.ones(60), atol=1e-4, rtol=0)
    torch.testing.assert_close(moved.sum(1), torch.ones(60), atol=1e-4, rtol=0)


def test_the_key_network_takes_no_gradient():
    loop = fitted(PiCO(contrast=SMALL))
    assert not any(p.requires_grad for p in loop.objective.keys.parameters())


def test_hardened_labels_are_one_class_each():
    log_g = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    hard = hardened(log_g, torch.zeros(20, 4))
    assert torch.equal(hard.argmax(1), log_g.argmax(1)) and float(hard.sum()) == 20


@pytest.mark.parametrize(
    "make", [lambda: QuantileLambda(1.0), lambda: FixedLambda(2.0), lambda: ALIM(FixedLambda(0.0), mix=-1.0)]
)
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
