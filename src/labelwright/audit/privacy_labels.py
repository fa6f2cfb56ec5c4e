"""The measure of [P060]: where declared privacy labels and the policies of the same products part ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.disclosure import VERDICTS, Crosswalk, DisclosureAuditor
from labelwright.audit.policy_classifier import PolicyClassifier, PolicyEvidence
from labelwright.errors import BadInput
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Section, TableRows

FAULTS = (VERDICTS[2], VERDICTS[3])


class PrivacyLabels:
    """Holds declared privacy labels against policies, and against a second label where there is one [P060].

    Parameters
    ----------
    auditor : DisclosureAuditor, optional
        A classifier over built-in sentences by default; calibrate it with policies whose truth is known.
    """

    def __init__(self, auditor: DisclosureAuditor | None = None) -> None:
        self.auditor = auditor or DisclosureAuditor(PolicyClassifier().fit())

    def measure(
        self,
        names: Sequence[str],
        policies: Sequence[str],
        declared: ArrayLike,
        *,
        second: ArrayLike | None = None,
        crosswalk: Crosswalk | None = None,
        second_cells: Sequence[str] = (),
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        names : sequence of str, length n
            Of the products.
        policies : sequence of str, length n
        declared : bool (n, q)
            The cells of `auditor.classifier.taxonomy` that each label says.
        second : bool (n, q2), optional
            A label in another schema, compared through `crosswalk`; `second_cells` names its cells.
        """
        label = np.asarray(declared, dtype=bool)
        if not len(names) == len(policies) == len(label):
            raise BadInput(f"there are {len(names)} names, {len(policies)} policies and {len(label)} labels")
        if not len(names):
            raise BadInput("there is no label", fix="give at least one product")
        verdict, evidence = self.auditor.audit(policies, label)
        cells = [f"{kind}, {way}" for kind, way in self.auditor.classifier.taxonomy.cells]
        sections = [
            _rates_section(self.auditor, verdict, label),
            _cells_section(verdict, label, cells),
            _findings_section(verdict, evidence, label, cells, names),
        ]
        if second is not None and crosswalk is not None:
            sections.append(_second_section(label, np.asarray(second, dtype=bool), crosswalk, second_cells, names))
        faults = np.isin(verdict, FAULTS)
        denied = np.stack([one.denied for one in evidence]) >= self.auditor.tau
        return Report(
            "Privacy labels against policies",
            tuple(sections),
            _verdict(verdict, faults, self.auditor.tpr is not None),
            {
                "products": len(names),
                "cells declared": int(label.sum()),
                "under-reports": int((verdict == VERDICTS[2]).sum()),
                "over-reports": int((verdict == VERDICTS[3]).sum()),
                "of these denied by the policy": int(((verdict == VERDICTS[3]) & denied).sum()),
                "products with any": int(faults.any(axis=1).sum()),
            },
            _steps(verdict, self.auditor.tpr is not None),
        )


def _rates_section(auditor: DisclosureAuditor, verdict: NDArray[np.str_], label: NDArray[np.bool_]) -> Section:
    under, over = auditor.under_rate(verdict, label), auditor.over_rate(verdict, label)
    rows: TableRows = tuple(
        (name, *(None if np.isnan(v) else round(v, 4) for v in (rate.estimate, rate.low, rate.high)))
        for name, rate in (("stated, not declared", under), ("declared, not stated", over))
    )
    alerts: tuple[Alert, ...] = ()
    if auditor.tpr is None:
        alerts = (
            Alert(
                "label quality",
                "caution",
                "How often the reading of policies errs is not known, so these shares are not corrected for it.",
                mitigation="Give policies that a person has read, with --checked.",
            ),
        )
    counts: TableRows = tuple((name, int((verdict == name).sum())) for name in VERDICTS)
    columns = ("what", "share of such cells", "low", "high")
    return Section(
        "How often label and policy differ",
        "Shares with exact 95 % intervals, corrected for misread policies where the error rates are known. A policy "
        "that is silent proves no label false: policies cover several products, and leave things out.",
        {
            "threshold": round(auditor.tau, 4),
            "stated practices that are found": auditor.tpr,
            "unstated practices that are read into a policy": auditor.fpr,
        },
        (
            ReportTable("Share", columns, rows, plot=Plot("bars", ("share of such cells",), "low", "high", "share")),
            ReportTable("Verdicts", ("verdict", "cells"), counts, plot=Plot("bars", ("cells",))),
        ),
        alerts,
    )


