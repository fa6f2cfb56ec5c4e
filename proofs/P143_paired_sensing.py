"""P143: labels from ultraviolet twins are as good as true masks for training, and far better than colours by daylight.

Simulated as on the card: three kinds of shapes that differ in form alone, with noise, spill of the lamps, blur, and
one pair in 80 that moved. Paints are calibrated on six scenes apart. Intersection over union of the masks and distance
of the keypoints on the pairs that pass the check; then a small U-Net learns from 80 scenes of 32 x 32 pixels under
normal light: from the weak masks, from true masks, and from masks by colour under normal light, calibrated on the same
six scenes. (A first proof of three seeds took 200 steps in place of 600, too few: on one of them the network learned
nothing from true masks either, see `pixel_beds`. Those three are among the six.)

Source: Thananjeyan et al., All You Need is LUV, 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.pixel_beds import mean_iou, pixel_probs, segmenter

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats
from labelwright.consensus import (
    FluorescentLabeler,
    PaintColor,
    SensedScene,
    calibrate_colors,
    extract_masks,
    paired_outliers,
    simulate_paired_scene,
)

BUDGET_S = 900
SEEDS = 6
TRAIN, TEST = 80, 30
CLAIM = All(
    AtLeast("mask_iou", 0.9, SEEDS, statement="masks: intersection over union with the truth above 0.9"),
    AtMost("keypoint_error", 1.0, SEEDS, statement="keypoints: median distance below one pixel"),
    AtMost("short_of_truth", 0.02, SEEDS, statement="U-Net: within 2 points of one trained on true masks"),
    Beats(baseline="masks by colour under normal light", by=0.1, seeds=SEEDS, metric="mean IoU of the U-Net",
          method_figure="weak", baseline_figure="daylight"),
    AtLeast("moved_found", 1.0, SEEDS, statement="every pair that moved is found"),
)  # fmt: skip


def scene_of(seed: int, moved: bool = False) -> SensedScene:
    """Return one scene of 32 x 32 pixels."""
    return simulate_paired_scene(seed=seed, moved=moved, size=32, side=9, counts=(1, 3))


def one_map(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return a class a pixel: 0 = ground, then the kinds."""
    return np.where(masks.any(axis=0), masks.argmax(axis=0) + 1, 0)


def calibrated(scenes: list[SensedScene], normal: bool) -> tuple[PaintColor, ...]:
    """Return the colours of the kinds, under ultraviolet or normal light."""
    pixels: dict[str, list[NDArray[np.float64]]] = {f"paint {c}": [] for c in range(3)}
    for scene in scenes:
        if normal:
            for c, mask in enumerate(scene.masks):
                pixels[f"paint {c}"].append(scene.capture.standard[mask])
        else:
            for name, own in scene.patches().items():
                pixels[name].append(own)
    patches = {name: np.concatenate(parts) for name, parts in pixels.items()}
    return calibrate_colors(patches, least_saturation=0.05 if normal else 0.3)


def run(seed: int) -> dict[str, float]:
    """Measure one world."""
    first = 10_000 * (seed + 1)
    known = [scene_of(first + i) for i in range(6)]
    scenes = [scene_of(first + 100 + i, moved=i == 7) for i in range(TRAIN)]
    paints, by_day = calibrated(known, False), calibrated(known, True)
    bad = paired_outliers([scene.capture for scene in scenes])
    kept = [scene for scene, out in zip(scenes, bad, strict=True) if not out]
    weak, errors = [], []
    for scene in kept:
        labeler = FluorescentLabeler(paints, empty=scene.empty)
        weak.append(labeler.masks(scene.capture))
        found = labeler.keypoints(scene.capture)
        for x, y, kind in scene.keypoints:
            near = [np.hypot(p.x - x, p.y - y) for p in found if p.class_index == kind]
            errors.append(min(near, default=99.0))
    truth, own = np.stack([scene.masks for scene in kept]), np.stack(weak)
    day = [extract_masks(s.capture.standard, by_day, least_saturation=0.05, least_value=0.05) for s in kept]
    tests = [scene_of(first + 5_000 + i) for i in range(TEST)]
    images = np.stack([scene.capture.standard for scene in kept])
    seen, wanted = np.stack([s.capture.standard for s in tests]), np.stack([one_map(s.masks) for s in tests])
    figures = {
        "mask_iou": float((truth & own).sum() / (truth | own).sum()),
        "keypoint_error": float(np.median(errors)),
        "moved_found": float(bad[7]),
        "still_kept": 1 - float(np.delete(bad, 7).mean()),
        "seconds_per_image": FluorescentLabeler.seconds_per_capture,
    }
    for name, masks in (("weak", own), ("true", truth), ("daylight", np.stack(day))):
        labels = np.stack([one_map(m) for m in masks])
        net = segmenter(images, labels, 4, seed=seed)
        figures[name] = mean_iou(pixel_probs(net, seen).argmax(axis=1), wanted, 4)
    return figures | {"short_of_truth": figures["true"] - figures["weak"]}
