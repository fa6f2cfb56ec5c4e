"""Rules about the labels: contradictions, errors, and groups that are labelled differently. Sources: [P022], [P065]."""

from __future__ import annotations

from labelwright.audit.nutrition.answers import Answers, UseCase
from labelwright.audit.nutrition.groups import error_rates, label_rates, level_for_all_pairs, widest_gap
from labelwright.audit.nutrition.label_facts import conflicting_rows, surest_disagreement
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.audit.nutrition.thresholds import Thresholds, case_ids, watched_columns
from labelwright.metrics.intervals import clopper_pearson
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert


def label_rate_gap(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A label is more than 10 points more frequent in one group than in another."""
    if case is not None and case.target not in (None, table.label):
        return ()
    alerts = []
    for column in watched_columns(table, answers, case):
        if column.name == table.label:
            continue
        found = [gap for rates in label_rates(table, column) if (gap := widest_gap(rates)) is not None]
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
                    case_ids(case),
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
        rates = error_rates(table, column)
        worst = widest_gap(rates, level_for_all_pairs(rates))  # a serious alert: no false one among all pairs
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
                    case_ids(case),
                    (column.name,),
                )
            )
    return tuple(alerts)


def label_errors(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """Surely more than 3 % of the labels (lower end of the 95 % interval) are wrong even where the model is surest.

    Where the model is sure of no row, wrong labels and hard rows cannot be told apart, and that is said instead.
    """
    if table.pred_probs is None or not table.is_classification:
        return ()
    if case is not None and case.target not in (None, table.label):
        return ()
    found = surest_disagreement(table.dataset.labels, table.pred_probs)
    surely, _ = clopper_pearson(found.contradicted, found.rows)
    if found.rows < 20 or surely <= at.label_error:
        return ()
    if found.confidence < at.sure:
        return (_unsure_alert(table, found.confidence, case),)
    return (
        Alert(
            "label quality",
            "serious",
            f"Where the model is surest, {percent(found.rate, 0)} of the labels contradict it ({found.contradicted} of "
            f"{found.rows} rows): labels are wrong there, not hard.",
            "Labels",
            "Review the suspect rows, worst first.",
            "yes",
            case_ids(case),
            (table.label,),
        ),
    )


def _unsure_alert(table: NutritionTable, confidence: float, case: UseCase | None) -> Alert:
    return Alert(
        "description/ambiguity",
        "caution",
        f"No row is predicted surely (confidence {percent(confidence, 0)} at best): many labels are wrong, or the "
        "columns do not tell them; which of the two, the data cannot say.",
        "Labels",
        "Have some random rows labelled again by people.",
        "partly",
        case_ids(case),
        (table.label,),
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
            f"{percent(share)} of the rows have a twin that is equal in everything but the label.",
            "Labels",
            "Decide each group of twins once; keep one of them.",
            "yes",
            case_ids(case),
            (table.label,),
        ),
    )
