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
from labelwright.nn.views import TABLE_VIEWS
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


@dataclass(frozen=True, eq=False)
class AnyBed:
    """Bags that are positive when they hold a nine; `ids` and `y` say each row's bag and whether it is a nine."""

    x: NDArray[np.float32]
    ids: NDArray[np.int64]
    y: NDArray[np.int64]
    x_test: NDArray[np.float32]
    ids_test: NDArray[np.int64]
    y_test: NDArray[np.int64]
    training: Training

    def fitted(self, objective: Objective, **training: Any) -> Loop:
        """Return the loop after training."""
        holds = np.bincount(self.ids, weights=self.y) > 0
        task = Task(self.x, Bags.any_of(self.ids, holds), net=MLP((256, 256)), views=TABLE_VIEWS)
        loop = Loop(objective, task, replace(self.training, **training))
        loop.fit()
        return loop


def nine_bags(seed: int, n_bags: int = 100, size: int = 50, share: float = 0.1) -> AnyBed:
    """Return bags of digits, half of them positive: a tenth of the items are nines there, none elsewhere.

    Rows are drawn from the training or the test part; a row may be drawn for several bags, each time with its own
    small jitter, so that no item is a copy.
    """
    data, rng = digits(), np.random.default_rng(seed)
    parts = halves(data, seed)

    def drawn(rows: NDArray[np.int64], bags: int) -> tuple[Any, Any, Any]:
        nine, other = rows[data.truth[rows] == 9], rows[data.truth[rows] != 9]
        hits = round(share * size)
        chosen = [
            np.concatenate([rng.choice(nine, hits * (g % 2)), rng.choice(other, size - hits * (g % 2))])
            for g in range(bags)
        ]
        row = np.concatenate(chosen)
        x = data.X[row] / 16 + rng.normal(0, 0.05, (len(row), 64))
        return x.astype(np.float32), np.repeat(np.arange(bags), size), (data.truth[row] == 9).astype(np.int64)

    training = Training(epochs=30, batch_size=250, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    return AnyBed(*drawn(parts[0], n_bags), *drawn(parts[1], n_bags), training)
