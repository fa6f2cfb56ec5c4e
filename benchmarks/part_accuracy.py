"""How many planted errors of tokens and pixels are found in real data, by built-in models that never saw the labels.

Tokens: named entities of WNUT17 and Europarl; a twentieth of the spans gets another class, a twentieth is forgotten, a
twentieth has its bounds moved by a token. Pixels: street scenes of CamVid; in a third of the images one object is
painted with another class. No human check exists for these sets, so what the annotators themselves got wrong counts as
a false alarm here.

Run: ``python -m benchmarks.part_accuracy`` (about 5 minutes)
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from proofs.datasets import folder
from scipy import ndimage

from benchmarks.records import store
from labelwright.audit import InconsistentSpans, SegmentationErrors, TokenErrors, find_label_issues
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.parts.regions import read_region
from labelwright.data.parts.sentences import Sentences
from labelwright.data.parts.token_features import token_features
from labelwright.data.sparse_probe import SparseProbe
from labelwright.evidence import LabelSpace, Spans
from labelwright.evidence.segments import offsets_of
from labelwright.metrics import average_precision
from labelwright.noise import forgotten_spans, moved_span_bounds, swapped_span_classes

COMMAND = "python -m benchmarks.part_accuracy"
SEEDS = 3
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


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    names = ("WNUT17", "Europarl en", "Europarl de", "Europarl es", "Europarl it")
    rows = [*(token_row(name) for name in names), mask_row()]
    store("part_accuracy", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row, flush=True)