def _cells_section(verdict: NDArray[np.str_], label: NDArray[np.bool_], cells: Sequence[str]) -> Section:
    under, over = ((verdict == name).sum(axis=0) for name in FAULTS)
    order = np.argsort(-(under + over), kind="stable")
    rows: TableRows = tuple(
        (cells[c], int(label[:, c].sum()), int(under[c]), int(over[c])) for c in order.tolist() if under[c] + over[c]
    )
    return Section(
        "Practices that differ most",
        tables=(
            ReportTable(
                "Practices", ("practice", "declared", "under-reports", "over-reports"), rows, file="practices.csv"
            ),
        ),
    )


def _findings_section(
    verdict: NDArray[np.str_],
    evidence: Sequence[PolicyEvidence],
    label: NDArray[np.bool_],
    cells: Sequence[str],
    names: Sequence[str],
) -> Section:
    found = []
    for i, c in zip(*np.nonzero(np.isin(verdict, FAULTS)), strict=True):
        one = evidence[i]
        sure = max(float(one.says[c]), float(one.denied[c]))
        found.append((names[i], cells[c], str(verdict[i, c]), bool(label[i, c]), round(sure, 4), one.quotes[c]))
    found.sort(key=lambda row: (-row[4], row[0], row[1]))
    columns = ("product", "practice", "verdict", "declared", "evidence", "what the policy says")
    return Section(
        "Findings",
        "The clearest first, with the sentence that speaks for it. Without a sentence the policy is silent.",
        tables=(ReportTable("Findings", columns, tuple(found), True, file="findings.csv"),),
    )


def _second_section(
    first: NDArray[np.bool_], second: NDArray[np.bool_], walk: Crosswalk, cells: Sequence[str], names: Sequence[str]
) -> Section:
    if len(second) != len(first) or second.shape[1] != len(walk.comparable):
        raise BadInput(f"the second label has shape {second.shape}", fix="give one row a product, a column a cell")
    verdict = np.stack([walk.verdicts(a, b) for a, b in zip(first, second, strict=True)])
    where = np.flatnonzero(walk.comparable)
    rows: TableRows = tuple(
        (names[i], cells[where[c]] if cells else str(where[c]), str(verdict[i, c]))
        for i, c in zip(*np.nonzero(np.isin(verdict, FAULTS)), strict=True)
    )
    agree = float(np.isin(verdict, VERDICTS[:2]).mean()) if verdict.size else None
    return Section(
        "Against the second label",
        "Practices without a counterpart in the other schema are not compared.",
        {"practices compared": len(where), "share of cells that agree": agree},
        (ReportTable("Where the two labels differ", ("product", "practice", "first label"), rows, True),),
    )


def _verdict(verdict: NDArray[np.str_], faults: NDArray[np.bool_], calibrated: bool) -> str:
    any_fault = int(faults.any(axis=1).sum())
    under, over = (int((verdict == name).sum()) for name in FAULTS)
    head = (
        f"{any_fault} of {len(verdict)} products differ from their policy. Practices stated but not declared: {under}; "
        f"declared but not stated: {over}."
    )
    return head if calibrated else f"{head} How often policies were misread is not known."


def _steps(verdict: NDArray[np.str_], calibrated: bool) -> tuple[str, ...]:
    steps = []
    if (verdict == FAULTS[0]).any():
        steps.append("Read the quoted sentences in findings.csv, and declare what the policy rightly says")
    if (verdict == FAULTS[1]).any():
        steps.append("Ask where a declared practice is described: the policy may be incomplete, or the label too broad")
    if not calibrated:
        steps.append("Let a person note what a few policies say (product, data_type, handling), give it with --checked")
    return tuple(steps)
