"""PU-MLC: learn tags from the positive ones alone.

Every negative tag is dropped. For class c with positives P_c in the batch U,

    t_c = min(1, a · std_i z_ic)          φ_ic = σ(z_ic / t_c)          w_c = (mean_{i∈U} φ_ic)^g      t, w detached
    L_pu = Σ_c  w_c log mean_{i∈U} φ_ic − mean_{i∈P_c} log φ_ic        (a class without positives: no second term)

w makes a rare class, whose mean φ is small, be pulled down less by what is unlabelled. Mixup consistency: with the two
halves x₁ (permuted), x₂ of the batch, l ~ Beta(0.3, 0.3), u = 1 on positives and σ(z) elsewhere (detached),

    L_mix = mean_i Σ_c ( log(l u₁ + (1 − l) u₂) − log σ(z_mix) )²

Source: Yuan et al., Positive Label Is All You Need for Multi-Label Classification, ICME 2024 [P026]. With g = 0, t = 1
and no mixup it is the variational PU loss of Chen et al., NeurIPS 2020, class by class.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective
from labelwright.nn import Losses
from labelwright.nn.batch import Batches
from labelwright.nn.mix import beta

TINY, COLDEST = 1e-10, 1e-3


def class_temperature(logits: Tensor, a: float = 1.0) -> Tensor:
    """Return min(1, a · std over the batch) of each class, (K,), detached, at least 1e-3."""
    spread = logits.detach().std(dim=0, correction=0)
    return (a * spread).clamp(COLDEST, 1.0)


def pu_multilabel_loss(logits: Tensor, positive: Tensor, a: float = 1.0, g: float = 0.55) -> Tensor:
    """Return the re-balanced variational PU loss, summed over the classes: use it in any loop.

    Parameters
    ----------
    logits : Tensor (b, K)
        A batch large enough to hold positives of most classes (64 rows and more).
    positive : bool tensor (b, K)
        Tags known to be on; all others are unlabelled.
    a : float, default 1.0
        Of the temperature min(1, a · std); infinity switches it off.
    g : float, default 0.55
        Strength of the re-balancing, at least 0.

    Examples
    --------
    >>> constant = torch.zeros(4, 1)
    >>> abs(pu_multilabel_loss(constant, constant == 0, a=torch.inf, g=0.0).item()) < 1e-6
    True
    """
    t = torch.ones(logits.shape[1]).to(logits) if a == torch.inf else class_temperature(logits, a)
    scaled = logits / t
    phi = torch.sigmoid(scaled)
    mean = phi.mean(dim=0)
    weight = mean.detach() ** g
    on = positive.to(logits.dtype)
    known = (on * logsigmoid(scaled)).sum(dim=0) / on.sum(dim=0).clamp_min(1)
    return (weight * (mean + TINY).log() - known).sum()


def mixup_consistency(mixed_logits: Tensor, first: Tensor, second: Tensor, share: Tensor | float) -> Tensor:
    """Return mean_i Σ_c (log(l u₁ + (1 − l) u₂) − log σ(z_mix))²; all (b, K), the soft labels u detached."""
    target = (share * first + (1 - share) * second + TINY).log().detach()
    return ((target - logsigmoid(mixed_logits)) ** 2).sum(dim=1).mean()


class PUMultiLabelLoss(TagObjective):
    """Tags from positives alone: variational PU loss with mixup consistency. [P026]

    Parameters
    ----------
    a : float, default 1.0
        Of the temperature; 1 for COCO, 2 for VOC in the paper.
    g : float, default 0.55
        Strength of the re-balancing, at least 0; 0.55 for COCO, 0.85 for VOC.
    mix : float, default 1.0
        Weight of the mixup consistency; 0 leaves it out.
    alpha : float, default 0.3
        Mixup shares are drawn from Beta(alpha, alpha).

    Notes
    -----
    Measured with a = 2, g = 0.85 and a fifth of the positives of yeast and scene known (mAP, three seeds): 0.585,
    assume negative 0.525; nnPU that is told the true shares 0.576, too close for three seeds to tell.
    """

    def __init__(self, a: float = 1.0, g: float = 0.55, mix: float = 1.0, alpha: float = 0.3) -> None:
        super().__init__()
        if not (a > 0 and g >= 0 and mix >= 0 and alpha > 0):
            raise BadInput(f"a={a}, g={g}, mix={mix}, alpha={alpha}", fix="a, alpha above 0, g and mix at least 0")
        self.a, self.g, self.mix, self.alpha = a, g, mix, alpha

    def losses(self, batch: Batches) -> Losses:
        """Return both terms."""
        rows = batch["train"]
        logits, positive = self.net(rows.x), rows["tags"] > 0
        return Losses(
            positive_unlabeled=pu_multilabel_loss(logits, positive, self.a, self.g),
            mixup=self._mixed(rows.x, logits.detach(), positive),
            logits=logits,
        )

    def _mixed(self, x: Any, logits: Tensor, positive: Tensor) -> Tensor | float:
        half = len(logits) // 2
        if self.mix == 0 or half == 0:
            return 0.0
        soft = torch.where(positive, torch.ones_like(logits), torch.sigmoid(logits))
        order = torch.randperm(half, device=logits.device)
        share = beta(self.alpha, 1, logits.device)
        mixed = share.view(*[1] * x.ndim).to(x.dtype) * x[:half][order] + (1 - share.view(*[1] * x.ndim)) * x[-half:]
        return self.mix * mixup_consistency(self.net(mixed), soft[:half][order], soft[-half:], share)


class LocalGlobalConv(nn.Module):
    """A convolution with a global branch beside it that begins as nothing. [P026]

        y = conv(x) + BN(proj(x + v)),      v = gate · Σ_pos att · (V x)
        r = ReLU(1×1 conv of x to C/4),  h = [r, mean of r over positions]
        att = softmax of 1×1 conv of h over positions,  gate = sigmoid of another, one map a head

    Parameters
    ----------
    conv : nn.Conv2d
        Any convolution whose padding keeps the size its stride asks for (3 × 3 with padding 1).
    heads : int, default 8
        Divides the input channels.
    reduction : int, default 4

    Notes
    -----
    The batch norm's weight starts at N(0, 1e-4) and its bias at 0, so a trained convolution keeps what it computes.
    """

    def __init__(self, conv: nn.Conv2d, heads: int = 8, reduction: int = 4) -> None:
        super().__init__()
        channels = conv.in_channels
        if channels % heads or channels < reduction:
            raise BadInput(
                f"{channels} channels do not go into {heads} heads with reduction {reduction}", fix="choose fewer"
            )
        self.conv, self.heads = conv, heads
        middle = channels // reduction
        self.reduce = nn.Conv2d(channels, middle, 1)
        self.attend = nn.Conv2d(2 * middle, heads, 1)
        self.gate = nn.Conv2d(2 * middle, heads, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.project = nn.Conv2d(channels, conv.out_channels, 1, stride=conv.stride)  # type: ignore[arg-type]
        self.norm = nn.BatchNorm2d(conv.out_channels)
        nn.init.normal_(self.norm.weight, 0.0, 1e-4)
        nn.init.zeros_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution's output plus the global branch's, (b, C_out, H', W')."""
        b, channels, height, width = x.shape
        local = torch.relu(self.reduce(x))
        hidden = torch.cat([local, local.mean(dim=(2, 3), keepdim=True).expand_as(local)], dim=1)
        attention = self.attend(hidden).flatten(2).softmax(dim=2)  # (b, heads, positions)
        values = self.value(x).view(b, self.heads, channels // self.heads, height * width)
        gathered = torch.einsum("bhp,bhcp->bhc", attention, values)
        gate = torch.sigmoid(self.gate(hidden)).flatten(2)
        spread = torch.einsum("bhc,bhp->bhcp", gathered, gate).reshape(b, channels, height, width)
        out: Tensor = self.conv(x) + self.norm(self.project(x + spread))
        return out
