"""Calibration of a trained model: one temperature, and the conformal scores of rows that it has not seen.

classes   score 1 − p of the given label                      sets of classes that may be right
tags      score max over the row's tags of 1 − p              sets that hold all tags of the row
numbers   score |y − prediction|, no temperature              intervals
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.decide import SplitConformal, TemperatureScaling
from labelwright.decide.conformal import conformal_threshold, rows_needed
from labelwright.errors import BadInput
from labelwright.metrics.calibration import expected_calibration_error
from labelwright.metrics.checks import as_generator
from labelwright.metrics.numerals import number_text, percent

MOST_SCORES = 100_000  # more calibration rows than this move no threshold that anybody would notice
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Calibration:
    """What calibration rows taught.

    Parameters
    ----------
    temperature : float
        Above 1 where the network is over-confident.
    n_classes : int
    scores : tuple of float
        1 − p of the given label of each calibration row, after the temperature.
    n_rows : int
    data : str
        Name of the file.
    error_before, error_after : float or None
        Gap between confidence and agreement (ECE) on the same rows; None where only tags that are on are known.
    """

    temperature: float
    n_classes: int
    scores: tuple[float, ...]
    n_rows: int
    data: str
    error_before: float | None
    error_after: float | None

    @classmethod
    def fitted(cls, probs: NDArray[np.float64], labels: NDArray[np.integer], data: str, seed: int = 0) -> Calibration:
        """Fit on probabilities (n, K) and given labels (n,), at least 0, of rows that the model has not seen."""
        if len(labels) < 2:
            raise BadInput(f"there are {len(labels)} calibration rows", fix="give at least 20, better some hundreds")
        scaling = TemperatureScaling().fit(probs, labels)
        after = scaling.calibrate(probs)
        scores = np.asarray(SplitConformal().fit(after, labels).calibration_scores_)
        if len(scores) > MOST_SCORES:
            scores = as_generator(seed).choice(scores, MOST_SCORES, replace=False)
        k, told = probs.shape[1], tuple(np.sort(scores).tolist())
        gaps = _gap(probs, labels), _gap(after, labels)
        return cls(float(scaling.temperature_), k, told, len(labels), data, *gaps)

    def calibrate(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities after the temperature."""
        scaling = TemperatureScaling()
        scaling.n_classes_, scaling.temperature_ = self.n_classes, self.temperature
        return scaling.calibrate(probs) if len(probs) else probs

    def sets(self, probs: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
        """Return prediction sets (n, K) of calibrated probabilities at error rate `alpha`."""
        conformal = SplitConformal(alpha)
        conformal.n_classes_ = self.n_classes
        conformal.calibration_scores_ = np.array(self.scores)
        conformal.threshold_ = conformal_threshold(conformal.calibration_scores_, alpha)
        return conformal.predict_set(probs) if len(probs) else np.zeros(probs.shape, dtype=bool)

    def facts(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    def about(self) -> dict[str, Any]:
        """Return what the model card tells."""
        left_out = ("scores", "n_classes")
        return {key: value for key, value in asdict(self).items() if key not in left_out}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Calibration:
        """Return the calibration whose `facts` these are."""
        return cls(**{**facts, "scores": tuple(facts["scores"])})

    def promise(self, alpha: float) -> str:
        """Return what sets at error rate `alpha` promise."""
        if self.n_rows < rows_needed(alpha):
            return "every class stands in every set"
        return f"sets miss {percent(alpha, 0)} at most"


class TagCalibration(Calibration):
    """What calibration rows taught about tags; `scores` are those of the least likely tag that a row has."""

    @classmethod
    def fitted(
        cls, probs: NDArray[np.float64], labels: NDArray[np.integer], data: str, seed: int = 0
    ) -> TagCalibration:
        """Fit on tag probabilities (n, K) and tags int (n, K): 1 on, 0 off, -1 unknown."""
        if len(labels) < 2:
            raise BadInput(f"there are {len(labels)} calibration rows", fix="give at least 20, better some hundreds")
        known, table = labels >= 0, np.array(probs)
        temperature = 1.0
        gaps: tuple[float | None, float | None] = (None, None)
        if (labels == 0).any():  # tags that are on alone say nothing of confidence
            pairs, answer = _both(probs[known]), labels[known]
            scaling = TemperatureScaling().fit(pairs, answer)
            after = scaling.calibrate(pairs)
            table[known] = after[:, 1]
            temperature, gaps = float(scaling.temperature_), (_gap(pairs, answer), _gap(after, answer))
        scores = np.where(labels == 1, 1 - table, 0.0).max(axis=1)
        if len(scores) > MOST_SCORES:
            scores = as_generator(seed).choice(scores, MOST_SCORES, replace=False)
        return cls(temperature, probs.shape[1], tuple(np.sort(scores).tolist()), len(labels), data, *gaps)

    def calibrate(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return tag probabilities after the temperature."""
        if not len(probs):
            return probs
        scaling = TemperatureScaling()
        scaling.n_classes_, scaling.temperature_ = 2, self.temperature
        return scaling.calibrate(_both(probs.ravel()))[:, 1].reshape(probs.shape)

    def sets(self, probs: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
        """Return sets (n, K) that hold all tags of a row, but for a share `alpha` of the rows."""
        inside: NDArray[np.bool_] = 1 - probs <= conformal_threshold(np.array(self.scores), alpha)
        return inside


def _gap(probs: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    return float(expected_calibration_error(probs.max(axis=1), probs.argmax(axis=1) == labels))


def _both(on: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1 - on, on])


@dataclass(frozen=True)
class NumberCalibration:
    """How far predicted numbers lay from the given ones.

    Parameters
    ----------
    scores : tuple of float
        Absolute errors, ascending.
    n_rows : int
    data : str
        Name of the file.
    median_error : float
    """

    scores: tuple[float, ...]
    n_rows: int
    data: str
    median_error: float

    @classmethod
    def fitted(
        cls, predicted: NDArray[np.float64], values: NDArray[np.float64], data: str, seed: int = 0
    ) -> NumberCalibration:
        """Fit on predictions (n,) and given numbers (n,) of rows that the model has not seen."""
        if len(values) < 2:
            raise BadInput(f"there are {len(values)} calibration rows", fix="give at least 20, better some hundreds")
        errors = np.abs(values - predicted)
        if len(errors) > MOST_SCORES:
            errors = as_generator(seed).choice(errors, MOST_SCORES, replace=False)
        return cls(tuple(np.sort(errors).tolist()), len(values), data, float(np.median(errors)))

    def intervals(self, predicted: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
        """Return the ends (n, 2) of intervals at error rate `alpha`; infinite where the rows are too few for it."""
        half = conformal_threshold(np.array(self.scores), alpha)
        return np.column_stack([predicted - half, predicted + half])

    def facts(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    def about(self) -> dict[str, Any]:
        """Return what the model card tells."""
        return {key: value for key, value in asdict(self).items() if key != "scores"}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> NumberCalibration:
        """Return the calibration whose `facts` these are."""
        return cls(**{**facts, "scores": tuple(facts["scores"])})

    def promise(self, alpha: float) -> str:
        """Return what intervals at error rate `alpha` promise."""
        if self.n_rows < rows_needed(alpha):
            return "every interval is infinite"
        half = conformal_threshold(np.array(self.scores), alpha)
        return f"prediction ± {number_text(half)}, which misses {percent(alpha, 0)} at most"


CALIBRATIONS: dict[str, type[Calibration | NumberCalibration]] = {
    "classification": Calibration,
    "multilabel": TagCalibration,
    "regression": NumberCalibration,
}
