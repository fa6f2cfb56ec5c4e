"""How labels go wrong: simulate it, estimate it, and know when it cannot be estimated."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "algorithmic": (
        "ModularData corrupted_modular_dataset inverse_participation_ratio periodic_weights periodicity_of_weights "
        "training_phase"
    ),
    "deviation": "Information deviation_complexity memorization_bound tight_memorization_bound",
    "duals": "Dual Regime ReluDual SineDual activation_regime design_activation dual_activation sine_dual",
    "high_order_consensus": (
        "DisentanglementGain HighOrderConsensus LocalTransitions clusterability_score disentanglement_gain"
    ),
    "identifiability": "Identifiability check_identifiable kruskal_rank",
    "infinite_depth": "HilbertKernelClassifier InfiniteDepthClassifier on_sphere",
    "label_moments": "LabelMoments",
    "matrix_error": "MatchedError matched_transition_error transition_error",
    "probe": "Probe ProbeAccuracies corruption_probe probe_accuracies",
    "quadratic_mlp": "QuadraticMLP neuron_periodicity phase_of prune_neurons train_quadratic_mlp",
    "rationality": "RRMReport rrm_decomposition",
    "record": "Corruption",
    "simulate_bags": (
        "BagLabels PermutedLabels bags_by_value count_labels mixed_bags noisy_counts permuted_labels random_bags"
    ),
    "simulate_boxes": "NoisyBoxes missed_boxes shifted_boxes spurious_boxes swapped_box_classes",
    "simulate_labels": (
        "NoisyLabels annotator_dependent_noise class_conditional_noise instance_dependent_noise pairflip_noise "
        "symmetric_noise uniform_replacement_noise"
    ),
    "simulate_masks": "NoisyMasks dilated_masks dropped_objects eroded_masks jittered_outlines shifted_masks",
    "simulate_partial": (
        "ComplementaryLabels PartialLabels class_dependent_candidates complementary_labels "
        "instance_dependent_candidates noisy_candidates uniform_candidates"
    ),
    "simulate_positive": "PositiveUnlabeled label_at_random label_by_features label_by_propensity",
    "simulate_reals": (
        "IntervalLabels NoisyReals PermutedReals clipped heavy_tailed_noise incomplete_values interval_censored "
        "left_censored permuted_values right_censored rounded shrunk_values"
    ),
    "simulate_spans": "NoisySpans forgotten_spans moved_span_bounds swapped_span_classes",
    "simulate_tags": "NoisyTags flipped_tags forgotten_tags missing_tags single_positive",
    "simulate_votes": "SimulatedVotes ask_by_coverage ask_each cast_votes glad_votes",
    "sources": "Sources",
    "transition": "TransitionMatrix",
    "triplets": "TransitionEstimate transition_from_triplets transitions_by_stratum",
}
# Public names and where they live. They load on first use.
_FACE = {name: f"labelwright.noise.{room}" for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.noise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
