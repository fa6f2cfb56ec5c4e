"""The labels of a table as they stand, in words, and the rule for new ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelwright.data.column_types import plain_column
from labelwright.data.dataset import Plan, Source
from labelwright.data.identity import row_ids
from labelwright.data.labels import class_order, encode_labels, tag_lists
from labelwright.data.matrices import class_names
from labelwright.data.mend.labels import ClassNames, LabelRule, Numbers, TagNames, ordered
from labelwright.data.mend.plan import Items
from labelwright.data.tasks import TagStyle, known_texts, marks_unlabelled, read_task

Given = Sequence[str | None]


def table_items(
    source: Source, plan: Plan, classes: Sequence[str] | None, new: tuple[str, ...]
) -> tuple[Items, TagStyle | None]:
    """Return the rows of a table as items, and how tags are written in their cells.

    Parameters
    ----------
    source : Source
    plan : Plan
        Names the label column, its task and the id column.
    classes : sequence of str, optional
        All classes; by default those that the file names or that occur.
    new : tuple of str
        Classes that may be given though no row has them.
    """
    rule, style = label_rule(source, plan, classes, new)
    return Items(row_ids(source, plan), given_labels(source, plan, style, classes), rule), style


def label_rule(
    source: Source, plan: Plan, classes: Sequence[str] | None, new: tuple[str, ...]
) -> tuple[LabelRule, TagStyle | None]:
    """Return which labels may be given, and how tags are written; of `source` only the labels that occur matter."""
    if plan.task == "regression":
        return Numbers(), None
    named = classes or class_names(source.table.schema.field(plan.label))
    if plan.task == "multilabel":
        style = read_task(source, plan.label, "multilabel").tags or "|"
        rule = ClassNames(tuple(named or _tag_names(source, plan, style, classes)), new, _closed(source, plan))
        return TagNames(rule), style
    names = tuple(named or class_order(ordered(class_texts(source, plan.label, classes))))
    return ClassNames(names, new, _closed(source, plan)), None


def given_labels(source: Source, plan: Plan, style: TagStyle | None, classes: Sequence[str] | None) -> Given:
    """Return the label of each row in words, None where there is none."""
    if plan.task == "regression":
        found: Given = known_texts(plain_column(source.table.column(plan.label))).to_pylist()
        return found
    if plan.task != "multilabel":
        return class_texts(source, plan.label, classes)
    if style == "matrix":
        return encode_labels(source, plan, classes)[1]
    lists = tag_lists(source, plan.label, style or "|")
    return [None if tags is None else "|".join(tags) for tags in lists]


def _closed(source: Source, plan: Plan) -> str:
    """Say why no class can be added, empty where one can."""
    field = source.table.schema.field(plan.label)
    if class_names(field) is not None:
        return "the data set lists its classes"
    kind = plain_column(source.table.column(plan.label)).type
    return "the labels are columns of a 0/1 matrix" if pa.types.is_fixed_size_list(kind) else ""


def class_texts(source: Source, label: str, classes: Sequence[str] | None) -> list[str | None]:
    """Return the class of each row in words, None where there is none."""
    field, column = source.table.schema.field(label), plain_column(source.table.column(label))
    named = class_names(field)
    if pa.types.is_integer(column.type) and named is not None:
        codes = column.to_numpy()
        return [named[code] if 0 <= code < len(named) else None for code in np.nan_to_num(codes, nan=-1).astype(int)]
    if "-1" not in (classes or ()) and marks_unlabelled(column):
        column = pc.if_else(pc.less(column, 0), None, column)
    return _shared(known_texts(column, classes or named or ()))


def _shared(texts: pa.ChunkedArray) -> list[str | None]:
    """Return texts as a list in which equal ones are one object: classes are few and rows many."""
    encoded = texts.dictionary_encode().combine_chunks()
    words = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    found: list[str | None] = words[encoded.indices.fill_null(len(words) - 1).to_numpy()].tolist()
    return found


def _tag_names(source: Source, plan: Plan, style: TagStyle, classes: Sequence[str] | None) -> tuple[str, ...]:
    if style == "matrix":
        space = encode_labels(source, plan, classes)[2]
        return space.names if space else ()
    lists = tag_lists(source, plan.label, style)
    return class_order(ordered(tag for tags in lists if tags for tag in tags))
