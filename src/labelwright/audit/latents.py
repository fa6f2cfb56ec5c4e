"""What a confident joint says of the unseen truth: its class shares, and the noise in both directions.

With C[s, y] rows given s and counted in y, and p(s) the share of each given label:

    noise matrix    N[s, y] = C[s, y] / Σ_s C[s, y]        given label s when the truth is y; columns sum to 1
    inverse         M[y, s] = C[s, y] / Σ_y C[s, y]        truth y when s is given; columns sum to 1
    class shares    p(y)    = M[y, y] / N[y, y] · p(s = y), scaled to sum 1 ("cnt"); or the share of counts
                              ("marginal"), N⁻¹ p(s) ("eqn"), M p(s) ("marginal_ps")

These matrices keep the drop-in orientation; `estimate_noise` gives rows = truth.

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import compute_confident_joint
from labelwright.audit.probabilities import as_labels
from labelwright.errors import BadInput, did_you_mean, quoted

PY_METHODS = ("cnt", "eqn", "marginal", "marginal_ps")
TINY, LEAST_SHARE, MOST_NOISE = 1e-100, 1e-6, 0.9999


class Latents(NamedTuple):
    """Class shares of the truth (K,), noise matrix (K, K) and inverse noise matrix (K, K)."""

    py: NDArray[np.float64]
    noise_matrix: NDArray[np.float64]
    inverse_noise_matrix: NDArray[np.float64]


def estimate_latent(
    confident_joint: ArrayLike,
    labels: ArrayLike,
    *,
    py_method: str = "cnt",
    converge_latent_estimates: bool = False,
) -> Latents:
    """Return class shares of the truth, noise matrix and inverse noise matrix.

    Parameters
    ----------
    confident_joint : shape (K, K), rows = given, columns = truth
    labels : int, shape (n,), in [0, K)
    py_method : {"cnt", "eqn", "marginal", "marginal_ps"}
    converge_latent_estimates : bool
        Repeat Bayes' rule between the three until they agree.

    Examples
    --------
    >>> estimate_latent([[9, 1], [0, 10]], [0] * 10 + [1] * 10).py
    array([0.45, 0.55])
    """
    counts = np.asarray(confident_joint, dtype=np.float64)
    given = as_labels(labels, len(counts))
    ps = np.bincount(given, minlength=len(counts)) / len(given)
    truth_counts = counts.sum(axis=0)
    noise = counts / np.maximum(truth_counts, TINY)
    inverse = counts.T / np.maximum(counts.sum(axis=1), TINY)
    py = _class_shares(ps, noise, inverse, py_method, truth_counts)
    noise, inverse = _as_rates(noise), _as_rates(inverse)
    if converge_latent_estimates:
        for _ in range(3):
            for _ in range(5):
                inverse = inverse_noise_matrix(py, noise, ps)
                py = _class_shares(ps, noise, inverse, "cnt", truth_counts)
            noise = _as_rates((inverse * ps).T / np.maximum(py, TINY))
        py = np.clip(py, 1e-5, 1.0)
        py, noise, inverse = py / py.sum(), _as_rates(noise), _as_rates(inverse)
    return Latents(py, noise, inverse)


def estimate_py_and_noise_matrices_from_probabilities(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    thresholds: ArrayLike | None = None,
    converge_latent_estimates: bool = True,
    py_method: str = "cnt",
    calibrate: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return class shares, noise matrix, inverse noise matrix and the confident joint that they come from.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    thresholds, calibrate
        As in `compute_confident_joint`.
    converge_latent_estimates, py_method
        As in `estimate_latent`.

    Returns
    -------
    float64 (K,), (K, K) and (K, K), int64 (K, K)

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]]
    >>> estimate_py_and_noise_matrices_from_probabilities([0, 0, 1, 1], probs)[0]
    array([0.5, 0.5])
    """
    joint = compute_confident_joint(labels, pred_probs, thresholds=thresholds, calibrate=calibrate)
    latents = estimate_latent(joint, labels, py_method=py_method, converge_latent_estimates=converge_latent_estimates)
    return (*latents, joint)


def inverse_noise_matrix(
    py: NDArray[np.float64], noise_matrix: NDArray[np.float64], ps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return truth given the label, (K, K) with columns that sum to 1, by Bayes' rule."""
    return _as_rates((noise_matrix * py).T / np.maximum(ps, TINY))


def _class_shares(
    ps: NDArray[np.float64],
    noise: NDArray[np.float64],
    inverse: NDArray[np.float64],
    method: str,
    truth_counts: NDArray[np.float64],
) -> NDArray[np.float64]:
    if method == "cnt":
        py = inverse.diagonal() / np.maximum(noise.diagonal(), TINY) * ps
    elif method == "eqn":
        py = np.linalg.inv(noise) @ ps
    elif method == "marginal":
        py = truth_counts / max(truth_counts.sum(), TINY)
    elif method == "marginal_ps":
        py = inverse @ ps
    else:
        raise BadInput(f"{quoted(method)} is no py_method", fix=did_you_mean(str(method), PY_METHODS))
    clipped = np.clip(py, LEAST_SHARE, 1.0)
    return np.asarray(clipped / max(clipped.sum(), TINY))


def _as_rates(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep noise rates below 1 and columns summing to 1."""
    rates = np.clip(matrix, 0.0, MOST_NOISE)
    np.fill_diagonal(rates, matrix.diagonal())
    return rates / np.maximum(rates.sum(axis=0), TINY)
