"""The services of the loop, each by an identity."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Candidates, Hard, Reals, Tags  # noqa: E402
from labelwright.nn import (  # noqa: E402  # noqa: E402
    MLP,
    AveragedNet,
    Clock,
    Cosine,
    CosineRestarts,
    Exponential,
    FeatureQueue,
    LossHistory,
    RowMemory,
    Shuffled,
    Steps,
    Stream,
    Weighted,
    attack,
    checkpoint,
    class_balanced,
    contrastive,
    functional,
    linear_rampup,
    losses,
    mix,
    sigmoid_rampup,
    targets,
    views,
)
from labelwright.nn.prototypes import Prototypes  # noqa: E402
from labelwright.nn.stopping import evidence_agreement, held_out_rows  # noqa: E402


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Streams


def test_a_shuffled_stream_gives_every_row_once():
    batches = Stream(np.arange(10, 33), sampler=Shuffled()).batches(7, rng())
    assert sorted(np.concatenate(batches).tolist()) == list(range(10, 33))
    assert [len(b) for b in batches] == [7, 7, 7, 2]


def test_no_batch_of_one_row_is_left_over():
    assert [len(b) for b in Stream(np.arange(15)).batches(7, rng())] == [7, 8]


def test_units_come_whole_and_a_large_one_alone():
    units = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 3])
    batches = Stream(np.arange(12), units=units).batches(4, rng())
    for batch in batches:
        for unit in np.unique(units[batch]):
            assert (units[batch] == unit).sum() == (units == unit).sum()
    assert sorted(np.concatenate(batches).tolist()) == list(range(12))


def test_a_balanced_sampler_draws_classes_equally_and_unknown_ones_never():
    labels = np.array([0] * 90 + [1] * 10 + [-1] * 50)
    order = class_balanced(labels, size=4000).order(150, rng())
    assert order.max() < 100
    assert abs((labels[order] == 1).mean() - 0.5) < 0.03


@pytest.mark.parametrize("weights", [[1.0], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(BadInput, match="weights do not fit"):
        Weighted(np.array(weights)).order(2, rng())


def test_an_empty_stream_is_refused():
    with pytest.raises(BadInput, match="no rows"):
        Stream(np.empty(0, dtype=np.int64)).batches(4, rng())


# Schedules


def test_cosine_falls_from_one_to_its_floor():
    values = [Cosine(floor=0.1)(Clock(step, 10, 4)) for step in range(41)]
    assert values[0] == 1.0 and values[40] == pytest.approx(0.1)
    assert (np.diff(values) < 0).all()


def test_warmup_rises_in_equal_steps():
    values = [Cosine(warmup=1.0)(Clock(step, 4, 10)) for step in range(4)]
    assert values == [0.25, 0.5, 0.75, 1.0]


def test_restarts_repeat_and_steps_multiply():
    assert CosineRestarts(2.0)(Clock(3, 1, 10)) == CosineRestarts(2.0)(Clock(5, 1, 10))
    assert Steps((2, 4), 0.5)(Clock(4, 1, 10)) == 0.25
    assert Exponential(0.5)(Clock(3, 1, 10)) == 0.125


def test_ramps_start_where_they_say_and_end_at_one():
    assert linear_rampup(3, 10, start=3) == 0 and linear_rampup(13, 10, start=3) == 1
    assert sigmoid_rampup(0, 10) == pytest.approx(math.exp(-5)) and sigmoid_rampup(99, 10) == 1


# Memories


def test_a_row_memory_blends_without_writing():
    memory = RowMemory(3, 2, fill=1.0)
    index = torch.tensor([2])
    blended = memory.blend(index, torch.zeros(1, 2), 0.7)
    assert torch.equal(memory.values, torch.ones(3, 2))
    memory.write(index, blended)
    torch.testing.assert_close(memory.read(index), torch.full((1, 2), 0.7))


def test_a_loss_history_keeps_the_last_ones():
    history = LossHistory(2, 2)
    for value in (1.0, 2.0, 4.0):
        history.write(torch.tensor([0]), torch.tensor([value]))
    assert history.mean()[0] == 3.0 and torch.isnan(history.mean()[1])


def test_a_queue_wraps_around_and_knows_what_is_filled():
    queue = FeatureQueue(5, 1, label=0)
    queue.push(torch.arange(3.0)[:, None], label=torch.tensor([0, 1, 2]))
    assert queue.filled.sum() == 3
    queue.push(torch.arange(3.0, 7.0)[:, None], label=torch.tensor([3, 4, 5, 6]))
    assert sorted(queue.features[:, 0].tolist()) == [2, 3, 4, 5, 6]
    assert queue.features[:, 0].long().tolist() == queue.label.tolist()


def test_averaged_weights_are_the_running_mean():
    net = torch.nn.Linear(1, 1, bias=False)
    average = AveragedNet(net, 0.9)
    start = net.weight.detach().clone()
    with torch.no_grad():
        net.weight.fill_(5.0)
    average.follow(net)
    torch.testing.assert_close(average.net.weight, 0.9 * start + 0.1 * 5)
    assert not average.train().training


def test_prototypes_of_one_class_move_as_one_row_after_another():
    first, second = (Prototypes(2, 3, momentum=0.8) for _ in range(2))
    start = torch.tensor([[1.0, 0.0, 0.0]])
    rows = torch.nn.functional.normalize(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]), dim=1)
    for prototypes in (first, second):
        prototypes.follow(start, torch.tensor([1]))
    first.follow(rows, torch.tensor([1, 1]))
    by_hand = start[0]
    for row in rows:
        by_hand = 0.8 * by_hand + 0.2 * row
    torch.testing.assert_close(first.vectors[1], by_hand / by_hand.norm())
    assert torch.equal(first.vectors[0], torch.zeros(3)) and not first.seen[0]


# Losses


def test_unlabelled_rows_do_not_count():
    z = torch.randn(3, 4)
    labels = torch.tensor([1, -1, 2])
    kept = losses.cross_entropy(z, labels)
    torch.testing.assert_close(kept, torch.nn.functional.cross_entropy(z[[0, 2]], labels[[0, 2]]))


def test_a_batch_without_labels_has_loss_zero_and_a_gradient():
    z = torch.randn(2, 3, requires_grad=True)
    loss = losses.cross_entropy(z, torch.tensor([-1, -1]))
    loss.backward()
    assert loss.item() == 0 and torch.equal(z.grad, torch.zeros(2, 3))


def test_smoothing_is_torchs():
    z, y = torch.randn(4, 5), torch.tensor([0, 1, 2, 3])
    torch.testing.assert_close(
        losses.cross_entropy(z, y, smoothing=0.2), torch.nn.functional.cross_entropy(z, y, label_smoothing=0.2)
    )


def test_jensen_shannon_is_zero_for_equal_and_log_two_for_disjoint():
    p = torch.tensor([[1.0, 0.0], [0.3, 0.7]])
    q = torch.tensor([[0.0, 1.0], [0.3, 0.7]])
    torch.testing.assert_close(losses.jensen_shannon(p, q), torch.tensor([math.log(2), 0.0]))


def test_distillation_of_itself_is_zero():
    z = torch.randn(3, 4)
    assert losses.distillation(z, z, 3.0).abs() < 1e-6


def test_masked_binary_cross_entropy_is_torchs_on_the_kept_cells():
    z, t = torch.randn(3, 4), (torch.rand(3, 4) > 0.5).float()
    weight = (torch.rand(3, 4) > 0.3).float()
    own = torch.nn.functional.binary_cross_entropy_with_logits(z[weight > 0], t[weight > 0])
    torch.testing.assert_close(losses.binary_cross_entropy(z, t, weight), own)


def test_balance_is_zero_at_the_prior_only():
    assert losses.balance(torch.full((3, 4), 0.25)).abs() < 1e-6
    assert losses.balance(torch.tensor([[0.9, 0.1]])) > 0.1


def test_dice_of_a_mask_with_itself_is_zero():
    mask = (torch.rand(2, 1, 4, 4) > 0.5).float()
    assert losses.soft_dice(mask, mask).abs() < 1e-6


# Targets and mixing


def test_sharpening_keeps_the_order_and_temperature_one_changes_nothing():
    p = torch.tensor([[0.2, 0.5, 0.3]])
    torch.testing.assert_close(targets.sharpen(p, 1.0), p)
    torch.testing.assert_close(targets.sharpen(p, 0.5), p**2 / (p**2).sum())


def test_restriction_renormalises_and_spreads_evenly_where_nothing_is_left():
    p = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    allowed = torch.tensor([[True, False, True], [False, True, True]])
    torch.testing.assert_close(targets.restrict(p, allowed), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]))


def test_alignment_at_the_prior_changes_nothing():
    p = torch.tensor([[0.2, 0.8]])
    torch.testing.assert_close(targets.DistributionAlignment(2)(p), p)


def test_sinkhorn_rows_sum_to_one_and_columns_are_nearly_equal():
    q = targets.sinkhorn(torch.randn(400, 4, generator=torch.Generator().manual_seed(0)), 1.0, 20)
    torch.testing.assert_close(q.sum(dim=1), torch.ones(400))
    torch.testing.assert_close(q.sum(dim=0), torch.full((4,), 100.0), rtol=1e-3, atol=0)


def test_one_hot_of_unknown_is_zeros():
    assert targets.one_hot(torch.tensor([1, -1]), 2).tolist() == [[0, 1], [0, 0]]


def test_a_dominant_mixture_is_mostly_the_row_itself():
    mixture = mix.mixup(64, 0.5, torch.device("cpu"), dominant=True, each=True)
    assert (mixture.share >= 0.5).all()
    x = torch.randn(64, 3)
    torch.testing.assert_close(mixture(x)[5], mixture.share[5] * x[5] + (1 - mixture.share[5]) * x[mixture.partner[5]])


def test_cutmix_shares_are_the_shares_of_pixels():
    torch.manual_seed(0)
    images = torch.arange(4.0)[:, None, None, None].expand(4, 1, 16, 16).contiguous()
    mixed, mixture = mix.cutmix(images)
    own = (mixed == images).float().mean(dim=(1, 2, 3))
    moved = mixture.partner != torch.arange(4)
    torch.testing.assert_close(own[moved], mixture.share[moved])


# Contrast, attacks, functions of weights


def test_supervised_contrast_of_two_pairs_by_hand():
    v = torch.eye(4)[:, :2].repeat(1, 2)[:, :2]
    v = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    own = contrastive.supcon(v, torch.tensor([0, 0, 1, 1]), 1.0)
    assert own.item() == pytest.approx(math.log((math.e + 2) / math.e))


def test_rows_without_a_positive_do_not_count():
    v = torch.randn(3, 2)
    assert contrastive.supcon(v, torch.tensor([0, 1, -1])).item() == 0


def test_info_nce_against_nothing_like_it_is_small():
    q = torch.tensor([[1.0, 0.0]])
    assert contrastive.info_nce(q, q, torch.tensor([[-1.0, 0.0]])).item() < 1e-6


def test_the_sign_step_has_its_length_and_raises_the_loss():
    w = torch.randn(5)
    x = torch.randn(3, 5)
    moved = attack.fgsm(lambda z: (z @ w).sum(), x, 0.1)
    torch.testing.assert_close((moved - x).abs(), torch.full((3, 5), 0.1))
    assert ((moved - x) @ w > 0).all()


def test_projected_steps_stay_within_eps():
    x = torch.rand(2, 4)
    moved = attack.pgd(lambda z: (z**2).sum(), x, 0.05, 0.03, bounds=(0.0, 1.0))
    assert (moved - x).abs().max() <= 0.05 + 1e-6 and moved.min() >= 0 and moved.max() <= 1


def test_a_virtual_adversary_has_the_radius_asked_for():
    net = MLP((8,))((4,), 3)
    d = attack.virtual_adversary(net, torch.randn(6, 4), 0.5)
    torch.testing.assert_close(d.norm(dim=1), torch.full((6,), 0.5))


def test_a_virtual_step_is_the_step_of_plain_sgd():
    net = torch.nn.Linear(3, 2)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    moved = functional.virtual_step(net, lambda p: losses.cross_entropy(functional.call(net, p, x), y), 0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses.cross_entropy(net(x), y).backward()
    optimizer.step()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(moved[name].detach(), parameter.detach())


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_directional_derivative_is_the_finite_difference(batch_norm):
    torch.manual_seed(0)
    net = MLP((6,), batch_norm=batch_norm)((3,), 4).double()
    x = torch.randn(5, 3, dtype=torch.float64).float().double()
    params = functional.params_of(net, detach=True)
    direction = {name: torch.randn_like(p) for name, p in params.items()}
    net.body[0] = torch.nn.Identity()
    found = functional.jvp_log_softmax(net, params, x, direction)
    h = 1e-6
    with functional.frozen_statistics(net):
        plus, minus = (
            functional.call(net, {n: p + s * h * direction[n] for n, p in params.items()}, x).log_softmax(1)
            for s in (1, -1)
        )
    torch.testing.assert_close(found, ((plus - minus) / (2 * h)).detach(), rtol=1e-5, atol=1e-7)


def test_both_ways_to_a_directional_derivative_agree():
    net = MLP((6,))((3,), 4)
    x, params = torch.randn(5, 3), functional.params_of(net, detach=True)
    direction = {name: torch.randn_like(p) for name, p in params.items()}
    forward = functional.jvp_log_softmax(net, params, x, direction)
    back = functional.jvp_by_backward(lambda p: functional.call(net, p, x).log_softmax(1), params, direction)
    torch.testing.assert_close(forward, back)


def test_a_hessian_times_a_vector_of_a_quadratic():
    weight = {"w": torch.tensor([1.0, 2.0])}
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    product = functional.hvp(lambda p: 0.5 * p["w"] @ matrix @ p["w"], weight, {"w": torch.tensor([1.0, -1.0])})
    torch.testing.assert_close(product["w"], matrix @ torch.tensor([1.0, -1.0]))


# Views, stopping, checkpoints


def test_views_of_images_keep_shape_and_pixels():
    images = torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).view(2, 3, 8, 8)
    assert torch.equal(views.FlipCrop(0, flip=False)(images), images)
    shifted = views.FlipCrop(2)(images)
    assert shifted.shape == images.shape and set(shifted[0].flatten().tolist()) <= set(images[0].flatten().tolist())
    assert views.Cutout(4)(images + 1).eq(0).any()


def test_bytes_stay_bytes_under_a_crop():
    images = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    assert views.FlipCrop(2)(images).dtype == torch.uint8


def test_held_out_rows_are_whole_units():
    units = np.repeat(np.arange(10), 5)
    held = held_out_rows(np.arange(50), units, 0.2, rng())
    assert held.sum() == 10
    assert all(held[units == u].all() or not held[units == u].any() for u in range(10))


def test_agreement_with_each_kind_of_evidence():
    p = np.array([[0.6, 0.4], [0.1, 0.9]])
    assert evidence_agreement(p, Hard([0, 0], 2)) == 0.5
    assert evidence_agreement(p, Candidates.from_sets([[0, 1], [1]], 2)) == 1.0
    assert evidence_agreement(np.array([[0.9, 0.2]]), Tags.from_indicator([[1, 1]])) == 0.5
    assert evidence_agreement(np.array([1.0, 4.0]), Reals.between([0.0, 5.0], [2.0, np.inf])) == -0.5
    right, wrong = Bags.counts([0, 0], [1]), Bags.counts([0, 0], [2])
    assert evidence_agreement(p, right) > evidence_agreement(p, wrong)


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {"a": torch.arange(3), "b": [1.5, None, {"c": torch.tensor(2.0, dtype=torch.bfloat16)}], "d": {0: "x"}}
    checkpoint.save_state(tmp_path / "s.safetensors", state)
    again = checkpoint.load_state(tmp_path / "s.safetensors")
    assert torch.equal(again["a"], state["a"]) and again["b"][:2] == [1.5, None] and again["d"] == {0: "x"}
    assert again["b"][2]["c"].dtype == torch.bfloat16
