"""A small segmenter for proofs about masks: images in, a class a pixel out, trained on the pixels that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.acquire import sparse_pixel_loss
from labelwright.nn import AdamW, Cosine, Loop, Losses, Objective, Task, Training, UNet
from labelwright.nn.batch import Batches

torch.set_num_threads(1)


class PixelLabels(Objective):
    """Cross-entropy over the pixels whose class is known; 255 = unknown."""

    def losses(self, batch: Batches) -> Losses:
        """Return the mean over known pixels."""
        rows = batch["train"]
        return Losses(cross_entropy=sparse_pixel_loss(self.net(rows.x), rows["pixels"]))


def segmenter(
    images: NDArray[np.float32], labels: NDArray[Any], n_classes: int, *, epochs: int, seed: int, width: int = 8
) -> Loop:
    """Return a U-Net trained on images (n, H, W, C) and labels (n, H, W)."""
    x = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    task = Task(x, net=UNet(width, 2), n_outputs=n_classes, fields={"pixels": labels.astype(np.int64)})
    loop = Loop(PixelLabels(), task, Training(epochs, 4, AdamW(1e-2, schedule=Cosine()), seed=seed, device="cpu"))
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
