"""P088: flows turn noise into labels that keep what is known of weak signals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.consensus import signals_from_votes, weak_signal_error
from labelwright.errors import BadInput
from labelwright.evidence import Votes

torch = pytest.importorskip("torch")

from labelwright.consensus import ConditionalFlow, LabelLearningFlow, LabelLearningFlowRegressor  # noqa: E402
from labelwright.consensus.flow_training import group_violation, signal_violation, simplex_violation  # noqa: E402

NAN = float("nan")


def stirred(n_outputs, **settings):
    """A flow away from the identity, in evaluation mode, in double precision."""
    torch.manual_seed(0)
    flow = ConditionalFlow(3, n_outputs, **settings).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return flow.eval()


@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_p088_backwards_undoes_forwards_and_the_log_determinants_are_opposite(n_outputs):
    flow = stirred(n_outputs)
    x, z = torch.randn(7, 3).double(), torch.randn(7, n_outputs).double()
    y, there = flow(x, z)
    back, return_ = flow.reverse(x, y)
    assert (y - z).abs().max() > 0.01
    assert_allclose(back.detach(), z, atol=1e-5)
    assert_allclose(return_.detach(), -there.detach(), atol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 2, 4])
def test_the_log_determinant_is_that_of_the_jacobian(n_outputs):
    flow = stirred(n_outputs, steps=2, hidden=8)
    x, z = torch.randn(1, 3).double(), torch.randn(1, n_outputs).double()
    jacobian = torch.autograd.functional.jacobian(lambda value: flow(x, value)[0][0], z)[:, 0]
    assert_allclose(flow(x, z)[1].item(), torch.linalg.slogdet(jacobian)[1].item(), atol=1e-9)


def test_the_density_of_a_scalar_integrates_to_one():
    flow = stirred(1, steps=3, hidden=8)
    y = torch.linspace(-60, 60, 20001).double()[:, None]
    log_p = flow.log_prob(torch.ones(1, 3).double().expand(len(y), 3), y)
    assert_allclose(torch.trapezoid(log_p.exp(), y[:, 0]).item(), 1, atol=1e-6)


def test_the_scale_stays_within_its_bounds():
    flow = stirred(2, steps=1)
    with torch.no_grad():
        for coupling in flow.couplings:
            coupling.merge.weight.mul_(1e4)
    _, log_det = flow(torch.randn(50, 3).double(), torch.randn(50, 2).double())
    assert 0.5 < log_det.abs().max() <= 2 * 0.5 + 1e-5


def test_bounds_of_one_cost_nothing_on_the_simplex():
    y = torch.rand(20, 3).softmax(dim=1)
    signals = torch.rand(20, 4, 3)
    assert simplex_violation(y) < 1e-12 and signal_violation(y, signals, torch.ones(4, 3)) == 0


def test_a_violation_is_the_square_beyond_the_bound():
    y, signals = torch.tensor([[1.0, 0.0]]), torch.tensor([[[0.0, 1.0]]])
    assert signal_violation(y, signals, torch.tensor([[0.25, 1.0]])).item() == 0.75**2
    assert simplex_violation(torch.tensor([[1.5, -0.5]])).item() == 0.5
    groups = torch.tensor([[True], [True]])
    found = group_violation(torch.tensor([0.0, 1.0]), groups, torch.tensor([0.9]), torch.tensor([0.15]))
    assert_allclose(found.item(), 0.25**2, rtol=1e-6)


def test_both_ways_of_counting_errors_agree():
    rng = np.random.default_rng(0)
    signals, y = rng.random((30, 3, 4)), rng.dirichlet(np.ones(4), 30)
    signals[rng.random((30, 3)) < 0.4] = NAN
    error = weak_signal_error(y, signals)
    bounds = np.full((3, 4), 0.1)
    found = signal_violation(torch.tensor(y), torch.tensor(signals), torch.tensor(bounds)).item()
    assert_allclose(found, (np.maximum(error - bounds, 0) ** 2).sum())


def test_silent_rows_are_left_out_of_the_mean():
    assert_allclose(weak_signal_error([0, 0], [[[1.0, 0.0]], [[NAN, NAN]]]), [[0, 0]])
    assert_allclose(weak_signal_error([0], [[[NAN, NAN]]]), [[0, 0]])


def test_a_vote_is_a_certain_signal():
    votes = Votes.from_matrix([[1, 0], [-1, 0]], n_classes=2)
    signals = signals_from_votes(votes)
    assert_allclose(signals, [[[0, 1], [1, 0]], [[NAN, NAN], [1, 0]]])
    assert_allclose(weak_signal_error([1, 0], votes), [[0, 0], [0.5, 0.5]])


def test_p088_a_perfect_signal_with_no_room_for_error_decides_every_row():
    truth = np.arange(20) % 2
    X = np.random.default_rng(0).normal(size=(20, 2)) * 0.1 + truth[:, None]
    signals = np.eye(2)[truth][:, None]
    flow = LabelLearningFlow(0.0, steps=6, hidden=8, lr=0.02, epochs=120).fit(X, signals)
    assert (flow.predict(X) == truth).all()
    assert flow.errors_.max() < 0.1


def test_samples_are_labels_and_the_same_seed_draws_the_same():
    X = np.linspace(-1, 1, 30)[:, None]
    signals = np.full((30, 1, 3), NAN)
    signals[:10] = [1.0, 0.0, 0.0]
    flow = LabelLearningFlow(steps=1, hidden=4, epochs=2).fit(X, signals)
    drawn = flow.sample(X, 4)
    assert drawn.shape == (4, 30, 3) and drawn.min() >= 0 and drawn.max() <= 1
    assert_allclose(flow.sample(X, 4), drawn)
    assert np.abs(flow.sample(X, 4, seed=1) - drawn).max() > 0.01
    assert_allclose(flow.predict_proba(X).sum(axis=1), 1)
    again = LabelLearningFlow(steps=1, hidden=4, epochs=2).fit(X, signals)
    assert_allclose(again.predict_proba(X), flow.predict_proba(X))


def test_units_and_offsets_of_the_inputs_change_nothing():
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    signals = np.full((20, 1, 2), 0.5)
    settings = {"steps": 1, "hidden": 4, "epochs": 2}
    one = LabelLearningFlow(**settings).fit(X, signals).predict_proba(X)
    other = LabelLearningFlow(**settings).fit(8 * X + 16, signals).predict_proba(8 * X + 16)
    assert_allclose(one, other, atol=1e-5)


def test_numbers_keep_their_range_and_follow_the_means_of_groups():
    X = np.linspace(0, 1, 60)[:, None]
    groups = np.stack([X[:, 0] < 0.5, X[:, 0] >= 0.5])
    flow = LabelLearningFlowRegressor(-10, 10, steps=2, hidden=16, lr=5e-3, epochs=200).fit(X, groups, [-6, 6])
    found = flow.predict(X)
    assert abs(found[groups[0]].mean() + 6) < 2.5 and abs(found[groups[1]].mean() - 6) < 2.5
    assert np.abs(flow.sample(X, 5)).max() <= 10


X = np.zeros((4, 2))
GOOD = np.full((4, 2, 2), 0.5)


@pytest.mark.parametrize(
    "rows, signals, told",
    [
        (X[:3], GOOD, "3 rows"),
        (X[0], GOOD, "shape"),
        (np.full((4, 2), NAN), GOOD, "finite"),
        (X, GOOD[:, :, :1], "two classes"),
        (X, GOOD[0], "shape"),
        (X, GOOD + 1, "outside"),
        (X, np.where(np.arange(2) == 0, NAN, GOOD), "part of the classes"),
    ],
)
def test_what_does_not_fit_is_one_line(rows, signals, told):
    with pytest.raises(BadInput, match=told):
        LabelLearningFlow(epochs=1).fit(rows, signals)


@pytest.mark.parametrize("bounds", [1.5, -0.1, NAN, [0.1, 0.2], [[0.1, 0.1]]])
def test_bounds_are_shares_of_each_source_and_class(bounds):
    with pytest.raises(BadInput, match="bounds"):
        LabelLearningFlow(bounds, epochs=1).fit(X, GOOD)


def test_predicting_needs_a_fit_and_the_same_columns():
    with pytest.raises(BadInput, match="not fitted"):
        LabelLearningFlow().predict(X)
    flow = LabelLearningFlow(steps=1, hidden=4, epochs=1).fit(X + np.arange(4)[:, None], GOOD)
    with pytest.raises(BadInput, match="3 columns"):
        flow.predict(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "groups, means", [([[True, True, False]], [1]), ([[True] * 4], [1, 2]), ([[1, 1, 0, 0]], [1]), ([[False] * 4], [1])]
)
def test_groups_must_fit_rows_and_means(groups, means):
    with pytest.raises(BadInput, match="group"):
        LabelLearningFlowRegressor(0, 1, epochs=1).fit(X, groups, means)


def test_a_range_and_settings_must_be_some():
    with pytest.raises(BadInput, match="range"):
        LabelLearningFlowRegressor(1, 1)
    with pytest.raises(BadInput, match="at least 1"):
        LabelLearningFlow(epochs=0)
    assert math.isclose(LabelLearningFlow().bounds, 0.3)
