"""Keep everything that an audit found, so that a program that starts again on the same data need not audit again.

An entry is arrays and JSON in a `labelwright.data.cache.Cache`, under the key of `labelwright.audit.result_key`. What
was cut short, altered or written by another version is not found, and the audit runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.findings import merge_scores
from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.audit.options import AuditOptions
from labelwright.audit.run import AuditResult
from labelwright.audit.scores import Scores
from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.data.features import Features, build_features
from labelwright.data.neighbors import Neighbors
from labelwright.metrics.report import Report

_LAYOUT = "audit result 1"
_NUMBERS = ("rows", "other_rows")
_WORDS = ("part", "column", "given", "suggested", "reason")


def store_result(cache: Cache, key: bytes, result: AuditResult) -> None:
    """Keep a result under the key of its data and options; a folder that cannot be written keeps nothing."""
    arrays = {f"scores {k}": _packed(_scores_table(scores)) for k, scores in enumerate(result.scores)}
    arrays |= _model(result)
    for name, array in arrays.items():
        cache.write([_LAYOUT, key, name], array)
    noise = result.noise
    about = {
        "at": time.time(),
        "arrays": list(arrays),
        "scores": [[scores.kind, scores.level] for scores in result.scores],
        "features": None if result.features is None else [result.features.name, list(result.features.notes)],
        "metric": None if result.neighbors is None else result.neighbors.metric,
        "noise": None if noise is None else {k: v for k, v in asdict(noise).items() if not isinstance(v, np.ndarray)},
        "nutrition": None if result.nutrition is None else result.nutrition.to_dict(),
        "notes": list(result.notes),
        "timings": dict(result.timings),
        "summary": result.summary,
    }
    text = json.dumps(about, allow_nan=False, ensure_ascii=True)
    cache.write([_LAYOUT, key], np.frombuffer(text.encode(), np.uint8))  # last: it says that all the others are there


def stored_result(
    cache: Cache, key: bytes, dataset: Dataset, options: AuditOptions
) -> tuple[AuditResult, float] | None:
    """Return what was kept under a key and when it was found (seconds since 1970, UTC); None where it is not whole.

    Parameters
    ----------
    cache : Cache
    key : bytes
        Of `dataset` and `options`, which the result refers to again.
    dataset : Dataset
    options : AuditOptions
    """
    head = cache.read([_LAYOUT, key])
    if head is None:
        return None
    about: dict[str, Any] = json.loads(bytes(head))
    arrays: dict[str, NDArray] = {}
    for name in about["arrays"]:
        found = cache.read([_LAYOUT, key, name])
        if found is None:
            return None
        arrays[name] = found
    scores = tuple(
        _scores(kind, level, _unpacked(arrays[f"scores {k}"])) for k, (kind, level) in enumerate(about["scores"])
    )
    pred_probs, part_predictions = _predictions(arrays, dataset, options)
    noise = about["noise"]
    result = AuditResult(
        dataset=dataset,
        options=options,
        scores=scores,
        issues=merge_scores(scores, dataset.ids),
        pred_probs=pred_probs,
        features=_features(about["features"], arrays, dataset, options),
        neighbors=None
        if about["metric"] is None
        else Neighbors(arrays["neighbors"], arrays["distances"], about["metric"]),
        noise=None if noise is None else NoiseEstimate(arrays["joint"], arrays["transition_matrix"], **noise),
        nutrition=None if about["nutrition"] is None else Report.from_dict(about["nutrition"]),
        notes=tuple(about["notes"]),
        timings=about["timings"],
        summary=about["summary"],
        part_predictions=part_predictions,
    )
    return result, float(about["at"])


def _model(result: AuditResult) -> dict[str, NDArray]:
    """Return what was computed with the findings; what the caller gave is read again where it lies."""
    found: dict[str, Any] = {}
    if result.features is not None and not _in_a_file(result.options):
        found["features"] = result.features.matrix
    if result.neighbors is not None:
        found |= {"neighbors": result.neighbors.indices, "distances": result.neighbors.distances}
    if result.noise is not None:
        found |= {"joint": result.noise.joint, "transition_matrix": result.noise.transition_matrix}
    if result.options.pred_probs is None:
        found["pred_probs"] = result.pred_probs
        found["part_predictions"] = result.part_predictions
    return {name: np.asarray(array) for name, array in found.items() if array is not None}


def _in_a_file(options: AuditOptions) -> bool:
    return options.features is not None and Path(options.features).is_file()


def _features(told: Any, arrays: dict[str, NDArray], dataset: Dataset, options: AuditOptions) -> Features | None:
    if told is None:
        return None
    matrix = build_features(dataset, spec=str(options.features)).matrix if _in_a_file(options) else arrays["features"]
    return Features(matrix, told[0], tuple(told[1]))


def _predictions(arrays: dict[str, NDArray], dataset: Dataset, options: AuditOptions) -> tuple[Any, Any]:
    """Return the predictions of rows and of parts: those that were made, or those that the caller gave."""
    given, task = options.pred_probs, dataset.plan.task
    if given is None:
        return arrays.get("pred_probs"), arrays.get("part_predictions")
    if task == "token":
        from labelwright.data.parts.token_probs import load_token_probs

        return None, load_token_probs(given, dataset, options.classes).values
    if task == "detection":
        from labelwright.data.parts.box_predictions import load_box_predictions

        return None, load_box_predictions(given, dataset)
    if task == "segmentation":
        from labelwright.data.parts.pixel_probs import load_pixel_probs

        return None, load_pixel_probs(given, dataset)
    from labelwright.data.pred_probs import load_pred_probs

    return load_pred_probs(given, dataset, options.classes).values, None


def _scores_table(scores: Scores) -> pa.Table:
    columns = {"score": pa.array(scores.score, pa.float64()), "is_issue": pa.array(scores.is_issue, pa.bool_())}
    for name in _NUMBERS:
        numbers = getattr(scores, name)
        if numbers is not None:
            columns[name] = pa.array(numbers, pa.int64())
    for name in _WORDS:
        words: Sequence[str | None] | None = getattr(scores, name)
        if words is not None:
            columns[name] = pa.array([None if word is None else str(word) for word in words], pa.string())
    return pa.table(columns)


def _scores(kind: str, level: Any, table: pa.Table) -> Scores:
    held = set(table.column_names)
    numbers = {name: table[name].to_numpy() for name in ("score", *_NUMBERS) if name in held}
    words = {name: table[name].to_pylist() for name in _WORDS if name in held}
    is_issue = table["is_issue"].to_numpy(zero_copy_only=False)
    return Scores(kind, level, is_issue=is_issue, **numbers, **words)


def _packed(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(data)) as stream:
        return stream.read_all()
