"""P097: scores of tiles from scores of bags."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labelwright.errors import BadInput  # noqa: E402
from labelwright.learn.bags import (  # noqa: E402
    AttentionBagRegressor,
    ContrastivePretrainer,
    MeanBagRegressor,
    bag_score_task,
    huber_error,
    mean_bag_loss,
    tile_score_map,
)
from labelwright.nn import MLP, AdamW, Linear, Loop, Training  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
IDS = np.repeat(np.arange(12), 5)
SCORES = RNG.uniform(size=12)


def fitted(objective, net=None, epochs: int = 3, ids=IDS, scores=SCORES, **training) -> Loop:
    task = bag_score_task(X, ids, scores, net=net or MLP((8,)))
    loop = Loop(objective, task, Training(epochs=epochs, batch_size=20, device="cpu", **training))
    loop.fit()
    return loop


def test_a_linear_scorer_is_least_squares_on_mean_features():
    """Without the sigmoid the minimum is that of a regression on the bags' mean features [P097]."""
    means = np.stack([X[g == IDS].astype(np.float64).mean(axis=0) for g in range(12)])
    design = np.column_stack([means, np.ones(12)])
    w = torch.as_tensor(np.linalg.lstsq(design, SCORES, rcond=None)[0]).requires_grad_(True)
    values = torch.as_tensor(np.column_stack([X, np.ones(60)])) @ w
    loss = mean_bag_loss(values, torch.as_tensor(IDS), torch.as_tensor(SCORES))
    loss.backward()
    torch.testing.assert_close(w.grad, torch.zeros_like(w), atol=1e-10, rtol=0)
    assert loss.item() == pytest.approx(((design @ w.detach().numpy() - SCORES) ** 2).mean())


def test_bags_of_one_tile_make_it_ordinary_regression():
    values, y = torch.tensor([0.1, 0.9, 0.4]), torch.tensor([0.0, 1.0, 0.5])
    torch.testing.assert_close(mean_bag_loss(values, torch.arange(3), y), ((values - y) ** 2).mean())


def test_the_score_of_a_bag_is_the_mean_of_its_tiles():
    loop = fitted(MeanBagRegressor())
    tiles = loop.predict_proba(X).numpy()
    bags = loop.objective.predict_bags(X, IDS).numpy()
    np.testing.assert_allclose(bags, np.bincount(IDS, weights=tiles) / 5, rtol=1e-5)


def test_it_learns_the_weights_behind_the_scores():
    true = np.array([0.3, -0.2, 0.1])
    scores = np.bincount(IDS, weights=X @ true) / 5
    loop = fitted(MeanBagRegressor(squash=torch.nn.Identity()), Linear(), 200, scores=scores, optimizer=AdamW(0.03))
    np.testing.assert_allclose(loop.objective.net.head.weight.detach().numpy()[0], true, atol=0.02)


def test_only_some_tiles_of_a_large_bag_are_looked_at_in_a_step():
    loop = fitted(MeanBagRegressor(max_tiles=2))
    part = loop.objective._part(loop.task.batch(np.arange(20)))
    assert part.sizes.tolist() == [2, 2, 2, 2]
    assert (torch.as_tensor(IDS)[part.rows] == part.bag).all()


def test_bags_of_few_tiles_weigh_less_with_variance_by_size():
    ids = np.array([0] * 4 + [1])
    task = bag_score_task(X[:5], ids, [0.0, 1.0], net=Linear())
    model = MeanBagRegressor(squash=torch.nn.Identity(), variance=(0.0, 1.0))
    loop = Loop(model, task, Training(epochs=1, device="cpu"))
    with torch.no_grad():
        model.net.head.weight.zero_()
        model.net.head.bias.zero_()
    loss = loop.step(np.arange(5)).total
    assert loss.item() == pytest.approx(1 / 5)  # weights 4 and 1, losses 0 and 1


@pytest.mark.parametrize("objective", [AttentionBagRegressor(), MeanBagRegressor(loss=huber_error)])
def test_other_heads_and_losses_answer_within_the_scale(objective):
    scores = fitted(objective).objective.predict_bags(X, IDS)
    assert scores.shape == (12,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_map_shows_means_and_gaps():
    shown = tile_score_map([1.0, 0.0, 0.5], [[0, 0], [0, 0], [1, 1]], (2, 2))
    np.testing.assert_array_equal(shown, [[0.5, np.nan], [np.nan, 0.5]])


def test_a_contrastive_encoder_needs_no_labels_and_keeps_its_features():
    loop = fitted(ContrastivePretrainer(dim=4))
    assert loop.predict_proba(X).shape == (60, 8)


@pytest.mark.parametrize(
    ("ids", "scores"), [(IDS, SCORES[:5]), (IDS, np.full(12, np.nan)), (IDS - 1, SCORES), ([], [0.5])]
)
def test_scores_that_do_not_fit_the_bags_are_refused(ids, scores):
    with pytest.raises(BadInput):
        bag_score_task(X[: len(ids)], ids, scores, net=Linear())


def test_a_tile_outside_the_map_is_refused():
    with pytest.raises(BadInput, match="outside"):
        tile_score_map([1.0], [[2, 0]], (2, 2))
