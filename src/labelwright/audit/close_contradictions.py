"""Close rows with different labels in an audit, found among the neighbours that it has anyway: what makes data hard.

Source: Konz, Mazurowski, The Effect of Intrinsic Dataset Properties on Generalization, ICLR 2024 [P001].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.intrinsic import (
    closest_other_label,
    dimension_of_distances,
)
from labelwright.data.dataset import Dataset
from labelwright.data.neighbors import Neighbors
from labelwright.errors import BadInput
from labelwright.metrics.report import ReportTable, Section, TableRows

Floats = NDArray[np.float64]
SHOWN_PAIRS = 20


@dataclass(frozen=True)
class Difficulty:
    """The cheap part, from neighbours that are there anyway: for the audit's summary and its report.

    `dimension` and `sharpness` are of the rows scaled to length 1. `pairs` (m, 2) are close rows with different labels.
    """

    dimension: float
    sharpness: float
    pairs: NDArray[np.int64]
    distances: Floats
    contradictions: int

    def facts(self) -> dict[str, Any]:
        """Return what the summary holds."""
        return {
            "intrinsic_dimension": plain(self.dimension),
            "label_sharpness": plain(self.sharpness),
            "contradictions": self.contradictions,
            "closest_pair": [int(row) for row in self.pairs[0]] if len(self.pairs) else None,
        }

    def section(self, dataset: Dataset) -> Section:
        """Return the part of the report; pairs are named by id and given label."""
        ids, given = dataset.ids, dataset.given
        rows: TableRows = tuple(
            (str(ids[a]), str(given[a]), str(ids[b]), str(given[b]), round(gap, 4))
            for (a, b), gap in zip(self.pairs.tolist(), self.distances.tolist(), strict=True)
        )
        columns = ("row", "label", "close row", "its label", "distance")
        return Section(
            "Difficulty",
            "Intrinsic dimension: in how many directions near rows differ; the more, the more rows a model needs. "
            "Label sharpness: one over the smallest distance between rows of different labels, each row scaled to "
            "length 1. One of the rows of a close pair may be labelled wrongly.",
            {
                "intrinsic dimension": plain(self.dimension),
                "label sharpness": plain(self.sharpness),
                "equal features, different labels": self.contradictions,
            },
            (ReportTable("Closest rows with different labels", columns, rows, private=True),) if rows else (),
        )


def difficulty(neighbors: Neighbors, labels: ArrayLike) -> Difficulty:
    """Return dimension and sharpness from nearest neighbours by cosine: no distance is computed.

    A cosine distance c is half the squared distance of the rows scaled to length 1.

    Source: Konz, Mazurowski, ICLR 2024 [P001].
    """
    if neighbors.metric != "cosine":
        raise BadInput("the neighbours are not by cosine", fix="search them with metric='cosine'")
    apart = np.sqrt(2 * np.maximum(neighbors.distances.astype(np.float64), 0))
    pairs, distances = closest_other_label(neighbors.indices, apart, labels, most=len(apart))
    same = distances == 0
    return Difficulty(
        dimension=dimension_of_distances(apart),
        sharpness=float(1 / distances[~same][0]) if (~same).any() else 0.0,
        pairs=pairs[~same][:SHOWN_PAIRS],
        distances=distances[~same][:SHOWN_PAIRS],
        contradictions=int(same.sum()),
    )


def plain(value: float) -> float | None:
    """Return a number for a report, None where there is none."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
