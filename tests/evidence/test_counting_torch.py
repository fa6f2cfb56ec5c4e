"""Torch counts as NumPy does, and its gradient is p − q."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.evidence import Bags, Hard, Pairs, Relation, Tags, any_factor, count_factor, posterior

torch = pytest.importorskip("torch")

OFFSETS = [0, 5, 5, 6, 14]
LOW, HIGH = [2, 0, 0, 1], [2, 0, 1, 6]


def tensor(seed=0, n=14, scale=3.0, dtype=torch.float64):
    return torch.tensor(np.random.default_rng(seed).normal(size=n) * scale, dtype=dtype, requires_grad=True)


def test_torch_and_numpy_count_to_the_same_numbers():
    odds = tensor()
    ours, theirs = count_factor(odds.detach().numpy(), OFFSETS, LOW, HIGH), count_factor(odds, OFFSETS, LOW, HIGH)
    assert_allclose(theirs.q.numpy(), ours.q, atol=1e-12)
    assert_allclose(theirs.log_z.detach().numpy(), ours.log_z, rtol=1e-11, atol=1e-12)


def test_the_gradient_of_minus_log_z_is_p_minus_q():
    odds = tensor()
    got = count_factor(odds, OFFSETS, LOW, HIGH)
    (gradient,) = torch.autograd.grad(-got.log_z.sum(), odds)
    assert_allclose(gradient.numpy(), (torch.sigmoid(odds) - got.q).detach().numpy(), atol=1e-12)


def test_the_gradient_agrees_with_finite_differences():
    odds = tensor(seed=1)
    assert torch.autograd.gradcheck(lambda x: count_factor(x, OFFSETS, LOW, HIGH).log_z, (odds,), atol=1e-7)


def test_weights_of_bags_scale_their_gradients():
    odds, weights = tensor(), torch.tensor([1.0, 2.0, 3.0, 0.0], dtype=torch.float64)
    got = count_factor(odds, OFFSETS, LOW, HIGH)
    (gradient,) = torch.autograd.grad((weights * got.log_z).sum(), odds)
    assert (gradient[6:] == 0).all()
    assert_allclose(gradient[5].item(), 3 * (got.q[5] - torch.sigmoid(odds[5])).item(), rtol=1e-10)


def test_chunks_of_bags_change_nothing(monkeypatch):
    from labelwright.evidence import counting_torch

    odds = tensor()
    whole = count_factor(odds, OFFSETS, LOW, HIGH).q
    monkeypatch.setattr(counting_torch, "MAX_TABLE", 1)
    assert_allclose(count_factor(odds, OFFSETS, LOW, HIGH).q.numpy(), whole.numpy(), atol=1e-13)


def test_float32_counts_in_double_and_answers_in_single():
    odds = tensor(dtype=torch.float32)
    got = count_factor(odds, OFFSETS, LOW, HIGH)
    assert got.q.dtype == torch.float32
    assert_allclose(got.q.numpy(), count_factor(odds.detach().numpy(), OFFSETS, LOW, HIGH).q, atol=1e-6)


def test_certain_rows_give_no_nan_gradient():
    odds = torch.tensor([np.inf, 0.0, -np.inf], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(count_factor(odds, [0, 3], 2, 2).log_z.sum(), odds)
    assert_allclose(gradient.numpy(), [0.0, 0.5, 0.0])


def test_the_closed_form_of_any_has_the_gradient_p_minus_q():
    odds = tensor(seed=2, n=6)
    got = any_factor(odds, [0, 2, 6])
    (gradient,) = torch.autograd.grad(-got.log_z.sum(), odds)
    assert_allclose(gradient.numpy(), (torch.sigmoid(odds) - got.q).detach().numpy(), atol=1e-12)


EVIDENCE = {
    "hard": Hard([0, -1, 2, 1], 3),
    "bags": Bags.counts([0, 0, 1, 1], [1, 2], n_classes=3),
    "class counts": Bags.counts([0, 0, 1, 1], [[1, 1, 0], [0, 1, 1]]),
    "pairs": Pairs([0, 1], [1, 2], [Relation.ALIKE, Relation.RANKED], 4, 3, [0.9, 1.0]),
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_e_step_has_the_gradient_p_minus_q_on_logits(name):
    logits = torch.tensor(np.random.default_rng(3).normal(size=(4, 3)), requires_grad=True)
    got = posterior(logits.log_softmax(dim=1), EVIDENCE[name])
    (gradient,) = torch.autograd.grad(-got.log_z.sum(), logits)
    assert_allclose(gradient.numpy(), (logits.softmax(dim=1) - got.q).detach().numpy(), atol=1e-10)


@pytest.mark.parametrize("name", EVIDENCE)
def test_numpy_and_torch_give_the_same_posterior(name):
    log_prior = np.log(np.random.default_rng(4).dirichlet(np.ones(3), size=4))
    ours, theirs = posterior(log_prior, EVIDENCE[name]), posterior(torch.tensor(log_prior), EVIDENCE[name])
    assert_allclose(theirs.q.numpy(), ours.q, atol=1e-13)
    assert_allclose(theirs.log_z.numpy(), ours.log_z, atol=1e-13)


def test_the_posterior_is_detached():
    logits = torch.zeros((2, 2), requires_grad=True)
    assert not posterior(logits.log_softmax(dim=1), Hard([0, 1], 2)).q.requires_grad


def test_a_torch_noise_receives_its_gradient():
    weights = torch.zeros((2, 2), dtype=torch.float64, requires_grad=True)
    log_prior = torch.log(torch.tensor([[0.3, 0.7]], dtype=torch.float64))
    got = posterior(log_prior, Hard([1], 2), noise=weights.softmax(dim=1))
    (gradient,) = torch.autograd.grad(got.log_z.sum(), weights)
    assert_allclose(gradient.numpy(), [[-0.15, 0.15], [-0.35, 0.35]], atol=1e-12)


def test_tags_combine_in_torch_as_in_numpy():
    prior = np.log(np.random.default_rng(5).dirichlet(np.ones(2), size=(2, 3)))
    tags = Tags.from_dense([[1, 0, -1], [0, 0, 1]])
    theirs = posterior(torch.tensor(prior), tags)
    assert_allclose(theirs.q.numpy(), posterior(prior, tags).q, atol=1e-13)
    assert theirs.log_z.shape == (2,)
