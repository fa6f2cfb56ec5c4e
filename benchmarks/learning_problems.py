"""Learning problems that the league tables and the check of ``--method auto`` share: real rows, imperfect labels.

A problem is named by its set and a seed, which draws the rows and plants the noise. Labels of people (CIFAR-10N,
LabelMe, Lost, BirdSong) are taken as they are. Test rows have the truth. Nothing here is tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs import datasets

from labelwright.audit.noise_rate import NoiseEstimate, estimate_noise
from labelwright.audit.truth_model import estimate_truth
from labelwright.data.cache import Cache
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.features import table_features, text_features
from labelwright.data.neighbors import nearest_neighbors
from labelwright.evidence import Bags, Candidates, Evidence, Hard, Reals, Tags, Votes
from labelwright.noise import TransitionMatrix, count_labels, mixed_bags, single_positive, uniform_candidates
from labelwright.noise.simulate_reals import clipped, heavy_tailed_noise, incomplete_values, interval_censored

ROWS, TEST = 800, 2000
LEFT_OUT = {"adult": ("split",), "bike_hours": ("casual", "registered", "instant", "dateday")}  # tell the target
PENSION = ["age", "inc", "fsize", "educ", "db", "marr", "male", "twoearn", "e401", "p401", "pira", "hown"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to learn from with what is known of them, and test rows with the truth.

    `x`, `x_test` float32 (n, d), (m, d); `y_test` int64 (m,), for tags bool (m, K), for numbers float64 (m,).
    """

    x: NDArray[np.float32]
    evidence: Evidence
    x_test: NDArray[np.float32]
    y_test: NDArray[Any]

    @cached_property
    def noise(self) -> NoiseEstimate | None:
        """The audit's estimate of how hard labels go wrong, made as `labelwright train` makes it."""
        if not isinstance(self.evidence, Hard):
            return None
        y, k = self.evidence.labels, self.evidence.n_classes
        probs = out_of_fold_probs(self.x, y, k, folds=5, seed=0)
        near = nearest_neighbors(self.x, min(100, len(y) - 1), metric="cosine")
        truth = estimate_truth(y, probs, neighbors=near, seed=0)
        return estimate_noise(y, probs, truth=truth, seed=0)


Rows = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


