"""The label column as numbers: class names as written, tags as a 0/1 matrix, values as floats."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.column_types import numbers, plain_column
from labelwright.data.dataset import Plan, Source
from labelwright.data.matrices import class_names, column_matrix, is_sparse
from labelwright.data.readers.places import place, said
from labelwright.data.tasks import TagStyle, known_texts, marks_unlabelled, read_task
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence.space import LabelSpace

_MANY_CLASSES = 50  # allowed however few rows there are
Given = tuple[str | None, ...]


def encode_labels(
    source: Source, plan: Plan, classes: Sequence[str] | None = None
) -> tuple[NDArray[Any], Given, LabelSpace | None]:
    """Return the labels as numbers, as they were given, and the classes.

    Parameters
    ----------
    source : Source
    plan : Plan
        Names the label column and the task.
    classes : sequence of str, optional
        All classes in order. By default the names that came with the file, else the names that occur: whole numbers in
        numeric order, other names sorted.

    Returns
    -------
    labels : array
        int32 (n,) with -1 = unlabelled; multi-label int8 (n, K) with -1 = unknown; regression float64 (n,) with NaN.
    given : tuple of str or None, length n
    space : LabelSpace or None

    Raises
    ------
    BadInput
        A label is not among `classes` (with near names), there are fewer than two classes, or no labels at all.
    """
    column = plain_column(source.table.column(plan.label))
    if plan.task == "regression":
        return _encode_values(source, column, plan)
    if plan.task == "multilabel":
        return _encode_tags(source, plan, classes)
    texts, space = _class_texts(source, plan, classes)
    encoded = texts.combine_chunks().dictionary_encode()
    dictionary = encoded.dictionary.to_pylist()
    _refuse_unknown(source, plan, dictionary, encoded.indices, space)
    number = np.array([space.index[name] for name in dictionary] + [-1], dtype=np.int32)
    codes = encoded.indices.fill_null(len(dictionary)).to_numpy(zero_copy_only=False)
    words = np.array([*dictionary, None], dtype=object)  # rows of a class share its name: a million take 8 MB, not 65
    return number[codes], tuple(words[codes].tolist()), space


def class_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return names sorted, whole numbers by their value (``9`` before ``10``).

    Examples
    --------
    >>> class_order(["10", "9", "1"])
    ('1', '9', '10')
    """
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(names))


