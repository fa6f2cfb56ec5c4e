"""A conditional normalising flow: noise becomes a label, step by step, in a way that depends on the inputs.

One affine coupling changes the coordinates S of y and keeps the others:

    h   = merge((ε + exp w(x)) ∘ g(y_keep) + c(x))       once for the scale, once for the shift
    s   = sqrt(1e-6 + exp(softsign h_s)),   y_S ← s · y_S + h_b,   log|det| = Σ log s

The softsign keeps s within [0.61, 1.65], without which the likelihood would reward a collapse to points. A step is a
coupling of S and one of its complement; a single coordinate has no complement and depends on x alone.

Source: You, Arachie, Huang, Weakly supervised label learning flows, Neural Networks 2025 [P088].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softsign

from labelwright.errors import BadInput

TINY = 1e-6
START = 0.01  # spread of the last layers' first weights: the flow starts near the identity


class _SideBySide(nn.Module):
    """Linear layers that do not know each other, in one product: (G, b, inputs) → (G, b, outputs)."""

    def __init__(self, n_layers: int, inputs: int, outputs: int, spread: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_layers, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(n_layers, 1, outputs))
        if spread is None:
            nn.init.uniform_(self.weight, -(inputs**-0.5), inputs**-0.5)
        else:
            nn.init.normal_(self.weight, std=spread)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class _OnInputs(nn.Module):
    """w(x) and c(x) for the scale and the shift of every coupling at once: (b, d) → (couplings, 4, b, hidden)."""

    def __init__(self, n_inputs: int, n_couplings: int, hidden: int) -> None:
        super().__init__()
        width = 4 * n_couplings
        self.first = nn.Linear(n_inputs, width * hidden, bias=False)
        self.norm = nn.BatchNorm1d(width * hidden)
        self.last = _SideBySide(width, hidden, hidden, START)
        self.shape = (n_couplings, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = silu(self.norm(self.first(x)))
        h = self.last(h.reshape(len(x), self.shape[0] * 4, -1).transpose(0, 1))
        return h.reshape(*self.shape, len(x), -1)


class AffineCoupling(nn.Module):
    """Change some coordinates of y (b, K) by scale and shift that the others and the inputs decide. [P088]

    Parameters
    ----------
    changed, kept : int tensor
        Coordinates; together all of them.
    hidden : int
    """

    changed: Tensor
    kept: Tensor

    def __init__(self, changed: Tensor, kept: Tensor, hidden: int) -> None:
        super().__init__()
        self.register_buffer("changed", changed)
        self.register_buffer("kept", kept)
        if len(kept):
            self.first = nn.Linear(len(kept), 2 * hidden, bias=False)
            self.norm = nn.BatchNorm1d(2 * hidden)
            self.second = _SideBySide(2, hidden, hidden)
            self.last_norm = nn.BatchNorm1d(2 * hidden, affine=False)
        self.merge = _SideBySide(2, hidden, len(changed), START)

    def _scale_and_shift(self, given: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return s and h_b, (b, changed) each; `given` (4, b, hidden) holds w and c for both."""
        h = given[2:]
        if len(self.kept):
            g = silu(self.norm(self.first(y[:, self.kept]))).reshape(len(y), 2, -1).transpose(0, 1)
            g = self.last_norm(self.second(g).transpose(0, 1).flatten(1)).reshape(len(y), 2, -1).transpose(0, 1)
            h = (TINY + given[:2].exp()) * g + h
        log_scale, shift = self.merge(silu(h))
        return (TINY + softsign(log_scale).exp()).sqrt(), shift

    def forward(self, given: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the changed y (b, K) and log|det| (b,)."""
        s, b = self._scale_and_shift(given, y)
        return y.index_copy(1, self.changed, s * y[:, self.changed] + b), s.log().sum(dim=1)

    def reverse(self, given: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` made y of, and the log|det| of that way, which is the opposite."""
        s, b = self._scale_and_shift(given, y)
        return y.index_copy(1, self.changed, (y[:, self.changed] - b) / s), -s.log().sum(dim=1)


class ConditionalFlow(nn.Module):
    """y = F(x, z) with z ~ N(0, I), and p(y | x) in closed form. [P088]

    Parameters
    ----------
    n_inputs : int
        d, numbers in x.
    n_outputs : int
        K, numbers in y.
    steps : int, default 8
        Each changes a random half of the coordinates and then the other half.
    hidden : int, default 64
    seed : int, default 0
        Draws the halves; weights come from torch's own state.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> flow = ConditionalFlow(3, 2).eval()
    >>> x, z = torch.randn(4, 3), torch.randn(4, 2)
    >>> y, log_det = flow(x, z)
    >>> bool(torch.allclose(flow.reverse(x, y)[0], z, atol=1e-5))
    True

    Source: [P088].
    """

    def __init__(self, n_inputs: int, n_outputs: int, steps: int = 8, hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        if min(n_inputs, n_outputs, steps, hidden) < 1:
            raise BadInput("a flow needs inputs, outputs, steps and a width of at least 1")
        draw = torch.Generator().manual_seed(seed)
        couplings: list[nn.Module] = []
        for _ in range(steps):
            order = torch.randperm(n_outputs, generator=draw) if n_outputs > 2 else torch.arange(n_outputs)
            first, then = order[: (n_outputs + 1) // 2].sort().values, order[(n_outputs + 1) // 2 :].sort().values
            couplings.append(AffineCoupling(first, then, hidden))
            if len(then):
                couplings.append(AffineCoupling(then, first, hidden))
        self.couplings = nn.ModuleList(couplings)
        self.on_inputs = _OnInputs(n_inputs, len(couplings), hidden)
        self.n_outputs = n_outputs

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return y (b, K) of noise z (b, K) given x (b, d), and log|det dy/dz| (b,)."""
        log_det = z.new_zeros(len(z))
        for coupling, given in zip(self.couplings, self.on_inputs(x), strict=True):
            z, more = coupling(given, z)
            log_det = log_det + more
        return z, log_det

    def reverse(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise z (b, K) that gives y, and log|det dz/dy| (b,)."""
        log_det = y.new_zeros(len(y))
        for coupling, given in zip(reversed(self.couplings), self.on_inputs(x).flip(0), strict=True):
            assert isinstance(coupling, AffineCoupling)
            y, more = coupling.reverse(given, y)
            log_det = log_det + more
        return y, log_det

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log p(y | x), (b,)."""
        z, log_det = self.reverse(x, y)
        return standard_normal(z) + log_det


def standard_normal(z: Tensor) -> Tensor:
    """Return log N(z; 0, I), (b,), for z (b, K)."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)
