"""BoostLU: what a model trained with missing tags marks too weakly is boosted, before it is pooled.

A network with missing tags looks at the same regions as a fully taught one, but with smaller scores. So take the class
activation map m of each class (the head as a 1 × 1 convolution) and raise what speaks for the class:

    BoostLU(m) = max(m, a m),  a = 5          logit = mean over positions of BoostLU(m)

After pooling the same function would only rescale the positive logits of a class. Train with `LargeLossRejection` (the
main result), or use it on a trained network in inference alone.

Measured on small made scenes (P054, three seeds, mAP): in inference alone 0.54 against 0.52 for assume negative and
0.51 for large-loss rejection; trained with, 0.48. Nothing beyond the spread of the seeds; fully taught 0.73.

Source: Kim et al., Bridging the Gap between Model Explanations in Partially Annotated Multi-label Classification, CVPR
2023 [P054].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from labelwright.errors import BadInput


class BoostLU(nn.Module):
    """max(m, a m): attributions above 0 times a, those below as they are. [P054]

    Parameters
    ----------
    a : float, default 5.0
        At least 1; 1 changes nothing.

    Examples
    --------
    >>> BoostLU()(torch.tensor([-1.0, 2.0])).tolist()
    [-1.0, 10.0]
    """

    def __init__(self, a: float = 5.0) -> None:
        super().__init__()
        if not a >= 1:
            raise BadInput(f"a is {a}", fix="choose a number of at least 1")
        self.a = a

    def forward(self, maps: Tensor) -> Tensor:
        """Return boosted maps, same shape."""
        return torch.maximum(maps, self.a * maps)


class ActivationMapNet(nn.Module):
    """A convolutional network whose logits are means of (boosted) class activation maps.

    Parameters
    ----------
    net : nn.Module
        A network with ``body.pixels`` (images → (b, d, H, W)) and a linear ``head``, as `SmallCNN` and `ResNet18` make.
    boost : nn.Module, optional
        Applied to the maps before pooling; nothing by default.

    Notes
    -----
    It shares the weights of `net`: a trained network is looked at with and without a boost.
    """

    def __init__(self, net: nn.Module, boost: nn.Module | None = None) -> None:
        super().__init__()
        inner: Any = net
        if not (hasattr(inner, "body") and hasattr(inner.body, "pixels") and isinstance(inner.head, nn.Linear)):
            raise BadInput(f"{type(net).__name__} has no map of pixels", fix="use SmallCNN or ResNet18")
        self.trunk, self.linear = inner.body.pixels, inner.head
        self.boost = boost or nn.Identity()

    def maps(self, x: Any) -> Tensor:
        """Return the class activation maps before any boost, (b, K, H, W); the bias is part of them."""
        return conv2d(self.trunk(x), self.linear.weight[:, :, None, None], self.linear.bias)

    def forward(self, x: Any) -> Tensor:
        """Return logits (b, K): means of the boosted maps."""
        logits: Tensor = self.boost(self.maps(x)).mean(dim=(2, 3))
        return logits


@dataclass(frozen=True)
class BoostedMaps:
    """Make networks whose activation maps are boosted: ``net=BoostedMaps(SmallCNN())``. [P054]

    Parameters
    ----------
    backbone : callable (input shape, outputs) → network
        `SmallCNN` or `ResNet18`.
    a : float, default 5.0
        Of `BoostLU`; 1 gives the plain network.
    """

    backbone: Callable[[tuple[int, ...], int], nn.Module]
    a: float = 5.0

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> ActivationMapNet:
        """Return a fresh network for inputs of `input_shape` (C, H, W)."""
        return ActivationMapNet(self.backbone(input_shape, n_outputs), BoostLU(self.a))
