"""The measure of [P023]: what is left of models' mistakes once every acceptable label counts, and of what kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.mistakes import (
    KINDS,
    MistakeContext,
    MistakeReview,
    categorize_mistakes,
    major_error_slice,
    mistakes_of,
    multilabel_accuracy,
    severities,
)
from labelwright.audit.multilabel_targets import MultiLabelTargets
from labelwright.errors import BadInput
from labelwright.metrics.intervals import clopper_pearson
from labelwright.metrics.report import Alert, Picture, Plot, Report, ReportTable, Scalar, Section

MOST_PICTURES = 12
Guesses = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class _Mistakes:
    """Mistakes of the union of models: one entry a (row, predicted class)."""

    rows: NDArray[np.int64]
    predicted: NDArray[np.int64]
    models: list[str]
    kinds: list[str]
    severity: list[str]


class MistakeAnalysis:
    """Scores models against all acceptable labels and sorts what remains by kind and severity [P023].

    The mistakes of all models are reviewed together: reviewing those of one alone would bend the labels towards it.

    Parameters
    ----------
    minor : float, default 0.2
        Share of people giving the predicted class from which a mistake is borderline.
    """

    def __init__(self, minor: float = 0.2) -> None:
        if not 0 < minor <= 1:
            raise BadInput(f"minor is {minor}", fix="give a share in (0, 1]")
        self.minor = minor

    def measure(
        self,
        predictions: Mapping[str, ArrayLike],
        targets: MultiLabelTargets,
        classes: Sequence[str],
        embeddings: ArrayLike,
        *,
        votes: ArrayLike | None = None,
        parents: Sequence[str] | None = None,
        review: MistakeReview | None = None,
        ids: Sequence[str] | None = None,
        picture: Callable[[int], str] | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        predictions : mapping of model name to int (n,)
            The first is the reference model of the slice.
        targets : MultiLabelTargets
        classes : sequence of str, length K
        embeddings : float (n, d)
        votes : int (n, K), optional
            How many people gave each class.
        parents : sequence of str, length K, optional
            The coarse class of each class.
        review : MistakeReview, optional
            What a panel decided of an earlier report.
        ids : sequence of str, optional
        picture : callable, optional
            A row's picture as a PNG data URI.
        """
        if not predictions:
            raise BadInput("there are no predictions", fix="give those of at least one model")
        if targets.n_classes != len(classes):
            raise BadInput(f"there are {len(classes)} classes and targets for {targets.n_classes}")
        names = [str(i) for i in range(len(targets))] if ids is None else [str(one) for one in ids]
        guesses = {name: np.asarray(guess, dtype=np.int64) for name, guess in predictions.items()}
        after = targets if review is None else review.update(targets)
        found = self._mistakes(guesses, after, MistakeContext(embeddings, parents), votes, review)
        reference = next(iter(guesses))
        major = found.rows[
            [
                s == "major" and guesses[reference][r] == p
                for s, r, p in zip(found.severity, found.rows, found.predicted, strict=True)
            ]
        ]
        rest = {name: guess for name, guess in guesses.items() if name != reference}
        watch = major_error_slice(np.unique(major), rest, after)
        reviewed = review is not None
        return Report(
            "What is left of the mistakes",
            (
                _models_section(guesses, targets, after, classes, reviewed),
                _kinds_section(found, classes, targets.original),
                _sheet_section(found, after, classes, names, picture),
                _slice_section(watch, guesses, after, classes, names, reference),
            ),
            _verdict(guesses, after, found, reference),
            {
                "rows": len(targets),
                "models": len(guesses),
                "mistakes left": len(found.rows),
                "major": found.severity.count("major"),
                "rows to watch": len(watch),
            },
            _steps(found, reviewed, votes is not None),
        )

    def _mistakes(
        self,
        guesses: Guesses,
        targets: MultiLabelTargets,
        context: MistakeContext,
        votes: ArrayLike | None,
        review: MistakeReview | None,
    ) -> _Mistakes:
        by: dict[tuple[int, int], list[str]] = {}
        kind: dict[tuple[int, int], str] = {}
        weight: dict[tuple[int, int], str] = {}
        for name, guess in guesses.items():
            rows = mistakes_of(guess, targets)
            kinds = categorize_mistakes(rows, guess, targets, context)
            for row, one, bad in zip(rows.tolist(), kinds, severities(rows, guess, votes, self.minor), strict=True):
                key = (row, int(guess[row]))
                by.setdefault(key, []).append(name)
                kind.setdefault(key, one)
                weight.setdefault(key, bad)
        if review is not None:
            told = zip(review.rows.tolist(), review.predicted.tolist(), review.severity, strict=True)
            weight |= {(row, guess): bad for row, guess, bad in told if bad and (row, guess) in by}
        order = sorted(by, key=lambda key: (-len(by[key]), key))
        return _Mistakes(
            np.array([row for row, _ in order], np.int64),
            np.array([guess for _, guess in order], np.int64),
            [", ".join(by[key]) for key in order],
            [kind[key] for key in order],
            [weight[key] for key in order],
        )


