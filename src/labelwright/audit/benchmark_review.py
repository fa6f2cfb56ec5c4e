"""The measure of [P016]: what a review of test labels does to the ranking of models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.benchmark_stability import BenchmarkStability
from labelwright.audit.label_review import CORRECTABLE, OUTCOMES, RIGHT, error_prevalence, resolve_review_votes
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_labels, row_names, same_length
from labelwright.metrics.intervals import Interval
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Scalar, Section, TableRows

Codes = NDArray[np.int64]
VOTE_COLUMNS = ("n_given", "n_guessed", "n_both", "n_neither")
STEPS, MOST_DRAWN, MOST_PAIRED = 21, 9, 12


class BenchmarkReview:
    """Corrects test labels by reviewers' votes and says whether models change places [P016].

    Parameters
    ----------
    n_bootstrap : int, default 1000
    seed : int, default 0
    """

    def __init__(self, n_bootstrap: int = 1000, seed: int = 0) -> None:
        if n_bootstrap < 1:
            raise BadInput(f"{n_bootstrap} resamples make no interval", fix="give 1 or more")
        self.n_bootstrap, self.seed = n_bootstrap, seed

    def measure(
        self,
        labels: ArrayLike,
        predictions: Mapping[str, ArrayLike],
        classes: Sequence[str],
        *,
        reviewed: ArrayLike,
        guessed: ArrayLike,
        votes: ArrayLike,
        n_flagged: int | None = None,
        ids: Sequence[str] | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        labels : int array (n,)
            Test labels as given.
        predictions : mapping of name to int array (n,)
            What each model predicts.
        classes : sequence of str, length K
        reviewed : int array (m,)
            Rows that people looked at.
        guessed : int array (m,)
            The label that they were offered beside the given one.
        votes : int array (m, 4)
            Their votes: given, guessed, both, neither.
        n_flagged : int, optional
            Items that were flagged, when only a random sample of them was reviewed.
        ids : sequence of str, optional
        """
        y = as_labels("labels", labels, len(classes))
        rows, guess = as_codes("reviewed", reviewed), as_labels("guessed", guessed, len(classes))
        outcome = resolve_review_votes(votes) if len(rows) else np.empty(0, np.int64)
        same_length(reviewed=rows, guessed=guess, votes=outcome)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(y) or len(np.unique(rows)) < len(rows)):
            raise BadInput("reviewed names a row twice, or one that is not there")
        corrected = y.copy()
        corrected[rows[outcome != RIGHT]] = -1
        fixed = rows[outcome == CORRECTABLE]
        corrected[fixed] = guess[outcome == CORRECTABLE]
        stability = BenchmarkStability(y, corrected, predictions)
        wrong = int((outcome != RIGHT).sum())
        rate = error_prevalence(len(y), max(n_flagged or 0, len(rows)), len(rows), wrong)
        names = row_names(ids, len(y))
        pairs = self._crossings(stability)
        return Report(
            "Does the ranking survive correct test labels?",
            (
                _review_section(y, rows, guess, outcome, classes, names, rate),
                _models_section(stability),
                _curve_section(stability, pairs, self._agreement(stability)),
            ),
            _verdict(stability, rate, pairs),
            {
                "test items": len(y),
                "reviewed": len(rows),
                "wrong labels found": wrong,
                "share of wrong labels, at least": round(rate.estimate, 5) if math.isfinite(rate.estimate) else None,
                "models": len(stability.names),
            },
            _steps(rate, wrong, pairs),
        )

    def _crossings(self, stability: BenchmarkStability) -> list[tuple[str, str, Interval]]:
        """Return the pairs of the best models that change places, nearest to the present share first."""
        order = np.argsort(-stability.on_right, kind="stable")[:MOST_PAIRED]
        best = [stability.names[i] for i in order.tolist()]
        found = []
        for i, a in enumerate(best):
            for b in best[i + 1 :]:
                if stability.n_errors and math.isfinite(stability.crossover(a, b)):
                    found.append((a, b, stability.crossover_interval(a, b, self.seed, self.n_bootstrap)))
        return sorted(found, key=lambda pair: abs(pair[2].estimate - stability.prevalence))

    def _agreement(self, stability: BenchmarkStability) -> Interval | None:
        if len(stability.names) < 2 or not stability.n_errors:
            return None
        return stability.rank_agreement_interval(stability.prevalence, self.seed, self.n_bootstrap)


