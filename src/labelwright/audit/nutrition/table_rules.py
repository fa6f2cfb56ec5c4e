"""Rules about the table: what is missing, who is in it, what tells too much, how old it is. Sources: [P022], [P065]."""

from __future__ import annotations

from datetime import date

from labelwright.audit.nutrition.answers import Answers, UseCase
from labelwright.audit.nutrition.groups import group_codes
from labelwright.audit.nutrition.predict import group_accuracy, label_auc
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.audit.nutrition.thresholds import Thresholds, case_ids, used_columns, watched_columns
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert


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
            f"{percent(column.missing_share, 0)} of the cells of column {column.name!r} are missing.",
            "Statistics",
            "Find out why they are missing; fill them in, add a marker for missing, or leave the column out.",
            "partly",
            case_ids(case),
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
            case_ids(case),
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
        codes, names = group_codes(column)
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
        f"{many} of {name!r} have less than half of their share in the population (the smallest has "
        f"{percent(min(short), 0)} of it)."
        if len(short) > 1
        else f"One group of {name!r} has only {percent(min(short), 0)} of its share in the population.",
        "Groups",
        "Collect more rows of it, or weight its rows; report results for it apart.",
        "partly",
        case_ids(case),
        (name,),
    )


def proxies(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """The columns that a use reads tell a sensitive attribute that it does not read."""
    if case is None:
        return ()
    alerts = []
    for column in watched_columns(table, answers, case):
        used = tuple(c for c in used_columns(table, case) if c.name != column.name and not c.sensitive)
        accuracy, strongest = group_accuracy(table, used, column)
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
                    case_ids(case),
                    (column.name, strongest),
                )
            )
    return tuple(alerts)


def leakage(table: NutritionTable, answers: Answers, case: UseCase | None, at: Thresholds) -> tuple[Alert, ...]:
    """A single column gives the label away."""
    if case is not None and case.target not in (None, table.label):
        return ()
    leaks = [(c.name, auc) for c in used_columns(table, case) if (auc := label_auc(table, c)) > at.leakage]
    return tuple(
        Alert(
            "collection process",
            "serious",
            f"Column {name!r} alone gives the label away (AUC {auc:.3f}).",
            "Pairs of columns",
            "Find out whether the column is known when a prediction is made; if not, leave it out.",
            "yes",
            case_ids(case),
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
            case_ids(case),
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
