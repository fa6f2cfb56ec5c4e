"""The parts of the report on label uncertainty [P103]: the labels, where models err, how robust a classifier can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.intrinsic_robustness import Concentration, Norm
from labelwright.audit.label_certainty import ErrorUncertainty, UncertaintyAbstainer
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert, Plot, ReportTable, Section, TableRows, rounded

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Bools = NDArray[np.bool_]
EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0)
COVERAGES = np.linspace(0.05, 1, 20)
MOST_CLASSES, MOST_MODELS = 30, 9


def labels_section(
    lu: Floats,
    votes: Floats,
    y: Codes,
    known: Bools,
    classes: Sequence[str],
    names: Sequence[str],
) -> Section:
    """Return how certain the labels are, by class and row, with decisions where another class has more votes."""
    order = np.argsort(-np.where(known, lu, -1), kind="stable")[: int((lu[known] > 0).sum())]
    best = np.where(np.isnan(votes), -1, votes).argmax(axis=1)
    decisions = _decisions_table(votes, best, order[lu[order] > 1], classes, names)
    alerts: tuple[Alert, ...] = ()
    if decisions.rows:
        alerts = (
            Alert(
                "label quality",
                "caution",
                f"{len(decisions.rows)} labels have fewer votes than another class.",
                mitigation="Relabel them, or train on the votes.",
                mitigation_possible="yes",
            ),
        )
    return Section(
        "The labels",
        "Label uncertainty is 1 less what the label is ahead of the next class: 0 when everybody gives it, 1 when "
        "another class has as many votes, 2 when everybody gives another class.",
        tables=(
            _bins_table(lu[known]),
            _classes_table(lu[known], y[known], classes),
            _rows_table(lu, votes, best, order, y, classes, names),
            decisions,
        ),
        alerts=alerts,
    )


def _bins_table(lu: Floats) -> ReportTable:
    counts, _ = np.histogram(lu, bins=EDGES)
    rows: TableRows = tuple((f"{a:g} to {b:g}", int(n)) for a, b, n in zip(EDGES[:-1], EDGES[1:], counts, strict=True))
    return ReportTable("Rows by label uncertainty", ("label uncertainty", "rows"), rows, plot=Plot("bars", ("rows",)))


def _classes_table(lu: Floats, y: Codes, classes: Sequence[str]) -> ReportTable:
    per_class = [(float(lu[y == k].mean()), classes[k], int((y == k).sum())) for k in np.unique(y)]
    rows: TableRows = tuple(
        (name, n, round(mean, 4)) for mean, name, n in sorted(per_class, reverse=True)[:MOST_CLASSES]
    )
    columns = ("class", "rows", "label uncertainty")
    return ReportTable("Mean label uncertainty by class", columns, rows, plot=Plot("bars", ("label uncertainty",)))


def _rows_table(
    lu: Floats, votes: Floats, best: Codes, order: Codes, y: Codes, classes: Sequence[str], names: Sequence[str]
) -> ReportTable:
    rows: TableRows = tuple(
        (
            names[i],
            classes[y[i]],
            round(float(votes[i, y[i]]), 3),
            classes[best[i]],
            round(float(votes[i, best[i]]), 3),
            round(float(lu[i]), 4),
        )
        for i in order.tolist()
    )
    columns = ("id", "label", "its share", "most votes", "their share", "label uncertainty")
    return ReportTable("Least certain labels", columns, rows, True, file="uncertain_labels.csv")


def _decisions_table(
    votes: Floats, best: Codes, outvoted: Codes, classes: Sequence[str], names: Sequence[str]
) -> ReportTable:
    rows: TableRows = tuple(
        (names[i], "relabel", classes[best[i]], f"{percent(votes[i, best[i]], 0)} of the votes")
        for i in outvoted.tolist()
    )
    return ReportTable("Suggested decisions", ("id", "decision", "label", "note"), rows, True, file="decisions.csv")


def models_section(
    lu: Floats,
    y: Codes,
    known: Bools,
    answers: Mapping[str, Codes],
    regions: Mapping[str, ErrorUncertainty],
) -> Section:
    """Return how uncertain models' errors are, and their accuracy by uncertainty."""
    right = {name: (answers[name] == y)[known] for name in answers}
    drawn = {name: right[name] for name in list(answers)[:MOST_MODELS]}
    return Section(
        "Where models err",
        "A model whose errors are no less certain than random rows errs where people do not: it can be mended. Errors "
        "that are far less certain are those that people make too. The last picture answers only the rows that people "
        "are surest of.",
        tables=(
            _errors_table(right, regions),
            _accuracy_table(lu[known], drawn),
            _refusal_table(lu[known], drawn),
        ),
    )


