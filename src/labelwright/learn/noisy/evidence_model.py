"""How every kind of evidence speaks in a training batch, with noise that is known or learnt beside the network.

Rows' evidence whose noise is fixed becomes one table of log-likelihoods, worked out once. Evidence whose noise is
learnt (labels with a transition matrix T, votes with a confusion matrix C_a a source) is looked up each step, so that
gradients reach T and C_a. Groups (bags, pairs) condition what the rows say. One posterior comes out:

    q ∝ p(y | x) · Π_parts P(evidence | y; noise), then the groups;      log Z = log Σ p · Π_parts P(...)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, GroupEvidence, Hard, Mixed, RowEvidence, Tags, Votes, posterior
from labelwright.nn.batch import Batch

SMOOTHING = 1e-3  # share of a flat likelihood where evidence may contradict itself
PRIOR_VOTES = 4.0  # a source's confusion starts from its agreement with the majority and this many supposed votes


@dataclass(frozen=True, eq=False)
class LearntNoise:
    """Noise to be learnt beside the network.

    Parameters
    ----------
    start : float or array (K, S), default 0.1
        The transition matrix to start from (rows = truth, columns = observed), or the share of wrong labels in one
        whose errors are spread evenly. For votes it is the same start for every source, moved towards how often the
        source agrees with the majority.
    """

    start: float | ArrayLike = 0.1

    def matrix(self, n_classes: int, n_symbols: int) -> NDArray[np.float64]:
        """Return the starting matrix (K, S)."""
        if isinstance(self.start, int | float):
            if not 0 < self.start < 1:
                raise BadInput(f"the learnt noise starts at {self.start}", fix="choose a share between 0 and 1")
            even = np.full((n_classes, n_symbols), self.start / max(n_symbols - 1, 1))
            np.fill_diagonal(even, 1 - self.start)
            return even / even.sum(axis=1, keepdims=True)
        matrix = np.asarray(self.start, dtype=np.float64)
        if matrix.shape != (n_classes, n_symbols) or (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1):
            raise BadInput(f"the starting matrix has shape {matrix.shape}", fix="rows = truth, each summing to 1")
        return matrix


class LearntLabels(nn.Module):
    """Hard labels read through a learnt transition matrix T = softmax(W)."""

    labels: Tensor

    def __init__(self, labels: NDArray[np.integer], start: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("labels", torch.as_tensor(labels.astype(np.int64)), persistent=False)
        self.logits = nn.Parameter(torch.as_tensor(np.log(np.maximum(start, 1e-6)), dtype=torch.float32))

    @property
    def transition_matrix(self) -> Tensor:
        """T (K, S), rows = truth, columns = observed."""
        return self.logits.softmax(dim=1)

    def forward(self, batch: Batch) -> Tensor:
        """Return log T[:, s] of each row (b, K); 0 for unlabelled rows."""
        labels = self.labels[batch.index]
        said = self.logits.log_softmax(dim=1).T[labels.clamp_min(0)]
        return said * (labels >= 0)[:, None]


class LearntVotes(nn.Module):
    """Votes read through a learnt confusion matrix a source."""

    def __init__(self, votes: Votes, rows: NDArray[np.int64], n_rows: int, start: NDArray[np.float64]) -> None:
        super().__init__()
        cast = np.flatnonzero(votes.value >= 0)  # an abstention says nothing
        row = rows[votes.row[cast]]
        order = cast[np.argsort(row, kind="stable")]
        self._offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))])
        self._source = votes.source[order].astype(np.int64)
        self._value = votes.value[order].astype(np.int64)
        self._weight = _weights(votes)[order].astype(np.float32)
        tables = _source_starts(votes, start)
        self.logits = nn.Parameter(torch.as_tensor(np.log(np.maximum(tables, 1e-6)), dtype=torch.float32))

    @property
    def confusion(self) -> Tensor:
        """C (A, K, S): of each source, rows = truth, columns = vote."""
        return self.logits.softmax(dim=2)

    def forward(self, batch: Batch) -> Tensor:
        """Return Σ over a row's votes of weight · log C_a[:, v], (b, K)."""
        lengths = self._offsets[batch.rows + 1] - self._offsets[batch.rows]
        row = np.repeat(np.arange(len(batch.rows)), lengths)
        entry = np.arange(len(row)) + np.repeat(self._offsets[batch.rows] - np.cumsum(lengths) + lengths, lengths)
        log_c = self.logits.log_softmax(dim=2)
        device = log_c.device
        source, value = (torch.from_numpy(a[entry]).to(device) for a in (self._source, self._value))
        said = log_c[source, :, value] * torch.from_numpy(self._weight[entry]).to(device)[:, None]
        out = torch.zeros(len(batch.rows), log_c.shape[1], device=device)
        return out.index_add(0, torch.from_numpy(row).to(device), said)


