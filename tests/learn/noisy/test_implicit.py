"""P091: the published gradients, the case without noise, the exact likelihood and what is drawn as not voted for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix, random_array

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    BPO,
    BPR,
    NoisyRobustBPO,
    adaptive_negative_weight,
    bpo_losses,
    likelihood_sum_losses,
    log_losses,
    sampled_others,
    surrogate_losses,
)


def slopes(losses, s=0.7, a=-0.4):
    """Return the gradients by both logits of a voted pair and of another one."""
    out = []
    for which in range(2):
        score, noise = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (s, a))
        losses(score, noise)[which].sum().backward()
        out += [score.grad.item(), 0.0 if noise.grad is None else noise.grad.item()]
    return out


def chances(s=0.7, a=-0.4):
    return 1 / (1 + np.exp(-s)), 1 / (1 + np.exp(-a))


def two_tastes(seed: int = 0) -> csr_matrix:
    rng = np.random.default_rng(seed)
    liked = np.arange(24)[:, None] % 2 == np.arange(18)[None] % 2
    return csr_matrix((liked & (rng.random(liked.shape) < 0.5)).astype(np.int8))


def test_the_surrogates_gradients_are_the_published_ones():
    """Voted (1 − γ)(1 − p) and −γp uphill; others γ(1 − p) − p and (1 − γ)p [P091]."""
    p, g = chances()
    expected = [-(1 - g) * (1 - p), g * p, p - g * (1 - p), -(1 - g) * p]
    assert_allclose(slopes(surrogate_losses), expected, rtol=1e-12)


def test_the_likelihoods_gradients_are_the_published_ones():
    p, g = chances()
    a, b = (1 - g) * p * (1 - p), g * (1 - g) * p
    assert_allclose(slopes(likelihood_sum_losses), [-a, b, a, -b], rtol=1e-12)


def test_the_exact_gradient_is_that_of_expectation_maximisation():
    """Others: w − p and w (1 − γ) uphill with w = γp/(1 − p + γp) held fixed [P091]."""
    p, g = chances()
    w = adaptive_negative_weight(p, g)
    assert_allclose(slopes(log_losses), [-(1 - p), g, p - w, -w * (1 - g)], rtol=1e-12)


@pytest.mark.parametrize("losses", [surrogate_losses, log_losses])
def test_without_noise_the_gradient_is_bpos(losses):
    """γ = 0 gives BPO exactly [P091]."""
    own, plain = slopes(losses, a=-200.0), slopes(bpo_losses)
    assert_allclose([own[0], own[2]], [plain[0], plain[2]], rtol=1e-14)


def test_a_constant_noise_is_the_likelihood_of_selected_completely_at_random():
    """γ = 1 − e: voted p e, others 1 − e p, the likelihood of card P056 with propensity e [P091]."""
    e, s = 0.3, torch.linspace(-3, 3, 7, dtype=torch.float64)
    voted, other = log_losses(s, torch.full_like(s, np.log((1 - e) / e)))
    p = s.sigmoid()
    torch.testing.assert_close(voted, -(p * e).log())
    torch.testing.assert_close(other, -(1 - e * p).log())


def test_a_pair_without_vote_rests_where_its_noise_says():
    """p = γ/(1 + γ) [P091]."""
    g = 1 / (1 + np.exp(0.4))
    rest = g / (1 + g)
    assert abs(slopes(surrogate_losses, s=np.log(rest / (1 - rest)))[2]) < 1e-12


def test_noise_starts_near_zero():
    """A positive and B negative: γ starts near 0.002 [P091]."""
    model = NoisyRobustBPO(epochs=1, lr=1e-9, noise_rank=50, batch_size=10**6).fit(two_tastes())
    assert 0.0005 < model.predict_noise(np.arange(24)).mean() < 0.01


def test_drawn_items_were_not_voted_for():
    votes = csr_matrix(random_array((30, 40), density=0.6, rng=np.random.default_rng(0)))
    votes.sort_indices()
    users = np.repeat(np.arange(30), 20)
    items = sampled_others(votes, users, 3, np.random.default_rng(0))
    assert items.shape == (600, 3) and not votes.toarray()[users[:, None], items].any()


@pytest.mark.parametrize("model", [BPO, BPR, NoisyRobustBPO])
def test_a_user_is_offered_what_was_not_voted_for_of_the_own_taste(model):
    votes = two_tastes()
    offered = model(rank=2, epochs=60, batch_size=64, lr=0.05, l2=0.05).fit(votes).recommend(np.arange(24), 3)
    assert not votes.toarray()[np.arange(24)[:, None], offered].any()
    assert (offered % 2 == np.arange(24)[:, None] % 2).mean() > 0.8


def test_the_same_seed_gives_the_same_factors_and_leaves_the_callers_randomness():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second = (NoisyRobustBPO(rank=4, epochs=2, seed=5).fit(two_tastes()) for _ in range(2))
    assert_array_equal(first.predict_proba([0, 1]), second.predict_proba([0, 1]))
    assert torch.equal(before, torch.get_rng_state())


def test_the_exact_likelihood_trains_with_a_prior():
    model = NoisyRobustBPO(log_losses, prior=(2, 18), balance=None, rank=4, epochs=20, lr=0.05).fit(two_tastes())
    weight = model.missed_positive(np.arange(24))
    assert np.isfinite(weight).all() and (weight >= 0).all() and (weight <= 1).all()


@pytest.mark.parametrize(
    "votes",
    [
        np.zeros((3, 3)),
        np.ones((2, 2)),
        np.array([[1.0, np.nan]]),
        np.array([[1, -1]]),
        np.array([["a", "b"]]),
        np.array([1, 0]),
        None,
    ],
)
def test_votes_that_say_nothing_are_refused(votes):
    with pytest.raises(BadInput):
        BPO(epochs=1).fit(votes)


def test_too_many_items_are_refused():
    model = BPO(rank=2, epochs=1).fit(csr_matrix([[1, 1, 0], [0, 0, 1]]))
    with pytest.raises(BadInput, match="1 items are left"):
        model.recommend([0], 2)


@pytest.mark.parametrize("users", [[24], [-1], [0.5], [[0]]])
def test_users_that_are_not_there_are_refused(users):
    with pytest.raises(BadInput, match="users"):
        BPO(rank=2, epochs=1).fit(two_tastes()).predict_proba(users)


def test_a_model_that_has_not_learnt_says_so():
    with pytest.raises(BadInput, match="fit"):
        BPO().predict_proba([0])
