"""Columns typed by what they hold, and what is missing in them. Source: [P022].

Missing codes must be declared; a value that merely looks like one is suspected and stays a value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import KINDS, Column, Kind, NutritionTable
from labelwright.data.dataset import Dataset
from labelwright.errors import BadInput, did_you_mean, quoted

IDENTIFIER_RATIO = 0.95
IDENTIFIER_ROWS = 20
MAX_LEVELS = 1000
_NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
_LEADING_ZERO = r"^\s*[-+]?0\d"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_MISSING_WORDS = frozenset({"?", "na", "n/a", "nan", "null", "none", "-", "--", ".", "missing", "unknown", "#n/a"})
_MISSING_NUMBERS = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, 999.0, 9999.0, 99999.0})


def read_table(dataset: Dataset, answers: Answers, *, seed: int = 0) -> NutritionTable:
    """Type the columns of a data set; BadInput when the answers name a column that it lacks."""
    names = dataset.source.table.column_names
    _check_columns(answers, names)
    columns = {
        name: _read_column(
            name,
            dataset.column(name),
            (*answers.missing_codes.get("*", ()), *answers.missing_codes.get(name, ())),
            answers.variables.get(name, {}).get("type"),
            name in answers.sensitive,
        )
        for name in names
    }
    return NutritionTable(dataset, columns, seed)


def _check_columns(answers: Answers, names: list[str]) -> None:
    asked = {
        "sensitive": answers.sensitive,
        "annotator_columns": answers.annotator_columns,
        "missing_codes": tuple(name for name in answers.missing_codes if name != "*"),
        "variables": tuple(answers.variables),
        "reference_shares": tuple(answers.reference_shares),
    }
    for question, columns in asked.items():
        check_names(columns, names, f"answers, {question}")
    for name, facts in answers.variables.items():
        kind = facts.get("type", "nominal")
        if kind not in KINDS:
            raise BadInput(
                f"{quoted(kind)} is no type of variable",
                where=f"answers, variables, {name}",
                fix=did_you_mean(kind, KINDS),
            )


def check_names(columns: tuple[str, ...], names: list[str], where: str) -> None:
    """Raise BadInput for the first of `columns` that is not among `names`."""
    for column in columns:
        if column not in names:
            raise BadInput(f"there is no column {quoted(column)}", where=where, fix=did_you_mean(column, names))


def _read_column(name: str, array: pa.ChunkedArray, codes: tuple[str, ...], asked: str | None, private: bool) -> Column:
    array = _plain(array)
    kind_of = array.type
    if pa.types.is_integer(kind_of) or pa.types.is_floating(kind_of) or pa.types.is_decimal(kind_of):
        column = _numeric(name, pc.cast(array, pa.float64(), safe=False), codes, asked, private)
    elif pa.types.is_temporal(kind_of) and not pa.types.is_time(kind_of) and not pa.types.is_duration(kind_of):
        column = _dates(name, pc.cast(array, pa.timestamp("us"), safe=False), private)
    elif pa.types.is_string(kind_of) or pa.types.is_large_string(kind_of):
        column = _strings(name, array, codes, asked, private)
    elif pa.types.is_null(kind_of):
        column = Column(name, "empty", np.ones(len(array), dtype=bool), sensitive=private)
    else:
        column = Column(name, "opaque", _nulls(array), sensitive=private)
    return column


def _plain(array: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if pa.types.is_boolean(array.type) or pa.types.is_time(array.type):
        return pc.cast(array, pa.string())
    if pa.types.is_string_view(array.type):
        return pc.cast(array, pa.string())
    return array


def _nulls(array: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.is_null(array).to_numpy(), dtype=bool)


def _strings(name: str, array: pa.ChunkedArray, codes: tuple[str, ...], asked: str | None, private: bool) -> Column:
    # 64-bit offsets: the cells of a text column may add up to more than 2 GB.
    encoded = pc.cast(array, pa.large_string()).combine_chunks().dictionary_encode()
    values = encoded.dictionary
    index = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    trimmed = pc.utf8_trim_whitespace(values)
    declared = pa.array([*(code.strip() for code in codes), ""], pa.large_string())
    gone = np.append(np.asarray(pc.is_in(trimmed, declared).to_numpy(zero_copy_only=False), dtype=bool), True)
    missing = gone[index]
    alive = trimmed.filter(pa.array(~gone[:-1]))
    if len(alive) == 0:
        return Column(name, "empty", missing, sensitive=private)
    words = _missing_words(trimmed, index, gone)
    real = alive.filter(pc.invert(pc.is_in(pc.utf8_lower(alive), pa.array(sorted(_MISSING_WORDS), pa.large_string()))))
    numeric = len(real) > 0 and bool(pc.all(pc.match_substring_regex(real, _NUMBER)).as_py())
    zero_led = numeric and bool(pc.any(pc.match_substring_regex(real, _LEADING_ZERO)).as_py())
    if (numeric and not zero_led and asked is None and not words) or asked in ("discrete", "continuous"):
        return _numeric_strings(name, trimmed, index, codes, asked, private)
    if asked in (None, "date") and len(real) and bool(pc.all(pc.match_substring_regex(real, _DATE)).as_py()):
        found = _date_strings(name, trimmed, index, gone, private)
        if found is not None:
            return found
    return _nominal_strings(name, trimmed, index, missing, words, asked, private)


def _numeric_strings(
    name: str, values: pa.Array, index: NDArray[np.int64], codes: tuple[str, ...], asked: str | None, private: bool
) -> Column:
    fits = pc.match_substring_regex(values, _NUMBER)
    numbers = pc.cast(pc.if_else(fits, values, None), pa.float64())
    lookup = np.append(np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64), np.nan)
    return _numeric(name, pa.chunked_array([pa.array(lookup[index])]), codes, asked, private)


def _missing_words(values: pa.Array, index: NDArray[np.int64], gone: NDArray[np.bool_]) -> tuple[tuple[str, int], ...]:
    hit = np.asarray(
        pc.is_in(pc.utf8_lower(values), pa.array(sorted(_MISSING_WORDS), pa.large_string())).to_numpy(
            zero_copy_only=False
        ),
        dtype=bool,
    )
    hit &= ~gone[:-1]
    if not hit.any():
        return ()
    counts = np.bincount(index[index >= 0], minlength=len(values))
    return tuple((str(values[int(i)].as_py()), int(counts[i])) for i in np.flatnonzero(hit))


def _nominal_strings(
    name: str,
    values: pa.Array,
    index: NDArray[np.int64],
    missing: NDArray[np.bool_],
    words: tuple[tuple[str, int], ...],
    asked: str | None,
    private: bool,
) -> Column:
    counts = np.bincount(index[~missing], minlength=len(values))
    n_unique, n_known = int(np.count_nonzero(counts)), int((~missing).sum())
    kind: Any = asked if asked in KINDS else _string_kind(values, counts, n_unique, n_known)
    if kind not in ("nominal", "ordinal"):
        return Column(name, kind, missing, sensitive=private, suspects=words, n_unique=n_unique)
    present = np.flatnonzero(counts)
    names = [str(values[int(i)].as_py()) for i in present]
    levels = tuple(sorted(set(names)))
    place = {level: k for k, level in enumerate(levels)}
    recode = np.full(len(values) + 1, -1, dtype=np.int32)
    recode[present] = [place[level] for level in names]
    return Column(
        name,
        "ordinal" if kind == "ordinal" else "nominal",
        missing,
        None,
        np.where(missing, -1, recode[index]).astype(np.int32),
        levels,
        private,
        words,
        len(levels),
    )


def _string_kind(values: pa.Array, counts: NDArray[np.int64], n_unique: int, n_known: int) -> Kind:
    """Tell names of groups from free text and from identifiers."""
    lengths = np.asarray(pc.utf8_length(values).to_numpy(zero_copy_only=False), dtype=np.float64)
    spaces = np.asarray(pc.count_substring(values, " ").to_numpy(zero_copy_only=False), dtype=np.float64)
    mean_length = float((lengths * counts).sum() / max(n_known, 1))
    mean_spaces = float((spaces * counts).sum() / max(n_known, 1))
    if mean_length > 60 or mean_spaces >= 4:
        return "text"
    if n_known >= IDENTIFIER_ROWS and n_unique > IDENTIFIER_RATIO * n_known:
        return "text" if mean_spaces >= 2 else "identifier"
    return "text" if n_unique > MAX_LEVELS else "nominal"


def _numeric(name: str, array: pa.ChunkedArray, codes: tuple[str, ...], asked: str | None, private: bool) -> Column:
    numbers = np.array(array.to_numpy(), dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    declared = [float(code) for code in codes if _is_number(code)]
    if declared:
        numbers[np.isin(numbers, declared)] = np.nan
    missing = np.isnan(numbers)
    known = numbers[~missing]
    if known.size == 0:
        return Column(name, "empty", missing, sensitive=private)
    unique, counts = np.unique(known, return_counts=True)
    kind = asked or _number_kind(unique, known.size)
    suspects = _missing_numbers(unique, counts)
    if kind in ("nominal", "ordinal"):
        codes_of = np.full(len(numbers), -1, dtype=np.int32)
        codes_of[~missing] = np.searchsorted(unique, known)
        levels = tuple(f"{value:g}" for value in unique.tolist())
        return Column(name, kind, missing, None, codes_of, levels, private, suspects, unique.size)  # type: ignore[arg-type]
    if kind == "identifier":
        return Column(name, "identifier", missing, sensitive=private, n_unique=unique.size)
    kept: Kind = "continuous" if kind == "continuous" else "discrete"
    return Column(name, kept, missing, numbers, None, (), private, suspects, unique.size)


def _number_kind(unique: NDArray[np.float64], n_known: int) -> Kind:
    whole = bool((unique == np.round(unique)).all())
    if whole and n_known >= IDENTIFIER_ROWS and unique.size > IDENTIFIER_RATIO * n_known:
        return "identifier"
    if unique.size <= 2:
        return "nominal"
    return "discrete" if whole else "continuous"


def _missing_numbers(unique: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """Find code-like values: a lone negative below values from 0, or nines far above everything else."""
    found = []
    for place in (0, unique.size - 1):
        value = float(unique[place])
        others = np.delete(unique, place)
        if value not in _MISSING_NUMBERS or others.size < 2:
            continue
        lone_low = place == 0 and value < 0 and others.min() >= 0
        far_high = place > 0 and value > 0 and value >= 3 * others.max()
        if lone_low or far_high:
            found.append((f"{value:g}", int(counts[place])))
    return tuple(found)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _dates(name: str, array: pa.ChunkedArray, private: bool) -> Column:
    missing = _nulls(array)
    stamps = pc.cast(pc.fill_null(array, pa.scalar(0, pa.timestamp("us"))), pa.int64()).to_numpy()
    days = np.where(missing, np.nan, stamps / 86_400_000_000)
    unique = int(np.unique(days[~missing]).size)
    kind: Kind = "date" if unique else "empty"
    return Column(name, kind, missing, days if unique else None, sensitive=private, n_unique=unique)


def _date_strings(
    name: str, values: pa.Array, index: NDArray[np.int64], gone: NDArray[np.bool_], private: bool
) -> Column | None:
    """Read ISO dates; None when one of them does not exist, such as 2023-02-30."""
    days = np.full(len(values) + 1, np.nan)
    try:
        for i in np.flatnonzero(~gone[:-1]):
            text = str(values[int(i)].as_py())[:19].replace(" ", "T").rstrip("Z")
            days[i] = float(np.datetime64(text[:10], "D").astype(np.int64))
    except ValueError:
        return None
    numbers = days[index]
    return Column(
        name, "date", np.isnan(numbers), numbers, sensitive=private, n_unique=int(np.unique(days[:-1][~gone[:-1]]).size)
    )
