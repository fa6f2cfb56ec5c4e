"""P066: sources of unequal quality are weighted without ground truth, whatever their labels are.

(1) Mallows rankings, d = 5, n = 250, 18 sources with θ from {0.2, 1.0}: weighted Kemeny is nearer to the centre than
unweighted, and θ̂ follows θ. (2) MovieLens: slates of five films, weighted against plain Kemeny: (a) ranked by eight
juries of 2 to 60 viewers, against the mean ratings of all others; (b) ranked by seven features (popularity, age,
genres), whose errors are not independent, against the mean ratings. (3) Numbers, mean squared error against the mean of
the sources, on the diabetes data: (a) as in the authors' notebooks, nine sources drawn around the target with
independent errors of unequal size; (b) seven features as the authors' `DiscreteLF` makes sources of them, the mean
target of a feature's tenth, learned on one half of the patients and used on the other; (c) the seven standardised
features themselves. (4) A random connected graph of 10 nodes and 20 edges, seven sources: accuracy against the
unweighted Fréchet mean.

Source: Shin et al., Universalizing weak supervision, ICLR 2022.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import movielens, movielens_items
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
DATA = ("movielens", "movielens_items")
CLAIM = All(
    AtLeast("mallows_gain", 0.15, SEEDS, statement="Mallows: at least 15 % nearer than unweighted"),
    AtLeast("theta_correlation", 0.9, SEEDS, statement="Mallows: correlation of estimated and true θ above 0.9"),
    Beats(baseline="plain Kemeny", seeds=SEEDS, metric="Kendall distance, MovieLens slates, juries",
          method_figure="juries", baseline_figure="juries_plain", lower_is_better=True),
    Beats(baseline="plain Kemeny", seeds=SEEDS, metric="Kendall distance, MovieLens slates, features",
          method_figure="slates", baseline_figure="slates_plain", lower_is_better=True),
    Beats(baseline="mean of sources", seeds=SEEDS, metric="mean squared error, sources around the diabetes target",
          method_figure="drawn", baseline_figure="drawn_mean", lower_is_better=True),
    Beats(baseline="mean of sources", seeds=SEEDS, metric="mean squared error, diabetes, features on the label's scale",
          method_figure="grouped", baseline_figure="grouped_mean", lower_is_better=True),
    Beats(baseline="mean of sources", seeds=SEEDS, metric="mean squared error, diabetes, standardised features",
          method_figure="regression", baseline_figure="regression_mean", lower_is_better=True),
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


def juries(rng: np.random.Generator) -> dict[str, float]:
    """Measure slates of five films with 100 ratings or more, ranked by disjoint juries of unequal size.

    A jury's score of a film is the mean of its viewers' ratings less their own mean, with one neutral vote more, so
    that a film that none of them saw stands in the middle.
    """
    table = movielens().to_pandas()
    table["score"] = table["rating"] - table.groupby("user")["rating"].transform("mean")
    sizes = table.groupby("item").size()
    films = sizes.index[sizes >= 100].to_numpy()
    table = table[table["item"].isin(films)]
    users = rng.permutation(table["user"].unique())
    cuts = np.cumsum([0, 2, 2, 2, 2, 5, 5, 20, 60])
    scores = []
    for start, end in pairwise(cuts.tolist()):
        grouped = table[table["user"].isin(users[start:end])].groupby("item")["score"].agg(["sum", "size"])
        scores.append((grouped["sum"] / (grouped["size"] + 1)).reindex(films, fill_value=0.0).to_numpy())
    rest = table[~table["user"].isin(users[: cuts[-1]])].groupby("item")["rating"].mean().reindex(films).to_numpy()
    return _weighted_and_plain("juries", np.stack(scores, axis=1), rest, rng)


def _weighted_and_plain(
    name: str, scores: NDArray[np.float64], truth: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, float]:
    """Return the mean Kendall distance of both on 1000 slates; scores (films, m) and truth (films,), high first."""
    chosen = np.stack([rng.choice(len(truth), 5, replace=False) for _ in range(1000)])
    jitter = rng.random((len(chosen), 5, scores.shape[1])) * 1e-6  # ties are broken at random
    given = np.argsort(-(scores[chosen] + jitter), axis=1).transpose(0, 2, 1)
    order = np.argsort(-truth[chosen], axis=1)
    weighted = RankingLabelModel().fit(given).predict(given)
    plain = kemeny(given, np.ones(given.shape[1]))
    return {
        name: float(kendall_distance(weighted, order).mean()),
        f"{name}_plain": float(kendall_distance(plain, order).mean()),
    }


def slates(rng: np.random.Generator) -> dict[str, float]:
    """Measure slates of five films with 20 ratings or more; ties of a feature are broken at random.

    The directions are those that a film critic would give: seen by many, old, drama, film noir or war first; comedy,
    horror and children's films last.
    """
    ratings, films = movielens().to_pandas(), movielens_items().to_pandas().set_index("item")
    grouped = ratings.groupby("item")["rating"].agg(["mean", "size"])
    known = grouped[grouped["size"] >= 20].join(films)
    known = known[known["release_date"].notna()]
    year = known["release_date"].str[-4:].astype(int)
    serious = known[["genre_film_noir", "genre_war"]].max(axis=1)
    light = [-known[f"genre_{name}"] for name in ("comedy", "horror", "children_s")]
    features = np.stack([known["size"], -year, known["genre_drama"], serious, *light], axis=1).astype(float)
    return _weighted_and_plain("slates", features, known["mean"].to_numpy(), rng)


SIGNS = {2: 1, 8: 1, 3: 1, 7: 1, 6: -1, 9: 1, 0: 1}  # bmi, triglycerides, pressure, ratio, HDL, glucose, age


def drawn(rng: np.random.Generator) -> dict[str, float]:
    """Measure nine sources that err independently around the target, standard deviations 0.3 to 2 of its own."""
    y = load_diabetes(return_X_y=True)[1]
    target = (y - y.mean()) / y.std()
    given = target[:, None] + rng.normal(size=(len(y), 9)) * rng.uniform(0.3, 2, 9)
    merged = ContinuousLabelModel(variance=1.0).fit(given).predict(given)
    return {
        "drawn": float(((merged - target) ** 2).mean()),
        "drawn_mean": float(((given.mean(axis=1) - target) ** 2).mean()),
    }


def grouped(rng: np.random.Generator) -> dict[str, float]:
    """Measure sources that say the mean target of a feature's tenth, learned on half of the patients."""
    X, y = load_diabetes(return_X_y=True)
    order = rng.permutation(len(y))
    labelled, rest = order[: len(y) // 2], order[len(y) // 2 :]
    given = []
    for column in SIGNS:
        edges = np.quantile(X[labelled, column], np.linspace(0, 1, 11)[1:-1])
        of, at = np.searchsorted(edges, X[labelled, column]), np.searchsorted(edges, X[rest, column])
        means = [y[labelled][of == group].mean() if (of == group).any() else y[labelled].mean() for group in range(10)]
        given.append(np.array(means)[at])
    table = np.stack(given, axis=1)
    merged = ContinuousLabelModel(variance=float(y[labelled].var())).fit(table).predict(table)
    scale = y.var()
    return {
        "grouped": float(((merged - y[rest]) ** 2).mean() / scale),
        "grouped_mean": float(((table.mean(axis=1) - y[rest]) ** 2).mean() / scale),
    }


def regression(rng: np.random.Generator) -> dict[str, float]:
    """Measure standardised features of diabetes as sources of the target, on a bootstrap draw of the rows.

    The signs are those that a physician would give (high-density lipoproteins protect); var_Y = 1 is taken as known.
    """
    X, y = load_diabetes(return_X_y=True)
    rows = rng.integers(0, len(y), len(y))
    given = np.stack([sign * X[rows, column] for column, sign in SIGNS.items()], axis=1)
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
    seen = rankings(rng) | regression(rng) | graph(rng) | {"identity": identity}
    return seen | slates(rng) | drawn(rng) | grouped(rng) | juries(rng)
