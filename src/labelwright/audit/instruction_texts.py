"""Which texts may stand in labelling instructions, and vectors of rows and texts in one space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of, read_yaml_mapping
from labelwright.data.dataset import Dataset
from labelwright.data.features.fitted import fit_features
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.progress import SILENT, Progress

PHRASES = 6


def candidate_texts(dataset: Dataset, given: Path | None) -> tuple[list[str], dict[int, list[int]]]:
    """Return all texts, and which stand for each class: its name first, then given ones, then its own phrases.

    A phrase of one or two words is a class's own where it is most frequent there against the other classes.
    """
    classes = classes_of(dataset)
    told = {} if given is None else read_yaml_mapping(given, "texts")
    unknown = [name for name in told if name not in classes]
    if unknown:
        fix = did_you_mean(unknown[0], classes)
        raise BadInput(f"{quoted(unknown[0])} is not among the classes", where=str(given), fix=fix)
    own = _phrases(dataset, len(classes)) if dataset.plan.text else [[] for _ in classes]
    words: list[str] = []
    texts_of: dict[int, list[int]] = {}
    for k, name in enumerate(classes):
        more = told.get(name, [])
        lines = [name, *([more] if isinstance(more, str) else [str(one) for one in more]), *own[k]]
        texts_of[k] = []
        for line in dict.fromkeys(line.strip() for line in lines if line.strip()):
            texts_of[k].append(len(words))
            words.append(line)
    return words, texts_of


def embedded_rows(
    rows: LabelledFile, dataset: Dataset, words: Sequence[str], progress: Progress = SILENT
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return vectors of the rows (n, d) and of the texts (q, d), None for the latter where no encoder reads texts."""
    if rows.features == "minilm":
        from labelwright.data.features.minilm import minilm_features

        matrix = rows.matrix(dataset, progress)
        return matrix, minilm_features(list(words), progress=progress)[0]
    if rows.features is None and dataset.plan.modality == "text":
        fitted, found = fit_features(dataset, seed=rows.seed, jobs=rows.jobs, progress=progress)
        return found.matrix, fitted.encoder.transform(list(words), jobs=rows.jobs, progress=progress)
    return rows.matrix(dataset, progress), None


def _phrases(dataset: Dataset, k: int) -> list[list[str]]:
    from sklearn.feature_extraction.text import CountVectorizer

    labels = np.asarray(dataset.labels)
    counter = CountVectorizer(ngram_range=(1, 2), min_df=3, binary=True, stop_words="english", max_features=20_000)
    try:
        seen = counter.fit_transform(dataset.texts())
    except ValueError:  # nothing but rare words
        return [[] for _ in range(k)]
    names = counter.get_feature_names_out()
    found = []
    for c in range(k):
        own, rest = labels == c, (labels >= 0) & (labels != c)
        inside = (np.asarray(seen[own].sum(axis=0)).ravel() + 0.5) / (own.sum() + 1)
        outside = (np.asarray(seen[rest].sum(axis=0)).ravel() + 0.5) / (rest.sum() + 1)
        order = np.argsort(-inside * np.log(inside / outside), kind="stable")
        found.append([str(names[i]) for i in order[:PHRASES]])
    return found
