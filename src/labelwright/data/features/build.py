"""One matrix of features for a data set, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput, quoted
from labelwright.progress import SILENT, Progress

if TYPE_CHECKING:
    from labelwright.data.images import ImageRows

Named = Literal["minilm", "efficientnet"]
NAMED: tuple[Named, ...] = ("minilm", "efficientnet")  # encoders that come with an extra
_VERSION = 2  # raise it whenever a built-in feature changes


@dataclass(frozen=True)
class Features:
    """What each row looks like, as numbers.

    Parameters
    ----------
    matrix : array of float32, shape (n, d), C-contiguous, finite
    name : str
        ``"text"``, ``"table"``, ``"patches"``, ``"columns"``, a name of `NAMED` or the name of a file.
    notes : tuple of str
        What was done, in plain words.
    """

    matrix: NDArray[np.float32]
    name: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.matrix)


def build_features(
    dataset: Dataset,
    *,
    spec: str | None = None,
    cache: Cache | None = None,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Features:
    """Return the features of every row of a data set.

    Parameters
    ----------
    dataset : Dataset
    spec : str, optional
        ``"minilm"`` (text, needs the extra ``[text]``), ``"efficientnet"`` (images, needs the extra ``[image]``) or the
        path of an ``.npy``, ``.npz`` or ``.parquet`` file. Default: the built-in features of the data's modality.
    cache : Cache, optional
    jobs : int
        Threads; the result does not depend on it.

    Raises
    ------
    BadInput
        When there is nothing to build from, or given features do not fit the rows.
    MissingExtra
        When the named encoder is not installed.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> data = load_dataset({"text": ["good film", "bad film"], "label": ["pos", "neg"]}, label="label")
    >>> len(build_features(data))
    2
    """
    plan = dataset.plan
    if spec in NAMED:
        return _minilm(dataset, cache, progress) if spec == "minilm" else _efficientnet(dataset, cache, jobs, progress)
    if spec is not None:
        from labelwright.data.features.given import features_from_file

        return features_from_file(Path(spec), dataset)
    if plan.modality == "text":
        return _text(dataset, cache, jobs, seed, progress)
    if plan.modality == "image":
        return _image(dataset, cache, jobs, seed, progress)
    if plan.modality == "table":
        return _table(dataset, cache, seed)
    if plan.modality == "features":
        from labelwright.data.features.given import features_from_columns

        return features_from_columns(dataset)
    raise BadInput(
        "there is nothing to build features from",
        fix="name text, an image column or feature columns, or give features or pred_probs",
    )


def _kept(cache: Cache | None, key: list[Any], name: str, compute: Callable[[], tuple[NDArray, list[str]]]) -> Features:
    """Return features from the cache when they are there. The notes are kept beside the matrix."""
    if cache is None:
        matrix, notes = compute()
        return Features(matrix, name, tuple(notes))
    said: list[str] = []

    def only_matrix() -> NDArray:
        matrix, notes = compute()
        said.extend(notes)
        return matrix

    named = ["features", _VERSION, *key]
    matrix = cache.array(named, only_matrix)
    packed = np.frombuffer("\n".join(said).encode(), np.uint8)
    kept = bytes(cache.array([*named, "notes"], lambda: packed)).decode()
    return Features(np.ascontiguousarray(matrix, np.float32), name, tuple(kept.split("\n")) if kept else ())


def _text(dataset: Dataset, cache: Cache | None, jobs: int, seed: int, progress: Progress) -> Features:
    from labelwright.data.features.text import text_features

    texts = dataset.texts()
    return _kept(
        cache,
        ["text", texts, seed],
        "text",
        lambda: text_features(texts, seed=seed, jobs=jobs, progress=progress),
    )


def _minilm(dataset: Dataset, cache: Cache | None, progress: Progress) -> Features:
    from labelwright.data.features.minilm import minilm_features

    if not dataset.plan.text:
        raise BadInput("minilm encodes text, and no text column is named", fix="name one with --text")
    texts = dataset.texts()
    return _kept(cache, ["minilm", texts], "minilm", lambda: minilm_features(texts, progress=progress))


def _efficientnet(dataset: Dataset, cache: Cache | None, jobs: int, progress: Progress) -> Features:
    from labelwright.data.features.efficientnet import efficientnet_features

    rows = image_rows(dataset)
    return _kept(
        cache,
        ["efficientnet", rows.fingerprint()],
        "efficientnet",
        lambda: efficientnet_features(rows, jobs=jobs, progress=progress),
    )


def image_rows(dataset: Dataset) -> ImageRows:
    """Return the images of a data set; BadInput when no image column is named."""
    from labelwright.data.images import ImageRows

    if dataset.plan.image is None:
        raise BadInput("no image column is named", fix="name one with --image")
    return ImageRows(dataset, dataset.plan.image)


def _image(dataset: Dataset, cache: Cache | None, jobs: int, seed: int, progress: Progress) -> Features:
    from labelwright.data.features.patches import image_features

    rows = image_rows(dataset)
    return _kept(
        cache,
        ["patches", rows.fingerprint(), seed],
        "patches",
        lambda: image_features(rows, seed=seed, jobs=jobs, progress=progress),
    )


def _table(dataset: Dataset, cache: Cache | None, seed: int) -> Features:
    from labelwright.data.features.table import table_features

    table = dataset.source.table.select(list(table_columns(dataset)))
    return _kept(cache, ["table", table, seed], "table", lambda: table_features(table, seed=seed))


def table_columns(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns that a table is read from; BadInput when none is left."""
    plan = dataset.plan
    apart = {plan.label, plan.id, plan.group, plan.split, plan.image, *(c.name for c in plan.ignored)}
    names = plan.feature_columns or tuple(n for n in dataset.source.table.column_names if n not in apart)
    if not names:
        raise BadInput(
            f"no column is left to predict {quoted(plan.label)} from", fix="name some with --feature-columns"
        )
    return tuple(str(name) for name in names)
