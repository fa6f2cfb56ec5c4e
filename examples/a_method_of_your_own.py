"""Add a training method in one file: rows whose label the network keeps doubting count less.

The method is an `Objective`: it says what the loss is and what it remembers. Epochs, seeds, devices, checkpoints,
early stopping and history belong to the loop. Prints the test accuracy on digits of which four labels in ten are
wrong, beside cross-entropy, and fails when the method is not better.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from torch import Tensor

from labelwright.learn import ImpreciseClassifier
from labelwright.nn import Batches, CrossEntropy, Losses, Objective, RowMemory, Task
from labelwright.nn.losses import cross_entropy
from labelwright.noise import symmetric_noise


class DoubtWeighting(Objective):
    """Cross-entropy in which row i weighs t_i, the running average of the network's own probability of its label.

        t_i ← beta · t_i + (1 − beta) · p_i(y_i)          loss_i = − t_i · log p_i(y_i)

    Parameters
    ----------
    beta : float, default 0.9
        Memory of the running average, in [0, 1).
    """

    def __init__(self, beta: float = 0.9) -> None:
        super().__init__()
        self.beta = beta

    def setup(self, task: Task) -> None:
        """Make the network and the memory: what is built here is moved, seeded and checkpointed."""
        self.net = task.new_net()
        self.trust = RowMemory(task.n_rows, fill=1.0)

    def losses(self, batch: Batches) -> Losses:
        """Return the loss of a batch. Nothing is written here; `keep` travels to `after_step`."""
        rows = batch["train"]
        logits = self.net(rows.x)
        own = logits.detach().softmax(dim=1).gather(1, rows.labels[:, None])[:, 0]
        trust = self.trust.blend(rows.index, own, self.beta)
        return Losses(cross_entropy=cross_entropy(logits, rows.labels, weight=trust), logits=logits, keep=trust)

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Write the memory, the only place that may."""
        assert isinstance(keep, Tensor)
        self.trust.write(batch["train"].index, keep)


def main() -> dict[str, float]:
    """Return the accuracy of both on clean test labels."""
    X, truth = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[500:], order[:500]
    given = symmetric_noise(truth[train], 0.4, 10, seed=0).labels

    found = {}
    for name, objective in {"cross-entropy": CrossEntropy(), "doubt weighting": DoubtWeighting()}.items():
        model = ImpreciseClassifier(objective, epochs=40, random_state=0).fit(X[train], given)
        found[name] = float((model.predict(X[test]) == truth[test]).mean())
        print(f"{name:<16}{found[name]:7.1%}")
    return found


if __name__ == "__main__":
    accuracy = main()
    if accuracy["doubt weighting"] < accuracy["cross-entropy"] + 0.02:
        raise SystemExit(3)
