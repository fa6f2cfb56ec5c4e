"""What an acquisition would have done: a labelled set is hidden, and uncovered round by round.

Part of the rows is held out as a test; the rest begins with a few random labels and buys more in rounds. Every method
starts from the same rows, with the same linear model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelwright.acquire.bald import BootstrapCommittee
from labelwright.acquire.contract import Rows
from labelwright.acquire.material import Material
from labelwright.acquire.methods import Method, make
from labelwright.acquire.probe import fit_probe
from labelwright.acquire.rounds import CurveBand, LearningCurve, run_rounds
from labelwright.data.splits import stratified_folds
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

TEST_FOLDS = 4  # one of them is the test
COMMITTEE = 5
RANDOM = "random"


@dataclass(frozen=True)
class ReplayOptions:
    """How a labelled set is replayed.

    Parameters
    ----------
    per_round, rounds : int
        Labels a round, and rounds.
    start : int, optional
        Random labels to begin with; as many as a round, and at least two a class, by default.
    repeats : int
        Splits and starts, for the bands.
    seed : int
    settings : mapping
        Arguments of the methods' constructors; random sampling has none.
    """

    per_round: int
    rounds: int = 8
    start: int | None = None
    repeats: int = 5
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Replay:
    """Learning curves of several methods on one labelled set.

    Parameters
    ----------
    bands : dict of str to CurveBand
        By the method's name; ``"random"`` is always there.
    full : float
        Mean test accuracy with all labels of the pool.
    n_pool, n_test, n_classes : int
    """

    bands: dict[str, CurveBand]
    full: float
    n_pool: int
    n_test: int
    n_classes: int

    def shares(self) -> dict[str, float]:
        """Return what share of random sampling's labels each method needs for the accuracy that it ends with."""
        base = self.bands[RANDOM]
        return {name: band.share_of_labels(base) for name, band in self.bands.items()}


def replay_labels(
    found: Material, methods: Sequence[Method], options: ReplayOptions, progress: Progress = SILENT
) -> Replay:
    """Replay a labelled set with each method, and with random sampling.

    Parameters
    ----------
    found : Material
        At least 20 labelled rows; rows without a label are left out.
    methods : sequence of Method
    options : ReplayOptions

    Raises
    ------
    BadInput
        Too few labels, or a method that cannot be replayed.
    """
    rows = np.flatnonzero(found.labels >= 0)
    labels = found.labels[rows]
    counts = np.bincount(labels, minlength=len(found.classes))
    if len(rows) < 20 or (counts > 0).sum() < 2:
        raise BadInput(
            f"{len(rows)} rows of {int((counts > 0).sum())} classes have a label", fix="replay 20 labelled rows or more"
        )
    if min(options.per_round, options.rounds, options.repeats) < 1:
        raise BadInput("labels a round, rounds and repeats must be at least 1")
    odd = next((method for method in methods if "told" in method.needs), None)
    if odd is not None:
        raise BadInput(f"{odd.name} asks again about labels, and here every row is asked once", fix="leave it out")
    wanted = {method.name: method for method in methods}
    wanted.setdefault(RANDOM, Method(RANDOM, "RandomSampling", (), "drawn"))
    start = options.start or max(options.per_round, 2 * int((counts > 0).sum()))
    curves: dict[str, list[LearningCurve]] = {name: [] for name in wanted}
    full = []
    X = found.X[rows]
    with progress.stage("replaying", options.repeats * len(wanted)) as advance:
        for repeat in range(options.repeats):
            fold = stratified_folds(labels, TEST_FOLDS, options.seed + repeat)
            pool, test = np.flatnonzero(fold > 0), np.flatnonzero(fold == 0)
            first = _first_rows(labels[pool], start, options.seed + repeat)
            fit = fit_probe(len(found.classes), options.seed)
            full.append(_accuracy(fit(X[pool], labels[pool]), X[test], labels[test]))
            for name, method in wanted.items():
                curves[name].append(_one(X, labels, pool, test, first, method, options, repeat, len(found.classes)))
                advance(1)
    bands = {name: CurveBand.of(several) for name, several in curves.items()}
    return Replay(bands, float(np.mean(full)), len(pool), len(test), len(found.classes))


def _first_rows(labels: Rows, size: int, seed: int) -> Rows:
    """Return random rows to start from, one of each class among them."""
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    one_each = order[np.unique(labels[order], return_index=True)[1]]
    rest = order[~np.isin(order, one_each)]
    return np.concatenate([one_each, rest[: max(size - len(one_each), 0)]])


def _one(
    X: Any, labels: Rows, pool: Rows, test: Rows, first: Rows, method: Method, options: ReplayOptions, repeat: int,
    n_classes: int,
) -> LearningCurve:  # fmt: skip
    fit: Any = fit_probe(n_classes, options.seed)
    if "draws" in method.needs:
        single = fit

        def fit(rows: Any, y: Rows) -> Any:
            return BootstrapCommittee(single, COMMITTEE).fit(rows, y, options.seed + repeat)

    found = run_rounds(
        X[pool], lambda rows: labels[pool[rows]], fit, make(method, {} if method.name == RANDOM else options.settings),
        lambda model: _accuracy(model, X[test], labels[test]),
        start=first, rounds=options.rounds, per_round=options.per_round, n_classes=n_classes,
        rng=np.random.default_rng([options.seed, repeat]),
    )  # fmt: skip
    return found.curve


def _accuracy(model: Any, X: Any, labels: Rows) -> float:
    probs = np.asarray(model.predict_proba(X))
    probs = probs.mean(axis=0) if probs.ndim == 3 else probs
    return float((probs.argmax(axis=1) == labels).mean())
