"""A map of the rows: their features on the two directions in which they differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.report.classes import class_names, rows_per_class

MOST_POINTS = 4000
MOST_RINGED = 600
MOST_KEYS = 8
OTHER = "all other classes"


def feature_map(
    dataset: Dataset, matrix: NDArray[np.float32] | None, suspects: NDArray[np.int64], seed: int
) -> dict[str, Any] | None:
    """Return points on two principal directions, their keys and which are suspects; None without features.

    Parameters
    ----------
    matrix : array of float32, shape (n, d), or None
    suspects : array of int64
        Rows with a suspect label, worst first.
    """
    if matrix is None or len(matrix) < 3 or matrix.shape[1] < 1:
        return None
    rows, ringed = _chosen(len(matrix), suspects, seed)
    xy, explained = _principal(np.asarray(matrix[rows], dtype=np.float64))
    if xy is None:
        return None
    keys, key_of = _keys(dataset, rows)
    return {
        "keys": keys,
        "points": [
            [round(float(x), 4), round(float(y), 4), int(k), int(mark), int(row)]
            for (x, y), k, mark, row in zip(xy, key_of, ringed, rows, strict=True)
        ],
        "explained": [round(float(share), 4) for share in explained],
        "total": len(matrix),
        "suspects": len(suspects),
    }


def _chosen(n: int, suspects: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Take the worst suspects and a seeded sample of the other rows, in order of rows."""
    marked = np.zeros(n, dtype=bool)
    marked[suspects[(suspects >= 0) & (suspects < n)][:MOST_RINGED]] = True
    is_suspect = np.zeros(n, dtype=bool)
    is_suspect[suspects[(suspects >= 0) & (suspects < n)]] = True
    rest = np.flatnonzero(~is_suspect)
    room = MOST_POINTS - int(marked.sum())
    if len(rest) > room:
        rest = np.random.default_rng(seed).choice(rest, room, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(marked), rest])).astype(np.int64)
    return rows, marked[rows]


def _principal(x: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return positions in [0, 1]², the sign of each direction fixed, and the share of variance of each."""
    x = np.nan_to_num(x, posinf=0.0, neginf=0.0)
    x = x - x.mean(axis=0)
    total = float((x**2).sum())
    if total <= 0:
        return None, np.zeros(2)
    if x.shape[1] > 400:
        x = x @ np.random.default_rng(0).standard_normal((x.shape[1], 400)) / 20.0
    values, vectors = np.linalg.eigh(x.T @ x)
    top = vectors[:, ::-1][:, :2]
    top = top * np.where(top[np.abs(top).argmax(axis=0), np.arange(top.shape[1])] < 0, -1.0, 1.0)
    xy = x @ top
    if xy.shape[1] == 1:
        xy = np.column_stack([xy, np.zeros(len(xy))])
    low, high = _limits(xy)
    spread = np.where(high > low, high - low, 1.0)
    explained = np.maximum(values[::-1][:2], 0) / max(float(values.sum()), 1e-300)
    return np.clip((xy - low) / spread, -0.03, 1.03), np.append(explained, 0.0)[:2]


def _limits(xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of both axes; where few points lie far out, those are drawn at the edge instead."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    inner_low, inner_high = np.percentile(xy, 1, axis=0), np.percentile(xy, 99, axis=0)
    inner = inner_high - inner_low
    return np.maximum(low, inner_low - 0.5 * inner), np.minimum(high, inner_high + 0.5 * inner)


def _keys(dataset: Dataset, rows: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of colour and shape, and the key of each row; the largest classes have their own."""
    if dataset.plan.task == "regression":
        return _quarters(dataset.labels, rows)
    names, counts = class_names(dataset), rows_per_class(dataset)
    order = np.argsort(-counts, kind="stable")[: MOST_KEYS if len(names) > MOST_KEYS + 1 else MOST_KEYS + 1]
    place = np.full(len(names) + 1, len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    labels = dataset.labels[rows]
    if labels.ndim == 2:  # a row of several tags is drawn as the rarest of them
        rarity = np.where(labels == 1, -counts.astype(np.float64), -np.inf)
        labels = np.where((labels == 1).any(axis=1), rarity.argmax(axis=1), -1)
    key_of = place[labels]
    keys = [names[k] for k in order.tolist()]
    if (key_of == len(keys)).any():
        keys.append("no label" if len(names) <= len(order) else OTHER)
    return keys, key_of


def _quarters(labels: NDArray[np.float64], rows: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    known = labels[np.isfinite(labels)]
    edges = np.quantile(known, [0.25, 0.5, 0.75]) if known.size else np.zeros(3)
    names = ["lowest quarter", "second quarter", "third quarter", "highest quarter", "no value"]
    key_of = np.where(np.isfinite(labels[rows]), np.searchsorted(edges, labels[rows]), 4)
    return names if (key_of == 4).any() else names[:4], key_of.astype(np.int64)
