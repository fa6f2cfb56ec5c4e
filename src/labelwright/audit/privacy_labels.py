"""The measure of [P060]: where declared privacy labels and the policies of the same products part ways."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.disclosure import VERDICTS, Crosswalk, DisclosureAuditor
from labelwright.audit.measure_inputs import read_text, read_yaml_mapping
from labelwright.audit.policy_classifier import PolicyClassifier, PolicyEvidence, PracticeTaxonomy
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Scalar, Section
from labelwright.progress import SILENT, Progress

LONGEST = 2_000_000  # characters of a policy
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
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
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
    counts: tuple[tuple[Scalar, ...], ...] = tuple((name, int((verdict == name).sum())) for name in VERDICTS)
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
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
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
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
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


def privacy_labels_of_files(
    labels: Path,
    policies: Path,
    *,
    checked: Path | None = None,
    sentences: Path | None = None,
    second: Path | None = None,
    crosswalk: Path | None = None,
    encode: Any = None,
    progress: Progress = SILENT,
) -> Report:
    """Read labels and policies, and measure.

    Parameters
    ----------
    labels : Path
        A table of product, data_type, handling: a line for each practice that a label declares; a line without
        practice names a product that declares nothing.
    policies : Path
        A folder with a text file for each product, ``NAME.txt`` or ``NAME.md``.
    checked : Path, optional
        A table like `labels` of what some policies really say, as a person read them.
    sentences : Path, optional
        A table of text, data_type, handling: sentences to learn from in addition.
    second, crosswalk : Path, optional
        Labels in another schema (product, practice), and YAML, ``practice: [data type, handling]`` or a list of such.
    encode : callable, optional
        Sentences to vectors.
    """
    taxonomy = PracticeTaxonomy()
    declared = _practices(labels, taxonomy)
    texts = _policies(policies, list(declared))
    classifier = PolicyClassifier(taxonomy, encode).fit(*_sentences(sentences))
    auditor = DisclosureAuditor(classifier)
    if checked is not None:
        truth = _practices(checked, taxonomy)
        known = _policies(policies, list(truth))
        auditor.calibrate(list(known.values()), np.stack(list(truth.values())))
    more: dict[str, Any] = {}
    if second is not None:
        if crosswalk is None:
            raise BadInput("a second label needs a crosswalk", fix="give --crosswalk")
        walk, cells = _crosswalk(crosswalk, taxonomy)
        more = {"second": _second(second, list(declared), cells), "crosswalk": walk, "second_cells": cells}
    with progress.stage("policies"):
        return PrivacyLabels(auditor).measure(
            list(declared), list(texts.values()), np.stack(list(declared.values())), **more
        )


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[str, ...]]:
    from labelwright.data.column_types import cell_texts

    table = read_source(path, None).table
    for name in needed:
        if name not in table.column_names:
            fix = did_you_mean(name, table.column_names)
            raise BadInput(f"has no column {quoted(name)}", where=path.name, fix=fix)
    columns = [cell_texts(table.column(name)).to_pylist() for name in needed]
    return [tuple((cell or "").strip() for cell in row) for row in zip(*columns, strict=True)]


def _practices(path: Path, taxonomy: PracticeTaxonomy) -> dict[str, NDArray[np.bool_]]:
    found: dict[str, NDArray[np.bool_]] = {}
    for i, (product, kind, way) in enumerate(_rows(path, ("product", "data_type", "handling"))):
        if not product:
            raise BadInput("names no product", where=f"{path.name} row {i}", fix="fill in the column product")
        label = found.setdefault(product, np.zeros(len(taxonomy), bool))
        if kind or way:
            try:
                label[taxonomy.cell(kind, way)] = True
            except BadInput as wrong:
                raise BadInput(wrong.problem, where=f"{path.name} row {i}", fix=wrong.fix) from None
    if not found:
        raise BadInput("holds no row", where=path.name, fix="give a line for each declared practice")
    return found


def _policies(folder: Path, names: Sequence[str]) -> dict[str, str]:
    if not folder.is_dir():
        raise BadInput("there is no such folder of policies", where=str(folder), fix="give one text file a product")
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".txt", ".md")}
    absent = [name for name in names if name not in files]
    if absent:
        raise BadInput(
            f"there is no policy for {listed(absent, 4)}", where=folder.name, fix=f"add {quoted(absent[0] + '.txt')}"
        )
    return {name: read_text(files[name], LONGEST) for name in names}


def _sentences(path: Path | None) -> tuple[list[str], list[str | None], list[str | None]]:
    rows = [] if path is None else _rows(path, ("text", "data_type", "handling"))
    return [r[0] for r in rows], [r[1] or None for r in rows], [r[2] or None for r in rows]


def _crosswalk(path: Path, taxonomy: PracticeTaxonomy) -> tuple[Crosswalk, list[str]]:
    told = read_yaml_mapping(path, "practices")
    matrix = np.zeros((len(taxonomy), len(told)), bool)
    for j, (name, pairs) in enumerate(told.items()):
        listed_pairs = [pairs] if pairs and isinstance(pairs, list) and isinstance(pairs[0], str) else (pairs or [])
        for pair in listed_pairs:
            if not (isinstance(pair, list) and len(pair) == 2):
                raise BadInput(f"{quoted(name)} has no pairs", where=path.name, fix="write [data type, handling]")
            matrix[taxonomy.cell(str(pair[0]), str(pair[1])), j] = True
    return Crosswalk(matrix), list(told)


def _second(path: Path, names: Sequence[str], cells: Sequence[str]) -> NDArray[np.bool_]:
    place, column = {n: i for i, n in enumerate(names)}, {c: j for j, c in enumerate(cells)}
    label = np.zeros((len(names), len(cells)), bool)
    for i, (product, practice) in enumerate(_rows(path, ("product", "practice"))):
        if practice and practice not in column:
            fix = did_you_mean(practice, cells)
            raise BadInput(f"{quoted(practice)} is not in the crosswalk", where=f"{path.name} row {i}", fix=fix)
        if product in place and practice:
            label[place[product], column[practice]] = True
    return label