def _models_section(
    guesses: Guesses, before: MultiLabelTargets, after: MultiLabelTargets, classes: Sequence[str], reviewed: bool
) -> Section:
    single = MultiLabelTargets.single(before.original, len(classes))
    stages = {"given label only": single, "all acceptable labels": before}
    if reviewed:
        stages["after the review"] = after
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
        (
            name,
            *(round(multilabel_accuracy(guess, target), 4) for target in stages.values()),
            len(mistakes_of(guess, after)),
        )
        for name, guess in guesses.items()
    )
    columns = ("model", *stages, "mistakes left")
    counted = int((before.valid.sum(axis=1) > 1).sum())
    return Section(
        "The models",
        "Accuracy is averaged over classes. A prediction is right when it is acceptable or nobody can rule it out.",
        {"rows with several right labels": counted, "rows left out as problematic": int(after.problematic.sum())},
        (ReportTable("Accuracy", columns, rows, plot=Plot("bars", (list(stages)[-1],), unit="share")),),
    )


def _kinds_section(found: _Mistakes, classes: Sequence[str], labels: NDArray[np.int64]) -> Section:
    levels = [s for s in ("major", "minor", "borderline", "not judged") if s in found.severity]
    both = list(zip(found.kinds, found.severity, strict=True))
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
        (kind, found.kinds.count(kind), *(both.count((kind, level)) for level in levels))
        for kind in KINDS
        if kind in found.kinds
    )
    pairs: dict[str, int] = {}
    for row, guess in zip(found.rows.tolist(), found.predicted.tolist(), strict=True):
        name = f"{classes[labels[row]]} → {classes[guess]}"
        pairs[name] = pairs.get(name, 0) + 1
    top = sorted(pairs.items(), key=lambda one: (-one[1], one[0]))[:12]
    alerts: tuple[Alert, ...] = ()
    if found.severity and "not judged" in found.severity:
        alerts = (
            Alert(
                "label quality",
                "info",
                "Nobody's votes say how bad these mistakes are.",
                mitigation="Give the votes of people, or let a panel fill in the severity in mistakes.csv.",
            ),
        )
    return Section(
        "What kind of mistakes",
        "A first pass by class hierarchy, confusion and features; a panel decides. Major: nobody gave that label.",
        tables=(
            ReportTable("Kinds", ("kind", "mistakes", *levels), rows, plot=Plot("bars", ("mistakes",))),
            ReportTable("Given → predicted", ("pair", "mistakes"), tuple(top), plot=Plot("bars", ("mistakes",))),
        ),
        alerts=alerts,
    )


