"""The parts of the report on label uncertainty [P103]: the labels, where models err, how robust a classifier can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.intrinsic_robustness import Concentration, Norm
from labelwright.audit.label_certainty import ErrorUncertainty, UncertaintyAbstainer
from labelwright.metrics.report import Alert, Plot, ReportTable, Section, TableRows, rounded

Floats = NDArray[np.float64]
EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0)
COVERAGES = np.linspace(0.05, 1, 20)
MOST_CLASSES, MOST_MODELS = 30, 9


def labels_section(
    lu: Floats,
    votes: Floats,
    y: NDArray[np.int64],
    known: NDArray[np.bool_],
    classes: Sequence[str],
    names: Sequence[str],
) -> Section:
    """Return how certain the labels are, by class and row, with decisions where another class has more votes."""
    counts, _ = np.histogram(lu[known], bins=EDGES)
    bins: TableRows = tuple((f"{a:g} to {b:g}", int(n)) for a, b, n in zip(EDGES[:-1], EDGES[1:], counts, strict=True))
    per_class = sorted(
        ((float(lu[known & (y == k)].mean()), classes[k], int((known & (y == k)).sum())) for k in np.unique(y[known])),
        reverse=True,
    )[:MOST_CLASSES]
    rows: TableRows = tuple((name, n, round(mean, 4)) for mean, name, n in per_class)
    order = np.argsort(-np.where(known, lu, -1), kind="stable")[: int((lu[known] > 0).sum())]
    best = np.where(np.isnan(votes), -1, votes).argmax(axis=1)
    listed: TableRows = tuple(
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
    fixes: TableRows = tuple(
        (names[i], "relabel", classes[best[i]], f"{100 * votes[i, best[i]]:.0f} % of the votes")
        for i in order.tolist()
        if lu[i] > 1
    )
    alerts: tuple[Alert, ...] = ()
    if fixes:
        alerts = (
            Alert(
                "label quality",
                "caution",
                f"{len(fixes)} labels have fewer votes than another class.",
                mitigation="Relabel them, or train on the votes.",
                mitigation_possible="yes",
            ),
        )
    return Section(
        "The labels",
        "Label uncertainty is 1 less what the label is ahead of the next class: 0 when everybody gives it, 1 when "
        "another class has as many votes, 2 when everybody gives another class.",
        tables=(
            ReportTable("Rows by label uncertainty", ("label uncertainty", "rows"), bins, plot=Plot("bars", ("rows",))),
            ReportTable(
                "Mean label uncertainty by class",
                ("class", "rows", "label uncertainty"),
                rows,
                plot=Plot("bars", ("label uncertainty",)),
            ),
            ReportTable(
                "Least certain labels",
                ("id", "label", "its share", "most votes", "their share", "label uncertainty"),
                listed,
                True,
                file="uncertain_labels.csv",
            ),
            ReportTable("Suggested decisions", ("id", "decision", "label", "note"), fixes, True, file="decisions.csv"),
        ),
        alerts=alerts,
    )


def models_section(
    lu: Floats,
    y: NDArray[np.int64],
    known: NDArray[np.bool_],
    answers: Mapping[str, NDArray[np.int64]],
    regions: Mapping[str, ErrorUncertainty],
) -> Section:
    """Return how uncertain models' errors are, and their accuracy by uncertainty."""
    shown = list(answers)[:MOST_MODELS]
    right = {name: (answers[name] == y)[known] for name in answers}
    rows: TableRows = tuple(
        (
            name,
            round(float(right[name].mean()), 4),
            *(rounded(v) for v in (r.errors, r.random.low, r.random.high, r.ratio)),
        )
        for name, r in regions.items()
    )
    columns = ("model", "accuracy", "uncertainty of errors", "of random rows, low", "of random rows, high", "ratio")
    at = np.digitize(lu[known], EDGES[1:-1])
    by_bin: TableRows = tuple(
        (
            f"{EDGES[b]:g} to {EDGES[b + 1]:g}",
            int((at == b).sum()),
            *(rounded(float(right[name][at == b].mean())) if (at == b).any() else None for name in shown),
        )
        for b in range(len(EDGES) - 1)
    )
    curves = {name: UncertaintyAbstainer.curve(lu[known], right[name]) for name in shown}
    lines: TableRows = tuple(
        (round(float(c), 3), *(rounded(float(np.interp(c, *curves[name]))) for name in shown)) for c in COVERAGES
    )
    return Section(
        "Where models err",
        "A model whose errors are no less certain than random rows errs where people do not: it can be mended. Errors "
        "that are far less certain are those that people make too. The last picture answers only the rows that people "
        "are surest of.",
        tables=(
            ReportTable("Label uncertainty of errors", columns, rows, plot=Plot("bars", ("ratio",))),
            ReportTable(
                "Accuracy by label uncertainty",
                ("label uncertainty", "rows", *shown),
                by_bin,
                plot=Plot("heat", tuple(shown), unit="share"),
            ),
            ReportTable(
                "Accuracy when uncertain rows are refused",
                ("share of rows answered", *shown),
                lines,
                plot=Plot("lines", tuple(shown), unit="share"),
            ),
        ),
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
