"""How sure may a label model be? Posteriors are flattened until they foretell held-out votes best.

Label models take the votes on a row as independent given its class. Where rows differ in difficulty they are not, and
posteriors are too sure. With q the posterior from the other votes and C_j the confusion matrix of source j,

    q_T(k) ∝ q(k)^(1/T)        T = argmax_{T ≥ 1} Σ_(held-out votes l of j on i) log Σ_k q_T,i(k) C_j[k, l]

No true label is looked at. Votes can tell that rows are harder than a model thinks; they cannot tell that a whole crowd
is wrong together. Known labels can: with enough of them the temperature is fitted to these.

Source: the temperature is that of Guo et al., ICML 2017; held-out votes in place of labels are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.base import LabelModel, confusion_matrices
from labelwright.consensus.table import VoteTable
from labelwright.metrics.calibration import apply_temperature, fit_temperature

Floats = NDArray[np.float64]
LEAST_PROBABILITY = 1e-3  # that a source is taken to give any answer with
FOLDS, ROUNDS = 5, 2
MOST_ROWS = 20_000
MOST_TEMPERATURE = 10.0
LEAST_KNOWN = 50  # known labels that a temperature is fitted to
_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Votes that were held out, and what a model says of their rows without them.

    Parameters
    ----------
    q : float64 (n, K)
        Posterior from the other votes.
    confusion : float64 (m, K, K)
        P(answer | class) of each source, rows = truth.
    seen : bool (n,)
        Rows with another vote.
    asked : VoteTable
        The votes held out.
    """

    q: Floats
    confusion: Floats
    seen: NDArray[np.bool_]
    asked: VoteTable

    @classmethod
    def of(cls, model: LabelModel, rest: VoteTable, asked: VoteTable) -> Self:
        """Return what a model fitted to the votes `rest` says of the votes `asked`."""
        confusion = np.maximum(confusion_matrices(model), LEAST_PROBABILITY)
        confusion = confusion / confusion.sum(axis=2, keepdims=True)
        return cls(model.posterior_table(rest), confusion, rest.covered(), asked)

    @classmethod
    def mean(cls, parts: Sequence[Self]) -> Self:
        """Return what several models say together of the same votes."""
        q = np.mean([part.q for part in parts], axis=0)
        return cls(q, np.mean([part.confusion for part in parts], axis=0), parts[0].seen, parts[0].asked)

    def log_probability(self, temperature: float = 1.0) -> float:
        """Return the summed log-probability of the held-out votes, rows with another vote tempered."""
        q = self.q
        if temperature != 1:
            q = np.where(self.seen[:, None], tempered(q, temperature), q)
        said = self.confusion[self.asked.source, :, self.asked.value]
        return float(np.log(np.maximum((q[self.asked.row()] * said).sum(axis=1), 1e-9)).sum())


def hold_out(table: VoteTable, rng: np.random.Generator) -> Iterator[tuple[VoteTable, VoteTable]]:
    """Yield two times the votes that stay and a fifth that is held out; none where there are too few votes."""
    fold = rng.integers(0, FOLDS, len(table.source))
    for held in range(ROUNDS):
        out = fold == held
        if out.any() and not out.all():
            yield table.keep(~out), table.keep(out)


def part_of_rows(
    table: VoteTable, gold: NDArray[np.int64], most: int, rng: np.random.Generator
) -> tuple[VoteTable, NDArray[np.int64]]:
    """Return the votes and known classes of at most `most` random rows."""
    if table.n_rows <= most:
        return table, gold
    chosen = np.zeros(table.n_rows, dtype=bool)
    chosen[rng.choice(table.n_rows, most, replace=False)] = True
    return table.keep(chosen[table.row()]), np.where(chosen, gold, -1)


def held_out_votes(
    make: Callable[[], LabelModel], table: VoteTable, gold: NDArray[np.int64], seed: int = 0
) -> tuple[HeldOut, ...]:
    """Return what models made by `make` say of held-out votes, each fitted to the rest."""
    rng = np.random.default_rng(seed)
    table, gold = part_of_rows(table, gold, MOST_ROWS, rng)
    return tuple(HeldOut.of(make().fit_table(rest, gold), rest, asked) for rest, asked in hold_out(table, rng))


def vote_temperature(parts: Sequence[HeldOut]) -> float:
    """Return the temperature in [1, 10] at which posteriors foretell held-out votes best; 1 without votes.

    Examples
    --------
    >>> asked = VoteTable(np.arange(5), np.zeros(4, np.int32), np.array([0, 0, 0, 1], np.int32), np.ones(4), 1, 2, 2)
    >>> sure = np.tile([0.99, 0.01], (4, 1))  # of rows whose next vote says the other class one time in four
    >>> round(vote_temperature([HeldOut(sure, np.eye(2)[None], np.ones(4, bool), asked)]), 2)
    4.18
    """
    from scipy.optimize import minimize_scalar

    if not parts:
        return 1.0
    most = np.log(MOST_TEMPERATURE)
    found = minimize_scalar(
        lambda log_t: -sum(part.log_probability(float(np.exp(log_t))) for part in parts),
        bounds=(0.0, most), method="bounded", options={"xatol": 1e-3},
    )  # fmt: skip
    best = {t: sum(part.log_probability(t) for part in parts) for t in (1.0, float(np.exp(found.x)), MOST_TEMPERATURE)}
    return max(best, key=lambda t: best[t])


def known_temperature(probs: Floats, known: NDArray[np.int64]) -> float:
    """Return the temperature in [1/10, 10] at which posteriors (n, K) foretell known classes (n,) best.

    A class that is known counts as (n + 1)/(n + 2) certain (Platt's correction), so that n rows without an error do not
    make everything certain.

    Examples
    --------
    >>> sure, known = np.tile([0.99, 0.01], (400, 1)), np.repeat([0, 0, 0, 1], 100)
    >>> tempered(sure[:1], known_temperature(sure, known)).round(2)
    array([[0.75, 0.25]])
    """
    n, k = probs.shape
    target = np.full((n, k), 1 / ((n + 2) * max(k - 1, 1)))
    target[np.arange(n), known] = (n + 1) / (n + 2)
    found = fit_temperature(np.log(np.maximum(probs, _FLOOR)), target)
    return float(np.clip(found, 1 / MOST_TEMPERATURE, MOST_TEMPERATURE))


def tempered(probs: Floats, temperature: float) -> Floats:
    """Return probabilities (n, K) ∝ p^(1/T).

    Examples
    --------
    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    return apply_temperature(np.log(np.maximum(probs, _FLOOR)), temperature)


def flattened(confusion: Floats, temperature: float) -> Floats:
    """Return P(answer | class) ∝ C^(1/T) of each source, float64 (m, K, K): what one more vote is worth at T."""
    m, k, s = confusion.shape
    return confusion if temperature == 1 else tempered(confusion.reshape(m * k, s), temperature).reshape(m, k, s)
