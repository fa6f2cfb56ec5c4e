"""Signs that predicted probabilities are none, belong to other rows or columns, or come from the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, listed, quoted
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.numerals import percent

SUM_TOLERANCE = 1e-2
IN_SAMPLE = 0.995
MOST_CLASSES_TO_PERMUTE = 2000
SHIFTS = tuple(s for size in range(1, 6) for s in (size, -size))
_BLOCK = 1 << 20  # numbers
_SAMPLE = 10_000  # rows
_FEWEST = 50  # labelled rows below which agreement says little
_FIX_ORDER = "say which column is which class with --classes, or give a .parquet with class names"
_FIX_ROWS = "give a .parquet with an id column, so that rows are joined by id"


def check_pred_probs(values: NDArray[Any], labels: NDArray[Any], space: LabelSpace) -> tuple[str, ...]:
    """Check probabilities against the given labels.

    Parameters
    ----------
    values : array, shape (n, K)
    labels : array
        int (n,) with -1 = unlabelled, or int8 (n, K) tags with -1 = unknown.
    space : LabelSpace
        K classes.

    Returns
    -------
    warnings : tuple of str
        Agreement no better than chance, some columns that agree better when swapped, agreement above 99.5 % (the model
        saw these labels), hard predictions.

    Raises
    ------
    BadInput
        Wrong shape, NaN, logits, rows that do not sum to 1, and columns or rows that fit only in another order.

    Examples
    --------
    >>> check_pred_probs(np.array([[0.2, 0.7]]), np.array([0]), LabelSpace(("cat", "dog")))
    Traceback (most recent call last):
    labelwright.errors.BadInput: pred_probs row 0: the probabilities sum to 0.9. Fix: divide each row by its sum.
    """
    if values.ndim != 2 or values.shape[1] != len(space):
        raise BadInput(
            f"pred_probs has shape {values.shape} but labels name {len(space)} classes: {listed(space.names, 12)}",
            fix="give one column for each class",
        )
    if len(values) != len(labels):
        raise BadInput(
            f"pred_probs has {len(values)} rows but there are {len(labels)} labels",
            fix="give one row of probabilities for each row of the data",
        )
    if not len(values):
        return ()
    is_tags = labels.ndim == 2
    guess = _survey(values, is_tags)
    warnings = _flat_or_hard(values)
    about_labels = _check_tags(values, labels, space) if is_tags else _check_classes(guess, labels, space)
    return (*warnings, *about_labels)


def _survey(values: NDArray[Any], is_tags: bool) -> NDArray[np.int64]:
    """Read all values once, in blocks; return the likeliest class of each row, or raise at the first wrong value."""
    guess = np.empty(len(values), dtype=np.int64)
    step = max(1, _BLOCK // values.shape[1])
    for start in range(0, len(values), step):
        block = np.asarray(values[start : start + step])
        _refuse_what_is_no_probability(block, start, is_tags)
        guess[start : start + step] = block.argmax(axis=1)
    return guess


def _refuse_what_is_no_probability(values: NDArray[Any], start: int, is_tags: bool) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        row, column = (int(k) for k in np.argwhere(~finite)[0])
        raise BadInput(
            "is NaN or infinite",
            where=f"pred_probs row {start + row}, column {column}",
            fix="predict every row, or leave the rows out of the data",
        )
    low, high = float(values.min()), float(values.max())
    if low < -1e-6 or high > 1 + 1e-3:
        row, column = (int(k) for k in np.argwhere((values < -1e-6) | (values > 1 + 1e-3))[0])
        raise BadInput(
            f"{values[row, column]:.4g} is no probability{_what_it_may_be(values, is_tags)}",
            where=f"pred_probs row {start + row}, column {column}",
            fix=_fix_for_range(values, is_tags),
        )
    sums = values.sum(axis=1)
    off = np.abs(sums - 1)
    if not is_tags and off.max() > SUM_TOLERANCE:
        row = int(np.flatnonzero(off > SUM_TOLERANCE)[0])
        raise BadInput(
            f"the probabilities sum to {sums[row]:.4g}",
            where=f"pred_probs row {start + row}",
            fix="divide each row by its sum",
        )


def _kind_of_range(values: NDArray[Any], is_tags: bool) -> str:
    if not is_tags and values.max() <= 1e-6 and np.allclose(np.exp(values).sum(axis=1), 1, atol=1e-2):
        return "log"
    if values.min() >= -1e-6 and values.max() <= 100.5 and (is_tags or np.allclose(values.sum(axis=1), 100, atol=2)):
        return "percent"
    return "logits"


def _what_it_may_be(values: NDArray[Any], is_tags: bool) -> str:
    kinds = {
        "log": "; these are logarithms",
        "percent": "; these are percentages",
        "logits": "; these look like logits",
    }
    return kinds[_kind_of_range(values, is_tags)]


def _fix_for_range(values: NDArray[Any], is_tags: bool) -> str:
    logits = "apply a sigmoid" if is_tags else "apply softmax to each row"
    return {"log": "apply exp", "percent": "divide by 100", "logits": logits}[_kind_of_range(values, is_tags)]


def _flat_or_hard(values: NDArray[Any]) -> list[str]:
    some = np.asarray(values[:: max(1, len(values) // _SAMPLE)])
    if len(values) < _FEWEST:
        return []
    if ((some == 0) | (some == 1)).all():
        return ["WARNING: every value of pred_probs is 0 or 1: give probabilities, not predicted classes"]
    if np.ptp(some, axis=0).max() < 1e-9:
        return ["WARNING: pred_probs says the same for every row, so it cannot tell labels apart"]
    return []


def _check_classes(guess: NDArray[np.int64], labels: NDArray[Any], space: LabelSpace) -> list[str]:
    known = np.flatnonzero(labels >= 0)
    if len(known) < _FEWEST:
        return []
    given, predicted = labels[known].astype(np.int64), guess[known]
    k, n = len(space), len(known)
    agree = float((given == predicted).mean())
    if agree > IN_SAMPLE:
        return [
            f"WARNING: pred_probs agrees with {percent(agree, 2)} of the given labels, so the model was probably "
            "trained on these rows; use out-of-sample predictions (cross-validation), or label errors stay hidden"
        ]
    chance = float((np.bincount(given, minlength=k) / n) @ (np.bincount(predicted, minlength=k) / n))
    barely = agree < chance + 0.1 * (1 - chance)
    shifted, order = _best_shift(labels, guess) if barely else (0.0, "")
    permuted, moved = _best_permutation(given, predicted, space)
    if shifted >= permuted and _clearly_better(shifted, agree, chance, n):
        raise BadInput(
            f"the rows of pred_probs seem to be in another order: they agree with {percent(agree)} of the labels, "
            f"but with {percent(shifted)} when read {order}",
            fix=_FIX_ROWS,
        )
    if moved and _clearly_better(permuted, agree, chance, n):
        says = (
            f"the columns of pred_probs seem to be in another order: they agree with {percent(agree)} of the "
            f"labels, but with {percent(permuted)} when {moved}"
        )
        if barely:
            raise BadInput(says, fix=_FIX_ORDER)
        return [f"WARNING: {says}; {_FIX_ORDER}"]
    if agree <= chance + 3 * np.sqrt(chance * (1 - chance) / n):
        return [
            f"WARNING: pred_probs agrees with {percent(agree)} of the given labels and chance with "
            f"{percent(chance)}: its rows or columns may be in another order than the data; {_FIX_ROWS}"
        ]
    return []


def _best_permutation(given: NDArray[np.int64], predicted: NDArray[np.int64], space: LabelSpace) -> tuple[float, str]:
    """Return the agreement under the best assignment of columns to classes, and the columns that it moves."""
    from scipy.optimize import linear_sum_assignment

    k = len(space)
    if k > MOST_CLASSES_TO_PERMUTE:
        return 0.0, ""
    counts = np.bincount(given * k + predicted, minlength=k * k).reshape(k, k)
    classes, columns = linear_sum_assignment(counts, maximize=True)
    best = float(counts[classes, columns].sum()) / len(given)
    moved = [(c, j) for c, j in zip(classes.tolist(), columns.tolist(), strict=True) if c != j and counts[c, j]]
    order = ", ".join(f"column {j} ({quoted(space.names[j])}) holds {quoted(space.names[c])}" for c, j in moved[:6])
    return best, order + (f" and {len(moved) - 6} more" if len(moved) > 6 else "")


def _clearly_better(best: float, agree: float, chance: float, n: int) -> bool:
    """More than the best of many orders gains by luck, and far from chance."""
    return (best - agree) * n > 5 * np.sqrt(n) and best - agree > 0.02 and best > chance + 0.1


def _best_shift(labels: NDArray[Any], guess: NDArray[np.int64]) -> tuple[float, str]:
    """Return the agreement when the predictions are read some rows further on or from the end, and how they are."""
    orders = {"in reverse order": guess[::-1]}
    for shift in SHIFTS:
        word = "later" if shift > 0 else "earlier"
        orders[f"{abs(shift)} row{'s' * (abs(shift) > 1)} {word}"] = np.roll(guess, -shift)
    known = labels >= 0
    shares = {name: float((moved == labels)[known].mean()) for name, moved in orders.items()}
    best = max(shares, key=lambda name: shares[name])
    return shares[best], best


def _check_tags(values: NDArray[Any], labels: NDArray[Any], space: LabelSpace) -> list[str]:
    known = (labels >= 0).all(axis=1)
    n, k = int(known.sum()), len(space)
    if n < _FEWEST:
        return []
    tags, probs = labels[known].astype(np.float64), values[known].astype(np.float64)
    agree = float(((probs > 0.5) == (tags > 0.5)).all(axis=1).mean())
    if agree > IN_SAMPLE:
        return [
            f"WARNING: pred_probs agrees with every tag of {percent(agree, 2)} of the rows, so the model was probably "
            "trained on them; use out-of-sample predictions"
        ]
    correlation = _standardised(tags).T @ _standardised(probs) / n
    own = float(np.diag(correlation).mean())
    if k <= MOST_CLASSES_TO_PERMUTE:
        from scipy.optimize import linear_sum_assignment

        classes, columns = linear_sum_assignment(correlation, maximize=True)
        best = float(correlation[classes, columns].mean())
        if own < 0.1 and best > own + 0.1 + 5 / np.sqrt(n):
            moved = [(c, j) for c, j in zip(classes.tolist(), columns.tolist(), strict=True) if c != j]
            order = ", ".join(f"column {j} holds {quoted(space.names[c])}" for c, j in moved[:6])
            raise BadInput(
                "the columns of pred_probs seem to be in another order: they follow the tags far better "
                f"(correlation {best:.2f} instead of {own:.2f}) when {order}",
                fix=_FIX_ORDER,
            )
    if own <= 3 / np.sqrt(n * k):
        return [
            f"WARNING: pred_probs does not follow the tags (correlation {own:.2f}): its rows or columns may be in "
            f"another order than the data; {_FIX_ROWS}"
        ]
    return []


def _standardised(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = matrix.std(axis=0)
    return (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
