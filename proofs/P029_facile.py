"""P029: labels of whole sets give features with which ten digits are told apart from five labels each.

2000 sets of 5 training digits; the set's label is the most frequent of the groups {0, 1}, {2, 3, 4}, {5, 6}, {7, 8, 9}
(the first one of equals). Encoder 64-256-256, attention pooling, SGD (0.05, momentum 0.9, cosine), 64 sets a batch, 30
epochs. Then 10-way 5-shot logistic regression on frozen features of test digits, 50 tasks, macro-F1. Baselines on the
same tasks: raw pixels; the same encoder trained without labels (two jittered views, 0.15, 30 epochs of Adam 1e-3); the
same pretraining with the set labels shuffled.

Source: Zhang et al., Enhancing Instance-Level Image Classification with Set-Level Labels, ICLR 2024.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.beds import halves
from proofs.datasets import digits

from labelwright.catalogue.claims import All, AtMost, Beats
from labelwright.evidence import Hard
from labelwright.learn.bags import ContrastivePretrainer, FewShotEvaluator, SetLevelPretrainer, sample_sets
from labelwright.nn import MLP, SGD, AdamW, Cosine, Jitter, Loop, Task, Training

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
EPOCHS = 30
GROUP = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
CLAIM = All(
    Beats("raw pixels", by=0.05, seeds=SEEDS, metric="few-shot F1", baseline_figure="raw"),
    Beats("self-supervised features", by=0.03, seeds=SEEDS, metric="few-shot F1", baseline_figure="contrastive"),
    AtMost(
        "gain_from_random_labels",
        0.01,
        seeds=SEEDS,
        statement="random set labels bring at most 1 point over raw pixels",
    ),
)


def set_features(sets: NDArray[np.float32], labels: NDArray[np.int64], items: NDArray[np.float32], seed: int) -> Any:
    """Return the features of items from an encoder pretrained on sets."""
    sgd = SGD(0.05, 0.9, 1e-4, schedule=Cosine())
    task = Task(sets, Hard(labels, 4), net=MLP((256, 256)))
    model = SetLevelPretrainer()
    Loop(model, task, Training(epochs=EPOCHS, batch_size=64, optimizer=sgd, seed=seed, device="cpu")).fit()
    return model.encode(items).numpy()


def contrastive_features(x: NDArray[np.float32], items: NDArray[np.float32], seed: int) -> Any:
    """Return the features of items from an encoder pretrained without labels."""
    task = Task(x, net=MLP((256, 256)), n_outputs=2)
    setting = Training(epochs=EPOCHS, batch_size=256, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    loop = Loop(ContrastivePretrainer(Jitter(0.15)), task, setting)
    loop.fit()
    return loop.predict_proba(items).numpy()


def run(seed: int) -> dict[str, float]:
    """Judge all features on the same tasks."""
    torch.manual_seed(seed)
    data = digits()
    train, test = halves(data, seed)
    x = data.X / 16
    rows = train[sample_sets(np.zeros(len(train), np.int64), 5, 2000, seed)[0]]
    label = np.array([np.bincount(own, minlength=4).argmax() for own in GROUP[data.truth[rows]]])
    shuffled = np.random.default_rng(seed).permutation(label)
    judge = FewShotEvaluator(n_way=10, n_shot=5, n_query=15, n_tasks=50)
    found = {
        "method": set_features(x[rows], label, x[test], seed),
        "raw": x[test],
        "contrastive": contrastive_features(x[train], x[test], seed),
        "random_labels": set_features(x[rows], shuffled, x[test], seed),
    }
    figures = {name: judge.evaluate(_scaled(h), data.truth[test], seed).mean for name, h in found.items()}
    return figures | {"gain_from_random_labels": figures["random_labels"] - figures["raw"]}


def _scaled(h: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return features centred, brought to length 1 a row in the mean square times 8: one scale for one penalty."""
    centred = h.astype(np.float64) - h.mean(axis=0)
    return 8 * centred / np.sqrt((centred**2).sum(axis=1).mean())
