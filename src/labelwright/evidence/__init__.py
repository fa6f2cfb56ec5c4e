"""What a label says: evidence about a hidden truth, label spaces, and the one E-step that serves them all."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HERE = "labelwright.evidence"

# Public names and the files they live in. They load on first use.
_FACE = {
    name: f"{_HERE}.{room}"
    for room, names in {
        "space": ("LabelSpace",),
        "taxonomy": ("Taxonomy",),
        "metric": ("Metric",),
        "base": ("Evidence", "RowEvidence", "GroupEvidence"),
        "rows": ("Hard", "Soft"),
        "candidates": ("CandidateNoise", "Candidates"),
        "votes": ("Votes", "one_coin"),
        "tags": ("Tags", "Propensity"),
        "groups": ("Bags",),
        "pairs": ("Pairs", "Relation"),
        "reals": ("Reals", "log_cdf_difference"),
        "spans": ("Spans",),
        "boxes": ("Boxes",),
        "masks": ("Masks",),
        "mixed": ("Mixed",),
        "result": ("Posterior",),
        "estep": ("posterior",),
        "counting": ("CountFactor", "any_factor", "binomial_potential", "count_factor", "laplace_potential"),
        "automata": (
            "Automaton",
            "at_least",
            "at_most",
            "contains_any",
            "exactly",
            "never_falling",
            "no_two_in_a_row",
            "sequence_posterior",
        ),
        "factor_graph": ("Beliefs", "PairFactors", "belief_propagation"),
        "folds": ("EvidenceKFold",),
        "scoring": ("EvidenceLogLikelihood", "evidence_log_likelihood"),
        "storage": ("load_evidence", "load_label_space", "save_evidence"),
        "frames": ("evidence_from_frame", "evidence_to_frame"),
    }.items()
    for name in names
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.evidence' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
