"""Tables of every type of column: each is loaded, or refused in one line."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.data.describe import describe
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
few = st.sampled_from(
    ["a", "b", "", "1", "01", "a|b", "b;c", "NaN", "[]", "['a']", "x.png", "2024-01-01", "=1+1", "\x1b[0m"]
)
CELLS = {
    pa.string(): st.one_of(few, words),
    pa.large_string(): few,
    pa.string_view(): few,
    pa.dictionary(pa.int8(), pa.string()): few,
    pa.int8(): st.integers(-2, 3),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.float16(): st.sampled_from([np.float16(0.5), np.float16(1), np.float16("nan")]),
    pa.bool_(): st.booleans(),
    pa.null(): st.none(),
    pa.binary(): st.binary(max_size=4),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(dt.timedelta(-999), dt.timedelta(999)),
    pa.decimal128(20, 2): st.decimals(-999, 999, places=2).map(decimal.Decimal),
    pa.list_(pa.string()): st.lists(few, max_size=3),
    pa.list_(pa.int64()): st.lists(st.integers(0, 2), max_size=3),
    pa.list_(pa.float32()): st.lists(st.floats(width=32), min_size=2, max_size=2),
    pa.list_(pa.list_(pa.int8())): st.lists(st.lists(st.integers(0, 1), max_size=2), max_size=2),
    pa.list_(pa.uint8(), 3): st.lists(st.integers(0, 1), min_size=3, max_size=3),
    pa.struct([("bytes", pa.binary()), ("path", pa.string())]): st.fixed_dictionaries(
        {"bytes": st.binary(max_size=3), "path": few}
    ),
    pa.struct([("u", pa.int8())]): st.fixed_dictionaries({"u": st.integers(0, 3)}),
    pa.map_(pa.string(), pa.int8()): st.lists(st.tuples(few, st.integers(0, 3)), max_size=2, unique_by=lambda t: t[0]),
}


@st.composite
def tables(draw):
    n = draw(st.sampled_from([1, 2, 7, 30, 60]))
    kinds = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    names = ["label", "id", "text", "X"][: len(kinds)]
    columns = []
    for kind in kinds:
        cell = st.one_of(CELLS[kind], st.none()) if draw(st.booleans()) else CELLS[kind]
        pool = draw(st.lists(cell, min_size=1, max_size=min(n, 8)))
        columns.append(pa.array([pool[k % len(pool)] for k in range(n)], kind))
    return pa.table(columns, names=names)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from([None, "classification", "multilabel", "regression"]))
def test_any_table_is_loaded_or_refused_in_one_line(table, task):
    try:
        dataset = load_dataset(table, label="label", task=task)
        lines = describe(dataset)
    except BadInput as error:
        assert "\n" not in str(error)
        return
    assert len(dataset.labels) == len(dataset.given) == len(dataset.ids) == table.num_rows
    assert len(set(dataset.ids.tolist())) == table.num_rows
    assert "\x1b" not in "".join(lines)
