"""Find what is wrong: with labels, rows, columns, classes and the data set as a whole."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and where they live. They load on first use, so that importing a family stays cheap.
_FACE = {
    "AbsentClasses": "labelwright.audit.class_balance",
    "BlurryImages": "labelwright.audit.image_properties",
    "ClassImbalance": "labelwright.audit.class_balance",
    "ClassNames": "labelwright.audit.class_names",
    "CleanLearning": "labelwright.audit.clean_learning",
    "ConfidentRows": "labelwright.audit.confident_rows",
    "ContextualNutritionLabel": "labelwright.audit.nutrition",
    "DarkImages": "labelwright.audit.image_properties",
    "DatasetHealth": "labelwright.audit.dataset_health",
    "DatasetNutritionLabel": "labelwright.audit.nutrition",
    "ExactDuplicates": "labelwright.audit.duplicates",
    "ExponentialAverage": "labelwright.audit.multilabel_quality",
    "GrayscaleImages": "labelwright.audit.image_properties",
    "IdentifierColumns": "labelwright.audit.suspicious_columns",
    "ImageProperties": "labelwright.audit.image_measures",
    "KnnShapley": "labelwright.audit.valuation",
    "LabelErrors": "labelwright.audit.label_errors",
    "Latents": "labelwright.audit.latents",
    "LeakingColumns": "labelwright.audit.suspicious_columns",
    "LightImages": "labelwright.audit.image_properties",
    "LowInformationImages": "labelwright.audit.image_properties",
    "MeanOfWorst": "labelwright.audit.multilabel_quality",
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
    "SoftMin": "labelwright.audit.multilabel_quality",
    "SplitLeaks": "labelwright.audit.duplicates",
    "SpuriousCorrelations": "labelwright.audit.spurious_correlation",
    "TruthEstimate": "labelwright.audit.truth_model",
    "TruthModel": "labelwright.audit.truth_model",
    "UncertainRows": "labelwright.audit.outliers",
    "UnderperformingGroups": "labelwright.audit.underperforming_groups",
    "UnreadableImages": "labelwright.audit.image_properties",
    "UseCase": "labelwright.audit.nutrition",
    "calibrate_confident_joint": "labelwright.audit.confident_learning",
    "compute_confident_joint": "labelwright.audit.confident_learning",
    "confident_thresholds": "labelwright.audit.confident_learning",
    "duplicate_groups": "labelwright.audit.duplicates",
    "estimate_joint": "labelwright.audit.confident_learning",
    "estimate_latent": "labelwright.audit.latents",
    "estimate_noise": "labelwright.audit.noise_rate",
    "estimate_py_and_noise_matrices_from_probabilities": "labelwright.audit.latents",
    "estimate_truth": "labelwright.audit.truth_model",
    "feature_clusters": "labelwright.audit.underperforming_groups",
    "find_label_issues": "labelwright.audit.label_issues",
    "find_label_issues_batched": "labelwright.audit.label_issues",
    "find_label_issues_using_argmax_confusion_matrix": "labelwright.audit.label_issues",
    "find_overlapping_classes": "labelwright.audit.dataset_health",
    "find_predicted_neq_given": "labelwright.audit.label_issues",
    "find_top_issues": "labelwright.audit.label_quality",
    "get_confidence_weighted_entropy_for_each_label": "labelwright.audit.label_quality",
    "get_confident_thresholds": "labelwright.audit.confident_learning",
    "get_label_quality_ensemble_scores": "labelwright.audit.label_quality",
    "get_label_quality_scores": "labelwright.audit.label_quality",
    "get_normalized_entropy": "labelwright.audit.label_quality",
    "get_normalized_margin_for_each_label": "labelwright.audit.label_quality",
    "get_self_confidence_for_each_label": "labelwright.audit.label_quality",
    "health_summary": "labelwright.audit.dataset_health",
    "knn_shapley_values": "labelwright.audit.valuation",
    "label_quality_scores": "labelwright.audit.label_quality",
    "measure_images": "labelwright.audit.image_measures",
    "multilabel_class_flags": "labelwright.audit.multilabel_errors",
    "multilabel_class_scores": "labelwright.audit.multilabel_quality",
    "multilabel_find_label_issues": "labelwright.audit.multilabel_errors",
    "multilabel_label_quality_scores": "labelwright.audit.multilabel_errors",
    "multilabel_label_quality_scores_per_class": "labelwright.audit.multilabel_errors",
    "multilabel_quality_scores": "labelwright.audit.multilabel_quality",
    "neighbor_votes": "labelwright.audit.neighbor_ranking",
    "num_label_issues": "labelwright.audit.confident_learning",
    "nutrition_label": "labelwright.audit.nutrition",
    "order_label_issues": "labelwright.audit.label_quality",
    "overall_label_health_score": "labelwright.audit.dataset_health",
    "pool_class_scores": "labelwright.audit.multilabel_quality",
    "rank_classes_by_label_quality": "labelwright.audit.dataset_health",
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
