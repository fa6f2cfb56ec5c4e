"""Train anew on the labels as they are, beside the work of people, and say whether it helped.

Old and new model are the same model on other labels: out-of-fold predictions of a linear probe from the audit's
features, once with the labels as given, once with those that people left. Both are scored on the same rows: the random
sample that people judged without suggestions. Rows that people rejected are left out of training.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select, update

from labelwright.errors import BadInput
from labelwright.metrics.intervals import wilson
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.label_codes import decoded
from labelwright.studio.project import facts
from labelwright.studio.studio import Studio

FEWEST_HELD_OUT = 20
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


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


class Trainer:
    """Runs one training at a time in a process of its own, and tells how it goes."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._process: Any = None

    def start(self, user_id: int) -> int:
        """Start a training and return the number of its job; BadInput while another one runs."""
        if self._process is not None and self._process.is_alive():
            raise BadInput("a training is running", fix="wait for it, or cancel it")
        with self.studio.database.write() as connection:
            work = prepare(self.studio, connection)
            about = json.dumps({"checked": len(work.held_out)})
            number = insert_row(
                connection, t.job, kind="train", state=RUNNING, done=0.0, about=about, user_id=user_id,
                started_at=time.time(),
            )  # fmt: skip
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(work, sender), daemon=True)
        self._process.start()
        sender.close()
        Thread(target=self._watch, args=(number, self._process, receiver), daemon=True).start()
        return number

    def cancel(self) -> None:
        """End the running training."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def _watch(self, number: int, process: Any, receiver: Any) -> None:
        state, found = CANCELLED, {}
        with suppress(EOFError):  # a process that was ended sends nothing
            state, found = receiver.recv()
        process.join()
        with self.studio.database.write() as connection:
            values = {"state": state, "about": json.dumps(found), "ended_at": time.time(), "done": 1.0}
            connection.execute(update(t.job).where(t.job.c.id == number).values(**values))


def _run(work: Work, sender: Any) -> None:
    try:
        sender.send((DONE, compare_models(work)))
    except Exception as error:  # told to the person who asked; the process ends either way
        sender.send((FAILED, {"problem": str(error)}))
    finally:
        sender.close()


def jobs(connection: Connection) -> list[dict[str, Any]]:
    """Return the jobs of the project, the newest first."""
    query = select(t.job).order_by(t.job.c.id.desc()).limit(50)
    return [{**row._mapping, "about": json.loads(row.about)} for row in connection.execute(query)]


def end_stale_jobs(connection: Connection) -> None:
    """Mark jobs that an earlier process left running as cancelled."""
    connection.execute(update(t.job).where(t.job.c.state == RUNNING).values(state=CANCELLED, ended_at=time.time()))


def _class_of(text: str | None) -> int:
    label = decoded(text)
    return label[0] if isinstance(label, list) and label else -1
