"""The measure of [P001]: how hard a data set is to learn, and which close rows carry different labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from labelwright.audit.close_contradictions import SHOWN_PAIRS, plain
from labelwright.audit.intrinsic import (
    LabelSharpness,
    intrinsic_dimension,
    label_sharpness,
    two_neighbor_dimension,
)
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, row_names
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Scalar, Section, TableRows

Floats = NDArray[np.float64]
SIZES = (2, 5, 10, 20, 50, 100)  # neighbourhoods that the dimension is shown for
VOTERS = 10
LEAST_ROWS, MOST_CLASSES = 50, 12
GROWTH = (1, 2, 4, 8, 16, 32, 64)


class IntrinsicProperties:
    """Measures intrinsic dimension and label sharpness, and says what they predict [P001].

    Parameters
    ----------
    k : int, default 20
        Neighbours that the dimension is estimated from.
    anchors : int, default 1000
        Rows that pairs and neighbourhoods are taken from.
    seed : int, default 0
    """

    def __init__(self, k: int = 20, anchors: int = 1000, seed: int = 0) -> None:
        if k < 2 or anchors < 3:
            raise BadInput(f"k is {k} and anchors {anchors}", fix="use k of 2 or more and anchors of 3 or more")
        self.k, self.anchors, self.seed = k, anchors, seed

    def measure(
        self,
        X: ArrayLike,
        labels: ArrayLike,
        classes: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        shown: Sequence[str] | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        X : float array (n, ...)
            Features or pixels; distances between their rows are what is measured.
        labels : int array (n,), -1 = unlabelled
        classes : sequence of str, length K
        ids : sequence of str, optional
        shown : sequence of str, optional
            A few words about each row for the table of close pairs.
        """
        x = np.asarray(X, dtype=np.float64)
        x = x.reshape(len(x), -1) if x.ndim else x[None, None]
        y = as_codes("labels", labels)
        if y.max(initial=-1) >= len(classes):
            raise BadInput(f"labels holds {y.max()} but there are {len(classes)} classes")
        asked = {"anchors": self.anchors, "seed": self.seed}
        dimension = intrinsic_dimension(x, self.k, **asked)
        sharp = label_sharpness(x, y, **asked)
        names = row_names(ids, len(y))
        pairs = _pair_rows(x, y, sharp, classes, names, shown)
        size = int((y >= 0).sum())
        return Report(
            "How hard the data are to learn",
            (
                self._dimension_section(x, y, classes, dimension),
                _sharpness_section(x, y, sharp, classes, pairs, asked),
                _law_section(dimension, size),
            ),
            _verdict(dimension, x.shape[1], sharp, pairs),
            {
                "rows with a label": size,
                "intrinsic dimension": plain(dimension),
                "columns": x.shape[1],
                "label sharpness": plain(sharp.value),
                "label sharpness, relative": plain(sharp.relative),
            },
            _steps(pairs, sharp, dimension),
        )

    def _dimension_section(self, x: Floats, y: NDArray[np.int64], classes: Sequence[str], dimension: float) -> Section:
        asked = {"anchors": self.anchors, "seed": self.seed}
        by_size: TableRows = tuple((k, plain(intrinsic_dimension(x, k, **asked))) for k in SIZES if k < len(x))
        counts = np.bincount(y[y >= 0], minlength=len(classes))
        biggest = [c for c in np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist() if counts[c] >= LEAST_ROWS]
        by_class: TableRows = tuple(
            (classes[c], int(counts[c]), plain(intrinsic_dimension(x[y == c], self.k, **asked))) for c in biggest
        )
        tables = [
            ReportTable(
                "Dimension by neighbourhood", ("neighbours", "dimension"), by_size, plot=Plot("lines", ("dimension",))
            )
        ]
        if by_class:
            tables.append(
                ReportTable(
                    "Dimension of each class",
                    ("class", "rows", "dimension"),
                    by_class,
                    plot=Plot("bars", ("dimension",)),
                )
            )
        return Section(
            "In how many directions the rows vary",
            "The intrinsic dimension counts the directions in which near rows differ; the columns are far more. It is "
            "estimated low where it is high, and a few neighbours see noise rather than shape.",
            {
                "intrinsic dimension": plain(dimension),
                "by the two nearest rows": plain(two_neighbor_dimension(x, **asked)),
                "columns": x.shape[1],
            },
            tuple(tables),
        )


def _pair_rows(
    x: Floats,
    y: NDArray[np.int64],
    sharp: LabelSharpness,
    classes: Sequence[str],
    names: Sequence[str],
    shown: Sequence[str] | None,
) -> list[tuple[Scalar, ...]]:
    """Return the table of close pairs: the row whose neighbours carry its label more rarely is named first."""
    pairs = sharp.pairs[:SHOWN_PAIRS]
    rows, at = np.unique(pairs, return_inverse=True)
    share = _own_label_share(x, y, rows)[at.reshape(pairs.shape)] if len(rows) else np.empty((0, 2))
    lines: list[tuple[Scalar, ...]] = []
    for (a, b), (of_a, of_b), gap in zip(pairs.tolist(), share.tolist(), sharp.distances.tolist(), strict=False):
        first, second, alone = (a, b, of_a) if of_a <= of_b else (b, a, of_b)
        text = "" if shown is None else shown[first][:160]
        lines.append(
            (names[first], classes[y[first]], round(alone, 2), names[second], classes[y[second]], plain(gap), text)
        )
    return lines


