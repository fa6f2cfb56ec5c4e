"""The measure of [P103]: how unsure people are of the labels, whether models err there, and how robust they can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.intrinsic_robustness import Concentration, ConcentrationEstimator, Norm
from labelwright.audit.label_certainty import ErrorUncertainty, error_region_uncertainty, label_uncertainty
from labelwright.audit.uncertain_label_sections import labels_section, models_section, robustness_section
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_labels, row_names
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Report

Floats = NDArray[np.float64]


class UncertainLabels:
    """Measures label uncertainty, holds models' errors against it and bounds their robustness [P103].

    Parameters
    ----------
    norm : {"l2", "linf"}, default "l2"
    eps : float, optional
        Size of changes that a model should bear, in units of the features; without it robustness is not estimated.
    alpha : float, default 0.05
        Risk of the classifier whose robustness is bounded.
    gamma : float, default 0.17
        Mean label uncertainty of its errors.
    rows : int, default 4000
        Rows, drawn with `seed`, that the bound rests on.
    seed : int, default 0
    """

    def __init__(
        self,
        norm: Norm = "l2",
        eps: float | None = None,
        *,
        alpha: float = 0.05,
        gamma: float = 0.17,
        rows: int = 4000,
        seed: int = 0,
    ) -> None:
        ConcentrationEstimator(norm, eps or 0.0, alpha=alpha, gamma=gamma)  # refuses what it cannot use
        if rows < 4:
            raise BadInput(f"{rows} rows cannot be split", fix="use thousands")
        self.norm: Norm = norm
        self.eps, self.alpha, self.gamma, self.rows, self.seed = eps, alpha, gamma, rows, seed

    def measure(
        self,
        shares: ArrayLike,
        labels: ArrayLike,
        classes: Sequence[str],
        *,
        predictions: Mapping[str, ArrayLike] | None = None,
        X: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        shares : float array (n, K)
            Share of people's votes that each class got; NaN rows were not voted on.
        labels : int array (n,), -1 = none
        classes : sequence of str, length K
        predictions : mapping of name to int array (n,), optional
            What models predict, -1 = none.
        X : float array (n, d), optional
            Features; needed for the bound on robustness.
        ids : sequence of str, optional
        """
        y = as_labels("labels", labels, len(classes))
        lu, votes = label_uncertainty(shares, y), np.asarray(shares, dtype=np.float64)
        known = ~np.isnan(lu)
        if not known.any():
            raise BadInput("no row has both votes and a label")
        if votes.shape[1] != len(classes):
            raise BadInput(f"shares has {votes.shape[1]} columns but there are {len(classes)} classes")
        answers = {name: as_labels(name, p, len(classes)) for name, p in (predictions or {}).items()}
        names = row_names(ids, len(y))
        sections = [labels_section(lu, votes, y, known, classes, names)]
        regions = {name: error_region_uncertainty(lu, p != y, self.seed) for name, p in answers.items()}
        if answers:
            sections.append(models_section(lu, y, known, answers, regions))
        bounds = None
        if X is not None and self.eps is not None:
            bounds = self._bounds(as_array("X", X, 2)[known], lu[known])
            sections.append(robustness_section(bounds, self.norm, self.eps, self.alpha, self.gamma))
        against = int((lu[known] > 1).sum())
        return Report(
            "How unsure people are of the labels",
            tuple(sections),
            _verdict(lu[known], against, regions, bounds),
            {
                "rows with votes": int(known.sum()),
                "mean label uncertainty": round(float(lu[known].mean()), 4),
                "labels that most people reject": against,
                "labels that all people give": int((lu[known] == 0).sum()),
            },
            _steps(against, bool(answers), self.eps is not None),
        )

    def _bounds(self, x: Floats, lu: Floats) -> tuple[Concentration, Concentration]:
        """Return the estimates without and with the uncertainty of errors."""
        chosen = np.sort(as_generator(self.seed).choice(len(x), min(self.rows, len(x)), replace=False))
        plain, asked = (
            ConcentrationEstimator(self.norm, self.eps or 0.0, alpha=self.alpha, gamma=gamma, seed=self.seed).estimate(
                x[chosen], lu[chosen]
            )
            for gamma in (0.0, self.gamma)
        )
        return plain, asked


def _verdict(
    lu: Floats,
    against: int,
    regions: Mapping[str, ErrorUncertainty],
    bounds: tuple[Concentration, Concentration] | None,
) -> str:
    said = [
        f"People are of one mind on {percent(float((lu == 0).mean()), 0)} of the labels; "
        f"{against:,} of {len(lu):,} have fewer votes than another class."
    ]
    for name, region in list(regions.items())[:1]:
        if math.isfinite(region.ratio):
            said.append(f"Errors of {name} are {region.ratio:.1f} times as uncertain as all labels.")
    if bounds is not None:
        said.append(f"No classifier with such errors is more than {percent(bounds[1].robustness)} robust (estimate).")
    return " ".join(said)


def _steps(against: int, has_models: bool, has_eps: bool) -> tuple[str, ...]:
    steps = []
    if against:
        steps.append("Read decisions.csv, then labelwright apply DATA decisions.csv --out MENDED")
    steps.append("Train on the votes instead of one label: labelwright train with the votes as evidence")
    if not has_models:
        steps.append("Pass --predictions of a model to see whether it errs where people do")
    if not has_eps:
        steps.append("Pass --eps to estimate how robust a classifier can be")
    return tuple(steps)
