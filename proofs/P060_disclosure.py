"""P060: a learnt reading of policies finds false privacy labels better than keywords do, and rates can be corrected.

Policies are written from hidden practices (36 cells) with verbs, names and frames that the classifier has not seen in
training, 40 % of the cells stated, 20 % denied, among sentences about other things. In the declared labels 15 % of the
stated cells are left out (under-reports) and as many unstated cells added (over-reports). Of 120 policies a seed 40 set
the threshold and the error rates, 80 test. F1 of the planted discrepancies must exceed that of a keyword matcher by
0.10, and the corrected share of under-reports lie within 0.03 of the planted one, where the share without correction is
farther off.

Source: Rodriguez et al., The Overview of Privacy Labels and their Compatibility with Privacy Policies, 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.audit import (
    DisclosureAuditor,
    PolicyClassifier,
    PracticeTaxonomy,
    corrected_rate,
    keyword_evidence,
    verdicts,
)
from labelwright.catalogue.claims import All, AtMost, Beats, Holds
from labelwright.metrics.ranking import precision_recall_f1

BUDGET_S = 120
SEEDS = 5
NAMES = {
    "location": ("precise location information", "your whereabouts", "GPS data"),
    "contacts": ("contact lists", "entries of the phone's address book", "people in your contacts"),
    "identifiers": ("unique device IDs", "the IP address of your phone", "advertising identifiers"),
    "contact info": ("names and email addresses", "a phone number", "the postal address that you enter"),
    "financial": ("credit card data", "payment information", "records of your purchases"),
    "health": ("medical data", "sleep and fitness records", "health information"),
    "messages": ("chat messages", "emails and their content", "conversations in the app"),
    "photos": ("your pictures", "videos from the gallery", "camera images"),
    "audio": ("recordings of your voice", "microphone audio", "sound recordings"),
    "browsing": ("visited websites", "your search queries and browsing", "the history of pages viewed"),
    "usage": ("app usage information", "interactions with features", "statistics on time spent in the app"),
    "diagnostics": ("crash reports", "logs about errors and performance", "diagnostic data"),
}
WAYS = {
    "collected": (
        "we collect and keep {}",
        "{} are gathered by the app",
        "our servers store {}",
        "we automatically receive {}",
    ),
    "shared": (
        "we share {} with partners",
        "{} are disclosed to third parties",
        "advertisers and service providers receive {} from us",
        "we sell {} to other companies",
    ),
    "tracking": (
        "we use {} for tracking across other companies' apps",
        "{} are combined with data from brokers for targeted advertising",
        "we use {} to follow your activity on other websites",
    ),
}
NO = {
    "collected": ("we do not collect {}", "{} are never stored", "the app doesn't record {}"),
    "shared": ("we never share {} with third parties", "{} are not sold to anyone", "we don't disclose {} to partners"),
    "tracking": ("we do not use {} to track you across apps", "{} are never used for targeted advertising"),
}
OTHER = (
    "This document describes our practices",
    "You may contact our privacy officer with any question",
    "Some features require an account",
    "We keep the service safe with encryption",
    "The terms may change and you will be told",
    "Residents of some regions have further rights",
)
CLAIM = All(
    Beats(
        baseline="keyword matching",
        by=0.10,
        seeds=SEEDS,
        metric="F1 of planted discrepancies",
        method_figure="f1",
        baseline_figure="f1_keywords",
    ),
    AtMost("corrected_rate_error", 0.03, seeds=SEEDS),
    Beats(
        baseline="the corrected share",
        by=0.0,
        seeds=SEEDS,
        metric="error of the share of under-reports without correction",
        method_figure="uncorrected_rate_error",
        baseline_figure="corrected_rate_error",
    ),
    Holds(
        "A policy that says just the label gives no discrepancy; swapping swaps under and over", ("identity",), SEEDS
    ),
)


def world(rng: np.random.Generator, cells: PracticeTaxonomy, n: int) -> tuple[list[str], NDArray[np.bool_]]:
    """Return policies and which cells each states."""
    draw = rng.random((n, len(cells)))
    policies = []
    for row in draw:
        lines = [str(rng.choice(OTHER)) for _ in range(6)]
        for (kind, way), u in zip(cells.cells, row, strict=True):
            if u < 0.6:
                frame = str(rng.choice((WAYS if u < 0.4 else NO)[way]))
                lines.append(frame.format(str(rng.choice(NAMES[kind]))))
        policies.append(" ".join(f"{line[0].upper()}{line[1:]}." for line in rng.permutation(lines)))
    return policies, draw < 0.4


def declared_with_faults(stated: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return labels of which 15 % of the stated cells are missing and as many others added."""
    drop = stated & (rng.random(stated.shape) < 0.15)
    add = ~stated & (rng.random(stated.shape) < 0.15 * stated.mean() / (1 - stated.mean()))
    return (stated & ~drop) | add


def identity(rng: np.random.Generator) -> float:
    """Return 1.0 when the exact cases hold."""
    label, policy = rng.random((20, 36)) < 0.3, rng.random((20, 36)) < 0.3
    same = verdicts(label, label.astype(float))
    one, other = verdicts(label, policy.astype(float)), verdicts(policy, label.astype(float))
    none = not np.isin(same, ("under-report", "over-report")).any()
    return float(none and (one == "under-report").sum() == (other == "over-report").sum())


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    cells = PracticeTaxonomy()
    policies, stated = world(rng, cells, 120)
    declared = declared_with_faults(stated, rng)
    auditor = DisclosureAuditor(PolicyClassifier(cells).fit()).calibrate(policies[:40], stated[:40])
    test, label, truth = policies[40:], declared[40:], stated[40:]
    found, _ = auditor.audit(test, label)
    planted = label != truth
    words = np.stack([keyword_evidence(policy, cells) for policy in test])
    by_words = verdicts(label, words)
    faults = ("under-report", "over-report")
    under = float((truth & ~label).sum() / (~label).sum())
    corrected = auditor.under_rate(found, label).estimate
    raw = corrected_rate(int((found == "under-report").sum()), int((~label).sum()), 1.0, 0.0).estimate
    return {
        "f1": precision_recall_f1(np.isin(found, faults).ravel(), planted.ravel()).f1,
        "f1_keywords": precision_recall_f1(np.isin(by_words, faults).ravel(), planted.ravel()).f1,
        "planted_under_rate": under,
        "corrected_under_rate": corrected,
        "uncorrected_under_rate": raw,
        "corrected_rate_error": abs(corrected - under),
        "uncorrected_rate_error": abs(raw - under),
        "tau": auditor.tau,
        "tpr": float(auditor.tpr or 0),
        "fpr": float(auditor.fpr or 0),
        "identity": identity(rng),
    }
