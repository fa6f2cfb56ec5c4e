"""What each column is for: taken from the caller where said, else read from the data, with reasons for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from labelwright.data.column_types import ColumnProfile, is_string, plain_column, profile_column
from labelwright.data.dataset import IgnoredColumn, Modality, Plan, Source, Task
from labelwright.data.leaks import find_leaks
from labelwright.data.matrices import class_names
from labelwright.data.readers.image_folder import SPLIT_NAMES
from labelwright.data.readers.places import place
from labelwright.data.tasks import marks_unlabelled, read_task
from labelwright.errors import BadInput, did_you_mean, listed, quoted

_LABEL_NAMES = ("label", "labels", "target", "class", "y")
_MATRIX_NAMES = ("x", "features", "feature", "embedding", "embeddings", "vectors", "vector")
_PREDICTIONS = ("pred_probs", "probs", "probabilities", "logits", "predictions", "predicted", "scores")
OWN_PREFIX = "labelwright_"  # columns that an earlier run of ours added
FEATURE_FILES = (".npy", ".npz", ".parquet")


@dataclass(frozen=True)
class _Asked:
    """What the caller said."""

    text: tuple[str, ...]
    image: str | None
    features: str | None
    feature_columns: tuple[str, ...]


@dataclass(frozen=True)
class _Inputs:
    """What the model will see, and a note on why."""

    modality: Modality
    text: tuple[str, ...] = ()
    image: str | None = None
    columns: tuple[str, ...] = ()
    note: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        return self.text + ((self.image,) if self.image else ()) + self.columns


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
        A file of features (then no column is read as input) or the name of an encoder.
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
    asked = _Asked(_names(text), image, None if features is None else str(features), _names(feature_columns))
    label, label_note = _find_label(source, label)
    _check_roles(source, label, asked, {"id": id, "group": group, "split": split})
    reading = read_task(source, label, task)
    notes = [label_note] if label_note else []
    notes.append(f"task: {reading.task} ({reading.why})")
    if reading.task == "classification" and marks_unlabelled(plain_column(source.table.column(label))):
        notes.append("label: -1 is taken as unlabelled")
    if split is None and (split := _find_split(source, {label, id, group, image, *asked.text, *asked.feature_columns})):
        notes.append(f"split: column {quoted(split)}, by its name and values")
    roles = {name: role for name, role in ((label, "label"), (id, "id"), (group, "group"), (split, "split")) if name}
    profiles = [profile_column(source.table, name) for name in source.table.column_names if name not in roles]
    reasons = _reasons_to_ignore(source, label, reading.task, profiles)
    inputs = _choose_inputs(source, asked, profiles, reasons)
    for name in inputs.used:
        if name in reasons and reasons[name] != "":
            notes.append(f"column {quoted(name)} is used as asked, though {reasons[name]}")
    notes.append(f"modality: {inputs.modality} ({inputs.note})")
    ignored = tuple(
        IgnoredColumn(p.name, reasons.get(p.name) or _left_over(p, inputs))
        for p in profiles
        if p.name not in inputs.used
    )
    return Plan(
        reading.task,
        inputs.modality,
        label,
        inputs.text,
        inputs.image,
        inputs.columns,
        id,
        group,
        split,
        ignored,
        tuple(notes),
    )


def _names(columns: Sequence[str] | str) -> tuple[str, ...]:
    """Return column names given as a list or as ``"subject,body"``."""
    if isinstance(columns, str):
        return tuple(name.strip() for name in columns.split(",") if name.strip())
    return tuple(columns)


def _find_label(source: Source, label: str | None) -> tuple[str, str]:
    names = list(source.table.column_names)
    if label is not None:
        if label not in names:
            raise BadInput(
                f"there is no column {quoted(label)}", where=place(source.path), fix=did_you_mean(label, names)
            )
        return label, ""
    if source.format == "image_folder":
        if source.table.column("label").null_count == len(source):
            raise BadInput(
                "the images lie in no class folders",
                where=place(source.path),
                fix="put each class in a folder of its own",
            )
        return "label", "label: the folder of each image"
    classes = [field.name for field in source.table.schema if class_names(field) is not None]
    if len(classes) == 1:
        return classes[0], f"label: column {quoted(classes[0])}, the only one with named classes"
    near = [name for name in names if name.casefold() in _LABEL_NAMES]
    fix = f"name it, for example --label {near[0]}" if near else f"name one of {listed(names)}"
    raise BadInput("which column holds the labels is not said", where=place(source.path), fix=fix)


def _check_roles(source: Source, label: str, asked: _Asked, others: dict[str, str | None]) -> None:
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


def _reasons_to_ignore(source: Source, label: str, task: Task, profiles: list[ColumnProfile]) -> dict[str, str]:
    """Return, for each column that should not be an input, why."""
    reasons = {}
    for profile in profiles:
        if profile.kind in ("empty", "constant", "date", "identifier", "other"):
            reasons[profile.name] = profile.reason
        elif profile.kind == "tags":
            reasons[profile.name] = "it holds lists"
        elif profile.name.startswith(OWN_PREFIX):
            reasons[profile.name] = "an earlier run wrote it"
        elif profile.name.casefold() in _PREDICTIONS and profile.kind in ("matrix", "number"):
            reasons[profile.name] = "it holds predictions"
    leaks = find_leaks(source.table, label, profiles, task)
    sure = {leak.name: f"{leak.reason}, so it gives the label away" for leak in leaks if leak.sure}
    maybe = {leak.name: f"{leak.reason}, so it gives the label away" for leak in leaks if not leak.sure}
    inputs = {p.name for p in profiles if p.name not in reasons} - set(sure)
    reasons |= sure
    if inputs - set(maybe):  # a column on which the label hangs by a threshold is given up only when others remain
        reasons |= maybe
    return reasons


def _choose_inputs(source: Source, asked: _Asked, profiles: list[ColumnProfile], reasons: dict[str, str]) -> _Inputs:
    kinds = {p.name: p.kind for p in profiles}
    if asked.text:
        return _Inputs("text", text=asked.text, note="the text columns are given")
    if asked.image:
        return _asked_image(source, asked.image, kinds)
    if asked.feature_columns:
        return _asked_columns(asked.feature_columns, kinds)
    if asked.features and asked.features.lower().endswith(FEATURE_FILES):
        return _Inputs("features", note="the features come from a file")
    return _inferred_inputs([p for p in profiles if p.name not in reasons])


def _asked_image(source: Source, image: str, kinds: Mapping[str, str]) -> _Inputs:
    if kinds.get(image) not in ("image", "category", "text", "identifier", "constant"):
        raise BadInput(
            f"column {quoted(image)} holds no images",
            where=place(source.path),
            fix="name a column of image files or encoded images",
        )
    return _Inputs("image", image=image, note="the image column is given")


def _asked_columns(columns: tuple[str, ...], kinds: Mapping[str, str]) -> _Inputs:
    unfit = [name for name in columns if kinds.get(name) in ("image", "tags", "other", "empty")]
    if unfit:
        raise BadInput(f"the feature columns {listed(unfit)} hold no numbers or categories", fix="name other columns")
    if all(kinds.get(name) in ("matrix", "number", "constant") for name in columns):
        return _Inputs("features", columns=columns, note="the feature columns are given")
    return _Inputs("table", columns=columns, note="the columns are given")


def _inferred_inputs(usable: list[ColumnProfile]) -> _Inputs:
    images = [p.name for p in usable if p.kind == "image"]
    if images:
        return _Inputs("image", image=images[0], note=f"column {quoted(images[0])} holds images")
    texts = tuple(p.name for p in usable if p.kind == "text")
    matrix = _best_matrix([p.name for p in usable if p.kind == "matrix"])
    if matrix is not None:
        return _Inputs("features", columns=(matrix,), note=f"column {quoted(matrix)} holds a vector for each row")
    if texts:
        plural = "columns" if len(texts) > 1 else "column"
        holds = "hold" if len(texts) > 1 else "holds"
        return _Inputs("text", text=texts, note=f"{plural} {listed(texts)} {holds} free text")
    table = tuple(p.name for p in usable if p.kind == "number" or (p.kind == "category" and not _mostly_unique(p)))
    if table:
        return _Inputs("table", columns=table, note=f"{len(table)} columns of numbers and categories")
    short = sorted((p for p in usable if p.kind == "category"), key=lambda p: (-p.n_distinct, p.name))
    if short:
        return _Inputs("text", text=(short[0].name,), note=f"column {quoted(short[0].name)} is the only one left")
    return _Inputs("none", note="no column can serve as input")


def _best_matrix(names: list[str]) -> str | None:
    known = [name for name in names if name.casefold() in _MATRIX_NAMES]
    return (known or names or [None])[0]  # type: ignore[list-item]


def _mostly_unique(profile: ColumnProfile) -> bool:
    return profile.n_distinct > 50 and profile.n_distinct > profile.n_known * 0.5


def _left_over(profile: ColumnProfile, inputs: _Inputs) -> str:
    if profile.kind == "category" and _mostly_unique(profile) and inputs.modality == "table":
        return "nearly every row has its own value"
    chosen = {"text": "the text is used", "image": "the images are used", "features": "the features are used"}
    return chosen.get(inputs.modality, "other columns are used")
