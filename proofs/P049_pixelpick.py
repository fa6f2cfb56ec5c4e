"""P049: a few unsure pixels an image, drawn with diversity, nearly teach what whole masks teach.

Synthetic scenes of three kinds of shapes, 40 of 32 x 32 pixels, a small U-Net from the same first weights each round:
4 rounds of 5 pixels an image (2 % of the pixels in all) by margin with 5 % diversity, against random pixels and
against whole masks. Then the margin pixels again with 10 % of the answers taken from a neighbouring pixel. Mean
intersection over union on 30 further scenes. (A first proof of three seeds took 250 steps in place of 600, too few:
whole masks gave 0.37 on one of them, see `pixel_beds`. Those three are among the five.)

Source: Shin, Xie and Albanie, All you need are a few pixels, ICCV Workshops 2021.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.pixel_beds import mean_iou, pixel_probs, segmenter

from labelwright.acquire import PixelPool, PixelQuerySelector, first_pixels
from labelwright.acquire.pixelpick import IGNORE, answer
from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats
from labelwright.data import shape_scenes

BUDGET_S = 1500
SEEDS = 5
EACH, ROUNDS, K = 5, 4, 4
CLAIM = All(
    Beats(baseline="random pixels", by=0.01, seeds=SEEDS, metric="mean IoU, 20 pixels an image", method_figure="margin",
          baseline_figure="random"),
    AtLeast("share_of_full", 0.85, SEEDS, statement="at least 85 % of the mean IoU with whole masks"),
    AtMost("drop_by_slips", 0.1, SEEDS, statement="slips of a pixel in 10 % of the answers cost at most 10 points"),
)  # fmt: skip


def maps(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return a class a pixel: 0 = ground, then the kinds."""
    return np.where(masks.any(axis=1), masks.argmax(axis=1) + 1, 0)


def slipped(truth: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return what an annotator says who hits a neighbour of the asked pixel in a share of the cases."""
    _, height, width = truth.shape
    moved = rng.random(truth.shape) < share
    down, right = rng.integers(-1, 2, (2, *truth.shape)) * moved
    i, y, x = np.indices(truth.shape)
    return truth[i, np.clip(y + down, 0, height - 1), np.clip(x + right, 0, width - 1)]


def run(seed: int) -> dict[str, float]:
    """Measure the ways of choosing on one world."""
    train, test = (shape_scenes(n, size=32, side=9, counts=(1, 3), seed=2 * seed + i) for i, n in enumerate((40, 30)))
    truth, wanted = maps(train.masks), maps(test.masks)
    unsure, rng = np.zeros(truth.shape, dtype=bool), np.random.default_rng(seed)

    def trained(labels: NDArray[np.integer]) -> tuple[NDArray[np.float64], float]:
        net = segmenter(train.images, labels, K, seed=seed)
        found = pixel_probs(net, test.images).argmax(axis=1)
        return pixel_probs(net, train.images), mean_iou(found, wanted, K)

    start = first_pixels(unsure, EACH, rng)
    figures = {"full": trained(truth)[1]}
    for name in ("random", "margin"):
        labels = answer(np.full(truth.shape, IGNORE), start, truth)
        for _ in range(ROUNDS - 1):
            if name == "random":
                chosen = first_pixels(labels != IGNORE, EACH, rng)
            else:
                pool = PixelPool(trained(labels)[0], labels)
                chosen = PixelQuerySelector().select(pool, EACH * len(labels), rng)
            labels = answer(labels, chosen, truth)
        figures[name] = trained(labels)[1]
    said = slipped(truth, 0.1, rng)
    figures["slips"] = trained(np.where(labels == IGNORE, IGNORE, said))[1]
    figures["share_of_full"] = figures["margin"] / figures["full"]
    return figures | {"drop_by_slips": figures["margin"] - figures["slips"]}
