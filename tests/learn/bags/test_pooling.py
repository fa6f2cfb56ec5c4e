"""Pooling of bags: order, padding, limits, and learning through it (B027, B028, the set pooling of P029)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, posterior  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    AttentionMIL,
    AttentionPool,
    DeepSet,
    GatedAttention,
    LogSumExp,
    MaxPooling,
    MeanPooling,
    NoisyOr,
    PooledMIL,
    SetTransformer,
    TopKMean,
    count_nll,
)
from labelwright.nn import MLP, AdamW, Loop, Task, Training  # noqa: E402

D = 8
SCORES = [MeanPooling(), MaxPooling(), TopKMean(2), LogSumExp(2.0), NoisyOr()]


def feature_pools():
    torch.manual_seed(0)
    return [GatedAttention(D, 4), AttentionPool(D, 3), DeepSet(D, 3, (8, 8)), SetTransformer(D, 3, hidden=8)]


def items(m: int = 5, seed: int = 0):
    return torch.randn(3, m, D, generator=torch.Generator().manual_seed(seed))


def every_pool():
    return [*SCORES, *(pool.eval() for pool in feature_pools())]


@pytest.mark.parametrize("pool", every_pool(), ids=lambda p: type(p).__name__)
def test_the_order_of_items_does_not_matter(pool):
    h, mask = items(), torch.ones(3, 5, dtype=torch.bool)
    torch.testing.assert_close(pool(h, mask), pool(h[:, [3, 1, 4, 0, 2]], mask))


@pytest.mark.parametrize("pool", every_pool(), ids=lambda p: type(p).__name__)
def test_what_stands_in_the_padding_does_not_matter(pool):
    h, all_real = items(), torch.ones(3, 5, dtype=torch.bool)
    longer = torch.cat([h, 1e3 * items(2, seed=1)], dim=1)
    mask = torch.cat([all_real, torch.zeros(3, 2, dtype=torch.bool)], dim=1)
    torch.testing.assert_close(pool(longer, mask), pool(h, all_real))


def test_padding_stays_out_of_batch_statistics():
    torch.manual_seed(0)
    pool, other = AttentionPool(D, 3), AttentionPool(D, 3)
    other.load_state_dict(pool.state_dict())
    h, all_real = items(), torch.ones(3, 5, dtype=torch.bool)
    mask = torch.cat([all_real, torch.zeros(3, 2, dtype=torch.bool)], dim=1)
    torch.testing.assert_close(pool(torch.cat([h, items(2, 1)], dim=1), mask), other(h, all_real))


def test_log_sum_exp_lies_between_mean_and_maximum():
    z, mask = items()[..., 0], torch.ones(3, 5, dtype=torch.bool)
    torch.testing.assert_close(LogSumExp(1e-4)(z, mask), MeanPooling()(z, mask), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(LogSumExp(1e4)(z, mask), MaxPooling()(z, mask), atol=1e-3, rtol=1e-3)


def test_noisy_or_is_the_count_likelihood_of_any():
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bag = NoisyOr()((z[:, 1] - z[:, 0])[None], torch.ones(1, 4, dtype=torch.bool))
    nll = count_nll(z, Bags.any_of([0, 0, 0, 0], [True])) * 4
    torch.testing.assert_close(-torch.nn.functional.logsigmoid(bag).sum(), nll)


@pytest.mark.parametrize("size", [-200.0, -80.0, 0.0, 80.0])
def test_noisy_or_has_a_finite_gradient_for_extreme_scores(size):
    z = torch.full((1, 3), size, requires_grad=True)
    torch.nn.functional.binary_cross_entropy_with_logits(NoisyOr()(z, z > -1e9), torch.ones(1)).backward()
    assert torch.isfinite(z.grad).all()


def test_a_positive_bag_of_one_item_is_that_item():
    z, mask = torch.tensor([[0.7]]), torch.ones(1, 1, dtype=torch.bool)
    for pool in SCORES:
        torch.testing.assert_close(pool(z, mask), z[:, 0])


def any_bags(n_bags: int = 40, size: int = 6, seed: int = 0):
    """Bags whose rows are noise; a positive bag holds one or two rows around (3, 3)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_bags * size, 2)).astype(np.float32)
    ids = np.repeat(np.arange(n_bags), size)
    y = np.zeros(len(x), dtype=int)
    for g in range(0, n_bags, 2):
        y[g * size : g * size + 1 + g % 4 // 2] = 1
    x[y == 1] += 3
    return x, ids, y


@pytest.mark.parametrize("objective", [PooledMIL(), PooledMIL(MaxPooling()), AttentionMIL(8)])
def test_it_finds_positive_bags_and_the_item_that_makes_them_so(objective):
    x, ids, y = any_bags()
    positive = np.bincount(ids, weights=y) > 0
    task = Task(x, Bags.any_of(ids, positive), net=MLP((16,)))
    loop = Loop(objective, task, Training(epochs=30, batch_size=60, optimizer=AdamW(1e-2), device="cpu"))
    loop.fit()
    assert ((objective.bag_proba(x, ids).numpy() > 0.5) == positive).mean() > 0.9
    if isinstance(objective, AttentionMIL):
        score = objective.attention_scores(x).numpy()
    else:
        score = loop.predict_proba().numpy()[:, 1]
    assert score[y == 1].mean() > score[y == 0].mean()


def test_without_positive_bags_it_says_so():
    task = Task(np.zeros((4, 2)), Bags.any_of([0, 0, 1, 1], [False, False]), net=MLP((4,)))
    with pytest.raises(BadInput, match="no bag is positive"):
        Loop(PooledMIL(), task, Training(epochs=1, device="cpu"))


def test_bags_that_say_nothing_do_not_count():
    bags = Bags.between([0, 0, 1, 1, 2, 2], [0, 1, 0], [2, 2, 0])
    loop = Loop(PooledMIL(), Task(np.eye(6), bags, net=MLP((4,))), Training(epochs=2, device="cpu"))
    loop.fit()
    assert np.isfinite(loop.predict_proba().numpy()).all()
    assert posterior(np.log(np.full((6, 2), 0.5)), bags).q.shape == (6, 2)


def test_heads_must_divide_the_width():
    with pytest.raises(BadInput):
        SetTransformer(D, 3, hidden=10, heads=4)