def _own_label_share(x: Floats, y: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
    """Return for each of a few rows the share of its 10 nearest labelled rows that carry its label."""
    known = np.flatnonzero(y >= 0)
    apart = cdist(x[rows], x[known])
    apart[rows[:, None] == known] = np.inf
    k = min(VOTERS, len(known) - 1)
    near = known[np.argsort(apart, axis=1, kind="stable")[:, :k]]
    return np.asarray((y[near] == y[rows, None]).mean(axis=1))


def _sharpness_section(
    x: Floats,
    y: NDArray[np.int64],
    sharp: LabelSharpness,
    classes: Sequence[str],
    pairs: Sequence[tuple[Scalar, ...]],
    asked: dict[str, int],
) -> Section:
    columns = ("id", "label", "neighbours with its label", "close row", "its label", "distance", "row")
    closest = ReportTable(
        "Closest rows with different labels", columns, tuple(pairs), private=True, file="close_pairs.csv"
    )
    alerts: tuple[Alert, ...] = ()
    if sharp.contradictions:
        alerts = (
            Alert(
                "label quality",
                "caution",
                f"{sharp.contradictions} pairs of equal rows carry different labels; no model can be right on both.",
                mitigation="Settle their labels.",
                mitigation_possible="yes",
            ),
        )
    half = plain(0.5 / sharp.value) if sharp.value else None
    return Section(
        "How abruptly labels change",
        "Label sharpness is one over the smallest distance between drawn rows of different labels. The pair that "
        "decides it is often a label error: the row whose neighbours carry other labels stands first. A model that is "
        "right on both rows of a pair must change its mind within half their distance.",
        {
            "label sharpness": plain(sharp.value),
            "99.9 % quantile over pairs": plain(sharp.quantile),
            "in units of the median distance": plain(sharp.relative),
            "no model right on all is robust beyond": half,
            "equal rows with different labels": sharp.contradictions,
        },
        (*_between_classes(x, y, classes, asked), closest),
        alerts,
    )


def _between_classes(
    x: Floats, y: NDArray[np.int64], classes: Sequence[str], asked: dict[str, int]
) -> tuple[ReportTable, ...]:
    """Return the sharpness of each two of the largest classes; no table where there are two classes alone."""
    counts = np.bincount(y[y >= 0], minlength=len(classes))
    biggest = [c for c in np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist() if counts[c] > 1]
    if len(biggest) < 3:
        return ()
    cells: dict[tuple[int, int], float] = {}
    for i, a in enumerate(biggest):
        for b in biggest[:i]:
            rows = np.flatnonzero((y == a) | (y == b))
            cells[a, b] = cells[b, a] = label_sharpness(x[rows], y[rows], **asked).value
    lines: TableRows = tuple((classes[a], *(plain(cells[a, b]) if a != b else None for b in biggest)) for a in biggest)
    names = tuple(classes[c] for c in biggest)
    return (ReportTable("Sharpness between two classes", ("class", *names), lines, plot=Plot("heat", names)),)


def _law_section(dimension: float, n: int) -> Section:
    if not math.isfinite(dimension):
        return Section("What they predict", "The dimension could not be estimated: too few different rows.")
    rows: TableRows = tuple((n * times, round(times ** (-1 / dimension), 4)) for times in GROWTH if n)
    table = ReportTable(
        "Loss with more rows", ("rows", "loss, against now"), rows, plot=Plot("lines", ("loss, against now",))
    )
    return Section(
        "What they predict",
        "By the law L = O(K_L · max(1, K_F) · n^(−1/d)) the test loss falls with the number of rows n the more slowly, "
        "the larger the dimension d. It is an upper bound up to a constant, for an interpolating model: a guide to the "
        "slope, not to the loss.",
        {"rows for half the loss, times": round(2**dimension) if dimension < 60 else None},
        (table,),
    )


def _verdict(dimension: float, columns: int, sharp: LabelSharpness, pairs: Sequence[tuple[Scalar, ...]]) -> str:
    head = (
        f"Near rows differ in about {dimension:.0f} directions ({columns:,} columns)."
        if math.isfinite(dimension)
        else "Too few different rows to count the directions in which they vary."
    )
    if not pairs:
        return f"{head} No two drawn rows carry different labels."
    odd = sum(float(line[2] or 0) < 0.5 for line in pairs)
    tail = f"; in {odd} of the {len(pairs)} closest pairs a row's neighbours mostly carry another label" if odd else ""
    return f"{head} The closest rows with different labels are {sharp.distances[0]:.3g} apart{tail}."


def _steps(pairs: Sequence[tuple[Scalar, ...]], sharp: LabelSharpness, dimension: float) -> tuple[str, ...]:
    steps = []
    if pairs:
        steps.append("Look at the closest pairs (close_pairs.csv), the first row of each: its label may be wrong")
    if sharp.contradictions:
        steps.append("Run labelwright audit to list the equal rows with different labels")
    if math.isfinite(dimension) and dimension > 12:
        steps.append("More rows alone will help slowly: better features lower the dimension")
    return tuple(steps)
