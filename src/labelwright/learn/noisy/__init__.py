"""Learn from hard labels of which some are wrong."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.learn.noisy"

_ROOMS: dict[str, tuple[str, ...]] = {
    "clean_split": ("gmm_split", "gmm_split_per_class", "keep_share", "small_loss"),
    "co_teaching": ("CoTeaching", "CoTeachingPlus", "JoCoR", "co_teaching_loss", "jocor_losses"),
    "coding_rates": ("class_coding_rate", "coding_rate"),
    "dropout_statistics": ("SampleStatistics", "normal_kl", "normal_overlap", "rescaler_features", "sample_statistics"),
    "evidence_model": ("EvidenceModel", "LearntNoise"),
    "graph_erase": (
        "ERASE",
        "decoupled_label_propagation",
        "erase_loss",
        "propagate",
    ),
    "implicit": ("BPO", "BPR", "NoisyRobustBPO"),
    "implicit_losses": (
        "adaptive_negative_weight",
        "bpo_losses",
        "likelihood_sum_losses",
        "log_losses",
        "sampled_others",
        "surrogate_losses",
    ),
    "imprecise": ("ImpreciseLabelLearner", "imprecise_loss"),
    "cross_split": ("CrossSplit", "cross_split_targets", "label_divergence", "relative_divergence"),
    "dividemix": ("DivideMix", "confidence_penalty", "refined_targets"),
    "echo_align": (
        "Echo",
        "EchoAlign",
        "echo_aligned",
        "echo_select",
        "echo_select_by_mixture",
        "echo_similarity",
    ),
    "elr": (
        "EarlyLearningRegularization",
        "EarlyLearningRegularizationPlus",
        "early_learning_penalty",
    ),
    "instance_editor": ("ConditionalAutoencoder", "EditorTraining", "InstanceEditor"),
    "ldr": ("ALDRLoss", "LDRLoss", "adapted_lambda", "aldr_loss", "ldr_loss"),
    "loss_correction": (
        "BackwardCorrection",
        "ForwardCorrection",
        "ImportanceReweighting",
        "backward_correction",
        "forward_correction",
        "importance_weights",
    ),
    "meta_label_correction": (
        "EnhancedMetaLabelCorrection",
        "LabelCorrector",
        "corrected_labels",
        "label_gradient",
        "random_wrong",
        "strongest_wrong",
    ),
    "meta_rescale": ("STORM", "MetaLossRescaling", "Rescaler"),
    "mixup": ("Mixup", "mixup_losses"),
    "nested_dropout": (
        "NestedCoTeaching",
        "NestedDropout",
        "NestedNetwork",
        "NestedTraining",
        "nested_co_teaching",
        "width_accuracies",
    ),
    "prototype_cleaner": ("ClassPrototypeCleaner", "Cleaner", "anchors", "cleaner_loss", "equal_classes"),
    "robust_losses": (
        "ActivePassiveLoss",
        "CrossEntropy",
        "GeneralizedCrossEntropy",
        "HardBootstrap",
        "MeanAbsoluteError",
        "NormalizedCrossEntropy",
        "SoftBootstrap",
        "SymmetricCrossEntropy",
        "TruncatedGeneralizedCrossEntropy",
    ),
    "row_losses": (
        "bootstrap_hard",
        "bootstrap_soft",
        "generalized_cross_entropy",
        "mean_absolute_error",
        "normalized_cross_entropy",
        "reverse_cross_entropy",
        "symmetric_cross_entropy",
        "truncated_generalized_cross_entropy",
    ),
    "sop": ("SparseOverParameterization", "row_noise", "sop_losses"),
    "two_networks": ("TwoNetworks", "looking"),
    "self_distill": (
        "RidgeDistillation",
        "SelfDistillation",
        "distillation_targets",
        "optimal_imitation_weight",
        "plug_in_imitation_weight",
        "ridge_self_distillation",
        "student_error",
    ),
    "linear_softmax": (
        "SoftmaxModel",
        "softmax_regression",
    ),
    "adversarial_curriculum": ("SaliencyCurriculum", "meta_saliency_teacher", "point_saliency"),
    "point_corruption": (
        "corrupted_clouds",
        "drop_points",
        "jitter_points",
        "normalized_clouds",
        "push_points",
        "scatter_points",
    ),
    "webly": ("CAPro", "capro"),
    "webly_labels": ("collective_bootstrap", "joint_prediction", "mended_labels"),
    "webly_text": ("enhanced_texts", "mutual_neighbor_graph", "text_prototype_match"),
}
# Public names and where they live. They load on first use.
_FACE = {name: f"{_HERE}.{room}" for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        with naming_extra("training networks"):
            return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.learn.noisy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
