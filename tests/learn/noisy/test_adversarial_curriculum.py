"""P150: the case without corruption, saliency that follows its points, and corruption that keeps clouds whole."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    SaliencyCurriculum,
    corrupted_clouds,
    drop_points,
    meta_saliency_teacher,
    normalized_clouds,
    point_saliency,
    scatter_points,
)
from labelwright.learn.noisy.point_corruption import chosen_points, push_points  # noqa: E402
from labelwright.nn import CrossEntropy, Loop, Outputs, PointNet, Task, Training  # noqa: E402

NET = PointNet((8, 16))


def boxes(n: int = 48, points: int = 32, seed: int = 0) -> Task:
    """Return a task of flat and of long boxes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    sides = np.where(y[:, None] == 0, [[1.0, 1.0, 0.2]], [[1.0, 0.2, 0.2]])
    x = torch.from_numpy(rng.uniform(-1, 1, (n, points, 3)) * sides[:, None]).float()
    return Task(normalized_clouds(x), Hard(y, 2), net=NET)


def test_at_level_zero_without_a_teachers_weight_it_is_cross_entropy():
    """l = 0 at all times and no divergence: plain cross-entropy [P150]."""
    task = boxes()
    never = SaliencyCurriculum(NET((32, 3), 2), rise=1e12, clean=0.0, distill=0.0, validation=0.25)
    first = Loop(never, task, Training(epochs=2, batch_size=36, device="cpu"))
    plain = Loop(CrossEntropy(), task, Training(epochs=2, batch_size=36, device="cpu"))
    plain.objective.net.load_state_dict(never.net.state_dict())
    for _ in range(3):
        for loop in (first, plain):
            loop.step(np.arange(36))
    torch.testing.assert_close(first.predict().logits, plain.predict().logits)


def test_saliency_follows_the_order_of_the_points():
    """Saliency is invariant to point order [P150]."""
    net, x, y = NET((32, 3), 2).eval(), boxes().x[:5], torch.tensor([0, 1, 0, 1, 0])
    order = torch.randperm(32)
    ours, gradient = point_saliency(net, x, y, jitter=0.0)
    moved, moved_gradient = point_saliency(net, x[:, order], y, jitter=0.0)
    torch.testing.assert_close(moved, ours[:, order])
    torch.testing.assert_close(moved_gradient, gradient[:, order])


def test_the_network_does_not_see_order_or_repeated_points():
    net, x = NET((32, 3), 2), boxes().x[:2]
    torch.testing.assert_close(net(torch.cat([x.flip(1), x[:, :5]], dim=1)), net(x))


def test_saliency_spans_zero_to_one_in_each_cloud():
    saliency, _ = point_saliency(NET((32, 3), 2).eval(), boxes().x[:4], torch.tensor([0, 1, 0, 1]))
    assert saliency.amin(dim=1).tolist() == [0] * 4 and saliency.amax(dim=1).allclose(torch.ones(4))


def test_sixteen_points_stay():
    x = torch.rand(3, 20, 3)
    kept = drop_points(x, torch.ones(3, 20), 1.0)
    assert kept.shape == x.shape
    assert min(len(torch.unique(cloud, dim=0)) for cloud in kept) == 16


def test_dropped_points_are_the_likely_ones():
    chance = torch.zeros(1, 64)
    chance[:, :32] = 1.0
    x = torch.arange(64.0)[None, :, None].expand(1, 64, 3)
    assert drop_points(x, chance, 1.0)[0, :, 0].min() == 32


def test_outliers_replace_a_fifth_of_the_points():
    x = normalized_clouds(torch.rand(2, 100, 3))
    assert (scatter_points(x, torch.ones(2, 100), 1.0) != x).any(dim=2).sum(dim=1).tolist() == [20, 20]


def test_the_step_goes_along_the_sign_of_the_gradient():
    x, gradient = torch.zeros(1, 10, 3), -torch.ones(1, 10, 3)
    moved = push_points(x, torch.ones(1, 10), gradient, 0.05)
    assert sorted(moved[0, :, 0].tolist()) == [pytest.approx(-0.05)] * 5 + [0.0] * 5


def test_chosen_points_are_different():
    assert len(set(chosen_points(torch.ones(1, 30), 30)[0].tolist())) == 30


