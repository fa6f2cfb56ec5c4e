"""Which rows annotators are asked about: first those that tell the model most, and those whose answers are known."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from labelwright.acquire import LeastConfidence, Pool
from labelwright.audit.run import AuditResult
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts


def rows_to_label(connection: Connection, audit: AuditResult, number: int) -> list[int]:
    """Return up to `number` undecided rows that are not in the pool: unlabelled ones by the model's doubt, then others.

    Raises
    ------
    BadInput
        There is no model to ask.
    """
    i = t.item.c
    waiting = select(t.pool.c.row)
    query = select(i.row, i.given, i.score).where(i.verdict.is_(None), i.row.not_in(waiting))
    rows = connection.execute(query.order_by(i.row)).all()
    unlabelled = np.array([told.row for told in rows if told.given is None], np.int64)
    chosen: list[int] = []
    if len(unlabelled):
        if audit.pred_probs is None or audit.dataset.plan.task != "classification":
            chosen = unlabelled[:number].tolist()
        else:
            free = np.zeros(len(audit.pred_probs), bool)
            free[unlabelled] = True
            pool = Pool(pred_probs=audit.pred_probs, candidates=free)
            chosen = LeastConfidence().select(pool, min(number, len(unlabelled)), rng=0).rows.tolist()
    judged = sorted((told.score, told.row) for told in rows if told.given is not None and told.score is not None)
    chosen += [row for _, row in judged[: max(number - len(chosen), 0)]]
    if not chosen:
        raise BadInput("no undecided row is left to hand out", fix="name the rows")
    return [int(row) for row in chosen]


def known_answers(connection: Connection, number: int) -> dict[int, Any]:
    """Return up to `number` random rows that a person has decided, with the label now; none that is handed out already.

    Raises
    ------
    BadInput
        No such row is left.
    """
    i, task, classes = t.item.c, facts(connection)["task"], load_classes(connection)
    decided = (i.verdict.in_(("keep", "relabel")), i.label.is_not(None), i.row.not_in(select(t.pool.c.row)))
    labels = {told.row: told.label for told in connection.execute(select(i.row, i.label).where(*decided))}
    if not labels:
        raise BadInput("no decided row is left that could be a gold question", fix="review some rows first")
    seed = f"{facts(connection)['fingerprint']}|gold"
    chosen = random.Random(seed).sample(sorted(labels), min(number, len(labels)))
    return {row: classes.spelled(labels[row], task) for row in chosen}
