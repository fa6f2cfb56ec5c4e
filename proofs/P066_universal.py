"""P066: sources of unequal quality are weighted without ground truth, whatever their labels are.

(1) Mallows rankings, d = 5, n = 250, 18 sources with θ from {0.2, 1.0}: weighted Kemeny is nearer to the centre than
unweighted, and θ̂ follows θ. (2) Diabetes: seven standardised features as
sources of the target; mean squared error against the mean of the sources. (3) A random connected graph of 10 nodes and
20 edges, seven sources: accuracy against the unweighted Fréchet mean.

Source: Shin et al., Universalizing weak supervision, ICLR 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path
from sklearn.datasets import load_diabetes

from labelwright.catalogue.claims import All, AtLeast, Beats, Holds, NotWorse
from labelwright.consensus import (
    ContinuousLabelModel,
    FiniteMetricLabelModel,
    RankingLabelModel,
    kemeny,
    kendall_distance,
    triplet_distances,
)

SEEDS = 5
BUDGET_S = 60
CLAIM = All(
    AtLeast("mallows_gain", 0.15, SEEDS, statement="Mallows: at least 15 % nearer than unweighted"),
    AtLeast("theta_correlation", 0.9, SEEDS, statement="Mallows: correlation of estimated and true θ above 0.9"),
    Beats(baseline="mean of sources", seeds=SEEDS, metric="mean squared error, diabetes", method_figure="regression",
          baseline_figure="regression_mean", lower_is_better=True),
    NotWorse(baseline="unweighted", seeds=SEEDS, metric="accuracy, graph of 10 nodes", method_figure="graph",
             baseline_figure="graph_unweighted"),
    Holds("additive triplets are exact on population moments", ("identity",), SEEDS),
)  # fmt: skip


def mallows(centre: NDArray[np.int64], theta: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one ranking a centre (n, d) by repeated insertion."""
    n, d = centre.shape
    drawn = np.empty((n, d), dtype=np.int64)
    for i in range(n):
        order: list[int] = []
        for r in range(d):
            weight = np.exp(-theta * np.arange(r, -1, -1))  # place p of 0..r disagrees with r − p earlier items
            order.insert(int(rng.choice(r + 1, p=weight / weight.sum())), int(centre[i, r]))
        drawn[i] = order
    return drawn


def rankings(rng: np.random.Generator) -> dict[str, float]:
    """Measure the Mallows world."""
    centre = np.argsort(rng.random((250, 5)), axis=1)
    theta = rng.permutation(np.repeat([0.2, 1.0], 9))
    given = np.stack([mallows(centre, t, rng) for t in theta], axis=1)
    model = RankingLabelModel().fit(given)
    weighted = kendall_distance(model.predict(given), centre).mean()
    plain = kendall_distance(kemeny(given, np.ones(18)), centre).mean()
    return {
        "mallows_gain": float(1 - weighted / plain),
        "theta_correlation": float(np.corrcoef(model.theta_, theta)[0, 1]),
    }


def regression(rng: np.random.Generator) -> dict[str, float]:
    """Measure standardised features of diabetes as sources of the target, on a bootstrap draw of the rows.

    The signs are those that a physician would give (high-density lipoproteins protect); var_Y = 1 is taken as known.
    """
    X, y = load_diabetes(return_X_y=True)
    rows = rng.integers(0, len(y), len(y))
    signs = {2: 1, 8: 1, 3: 1, 7: 1, 6: -1, 9: 1, 0: 1}  # bmi, triglycerides, pressure, ratio, HDL, glucose, age
    given = np.stack([sign * X[rows, column] for column, sign in signs.items()], axis=1)
    given = (given - given.mean(axis=0)) / given.std(axis=0)
    target = (y[rows] - y[rows].mean()) / y[rows].std()
    merged = ContinuousLabelModel(variance=1.0, ridge=0.1).fit(given).predict(given)
    return {
        "regression": float(((merged - target) ** 2).mean()),
        "regression_mean": float(((given.mean(axis=1) - target) ** 2).mean()),
    }


def graph(rng: np.random.Generator) -> dict[str, float]:
    """Measure nodes of a random connected graph, seven sources of unequal quality."""
    q = 10
    edges = {tuple(sorted((i, int(rng.integers(0, i))))) for i in range(1, q)}
    while len(edges) < 20:
        a, b = sorted(rng.choice(q, 2, replace=False).tolist())
        edges.add((a, b))
    adjacency = np.zeros((q, q))
    for a, b in edges:
        adjacency[a, b] = adjacency[b, a] = 1
    distance = shortest_path(adjacency, unweighted=True)
    truth = rng.integers(0, q, 500)
    given = []
    for theta in (0.3, 0.3, 0.3, 0.3, 1.0, 2.0, 2.0):
        weight = np.exp(-theta * distance)
        cumulative = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        given.append((rng.random((500, 1)) > cumulative[truth]).sum(axis=1))
    table = np.minimum(np.stack(given, axis=1), q - 1)
    model = FiniteMetricLabelModel(distance).fit(table)
    plain = FiniteMetricLabelModel(distance)
    plain.theta_ = np.ones(7)
    return {
        "graph": float((model.predict(table) == truth).mean()),
        "graph_unweighted": float((plain.predict(table) == truth).mean()),
    }


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    own = rng.uniform(0.5, 2, 6)
    identity = float(np.allclose(triplet_distances(own[:, None] + own), own))
    return rankings(rng) | regression(rng) | graph(rng) | {"identity": identity}
