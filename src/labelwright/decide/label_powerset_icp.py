"""Label powerset ICP: conformal sets of label sets, with p-values, for rows with several labels.

A whole label set ψ is the candidate. With outputs o and a nonconformity a (`NormNonconformity`: ‖ψ − o‖₂),

    p(ψ) = (#{calibration rows with a(y_i, o_i) ≥ a(ψ, o)} + 1) / (q + 1)
    Γ(α) = {ψ : p(ψ) > α},  which misses the true label set with probability at most α

Γ is found by `enumerate_label_sets` without walking through the 2^K candidates. Below α = 1 / (q + 1) it is everything.

Source: Maltoudoglou, Paisios, Lenc, Martínek, Král, Papadopoulos, Well-calibrated confidence measures for multi-label
text classification with a large number of labels, Pattern Recognition 122, 2022 [P118].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.conformal import conformal_p_values, conformal_threshold
from labelwright.decide.contract import Bools, Floats, as_rate, fitted, label_probs, tag_matrix
from labelwright.decide.label_set_search import SLACK, LabelSets, enumerate_label_sets
from labelwright.decide.nonconformity import Nonconformity, NormNonconformity
from labelwright.errors import BadInput


@dataclass(frozen=True)
class ForcedPrediction:
    """One label set a row with how far to trust it.

    Parameters
    ----------
    labels : bool array (m, K)
        The least strange label set.
    credibility : float array (m,)
        Its p-value: low where no label set fits, as in rows unlike all calibration rows.
    confidence : float array (m,)
        1 − the p-value of the second: high where no other label set is plausible.
    """

    labels: Bools
    credibility: Floats
    confidence: Floats


@dataclass(frozen=True)
class PowersetCriteria:
    """Error of the sets, their mean size (N criterion), and the mean sum of p-values of false label sets in them."""

    error: float
    mean_size: float
    median_size: float
    observed_fuzziness: float


class LabelPowersetICP:
    """Inductive conformal prediction over label sets.

    Parameters
    ----------
    alpha : float, default 0.1
        Error rate in (0, 1).
    nonconformity : Nonconformity, optional
        `NormNonconformity` of order 2 by default.

    Attributes
    ----------
    calibration_scores_ : float array (q,)
    threshold_ : float

    Examples
    --------
    >>> outputs, y = np.array([[0.9, 0.2]] * 9), np.array([[1, 0]] * 8 + [[1, 1]])
    >>> icp = LabelPowersetICP(alpha=0.2).fit(outputs, y)
    >>> icp.predict_set([[0.8, 0.1]])[0].sets().astype(int).tolist()
    [[1, 0]]

    Notes
    -----
    Against one conformal predictor a label at alpha / K, mean sizes at alpha 0.2 are 3.2 to 3.6 on scene, 1126 to 3700
    on yeast, 5e4 to 7e47 on bibtex; on scene the mean of log2 sizes is not smaller (1.59 to 1.56).

    Source: Maltoudoglou et al., 2022 [P118].
    """

    def __init__(self, alpha: float = 0.1, nonconformity: Nonconformity | None = None) -> None:
        self.alpha = as_rate("alpha", alpha)
        self.nonconformity = nonconformity if nonconformity is not None else NormNonconformity()

    def fit(self, pred_probs: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Score the true label set of every calibration row.

        Parameters
        ----------
        pred_probs : float array (q, K)
            One probability a label, of rows that the model was not trained on.
        y : bool array (q, K)
        """
        outputs = label_probs("pred_probs", pred_probs)
        if not len(outputs):
            raise BadInput("there is no calibration row", fix="give rows that the model has not seen")
        self.n_labels_ = outputs.shape[1]
        self.calibration_scores_ = self.nonconformity(tag_matrix("y", y, outputs), outputs)
        self.threshold_ = conformal_threshold(self.calibration_scores_, self.alpha)
        return self

    def predict_set(self, pred_probs: ArrayLike) -> list[LabelSets]:
        """Return Γ of each row, m objects that count, test or list their label sets when asked."""
        return [LabelSets(row, self.threshold_, self.nonconformity) for row in self._outputs(pred_probs)]

    def covers(self, pred_probs: ArrayLike, y: ArrayLike) -> Bools:
        """Return whether the label set y (m, K) of each row is in its Γ, bool (m,), without listing any."""
        outputs = self._outputs(pred_probs)
        return self.nonconformity(tag_matrix("y", y, outputs), outputs) <= self.threshold_ + SLACK

    def p_values(self, pred_probs: ArrayLike, sets: ArrayLike) -> Floats:
        """Return the p-value of one label set a row, (m,), for outputs (m, K) and label sets (m, K)."""
        outputs = self._outputs(pred_probs)
        return self._p(self.nonconformity(tag_matrix("sets", sets, outputs), outputs))

    def forced_prediction(self, pred_probs: ArrayLike) -> ForcedPrediction:
        """Return the least strange label set of each row, with credibility and confidence."""
        outputs = self._outputs(pred_probs)
        best = outputs >= 0.5
        second = best.copy()
        cheapest = np.argmin(np.abs(outputs - 0.5), axis=1)
        second[np.arange(len(best)), cheapest] ^= True
        if not isinstance(self.nonconformity, NormNonconformity):
            for i, row in enumerate(outputs):
                best[i], second[i] = self._two_least(row, np.stack([best[i], second[i]]))
        score = self.nonconformity
        return ForcedPrediction(best, self._p(score(best, outputs)), 1 - self._p(score(second, outputs)))

    def _two_least(self, outputs: Floats, two: Bools) -> Bools:
        """The two least strange sets; none is stranger than the stranger of any two, which bounds the search."""
        tau = float(self.nonconformity(two, outputs).max())
        near = enumerate_label_sets(outputs, self.nonconformity.distance_budget(tau), self.nonconformity.order)
        return near[np.argsort(self.nonconformity(near, outputs), kind="stable")[:2]]

    def criteria(self, pred_probs: ArrayLike, y: ArrayLike) -> PowersetCriteria:
        """Measure the sets on labelled rows; every set is listed, so they must not be huge."""
        outputs = self._outputs(pred_probs)
        tags = tag_matrix("y", y, outputs)
        sizes, fuzz = np.empty(len(tags)), np.empty(len(tags))
        for i, near in enumerate(self.predict_set(outputs)):
            sets = near.sets()
            false = sets[(sets != tags[i]).any(axis=1)]
            sizes[i], fuzz[i] = len(sets), self._p(self.nonconformity(false, outputs[i])).sum()
        error = 1 - self.covers(outputs, tags).mean()
        return PowersetCriteria(float(error), float(sizes.mean()), float(np.median(sizes)), float(fuzz.mean()))

    def _p(self, scores: Floats) -> Floats:
        return conformal_p_values(self.calibration_scores_, scores - SLACK)

    def _outputs(self, pred_probs: ArrayLike) -> Floats:
        fitted(self, "threshold_")
        return label_probs("pred_probs", pred_probs, self.n_labels_)