def _errors_table(right: Mapping[str, Bools], regions: Mapping[str, ErrorUncertainty]) -> ReportTable:
    rows: TableRows = tuple(
        (
            name,
            round(float(right[name].mean()), 4),
            *(rounded(v) for v in (r.errors, r.random.low, r.random.high, r.ratio)),
        )
        for name, r in regions.items()
    )
    columns = ("model", "accuracy", "uncertainty of errors", "of random rows, low", "of random rows, high", "ratio")
    return ReportTable("Label uncertainty of errors", columns, rows, plot=Plot("bars", ("ratio",)))


def _accuracy_table(lu: Floats, right: Mapping[str, Bools]) -> ReportTable:
    at = np.digitize(lu, EDGES[1:-1])
    rows: TableRows = tuple(
        (
            f"{EDGES[b]:g} to {EDGES[b + 1]:g}",
            int((at == b).sum()),
            *(rounded(float(one[at == b].mean())) if (at == b).any() else None for one in right.values()),
        )
        for b in range(len(EDGES) - 1)
    )
    columns = ("label uncertainty", "rows", *right)
    return ReportTable("Accuracy by label uncertainty", columns, rows, plot=Plot("heat", tuple(right), unit="share"))


def _refusal_table(lu: Floats, right: Mapping[str, Bools]) -> ReportTable:
    curves = [UncertaintyAbstainer.curve(lu, one) for one in right.values()]
    rows: TableRows = tuple(
        (round(float(c), 3), *(rounded(float(np.interp(c, *curve))) for curve in curves)) for c in COVERAGES
    )
    return ReportTable(
        "Accuracy when uncertain rows are refused",
        ("share of rows answered", *right),
        rows,
        plot=Plot("lines", tuple(right), unit="share"),
    )


def robustness_section(
    bounds: tuple[Concentration, Concentration], norm: Norm, eps: float, alpha: float, gamma: float
) -> Section:
    """Return the estimated limits of robustness."""
    rows: TableRows = tuple(
        (name, *(rounded(v) for v in (b.robustness, b.risk, b.adversarial_risk, b.uncertainty)))
        for name, b in zip(("any errors", f"errors with uncertainty {gamma:g}"), bounds, strict=True)
    )
    columns = ("classifier with", "robustness at most", "risk", "adversarial risk", "uncertainty of errors")
    alerts: tuple[Alert, ...] = ()
    if not bounds[1].complete:
        alerts = (
            Alert(
                "measurement",
                "caution",
                f"No region of the asked size has a mean label uncertainty of {gamma:g}: this is a smaller one.",
                mitigation="Ask for a lower gamma or alpha.",
                mitigation_possible="yes",
            ),
        )
    return Section(
        "How robust a classifier can be",
        f"Estimated on held-out halves: a classifier that errs on {100 * alpha:g} % of the rows cannot be right, for "
        f"all changes of {norm} size {eps:g}, on more than this share. Its errors were sought among regions of any "
        "label uncertainty, and among those as uncertain as errors of real models are.",
        tables=(ReportTable("Limit of robustness", columns, rows, plot=Plot("bars", (columns[1],), unit="share")),),
        alerts=alerts,
    )
