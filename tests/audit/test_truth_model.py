"""The model of truth and misreading, label errors and the noise estimate that rest on it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import LabelErrors, estimate_noise, estimate_truth, neighbor_votes
from labelwright.audit.truth_model import _expected_error, _Layout, _logs, _loss, fit_truth
from labelwright.data.neighbors import Neighbors, nearest_neighbors
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.ranking import average_precision

SPACE = LabelSpace(("cat", "dog", "fox"))


def blobs(seed=0, n=900, noise=0.15, spread=1.2):
    """Return features, given labels, truth and the posterior of the true classes."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    truth = rng.integers(0, 3, n)
    X = (centers[truth] + spread * rng.normal(size=(n, 2))).astype(np.float32)
    square = ((X[:, None] - centers) ** 2).sum(axis=2)
    probs = np.exp(-square / (2 * spread**2))
    probs /= probs.sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < noise, (truth + 1) % 3, truth)
    return X, labels, truth, probs


@pytest.mark.parametrize("n_classes", [3, 80])
def test_the_gradient_is_that_of_the_loss(n_classes):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, 200)
    logs = [_logs(rng.dirichlet(np.ones(n_classes), 200)) for _ in range(2)]
    layout = _Layout(2, n_classes, n_classes <= 64)
    loss = _loss(labels, logs, layout, 0.1)
    theta = layout.start() + 0.1 * rng.normal(size=len(layout.start()))
    gradient = loss(theta)[1]
    step = 1e-2
    for at in rng.integers(0, len(theta), 8):
        move = np.zeros(len(theta))
        move[at] = step
        slope = (loss(theta + move)[0] - loss(theta - move)[0]) / (2 * step)
        assert_allclose(gradient[at], slope, rtol=0.02, atol=2e-4)


def test_the_noise_is_recovered_with_its_direction():
    _, labels, truth, probs = blobs(n=3000)
    noise = estimate_noise(labels, probs)
    assert abs(noise.noise_rate - (labels != truth).mean()) < 0.03
    assert (noise.transition_matrix[[0, 1, 2], [1, 2, 0]] > 5 * noise.transition_matrix[[0, 1, 2], [2, 0, 1]]).all()


def test_heavy_noise_is_found_to_be_heavy():
    _, _, truth, probs = blobs(n=1000, noise=0.0)
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(1000) < 0.4, (truth + rng.integers(1, 3, 1000)) % 3, truth)
    assert abs(estimate_noise(labels, probs).noise_rate - (labels != truth).mean()) < 0.03


def test_more_errors_supposed_when_more_are_found():
    rng = np.random.default_rng(0)
    labels, layout = rng.integers(0, 3, 300), _Layout(1, 3, True)
    logs = [_logs(rng.dirichlet(np.ones(3), 300))]
    assert _expected_error(labels, logs, layout, layout.start()) > 0.1
    agreed = [_logs(0.97 * np.eye(3)[labels] + 0.01)]
    assert _expected_error(labels, agreed, layout, layout.start()) == 0.1


def test_the_transition_matrix_has_rows_of_truth_that_sum_to_one():
    _, labels, _, probs = blobs()
    noise = estimate_noise(labels, probs)
    assert_allclose(noise.transition_matrix.sum(axis=1), 1)
    assert_allclose(noise.joint.sum(axis=0), np.bincount(labels) / len(labels), atol=1e-6)
    assert noise.low <= noise.noise_rate <= noise.high


def test_clean_labels_are_estimated_to_be_nearly_clean():
    _, _, truth, probs = blobs(n=3000)
    assert estimate_noise(truth, probs).noise_rate < 0.03


def test_errors_with_a_pattern_rank_above_self_confidence():
    _, labels, truth, probs = blobs(n=3000)
    wrong = labels != truth
    ours = average_precision(wrong, -estimate_truth(labels, probs).given)
    assert ours > average_precision(wrong, -probs[np.arange(len(labels)), labels])


def test_neighbours_help_poor_probabilities():
    X, labels, truth, probs = blobs(n=2000)
    poor = 0.3 * probs + 0.7 / 3
    poor[:, :2] = poor[:, :2].mean(axis=1, keepdims=True)
    near = nearest_neighbors(X, 30, metric="euclidean")
    wrong = labels != truth
    with_them = estimate_truth(labels, poor, neighbors=near).given
    assert average_precision(wrong, -with_them) > average_precision(wrong, -estimate_truth(labels, poor).given) + 0.1


def test_the_same_seed_gives_the_same_bits():
    _, labels, _, probs = blobs()
    assert_array_equal(estimate_truth(labels, probs, seed=1).given, estimate_truth(labels, probs, seed=1).given)


