"""Which rows annotators are asked about first: those without a label that tell the model most."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, select

from labelwright.acquire import LeastConfidence, Pool
from labelwright.audit.run import AuditResult
from labelwright.errors import BadInput
from labelwright.studio import tables as t


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
