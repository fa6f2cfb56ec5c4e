"""Active testing from files: which rows to check for an unbiased test score, and the score once they are checked.
[P107].

`rows_to_check` writes a list of rows in the order of their draws, each with the chance of its draw. People fill in the
true label; `checked_score` reads the list back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.acquire.active_testing import ActiveTester, RiskEstimate, estimate_risk
from labelwright.acquire.contract import Pool, checked_budget
from labelwright.acquire.material import gather_material, model_probs
from labelwright.acquire.questions import Questions, content_of
from labelwright.data.column_types import cell_texts, numbers
from labelwright.data.readers.dispatch import read_source
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.learn.prediction_files import ReadPredictions, read_predictions
from labelwright.metrics.intervals import Interval
from labelwright.metrics.numerals import percent
from labelwright.progress import SILENT, Progress

METHOD = "active testing"


def rows_to_check(
    predictions: Path, data: Path, budget: int, *, label: str | None = None, unlabelled: bool = False,
    features: str | None = None, seed: int = 0, jobs: int = 1, progress: Progress = SILENT, **columns: Any,
) -> Questions:  # fmt: skip
    """Return which rows to check so that few checks tell the accuracy of predictions.

    Parameters
    ----------
    predictions : Path
        Columns ``id`` and ``prediction``, and ``p:CLASS`` where the model has probabilities.
    data : Path
        The rows; their given labels, if any, train the surrogate and are not taken as true.
    budget : int
        Checks.
    label, unlabelled, features, seed, jobs, progress, **columns
        See `gather_material`.

    Notes
    -----
    The surrogate is a linear model on the given labels, out of fold; without labels it is the tested model's own
    probabilities, which is the weak choice, and without those the draw is even.
    """
    checked_budget(budget, 1)
    told = read_predictions(predictions, columns.get("id"))
    found = gather_material(
        data, label=label, unlabelled=unlabelled, features=features, seed=seed, jobs=jobs, progress=progress, **columns
    )
    row_of = {name: row for row, name in enumerate(found.dataset.ids.tolist())}
    place = np.array([row_of.get(name, -1) for name in told.ids], np.int64)
    if not (place >= 0).any():
        raise BadInput("no prediction is about a row of the data", where=predictions.name, fix="give the same --id")
    rows = place[place >= 0]
    names = list(dict.fromkeys([*found.classes, *(name for name in told.predicted)]))
    guess = np.array([names.index(name) for name in told.predicted], np.int64)[place >= 0]
    surrogate, said = _surrogate(found, told, place, names, seed, jobs, progress)
    loss = 1.0 - np.eye(len(names))[guess]
    drawn = ActiveTester(surrogate, loss).select(Pool(pred_probs=surrogate), budget, seed)
    at = rows[drawn.rows]
    return Questions(
        ids=tuple(found.dataset.ids[at].tolist()),
        again=found.told[at],
        ask=(None,) * len(at),
        score=np.asarray(drawn.score),
        reasons=tuple(
            f"Drawn with a chance of {percent(chance, 2)}: the prediction {quoted(names[guess[row]])} is expected to "
            f"be wrong with {percent(risk, 0)}."
            for row, chance, risk in zip(drawn.rows, drawn.probability.tolist(), drawn.score.tolist(), strict=True)
        )
        if drawn.probability is not None
        else (),
        method=METHOD,
        because=said,
        n_rows=len(rows),
        n_told=int(found.told[rows].sum()),
        content=content_of(found.dataset, at),
        rows=at,
        probability=drawn.probability,
        classes=tuple(names),
        notes=found.notes,
    )


def _surrogate(
    found: Any, told: ReadPredictions, place: NDArray[np.int64], names: list[str], seed: int, jobs: int,
    progress: Progress,
) -> tuple[NDArray[np.float64], str]:  # fmt: skip
    """Return probabilities of the predicted rows over all names, (n, K), and whose they are."""
    joined = np.flatnonzero(place >= 0)
    probs = None
    if found.classes:
        probs = model_probs(found.X, found.labels, len(found.classes), seed=seed, jobs=jobs, progress=progress)
    if probs is not None:
        wide = np.zeros((len(joined), len(names)))
        wide[:, : len(found.classes)] = probs[place[joined]]
        return wide, "a linear model on the given labels guesses where the predictions are wrong"
    if told.probs and all(name in told.probs for name in names):
        own = np.column_stack([told.probs[name][joined] for name in names])
        own = own / np.maximum(own.sum(axis=1, keepdims=True), 1e-12)
        return own, "the model's own probabilities guess where it is wrong, for want of given labels"
    return np.full((len(joined), len(names)), 1 / len(names)), "nothing tells where the predictions are wrong"


def checked_score(checked: Path, predictions: Path, *, id: str | None = None) -> tuple[Interval, int]:
    """Return the unbiased accuracy of predictions on all rows they were drawn from, and how many rows were checked.

    Parameters
    ----------
    checked : Path
        The list that `rows_to_check` wrote, with its column ``label`` filled from the top: rows in the order of their
        draws, without a gap.
    predictions : Path

    Raises
    ------
    BadInput
        The list has gaps, was reordered, or names rows without a prediction.
    """
    table = read_source(checked).table
    for name in ("rank", "id", "probability", "pool", "label"):
        if name not in table.column_names:
            raise BadInput(
                f"there is no column {quoted(name)}", where=checked.name, fix="pass the list that next --test wrote"
            )
    rank, chance, pool = (numbers(table.column(name)) for name in ("rank", "probability", "pool"))
    if rank is None or chance is None or pool is None or len(np.unique(pool)) != 1:
        raise BadInput("its numbers were changed", where=checked.name, fix="fill the column 'label' alone")
    order = np.argsort(rank, kind="stable")
    ids = [str(one) for one in cell_texts(table.column("id")).to_pylist()]
    truth = known_texts(table.column("label")).to_pylist()
    filled = [i for i in order.tolist() if truth[i] is not None]
    if not filled:
        raise BadInput("no row has a label yet", where=checked.name, fix="fill the column 'label' from the top")
    if filled != order[: len(filled)].tolist():
        gap = next(i for i in order.tolist() if truth[i] is None)
        raise BadInput(
            f"rank {int(rank[gap])} has no label, and later ones have", where=checked.name,
            fix="check rows in their order: leaving some out would bias the score",
        )  # fmt: skip
    told = read_predictions(predictions, id)
    said = dict(zip(told.ids, told.predicted, strict=True))
    absent = [ids[i] for i in filled if ids[i] not in said]
    if absent:
        raise BadInput(f"{len(absent)} checked row(s) have no prediction: {listed(absent, 3)}", where=checked.name)
    odd = sorted({str(truth[i]) for i in filled} - set(told.predicted))
    known = set(told.predicted) | set(told.probs)
    if odd and told.probs and odd[0] not in known:
        raise BadInput(f"{quoted(odd[0])} is no class", where=checked.name, fix=did_you_mean(odd[0], sorted(known)))
    losses = np.array([float(truth[i] != said[ids[i]]) for i in filled])
    found: RiskEstimate = estimate_risk(losses, chance[filled], int(pool[0]))
    risk = found.interval
    return Interval(1 - risk.estimate, 1 - risk.high, 1 - risk.low), len(filled)


def checked_facts(checked: Path, predictions: Path, *, id: str | None = None) -> dict[str, Any]:
    """Return the score of checked rows as plain facts: ``accuracy_by_active_testing`` and ``n_drawn``."""
    found, n = checked_score(checked, predictions, id=id)
    return {"schema_version": 1, "accuracy_by_active_testing": asdict(found), "n_drawn": n}


def checked_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return what the command line prints of a score by active testing."""
    one, n = facts["accuracy_by_active_testing"], facts["n_drawn"]
    return [
        f"Accuracy by active testing ({n} checked rows, weighted by their draws, unbiased): {percent(one['estimate'])} "
        f"({percent(one['low'])} to {percent(one['high'])})"
    ]


def need_rows(data: Path | None) -> Path:
    """Return the data; BadInput when they were left out."""
    if data is None:
        raise BadInput("there are no labelled rows to evaluate on", fix="name them after the predictions, or --checked")
    return data
