"""Losses from proportions: their limits, their lack of bias, their gradients (B023, B024, B025, B026)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Hard, posterior  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    DLLP,
    ConsistencyDLLP,
    CountLikelihood,
    EasyLLP,
    PiModel,
    VirtualAdversarial,
    count_nll,
    easy_llp_loss,
    easy_llp_targets,
    proportion_loss,
)
from labelwright.learn.bags.members import bag_labels_of, members_of, proportions_of  # noqa: E402
from labelwright.nn import MLP, CrossEntropy, Linear, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import cross_entropy  # noqa: E402

K = 3


def logits_of(n: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, K, generator=generator, dtype=torch.float64)


def one_hot(labels):
    return torch.nn.functional.one_hot(torch.as_tensor(labels), K).double()


def bag_task(evidence, net=None, n: int = 24) -> Task:
    x = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    return Task(x, evidence, net=net or MLP((8,)))


def fitted(objective, evidence, epochs: int = 3) -> Loop:
    loop = Loop(objective, bag_task(evidence), Training(epochs=epochs, batch_size=8, device="cpu"))
    loop.fit()
    return loop


COUNTS = np.array([[2, 1, 1], [0, 4, 0], [1, 1, 2], [3, 0, 1], [2, 2, 0], [1, 2, 1]])
BAGS = Bags.counts(np.repeat(np.arange(6), 4), COUNTS, n_classes=K)


def test_bags_of_one_row_make_all_three_losses_cross_entropy():
    z, y = logits_of(6), np.array([0, 2, 1, 1, 0, 2])
    expected = cross_entropy(z, torch.as_tensor(y))
    bag = torch.arange(6)
    ones, shares = torch.ones(6), one_hot(y)
    torch.testing.assert_close(proportion_loss(z, bag, shares), expected)
    torch.testing.assert_close(count_nll(z, Bags.counts(bag.numpy(), shares.numpy().astype(int))), expected)
    targets = easy_llp_targets(bag, ones, shares, shares.mean(dim=0))
    torch.testing.assert_close(easy_llp_loss(z, targets), expected)


def test_objectives_on_bags_of_one_row_train_as_cross_entropy_does():
    labels = np.random.default_rng(1).integers(0, K, 24)
    single = Bags.counts(np.arange(24), np.eye(K, dtype=int)[labels])
    answers = [fitted(CrossEntropy(), Hard(labels, K)).predict().logits]
    answers += [fitted(objective, single).predict().logits for objective in (DLLP(), CountLikelihood(), EasyLLP())]
    for other in answers[1:]:
        torch.testing.assert_close(other, answers[0], rtol=1e-4, atol=1e-5)


def test_the_proportion_loss_is_least_at_the_proportions():
    shares = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64)
    z = shares.log().expand(4, K).clone().requires_grad_(True)
    loss = proportion_loss(z, torch.zeros(4, dtype=torch.int64), shares)
    loss.backward()
    torch.testing.assert_close(z.grad, torch.zeros_like(z))
    torch.testing.assert_close(loss.detach(), -(shares * shares.log()).sum())


def test_the_gradient_of_the_count_loss_is_prediction_minus_posterior():
    z = logits_of(8).requires_grad_(True)
    bags = Bags.counts([0, 0, 0, 0, 1, 1, 1, 1], COUNTS[:2], n_classes=K)
    count_nll(z, bags).backward()
    q = posterior(z.detach().log_softmax(1), bags).q
    torch.testing.assert_close(z.grad, (z.detach().softmax(1) - q) / 8)


def test_the_count_loss_is_the_sum_over_all_labellings():
    z = logits_of(4)
    log_p = z.log_softmax(1)
    fits = [s for s in product(range(K), repeat=4) if np.bincount(s, minlength=K).tolist() == COUNTS[0].tolist()]
    total = torch.stack([log_p[torch.arange(4), list(s)].sum() for s in fits]).logsumexp(0)
    torch.testing.assert_close(count_nll(z, Bags.counts([0] * 4, COUNTS[:1], n_classes=K)), -total / 4)


def test_the_easy_targets_are_unbiased_over_random_bags():
    """Over all labels of the other rows, weighted by r, the mean target is the one-hot label [B025]."""
    r, m, y = np.array([0.5, 0.3, 0.2]), 4, 1
    mean = torch.zeros(K, dtype=torch.float64)
    for others in product(range(K), repeat=m - 1):
        shares = one_hot([y, *others]).mean(dim=0, keepdim=True)
        target = easy_llp_targets(torch.tensor([0]), torch.tensor([m]), shares, torch.as_tensor(r))
        mean += np.prod(r[list(others)]) * target[0]
    torch.testing.assert_close(mean, one_hot([y])[0])


def test_without_weight_the_consistent_version_is_the_plain_one():
    for consistency in (VirtualAdversarial(), PiModel()):
        plain, other = fitted(DLLP(), BAGS), fitted(ConsistencyDLLP(consistency, weight=0.0), BAGS)
        torch.testing.assert_close(plain.predict().logits, other.predict().logits)


@pytest.mark.parametrize("consistency", [VirtualAdversarial(0.5), PiModel()])
def test_consistency_of_a_flat_network_is_nothing(consistency):
    net = Linear()((4,), K)
    torch.nn.init.zeros_(net.head.weight)
    assert consistency(net, torch.randn(5, 4)).item() == pytest.approx(0.0, abs=1e-9)


def test_consistency_is_part_of_the_loss():
    loop = fitted(ConsistencyDLLP(PiModel(), weight=1.0, ramp=0.0), BAGS)
    assert loop.history.epochs[-1]["consistency"] > 0


def test_rows_in_no_bag_do_not_count():
    ids = np.repeat([0, -1, 1, 2, -1, 3], 4)
    loop = fitted(DLLP(), Bags.counts(ids, COUNTS[:4], n_classes=K))
    assert np.isfinite(loop.predict_proba().numpy()).all()


def test_members_pad_and_average_as_a_loop_over_bags_does():
    ids = np.array([1, 0, 1, 2, 1, 0])
    members = members_of(Bags.counts(ids, [0, 0, 0]))
    values = torch.arange(12.0).reshape(6, 2)
    padded, mask = members.padded(values[members.rows])
    for g in range(3):
        own = values[torch.as_tensor(ids == g)]
        torch.testing.assert_close(members.mean(values[members.rows])[g], own.mean(dim=0))
        torch.testing.assert_close(padded[g][mask[g]], own)


def test_shares_come_from_counts_of_one_class_or_of_all():
    one = Bags.counts([0, 0, 0, 0], [1], n_classes=2)
    np.testing.assert_allclose(proportions_of(one), [[0.75, 0.25]])
    np.testing.assert_allclose(proportions_of(BAGS), COUNTS / 4)


def test_a_noisy_share_stands_near_what_was_said():
    bags = Bags.proportions([0] * 10, [0.33], scale=0.2)
    assert proportions_of(bags)[0, 1] == pytest.approx(0.33, abs=0.03)


def test_a_bag_known_only_to_hold_some_has_no_shares():
    bags = Bags.any_of(np.repeat([0, 1], 12), [True, False])
    with pytest.raises(BadInput, match="bag 0"):
        fitted(DLLP(), bags)
    assert bag_labels_of(bags).tolist() == [1, 0]


@pytest.mark.parametrize("objective", [DLLP, EasyLLP, CountLikelihood])
def test_evidence_that_is_no_bags_is_refused(objective):
    with pytest.raises(BadInput, match="Hard"):
        fitted(objective(), Hard(np.zeros(24, dtype=int), K))
