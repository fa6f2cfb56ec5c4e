"""Decisions that keep their promise: calibrated probabilities, prediction sets, abstention, effects.

Every decider is fitted on rows that the model has not seen: ``fit(pred_probs, y, groups=None)``. Then it calibrates
(`calibrate`), answers with sets (`predict_set`) or declines to answer (`abstain`).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "conformal": "conformal_p_values conformal_threshold",
    "conformal_regression": "ConformalizedQuantileRegression CrossConformalRegression SplitConformalRegression",
    "contract": "Abstainer Calibrator Decider OnlineDecider SetPredictor",
    "cross_fitting": "CrossFit crossfit",
    "fair_abstention": "FairAbstainer",
    "abstention_rules": (
        "AbstentionRules DemographicParity EqualOpportunity EqualizedOdds RelativeAccuracy RelativeError"
    ),
    "abstention_program": ("AbstentionPlan feasible_abstention_rate solve_abstention_ip solve_item_level_ip"),
    "favmac": "FavMac",
    "group_metrics": "GroupRates group_rates",
    "invalid_iv": "InvalidIVATE eif_score simulate_invalid_iv",
    "iv_nuisances": (
        "BoostedMean ConstantMean IVNuisances LogisticMean PolynomialMean VarianceInteraction WithinArmRatio"
    ),
    "isotonic": "IsotonicCalibration",
    "label_powerset_icp": "LabelPowersetICP",
    "label_set_search": "LabelSets bound_label_set_count count_label_sets enumerate_label_sets",
    "label_set_sequences": "greedy_ratio_sequence probability_sequence value_sequence",
    "nonconformity": "CooccurrencePenalty MahalanobisNonconformity NormNonconformity",
    "selective_learning": "Selection minimax mixed_minimax selective_learners",
    "selective_risk": "SelectiveRisk",
    "set_functions": "AdditiveSetFunction GeneralSetFunction SetFunction",
    "set_metrics": "SetQuality set_quality size_stratified_coverage",
    "split_conformal": (
        "AdaptiveScore ClassConditionalConformal GroupConditionalConformal LeastAmbiguousScore "
        "RegularizedAdaptiveScore SplitConformal TopKScore"
    ),
    "temperature": "TemperatureScaling",
    "vector_scaling": "VectorScaling",
    "weighted_quantile": "WeightedQuantile",
}
# Public names and where they live. They load on first use.
_FACE = {name: f"labelwright.decide.{room}" for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.decide' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
