"""Train anew on the labels as they are, beside the work of people, and say whether it helped.

Old and new model are the same model on other labels: out-of-fold predictions of a linear probe from the audit's
features, once with the labels as given, once with those that people left. Both are scored on the same rows: the random
sample that people judged without suggestions. Rows that people rejected are left out of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from labelwright.errors import BadInput
from labelwright.metrics.intervals import wilson
from labelwright.studio import tables as t
from labelwright.studio.label_codes import decoded
from labelwright.studio.project import facts
from labelwright.studio.studio import Studio

KIND = "train"
FEWEST_HELD_OUT = 20


@dataclass(frozen=True)
class Work:
    """What a training process is given: features, both sets of labels, and the rows that it is scored on."""

    features: NDArray[np.float32]
    given: NDArray[np.int64]
    now: NDArray[np.int64]
    held_out: NDArray[np.int64]
    n_classes: int
    seed: int


def prepare(studio: Studio, connection: Connection) -> Work:
    """Gather what a training needs; BadInput when the data allow none."""
    audit = studio.audit
    if facts(connection)["task"] != "classification" or audit.features is None or audit.dataset.space is None:
        raise BadInput("only classifications with features are trained here", fix="use labelwright train")
    i = t.item.c
    columns = (i.row, i.given, i.label, i.verdict, i.check_place, i.version)
    rows = connection.execute(select(*columns).order_by(i.row)).all()
    given = np.array([_class_of(told.given) for told in rows])
    now = np.array([-1 if told.verdict == "reject" else _class_of(told.label) for told in rows])
    judged = [
        told.row
        for told in rows
        if told.check_place is not None and told.version == 1 and told.verdict in ("keep", "relabel")
    ]
    number = max(len(audit.dataset.space), int(now.max()) + 1)
    return Work(audit.features.matrix, given, now, np.array(judged, np.int64), number, audit.options.seed)


def compare_models(work: Work) -> dict[str, Any]:
    """Return how often each model is right on the rows that people judged; too few are said."""
    from labelwright.data.crossval import out_of_fold_probs

    if len(work.held_out) < FEWEST_HELD_OUT:
        return {"checked": len(work.held_out), "needed": FEWEST_HELD_OUT, "told": False}
    truth = work.now[work.held_out]
    found: dict[str, Any] = {"checked": len(work.held_out), "needed": FEWEST_HELD_OUT, "told": True}
    for name, labels in (("before", work.given), ("after", work.now)):
        probs = out_of_fold_probs(work.features, labels, work.n_classes, seed=work.seed, jobs=1)
        right = int((probs[work.held_out].argmax(axis=1) == truth).sum())
        low, high = wilson(right, len(truth))
        found[name] = {"right": right, "accuracy": right / len(truth), "low": float(low), "high": float(high)}
    return found


def _class_of(text: str | None) -> int:
    label = decoded(text)
    return label[0] if isinstance(label, list) and label else -1
