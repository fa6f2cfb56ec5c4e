"""What the arguments of a measure must look like; whatever is wrong is said in one line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted


def as_codes(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return class numbers as int64 (n,); BadInput for anything but whole numbers in one dimension.

    Examples
    --------
    >>> as_codes("labels", [1.0, 0.0, -1.0])
    array([ 1,  0, -1])
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise BadInput(f"{name} has {array.ndim} dimensions", fix=f"give {name} as one class number a row")
    if array.size == 0 or array.dtype.kind in "bi" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):
        return array.astype(np.int64)
    numbers = _numbers(array)
    wrong = ~np.isfinite(numbers) | (numbers != np.round(numbers)) | (np.abs(numbers) > 2**53)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(
            f"{name} are not class numbers: {quoted(array[row])}",
            where=f"row {row}",
            fix="encode names with LabelSpace.encode; an unknown label is -1",
        )
    return numbers.astype(np.int64)


def _numbers(array: NDArray) -> NDArray[np.float64]:
    """Return the array as float64, NaN where an entry is no number (text such as ``"1"`` is none)."""
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind != "O":
        return np.full(array.shape, np.nan)
    numeric = (int, float, np.integer, np.floating)
    return np.array([float(v) if isinstance(v, numeric) else np.nan for v in array.tolist()], dtype=np.float64)


def as_labels(name: str, values: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return class numbers in -1 .. n_classes − 1 as int64 (n,), where -1 means unknown."""
    codes = as_codes(name, values)
    wrong = (codes < -1) | (codes >= n_classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(
            f"{name} holds {codes[row]} but there are {n_classes} classes",
            where=f"row {row}",
            fix=f"number the classes 0 to {n_classes - 1}; an unknown label is -1",
        )
    return codes


def row_names(ids: Sequence[str] | None, n: int) -> list[str]:
    """Return the names of n rows as text, their numbers where none are given.

    Examples
    --------
    >>> row_names(None, 2)
    ['0', '1']
    """
    return [str(one) for one in (range(n) if ids is None else ids)]


def as_vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return finite numbers as float64 (n,)."""
    return as_array(name, values, 1)


def as_array(name: str, values: ArrayLike, n_dims: int) -> NDArray[np.float64]:
    """Return finite numbers as float64 with exactly `n_dims` dimensions."""
    array = np.asarray(values)
    if array.ndim != n_dims:
        raise BadInput(f"{name} has {array.ndim} dimensions, {n_dims} expected")
    try:
        numbers = array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise BadInput(f"{name} holds values that are not numbers") from None
    if not np.isfinite(numbers).all():
        row = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise BadInput(f"{name} holds NaN or infinity", where=f"row {row}", fix="leave such rows out")
    return numbers


def as_mask(name: str, values: ArrayLike, n_dims: int | None = 1) -> NDArray[np.bool_]:
    """Return a bool array; 0/1 numbers are taken, anything else is refused. `n_dims` None: any shape."""
    array = np.asarray(values)
    if n_dims is not None and array.ndim != n_dims:
        raise BadInput(f"{name} has {array.ndim} dimensions, {n_dims} expected")
    if array.dtype.kind == "b":
        return array.astype(np.bool_, copy=False)
    if array.dtype.kind not in "iuf" or not ((array == 0) | (array == 1)).all():
        raise BadInput(f"{name} must hold only true and false (or 1 and 0)")
    return array == 1


def as_probs(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities as float64 (n, K): finite, not negative, rows summing to 1 within 1e-3."""
    probs = as_array(name, values, 2)
    if probs.size and probs.min() < 0:
        raise BadInput(f"{name} holds a negative probability", where=f"row {int(np.argmin(probs.min(axis=1)))}")
    off = np.abs(probs.sum(axis=1) - 1) > 1e-3
    if off.any():
        raise BadInput(f"{name} does not sum to 1", where=f"row {int(np.argmax(off))}", fix="normalise each row")
    return probs


def same_length(**arrays: NDArray) -> int:
    """Return the common length of the named arrays; BadInput names the two that differ."""
    sizes = [(name, len(array)) for name, array in arrays.items()]
    first, n = sizes[0]
    for name, size in sizes[1:]:
        if size != n:
            raise BadInput(f"{first} has {n} rows but {name} has {size}")
    return n


def as_share(name: str, value: float) -> float:
    """Return a number in [0, 1] as float."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "iuf" or not 0 <= float(number) <= 1:
        raise BadInput(f"{name} is {quoted(value)}", fix=f"give {name} in [0, 1]")
    return float(number)


def as_class_count(n_classes: int, least: int = 1) -> int:
    """Return the number of classes as int; BadInput when it is no whole number or below `least`."""
    if isinstance(n_classes, bool) or not isinstance(n_classes, (int, np.integer)):
        raise BadInput(f"the number of classes is {quoted(n_classes)}", fix="give a whole number")
    if n_classes < least:
        raise BadInput(f"there are {n_classes} classes", fix=f"at least {least} are needed here")
    return int(n_classes)


def as_generator(seed: int | np.random.Generator) -> np.random.Generator:
    """Return the generator itself, or a new one from a whole number ≥ 0; there is no default seed."""
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise BadInput(f"seed is {quoted(seed)}", fix="give a whole number of 0 or more, or a numpy Generator")
    return np.random.default_rng(int(seed))
