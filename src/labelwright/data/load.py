"""One call from a file or a data frame to a `Dataset`: read, infer, encode, name the rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelwright.data.dataset import Dataset, Source
from labelwright.data.identity import row_ids
from labelwright.data.infer import infer_plan
from labelwright.data.labels import encode_labels, read_classes
from labelwright.data.parts.formats import PART_TASKS, load_parts, parts_format
from labelwright.data.readers.dispatch import read_source
from labelwright.data.readers.frames import from_frame
from labelwright.errors import BadInput, listed


def load_dataset(
    data: Any,
    *,
    label: str | None = None,
    task: str | None = None,
    text: Sequence[str] = (),
    image: str | None = None,
    features: str | Path | None = None,
    feature_columns: Sequence[str] = (),
    id: str | None = None,
    group: str | None = None,
    split: str | None = None,
    classes: str | Path | Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    sheet: str | None = None,
    images: str | os.PathLike[str] | None = None,
    parts: bool = False,
) -> Dataset:
    """Load labelled data.

    Parameters
    ----------
    data : path, data frame, mapping of columns, or Source
        Formats: see `labelwright.data.readers.read_source` and `from_frame`.
    label : str, optional
        The label column; may be left out for image folders and data with one column of named classes.
    task, text, image, features, feature_columns, id, group, split : optional
        See `labelwright.data.infer.infer_plan`.
    classes : list, ``"cat,dog"`` or a file, optional
        All class names in order.
    root : path, optional
        Images named by a column are opened only below this folder.
    sheet : str, optional
        The sheet of a workbook.
    images : path, optional
        The folder of the images that boxes or masks belong to.
    parts : bool
        Whether rows may have parts that carry the labels (CoNLL, COCO, YOLO, masks); otherwise such data are refused.

    Returns
    -------
    Dataset

    Raises
    ------
    BadInput
        With the file, line and remedy.

    Examples
    --------
    >>> load_dataset({"text": ["good", "bad"], "label": ["pos", "neg"]}, label="label").labels
    array([1, 0], dtype=int32)
    """
    kind = parts_format(data, task) if parts or task in PART_TASKS else None
    if kind is not None:
        if not parts:
            raise BadInput(f"the task {task} is for audits", fix="use labelwright audit")
        named: dict[str, Any] = {"text": text, "image": image, "features": features, "id": id, "group": group}
        named |= {"feature columns": feature_columns, "split": split, "root": root, "sheet": sheet}
        idle = [name for name, value in named.items() if value not in (None, ())]
        if idle:
            raise BadInput(f"{listed(idle)} are for tables, and these data have parts", fix="leave them out")
        folder = None if images is None else Path(images)
        return load_parts(Path(data), kind, label=label, classes=classes, images=folder)
    if images is not None:
        raise BadInput("images belong to boxes or masks", fix="use --image COL for a column, or --task segmentation")
    if isinstance(data, Source):
        source = data
    elif isinstance(data, str | os.PathLike):
        source = read_source(data, root, sheet=sheet)
    else:
        source = from_frame(data, Path(root) if root is not None else None)
    plan = infer_plan(
        source,
        label,
        task=task,
        text=text,
        image=image,
        features=features,
        feature_columns=feature_columns,
        id=id,
        group=group,
        split=split,
    )
    labels, given, space = encode_labels(source, plan, read_classes(classes))
    return Dataset(source, plan, labels, given, space, row_ids(source, plan))
