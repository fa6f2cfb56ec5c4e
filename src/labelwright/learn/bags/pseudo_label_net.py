"""A network that fits soft pseudo-labels of single rows and, beside them, the shares of bags.

    loss = mean_i CE(q_i, p_i)  +  w · mean_B CE(π_B, softmax(g(mean_{i∈B} h_i)))

h are the network's features, which also feed its head p; g is a small network of its own; π_B are the shares of the
classes in bag B.

Source: Havaldar et al., Learning from Label Proportions: Bootstrapping Supervised Learners via Belief Propagation,
ICLR 2024 [P069], which calls it the aggregate embedding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from labelwright.errors import BadInput
from labelwright.evidence import Bags
from labelwright.learn.bags.attention import encoder_of
from labelwright.learn.bags.members import as_bags, filled, members_of, proportions_of
from labelwright.nn import MLP, AdamW, Loop, Losses, Objective, Task, Training
from labelwright.nn.batch import Batches
from labelwright.nn.losses import soft_cross_entropy

BAG_WIDTH = 64  # hidden units of g
BATCH = 256  # rows a step


class PseudoLabelAndBagLoss(Objective):
    """Fit pseudo-labels of rows and shares of bags at once. [P069]

    Parameters
    ----------
    weight : float, default 0.1
        Of the bags' loss, at least 0.

    Notes
    -----
    The task's evidence are `Bags` with counts or proportions, and its field ``"pseudo"`` (n, K) are the pseudo-labels.
    Rows in no bag count in the first term alone.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence import Bags
    >>> from labelwright.nn import MLP, Loop, Training
    >>> bags = Bags.counts(np.arange(8) // 4, [1, 3])
    >>> task = Task(np.eye(8), bags, net=MLP((4,)), fields={"pseudo": np.full((8, 2), 0.5)})
    >>> len(Loop(PseudoLabelAndBagLoss(), task, Training(epochs=2, device="cpu")).fit())
    2
    """

    def __init__(self, weight: float = 0.1) -> None:
        super().__init__()
        if weight < 0:
            raise BadInput(f"weight is {weight}", fix="choose a weight of 0 or more")
        self.weight = weight

    def setup(self, task: Task) -> None:
        """Make the network and the head of bags."""
        proportions_of(filled(as_bags(task.evidence)))
        if "pseudo" not in task.fields:
            raise BadInput("the task has no pseudo-labels", fix="pass fields={'pseudo': q} with q (n, K)")
        self.net: Any = task.new_net()
        size = encoder_of(self.net)[1]
        self.of_bag = nn.Sequential(nn.Linear(size, BAG_WIDTH), nn.ReLU(), nn.Linear(BAG_WIDTH, task.n_classes))

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy against the pseudo-labels and the weighted one against the bags' shares."""
        rows = batch["train"]
        h = self.net.features(rows.x)
        logits = self.net.head(h)
        bags = filled(as_bags(rows.evidence))
        shares: Any = 0.0
        if self.weight and bags.n_bags:
            members = members_of(bags, logits.device)
            target = torch.as_tensor(proportions_of(bags), dtype=logits.dtype, device=logits.device)
            shares = self.weight * soft_cross_entropy(self.of_bag(members.mean(h[members.rows])), target)
        return Losses(rows=soft_cross_entropy(logits, rows["pseudo"]), bags=shares, logits=logits)


def fitted_network(
    rows: NDArray[np.float64], q: NDArray[np.float64], bags: Bags, weight: float, steps: int, seed: int
) -> Loop:
    """Return the loop of a network of 256, 128 and 64 rectifiers after so many steps of 256 rows.

    Parameters
    ----------
    rows : float64 array (n, d)
        Standardised.
    q : float64 array (n,)
        P(y = 1) of each row.
    bags : Bags
        Of the same rows, two classes.
    weight : float
        Of the bags' loss.
    steps, seed : int
    """
    pseudo = np.stack([1 - q, q], axis=1).astype(np.float32)
    task = Task(rows.astype(np.float32), bags, net=MLP((256, 128, 64)), fields={"pseudo": pseudo})
    training = Training(steps, BATCH, AdamW(1e-3), seed=seed, device="cpu")  # an epoch has at least one step
    loop = Loop(PseudoLabelAndBagLoss(weight), task, training)
    loop.fit(steps=steps)
    return loop
