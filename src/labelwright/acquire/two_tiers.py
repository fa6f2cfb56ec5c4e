"""A budget plan from data that carry cheap labels, and careful ones on some rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from labelwright.acquire.budget_planner import BudgetPlan, plan_budget
from labelwright.acquire.contract import Floats, Rows
from labelwright.acquire.probe import FittedProbe
from labelwright.acquire.split_sweep import budget_sweep
from labelwright.data.features.build import build_features
from labelwright.data.load import load_dataset
from labelwright.data.splits import stratified_folds
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.progress import SILENT, Progress

LEAST_CAREFUL = 30  # careful labels below which nothing can be measured
TEST_FOLDS = 3
BUDGETS = 5  # that are measured, each twice the one before
LEAST_TO_MOVE = 10  # careful labels that a model of cheap ones is corrected by
LEAST_PROBABILITY = 1e-4
PENALTIES = (1.0, 0.1, 0.01, 0.001)


def plan_from_data(
    path: Path, money: float, *, cheap: str, careful: str, price_cheap: float, price_careful: float,
    features: str | None = None, repeats: int = 5, seed: int = 0, jobs: int = 1, progress: Progress = SILENT,
    **columns: Any,
) -> BudgetPlan:  # fmt: skip
    """Return how to split money between cheap and careful labels, measured on data that have some of both.

    Parameters
    ----------
    path : Path
        Rows with a column of cheap labels and a column of careful ones, which may be empty in most rows.
    money : float
        To be spent, in the unit of the prices.
    cheap, careful : str
        The columns.
    price_cheap, price_careful : float
    features, repeats, seed, jobs, progress
    **columns
        ``id``, ``text``, ``image``, ``feature_columns``, ``root``, ``sheet``: see `load_dataset`.

    Raises
    ------
    BadInput
        A column is missing, or there are too few careful labels to measure anything.

    Notes
    -----
    A third of the careful labels is the test. Training uses different rows for the two kinds. The model of both kinds
    is linear: one on cheap labels, whose logits are then moved by careful ones under a penalty on the way; fewer than
    ten careful labels move nothing.
    """
    columns = {name: value for name, value in columns.items() if value}
    dataset = load_dataset(path, label=cheap, task="classification", features=features, **columns)
    space = dataset.space
    assert space is not None
    if careful not in dataset.source.table.column_names:
        raise BadInput(
            f"there is no column {quoted(careful)}", where=path.name,
            fix=did_you_mean(careful, dataset.source.table.column_names),
        )  # fmt: skip
    texts = known_texts(dataset.source.table.column(careful)).to_pylist()
    odd = next((text for text in texts if text is not None and text not in space.index), None)
    if odd is not None:
        raise BadInput(
            f"{quoted(odd)} is no cheap label", where=f"{path.name}, column {quoted(careful)}",
            fix=did_you_mean(odd, space.names),
        )  # fmt: skip
    truth = np.array([-1 if text is None else space.index[text] for text in texts], np.int64)
    given = dataset.labels.astype(np.int64)
    known = np.flatnonzero(truth >= 0)
    if len(known) < LEAST_CAREFUL:
        raise BadInput(
            f"{len(known)} careful labels are too few to measure a split", where=path.name,
            fix=f"get {LEAST_CAREFUL} careful labels of random rows first",
        )  # fmt: skip
    X = _without_label(dataset, careful, features, seed, jobs, progress)
    bench = TwoTiers(X, given, truth, len(space), seed)
    budgets = bench.budgets(price_cheap, price_careful)
    with progress.stage("measuring splits"):
        sweep = budget_sweep(
            bench.score, budgets, price_cheap=price_cheap, price_careful=price_careful, most_cheap=bench.most_cheap,
            most_careful=bench.most_careful, repeats=repeats,
        )  # fmt: skip
    return plan_budget(sweep, money)


def _without_label(
    dataset: Any, careful: str, features: str | None, seed: int, jobs: int, progress: Progress
) -> Floats:
    """Return features that do not read the column of careful labels."""
    from dataclasses import replace

    plan = dataset.plan
    kept = tuple(name for name in plan.feature_columns if name != careful)
    texts = tuple(name for name in plan.text if name != careful)
    if (plan.feature_columns and not kept) or (plan.text and not texts):
        raise BadInput("nothing is left to learn from", fix="name input columns with --text or --feature-columns")
    dataset = replace(dataset, plan=replace(plan, feature_columns=kept, text=texts))
    return np.asarray(build_features(dataset, spec=features, jobs=jobs, seed=seed, progress=progress).matrix)


class TwoTiers:
    """Trains on so many cheap and so many careful labels and scores on careful ones held out.

    Parameters
    ----------
    X : float32 (n, d)
    cheap, careful : int64 (n,)
        Labels of both kinds, -1 = none.
    n_classes, seed : int
    """

    def __init__(self, X: NDArray[Any], cheap: Rows, careful: Rows, n_classes: int, seed: int = 0) -> None:
        self.X, self.cheap, self.careful, self.n_classes, self.seed = X, cheap, careful, n_classes, seed
        known = int((careful >= 0).sum())
        self.most_careful = known - -(-known // TEST_FOLDS)
        self.most_cheap = int((cheap >= 0).sum()) - known if (cheap >= 0).sum() > known else 0
        self.most_cheap = max(self.most_cheap, int((cheap >= 0).sum()) - known + self.most_careful // 2)

    def budgets(self, price_cheap: float, price_careful: float) -> list[float]:
        """Return the budgets that the labels at hand allow, each twice the one before."""
        most = min(self.most_careful * price_careful, self.most_cheap * price_cheap)
        return [most / 2**k for k in range(BUDGETS - 1, -1, -1)]

    def score(self, n_cheap: int, n_careful: int, repeat: int) -> float:
        """Return the accuracy on held-out careful labels."""
        known = np.flatnonzero(self.careful >= 0)
        fold = stratified_folds(self.careful[known], TEST_FOLDS, self.seed + repeat)
        test, rest = known[fold == 0], known[fold > 0]
        rng = np.random.default_rng([self.seed, repeat])
        careful = rng.permutation(rest)[:n_careful]
        free = np.setdiff1d(np.flatnonzero(self.cheap >= 0), np.concatenate([test, careful]))
        cheap = rng.permutation(free)[:n_cheap]
        model = _in_turn(self.X, cheap, self.cheap, careful, self.careful, self.n_classes, self.seed)
        return float((model(self.X[test]).argmax(axis=1) == self.careful[test]).mean())


def _in_turn(X: Any, first: Rows, cheap: Rows, second: Rows, careful: Rows, n_classes: int, seed: int) -> Any:
    """Return the predictions of a probe on cheap labels, moved by the careful ones as far as these can tell."""
    if not len(second):
        return FittedProbe(X[first], cheap[first], n_classes, seed).predict_proba
    if not len(first):
        return FittedProbe(X[second], careful[second], n_classes, seed).predict_proba
    base = FittedProbe(X[first], cheap[first], n_classes, seed)
    mean, scale = X[second].mean(axis=0), float(np.sqrt((X[second] ** 2).sum(axis=1).mean())) or 1.0

    def seen(rows: Any) -> tuple[Floats, Floats]:
        columns = np.column_stack([(rows - mean) / scale, np.ones(len(rows))]).astype(np.float64)
        return columns, np.log(np.maximum(base.predict_proba(rows), LEAST_PROBABILITY))

    moved = _correction(*seen(X[second]), careful[second], seed)

    def predict(rows: Any) -> Floats:
        columns, start = seen(rows)
        return np.asarray(softmax(start + columns @ moved, axis=1))

    return predict


def _correction(columns: Floats, start: Floats, labels: Rows, seed: int) -> Floats:
    """Return weights (d, K) that add to the logits `start`; a held-out fifth says how far, nothing at all included."""
    n, weights = len(labels), np.zeros((columns.shape[1], start.shape[1]))
    if n < LEAST_TO_MOVE:
        return weights
    order = np.random.default_rng(seed).permutation(n)
    held, rest = order[: n // 5], order[n // 5 :]
    best, least = np.inf, _log_loss(start[held], labels[held])
    for penalty in PENALTIES:  # from strong to weak, each from where the last one ended
        weights = _moved(weights, columns[rest], start[rest], labels[rest], penalty)
        loss = _log_loss(start[held] + columns[held] @ weights, labels[held])
        if loss >= least:
            break
        best, least = penalty, loss
    nothing = np.zeros_like(weights)
    return nothing if np.isinf(best) else _moved(nothing, columns, start, labels, best)


def _moved(weights: Floats, columns: Floats, start: Floats, labels: Rows, penalty: float) -> Floats:
    """Return the minimum of mean cross-entropy + penalty/2 · |weights|², searched from `weights`."""
    truth = np.eye(start.shape[1])[labels]

    def objective(flat: Floats) -> tuple[float, Floats]:
        w = flat.reshape(weights.shape)
        logits = start + columns @ w
        slope = columns.T @ (softmax(logits, axis=1) - truth) / len(labels) + penalty * w
        return _log_loss(logits, labels) + penalty / 2 * float((w**2).sum()), slope.ravel()

    found: Floats = minimize(objective, weights.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 50}).x
    return found.reshape(weights.shape)


def _log_loss(logits: Floats, labels: Rows) -> float:
    return -float(log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())
