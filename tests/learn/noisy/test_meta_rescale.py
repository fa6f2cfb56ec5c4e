"""P178: equal weights are cross-entropy at half the rate, features follow their rows, the meta-gradient is exact."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    STORM,
    MetaLossRescaling,
    Rescaler,
    SampleStatistics,
    normal_kl,
    normal_overlap,
    rescaler_features,
    sample_statistics,
)
from labelwright.nn import MLP, SGD, AdamW, CrossEntropy, Loop, Task, Training, Using  # noqa: E402
from labelwright.nn.functional import call, optimizer_step, params_of  # noqa: E402
from labelwright.nn.losses import row_cross_entropy  # noqa: E402


def small_task(dropout: float = 0.1, seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 64)
    x = (y[:, None] + 0.5 * rng.normal(size=(64, 5))).astype(np.float32)
    return Task(x, Hard(np.where(rng.random(64) < 0.2, 1 - y, y), 2), net=MLP((8,), dropout=dropout))


def some_statistics(n: int = 12) -> tuple[SampleStatistics, torch.Tensor]:
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (n,))
    return sample_statistics(torch.randn(3, n, 2, dtype=torch.float64), labels), labels


def test_weights_of_a_half_are_cross_entropy_at_half_the_learning_rate():
    """A rescaler forced to 0.5 [P178]."""
    still = MetaLossRescaling(rescaler=SGD(0.0, 0.0, 0.0))
    loop = Loop(still, small_task(0.0), Training(epochs=3, optimizer=SGD(0.2, 0.0, 0.0), batch_size=64, device="cpu"))
    for head in still.rescaler.heads:
        torch.nn.init.zeros_(head[3].weight)
        torch.nn.init.zeros_(head[3].bias)
    plain = Loop(
        CrossEntropy(), small_task(0.0), Training(epochs=3, optimizer=SGD(0.1, 0.0, 0.0), batch_size=64, device="cpu")
    )
    plain.objective.net.load_state_dict(still.net.state_dict())
    loop.fit()
    plain.fit()
    torch.testing.assert_close(loop.predict().logits, plain.predict().logits)


def test_features_follow_their_rows():
    """The feature vector is permutation-equivariant in the batch [P178]."""
    statistics, labels = some_statistics()
    order = torch.randperm(len(labels))
    moved = SampleStatistics(*(column[order] for column in statistics))
    torch.testing.assert_close(rescaler_features(moved, labels[order]), rescaler_features(statistics, labels)[order])


def test_there_are_nineteen_finite_features():
    statistics, labels = some_statistics(3)
    features = rescaler_features(statistics, labels)
    assert features.shape == (3, 19) and torch.isfinite(features).all()


def test_the_slope_is_the_gradient_through_the_step():
    """The meta loss moved by a weight: finite differences [P178]."""
    torch.manual_seed(0)
    objective = MetaLossRescaling()
    loop = Loop(objective, small_task(0.0), Training(optimizer=SGD(0.5, 0.9, 1e-3), device="cpu"))
    objective.double()
    task = loop.task
    task.x = task.x.double()
    rows, other = task.batch(np.arange(20)), task.batch(np.arange(20, 60))
    params = dict(objective.net.named_parameters())
    each = row_cross_entropy(objective.net(rows.x), rows.labels)
    weights = torch.rand(20, dtype=torch.float64)
    slope, statistics, _ = objective.meta_gradient(each, weights, params, other, loop.opt["main"].optimizer)
    judged = objective.weigh(statistics, other.labels).detach()

    def meta(w):
        grads = torch.autograd.grad((w * each).mean(), [*params.values()], retain_graph=True)
        after = optimizer_step(loop.opt["main"].optimizer, params, dict(zip(params, grads, strict=True)))
        return (judged * row_cross_entropy(call(objective.net, after, other.x), other.labels)).mean()

    nudge = torch.zeros(20, dtype=torch.float64)
    nudge[3] = 1e-6
    torch.testing.assert_close(
        slope[3], (meta(weights + nudge) - meta(weights - nudge)).detach() / 2e-6, rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize(
    "spec",
    [
        SGD(0.1, 0.9, 1e-2),
        SGD(0.1, 0.9, 1e-2, nesterov=True),
        AdamW(1e-2, 0.1),
        AdamW(1e-2, amsgrad=True),
        Using(lambda p: torch.optim.Adam(p, 1e-2, weight_decay=0.1)),
    ],
)
def test_the_differentiable_step_is_the_optimizers_own(spec):
    torch.manual_seed(0)
    net = MLP((4,))((3,), 2).double()
    optimizer = spec(net.parameters()).optimizer
    x, y = torch.randn(9, 3, dtype=torch.float64), torch.randint(0, 2, (9,))
    for _ in range(3):
        optimizer.zero_grad()
        row_cross_entropy(net(x), y).mean().backward()
        gradients = {name: p.grad.clone() for name, p in net.named_parameters()}
        ours = optimizer_step(optimizer, dict(net.named_parameters()), gradients)
        optimizer.step()
        for name, weight in params_of(net).items():
            torch.testing.assert_close(ours[name], weight.detach())


def test_an_optimizer_without_a_differentiable_step_is_refused():
    net = MLP((4,))((3,), 2)
    with pytest.raises(BadInput, match="Adagrad"):
        optimizer_step(torch.optim.Adagrad(net.parameters()), {}, {})


def test_the_overlap_of_normals_is_that_of_the_standard_library():
    pairs = [((0.0, 1.0), (1.0, 2.0)), ((0.0, 1.0), (3.0, 1.0)), ((2.0, 0.1), (0.0, 5.0)), ((1.0, 1.0), (1.0, 1.0))]
    own, other = (torch.tensor([pair[i] for pair in pairs], dtype=torch.float64).T for i in range(2))
    expected = [NormalDist(*a).overlap(NormalDist(*b)) for a, b in pairs]
    torch.testing.assert_close(normal_overlap(*own, *other), torch.tensor(expected, dtype=torch.float64))


def test_the_divergence_is_zero_where_a_deviation_is_zero():
    zero, one = torch.zeros(2), torch.ones(2)
    assert normal_kl(zero, zero, one, one).tolist() == [0.0, 0.0]


def test_a_tie_goes_to_the_first_pass():
    logits = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]])
    assert sample_statistics(logits, torch.tensor([1])).agree.item() == 1
    assert sample_statistics(logits, torch.tensor([0])).agree.item() == 0


def test_the_rescaler_cannot_set_all_weights_to_zero():
    torch.manual_seed(0)
    rescaler = Rescaler(2)
    labels = torch.arange(40) % 2
    for head in rescaler.heads:
        torch.nn.init.constant_(head[3].bias, -50.0)
    assert 0.3 < rescaler(torch.randn(40, 19), labels).mean() < 0.7


def test_a_class_with_one_row_gets_a_weight():
    weights = Rescaler(3)(torch.randn(5, 19), torch.tensor([0, 0, 1, 1, 2]))
    assert torch.isfinite(weights).all() and (weights > 0).all()


@pytest.mark.parametrize("settings", [{}, {"window": 100}, {"class_separation": False}])
def test_it_trains_and_weighs_every_labelled_row(settings):
    task = small_task()
    task.fields["labels"][0] = -1
    loop = Loop(STORM(**settings), task, Training(epochs=2, batch_size=16, optimizer=AdamW(1e-2), device="cpu"))
    loop.fit()
    weights = loop.objective.weights.values
    assert weights[0] == 0.5 and ((weights[1:] > 0) & (weights[1:] < 1)).all()
    torch.testing.assert_close(loop.objective.noisy_probability(), 1 - weights)


@pytest.mark.parametrize("settings", [{"extra_passes": 0}, {"window": -1}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(BadInput):
        MetaLossRescaling(**settings)
