"""The border of the room: arrays enter checked, contiguous and read-only, and know their namespace."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from numpy.typing import ArrayLike, DTypeLike, NDArray

from labelwright.errors import BadInput, quoted

Array = Any  # a NumPy array or a torch tensor: what the array API calls an array


def frozen(values: ArrayLike, dtype: DTypeLike, name: str, *, ndim: int | None = 1) -> NDArray[Any]:
    """Return `values` as a read-only contiguous array of `dtype`; BadInput when that would change a value."""
    try:
        given = np.asarray(values)
        if given.size == 0 and given.dtype == np.float64:
            given = given.astype(dtype)
        with np.errstate(invalid="ignore"):
            array = np.array(given, dtype=dtype, order="C", copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(
            f"{name} cannot be read as {np.dtype(dtype).name}", fix=f"pass numbers ({quoted(error)[1:-1]})"
        ) from None
    if ndim is not None and array.ndim != ndim:
        raise BadInput(
            f"{name} has {array.ndim} dimensions, {ndim} expected",
            fix=f"pass shape {'(n,)' if ndim == 1 else 'with ' + str(ndim) + ' axes'}",
        )
    if np.issubdtype(array.dtype, np.integer) and given.dtype != array.dtype and not _same(given, array):
        raise BadInput(f"{name} holds values that are not whole numbers of {array.dtype.name}", fix="pass integers")
    array.setflags(write=False)
    return array


def _same(given: NDArray[Any], array: NDArray[Any]) -> bool:
    if given.dtype.kind not in "biuf":
        return False
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        return False
    return bool((given == array).all())


def row_index(rows: Any, n_rows: int) -> NDArray[np.int64]:
    """Return row numbers int64 (b,) from numbers, a boolean mask or a slice of ``range(n_rows)``."""
    if isinstance(rows, slice):
        return np.arange(n_rows, dtype=np.int64)[rows]
    index = np.asarray(rows)
    if index.dtype == bool:
        if index.shape != (n_rows,):
            raise BadInput(
                f"the row mask has shape {index.shape}, the evidence {n_rows} rows", fix="pass one bool a row"
            )
        return np.flatnonzero(index).astype(np.int64)
    if index.size == 0:
        return np.empty(0, dtype=np.int64)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise BadInput("rows are not a list of row numbers", fix="pass integers (b,), a boolean mask or a slice")
    lowest, highest = int(index.min()), int(index.max())
    if lowest < -n_rows or highest >= n_rows:
        raise BadInput(f"row {highest if highest >= n_rows else lowest} is outside the {n_rows} rows")
    return np.where(index < 0, index + n_rows, index).astype(np.int64)


def namespace(*arrays: Any) -> Any:
    """Return the array-API namespace of the arrays given; NumPy's when none is a torch tensor."""
    tensors = [a for a in arrays if a is not None and is_torch_array(a)]
    return array_namespace(tensors[0] if tensors else np.empty(0))


def like(values: Any, model: Array) -> Array:
    """Return `values` as an array of `model`'s namespace, dtype and device; torch values keep their gradients."""
    xp = array_namespace(model)
    if is_torch_array(model):
        if is_torch_array(values):
            return values.to(dtype=model.dtype, device=model.device)
        return xp.asarray(np.array(values), dtype=model.dtype, device=model.device)
    return np.asarray(to_numpy(values), dtype=model.dtype)


def to_numpy(values: Any) -> NDArray[Any]:
    """Return a NumPy view or copy of an array of either namespace, detached from any gradient."""
    if is_torch_array(values):
        return np.asarray(values.detach().cpu().numpy())
    return np.asarray(values)


def is_torch(values: Any) -> bool:
    """Whether `values` is a torch tensor; never imports torch."""
    return bool(is_torch_array(values))


def checked_classes(n_classes: int) -> int:
    """Return the number of classes as an int of at least 1; BadInput otherwise."""
    if not isinstance(n_classes, int | np.integer) or isinstance(n_classes, bool) or n_classes < 1:
        raise BadInput(f"n_classes is {n_classes!r}", fix="pass the number of classes, at least 1")
    return int(n_classes)


def check_codes(codes: NDArray[np.integer], n_classes: int, least: int, what: str) -> None:
    """Raise BadInput naming the first entry outside ``least..n_classes - 1``."""
    wrong = np.flatnonzero((codes < least) | (codes >= n_classes))
    if len(wrong):
        raise BadInput(
            f"{what} {codes[wrong[0]]} is outside {least}..{n_classes - 1}",
            where=f"entry {wrong[0]}",
            fix=f"there are {n_classes} classes, numbered from 0" + (", -1 for unknown" if least < 0 else ""),
        )


def checked_size(size: Any, name: str) -> int:
    """Return a number of rows or sources as an int of at least 0; BadInput otherwise."""
    if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 0:
        raise BadInput(f"{name} is {quoted(size)}", fix="pass a whole number of at least 0")
    return int(size)
