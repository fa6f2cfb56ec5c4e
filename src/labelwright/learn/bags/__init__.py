"""Learn labels of single rows from what is known of groups of rows."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.learn.bags"

_ROOMS: dict[str, tuple[str, ...]] = {
    "bag_em": ("BagEM",),
    "belief_propagation": ("LLPBeliefPropagation", "hidden_layer"),
    "count_factors": (
        "BagFactor",
        "ExactCount",
        "PairwiseCount",
        "SquaredCount",
    ),
    "attention": ("AttentionMIL", "AttentionPool", "DeepSet", "GatedAttention"),
    "contrastive_pretraining": ("ContrastivePretrainer",),
    "count_likelihood": ("CountLikelihood", "count_nll"),
    "dllp": ("DLLP", "Consistency", "ConsistencyDLLP", "PiModel", "VirtualAdversarial", "proportion_loss"),
    "easy_llp": ("EasyLLP", "easy_llp_loss", "easy_llp_targets"),
    "few_shot": ("FewShotEvaluator", "FewShotScore", "excess_risk_slope"),
    "gibbs_law": ("PseudoLabels", "gibbs_pseudo_labels"),
    "instance_mil": ("InstanceMIL", "champions"),
    "mixbag": ("ConfidenceIntervalLoss", "ExactMixLoss", "MixBag", "MixLoss", "confidence_interval_loss"),
    "mixed_bags": ("GaussOwn", "HalfOwn", "MixedBags", "OwnRows", "UniformOwn", "hypergeometric", "mix_bags"),
    "pseudo_label_net": ("PseudoLabelAndBagLoss",),
    "pooling": ("LogSumExp", "MaxPooling", "MeanPooling", "NoisyOr", "PooledMIL", "TopKMean"),
    "regions": ("GridProposals", "box_iou", "objectness", "roi_pool"),
    "regression": (
        "AttentionBagRegressor",
        "MeanBagRegressor",
        "bag_score_task",
        "huber_error",
        "mean_bag_loss",
        "squared_error",
        "tile_score_map",
    ),
    "set_pretrain": ("SetContrastivePretrainer", "SetLevelPretrainer", "sample_sets"),
    "set_transformer": ("ISAB", "MAB", "PMA", "SAB", "SetTransformer"),
    "zero_shot_tagging": ("ZeroShotTagger", "calibrated_stacking", "ranking_tag_loss"),
    "similarity": ("neutral_log_odds", "similarity_graph"),
}
# Public names and where they live. They load on first use.
_FACE = {name: f"{_HERE}.{room}" for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        with naming_extra("training networks"):
            return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.learn.bags' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
