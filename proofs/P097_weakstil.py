"""P097: one score a bag teaches a score for every tile.

Bags of 64 digit tiles; a tile's hidden value is 1 for the digits 3 and 8 and 0 otherwise, plus noise of 0.05; a bag's
share of such tiles is drawn evenly from 0..1, its label is the mean of its tiles plus N(0, 0.05), cut to 0..1. 300 bags
of training digits, 100 of test digits. Encoder: contrastive on unlabelled training digits (128 features, 40 epochs),
then frozen. Both regressors: hidden layer of 128, Adam 1e-3, 20 epochs, 8 bags a step. Attention MIL is judged by its
attention, as it usually is. Averaging tile outputs by that attention (`AttentionBagRegressor`, an option of the method)
also gives outputs a tile; theirs is measured beside it and must not be better.

Source: Schirris et al., WeakSTIL, SPIE Medical Imaging 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.beds import halves
from proofs.datasets import digits

from labelwright.catalogue.claims import All, AtLeast, Beats, NotWorse
from labelwright.learn.bags import AttentionBagRegressor, ContrastivePretrainer, MeanBagRegressor, bag_score_task
from labelwright.metrics import auroc
from labelwright.nn import MLP, AdamW, Jitter, Loop, Task, Training

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
TILES = 64
CLAIM = All(
    AtLeast("bag_r2", 0.85, seeds=SEEDS),
    AtLeast("tile_auc", 0.9, seeds=SEEDS),
    Beats(
        "attention MIL",
        by=0.05,
        seeds=SEEDS,
        metric="tile AUC",
        method_figure="tile_auc",
        baseline_figure="attention_tile_auc",
    ),
    NotWorse(
        "tile outputs under attention",
        seeds=SEEDS,
        metric="tile AUC",
        method_figure="tile_auc",
        baseline_figure="attention_output_auc",
    ),
    AtLeast("bag_r2_over_the_mean", 0.85, seeds=SEEDS, statement="R² above that of predicting the mean, by 0.85"),
)


@dataclass(frozen=True)
class Slides:
    """Tiles h (n, d), their bags and hidden hits (n,), bag scores (g,)."""

    h: NDArray[np.float32]
    ids: NDArray[np.int64]
    hit: NDArray[np.bool_]
    score: NDArray[np.float64]


def slides(h: NDArray[np.float32], truth: NDArray[np.int64], bags: int, rng: np.random.Generator) -> Slides:
    """Draw bags of tiles."""
    is_hit = np.isin(truth, [3, 8])
    ids = np.repeat(np.arange(bags), TILES)
    hit = rng.random(len(ids)) < rng.uniform(size=bags)[ids]
    row = np.where(hit, rng.choice(np.flatnonzero(is_hit), len(ids)), rng.choice(np.flatnonzero(~is_hit), len(ids)))
    value = hit + rng.normal(0, 0.05, len(ids))
    score = np.bincount(ids, weights=value) / TILES + rng.normal(0, 0.05, bags)
    return Slides(h[row], ids, hit, np.clip(score, 0, 1))


def encoded(seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return features of all digits from an encoder that saw training digits without labels, truth, train and test."""
    data = digits()
    train, test = halves(data, seed)
    task = Task(data.X / 16, net=MLP((128, 128)), n_outputs=2, rows=train)
    setting = Training(epochs=40, batch_size=256, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    loop = Loop(ContrastivePretrainer(Jitter(0.15)), task, setting)
    loop.fit()
    h = loop.predict_proba().numpy()
    return (h - h[train].mean(axis=0)) / np.maximum(h[train].std(axis=0), 1e-6), data.truth, train, test


def trained(model: Any, data: Slides, seed: int) -> Loop:
    """Return the loop after training on bag scores."""
    task = bag_score_task(data.h, data.ids, data.score, net=MLP((128,)))
    loop = Loop(model, task, Training(epochs=20, batch_size=8 * TILES, optimizer=AdamW(1e-3), seed=seed, device="cpu"))
    loop.fit()
    return loop


def r2(truth: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    """Return 1 − residual over total sum of squares."""
    return float(1 - ((truth - prediction) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def run(seed: int) -> dict[str, float]:
    """Train both regressors on the same bags."""
    torch.manual_seed(seed)
    h, truth, train, test = encoded(seed)
    rng = np.random.default_rng(seed)
    own, held = slides(h[train], truth[train], 300, rng), slides(h[test], truth[test], 100, rng)
    mean, attention = MeanBagRegressor(), AttentionBagRegressor()
    mean_loop, attention_loop = trained(mean, own, seed), trained(attention, own, seed)
    bag_r2 = r2(held.score, mean.predict_bags(held.h, held.ids).numpy())
    return {
        "bag_r2": bag_r2,
        "bag_r2_over_the_mean": bag_r2 - r2(held.score, np.full(100, own.score.mean())),
        "tile_auc": float(auroc(held.hit, mean_loop.predict_proba(held.h).numpy())),
        "attention_tile_auc": float(auroc(held.hit, attention.attention_scores(held.h).numpy())),
        "attention_output_auc": float(auroc(held.hit, attention_loop.predict_proba(held.h).numpy())),
        "attention_bag_r2": r2(held.score, attention.predict_bags(held.h, held.ids).numpy()),
    }