def _review_section(
    y: Codes,
    rows: Codes,
    guess: Codes,
    outcome: Codes,
    classes: Sequence[str],
    names: Sequence[str],
    rate: Interval,
) -> Section:
    counts = np.bincount(outcome, minlength=len(OUTCOMES))
    told: TableRows = tuple((word, int(n)) for word, n in zip(OUTCOMES, counts, strict=True))
    at = np.flatnonzero(outcome != RIGHT)
    listed: TableRows = tuple(
        (names[rows[i]], classes[y[rows[i]]], classes[guess[i]] if guess[i] >= 0 else None, OUTCOMES[outcome[i]])
        for i in at.tolist()
    )
    fixes: TableRows = tuple(
        (names[rows[i]], "relabel", classes[guess[i]], "majority of reviewers")
        for i in np.flatnonzero(outcome == CORRECTABLE).tolist()
    )
    return Section(
        "What the reviewers found",
        "A label is wrong when no majority of the reviewers kept it. Only reviewed items can be found wrong, so the "
        "share is a lower bound. Items with several labels, none, or no agreement are left out of the comparison "
        "below.",
        {
            "share of wrong labels, at least": round(rate.estimate, 5) if math.isfinite(rate.estimate) else None,
            "95 % interval": f"{rate.low:.5f} to {rate.high:.5f}",
            "reviewed labels that were wrong": round(len(at) / len(rows), 4) if len(rows) else None,
        },
        (
            ReportTable("Outcome of the review", ("outcome", "items"), told, plot=Plot("bars", ("items",))),
            ReportTable("Wrong labels", ("id", "given", "offered", "outcome"), listed, True, file="wrong_labels.csv"),
            ReportTable("Decisions", ("id", "decision", "label", "note"), fixes, True, file="decisions.csv"),
        ),
    )


def _models_section(stability: BenchmarkStability) -> Section:
    v = stability.prevalence
    curve = stability.curve([v if stability.n_errors else 0.0])
    original, corrected = curve.original[:, 0], curve.corrected[:, 0]
    place = {"before": _places(original), "after": _places(corrected)}
    rows: TableRows = tuple(
        (
            stability.names[i],
            *(
                round(float(value[i]), 5) if math.isfinite(value[i]) else None
                for value in (original, corrected, stability.on_right, stability.on_errors, stability.given_on_errors)
            ),
            int(place["before"][i]),
            int(place["after"][i]),
        )
        for i in np.argsort(-corrected, kind="stable").tolist()
    )
    columns = (
        *("model", "accuracy, given labels", "accuracy, corrected labels", "on right labels"),
        *("on corrected items", "repeats the wrong label", "place before", "place after"),
    )
    return Section(
        "The models",
        "Accuracy over items whose label is right or was corrected. A model that repeats wrong labels has learned "
        "them: it looks better by the given labels than it is.",
        {"items compared": stability.n_errors + stability.n_right, "corrected items": stability.n_errors},
        (ReportTable("Accuracy by given and by corrected labels", columns, rows, plot=_bars(columns[2])),),
    )


def _bars(column: str) -> Plot:
    return Plot("bars", (column,), unit="share")


def _places(accuracy: NDArray[np.float64]) -> Codes:
    """Return the place of each model, 1 = best; equal ones share it."""
    return 1 + (accuracy[None, :] > accuracy[:, None]).sum(axis=1).astype(np.int64)


