"""The network of the arithmetic laboratory: one hidden layer of squares, and what can be cut out of it.

    z = W2 (W1 x)²,    W1 = [U V] of shape (N, 2 p), W2 of shape (p, N), no biases.

Source: Doshi, Das, He, Gromov, To grok or not to grok, ICLR 2024 [P149]; Gromov, arXiv 2301.02679.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, MissingExtra
from labelwright.noise.algorithmic import ModularData, Phase, periodicity_of_weights, training_phase

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("the network of labelwright.noise", "torch") from None


class QuadraticMLP(nn.Module):
    """A network of one hidden layer whose neurons are squared.

    Parameters
    ----------
    p : int
        Classes; inputs have 2 p columns.
    width : int
        N, hidden neurons.
    dropout : float in [0, 1), default 0
        Between the first layer and the square.
    batch_norm : bool, default False
        After the square.
    seed : int, default 0
        Of the weights, drawn from N(0, s²) with s = 0.5 / (2 N)^(1/3).

    Examples
    --------
    >>> QuadraticMLP(5, width=8)(torch.zeros(3, 10)).shape
    torch.Size([3, 5])

    Source: Doshi et al., ICLR 2024 [P149].
    """

    def __init__(self, p: int, width: int, *, dropout: float = 0.0, batch_norm: bool = False, seed: int = 0) -> None:
        super().__init__()
        if p < 2 or width < 1 or not 0 <= dropout < 1:
            raise BadInput(f"p is {p}, width {width} and dropout {dropout}", fix="use 2 or more, 1 or more, and [0, 1)")
        self.p, self.width = p, width
        draw = torch.Generator().manual_seed(seed)
        scale = 0.5 / (2 * width) ** (1 / 3)
        self.first = nn.Parameter(torch.randn(width, 2 * p, generator=draw) * scale)
        self.second = nn.Parameter(torch.randn(p, width, generator=draw) * scale)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.BatchNorm1d(width) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return one score a class, (b, p), for one-hot pairs (b, 2 p)."""
        return self._answer(x @ self.first.T)

    def of_pairs(self, pairs: Tensor) -> Tensor:
        """Return the same for pairs of numbers, int64 (b, 2), without making them one-hot."""
        weights = self.first.T
        return self._answer(weights[pairs[:, 0]] + weights[self.p + pairs[:, 1]])

    def _answer(self, hidden: Tensor) -> Tensor:
        return self.norm(self.dropout(hidden) ** 2) @ self.second.T

    @torch.no_grad()
    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the classes of one-hot pairs, int64 (m,); the mode of the network is kept."""
        training = self.training
        self.eval()
        answer = self(torch.as_tensor(np.asarray(x), dtype=self.first.dtype, device=self.first.device)).argmax(dim=1)
        self.train(training)
        return np.asarray(answer.cpu().numpy(), dtype=np.int64)


def train_quadratic_mlp(
    model: QuadraticMLP,
    data: ModularData,
    *,
    steps: int = 800,
    weight_decay: float = 0.0,
    learning_rate: float = 1e-2,
    batch_size: int | None = None,
    seed: int = 0,
) -> list[float]:
    """Train on the given labels by AdamW on the mean squared error of one-hot targets; return the loss of each step.

    Parameters
    ----------
    model : QuadraticMLP
        Changed in place.
    data : ModularData
    steps : int, default 800
    weight_decay : float, default 0
        Decoupled; 5 to 20 are meaningful with the default learning rate. Too much makes the network forget everything.
    learning_rate : float, default 1e-2
    batch_size : int, optional
        All training pairs by default.
    seed : int, default 0
        Of the batches.

    Source: Doshi et al., ICLR 2024 [P149].
    """
    if model.p != data.p:
        raise BadInput(f"the network is for p = {model.p}, the data for {data.p}")
    if steps < 0 or weight_decay < 0 or learning_rate <= 0:
        raise BadInput("steps and weight_decay are at least 0, learning_rate above 0")
    x = torch.as_tensor(data.pairs[data.train], device=model.first.device)
    target = torch.as_tensor(np.eye(data.p)[data.given], device=x.device, dtype=model.first.dtype)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.98), eps=1e-8, weight_decay=weight_decay
    )
    draw, losses = torch.Generator().manual_seed(seed), []
    order, at = torch.arange(len(x)), len(x)
    model.train()
    for _ in range(steps):
        rows: slice | Tensor = slice(None)
        if batch_size is not None and batch_size < len(x):
            if at + batch_size > len(x):
                order, at = torch.randperm(len(x), generator=draw), 0
            rows, at = order[at : at + batch_size], at + batch_size
        optimizer.zero_grad()
        loss = ((model.of_pairs(x[rows]) - target[rows]) ** 2).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def neuron_periodicity(model: QuadraticMLP, r: int = 2) -> NDArray[np.float64]:
    """Return how periodic each neuron is, float64 (N,), in [0, 1]: 1 = one frequency, it generalises; low = it stores.

    Source: Doshi et al., ICLR 2024 [P149].
    """
    first, second = (w.detach().cpu().double().numpy() for w in (model.first, model.second))
    return periodicity_of_weights(first, second, r)


def prune_neurons(model: QuadraticMLP, neurons: ArrayLike) -> QuadraticMLP:
    """Return a copy whose neurons of these numbers are silent: their weights in and out are 0.

    Parameters
    ----------
    model : QuadraticMLP
    neurons : int array (m,)
        Such as ``np.argsort(neuron_periodicity(model))[:100]``, the least periodic ones.

    Source: Doshi et al., ICLR 2024 [P149].
    """
    chosen = np.asarray(neurons)
    if chosen.size and (chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= model.width):
        raise BadInput(f"neurons must be numbers from 0 to {model.width - 1}")
    pruned = deepcopy(model)
    with torch.no_grad():
        at = torch.as_tensor(chosen.astype(np.int64))
        pruned.first[at] = 0
        pruned.second[:, at] = 0
    return pruned


def phase_of(model: QuadraticMLP, data: ModularData) -> Phase:
    """Return the phase that a trained network is in, by `training_phase`."""
    found = data.accuracies(model.predict(data.one_hot()))
    train = found.training_accuracy(float(data.changed.mean()))
    return training_phase(train, found.test, data.corruption, data.p)
