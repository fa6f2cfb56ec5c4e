"""The nutrition label: its modules in order, its rules, and the entry point of an audit.

Sources: [P022] for the modules, [P065] for the panes, use cases and alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.nutrition.alerts import AlertRule, run_rules
from labelwright.audit.nutrition.answers import Answers, UseCase, load_answers, read_use_cases
from labelwright.audit.nutrition.ground_truth import GroundTruthCorrelation, Reference
from labelwright.audit.nutrition.groups import group_table
from labelwright.audit.nutrition.label_facts import LabelFacts
from labelwright.audit.nutrition.metadata import Metadata
from labelwright.audit.nutrition.overview import overview, uses
from labelwright.audit.nutrition.pair_plots import PairPlots
from labelwright.audit.nutrition.probabilistic_model import ProbabilisticModel
from labelwright.audit.nutrition.provenance import Provenance
from labelwright.audit.nutrition.reading import check_names, read_table
from labelwright.audit.nutrition.statistics import Statistics
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.audit.nutrition.thresholds import Thresholds, watched_columns
from labelwright.audit.nutrition.variables import Variables
from labelwright.audit.scores import Scores
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput
from labelwright.metrics.report import Alert, Report, Section

GROUPS = "Groups"


class Module(Protocol):
    """One part of the label; may be dropped, added or replaced."""

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        ...


class Groups:
    """Tables of the groups that the answers or the use cases watch."""

    title = GROUPS

    def __init__(self, answers: Answers, cases: tuple[UseCase, ...]) -> None:
        self.answers, self.cases = answers, cases

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        named = {c.name: c for case in (None, *self.cases) for c in watched_columns(table, self.answers, case)}
        named |= {name: table.columns[name] for name in self.answers.reference_shares}
        text = "" if named else "No column of groups was declared."
        return Section(self.title, text, tables=tuple(group_table(table, column) for column in named.values()))


def standard_modules(
    answers: Answers, cases: tuple[UseCase, ...] = (), reference: Reference | None = None
) -> tuple[Module, ...]:
    """Return the modules of the label in their order."""
    last: tuple[Module, ...] = () if reference is None else (GroundTruthCorrelation(reference),)
    return (
        Metadata(answers),
        Provenance(answers),
        Variables(answers),
        Statistics(),
        PairPlots(),
        ProbabilisticModel(),
        LabelFacts(answers),
        Groups(answers, cases),
        *last,
    )


class DatasetNutritionLabel:
    """The label of [P022]: modules in order, each with the alerts that its facts call for.

    Parameters
    ----------
    answers : Answers, optional
    modules : sequence of Module, optional
        The standard ones when left out.
    thresholds : Thresholds, optional
    """

    def __init__(
        self,
        answers: Answers | None = None,
        modules: Sequence[Module] | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.answers = answers or Answers.none()
        self.modules = tuple(standard_modules(self.answers) if modules is None else modules)
        self.thresholds = thresholds or Thresholds()

    def measure(self, table: NutritionTable) -> Report:
        """Return the label of a table."""
        sections = [module.compute(table) for module in self.modules]
        found = run_rules(table, self.answers, (), self.thresholds)
        return Report(_title(table, self.answers), _with_alerts(sections, found))


class ContextualNutritionLabel:
    """The label of [P065]: an overview with badges, the uses with their alerts, then the facts of [P022].

    Without use cases it equals the label of [P022] behind the overview.

    Parameters
    ----------
    answers : Answers, optional
    use_cases : sequence of UseCase
    modules, thresholds
        As in `DatasetNutritionLabel`.
    """

    def __init__(
        self,
        answers: Answers | None = None,
        use_cases: Sequence[UseCase] = (),
        modules: Sequence[Module] | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self.answers, self.use_cases = answers or Answers.none(), tuple(use_cases)
        self.modules = tuple(standard_modules(self.answers, self.use_cases) if modules is None else modules)
        self.thresholds = thresholds or Thresholds()

    def measure(self, table: NutritionTable) -> Report:
        """Return the label of a table; BadInput when a use case names a column that it lacks."""
        names = list(table.columns)
        for case in self.use_cases:
            wanted = (*case.columns, *case.groups, *case.reference_shares, *filter(None, [case.target]))
            check_names(wanted, names, f"use case {case.id}")
        facts = [module.compute(table) for module in self.modules]
        found = run_rules(table, self.answers, self.use_cases, self.thresholds)
        panes = [overview(table, self.answers, self.thresholds)]
        if self.use_cases:
            panes.append(uses(self.use_cases, found))
        return Report(_title(table, self.answers), (*panes, *_with_alerts(facts, found)))


def _title(table: NutritionTable, answers: Answers) -> str:
    return f"Nutrition label of {answers.title or table.dataset.source.path.name}"


def _with_alerts(sections: list[Section], found: tuple[tuple[AlertRule, Alert], ...]) -> tuple[Section, ...]:
    """Put the alerts about the data set as a whole beside their evidence; those of a use case stand with the uses."""
    whole = [(rule.section, alert) for rule, alert in found if not alert.use_cases]
    titles = {section.title for section in sections}
    placed = [
        replace(section, alerts=(*section.alerts, *(a for where, a in whole if where == section.title)))
        for section in sections
    ]
    lost = tuple(alert for where, alert in whole if where not in titles)
    return (*placed, Section("Other alerts", alerts=lost)) if lost else tuple(placed)


def nutrition_label(
    dataset: Dataset,
    *,
    label_scores: Scores | None = None,
    noise: Any = None,
    issues: pa.Table | None = None,
    pred_probs: NDArray[np.float64] | None = None,
    answers: Answers | Mapping[str, Any] | str | Path | None = None,
    use_cases: Iterable[UseCase | Mapping[str, Any]] = (),
    reference: Reference | None = None,
    seed: int = 0,
) -> Report:
    """Return the nutrition label of a data set; the same seed gives the same label [P022, P065].

    Parameters
    ----------
    dataset : Dataset
        n rows.
    label_scores : Scores, optional
        What the label auditor found, one entry a labelled row.
    noise : NoiseEstimate, optional
        Has ``noise_rate``, ``low``, ``high`` in [0, 1] and ``joint`` (K, K), rows = truth.
    issues : pyarrow.Table, optional
        The merged findings; read for suspect labels when `label_scores` is not given.
    pred_probs : array of float64, shape (n, K), optional
        Out-of-sample probabilities. Without them the rules about wrong labels stay silent.
    answers : Answers, mapping or path of a YAML file, optional
    use_cases : UseCases or mappings
        In addition to those in the answers.
    reference : Reference, optional
        An outside table to compare with.
    seed : int
        For samples, permutations and the model of the rows.

    Raises
    ------
    BadInput
        When the answers or a use case name a column that is not there, or `pred_probs` has another shape.

    Examples
    --------
    >>> nutrition_label(dataset).section("Metadata").scalars["rows"]  # doctest: +SKIP
    48842
    """
    told = load_answers(answers)
    cases = read_use_cases((*told.use_cases, *use_cases))
    table = read_table(dataset, told, seed=seed)
    if pred_probs is not None:
        _check_shape(dataset, pred_probs)
    table.cache["annotators"] = told.annotator_columns
    table = replace(
        table, pred_probs=pred_probs, label_issue=_suspects(len(dataset), label_scores, issues), noise=noise
    )
    label = ContextualNutritionLabel(told, cases, standard_modules(told, cases, reference))
    return label.measure(table)


def _check_shape(dataset: Dataset, pred_probs: NDArray[np.float64]) -> None:
    wanted = (len(dataset), len(dataset.space or ()))
    if pred_probs.shape != wanted:
        raise BadInput(f"pred_probs has shape {pred_probs.shape}, the data asks for {wanted}")


def _suspects(n: int, label_scores: Scores | None, issues: pa.Table | None) -> NDArray[np.bool_] | None:
    if label_scores is not None and label_scores.level == "row" and label_scores.rows is not None:
        out = np.zeros(n, dtype=bool)
        out[label_scores.rows[label_scores.is_issue]] = True
        return out
    if issues is None:
        return None
    import pyarrow.compute as pc

    chosen = issues.filter(pc.and_(pc.equal(issues["kind"], "label"), issues["is_issue"]))
    rows = np.asarray(chosen["row"].drop_null().to_numpy(), dtype=np.int64)
    out = np.zeros(n, dtype=bool)
    out[rows] = True
    return out
