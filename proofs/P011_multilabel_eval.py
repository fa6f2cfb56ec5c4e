"""P011: a drop in top-1 between test sets that differ in their ambiguous images nearly vanishes in ASMA.

CIFAR-10 test images, 256 features; a label is valid with a fifth of the 50 votes of CIFAR-10H. A linear model learns
from 20,000 clean training images a seed. Two test sets of 500 images each, 10 % and 40 % of them with several valid
labels, are drawn without overlap, 100 times a seed: the mean drop in top-1 against the mean drop in ASMA over the
groups that both have, and the share of the top-1 drop that the mix of images explains. (A single pair of so small sets
differs by 3 points by chance alone, which is why pairs are averaged; chosen on seeds 50 to 52.)

Source: Anzaku et al., Re-assessing ImageNet: How aligned is its single-label assumption with its multi-label nature?,
arXiv 2412.18409.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from proofs.datasets import CIFAR10_CLASSES, cifar10n_features, folder
from sklearn.linear_model import LogisticRegression

from labelwright.audit import (
    asma,
    real_accuracy,
    shift_decomposition,
    top1_accuracy,
    valid_from_shares,
    variable_topk_accuracy,
)
from labelwright.catalogue.claims import All, AtLeast, Holds

DATA = ("cifar10n", "cifar10h")
BUDGET_S = 120
SEEDS = 5
SIZE, DRAWS = 500, 100
CLAIM = All(
    AtLeast("top1_drop_less_3_asma_drops", 0.0, seeds=SEEDS, every_seed=True),
    AtLeast("top1_drop", 0.02, seeds=SEEDS, every_seed=True),
    AtLeast("mix_share", 0.6, seeds=SEEDS),
    Holds("One valid label an item: all four accuracies agree; mix + within = total", ("identity",), SEEDS),
)


def human_shares() -> NDArray[np.float64]:
    """Return the vote shares of CIFAR-10H, (10000, 10)."""
    table = pq.read_table(folder() / "cifar10" / "cifar10h.parquet")
    counts = np.stack([table[f"count_{name}"].to_numpy() for name in CIFAR10_CLASSES], axis=1).astype(np.float64)
    return counts / counts.sum(axis=1, keepdims=True)


def drop_of_pair(
    scores: NDArray[np.float64], labels: NDArray[np.int64], valid: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Draw V1 and V2 and return the drop in top-1, its two parts, and the drop in ASMA."""
    size = valid.sum(axis=1)
    many, single = rng.permutation(np.flatnonzero(size > 1)), rng.permutation(np.flatnonzero(size == 1))
    few, lots = SIZE // 10, 4 * SIZE // 10
    v1 = np.concatenate([many[:few], single[: SIZE - few]])
    v2 = np.concatenate([many[few : few + lots], single[SIZE - few : 2 * SIZE - few - lots]])
    right = (scores.argmax(axis=1) == labels).astype(np.float64)
    shift = shift_decomposition(right[v1], size[v1], right[v2], size[v2])
    shared = [k for k in range(1, 11) if min((size[v1] == k).sum(), (size[v2] == k).sum()) >= 10]
    first, second = (asma(scores[v], valid[v], sizes=shared).hits for v in (v1, v2))
    return shift.total, shift.mix, shift.within, first - second


def run(seed: int) -> dict[str, float]:
    """Measure with one seed."""
    rng = np.random.default_rng(seed)
    train, test = cifar10n_features("clean", rows=20_000, seed=seed)
    mean, scale = train.X.mean(axis=0), train.X.std()
    model = LogisticRegression(C=0.003, max_iter=60).fit((train.X - mean) / scale, train.truth)
    scores = model.predict_proba((test.X - mean) / scale)
    valid = valid_from_shares(human_shares())
    drops = np.array([drop_of_pair(scores, test.truth, valid, rng) for _ in range(DRAWS)])
    top1, mix, within, by_asma = drops.mean(axis=0)
    only = rng.permutation(np.flatnonzero(valid.sum(axis=1) == 1))[:SIZE]
    four = (
        top1_accuracy(scores[only], valid[only].argmax(axis=1)),
        real_accuracy(scores[only], valid[only]),
        variable_topk_accuracy(scores[only], valid[only]).accuracy,
        asma(scores[only], valid[only]).hits,
    )
    exact = max(four) - min(four) < 1e-12 and np.abs(drops[:, 1] + drops[:, 2] - drops[:, 0]).max() < 1e-12
    return {
        "top1_drop": top1,
        "top1_drop_by_mix": mix,
        "top1_drop_within": within,
        "asma_drop": by_asma,
        "top1_drop_less_3_asma_drops": top1 - 3 * abs(by_asma),
        "mix_share": mix / top1,
        "identity": float(exact),
        "top1_all": top1_accuracy(scores, test.truth),
        "real_all": real_accuracy(scores, valid),
        "asma_all": asma(scores, valid, least=10).hits,
        "ambiguous_of_all": float((valid.sum(axis=1) > 1).mean()),
    }
