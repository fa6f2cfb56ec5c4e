"""Many sources, one label: votes of people, rules and models are merged, and each source's quality is estimated."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.consensus.label_models import _FACE as _LABEL_MODELS
from labelwright.errors import naming_extra

_ROOMS = {
    "aggregation": "Aggregation aggregate",
    "base": "LabelModel SourceQuality confusion_matrices most_probable",
    "automatic": "Automatic",
    "classifier_votes": "CROWDLAB",
    "committee": "Committee",
    "conditional_flow": "ConditionalFlow",
    "label_flows": "LabelLearningFlow LabelLearningFlowRegressor",
    "paired_capture": ("PairedCapture SensedScene area_change paired_outliers simulate_paired_scene visible_paint"),
    "paired_sensing": (
        "FluorescentLabeler Keypoint PaintColor calibrate_colors extract_keypoints extract_masks skeleton"
    ),
    "report_findings": "Finding FindingParser",
    "report_grounding": (
        "CandidateLesions GroundedFinding ground_report match_findings refine_component refine_contour"
    ),
    "text_segmenter": "TextGroundedSegmenter",
    "prompted": "PromptedWeakSupervision",
    "prompted_functions": "PromptedLabelingFunction ResponseMap WrittenLabelingFunction calibrate_contextually",
    "weak_signals": "signals_from_votes weak_signal_error",
    "label_functions": "LabelingFunction apply_functions labeling_function",
    "rule_kinds": "comparison distance keyword model question regex",
    "rule_files": "read_rules",
    "majority_certificate": "CertificateStatus MajorityCertificate certify_majority choose_aggregator",
    "majority_optimality": "Gap Optimality majority_gap majority_is_optimal oracle_map plurality_is_optimal",
    "continuous": "ContinuousLabelModel",
    "manifold": "ManifoldLabelModel sphere",
    "metric_triplets": "triplet_distances triplet_signs",
    "rankings": "RankingLabelModel kendall_distance kemeny mallows_distance",
    "universal": "FiniteMetricLabelModel MetricLabelModel",
    "paper_certificate": "published_certificate",
    "pipeline": "WeakSupervisionPipeline",
    "reask": "Reask whom_to_reask",
    "streaming": "ParquetVotes",
    "vote_frames": "share_repeats",
    "agreement": "Agreement vote_agreement",
    "analysis": "SourceSummary summarize_sources",
    "dependence": "Dependence dependent_sources overlapping_rules pair_agreement shared_weight warned_pairs",
    "methods": "label_model",
    "vote_files": "VoteFile read_vote_file",
    "workflow": "AboutVotes aggregate_file",
    "rule_votes": "aggregate_rules",
}
# Public names and where they live. They load on first use.
_FACE = _LABEL_MODELS | {
    name: f"labelwright.consensus.{room}" for room, names in _ROOMS.items() for name in names.split()
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        with naming_extra(f"{name} trains a network and"):
            return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.consensus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
