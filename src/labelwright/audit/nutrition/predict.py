"""What columns tell about a group or about the label, measured on rows the model has not seen. Source: [P065]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.groups import group_codes
from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.classification import balanced_accuracy
from labelwright.metrics.ranking import auroc

_MOST_ROWS = 6000
_FOLDS = 3
_FEWEST = 30


def group_accuracy(table: NutritionTable, used: tuple[Column, ...], column: Column) -> tuple[float, str]:
    """Return the out-of-sample balanced accuracy of predicting the groups of `column`, and the best single column.

    Groups under 30 sampled rows are left out; 0 and an empty name when fewer than two groups remain. Kept in the
    table's cache, since several use cases ask the same.
    """
    key = ("group_accuracy", tuple(c.name for c in used), column.name)
    if key not in table.cache:
        table.cache[key] = _group_accuracy(table, used, column)
    found: tuple[float, str] = table.cache[key]
    return found


def _group_accuracy(table: NutritionTable, used: tuple[Column, ...], column: Column) -> tuple[float, str]:
    codes, _ = group_codes(column)
    rows = table.sample(_MOST_ROWS)
    rows = rows[codes[rows] >= 0]
    counts = np.bincount(codes[rows], minlength=1)
    rows = rows[counts[codes[rows]] >= _FEWEST]
    y = np.unique(codes[rows], return_inverse=True)[1]
    if not used or len(rows) == 0 or y.max() == 0:
        return 0.0, ""
    folds = _folds(y, table.seed)
    alone = [balanced_accuracy(y, _table_predict(c.take(rows).binned(32, 200), y, folds)) for c in used]
    best = used[int(np.argmax(alone))].name
    together = balanced_accuracy(y, _forest_predict([c.take(rows) for c in used], y, folds, table.seed))
    return float(max(together, *alone)), best


def label_auc(table: NutritionTable, column: Column) -> float:
    """Return how well one column alone tells the label on unseen rows: AUC, mean over classes (R² for a number)."""
    rows = table.sample(20_000)
    labels, task = table.dataset.labels[rows], table.dataset.plan.task
    known = np.isfinite(labels) if task == "regression" else labels >= 0
    if labels.ndim == 2:
        return 0.0
    part, y = column.take(rows[known]), labels[known]
    if len(y) < 2 * _FEWEST:
        return 0.0
    bins = part.binned(64, 200)
    if task == "regression":
        return _r_squared(bins, y.astype(np.float64), table.seed)
    y = np.unique(y, return_inverse=True)[1]
    if y.max() == 0:
        return 0.0
    scores = _table_probs(bins, y, _folds(y, table.seed))
    return float(np.mean([auroc(y == k, scores[:, k]) for k in range(int(y.max()) + 1)]))


def _folds(y: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal the shuffled rows of each class to the folds in turn, int (n,)."""
    order = np.random.default_rng([seed, len(y)]).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    folds = np.empty(len(y), dtype=np.int64)
    folds[order] = np.arange(len(y)) % _FOLDS
    return folds


def _table_probs(bins: NDArray[np.int32], y: NDArray[np.int64], folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each class in the row's bin among the other folds, drawn to the base rate, (n, K)."""
    n_bins, n_classes = int(bins.max()) + 1, int(y.max()) + 1
    base = np.bincount(y, minlength=n_classes) / len(y)
    out = np.empty((len(y), n_classes))
    joint = bins.astype(np.int64) * n_classes + y
    for fold in range(_FOLDS):
        inside = folds == fold
        counts = np.bincount(joint[~inside], minlength=n_bins * n_classes).reshape(n_bins, n_classes)
        shares = (counts + base) / (counts.sum(axis=1, keepdims=True) + 1)
        out[inside] = shares[bins[inside]]
    return out


def _table_predict(bins: NDArray[np.int32], y: NDArray[np.int64], folds: NDArray[np.int64]) -> NDArray[np.int64]:
    base = np.bincount(y) / len(y)
    return np.asarray((_table_probs(bins, y, folds) / base).argmax(axis=1))


def _forest_predict(used: list[Column], y: NDArray[np.int64], folds: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    from sklearn.ensemble import RandomForestClassifier

    x = np.column_stack([c.binned(32, 60) if c.numbers is None else c.numbers for c in used]).astype(np.float64)
    x = np.clip(x, -1e30, 1e30)  # trees work in float32
    out = np.zeros(len(y), dtype=np.int64)
    for fold in range(_FOLDS):
        inside = folds == fold
        model = RandomForestClassifier(
            n_estimators=24, max_depth=10, min_samples_leaf=5, class_weight="balanced", random_state=seed, n_jobs=1
        )
        out[inside] = model.fit(x[~inside], y[~inside]).predict(x[inside])
    return out


def _r_squared(bins: NDArray[np.int32], y: NDArray[np.float64], seed: int) -> float:
    folds = _folds(np.zeros(len(y), dtype=np.int64), seed)
    predicted = np.empty(len(y))
    n_bins = int(bins.max()) + 1
    for fold in range(_FOLDS):
        inside = folds == fold
        counts = np.bincount(bins[~inside], minlength=n_bins)
        sums = np.bincount(bins[~inside], weights=y[~inside], minlength=n_bins)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), y[~inside].mean())
        predicted[inside] = means[bins[inside]]
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - predicted) ** 2).sum()) / spread if spread > 0 else 0.0
