"""A network for point clouds: the same small network for each point, then the largest value of each feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from labelwright.nn.backbones.network import AsFloat, Network


class _LargestOverPoints(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.amax(dim=1)


@dataclass(frozen=True)
class PointNet:
    """PointNet without its alignment networks: shared layers a point, a maximum over points, a linear head.

    The order of the points, and points that stand twice, change nothing. Inputs are (b, P, d).

    Parameters
    ----------
    hidden : sequence of int, default (64, 128)
        Widths of the shared layers.

    Examples
    --------
    >>> PointNet()((128, 3), 6).n_features
    128

    Source: Qi et al., PointNet, CVPR 2017.
    """

    hidden: Sequence[int] = (64, 128)

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for clouds of `input_shape` (P, d)."""
        layers: list[nn.Module] = [AsFloat()]
        for a, b in pairwise((input_shape[1], *self.hidden)):
            layers += [nn.Linear(a, b), nn.ReLU()]
        size = self.hidden[-1]
        return Network(nn.Sequential(*layers, _LargestOverPoints()), nn.Linear(size, n_outputs), size)
