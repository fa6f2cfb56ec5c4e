"""The measure of [P023]: what is left of models' mistakes once every acceptable label counts, and of what kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from labelwright.audit.mistake_sections import (
    Guesses,
    Mistakes,
    kinds_section,
    models_section,
    sheet_section,
    slice_section,
)
from labelwright.audit.mistakes import (
    KINDS,
    MistakeContext,
    MistakeReview,
    categorize_mistakes,
    major_error_slice,
    mistakes_of,
    severities,
)
from labelwright.audit.multilabel_targets import MultiLabelTargets
from labelwright.errors import BadInput
from labelwright.metrics.checks import row_names
from labelwright.metrics.report import Report


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
        names = row_names(ids, len(targets))
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
                models_section(guesses, targets, after, classes, reviewed),
                kinds_section(found, classes, targets.original),
                sheet_section(found, after, classes, names, picture),
                slice_section(watch, guesses, after, classes, names, reference),
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
    ) -> Mistakes:
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
        return Mistakes(
            np.array([row for row, _ in order], np.int64),
            np.array([guess for _, guess in order], np.int64),
            [", ".join(by[key]) for key in order],
            [kind[key] for key in order],
            [weight[key] for key in order],
        )


def _verdict(guesses: Guesses, targets: MultiLabelTargets, found: Mistakes, reference: str) -> str:
    single = MultiLabelTargets.single(targets.original, targets.n_classes)
    raw = len(mistakes_of(guesses[reference], single))
    left = len(mistakes_of(guesses[reference], targets))
    head = f"{reference} contradicts {raw:,} given labels; {raw - left:,} of these are no mistakes, {left:,} remain."
    judged = [bad for bad in found.severity if bad != "not judged"]
    if not judged:
        return head
    share = 100 * judged.count("major") / len(judged)
    return f"{head} Of the {len(judged):,} mistakes of all models {share:.0f} % are major: nobody gave that label."


def _steps(found: Mistakes, reviewed: bool, voted: bool) -> tuple[str, ...]:
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
