"""Predictions held against the labels of a data set: joined by row, corrected for wrong labels, told in plain words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.material import Clock, Material, gather
from labelwright.audit.noise_rate import NoiseEstimate, estimate_noise
from labelwright.audit.options import AuditOptions
from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset
from labelwright.data.load import load_dataset
from labelwright.data.mend.decisions import Decisions, read_decisions
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.learn.evaluation import NoisyAccuracy, accuracy_under_noise, checked_accuracy
from labelwright.learn.prediction_files import ReadPredictions, read_predictions
from labelwright.metrics.intervals import Interval
from labelwright.progress import SILENT, Progress

SCHEMA_VERSION = 1
FEW_CHECKED = 30


@dataclass(frozen=True)
class Evaluation:
    """What is known of the quality of predictions.

    Parameters
    ----------
    accuracy : NoisyAccuracy
    noise : NoiseEstimate or None
    left_out : int
        Rows that the model was trained on.
    unlabelled, without_prediction : int
        Rows of the data that say nothing.
    coverage : Interval or None
        How often the given label stands in the prediction set; `set_size` is the mean size of the sets.
    """

    accuracy: NoisyAccuracy
    noise: NoiseEstimate | None
    left_out: int
    unlabelled: int
    without_prediction: int
    coverage: Interval | None
    set_size: float | None

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        noise = self.noise
        rate = None if noise is None else {"rate": noise.noise_rate, "low": noise.low, "high": noise.high}
        return {
            "schema_version": SCHEMA_VERSION,
            "n": self.accuracy.n,
            "agreement_with_given_labels": asdict(self.accuracy.agreement),
            "corrected_accuracy": None if self.accuracy.corrected is None else asdict(self.accuracy.corrected),
            "corrected_accuracy_source": "model estimate",
            "why_not_corrected": self.accuracy.why_not or None,
            "noise_rate_model_estimate": rate,
            "accuracy_on_checked_rows": None if self.accuracy.checked is None else asdict(self.accuracy.checked),
            "n_checked": self.accuracy.n_checked,
            "left_out_as_trained_on": self.left_out,
            "unlabelled": self.unlabelled,
            "without_prediction": self.without_prediction,
            "coverage_of_given_labels": None if self.coverage is None else asdict(self.coverage),
            "mean_set_size": self.set_size,
        }


def evaluate_predictions(
    predictions: Path,
    data: Path,
    *,
    label: str | None = None,
    decisions: Path | None = None,
    include_training: bool = False,
    features: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
    **columns: Any,
) -> Evaluation:
    """Hold predictions against a labelled data set.

    Parameters
    ----------
    predictions : Path
        Columns ``id`` and ``prediction``.
    data : Path
        Whatever an audit reads.
    label : str, optional
    decisions : Path, optional
        Decisions of people: keep and relabel say the truth of a row.
    include_training : bool
        Count rows that the model was trained on too.
    **columns
        As `load_dataset` takes them.
    """
    told = read_predictions(predictions, columns.get("id"))
    dataset = load_dataset(data, label=label, task="classification", features=features, **columns)
    place, guess = _joined(told, dataset)
    keep = np.ones(len(place), dtype=bool) if include_training else ~told.in_training[place >= 0]
    left_out = int((~keep).sum())
    rows, guess = place[place >= 0][keep], guess[keep]
    if not len(rows):
        raise BadInput(
            "the model was trained on every one of these rows",
            where=data.name,
            fix="give rows that it has not seen, or add --include-training and mistrust the figure",
        )
    noise = _noise(dataset, features, seed, jobs, progress, cache or Cache())
    given = np.asarray(dataset.labels)[rows]
    accuracy = accuracy_under_noise(guess, given, noise, seed=seed)
    truth = np.full(len(dataset), -1)
    if decisions is not None:
        truth = _truth(read_decisions(decisions), dataset)
    checked, n_checked = checked_accuracy(guess, truth[rows])
    accuracy = NoisyAccuracy(accuracy.n, accuracy.agreement, accuracy.corrected, accuracy.why_not, checked, n_checked)
    coverage, size = _coverage(told, place, keep, dataset)
    without = len(dataset) - int((place >= 0).sum())
    return Evaluation(accuracy, noise, left_out, int((given < 0).sum()), without, coverage, size)


def _joined(told: ReadPredictions, dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of each prediction (-1 = not in the data), and the class that each joined one names."""
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    place = np.array([where.get(name, -1) for name in told.ids], np.int64)
    if not (place >= 0).any():
        raise BadInput(
            f"no prediction is about a row of the data (for example {quoted(told.ids[0] if told.ids else '')})",
            fix="name the same --id in predict and evaluate, or evaluate the very file that was predicted",
        )
    space = dataset.space
    assert space is not None
    joined = [name for name, row in zip(told.predicted, place.tolist(), strict=True) if row >= 0]
    unknown = sorted({name for name in joined if name not in space.index})
    if unknown:
        raise BadInput(
            f"{len(unknown)} predicted class(es) are not among the labels: {listed(unknown)}",
            fix=f"for {quoted(unknown[0])} {did_you_mean(unknown[0], space.names)}; or list all --classes",
        )
    return place, np.array([space.index[name] for name in joined], np.int64)


