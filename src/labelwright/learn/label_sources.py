"""What is known of the labels, from everywhere it stands: columns of the data and files of votes beside it.

    one label a row          the label column
    votes                    a file with the row's id, a source and a label a line
    candidate sets           a column with several labels a cell, or a file with several lines an id and no source
    counts of bags           a column that names the bag, and one column of counts (or shares) a class
    known positives          one class of the label column; every other row was never looked at
    tags                     a column that lists several labels a cell, all of them right
    numbers                  a column of numbers, or two of the least and the most that a number can be

Each becomes a part of evidence about its rows; several parts make a `Mixed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset, Source
from labelwright.data.identity import row_ids
from labelwright.data.infer import infer_plan
from labelwright.data.labels import class_order, encode_labels, read_classes
from labelwright.data.readers.dispatch import read_source
from labelwright.data.tasks import known_texts
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence import Evidence, Hard, LabelSpace
from labelwright.learn.gathered import Gathered, LabelSources
from labelwright.learn.label_columns import (
    bags_of,
    candidate_lists,
    candidates_of,
    count_columns,
    other_class,
    positives_of,
)
from labelwright.learn.tag_number_columns import (
    BOUNDED,
    bounds_of,
    list_one_each,
    numbers_of,
    tags_of,
    with_number_column,
)
from labelwright.learn.vote_files import VoteFile, read_votes

PLACEHOLDER = "labelwright_label"


def gather_labels(
    data: Path,
    sources: LabelSources,
    *,
    id: str | None = None,
    text: Sequence[str] = (),
    image: str | None = None,
    feature_columns: Sequence[str] = (),
    features: str | None = None,
    group: str | None = None,
    classes: str | Path | Sequence[str] | None = None,
    root: Path | None = None,
    sheet: str | None = None,
) -> Gathered:
    """Read data and all that is known of its labels.

    Raises
    ------
    BadInput
        There is nothing about labels, a column or row is not there, or counts do not fit their bag.
    """
    if not (sources.label or sources.about_one_class or sources.low or sources.high):
        only = read_source(data, root, sheet=sheet)
        if only.format not in ("image_folder", "huggingface"):
            raise BadInput("nothing says what the labels are", fix="name --label, --evidence, --candidates or --bag")
    source = read_source(data, root, sheet=sheet)
    _check_columns(source, sources)
    reduced = _without_label_columns(source, sources)
    found = [read_votes(path, id) for path in sources.files]
    lists = candidate_lists(source, sources.candidates)
    names = read_classes(classes) or _all_names(source, sources, found, lists)
    bounds = bounds_of(source, sources.low, sources.high)
    elsewhere = bool(found or lists or sources.bag)
    reduced, label, task = _with_label_column(reduced, sources, bounds, names or (), elsewhere)
    plan = infer_plan(
        reduced,
        label,
        task=task,
        text=text,
        image=image,
        features=features,
        feature_columns=feature_columns,
        id=id,
        group=group,
    )
    labels, given, space = encode_labels(reduced, plan, names)
    if label == PLACEHOLDER:
        labels, given = np.full(len(labels), -1, np.int32), (None,) * len(labels)
    dataset = Dataset(reduced, plan, labels, given, space, row_ids(source, plan))
    if plan.task == "multilabel":
        return _tags(dataset, sources)
    if plan.task == "regression":
        return _numbers(dataset, bounds)
    return _parts(dataset, source, sources, found, lists, None if label == PLACEHOLDER else plan.label)


def _with_label_column(
    source: Source, sources: LabelSources, bounds: NDArray[np.float64], names: Sequence[str], elsewhere: bool
) -> tuple[Source, str | None, str | None]:
    """Return the data with a column to read labels from, its name and the task; a column made up where none is."""
    label, task = sources.label, "classification" if sources.about_one_class else sources.task
    if label is None and elsewhere:
        return _with_placeholder(source, names), PLACEHOLDER, task
    if not (sources.low or sources.high):
        return source, label, task
    if label is None:
        return with_number_column(source, bounds), BOUNDED, "regression"
    return source, label, "regression"


def _tags(dataset: Dataset, sources: LabelSources) -> Gathered:
    """Return tags; where no row lists more than one, others may be on too, and that is said."""
    labels = np.asarray(dataset.labels, np.int8)
    single = list_one_each(labels)
    notes = ("no row lists more than one tag: those not listed are taken as unknown, not as off",) if single else ()
    incomplete = sources.incomplete or single
    part = tags_of(labels, incomplete)
    every = np.arange(len(dataset))
    return Gathered(dataset, dataset.space, (part,), (every,), None, dataset.plan.label, incomplete, notes)


def _numbers(dataset: Dataset, bounds: NDArray[np.float64]) -> Gathered:
    bounded = dataset.plan.label == BOUNDED
    values = None if bounded else np.asarray(dataset.labels, np.float64)
    part, label = numbers_of(values, bounds), None if bounded else dataset.plan.label
    return Gathered(dataset, None, (part,), (np.arange(len(dataset)),), None, label)


def _parts(
    dataset: Dataset,
    source: Source,
    sources: LabelSources,
    found: list[VoteFile],
    lists: list[list[str]] | None,
    label: str | None,
) -> Gathered:
    space = dataset.space
    assert space is not None
    every = np.arange(len(dataset))
    parts: list[tuple[Evidence, NDArray[np.int64]]] = []
    noisy: int | None = None
    if label is not None and sources.positive is not None:
        parts.append((positives_of(dataset.labels, space, sources.positive), every))
        space = LabelSpace((other_class(space, sources.positive), sources.positive))
    elif label is not None:
        noisy = None if sources.trusted else 0
        parts.append((Hard(dataset.labels, len(space)), every))
    for votes in found:
        parts.append(votes.evidence(dataset.ids, space))
    if lists is not None:
        parts.append(candidates_of(lists, space, sources.candidates or ""))
    if sources.bag is not None:
        parts.append((bags_of(source, sources.bag, sources.counts, space), every))
    if sources.positive is not None and len(parts) > 1:
        raise BadInput("known positives cannot be mixed with other evidence", fix="leave out --positive or the others")
    if len(dataset) == 0 or not parts:
        raise BadInput("there are no rows to learn from", where=dataset.source.path.name)
    return Gathered(dataset, space, tuple(p for p, _ in parts), tuple(r for _, r in parts), noisy, label)


def _check_columns(source: Source, sources: LabelSources) -> None:
    have = source.table.column_names
    counted = (column for _, column in count_columns(sources.counts))
    named = [sources.candidates, sources.bag, sources.low, sources.high, *counted]
    for name in named:
        if name is not None and name not in have:
            raise BadInput(f"there is no column {quoted(name)}", where=source.path.name, fix=did_you_mean(name, have))
    numeric = sources.task not in (None, "classification") or sources.low or sources.high
    if sources.about_one_class and numeric:
        raise BadInput("votes, candidates, bags and known positives are about one class a row", fix="leave out --task")
    if (sources.low or sources.high) and sources.task not in (None, "regression"):
        raise BadInput("bounds are about numbers", fix="use --task regression")
    if bool(sources.bag) != bool(sources.counts):
        raise BadInput("bags need both their names and their counts", fix="give --bag COL and --count-columns COLS")


def _without_label_columns(source: Source, sources: LabelSources) -> Source:
    """Return the source without the columns that tell of labels: a model may not look at them."""
    counted = (column for _, column in count_columns(sources.counts))
    drop = {sources.candidates, sources.bag, sources.low, sources.high, *counted} - {None}
    kept = [name for name in source.table.column_names if name not in drop]
    return replace(source, table=source.table.select(kept)) if drop else source


def _with_placeholder(source: Source, names: Sequence[str]) -> Source:
    """Return the source with a label column that says nothing: shuffled names, so that no column gives it away."""
    if len(names) < 2:
        raise BadInput(f"the evidence names {len(names)} class(es)", fix="name all of them with --classes")
    codes = np.random.default_rng(0).permutation(np.arange(len(source)) % len(names))
    return replace(source, table=source.table.append_column(PLACEHOLDER, [[names[c] for c in codes.tolist()]]))


def _all_names(
    source: Source, sources: LabelSources, found: list[VoteFile], lists: list[list[str]] | None
) -> tuple[str, ...] | None:
    """Return every class that any source names; None where the label column alone decides."""
    if not (found or lists or sources.bag or sources.positive):
        return None
    names: set[str] = {name for name, _ in count_columns(sources.counts)}
    for votes in found:
        names |= {name for name in votes.labels if name is not None}
    names |= {name for cell in lists or () for name in cell}
    if sources.label is not None:
        if sources.label not in source.table.column_names:
            return None
        texts = known_texts(source.table.column(sources.label)).unique().to_pylist()
        names |= {str(name) for name in texts if name is not None}
    if sources.positive is not None:
        if sources.positive not in names:
            raise BadInput(
                f"no row has the label {quoted(sources.positive)}", fix=did_you_mean(sources.positive, sorted(names))
            )
        names |= {f"not {sources.positive}"} if len(names) == 1 else set()
    return class_order(sorted(names))
