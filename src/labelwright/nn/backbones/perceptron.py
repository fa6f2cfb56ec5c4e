"""Networks for vectors: linear and multi-layer perceptron. Other inputs are flattened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from labelwright.nn.backbones.network import AsFloat, Network


@dataclass(frozen=True)
class Linear:
    """Multinomial logistic regression: ``Linear()(input_shape, n_outputs)`` makes the network."""

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for inputs of `input_shape`."""
        size = math.prod(input_shape)
        return Network(nn.Sequential(AsFloat(), nn.Flatten()), nn.Linear(size, n_outputs), size)


@dataclass(frozen=True)
class MLP:
    """Multi-layer perceptron.

    Parameters
    ----------
    hidden : sequence of int, default (256, 256)
        Width of each hidden layer.
    dropout : float, default 0.0
        After each hidden layer, in [0, 1).
    batch_norm : bool, default False
        Before each activation.
    activation : callable, default nn.ReLU
        Makes an activation module.

    Examples
    --------
    >>> MLP((16,))((4,), 3).n_features
    16
    """

    hidden: Sequence[int] = (256, 256)
    dropout: float = 0.0
    batch_norm: bool = False
    activation: Callable[[], nn.Module] = nn.ReLU

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for inputs of `input_shape`."""
        layers: list[nn.Module] = [AsFloat(), nn.Flatten()]
        size = math.prod(input_shape)
        for width in self.hidden:
            layers.append(nn.Linear(size, width))
            if self.batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(self.activation())
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
            size = width
        return Network(nn.Sequential(*layers), nn.Linear(size, n_outputs), size)
