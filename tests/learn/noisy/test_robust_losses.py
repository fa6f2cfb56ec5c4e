"""B001 to B008 (also as pure functions): the identities that make each loss what it is."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard  # noqa: E402
from labelwright.learn.noisy import (  # noqa: E402
    ActivePassiveLoss,
    BackwardCorrection,
    CrossEntropy,
    ForwardCorrection,
    GeneralizedCrossEntropy,
    HardBootstrap,
    ImportanceReweighting,
    MeanAbsoluteError,
    NormalizedCrossEntropy,
    SoftBootstrap,
    SymmetricCrossEntropy,
    TruncatedGeneralizedCrossEntropy,
    backward_correction,
    bootstrap_hard,
    bootstrap_soft,
    forward_correction,
    generalized_cross_entropy,
    importance_weights,
    mean_absolute_error,
    normalized_cross_entropy,
    reverse_cross_entropy,
    symmetric_cross_entropy,
    truncated_generalized_cross_entropy,
)
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import row_cross_entropy  # noqa: E402
from labelwright.noise import TransitionMatrix  # noqa: E402

K = 4
PURE = (
    mean_absolute_error,
    generalized_cross_entropy,
    truncated_generalized_cross_entropy,
    reverse_cross_entropy,
    symmetric_cross_entropy,
    normalized_cross_entropy,
    bootstrap_soft,
    bootstrap_hard,
)
EVERY = (
    CrossEntropy(),
    CrossEntropy(smoothing=0.1),
    MeanAbsoluteError(),
    GeneralizedCrossEntropy(),
    TruncatedGeneralizedCrossEntropy(warmup=8),
    SymmetricCrossEntropy(),
    NormalizedCrossEntropy(),
    ActivePassiveLoss(),
    ActivePassiveLoss(passive=reverse_cross_entropy),
    SoftBootstrap(),
    HardBootstrap(),
    ForwardCorrection(TransitionMatrix.symmetric(0.2, 3)),
    BackwardCorrection(TransitionMatrix.symmetric(0.2, 3)),
    ImportanceReweighting(TransitionMatrix.symmetric(0.2, 3)),
)


@pytest.fixture
def logits() -> torch.Tensor:
    return 2 * torch.randn(6, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 3, 0, 1])


def over_all_labels(loss, logits: torch.Tensor) -> torch.Tensor:
    return sum(loss(logits, torch.full((len(logits),), k)) for k in range(K))


def test_mae_is_the_l1_distance_to_the_label(logits, labels):
    distance = (torch.nn.functional.one_hot(labels, K) - logits.softmax(1)).abs().sum(1)
    torch.testing.assert_close(mean_absolute_error(logits, labels), distance)


@pytest.mark.parametrize("loss", [mean_absolute_error, reverse_cross_entropy, normalized_cross_entropy])
def test_a_symmetric_loss_summed_over_all_labels_is_the_same_for_every_prediction(loss, logits):
    """B002, B006, B007: the property that makes them robust to symmetric noise."""
    total = over_all_labels(loss, logits)
    torch.testing.assert_close(total, total[:1].expand(len(total)))


def test_generalized_cross_entropy_nears_cross_entropy(logits, labels):
    """B005."""
    near = generalized_cross_entropy(logits, labels, q=1e-7)
    torch.testing.assert_close(near, row_cross_entropy(logits, labels), rtol=1e-5, atol=1e-5)


def test_generalized_cross_entropy_at_one_is_half_the_absolute_error(logits, labels):
    torch.testing.assert_close(
        2 * generalized_cross_entropy(logits, labels, q=1.0), mean_absolute_error(logits, labels)
    )


def test_truncation_stops_the_gradient_of_improbable_labels_alone(logits, labels):
    labels = torch.where(torch.arange(6) < 3, logits.argmax(1), labels)
    z = logits.clone().requires_grad_(True)
    truncated_generalized_cross_entropy(z, labels).sum().backward()
    sure = logits.softmax(1).gather(1, labels[:, None])[:, 0] > 0.5
    assert sure.any() and not sure.all()
    assert (z.grad.abs().sum(1) > 0).equal(sure)


def test_truncation_is_continuous_at_the_cut():
    z = torch.tensor([[1e-9, 0.0], [-1e-9, 0.0]], dtype=torch.float64)
    above, below = truncated_generalized_cross_entropy(z, torch.tensor([0, 0]))
    torch.testing.assert_close(above, below)


def test_reverse_cross_entropy_is_half_of_mae_times_the_cut(logits, labels):
    torch.testing.assert_close(2 * mean_absolute_error(logits, labels), reverse_cross_entropy(logits, labels))


def test_symmetric_cross_entropy_without_its_reverse_is_cross_entropy(logits, labels):
    torch.testing.assert_close(symmetric_cross_entropy(logits, labels, a=1.0, b=0.0), row_cross_entropy(logits, labels))


@pytest.mark.parametrize("loss", [bootstrap_soft, bootstrap_hard])
def test_bootstrapping_with_the_given_label_alone_is_cross_entropy(loss, logits, labels):
    torch.testing.assert_close(loss(logits, labels, beta=1.0), row_cross_entropy(logits, labels))


def test_the_gradient_of_soft_bootstrapping_is_that_of_cross_entropy_times_beta(logits, labels):
    """Targets are not differentiated: Σ_k p_k (p_k − p_k) = 0 leaves β (p − onehot(y))."""
    z = logits.clone().requires_grad_(True)
    bootstrap_soft(z, labels, beta=0.95).sum().backward()
    torch.testing.assert_close(z.grad, 0.95 * (logits.softmax(1) - torch.nn.functional.one_hot(labels, K)))


@pytest.mark.parametrize("loss", PURE)
def test_rows_without_a_label_cost_nothing_and_pull_nothing(loss, logits, labels):
    z = logits.clone().requires_grad_(True)
    unknown = torch.where(torch.arange(6) < 3, labels, torch.full_like(labels, -1))
    losses = loss(z, unknown)
    losses.sum().backward()
    assert losses[3:].eq(0).all() and z.grad[3:].eq(0).all()


@pytest.mark.parametrize("loss", PURE)
def test_extreme_logits_give_finite_losses_and_gradients(loss):
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], requires_grad=True)
    losses = loss(z, torch.tensor([0, 0]))
    losses.sum().backward()
    assert losses.isfinite().all() and z.grad.isfinite().all()


def test_no_noise_makes_every_correction_cross_entropy(logits, labels):
    """B003, B004."""
    eye, plain = torch.eye(K), row_cross_entropy(logits, labels)
    torch.testing.assert_close(forward_correction(logits, labels, eye), plain)
    torch.testing.assert_close(backward_correction(logits, labels, eye), plain)
    torch.testing.assert_close(importance_weights(logits, labels, eye), torch.ones(6, dtype=torch.float64))


def test_backward_correction_is_unbiased(logits, labels):
    """Its mean over what could have been observed is cross-entropy of the truth [B003]."""
    noise = TransitionMatrix.random(0.7, K, seed=0)
    inverse, chances = torch.tensor(noise.inverse()), torch.tensor(noise.matrix)
    observed = [backward_correction(logits, torch.full((6,), s), inverse) for s in range(K)]
    expected = (chances[labels] * torch.stack(observed, dim=1)).sum(1)
    torch.testing.assert_close(expected, row_cross_entropy(logits, labels))


def test_importance_weights_turn_noisy_risk_into_clean_risk(logits, labels):
    """Where p is the truth's distribution, Σ_s P(s observed) w_s f(s) = Σ_s p_s f(s) [B004]."""
    noise = torch.tensor(TransitionMatrix.pairflip(0.3, K).matrix)
    p = logits.softmax(1)
    weights = torch.stack([importance_weights(logits, torch.full((6,), s), noise) for s in range(K)], dim=1)
    torch.testing.assert_close(p @ noise * weights, p)


