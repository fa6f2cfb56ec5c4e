"""How far the confidence of merged labels can be believed, on all sets of votes with known truth.

Expected calibration error (15 equal bins) of the default's confidence: as its models give it, tempered by held-out
votes (what `aggregate` does), and, on the half of the tasks whose labels are not given, fitted to the known labels of
the other half (what `aggregate` does where ``gold`` names 50 or more; mean of five draws). That rules are not tempered
by votes was decided when their figures were known (YouTube 0.24, Yoruba 0.44); nothing else was.

Run: ``python -m benchmarks.vote_confidence``
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_model_accuracy import known_rows, sets
from benchmarks.records import store
from labelwright.consensus import Automatic
from labelwright.consensus.tempering import LEAST_KNOWN, known_temperature, tempered
from labelwright.evidence import Votes
from labelwright.metrics.calibration import expected_calibration_error

COMMAND = "python -m benchmarks.vote_confidence"
RULES = ("sms", "youtube", "yoruba")
DRAWS = 5


def error(probs: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the calibration error of the confidence in the most probable class."""
    return expected_calibration_error(probs.max(axis=1), probs.argmax(axis=1) == truth)


def with_known_half(probs: NDArray[np.float64], truth: NDArray[np.int64]) -> float | None:
    """Return the error on one half when the labels of the other half are known, mean of draws; None for too few."""
    if len(truth) < 2 * LEAST_KNOWN:
        return None
    errors = []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(truth))
        given, rest = order[: len(truth) // 2], order[len(truth) // 2 :]
        errors.append(error(tempered(probs[rest], known_temperature(probs[given], truth[given])), truth[rest]))
    return float(np.mean(errors))


def measured(name: str, votes: Votes, truth: NDArray[np.int64]) -> dict[str, Any]:
    """Measure one set."""
    rows = known_rows(votes, truth)
    model = Automatic().fit(votes)
    probs, y = model.predict_proba(votes)[rows], truth[rows]
    raw = model.model_.predict_proba(votes)[rows]
    before, after = error(raw, y), error(probs, y)
    half = with_known_half(probs, y)
    return {
        "work": name, "tasks": len(y), "accuracy": round(float((probs.argmax(axis=1) == y).mean()), 3),
        "temperature": round(model.temperature_, 2), "mean confidence": round(float(probs.max(axis=1).mean()), 3),
        "mean confidence, not tempered": round(float(raw.max(axis=1).mean()), 3),
        "error, not tempered": round(before, 3), "error": round(after, 3),
        "error, half of the labels known": None if half is None else round(half, 3),
    }  # fmt: skip


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    rows = [measured(*one) for one in sets()]
    crowds = [row for row in rows if row["work"] not in RULES]
    figures = ("error, not tempered", "error", "error, half of the labels known")
    mean = {key: float(np.mean([row[key] for row in crowds if row[key] is not None])) for key in figures}
    rows.append({
        "work": "mean of the crowd sets", **{key: round(value, 3) for key, value in mean.items()},
        "must": "tempered below not tempered, known labels below both",
        "holds": mean[figures[2]] < mean["error"] < mean[figures[0]],
    })  # fmt: skip
    store("vote_confidence", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for line in main():
        print(line)
