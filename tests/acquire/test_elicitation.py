"""P006: fine-tuning on weak labels, then on an oracle's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from labelwright.acquire import MLPStudent, SequentialSFT, log_confidence_loss
from labelwright.errors import BadInput

LOGITS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.0, 3.0]])
SOFT = torch.tensor([0.1, 0.8, 0.4, 0.7])


def test_without_weight_on_its_own_labels_the_loss_is_the_soft_cross_entropy_p006():
    soft = torch.stack([1 - SOFT, SOFT], dim=1)
    plain = -(soft * LOGITS.log_softmax(dim=1)).sum(dim=1).mean()
    assert log_confidence_loss(LOGITS, SOFT, step=0).item() == pytest.approx(plain.item(), abs=1e-7)


def test_after_the_ramp_half_of_the_target_is_the_students_own_label_p006():
    p0 = LOGITS.softmax(dim=1)[:, 0]
    own = (p0 >= torch.quantile(p0, SOFT.mean())).float()
    target = 0.5 * torch.stack([1 - SOFT, SOFT], dim=1) + 0.5 * torch.stack([own, 1 - own], dim=1)
    asked = -(target * LOGITS.log_softmax(dim=1)).sum(dim=1).mean()
    for step in (200, 10_000):
        assert log_confidence_loss(LOGITS, SOFT, step).item() == pytest.approx(asked.item(), abs=1e-6)


def test_no_gradient_runs_through_the_students_own_labels_p006():
    logits = LOGITS.clone().requires_grad_()
    log_confidence_loss(logits, SOFT, 200).backward()
    p0 = LOGITS.softmax(dim=1)[:, 0]
    own = (p0 >= torch.quantile(p0, SOFT.mean())).float()
    target = 0.5 * torch.stack([1 - SOFT, SOFT], dim=1) + 0.5 * torch.stack([own, 1 - own], dim=1)
    assert torch.allclose(logits.grad, (LOGITS.softmax(dim=1) - target) / 4, atol=1e-6)


class Diary:
    """A student that writes down its stages."""

    def __init__(self):
        self.stages = []

    def fit_stage(self, X, targets, *, seed):
        self.stages.append((len(X), targets.tolist(), seed))

    def predict_logodds(self, X):
        return np.zeros(len(X))


def test_weak_labels_come_first_and_empty_stages_are_left_out_p006():
    both, weak, oracle = Diary(), Diary(), Diary()
    SequentialSFT(both, seed=3).fit([[0.0], [1.0]], [0.2, 0.9], [[2.0]], [1])
    assert both.stages == [(2, [0.2, 0.9], 3), (1, [1.0], 4)]
    SequentialSFT(weak).fit([[0.0]], [0.5])
    SequentialSFT(oracle).fit(np.empty((0, 1)), [], [[0.0]], [1])
    assert len(weak.stages) == len(oracle.stages) == 1


def test_the_second_stage_goes_on_from_the_first_p006():
    X = np.linspace(-1, 1, 60)[:, None]
    student = MLPStudent(hidden=8, examples=1500, most_epochs=60, learning_rate=0.01)
    model = SequentialSFT(student).fit(X, (X[:, 0] > 0).astype(float))
    before = model.predict_proba(X)
    student.fit_stage(X[:6], np.zeros(6), seed=0)  # six sure rows on one side leave most of the rest as it was
    assert (before[40:, 1] > 0.5).all() and (model.predict_proba(X)[45:, 1] > 0.5).mean() > 0.5


@pytest.mark.parametrize(
    "call",
    [
        lambda: SequentialSFT(Diary()).fit(np.empty((0, 1)), []),
        lambda: SequentialSFT(Diary()).fit([[0.0]], [1.5]),
        lambda: SequentialSFT(Diary()).fit([[0.0]], [0.5, 0.5]),
        lambda: MLPStudent(hidden=0),
        lambda: MLPStudent().predict_logodds([[0.0]]),
    ],
)
def test_bad_input_is_one_line_p006(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
