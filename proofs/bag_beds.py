"""Bags of rows with a known truth, shared by the proofs of the bag methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.beds import halves
from proofs.datasets import digits

from labelwright.evidence import Bags
from labelwright.nn import MLP, AdamW, Loop, Objective, Task, Training
from labelwright.nn.task import NetSpec
from labelwright.noise import count_labels, mixed_bags


@dataclass(frozen=True, eq=False)
class BagBed:
    """Bags to learn from, and single rows to be judged on; shapes as in `proofs.beds.Bed`."""

    x: NDArray[np.float32]
    bags: Bags
    truth: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    net: NetSpec
    training: Training

    def fitted(self, objective: Objective, **training: Any) -> Loop:
        """Return the loop after training."""
        task = Task(self.x, self.bags, net=self.net)
        loop = Loop(objective, task, replace(self.training, **training))
        loop.fit()
        return loop

    def accuracy(self, loop: Loop) -> float:
        """Return the accuracy on single test rows."""
        return float((loop.predict_proba(self.x_test).argmax(dim=1).numpy() == self.y_test).mean())


def digit_proportions(seed: int, n_bags: int = 120, size: int = 10) -> BagBed:
    """Return digits in bags whose class mixes are drawn evenly from the simplex; the rest of the training part is left.

    Batches hold 32 bags, as in the paper of MixBag; Adam 1e-3, 100 epochs.
    """
    data = digits()
    train, test = halves(data, seed)
    x, truth = data.X / 16, data.truth
    own = train[: n_bags * size]
    bag = mixed_bags(truth[own], size, 10, seed)
    bags = Bags.counts(bag, count_labels(truth[own], bag, 10).counts, n_classes=10)
    training = Training(epochs=100, batch_size=32 * size, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    return BagBed(x[own], bags, truth[own], x[test], truth[test], MLP((256, 256)), training)
