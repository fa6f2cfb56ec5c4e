"""Calibration of a trained model: one temperature, and the conformal scores of rows that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.decide import SplitConformal, TemperatureScaling
from labelwright.decide.conformal import conformal_threshold
from labelwright.errors import BadInput
from labelwright.metrics.calibration import expected_calibration_error
from labelwright.metrics.checks import as_generator

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
    error_before, error_after : float
        Gap between confidence and agreement (ECE) on the same rows.
    """

    temperature: float
    n_classes: int
    scores: tuple[float, ...]
    n_rows: int
    data: str
    error_before: float
    error_after: float

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
        before = [expected_calibration_error(p.max(axis=1), p.argmax(axis=1) == labels) for p in (probs, after)]
        k = probs.shape[1]
        return cls(float(scaling.temperature_), k, tuple(np.sort(scores).tolist()), len(labels), data, *before)

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
