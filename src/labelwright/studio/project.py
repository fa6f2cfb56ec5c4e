"""A project: the rows of an audited data set in the tables of the studio, made once and opened again.

What the tables hold is what people decide about: names, labels, suggestions and findings. The content of rows stays in
the data and is read from there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select

from labelwright import __version__
from labelwright.audit.run import AuditResult
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput, quoted
from labelwright.studio import part_rows
from labelwright.studio import tables as t
from labelwright.studio.database import gather_statistics
from labelwright.studio.label_codes import encoded
from labelwright.studio.part_content import content_of
from labelwright.studio.part_rows import PartRows

CHECK_SIZE, LEAST_CHECKED = 100, 20  # rows of the random sample: a tenth of the data within these bounds
TASKS = ("classification", "multilabel", "regression", *part_rows.TASKS)
LASTING = ("fingerprint", "data", "task", "labelwright", "created_at", "noise_rate", "n_rows", "seed")
_CHUNK = 20_000
_FACTS = "labelwright_facts"


def fingerprint(dataset: Dataset) -> str:
    """Return what identifies the rows and labels of a data set, independent of its file's name."""
    digest = hashlib.blake2b(digest_size=16)
    for name, given in zip(dataset.ids.tolist(), dataset.given, strict=True):
        digest.update(f"{name}\x00{given}\x01".encode())
    if dataset.parts is not None:
        digest.update(np.ascontiguousarray(dataset.labels).tobytes())
        boxes = getattr(dataset.parts, "boxes", None)
        digest.update(b"" if boxes is None else np.ascontiguousarray(boxes.corners).tobytes())
    return digest.hexdigest()


def is_filled(connection: Connection) -> bool:
    """Say whether a project stands in the tables."""
    return connection.scalar(select(func.count()).select_from(t.meta).where(t.meta.c.key == "fingerprint")) == 1


def fill(connection: Connection, audit: AuditResult, *, seed: int = 0) -> None:
    """Write the rows, classes and findings of an audit into empty tables.

    Parameters
    ----------
    connection : Connection
        Within a transaction that writes.
    audit : AuditResult
    seed : int
        Of the random sample that people check.

    Raises
    ------
    BadInput
        The task is none that single rows are decided in.
    """
    dataset = audit.dataset
    if dataset.plan.task not in TASKS:
        raise BadInput(
            f"the studio decides about whole rows, and the task is {quoted(dataset.plan.task)}",
            fix="mend parts with labelwright apply",
        )
    facts = {
        "fingerprint": fingerprint(dataset),
        "data": dataset.source.path.name,
        "task": dataset.plan.task,
        "labelwright": __version__,
        "created_at": time.time(),
        "noise_rate": audit.summary.get("noise_rate"),
        "n_rows": len(dataset),
        "seed": seed,
    }
    connection.execute(insert(t.meta), [{"key": key, "value": json.dumps(value)} for key, value in facts.items()])
    if dataset.space is not None:
        named = part_rows.class_names(dataset)
        classes = [{"id": k, "name": name, "position": k} for k, name in enumerate(named)]
        connection.execute(insert(t.label_class), classes)
    for chunk in _items(audit, seed):
        connection.execute(insert(t.item), chunk)
    if dataset.parts is not None:
        parts = list(part_rows.part_items(audit))
        for start in range(0, len(parts), _CHUNK):
            connection.execute(insert(t.item), parts[start : start + _CHUNK])
        contents = list(_contents(dataset, parts))
        for start in range(0, len(contents), _CHUNK):
            connection.execute(insert(t.part_content), contents[start : start + _CHUNK])
    for chunk in _findings(audit):
        connection.execute(insert(t.finding), chunk)
    gather_statistics(connection, t.item, t.finding)


def add_class(connection: Connection, name: str) -> int:
    """Add a class after those that are there and return its number; who calls keeps others from doing so at once."""
    c = t.label_class.c
    last, place = connection.execute(select(func.max(c.id), func.max(c.position))).one()
    number = 0 if last is None else last + 1
    connection.execute(insert(t.label_class).values(id=number, name=name, position=0 if place is None else place + 1))
    return int(number)


def add_void(connection: Connection, dataset: Dataset) -> None:
    """Let void be chosen in a project of masks that was made before it could be."""
    known = set(connection.scalars(select(t.label_class.c.name)))
    for name in part_rows.void_names(dataset)[:1]:
        if name not in known:
            add_class(connection, name)


