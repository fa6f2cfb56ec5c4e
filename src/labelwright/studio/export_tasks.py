"""Rows with their labels now for other programs: tasks for Label Studio, COCO for images."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from labelwright.acquire.questions import content_of
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.label_codes import decoded
from labelwright.studio.project import facts


def label_studio_tasks(connection: Connection, dataset: Dataset) -> list[dict[str, Any]]:
    """Return a task for each row that was not rejected: its content, its id, and its label now as an annotation.

    Classes are choices named ``label``, a value is a number of that name; the labelling configuration needs a tag
    ``Choices`` or ``Number`` with ``name="label"``. Rows without a label have no annotation.
    """
    if dataset.parts is not None:
        raise BadInput("decisions about parts are no tasks", fix="take the mended copy, and import that")
    classes = load_classes(connection)
    content = content_of(dataset, np.arange(len(dataset)))
    shown: list[dict[str, Any]] = [{}] * len(dataset) if content is None else content.to_pylist()
    to = next(iter(content.column_names), "labelwright_id") if content is not None else "labelwright_id"
    tasks: list[dict[str, Any]] = []
    for told in _standing(connection):
        data = {name: _plain(value) for name, value in shown[told.row].items()} | {"labelwright_id": told.name}
        label = decoded(told.label)
        if label is None:
            tasks.append({"data": data})
            continue
        kind: str = "number"
        value: Any = label
        if isinstance(label, list):
            kind, value = "choices", [classes.names[classes.now(k)] for k in label]
        result = {"from_name": "label", "to_name": to, "type": kind, "value": {kind: value}}
        tasks.append({"data": data, "annotations": [{"result": [result]}]})
    return tasks


def coco(connection: Connection, dataset: Dataset) -> dict[str, Any]:
    """Return images, categories and one annotation for each class of each image, without boxes.

    Raises
    ------
    BadInput
        The rows are no images with classes.
    """
    name = dataset.plan.image
    if name is None or dataset.space is None:
        raise BadInput("COCO holds images with classes, and these data are none", fix="take another form")
    classes = load_classes(connection)
    files = ["" if file is None else str(file) for file in dataset.column(name).to_pylist()]
    standing = _standing(connection)
    labels = [(told.row, classes.now(k)) for told in standing for k in _classes_of(told.label)]
    return {
        "info": {"description": f"{facts(connection)['data']}, labels as they are in the studio"},
        "images": [{"id": told.row, "file_name": files[told.row]} for told in standing],
        "categories": [{"id": number, "name": name} for number, name in classes.names.items()],
        "annotations": [
            {"id": number, "image_id": row, "category_id": k} for number, (row, k) in enumerate(labels, start=1)
        ],
    }


def _standing(connection: Connection) -> list[Any]:
    c = t.item.c
    query = select(c.row, c.name, c.label, c.verdict).order_by(c.row)
    return [told for told in connection.execute(query) if told.verdict != "reject"]


def _classes_of(text: str | None) -> list[int]:
    label = decoded(text)
    return label if isinstance(label, list) else []


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
