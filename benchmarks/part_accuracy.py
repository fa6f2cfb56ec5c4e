"""How many planted errors of tokens, pixels and boxes are found, by models that never saw the labels.

Tokens: named entities of WNUT17 and Europarl; a twentieth of the spans gets another class, a twentieth is forgotten, a
twentieth has its bounds moved by a token. Pixels: street scenes of CamVid; in a third of the images one object is
painted with another class. No human check exists for these sets, so what the annotators themselves got wrong counts as
a false alarm here. Boxes: no set with photographs is at hand, so scenes and a detector that errs are simulated; of each
kind of error (a missed object, a box without one, another class, a box moved by half its side) one box in thirty gets
one.

Run: ``python -m benchmarks.part_accuracy`` (about 5 minutes; with ``boxes`` the boxes alone, the rest as stored)
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from proofs.datasets import folder
from scipy import ndimage

from benchmarks.records import RESULTS, store
from labelwright.audit import DetectionErrors, InconsistentSpans, SegmentationErrors, TokenErrors, find_label_issues
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.parts.regions import read_region
from labelwright.data.parts.sentences import Sentences
from labelwright.data.parts.token_features import token_features
from labelwright.data.sparse_probe import SparseProbe
from labelwright.evidence import Boxes, LabelSpace, Spans
from labelwright.evidence.segments import offsets_of
from labelwright.metrics import average_precision
from labelwright.noise import (
    forgotten_spans,
    missed_boxes,
    moved_span_bounds,
    shifted_boxes,
    spurious_boxes,
    swapped_box_classes,
    swapped_span_classes,
)

COMMAND = "python -m benchmarks.part_accuracy"
SEEDS = 3
SCENES, BOX_CLASSES, BOX_SEEDS = 600, 10, 5
JOBS = os.cpu_count() or 1
STREET = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]


def corpus(name: str) -> tuple[Sentences, list[str]]:
    """Return the sentences of one set and their tags."""
    if name == "WNUT17":
        table = pd.read_parquet(folder() / "ner/wnut17.parquet")
        table = table[table.split == "train"]
    else:
        table = pd.read_parquet(folder() / "ner/europarl_parallel.parquet")
        table = table[table.lang == name.split()[-1]]
    sizes = table.groupby("sentence", sort=False).size().to_numpy()
    names = tuple(str(i) for i in range(len(sizes)))
    return Sentences(tuple(table.token), offsets_of(sizes), names), table.tag.tolist()


def token_row(name: str) -> dict[str, Any]:
    """Plant errors and look for them; the peer gets the same probabilities."""
    sentences, tags = corpus(name)
    kinds = LabelSpace.of([tag[2:] for tag in tags if tag != "O"])
    true = Spans.from_tags(tags, sentences.offsets, kinds)
    features = token_features(sentences.tokens, sentences.offsets)
    found = [_tokens_found(sentences, true, kinds, features, seed) for seed in range(SEEDS)]
    mean = {key: round(float(np.mean([one[key] for one in found])), 3) for key in found[0]}
    better = mean["average_precision"] >= mean["peer_average_precision"]
    work = f"{name}: {len(sentences.tokens)} tokens, {len(true.classes)} spans, {SEEDS} seeds"
    return {"work": work, **mean, "must": "average precision not below the peer's", "holds": better}


def _tokens_found(sentences: Sentences, true: Spans, kinds: LabelSpace, features: Any, seed: int) -> dict[str, float]:
    spoiled = swapped_span_classes(true, 0.05, seed).spans
    spoiled = moved_span_bounds(forgotten_spans(spoiled, 0.05, seed).spans, 0.05, seed).spans
    before, after = (np.array(spans.to_tags(kinds)) for spans in (true, spoiled))
    space = LabelSpace.of(after.tolist())
    labels, wrong = space.encode(after.tolist()), before != after
    probs = out_of_fold_probs(
        features, labels, len(space), estimator=SparseProbe(seed), groups=sentences.rows, seed=seed, jobs=JOBS
    )
    auditor = TokenErrors(seed=seed)
    quality, flags, _ = auditor.judge(labels, probs)
    peer_flags = find_label_issues(labels, probs)  # what the peer flags, token by token: the same function
    odd = InconsistentSpans().score(sentences, spoiled, kinds)
    return {
        "wrong_tokens": float(wrong.sum()),
        "average_precision": average_precision(wrong, -quality),
        "peer_average_precision": average_precision(wrong, -probs[np.arange(len(labels)), labels]),
        "precision": float(wrong[flags].mean()) if flags.any() else 0.0,
        "recall": float(flags[wrong].mean()),
        "peer_precision": float(wrong[peer_flags].mean()),
        "peer_recall": float(peer_flags[wrong].mean()),
        "precision_of_inconsistent": _precision_of_places(odd, wrong, sentences),
        "inconsistent": float(len(odd)),
    }


def _precision_of_places(odd: Any, wrong: NDArray[np.bool_], sentences: Sentences) -> float:
    if not len(odd):
        return float("nan")
    hits = []
    for row, part in zip(odd.rows.tolist(), odd.part, strict=True):
        first, last = (int(n) for n in part.split("-"))
        start = int(sentences.offsets[row])
        hits.append(bool(wrong[start + first : start + last + 1].any()))
    return float(np.mean(hits))


def street_scenes(n: int = 120) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return every third frame and its mask, -1 = of no class."""
    with np.load(folder() / "segmentation/camvid_train.npz") as stored:
        images, masks = stored["images"][::3][:n], stored["masks"][::3][:n].astype(np.int64)
    return images, np.where(masks == len(STREET), -1, masks)


