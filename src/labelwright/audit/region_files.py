"""Label maps of images read from an archive, or made there from features and a classifier's head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labelwright.audit.measure_outputs import npz_bytes
from labelwright.audit.region_labels import CROPS, RegionLabels
from labelwright.audit.relabel import build_label_maps, keep_highest
from labelwright.data.readers.arrays import CLASS_NAME_KEYS, load_arrays
from labelwright.errors import BadInput, listed
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def regions_of_file(
    path: Path,
    *,
    keep: int = 5,
    sure: float = 0.5,
    crops: int = CROPS,
    fill: float = 0.0,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[Report, dict[str, bytes]]:
    """Read an archive of maps or features, measure, and return the report with ``label_maps.npz``.

    Parameters
    ----------
    path : Path
        ``.npz`` with ``labels`` (n,) and either ``maps`` (n, K, h, w), logits of every place, or ``features``
        (n, C, h, w), ``weights`` (K, C) and perhaps ``bias`` (K,); perhaps ``class_names`` (K,) and ``ids`` (n,).
    """
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), fix="check the path")
    arrays = load_arrays(path)
    labels = _needed(arrays, ("labels", "label", "y"), path)
    if "maps" in arrays:
        store = keep_highest(arrays["maps"], keep)
    else:
        features, weights = (_needed(arrays, (name,), path) for name in ("features", "weights"))
        store = build_label_maps(features, weights, arrays.get("bias"), keep=keep)
    named = next((arrays[key] for key in CLASS_NAME_KEYS if key in arrays), None)
    classes = [str(k) for k in range(store.n_classes)] if named is None else [str(one) for one in named.tolist()]
    if len(classes) != store.n_classes:
        raise BadInput(f"{len(classes)} class names for {store.n_classes} classes", where=path.name)
    ids = None if "ids" not in arrays else [str(one) for one in arrays["ids"].tolist()]
    measure = RegionLabels(sure, crops, fill=fill, seed=seed)
    report = measure.measure(store, labels, classes, ids=ids, progress=progress)
    return report, {"label_maps.npz": npz_bytes(store.arrays())}


def _needed(arrays: dict[str, NDArray[Any]], names: Sequence[str], path: Path) -> NDArray[Any]:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise BadInput(f"has no array {listed(names)}", where=path.name, fix=f"it has {listed(arrays)}")