def _noise(
    dataset: Dataset, features: str | None, seed: int, jobs: int, progress: Progress, cache: Cache
) -> NoiseEstimate | None:
    """Return the audit's estimate, made by its own model and not by the predictions that are judged."""
    if dataset.plan.modality == "none" and features is None:
        return None
    options = AuditOptions(features=features, seed=seed, jobs=jobs)
    found: Material = gather(dataset, options, progress, cache, Clock())
    if found.truth is None or found.predictions is None:
        return None
    return estimate_noise(dataset.labels, found.predictions, truth=found.truth, seed=seed)


def _truth(decisions: Decisions, dataset: Dataset) -> NDArray[np.int64]:
    """Return the class that people gave each row, -1 where none: keep says the given label, relabel its own."""
    space = dataset.space
    assert space is not None
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    truth = np.full(len(dataset), -1, np.int64)
    unknown = [one for one in decisions if one.id not in where]
    if len(unknown) == len(decisions):
        raise BadInput(
            f"no decision is about a row of the data (for example {quoted(unknown[0].id)})",
            where=unknown[0].where,
            fix="name the id column with --id",
        )
    for one in decisions:
        row = where.get(one.id, -1)
        if row < 0 or one.decision not in ("keep", "relabel"):
            continue
        if one.decision == "relabel" and one.label not in space.index:
            raise BadInput(
                f"{quoted(one.label)} is not among the classes",
                where=one.where,
                fix=did_you_mean(str(one.label), space.names),
            )
        truth[row] = space.index[str(one.label)] if one.decision == "relabel" else dataset.labels[row]
    return truth


def _coverage(
    told: ReadPredictions, place: NDArray[np.int64], keep: NDArray[np.bool_], dataset: Dataset
) -> tuple[Interval | None, float | None]:
    from labelwright.metrics.intervals import clopper_pearson

    if told.sets is None:
        return None, None
    chosen = np.flatnonzero(place >= 0)[keep]
    pairs = [(told.sets[i], dataset.given[place[i]]) for i in chosen.tolist() if dataset.labels[place[i]] >= 0]
    held = sum(str(given) in one for one, given in pairs)
    low, high = clopper_pearson(held, len(pairs))
    size = float(np.mean([len(told.sets[i]) for i in chosen.tolist()]))
    return Interval(held / max(len(pairs), 1), low, high), size


def evaluation_lines(found: Evaluation) -> list[str]:
    """Return what the command line prints: what was counted, what is a model's estimate, what people checked."""
    accuracy = found.accuracy
    lines = [f"Agreement with given labels (counted, {accuracy.n} rows): {_share(accuracy.agreement)}"]
    if found.noise is not None:
        lines.append(
            f"Wrong labels among them (model estimate): {found.noise.noise_rate:.1%} "
            f"({found.noise.low:.1%} to {found.noise.high:.1%})"
        )
    if accuracy.corrected is not None:
        lines.append(f"Accuracy on corrected labels (model estimate): {_share(accuracy.corrected)}")
        lines.append("  It supposes that model and labels err independently; where both err alike it is too high.")
    else:
        lines.append(f"No estimate of the accuracy on corrected labels: {accuracy.why_not}.")
    if accuracy.checked is not None:
        lines.append(
            f"Accuracy on rows that people checked (counted, {accuracy.n_checked}): {_share(accuracy.checked)}"
        )
        lines.append("  It speaks of all rows only when the checked ones were drawn at random.")
        if accuracy.n_checked < FEW_CHECKED:
            lines.append(f"  {accuracy.n_checked} checked rows are few: the interval is wide.")
    if found.coverage is not None:
        lines.append(
            f"Prediction sets hold the given label (counted): {_share(found.coverage)}; "
            f"{found.set_size:.2f} classes a row"
        )
    counted = (
        (found.left_out, "rows were left out: the model was trained on them"),
        (found.unlabelled, "rows have no label"),
        (found.without_prediction, "rows have no prediction"),
    )
    return [*lines, *(f"{n} {what}." for n, what in counted if n)]


def _share(one: Interval) -> str:
    return f"{one.estimate:.1%} ({one.low:.1%} to {one.high:.1%})"
