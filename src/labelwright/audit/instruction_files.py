"""Labelling instructions of a labelled file: its rows, texts that may stand in the sheet, and what stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labelwright.audit.instruction_sheet import InstructionSheet
from labelwright.audit.instruction_texts import candidate_texts, embedded_rows
from labelwright.audit.instructions import LabelingInstructionGenerator
from labelwright.audit.label_issues import find_label_issues
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of
from labelwright.audit.measure_outputs import png_uri_of_rows, words_of_rows
from labelwright.audit.retrieval import RetrievalIndex
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def instructions_of_file(
    rows: LabelledFile, *, texts: Path | None = None, budget: int = 5, progress: Progress = SILENT
) -> tuple[Report, dict[str, bytes]]:
    """Read labelled rows, write instructions from it, and return the report with ``instructions.md``.

    Suspected label errors are no examples. Texts are compared where the data are texts; for images and tables examples
    alone speak.

    Parameters
    ----------
    rows : LabelledFile
    texts : Path, optional
        YAML, ``class: text`` or a list of texts, in addition to the class name.
    budget : int
        Examples a class, at most.
    """
    dataset = rows.load()
    classes = classes_of(dataset)
    words, texts_of = candidate_texts(dataset, texts)
    matrix, text_vectors = embedded_rows(rows, dataset, words, progress)
    probs = rows.out_of_fold(matrix, dataset, progress)
    known, suspect = np.flatnonzero(dataset.labels >= 0), np.zeros(len(dataset), bool)
    suspect[known] = find_label_issues(dataset.labels[known], probs[known])
    sheet = InstructionSheet(LabelingInstructionGenerator(budget=budget, seed=rows.seed), rows.seed)
    report = sheet.measure(
        RetrievalIndex(matrix, text_vectors),
        dataset.labels,
        classes,
        texts=words,
        texts_of=texts_of if text_vectors is not None else None,
        exclude=suspect,
        ids=dataset.ids.tolist(),
        show=words_of_rows(dataset),
        picture=png_uri_of_rows(dataset),
    )
    return report, {"instructions.md": sheet.markdown_.encode()}
