"""P038: asking a teacher that errs by the robust distribution brings fewer wrong answers than margin sampling, and no
worse a student.

Digits: 1000 rows to ask about, 30 labelled ones, 100 rows that the teacher's accuracy is counted on, the rest is the
test. The teacher is a logistic regression on 60 rows (about 77 % right, wrong where its margin is small); the student a
logistic regression on the labelled rows and all soft answers so far. Five rounds of 60 questions. The teacher's
accuracy is all that the method is told.

Source: Baykal et al., Robust active distillation, ICLR 2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import digits
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression

from labelwright.acquire import Margin, Pool, RandomSampling, RobustActiveDistillation, rad_distribution
from labelwright.catalogue.claims import All, Beats, Holds, NotWorse

DATA = ("digits",)
BUDGET_S = 120
SEEDS = 8
ROUNDS, PER_ROUND = 5, 60
CLAIM = All(
    Beats(
        baseline="margin sampling", by=0.05, seeds=SEEDS, metric="share of wrong answers among the questions",
        method_figure="robust_wrong", baseline_figure="margin_wrong", lower_is_better=True,
    ),
    NotWorse(
        baseline="margin sampling", within=0.005, seeds=SEEDS, metric="student accuracy",
        method_figure="robust_accuracy", baseline_figure="margin_accuracy",
    ),
    Holds("The value of the game is that of its linear program; with p = 0 all is on one row", ("identity",), SEEDS),
)  # fmt: skip


def soft_fit(X: NDArray[np.float64], targets: NDArray[np.float64]) -> Any:
    """Return a logistic regression on soft targets (n, K): each row stands once a class, weighted."""
    n, k = targets.shape
    weight = targets.ravel()
    kept = weight > 1e-4
    rows, labels = np.repeat(np.arange(n), k)[kept], np.tile(np.arange(k), n)[kept]
    return LogisticRegression(C=1.0, max_iter=300).fit(X[rows], labels, sample_weight=weight[kept])


def distil(
    X: NDArray[np.float64], y: NDArray[np.int64], parts: dict[str, Any], method: str, seed: int
) -> dict[str, float]:
    """Ask in rounds and return the share of wrong answers and the student's accuracy."""
    rng = np.random.default_rng([seed, 38])
    pool, teacher = parts["pool"], parts["teacher"]
    answers = teacher.predict_proba(X[pool])
    known = np.eye(10)[y[parts["labelled"]]]
    asked = np.empty(0, np.int64)
    checked = float((teacher.predict(X[parts["checked"]]) == y[parts["checked"]]).mean())
    chooser = {
        "robust": RobustActiveDistillation(teacher_accuracy=checked),
        "margin": Margin(),
        "random": RandomSampling(),
    }[method]
    for _ in range(ROUNDS + 1):
        inputs = np.concatenate([X[parts["labelled"]], X[pool[asked]]])
        student = soft_fit(inputs, np.concatenate([known, answers[asked]]))
        if len(asked) == ROUNDS * PER_ROUND:
            break
        free = np.ones(len(pool), np.bool_)
        free[asked] = False
        chosen = chooser.select(Pool(pred_probs=student.predict_proba(X[pool]), candidates=free), PER_ROUND, rng)
        asked = np.concatenate([asked, chosen.rows])
    wrong = answers[asked].argmax(axis=1) != y[pool[asked]]
    right = student.predict(X[parts["test"]]) == y[parts["test"]]
    return {f"{method}_wrong": float(wrong.mean()), f"{method}_accuracy": float(right.mean())}


def identity(seed: int) -> float:
    """Return 1.0 when the closed form has the value of the linear program, and p = 0 is greedy."""
    rng = np.random.default_rng(seed)
    g, p = rng.uniform(0.05, 1, 15), int(rng.integers(1, 10))
    # max Σ v − (p·t + Σ s),  s_i ≥ v_i − t: the sum of the p largest v, dual; v_i = q_i g_i
    c = np.concatenate([-g, [p], np.ones(15)])
    above = np.hstack([np.diag(g), -np.ones((15, 1)), -np.eye(15)])
    total = np.concatenate([np.ones(15), np.zeros(16)])[None]
    bounds = [(0, None)] * 15 + [(0, None)] + [(0, None)] * 15
    program = linprog(c, A_ub=above, b_ub=np.zeros(15), A_eq=total, b_eq=[1.0], bounds=bounds)
    solved = np.isclose(rad_distribution(g, p).value, -program.fun, rtol=0, atol=1e-9)
    return float(solved and np.isclose(rad_distribution(g, 0).q[g.argmax()], 1.0, rtol=0, atol=1e-12))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    data = digits()
    X, y = data.X.astype(np.float64) / 16, data.truth
    order = np.random.default_rng(seed).permutation(len(y))
    taught, labelled, checked = order[:60], order[60:90], order[90:190]
    labelled = np.concatenate([[order[:190][y[order[:190]] == k][0] for k in range(10)], labelled])  # one a class
    taught = np.concatenate([taught, labelled[:10]])
    teacher = LogisticRegression(C=1.0, max_iter=300).fit(X[taught], y[taught])
    pool, test = order[190:1190], order[1190:]
    parts = {"labelled": labelled, "checked": checked, "pool": pool, "test": test, "teacher": teacher}
    figures = {"teacher_accuracy": float((teacher.predict(X[pool]) == y[pool]).mean())}
    for method in ("robust", "margin", "random"):
        figures |= distil(X, y, parts, method, seed)
    return figures | {"identity": identity(seed)}
