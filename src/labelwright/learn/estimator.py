"""What both estimators share: inputs checked and standardised, the network, the views and the run."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from labelwright.errors import BadInput
from labelwright.evidence import Evidence
from labelwright.nn import (
    IMAGE_VIEWS,
    MLP,
    TABLE_VIEWS,
    AdamW,
    Cosine,
    Linear,
    Loop,
    Module,
    Objective,
    SmallCNN,
    Stopping,
    Task,
    Training,
    ViewPair,
)
from labelwright.nn.task import NetSpec
from labelwright.progress import SILENT, Progress

LEARNING_RATE, LINEAR_RATE = 1e-3, 5e-2  # a linear model's weights have further to go from where they start
SMALL = 50_000_000  # numbers in X below which one thread trains fastest
LEAST_COMPONENTS = 8  # columns below which their order says nothing
FALLING = -0.8  # Kendall correlation of place and spread from which columns count as principal components


class NetworkEstimator(BaseEstimator):
    """The parameters that every estimator over networks has, kept as scikit-learn wants them: as they were given."""

    def __init__(
        self,
        objective: Objective | None = None,
        *,
        net: Any = None,
        epochs: int = 60,
        batch_size: int = 64,
        optimizer: Any = None,
        stopping: Stopping | None = None,
        views: ViewPair | None = None,
        standardize: bool = True,
        device: str = "auto",
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
        random_state: Any = None,
    ) -> None:
        self.objective = objective
        self.net = net
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.stopping = stopping
        self.views = views
        self.standardize = standardize
        self.device = device
        self.checkpoint = checkpoint
        self.progress = progress
        self.random_state = random_state

    def save(self, folder: str | Path) -> Path:
        """Write the model into a folder: safetensors and JSON, nothing pickled. Returns the folder."""
        from labelwright.learn.model_files import save_model

        check_is_fitted(self, "loop_")
        return save_model(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, *, net: Any = None) -> Self:
        """Return a model that `save` wrote; pass `net` again where it was a module of your own."""
        from labelwright.learn.model_files import load_model

        return load_model(cls, Path(folder), net)


def as_backbone(net: Any, input_shape: tuple[int, ...]) -> NetSpec:
    """Return a backbone: the one given, a module of the user's own, or an MLP for vectors and a CNN for images."""
    if net is None:
        return SmallCNN() if len(input_shape) == 3 else MLP((256, 256))
    if isinstance(net, nn.Module):
        return Module(net)
    if not callable(net):
        raise BadInput(f"net is a {type(net).__name__}", fix="pass a backbone such as MLP((256, 256)), or an nn.Module")
    spec: NetSpec = net
    return spec


def default_views(input_shape: tuple[int, ...]) -> ViewPair:
    """Return the weak and the strong view of vectors or images."""
    return IMAGE_VIEWS if len(input_shape) == 3 else TABLE_VIEWS


def location_and_scale(
    x: NDArray[Any], weight: NDArray[np.floating] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and scale (d,) of each column, or of each channel of images, by weight; scale 1 where constant.

    The scale is the standard deviation of each column, so that units do not matter; but principal components (see
    `principal_components`) are all divided by the root of their mean variance.
    """
    axes: tuple[int, ...] = (0,) if x.ndim == 2 else (0, *range(2, x.ndim))
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    w = w.reshape(-1, *([1] * (x.ndim - 1)))
    total = w.sum() * np.prod([x.shape[a] for a in axes[1:]])
    mean = (w * x).sum(axis=axes, keepdims=True, dtype=np.float64) / total
    spread = np.sqrt((w * (x - mean) ** 2).sum(axis=axes, keepdims=True, dtype=np.float64) / total)
    varies = spread[0] > 1e-10 * np.maximum(1, np.abs(mean[0]))
    if principal_components(spread[0][varies]):
        return mean[0], np.full_like(spread[0], np.sqrt(np.mean(spread[0][varies] ** 2)))
    return mean[0], np.where(varies, spread[0], 1.0)


def principal_components(spread: NDArray[np.floating]) -> bool:
    """Return whether columns of these standard deviations are components of one thing: the spreads fall along them.

    PCA and truncated SVD write the most telling direction first and noise last. To bring each to the same spread would
    drown the first in the last. Columns with a unit each stand in no such order: for eight of them a Kendall
    correlation of -0.8 between place and spread has a probability below 0.001.

    Examples
    --------
    >>> principal_components(1 / np.arange(1.0, 21.0)), principal_components(np.arange(1.0, 21.0))
    (True, False)
    """
    from scipy.stats import kendalltau

    if len(spread) < LEAST_COMPONENTS:
        return False
    return bool(kendalltau(np.arange(len(spread)), spread).statistic <= FALLING)


def training_of(estimator: Any, n_rows: int) -> Training:
    """Return the run's settings from an estimator's parameters."""
    rate = LINEAR_RATE if isinstance(estimator.net, Linear) else LEARNING_RATE
    optimizer = default_optimizer(rate) if estimator.optimizer is None else estimator.optimizer
    return Training(
        epochs=estimator.epochs,
        batch_size=min(estimator.batch_size, max(n_rows, 1)),
        optimizer=optimizer,
        seed=seed_of(estimator.random_state),
        device=estimator.device,
        stopping=estimator.stopping,
        checkpoint=estimator.checkpoint,
    )


def default_optimizer(lr: float = LEARNING_RATE) -> AdamW:
    """Return AdamW with a cosine schedule: its steps are as long for a sum over classes as for a mean."""
    return AdamW(lr=lr, weight_decay=1e-4, schedule=Cosine(floor=0.01), clip=5.0)


def seed_of(random_state: Any) -> int:
    """Return a seed: 0 for None, a number as it is, a draw from a generator."""
    if random_state is None:
        return 0
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    raise BadInput(f"random_state is a {type(random_state).__name__}", fix="pass a whole number")


def fit_loop(
    estimator: Any, objective: Objective, x: NDArray[np.float32], evidence: Evidence, weight: NDArray[Any] | None
) -> Loop:
    """Train a copy of `objective` on inputs (n, ...) and return the loop; weights are brought to mean 1."""
    shape = tuple(x.shape[1:])
    fields = {} if weight is None else {"weight": (weight * (len(weight) / weight.sum())).astype(np.float32)}
    backbone, views = as_backbone(estimator.net, shape), estimator.views or default_views(shape)
    task = Task(x, evidence, net=backbone, views=views, fields=fields)
    if weight is not None and task.units is None:
        task.rows = np.flatnonzero(weight > 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if x.size < SMALL else threads)
    try:
        loop = Loop(
            copy.deepcopy(objective), task, training_of(estimator, task.n_rows), progress=estimator.progress or SILENT
        )
        loop.fit()
    finally:
        torch.set_num_threads(threads)
    return loop
