"""Badly drawn masks: too large, too small, shifted, with objects forgotten or with a shaky outline.

Masks are bool (n, H, W) or (n, D, H, W), one a row; lengths are in pixels. Each mask is spoiled with probability
`rate`; a spoiled mask can come out unchanged (an empty one, say), and `changed` lists only those that differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask, as_share
from labelwright.metrics.masks import connected_components, dilate, erode
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class NoisyMasks(Corruption):
    """Corrupted masks, bool of the shape given; the rate is over masks, for `dropped_objects` over objects."""

    masks: Mask


def dilated_masks(masks: ArrayLike, radius: float, seed: Seed, rate: float = 1.0) -> NoisyMasks:
    """Grow masks by `radius`.

    Parameters
    ----------
    masks : bool array (n, H, W) or (n, D, H, W)
    radius : float, at least 0
    seed : int or numpy.random.Generator
    rate : float in [0, 1], default 1

    Examples
    --------
    >>> dilated_masks([[[0, 0, 1]]], radius=1, seed=0).masks.astype(int).tolist()
    [[[0, 1, 1]]]
    """
    return _spoil(masks, lambda mask, rng: dilate(mask, radius), "dilated", rate, seed)


def eroded_masks(masks: ArrayLike, radius: float, seed: Seed, rate: float = 1.0) -> NoisyMasks:
    """Shrink masks by `radius`. Parameters as in `dilated_masks`."""
    return _spoil(masks, lambda mask, rng: erode(mask, radius), "eroded", rate, seed)


def shifted_masks(masks: ArrayLike, distance: float, seed: Seed, rate: float = 1.0) -> NoisyMasks:
    """Move masks by `distance` in a random direction, rounded to pixels; what leaves the image is lost."""
    if not 0 <= distance < np.inf:
        raise BadInput(f"distance is {distance!r}", fix="give a distance of 0 or more")

    def shift(mask: Mask, rng: np.random.Generator) -> Mask:
        direction = rng.normal(size=mask.ndim)
        offset = np.rint(distance * direction / np.linalg.norm(direction)).astype(np.int64)
        return _moved(mask, offset)

    return _spoil(masks, shift, "shifted", rate, seed)


def jittered_outlines(
    masks: ArrayLike, width: float, seed: Seed, rate: float = 1.0, smoothness: float = 2.0
) -> NoisyMasks:
    """Redraw outlines with a shaky hand: the outline moves by at most `width`, in and out.

    The signed distance to the outline is raised by `width` × a smooth random field cut to [−1, 1]; the new mask is
    where it is positive, so only the band of that width around the outline can change.

    Parameters
    ----------
    masks, seed, rate : as in `dilated_masks`
    width : float, at least 0
    smoothness : float > 0, default 2
        Standard deviation of the blur of the field.
    """
    if not (0 <= width < np.inf and 0 < smoothness < np.inf):
        raise BadInput("an outline needs a width of 0 or more and a smoothness above 0")

    def redraw(mask: Mask, rng: np.random.Generator) -> Mask:
        if mask.all() or not mask.any():
            return mask
        field = ndimage.gaussian_filter(rng.normal(size=mask.shape), smoothness)
        field = np.clip(field / max(float(field.std()), 1e-12), -1, 1)
        signed = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
        return np.asarray(signed + width * field > 0)

    return _spoil(masks, redraw, "jittered_outlines", rate, seed)


def dropped_objects(masks: ArrayLike, rate: float, seed: Seed) -> NoisyMasks:
    """Forget each object (component whose pixels share a face) with probability `rate`.

    Examples
    --------
    >>> dropped_objects([[[1, 0, 1]]], rate=1.0, seed=0).masks.astype(int).tolist()
    [[[0, 0, 0]]]
    """
    stack = _stack(masks).copy()
    rng, recorded = start(seed, "dropped_objects")
    as_share("rate", rate)
    n_objects = n_dropped = 0
    touched = np.zeros(len(stack), dtype=bool)
    for i, mask in enumerate(stack):
        components, count = connected_components(mask)
        dropped = coins(count, rate, rng) + 1
        mask[np.isin(components, dropped)] = False
        n_objects, n_dropped, touched[i] = n_objects + count, n_dropped + len(dropped), len(dropped) > 0
    return NoisyMasks(
        masks=stack,
        kind="dropped_objects",
        requested_rate=float(rate),
        realised_rate=share(n_dropped, n_objects),
        changed=np.flatnonzero(touched),
        seed=recorded,
    )


def _spoil(
    masks: ArrayLike, spoil: Callable[[Mask, np.random.Generator], Mask], kind: str, rate: float, seed: Seed
) -> NoisyMasks:
    truth = _stack(masks)
    rng, recorded = start(seed, kind)
    chosen = coins(len(truth), as_share("rate", rate), rng)
    noisy = truth.copy()
    for i in chosen:
        noisy[i] = spoil(truth[i], rng)
    different = (noisy != truth).any(axis=tuple(range(1, truth.ndim)))
    return NoisyMasks(
        masks=noisy,
        kind=kind,
        requested_rate=float(rate),
        realised_rate=share(len(chosen), len(truth)),
        changed=np.flatnonzero(different),
        seed=recorded,
    )


def _stack(masks: ArrayLike) -> Mask:
    stack = as_mask("masks", masks, None)
    if stack.ndim < 3:
        raise BadInput(f"masks has shape {stack.shape}", fix="give a stack (n, H, W); one mask is mask[None]")
    return stack


def _moved(mask: Mask, offset: NDArray[np.int64]) -> Mask:
    """Shift by whole pixels, filling with False."""
    moved = np.zeros_like(mask)
    target = tuple(slice(max(o, 0), max(size + min(o, 0), 0)) for o, size in zip(offset, mask.shape, strict=True))
    origin = tuple(slice(max(-o, 0), max(size - max(o, 0), 0)) for o, size in zip(offset, mask.shape, strict=True))
    moved[target] = mask[origin]
    return moved
