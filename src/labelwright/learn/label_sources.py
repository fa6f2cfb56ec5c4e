"""What is known of the labels, from everywhere it stands: columns of the data and files of votes beside it.

    one label a row          the label column
    votes                    a file with the row's id, a source and a label a line
    candidate sets           a column with several labels a cell, or a file with several lines an id and no source
    counts of bags           a column that names the bag, and one column of counts (or shares) a class
    known positives          one class of the label column; every other row was never looked at

Each becomes a part of evidence about its rows; several parts make a `Mixed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from labelwright.evidence import Evidence, Hard, LabelSpace, Mixed
from labelwright.learn.label_columns import (
    bags_of,
    candidate_lists,
    candidates_of,
    count_columns,
    other_class,
    positives_of,
)
from labelwright.learn.vote_files import VoteFile, read_votes

PLACEHOLDER = "labelwright_label"


@dataclass(frozen=True)
class LabelSources:
    """Where labels stand.

    Parameters
    ----------
    label : str, optional
        Column of one label a row.
    candidates : str, optional
        Column of several labels a cell: a list, or text joined by ``|``.
    bag : str, optional
        Column that names the bag of each row.
    counts : tuple of str
        One column of counts or shares a class, ``column`` or ``class=column``; the same in all rows of a bag.
    files : tuple of Path
        Votes or candidates, joined by the identity of rows.
    positive : str, optional
        The class of known positives; the rows without it are unknown.
    trusted : bool
        The label column is right where it says something.
    """

    label: str | None = None
    candidates: str | None = None
    bag: str | None = None
    counts: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    positive: str | None = None
    trusted: bool = False


@dataclass(frozen=True)
class Gathered:
    """Data and everything that is known of its labels.

    `noisy` is the number of the part whose noise the audit can estimate (the label column), None without one.
    """

    dataset: Dataset
    space: LabelSpace
    parts: tuple[Evidence, ...]
    rows: tuple[NDArray[np.int64], ...]
    noisy: int | None
    label: str | None

    @property
    def evidence(self) -> Evidence:
        """All parts as one piece of evidence about the rows of the data."""
        n = len(self.dataset)
        if len(self.parts) == 1 and np.array_equal(self.rows[0], np.arange(n)):
            return self.parts[0]
        return Mixed(self.parts, self.rows, n)

    @property
    def speaks(self) -> NDArray[np.bool_]:
        """Which rows have evidence of any kind."""
        heard = np.zeros(len(self.dataset), dtype=bool)
        for part, rows in zip(self.parts, self.rows, strict=True):
            silent = part.labels < 0 if isinstance(part, Hard) else np.zeros(len(rows), dtype=bool)
            heard[rows[~silent]] = True
        return heard


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
    if not (sources.label or sources.candidates or sources.bag or sources.files):
        only = read_source(data, root, sheet=sheet)
        if only.format not in ("image_folder", "huggingface"):
            raise BadInput("nothing says what the labels are", fix="name --label, --evidence, --candidates or --bag")
    source = read_source(data, root, sheet=sheet)
    _check_columns(source, sources)
    reduced = _without_label_columns(source, sources)
    found = [read_votes(path, id) for path in sources.files]
    lists = candidate_lists(source, sources.candidates)
    names = read_classes(classes) or _all_names(source, sources, found, lists)
    label = sources.label
    if label is None and (found or lists or sources.bag):
        reduced, label = _with_placeholder(reduced, names or ()), PLACEHOLDER
    plan = infer_plan(
        reduced,
        label,
        task=None if label is None else "classification",
        text=text,
        image=image,
        features=features,
        feature_columns=feature_columns,
        id=id,
        group=group,
    )
    if plan.task != "classification":
        raise BadInput(
            f"the labels are read as {plan.task}, and train learns one class a row",
            fix="use labelwright.learn in Python for tags and numbers",
        )
    labels, given, space = encode_labels(reduced, plan, names)
    assert space is not None
    if label == PLACEHOLDER:
        labels, given = np.full(len(labels), -1, np.int32), (None,) * len(labels)
    dataset = Dataset(reduced, plan, labels, given, space, row_ids(source, plan))
    return _parts(dataset, source, sources, found, lists, None if label == PLACEHOLDER else plan.label)


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
    named = [sources.candidates, sources.bag, *(column for _, column in count_columns(sources.counts))]
    for name in named:
        if name is not None and name not in have:
            raise BadInput(f"there is no column {quoted(name)}", where=source.path.name, fix=did_you_mean(name, have))
    if bool(sources.bag) != bool(sources.counts):
        raise BadInput("bags need both their names and their counts", fix="give --bag COL and --count-columns COLS")


def _without_label_columns(source: Source, sources: LabelSources) -> Source:
    """Return the source without the columns that tell of labels: a model may not look at them."""
    drop = {sources.candidates, sources.bag, *(column for _, column in count_columns(sources.counts))} - {None}
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
