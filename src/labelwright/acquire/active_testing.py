"""Active testing: the error of a model from few test labels, unbiased, with an interval.

Test rows are drawn one after another without replacement, row i with chance q_m(i) ∝ a_i among those left, where a_i
guesses the loss. Loss m is then weighted so that nothing of this choice remains in the estimate:

    v_m = 1 + (N − M)/(N − m) · ( 1/((N − m + 1) q_m) − 1 ),       R = (1/M) Σ_m v_m L_m        (v = 1 for M = N)

R is a weighted mean of Z_m = L_m/(N q_m) + (1/N) Σ_{t<m} L_t, each unbiased given what came before, with weights
c_m = N (N − M) / (M (N − m)(N − m + 1)) that sum to 1; so its variance is that of a martingale, Σ_m c_m² (Z_m − R)².

The best a_i is the loss that is truly expected, under a surrogate that errs elsewhere than the model:
a_i = Σ_c p_s(c | x_i) · loss(c, f(x_i)).

Source: Kossen, Farquhar, Gal and Rainforth, Active testing: sample-efficient model evaluation, ICML 2021 [P107].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Floats, Pool, Seed, Selection, checked_budget
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_probs, as_vector, same_length
from labelwright.metrics.intervals import Interval, clopper_pearson

TINY = 1e-12


def cross_entropy_by_class(pred_probs: ArrayLike) -> Floats:
    """Return the model's loss in nats for each class that might be true, −log p_f(c | x), float64 (n, K)."""
    return np.asarray(-np.log(np.maximum(as_probs("pred_probs", pred_probs), TINY)))


def zero_one_by_class(pred_probs: ArrayLike) -> Floats:
    """Return 1 where the model would err if a class were true, else 0, float64 (n, K)."""
    probs = as_probs("pred_probs", pred_probs)
    return 1.0 - np.eye(probs.shape[1])[probs.argmax(axis=1)]


def expected_loss_acquisition(surrogate_probs: ArrayLike, loss_by_class: ArrayLike, floor: float = 0.1) -> Floats:
    """Return the expected loss of each row under the surrogate, kept away from 0, float64 (n,).

    Parameters
    ----------
    surrogate_probs : float array (n, K)
        p_s of another model; the model that is tested knows least of its own errors.
    loss_by_class : float array (n, K)
        Loss of the tested model if each class were true: `cross_entropy_by_class`, `zero_one_by_class` or your own, at
        least 0.
    floor : float, default 0.1
        No row's chance is below this share of an even draw's, in (0, 1]: a row that cannot be drawn would leave a bias.

    Examples
    --------
    >>> expected_loss_acquisition([[0.9, 0.1], [0.5, 0.5]], zero_one_by_class([[0.8, 0.2], [0.7, 0.3]])).round(2)
    array([0.1, 0.5])

    Source: [P107].
    """
    p, loss = as_probs("surrogate_probs", surrogate_probs), as_array("loss_by_class", loss_by_class, 2)
    if p.shape != loss.shape:
        raise BadInput(f"surrogate_probs has shape {p.shape} but loss_by_class {loss.shape}")
    return kept_positive((p * loss).sum(axis=1), floor)


def expected_squared_error(
    surrogate_mean: ArrayLike, surrogate_variance: ArrayLike, prediction: ArrayLike, noise: float = 0.0,
    floor: float = 0.1,
) -> Floats:  # fmt: skip
    """Return (μ_s − μ_f)² + var_s + noise, float64 (n,), kept away from 0 as in `expected_loss_acquisition`. [P107].

    Parameters
    ----------
    surrogate_mean, surrogate_variance, prediction : float array (n,)
        Mean and variance of the surrogate, and what the tested model predicts, in units of the target.
    noise : float, default 0.0
        Variance of the target around its mean.
    """
    mean, variance = as_vector("surrogate_mean", surrogate_mean), as_vector("surrogate_variance", surrogate_variance)
    guess = as_vector("prediction", prediction)
    same_length(surrogate_mean=mean, surrogate_variance=variance, prediction=guess)
    return kept_positive((mean - guess) ** 2 + variance + noise, floor)


