"""The compiled inner loops of `patches`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath=True)
def normalised_patches(images: NDArray[np.uint8], patch: int, stride: int) -> NDArray[np.float32]:
    """Cut images (m, s, s, 3) into contrast-normalised patches, (m · places², patch² · 3)."""
    m, side = images.shape[0], images.shape[1]
    places = (side - patch) // stride + 1
    width = patch * patch * 3
    out = np.empty((m * places * places, width), np.float32)
    at = 0
    for i in range(m):
        for top in range(places):
            for left in range(places):
                total = np.float32(0)
                square = np.float32(0)
                p = 0
                for y in range(patch):
                    for x in range(patch):
                        for c in range(3):
                            value = np.float32(images[i, top * stride + y, left * stride + x, c])
                            out[at, p] = value
                            total += value
                            p += 1
                mean = total / np.float32(width)
                for q in range(width):
                    gap = out[at, q] - mean
                    out[at, q] = gap
                    square += gap * gap
                scale = np.float32(1) / np.sqrt(square / np.float32(width) + np.float32(10))
                for q in range(width):
                    out[at, q] *= scale
                at += 1
    return out


@njit(cache=True, nogil=True)
def rectify_and_pool(
    response: NDArray[np.float32], offset: NDArray[np.float32], threshold: np.float32, m: int, places: int, grid: int
) -> NDArray[np.float32]:
    """Sum both rectified signs of the responses (m · places², f) over a grid: (m, 2 f · grid²)."""
    f = response.shape[1]
    out = np.zeros((m, grid * grid, 2, f), np.float32)
    at = 0
    for i in range(m):
        for top in range(places):
            for left in range(places):
                cell = (top * grid // places) * grid + left * grid // places
                up, down = out[i, cell, 0], out[i, cell, 1]
                for j in range(f):
                    value = response[at, j] - offset[j]
                    up[j] += max(np.float32(0), value - threshold)
                    down[j] += max(np.float32(0), -value - threshold)
                at += 1
    return out.reshape(m, grid * grid * 2 * f)
