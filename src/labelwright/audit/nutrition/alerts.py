"""The rules of the label: each a pure function of (table, answers, use case), with its version and thresholds.

A rule speaks for one use case; with None it speaks for the data set as a whole. No rule prints a value of the data:
groups go by their rank in size and are named in the table that the alert points to. Sources: [P022], [P065].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from labelwright.audit.nutrition import label_rules, table_rules
from labelwright.audit.nutrition.answers import Answers, UseCase
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.audit.nutrition.thresholds import Thresholds
from labelwright.metrics.report import Alert

RULES_VERSION = "1"


@dataclass(frozen=True)
class AlertRule:
    """A named rule; `section` is where the evidence stands."""

    name: str
    category: str
    section: str
    apply: Callable[[NutritionTable, Answers, UseCase | None, Thresholds], tuple[Alert, ...]]


RULES: tuple[AlertRule, ...] = (
    AlertRule("missing_values", "completeness", "Statistics", table_rules.missing_values),
    AlertRule("undeclared_codes", "description/ambiguity", "Statistics", table_rules.undeclared_codes),
    AlertRule("representation", "representation", "Groups", table_rules.representation),
    AlertRule("label_rate_gap", "sensitive attributes", "Groups", label_rules.label_rate_gap),
    AlertRule("label_error_gap", "label quality", "Groups", label_rules.label_error_gap),
    AlertRule("label_errors", "label quality", "Labels", label_rules.label_errors),
    AlertRule("conflicting_labels", "label quality", "Labels", label_rules.conflicting_labels),
    AlertRule("proxies", "proxy variables", "Groups", table_rules.proxies),
    AlertRule("leakage", "collection process", "Pairs of columns", table_rules.leakage),
    AlertRule("staleness", "timeliness", "Metadata", table_rules.staleness),
    AlertRule("unanswered", "provenance", "Provenance", table_rules.unanswered),
)


def run_rules(
    table: NutritionTable, answers: Answers, cases: tuple[UseCase, ...], at: Thresholds
) -> tuple[tuple[AlertRule, Alert], ...]:
    """Return every alert with its rule: of the data set as a whole first; what several uses share stands once."""
    whole = [(rule, alert) for rule in RULES for alert in rule.apply(table, answers, None, at)]
    merged: dict[tuple[str, Alert], tuple[AlertRule, list[str]]] = {}
    for case in cases:
        for rule in RULES:
            for alert in rule.apply(table, answers, case, at):
                key = rule.name, replace(alert, use_cases=())
                merged.setdefault(key, (rule, []))[1].append(case.id)
    shared = [(rule, replace(alert, use_cases=tuple(ids))) for (_, alert), (rule, ids) in merged.items()]
    return (*whole, *shared)
