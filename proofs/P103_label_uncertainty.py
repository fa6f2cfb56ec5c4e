"""P103: models err where people are unsure, and asking for such errors tightens the limit of robustness.

CIFAR-10 test images with the 50 votes of CIFAR-10H. A network of 512 hidden units on 256 convolutional features,
trained on the 50,000 clean training images: mean label uncertainty of its test errors against all test images, and
against random sets as large. Accuracy when the 20 % least certain images are refused. 2000 test images a seed, pixels
in [0, 1], l2 changes of 0.5, alpha 0.05, five balls, three random halves: the estimated limit of robustness when
regions need a mean uncertainty of 0.17, against any regions; the held-out risk of the regions against alpha. (Sizes
and epochs were chosen on seed 50.)

Source: Zhang, Evans, Understanding Intrinsic Robustness Using Label Uncertainty, ICLR 2022.
"""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from proofs.datasets import CIFAR10_CLASSES, cifar10_images, cifar10n_features, folder
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from labelwright.audit import (
    ConcentrationEstimator,
    UncertaintyAbstainer,
    error_region_uncertainty,
    label_uncertainty,
)
from labelwright.catalogue.claims import All, AtLeast, AtMost, NotWorse

DATA = ("cifar10n", "cifar10h", "cifar10")
BUDGET_S = 240
SEEDS = 3
CLAIM = All(
    AtLeast("error_uncertainty_ratio", 1.5, seeds=SEEDS),
    NotWorse(
        baseline="any regions",
        seeds=SEEDS,
        metric="limit of robustness",
        method_figure="robustness_uncertain",
        baseline_figure="robustness_plain",
        lower_is_better=True,
    ),
    AtMost("risk_off_alpha", 0.01, seeds=SEEDS),
)


def human_shares() -> NDArray[np.float64]:
    """Return the vote shares of CIFAR-10H, (10000, 10)."""
    table = pq.read_table(folder() / "cifar10" / "cifar10h.parquet")
    counts = np.stack([table[f"count_{name}"].to_numpy() for name in CIFAR10_CLASSES], axis=1).astype(np.float64)
    return counts / counts.sum(axis=1, keepdims=True)


def model_errors(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return where a trained network errs on the test images, and their labels."""
    train, test = cifar10n_features("clean")
    mean, scale = train.X.mean(axis=0), train.X.std()
    model = MLPClassifier((512,), alpha=1e-3, batch_size=256, max_iter=4, n_iter_no_change=99, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((train.X - mean) / scale, train.truth)
    return model.predict((test.X - mean) / scale) != test.truth, test.truth


def run(seed: int) -> dict[str, float]:
    """Measure with one seed."""
    wrong, labels = model_errors(seed)
    uncertainty = label_uncertainty(human_shares(), labels)
    errors = error_region_uncertainty(uncertainty, wrong, seed)
    coverage, accuracy = UncertaintyAbstainer.curve(uncertainty, ~wrong)
    rows = np.random.default_rng(seed).choice(len(labels), 2000, replace=False)
    pixels = cifar10_images("test").pixels(rows).reshape(len(rows), -1) / 255
    plain, asked = (
        ConcentrationEstimator("l2", 0.5, gamma=gamma, seed=seed).estimate(pixels, uncertainty[rows])
        for gamma in (0.0, 0.17)
    )
    return {
        "error_uncertainty_ratio": errors.ratio,
        "error_uncertainty": errors.errors,
        "random_sets_high": errors.random.high,
        "accuracy": float((~wrong).mean()),
        "accuracy_of_surest_80_percent": float(np.interp(0.8, coverage, accuracy)),
        "robustness_plain": plain.robustness,
        "robustness_uncertain": asked.robustness,
        "risk_plain": plain.risk,
        "risk_uncertain": asked.risk,
        "risk_off_alpha": abs(asked.risk - 0.05),
        "held_out_uncertainty_of_region": asked.uncertainty,
    }