def test_corrupted_clouds_are_normalised():
    moved = corrupted_clouds(boxes().x, None, 0.7)
    torch.testing.assert_close(moved.mean(dim=1), torch.zeros(48, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.norm(dim=2).amax(dim=1), torch.ones(48))


def test_the_level_rises_and_steps_back():
    objective = SaliencyCurriculum(NET((32, 3), 2))
    loop = Loop(objective, boxes(), Training(epochs=1, device="cpu"))
    assert objective.level(0.35) == pytest.approx(0.5) and objective.level(0.9) == 1.0
    objective.best.fill_(2.0)
    for _ in range(5):
        objective.before_epoch(loop)
    assert objective.level(0.35) == pytest.approx(0.4)


def test_a_fall_of_the_clean_accuracy_counts_once_and_the_level_still_ends_at_one():
    objective = SaliencyCurriculum(NET((32, 3), 2))
    loop = Loop(objective, boxes(), Training(epochs=1, device="cpu"))
    objective.best.fill_(2.0)
    for _ in range(40):  # the network stays as it is: no second fall
        objective.before_epoch(loop)
    assert float(objective.setback) == pytest.approx(0.1)
    assert objective.level(0.7) == pytest.approx(0.9) and objective.level(1.0) == 1.0


def test_an_accuracy_that_goes_up_and_down_is_no_fall():
    """Held-out rows are few: six points up and down from epoch to epoch leave the ramp alone [P150]."""
    objective = SaliencyCurriculum(NET((32, 3), 2), validation=0.5)
    loop = Loop(objective, boxes(96), Training(epochs=1, device="cpu"))
    rows = loop.task.held_out
    right, worse = (loop.task.labels[rows].clone() for _ in range(2))
    worse[:3] = 1 - worse[:3]
    for epoch in range(40):
        said = torch.nn.functional.one_hot((right, worse)[epoch % 2], 2).float()
        loop.predict = lambda rows, said=said: Outputs(said, None)
        objective.before_epoch(loop)
    assert float(objective.setback) == 0.0


def test_the_teacher_is_frozen_and_the_same_for_the_same_seed():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (meta_saliency_teacher(boxes(), outer_steps=3, seed=4) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b) and not a.requires_grad
    assert torch.equal(before, torch.get_rng_state())


def test_a_task_leaves_the_outputs_of_other_classes_alone():
    """A task of two classes does not teach that the others do not occur [P150]."""
    task = Task(normalized_clouds(torch.rand(40, 32, 3)), Hard(np.arange(40) % 4, 4), net=NET)
    teacher = meta_saliency_teacher(task, outer_steps=1, classes=2, seed=3)
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        fresh = task.new_net()
    assert (teacher.head.weight != fresh.head.weight).any(dim=1).sum() == 2
    assert (teacher.head.bias != fresh.head.bias).sum() == 2


def test_it_learns_and_leaves_its_teacher_alone():
    task = boxes()
    teacher = meta_saliency_teacher(task, outer_steps=20)
    objective = SaliencyCurriculum(teacher, validation=0.2)
    loop = Loop(objective, task, Training(epochs=25, batch_size=16, device="cpu"))
    loop.fit()
    assert (loop.predict_proba(rows=np.arange(48)).argmax(dim=1) == task.labels).float().mean() > 0.8
    assert torch.equal(next(teacher.parameters()), next(objective.teacher.parameters()))


@pytest.mark.parametrize("settings", [{"rise": 0.0}, {"distill": -1.0}, {"validation": 0.0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        SaliencyCurriculum(NET((32, 3), 2), **settings)


def test_inputs_that_are_no_clouds_are_refused():
    task = Task(np.zeros((4, 3), np.float32), Hard([0, 1, 0, 1], 2), net=NET)
    with pytest.raises(BadInput, match="point clouds"):
        Loop(SaliencyCurriculum(NET((32, 3), 2)), task, Training(epochs=1, device="cpu"))


def test_clouds_of_one_class_give_no_teacher():
    task = Task(np.zeros((4, 20, 3), np.float32), Hard([0, 0, 0, 0], 2), net=NET)
    with pytest.raises(BadInput, match="two classes"):
        meta_saliency_teacher(task)