def read_classes(classes: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return class names from a list, ``"cat,dog"``, or a file: one name a line, or a JSON list.

    Raises
    ------
    BadInput
        No names, a name twice, or a file that cannot be read.
    """
    if classes is None:
        return None
    if isinstance(classes, str | Path):
        path = Path(classes)
        if _is_file(path):
            names = _classes_in_file(path)
        elif isinstance(classes, Path) or path.suffix in (".txt", ".json"):
            raise BadInput("there is no such file of class names", where=str(classes), fix="check the path")
        else:
            names = [name.strip() for name in classes.split(",")]
    else:
        names = [str(name) for name in classes]
    if not names or not all(names):
        raise BadInput("the list of classes holds an empty name", fix="give names such as cat,dog or a file of them")
    return LabelSpace(tuple(names)).names


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _classes_in_file(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        names = json.loads(text) if text.lstrip().startswith("[") else text.splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"cannot be read as class names ({said(error)})", where=place(path), fix="write one a line"
        ) from None
    return [str(name) for name in names if str(name).strip()]


def _class_texts(source: Source, plan: Plan, classes: Sequence[str] | None) -> tuple[pa.ChunkedArray, LabelSpace]:
    field, column = source.table.schema.field(plan.label), plain_column(source.table.column(plan.label))
    named = class_names(field)
    if named is not None and pa.types.is_integer(column.type):
        table = pa.array(named, pa.string())
        codes = pc.if_else(pc.less(column, 0), None, column)
        texts = pc.take(table, codes.combine_chunks())
        texts = pa.chunked_array([texts])
    else:
        if "-1" not in (classes or ()) and marks_unlabelled(column):
            column = pc.if_else(pc.less(column, 0), None, column)
        texts = known_texts(column, classes or ())
    known = list(classes) if classes is not None else list(named) if named is not None else None
    if known is None:
        known = list(class_order(_present(texts)))
        _refuse_free_text(source, plan, len(known), int(pc.count(texts).as_py()))
    if len(known) < 2:
        only = f"every label is {quoted(known[0])}" if known else "there are no labels"
        raise BadInput(
            f"{only}, so there is nothing to tell apart",
            where=f"{place(source.path)}, column {quoted(plan.label)}",
            fix="name the column that holds the classes, or all of them with --classes",
        )
    return texts, LabelSpace(tuple(known))


def _refuse_free_text(source: Source, plan: Plan, n_classes: int, n_labelled: int) -> None:
    if n_classes > max(_MANY_CLASSES, n_labelled // 2):
        raise BadInput(
            f"has {n_classes:,} distinct values in {n_labelled:,} rows, so it holds no classes",
            where=f"{place(source.path)}, column {quoted(plan.label)}",
            fix="name the column that holds the labels, use --task regression for numbers, or list all --classes",
        )


def _present(texts: pa.ChunkedArray) -> list[str]:
    return [str(name) for name in pc.unique(texts).to_pylist() if name is not None]


def _refuse_unknown(source: Source, plan: Plan, names: list[str], indices: pa.Array, space: LabelSpace) -> None:
    unknown = [name for name in names if name not in space.index]
    if not unknown:
        return
    row = int(np.flatnonzero(indices.fill_null(-1).to_numpy(zero_copy_only=False) == names.index(unknown[0]))[0])
    raise BadInput(
        f"{len(unknown)} label{'s are' if len(unknown) > 1 else ' is'} not among the {len(space)} classes: "
        f"{listed(unknown)}",
        where=source.where(row, plan.label),
        fix=f"for {quoted(unknown[0])} {did_you_mean(unknown[0], space.names)}; add it to --classes or mend the label",
    )


def _encode_values(source: Source, column: pa.ChunkedArray, plan: Plan) -> tuple[NDArray[np.float64], Given, None]:
    values = numbers(column)
    if values is None:
        raise BadInput(f"the label column {quoted(plan.label)} holds no numbers", fix="use --task classification")
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise BadInput(
            "the label is infinite", where=source.where(int(bad[0]), plan.label), fix="mend or empty the cell"
        )
    return values, tuple(known_texts(column).to_pylist()), None


def _encode_tags(
    source: Source, plan: Plan, classes: Sequence[str] | None
) -> tuple[NDArray[np.int8], Given, LabelSpace]:
    style = read_task(source, plan.label, "multilabel").tags
    if style == "matrix":
        return _encode_matrix(source, plan, classes)
    lists = tag_lists(source, plan.label, style or "|")
    named = class_names(source.table.schema.field(plan.label))
    flat = pa.array([tag for tags in lists if tags for tag in tags], pa.string()).dictionary_encode()
    present = flat.dictionary.to_pylist()
    known = tuple(classes) if classes is not None else named or class_order(present)
    if not known:
        raise BadInput("no row has a tag", where=f"column {quoted(plan.label)}", fix="name the column of tags")
    space = LabelSpace(tuple(known))
    lengths = np.array([0 if tags is None else len(tags) for tags in lists], dtype=np.int64)
    rows = np.repeat(np.arange(len(lists)), lengths)
    unknown = [tag for tag in present if tag not in space.index]
    if unknown:
        row = int(rows[np.flatnonzero(flat.indices.to_numpy(zero_copy_only=False) == present.index(unknown[0]))[0]])
        raise BadInput(
            f"the tags {listed(unknown)} are not among the {len(space)} classes",
            where=source.where(row, plan.label),
            fix=f"for {quoted(unknown[0])} {did_you_mean(unknown[0], space.names)}",
        )
    labels = np.zeros((len(lists), len(space)), dtype=np.int8)
    labels[[tags is None for tags in lists]] = -1
    number = np.array([space.index[tag] for tag in present], dtype=np.int64)
    if len(rows):
        labels[rows, number[flat.indices.to_numpy(zero_copy_only=False)]] = 1
    return labels, tuple(None if tags is None else "|".join(tags) for tags in lists), space


def tag_lists(source: Source, label: str, style: TagStyle) -> list[list[str] | None]:
    """Return the tags of each row, None where they are unknown; blanks around a tag are dropped."""
    column = plain_column(source.table.column(label))
    if style == "list":
        return [
            None if tags is None else [str(tag).strip() for tag in tags if tag is not None and str(tag).strip()]
            for tags in column.to_pylist()
        ]
    cells = known_texts(column).to_pylist()
    if style == "json":
        return [None if cell is None else _bracketed(cell, source, row, label) for row, cell in enumerate(cells)]
    return [None if cell is None else [t.strip() for t in cell.split(style) if t.strip()] for cell in cells]


def _bracketed(cell: str, source: Source, row: int, label: str) -> list[str]:
    """Return the tags of a cell such as ``["a", "b"]`` or ``['a', 'b']``."""
    try:
        tags = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            tags = ast.literal_eval(cell.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise BadInput(
                f"{quoted(cell)} is no list of tags", where=source.where(row, label), fix='write ["a", "b"]'
            ) from None
    if not isinstance(tags, list) or any(isinstance(tag, list | dict) for tag in tags):
        raise BadInput(f"{quoted(cell)} is no list of tags", where=source.where(row, label), fix='write ["a", "b"]')
    return [str(tag) for tag in tags]


def _encode_matrix(
    source: Source, plan: Plan, classes: Sequence[str] | None
) -> tuple[NDArray[np.int8], Given, LabelSpace]:
    field = source.table.schema.field(plan.label)
    matrix = column_matrix(source.table, plan.label)
    dense = matrix.toarray() if is_sparse(field) else matrix
    values = np.nan_to_num(dense, nan=-1.0) if dense.dtype.kind == "f" else dense
    names = tuple(classes) if classes is not None else class_names(field)
    if names is None:
        names = tuple(str(k) for k in range(dense.shape[1]))
    if len(names) != dense.shape[1]:
        raise BadInput(
            f"the label column {quoted(plan.label)} is {dense.shape[1]} classes wide but {len(names)} are named",
            fix="name as many classes as the matrix has columns",
        )
    labels = values.astype(np.int8)
    given = tuple(None if (row < 0).all() else "|".join(names[k] for k in np.flatnonzero(row == 1)) for row in labels)
    return labels, given, LabelSpace(names)
