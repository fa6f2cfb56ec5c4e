"""A trained model on disk with all that it needs to answer for new rows: features, network, classes, calibration.

model.json, model.safetensors          the network (see `model_files`)
features.json, features.safetensors    how rows become vectors
task.json                              columns, classes, and a hash of each training row
model_card.json, MODEL_CARD.md         what the model is and how far it can be trusted
calibration.json                       temperature and conformal scores, once calibrated
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.atomic import staged_directory
from labelwright.data.dataset import Dataset, Plan
from labelwright.data.features import FittedFeatures
from labelwright.data.identity import row_ids
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence import LabelSpace
from labelwright.learn.classifier import ImpreciseClassifier
from labelwright.learn.model_calibration import CALIBRATIONS, Calibration, NumberCalibration
from labelwright.learn.model_card import ModelCard
from labelwright.learn.regressor import ImpreciseRegressor
from labelwright.progress import SILENT, Progress

SCHEMA_VERSION = 1
TASK, CARD, PAGE, CALIBRATION = "task.json", "model_card.json", "MODEL_CARD.md", "calibration.json"


@dataclass(frozen=True)
class TaskFacts:
    """What the columns were for in training.

    Parameters
    ----------
    classes : tuple of str
        Classes or tags; empty for numbers.
    label, id : str, optional
        Columns.
    modality : str
    positives : bool
        The network has one output: the probability of the second class.
    training_rows : tuple of str
        A short hash of the identity of each row that the model learned from.
    task : str
        ``"classification"``, ``"multilabel"`` or ``"regression"``.
    incomplete : bool
        Tags that a row does not list are unknown.
    always_tagged : bool
        Every training row had a tag, so every answer has one.
    """

    classes: tuple[str, ...]
    label: str | None
    id: str | None
    modality: str
    positives: bool
    training_rows: tuple[str, ...]
    task: str = "classification"
    incomplete: bool = False
    always_tagged: bool = False


@dataclass(frozen=True)
class Predictions:
    """Answers for the rows of a data set.

    Parameters
    ----------
    ids : array of str (n,)
    in_training : bool (n,)
        The model learned from this row.
    probs : float64 (n, K), optional
        Of classes or tags, calibrated where the model is.
    sets : bool (n, K), optional
        Which classes or tags stand in the prediction set of each row.
    on : bool (n, K), optional
        Which tags are predicted.
    values : float64 (n,), optional
        Numbers.
    intervals : float64 (n, 2), optional
        Their ends.
    """

    ids: NDArray[np.str_]
    in_training: NDArray[np.bool_]
    probs: NDArray[np.float64] | None = None
    sets: NDArray[np.bool_] | None = None
    on: NDArray[np.bool_] | None = None
    values: NDArray[np.float64] | None = None
    intervals: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class TrainedModel:
    """An estimator with its features, its classes and what is known of it."""

    estimator: ImpreciseClassifier | ImpreciseRegressor
    features: FittedFeatures
    task: TaskFacts
    card: ModelCard
    calibration: Calibration | NumberCalibration | None = None

    def save(self, folder: Path) -> Path:
        """Write everything into a new folder, in one step."""
        with staged_directory(folder) as aside:
            self.estimator.save(aside)
            self.features.save(aside)
            _write(aside / TASK, {"schema_version": SCHEMA_VERSION, **asdict(self.task)})
            self._write_card(aside)
        return folder

    def save_calibration(self, folder: Path) -> None:
        """Write the calibration, and the card that tells of it, beside the model."""
        assert self.calibration is not None
        with staged_directory(folder) as aside:
            _write(aside / CALIBRATION, self.calibration.facts())
            self._write_card(aside)

    def _write_card(self, folder: Path) -> None:
        _write(folder / CARD, self.card.facts())
        (folder / PAGE).write_text(self.card.page(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TrainedModel:
        """Return what `save` wrote.

        Raises
        ------
        BadInput
            The folder holds no model, one of another version, or broken files.
        """
        if not (folder / TASK).is_file():
            raise BadInput(f"{quoted(folder)} holds no trained model", fix="name a folder that labelwright train wrote")
        task = _read(folder / TASK)
        try:
            task["classes"], task["training_rows"] = tuple(task["classes"]), tuple(task["training_rows"])
            facts, card = TaskFacts(**task), ModelCard.read(_read(folder / CARD))
            calibrated = (folder / CALIBRATION).is_file()
            calibration = CALIBRATIONS[facts.task].read(_read(folder / CALIBRATION)) if calibrated else None
        except (KeyError, TypeError) as error:
            raise BadInput(
                f"the model in {quoted(folder.name)} cannot be read ({type(error).__name__})", fix="train again"
            ) from None
        kind = ImpreciseRegressor if facts.task == "regression" else ImpreciseClassifier
        return cls(kind.load(folder), FittedFeatures.load(folder), facts, card, calibration)

    @property
    def space(self) -> LabelSpace | None:
        """The classes or tags; None for numbers."""
        return LabelSpace(self.task.classes) if self.task.classes else None

    def rows_of(
        self, data: Path, *, id: str | None = None, root: Path | None = None, sheet: str | None = None
    ) -> Dataset:
        """Read rows to predict; they need no labels, and columns that the model does not use are ignored."""
        source = read_source(data, root, sheet=sheet)
        have = source.table.column_names
        if id is not None and id not in have:
            raise BadInput(f"there is no column {quoted(id)}", where=source.path.name, fix=did_you_mean(id, have))
        name = id if id is not None else self.task.id if self.task.id in have else None
        columns = self.features.columns
        plan = Plan(
            task=self.task.task,  # type: ignore[arg-type]
            modality=self.task.modality,  # type: ignore[arg-type]
            label=self.task.label or "",
            text=columns if self.features.kind in ("text", "minilm") else (),
            image=columns[0] if self.features.kind in ("patches", "efficientnet") else None,
            feature_columns=columns if self.features.kind in ("table", "columns") else (),
            id=name,
        )
        unknown = np.full(len(source), -1, np.int32)
        return Dataset(source, plan, unknown, (None,) * len(source), self.space, row_ids(source, plan))

    def predict(
        self,
        dataset: Dataset,
        *,
        alpha: float | None = None,
        features: Path | None = None,
        jobs: int = 1,
        progress: Progress = SILENT,
    ) -> Predictions:
        """Return probabilities or numbers, and with `alpha` sets or intervals that miss at most at that rate.

        Raises
        ------
        BadInput
            With `alpha`, when the model is not calibrated.
        """
        if alpha is not None and self.calibration is None:
            raise BadInput(
                f"prediction {'intervals' if self.task.task == 'regression' else 'sets'} need a calibrated model",
                fix="run labelwright calibrate MODEL DATA --label COL with rows that it has not seen",
            )
        matrix = self.features.transform(dataset, given=features, jobs=jobs, progress=progress).matrix
        with progress.stage("predictions"):
            raw = self.raw(matrix)
        rows = Predictions(dataset.ids, self.seen(dataset.ids))
        if isinstance(self.calibration, NumberCalibration):
            ends = None if alpha is None else self.calibration.intervals(raw, alpha)
            return replace(rows, values=raw, intervals=ends)
        if self.task.task == "regression":
            return replace(rows, values=raw)
        probs = raw if self.calibration is None else self.calibration.calibrate(raw)
        sets = None if alpha is None or self.calibration is None else self.calibration.sets(probs, alpha)
        on = tags_on(probs, self.task.always_tagged) if self.task.task == "multilabel" else None
        return replace(rows, probs=probs, sets=sets, on=on)

    def raw(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what the network itself says of feature rows (n, d): probabilities (n, K), or numbers (n,)."""
        if isinstance(self.estimator, ImpreciseRegressor):
            return self.estimator.predict(matrix) if len(matrix) else np.zeros(0)
        return class_probs(self.estimator, matrix, self.task.positives)

    def seen(self, ids: NDArray[np.str_]) -> NDArray[np.bool_]:
        """Return which rows the model learned from."""
        known = set(self.task.training_rows)
        return np.array([one in known for one in row_hashes(ids)], dtype=bool)

    def calibrated(self, calibration: Calibration | NumberCalibration) -> TrainedModel:
        """Return the model with a calibration, and a card that tells of it."""
        return replace(self, calibration=calibration, card=replace(self.card, calibration=calibration.about()))


