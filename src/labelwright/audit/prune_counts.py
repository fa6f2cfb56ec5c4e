"""How many rows of each pair (given, truth) the pruning filters flag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.joint_counts import JointCounts
from labelwright.errors import BadInput


def prune_counts(
    joint: JointCounts,
    label_counts: NDArray[np.int64],
    least: int = 1,
    frac_noise: float = 1.0,
    to_remove: Sequence[int] | None = None,
) -> JointCounts:
    """Turn a confident joint into counts of rows to flag.

    Parameters
    ----------
    joint : JointCounts
        Rows = given, columns = truth; usually calibrated.
    label_counts : int64, shape (K,)
        Rows of each given class.
    least : int
        Each class keeps this many rows: a smaller diagonal is raised, and the difference taken in equal parts from the
        other cells of the given class that are not zero.
    frac_noise : float
        Share of the off-diagonal counts to keep, in [0, 1]; the diagonal takes the rest.
    to_remove : sequence of int, length K, optional
        Rows of each class to flag in all, shared out in the proportions of the counts.
    """
    if joint.n_classes != len(label_counts):
        raise BadInput(
            f"confident_joint has {joint.n_classes} classes but pred_probs has {len(label_counts)}",
            fix="give a (K, K) matrix for the K columns of pred_probs",
        )
    counts = _scaled(_at_least(joint, least), frac_noise)
    return counts if to_remove is None else _shared_out(counts, label_counts, to_remove)


def _at_least(joint: JointCounts, least: int) -> JointCounts:
    raised = np.maximum(joint.diagonal, least)
    others = np.maximum(np.bincount(joint.given, joint.count != 0, joint.n_classes) - 1.0, 1.0)
    lower = ((raised - joint.diagonal) / others)[joint.given]
    count = np.maximum(joint.count - lower, 0.0)
    full = JointCounts(joint.given, joint.true, count, joint.n_classes).with_diagonal(0)
    on = full.given == full.true
    full.count[on] = raised[full.given[on]]
    return full


def _scaled(joint: JointCounts, frac_noise: float) -> JointCounts:
    kept = np.where(joint.given == joint.true, joint.count, joint.count * frac_noise)
    freed = np.bincount(joint.given, joint.count - kept, joint.n_classes)
    kept = np.where(joint.given == joint.true, kept + freed[joint.given], kept)
    return JointCounts(joint.given, joint.true, kept.astype(np.int64), joint.n_classes)


def _shared_out(counts: JointCounts, label_counts: NDArray[np.int64], to_remove: Sequence[int]) -> JointCounts:
    """Share a number of rows for each class among its cells; as in the reference code, truth by truth."""
    wanted = np.asarray(to_remove, dtype=np.float64)
    if wanted.shape != label_counts.shape:
        raise BadInput(f"num_to_remove_per_class has {wanted.size} entries", fix=f"give {len(label_counts)} numbers")
    by_truth = counts.dense().T.astype(np.float64)
    share = by_truth / by_truth.sum(axis=1)
    noise = share.sum(axis=1) - share.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        table = np.nan_to_num((share.T * wanted / noise).T, nan=0.0, posinf=0.0)
    np.fill_diagonal(table, label_counts - wanted)
    rounded = JointCounts.of_dense(table).rounded().dense()
    return JointCounts.of_dense(rounded.T).with_diagonal(0)
