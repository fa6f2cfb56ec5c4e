"""Losses on tags: assume negative [B020], asymmetric loss, entropy maximisation and pseudo-labels [P052]."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Hard, Tags  # noqa: E402
from labelwright.learn.partial import (  # noqa: E402
    AssumeNegative,
    AsymmetricLoss,
    AsymmetricPseudoLabeling,
    EntropyMaximizationLoss,
    IgnoreUnobserved,
    WeakAssumeNegative,
    assume_negative_loss,
    asymmetric_loss,
    entropy_maximization_loss,
    masked_bce,
    weak_assume_negative_loss,
)
from labelwright.learn.partial.single_positive import lowest  # noqa: E402
from labelwright.nn import MLP, Loop, Task, Training  # noqa: E402
from labelwright.nn.losses import binary_cross_entropy  # noqa: E402

TAGS = torch.tensor([[1, 0, 0], [0, -1, 1], [0, 0, 0]], dtype=torch.int8)
Z = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.7, -0.2], [4.0, -4.0, 0.5]], dtype=torch.float64)


def single_tags(n: int = 60, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    tags = np.zeros((n, k), dtype=np.int8)
    tags[np.arange(n), rng.integers(0, k, n)] = 1
    return rng.normal(size=(n, 5)).astype(np.float32), tags


def fitted(objective, epochs: int = 4) -> Loop:
    x, tags = single_tags()
    loop = Loop(objective, Task(x, Tags.from_dense(tags), net=MLP((8,))), Training(epochs=epochs, device="cpu"))
    loop.fit()
    return loop


def test_assume_negative_is_binary_cross_entropy_with_zeros():
    torch.testing.assert_close(assume_negative_loss(Z, TAGS), binary_cross_entropy(Z, (TAGS > 0).double()))


def test_masked_cells_count_in_the_mean_alone():
    weight = (TAGS != 0).double()
    expected = binary_cross_entropy(Z, (TAGS > 0).double(), weight) * weight.mean()
    torch.testing.assert_close(masked_bce(Z, (TAGS > 0).double(), weight), expected)


def test_weak_negatives_count_as_one_negative_a_row():
    """With one positive a row, all negatives of a row weigh as much as its positive [B020]."""
    tags = TAGS[:1]
    z = torch.zeros(1, 3, dtype=torch.float64)
    torch.testing.assert_close(3 * weak_assume_negative_loss(z, tags), torch.tensor(2 * np.log(2)))


def test_an_asymmetric_loss_without_asymmetry_is_assume_negative():
    torch.testing.assert_close(asymmetric_loss(Z, TAGS, 0.0, 0.0, 0.0), assume_negative_loss(Z, TAGS))


def test_the_gradient_on_an_unknown_cell_is_the_papers():
    """dL/dz = −a log((1 − p)/p) p (1 − p), over the number of cells; 0 at p = ½ [P052]."""
    z = Z.clone().requires_grad_(True)
    entropy_maximization_loss(z, TAGS, alpha=0.2).backward()
    p = torch.sigmoid(Z)
    expected = -0.2 * torch.log((1 - p) / p) * p * (1 - p) / 9
    unknown = TAGS == 0
    torch.testing.assert_close(z.grad[unknown], expected[unknown])
    assert z.grad[1, 0] == 0


def test_without_weight_only_known_cells_are_left():
    known = (TAGS != 0).double()
    expected = masked_bce(Z, (TAGS > 0).double(), known)
    torch.testing.assert_close(entropy_maximization_loss(Z, TAGS, alpha=0.0), expected)


def test_lowest_takes_its_quota_of_eligible_cells():
    scores = torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    eligible = torch.tensor([[False, True], [True, True], [True, True]])
    assert lowest(scores, eligible, torch.tensor([1, 2])).tolist() == [[False, False], [True, True], [False, True]]


def test_pseudo_labels_are_given_evenly_over_the_epochs_and_stay():
    """After the epochs W … E − 1 each class has ⌊ρ U/(E − W)⌋ more, all of unknown cells [P052]."""
    _, tags = single_tags()
    loop = fitted(AsymmetricPseudoLabeling(warmup=1, share=0.9), epochs=4)
    given = ~loop.objective.pseudo.values.isnan()
    unknown = torch.from_numpy(tags == 0)
    assert not (given & ~unknown).any()
    assert torch.equal(given.sum(0), 3 * (0.9 * unknown.sum(0) / 3).long())
    before = loop.objective.pseudo.values[given].clone()
    loop.fit(epochs=1)
    assert torch.equal(loop.objective.pseudo.values[given], before)


def test_without_pseudo_labels_it_is_entropy_maximisation():
    torch.testing.assert_close(
        fitted(AsymmetricPseudoLabeling(warmup=9)).predict().logits, fitted(EntropyMaximizationLoss()).predict().logits
    )


@pytest.mark.parametrize("method", [AssumeNegative, WeakAssumeNegative, AsymmetricLoss, EntropyMaximizationLoss])
def test_answers_are_probabilities_of_each_tag(method):
    loop = fitted(method(), epochs=1)
    torch.testing.assert_close(loop.predict_proba(rows=[0, 1]), torch.sigmoid(loop.predict([0, 1]).logits))


def test_evidence_of_another_kind_is_named():
    with pytest.raises(BadInput, match="Hard"):
        Loop(AssumeNegative(), Task(np.eye(3), Hard([0, 1, 2], 3), net=MLP((4,))))


@pytest.mark.parametrize("make", [lambda: AssumeNegative(1.0), lambda: EntropyMaximizationLoss(-1.0)])
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadInput):
        make()


def test_ignoring_unobserved_tags_is_binary_cross_entropy_on_the_known_cells():
    """What is unknown pulls nowhere: tags unknown in every row keep their starting probability [B020]."""
    x, tags = single_tags()
    tags[:, 3] = 0
    tags[:, :3] = np.where(tags[:, :3] > 0, 1, -1)
    loop = Loop(IgnoreUnobserved(), Task(x, Tags.from_dense(tags), net=MLP((8,))), Training(epochs=1, device="cpu"))
    batch = loop.task.batch(np.arange(8))
    loss = loop.objective.losses({"train": batch})
    z = loss.logits[:, :3]
    expected = binary_cross_entropy(z, torch.as_tensor(tags[:8, :3] > 0).float())
    torch.testing.assert_close(loss.total, expected)
