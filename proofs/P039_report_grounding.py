"""P039: the sentence of a report finds its lesion, and a segmenter trained on these weak masks listens to words.

Phantoms with blurred balls (32 voxels a side) and templated reports: side, organ, size, uptake and slice, distractors,
and 5 % of misspelt words. Weak labels: share of masks at the right ball, share of the findings that are placed, Dice
with the true ball before and after refinement. Segmenter: phantoms of 16 voxels, sentences without numbers; F1 of the
balls found, against the same network with one sentence for all. (A first proof of three seeds took 12 epochs in place
of 40, which was too few: the learning rate had fallen to 0 while the network said "nothing" everywhere, on the rows
that it learned from as well. 40 were chosen by the network with words on seeds that are not among these six; the old
three are.)

Source: Huemann et al., Vision-language modeling in PET/CT, 2025.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.consensus import FindingParser, TextGroundedSegmenter, ground_report, match_findings
from labelwright.data import BlobVolumes, blob_volumes
from labelwright.metrics.masks import connected_components, dice

BUDGET_S = 900
SEEDS = 6
EXAMS, TRAIN, TEST, EPOCHS = 15, 24, 20, 40
DISTRACTORS = (
    "Glucose was 98 at the time of injection.",
    "No change in the liver.",
    "SUV reference of blood pool is 1.9.",
)
CLAIM = All(
    AtLeast("precision", 0.95, SEEDS, statement="weak labels: at least 95 % at the right place"),
    AtLeast("coverage", 0.7, SEEDS, statement="weak labels: at least 70 % of the findings are placed"),
    Beats(baseline="the component above the threshold", seeds=SEEDS, metric="Dice", method_figure="dice_refined",
          baseline_figure="dice_matched"),
    Beats(baseline="the network without words", by=0.2, seeds=SEEDS, metric="F1", method_figure="f1",
          baseline_figure="f1_blind"),
)  # fmt: skip


def words_of(blob: NDArray[np.int64], peak: float, size: int) -> str:
    """Return how a reporter calls a ball: how hot, which side, how high, how far in front."""
    half = size // 2
    side, height, depth = blob[2] >= half, blob[0] >= half, blob[1] >= half
    return (
        f"{'Intense' if peak > 8 else 'Mild'} {'left' if side else 'right'} {'upper' if height else 'lower'} "
        f"{'anterior' if depth else 'posterior'} lung nodule"
    )


def misspelt(text: str, rng: np.random.Generator, share: float = 0.05) -> str:
    """Return the text with two letters exchanged in a share of its words."""
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) > 3 and word.isalpha() and rng.random() < share:
            at = int(rng.integers(1, len(word) - 2))
            words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def weak_labels(seed: int) -> dict[str, float]:
    """Measure the masks that come of reports."""
    worlds, rng = blob_volumes(EXAMS, seed=100 + seed), np.random.default_rng(seed)
    placed, right, before, after, told = 0, 0, [], [], 0
    for volume, blobs, peaks, masks in zip(worlds.volumes, worlds.blobs, worlds.peaks, worlds.masks, strict=True):
        there = np.flatnonzero(blobs[:, 0] >= 0)
        told += len(there)
        lines = [
            misspelt(f"{words_of(blobs[i], peaks[i], 32)} with SUVmax {volume[masks[i]].max():.1f} on slice", rng)
            + f" {blobs[i, 0]}."
            for i in there
        ]
        lines.insert(int(rng.integers(len(lines))), str(rng.choice(DISTRACTORS)))
        truth = {line: masks[i] for line, i in zip([s for s in lines if s not in DISTRACTORS], there, strict=True)}
        report = " ".join(lines)
        for found in match_findings(FindingParser().parse(report), volume):
            before.append(float(dice(found.mask, truth[found.finding.text])))
        for found in ground_report(report, volume):
            placed += 1
            right += bool(truth[found.finding.text][found.place])
            after.append(float(dice(found.mask, truth[found.finding.text])))
    return {
        "precision": right / max(placed, 1),
        "coverage": placed / told,
        "dice_matched": float(np.mean(before)),
        "dice_refined": float(np.mean(after)),
    }


def pairs(worlds: BlobVolumes) -> tuple[NDArray[np.float32], list[str], NDArray[np.bool_]]:
    """Return a volume, a sentence without numbers and a mask for each ball."""
    n, m = np.nonzero(worlds.blobs[:, :, 0] >= 0)
    sentences = [words_of(worlds.blobs[i, j], worlds.peaks[i, j], 16) for i, j in zip(n, m, strict=True)]
    return worlds.volumes[n], sentences, worlds.masks[n, m]


def f1(found: NDArray[np.bool_], truth: NDArray[np.bool_], volumes: NDArray[np.float32]) -> float:
    """Return F1 of components: one is right when it overlaps the ball and holds its highest uptake."""
    right, extra = 0, 0
    for own, ball, volume in zip(found, truth, volumes, strict=True):
        labels, n = connected_components(own)
        hits = [c for c in range(1, n + 1) if abs(volume[labels == c].max() - volume[ball].max()) <= 0.1
                and (ball & (labels == c)).any()]  # fmt: skip
        right += bool(hits)
        extra += n - bool(hits)
    return 2 * right / (right + extra + len(truth))


def run(seed: int) -> dict[str, float]:
    """Measure weak labels and segmenters."""
    torch.set_num_threads(1)
    figures = weak_labels(seed)
    small = {"size": 16, "counts": (2, 4), "radii": (1.5, 2.0)}
    train, test = (pairs(blob_volumes(n, seed=10 * seed + i, **small)) for i, n in enumerate((TRAIN, TEST)))
    for name, blind in (("f1", False), ("f1_blind", True)):
        said = [["nodule"] * len(part[1]) if blind else part[1] for part in (train, test)]
        net = TextGroundedSegmenter(width=4, lr=1e-2, epochs=EPOCHS, seed=seed).fit(train[0], said[0], train[2])
        figures[name] = f1(net.predict(test[0], said[1]), test[2], test[0])
    return figures
