"""Comparing and shaping masks of any number of dimensions (images, volumes, stacks)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask

Axis = int | tuple[int, ...] | None


def iou(a: ArrayLike, b: ArrayLike, axis: Axis = None) -> NDArray[np.float64]:
    """Return |a ∩ b| / |a ∪ b| in [0, 1]; two empty masks give 1.

    Parameters
    ----------
    a, b : bool arrays of one shape
    axis : int or tuple of int, optional
        The axes of one mask, such as ``(1, 2)`` for a stack (n, H, W); all axes by default.

    Examples
    --------
    >>> float(iou([1, 1, 0], [0, 1, 1]))
    0.3333333333333333
    """
    x, y = _pair(a, b)
    both, either = (x & y).sum(axis=axis), (x | y).sum(axis=axis)
    return _overlap(both, either)


def dice(a: ArrayLike, b: ArrayLike, axis: Axis = None) -> NDArray[np.float64]:
    """Return 2|a ∩ b| / (|a| + |b|) in [0, 1]; two empty masks give 1. Parameters as in `iou`.

    Examples
    --------
    >>> float(dice([1, 1, 0], [0, 1, 1]))
    0.5
    """
    x, y = _pair(a, b)
    return _overlap(2 * (x & y).sum(axis=axis), x.sum(axis=axis) + y.sum(axis=axis))


def connected_components(mask: ArrayLike, connectivity: int = 1) -> tuple[NDArray[np.int32], int]:
    """Return the component number of each pixel (0 = background, from 1) and how many components there are.

    Parameters
    ----------
    mask : bool array
    connectivity : int, default 1
        1: neighbours share a face; the number of dimensions: corners count too.

    Examples
    --------
    >>> connected_components([[1, 0], [0, 1]])[1], connected_components([[1, 0], [0, 1]], connectivity=2)[1]
    (2, 1)
    """
    pixels = as_mask("mask", mask, None)
    if not 1 <= connectivity <= max(pixels.ndim, 1):
        raise BadInput(f"connectivity is {connectivity}", fix=f"give 1 to {pixels.ndim}")
    structure = ndimage.generate_binary_structure(pixels.ndim, connectivity)
    components, count = ndimage.label(pixels, structure=structure, output=np.int32)
    return components, int(count)


def dilate(mask: ArrayLike, radius: float, spacing: tuple[float, ...] | None = None) -> NDArray[np.bool_]:
    """Return the pixels within `radius` (Euclidean) of the mask.

    Parameters
    ----------
    mask : bool array
    radius : float
        ≥ 0, in pixels, or in the unit of `spacing`.
    spacing : tuple of float, optional
        The size of a pixel along each axis, 1 by default.
    """
    pixels = as_mask("mask", mask, None)
    return _distance(pixels, spacing) <= _radius(radius)


def erode(mask: ArrayLike, radius: float, spacing: tuple[float, ...] | None = None) -> NDArray[np.bool_]:
    """Return the pixels of the mask that are farther than `radius` from its outside.

    What lies beyond the edge of the image is not outside: a mask that fills the image stays whole. Parameters as in
    `dilate`.
    """
    pixels = as_mask("mask", mask, None)
    return pixels & (_distance(~pixels, spacing) > _radius(radius))


def boundary_band(mask: ArrayLike, width: float, spacing: tuple[float, ...] | None = None) -> NDArray[np.bool_]:
    """Return the band around the outline: the mask dilated by `width` minus the mask eroded by `width`.

    Examples
    --------
    >>> boundary_band([0, 0, 1, 1, 1, 1], 1).astype(int)
    array([0, 1, 1, 0, 0, 0])

    Source: block `_masks` of [P003].
    """
    return dilate(mask, width, spacing) & ~erode(mask, width, spacing)


def boundary_f1(a: ArrayLike, b: ArrayLike, tolerance: float = 2.0) -> float:
    """Return the F1 of outline pixels that lie within `tolerance` pixels of the other outline; 1 if both are empty.

    Examples
    --------
    >>> boundary_f1([0, 1, 1, 0], [0, 1, 1, 0])
    1.0
    """
    x, y = _pair(a, b)
    edge_x, edge_y = x & ~erode(x, 1), y & ~erode(y, 1)
    if not edge_x.any() and not edge_y.any():
        return 1.0
    if not edge_x.any() or not edge_y.any():
        return 0.0
    near_y = (_distance(edge_y, None) <= tolerance)[edge_x].mean()
    near_x = (_distance(edge_x, None) <= tolerance)[edge_y].mean()
    return float(2 * near_x * near_y / (near_x + near_y)) if near_x + near_y else 0.0


def sum_projection(volume: ArrayLike, axis: int) -> NDArray[np.float64]:
    """Return the volume summed along one axis and divided by its maximum, so in [0, 1]; all zeros stay zeros.

    Examples
    --------
    >>> sum_projection([[0, 1], [0, 1], [0, 0]], axis=0)
    array([0., 1.])

    Source: step 1 of [P004].
    """
    values = np.asarray(volume, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise BadInput("the volume holds NaN, infinity or negative values", fix="clip and rescale it to [0, 1]")
    if not -values.ndim <= axis < values.ndim:
        raise BadInput(f"axis is {axis}, the volume has {values.ndim} axes")
    summed = values.sum(axis=axis)
    top = summed.max(initial=0.0)
    return summed / top if top > 0 else summed


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    x, y = as_mask("the first mask", a, None), as_mask("the second mask", b, None)
    if x.shape != y.shape:
        raise BadInput(f"the masks have shapes {x.shape} and {y.shape}", fix="give masks of one shape")
    return x, y


def _overlap(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    part, whole = np.asarray(part), np.asarray(whole)
    return np.divide(part, whole, out=np.ones(whole.shape), where=whole > 0)[()]


def _distance(pixels: NDArray[np.bool_], spacing: tuple[float, ...] | None) -> NDArray[np.float64]:
    """Return the distance of each pixel to the nearest set pixel; infinite when none is set."""
    if spacing is not None and len(spacing) != pixels.ndim:
        raise BadInput(f"spacing names {len(spacing)} axes, the mask has {pixels.ndim}")
    if not pixels.any():
        return np.full(pixels.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(~pixels, sampling=spacing))


def _radius(radius: float) -> float:
    if not radius >= 0:
        raise BadInput(f"the radius is {radius!r}", fix="give a radius of 0 or more")
    return float(radius)