def kept_positive(scores: Floats, floor: float) -> Floats:
    """Return scores that are at least `floor` times their mean; BadInput for a negative score or floor outside (0, 1].

    Examples
    --------
    >>> kept_positive(np.array([0.0, 2.0]), 0.1)
    array([0.1, 2. ])
    """
    if not 0 < floor <= 1:
        raise BadInput(f"floor is {floor}", fix="choose it in (0, 1]")
    if len(scores) and scores.min() < 0:
        raise BadInput("an expected loss is negative", where=f"row {int(scores.argmin())}", fix="shift the loss")
    mean = float(scores.mean()) if len(scores) else 0.0
    return np.maximum(scores, floor * mean) if mean > 0 else np.ones(len(scores))


def draw_in_sequence(scores: ArrayLike, size: int, rng: Seed) -> tuple[NDArray[np.int64], Floats]:
    """Return `size` different rows drawn one after another in proportion to `scores`, and the chance q_m of each draw.

    Parameters
    ----------
    scores : float array (n,)
        Above 0.
    size : int
        At most n.
    rng : int or numpy.random.Generator

    Notes
    -----
    All draws are made at once: the order of exponential waiting times E_i / a_i is that of the draws.
    """
    a = as_vector("scores", scores)
    if (a <= 0).any():
        raise BadInput("a score is not above 0", where=f"row {int(np.argmin(a))}", fix="use kept_positive")
    order = np.argsort(as_generator(rng).standard_exponential(len(a)) / a, kind="stable")
    left = np.cumsum(a[order][::-1])[::-1]
    return order[:size].astype(np.int64), (a[order] / left)[:size]


def lure_weights(probability: ArrayLike, n_pool: int) -> Floats:
    """Return v_m for draws with chances `probability` (M,) from `n_pool` rows, float64 (M,); 1 for even draws. [P107].

    Examples
    --------
    >>> lure_weights([1 / 4, 1 / 3], n_pool=4)
    array([1., 1.])
    """
    q, n, size = _drawn(probability, n_pool)
    if size == n:
        return np.ones(size)
    m = np.arange(1, size + 1)
    return np.asarray(1 + (n - size) / (n - m) * (1 / ((n - m + 1) * q) - 1))


def pure_weights(probability: ArrayLike, n_pool: int) -> Floats:
    """Return the older unbiased weights 1/(N q_m) + (M − m)/N, float64 (M,): the mark that LURE beats. [P107]."""
    q, n, size = _drawn(probability, n_pool)
    return np.asarray(1 / (n * q) + (size - np.arange(1, size + 1)) / n)


def naive_weights(probability: ArrayLike, n_pool: int) -> Floats:
    """Return 1/(N q_m), float64 (M,): biased, because rows are drawn without replacement; a mark to beat. [P107]."""
    q, n, _ = _drawn(probability, n_pool)
    return np.asarray(1 / (n * q))


def _drawn(probability: ArrayLike, n_pool: int) -> tuple[Floats, int, int]:
    q = as_vector("probability", probability)
    if not 1 <= len(q) <= n_pool:
        raise BadInput(f"{len(q)} draws from {n_pool} rows", fix="give the chance of each draw, in their order")
    if ((q <= 0) | (q > 1 + 1e-9)).any():
        raise BadInput("a chance is outside (0, 1]", where=f"draw {int(np.argmax((q <= 0) | (q > 1)))}")
    return q, int(n_pool), len(q)


@dataclass(frozen=True, eq=False)
class RiskEstimate:
    """A mean loss over the pool, its 95 % interval and the weights behind it, float64 (M,)."""

    interval: Interval
    standard_error: float
    weights: Floats


