"""A multi-label test on files: a labelled test set, what people said of it and the models' probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelwright.audit.label_shares import shares_of_file
from labelwright.audit.labelled_file import LabelledFile
from labelwright.audit.measure_inputs import classes_of
from labelwright.audit.model_predictions import class_scores, model_names
from labelwright.audit.multilabel_eval import propose_valid, valid_from_shares
from labelwright.audit.multilabel_test import MultiLabelTest
from labelwright.errors import BadInput
from labelwright.metrics.report import Report


def multilabel_test_of_files(
    rows: LabelledFile,
    *,
    pred_probs: Sequence[Path],
    votes: Path | None = None,
    least_share: float = 0.2,
) -> Report:
    """Read a test set, what people said of it and the models' probabilities, and measure.

    Parameters
    ----------
    rows : LabelledFile
        Its split column names the test set of each row.
    pred_probs : sequence of Path
        One a model; without `votes` the first proposes the label sets.
    votes : Path, optional
        Votes or soft labels; a class with `least_share` of an item's votes is valid.
    """
    if not pred_probs:
        raise BadInput("there is no model", fix="pass --pred-probs, once a model")
    dataset = rows.load()
    classes = classes_of(dataset)
    scores = {name: class_scores(path, dataset) for name, path in zip(model_names(pred_probs), pred_probs, strict=True)}
    if votes is not None:
        valid = valid_from_shares(shares_of_file(votes, dataset).shares, least_share)
    else:
        valid = propose_valid(dataset.labels, next(iter(scores.values())))
    split = rows.columns.get("split")
    parts = None if split is None else [str(value) for value in dataset.column(split).to_pylist()]
    return MultiLabelTest().measure(
        scores, dataset.labels, valid, classes, parts=parts, ids=dataset.ids.tolist(), proposed=votes is None
    )
