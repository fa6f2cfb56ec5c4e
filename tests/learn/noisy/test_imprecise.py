"""P010: the exact identities of the one EM objective."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.evidence import Bags, Candidates, Hard, Mixed, Tags, Votes  # noqa: E402
from labelwright.learn.noisy import EvidenceModel, ImpreciseLabelLearner, LearntNoise, imprecise_loss  # noqa: E402
from labelwright.nn import MLP, SGD, Loop, Task, Training  # noqa: E402

FULL = {"epochs": 25, "batch_size": 60, "device": "cpu"}


def logits(rows: int = 4, classes: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, classes, generator=generator, dtype=torch.float64, requires_grad=True)


def test_the_gradient_of_minus_log_z_is_p_minus_q():
    """P010 (i)."""
    z, likelihood = logits(), logits(seed=1).detach()
    joint = z.log_softmax(1) + likelihood
    (-joint.logsumexp(1).sum()).backward()
    torch.testing.assert_close(z.grad, (z.softmax(1) - joint.softmax(1)).detach())


def test_a_trusted_label_makes_it_cross_entropy_twice():
    """P010 (ii): with T = I the posterior is the label, and both terms are cross-entropy."""
    z, labels = logits(), torch.tensor([0, 2, 1, 1])
    likelihood = torch.where(torch.arange(3) == labels[:, None], 0.0, -torch.inf).double()
    torch.testing.assert_close(imprecise_loss(z, z, likelihood), 2 * torch.nn.functional.cross_entropy(z, labels))


def test_a_set_of_all_classes_gives_no_gradient_to_the_likelihood_term():
    """P010 (iii)."""
    z = logits()
    (z.log_softmax(1) + torch.zeros(4, 3)).logsumexp(1).sum().backward()
    torch.testing.assert_close(z.grad, torch.zeros_like(z), atol=1e-12, rtol=0)


def test_the_counting_posterior_of_a_batch_is_enumeration():
    """P010 (iv), through the model of a whole data set."""
    bags = Bags.counts([0, 0, 0, 1, 1], [2, 1], n_classes=2)
    task = Task(np.zeros((5, 1), dtype=np.float32), bags, net=MLP((2,)))
    model = EvidenceModel(bags, None, 2)
    log_p = logits(5, 2).detach().log_softmax(1)
    q, _ = model.posterior(log_p, task.batch(np.arange(5)))
    p = log_p.exp()[:, 1].numpy()
    total, ones = 0.0, np.zeros(3)
    for bits in np.ndindex(2, 2, 2):
        if sum(bits) == 2:
            weight = float(np.prod([p[i] if b else 1 - p[i] for i, b in enumerate(bits)]))
            total, ones = total + weight, ones + weight * np.array(bits)
    np.testing.assert_allclose(q[:3, 1].numpy(), ones / total, rtol=1e-10)


def test_full_batch_steps_never_lower_the_likelihood_of_a_linear_model():
    """P010 (v): with one view and small full-batch steps, −log Z falls from epoch to epoch."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)).astype(np.float32), rng.integers(0, 3, 60)
    mask = rng.random((60, 3)) < 0.4
    mask[np.arange(60), y] = True
    from labelwright.nn import Linear

    task = Task(x, Candidates.from_mask(mask), net=Linear())
    plain = SGD(lr=0.05, momentum=0.0, weight_decay=0.0)
    history = Loop(ImpreciseLabelLearner(balance=0.0), task, Training(optimizer=plain, **FULL)).fit()
    assert (np.diff(history["evidence"]) <= 1e-7).all()


def test_hard_labels_alone_have_learnt_noise_and_labels_in_a_mixture_are_trusted():
    alone = EvidenceModel(Hard([0, 1], 2), None, 2)
    mixed = EvidenceModel(Mixed.of(Hard([0, 1], 2), Candidates.from_sets([[0, 1], [1]], 2)), None, 2)
    assert len(alone.learnt) == 1 and len(mixed.learnt) == 0
    assert mixed.log_likelihood is not None


def test_a_row_labelled_twice_hears_both_labels():
    evidence = Mixed((Hard([0, 1, 1], 2),), (np.array([0, 0, 1]),), 2)
    model = EvidenceModel(evidence, [LearntNoise(0.2)], 2)
    task = Task(np.zeros((2, 1), dtype=np.float32), evidence, net=MLP((2,)))
    said = model.rows(task.batch(np.arange(2))).detach().numpy()
    np.testing.assert_allclose(said[0], np.log([0.8 * 0.2, 0.8 * 0.2]), rtol=1e-5)
    np.testing.assert_allclose(said[1], np.log([0.2, 0.8]), rtol=1e-5)


def test_votes_in_a_batch_are_the_likelihood_of_the_evidence():
    votes = Votes([0, 0, 2, 2], [0, 1, 1, 2], [1, 0, 2, -1], n_rows=3, n_sources=3, n_classes=3)
    model = EvidenceModel(votes, LearntNoise(0.3), 3)
    task = Task(np.zeros((3, 1), dtype=np.float32), votes, net=MLP((2,)))
    said = model.rows(task.batch(np.array([2, 0]))).detach().numpy()
    wanted = votes.log_likelihood(model.learnt[0].confusion.detach().numpy().astype(float), [2, 0])
    np.testing.assert_allclose(said, wanted, rtol=1e-4)


def test_rows_with_an_abstention_only_and_rows_without_evidence_are_unlabelled():
    votes = Votes([0, 1], [0, 0], [1, -1], n_rows=3, n_sources=1, n_classes=2)
    task = Task(np.zeros((3, 1), dtype=np.float32), votes, net=MLP((2,)))
    said = EvidenceModel(votes, None, 2).rows(task.batch(np.arange(3))).detach()
    assert torch.equal(said[1:], torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("evidence", "noise", "message"),
    [
        (Tags.from_indicator([[1, 0]]), None, "tags"),
        (Candidates.from_sets([[0]], 2), LearntNoise(), "cannot be learnt"),
        (Hard([0], 2), LearntNoise(1.5), "between 0 and 1"),
        (Hard([0], 2), LearntNoise(np.eye(3)), "starting matrix"),
        (Mixed.of(Hard([0], 2)), [None, None], "one entry a part"),
    ],
)
def test_what_cannot_be_learnt_from_is_said_in_one_line(evidence, noise, message):
    with pytest.raises(BadInput, match=message):
        EvidenceModel(evidence, noise, 2)
