"""The sections of the report on models' mistakes: models, kinds, the sheet for a panel, rows to watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.mistakes import KINDS, mistakes_of, multilabel_accuracy
from labelwright.audit.multilabel_targets import MultiLabelTargets
from labelwright.metrics.intervals import clopper_pearson
from labelwright.metrics.report import Alert, Picture, Plot, ReportTable, Section, TableRows

MOST_PICTURES = 12
Guesses = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Mistakes:
    """Mistakes of the union of models: one entry a (row, predicted class)."""

    rows: NDArray[np.int64]
    predicted: NDArray[np.int64]
    models: list[str]
    kinds: list[str]
    severity: list[str]


def models_section(
    guesses: Guesses, before: MultiLabelTargets, after: MultiLabelTargets, classes: Sequence[str], reviewed: bool
) -> Section:
    """Return how many mistakes each model has left, before and after all acceptable labels count."""
    single = MultiLabelTargets.single(before.original, len(classes))
    stages = {"given label only": single, "all acceptable labels": before}
    if reviewed:
        stages["after the review"] = after
    rows: TableRows = tuple(
        (
            name,
            *(round(multilabel_accuracy(guess, target), 4) for target in stages.values()),
            len(mistakes_of(guess, after)),
        )
        for name, guess in guesses.items()
    )
    columns = ("model", *stages, "mistakes left")
    counted = int((before.valid.sum(axis=1) > 1).sum())
    return Section(
        "The models",
        "Accuracy is averaged over classes. A prediction is right when it is acceptable or nobody can rule it out.",
        {"rows with several right labels": counted, "rows left out as problematic": int(after.problematic.sum())},
        (ReportTable("Accuracy", columns, rows, plot=Plot("bars", (list(stages)[-1],), unit="share")),),
    )


def kinds_section(found: Mistakes, classes: Sequence[str], labels: NDArray[np.int64]) -> Section:
    """Return what kind the mistakes are of, how bad they are, and between which classes."""
    levels = [s for s in ("major", "minor", "borderline", "not judged") if s in found.severity]
    both = list(zip(found.kinds, found.severity, strict=True))
    rows: TableRows = tuple(
        (kind, found.kinds.count(kind), *(both.count((kind, level)) for level in levels))
        for kind in KINDS
        if kind in found.kinds
    )
    pairs: dict[str, int] = {}
    for row, guess in zip(found.rows.tolist(), found.predicted.tolist(), strict=True):
        name = f"{classes[labels[row]]} → {classes[guess]}"
        pairs[name] = pairs.get(name, 0) + 1
    top = sorted(pairs.items(), key=lambda one: (-one[1], one[0]))[:12]
    alerts: tuple[Alert, ...] = ()
    if found.severity and "not judged" in found.severity:
        alerts = (
            Alert(
                "label quality",
                "info",
                "Nobody's votes say how bad these mistakes are.",
                mitigation="Give the votes of people, or let a panel fill in the severity in mistakes.csv.",
            ),
        )
    return Section(
        "What kind of mistakes",
        "A first pass by class hierarchy, confusion and features; a panel decides. Major: nobody gave that label.",
        tables=(
            ReportTable("Kinds", ("kind", "mistakes", *levels), rows, plot=Plot("bars", ("mistakes",))),
            ReportTable("Given → predicted", ("pair", "mistakes"), tuple(top), plot=Plot("bars", ("mistakes",))),
        ),
        alerts=alerts,
    )


def sheet_section(
    found: Mistakes,
    targets: MultiLabelTargets,
    classes: Sequence[str],
    names: Sequence[str],
    picture: Callable[[int], str] | None,
) -> Section:
    """Return the table that a panel fills in, with pictures of the worst."""
    rows: TableRows = tuple(
        (
            names[row],
            classes[targets.original[row]],
            classes[guess],
            "; ".join(classes[c] for c in np.flatnonzero(targets.valid[row]).tolist()),
            kind,
            bad if bad != "not judged" else "",
            models,
            "",
        )
        for row, guess, kind, bad, models in zip(
            found.rows.tolist(), found.predicted.tolist(), found.kinds, found.severity, found.models, strict=True
        )
    )
    columns = ("id", "given", "predicted", "acceptable", "kind", "severity", "models", "decision")
    shown = []
    if picture is not None:
        worst = [i for i, bad in enumerate(found.severity) if bad == "major"] or list(range(len(found.rows)))
        for i in worst[:MOST_PICTURES]:
            row = int(found.rows[i])
            title = f"{names[row]}: given {classes[targets.original[row]]}, predicted {classes[found.predicted[i]]}"
            shown.append(Picture(title, picture(row)))
    return Section(
        "The sheet for a panel",
        "Fill in the column decision (correct, unclear, mistake, problematic), correct the severity where needed, and "
        "give the file back with --review: every model is then scored again.",
        tables=(ReportTable("Mistakes of all models", columns, rows, True, file="mistakes.csv"),),
        pictures=tuple(shown),
    )


def slice_section(
    watch: NDArray[np.int64],
    guesses: Guesses,
    targets: MultiLabelTargets,
    classes: Sequence[str],
    names: Sequence[str],
    reference: str,
) -> Section:
    """Return the rows that show progress: major mistakes that models share."""
    rows = []
    for name, guess in guesses.items():
        right = int(targets.accepts(guess)[watch].sum())
        low, high = clopper_pearson(right, len(watch))
        rows.append((name, right, len(watch), round(low, 4), round(high, 4)))
    listed: TableRows = tuple(
        (names[row], classes[targets.original[row]], classes[guesses[reference][row]]) for row in watch.tolist()
    )
    return Section(
        "Rows to watch",
        f"Major mistakes of {reference} that most other models share; it scores 0 here by construction. Follow "
        "progress on them, and choose no model by so few rows.",
        tables=(
            ReportTable("Models on these rows", ("model", "right", "rows", "low", "high"), tuple(rows)),
            ReportTable("Rows", ("id", "given", f"{reference} says"), listed, True, file="watch.csv"),
        ),
    )
