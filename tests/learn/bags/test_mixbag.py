"""P112: what a mixture of bags is, and where its losses meet the plain ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    DLLP,
    ConfidenceIntervalLoss,
    ExactMixLoss,
    GaussOwn,
    HalfOwn,
    MixBag,
    MixedBags,
    PiModel,
    UniformOwn,
    confidence_interval_loss,
    count_nll,
    hypergeometric,
    mix_bags,
)
from labelwright.learn.bags.dllp import proportion_loss  # noqa: E402
from labelwright.learn.bags.members import Members, members_of, proportions_of  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402

K = 3
TRUTH = np.random.default_rng(0).integers(0, K, 60)
IDS = np.repeat(np.arange(6), 10)
COUNTS = np.stack([np.bincount(TRUTH[g == IDS], minlength=K) for g in range(6)])
BAGS = Bags.counts(IDS, COUNTS, n_classes=K)


def mixed_with(probability: float, own=None, seed: int = 0) -> MixedBags:
    torch.manual_seed(seed)
    return mix_bags(members_of(BAGS), torch.as_tensor(proportions_of(BAGS)), probability, own or UniformOwn())


def logits_of(n: int):
    return torch.randn(n, K, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def fitted(objective) -> Loop:
    x = np.random.default_rng(2).normal(size=(60, 4)).astype(np.float32)
    task = Task(x, BAGS, net=MLP((8,)))
    loop = Loop(objective, task, Training(epochs=3, batch_size=30, device="cpu"))
    loop.fit()
    return loop


def test_without_mixing_the_expectation_is_the_bags_own_share_and_the_loss_the_plain_one():
    mixed = mixed_with(0.0)
    torch.testing.assert_close(mixed.expected, torch.as_tensor(COUNTS / 10))
    z = logits_of(60)
    expected = proportion_loss(z, torch.as_tensor(IDS), torch.as_tensor(COUNTS / 10))
    torch.testing.assert_close(ConfidenceIntervalLoss()(z[mixed.members.rows], mixed), expected)


def test_without_mixing_it_trains_as_the_proportion_loss_does():
    mixed, plain = fitted(MixBag(probability=0.0)).predict(), fitted(DLLP()).predict()
    torch.testing.assert_close(mixed.logits, plain.logits, rtol=1e-4, atol=1e-5)


def test_a_quantile_of_zero_trusts_the_expected_proportion():
    mixed = mixed_with(1.0)
    low, high = mixed.interval(0.0)
    torch.testing.assert_close(low, mixed.expected)
    torch.testing.assert_close(high, mixed.expected)
    z = logits_of(60)[mixed.members.rows]
    plain = proportion_loss(z, mixed.members.bag, mixed.expected)
    torch.testing.assert_close(ConfidenceIntervalLoss(quantile=0.0)(z, mixed), plain)


def test_the_interval_is_the_papers():
    """h = s/m t sqrt(p_i (1 − p_i)/s) + (m − s)/m t sqrt(p_j (1 − p_j)/(m − s)) [P112]."""
    mixed = mixed_with(1.0)
    s, m = mixed.own[:, None].double(), 10
    p, q = mixed.first, mixed.second
    h = s / m * 2 * (p * (1 - p) / s).sqrt() + (m - s) / m * 2 * (q * (1 - q) / (m - s)).sqrt()
    e = s / m * p + (m - s) / m * q
    low, high = mixed.interval(2.0)
    torch.testing.assert_close(low, e - h)
    torch.testing.assert_close(high, e + h)


def test_inside_its_interval_a_class_has_no_gradient():
    mean = torch.tensor([[0.3, 0.3, 0.4]], requires_grad=True)
    e = torch.tensor([[0.35, 0.25, 0.4]])
    loss = confidence_interval_loss(mean, e, e - 0.1, e + 0.1).sum()
    loss.backward()
    assert not mean.grad.any()
    assert loss.item() == pytest.approx(-(e * e.log()).sum().item())


def test_a_mixture_takes_distinct_rows_of_its_own_bag_and_of_one_other():
    mixed = mixed_with(1.0)
    for g in range(6):
        rows = mixed.members.rows[mixed.members.bag == g].numpy()
        home = np.bincount(IDS[rows], minlength=6)
        assert len(set(rows.tolist())) == 10
        assert home[g] == int(mixed.own[g])
        assert sorted(home)[-2:] == sorted([int(mixed.own[g]), int(mixed.other[g])])


def test_the_interval_nearly_always_holds_the_true_mixed_proportion():
    inside, one_hot = [], np.eye(K)[TRUTH]
    for seed in range(300):
        mixed = mixed_with(1.0, seed=seed)
        low, high = mixed.interval(2.5758)
        true = mixed.members.mean(torch.as_tensor(one_hot)[mixed.members.rows])
        inside.append(((true >= low - 1e-9) & (true <= high + 1e-9)).numpy())
    assert np.mean(inside) >= 0.97


def test_the_law_of_drawn_counts_is_that_of_all_subsets():
    subsets = [sum(i < 3 for i in chosen) for chosen in combinations(range(7), 4)]
    law = hypergeometric(torch.tensor([7]), torch.tensor([[3]]), torch.tensor([4]), 5)[0, 0]
    np.testing.assert_allclose(law, np.bincount(subsets, minlength=6) / len(subsets))


def test_the_law_of_a_mixtures_count_has_its_expectation():
    mixed = mixed_with(1.0)
    law = mixed.count_law()
    torch.testing.assert_close(law.sum(dim=2), torch.ones(6, K, dtype=torch.float64))
    k = torch.arange(law.shape[2], dtype=torch.float64)
    torch.testing.assert_close((law * k).sum(dim=2) / 10, mixed.expected)


def test_the_exact_loss_of_a_bag_that_was_not_mixed_is_the_count_likelihood():
    members = members_of(Bags.counts([0] * 4 + [1] * 3, [1, 2]))
    shares = torch.tensor([[0.75, 0.25], [1 / 3, 2 / 3]], dtype=torch.float64)
    mixed = mix_bags(members, shares, 0.0, UniformOwn())
    z = logits_of(7)[:, :2]
    each = [count_nll(z[:4], Bags.counts([0] * 4, [1])), count_nll(z[4:], Bags.counts([0] * 3, [2]))]
    expected = 2 * torch.stack(each).mean()  # both classes are counted, and say the same
    torch.testing.assert_close(ExactMixLoss()(z, mixed), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("own", [UniformOwn(), HalfOwn(), GaussOwn()])
def test_every_way_of_mixing_leaves_rows_of_both_bags(own):
    mixed = mixed_with(1.0, own)
    assert (mixed.own >= 1).all() and (mixed.other >= 1).all()
    assert (mixed.own + mixed.other == 10).all()


def test_bags_of_different_sizes_and_of_one_row_mix():
    sizes = torch.tensor([1, 2, 7])
    members = Members(torch.arange(10), torch.repeat_interleave(torch.arange(3), sizes), sizes)
    mixed = mix_bags(members, torch.full((3, 2), 0.5), 1.0, UniformOwn())
    assert int(mixed.other[0]) == 0
    assert (mixed.members.sizes == torch.bincount(mixed.members.bag)).all()


def test_one_bag_alone_is_not_mixed():
    members = Members(torch.arange(4), torch.zeros(4, dtype=torch.int64), torch.tensor([4]))
    assert int(mix_bags(members, torch.full((1, 2), 0.5), 1.0, UniformOwn()).other[0]) == 0


def test_mixing_stands_on_a_consistency_loss_too():
    loop = fitted(MixBag(ExactMixLoss(), consistency=PiModel(), ramp=0.0))
    assert loop.history.epochs[-1]["consistency"] > 0


def test_settings_outside_their_range_are_refused():
    with pytest.raises(BadInput):
        MixBag(probability=1.5)
    with pytest.raises(BadInput):
        ConfidenceIntervalLoss(-1.0)
