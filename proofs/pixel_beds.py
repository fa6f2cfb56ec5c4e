"""A small segmenter for proofs about masks: images in, a class a pixel out, trained on the pixels that are known.

It takes 600 steps of four images, 16 channels in the first level. With 200 to 250 steps of 8 channels the learning
rate had fallen to 0 before the network told kinds of shapes apart, from true masks as well: it first learns that nine
pixels in ten are ground, stays there for some hundred steps with a sound gradient and no dead unit, then finds shapes,
and their kinds last. With 600 steps of 8 channels two kinds stayed one on one of six seeds. Both numbers were chosen
by the network of whole true masks on seeds that no proof uses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.acquire import sparse_pixel_loss
from labelwright.nn import AdamW, Cosine, Loop, Losses, Objective, Task, Training, UNet
from labelwright.nn.batch import Batches

torch.set_num_threads(1)

STEPS, BATCH, WARMUP = 600, 4, 0.05


class PixelLabels(Objective):
    """Cross-entropy over the pixels whose class is known; 255 = unknown."""

    def losses(self, batch: Batches) -> Losses:
        """Return the mean over known pixels."""
        rows = batch["train"]
        return Losses(cross_entropy=sparse_pixel_loss(self.net(rows.x), rows["pixels"]))


def segmenter(
    images: NDArray[np.float32], labels: NDArray[Any], n_classes: int, *, seed: int, width: int = 16, steps: int = STEPS
) -> Loop:
    """Return a U-Net trained on images (n, H, W, C) and labels (n, H, W)."""
    epochs = math.ceil(steps / math.ceil(len(images) / BATCH))
    x = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    task = Task(x, net=UNet(width, 2), n_outputs=n_classes, fields={"pixels": labels.astype(np.int64)})
    optimizer = AdamW(1e-2, schedule=Cosine(warmup=WARMUP * epochs))
    loop = Loop(PixelLabels(), task, Training(epochs, BATCH, optimizer, seed=seed, device="cpu"))
    loop.fit()
    return loop


def pixel_probs(loop: Loop, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return P(class) of every pixel, (n, K, H, W)."""
    return loop.predict_proba(np.ascontiguousarray(np.moveaxis(images, -1, 1))).double().numpy()


def mean_iou(found: NDArray[np.integer], truth: NDArray[np.integer], n_classes: int, void: int = 255) -> float:
    """Return the mean over classes of the intersection over union of all pixels that are not void."""
    seen = truth != void
    table = np.bincount(truth[seen].astype(np.int64) * n_classes + found[seen], minlength=n_classes**2)
    table = table.reshape(n_classes, n_classes)
    union = table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return float((np.diag(table)[union > 0] / union[union > 0]).mean())
