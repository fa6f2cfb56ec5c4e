"""Who judges the rows of a file: files of probabilities, class descriptions, a language model, or models of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.judge import Judge, PromptedJudge, SimilarityJudge
from labelwright.audit.judge_ensemble import JudgeEnsemble, Names, Ratings
from labelwright.audit.judged_labels import JudgedLabels
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import (
    checked_labels,
    classes_of,
    read_prices,
    read_yaml_mapping,
)
from labelwright.data.dataset import Dataset
from labelwright.data.pred_probs import load_pred_probs
from labelwright.errors import BadInput, listed
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress

NEIGHBORS = 15
QUESTION = 'Which of these is the best label for the following text?\n\n"[TEXT]"'
Floats = NDArray[np.float64]


def judged_labels_of_files(
    rows: LabelledFile,
    *,
    judge_files: Sequence[Path] = (),
    descriptions: Path | None = None,
    checked: Path | None = None,
    model: Any = None,
    question: str | None = None,
    costs: Path | None = None,
    tau: float = 0.9,
    ordinal: bool = False,
    progress: Progress = SILENT,
) -> Report:
    """Read labelled rows and what judges it, and measure.

    Parameters
    ----------
    rows : LabelledFile
    judge_files : sequence of Path
        Probabilities of each judge, as `load_pred_probs` reads them. Without any judge two out-of-fold models of the
        data's own features are taken.
    descriptions : Path, optional
        YAML with a line for each class, ``class: description`` (or a list of them, one judge each), compared by MiniLM.
    checked : Path, optional
        Decisions of people.
    model : LanguageModel, optional
        Asked `question` about each text.
    costs : Path, optional
        YAML, ``judge: price of a label``; told where rows were checked.
    ordinal : bool
        The classes are the steps of a scale: those that are numbers, or in the order of ``classes``.
    """
    dataset = rows.load()
    classes = classes_of(dataset)
    scale = _ratings(classes, rows.columns.get("classes") is not None) if ordinal else Names()
    truth, seen = checked_labels(checked, dataset) if checked is not None else (None, None)
    judges = judges_of_rows(
        rows,
        dataset,
        judge_files=judge_files,
        descriptions=descriptions,
        model=model,
        question=question,
        progress=progress,
    )
    shown = dataset.texts() if dataset.plan.text else None
    prices = None if costs is None else read_prices(costs)
    return JudgedLabels(tau, rows.seed, scale).measure(
        dataset.labels, judges, classes, ids=dataset.ids.tolist(), truth=truth, checked=seen, shown=shown, costs=prices
    )


def _ratings(classes: Sequence[str], ordered: bool) -> Ratings:
    """Return the scale; BadInput where the order of its steps is not known."""
    try:
        steps = [float(name) for name in classes]
    except ValueError:
        steps = []
    if not ordered and not (steps and steps == sorted(steps)):
        raise BadInput(
            f"the order of the steps {listed(classes, 4)} is not known", fix="give --classes with all of them in order"
        )
    return Ratings()


def judges_of_rows(
    rows: LabelledFile,
    dataset: Dataset,
    *,
    judge_files: Sequence[Path] = (),
    descriptions: Path | None = None,
    model: Any = None,
    question: str | None = None,
    progress: Progress = SILENT,
) -> dict[str, Floats]:
    """Return what each judge says of each row, float64 (n, K) by name.

    Without any judge named: a linear probe and the nearest rows, both out of fold on the data's own features.
    """
    classes = classes_of(dataset)
    found = {_free(path.name, ()): load_pred_probs(path, dataset).values for path in judge_files}
    if len(found) < len(judge_files):
        raise BadInput("two files of judges have one name", fix="rename one: the reports name judges by their file")
    spoken: list[Judge] = []
    if descriptions is not None:
        spoken += _described(descriptions, dataset, progress)
    if model is not None:
        _texts(dataset)
        spoken.append(PromptedJudge(model, question or QUESTION))
    if spoken:
        ensemble = JudgeEnsemble(spoken, classes)
        ensemble.score(dataset.texts())
        found |= {_free(name, found): probs for name, probs in ensemble.by_judge_.items()}
    return found or _own(rows, dataset, progress)


def _described(path: Path, dataset: Dataset, progress: Progress) -> list[Judge]:
    from labelwright.data.features.minilm import minilm_features

    _texts(dataset)
    classes = classes_of(dataset)
    told = {
        name: [text] if isinstance(text, str) else text for name, text in read_yaml_mapping(path, "classes").items()
    }
    absent = [name for name in classes if not told.get(name)]
    if absent:
        raise BadInput(f"describes no class {listed(absent, 4)}", where=path.name, fix="add a line for each class")
    if any(not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) for texts in told.values()):
        raise BadInput("a description is no text", where=path.name, fix="write class: text, or a list of texts")
    vectors: dict[str, Floats] = {}

    def encode(texts: Sequence[Any]) -> Floats:
        key = "\0".join(texts)
        if key not in vectors:
            vectors[key] = minilm_features(list(texts), progress=progress)[0].astype(np.float64)
        return vectors[key]

    rounds = min(len(told[name]) for name in classes)
    return [
        SimilarityJudge(f"descriptions {i + 1}", encode, {name: told[name][i] for name in classes})
        for i in range(rounds)
    ]


def _own(rows: LabelledFile, dataset: Dataset, progress: Progress) -> dict[str, Floats]:
    from sklearn.neighbors import KNeighborsClassifier

    matrix = rows.matrix(dataset, progress)
    linear = rows.out_of_fold(matrix, dataset, progress)
    fewest = int((dataset.labels >= 0).sum() * 0.8) - 1
    if fewest < 1:
        raise BadInput("too few rows have a label", fix="give at least three, or name judges with --judge")
    near = KNeighborsClassifier(min(NEIGHBORS, fewest), weights="distance")
    directions = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    nearest = rows.out_of_fold(directions, dataset, progress, estimator=near)
    return {"linear probe, out of fold": linear, "nearest rows, out of fold": nearest}


def _texts(dataset: Dataset) -> None:
    if not dataset.plan.text:
        raise BadInput("the data have no text column for this judge", fix="name one with --text")


def _free(name: str, taken: Any) -> str:
    return name if name not in taken else f"{name} (2)"
