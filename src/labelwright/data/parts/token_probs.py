"""Predicted probabilities of tokens: read from a file of your own model, or made out of fold by a linear tagger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.cache import Cache
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.dataset import Dataset
from labelwright.data.parts.sentences import Sentences, token_dataset
from labelwright.data.parts.token_features import token_features
from labelwright.data.pred_probs import PredProbs, load_pred_probs
from labelwright.data.readers.arrays import load_arrays
from labelwright.data.readers.places import place
from labelwright.data.sparse_probe import SparseProbe
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress


def load_token_probs(given: Any, dataset: Dataset, classes: Sequence[str] | None = None) -> PredProbs:
    """Load the probabilities of the tags of tokens and line them up with the sentences.

    Parameters
    ----------
    given : path, array of shape (m, K), or list of arrays (t, K), one a sentence
        Files are those of `load_pred_probs`, with one row a token, sentence after sentence. An ``.npz`` may hold
        ``offsets``, int (n + 1,), which must be those of the sentences; a table may name its rows ``sentence#token``
        in a column ``id``.
    dataset : Dataset
        Of task ``"token"``.
    classes : sequence of str, optional
        The tag of each column, where the file does not say.

    Raises
    ------
    BadInput
        Other numbers of sentences, tokens or tags than in the data.
    """
    sentences: Sentences = dataset.parts
    if isinstance(given, list | tuple):
        _check_offsets(np.cumsum([0, *(len(rows) for rows in given)]), sentences, "pred_probs")
        given = np.concatenate([np.asarray(rows) for rows in given])
    elif isinstance(given, str | Path) and Path(given).suffix.lower() == ".npz" and Path(given).is_file():
        arrays = load_arrays(Path(given))
        if "offsets" in arrays:
            _check_offsets(arrays["offsets"], sentences, place(Path(given)))
    return load_pred_probs(given, token_dataset(dataset), classes)


def _check_offsets(offsets: NDArray[Any], sentences: Sentences, where: str) -> None:
    if len(offsets) != len(sentences.offsets):
        raise BadInput(
            f"holds {len(offsets) - 1} sentences, the data {len(sentences.names)}",
            where=where,
            fix="predict every sentence of the file, in its order",
        )
    differs = np.flatnonzero(np.asarray(offsets) != sentences.offsets)
    if len(differs):
        row = int(differs[0]) - 1
        raise BadInput(
            f"has {int(offsets[row + 1] - offsets[row])} tokens in sentence {sentences.names[row]!r}, the data "
            f"{len(sentences.words(row))}",
            where=where,
            fix="give one row of probabilities for each token of the file",
        )


def out_of_fold_token_probs(
    dataset: Dataset,
    *,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
) -> NDArray[np.float64]:
    """Return the probability of each tag of each token, float64 (m, K), from taggers that never saw the sentence.

    Sentences of the same words fall into one fold, so that no copy of a sentence gives its tags away.
    """
    sentences, space = dataset.parts, dataset.space
    assert space is not None
    texts = dataset.source.table.column("text").combine_chunks().dictionary_encode()
    groups = np.asarray(texts.indices)[sentences.rows]

    def compute() -> NDArray[np.float64]:
        with progress.stage("token features"):
            features = token_features(sentences.tokens, sentences.offsets)
        return out_of_fold_probs(
            features,
            dataset.labels,
            len(space),
            estimator=SparseProbe(seed),
            folds=folds,
            groups=groups,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )

    table = dataset.source.table
    key = ("token probabilities", table, sentences.offsets, dataset.labels, len(space), folds, seed)
    return compute() if cache is None else cache.array(key, compute)