def test_an_observed_label_that_cannot_be_has_a_finite_loss():
    never = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    z = torch.zeros(1, 2, requires_grad=True)
    forward_correction(z, torch.tensor([1]), never).sum().backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("objective", EVERY, ids=lambda o: type(o).__name__)
def test_every_objective_learns_blobs(objective):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 30)
    x = (3 * np.eye(3)[y] + 0.3 * rng.normal(size=(90, 3))).astype(np.float32)
    loop = Loop(objective, Task(x, Hard(y, 3), net=MLP((8,))), Training(epochs=20, batch_size=16, device="cpu"))
    loop.fit()
    assert (loop.predict_proba().argmax(1).numpy() == y).mean() > 0.9


def test_weights_of_rows_count():
    x = np.zeros((2, 1), dtype=np.float32)
    task = Task(x, Hard([0, 1], 2), net=MLP((2,)), fields={"weight": np.array([1.0, 0.0], dtype=np.float32)})
    loop = Loop(MeanAbsoluteError(), task, Training(epochs=1, device="cpu"))
    p = loop.predict_proba(rows=[0])[0, 0]
    torch.testing.assert_close(loop.step([0, 1]).total.detach(), 2 * (1 - p))


@pytest.mark.parametrize(
    "make",
    [
        lambda: GeneralizedCrossEntropy(q=0.0),
        lambda: TruncatedGeneralizedCrossEntropy(k=2.0),
        lambda: SymmetricCrossEntropy(log_zero=0.0),
        lambda: ActivePassiveLoss(a=float("nan")),
        lambda: SoftBootstrap(beta=0.0),
        lambda: ForwardCorrection([[0.5, 0.6], [0.5, 0.5]]),
        lambda: BackwardCorrection(TransitionMatrix.symmetric(0.5, 2)),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(BadInput):
        make()


def test_a_matrix_of_other_classes_is_refused():
    task = Task(np.zeros((4, 1)), Hard([0, 1, 2, 0], 3), net=MLP((2,)))
    with pytest.raises(BadInput, match="2 classes, the labels 3"):
        Loop(ForwardCorrection(np.eye(2)), task, Training(device="cpu"))


def test_labels_that_are_no_single_classes_are_refused():
    from labelwright.evidence import Candidates

    task = Task(np.zeros((2, 1)), Candidates.from_mask(np.ones((2, 3), dtype=bool)), net=MLP((2,)))
    with pytest.raises(BadInput, match="one given label a row"):
        Loop(MeanAbsoluteError(), task, Training(device="cpu"))
