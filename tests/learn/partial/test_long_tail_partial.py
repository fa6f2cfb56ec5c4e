"""P114: the parts of COMIC, and its data protocol."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Tags  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    COMIC,
    HeadTailBalancer,
    MultiFocalModifierLoss,
    ProductHeadTailBalancer,
    ReflectiveLabelCorrector,
    assume_negative_loss,
    make_plt_dataset,
    pareto_counts,
    rarity_weight,
)
from labelwright.learn.partial.long_tail_partial import CosineBranch  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402

PLAIN = MultiFocalModifierLoss(gamma_negative=0.0, clip=0.0)


def some(n: int = 40, k: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    tags = (torch.rand(n, k, generator=generator) < 0.3).to(torch.int8)
    return 2 * torch.randn(n, k, generator=generator, dtype=torch.float64), tags


def test_without_its_parts_it_is_assume_negative():
    """τ = 1, margin 0, v = 1, γ = 0, clip 0: plain cross-entropy, summed over the cells [P114]."""
    z, tags = some()
    corrector = ReflectiveLabelCorrector(torch.ones(4), tau=1.0, margin=0.0, loss=PLAIN)
    loss, now = corrector(z, tags)
    plain = assume_negative_loss(z, tags) * z.numel()
    torch.testing.assert_close(PLAIN(z, tags, torch.ones(4)), plain)
    torch.testing.assert_close(loss, plain * len(z) / (tags > 0).sum())
    assert not now.any()


def test_recovered_tags_are_unknown_sure_and_above_their_class():
    z, tags = some()
    found = ReflectiveLabelCorrector(torch.ones(4), tau=0.7).recovered(z, tags)
    p = torch.sigmoid(z - (tags > 0).double())
    expected = (tags == 0) & (p > 0.7) & (p > p.mean(0))
    assert torch.equal(found, expected) and found.any()


def test_tags_known_to_be_off_are_never_recovered():
    z = torch.full((4, 2), 3.0)
    z[0] = -5
    assert not ReflectiveLabelCorrector(torch.ones(2)).recovered(z, torch.full((4, 2), -1, dtype=torch.int8)).any()


def test_the_focus_takes_no_gradient():
    z, tags = some()
    z.requires_grad_(True)
    MultiFocalModifierLoss(clip=0.0)(z, tags, torch.ones(4)).backward()
    p, on = torch.sigmoid(z.detach()), tags > 0
    torch.testing.assert_close(z.grad, torch.where(on, p - 1, p**5 * p))


def test_the_largest_class_has_weight_one_and_rarer_ones_more():
    weight = rarity_weight(torch.tensor([100.0, 10.0, 0.0]))
    assert float(weight[0]) == 1 and weight[0] < weight[1] < weight[2]
    torch.testing.assert_close(weight[1], torch.tensor((1 + np.log(10)) ** (1 / 6), dtype=torch.float32))


def test_balancing_equals_is_their_mean():
    z, tags = some()
    mine = HeadTailBalancer(PLAIN)(z, z, z, tags, torch.ones(4))
    p = torch.sigmoid(z)
    entropy = -(p * p.log() + (1 - p) * (1 - p).log()).sum()
    torch.testing.assert_close(mine, entropy)


def test_the_head_branch_loses_the_mean_direction():
    torch.manual_seed(0)
    branch = CosineBranch(MLP((8,))((5,), 3), 3, lean=-1.0, heads=1)
    features = torch.randn(6, 8)
    c = torch.randn(8)
    shifted = features + 3 * c
    lean = [branch.classify(x, c) for x in (features, shifted)]
    scale = [(x - (x @ c)[:, None] * c / (c @ c)).norm(dim=1) / x.norm(dim=1) for x in (features, shifted)]
    torch.testing.assert_close(lean[0] / scale[0][:, None], lean[1] / scale[1][:, None], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("balancer", [HeadTailBalancer(), ProductHeadTailBalancer()])
def test_it_trains_and_forgets_what_it_recovered(balancer):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    tags = Tags.from_dense((rng.random((60, 4)) < 0.3).astype(np.int8))
    loop = Loop(COMIC(tau=0.5, balancer=balancer), Task(x, tags, net=MLP((8,))), Training(epochs=3, device="cpu"))
    loop.fit()
    answer = loop.predict_proba(x)
    assert answer.shape == (60, 4) and bool(((answer >= 0) & (answer <= 1)).all())
    assert any(c.recovered_now.any() for c in loop.objective.correctors.values())
    loop.objective.before_epoch(loop)
    assert not any(c.recovered_now.any() for c in loop.objective.correctors.values())


def test_counts_follow_the_reference_where_classes_are_apart():
    labels = np.repeat(np.arange(5), 100)
    cut = make_plt_dataset(np.eye(5)[labels], 0, largest=80, smallest=2, shape=2.0, hidden=0.0)
    assert sorted(cut.counts.tolist(), reverse=True) == pareto_counts(5, 80, 2, 2.0).tolist()


def test_hidden_positives_are_unknown_and_never_invented():
    rng = np.random.default_rng(0)
    full = rng.random((300, 6)) < 0.3
    cut = make_plt_dataset(full, 1, largest=60, shape=3.0, hidden=0.4)
    assert bool((cut.tags <= full[cut.rows]).all()) and cut.tags.sum() < cut.counts.sum()
    again = make_plt_dataset(full, 1, largest=60, shape=3.0, hidden=0.4)
    assert np.array_equal(cut.tags, again.tags) and np.array_equal(cut.rows, again.rows)


def test_tags_of_which_none_is_on_are_refused():
    with pytest.raises(BadInput, match="no tag"):
        Loop(COMIC(), Task(np.eye(3), Tags.from_dense(np.zeros((3, 2), dtype=np.int8)), net=MLP((4,))))


@pytest.mark.parametrize("make", [lambda: COMIC(tau=0.0), lambda: pareto_counts(3, largest=1, smallest=2)])
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()
