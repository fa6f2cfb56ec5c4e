"""Counting on tensors: the same recursion for padded batches of bags, with an analytic gradient.

The tables are filled without a tape: `CountLogZ.backward` returns q − p, the derivative of log Z with respect to the
log-odds (block B1's identity), so memory during training does not grow with the recursion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

MAX_TABLE = 1 << 24  # entries of one float64 table: 128 MB


def _chunks(sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut the bags, sorted by size, into runs whose padded table stays under `MAX_TABLE` entries."""
    order = np.argsort(-sizes, kind="stable")
    runs, start = [], 0
    while start < len(order):
        longest = int(sizes[order[start]])
        fit = max(1, MAX_TABLE // (longest + 1) ** 2)
        runs.append(order[start : start + fit])
        start += fit
    return runs


def _padded(values: Tensor, starts: Tensor, lengths: Tensor, fill: float) -> tuple[Tensor, Tensor]:
    """Return (B, longest) values with `fill` in the padding, and the mask of real entries."""
    position = torch.arange(int(lengths.max()) if len(lengths) else 0, device=values.device)
    real = position < lengths[:, None]
    index = torch.where(real, starts[:, None] + position, 0)
    return torch.where(real, values[index] if len(values) else index.to(values.dtype), fill), real


def _tables(odds: Tensor, real: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
    """Return messages (B, m, 2) and log Z (B,) of padded bags; padded rows never count."""
    yes = torch.where(real, logsigmoid(odds), -torch.inf)
    no = torch.where(real, logsigmoid(-odds), 0.0)
    n_bags, m = odds.shape
    last = torch.full((n_bags, 1), -torch.inf, dtype=odds.dtype, device=odds.device)
    back = [phi]
    for i in range(m - 1, -1, -1):
        above = torch.cat([back[-1][:, 1:], last], dim=1)
        back.append(torch.logaddexp(back[-1] + no[:, i, None], above + yes[:, i, None]))
    back.reverse()
    ahead = torch.full_like(phi, -torch.inf)
    ahead[:, 0] = 0.0
    messages = []
    for i in range(m):
        above = torch.cat([back[i + 1][:, 1:], last], dim=1)
        pair = torch.stack([torch.logsumexp(ahead + back[i + 1], 1), torch.logsumexp(ahead + above, 1)], dim=1)
        top = pair.amax(dim=1, keepdim=True)
        messages.append(torch.where(torch.isinf(top), 0.0, pair - top))
        below = torch.cat([last, ahead[:, :-1]], dim=1)
        ahead = torch.logaddexp(ahead + no[:, i, None], below + yes[:, i, None])
    empty = torch.zeros((n_bags, 0, 2), dtype=odds.dtype, device=odds.device)
    return (torch.stack(messages, dim=1) if messages else empty), back[0][:, 0]


@torch.no_grad()
def count_bags_torch(log_odds: Tensor, offsets: NDArray[np.int64], log_phi: Tensor) -> tuple[Tensor, Tensor]:
    """Return message (t, 2) and log Z (g,), float64 on the device of `log_odds` (t,); `log_phi` is (t + g,)."""
    odds = log_odds.detach().to(torch.float64)
    phi = log_phi.to(dtype=torch.float64, device=odds.device)
    sizes = np.diff(offsets)
    message = torch.zeros((len(odds), 2), dtype=torch.float64, device=odds.device)
    log_z = torch.zeros(len(sizes), dtype=torch.float64, device=odds.device)
    for bags in _chunks(sizes):
        starts = torch.as_tensor(offsets[bags], device=odds.device)
        lengths = torch.as_tensor(sizes[bags], device=odds.device)
        padded, real = _padded(odds, starts, lengths, 0.0)
        potential, _ = _padded(phi, starts + torch.as_tensor(bags, device=odds.device), lengths + 1, -torch.inf)
        part, z = _tables(padded, real, potential)
        message[(starts[:, None] + torch.arange(padded.shape[1], device=odds.device))[real]] = part[real]
        log_z[torch.as_tensor(bags, device=odds.device)] = z
    return message, log_z


class CountLogZ(torch.autograd.Function):
    """log Z of each bag as a function of the log-odds, with backward q − p."""

    @staticmethod
    def forward(ctx: Any, log_odds: Tensor, message: Tensor, log_z: Tensor, bag_of_row: Tensor) -> Tensor:
        """Return `log_z`; what backward needs is p, q and the bag of each row."""
        p = torch.sigmoid(log_odds.detach().to(torch.float64))
        q = torch.sigmoid(log_odds.detach().to(torch.float64) + message[:, 1] - message[:, 0])
        ctx.save_for_backward(torch.nan_to_num(q - p).to(log_odds.dtype), bag_of_row)
        return log_z.to(log_odds.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of Σ_g grad_g log Z_g."""
        difference, bag_of_row = ctx.saved_tensors
        return grads[0][bag_of_row] * difference, None, None, None


class JointLogZ(torch.autograd.Function):
    """log Z of each unit as a function of the log-prior, for E-steps computed outside torch: backward is q."""

    @staticmethod
    def forward(ctx: Any, log_prior: Tensor, q: Tensor, log_z: Tensor, unit_of_row: Tensor) -> Tensor:
        """Return `log_z`; its derivative with respect to log_prior[i, k] is q[i, k]."""
        ctx.save_for_backward(q, unit_of_row)
        return log_z.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradient of Σ_u grad_u log Z_u."""
        q, unit_of_row = ctx.saved_tensors
        return grads[0][unit_of_row].reshape(-1, *([1] * (q.ndim - 1))) * q, None, None, None


def log_z_of(function: Any, values: Tensor, *parts: Tensor) -> Tensor:
    """Return log Z as `function` (`CountLogZ` or `JointLogZ`) attaches it to the tape of `values`."""
    return function.apply(values, *parts)
