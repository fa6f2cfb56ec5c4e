"""P082: with noisy labels the student should imitate its teacher by more than one.

Ridge: 200 rows, 50 inputs, strong noise. The closed-form imitation weight xi* has a smaller expected error than any
weight in [0, 1], and a fine grid finds the same minimum.

Classification: 500 random Fourier features (rows of length 1) of digits, 50 % of the labels replaced by another class;
softmax regression with a weak penalty (1e-4 beside the mean loss) on 1000 rows, accuracy on 540 untouched rows. For
orientation, teacher and student with the penalty (and weight) that do best on 257 held-out noisy labels.

Source: Das, Sanghavi, ICML 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import digits
from sklearn.kernel_approximation import RBFSampler

from labelwright.catalogue.claims import All, AtMost, Beats, NotWorse
from labelwright.learn.noisy import (
    distillation_targets,
    optimal_imitation_weight,
    plug_in_imitation_weight,
    softmax_regression,
    student_error,
)
from labelwright.noise import symmetric_noise

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 5
WEAK, PENALTIES, WEIGHTS = 1e-4, (1e-4, 5e-4, 2e-3), (1.0, 1.2, 1.5)
LAM, NOISE = 20.0, 400.0
Floats = NDArray[np.float64]


def _accuracy(method: str, baseline: str) -> dict[str, str]:
    return {"metric": "accuracy", "baseline": baseline, "method_figure": method, "baseline_figure": baseline}


CLAIM = All(
    Beats(
        baseline="the best weight in [0, 1]",
        seeds=SEEDS,
        metric="expected squared error of ridge",
        method_figure="ridge_best",
        baseline_figure="ridge_up_to_1",
        lower_is_better=True,
    ),
    AtMost("ridge_grid_gap", 1e-3, SEEDS, every_seed=True),
    NotWorse(**_accuracy("xi_1.2", "xi_1.0"), seeds=SEEDS),
    NotWorse(**_accuracy("xi_1.5", "xi_1.0"), seeds=SEEDS),
    Beats(**_accuracy("xi_1.0", "teacher"), by=0.005, seeds=SEEDS),
)


def ridge(seed: int) -> dict[str, float]:
    """Compare the closed form with a grid."""
    rng = np.random.default_rng(seed)
    X, theta = rng.normal(size=(200, 50)), rng.normal(size=50)
    best = optimal_imitation_weight(X, theta, NOISE, LAM)

    def error(xi: float) -> float:
        return student_error(X, theta, NOISE, LAM, xi)

    near = min(np.arange(-1.0, 12.0, 0.05), key=error)
    on_grid = min(np.arange(near - 0.1, near + 0.1, 5e-4), key=error)
    y = X @ theta + np.sqrt(NOISE) * rng.normal(size=200)
    return {
        "ridge_best": error(best),
        "ridge_up_to_1": min(error(xi) for xi in np.linspace(0, 1, 101)),
        "ridge_grid_gap": float(abs(on_grid - best)),
        "ridge_xi": best,
        "ridge_xi_plug_in": plug_in_imitation_weight(X, y, LAM, seed=seed),
    }


def classification(seed: int) -> dict[str, float]:
    """Measure teacher and students on digits."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data))
    X = RBFSampler(gamma=0.15, n_components=500, random_state=seed).fit_transform(data.X / 16)
    noisy = symmetric_noise(data.truth, 0.5, 10, seed).labels
    train, valid, test = order[:1000], order[1000:1257], order[1257:]
    given = np.eye(10)[noisy[train]]
    found: dict[tuple[float, float], tuple[float, float]] = {}  # (penalty, weight) -> accuracy on valid, on test
    for l2 in PENALTIES:
        teacher = softmax_regression(X[train], given, l2)
        models = {0.0: teacher}
        for xi in WEIGHTS:
            models[xi] = softmax_regression(
                X[train], distillation_targets(teacher.predict_proba(X[train]), given, xi), l2
            )
        for xi, model in models.items():
            hits = model.logits(X).argmax(axis=1)
            found[l2, xi] = float((hits[valid] == noisy[valid]).mean()), float((hits[test] == data.truth[test]).mean())
    teachers = {key: value for key, value in found.items() if key[1] == 0}
    students = {key: value for key, value in found.items() if key[1] > 0}
    return {
        "teacher": found[WEAK, 0.0][1],
        **{f"xi_{xi}": found[WEAK, xi][1] for xi in WEIGHTS},
        "teacher_tuned": max(teachers.values())[1],
        "student_tuned": max(students.values())[1],
    }


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return ridge(seed) | classification(seed)
