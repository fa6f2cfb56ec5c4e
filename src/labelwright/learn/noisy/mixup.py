"""Mixup: learn blends of two rows and of their labels, so that no single wrong label can be fitted.

    x = ℓ x_i + (1 − ℓ) x_j,   loss = ℓ CE(z, y_i) + (1 − ℓ) CE(z, y_j),   ℓ ~ Beta(α, α), one for a batch

Source: Zhang, Cissé, Dauphin, Lopez-Paz, mixup: Beyond Empirical Risk Minimization, ICLR 2018 [B009].
"""

from __future__ import annotations

from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.noisy.robust_losses import labelled_mean
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import row_cross_entropy
from labelwright.nn.mix import Mixture, mixup


def mixup_losses(logits: Tensor, labels: Tensor, mixture: Mixture) -> Tensor:
    """Return ℓ CE(z, y_i) + (1 − ℓ) CE(z, y_j) of each mixed row, (b,); an unknown label (−1) adds 0. [B009]

    Parameters
    ----------
    logits : Tensor (b, K)
        Of mixed inputs, ``mixture(x)``.
    labels : int64 tensor (b,)
        Of the rows before mixing.
    mixture : Mixture
        From `labelwright.nn.mix.mixup`.

    Examples
    --------
    >>> import torch
    >>> half = Mixture(torch.tensor([1, 0]), torch.tensor([0.5, 0.5]))
    >>> mixup_losses(torch.zeros(2, 2), torch.tensor([0, 1]), half).exp().tolist()
    [2.0, 2.0]
    """
    own, other = row_cross_entropy(logits, labels), row_cross_entropy(logits, labels[mixture.partner])
    return mixture.share * own + (1 - mixture.share) * other


class Mixup(Objective):
    """Cross-entropy on blends of two rows and of their labels. [B009]

    Parameters
    ----------
    alpha : float, default 1.0
        Of the Beta that shares are drawn from, > 0; the larger, the nearer to halves.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        if not alpha > 0:
            raise BadInput(f"alpha is {alpha}", fix="choose alpha above 0")
        self.alpha = alpha

    def setup(self, task: Task) -> None:
        """Make the network; the task must have hard labels."""
        assert task.labels is not None
        super().setup(task)

    def losses(self, batch: Batches) -> Losses:
        """Return the mean over mixed rows whose own label is known."""
        rows = batch["train"]
        mixture = mixup(len(rows), self.alpha, rows.index.device)
        logits = self.net(mixture(rows.x.float()))
        return Losses(loss=labelled_mean(mixup_losses(logits, rows.labels, mixture), rows), logits=logits)
