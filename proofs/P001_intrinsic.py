"""P001: label sharpness tells which data are harder to learn and more fragile, and dimension is measured rightly.

A cube of five sides in 64 columns (3000 rows): both estimates of the dimension. The 45 pairs of the digits, pixels in
[0, 1]: rank correlation of label sharpness (1000 rows at most, 200 of which train) with the test error of a small
network trained on 200 rows, and with the accuracy that it loses to fast gradient sign steps of 0.1. Of each pair one
label in 100 is flipped: how often sharpness rises, and how often a flipped row is in the closest pair. CIFAR-10 classes
airplane and automobile, pixels in [0, 1]: K_F of 1000 rows beside the authors' value of 0.106 (here on a JPEG copy).

Source: Konz, Mazurowski, The Effect of Intrinsic Dataset Properties on Generalization, ICLR 2024.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import cifar10_images, digits
from scipy.stats import spearmanr

from labelwright.audit import intrinsic_dimension, label_sharpness, two_neighbor_dimension
from labelwright.catalogue.claims import All, AtLeast, AtMost
from labelwright.nn.attack import fgsm

DATA = ("digits", "cifar10")
BUDGET_S = 240
SEEDS = 5
CLAIM = All(
    AtMost("cube_error_likelihood", 0.15, seeds=SEEDS, every_seed=True),
    AtMost("cube_error_two_neighbours", 0.15, seeds=SEEDS, every_seed=True),
    AtLeast("correlation_with_test_error", 0.3, seeds=SEEDS),
    AtLeast("correlation_with_lost_accuracy", 0.0, seeds=SEEDS),
    AtLeast("sharpness_rises_with_flips", 1.0, seeds=SEEDS),
)


def cube(seed: int) -> dict[str, float]:
    """Return the relative errors of both estimates."""
    rng = np.random.default_rng(seed)
    x = rng.random((3000, 5)) @ rng.normal(size=(5, 64))
    return {
        "cube_error_likelihood": abs(intrinsic_dimension(x, seed=seed) / 5 - 1),
        "cube_error_two_neighbours": abs(two_neighbor_dimension(x, seed=seed) / 5 - 1),
    }


def error_and_loss(x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Train a network of one hidden layer on 200 rows; return its test error and what the attack takes from it."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    torch.manual_seed(seed)
    inputs, labels = torch.tensor(x[order]), torch.tensor(y[order])
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(inputs[:200]), labels[:200]).backward()
        optimizer.step()
    test, truth = inputs[200:], labels[200:]
    moved = fgsm(lambda v: torch.nn.functional.cross_entropy(net(v), truth), test, eps=0.1, bounds=(0.0, 1.0))
    with torch.no_grad():
        clean = float((net(test).argmax(1) == truth).float().mean())
        attacked = float((net(moved).argmax(1) == truth).float().mean())
    return 1 - clean, clean - attacked


def digit_pairs(seed: int) -> dict[str, float]:
    """Measure the 45 pairs."""
    data, rng = digits(), np.random.default_rng(seed)
    rows = []
    for a, b in combinations(range(10), 2):
        chosen = np.flatnonzero((data.truth == a) | (data.truth == b))
        x, y = (data.X[chosen] / 16).astype(np.float32), (data.truth[chosen] == b).astype(np.int64)
        wrong = y.copy()
        flips = rng.choice(len(y), max(len(y) // 100, 1), replace=False)
        wrong[flips] = 1 - wrong[flips]
        sharp, raised = label_sharpness(x, y, seed=seed), label_sharpness(x, wrong, seed=seed)
        found = float(np.isin(raised.pairs[0], flips).any())
        rows.append((sharp.value, *error_and_loss(x, y, seed), float(raised.value > sharp.value), found))
    table = np.array(rows)
    return {
        "correlation_with_test_error": float(spearmanr(table[:, 0], table[:, 1]).statistic),
        "correlation_with_lost_accuracy": float(spearmanr(table[:, 0], table[:, 2]).statistic),
        "sharpness_rises_with_flips": float(table[:, 3].mean()),
        "flipped_row_in_closest_pair": float(table[:, 4].mean()),
        "mean_test_error": float(table[:, 1].mean()),
        "mean_lost_accuracy": float(table[:, 2].mean()),
    }


def cifar_pair(seed: int) -> float:
    """Return K_F of 1000 images of airplanes and automobiles."""
    images = cifar10_images("train")
    rows = np.flatnonzero(images.labels < 2)
    rows = np.random.default_rng(seed).choice(rows, 1000, replace=False)
    return label_sharpness(images.pixels(rows) / 255, images.labels[rows]).value


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    torch.set_num_threads(1)
    return {**cube(seed), **digit_pairs(seed), "cifar10_sharpness_airplane_automobile": cifar_pair(seed)}
