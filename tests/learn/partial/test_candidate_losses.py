"""The candidate E-step, PRODEN [B015], CC and RC [B016], leveraged weighted loss [B017]."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import CandidateNoise, Candidates, Hard, Reals, posterior  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    PRODEN,
    ClassifierConsistent,
    LeveragedWeighted,
    RiskConsistent,
    candidate_loglik,
    candidate_nll,
    leveraged_weighted_loss,
    weights_from_loglik,
)
from labelwright.nn import MLP, CrossEntropy, Loop, Task, Training  # noqa: E402


def small_sets(n: int = 60, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    mask = rng.random((n, k)) < 0.4
    mask[np.arange(n), truth] = True
    return rng.normal(size=(n, 5)).astype(np.float32), mask, truth


def fitted(objective, evidence, x, epochs: int = 3) -> Loop:
    loop = Loop(objective, Task(x, evidence, net=MLP((8,))), Training(epochs=epochs, batch_size=16, device="cpu"))
    loop.fit()
    return loop


def test_the_weights_are_the_posterior_of_the_evidence():
    _, mask, _ = small_sets()
    log_p = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).log_softmax(1)
    evidence = Candidates.from_mask(mask)
    torch.testing.assert_close(
        weights_from_loglik(log_p, candidate_loglik(torch.from_numpy(mask))), posterior(log_p, evidence).q
    )
    noise = CandidateNoise(miss=0.2, inclusion=0.4)
    lam = 0.2 * 0.4 / (0.8 * 0.6)
    torch.testing.assert_close(
        weights_from_loglik(log_p, candidate_loglik(torch.from_numpy(mask), lam)),
        posterior(log_p, evidence, noise).q,
        atol=1e-7,
        rtol=1e-6,
    )


def test_a_row_that_rules_out_everything_is_named():
    with pytest.raises(BadInput, match="row 1"):
        weights_from_loglik(torch.zeros(2, 3), torch.tensor([[0.0, 0, 0], [-torch.inf] * 3]))


def test_one_step_on_the_weights_is_a_step_on_the_likelihood_of_the_set():
    """−Σ w log p with fresh, detached w has the gradient of −log Σ_S p: CC [B016] and PRODEN [B015] agree on it."""
    _, mask, _ = small_sets()
    allowed = torch.from_numpy(mask)
    z = torch.randn(60, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    (marginal,) = torch.autograd.grad(candidate_nll(z, allowed), z)
    w = weights_from_loglik(z, candidate_loglik(allowed))
    (weighted,) = torch.autograd.grad(-(w * z.log_softmax(1)).sum(1).mean(), z)
    torch.testing.assert_close(marginal, weighted)


@pytest.mark.parametrize("method", [PRODEN, ClassifierConsistent, RiskConsistent])
def test_with_the_truth_alone_in_the_set_it_is_cross_entropy(method):
    x, _, truth = small_sets()
    alone = fitted(method(), Candidates.from_sets([[int(y)] for y in truth], 4), x)
    plain = fitted(CrossEntropy(), Hard(truth, 4), x)
    torch.testing.assert_close(alone.predict().logits, plain.predict().logits, atol=1e-5, rtol=1e-5)


def test_hard_labels_are_read_as_sets_of_one():
    x, _, truth = small_sets()
    sets = fitted(PRODEN(), Candidates.from_sets([[int(y)] for y in truth], 4), x)
    hard = fitted(PRODEN(), Hard(truth, 4), x)
    assert torch.equal(sets.predict().logits, hard.predict().logits)


def test_proden_starts_even_and_then_follows_the_model():
    x, mask, _ = small_sets()
    loop = Loop(PRODEN(), Task(x, Candidates.from_mask(mask), net=MLP((8,))), Training(device="cpu"))
    weights = loop.objective.weights.values
    torch.testing.assert_close(weights, torch.from_numpy(mask / mask.sum(1, keepdims=True)).float())
    p = loop.predict().probs * torch.from_numpy(mask)
    loop.step(np.arange(60))
    torch.testing.assert_close(weights, p / p.sum(1, keepdim=True))


def test_views_are_averaged():
    x, mask, _ = small_sets()
    once = fitted(PRODEN(), Candidates.from_mask(mask), x)
    thrice = fitted(
        PRODEN(views=("x", "weak", "strong")), Candidates.from_mask(mask), x
    )  # the task's views change nothing
    torch.testing.assert_close(once.predict().logits, thrice.predict().logits, atol=1e-5, rtol=1e-5)


def test_risk_consistent_weights_move_between_epochs_alone():
    x, mask, _ = small_sets()
    loop = Loop(RiskConsistent(), Task(x, Candidates.from_mask(mask), net=MLP((8,))), Training(device="cpu"))
    before = loop.objective.weights.values.clone()
    loop.fit(epochs=1)
    assert torch.equal(loop.objective.weights.values, before)
    p = loop.predict().probs * torch.from_numpy(mask)
    loop.fit(epochs=1)
    torch.testing.assert_close(loop.objective.weights.values, p / p.sum(1, keepdim=True))


def test_leverage_zero_leaves_the_weighted_loss_of_the_candidates():
    _, mask, _ = small_sets()
    sets = torch.from_numpy(mask)
    z = torch.randn(60, 4, generator=torch.Generator().manual_seed(2))
    w = weights_from_loglik(z, candidate_loglik(sets))
    expected = (w * torch.sigmoid(-z)).sum(1).mean()
    torch.testing.assert_close(leveraged_weighted_loss(z, sets, w, w, beta=0.0), expected)


def test_leveraged_weights_sum_to_one_on_either_side():
    x, mask, _ = small_sets()
    loop = fitted(LeveragedWeighted(), Candidates.from_mask(mask), x)
    sets = torch.from_numpy(mask)
    inside, outside = loop.objective.weights.values, loop.objective.others.values
    torch.testing.assert_close((inside * sets).sum(1), torch.ones(60))
    torch.testing.assert_close((outside * ~sets).sum(1), (~sets).any(1).float())
    assert float((inside * ~sets).sum()) == 0


@pytest.mark.parametrize("views", [(), ("other",)])
def test_unknown_views_are_refused(views):
    with pytest.raises(BadInput, match="views"):
        PRODEN(views=views)


def test_evidence_of_another_kind_is_named():
    with pytest.raises(BadInput, match="Reals"):
        Loop(PRODEN(), Task(np.eye(3), Reals.values([1.0, 2.0, 3.0]), net=MLP((4,)), n_outputs=3))
