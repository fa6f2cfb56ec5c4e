"""Can the noise in these votes be told from the votes alone? The measure of [P125].

One confusion table is estimated from the votes (Dawid and Skene), then Kruskal's condition is put to m labels through
it for m = 1, 2, …: with one or two labels an item, several noises explain the same votes, whatever a model estimates.

Source: Liu, Cheng, Zhang, Identifiability of Label Noise Transition Matrix, ICML 2023 [P125].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Section, TableRows
from labelwright.noise.identifiability import Identifiability, check_identifiable
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
MOST_LABELS = 6
MOST_CELLS = 400
UNSTABLE = 0.1


class NoiseIdentifiability:
    """Says how many independent labels an item determine the noise, and how many items have so many [P125].

    Parameters
    ----------
    tol : float, optional
        Singular values of the table below `tol` times the largest count as 0. By default the standard error of the
        table that the votes give.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, 300)
    >>> said = np.where(rng.random((300, 3)) < 0.2, 1 - truth[:, None], truth[:, None])
    >>> report = NoiseIdentifiability().measure(Votes.from_matrix(said, n_classes=2), ("no", "yes"))
    >>> [row[3] for row in report.section("How many labels an item").tables[0].rows[:3]]
    ['not identifiable', 'not identifiable', 'identifiable']
    """

    def __init__(self, tol: float | None = None) -> None:
        if tol is not None and not 0 <= tol < 1:
            raise BadInput(f"tol is {tol!r}", fix="give a tolerance in [0, 1)")
        self.tol = tol

    def measure(self, votes: Votes, classes: Sequence[str]) -> Report:
        """Return the report.

        Parameters
        ----------
        votes : Votes
            Of classes; the labels of one item must be independent of each other given its true class.
        classes : sequence of str, length K
        """
        counts = expected_counts(votes, len(classes))
        table = TransitionMatrix.from_counts(counts)
        tol = standard_error(counts) if self.tol is None else self.tol
        labels = people_asked(votes)
        answers = {m: check_identifiable(table, m, tol) for m in range(1, max(MOST_LABELS, int(labels.max())) + 1)}
        enough = next((m for m, answer in answers.items() if answer), None)
        known = 0 if enough is None else int(np.count_nonzero(labels >= enough))
        asked = int(np.count_nonzero(labels))
        typical = int(np.median(labels[labels > 0]))
        return Report(
            "Can the noise be told from the votes?",
            (
                _labels_section(answers, labels, tol, enough, known, asked),
                _table_section(table, classes, answers[1], tol),
            ),
            _verdict(answers, enough, known, asked, typical),
            {
                "items with a label": asked,
                "labels": int(labels.sum()),
                "labels of the typical item": typical,
                "labels an item that determine the noise": enough,
                "items with so many": known,
            },
            _steps(answers, enough, known, asked),
        )


def expected_counts(votes: Votes, n_classes: int) -> Floats:
    """Return how often each class was said of items of each true class by Dawid and Skene's model, float64 (K, K)."""
    said = votes.value >= 0
    if n_classes < 2:
        raise BadInput("all labels are the same", fix="give votes with at least two classes")
    truth = DawidSkene().fit(votes).predict_proba(votes)
    counts = np.zeros((n_classes, n_classes))
    weight = np.ones(len(said)) if votes.weight is None else votes.weight
    np.add.at(counts.T, votes.value[said], truth[votes.row[said]] * weight[said, None])
    return counts


