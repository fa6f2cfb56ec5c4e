"""What each column is for: taken from the caller where said, else read from the data, with reasons for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc

from labelwright.data.column_types import is_string, plain_column, profile_column
from labelwright.data.dataset import IgnoredColumn, Plan, Source
from labelwright.data.input_columns import Asked, choose_inputs, reason_left_over, reasons_to_ignore
from labelwright.data.matrices import class_names
from labelwright.data.readers.image_folder import SPLIT_NAMES
from labelwright.data.readers.label_studio import FORMAT as LABEL_STUDIO
from labelwright.data.readers.label_studio import ID as TASK_ID
from labelwright.data.readers.label_studio import questions_of
from labelwright.data.readers.places import place
from labelwright.data.tasks import marks_unlabelled, read_task
from labelwright.errors import BadInput, did_you_mean, listed, quoted

_LABEL_NAMES = ("label", "labels", "target", "class", "y")


def infer_plan(
    source: Source,
    label: str | None = None,
    *,
    task: str | None = None,
    text: Sequence[str] = (),
    image: str | None = None,
    features: str | Path | None = None,
    feature_columns: Sequence[str] = (),
    id: str | None = None,
    group: str | None = None,
    split: str | None = None,
) -> Plan:
    """Decide what the columns of a source are for.

    Parameters
    ----------
    source : Source
    label : str, optional
        The label column. Inferred for image folders and for sources with one column of named classes.
    task : str, optional
        ``"classification"``, ``"multilabel"`` or ``"regression"``; by default read from the label column.
    text, image, feature_columns : optional
        Columns to use as input; by default chosen by what they hold.
    features : str or Path, optional
        A file of features (then text and images are only shown to people) or the name of an encoder.
    id, group, split : str, optional
        Columns that name the rows, groups that belong together, and the splits. A column called ``split`` with such
        names is found.

    Returns
    -------
    Plan
        ``ignored`` gives a reason for every column that is not used, ``notes`` what was inferred and from what.

    Raises
    ------
    BadInput
        A column does not exist (near names are suggested) or is given two roles; the labels do not fit the task.

    Examples
    --------
    >>> from labelwright.data.readers import from_frame
    >>> rows = {"size": [1.5, 2.5, 3.5], "kind": ["a", "b", "a"]}
    >>> infer_plan(from_frame(rows), "kind").modality
    'table'
    """
    asked = Asked(_names(text), image, None if features is None else str(features), _names(feature_columns))
    label, notes = find_label(source, label)
    if id is None and source.format == LABEL_STUDIO:
        id = TASK_ID
        notes.append("id: the number of each task")
    check_roles(source, label, asked, {"id": id, "group": group, "split": split})
    reading = read_task(source, label, task)
    notes.append(f"task: {reading.task} ({reading.why})")
    if reading.task == "classification" and marks_unlabelled(plain_column(source.table.column(label))):
        notes.append("label: -1 is taken as unlabelled")
    if split is None and (split := _find_split(source, {label, id, group, image, *asked.text, *asked.feature_columns})):
        notes.append(f"split: column {quoted(split)}, by its name and values")
    roles = {label, id, group, split}
    profiles = [profile_column(source.table, name) for name in source.table.column_names if name not in roles]
    reasons = reasons_to_ignore(source, label, reading.task, profiles)
    if source.format == LABEL_STUDIO:
        reasons |= dict.fromkeys(set(questions_of(source)) - {label}, "it answers another question")
    inputs = choose_inputs(source, asked, profiles, reasons)
    wanted = [name for name in inputs.used if name in reasons]
    notes += [f"column {quoted(name)} is used as asked, though {reasons[name]}" for name in wanted]
    notes.append(f"modality: {inputs.modality} ({inputs.note})")
    left = [p for p in profiles if p.name not in inputs.used]
    ignored = tuple(IgnoredColumn(p.name, reasons.get(p.name) or reason_left_over(p, inputs)) for p in left)
    return Plan(
        task=reading.task,
        modality=inputs.modality,
        label=label,
        text=inputs.text,
        image=inputs.image,
        feature_columns=inputs.columns,
        id=id,
        group=group,
        split=split,
        ignored=ignored,
        notes=tuple(notes),
    )


def _names(columns: Sequence[str] | str) -> tuple[str, ...]:
    """Return column names given as a list or as ``"subject,body"``."""
    if isinstance(columns, str):
        return tuple(name.strip() for name in columns.split(",") if name.strip())
    return tuple(columns)


def find_label(source: Source, label: str | None) -> tuple[str, list[str]]:
    """Return the label column and notes on how it was found; BadInput where it does not exist or is not said."""
    names = list(source.table.column_names)
    if label is not None:
        if label not in names:
            raise BadInput(
                f"there is no column {quoted(label)}", where=place(source.path), fix=did_you_mean(label, names)
            )
        return label, []
    if source.format == "image_folder":
        if source.table.column("label").null_count == len(source):
            raise BadInput(
                "the images lie in no class folders",
                where=place(source.path),
                fix="put each class in a folder of its own",
            )
        return "label", ["label: the folder of each image"]
    classes = [field.name for field in source.table.schema if class_names(field) is not None]
    if len(classes) == 1:
        return classes[0], [f"label: column {quoted(classes[0])}, the only one with named classes"]
    if source.format == LABEL_STUDIO and len(asked := questions_of(source)) == 1:
        return asked[0], [f"label: the question {quoted(asked[0])}"]
    near = [name for name in names if name.casefold() in _LABEL_NAMES]
    fix = f"name it, for example --label {near[0]}" if near else f"name one of {listed(names)}"
    raise BadInput("which column holds the labels is not said", where=place(source.path), fix=fix)


def check_roles(source: Source, label: str, asked: Asked, others: dict[str, str | None]) -> None:
    """Refuse columns that do not exist or are given two roles."""
    names = list(source.table.column_names)
    taken: dict[str, str] = {label: "label"}
    inputs = [("text", name) for name in asked.text] + [("feature column", name) for name in asked.feature_columns]
    inputs += [("image", asked.image)] if asked.image else []
    for role, name in [*inputs, *others.items()]:
        if name is None:
            continue
        if name not in names:
            raise BadInput(
                f"there is no column {quoted(name)} (given as {role})",
                where=place(source.path),
                fix=did_you_mean(name, names),
            )
        both_may = {"group", "split", "id"}
        if name in taken and not (role in both_may and taken[name] in both_may):
            raise BadInput(
                f"column {quoted(name)} is given both as {taken[name]} and as {role}", fix="give each column one role"
            )
        taken.setdefault(name, role)
    kinds = [bool(asked.text), bool(asked.image), bool(asked.feature_columns)]
    if sum(kinds) > 1:
        raise BadInput("text, image and feature columns cannot be mixed", fix="give one of them")


def _find_split(source: Source, taken: set[str | None]) -> str | None:
    for name in source.table.column_names:
        column = plain_column(source.table.column(name))
        if name in taken or name.casefold() not in ("split", "fold", "subset", "partition", "set"):
            continue
        if is_string(column.type):
            values = [str(v).lower() for v in pc.unique(column.slice(0, 100_000)).to_pylist()[:20] if v is not None]
            if values and set(values) <= SPLIT_NAMES:
                return str(name)
    return None
