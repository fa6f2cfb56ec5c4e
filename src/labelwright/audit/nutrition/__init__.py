"""The dataset nutrition label: what a data set holds, where it comes from and what to beware of in which use.

Sources: Holland et al., The Dataset Nutrition Label, arXiv 1805.03677 (2018) [P022]; Chmielinski et al., The Dataset
Nutrition Label (2nd Gen): Leveraging Context to Mitigate Harms in Artificial Intelligence, arXiv 2201.03954 [P065].
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelwright.audit.nutrition.alerts import RULES, AlertRule
    from labelwright.audit.nutrition.answers import Answers, UseCase, load_answers
    from labelwright.audit.nutrition.ground_truth import GroundTruthCorrelation, Reference
    from labelwright.audit.nutrition.label import ContextualNutritionLabel, DatasetNutritionLabel, nutrition_label
    from labelwright.audit.nutrition.label_facts import LabelFacts
    from labelwright.audit.nutrition.metadata import Metadata
    from labelwright.audit.nutrition.pair_plots import PairPlots
    from labelwright.audit.nutrition.probabilistic_model import ProbabilisticModel
    from labelwright.audit.nutrition.provenance import Provenance
    from labelwright.audit.nutrition.reading import read_table
    from labelwright.audit.nutrition.statistics import Statistics
    from labelwright.audit.nutrition.table import Column, NutritionTable
    from labelwright.audit.nutrition.thresholds import Thresholds
    from labelwright.audit.nutrition.variables import Variables

_HERE = "labelwright.audit.nutrition"
_FACE = {
    "RULES": f"{_HERE}.alerts",
    "AlertRule": f"{_HERE}.alerts",
    "Answers": f"{_HERE}.answers",
    "Column": f"{_HERE}.table",
    "ContextualNutritionLabel": f"{_HERE}.label",
    "DatasetNutritionLabel": f"{_HERE}.label",
    "GroundTruthCorrelation": f"{_HERE}.ground_truth",
    "LabelFacts": f"{_HERE}.label_facts",
    "Metadata": f"{_HERE}.metadata",
    "NutritionTable": f"{_HERE}.table",
    "PairPlots": f"{_HERE}.pair_plots",
    "ProbabilisticModel": f"{_HERE}.probabilistic_model",
    "Provenance": f"{_HERE}.provenance",
    "Reference": f"{_HERE}.ground_truth",
    "Statistics": f"{_HERE}.statistics",
    "Thresholds": f"{_HERE}.thresholds",
    "UseCase": f"{_HERE}.answers",
    "Variables": f"{_HERE}.variables",
    "load_answers": f"{_HERE}.answers",
    "nutrition_label": f"{_HERE}.label",
    "read_table": f"{_HERE}.reading",
}

__all__ = [
    "RULES",
    "AlertRule",
    "Answers",
    "Column",
    "ContextualNutritionLabel",
    "DatasetNutritionLabel",
    "GroundTruthCorrelation",
    "LabelFacts",
    "Metadata",
    "NutritionTable",
    "PairPlots",
    "ProbabilisticModel",
    "Provenance",
    "Reference",
    "Statistics",
    "Thresholds",
    "UseCase",
    "Variables",
    "load_answers",
    "nutrition_label",
    "read_table",
]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
