"""What a person is shown of one row: its content, its labels, what the model says, and the rows nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from labelwright.audit.run import AuditResult
from labelwright.errors import BadInput
from labelwright.report.rows import RowContent
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts
from labelwright.studio.queues import findings_of, is_hidden

NEAREST = 6
LIKELIEST = 5


@dataclass(frozen=True)
class Content:
    """Reads rows of the data for display; nothing of it is kept in the tables.

    Parameters
    ----------
    audit : AuditResult
    rows : RowContent
    """

    audit: AuditResult
    rows: RowContent

    @classmethod
    def of(cls, audit: AuditResult) -> Content:
        """Return the content of an audited data set. Images are served on their own, not within a row."""
        return cls(audit, RowContent(audit.dataset, audit.neighbors, images=_NoImages()))

    def shown(self, row: int) -> dict[str, Any]:
        """Return texts, cells and whether there is an image."""
        card = self.rows.card(row)
        return {
            "texts": card["texts"],
            "cells": card["cells"],
            "image": self.audit.dataset.plan.image is not None,
            "place": card["id"],
        }

    def likeliest(self, row: int) -> list[dict[str, Any]]:
        """Return the classes that the model holds most probable, out of sample."""
        probs, space = self.audit.pred_probs, self.audit.dataset.space
        if probs is None or space is None:
            return []
        order = np.argsort(-probs[row], kind="stable")[:LIKELIEST]
        return [{"class": int(k), "probability": float(probs[row, k])} for k in order]

    def nearest(self, row: int) -> list[int]:
        """Return the rows most similar to a row."""
        near = self.audit.neighbors
        if near is None:
            return []
        return [int(other) for other in near.indices[row][:NEAREST] if other >= 0]


class _NoImages:
    def thumbnail_png(self, row: int, size: int) -> bytes:
        raise BadInput("images are served one by one")


def item_view(connection: Connection, content: Content, row: int, *, blind: bool = False) -> dict[str, Any]:
    """Return everything that may be told of a row.

    What would sway a person is left out where the row waits in the random sample, or where `blind` says so: the score,
    the suggestion, the probabilities, the findings and the labels of similar rows.

    Raises
    ------
    BadInput
        There is no such row.
    """
    found = connection.execute(select(t.item).where(t.item.c.row == row)).one_or_none()
    if found is None:
        raise BadInput(f"there is no row {row}", fix="reload the page")
    task, classes = facts(connection)["task"], load_classes(connection)
    view: dict[str, Any] = {
        "row": row,
        "id": found.name,
        "version": found.version,
        "verdict": found.verdict,
        "marked": found.marked,
        "event": found.event_id,
        "given": classes.words(found.given, task),
        "label": classes.words(found.label, task),
        "content": content.shown(row),
        "hidden": blind or is_hidden(connection, row),
    }
    if view["hidden"]:
        return view
    names = [{"label": classes.names[classes.now(p["class"])], **p} for p in content.likeliest(row)]
    return view | {
        "suggested": classes.words(found.suggested, task),
        "score": found.score,
        "flagged": found.flagged,
        "likeliest": names,
        "findings": findings_of(connection, row),
        "nearest": _neighbors(connection, content, row, task),
    }


def _neighbors(connection: Connection, content: Content, row: int, task: str) -> list[dict[str, Any]]:
    near, classes = content.nearest(row), load_classes(connection)
    c = t.item.c
    labels = {told.row: told.label for told in connection.execute(select(c.row, c.label).where(c.row.in_(near)))}
    return [
        {"row": other, "label": classes.words(labels.get(other), task), "content": content.shown(other)}
        for other in near
    ]
