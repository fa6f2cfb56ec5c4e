"""Candidate sets in training: the one E-step that all their methods share, and what they remember of each row.

A row says "one of these classes". With log-likelihood l_ij = 0 for candidates and log λ for the others (λ = 0: the set
is right), the weights of a row are the posterior of its hidden class,

    w_ij ∝ p_ij · exp(l_ij)          and the loss is −Σ_j w_ij log p_ij,  w detached.

Methods differ in where p comes from, when w moves and how fast. One gradient step on this loss is a step on the
marginal likelihood −log Σ_j p_ij exp(l_ij) when w is computed from the same p.

Source: Chen et al., Imprecise Label Learning, NeurIPS 2024 [P010]; block L2 of the partial-label methods.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from labelwright.errors import BadInput, quoted
from labelwright.nn import Objective, RowMemory, Stream, Task, unchanged
from labelwright.nn.targets import restrict

FLOOR = math.log(1e-12)


def candidate_loglik(candidates: Tensor, lam: float | Tensor = 0.0) -> Tensor:
    """Return 0 for candidates and log λ for other classes, float (b, K).

    Parameters
    ----------
    candidates : bool tensor (b, K)
    lam : float or scalar tensor, default 0.0
        Likelihood of a class outside the set against one inside, in [0, 1]; 0 rules it out.

    Examples
    --------
    >>> candidate_loglik(torch.tensor([[True, False]]), 1.0).tolist()
    [[0.0, 0.0]]
    """
    outside = torch.as_tensor(lam, dtype=torch.float32, device=candidates.device).log()
    return torch.where(candidates, torch.zeros_like(outside), outside)


def weights_from_loglik(log_p: Tensor, loglik: Tensor) -> Tensor:
    """Return the posterior weights exp(log p + l) of each row, normalised and detached, (b, K).

    Parameters
    ----------
    log_p : Tensor (b, K)
        Log-probabilities or logits of a model; any constant may be added to a row. Floored at log 1e-12.
    loglik : Tensor (b, K)
        Log-likelihood of the evidence under each class, −inf where it rules the class out.

    Raises
    ------
    BadInput
        When a row rules every class out.

    Examples
    --------
    >>> weights_from_loglik(torch.tensor([[0.25, 0.25, 0.5]]).log(), torch.tensor([[0.0, 0.0, -torch.inf]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    if bool(torch.isneginf(loglik).all(dim=1).any()):
        row = int(torch.isneginf(loglik).all(dim=1).nonzero()[0])
        raise BadInput("the evidence rules out every class", where=f"row {row} of the batch", fix="leave one possible")
    return (log_p.detach().log_softmax(dim=1).clamp_min(FLOOR) + loglik.to(log_p.dtype)).softmax(dim=1)


def candidates_of(task: Task) -> Tensor:
    """Return which classes each row may be, bool (n, K): candidate sets, or hard labels (-1 = any class)."""
    if "candidates" in task.fields:
        return task.fields["candidates"]
    if "labels" not in task.fields:
        kind = type(task.evidence).__name__
        raise BadInput(f"this method needs candidate sets, the evidence is {kind}", fix="pass Candidates")
    labels = task.labels
    return one_hot(labels.clamp_min(0), task.n_classes).bool() | (labels < 0)[:, None]


class CandidateObjective(Objective):
    """What the methods for candidate sets share: the sets that still stand, and the weights of each row.

    Parameters
    ----------
    views : sequence of {"x", "weak", "strong"}, default ("x",)
        How a batch is seen; a name may stand twice. The loss is the mean over the views.

    Attributes
    ----------
    allowed : RowMemory of bool (n, K)
        The candidates at this moment; a purifier strikes some out.
    weights : RowMemory (n, K)
        Even over the candidates at first.
    """

    def __init__(self, views: Sequence[str] = ("x",)) -> None:
        super().__init__()
        odd = [name for name in views if name not in ("x", "weak", "strong")]
        if odd or not views:
            raise BadInput(f"views are {quoted(list(views))}", fix="name x, weak or strong, at least one")
        self.views = tuple(views)

    def setup(self, task: Task) -> None:
        """Make the network and the memories."""
        candidates = candidates_of(task)
        self.net = task.new_net()
        self.allowed = RowMemory(task.n_rows, task.n_classes, dtype=torch.bool)
        self.allowed.values.copy_(candidates)
        self.weights = RowMemory(task.n_rows, task.n_classes)
        self.weights.values.copy_(restrict(torch.ones_like(self.weights.values), candidates))

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return the rows, each under all views."""
        named = {"x": unchanged, "weak": task.views.weak, "strong": task.views.strong}
        return {"train": task.stream(views={f"{name}_{i}": named[name] for i, name in enumerate(self.views)})}

    def loglik(self, index: Tensor) -> Tensor:
        """Return the log-likelihood of rows' candidates as they stand, (b, K)."""
        return candidate_loglik(self.allowed.read(index))

    def after_step(self, batch: Any, keep: Any) -> None:
        """Write the rows' new weights."""
        self.weights.write(batch["train"].index, keep)
