"""What a choice of rows rests on: the data, what is known of their labels, features, and a model's probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.acquire.contract import Floats, Rows
from labelwright.consensus.vote_files import read_vote_file
from labelwright.consensus.vote_frames import read_votes
from labelwright.data.cache import Cache
from labelwright.data.column_types import cell_texts
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.dataset import Dataset, Source
from labelwright.data.features.build import build_features
from labelwright.data.load import load_dataset
from labelwright.data.readers.dispatch import read_source
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import Votes
from labelwright.progress import SILENT, Progress

NEW_LABEL = "labelwright_label"  # stands for the column of labels where there is none yet


@dataclass(frozen=True, eq=False)
class Material:
    """Rows and what is known of them.

    Parameters
    ----------
    dataset : Dataset
    X : float32 (n, d)
        Features.
    classes : tuple of str
        Empty when no row has a label.
    labels : int64 (n,)
        Numbers of `classes`, -1 = unlabelled.
    votes : Votes or None
    sources : tuple of str
        Names of the annotators in `votes`.
    notes : tuple of str
    """

    dataset: Dataset
    X: NDArray[np.float32]
    classes: tuple[str, ...]
    labels: Rows
    votes: Votes | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> NDArray[np.bool_]:
        """Rows with a label or a vote, bool (n,)."""
        if self.votes is None:
            return np.asarray(self.labels >= 0)
        return np.asarray((self.labels >= 0) | (self.votes.counts().sum(axis=1) > 0))


def gather_material(
    path: Path, *, label: str | None = None, unlabelled: bool = False, votes: Path | None = None,
    answers: Sequence[Path] = (), features: str | None = None, jobs: int = 1, seed: int = 0,
    progress: Progress = SILENT, cache: Cache | None = None, **columns: Any,
) -> Material:  # fmt: skip
    """Read data of which some rows, or all, or none have labels.

    Parameters
    ----------
    path : Path
        Whatever an audit reads.
    label : str, optional
        The column of labels; an empty one means that no row has a label yet.
    unlabelled : bool
        There is no column of labels.
    votes : Path, optional
        Votes on the rows, by id: see `read_vote_file`.
    answers : sequence of Path
        Lists of earlier rounds that people filled in: columns ``id`` and ``label``.
    features, jobs, seed, progress, cache
        See `build_features`.
    **columns
        ``id``, ``text``, ``image``, ``feature_columns``, ``classes``, ``root``, ``sheet``: see `load_dataset`.

    Raises
    ------
    BadInput
        The data cannot be read, are no classification data, or ids do not meet.
    """
    source = read_source(path, columns.pop("root", None), sheet=columns.pop("sheet", None))
    if label is not None and unlabelled:
        raise BadInput("a label column is named, and no row is said to have a label", fix="leave out --unlabelled")
    nothing = unlabelled or (votes is not None and label is None) or _is_empty(source, label)
    if nothing:
        dataset = _without_labels(source, label, **columns)
    else:
        dataset = _with_labels(source, label, **columns)
    if dataset.plan.task != "classification":
        raise BadInput(f"these are {dataset.plan.task} data", where=path.name, fix="choose rows of data with classes")
    classes = () if nothing or dataset.space is None else tuple(dataset.space.names)
    labels = np.full(len(dataset), -1, np.int64) if nothing else dataset.labels.astype(np.int64)
    if nothing and columns.get("classes"):
        from labelwright.data.labels import read_classes

        classes = tuple(read_classes(columns["classes"]) or ())
    matrix = build_features(dataset, spec=features, jobs=jobs, seed=seed, progress=progress, cache=cache)
    found = Material(dataset, matrix.matrix, classes, labels, notes=(*dataset.plan.notes, *matrix.notes))
    if votes is not None and answers:
        raise BadInput("answers are votes too where several people label", fix="add them to the file of votes")
    for one in answers:
        found = _with_answers(found, one)
    return found if votes is None else _with_votes(found, votes)


def _with_labels(source: Source, label: str | None, **columns: Any) -> Dataset:
    try:
        return load_dataset(source, label=label, **columns)
    except BadInput as error:
        if label is None and "not said" in error.problem:
            remedy = f"{error.fix}; or add --unlabelled when no row has a label"
            raise BadInput(error.problem, where=error.where, fix=remedy) from None
        raise


def _is_empty(source: Source, label: str | None) -> bool:
    if label is None or label not in source.table.column_names:
        return False
    return known_texts(source.table.column(label)).null_count == len(source)


def _without_labels(source: Source, label: str | None, **columns: Any) -> Dataset:
    """Return a data set of which no row has a label: a column of random ones is read, and forgotten again.

    What inputs are read must not depend on labels; random ones follow from no column.
    """
    name = label or NEW_LABEL
    drawn = np.random.default_rng(0).integers(0, 2, len(source))
    drawn[: min(2, len(source))] = np.arange(min(2, len(source)))
    column = pa.array(np.array(["a", "b"])[drawn].tolist(), pa.string())
    table = source.table
    if name in table.column_names:
        table = table.set_column(table.column_names.index(name), name, column)
    else:
        table = table.append_column(name, column)
    columns["classes"] = None
    dataset = load_dataset(replace(source, table=table), label=name, task="classification", **columns)
    return replace(dataset, labels=np.full(len(dataset), -1, np.int32), given=(None,) * len(dataset))


def _with_answers(found: Material, path: Path) -> Material:
    """Return the material with the labels that people filled into an earlier list."""
    table = read_source(path).table
    for name in ("id", "label"):
        if name not in table.column_names:
            raise BadInput(f"there is no column {quoted(name)}", where=path.name, fix="pass the list that next wrote")
    ids, told = cell_texts(table.column("id")).to_pylist(), known_texts(table.column("label")).to_pylist()
    filled = [(i, one, text) for i, (one, text) in enumerate(zip(ids, told, strict=True)) if text is not None]
    if not filled:
        raise BadInput("no row has a label yet", where=path.name, fix="fill the column 'label'")
    place = _places(found.dataset, [str(one) for _, one, _ in filled], path.name)
    classes = list(found.classes)
    if found.classes and (odd := next((text for _, _, text in filled if text not in found.classes), None)) is not None:
        if not _may_grow(found):
            raise BadInput(
                f"{quoted(odd)} is not among the classes", where=path.name, fix=did_you_mean(odd, found.classes)
            )
        classes += sorted({text for _, _, text in filled} - set(classes))
    if not classes:
        classes = sorted({text for _, _, text in filled})
    number = {name: k for k, name in enumerate(classes)}
    labels = found.labels.copy()
    labels[place] = [number[text] for _, _, text in filled]
    return replace(found, labels=labels, classes=tuple(classes))


def _may_grow(found: Material) -> bool:
    """Whether answers may bring classes that the data do not name: only where the data have no labels of their own."""
    return bool((found.dataset.labels < 0).all())


def _places(dataset: Dataset, ids: Sequence[str], where: str) -> Rows:
    row_of = {name: row for row, name in enumerate(dataset.ids.tolist())}
    absent = [one for one in dict.fromkeys(ids) if one not in row_of]
    if absent:
        raise BadInput(
            f"{len(absent)} id(s) are not in the data: {listed(absent, 3)}",
            where=where,
            fix="name the data's id column with --id, and give the same ids",
        )
    return np.array([row_of[one] for one in ids], np.int64)


def _with_votes(found: Material, path: Path) -> Material:
    read = read_vote_file(path)
    frame = read_votes(read.table, read.task, read.annotator, read.label)
    place = _places(found.dataset, [str(one) for one in frame.tasks.to_pylist()], path.name)
    if found.classes and set(frame.classes) - set(found.classes):
        odd = sorted(set(frame.classes) - set(found.classes))[0]
        raise BadInput(f"{quoted(odd)} is not among the classes", where=path.name, fix=did_you_mean(odd, found.classes))
    classes = found.classes or tuple(frame.classes)
    number = np.array([classes.index(name) for name in frame.classes] + [-1], np.int32)
    votes = Votes(
        place[frame.votes.row], frame.votes.source, number[frame.votes.value], len(found.dataset),
        frame.votes.n_sources, len(classes), frame.votes.weight,
    )  # fmt: skip
    sources = tuple(str(one) for one in frame.sources.to_pylist())
    return replace(
        found, votes=votes, sources=sources, classes=classes, notes=(*found.notes, *read.notes, *frame.notes)
    )


def model_probs(
    X: NDArray[Any], labels: Rows, n_classes: int, *, seed: int = 0, jobs: int = 1, progress: Progress = SILENT
) -> Floats | None:
    """Return P(class | x) of every row from linear models that did not see it, or None where too few rows are known."""
    known = labels[labels >= 0]
    if len(known) < 2 or len(np.unique(known)) < 2:
        return None
    return out_of_fold_probs(X, labels, n_classes, seed=seed, jobs=jobs, progress=progress)
