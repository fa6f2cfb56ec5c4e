"""Is plain majority voting already the best that can be done?

Two classes, prior ν = P(y = 1), sources with a = P(vote 1 | 1) and b = P(vote 0 | 0), H votes a row. With
ℓ = log ν/(1 − ν), w1 = log a/(1 − b), w0 = log b/(1 − a) the oracle says 1 iff ℓ + n1·w1 − n0·w0 > 0. Majority decides
alike on every untied outcome iff its narrowest wins are right: with (h, g) = ((H+1)/2, (H−1)/2), for even H
(H/2 + 1, H/2 − 1),

    ℓ + h·w1 − g·w0 > 0   and   ℓ + g·w1 − h·w0 < 0

For sources that differ, u_i = w1_i + w0_i: ℓ − Σ w0 + (the h smallest u) > 0 and ℓ − Σ w0 + (the g largest u) < 0.
More annotators do not help: the narrowest majority decides. The conditions are about equal decisions, not equal error;
`majority_gap` says what a violation costs.

Source: The majority vote paradigm shift: when popular meets optimal, 2025 [P086].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from labelwright.consensus.base import LabelModel
from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.consensus.label_models.majority import MajorityVote
from labelwright.consensus.table import VoteTable, gold_codes
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Votes
from labelwright.metrics.intervals import Interval, clopper_pearson

Floats = NDArray[np.float64]
MOST_ENUMERATED = 16
LEAST_GOLD = 30


def oracle_map(votes: ArrayLike, prior: float, sensitivity: ArrayLike, specificity: ArrayLike) -> NDArray[np.int64]:
    """Return the class that the known reliabilities make likelier, int64 (n,).

    Parameters
    ----------
    votes : int array (n, H)
        0 or 1, -1 = no vote.
    prior : float
        ν in (0, 1).
    sensitivity, specificity : float or float array (H,)
        a and b of each source, in (0, 1).

    Examples
    --------
    >>> oracle_map([[1, 0, 0]], 0.5, [0.99, 0.6, 0.6], [0.99, 0.6, 0.6])
    array([1])

    Source: [P086].
    """
    given = np.asarray(votes)
    w1, w0 = vote_weights(sensitivity, specificity)
    score = logit(prior) + ((given == 1) * w1).sum(axis=1) - ((given == 0) * w0).sum(axis=1)
    return (score > 0).astype(np.int64)


@dataclass(frozen=True)
class Optimality:
    """Whether majority equals the oracle on every untied outcome, and by how many nats (negative: it does not)."""

    holds: bool
    margin: float


def majority_is_optimal(
    prior: float, sensitivity: ArrayLike, specificity: ArrayLike, n_votes: int | None = None
) -> Optimality:
    """Tell whether majority voting decides as the oracle does on every untied outcome.

    Parameters
    ----------
    prior : float
        ν in (0, 1).
    sensitivity, specificity : float or float array (H,)
        a and b; one number for identical sources.
    n_votes : int, optional
        H, needed for identical sources.

    Examples
    --------
    >>> majority_is_optimal(0.5, 0.8, 0.8, n_votes=3).holds
    True
    >>> majority_is_optimal(0.05, 0.8, 0.8, n_votes=3).holds
    False

    Source: [P086].
    """
    w1, w0 = vote_weights(sensitivity, specificity)
    if w1.ndim == 0:
        if n_votes is None or n_votes < 1:
            raise BadInput("the number of votes is missing", fix="pass n_votes of at least 1")
        w1, w0 = np.full(n_votes, w1), np.full(n_votes, w0)
    h, g = narrowest(len(w1))
    u = np.sort(w1 + w0)
    base = logit(prior) - w0.sum()
    # The worst set of at least h sources adds every negative u; the best of at most g only positive ones.
    worst_win = base + u[:h].sum() + np.minimum(u[h:], 0).sum()
    best_loss = base + np.maximum(u[len(u) - g :], 0).sum()
    margin = float(min(worst_win, -best_loss))
    return Optimality(margin > 0, margin)


def plurality_is_optimal(prior: ArrayLike, accuracy: float) -> Optimality:
    """Tell for several classes and even errors whether a lead of one vote settles every pair of classes.

    Sufficient: log((K − 1) α/(1 − α)) > log max π / min π. Shapes: prior (K,).
    """
    shares = np.asarray(prior, dtype=np.float64)
    if len(shares) < 2 or not (shares > 0).all() or not 0 < accuracy < 1:
        raise BadInput("the prior or the accuracy is not usable", fix="pass positive shares and an accuracy in (0, 1)")
    weight = np.log((len(shares) - 1) * accuracy / (1 - accuracy))
    margin = float(weight - np.log(shares.max() / shares.min()))
    return Optimality(margin > 0, margin)


@dataclass(frozen=True)
class Gap:
    """Error of majority voting (ties go where the oracle goes) and of the oracle, shares of rows."""

    majority_error: float
    oracle_error: float

    @property
    def cost(self) -> float:
        """What majority voting loses."""
        return self.majority_error - self.oracle_error


def majority_gap(
    prior: float,
    sensitivity: ArrayLike,
    specificity: ArrayLike,
    n_votes: int | None = None,
    *,
    draws: int = 100_000,
    seed: int = 0,
) -> Gap:
    """Return the error of majority voting and of the oracle.

    Exact for identical sources and for up to 16 different ones, else from `draws` simulated rows. Parameters as in
    `majority_is_optimal`.

    Examples
    --------
    >>> gap = majority_gap(0.05, 0.8, 0.8, n_votes=3)
    >>> round(gap.majority_error, 3), round(gap.oracle_error, 3)
    (0.104, 0.032)

    Source: [P086].
    """
    a, b = np.asarray(sensitivity, dtype=np.float64), np.asarray(specificity, dtype=np.float64)
    w1, w0 = vote_weights(a, b)
    if a.ndim == 0 and b.ndim == 0:
        if n_votes is None or n_votes < 1:
            raise BadInput("the number of votes is missing", fix="pass n_votes of at least 1")
        ones = np.arange(n_votes + 1)
        mass = np.stack([(1 - prior) * binom.pmf(ones, n_votes, 1 - b), prior * binom.pmf(ones, n_votes, a)])
        lead = 2 * ones - n_votes
        score = logit(prior) + ones * w1 - (n_votes - ones) * w0
    else:
        a, b = np.broadcast_arrays(a, b)
        if len(a) <= MOST_ENUMERATED:
            outcomes = np.array(list(product((0, 1), repeat=len(a))))
            chance = [np.where(outcomes == 1, p, 1 - p).prod(axis=1) for p in (1 - b, a)]
            mass = np.stack([(1 - prior) * chance[0], prior * chance[1]])
        else:
            rng = np.random.default_rng(seed)
            truth = rng.random(draws) < prior
            outcomes = (rng.random((draws, len(a))) < np.where(truth[:, None], a, 1 - b)).astype(int)
            mass = np.stack([~truth, truth]) / draws
        lead = 2 * outcomes.sum(axis=1) - len(a)
        score = logit(prior) + outcomes @ w1 - (1 - outcomes) @ w0
    oracle = score > 0
    majority = np.where(lead == 0, oracle, lead > 0)
    return Gap(_error(mass, majority), _error(mass, oracle))


def _error(mass: Floats, says_one: NDArray[np.bool_]) -> float:
    return float(np.where(says_one, mass[0], mass[1]).sum())


class Finding(Enum):
    """What a certificate says."""

    CERTIFIED = "majority voting is optimal"
    VIOLATED = "majority voting is not optimal"
    UNDECIDED = "the data do not decide"


@dataclass(frozen=True)
class Stratum:
    """The finding for rows with `n_votes` votes; `margin` is the least and `best` the largest over the box, in nats."""

    n_votes: int
    n_rows: int
    finding: Finding
    margin: float
    best: float


@dataclass(frozen=True)
class MajorityCertificate:
    """Whether majority voting is optimal for these votes.

    Parameters
    ----------
    finding : Finding
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

    finding: Finding
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
    >>> certify_majority(Votes(cast.row, cast.source, cast.value, 4000, 3, 2)).finding.name
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
        found = Finding.CERTIFIED if margin > 0 else Finding.VIOLATED if best <= 0 else Finding.UNDECIDED
        strata.append(Stratum(int(n_votes), int(n_rows), found, margin, best))
    findings = {stratum.finding for stratum in strata}
    finding = Finding.UNDECIDED
    if Finding.VIOLATED in findings:
        finding = Finding.VIOLATED
    elif findings == {Finding.CERTIFIED}:
        finding = Finding.CERTIFIED
    nu, a, b = (
        Interval(float(x), float(l), float(u), 1 - delta / 3) for x, l, u in zip(estimates, low, high, strict=True)
    )
    return MajorityCertificate(finding, nu, a, b, tuple(strata), 1 - delta, from_gold)


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
    if certificate.finding is Finding.CERTIFIED:
        return (MajorityVote(),)
    return (DawidSkene(),) if certificate.finding is Finding.VIOLATED else (MajorityVote(), DawidSkene())


def narrowest(n_votes: int) -> tuple[int, int]:
    """Return the votes for and against in the narrowest majority of H votes: (2, 1) of 3, (3, 1) of 4."""
    return (n_votes + 2 - n_votes % 2) // 2, (n_votes - 2 + n_votes % 2) // 2


def vote_weights(sensitivity: ArrayLike, specificity: ArrayLike) -> tuple[Floats, Floats]:
    """Return w1 = log a/(1 − b) and w0 = log b/(1 − a)."""
    a, b = np.asarray(sensitivity, dtype=np.float64), np.asarray(specificity, dtype=np.float64)
    if a.ndim > 1 or not ((a > 0) & (a < 1)).all() or not ((b > 0) & (b < 1)).all():
        raise BadInput("a reliability is outside (0, 1)", fix="pass P(vote 1 | 1) and P(vote 0 | 0) inside (0, 1)")
    a, b = np.broadcast_arrays(a, b)
    return np.log(a / (1 - b)), np.log(b / (1 - a))


def logit(prior: float) -> float:
    """Return ℓ = log ν/(1 − ν)."""
    if not 0 < prior < 1:
        raise BadInput(f"the prior is {prior}", fix="pass a share inside (0, 1)")
    return float(np.log(prior / (1 - prior)))
