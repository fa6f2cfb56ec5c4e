"""Predictions held against the labels of a data set: joined by row, corrected for wrong labels, told in plain words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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
from labelwright.data.mend.decisions import Decision, Decisions, read_decisions
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.learn.evaluate_numbers import NumberEvaluation, evaluate_numbers
from labelwright.learn.evaluate_tags import TagEvaluation, evaluate_tags, left_over, share
from labelwright.learn.evaluation import NoisyAccuracy, accuracy_under_noise, checked_accuracy
from labelwright.learn.joined_rows import JoinedRows, checked_rows, join_rows
from labelwright.learn.prediction_files import ReadPredictions, read_predictions
from labelwright.metrics.intervals import Interval, clopper_pearson
from labelwright.metrics.numerals import percent
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
    task: str | None = None,
    decisions: Path | None = None,
    include_training: bool = False,
    features: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
    **columns: Any,
) -> Evaluation | TagEvaluation | NumberEvaluation:
    """Hold predictions against a labelled data set.

    Parameters
    ----------
    predictions : Path
        Columns ``id`` and ``prediction``.
    data : Path
        Whatever an audit reads.
    label : str, optional
    task : str, optional
        ``"classification"``, ``"multilabel"`` or ``"regression"``; read from both files by default.
    decisions : Path, optional
        Decisions of people: keep and relabel say the truth of a row.
    include_training : bool
        Count rows that the model was trained on too.
    **columns
        As `load_dataset` takes them.
    """
    told = read_predictions(predictions, columns.get("id"))
    dataset = load_dataset(data, label=label, task=task or told.task, features=features, **columns)
    joined = join_rows(told, dataset, include_training)
    people = None if decisions is None else read_decisions(decisions)
    if dataset.plan.task == "multilabel":
        return evaluate_tags(told, dataset, joined, people, seed)
    if dataset.plan.task == "regression":
        return evaluate_numbers(told, dataset, joined, people, seed)
    guess = _classes(told, joined, dataset)
    noise = _noise(dataset, features, seed, jobs, progress, cache or Cache())
    given = np.asarray(dataset.labels)[joined.rows]
    accuracy = accuracy_under_noise(guess, given, noise, seed=seed)
    truth = np.full(len(dataset), -1) if people is None else _truth(people, dataset)
    checked, n_checked = checked_accuracy(guess, truth[joined.rows])
    accuracy = replace(accuracy, checked=checked, n_checked=n_checked)
    coverage, size = _coverage(told, joined, dataset)
    unlabelled = int((given < 0).sum())
    return Evaluation(accuracy, noise, joined.left_out, unlabelled, joined.without_prediction, coverage, size)


def _classes(told: ReadPredictions, joined: JoinedRows, dataset: Dataset) -> NDArray[np.int64]:
    """Return the class that each joined prediction names."""
    space = dataset.space
    assert space is not None
    names = [told.predicted[i] for i in joined.chosen.tolist()]
    unknown = sorted({name for name in names if name not in space.index})
    if unknown:
        raise BadInput(
            f"{len(unknown)} predicted class(es) are not among the labels: {listed(unknown)}",
            fix=f"for {quoted(unknown[0])} {did_you_mean(unknown[0], space.names)}; or list all --classes",
        )
    return np.array([space.index[name] for name in names], np.int64)


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

    def read(one: Decision) -> int:
        if one.label not in space.index:
            raise BadInput(
                f"{quoted(one.label)} is not among the classes",
                where=one.where,
                fix=did_you_mean(str(one.label), space.names),
            )
        return space.index[str(one.label)]

    rows, told = checked_rows(decisions, dataset, read)
    truth = np.full(len(dataset), -1, np.int64)
    truth[rows] = [dataset.labels[row] if one is None else one for row, one in zip(rows.tolist(), told, strict=True)]
    return truth


def _coverage(told: ReadPredictions, joined: JoinedRows, dataset: Dataset) -> tuple[Interval | None, float | None]:
    if told.sets is None:
        return None, None
    chosen, rows = joined.chosen.tolist(), joined.rows.tolist()
    pairs = [(told.sets[i], dataset.given[r]) for i, r in zip(chosen, rows, strict=True) if dataset.labels[r] >= 0]
    held = sum(str(given) in one for one, given in pairs)
    low, high = clopper_pearson(held, len(pairs))
    size = float(np.mean([len(told.sets[i]) for i in chosen]))
    return Interval(held / max(len(pairs), 1), low, high), size


def evaluation_lines(found: Evaluation | TagEvaluation | NumberEvaluation) -> list[str]:
    """Return what the command line prints: what was counted, what is a model's estimate, what people checked."""
    if not isinstance(found, Evaluation):
        return found.lines()
    accuracy = found.accuracy
    lines = [f"Agreement with given labels (counted, {accuracy.n} rows): {share(accuracy.agreement)}"]
    if found.noise is not None:
        lines.append(
            f"Wrong labels among them (model estimate): {percent(found.noise.noise_rate)} "
            f"({percent(found.noise.low)} to {percent(found.noise.high)})"
        )
    if accuracy.corrected is not None:
        lines.append(f"Accuracy on corrected labels (model estimate): {share(accuracy.corrected)}")
        lines.append("  It supposes that model and labels err independently; where both err alike it is too high.")
    else:
        lines.append(f"No estimate of the accuracy on corrected labels: {accuracy.why_not}.")
    if accuracy.checked is not None:
        lines.append(f"Accuracy on rows that people checked (counted, {accuracy.n_checked}): {share(accuracy.checked)}")
        lines.append("  It speaks of all rows only when the checked ones were drawn at random.")
        if accuracy.n_checked < FEW_CHECKED:
            lines.append(f"  {accuracy.n_checked} checked rows are few: the interval is wide.")
    if found.coverage is not None:
        lines.append(
            f"Prediction sets hold the given label (counted): {share(found.coverage)}; "
            f"{found.set_size:.2f} classes a row"
        )
    return [*lines, *left_over(found.left_out, found.unlabelled, found.without_prediction)]