def _sheet_section(
    found: _Mistakes,
    targets: MultiLabelTargets,
    classes: Sequence[str],
    names: Sequence[str],
    picture: Callable[[int], str] | None,
) -> Section:
    rows: tuple[tuple[Scalar, ...], ...] = tuple(
        (
            names[row],
            classes[targets.original[row]],
            classes[guess],
            "; ".join(classes[c] for c in np.flatnonzero(targets.valid[row]).tolist()),
            kind,
            bad if bad != "not judged" else "",
            models,
            "",
        )
        for row, guess, kind, bad, models in zip(
            found.rows.tolist(), found.predicted.tolist(), found.kinds, found.severity, found.models, strict=True
        )
    )
    columns = ("id", "given", "predicted", "acceptable", "kind", "severity", "models", "decision")
    shown = []
    if picture is not None:
        worst = [i for i, bad in enumerate(found.severity) if bad == "major"] or list(range(len(found.rows)))
        for i in worst[:MOST_PICTURES]:
            row = int(found.rows[i])
            title = f"{names[row]}: given {classes[targets.original[row]]}, predicted {classes[found.predicted[i]]}"
            shown.append(Picture(title, picture(row)))
    return Section(
        "The sheet for a panel",
        "Fill in the column decision (correct, unclear, mistake, problematic), correct the severity where needed, and "
        "give the file back with --review: every model is then scored again.",
        tables=(ReportTable("Mistakes of all models", columns, rows, True, file="mistakes.csv"),),
        pictures=tuple(shown),
    )


def _slice_section(
    watch: NDArray[np.int64],
    guesses: Guesses,
    targets: MultiLabelTargets,
    classes: Sequence[str],
    names: Sequence[str],
    reference: str,
) -> Section:
    rows = []
    for name, guess in guesses.items():
        right = int(targets.accepts(guess)[watch].sum())
        low, high = clopper_pearson(right, len(watch))
        rows.append((name, right, len(watch), round(low, 4), round(high, 4)))
    listed: tuple[tuple[Scalar, ...], ...] = tuple(
        (names[row], classes[targets.original[row]], classes[guesses[reference][row]]) for row in watch.tolist()
    )
    return Section(
        "Rows to watch",
        f"Major mistakes of {reference} that most other models share; it scores 0 here by construction. Follow "
        "progress on them, and choose no model by so few rows.",
        tables=(
            ReportTable("Models on these rows", ("model", "right", "rows", "low", "high"), tuple(rows)),
            ReportTable("Rows", ("id", "given", f"{reference} says"), listed, True, file="watch.csv"),
        ),
    )


def _verdict(guesses: Guesses, targets: MultiLabelTargets, found: _Mistakes, reference: str) -> str:
    single = MultiLabelTargets.single(targets.original, targets.n_classes)
    raw = len(mistakes_of(guesses[reference], single))
    left = len(mistakes_of(guesses[reference], targets))
    head = f"{reference} contradicts {raw:,} given labels; {raw - left:,} of these are no mistakes, {left:,} remain."
    judged = [bad for bad in found.severity if bad != "not judged"]
    if not judged:
        return head
    share = 100 * judged.count("major") / len(judged)
    return f"{head} Of the {len(judged):,} mistakes of all models {share:.0f} % are major: nobody gave that label."


def _steps(found: _Mistakes, reviewed: bool, voted: bool) -> tuple[str, ...]:
    steps = []
    if not voted:
        steps.append("Give people's votes (--votes) or acceptable labels (--acceptable) so that right answers count")
    if len(found.rows) and not reviewed:
        steps.append("Let a panel fill in mistakes.csv and run this again with --review mistakes.csv")
    kinds = {kind: found.kinds.count(kind) for kind in found.kinds}
    advice = {
        KINDS[0]: "Most mistakes lie between close classes: write down how to tell them apart, or merge them",
        KINDS[1]: "Many rows show something that no class names: add a class, or take them out",
        KINDS[2]: "Many predictions follow the background: collect rows of these classes in other places",
        KINDS[3]: "Many rows are unlike their class: collect more of that kind",
    }
    if kinds and (top := max(kinds, key=lambda kind: kinds[kind])) in advice:
        steps.append(advice[top])
    return tuple(steps)