def class_probs(classifier: ImpreciseClassifier, matrix: NDArray[np.float32], positives: bool) -> NDArray[np.float64]:
    """Return class probabilities (n, K); a network of known positives has one output and gives two columns."""
    if not len(matrix):
        return np.zeros((0, 2 if positives else len(classifier.classes_)))
    probs = classifier.predict_proba(matrix)
    return np.column_stack([1 - probs[:, 0], probs[:, 0]]) if positives else probs


def tags_on(probs: NDArray[np.float64], always_tagged: bool) -> NDArray[np.bool_]:
    """Return which tags (n, K) are predicted: those above 1/2, and the likeliest where every row has one.

    Examples
    --------
    >>> tags_on(np.array([[0.9, 0.6], [0.3, 0.1]]), True).tolist()
    [[True, True], [True, False]]
    """
    on: NDArray[np.bool_] = probs > 0.5
    if always_tagged and len(on):
        on = on | (~on.any(axis=1, keepdims=True) & (probs == probs.max(axis=1, keepdims=True)))
    return on


def row_hashes(ids: Sequence[str] | NDArray[np.str_]) -> tuple[str, ...]:
    """Return 16 hexadecimal digits a row: enough to know a row again, and no way back to its name."""
    return tuple(hashlib.blake2b(str(one).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() for one in ids)


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    """Return the facts of a file of ours without their version, which must be the one that is read here."""
    try:
        facts = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"{quoted(path.name)} cannot be read ({type(error).__name__})",
            where=path.parent.name,
            fix="restore the model's folder from a copy, or train again",
        ) from None
    version = facts.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise BadInput(
            f"{quoted(path.name)} is of version {version}, this labelwright reads {SCHEMA_VERSION}",
            where=path.parent.name,
            fix="train again, or use the labelwright that wrote it",
        )
    return facts