@lru_cache(maxsize=8)
def _all_rows(name: str) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return features and truth of every row of a set; text features come from the cache where they are there."""
    cache = Cache()
    if name == "digits":
        data = datasets.digits()
        return data.X, data.truth
    if name in ("ag_news", "sms", "sst2", "yoruba", "youtube"):
        texts = datasets.texts(name)  # type: ignore[arg-type]
        matrix = cache.array(["benchmarks", "text", texts.texts], lambda: text_features(texts.texts)[0])
        return matrix, texts.labels
    table = datasets.table(name)
    target = {
        "adult": "income",
        "german_credit": "bad",
        "mammography": "label",
        "california_housing": "median_house_value",
        "bike_hours": "count",
        "pension401k": "net_tfa",
    }[name]
    inputs = table.select(PENSION) if name == "pension401k" else table.drop_columns([target, *LEFT_OUT.get(name, ())])
    matrix = cache.array(["benchmarks", "table", name, inputs], lambda: table_features(inputs)[0])
    return matrix, table[target].to_numpy().astype(np.float64)


def _split(name: str, seed: int) -> Rows:
    x, y = _all_rows(name)
    order = np.random.default_rng(seed).permutation(len(y))
    train = min(ROWS, round(0.7 * len(y)))
    a, b = order[:train], order[train : train + TEST]
    kind = np.float64 if y.dtype == np.float64 and len(np.unique(y)) > 20 else np.int64
    return x[a], y[a].astype(kind), x[b], y[b].astype(kind)


def _cifar(kind: str, seed: int) -> Problem:
    train, test = datasets.cifar10n_features(kind, rows=ROWS, seed=seed)  # type: ignore[arg-type]
    return Problem(train.X, Hard(train.given, 10), test.X[:TEST], test.truth[:TEST])


def noisy(name: str, noise: Callable[[int], TransitionMatrix] | None, seed: int) -> Problem:
    """Return a set with labels that go wrong by a transition matrix, or as they are."""
    x, y, x_test, y_test = _split(name, seed)
    k = int(max(y.max(), y_test.max())) + 1
    given = y if noise is None else noise(k).apply(y, seed + 1000)
    return Problem(x, Hard(np.asarray(given, np.int32), k), x_test, y_test)


def even(rate: float) -> Callable[[int], TransitionMatrix]:
    """Return noise to any other class."""
    return lambda k: TransitionMatrix.symmetric(rate, k)


def to_next(rate: float) -> Callable[[int], TransitionMatrix]:
    """Return noise to the next class."""
    return lambda k: TransitionMatrix.pairflip(rate, k)


def _labelme() -> tuple[NDArray[np.float32], Votes, NDArray[np.float32], NDArray[np.int64]]:
    with np.load(datasets.folder() / "crowd" / "labelme_features.npz") as archive:
        x, x_test, y_test = archive["X_train"], archive["X_test"], archive["y_test"].astype(np.int64)
    crowd = datasets.crowd("labelme")
    votes = Votes(crowd.task, crowd.worker, crowd.label.astype(np.int32), len(x), int(crowd.worker.max()) + 1, 8)
    return x, votes, x_test, y_test


def labelme_votes(seed: int) -> Problem:
    """Return scenes with all votes of 59 people; the seed draws 70 % of the rows."""
    x, votes, x_test, y_test = _labelme()
    rows = np.sort(np.random.default_rng(seed).permutation(len(x))[:700])
    return Problem(x[rows], votes.take(rows), x_test, y_test)


def labelme_one(seed: int) -> Problem:
    """Return scenes with one vote a row, drawn at random."""
    x, votes, x_test, y_test = _labelme()
    counts = votes.counts()
    drawn = np.random.default_rng(seed)
    label = np.array([drawn.choice(8, p=row / row.sum()) for row in counts])
    return Problem(x, Hard(label.astype(np.int32), 8), x_test, y_test)


def candidates(name: str, rate: float, seed: int) -> Problem:
    """Return a set in which every wrong class is a candidate with probability `rate`."""
    x, y, x_test, y_test = _split(name, seed)
    k = int(y.max()) + 1
    sets = uniform_candidates(y, rate, k, seed + 1000).candidates.toarray()
    return Problem(x, Candidates.from_mask(sets), x_test, y_test)


def cifar_candidates(rate: float, seed: int) -> Problem:
    """Return CIFAR-10 features with planted candidate sets."""
    train, test = datasets.cifar10n_features("clean", rows=ROWS, seed=seed)
    sets = uniform_candidates(train.truth, rate, 10, seed + 1000).candidates.toarray()
    return Problem(train.X, Candidates.from_mask(sets), test.X[:TEST], test.truth[:TEST])


def real_candidates(name: str, seed: int) -> Problem:
    """Return Lost or BirdSong with their own candidate sets."""
    data = datasets.candidate_sets(name)  # type: ignore[arg-type]
    order = np.random.default_rng(seed).permutation(len(data.truth))
    a, b = order[:ROWS], order[ROWS : ROWS + TEST]
    return Problem(data.X[a], Candidates.from_mask(data.candidates[a]), data.X[b], data.truth[b])


def tags(name: str, seed: int, single: bool = True) -> Problem:
    """Return a multi-label set with one known tag a row, all others unknown; or with all tags known."""
    data = datasets.multilabel(name)
    on = data.Y.astype(bool)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(on.any(axis=1)))
    a, b = rows[: min(ROWS, round(0.7 * len(rows)))], rows[min(ROWS, round(0.7 * len(rows))) :][:TEST]
    x = np.asarray(data.X.todense() if hasattr(data.X, "todense") else data.X, np.float32)
    known = single_positive(on[a], seed + 1000).tags if single else np.where(on[a], 1, -1).astype(np.int8)
    return Problem(x[a], Tags.from_dense(known), x[b], on[b])


def bags(name: str, size: int, seed: int) -> Problem:
    """Return rows in bags whose class mixes are drawn evenly from the simplex, with counts of classes."""
    if name == "cifar10":
        train, test = datasets.cifar10n_features("clean", rows=ROWS, seed=seed)
        x, y, x_test, y_test = train.X, train.truth, test.X[:TEST], test.truth[:TEST]
    else:
        x, y, x_test, y_test = _split(name, seed)
    own = slice(0, len(y) // size * size)
    k = int(max(y.max(), y_test.max())) + 1
    bag = mixed_bags(y[own], size, k, seed)
    counts = count_labels(y[own], bag, k).counts
    return Problem(x[own], Bags.counts(bag, counts, n_classes=k), x_test, y_test)


Corrupt = Callable[[NDArray[np.float64], int], Reals]


def numbers(name: str, corrupt: Corrupt, seed: int) -> Problem:
    """Return a set of numbers whose training part went through `corrupt`."""
    x, y, x_test, y_test = _split(name, seed)
    return Problem(x, corrupt(y, seed + 1000), x_test, y_test)


def _heavy(y: NDArray[np.float64], seed: int) -> Reals:
    return Reals.values(heavy_tailed_noise(y, 0.3, seed, scale=float(y.std())).values)


def _too_low(y: NDArray[np.float64], seed: int) -> Reals:
    return Reals.values(incomplete_values(y, 0.4, seed, mean_loss=float(y.std())).values)


def _intervals(y: NDArray[np.float64], seed: int) -> Reals:
    bounds = interval_censored(y, 0.7, seed, width=float(y.std())).bounds
    return Reals.between(bounds[:, 0], bounds[:, 1])


def _capped(y: NDArray[np.float64], seed: int) -> Reals:
    bounds = clipped(y, high=float(np.quantile(y, 0.6))).bounds
    return Reals.between(bounds[:, 0], bounds[:, 1])


def _as_they_are(y: NDArray[np.float64], seed: int) -> Reals:
    return Reals.values(y)


SETS: dict[str, Callable[[int], Problem]] = {
    "digits, clean": lambda s: noisy("digits", None, s),
    "digits, 20 % even": lambda s: noisy("digits", even(0.2), s),
    "digits, 50 % even": lambda s: noisy("digits", even(0.5), s),
    "digits, 30 % to the next": lambda s: noisy("digits", to_next(0.3), s),
    "AG News, clean": lambda s: noisy("ag_news", None, s),
    "AG News, 30 % even": lambda s: noisy("ag_news", even(0.3), s),
    "AG News, 30 % to the next": lambda s: noisy("ag_news", to_next(0.3), s),
    "German credit, 20 % even": lambda s: noisy("german_credit", even(0.2), s),
    "CIFAR-10N, aggregate": lambda s: _cifar("aggregate", s),
    "CIFAR-10N, random1": lambda s: _cifar("random1", s),
    "CIFAR-10N, worse": lambda s: _cifar("worse", s),
    "LabelMe, one vote a row": labelme_one,
    "Adult, as it is": lambda s: noisy("adult", None, s),
    "Adult, 30 % even": lambda s: noisy("adult", even(0.3), s),
    "SMS, 20 % even": lambda s: noisy("sms", even(0.2), s),
    "SST-2, 20 % even": lambda s: noisy("sst2", even(0.2), s),
    "Yoruba, 30 % even": lambda s: noisy("yoruba", even(0.3), s),
    "LabelMe, all votes": labelme_votes,
    "Lost, its candidate sets": lambda s: real_candidates("lost", s),
    "BirdSong, its candidate sets": lambda s: real_candidates("birdsong", s),
    "digits, candidates at 0.3": lambda s: candidates("digits", 0.3, s),
    "AG News, candidates at 0.4": lambda s: candidates("ag_news", 0.4, s),
    "CIFAR-10, candidates at 0.3": lambda s: cifar_candidates(0.3, s),
    "emotions, one tag a row": lambda s: tags("emotions", s),
    "scene, one tag a row": lambda s: tags("scene", s),
    "yeast, one tag a row": lambda s: tags("yeast", s),
    "birds, one tag a row": lambda s: tags("birds", s),
    "medical, one tag a row": lambda s: tags("medical", s),
    "scene, all tags": lambda s: tags("scene", s, single=False),
    "yeast, all tags": lambda s: tags("yeast", s, single=False),
    "digits, bags of 8": lambda s: bags("digits", 8, s),
    "digits, bags of 20": lambda s: bags("digits", 20, s),
    "AG News, bags of 8": lambda s: bags("ag_news", 8, s),
    "CIFAR-10, bags of 8": lambda s: bags("cifar10", 8, s),
    "Adult, bags of 20": lambda s: bags("adult", 20, s),
    "California housing, as it is": lambda s: numbers("california_housing", _as_they_are, s),
    "California housing, intervals": lambda s: numbers("california_housing", _intervals, s),
    "California housing, 30 % heavy tails": lambda s: numbers("california_housing", _heavy, s),
    "bike hours, 40 % too low": lambda s: numbers("bike_hours", _too_low, s),
    "bike hours, capped": lambda s: numbers("bike_hours", _capped, s),
    "401(k), as it is": lambda s: numbers("pension401k", _as_they_are, s),
}


@lru_cache(maxsize=4)
def problem(name: str, seed: int) -> Problem:
    """Return the problem of a set and a seed; the last few are remembered."""
    return SETS[name](seed)
