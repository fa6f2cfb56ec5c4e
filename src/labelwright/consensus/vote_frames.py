"""Votes, known labels and probabilities out of any data frame, and tables back into the caller's kind of frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.consensus.table import summed
from labelwright.data.labels import class_order
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import Votes

Floats = NDArray[np.float64]
EMPTY = "rows have no label and count as abstentions"


@dataclass(frozen=True)
class VoteFrame:
    """Votes as numbers, and what the numbers stand for.

    Parameters
    ----------
    votes : Votes
        Repeats of an annotator on a task share the weight of one vote.
    tasks, sources, labels : pyarrow.Array
        Ids of tasks and annotators in order of first appearance, labels in class order; with the types of the frame.
    classes : tuple of str
        The labels as text.
    gold : pyarrow.Array or None
        The column of known labels, a value a vote, and
    task_of : int64 (rows of the frame,)
        the task of each row of the frame.
    notes : tuple of str
    """

    votes: Votes
    tasks: pa.Array
    sources: pa.Array
    labels: pa.Array
    classes: tuple[str, ...]
    gold: pa.Array | None
    task_of: NDArray[np.int64]
    notes: tuple[str, ...]


def read_votes(
    frame: Any, task: str, annotator: str, label: str, gold: str | None = None, seconds: str | None = None
) -> VoteFrame:
    """Read a long table of votes; BadInput for a missing column, a missing id, or no vote at all."""
    names = list(dict.fromkeys(name for name in (task, annotator, label, gold, seconds) if name is not None))
    columns = _columns(frame, names)
    task_of, tasks = _codes(_ids(columns[task], task))
    source, sources = _codes(_ids(columns[annotator], annotator))
    given = columns[label]
    known = columns[gold] if gold is not None else None
    value, labels, classes = _classes(given, known)
    if (value >= 0).sum() == 0:
        raise BadInput("no vote names a class", where=f"column {quoted(label)}", fix="check the column of labels")
    time = None if seconds is None else _seconds(columns[seconds])
    votes = Votes(task_of, source, value, len(tasks), len(sources), len(classes), seconds=time)
    shared = share_repeats(votes)
    notes = []
    repeats = int(((shared.weight < 1) & (shared.value >= 0)).sum())
    if repeats:
        notes.append(
            f"{repeats} votes repeat an annotator's vote on the same task; repeats share the weight of one vote"
        )
    silent = int((value < 0).sum())
    if silent:
        notes.append(f"{silent} {EMPTY}")
    if len(classes) == 1:
        notes.append("all votes name one class")
    return VoteFrame(shared, tasks, sources, labels, classes, known, task_of, tuple(notes))


def share_repeats(votes: Votes) -> Votes:
    """Return the votes with repeats of a source on a row sharing the weight of one vote.

    Examples
    --------
    >>> share_repeats(Votes([0, 0, 0], [0, 0, 1], [0, 1, 1], 1, 2, 2)).weight
    array([0.5, 0.5, 1. ])
    """
    said = votes.value >= 0
    key = votes.row * max(votes.n_sources, 1) + votes.source
    _, place = np.unique(key, return_inverse=True)
    times = summed(place, said.astype(np.float64), int(place.max(initial=-1)) + 1)[place]
    weight = np.ones(len(place)) if votes.weight is None else votes.weight
    shared = np.where(said, weight / np.maximum(times, 1), weight)
    return Votes(
        votes.row, votes.source, votes.value, votes.n_rows, votes.n_sources, votes.n_classes, shared, votes.seconds
    )


def read_gold(read: VoteFrame, gold: str | Mapping[Any, Any] | None) -> NDArray[np.int64]:
    """Return the known class of each task, int64 (n,), -1 = unknown; BadInput for one that contradicts itself."""
    known = np.full(len(read.tasks), -1, dtype=np.int64)
    index = {name: k for k, name in enumerate(read.classes)}
    if gold is None:
        return known
    if isinstance(gold, str):
        for i, value in zip(read.task_of.tolist(), _texts(read.gold).to_pylist(), strict=True):
            if value is None:
                continue
            if known[i] not in (-1, index[value]):
                raise BadInput(
                    f"task {quoted(read.tasks[i].as_py())} has two known labels",
                    where=f"column {quoted(gold)}",
                    fix="give each task one known label",
                )
            known[i] = index[value]
        return known
    place = {name: i for i, name in enumerate(read.tasks.to_pylist())}
    for task, value in gold.items():
        if value is None or value != value:
            continue
        if task not in place:
            raise BadInput(f"gold names task {quoted(task)}, which has no votes", fix="name tasks as in the votes")
        if str(value) not in index:
            raise BadInput(
                f"the known label {quoted(value)} of task {quoted(task)} is never voted for",
                fix=did_you_mean(str(value), read.classes),
            )
        known[place[task]] = index[str(value)]
    return known


def read_pred_probs(read: VoteFrame, frame: Any, task: str) -> Floats:
    """Return a classifier's probabilities in the order of tasks and classes, float64 (n, K)."""
    table = _frame(frame)
    if task not in table.columns:
        raise BadInput(f"pred_probs have no column {quoted(task)}", fix="add the task's id to each row")
    names = []
    for name in read.classes:
        found = [column for column in (f"p_{name}", name) if column in table.columns]
        if not found:
            raise BadInput(f"pred_probs have no column for class {quoted(name)}", fix=f"add a column 'p_{name}'")
        names.append(found[0])
    columns = _columns(frame, [task, *names])
    place = {name: i for i, name in enumerate(columns[task].to_pylist())}
    missing = [name for name in read.tasks.to_pylist() if name not in place]
    if missing:
        raise BadInput(f"pred_probs lack {len(missing)} tasks: {listed(missing, 3)}", fix="add a row for each task")
    order = [place[name] for name in read.tasks.to_pylist()]
    try:
        probs = np.stack([columns[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names], axis=1)
    except pa.ArrowInvalid:
        raise BadInput("pred_probs are not numbers", fix="pass probabilities") from None
    return probs[order]


def _seconds(array: pa.Array) -> Floats:
    """Return times as float64, NaN where a cell is empty, negative or no number."""
    texts = _texts(array)
    numeric = pc.match_substring_regex(texts, r"^\s*[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?\s*$")
    kept = pc.if_else(pc.fill_null(numeric, False), pc.utf8_trim_whitespace(texts), pa.scalar(None, pa.string()))
    return np.asarray(kept.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def native(columns: Mapping[str, Any], like: Any) -> Any:
    """Return columns as a data frame of the kind of `like`."""
    backend = nw.get_native_namespace(nw.from_native(like, eager_only=True))
    table = pa.table(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )
    if backend is pa:
        return table
    return nw.from_arrow(table, backend=backend).to_native()


def _frame(frame: Any) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        raise BadInput(f"{type(frame).__name__} is no data frame", fix="pass pandas, Polars or Arrow") from None


def _columns(frame: Any, names: list[str]) -> dict[str, pa.Array]:
    """Return columns as Arrow arrays; mixed types become text, whole floats become integers, NaN becomes null."""
    table = _frame(frame)
    for name in names:
        if name not in table.columns:
            raise BadInput(f"the table has no column {quoted(name)}", fix=did_you_mean(name, table.columns))
    return {name: _array(table.get_column(name)) for name in names}


def _array(series: Any) -> pa.Array:
    try:
        array = series.to_arrow()
    except (pa.ArrowException, TypeError, OverflowError):
        values = series.to_list()
        array = pa.array([None if v is None or v != v else str(v) for v in values], pa.string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        whole = array.drop_null()
        if len(whole) and pc.all(pc.equal(pc.floor(whole), whole)).as_py() and pc.max(pc.abs(whole)).as_py() < 2**53:
            array = array.cast(pa.int64())
    return array


def _ids(array: pa.Array, name: str) -> pa.Array:
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise BadInput("an id is missing", where=f"column {quoted(name)}, row {row}", fix="give every vote an id")
    return array


def _codes(array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    encoded = array.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary


def _texts(array: pa.Array) -> pa.Array:
    """Return values as text, null where there is none or only blanks."""
    if pa.types.is_boolean(array.type):
        array = pc.if_else(array, "true", "false")
    texts = array.cast(pa.string())
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), texts)


def _classes(given: pa.Array, known: pa.Array | None) -> tuple[NDArray[np.int32], pa.Array, tuple[str, ...]]:
    """Return the class number of each vote (-1 = none), the labels in class order with their type, and their names."""
    encoded = _texts(given).dictionary_encode()
    names = list(encoded.dictionary.to_pylist())
    originals = given
    if known is not None:
        extra = [name for name in pc.unique(_texts(known)).to_pylist() if name is not None]
        names += [name for name in extra if name not in set(names)]
        if known.type != given.type:
            given, known = _texts(given), _texts(known)
        originals = pa.concat_arrays([given, known])
    order = class_order(names)
    number = {name: k for k, name in enumerate(order)}
    codes = np.array([number[name] for name in encoded.dictionary.to_pylist()] + [-1], dtype=np.int32)
    value = codes[encoded.indices.fill_null(len(codes) - 1).to_numpy(zero_copy_only=False)]
    texts = _texts(originals).dictionary_encode()
    first = {}
    where = np.unique(texts.indices.fill_null(-1).to_numpy(zero_copy_only=False), return_index=True)
    for code, row in zip(*(part.tolist() for part in where), strict=True):
        if code >= 0:
            first[texts.dictionary[code].as_py()] = row
    return value, originals.take(pa.array([first[name] for name in order], pa.int64())), order