def test_permuting_the_classes_changes_no_score():
    _, labels, _, probs = blobs()
    order = np.array([2, 0, 1])
    permuted = estimate_truth(order[labels], probs[:, np.argsort(order)]).given
    assert_allclose(permuted, estimate_truth(labels, probs).given, atol=0.02)


def test_a_row_does_not_vote_for_itself_and_an_unlabelled_row_not_at_all():
    near = Neighbors(np.array([[1], [0], [0]]), np.ones((3, 1), np.float32), "cosine")
    votes = neighbor_votes(np.array([0, 1, -1]), near, 2)
    assert votes[0, 1] > votes[0, 0] and votes[1, 0] > votes[1, 1]
    alone = Neighbors(np.array([[1], [2], [0]]), np.ones((3, 1), np.float32), "cosine")
    assert_allclose(neighbor_votes(np.array([0, 1, -1]), alone, 2)[1], [0.5, 0.5])


def test_equal_rows_at_distance_zero_have_finite_votes():
    near = Neighbors(np.array([[1], [0]]), np.zeros((2, 1), np.float32), "cosine")
    assert np.isfinite(neighbor_votes(np.array([0, 1]), near, 2)).all()


def test_label_errors_say_why_in_plain_words():
    probs = np.array([[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]).repeat(60, axis=0)
    labels = np.array([0, 1, 2]).repeat(60)
    labels[4] = 1
    indices = np.array([[(i // 60) * 60 + (i + j + 1) % 60 for j in range(10)] for i in range(180)])
    near = Neighbors(indices, np.full((180, 10), 0.1, np.float32), "cosine")
    scores = LabelErrors().score(labels, probs, SPACE, neighbors=near)
    assert scores.is_issue.nonzero()[0].tolist() == [4]
    assert scores.suggested[4] == "cat"
    assert scores.reason[4] == (
        "given 'dog'; the model, trained without this row, says 'cat' at 0.90; "
        "10 of its 10 nearest rows are labelled 'cat'"
    )


def test_unlabelled_rows_are_left_out():
    _, labels, _, probs = blobs()
    labels[:10] = -1
    scores = LabelErrors().score(labels, probs, SPACE)
    assert len(scores) == len(labels) - 10 and scores.rows.min() == 10


def test_one_class_tiny_classes_and_no_labels_are_no_crash():
    one = LabelSpace(("only",))
    assert LabelErrors().score([0, 0, -1], np.ones((3, 1)), one).n_issues == 0
    assert len(LabelErrors().score([-1, -1], np.ones((2, 1)), one)) == 0
    assert len(LabelErrors().score(np.empty(0, int), np.empty((0, 3)), SPACE)) == 0
    assert estimate_noise([0, 0], np.ones((2, 1))).noise_rate == 0
    few = LabelErrors().score([0, 1, 1], [[0.2, 0.8, 0], [0.1, 0.9, 0], [0.1, 0.9, 0]], SPACE)
    assert few.score[0] < few.score[1]


def test_names_of_classes_arrive_inert_in_the_reason():
    space = LabelSpace(("\x1b[31mred", "[/billing]", "x"))
    probs = np.eye(3)[np.array([0, 1, 2]).repeat(40)] * 0.9 + 0.03
    labels = np.array([0, 1, 2]).repeat(40)
    labels[0] = 1
    assert "\x1b" not in LabelErrors().score(labels, probs, space).reason[0]


def test_more_than_64_classes_spread_errors_evenly():
    rng = np.random.default_rng(0)
    sure = rng.random(3000)
    said, other = rng.integers(0, 70, (2, 3000))
    truth = np.where(rng.random(3000) < sure, said, other)
    labels = np.where(rng.random(3000) < 0.1, rng.integers(0, 70, 3000), truth)
    probs = np.repeat((1 - sure)[:, None] / 70, 70, axis=1)
    probs[np.arange(3000), said] += sure
    model = fit_truth(labels, [probs])
    assert model.mixing.shape == (1,)
    assert abs(estimate_noise(labels, probs).noise_rate - (labels != truth).mean()) < 0.02


@pytest.mark.parametrize("value", [np.nan, 2.0, -1.0])
def test_values_that_are_no_probabilities_are_named(value):
    with pytest.raises(BadInput, match="row 1, column 0"):
        estimate_truth([0, 1], [[1.0, 0.0], [value, 1.0]])


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match="one column a class"):
        LabelErrors().score([0, 1], [[1.0, 0.0], [0.0, 1.0]], SPACE)
    with pytest.raises(BadInput, match="not one of the 3 columns"):
        estimate_truth([0, 3], np.full((2, 3), 1 / 3))
