"""P022: the nutrition label surfaces seeded faults in the right module and stays silent on the clean table.

Data: Adult census (48842 rows) and German credit (1000 rows), as published. Four faults are planted one at a time:
5 % of the rows doubled with another label, 8 % of the labels flipped, 30 % of a column emptied, a copy of the label
added as a column. Each must raise its alert in its own section, and on the clean table none of the four may fire. The
label of each table takes under 10 seconds of processor time; rows made up by the model of a Gaussian table have its
mean and covariance; the label comes back from JSON equal to itself.

Source: Holland et al., arXiv 1805.03677 (2018).
"""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from proofs.datasets import table

from labelwright.audit.noise_rate import estimate_noise
from labelwright.audit.nutrition import nutrition_label
from labelwright.audit.nutrition.mixture import fit_mixture
from labelwright.catalogue.claims import Holds
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.dataset import Dataset
from labelwright.data.features import build_features
from labelwright.data.load import load_dataset
from labelwright.metrics.report import Report

DATA = ("adult", "german_credit")
BUDGET_S = 240
SETS = {"adult": ("income", "hours_per_week"), "german_credit": ("bad", "savings")}
SECTION = {"conflict": "Labels", "flips": "Labels", "missing": "Statistics", "leak": "Pairs of columns"}
FIGURES = tuple(f"{name}: {what}" for name in SETS for what in (*SECTION, "silent when clean", "under 10 s", "JSON"))
CLAIM = Holds(
    "Each seeded fault raises its alert in the right section, the clean table raises none of them",
    (*FIGURES, "Gaussian rows come back"),
    seeds=3,
)


def run(seed: int) -> dict[str, float]:
    """Return 1.0 for every statement that holds with this seed."""
    figures: dict[str, float] = {"Gaussian rows come back": float(_gaussian(seed))}
    for name, (label, column) in SETS.items():
        clean = table(name)
        probs = _probabilities(clean, label, seed)
        start = time.process_time()
        report = _label(clean, label, probs, seed)
        figures[f"{name}: under 10 s"] = float(time.process_time() - start < 10)
        figures[f"{name}: JSON"] = float(Report.from_json(report.to_json()) == report)
        figures[f"{name}: silent when clean"] = float(not any(_surfaced(report).values()))
        rng = np.random.default_rng(seed)
        flipped = flip(clean, label, rng.random(len(clean)) < 0.08)
        faults = {
            "conflict": _label(double_with_other_label(clean, label, 0.05, rng), label, None, seed),
            "flips": _label(flipped, label, _probabilities(flipped, label, seed), seed),
            "missing": _label(empty(clean, column, rng.random(len(clean)) < 0.3), label, probs, seed),
            "leak": _label(clean.append_column("outcome_code", clean.column(label)), label, probs, seed),
        }
        for fault, faulty in faults.items():
            fired = _surfaced(faulty)
            figures[f"{name}: {fault}"] = float(fired[fault] and sum(fired.values()) == 1)
    return figures


def _dataset(data: pa.Table, label: str) -> Dataset:
    columns = tuple(c for c in data.column_names if c not in (label, "split"))
    return load_dataset(data, label=label, task="classification", feature_columns=columns)


def _label(data: pa.Table, label: str, probs: NDArray[np.float64] | None, seed: int) -> Report:
    dataset = _dataset(data, label)
    noise = None if probs is None else estimate_noise(dataset.labels, probs, seed=seed)
    answers = {"missing_codes": {"*": "?"}}
    return nutrition_label(dataset, noise=noise, pred_probs=probs, answers=answers, seed=seed)


def _probabilities(data: pa.Table, label: str, seed: int) -> NDArray[np.float64]:
    dataset = _dataset(data, label)
    features = build_features(dataset, seed=seed)
    return out_of_fold_probs(features.matrix, dataset.labels, 2, seed=seed)


def _surfaced(report: Report) -> dict[str, bool]:
    """Tell which of the four alerts stand, each looked for in its own section only."""
    words = {"conflict": "twin", "flips": "surest", "missing": "missing.", "leak": "gives the label away"}
    return {
        fault: any(words[fault] in alert.message for alert in report.section(section).alerts)
        for fault, section in SECTION.items()
    }


def flip(data: pa.Table, label: str, chosen: NDArray[np.bool_]) -> pa.Table:
    """Return the table with the 0/1 labels of the chosen rows turned round."""
    values = data.column(label).to_numpy()
    return _put(data, label, np.where(chosen, 1 - values, values))


def double_with_other_label(data: pa.Table, label: str, share: float, rng: np.random.Generator) -> pa.Table:
    """Return the table with a share of its rows repeated under the other label."""
    rows = np.sort(rng.choice(len(data), round(share * len(data)), replace=False))
    twins = flip(data.take(rows), label, np.ones(len(rows), dtype=bool))
    return pa.concat_tables([data, twins])


def empty(data: pa.Table, column: str, chosen: NDArray[np.bool_]) -> pa.Table:
    """Return the table with the chosen cells of a column emptied."""
    values = data.column(column).combine_chunks()
    kept = pa.array(
        [None if gone else value for value, gone in zip(values.to_pylist(), chosen, strict=True)], values.type
    )
    return data.set_column(data.column_names.index(column), column, kept)


def _put(data: pa.Table, column: str, values: NDArray) -> pa.Table:
    field = data.schema.field(column)
    return data.set_column(data.column_names.index(column), field, pa.array(values, field.type))


def _gaussian(seed: int) -> bool:
    """Fit rows of one Gaussian, draw as many, and compare mean and covariance within five standard errors."""
    rng = np.random.default_rng(seed)
    mean, covariance = np.array([1.0, -2.0]), np.array([[2.0, 0.8], [0.8, 1.0]])
    real = rng.multivariate_normal(mean, covariance, 4000)
    model = fit_mixture(real, np.zeros((4000, 0), dtype=np.int32), (), 1, seed)
    made, _ = model.draw(4000, rng)
    error = 5 / np.sqrt(4000)
    near_mean = bool((np.abs(made.mean(axis=0) - real.mean(axis=0)) < 1.5 * error * np.sqrt(2)).all())
    near_covariance = bool((np.abs(np.cov(made.T) - np.cov(real.T)) < 2.9 * error * np.sqrt(2)).all())
    return near_mean and near_covariance
