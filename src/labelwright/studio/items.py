"""What a person is shown of one row: its content, its labels, what the model says, and the rows nearest to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from labelwright.audit.run import AuditResult
from labelwright.data.image_files import Head
from labelwright.errors import BadInput
from labelwright.report.rows import RowContent
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.label_codes import Classes, decoded
from labelwright.studio.part_figures import figure, marked_parts
from labelwright.studio.part_rows import VOID_PIXEL, PartRows, image_column
from labelwright.studio.project import facts
from labelwright.studio.queues import findings_of, is_hidden, waiting_rows
from labelwright.studio.unusual import UnusualCells, WordOdds, marked_text

NEAREST = 6
LIKELIEST = 5
LONGEST_TEXT = 50_000  # characters


@dataclass
class Content:
    """Reads rows of the data for display; nothing of it is kept in the tables.

    Parameters
    ----------
    audit : AuditResult
    rows : RowContent
    head : callable
        The head of the file of a row's image, None where it cannot be had.
    """

    audit: AuditResult
    rows: RowContent
    head: Callable[[int], Head | None]

    @classmethod
    def of(cls, audit: AuditResult, head: Callable[[int], Head | None] = lambda row: None) -> Content:
        """Return the content of an audited data set. Images are served on their own, not within a row."""
        return cls(audit, RowContent(audit.dataset, audit.neighbors, images=_NoImages()), head)

    def shown(self, row: int) -> dict[str, Any]:
        """Return texts, cells and whether there is an image."""
        card = self.rows.card(row)
        return {
            "texts": self._whole_texts(row),
            "cells": card["cells"],
            "image": image_column(self.audit.dataset) is not None,
            "place": card["id"],
        }

    @cached_property
    def parts(self) -> PartRows | None:
        """What may be said of parts of rows; None where rows have none."""
        return None if self.audit.dataset.parts is None else PartRows(self.audit.dataset, self.head)

    def place(self, connection: Connection, item: int) -> tuple[int, str | None]:
        """Return the row of the data that an item is about, and the part of it, None for all of it."""
        if item < len(self.audit.dataset) or self.parts is None:
            return item, None
        name = connection.scalar(select(t.item.c.name).where(t.item.c.row == item))
        if name is None:
            raise BadInput(f"there is no row {item}", fix="reload the page")
        return self.parts.place(name)

    def brief(self, row: int) -> dict[str, Any]:
        """Return the same with long texts cut short."""
        return self.shown(row) | {"texts": self.rows.card(row)["texts"]}

    def _whole_texts(self, row: int) -> list[dict[str, str]]:
        """Return the texts of a row, which people read to their end; beyond a book's chapter they are cut."""
        dataset, found = self.audit.dataset, []
        for name in dataset.plan.text:
            value = dataset.column(name)[row].as_py()
            if value not in (None, ""):
                found.append({"column": name, "text": str(value)[:LONGEST_TEXT]})
        return found

    @cached_property
    def words(self) -> WordOdds | None:
        """Which words speak for which class; None where rows have no text or no single class."""
        dataset = self.audit.dataset
        if not dataset.plan.text or dataset.space is None or dataset.plan.task != "classification":
            return None

        def texts(rows: Sequence[int]) -> list[str]:
            columns = [dataset.column(name).take(list(rows)).to_pylist() for name in dataset.plan.text]
            return ["\n".join(str(cell or "") for cell in cells) for cells in zip(*columns, strict=True)]

        return WordOdds(texts, dataset.labels, len(dataset.space), seed=self.audit.options.seed)

    @cached_property
    def cells(self) -> UnusualCells:
        """Which cells are unusual within their class, or within all rows where rows have no single class."""
        dataset = self.audit.dataset
        one = dataset.plan.task == "classification"
        return UnusualCells(dataset, np.asarray(dataset.labels if one else np.zeros(len(dataset), np.int32)))

    def explained(self, row: int, against: int | None) -> dict[str, Any]:
        """Return what `shown` does, with unusual words and cells marked; `against` is the class that is suspected."""
        found, words = self.shown(row), self.words
        given = int(self.audit.dataset.labels[row]) if words is not None else -1
        if words is not None and against is not None and given >= 0 and against < words.n_classes:
            for text in found["texts"]:
                spans = words.against(row, text["text"], given=given, other=against)
                text["parts"] = marked_text(text["text"], spans)
        found["unusual"] = {}
        for name, _ in found["cells"]:
            why = self.cells.why(row, name)
            if why is not None:
                found["unusual"][name] = why
        return found

    def likeliest(self, row: int) -> list[dict[str, Any]]:
        """Return the classes that the model holds most probable, out of sample."""
        probs, space = self.audit.pred_probs, self.audit.dataset.space
        if probs is None or space is None:
            return []
        order = np.argsort(-probs[row], kind="stable")[:LIKELIEST]
        return [{"class": int(k), "probability": float(probs[row, k])} for k in order]

    def nearest(self, row: int, but: Set[int] = frozenset()) -> list[int]:
        """Return the rows most similar to a row, `but` left out."""
        near = self.audit.neighbors
        if near is None:
            return []
        return [int(other) for other in near.indices[row].tolist() if other >= 0 and other not in but][:NEAREST]


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
    hidden = blind or is_hidden(connection, row)
    place, part = content.place(connection, row)
    view: dict[str, Any] = {
        "row": row,
        "id": found.name,
        "version": found.version,
        "verdict": found.verdict,
        "marked": found.marked,
        "event": found.event_id,
        "given": classes.words(found.given, task),
        "label": classes.words(found.label, task),
        "content": content.shown(place),
        "hidden": hidden,
        "tags": classes.tags(found.label) if task == "multilabel" else None,
    }
    if content.parts is not None:
        view |= _parts_view(connection, content.parts, classes, found, place, part)
    if hidden:
        return view
    row = place
    names = [{"label": classes.names[classes.now(p["class"])], **p} for p in content.likeliest(row)]
    return view | {
        "content": view["content"]
        if content.parts is not None
        else content.explained(row, _suspected(content, row, found)),
        "suggested": classes.words(found.suggested, task),
        "suggestion": classes.spelled(found.suggested, task),
        "votes": _votes(connection, classes, found.row, task),
        "score": found.score,
        "flagged": found.flagged,
        "likeliest": names,
        "findings": _told_once(findings_of(connection, row)),
        "nearest": _neighbors(connection, content, row, task),
    }


