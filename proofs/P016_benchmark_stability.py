"""P016: a model that fits wrong labels loses its place once test labels are right, and reviewed flags show it.

CIFAR-10N, 256 features, human labels as given train and test labels, clean labels as the truth. `worse` (8000 rows to
learn, 6000 to test): a linear model and a network of 512 hidden units that fits its training labels; accuracy of both
on items with wrong labels (e) and right ones (c), and whether their order changes or their gap shrinks steadily as the
share of wrong labels grows. `aggregate` (as many rows): precision of the flags of confident learning against the base
rate; four models (linear, weakly penalised linear, networks of 64 and 512): the accuracies of 200 literal removals of
right items against the closed form, and the crossings seen in them against the bootstrap interval of the closed form.
IMDB, 1310 reviewed items of five votes each: whether majority of the votes gives the published verdicts, the share of
wrong labels, and the precision of our own flags among reviewed items.

The sizes were chosen on seeds 50 and 51.

Source: Northcutt, Athalye, Mueller, Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks,
NeurIPS Datasets and Benchmarks 2021.
"""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, folder, label_errors
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from labelwright.audit import BenchmarkStability, error_prevalence, flag_candidates, resolve_review_votes
from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds

DATA = ("cifar10n", "label_errors_imdb")
BUDGET_S = 240
SEEDS = 5
CLAIM = All(
    Beats(
        baseline="the network",
        seeds=SEEDS,
        metric="accuracy on wrongly labelled items, trained on `worse`",
        method_figure="worse_e_small",
        baseline_figure="worse_e_large",
    ),
    Holds("`worse`: the curves cross or the gap shrinks steadily", ("worse_crosses_or_shrinks",), SEEDS),
    AtMost("removal_off_closed_form", 0.01, seeds=SEEDS),
    AtLeast("crossings_inside_interval", 0.95, seeds=SEEDS),
    AtLeast("flag_precision_over_base", 2.0, seeds=SEEDS),
    Holds("IMDB: the majority of five votes gives every published verdict", ("imdb_verdicts",), SEEDS),
)


def linear(c: float) -> Any:
    """Return a linear model."""
    return LogisticRegression(C=c, max_iter=50)


def network(width: int, epochs: int, seed: int) -> Any:
    """Return a network with one hidden layer."""
    return MLPClassifier((width,), alpha=1e-5, batch_size=256, max_iter=epochs, n_iter_no_change=999, random_state=seed)


def split(noise: Any, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return features, given and true labels of 14,000 rows in random order; 8000 are to learn from."""
    data, _ = cifar10n_features(noise, rows=14_000, seed=seed)
    order = np.random.default_rng(seed).permutation(len(data))
    x = (data.X - data.X.mean(axis=0)) / data.X.std()
    return x[order], data.given[order], data.truth[order]


def on_worse(seed: int) -> dict[str, float]:
    """Compare a small and a large model that learned from `worse` labels."""
    x, given, truth = split("worse", seed)
    models = {"small": linear(0.003), "large": network(512, 15, seed)}
    answers = {name: model.fit(x[:8000], given[:8000]).predict(x[8000:]) for name, model in models.items()}
    s = BenchmarkStability(given[8000:], truth[8000:], answers)
    gap = np.diff(s.curve(np.linspace(0, 1, 21)).corrected, axis=0)[0]
    shrinks = bool((np.diff(np.abs(gap)) < 0).all())
    return {
        "worse_e_small": float(s.on_errors[0]),
        "worse_e_large": float(s.on_errors[1]),
        "worse_c_small": float(s.on_right[0]),
        "worse_c_large": float(s.on_right[1]),
        "worse_crosses_or_shrinks": float(np.isfinite(s.crossover("small", "large")) or shrinks),
    }


def on_aggregate(seed: int) -> dict[str, float]:
    """Measure flags, literal removal and crossings on `aggregate` labels."""
    x, given, truth = split("aggregate", seed)
    models = {
        "strong": linear(0.003),
        "weak": linear(0.1),
        "n64": network(64, 12, seed),
        "n512": network(512, 12, seed),
    }
    answers = {name: model.fit(x[:8000], given[:8000]).predict(x[8000:]) for name, model in models.items()}
    y, right = given[8000:], truth[8000:]
    flags = flag_candidates(y, models["strong"].predict_proba(x[8000:]))
    s = BenchmarkStability(y, right, answers)
    grid, rng = np.linspace(s.prevalence + 0.02, 0.9, 12), np.random.default_rng(seed)
    drawn = np.stack([np.mean([s.removal(v, rng)[1] for _ in range(200)], axis=0) for v in grid], axis=1)
    inside = []
    for a, b in combinations(range(4), 2):
        gap = drawn[a] - drawn[b]
        at = np.flatnonzero(gap[:-1] * gap[1:] < 0)
        if len(at):
            k = at[0]
            seen = grid[k] + (grid[k + 1] - grid[k]) * gap[k] / (gap[k] - gap[k + 1])
            inside.append(float(seen in s.crossover_interval(s.names[a], s.names[b], seed, n=400)))
    return {
        "flag_precision": float((y != right)[flags.rows].mean()),
        "flag_precision_over_base": float((y != right)[flags.rows].mean() / (y != right).mean()),
        "guess_right_among_errors": float((flags.guessed == right[flags.rows])[(y != right)[flags.rows]].mean()),
        "removal_off_closed_form": float(np.abs(drawn - s.curve(grid).corrected).max()),
        "crossings_seen": float(len(inside)),
        "crossings_inside_interval": float(np.mean(inside)) if inside else 1.0,
        "aggregate_rank_agreement": s.rank_agreement(s.prevalence),
    }


def on_imdb() -> dict[str, float]:
    """Resolve the published votes; what is neutral or off topic stands for both and neither."""
    data = label_errors("imdb")
    table = pq.read_table(folder() / "label_errors" / "imdb_mturk.parquet")
    votes = np.stack([table[f"n_{word}"].to_numpy() for word in ("given", "guessed", "neutral", "off_topic")], axis=1)
    outcome = resolve_review_votes(votes)
    rate = error_prevalence(len(data.given), len(votes), len(votes), int((outcome > 0).sum()))
    probs = data.pred_probs / data.pred_probs.sum(axis=1, keepdims=True)  # published with sums of 1.00002
    flags = flag_candidates(data.given, probs).rows
    ours = np.isin(data.checked, flags)
    return {
        "imdb_verdicts": float(np.array_equal(outcome > 0, data.is_error)),
        "imdb_prevalence": rate.estimate,
        "imdb_reviewed_that_we_flag": float(ours.mean()),
        "imdb_precision_of_our_flags": float(data.is_error[ours].mean()),
    }


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {**on_worse(seed), **on_aggregate(seed), **on_imdb()}
