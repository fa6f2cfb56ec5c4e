"""Find what is wrong: with labels, rows, columns, classes and the data set as a whole."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and where they live. They load on first use, so that importing a family stays cheap.
_FACE = {
    "ConfidentRows": "labelwright.audit.confident_learning",
    "LabelErrors": "labelwright.audit.label_errors",
    "MultiLabelIssues": "labelwright.audit.multilabel_errors",
    "NoiseEstimate": "labelwright.audit.noise_rate",
    "RegressionErrors": "labelwright.audit.regression_errors",
    "Scores": "labelwright.audit.scores",
    "calibrate_confident_joint": "labelwright.audit.confident_learning",
    "compute_confident_joint": "labelwright.audit.confident_learning",
    "confident_thresholds": "labelwright.audit.confident_learning",
    "estimate_joint": "labelwright.audit.confident_learning",
    "estimate_noise": "labelwright.audit.noise_rate",
    "find_label_issues": "labelwright.audit.label_issues",
    "find_label_issues_batched": "labelwright.audit.label_issues",
    "find_predicted_neq_given": "labelwright.audit.label_issues",
    "find_top_issues": "labelwright.audit.label_quality",
    "get_confident_thresholds": "labelwright.audit.confident_learning",
    "get_label_quality_ensemble_scores": "labelwright.audit.label_quality",
    "get_label_quality_scores": "labelwright.audit.label_quality",
    "label_quality_scores": "labelwright.audit.label_quality",
    "multilabel_find_label_issues": "labelwright.audit.multilabel_errors",
    "multilabel_quality_scores": "labelwright.audit.multilabel_quality",
    "num_label_issues": "labelwright.audit.confident_learning",
    "order_label_issues": "labelwright.audit.label_quality",
    "pool_class_scores": "labelwright.audit.multilabel_quality",
    "regression_quality_scores": "labelwright.audit.regression_errors",
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.audit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