def people_asked(votes: Votes) -> NDArray[np.int64]:
    """Return how many sources gave a label to each item, int64 (n,); a source that repeats itself counts once."""
    said = votes.value >= 0
    pairs = np.unique(np.stack([votes.row[said], votes.source[said]], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=votes.n_rows)


def standard_error(counts: ArrayLike) -> float:
    """Return the standard error of the table that counts give, as a share of its largest singular value; in [0, 1).

    Examples
    --------
    >>> round(standard_error([[80, 20], [20, 80]]), 3)
    0.08
    """
    n = np.asarray(counts, dtype=np.float64)
    totals = n.sum(axis=1, keepdims=True)
    shares = np.divide(n, totals, out=np.eye(len(n)), where=totals > 0)
    variance = np.divide(shares * (1 - shares), totals, out=np.zeros_like(n), where=totals > 0)
    top = float(np.linalg.svd(shares, compute_uv=False)[0])
    return min(float(np.sqrt(variance.sum())) / top, 0.999)


def _labels_section(
    answers: dict[int, Identifiability], labels: NDArray[np.int64], tol: float, enough: int | None, known: int, n: int
) -> Section:
    rows: TableRows = tuple(
        (
            f"{m} label{'s' if m > 1 else ''}",
            int(np.count_nonzero(labels == m)),
            int(np.count_nonzero(labels >= m)),
            answer.answer,
            answer.total,
            answer.needed,
        )
        for m, answer in answers.items()
        if m <= MOST_LABELS or (labels == m).any()  # beyond, numbers of labels that no item has say nothing
    )
    columns = ("labels an item", "items", "items with as many or more", "the noise is", "Kruskal ranks", "needed")
    alerts: tuple[Alert, ...] = ()
    if known < n / 2:
        alerts = (
            Alert(
                "label noise",
                "serious" if not known else "caution",
                f"{known:,} of {n:,} items have as many labels as determine the noise: an estimate from the rest rests "
                "on what the model supposes.",
                mitigation=answers[2].advice if enough is None else "Ask more people about the same items.",
            ),
        )
    return Section(
        "How many labels an item",
        "Kruskal's condition for so many independent labels through the table below. Labels that copy each other, or "
        "err on the same hard items, count for less than they seem.",
        {"singular values below this share count as 0": round(tol, 4)},
        (ReportTable("Items by their labels", columns, rows, plot=Plot("bars", ("items",))),),
        alerts,
    )


def _table_section(table: TransitionMatrix, classes: Sequence[str], one: Identifiability, tol: float) -> Section:
    k = len(classes)
    gaps = np.abs(table.matrix[:, None] - table.matrix[None]).sum(axis=2) / 2 + 2 * np.eye(k)
    a, b = divmod(int(gaps.argmin()), k)
    tables: tuple[ReportTable, ...] = ()
    if k * k <= MOST_CELLS:
        rows: TableRows = tuple(
            (name, *(round(float(p), 4) for p in row)) for name, row in zip(classes, table.matrix, strict=True)
        )
        said = tuple(f"said {name}" for name in classes)
        heat = Plot("heat", said, unit="share")
        tables = (ReportTable("What is said of items of each class", ("true class", *said), rows, plot=heat),)
    weak = one.smallest_singular_value < max(UNSTABLE, 2 * tol)
    message = f"{classes[a]} and {classes[b]} are answered nearly alike, so that estimates are unstable."
    alerts = (Alert("label noise", "caution", message, mitigation="Merge them, or ask who can tell them apart."),)
    return Section(
        "What is said of each class",
        "Estimated from the votes by the model of Dawid and Skene, all annotators together. Rows are true classes.",
        {
            "smallest singular value": round(one.smallest_singular_value, 4),
            "classes that are hardest to tell apart": f"{classes[a]} / {classes[b]}",
            "distance of their rows": round(float(gaps[a, b]), 4),
        },
        tables,
        alerts if weak else (),
    )


def _verdict(answers: dict[int, Identifiability], enough: int | None, known: int, n: int, typical: int) -> str:
    if enough is None:
        return f"The noise cannot be told from votes like these: {answers[max(answers)].reason}."
    share = 100 * known / n
    head = f"{enough} independent labels an item determine the noise; {share:.0f} % of the items have so many."
    if typical >= enough:
        return f"{head} So it can be estimated from these votes."
    return f"{head} The typical item has {typical}: {answers[typical].reason}."


def _steps(answers: dict[int, Identifiability], enough: int | None, known: int, n: int) -> tuple[str, ...]:
    if enough is None:
        return (answers[max(answers)].advice[:1].upper() + answers[max(answers)].advice[1:],)
    if known < n:
        return (
            f"Collect labels until {enough} people have seen the same items: labelwright next says which and whom",
            "Or take the labels of near rows that surely share the true class: labelwright.noise.HighOrderConsensus",
        )
    return ("Merge the votes and weigh the annotators: labelwright aggregate",)
