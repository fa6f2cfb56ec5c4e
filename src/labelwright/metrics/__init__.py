"""Measures on plain arrays: intervals, agreement, calibration, masks, matching, ranking, reports; NumPy, SciPy only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "agreement": (
        "cohen_kappa fleiss_kappa interval_scale krippendorff_alpha krippendorff_alpha_interval linear_weights "
        "nominal_scale ordinal_scale quadratic_weights votes_of"
    ),
    "calibration": (
        "Reliability adaptive_calibration_error apply_temperature area_under_risk_coverage brier_score "
        "confidence_and_correct coverage_at_risk excess_area_under_risk_coverage expected_calibration_error "
        "fit_temperature log_loss reliability reliability_equal_mass risk_coverage_curve"
    ),
    "candidate_sets": "candidate_coverage disambiguation_accuracy mean_set_size propensity_error",
    "classification": (
        "accuracy balanced_accuracy class_f1 class_iou class_precision class_recall confusion_matrix macro_f1"
    ),
    "detection": "average_precision_per_class box_iou",
    "distances": "hellinger jensen_shannon kl_divergence total_variation",
    "intervals": "Interval McNemar bootstrap clopper_pearson mcnemar paired_bootstrap percentile_interval wilson",
    "masks": "boundary_band boundary_f1 connected_components dice dilate erode iou sum_projection",
    "matching": "Matching hungarian match_above match_clusters",
    "multilabel": (
        "ShotAveragePrecision TagF1 best_threshold_f1 class_average_precision mean_average_precision "
        "shot_average_precision tag_f1"
    ),
    "numerals": "exact_number number_text rounded_number",
    "ranking": (
        "ErrorDetection FlagQuality auroc average_precision error_detection lift_at precision_at precision_at_truth "
        "precision_recall_curve precision_recall_f1 recall_at"
    ),
    "regression": "RegressionErrors ShotErrors regression_errors shot_regression_errors",
    "report": "Alert Measure Picture Plot Report ReportTable Section",
}
# Public names and where they live. They load on first use.
_FACE = {name: f"labelwright.metrics.{room}" for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
