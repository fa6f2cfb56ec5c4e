"""What stands before the facts: an overview with badges, and the uses with their alerts. Source: [P065]."""

from __future__ import annotations

from labelwright.audit.nutrition.alerts import RULES, RULES_VERSION, AlertRule
from labelwright.audit.nutrition.answers import BADGES, Answers, UseCase
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.audit.nutrition.thresholds import Thresholds
from labelwright.metrics.report import Alert, ReportTable, Scalar, Section

OVERVIEW, USES = "Overview", "Use cases and alerts"
_ORDER = {"serious": 0, "caution": 1, "info": 2}
# Words in column names that hint at a sensitive attribute; a hint is shown, nothing is decided by it.
_HINTS = frozenset(
    (
        *("sex", "gender", "race", "ethnicity", "ethnic", "religion", "nationality", "native_country", "citizenship"),
        *("age", "date_of_birth", "birth_date", "dob", "disability", "health", "diagnosis", "pregnant", "orientation"),
        *("marital_status", "caste", "foreign_worker", "political", "union"),
    )
)


def overview(table: NutritionTable, answers: Answers, at: Thresholds) -> Section:
    """Who made it, what a row is, how much there is, and badges; with the version and thresholds of the rules."""
    scalars: dict[str, Scalar] = {
        "made by": answers.made_by or None,
        "one row is": answers.row_means or None,
        "rows": len(table),
        "columns": len(table.columns),
        "licence": answers.license or None,
        "updated": answers.update_cadence or None,
        "questions without an answer": len(answers.unanswered),
        "version of the rules": RULES_VERSION,
    }
    badges = tuple(
        (text, {True: "yes", False: "no", None: "not answered"}[answers.badges.get(key)])
        for key, text in BADGES.items()
    )
    hints = [name for name in table.columns if name.casefold().replace(" ", "_") in _HINTS]
    unmarked = [name for name in hints if name not in answers.sensitive]
    known = ", ".join(answers.sensitive) or "none declared"
    tables = (
        ReportTable(
            "Badges",
            ("fact", "answer"),
            (
                *badges,
                ("Known sensitive columns", known),
                ("Columns that sound sensitive", ", ".join(unmarked) or "none"),
            ),
        ),
        ReportTable("Thresholds of the rules", ("rule", "threshold"), tuple(at.to_dict().items())),
    )
    return Section(OVERVIEW, answers.description, scalars, tables)


def uses(cases: tuple[UseCase, ...], found: tuple[tuple[AlertRule, Alert], ...]) -> Section:
    """The matrix use case × rule, then the alerts of each use."""
    rows: list[tuple[Scalar, ...]] = []
    for rule in RULES:
        cells = tuple(_worst([a for r, a in found if r.name == rule.name and case.id in a.use_cases]) for case in cases)
        rows.append((rule.name.replace("_", " "), rule.category, *cells))
    about = tuple(
        (
            case.id,
            case.title,
            case.target or "",
            case.population,
            case.stakes,
            ", ".join(case.columns),
            ", ".join(case.groups),
        )
        for case in cases
    )
    tables = (
        ReportTable("Use case × alert", ("rule", "category", *(case.id for case in cases)), tuple(rows)),
        ReportTable("Use cases", ("id", "use", "target", "population", "stakes", "columns", "groups"), about),
    )
    alerts = tuple(sorted((a for _, a in found if a.use_cases), key=lambda a: _ORDER[a.severity]))
    return Section(USES, "The worst alert of each rule for each use; a dash where there is none.", {}, tables, alerts)


def _worst(alerts: list[Alert]) -> str:
    return min((a.severity for a in alerts), key=lambda s: _ORDER[s], default="–")
