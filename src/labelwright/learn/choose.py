"""Which method suits labels of this kind: rules that a person can read, and the reason in one paragraph.

The rules look at what the labels are (one a row, votes, candidate sets, counts of bags, a mixture) and at the audit's
estimate of how many are wrong. They are set by hand;
`benchmarks/method_choice.py` holds them against cross-entropy and against the best choice in hindsight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.evidence import Bags, Candidates, Evidence, Hard, Mixed, Reals, Soft, Tags, Votes
from labelwright.learn.methods import find_method
from labelwright.metrics.numerals import percent

if TYPE_CHECKING:
    from labelwright.nn import Objective

CLEAN = 0.03  # share of wrong labels that plain cross-entropy bears
MANY = 0.10  # share from which two networks that correct each other's labels are worth their time
KINDS = {
    Hard: "labels",
    Soft: "soft labels",
    Votes: "votes",
    Candidates: "candidate sets",
    Bags: "counts of bags",
    Tags: "tags",
    Reals: "numbers",
}
SILENT = 0.2  # share of rows that list no tag from which unlisted tags may not count as off


@dataclass(frozen=True)
class Choice:
    """A method, and why it was chosen.

    Parameters
    ----------
    objective : Objective
        What is trained.
    name : str
        Its class.
    reason : str
        One paragraph.
    """

    objective: Objective
    name: str
    reason: str


def choose_method(evidence: Evidence, noise_estimate: NoiseEstimate | None = None, n_rows: int | None = None) -> Choice:
    """Choose a method for evidence about classes, tags or numbers.

    Parameters
    ----------
    evidence : Evidence
        What the labels say.
    noise_estimate : NoiseEstimate, optional
        Of hard labels, as `estimate_noise` gives it.
    n_rows : int, optional
        Rows that say something; those of the evidence by default.

    Examples
    --------
    >>> from labelwright.evidence import Candidates
    >>> choose_method(Candidates.from_sets([[0, 1], [2]], 3)).name
    'ImpreciseLabelLearner'
    """
    if isinstance(evidence, Tags):
        return _for_tags(evidence)
    if isinstance(evidence, Reals):
        return _for_numbers(evidence)
    n = len(evidence) if n_rows is None else n_rows
    if isinstance(evidence, Hard):
        return _for_labels(evidence, noise_estimate, n)
    if isinstance(evidence, Bags):
        return _chosen(
            "CountLikelihood",
            f"{len(evidence.sizes):,} bags of rows come with counts of classes and no row with a label of its own. "
            "The likelihood of the counts [B026] is computed exactly, bag by bag, and trains the network on rows.",
        )
    return _any_kind(evidence)


def _for_labels(evidence: Hard, noise: NoiseEstimate | None, n: int) -> Choice:
    labels = evidence.labels[evidence.labels >= 0]
    unlabelled = len(evidence) - len(labels)
    if unlabelled > len(labels):
        return _chosen(
            "ImpreciseLabelLearner",
            f"{unlabelled:,} of the {len(evidence):,} rows have no label. Imprecise label learning [P010] learns from "
            "them too: two views of such a row have to get the same answer.",
        )
    if noise is None:
        return _chosen(
            "EarlyLearningRegularization",
            f"How many of the {len(labels):,} labels are wrong could not be estimated. Early-learning regularisation "
            "[P134] keeps a network from memorising wrong labels and costs little where all are right.",
        )
    about = (
        f"The audit's model estimates that {percent(noise.noise_rate)} of the {len(labels):,} labels are wrong "
        f"({percent(noise.low)} to {percent(noise.high)}; a model estimate, nobody has checked it)"
    )
    if noise.high < CLEAN:
        return _chosen(
            "CrossEntropy",
            f"{about}. So few do not mislead a network much: plain cross-entropy [B001] wastes nothing on caution.",
        )
    if noise.noise_rate < MANY:
        return _chosen(
            "EarlyLearningRegularization",
            f"{about}. Early-learning regularisation [P134] holds a network to what it learnt first, before it "
            "memorises wrong labels. It needs to know neither how many are wrong nor which class is taken for which, "
            "and costs little where few are.",
        )
    return _chosen(
        "CrossSplit",
        f"{about}. CrossSplit [P094] trains two networks, each on the labels of one half of the rows, and lets each "
        "correct the labels that the other one learns from: what a network never saw it cannot have memorised. It "
        "gained most over cross-entropy where many labels are wrong, and takes about four times as long; "
        "`--method elr` is the quick way.",
    )


def _for_tags(evidence: Tags) -> Choice:
    rows = int((np.diff(evidence.offsets) > 0).sum())
    if (evidence.values < 0).any():
        return _chosen(
            "IgnoreUnobserved",
            f"{rows:,} rows say which of {evidence.n_classes} tags are on and which are off. Binary cross-entropy "
            "[B020] learns each tag from the rows that know it; where a tag is unknown, nothing is supposed of it.",
        )
    listed = f"{rows:,} of {len(evidence):,} rows list tags that are on, and no row says which are off"
    if rows <= (1 - SILENT) * len(evidence):
        return _chosen(
            "PUMultiLabelLoss",
            f"{listed}. Rows that list nothing would teach that everything is off; positive-unlabelled learning [P026] "
            "takes what is not listed as unlabelled.",
        )
    return _chosen(
        "AssumeNegative",
        f"{listed}. Where nearly every row lists something, taking the rest as off [B020] is the plain choice; "
        "its probabilities are too low, their order is what counts. With few rows and rare tags COMIC did better.",
    )


def _for_numbers(evidence: Reals) -> Choice:
    low, high = evidence.bounds.T
    exact, known = int((low == high).sum()), int(np.isfinite(evidence.bounds).any(axis=1).sum())
    if exact == known:
        return _chosen(
            "AbsoluteError",
            f"{known:,} rows have a number. The absolute error learns the median of a row's number, so some that are "
            "far off do not pull the others; where all are right it costs next to nothing. Where numbers are wrong in "
            "one direction only, name a method for that (U2Objective).",
        )
    return _chosen(
        "GaussianLikelihood",
        f"{exact:,} rows have a number, {known - exact:,} only bounds of it. The likelihood of a Gaussian with a "
        "learnt spread takes a number by its density and bounds by the probability of what they allow.",
    )


def _any_kind(evidence: Evidence) -> Choice:
    parts = evidence.parts if isinstance(evidence, Mixed) else (evidence,)
    said = [KINDS.get(type(part), type(part).__name__.lower()) for part in parts]
    what = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    more = " It learns beside the network how far each source of votes can be trusted." if "votes" in said else ""
    return _chosen(
        "ImpreciseLabelLearner",
        f"The labels are {what}. Imprecise label learning [P010] takes each of them, and any mixture, as evidence of "
        f"one hidden class a row, in a single fit.{more}",
    )


def learnt_from(noise: NoiseEstimate) -> Objective:
    """Return imprecise label learning that starts from an estimated transition matrix with a little even noise."""
    from labelwright.learn.noisy import LearntNoise

    matrix = noise.transition_matrix
    k = len(matrix)
    start = 0.95 * matrix + 0.05 * (0.9 * np.eye(k) + 0.1 * (1 - np.eye(k)) / max(k - 1, 1))
    return find_method("ImpreciseLabelLearner").build({"noise": LearntNoise(start)})


def _chosen(name: str, reason: str) -> Choice:
    return Choice(find_method(name).build(), name, reason)
