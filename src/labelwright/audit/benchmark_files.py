"""A review of test labels on files: which items to look at, and what the votes about them do to the ranking [P016]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.benchmark_review import BenchmarkReview
from labelwright.audit.label_review import flag_candidates
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of
from labelwright.audit.model_predictions import class_scores, model_names, predicted_classes
from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.dataset import Dataset
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.metrics.checks import as_labels
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Report, ReportTable, Section, TableRows

Codes = NDArray[np.int64]
VOTE_COLUMNS = ("n_given", "n_guessed", "n_both", "n_neither")


def review_candidates(labels: ArrayLike, pred_probs: ArrayLike, classes: Sequence[str], ids: Sequence[str]) -> Report:
    """Return the first half of the work: the items to review, as a table that reviewers fill."""
    y = as_labels("labels", labels, len(classes))
    found = flag_candidates(y, pred_probs)
    rows: TableRows = tuple(
        (ids[row], classes[y[row]], classes[guess], 0, 0, 0, 0)
        for row, guess in zip(found.rows.tolist(), found.guessed.tolist(), strict=True)
    )
    share = len(rows) / max(len(y), 1)
    table = ReportTable(
        "Items to review, most suspect first",
        ("id", "given", "guessed", *VOTE_COLUMNS),
        rows,
        True,
        file="to_review.csv",
    )
    return Report(
        "Which test labels should people look at?",
        (
            Section(
                "Items to review",
                "Confident learning flags them from out-of-sample probabilities. Ask five people about each: is it the "
                "given label, the guessed one, both or neither?",
                tables=(table,),
            ),
        ),
        f"{len(rows):,} of {len(y):,} test labels ({percent(share)}) should be reviewed.",
        {"test items": len(y), "to review": len(rows)},
        (
            "Write the numbers of votes into n_given, n_guessed, n_both and n_neither of to_review.csv, then run this "
            "again with --votes and a --predictions for each model",
        ),
    )


def benchmark_of_files(
    rows: LabelledFile,
    *,
    predictions: Sequence[Path] = (),
    votes: Path | None = None,
    pred_probs: Path | None = None,
    n_flagged: int | None = None,
) -> Report:
    """Read a test set, its review and the models' predictions, and measure; without votes list what to review.

    Parameters
    ----------
    rows : LabelledFile
    predictions : sequence of Path
        One a model: id and prediction, or probabilities.
    votes : Path, optional
        A table with id, guessed, n_given, n_guessed, n_both and n_neither.
    pred_probs : Path, optional
        Out-of-sample probabilities that candidates for review are flagged from.
    n_flagged : int, optional
        As in `BenchmarkReview`.
    """
    dataset = rows.load()
    classes, ids = classes_of(dataset), dataset.ids.tolist()
    if votes is None:
        if pred_probs is None:
            raise BadInput(
                "there is neither a review nor probabilities",
                fix="pass --votes, or --pred-probs to list what to review",
            )
        return review_candidates(dataset.labels, class_scores(pred_probs, dataset), classes, ids)
    if not predictions:
        raise BadInput("there is no model to rank", fix="pass --predictions, once a model")
    reviewed, guessed, counts = _read_review(votes, dataset)
    answers = {
        name: predicted_classes(path, dataset) for name, path in zip(model_names(predictions), predictions, strict=True)
    }
    return BenchmarkReview(seed=rows.seed).measure(
        dataset.labels,
        answers,
        classes,
        reviewed=reviewed,
        guessed=guessed,
        votes=counts,
        n_flagged=n_flagged,
        ids=ids,
    )


def _read_review(path: Path, dataset: Dataset) -> tuple[Codes, Codes, Codes]:
    """Return rows, offered classes and votes of the reviewed items; rows without a vote were not reviewed."""
    assert dataset.space is not None
    table = read_source(path).table
    absent = [name for name in ("id", "guessed", *VOTE_COLUMNS) if name not in table.column_names]
    if absent:
        raise BadInput(
            f"it has no column {quoted(absent[0])}", where=path.name, fix=f"give id, guessed, {', '.join(VOTE_COLUMNS)}"
        )
    columns = [numbers(table.column(name)) for name in VOTE_COLUMNS]
    if any(column is None for column in columns):
        raise BadInput("a number of votes is no number", where=path.name, fix="write 0 where nobody chose an answer")
    counts = np.nan_to_num(np.stack([np.asarray(column) for column in columns], axis=1))
    row_of = {one: row for row, one in enumerate(dataset.ids.tolist())}
    rows, guesses, kept = [], [], []
    offers = zip(
        cell_texts(table.column("id")).to_pylist(), cell_texts(table.column("guessed")).to_pylist(), strict=True
    )
    for at, (one, guess) in enumerate(offers):
        if not counts[at].sum():
            continue
        if str(one) not in row_of:
            raise BadInput(f"there is no row {quoted(one)}", where=path.name, fix="name the id column with --id")
        if guess is not None and guess not in dataset.space.index:
            fix = did_you_mean(str(guess), dataset.space.names)
            raise BadInput(f"{quoted(guess)} is not among the classes", where=path.name, fix=fix)
        rows.append(row_of[str(one)])
        guesses.append(-1 if guess is None else dataset.space.index[guess])
        kept.append(at)
    if not rows:
        raise BadInput("no item has a vote", where=path.name, fix="fill the columns of votes")
    return np.array(rows), np.array(guesses), counts[kept].astype(np.int64)
