"""Votes of many sources: skill, difficulty, spammers, adversaries, copying, abstaining, uneven coverage, time.

A source answers class s to a row of class k with probability confusion[k, s]; a row of difficulty d is answered by
chance with probability d, so P(s | k) = (1 − d) · confusion[k, s] + d / K. A copying source takes over its leader's
answer with probability `copy_rate` wherever the leader was asked too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_class_count, as_codes, as_labels, same_length
from labelwright.noise.draws import coins, draw_by_row
from labelwright.noise.record import Corruption, Seed, share, start
from labelwright.noise.sources import Sources

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
BLOCK = 2**22


@dataclass(frozen=True, kw_only=True)
class SimulatedVotes(Corruption):
    """Votes in order of row, then source, and the truth about them; the rate is over answers.

    `row`, `source` int64 (v,); `value` int32 (v,), -1 = abstained; `seconds` float32 (v,); `copied` bool (v,) says
    which answers were taken over. `changed` lists the rows that got a wrong answer. `sources` is None for `glad_votes`.
    """

    row: Codes
    source: Codes
    value: NDArray[np.int32]
    seconds: NDArray[np.float32]
    copied: NDArray[np.bool_]
    sources: Sources | None


def ask_by_coverage(n_rows: int, coverage: ArrayLike, seed: Seed) -> tuple[Codes, Codes]:
    """Return (row, source) pairs, int64 (v,): source j is asked about each row with probability coverage[j]."""
    wanted = as_array("coverage", coverage, 1)
    rng, _ = start(seed, "ask_by_coverage")
    pieces = [coins(n_rows, rate, rng) for rate in wanted.tolist()]
    row = np.concatenate([np.empty(0, dtype=np.int64), *pieces])
    source = np.repeat(np.arange(len(wanted)), [len(piece) for piece in pieces])
    order = np.argsort(row, kind="stable")
    return row[order], source[order]


def ask_each(n_rows: int, n_sources: int, per_row: int, seed: Seed) -> tuple[Codes, Codes]:
    """Return (row, source) pairs, int64 (v,): every row is put to exactly `per_row` different sources.

    Examples
    --------
    >>> ask_each(2, n_sources=3, per_row=3, seed=0)
    (array([0, 0, 0, 1, 1, 1]), array([0, 1, 2, 0, 1, 2]))
    """
    if not 0 <= per_row <= n_sources:
        raise BadInput(f"{per_row} votes a row need as many sources, there are {n_sources}")
    rng, _ = start(seed, "ask_each")
    step = max(BLOCK // max(n_sources, 1), 1)
    chosen = [np.empty((0, per_row), dtype=np.int64)]
    for begin in range(0, n_rows, step):
        draw = rng.random((min(step, n_rows - begin), n_sources))
        chosen.append(np.sort(np.argsort(draw, axis=1)[:, :per_row], axis=1))
    return np.repeat(np.arange(n_rows), per_row), np.concatenate(chosen).ravel()


def cast_votes(
    labels: ArrayLike,
    sources: Sources,
    seed: Seed,
    difficulty: ArrayLike = 0.0,
    asked: tuple[ArrayLike, ArrayLike] | None = None,
) -> SimulatedVotes:
    """Let sources vote on rows of known truth; rows labelled -1 get no votes.

    Parameters
    ----------
    labels : int array (n,)
    sources : Sources
    seed : int or numpy.random.Generator
    difficulty : float or float array (n,), default 0
        In [0, 1]; 1 = every answer is a guess.
    asked : pair of int arrays (v,), optional
        Which row is put to which source, each pair once; by default `ask_by_coverage` with the sources' coverage.

    Examples
    --------
    >>> votes = cast_votes([0, 1], Sources.skilled([1.0, 1.0], n_classes=2), seed=0)
    >>> votes.row, votes.source, votes.value
    (array([0, 0, 1, 1]), array([0, 1, 0, 1]), array([0, 0, 1, 1], dtype=int32))

    Source: block `simulate` of the consensus cards [P121].
    """
    k, m = sources.n_classes, len(sources)
    y = as_labels("labels", labels, k)
    hard = _per_row("difficulty", difficulty, len(y))
    if ((hard < 0) | (hard > 1)).any():
        raise BadInput("difficulty must lie in [0, 1]")
    rng, recorded = start(seed, "votes")
    row, source = _pairs(asked, len(y), m) if asked is not None else ask_by_coverage(len(y), sources.coverage, rng)
    keep = y[row] >= 0
    row, source = row[keep], source[keep]
    value = draw_by_row(sources.confusion.reshape(m * k, k), source * k + y[row], rng)
    guess = rng.random(len(row)) < hard[row]
    value[guess] = rng.integers(0, k, size=int(guess.sum()))
    value[rng.random(len(row)) < sources.abstain[source]] = -1
    right = (1 - hard[row]) * sources.confusion[source, y[row], y[row]] + hard[row] / k
    copied, led = _copying(row, source, sources, rng)
    value[copied] = value[led]
    at, of = _led(row, source, sources)
    rate = sources.copy_rate[source[at]]
    expected = right.copy()
    expected[at] = (1 - rate) * right[at] + rate * right[of]
    seconds = _seconds(sources.mean_seconds[source], hard[row], rng)
    return _record(y, row, source, value, seconds, copied, expected, "votes", recorded, sources)


def glad_votes(
    labels: ArrayLike,
    skill: ArrayLike,
    easiness: ArrayLike,
    n_classes: int,
    seed: Seed,
    coverage: ArrayLike = 1.0,
) -> SimulatedVotes:
    """Let sources vote as in GLAD: right with probability sigmoid(skill_j · exp(easiness_i)), else evenly wrong.

    Parameters
    ----------
    labels : int array (n,)
    skill : float array (m,)
        0 = coin toss, negative = adversary.
    easiness : float or float array (n,)
        Log scale.
    n_classes : int, at least 2
    seed : int or numpy.random.Generator
    coverage : float or float array (m,), default 1

    Source: Whitehill et al., Whose vote should count more, NeurIPS 2009 [P121].
    """
    y, alpha = as_labels("labels", labels, n_classes), as_array("skill", skill, 1)
    beta = _per_row("easiness", easiness, len(y))
    as_class_count(n_classes, 2)
    rng, recorded = start(seed, "glad")
    row, source = ask_by_coverage(len(y), np.broadcast_to(np.asarray(coverage, dtype=np.float64), alpha.shape), rng)
    keep = y[row] >= 0
    row, source = row[keep], source[keep]
    with np.errstate(over="ignore"):  # an infinite product is a certain answer
        right = expit(alpha[source] * np.exp(np.minimum(beta[row], 700)))
    other = (y[row] + rng.integers(1, n_classes, size=len(row))) % n_classes
    value = np.where(rng.random(len(row)) < right, y[row], other)
    seconds = _seconds(np.full(len(row), 10.0), expit(-beta[row]), rng)
    copied = np.zeros(len(row), dtype=bool)
    return _record(y, row, source, value, seconds, copied, right, "glad", recorded, None)


def _per_row(name: str, values: ArrayLike, n: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    rows = np.full(n, float(array)) if array.ndim == 0 else as_array(name, array, 1)
    if not np.isfinite(rows).all():
        raise BadInput(f"{name} holds NaN or infinity")
    if len(rows) != n:
        raise BadInput(f"{name} has {len(rows)} rows but labels has {n}")
    return rows


def _pairs(asked: tuple[ArrayLike, ArrayLike], n: int, m: int) -> tuple[Codes, Codes]:
    row, source = as_codes("asked rows", asked[0]), as_codes("asked sources", asked[1])
    same_length(**{"asked rows": row, "asked sources": source})
    if len(row) and (min(row.min(), source.min()) < 0 or row.max() >= n or source.max() >= m):
        raise BadInput(f"asked names rows or sources beyond the {n} rows and {m} sources")
    key = np.sort(row * m + source)
    if (np.diff(key) == 0).any():
        raise BadInput("asked puts a row to the same source twice")
    row, source = np.divmod(key, max(m, 1))
    return row, source


def _led(row: Codes, source: Codes, sources: Sources) -> tuple[Codes, Codes]:
    """Return the votes whose source has a leader who was asked about the same row, and the leaders' votes."""
    at = np.flatnonzero(sources.leader[source] >= 0)
    key = row * len(sources) + source
    wanted = row[at] * len(sources) + sources.leader[source[at]]
    of = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    there = key[of] == wanted
    return at[there], of[there]


