"""Which label to buy next: rows to label, labels to check again, annotators to ask, test rows to measure a model on.

An acquisition has ``select(pool, budget, rng) -> Selection``. Scores are high where a row should be asked about first.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_ROOMS = {
    "active_testing": (
        "ActiveTester RiskEstimate cross_entropy_by_class draw_in_sequence estimate_risk expected_loss_acquisition "
        "expected_squared_error lure_weights naive_weights pure_weights zero_one_by_class"
    ),
    "activelab": (
        "ActiveLab VoteQuality activelab_scores activelab_scores_ensemble fit_temperature_to_votes vote_quality"
    ),
    "badge": "BADGE last_layer_slope",
    "bald": "BALD BootstrapCommittee mutual_information",
    "budget_planner": "BudgetPlan PowerLaw classify_regime fit_power_law plan_budget",
    "category_discovery": "AGCDTrainer Discovery",
    "contract": "ANYONE Acquisition Pool ScoredAcquisition Selection highest",
    "context_selection": (
        "Episode GMMContextSelector LinearHead MetaLearner ProtoNet episode_sampler evaluate_context"
    ),
    "core_set": "KCenterGreedy KMeansCenters",
    "data_selection": "SurrogateSubsampler fit_selected hardest_rows optimal_nonreweighted_set optimal_unbiased_pi",
    "diverse_mini_batch": "DiverseMiniBatch",
    "elicitation": "FineTunable MLPStudent SequentialSFT log_confidence_loss",
    "error_reduction": "ExpectedErrorReduction GaussianField",
    "hierarchy_reannotation": "HierarchyReannotation expected_distance label_tree_distance novelty_overlap",
    "inclusion": "inclusion_probabilities poisson_sample systematic_sample",
    "ledger": "Budget Entry",
    "novel_sampling": (
        "AdaptiveNovelSampling DiscoveryAccuracy Novelty StableLabelMapping clustering_accuracy novelty_metrics"
    ),
    "pcb": "PseudoClassBalance active_prompt_rounds average_description balanced_draw description_ensemble",
    "pixelpick": (
        "PixelPool PixelQuerySelector QueryStats committee_probs first_pixels query_map query_stats sparse_pixel_loss"
    ),
    "probe": "FittedProbe fit_probe",
    "probcover": "ProbCover ball_graph purity_radius",
    "prompt_learner": "PromptLearner tuning",
    "replay": "Replay ReplayOptions replay_labels",
    "robust_active_distillation": "GameSolution RobustActiveDistillation rad_distribution",
    "rounds": "CurveBand LearningCurve Rounds run_rounds",
    "selection_theory": "AsymptoticFit asymptotic_test_error",
    "simgcd": "SimGCD",
    "split_sweep": "Sweep budget_sweep pareto_frontier split_of",
    "typiclust": "TypiClust",
    "uncertainty": ("Entropy LeastConfidence Margin RandomSampling entropy_score least_confidence_score margin_score"),
}
# Public names and where they live. They load on first use; rooms that train networks need labelwright[torch].
_FACE = {name: f"labelwright.acquire.{room}" for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        with naming_extra(f"{name} trains a network and"):
            return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.acquire' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
