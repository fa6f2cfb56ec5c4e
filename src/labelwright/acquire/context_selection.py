"""Context selection: the few rows of a new task to label, chosen at deployment from a meta-trained embedding.

A meta-learner learns a new task from a handful of labelled rows. Which ones, when nothing is labelled yet? Fit a
Gaussian mixture with as many components as labels may be bought (diagonal covariances, EM from k-means) and label the
row of highest density under each component. For classes that are equal isotropic Gaussians in the embedding this labels
their means, which makes the nearest-context rule optimal.

Source: Bae, Wang, Sutherland, Exploring active learning in meta-learning: enhancing context set labeling, ECCV 2024
[P059].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from labelwright.acquire.contract import Acquisition, Floats, Pool, Rows, Seed, Selection, checked_budget
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_labels

FLOOR = 1e-3  # added to variances: 25 components on fewer than 200 rows need it


class GMMContextSelector:
    """Asks about the row of highest density under each component of a Gaussian mixture. [P059]

    Parameters
    ----------
    restarts : int, default 3
        EM from so many k-means starts; the likeliest fit counts.

    Notes
    -----
    Needs `features`. A row's score is its component's weight. The paper leaves the kind of covariance and the number of
    restarts open; diagonal ones with a floor of 1e-3 are what few rows support.

    Examples
    --------
    >>> X = np.concatenate([np.linspace(-1, 1, 9)[:, None], np.linspace(9, 11, 9)[:, None]])
    >>> np.sort(GMMContextSelector().select(Pool(features=X), 2, rng=0).rows)
    array([ 4, 13])

    Source: [P059].
    """

    def __init__(self, restarts: int = 3) -> None:
        if restarts < 1:
            raise BadInput(f"restarts is {restarts}", fix="choose at least 1")
        self.restarts = restarts

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return one row a component, heaviest component first."""
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        open_rows = pool.open_rows
        X = np.asarray(pool.need("features", self)[open_rows], dtype=np.float64)
        size = checked_budget(budget, len(open_rows))
        if not size:
            return Selection(open_rows, np.empty(0))
        mixture = GaussianMixture(
            size, covariance_type="diag", reg_covar=FLOOR, n_init=self.restarts,
            random_state=int(as_generator(rng).integers(2**31)),
        )  # fmt: skip
        with threadpool_limits(1):
            mixture.fit(X)
        order = np.argsort(-mixture.weights_, kind="stable")
        density = _log_density(X, mixture.means_[order], mixture.covariances_[order])
        return Selection(open_rows[_one_each(density)], mixture.weights_[order])


def _log_density(X: Floats, means: Floats, variances: Floats) -> Floats:
    """Return log N(x; mean, diag variance) of rows under components, (n, k)."""
    scaled = ((X[:, None] - means) ** 2 / variances).sum(axis=2)
    return np.asarray(-0.5 * (scaled + np.log(2 * np.pi * variances).sum(axis=1)))


def _one_each(density: Floats) -> Rows:
    """Return for each component the row of highest density that no earlier component took, (k,)."""
    free = density.copy()
    taken = np.empty(density.shape[1], np.int64)
    for c in range(len(taken)):
        taken[c] = free[:, c].argmax()
        free[taken[c]] = -np.inf
    return taken


@dataclass(frozen=True, eq=False)
class Episode:
    """A task: its classes, the rows that may be labelled, and the rows that it is judged on.

    Parameters
    ----------
    classes : int64 (n_way,)
    pool, query : int64
        Row numbers.
    """

    classes: Rows
    pool: Rows
    query: Rows


def episode_sampler(
    labels: ArrayLike, *, n_way: int = 5, pool_per_class: int = 20, query_per_class: int = 15, rng: Seed = 0
) -> Iterator[Episode]:
    """Yield tasks without end: `n_way` classes, and rows of each for the pool and for judging.

    Parameters
    ----------
    labels : int array (n,)
        -1 = of no class.
    n_way, pool_per_class, query_per_class : int
    rng : int or numpy.random.Generator

    Examples
    --------
    >>> task = next(episode_sampler(np.repeat(np.arange(6), 40)))
    >>> len(task.pool), len(task.query)
    (100, 75)
    """
    y, generator = np.asarray(labels), as_generator(rng)
    each = pool_per_class + query_per_class
    members = [np.flatnonzero(y == c) for c in np.unique(y[y >= 0])]
    members = [own for own in members if len(own) >= each]
    if min(n_way, pool_per_class, query_per_class) < 1 or len(members) < n_way:
        raise BadInput(f"{len(members)} classes have {each} rows, a task needs {n_way}", fix="ask for fewer")
    while True:
        chosen = generator.choice(len(members), n_way, replace=False)
        drawn = np.stack([generator.choice(members[c], each, replace=False) for c in chosen])
        classes = np.array([y[members[c][0]] for c in chosen])
        yield Episode(classes, drawn[:, :pool_per_class].ravel(), drawn[:, pool_per_class:].ravel())