def facts(connection: Connection) -> Mapping[str, Any]:
    """Return what is known of the project as a whole; it never changes, so each connection reads it once."""
    kept: Mapping[str, Any] | None = connection.info.get(_FACTS)
    if kept is None:
        found = connection.execute(select(t.meta.c.key, t.meta.c.value).where(t.meta.c.key.in_(LASTING)))
        kept = {key: json.loads(value) for key, value in found}
        if "fingerprint" in kept:
            connection.info[_FACTS] = kept
    return kept


def given_labels(dataset: Dataset) -> list[str | None]:
    """Return the label of each row as the tables hold it."""
    labels, task = dataset.labels, dataset.plan.task
    if dataset.parts is not None:
        return [None] * len(dataset)
    if task == "regression":
        return [None if np.isnan(value) else encoded(float(value)) for value in labels]
    if task == "multilabel":
        return [None if (row < 0).all() else encoded(np.flatnonzero(row == 1).tolist()) for row in labels]
    return [None if k < 0 else f"[{k}]" for k in labels.tolist()]


def _items(audit: AuditResult, seed: int) -> Iterator[list[dict[str, Any]]]:
    dataset = audit.dataset
    given, n = given_labels(dataset), len(dataset)
    judged = _judged_rows(audit.issues)
    if dataset.parts is not None:
        judged = judged.slice(0, 0)  # its parts are what people decide about
    score, flagged, suggested = _columns(judged, n, dataset)
    place = _sample(dataset, given, seed)
    for start in range(0, n, _CHUNK):
        yield [
            {
                "row": row,
                "name": str(dataset.ids[row]),
                "given": given[row],
                "label": given[row],
                "suggested": suggested[row],
                "score": None if np.isnan(score[row]) else float(score[row]),
                "flagged": bool(flagged[row]),
                "check_place": place.get(row),
            }
            for row in range(start, min(start + _CHUNK, n))
        ]


def _judged_rows(issues: pa.Table) -> pa.Table:
    whole = pc.and_(pc.equal(issues["kind"], "label"), pc.equal(issues["level"], "row"))
    return issues.filter(whole)


def _columns(
    judged: pa.Table, n: int, dataset: Dataset
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str | None]]:
    rows = judged["row"].to_numpy()
    score, flagged = np.full(n, np.nan), np.zeros(n, bool)
    score[rows] = judged["score"].to_numpy()
    flagged[rows] = judged["is_issue"].to_numpy(zero_copy_only=False)
    suggested: list[str | None] = [None] * n
    for row, words in zip(rows.tolist(), judged["suggested"].to_pylist(), strict=True):
        suggested[row] = _suggestion(words, dataset)
    return score, flagged, suggested


def _suggestion(words: str | None, dataset: Dataset) -> str | None:
    if words is None:
        return None
    if dataset.space is None:
        try:
            return encoded(float(words))
        except ValueError:
            return None
    names = words.split("|") if dataset.plan.task == "multilabel" else [words]
    numbers = [dataset.space.index[name] for name in names if name in dataset.space.index]
    return encoded(numbers) if len(numbers) == len(names) else None


def _sample(dataset: Dataset, given: list[str | None], seed: int) -> Mapping[int, int]:
    """Draw the rows that people check without seeing suggestions, in random order: row → place."""
    known = np.flatnonzero([label is not None for label in given])
    size = min(CHECK_SIZE, max(LEAST_CHECKED, len(known) // 10))
    drawn = np.random.default_rng([seed, 0x57]).permutation(known)[:size]
    return {int(row): place for place, row in enumerate(drawn)}


def _contents(dataset: Dataset, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what the data hold where each item of a project with parts lies."""
    parts = PartRows(dataset)
    of_rows = ((row, row, None) for row in range(len(dataset)))
    of_parts = ((item["row"], *parts.place(item["name"])) for item in items)
    for number, row, part in chain(of_rows, of_parts):
        content = content_of(parts, row, part)
        if content is not None:
            yield {"row": number, "content": content}


def _findings(audit: AuditResult) -> Iterator[list[dict[str, Any]]]:
    issues = audit.issues.filter(audit.issues["is_issue"])
    names = ("kind", "row", "other_row", "part", "score", "given", "suggested", "reason")
    for start in range(0, issues.num_rows, _CHUNK):
        chunk = issues.select(names).slice(start, _CHUNK).to_pylist()
        if chunk:
            yield chunk
