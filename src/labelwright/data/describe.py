"""What an audit would take, what it would leave out and why, and how long it would take: the lines of ``--dry-run``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from labelwright.data.column_types import cell_texts
from labelwright.data.dataset import Dataset
from labelwright.data.features.build import NAMED
from labelwright.data.images import UnreadableImage, safe_path
from labelwright.data.matrices import is_matrix, matrix_width
from labelwright.errors import listed, quoted

# Seconds on two cores of a 2.5 GHz server; `expected_seconds` adds them up.
START = 5.0  # imports, compiled kernels, worker processes
PER_CHARACTER = 3e-6  # n-grams of text
PER_IMAGE, PER_IMAGE_BYTE = 1.2e-3, 4e-8  # patches; decoding
PER_CELL = 5e-6  # typed columns
PER_ENCODED_TEXT, PER_ENCODED_IMAGE = 1.2e-2, 2.6e-2  # encoders that come with an extra, without a GPU
PROBE, TAG_PROBE = 1e-7, 3e-8  # out-of-fold predictions: row · class · width
NEIGHBORS = 1.9e-11  # row · row · width
PER_ROW = 4e-4  # everything else that an audit does with a row
WIDTH, ENCODED_IMAGE_WIDTH = 256, 1280  # of text and image features
WIDTH_PER_COLUMN = 6  # of a table, categories spread out
_SAMPLE = 200  # images whose size is looked at
_FORMATS = {
    "csv": "delimited text",
    "xlsx": "spreadsheet",
    "parquet": "Parquet",
    "jsonl": "JSON Lines",
    "arrow": "Arrow",
    "npz": "NumPy archive",
    "image_folder": "folder of images",
    "huggingface": "Hugging Face data set",
    "hub": "Parquet files of a hub",
    "label_studio": "Label Studio export",
    "conll": "CoNLL",
    "coco": "COCO",
    "yolo": "YOLO",
    "masks": "masks of images",
    "memory": "data frame in memory",
}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_CLASSES_SHOWN = 10


def describe(dataset: Dataset, features: str | Path | None = None, *, given_probs: bool = False) -> list[str]:
    """Return what was read and inferred, one plain line a fact.

    Parameters
    ----------
    dataset : Dataset
    features : str or Path, optional
        The encoder or file of features asked for.
    given_probs : bool
        Whether probabilities are given, so that none are made by cross-validation.

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> describe(load_dataset({"size": [1.5, 2, 3], "kind": ["a", "b", "a"]}, label="kind"))[1]
    'rows: 3'
    """
    return [
        _source_line(dataset),
        _rows_line(dataset),
        *_label_lines(dataset),
        _input_line(dataset, features),
        *_role_lines(dataset),
        *_ignored_lines(dataset),
        f"expected time: about {_spoken(expected_seconds(dataset, features, given_probs=given_probs))} on 2 cores",
    ]


def expected_seconds(dataset: Dataset, features: str | Path | None = None, *, given_probs: bool = False) -> float:
    """Return the seconds that an audit should take on two cores, within a factor of about two."""
    n, width = len(dataset), _width(dataset, features)
    classes = len(dataset.space) if dataset.space is not None else 1
    seconds = START + n * (PER_ROW + _features_per_row(dataset, features)) + NEIGHBORS * n * n * width
    probe = TAG_PROBE if dataset.plan.task == "multilabel" else PROBE
    return seconds if given_probs else seconds + probe * n * classes * width


def _features_per_row(dataset: Dataset, features: str | Path | None) -> float:
    plan, encoded = dataset.plan, features in NAMED
    if features is not None and not encoded:
        return 0.0  # vectors that stand in a file
    if plan.modality == "text":
        if encoded:
            return PER_ENCODED_TEXT
        characters = [pc.mean(pc.utf8_length(cell_texts(dataset.column(name)))).as_py() or 0 for name in plan.text]
        return PER_CHARACTER * float(sum(characters))
    if plan.modality == "image":
        return (PER_ENCODED_IMAGE if encoded else PER_IMAGE) + PER_IMAGE_BYTE * _image_bytes(dataset)
    return PER_CELL * len(plan.feature_columns)


def _image_bytes(dataset: Dataset) -> float:
    """Return the mean size of an encoded image over a sample, 0 for images that are stored as numbers."""
    column = dataset.column(dataset.plan.image or "")
    if is_matrix(dataset.source.table.schema.field(dataset.plan.image or "")):
        return 0.0
    rows = np.linspace(0, len(column) - 1, min(len(column), _SAMPLE)).astype(int)
    sizes = [_encoded_size(column[int(row)].as_py(), dataset.source.root) for row in rows]
    return float(np.mean(sizes))


def _encoded_size(cell: object, root: Path) -> int:
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return len(cell)
    try:
        return safe_path(root, str(cell)).stat().st_size
    except (OSError, UnreadableImage):
        return 0


def _width(dataset: Dataset, features: str | Path | None) -> int:
    plan = dataset.plan
    if features == "efficientnet":
        return ENCODED_IMAGE_WIDTH
    if plan.modality == "features" and plan.feature_columns:
        fields = [dataset.source.table.schema.field(name) for name in plan.feature_columns]
        return min(sum(matrix_width(field) if is_matrix(field) else 1 for field in fields), 4096)
    if plan.modality == "table":
        return max(WIDTH_PER_COLUMN * len(plan.feature_columns), 8)
    return 0 if plan.modality == "none" else WIDTH


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _source_line(dataset: Dataset) -> str:
    source = dataset.source
    details = dict(source.details)
    parts = [_FORMATS.get(source.format, source.format)]
    if encoding := details.pop("encoding", None):
        parts.append(f"encoding {encoding}")
    if delimiter := details.pop("delimiter", None):
        parts.append(f"delimiter {_DELIMITERS.get(delimiter, delimiter)}")
    parts += [f"{key} {value}" for key, value in details.items()]
    return f"data: {quoted(source.path.name)} ({'; '.join(parts)})"


def _rows_line(dataset: Dataset) -> str:
    missing = n_unlabelled(dataset)
    return f"rows: {len(dataset):,}" + (f" ({missing:,} without a label)" if missing else "")


def n_unlabelled(dataset: Dataset) -> int:
    """Return how many rows have no label."""
    labels = dataset.labels
    if dataset.plan.task == "regression":
        return int(np.isnan(labels).sum())
    return int((labels < 0).all(axis=1).sum() if labels.ndim == 2 else (labels < 0).sum())


def _label_lines(dataset: Dataset) -> list[str]:
    plan, labels, space = dataset.plan, dataset.labels, dataset.space
    name = quoted(plan.label)
    if space is None:
        known = labels[~np.isnan(labels)]
        span = (
            f"numbers from {known.min():g} to {known.max():g}, median {np.median(known):g}" if len(known) else "empty"
        )
        return [f"label: column {name}, {span}", *plan.notes]
    counts = (labels == 1).sum(axis=0) if labels.ndim == 2 else np.bincount(labels[labels >= 0], minlength=len(space))
    order = np.argsort(-counts, kind="stable")
    shown = ", ".join(f"{quoted(space.names[k])} {counts[k]:,}" for k in order[:_CLASSES_SHOWN])
    more = f" and {len(space) - _CLASSES_SHOWN} more" if len(space) > _CLASSES_SHOWN else ""
    return [f"label: column {name}, {len(space)} classes: {shown}{more}", *plan.notes]


def _input_line(dataset: Dataset, features: str | Path | None) -> str:
    plan = dataset.plan
    if features is not None:
        asked = f"features {quoted(features)}"
    elif plan.modality == "image":
        asked = "built-in features (--features efficientnet takes longer and finds more)"
    else:
        asked = "built-in features" if plan.modality != "features" else "features as they are"
    content = plan.text or ((plan.image,) if plan.image else ())
    columns = plan.feature_columns if plan.modality == "features" else content or plan.feature_columns
    shown = f"; rows are shown by {listed(content)}" if plan.modality == "features" and content else ""
    return f"input: {plan.modality}, {asked}" + (f", from {listed(columns, 12)}" if columns else "") + shown


def _role_lines(dataset: Dataset) -> list[str]:
    plan = dataset.plan
    lines = [
        f"rows are named by column {quoted(plan.id)}"
        if plan.id
        else "rows are named by a hash of their content (give --id COL if the data have ids)"
    ]
    if plan.group:
        lines.append(f"group: column {quoted(plan.group)} (its rows stay together)")
    return lines


def _ignored_lines(dataset: Dataset) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for column in dataset.plan.ignored:
        by_reason.setdefault(column.reason, []).append(column.name)
    return [f"ignored: {listed(names, 6)}: {reason}" for reason, names in by_reason.items()]