def _parts_view(
    connection: Connection, parts: PartRows, classes: Classes, found: Row[Any], row: int, part: str | None
) -> dict[str, Any]:
    """Return what a row with parts shows besides: its figure, the part in doubt, and what may be decided about it."""
    task, names = parts.dataset.plan.task, list(classes.names.values())
    marked = marked_parts(connection, parts, classes, row, task)
    marks = {"token": "0-0", "detection": "new:0,0,1,1", "segmentation": "0,0,0,0:"}[task]  # what a person may mark
    may_mark = parts.options(marks, names)
    return {
        "part": part,
        "part_given": parts.given_words(row, part),
        "figure": figure(parts, row, part, marked),
        "marked_parts": marked,
        "options": parts.options(part, names),
        "may_reject": parts.may_be_rejected(part),
        "may_mark": may_mark,
        "kinds": [parts.kind_of(name) & VOID_PIXEL for name in may_mark] if task == "segmentation" else None,
        "whole": row,
    }


def _told_once(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings without those that say the same: of rows with parts, once of the row and once of the part."""
    return list({(one["kind"], one["reason"], one["other_row"]): one for one in findings}.values())


def _neighbors(connection: Connection, content: Content, row: int, task: str) -> list[dict[str, Any]]:
    # What stands beside a row that waits in the random sample would sway there; so the row stands beside none.
    near, classes = content.nearest(row, waiting_rows(connection)), load_classes(connection)
    c = t.item.c
    labels = {told.row: told.label for told in connection.execute(select(c.row, c.label).where(c.row.in_(near)))}
    return [
        {"row": other, "label": classes.words(labels.get(other), task), "content": content.brief(other)}
        for other in near
    ]


def _suspected(content: Content, row: int, found: Row[Any]) -> int | None:
    """Return the class that a row may belong to instead: the suggested one, else the likeliest that is not given."""
    label, given = decoded(found.suggested), decoded(found.given)
    if isinstance(label, list) and len(label) == 1 and label != given:
        return label[0]
    return next((guess["class"] for guess in content.likeliest(row) if [guess["class"]] != given), None)


def _votes(connection: Connection, classes: Classes, row: int, task: str) -> list[dict[str, Any]]:
    """Return what annotators said of a row, the commonest answer first, without names."""
    a = t.assignment.c
    query = select(a.label, func.count().label("number")).where(a.row == row, a.state == "done").group_by(a.label)
    found = connection.execute(query.order_by(func.count().desc(), a.label))
    return [{"label": classes.words(told.label, task), "number": told.number} for told in found]
