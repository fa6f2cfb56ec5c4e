"""Find what is wrong: with labels, rows, columns, classes and the data set as a whole."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and where they live. They load on first use, so that importing a family stays cheap.
_FACE = {
    "estimate_truth": "labelwright.audit.truth_model",
    "TruthModel": "labelwright.audit.truth_model",
    "TruthEstimate": "labelwright.audit.truth_model",
    "AbsentClasses": "labelwright.audit.class_balance",
    "BlurryImages": "labelwright.audit.image_properties",
    "ClassImbalance": "labelwright.audit.class_balance",
    "ClassNames": "labelwright.audit.class_names",
    "ConfidentRows": "labelwright.audit.confident_learning",
    "DarkImages": "labelwright.audit.image_properties",
    "ExactDuplicates": "labelwright.audit.duplicates",
    "GrayscaleImages": "labelwright.audit.image_properties",
    "IdentifierColumns": "labelwright.audit.suspicious_columns",
    "ImageProperties": "labelwright.audit.image_measures",
    "KnnShapley": "labelwright.audit.valuation",
    "LabelErrors": "labelwright.audit.label_errors",
    "LeakingColumns": "labelwright.audit.suspicious_columns",
    "LightImages": "labelwright.audit.image_properties",
    "LowInformationImages": "labelwright.audit.image_properties",
    "MislabelledGroups": "labelwright.audit.underperforming_groups",
    "MissingColumns": "labelwright.audit.missing_values",
    "MissingRows": "labelwright.audit.missing_values",
    "MultiLabelIssues": "labelwright.audit.multilabel_errors",
    "NearDuplicates": "labelwright.audit.duplicates",
    "NoiseEstimate": "labelwright.audit.noise_rate",
    "OddAspectRatios": "labelwright.audit.image_properties",
    "OddSizes": "labelwright.audit.image_properties",
    "Outliers": "labelwright.audit.outliers",
    "RegressionErrors": "labelwright.audit.regression_errors",
    "RowOrder": "labelwright.audit.row_order",
    "Scores": "labelwright.audit.scores",
    "SmallClasses": "labelwright.audit.class_names",
    "SplitLeaks": "labelwright.audit.duplicates",
    "SpuriousCorrelations": "labelwright.audit.spurious_correlation",
    "UncertainRows": "labelwright.audit.outliers",
    "UnderperformingGroups": "labelwright.audit.underperforming_groups",
    "UnreadableImages": "labelwright.audit.image_properties",
    "calibrate_confident_joint": "labelwright.audit.confident_learning",
    "compute_confident_joint": "labelwright.audit.confident_learning",
    "confident_thresholds": "labelwright.audit.confident_learning",
    "duplicate_groups": "labelwright.audit.duplicates",
    "estimate_joint": "labelwright.audit.confident_learning",
    "estimate_noise": "labelwright.audit.noise_rate",
    "feature_clusters": "labelwright.audit.underperforming_groups",
    "find_label_issues": "labelwright.audit.label_issues",
    "find_label_issues_batched": "labelwright.audit.label_issues",
    "find_predicted_neq_given": "labelwright.audit.label_issues",
    "find_top_issues": "labelwright.audit.label_quality",
    "get_confident_thresholds": "labelwright.audit.confident_learning",
    "get_label_quality_ensemble_scores": "labelwright.audit.label_quality",
    "get_label_quality_scores": "labelwright.audit.label_quality",
    "knn_shapley_values": "labelwright.audit.valuation",
    "label_quality_scores": "labelwright.audit.label_quality",
    "measure_images": "labelwright.audit.image_measures",
    "multilabel_find_label_issues": "labelwright.audit.multilabel_errors",
    "multilabel_quality_scores": "labelwright.audit.multilabel_quality",
    "num_label_issues": "labelwright.audit.confident_learning",
    "order_label_issues": "labelwright.audit.label_quality",
    "pool_class_scores": "labelwright.audit.multilabel_quality",
    "regression_quality_scores": "labelwright.audit.regression_errors",
    "right_predictions": "labelwright.audit.underperforming_groups",
    "row_groups": "labelwright.audit.row_groups",
    "score_images": "labelwright.audit.image_properties",
    "text_groups": "labelwright.audit.row_groups",
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.audit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
