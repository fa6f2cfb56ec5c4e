"""Learn from candidate sets, known positives alone, and tags of which some are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.learn.partial"

_ROOMS: dict[str, tuple[str, ...]] = {
    "alim": (
        "ALIM",
        "FixedLambda",
        "ModelLambda",
        "QuantileLambda",
        "adaptive_lambda",
        "classifier_score",
        "hardened",
        "prototype_score",
        "scaled",
        "set_margin",
    ),
    "assume_negative": (
        "AssumeNegative",
        "IgnoreUnobserved",
        "WeakAssumeNegative",
        "assume_negative_loss",
        "weak_assume_negative_loss",
    ),
    "boostlu": (
        "ActivationMapNet",
        "BoostLU",
        "BoostedMaps",
    ),
    "candidate_weights": (
        "CandidateObjective",
        "candidate_loglik",
        "weights_from_loglik",
    ),
    "consistent": (
        "ClassifierConsistent",
        "RiskConsistent",
        "candidate_nll",
    ),
    "large_loss": (
        "LargeLossPermanentCorrection",
        "LargeLossRejection",
        "LargeLossTemporaryCorrection",
        "corrected_loss",
        "largest_unknown",
        "rejected_loss",
    ),
    "leveraged_weighted": (
        "LeveragedWeighted",
        "leveraged_weighted_loss",
    ),
    "long_tail_data": (
        "PartialLongTail",
        "make_plt_dataset",
        "pareto_counts",
    ),
    "long_tail_partial": (
        "COMIC",
        "HeadTailBalancer",
        "MultiFocalModifierLoss",
        "ProductHeadTailBalancer",
        "ReflectiveLabelCorrector",
        "rarity_weight",
    ),
    "multilabel_losses": (
        "AsymmetricLoss",
        "TagObjective",
        "asymmetric_loss",
        "masked_bce",
    ),
    "pico": (
        "Contrast",
        "PiCO",
    ),
    "pop": (
        "ProgressivePurification",
        "purified",
    ),
    "proden": ("PRODEN",),
    "pu_multilabel": (
        "LocalGlobalConv",
        "PUMultiLabelLoss",
        "class_temperature",
        "mixup_consistency",
        "pu_multilabel_loss",
    ),
    "pu_risk": (
        "NonNegativePU",
        "UnbiasedPU",
        "logistic_surrogate",
        "nonnegative_pu_risk",
        "sigmoid_surrogate",
        "unbiased_pu_risk",
    ),
    "role": (
        "ExpectedPositive",
        "RegularizedOnlineLabelEstimation",
        "expected_positive_penalty",
        "positive_only_loss",
    ),
    "s2m": (
        "LabelRatio",
        "LabelRatioClassifier",
        "S2MSampler",
        "train_label_ratio_classifier",
    ),
    "sar_pu": (
        "PropensityWeightedPU",
        "SAREM",
    ),
    "single_positive": (
        "AsymmetricPseudoLabeling",
        "EntropyMaximizationLoss",
        "binary_entropy",
        "entropy_maximization_loss",
    ),
}
# Public names and where they live. They load on first use.
_FACE = {name: f"{_HERE}.{room}" for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        with naming_extra("training networks"):
            return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.learn.partial' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
