"""Synthetic point clouds: 128 points on the surface of six solids, stretched and turned at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SOLIDS = ("sphere", "cube", "cylinder", "cone", "torus", "pyramid")
POINTS = 128


def clouds(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a cloud for each label (n,) in 0..5, float32 (n, 128, 3), centred and of radius 1."""
    make = (_sphere, _cube, _cylinder, _cone, _torus, _pyramid)
    x = np.stack([make[c](rng) for c in labels.tolist()])
    x *= rng.uniform(0.8, 1.2, size=(len(x), 1, 3))
    angle = rng.uniform(0, 2 * np.pi, len(x))
    turn = np.zeros((len(x), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = (
        np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle),
    )  # fmt: skip
    turn[:, 2, 2] = 1
    x = x @ turn
    x -= x.mean(axis=1, keepdims=True)
    return (x / np.linalg.norm(x, axis=2).max(axis=1)[:, None, None]).astype(np.float32)


def _round(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi, POINTS)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _sphere(rng: np.random.Generator) -> NDArray[np.float64]:
    x = rng.normal(size=(POINTS, 3))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _cube(rng: np.random.Generator) -> NDArray[np.float64]:
    x = rng.uniform(-1, 1, (POINTS, 3))
    x[np.arange(POINTS), rng.integers(3, size=POINTS)] = rng.choice([-1.0, 1.0], POINTS)
    return x


def _cylinder(rng: np.random.Generator) -> NDArray[np.float64]:
    side = rng.random(POINTS) < 0.67
    radius = np.where(side, 1, np.sqrt(rng.random(POINTS)))
    height = np.where(side, rng.uniform(-1, 1, POINTS), rng.choice([-1.0, 1.0], POINTS))
    return np.column_stack([_round(rng) * radius[:, None], height])


def _cone(rng: np.random.Generator) -> NDArray[np.float64]:
    radius = np.sqrt(rng.random(POINTS))
    height = np.where(rng.random(POINTS) < 0.69, 1 - 2 * radius, -1)
    return np.column_stack([_round(rng) * radius[:, None], height])


def _torus(rng: np.random.Generator) -> NDArray[np.float64]:
    tube = rng.uniform(0, 2 * np.pi, POINTS)
    return np.column_stack([_round(rng) * (1 + 0.35 * np.cos(tube))[:, None], 0.35 * np.sin(tube)])


def _pyramid(rng: np.random.Generator) -> NDArray[np.float64]:
    share = np.sqrt(rng.random(POINTS))
    base = rng.random(POINTS) < 0.31
    edge = rng.uniform(-1, 1, (POINTS, 2))
    side = edge.copy()
    side[np.arange(POINTS), rng.integers(2, size=POINTS)] = rng.choice([-1.0, 1.0], POINTS)
    flat = np.where(base[:, None], edge, side * share[:, None])
    return np.column_stack([flat, np.where(base, -1, 1 - 2 * share)])