def _copying(row: Codes, source: Codes, sources: Sources, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Codes]:
    at, of = _led(row, source, sources)
    taken = rng.random(len(at)) < sources.copy_rate[source[at]]
    copied = np.zeros(len(row), dtype=bool)
    copied[at[taken]] = True
    return copied, of[taken]


def _seconds(mean: Floats, hard: Floats, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw log-normal times (sd of the log 0.5) whose mean is `mean`, up to twice that for the hardest rows."""
    return (mean * (1 + hard) * np.exp(rng.normal(-0.125, 0.5, size=len(mean)))).astype(np.float32)


def _record(
    y: Codes,
    row: Codes,
    source: Codes,
    value: Codes,
    seconds: NDArray[np.float32],
    copied: NDArray[np.bool_],
    right: Floats,
    kind: str,
    seed: int | None,
    sources: Sources | None,
) -> SimulatedVotes:
    answered = value >= 0
    wrong = answered & (value != y[row])
    return SimulatedVotes(
        row=row,
        source=source,
        value=value.astype(np.int32),
        seconds=seconds,
        copied=copied,
        sources=sources,
        kind=kind,
        requested_rate=float(1 - right[answered].mean()) if answered.any() else float("nan"),
        realised_rate=share(np.count_nonzero(wrong), np.count_nonzero(answered)),
        changed=np.flatnonzero(np.bincount(row[wrong], minlength=len(y))),
        seed=seed,
    )
