"""The rules of the label: each a pure function of (table, answers, use case), with its version and thresholds.

A rule speaks for one use case; with None it speaks for the data set as a whole. No rule prints a value of the data:
groups go by their rank in size and are named in the table that the alert points to. Source: [P022], [P065].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date

from labelwright.audit.nutrition import groups, predict
from labelwright.audit.nutrition.answers import Answers, UseCase
from labelwright.audit.nutrition.label_facts import conflicting_rows, surest_disagreement
from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.report import Alert

RULES_VERSION = "1"


@dataclass(frozen=True)
class Thresholds:
    """When a rule speaks. Shares and gaps are in [0, 1]."""

    missing: float = 0.2
    missing_serious: float = 0.5
    representation: float = 0.5
    label_rate_gap: float = 0.1
    label_error_gap: float = 0.05
    label_error: float = 0.05
    conflicting: float = 0.01
    proxy: float = 0.7
    leakage: float = 0.99

    def to_dict(self) -> dict[str, float]:
        """Return name and value of every threshold."""
        return {name: float(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class AlertRule:
    """A named rule; `section` is where the evidence stands."""

    name: str
    category: str
    section: str
    apply: Callable[[NutritionTable, Answers, UseCase | None, Thresholds], tuple[Alert, ...]]


def used_columns(table: NutritionTable, case: UseCase | None) -> tuple[Column, ...]:
    """Return the columns a use reads, without the target; all inputs when it names none."""
    target = (case.target if case else None) or table.label
    return tuple(c for c in table.inputs(case.columns if case else ()) if c.name != target)


def watched_columns(table: NutritionTable, answers: Answers, case: UseCase | None) -> tuple[Column, ...]:
    """Return the columns whose groups a use must treat alike."""
    if case is None:
        names = tuple(answers.sensitive)
    else:
        names = case.groups or tuple(n for n in answers.sensitive if not case.columns or n in case.columns)
    chosen = [table.columns[name] for name in names if name in table.columns]
    return tuple(c for c in chosen if (c.codes is not None and 1 < len(c.levels) <= 100) or c.numbers is not None)


def _case(case: UseCase | None) -> tuple[str, ...]:
    return () if case is None else (case.id,)


def missing_values(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A used column lacks more than 20 % of its cells."""
    plan = table.dataset.plan
    wanted = (case.columns if case else ()) or tuple(
        name for name in table.columns if name not in (plan.label, plan.id)
    )
    return tuple(
        Alert(
            "completeness",
            "serious" if column.missing_share > at.missing_serious else "caution",
            f"{column.missing_share:.0%} of the cells of column {column.name!r} are missing.",
            "Statistics",
            "Find out why they are missing; fill them in, add a marker for missing, or leave the column out.",
            "partly",
            _case(case),
            (column.name,),
        )
        for column in (table.columns[name] for name in wanted if name in table.columns)
        if column.missing_share > at.missing
    )


def undeclared_codes(
    table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds
) -> tuple[Alert, ...]:
    """A value looks like a code for missing, but nobody declared it."""
    used = {c.name for c in used_columns(table, case)}
    suspect = [c for c in table.columns.values() if c.suspects and c.name in used]
    if not suspect:
        return ()
    names = ", ".join(repr(c.name) for c in suspect[:8]) + (" and more" if len(suspect) > 8 else "")
    cells = sum(count for column in suspect for _, count in column.suspects)
    return (
        Alert(
            "description/ambiguity",
            "info",
            f"{cells} cells of {names} look like a code for missing that nobody declared.",
            "Statistics",
            "Declare missing codes in the answers, or say that these are real values.",
            "yes",
            _case(case),
            tuple(c.name for c in suspect),
        ),
    )


