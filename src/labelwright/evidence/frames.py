"""Evidence from and to data frames: pandas, Polars, Arrow, through narwhals.

One long table a type, with these columns (`label` holds names when a `space` is given, class numbers otherwise):

    Hard        label                                     Votes   row, source, label (or value), weight, seconds
    Soft        one column of probabilities a class       Tags    row, label, value (+1 on, -1 off)
    Candidates  row, label                                Bags    row, bag, low:CLASS and high:CLASS for each class
    Reals       low, high, block                          Pairs   first, second, relation, confidence
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast, get_args

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence.base import Evidence
from labelwright.evidence.candidates import Candidates
from labelwright.evidence.groups import Bags
from labelwright.evidence.pairs import Pairs, Relation
from labelwright.evidence.reals import Reals
from labelwright.evidence.rows import Hard, Soft
from labelwright.evidence.segments import offsets_of, segment_ids
from labelwright.evidence.space import LabelSpace
from labelwright.evidence.tags import Tags
from labelwright.evidence.votes import Votes

E = TypeVar("E", bound=Evidence)
Backend = Literal["pyarrow", "pandas", "polars"]


class _Frame:
    """Columns of any data frame, by name, with messages that help."""

    def __init__(self, frame: Any, space: LabelSpace | None, n_rows: int | None) -> None:
        try:
            self.table = nw.from_native(frame, eager_only=True)
        except TypeError:
            raise BadInput(f"{type(frame).__name__} is no data frame", fix="pass pandas, Polars or Arrow") from None
        self.space, self.n_rows = space, n_rows

    def has(self, name: str) -> bool:
        return name in self.table.columns

    def values(self, name: str) -> list[Any]:
        if not self.has(name):
            raise BadInput(f"the table has no column {quoted(name)}", fix=did_you_mean(name, self.table.columns))
        return [None if value is None or value != value else value for value in self.table.get_column(name).to_list()]

    def whole(self, name: str, missing: int | None = None) -> NDArray[np.int64]:
        values = self.values(name)
        if missing is None and None in values:
            raise BadInput("a value is missing", where=f"column {quoted(name)}, row {values.index(None)}")
        try:
            numbers = [missing if value is None else int(value) for value in values]
        except (TypeError, ValueError):
            raise BadInput("the column is not made of whole numbers", where=f"column {quoted(name)}") from None
        wrong = next(
            (i for i, (a, b) in enumerate(zip(numbers, values, strict=True)) if b is not None and a != b), None
        )
        if wrong is not None:
            raise BadInput(f"{quoted(values[wrong])} is no whole number", where=f"column {quoted(name)}, row {wrong}")
        return np.asarray(numbers, dtype=np.int64)

    def real(self, name: str, missing: float = np.nan) -> NDArray[np.float64]:
        try:
            return np.asarray([missing if v is None else float(v) for v in self.values(name)], dtype=np.float64)
        except (TypeError, ValueError):
            raise BadInput("the column is not made of numbers", where=f"column {quoted(name)}") from None

    def labels(self) -> NDArray[np.int64]:
        if self.space is None:
            return self.whole("label", missing=-1)
        values = self.values("label")
        return self.space.encode([None if v is None else str(v) for v in values]).astype(np.int64)

    def classes(self, codes: NDArray[np.int64]) -> int:
        return len(self.space) if self.space is not None else int(codes.max(initial=0)) + 1

    def rows(self, name: str = "row") -> tuple[NDArray[np.int64], int]:
        rows = self.whole(name)
        return rows, int(rows.max(initial=-1)) + 1 if self.n_rows is None else self.n_rows


def _hard(frame: _Frame) -> Hard:
    labels = frame.labels()
    return Hard(labels.astype(np.int32), frame.classes(labels))


def _soft(frame: _Frame) -> Soft:
    names = frame.table.columns if frame.space is None else frame.space.names
    return Soft(np.stack([frame.real(name, 0.0) for name in names], axis=1).astype(np.float32))


def _candidates(frame: _Frame) -> Candidates:
    (rows, n_rows), labels = frame.rows(), frame.labels()
    order = np.argsort(rows, kind="stable")
    offsets = offsets_of(np.bincount(rows, minlength=n_rows))
    return Candidates(offsets, labels[order].astype(np.int32), frame.classes(labels))


def _votes(frame: _Frame) -> Votes:
    rows, n_rows = frame.rows()
    source = frame.values("source")
    try:
        names = sorted(set(source))
    except TypeError:
        raise BadInput(
            "sources are missing or of mixed types", where="column 'source'", fix="name every source"
        ) from None
    number = {name: a for a, name in enumerate(names)}
    codes = np.asarray([number[name] for name in source], dtype=np.int32)
    labels = frame.labels() if frame.has("label") else None
    value = frame.real("value") if labels is None else labels
    k = None if labels is None else frame.classes(labels)
    extra = [
        frame.real(name, fill) if frame.has(name) else None for name, fill in (("weight", 1.0), ("seconds", np.nan))
    ]
    return Votes(rows, codes, value, n_rows, len(names), k, *extra)


def _tags(frame: _Frame) -> Tags:
    (rows, n_rows), labels, values = frame.rows(), frame.labels(), frame.whole("value")
    order = np.argsort(rows, kind="stable")
    offsets = offsets_of(np.bincount(rows, minlength=n_rows))
    return Tags(offsets, labels[order].astype(np.int32), values[order].astype(np.int8), frame.classes(labels))


def _bags(frame: _Frame) -> Bags:
    (rows, n_rows), bags = frame.rows(), frame.whole("bag")
    lows = [name for name in frame.table.columns if name.startswith("low:")]
    names = [name.removeprefix("low:") for name in lows] if frame.space is None else list(frame.space.names)
    ends = []
    offsets = offsets_of(np.bincount(bags))
    order = np.argsort(bags, kind="stable")
    for end in ("low", "high"):
        table = np.stack([frame.whole(f"{end}:{name}") for name in names], axis=1)[order]
        first = table[offsets[:-1]] if len(table) else table
        differ = np.flatnonzero((table != first[segment_ids(offsets)]).any(axis=1))
        if len(differ):
            raise BadInput(f"the rows of bag {bags[order][differ[0]]} give different counts", where=f"columns '{end}:'")
        ends.append(first)
    return Bags(rows[order], offsets, ends[0], ends[1], n_rows)


def _pairs(frame: _Frame) -> Pairs:
    first, second = frame.whole("first"), frame.whole("second")
    names = [str(value).upper() for value in frame.values("relation")]
    unknown = [name for name in names if name not in Relation.__members__]
    if unknown:
        options = [relation.name.lower() for relation in Relation]
        raise BadInput(f"{quoted(unknown[0].lower())} is no relation", fix=f"use one of {listed(options)}")
    relation = np.asarray([Relation[name] for name in names], dtype=np.int8)
    n_rows = int(max(first.max(initial=-1), second.max(initial=-1))) + 1 if frame.n_rows is None else frame.n_rows
    if frame.space is None:
        raise BadInput("pairs name no class", fix="pass the label space: space=LabelSpace(...)")
    confidence = frame.real("confidence", 1.0) if frame.has("confidence") else None
    return Pairs(first, second, relation, n_rows, len(frame.space), confidence)


def _reals(frame: _Frame) -> Reals:
    block = frame.whole("block", missing=-1) if frame.has("block") else None
    ends = np.stack([frame.real("low", -np.inf), frame.real("high", np.inf)], axis=1)
    return Reals(ends, block)


_READERS: dict[type, Callable[[_Frame], Evidence]] = {
    Hard: _hard, Soft: _soft, Candidates: _candidates, Votes: _votes, Tags: _tags, Bags: _bags, Pairs: _pairs,
    Reals: _reals,
}  # fmt: skip


def evidence_from_frame(kind: type[E], frame: Any, *, space: LabelSpace | None = None, n_rows: int | None = None) -> E:
    """Return evidence of one type from a data frame (columns: see this file's head).

    Parameters
    ----------
    kind : type
        `Hard`, `Soft`, `Candidates`, `Votes`, `Tags`, `Bags`, `Pairs` or `Reals`.
    frame : data frame
        pandas, Polars, Arrow or anything narwhals reads.
    space : LabelSpace, optional
        Turns names in `label` into class numbers; without it, labels are class numbers already.
    n_rows : int, optional
        Rows of the data set, where the table names rows; by default the largest row + 1.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"label": ["ham", None, "spam"]})
    >>> evidence_from_frame(Hard, frame, space=LabelSpace(("ham", "spam"))).labels.tolist()
    [0, -1, 1]
    """
    if kind not in _READERS:
        raise BadInput(f"{getattr(kind, '__name__', kind)} is not read from a frame", fix="use load_evidence")
    return cast(E, _READERS[kind](_Frame(frame, space, n_rows)))


def evidence_to_frame(evidence: Evidence, backend: Backend = "pyarrow", *, space: LabelSpace | None = None) -> Any:
    """Return evidence as a table that `evidence_from_frame` reads back; `backend` is pyarrow, pandas or polars."""
    if backend not in get_args(Backend):
        raise BadInput(f"{quoted(backend)} is no backend", fix=f"use one of {listed(get_args(Backend))}")
    return nw.from_dict(_columns(evidence, space), backend=backend).to_native()


def _columns(evidence: Evidence, space: LabelSpace | None) -> dict[str, Any]:
    def named(codes: NDArray[np.integer]) -> list[Any]:
        return space.decode(codes) if space is not None else [None if k < 0 else k for k in codes.tolist()]

    match evidence:
        case Hard():
            return {"label": named(evidence.labels)}
        case Soft(prior=None, n_votes=None):
            return dict(zip(_names(evidence.n_classes, space), evidence.probs.T, strict=True))
        case Candidates():
            listed_classes = evidence.mask()
            return {"row": np.nonzero(listed_classes)[0], "label": named(np.nonzero(listed_classes)[1])}
        case Votes():
            said = evidence.value if evidence.n_classes is None else named(evidence.value)
            name = "value" if evidence.n_classes is None else "label"
            head = {"row": evidence.row, "source": evidence.source, name: said}
            return head | {"weight": evidence.weight, "seconds": evidence.seconds}
        case Tags():
            rows = segment_ids(evidence.offsets)
            return {"row": rows, "label": named(evidence.classes), "value": evidence.values}
        case Bags(log_potential=None):
            bag = segment_ids(evidence.offsets)
            names = _names(evidence.n_classes, space)
            low = {f"low:{name}": evidence.low[bag, c] for c, name in enumerate(names)}
            high = {f"high:{name}": evidence.high[bag, c] for c, name in enumerate(names)}
            return {"row": evidence.rows, "bag": bag, **low, **high}
        case Pairs():
            relation = [Relation(r).name.lower() for r in evidence.relation.tolist()]
            ends = {"first": evidence.first, "second": evidence.second}
            return {**ends, "relation": relation, "confidence": evidence.confidence}
        case Reals():
            return {"low": evidence.bounds[:, 0], "high": evidence.bounds[:, 1], "block": evidence.block}
    raise BadInput(f"this {type(evidence).__name__} has no table of its own", fix="use save_evidence")


def _names(n_classes: int, space: LabelSpace | None) -> list[str]:
    return list(space.names) if space is not None else [str(k) for k in range(n_classes)]
