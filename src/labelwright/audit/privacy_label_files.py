"""Privacy labels and policies read from files: declared practices, policy texts, a second label and its crosswalk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.disclosure import Crosswalk, DisclosureAuditor
from labelwright.audit.measure_inputs import read_text, read_yaml_mapping
from labelwright.audit.policy_classifier import PolicyClassifier, PracticeTaxonomy
from labelwright.audit.privacy_labels import PrivacyLabels
from labelwright.data.column_types import cell_texts
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress

LONGEST = 2_000_000  # characters of a policy


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