def _curve_section(
    stability: BenchmarkStability, pairs: Sequence[tuple[str, str, Interval]], agreement: Interval | None
) -> Section:
    if not stability.n_errors:
        return Section("With more wrong labels", "No label was corrected, so there is nothing to compare.")
    order = np.argsort(-stability.on_right, kind="stable")[:MOST_DRAWN]
    names = tuple(f"{stability.names[i]}" for i in order.tolist())
    curve = stability.curve(np.linspace(0, 1, STEPS))
    tables = []
    for title, values in (("corrected", curve.corrected), ("given", curve.original)):
        rows: TableRows = tuple(
            (round(float(v), 4), *(round(float(a), 5) for a in values[order, k]))
            for k, v in enumerate(curve.prevalence)
        )
        tables.append(
            ReportTable(
                f"Accuracy by {title} labels, by the share of wrong ones",
                ("share of wrong labels", *names),
                rows,
                plot=Plot("lines", names, unit="share"),
            )
        )
    now = stability.prevalence
    listed: TableRows = tuple(
        (a, b, round(v.estimate, 4), round(v.estimate - now, 4), round(v.low, 4), round(v.high, 4)) for a, b, v in pairs
    )
    columns = ("better with fewer errors", "better with more", "change at", "against now", "low", "high")
    tables.append(ReportTable("Models that change places", columns, listed))
    scalars: dict[str, Scalar] = {"share of wrong labels now": round(now, 5)}
    if agreement is not None and math.isfinite(agreement.estimate):
        scalars |= {
            "Kendall's tau of both rankings": round(agreement.estimate, 3),
            "95 % interval": f"{agreement.low:.3f} to {agreement.high:.3f}",
        }
    return Section(
        "With more wrong labels",
        "What the accuracies would be if right items were taken away at random until a larger share of the rest is "
        "wrong. Where two lines of corrected accuracy cross, the models change places; a test set that is noisier "
        "than that picks the wrong one. Intervals are a paired bootstrap over items.",
        scalars,
        tuple(tables),
        _change_alerts(stability),
    )


def _change_alerts(stability: BenchmarkStability) -> tuple[Alert, ...]:
    curve = stability.curve([stability.prevalence])
    before, after = curve.original[:, 0].argmax(), curve.corrected[:, 0].argmax()
    if curve.corrected[before, 0] >= curve.corrected[after, 0]:
        return ()
    return (
        Alert(
            "label quality",
            "serious",
            f"By the given labels {stability.names[before]} is best, by corrected ones {stability.names[after]}.",
            mitigation="Choose models by the corrected labels.",
            mitigation_possible="yes",
        ),
    )


def _verdict(stability: BenchmarkStability, rate: Interval, pairs: Sequence[tuple[str, str, Interval]]) -> str:
    share = f"At least {percent(rate.estimate, 2)} of the test labels are wrong." if rate.estimate > 0 else ""
    if not stability.n_errors:
        return f"{share} No label was corrected, so the ranking stands.".strip()
    alert = _change_alerts(stability)
    if alert:
        return f"{share} {alert[0].message}"
    above = [pair for pair in pairs if pair[2].estimate > stability.prevalence]
    if not above:
        return f"{share} The best model stays the best with corrected labels, whatever their share."
    a, b, v = above[0]
    return (
        f"{share} The best model stays the best with corrected labels; {b} would overtake {a} at "
        f"{percent(v.estimate)} of wrong labels ({100 * v.low:.1f} to {percent(v.high)})."
    )


def _steps(rate: Interval, wrong: int, pairs: Sequence[object]) -> tuple[str, ...]:
    if not wrong:
        return ("Nothing needs to be done: the reviewers kept every label that they saw",)
    steps = ["Correct the test set: labelwright apply DATA decisions.csv --out MENDED, then score the models again"]
    if pairs:
        steps.append("Compare models on corrected labels only; report both scores")
    return tuple(steps)
