"""A certificate that majority voting is the best that can be done for these votes, or that it is not.

The conditions are those of `majority_optimality`; what they ask for (class share and reliabilities) is estimated with
intervals, and the conditions are checked over the whole box that these span.

Source: The majority vote paradigm shift: when popular meets optimal, 2025 [P086].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.base import LabelModel
from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.consensus.label_models.majority import MajorityVote
from labelwright.consensus.majority_optimality import logit, narrowest
from labelwright.consensus.table import VoteTable, gold_codes
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes
from labelwright.metrics.intervals import Interval, clopper_pearson

Floats = NDArray[np.float64]
LEAST_GOLD = 30


class CertificateStatus(Enum):
    """What a certificate says."""

    CERTIFIED = "majority voting is optimal"
    VIOLATED = "majority voting is not optimal"
    UNDECIDED = "the data do not decide"


@dataclass(frozen=True)
class Stratum:
    """The status for rows with `n_votes` votes; `margin` is the least and `best` the largest over the box, in nats."""

    n_votes: int
    n_rows: int
    status: CertificateStatus
    margin: float
    best: float


@dataclass(frozen=True)
class MajorityCertificate:
    """Whether majority voting is optimal for these votes.

    Parameters
    ----------
    status : CertificateStatus
        Certified when every stratum is, violated when one is, else undecided.
    prior, sensitivity, specificity : Interval
        Estimates of ν, a, b, pooled over sources; the intervals span the box.
    strata : tuple of Stratum
        One a number of votes.
    confidence : float
        1 − δ.
    from_gold : bool
        False when the estimates come from EM on the same votes: they are then not independent of them.
    """

    status: CertificateStatus
    prior: Interval
    sensitivity: Interval
    specificity: Interval
    strata: tuple[Stratum, ...]
    confidence: float
    from_gold: bool


def certify_majority(votes: Votes, gold: ArrayLike | Hard | None = None, delta: float = 0.05) -> MajorityCertificate:
    """Certify, refute or leave open that majority voting is optimal, from the votes.

    ν, a and b are estimated on rows of known class (30 or more), else by Dawid-Skene, each with an exact
    (Clopper-Pearson) interval at δ/3; the conditions are checked over the whole box, for every number of votes seen.

    Parameters
    ----------
    votes : Votes
        Two classes. Sources are taken as alike.
    gold : int array (n,) or Hard, optional
    delta : float in (0, 1), default 0.05

    Examples
    --------
    >>> from labelwright.noise import Sources, cast_votes
    >>> truth = np.arange(4000) % 2
    >>> cast = cast_votes(truth, Sources.skilled([0.9] * 3, n_classes=2), seed=0)
    >>> certify_majority(Votes(cast.row, cast.source, cast.value, 4000, 3, 2)).status.name
    'CERTIFIED'

    Source: the conditions of [P086], checked on a box of our own; `published_certificate` is the paper's.
    """
    table = VoteTable.of(votes)
    if table.n_classes != 2:
        raise BadInput(f"the votes have {table.n_classes} classes", fix="use plurality_is_optimal for several classes")
    if not 0 < delta < 1:
        raise BadInput(f"delta is {delta}", fix="choose a share of error in (0, 1)")
    known = gold_codes(gold, table.n_rows, 2)
    from_gold = int((known >= 0).sum()) >= LEAST_GOLD
    covered = table.covered()
    if from_gold:
        q = (known == 1).astype(np.float64)
        used = covered & (known >= 0)
    else:
        q = DawidSkene().fit_table(table, known).posterior_table(table)[:, 1]
        used = covered
    if not used.any():
        raise BadInput("there are no votes", fix="pass votes")
    row = table.row()
    inside = used[row]
    one, voted_one = q[row[inside]], table.value[inside] == 1
    size = np.maximum([used.sum(), one.sum(), (1 - one).sum()], 1e-9)  # rows, votes on ones, votes on zeros
    estimates = np.array([q[used].mean(), one[voted_one].sum() / size[1], (1 - one)[~voted_one].sum() / size[2]])
    ends = np.clip(clopper_pearson(estimates * size, size, level=1 - delta / 3), 1e-9, 1 - 1e-9)
    low, high = ends[0], ends[1]
    strata = []
    for n_votes, n_rows in zip(*np.unique(np.diff(table.offsets)[covered], return_counts=True), strict=True):
        margin, best = box_margins(low, high, int(n_votes))
        strata.append(Stratum(int(n_votes), int(n_rows), _status(margin, best), margin, best))
    statuses = {stratum.status for stratum in strata}
    status = CertificateStatus.UNDECIDED
    if CertificateStatus.VIOLATED in statuses:
        status = CertificateStatus.VIOLATED
    elif statuses == {CertificateStatus.CERTIFIED}:
        status = CertificateStatus.CERTIFIED
    nu, a, b = (
        Interval(float(x), float(l), float(u), 1 - delta / 3) for x, l, u in zip(estimates, low, high, strict=True)
    )
    return MajorityCertificate(status, nu, a, b, tuple(strata), 1 - delta, from_gold)


def _status(margin: float, best: float) -> CertificateStatus:
    if margin > 0:
        return CertificateStatus.CERTIFIED
    return CertificateStatus.VIOLATED if best <= 0 else CertificateStatus.UNDECIDED


def box_margins(low: Floats, high: Floats, n_votes: int) -> tuple[float, float]:
    """Return the least and the largest margin of `majority_is_optimal` over a box of (ν, a, b).

    The first condition's left side rises in ν, is concave in a and convex in b with its minimum at g/H; the second's is
    concave in a with its maximum at g/H and convex in b. The largest margin is bounded by each condition's own best.
    """
    h, g = narrowest(n_votes)

    def condition(nu: float, a: float, b: float, ones: int, zeros: int) -> float:
        return float(logit(nu) + ones * np.log(a / (1 - b)) - zeros * np.log(b / (1 - a)))

    ends_a, ends_b = (low[1], high[1]), (low[2], high[2])
    at = {x: (float(np.clip(x / n_votes, *ends_a)), float(np.clip(x / n_votes, *ends_b))) for x in (g, h)}
    first_low = min(condition(low[0], a, at[g][1], h, g) for a in ends_a)
    second_high = max(condition(high[0], at[g][0], b, g, h) for b in ends_b)
    first_high = max(condition(high[0], at[h][0], b, h, g) for b in ends_b)
    second_low = min(condition(low[0], a, at[h][1], g, h) for a in ends_a)
    return min(first_low, -second_high), min(first_high, -second_low)


def choose_aggregator(certificate: MajorityCertificate) -> tuple[LabelModel, ...]:
    """Return majority voting where it is certified, Dawid-Skene where it is refuted, both where nothing is decided."""
    if certificate.status is CertificateStatus.CERTIFIED:
        return (MajorityVote(),)
    return (DawidSkene(),) if certificate.status is CertificateStatus.VIOLATED else (MajorityVote(), DawidSkene())