def representation(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A group is less than half as large as it should be."""
    shares = dict(answers.reference_shares) | (dict(case.reference_shares) if case else {})
    watched = {c.name: c for c in watched_columns(table, answers, case)}
    if case is None:
        watched = {name: table.columns[name] for name in shares if name in table.columns}
    alerts = []
    for name in (name for name in shares if name in watched):
        column = watched[name]
        codes, names = groups.group_codes(column)
        n = int((codes >= 0).sum())
        short = []
        for group, expected in shares[name].items():
            share = float((codes == names.index(group)).sum() / n) if group in names and n else 0.0
            if expected > 0 and share < at.representation * expected:
                short.append(share / expected)
        if short:
            alerts.append(_representation_alert(column.name, short, case))
    return tuple(alerts)


def _representation_alert(name: str, short: list[float], case: UseCase | None) -> Alert:
    many = "One group" if len(short) == 1 else f"{len(short)} groups"
    return Alert(
        "representation",
        "serious" if min(short) < 0.25 else "caution",
        f"{many} of {name!r} have less than half of their share in the population (the smallest has {min(short):.0%} "
        "of it)."
        if len(short) > 1
        else f"One group of {name!r} has only {min(short):.0%} of its share in the population.",
        "Groups",
        "Collect more rows of it, or weight its rows; report results for it apart.",
        "partly",
        _case(case),
        (name,),
    )


def label_rate_gap(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A label is more than 10 points more frequent in one group than in another."""
    if case is not None and case.target not in (None, table.label):
        return ()
    alerts = []
    for column in watched_columns(table, answers, case):
        if column.name == table.label:
            continue
        found = [gap for rates in groups.label_rates(table, column) if (gap := groups.widest_gap(rates)) is not None]
        worst = max(found, key=lambda gap: gap[2], default=None)
        if worst is not None and worst[2] > at.label_rate_gap:
            alerts.append(
                Alert(
                    "sensitive attributes",
                    "caution",
                    f"The share of a label differs by {100 * worst[2]:.0f} points between groups of {column.name!r} "
                    f"(group {worst[0].group + 1} against group {worst[1].group + 1}).",
                    "Groups",
                    "Ask whether the difference is real or an effect of how labels were given; test results by group.",
                    "partly",
                    _case(case),
                    (column.name,),
                )
            )
    return tuple(alerts)


def label_error_gap(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """Labels are wrong more than 5 points more often in one group than in another."""
    if case is not None and case.target not in (None, table.label):
        return ()
    alerts = []
    for column in watched_columns(table, answers, case):
        worst = groups.widest_gap(groups.error_rates(table, column))
        if worst is not None and worst[2] > at.label_error_gap:
            alerts.append(
                Alert(
                    "label quality",
                    "serious",
                    f"Labels contradict sure predictions {100 * worst[2]:.0f} points more often in group "
                    f"{worst[1].group + 1} of {column.name!r} than in group {worst[0].group + 1}.",
                    "Groups",
                    "Have labels of that group checked by people before the data is used.",
                    "yes",
                    _case(case),
                    (column.name,),
                )
            )
    return tuple(alerts)


def label_errors(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """More than 5 % of the labels are wrong even where the model is surest."""
    if table.pred_probs is None or not table.is_classification:
        return ()
    if case is not None and case.target not in (None, table.label):
        return ()
    rate, wrong, rows = surest_disagreement(table.dataset.labels, table.pred_probs)
    if rows < 20 or rate <= at.label_error or wrong < 3:
        return ()
    return (
        Alert(
            "label quality",
            "serious",
            f"Where the model is surest, {rate:.0%} of the labels contradict it ({wrong} of {rows} rows): labels are "
            "wrong there, not hard.",
            "Labels",
            "Review the suspect rows, worst first.",
            "yes",
            _case(case),
            (table.label,),
        ),
    )


def conflicting_labels(
    table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds
) -> tuple[Alert, ...]:
    """More than 1 % of the rows have a twin with another label."""
    if table.dataset.plan.task == "regression" or (case is not None and case.target not in (None, table.label)):
        return ()
    share = float(conflicting_rows(table).mean()) if len(table) else 0.0
    if share <= at.conflicting:
        return ()
    return (
        Alert(
            "label quality",
            "serious" if share > 0.05 else "caution",
            f"{share:.1%} of the rows have a twin that is equal in everything but the label.",
            "Labels",
            "Decide each group of twins once; keep one of them.",
            "yes",
            _case(case),
            (table.label,),
        ),
    )


def proxies(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """The columns that a use reads tell a sensitive attribute that it does not read."""
    if case is None:
        return ()
    alerts = []
    for column in watched_columns(table, answers, case):
        used = tuple(c for c in used_columns(table, case) if c.name != column.name and not c.sensitive)
        accuracy, strongest = predict.group_accuracy(table, used, column)
        if accuracy > at.proxy:
            alerts.append(
                Alert(
                    "proxy variables",
                    "serious" if accuracy > 0.9 else "caution",
                    f"The columns used predict the group of {column.name!r} with balanced accuracy {accuracy:.2f}; "
                    f"{strongest!r} alone tells most.",
                    "Groups",
                    "Leave the column out or justify it; leaving out the sensitive column alone does not help.",
                    "partly",
                    _case(case),
                    (column.name, strongest),
                )
            )
    return tuple(alerts)


def leakage(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A single column gives the label away."""
    if case is not None and case.target not in (None, table.label):
        return ()
    leaks = [(c.name, auc) for c in used_columns(table, case) if (auc := predict.label_auc(table, c)) > at.leakage]
    return tuple(
        Alert(
            "collection process",
            "serious",
            f"Column {name!r} alone gives the label away (AUC {auc:.3f}).",
            "Pairs of columns",
            "Find out whether the column is known when a prediction is made; if not, leave it out.",
            "yes",
            _case(case),
            (name,),
        )
        for name, auc in leaks
    )


def staleness(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """The newest record is older than the use allows."""
    horizon = case.horizon_days if case is not None and case.horizon_days is not None else answers.horizon_days
    newest = answers.newest_record or answers.collected_to
    if horizon is None or not newest or not answers.as_of:
        return ()
    age = (date.fromisoformat(answers.as_of) - date.fromisoformat(newest)).days
    if age <= horizon:
        return ()
    return (
        Alert(
            "timeliness",
            "serious" if age > 2 * horizon else "caution",
            f"The newest record is {age} days old, {age - horizon} more than the stated {horizon}.",
            "Metadata",
            "Get newer rows, or show on newer rows that results still hold.",
            "partly",
            _case(case),
        ),
    )


def unanswered(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A mandatory question has no answer."""
    open_questions = answers.unanswered
    if not open_questions or case is not None:
        return ()
    severity = "caution" if answers.given else "info"
    return (
        Alert(
            "provenance",
            severity,  # type: ignore[arg-type]
            f"Not answered: {', '.join(name.replace('_', ' ') for name in open_questions)}.",
            "Provenance",
            "Ask whoever made the data, and write the answers down.",
            "yes",
        ),
    )


RULES: tuple[AlertRule, ...] = (
    AlertRule("missing_values", "completeness", "Statistics", missing_values),
    AlertRule("undeclared_codes", "description/ambiguity", "Statistics", undeclared_codes),
    AlertRule("representation", "representation", "Groups", representation),
    AlertRule("label_rate_gap", "sensitive attributes", "Groups", label_rate_gap),
    AlertRule("label_error_gap", "label quality", "Groups", label_error_gap),
    AlertRule("label_errors", "label quality", "Labels", label_errors),
    AlertRule("conflicting_labels", "label quality", "Labels", conflicting_labels),
    AlertRule("proxies", "proxy variables", "Groups", proxies),
    AlertRule("leakage", "collection process", "Pairs of columns", leakage),
    AlertRule("staleness", "timeliness", "Metadata", staleness),
    AlertRule("unanswered", "provenance", "Provenance", unanswered),
)


def run_rules(
    table: NutritionTable, answers: Answers, cases: tuple[UseCase, ...], at: Thresholds
) -> tuple[tuple[AlertRule, Alert], ...]:
    """Return every alert with its rule: first of the data set as a whole, then use case by use case."""
    whole = [(rule, alert) for rule in RULES for alert in rule.apply(table, answers, None, at)]
    by_case = [(rule, alert) for case in cases for rule in RULES for alert in rule.apply(table, answers, case, at)]
    return (*whole, *by_case)
