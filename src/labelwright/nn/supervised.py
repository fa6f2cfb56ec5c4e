"""Plain cross-entropy: the baseline of everything, and the smallest objective there is."""

from __future__ import annotations

from labelwright.nn.batch import Batches
from labelwright.nn.losses import cross_entropy
from labelwright.nn.objective import Losses, Objective
from labelwright.nn.task import Task


class CrossEntropy(Objective):
    """Cross-entropy on hard labels, optionally smoothed. [B001]

    Parameters
    ----------
    smoothing : float, default 0.0
        The target is ``(1 − e) onehot(y) + e/K``; in [0, 1).
    """

    distributed = True

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def setup(self, task: Task) -> None:
        """Make the network; the task must have hard labels."""
        assert task.labels is not None
        super().setup(task)

    def losses(self, batch: Batches) -> Losses:
        """Return the mean cross-entropy of the labelled rows."""
        rows = batch["train"]
        logits = self.net(rows.x)
        weight = rows["weight"] if "weight" in rows.fields else None
        return Losses(
            cross_entropy=cross_entropy(logits, rows.labels, smoothing=self.smoothing, weight=weight), logits=logits
        )