def estimate_risk(losses: ArrayLike, probability: ArrayLike, n_pool: int) -> RiskEstimate:
    """Return the unbiased mean loss over a pool of `n_pool` rows from rows that were drawn in sequence.

    Parameters
    ----------
    losses : float array (M,)
        In the order of the draws.
    probability : float array (M,)
        q_m of each draw, as `Selection.probability` has it.
    n_pool : int
        N, rows that were open at the first draw.

    Notes
    -----
    The interval is Student's t with the martingale's variance. Where all losses seen are 0, or all 1, it is what M even
    draws would prove (Clopper-Pearson): few labels without an error do not make the error 0. A loss without such bounds
    has no interval while all losses seen are equal.

    Examples
    --------
    >>> estimate_risk([0.0, 1.0], [0.25, 1 / 3], n_pool=4).interval.estimate
    0.5

    Source: [P107].
    """
    from scipy.special import stdtrit

    loss = as_vector("losses", losses)
    q, n, size = _drawn(probability, n_pool)
    same_length(losses=loss, probability=q)
    v = lure_weights(q, n)
    risk = float((v * loss).mean())
    if size == n:
        return RiskEstimate(Interval(risk, risk, risk), 0.0, v)
    m = np.arange(1, size + 1)
    c = n * (n - size) / (size * (n - m) * (n - m + 1))
    z = loss / (n * q) + (np.cumsum(loss) - loss) / n
    correction = size / (size - 1) if size > 1 else 1.0
    error = float(np.sqrt(correction * (c**2 * (z - risk) ** 2).sum()))
    if np.ptp(loss) == 0:
        low, high = _ends_of_equal_losses(float(loss[0]), size)
    else:
        half = float(stdtrit(size - 1, 0.975)) * error
        low, high = risk - half, risk + half
    if loss.min() >= 0:
        low = max(low, float(loss.sum()) / n)  # what was seen is there
    if np.isin(loss, (0.0, 1.0)).all():
        high = min(high, (float(loss.sum()) + n - size) / n)
    return RiskEstimate(Interval(risk, min(low, risk), max(high, risk)), error, v)


def _ends_of_equal_losses(loss: float, size: int) -> tuple[float, float]:
    """Return what `size` even draws of a 0-1 loss prove; nothing is proven of a loss without bounds."""
    if loss in (0.0, 1.0):
        return clopper_pearson(round(loss * size), size)
    return float("-inf"), float("inf")


class ActiveTester:
    """Draws the test rows whose labels say most about a model's error.

    Parameters
    ----------
    surrogate_probs : float array (n, K), optional
        Of another model, for every row of the pool; the tested model's own by default, which is the weakest choice.
    loss_by_class : float array (n, K), optional
        As in `expected_loss_acquisition`; the 0-1 loss of `Pool.pred_probs` by default.
    floor : float, default 0.1

    Notes
    -----
    `Pool.pred_probs` are the tested model's. Rows come in the order of the draws, `probability` holds q_m and `score`
    the expected loss. Label them all and give the losses to `estimate_risk` in this order.

    Examples
    --------
    >>> pool = Pool(pred_probs=[[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    >>> drawn = ActiveTester([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2]]).select(pool, 2, rng=0)
    >>> len(drawn.rows), bool(drawn.probability.min() > 0)
    (2, True)

    Source: Kossen et al., ICML 2021 [P107].
    """

    def __init__(
        self, surrogate_probs: ArrayLike | None = None, loss_by_class: ArrayLike | None = None, floor: float = 0.1
    ) -> None:
        self.surrogate_probs, self.loss_by_class, self.floor = surrogate_probs, loss_by_class, floor

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order of the draws."""
        rows, probs = pool.open_rows, pool.need("pred_probs", self)
        surrogate = probs if self.surrogate_probs is None else as_probs("surrogate_probs", self.surrogate_probs)
        loss = zero_one_by_class(probs) if self.loss_by_class is None else np.asarray(self.loss_by_class)
        if len(surrogate) != pool.n_rows or len(loss) != pool.n_rows:
            raise BadInput(f"the pool has {pool.n_rows} rows, the surrogate {len(surrogate)}, the losses {len(loss)}")
        scores = expected_loss_acquisition(surrogate[rows], loss[rows], self.floor)
        drawn, chance = draw_in_sequence(scores, checked_budget(budget, len(rows)), rng)
        return Selection(rows[drawn], scores[drawn], probability=chance)