class MetaLearner(Protocol):
    """Learns a task from a few labelled rows."""

    def embed(self, X: Any) -> Floats:
        """Return what the learner sees of rows, (n, d)."""
        ...

    def adapt(self, features: Floats, labels: Rows, n_classes: int) -> Any:
        """Return a predictor for the task: features (n, d) → P(class), (n, K)."""
        ...


class ProtoNet:
    """Prototypes: a class is the mean of its labelled rows, a row belongs to the nearest. [P059]

    P(c | x) = softmax over labelled classes of −|f(x) − mean_c|²; a class without a labelled row has probability 0.

    Parameters
    ----------
    encode : callable, optional
        Rows → features (n, d); the rows themselves by default.

    Examples
    --------
    >>> predict = ProtoNet().adapt(np.array([[0.0], [1.0]]), np.array([0, 1]), 3)
    >>> predict(np.array([[0.9]])).argmax(axis=1)
    array([1])

    Source: Snell et al., Prototypical networks for few-shot learning, NeurIPS 2017.
    """

    def __init__(self, encode: Any = None) -> None:
        self.encode = encode

    def embed(self, X: Any) -> Floats:
        """Return the features of rows, (n, d)."""
        return np.asarray(X if self.encode is None else self.encode(X), dtype=np.float64)

    def adapt(self, features: Floats, labels: Rows, n_classes: int) -> Any:
        """Return the predictor of the nearest mean."""
        member = labels[:, None] == np.arange(n_classes)
        known = member.any(axis=0)
        means = (member.T @ features) / np.maximum(member.sum(axis=0), 1)[:, None]

        def predict(rows: Floats) -> Floats:
            away = ((np.asarray(rows)[:, None] - means) ** 2).sum(axis=2)
            away[:, ~known] = np.inf
            weight = np.exp(away.min(axis=1, keepdims=True) - away)
            return np.asarray(weight / weight.sum(axis=1, keepdims=True))

        return predict


class LinearHead:
    """A linear head that every task fits anew by a few steps of gradient descent, the body staying as it is (ANIL).

    Parameters
    ----------
    encode : callable, optional
    steps : int, default 50
    lr : float, default 0.5
        On features scaled to a mean length of 1.

    Source: Raghu et al., Rapid learning or feature reuse?, ICLR 2020.
    """

    def __init__(self, encode: Any = None, steps: int = 50, lr: float = 0.5) -> None:
        self.encode, self.steps, self.lr = encode, steps, lr

    def embed(self, X: Any) -> Floats:
        """Return the features of rows, (n, d)."""
        return np.asarray(X if self.encode is None else self.encode(X), dtype=np.float64)

    def adapt(self, features: Floats, labels: Rows, n_classes: int) -> Any:
        """Return the predictor of the fitted head."""
        from scipy.special import softmax

        middle = features.mean(axis=0)
        scale = max(float(np.linalg.norm(features - middle, axis=1).mean()), 1e-12)
        h = np.column_stack([(features - middle) / scale, np.ones(len(features))])
        target = (labels[:, None] == np.arange(n_classes)).astype(np.float64)
        head = np.zeros((h.shape[1], n_classes))
        for _ in range(self.steps):
            head -= self.lr * h.T @ (softmax(h @ head, axis=1) - target) / len(h)

        def predict(rows: Floats) -> Floats:
            seen = np.column_stack([(np.asarray(rows) - middle) / scale, np.ones(len(rows))])
            return np.asarray(softmax(seen @ head, axis=1))

        return predict


def evaluate_context(
    learner: MetaLearner,
    selector: Acquisition[Pool],
    X: ArrayLike,
    labels: ArrayLike,
    *,
    budget: int,
    n_tasks: int = 100,
    n_way: int = 5,
    pool_per_class: int = 20,
    query_per_class: int = 15,
    rng: Seed = 0,
) -> Floats:
    """Return the accuracy of each task, (n_tasks,), when `selector` chooses the rows that are labelled.

    Parameters
    ----------
    learner : MetaLearner
    selector : Acquisition
        Sees the features of the task's pool, and no label.
    X : float array (n, d)
    labels : int array (n,)
    budget : int
        Labels a task. The same `rng` gives the same tasks to every selector.
    n_tasks, n_way, pool_per_class, query_per_class : int
    rng : int or numpy.random.Generator

    Source: [P059].
    """
    rows = as_array("X", X, 2)
    y = as_labels("labels", labels, 2**31)
    features = learner.embed(rows)
    generator = as_generator(rng)
    seeds = generator.integers(2**31, size=n_tasks)
    tasks = episode_sampler(
        y, n_way=n_way, pool_per_class=pool_per_class, query_per_class=query_per_class, rng=generator
    )
    scores = np.empty(n_tasks)
    for t, (seed, task) in enumerate(zip(seeds.tolist(), tasks, strict=False)):
        chosen = task.pool[selector.select(Pool(features=features[task.pool]), budget, seed).rows]
        local = {c: i for i, c in enumerate(task.classes.tolist())}
        own = np.array([local[c] for c in y[chosen].tolist()])
        wanted = np.array([local[c] for c in y[task.query].tolist()])
        predict = learner.adapt(features[chosen], own, n_way)
        scores[t] = (predict(features[task.query]).argmax(axis=1) == wanted).mean()
    return scores
