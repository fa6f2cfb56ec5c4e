"""Editors of instances: rewrite an input so that it fits a label, and leave alone what does not concern it.

`ConditionalAutoencoder` is a variational autoencoder whose decoder is told the class. The class is free to the decoder
while every nat of the code h costs, so the code keeps what the class does not say:

    loss = ‖d(h, onehot(y)) − x‖² + β KL( N(e(x)) ‖ N(0, 1) ),      edit(x, y) = d(mean of e(x), onehot(y))

Source: the small editor in the place of the diffusion model of EchoAlign [P020].
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.backbones.network import AsFloat
from labelwright.nn.batch import Batches
from labelwright.nn.losses import weighted_mean
from labelwright.nn.targets import one_hot


class InstanceEditor(Protocol):
    """Rewrites inputs so that they fit a label, and leaves alone what does not concern it. [P020]"""

    def edit(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return edited inputs as floats, same shape as x (b, ...), bytes as [0, 1]; labels int64 (b,)."""
        ...


class ConditionalAutoencoder(nn.Module):
    """A small variational autoencoder whose decoder is told the class: what it encodes is everything else.

    Parameters
    ----------
    n_inputs, n_classes : int
        Numbers of one flattened input, and classes; bytes are read as numbers in [0, 1].
    latent, hidden : int
        Size of the code and of the hidden layers.
    """

    def __init__(self, n_inputs: int, n_classes: int, latent: int = 8, hidden: int = 128) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.encoder = nn.Sequential(
            AsFloat(), nn.Flatten(), nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent + n_classes, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.out = nn.Linear(hidden, n_inputs)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the code, (b, latent) each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def decode(self, code: Tensor, labels: Tensor) -> Tensor:
        """Return flattened inputs (b, n_inputs) that fit the labels."""
        told = torch.cat([code, one_hot(labels, self.n_classes)], dim=1)
        decoded: Tensor = self.out(self.decoder(told))
        return decoded

    def losses(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the squared error of rebuilding and the divergence of the code from N(0, 1), (b,) each."""
        mean, log_variance = self.encode(x)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        error = ((self.decode(code, labels) - AsFloat()(x).flatten(1)) ** 2).sum(dim=1)
        return error, 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)

    @torch.no_grad()
    def edit(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return d(e(x), onehot(y)) as floats, same shape as x."""
        return self.decode(self.encode(x)[0], labels).reshape(x.shape)


class EditorTraining(Objective):
    """Trains a `ConditionalAutoencoder` on rows and their given labels. [P020]

    Parameters
    ----------
    latent, hidden : int
        Sizes of the code and of the hidden layers.
    divergence : float, default 0.2
        β, at least 0, for inputs of about unit size: the larger, the less of an input the code keeps.
    """

    net: ConditionalAutoencoder

    def __init__(self, latent: int = 8, hidden: int = 128, divergence: float = 0.2) -> None:
        super().__init__()
        if latent < 1 or hidden < 1 or divergence < 0:
            raise BadInput("latent and hidden must be at least 1, divergence at least 0")
        self.latent, self.hidden, self.divergence = latent, hidden, divergence

    def setup(self, task: Task) -> None:
        """Make the editor."""
        assert task.labels is not None
        size = int(np.prod(task.input_shape))
        self.net = ConditionalAutoencoder(size, task.n_classes, self.latent, self.hidden)

    def losses(self, batch: Batches) -> Losses:
        """Return the mean error of rebuilding, and of the divergence, over labelled rows."""
        rows = batch["train"]
        error, divergence = self.net.losses(rows.x, rows.labels)
        known = (rows.labels >= 0).float()
        return Losses(
            rebuilding=weighted_mean(error, known), divergence=self.divergence * weighted_mean(divergence, known)
        )
