"""Privacy labels against privacy policies: does the structured label say what the free text says?

A cell is a data type with a handling ("location, shared"). A policy says it, denies it, is silent, or lies in between:

    verdict            policy says yes       policy denies      policy is silent      in between
    label says yes     consistent yes        over-report        over-report           unknown
    label says no      under-report          consistent no      unknown               unknown

Policies are often broader than one product and silent where a label speaks: a verdict names the evidence, it proves no
false label. A classifier that errs inflates rates; with its true and false positive rates, r = (observed − FPR) /
(TPR − FPR).

Source: Rodriguez et al., The Overview of Privacy Labels and their Compatibility with Privacy Policies, 2023 [P060].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.policy_classifier import PolicyClassifier, PolicyEvidence
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask, as_share
from labelwright.metrics.intervals import Interval, clopper_pearson

VERDICTS = ("consistent yes", "consistent no", "under-report", "over-report", "unknown")


def verdicts(
    declared: ArrayLike, says: ArrayLike, denied: ArrayLike | None = None, tau: float = 0.5
) -> NDArray[np.str_]:
    """Return the verdict of each cell, one of `VERDICTS`, in the shape of the arguments.

    Parameters
    ----------
    declared : bool
        What the label says.
    says, denied : float in [0, 1]
        What the policy says; nothing is denied by default.
    tau : float, default 0.5
        In [½, 1]: evidence of tau or more counts, below 1 − tau is silence.

    Examples
    --------
    >>> verdicts([True, False], [0.0, 1.0]).tolist()
    ['over-report', 'under-report']
    """
    label = as_mask("declared", declared, None)
    yes = np.asarray(says, dtype=np.float64)
    no = np.zeros_like(yes) if denied is None else np.asarray(denied, dtype=np.float64)
    if label.shape != yes.shape or yes.shape != no.shape:
        raise BadInput(f"the label has shape {label.shape}, the evidence {yes.shape}")
    if not 0.5 <= tau <= 1:
        raise BadInput(f"tau is {tau}", fix="give a threshold in [0.5, 1]")
    stated, against = yes >= tau, no >= tau
    silent = (yes < tau if tau == 0.5 else yes <= 1 - tau) & ~against
    return np.select(
        [stated & label, stated, against & label, against, silent & label],
        [VERDICTS[0], VERDICTS[2], VERDICTS[3], VERDICTS[1], VERDICTS[3]],
        default=VERDICTS[4],
    )


def corrected_rate(observed: int, n: int, tpr: float, fpr: float) -> Interval:
    """Return the true rate behind `observed` of n detections, (observed rate − FPR) / (TPR − FPR), with its interval.

    The ends of the exact interval of the observed rate are corrected alike; all are cut to [0, 1]. NaN for n = 0.

    Examples
    --------
    >>> round(corrected_rate(28, 100, tpr=0.9, fpr=0.1).estimate, 3)
    0.225
    """
    hit, false = as_share("tpr", tpr), as_share("fpr", fpr)
    if hit <= false:
        raise BadInput(f"the detector is no better than chance (TPR {hit:g}, FPR {false:g})", fix="train it on more")
    low, high = clopper_pearson(observed, n)
    rate = observed / n if n else float("nan")
    estimate, a, b = (float(np.clip((value - false) / (hit - false), 0, 1)) for value in (rate, low, high))
    return Interval(estimate, a, b)


@dataclass(frozen=True)
class Crosswalk:
    """Which cells of one schema of labels say what cells of another say.

    Parameters
    ----------
    matrix : bool (q1, q2)
        Cells of the second schema without a counterpart are not compared.

    Examples
    --------
    >>> Crosswalk(np.array([[True, False], [True, False]])).map([False, True])
    array([ True, False])
    """

    matrix: NDArray[np.bool_]

    def map(self, declared: ArrayLike) -> NDArray[np.bool_]:
        """Return the label in the second schema, bool (q2,): a cell is on when any of its counterparts is."""
        label = as_mask("declared", declared)
        if len(label) != len(self.matrix):
            raise BadInput(f"the label has {len(label)} cells, the crosswalk {len(self.matrix)}")
        return np.asarray((self.matrix & label[:, None]).any(axis=0))

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """Cells of the second schema with a counterpart, bool (q2,)."""
        return np.asarray(self.matrix.any(axis=0))

    def verdicts(self, first: ArrayLike, second: ArrayLike) -> NDArray[np.str_]:
        """Return the verdict on the first label by the second, for the comparable cells.

        "under-report": the second says it and the first does not; "over-report": the other way round.
        """
        mapped, other = self.map(first)[self.comparable], as_mask("second", second)[self.comparable]
        found = np.where(mapped & other, VERDICTS[0], VERDICTS[1])
        return np.where(mapped == other, found, np.where(other, VERDICTS[2], VERDICTS[3]))


class DisclosureAuditor:
    """Holds declared labels against policies, with a threshold and error rates measured on policies with known truth.

    Parameters
    ----------
    classifier : PolicyClassifier
        Fitted.
    tau : float, default 0.5

    Attributes
    ----------
    tpr, fpr : float or None
        Share of stated and of unstated cells that are read as stated, after `calibrate`.
    """

    def __init__(self, classifier: PolicyClassifier, tau: float = 0.5) -> None:
        self.classifier, self.tau = classifier, tau
        self.tpr: float | None = None
        self.fpr: float | None = None

    def read(self, policies: Sequence[str]) -> list[PolicyEvidence]:
        """Return the evidence of each policy."""
        return [self.classifier.evidence(policy) for policy in policies]

    def calibrate(self, policies: Sequence[str], stated: ArrayLike, precision: float = 0.9) -> DisclosureAuditor:
        """Choose the lowest tau ≥ ½ that reaches the precision on known policies, and measure TPR and FPR there.

        Parameters
        ----------
        policies : sequence of str, length n
        stated : bool (n, q)
            What each policy really says.
        """
        truth = as_mask("stated", stated, 2)
        says = np.stack([one.says for one in self.read(policies)]) if len(policies) else np.empty((0, 0))
        if truth.shape != says.shape or not truth.any() or truth.all():
            raise BadInput(
                "the known policies do not fit", fix="give policies with stated and unstated cells, one row each"
            )
        grid = np.unique(np.clip(np.quantile(says, np.linspace(0, 1, 201)), 0.5, 1.0))
        good = [t for t in grid if (says >= t).any() and truth[says >= t].mean() >= precision]
        self.tau = float(good[0] if good else grid[-1])
        read = says >= self.tau
        self.tpr, self.fpr = float(read[truth].mean()), float(read[~truth].mean())
        return self

    def audit(self, policies: Sequence[str], declared: ArrayLike) -> tuple[NDArray[np.str_], list[PolicyEvidence]]:
        """Return the verdict of each policy and cell, (n, q), and the evidence."""
        label = as_mask("declared", declared, 2)
        found = self.read(policies)
        if label.shape != (len(policies), len(self.classifier.taxonomy)):
            raise BadInput(f"labels have shape {label.shape} for {len(policies)} policies")
        if not found:
            return np.empty(label.shape, dtype="U14"), found
        says, denied = (np.stack([getattr(one, name) for one in found]) for name in ("says", "denied"))
        return verdicts(label, says, denied, self.tau), found

    def under_rate(self, verdict: ArrayLike, declared: ArrayLike) -> Interval:
        """Return the share of unlabelled cells that the policy states, corrected where calibrated."""
        return self._rate(verdict, ~as_mask("declared", declared, None), VERDICTS[2], self.tpr, self.fpr)

    def over_rate(self, verdict: ArrayLike, declared: ArrayLike) -> Interval:
        """Return the share of labelled cells that the policy does not state, corrected where calibrated."""
        tpr = None if self.fpr is None else 1 - self.fpr
        fpr = None if self.tpr is None else 1 - self.tpr
        return self._rate(verdict, as_mask("declared", declared, None), VERDICTS[0], tpr, fpr, missing=True)

    def _rate(
        self,
        verdict: ArrayLike,
        among: NDArray[np.bool_],
        name: str,
        tpr: float | None,
        fpr: float | None,
        missing: bool = False,
    ) -> Interval:
        cells = np.asarray(verdict)[among]
        count = int((cells != name).sum()) if missing else int((cells == name).sum())
        return corrected_rate(count, len(cells), 1.0 if tpr is None else tpr, 0.0 if fpr is None else fpr)
