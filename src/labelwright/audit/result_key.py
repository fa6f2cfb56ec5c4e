"""What decides the result of an audit, as one hash: the data, the plan, the options, and every file that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.audit.options import AuditOptions
from labelwright.data.cache import content_hash, file_hash
from labelwright.data.dataset import Dataset
from labelwright.data.images import ImageRows
from labelwright.data.parts.image_boxes import ImageBoxes
from labelwright.data.parts.mask_files import MaskFiles
from labelwright.data.parts.sentences import Sentences


def result_key(dataset: Dataset, options: AuditOptions) -> bytes:
    """Return 32 bytes that two audits share only where they must find the same.

    Cells, labels, given features and probabilities count by their content; images and masks, of which there may be
    very many, by the path, size and time of their files. `jobs` never changes a result and does not count.

    Parameters
    ----------
    dataset : Dataset
    options : AuditOptions

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> data = load_dataset({"size": [1, 2], "kind": ["small", "large"]}, label="kind")
    >>> result_key(data, AuditOptions(jobs=1)) == result_key(data, AuditOptions(jobs=2))
    True
    >>> result_key(data, AuditOptions(seed=1)) == result_key(data, AuditOptions(seed=2))
    False
    """
    space = dataset.space
    return content_hash(
        {
            "table": dataset.source.table,
            "source": [str(dataset.source.path.name), dataset.source.format, dict(dataset.source.details)],
            "plan": asdict(dataset.plan),
            "labels": np.asarray(dataset.labels),
            "ids": dataset.ids,
            "classes": None if space is None else list(space.names),
            "images": None if dataset.plan.image is None else ImageRows(dataset, dataset.plan.image).fingerprint(),
            "parts": _parts(dataset.parts),
            "features": _given(options.features),
            "pred_probs": _given(options.pred_probs),
            "named": None if options.classes is None else list(options.classes),
            "folds": options.folds,
            "seed": options.seed,
            "about": [_plain(options.answers), _plain(options.use_cases)],
        }
    )


def _parts(parts: Any) -> object:
    if isinstance(parts, Sentences):
        return [pa.array(parts.tokens, pa.string()), parts.offsets, pa.array(parts.names, pa.string())]
    if isinstance(parts, ImageBoxes):
        boxes = parts.boxes
        keys = {repr(key): number for key, number in parts.keys.items()}
        return [boxes.offsets, boxes.corners, boxes.classes, boxes.sizes, list(parts.names), list(parts.files), keys]
    if isinstance(parts, MaskFiles):
        stack = parts.path.is_file()
        masks = [parts.path] if stack else [parts.path / name for name in parts.names]
        images = [None if name is None else parts.root / name for name in parts.images]
        stamps = [_stamp(path) for path in (*masks, *images)]
        return [parts.names, parts.codes, parts.images, parts.named, stamps]
    return None


def _stamp(path: Path | None) -> list[int | str]:
    """Return what tells that a file is no longer the same, without reading it."""
    if path is None:
        return []
    try:
        state = path.stat()
    except OSError:
        return [str(path), -1]
    return [str(path.resolve()), state.st_size, state.st_mtime_ns]


def _given(value: Any) -> object:
    """Return the content of what a caller gave: an array, a file, a folder of files, or a name such as ``minilm``."""
    if value is None or isinstance(value, np.ndarray):
        return value
    if isinstance(value, str | Path):
        path = Path(value)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [str(value), *(file_hash(file) for file in files if file.is_file())]
    return [getattr(value, name) for name in ("offsets", "corners", "classes", "confidence")]  # boxes in memory


def _plain(value: object) -> object:
    """Return answers and uses, which come from YAML, as what can be hashed: dates and the like by their text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str | bytes) else repr(value)
