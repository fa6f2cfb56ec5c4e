"""EasyLLP: an unbiased loss for single rows when bags were formed at random.

A bag of m rows has shares α, all bags together shares r. In a random bag the other m − 1 rows have shares r on average,
so that the bag's count without them is the row's own label:

    a_i = m (α − r) + r,   E[a_i | x_i, y_i] = onehot(y_i)        loss_i = Σ_c a_ic · (−log p_ic)

a_i leaves [0, 1] when bags are large: the loss has no bias, but a variance that grows with m and no lower end. Stop
early, or keep bags small.

Source: Busa-Fekete, Choi, Dick, Gentile, Muñoz Medina, Easy Learning from Label Proportions, NeurIPS 2023 [B025].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from labelwright.learn.bags.members import as_bags, filled, members_of, proportions_of
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches


def easy_llp_targets(bag: Tensor, sizes: Tensor, proportions: Tensor, overall: Tensor) -> Tensor:
    """Return a_i = m (α − r) + r of each row, (n, K): an unbiased guess of its one-hot label.

    Parameters
    ----------
    bag : int64 tensor (n,)
    sizes : Tensor (g,)
        Rows of each bag.
    proportions : Tensor (g, K)
    overall : Tensor (K,)
        Shares over all bags.

    Examples
    --------
    >>> bag, sizes = torch.tensor([0]), torch.tensor([1])
    >>> easy_llp_targets(bag, sizes, torch.tensor([[0.0, 1.0]]), torch.tensor([0.5, 0.5])).tolist()
    [[0.0, 1.0]]
    """
    return (sizes[:, None].to(proportions.dtype) * (proportions - overall) + overall)[bag]


def easy_llp_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of −Σ_c a_c log p_c; targets (n, K) from `easy_llp_targets`, of either sign."""
    return -(targets * log_softmax(logits, dim=1)).sum(dim=1).mean()


class EasyLLP(Objective):
    """Train on single rows with unbiased targets made of random bags' proportions. [B025]"""

    overall: Tensor

    def setup(self, task: Task) -> None:
        """Make the network and work out the shares over all bags to learn from."""
        bags = filled(as_bags(task.evidence))
        shares = torch.as_tensor(proportions_of(bags))
        sizes = torch.as_tensor(bags.sizes).to(shares.dtype)
        self.net = task.new_net()
        self.register_buffer("overall", ((shares * sizes[:, None]).sum(dim=0) / sizes.sum()).float())

    def losses(self, batch: Batches) -> Losses:
        """Return the unbiased cross-entropy."""
        rows = batch["train"]
        logits = self.net(rows.x)
        bags = filled(as_bags(rows.evidence))
        if bags.n_bags == 0:
            return Losses(easy_llp=0.0 * logits.sum(), logits=logits)
        members = members_of(bags, logits.device)
        shares = torch.as_tensor(proportions_of(bags), dtype=logits.dtype, device=logits.device)
        targets = easy_llp_targets(members.bag, members.sizes, shares, self.overall)
        return Losses(easy_llp=easy_llp_loss(logits[members.rows], targets), logits=logits)
