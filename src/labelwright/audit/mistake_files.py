"""The mistakes of models, read from files: predictions, votes, acceptable labels, a class hierarchy, a review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of, read_yaml_mapping
from labelwright.audit.measure_outputs import png_uri_of_rows
from labelwright.audit.mistake_analysis import MistakeAnalysis
from labelwright.audit.mistakes import MistakeReview
from labelwright.audit.multilabel_targets import MultiLabelTargets
from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.dataset import Dataset
from labelwright.data.pred_probs import load_pred_probs
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress

SHARE = 0.2


def mistakes_of_files(
    rows: LabelledFile,
    *,
    pred_probs: Sequence[Path] = (),
    votes: str | None = None,
    acceptable: str | None = None,
    parents: Path | None = None,
    review: Path | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Read labelled rows and what is known of it, and measure.

    Parameters
    ----------
    rows : LabelledFile
    pred_probs : sequence of Path
        Probabilities of each model; without any an out-of-fold linear probe is the only model.
    votes : str, optional
        What the names of the columns with counts of votes begin with: ``count_`` for ``count_cat``, ``count_dog``.
    acceptable : str, optional
        A column of further right labels, joined by semicolons.
    parents : Path, optional
        YAML, ``class: coarse class``.
    review : Path, optional
        A filled-in ``mistakes.csv``.
    """
    dataset = rows.load()
    classes = classes_of(dataset)
    counts = None if votes is None else vote_counts(dataset, votes)
    targets = acceptable_targets(dataset, counts, acceptable)
    above = None if parents is None else _parents(parents, classes)
    told = None if review is None else read_review(review, dataset)
    models = {path.stem: load_pred_probs(path, dataset).values.argmax(axis=1) for path in pred_probs}
    if len(models) < len(pred_probs):
        raise BadInput("two files of predictions have one name", fix="rename one: models are named by their file")
    matrix = rows.matrix(dataset, progress)
    if not models:
        models = {"linear probe, out of fold": rows.out_of_fold(matrix, dataset, progress).argmax(axis=1)}
    return MistakeAnalysis().measure(
        models,
        targets,
        classes,
        matrix,
        votes=counts,
        parents=above,
        review=told,
        ids=dataset.ids.tolist(),
        picture=png_uri_of_rows(dataset),
    )


def vote_counts(dataset: Dataset, prefix: str) -> NDArray[np.float64]:
    """Return how many people gave each class, float64 (n, K), from the columns ``prefix + class``."""
    classes, names = classes_of(dataset), dataset.source.table.column_names
    absent = [name for name in classes if prefix + name not in names]
    if absent:
        raise BadInput(
            f"there is no column of votes for {listed(absent, 4)}",
            where=dataset.source.path.name,
            fix=f"{quoted(prefix + absent[0])}: {did_you_mean(prefix + absent[0], names)}",
        )
    found = [numbers(dataset.column(prefix + name)) for name in classes]
    wrong = next((name for name, values in zip(classes, found, strict=True) if values is None), None)
    if wrong is not None:
        raise BadInput(f"column {quoted(prefix + wrong)} holds no counts", where=dataset.source.path.name)
    counts = np.nan_to_num(np.stack([np.asarray(values, dtype=np.float64) for values in found], axis=1))
    if (counts < 0).any():
        raise BadInput("a count of votes is negative", where=dataset.source.path.name)
    return counts


def acceptable_targets(
    dataset: Dataset, counts: NDArray[np.float64] | None, column: str | None, share: float = SHARE
) -> MultiLabelTargets:
    """Return what is acceptable: the given label, classes with a fifth of the votes, and those that a column lists."""
    classes = classes_of(dataset)
    targets = MultiLabelTargets.single(dataset.labels, len(classes))
    if counts is not None:
        targets = MultiLabelTargets.from_votes(dataset.labels, counts, share)
    if column is None:
        return targets
    names = dataset.source.table.column_names
    if column not in names:
        raise BadInput(f"there is no column {quoted(column)}", fix=did_you_mean(column, names))
    index = {name: k for k, name in enumerate(classes)}
    rows, labels = [], []
    for row, cell in enumerate(cell_texts(dataset.column(column)).to_pylist()):
        for name in (part.strip() for part in (cell or "").split(";")):
            if name and name not in index:
                raise BadInput(
                    f"{quoted(name)} is not among the classes",
                    where=dataset.source.where(row, column),
                    fix=did_you_mean(name, classes),
                )
            if name:
                rows.append(row)
                labels.append(index[name])
    return targets.with_labels(rows, labels)


def read_review(path: Path, dataset: Dataset) -> MistakeReview:
    """Return the filled-in rows of a sheet with columns id, predicted, decision and perhaps severity."""
    table = read_source(path, None).table
    needed = ("id", "predicted", "decision")
    for name in needed:
        if name not in table.column_names:
            raise BadInput(f"has no column {quoted(name)}", where=path.name, fix=f"give {listed(needed)}")
    cells = {name: cell_texts(table.column(name)).to_pylist() for name in needed}
    severity = (
        cell_texts(table.column("severity")).to_pylist() if "severity" in table.column_names else [None] * len(table)
    )
    index = {name: k for k, name in enumerate(classes_of(dataset))}
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    rows, guesses, decisions, weights = [], [], [], []
    for i, (name, guess, decision) in enumerate(zip(*cells.values(), strict=True)):
        said = (decision or "").strip().lower()
        if not said:
            continue
        if name not in where:
            raise BadInput(f"id {quoted(name)} is no row of the data", where=f"{path.name} row {i}", fix="name --id")
        if guess not in index:
            fix = did_you_mean(str(guess), list(index))
            raise BadInput(f"{quoted(guess)} is not among the classes", where=f"{path.name} row {i}", fix=fix)
        rows.append(where[name])
        guesses.append(index[guess])
        decisions.append(said)
        weights.append((severity[i] or "").strip().lower())
    return MistakeReview(rows, guesses, decisions, weights)


def _parents(path: Path, classes: Sequence[str]) -> list[str]:
    told = read_yaml_mapping(path, "classes")
    absent = [name for name in classes if name not in told]
    if absent:
        raise BadInput(f"names no coarse class for {listed(absent, 4)}", where=path.name, fix="add a line for each")
    return [str(told[name]) for name in classes]