def plant_objects(masks: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Paint one object of a third of the images with another class that the image holds; return masks and where."""
    rng = np.random.default_rng(seed)
    spoiled, where = masks.copy(), np.zeros(masks.shape, dtype=bool)
    for i in rng.choice(len(masks), len(masks) // 3, replace=False).tolist():
        objects = []
        for k in np.unique(masks[i][masks[i] >= 0]).tolist():
            labelled, count = ndimage.label(masks[i] == k)
            sizes = np.bincount(labelled.ravel())[1:]
            objects += [(k, labelled == at + 1) for at in range(count) if 60 <= sizes[at] <= 2500]
        if not objects:
            continue
        k, pixels = objects[int(rng.integers(len(objects)))]
        others = [j for j in np.unique(masks[i][masks[i] >= 0]).tolist() if j != k]
        spoiled[i][pixels], where[i] = others[int(rng.integers(len(others)))], pixels
    return spoiled, where


def pixel_features(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return colour, blurred colour, edges and place of each pixel, (n, h, w, d)."""
    colour = images.astype(np.float32) / 255
    blurred = [ndimage.gaussian_filter(colour, (0, s, s, 0)) for s in (1.5, 4, 10)]
    grey = colour.mean(axis=3)
    edges = [np.stack([ndimage.gaussian_gradient_magnitude(one, s) for one in grey]) for s in (1, 3)]
    y, x = np.broadcast_arrays(*np.ogrid[0 : 1 : colour.shape[1] * 1j, 0 : 1 : colour.shape[2] * 1j])
    place = np.broadcast_to(np.stack([y, x], axis=2), (*colour.shape[:3], 2))
    return np.concatenate([colour, *blurred, *(one[..., None] for one in edges), place], axis=3).astype(np.float32)


def pixel_probs(images: NDArray[np.uint8], masks: NDArray[np.int64], seed: int, folds: int = 3) -> NDArray[np.float32]:
    """Return probabilities (n, K, h, w) of random trees that never saw the stretch of the film they judge."""
    from sklearn.ensemble import ExtraTreesClassifier

    features, rng = pixel_features(images), np.random.default_rng(seed)
    n, h, w, d = features.shape
    probs = np.zeros((n, len(STREET), h, w), np.float32)
    fold = np.arange(n) * folds // n
    for f in range(folds):
        rows, labels = features[fold != f].reshape(-1, d), masks[fold != f].ravel()
        known = np.flatnonzero(labels >= 0)
        drawn = rng.choice(known, 40_000, replace=False)
        model = ExtraTreesClassifier(40, max_depth=18, min_samples_leaf=3, n_jobs=JOBS, random_state=seed)
        model.fit(rows[drawn], labels[drawn])
        said = model.predict_proba(features[fold == f].reshape(-1, d))
        full = np.zeros((len(said), len(STREET)), np.float32)
        full[:, model.classes_.astype(int)] = said
        probs[fold == f] = full.reshape(-1, h, w, len(STREET)).transpose(0, 3, 1, 2)
    return probs


def mask_row() -> dict[str, Any]:
    """Plant objects of a wrong class and look for them."""
    images, masks = street_scenes()
    found = []
    for seed in range(SEEDS):
        spoiled, where = plant_objects(masks, seed)
        probs = pixel_probs(images, spoiled, seed)
        rows, parts = SegmentationErrors().score(spoiled, probs, LabelSpace(tuple(STREET)))
        bad = where.any(axis=(1, 2))
        agree = np.mean(probs.argmax(axis=1) == spoiled, axis=(1, 2))
        regions = [_hits(row, part, spoiled, where) for row, part in zip(parts.rows.tolist(), parts.part, strict=True)]
        hit = {row for row, share in zip(parts.rows.tolist(), regions, strict=True) if share > 0.5}
        found.append(
            {
                "wrong_images": float(bad.sum()),
                "model_accuracy": float(np.mean(probs.argmax(axis=1)[masks >= 0] == masks[masks >= 0])),
                "average_precision": average_precision(bad, -rows.score),
                "peer_average_precision": average_precision(bad, -agree),
                "precision": float(np.mean(np.array(regions) > 0.5)) if regions else 0.0,
                "recall": len(hit) / max(int(bad.sum()), 1),
            }
        )
    mean = {key: round(float(np.mean([one[key] for one in found])), 3) for key in found[0]}
    work = f"CamVid: {len(masks)} street scenes of 96 x 128, {SEEDS} seeds; regions, peer = share of pixels that agree"
    return {"work": work, **mean, "must": "", "holds": None}


def _hits(row: int, part: str, masks: NDArray[np.int64], where: NDArray[np.bool_]) -> float:
    """Return the share of a region's pixels that were planted."""
    region = read_region(part, "")
    pixels = region.pixels(masks[row], STREET.index(region.kind))
    return float(where[row][pixels].mean())


def scenes(n: int, seed: int) -> Boxes:
    """Return the boxes of `n` images of 640 x 480 pixels with two to eight objects of ten classes."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 9, n)
    side = rng.uniform(30, 200, (counts.sum(), 2))
    corner = rng.random(side.shape) * (np.array([640, 480]) - side)
    kinds = rng.choice(BOX_CLASSES, counts.sum(), p=rng.dirichlet(np.full(BOX_CLASSES, 3.0)))
    corners = np.concatenate([corner, corner + side], axis=1)
    return Boxes(np.r_[0, np.cumsum(counts)], corners, kinds, BOX_CLASSES, np.tile([640.0, 480.0], (n, 1)))


def detections(true: Boxes, seed: int) -> Boxes:
    """Return what a detector sees: nine in ten objects, one in twenty as another class, shaky bounds, phantoms."""
    seen = swapped_box_classes(missed_boxes(true, 0.1, seed).boxes, 0.05, seed + 1).boxes
    made = spurious_boxes(seen, 0.15, seed + 2).boxes
    rng = np.random.default_rng(seed + 3)
    spread = 0.05 * np.tile(made.corners[:, 2:] - made.corners[:, :2], 2)
    is_real = np.isin(made.corners, seen.corners).all(axis=1)
    sure = np.where(is_real, rng.beta(12, 1, len(made.classes)), rng.beta(3, 3, len(made.classes)))
    return replace(made, corners=made.corners + rng.normal(size=made.corners.shape) * spread, confidence=sure)


def plant_boxes(true: Boxes, seed: int, rate: float = 1 / 30) -> tuple[Boxes, dict[str, NDArray[np.int64]]]:
    """Spoil boxes in four ways; return them and the images that each way changed."""
    changed, boxes = {}, true
    ways = {
        "swapped": swapped_box_classes,
        "shifted": shifted_boxes,
        "spurious": spurious_boxes,
        "missed": missed_boxes,
    }
    for k, (name, way) in enumerate(ways.items()):
        spoiled = way(boxes, rate, 100 * seed + k)
        boxes, changed[name] = spoiled.boxes, spoiled.changed
    return boxes, changed


def as_peer(given: Boxes, predicted: Boxes) -> tuple[list[dict[str, Any]], list[list[NDArray[np.float64]]]]:
    """Return boxes in the form of cleanlab."""
    labels, said = [], []
    for image in range(len(given.offsets) - 1):
        mine, theirs = given.take([image]), predicted.take([image])
        labels.append({"bboxes": mine.corners, "labels": mine.classes})
        rows = np.column_stack([theirs.corners, theirs.confidence])
        said.append([rows[theirs.classes == k] for k in range(BOX_CLASSES)])
    return labels, said


def _boxes_found(seed: int) -> dict[str, float]:
    from cleanlab.object_detection.filter import find_label_issues as peer_issues
    from cleanlab.object_detection.rank import get_label_quality_scores as peer_scores

    true = scenes(SCENES, seed)
    given, changed = plant_boxes(true, seed)
    predicted = detections(true, 1000 + seed)
    wrong = np.zeros(SCENES, bool)
    wrong[np.concatenate(list(changed.values()))] = True
    images, _ = DetectionErrors().score(given, predicted, LabelSpace(tuple(f"class {k}" for k in range(BOX_CLASSES))))
    labels, said = as_peer(given, predicted)
    theirs = peer_issues(labels, said)
    return {
        "wrong_images": float(wrong.sum()),
        "average_precision": average_precision(wrong, -images.score),
        "peer_average_precision": average_precision(wrong, -peer_scores(labels, said, verbose=False)),
        "precision": float(wrong[images.is_issue].mean()),
        "recall": float(images.is_issue[wrong].mean()),
        "peer_precision": float(wrong[theirs].mean()) if theirs.any() else float("nan"),
        "peer_recall": float(theirs[wrong].mean()),
        **{f"recall_{name}": float(images.is_issue[rows].mean()) for name, rows in changed.items()},
    }


def box_row() -> dict[str, Any]:
    """Plant errors of boxes in simulated scenes and look for them; the peer gets the same detections."""
    found = [_boxes_found(seed) for seed in range(BOX_SEEDS)]
    mean = {key: round(float(np.nanmean([one[key] for one in found])), 3) for key in found[0]}
    better = mean["average_precision"] >= mean["peer_average_precision"]
    work = f"simulated boxes: {SCENES} images of 2 to 8 objects of {BOX_CLASSES} classes, {BOX_SEEDS} seeds; by image"
    return {"work": work, **mean, "must": "average precision not below the peer's", "holds": better}


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    names = ("WNUT17", "Europarl en", "Europarl de", "Europarl es", "Europarl it")
    if "boxes" in sys.argv[1:]:
        stored = json.loads((RESULTS / "part_accuracy.json").read_text())["rows"]
        rows = [row for row in stored if not row["work"].startswith("simulated boxes")] + [box_row()]
    else:
        rows = [*(token_row(name) for name in names), mask_row(), box_row()]
    store("part_accuracy", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row, flush=True)
