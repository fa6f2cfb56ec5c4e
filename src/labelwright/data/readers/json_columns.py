"""Parsed JSON values as columns: a column keeps the kind of its values where they agree on one.

Which kind that is takes all rows to know, and little of each: what parts of the rows say merges.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

_INT64, _IN_FLOAT64, _WHOLE = 2**63, 2**53, 10**15
_NOTHING = type(None)


@dataclass(frozen=True)
class JsonKind:
    """What the values of a key are, as far as it decides how their column is stored.

    Parameters
    ----------
    kinds : frozenset of type
        Of the values, null left out.
    has_null : bool
    largest : int
        Of the whole numbers, without sign.
    has_fraction : bool
        Whether a float is none of the whole numbers below 10^15 (those are written without a point).
    inner : frozenset of type
        Of what lists hold, null too.
    widths : frozenset of int
        Lengths of the lists, at most two of them.
    largest_inner : int
        Of the whole numbers in lists, without sign.
    """

    kinds: frozenset[type] = frozenset()
    has_null: bool = False
    largest: int = 0
    has_fraction: bool = False
    inner: frozenset[type] = frozenset()
    widths: frozenset[int] = frozenset()
    largest_inner: int = 0

    @classmethod
    def of(cls, values: Sequence[Any]) -> JsonKind:
        """Return the kind of some values.

        Examples
        --------
        >>> JsonKind.of([1, None]).merge(JsonKind.of([2.5])).type
        DataType(double)
        """
        types = {type(value) for value in values}
        found = cls(frozenset(types - {_NOTHING}), _NOTHING in types)
        if int in types:
            found = replace(found, largest=max(abs(value) for value in values if type(value) is int))
        if float in types:
            found = replace(found, has_fraction=any(_is_fraction(value) for value in values if type(value) is float))
        if list in types:
            lists = [value for value in values if type(value) is list]
            whole = (abs(item) for item in chain.from_iterable(lists) if type(item) is int)
            found = replace(
                found,
                inner=frozenset(map(type, chain.from_iterable(lists))),
                widths=_at_most_two({len(value) for value in lists}),
                largest_inner=max(whole, default=0),
            )
        return found

    def merge(self, other: JsonKind) -> JsonKind:
        """Return the kind of the values of both."""
        return JsonKind(
            self.kinds | other.kinds,
            self.has_null or other.has_null,
            max(self.largest, other.largest),
            self.has_fraction or other.has_fraction,
            self.inner | other.inner,
            _at_most_two(self.widths | other.widths),
            max(self.largest_inner, other.largest_inner),
        )

    @property
    def type(self) -> pa.DataType:
        """The type of the column: text, into which JSON is written, where the values agree on nothing."""
        if self.kinds == {bool}:
            return pa.bool_()
        if self.kinds == {int} and self.largest < _INT64:
            return pa.int64()
        if self.kinds <= {int, float} and float in self.kinds and self.largest < _IN_FLOAT64:
            return pa.float64()
        return self._list_type() if self.kinds == {list} else pa.string()

    def _list_type(self) -> pa.DataType:
        if self.inner <= {str}:
            return pa.list_(pa.string())
        is_vector = self.inner <= {int, float} and len(self.widths) == 1 and not self.has_null
        if is_vector and _fits_float(self.largest_inner):
            return pa.list_(pa.float64(), next(iter(self.widths)))
        return pa.list_(pa.int64()) if self.inner == {int} and self.largest_inner < _INT64 else pa.string()

    @property
    def spelling(self) -> tuple[pa.DataType, bool]:
        """What decides how a value is written as text: the type, and whether floats keep their point."""
        return self.type, self.type == pa.float64() and (self.has_fraction or self.largest >= _WHOLE)

    def array(self, values: Sequence[Any]) -> pa.Array | pa.ChunkedArray:
        """Return values of this kind as a column."""
        kind = self.type
        if pa.types.is_string(kind):
            plain = {type(value) for value in values} <= {str, _NOTHING}
            return pa.array(values if plain else [_as_text(value) for value in values], kind)
        if pa.types.is_float64(kind):
            return pa.array([None if value is None else float(value) for value in values], kind)
        if pa.types.is_fixed_size_list(kind):
            flat = np.asarray(values, dtype=np.float64)
            return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])
        return pa.array(values, kind)


def records_table(records: Sequence[dict[str, Any]]) -> pa.Table:
    """Return the records as a table with the keys in the order in which they first occur; a missing key is null."""
    names = keys_of(records)
    columns = [[record.get(name) for record in records] for name in names]
    return pa.table([JsonKind.of(values).array(values) for values in columns], names=names)


def keys_of(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys in the order in which they first occur."""
    return list(dict.fromkeys(chain.from_iterable(records)))


def _is_fraction(value: float) -> bool:
    return value == value and not (value.is_integer() and abs(value) < _WHOLE)


def _at_most_two(widths: set[int] | frozenset[int]) -> frozenset[int]:
    return frozenset({min(widths), max(widths)}) if widths else frozenset()


def _fits_float(number: int) -> bool:
    try:
        float(number)
    except OverflowError:
        return False
    return True


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