class EvidenceModel(nn.Module):
    """The likelihood of a data set's evidence, batch by batch.

    Parameters
    ----------
    evidence : Evidence
        Of classes, of any kind.
    noise : optional
        As `posterior` takes it, one entry a part for `Mixed`; an entry may be a `LearntNoise`. By default votes, and
        hard labels that are the only evidence, have learnt noise; hard labels in a mixture are trusted.
    n_classes : int
    """

    log_likelihood: Tensor | None
    speaks: Tensor  # rows with evidence of their own or in a group
    noisy: Tensor  # rows whose evidence has learnt noise

    def __init__(self, evidence: Evidence, noise: Any, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        parts, maps, noises = _parts(evidence, noise)
        if any(isinstance(part, Tags) for part in parts):
            raise BadInput("these labels are tags: a row may have several", fix="use an objective for tags")
        learnt: list[nn.Module] = []
        fixed: list[tuple[RowEvidence, NDArray[np.int64], Any]] = []
        for part, rows, own in zip(parts, maps, noises, strict=True):
            if isinstance(own, LearntNoise):
                learnt += _learnt(part, rows, len(evidence), own, n_classes)
            elif isinstance(part, RowEvidence):
                fixed.append((part, rows, own))
        self.learnt = nn.ModuleList(learnt)
        self.groups = tuple(
            part.placed(rows, len(evidence))
            for part, rows in zip(parts, maps, strict=True)
            if isinstance(part, GroupEvidence)
        )
        table = _fixed_table(fixed, len(evidence))
        self.register_buffer("log_likelihood", table, persistent=False)
        noisy = np.zeros(len(evidence), dtype=bool)
        heard = noisy.copy() if table is None else (np.ptp(table.numpy(), axis=1) > 0)
        for part, rows, own in zip(parts, maps, noises, strict=True):
            if isinstance(part, GroupEvidence):
                units = part.units()
                heard[rows[np.bincount(units)[units] > 1]] = True
            elif isinstance(own, LearntNoise):
                assert isinstance(part, Hard | Votes)
                noisy[rows[part.labels >= 0] if isinstance(part, Hard) else rows[part.row[part.value >= 0]]] = True
        self.register_buffer("speaks", torch.from_numpy(heard | noisy), persistent=False)
        self.register_buffer("noisy", torch.from_numpy(noisy), persistent=False)

    def rows(self, batch: Batch) -> Tensor:
        """Return the summed log-likelihood of the rows' own evidence, (b, K); zeros where there is none."""
        if self.log_likelihood is None:
            total = torch.zeros(len(batch), self.n_classes, device=batch.index.device)
        else:
            total = self.log_likelihood[batch.index]
        for part in self.learnt:
            total = total + part(batch)
        return total

    def posterior(
        self, log_p: Tensor, batch: Batch, likelihood: Tensor | None = None, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return q and log Z of a batch.

        Parameters
        ----------
        log_p : Tensor (b, K)
            The network's log-probabilities.
        batch : Batch
        likelihood : Tensor (b, K), optional
            What `rows` gave, when it is at hand.
        weight : Tensor (b,), optional
            Of each row; a group weighs the mean of its rows.

        Returns
        -------
        tuple of Tensor
            q (b, K), detached, and the weighted sum of log Z over units divided by b, with its gradient.
        """
        joint = log_p + (self.rows(batch) if likelihood is None else likelihood)
        log_z = joint.logsumexp(dim=1)
        own = log_z if weight is None else log_z * weight
        if not self.groups:
            return (joint - log_z[:, None]).exp().detach(), own.mean()
        evidence: Evidence = self.groups[0] if len(self.groups) == 1 else Mixed.of(*self.groups)
        taken = evidence.take(batch.rows)
        answer = posterior(joint - log_z[:, None], taken)
        group = answer.log_z
        if weight is not None:
            unit = torch.from_numpy(np.array(taken.units())).to(weight.device)
            rows = torch.bincount(unit, minlength=len(group))
            group = group * torch.bincount(unit, weight.double(), minlength=len(group)).to(group) / rows
        return answer.q.to(log_p.dtype), (own.sum() + group.sum()) / len(batch)

    def transition_matrices(self) -> tuple[NDArray[np.float32], ...]:
        """Return what was learnt: T (K, S) of each labels part, C (A, K, S) of each votes part."""
        parts: list[Any] = list(self.learnt)
        found = [part.transition_matrix if isinstance(part, LearntLabels) else part.confusion for part in parts]
        return tuple(np.asarray(matrix.detach().cpu()) for matrix in found)


def _parts(evidence: Evidence, noise: Any) -> tuple[Sequence[Evidence], Sequence[NDArray[np.int64]], Sequence[Any]]:
    """Return parts, their rows, and the noise of each with the defaults filled in."""
    if isinstance(evidence, Mixed):
        given: Sequence[Any] = (None,) * len(evidence.parts) if noise is None else tuple(noise)
        if len(given) != len(evidence.parts):
            raise BadInput("noise is not one entry a part", fix=f"pass a list of {len(evidence.parts)}")
        filled = [
            LearntNoise(0.2) if n is None and isinstance(p, Votes) else n
            for p, n in zip(evidence.parts, given, strict=True)
        ]
        return evidence.parts, evidence.rows, filled
    if noise is None and isinstance(evidence, Hard | Votes):
        noise = LearntNoise(0.1 if isinstance(evidence, Hard) else 0.2)
    return (evidence,), (np.arange(len(evidence)),), (noise,)


def _learnt(
    part: Evidence, rows: NDArray[np.int64], n_rows: int, noise: LearntNoise, n_classes: int
) -> list[nn.Module]:
    if isinstance(part, Votes):
        return [LearntVotes(part, rows, n_rows, noise.matrix(n_classes, part.n_classes))]
    if not isinstance(part, Hard):
        raise BadInput(f"the noise of {type(part).__name__} cannot be learnt", fix="give it, or None where trusted")
    start = noise.matrix(n_classes, part.n_classes)
    modules: list[nn.Module] = []
    left = np.arange(len(rows))
    while len(left):  # a part may speak twice about a row: one column of labels each time
        first = np.unique(rows[left], return_index=True)[1]
        labels = np.full(n_rows, -1)
        labels[rows[left[first]]] = part.labels[left[first]]
        modules.append(LearntLabels(labels, start))
        left = np.delete(left, first)
    for again in modules[1:]:
        again.logits = modules[0].logits
    return modules


def _fixed_table(fixed: Sequence[tuple[RowEvidence, NDArray[np.int64], Any]], n_rows: int) -> Tensor | None:
    if not fixed:
        return None
    mixture = Mixed(tuple(f[0] for f in fixed), tuple(f[1] for f in fixed), n_rows)
    table = mixture.log_likelihood([f[2] for f in fixed])
    table = table - table.max(axis=1, keepdims=True)
    return torch.as_tensor(np.maximum(table, math.log(1e-30)), dtype=torch.float32)


def _weights(votes: Votes) -> NDArray[np.float64]:
    assert votes.weight is not None  # filled in when the votes were made
    return votes.weight


def _source_starts(votes: Votes, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a starting confusion a source: `start` moved to the share of its votes that agree with the majority."""
    n_classes, n_symbols = start.shape
    said = votes.value >= 0
    row, source, value, weight = votes.row[said], votes.source[said], votes.value[said], _weights(votes)[said]
    shares = votes.counts()
    own = shares[row, value] - weight  # what the others say, so that no source agrees with itself
    others = shares.sum(axis=1)[row] - weight
    heard = others > 0
    agrees = np.bincount(source[heard], (own / np.maximum(others, 1e-9) * weight)[heard], minlength=votes.n_sources)
    cast = np.bincount(source[heard], weight[heard], minlength=votes.n_sources)
    supposed = float(np.diag(start[:, :n_classes]).mean())
    accuracy = (agrees + PRIOR_VOTES * supposed) / (cast + PRIOR_VOTES)
    floor = 1 / n_symbols
    skill = np.clip((accuracy - floor) / max(supposed - floor, 1e-6), 0.0, (0.99 - floor) / max(supposed - floor, 1e-6))
    even = np.full_like(start, floor)
    return even + skill[:, None, None] * (start - even)
