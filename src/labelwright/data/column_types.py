"""What a column holds: numbers, categories, free text, dates, identifiers, images, vectors, tags.

Delimited files know strings only, so the kinds are read from the cells. The rules are few and each leaves a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.matrices import image_shape, is_matrix
from labelwright.data.readers.image_folder import IMAGE_SUFFIXES

Kind = Literal[
    "number", "category", "text", "date", "identifier", "image", "matrix", "tags", "constant", "empty", "other"
]

SAMPLE = 2000
NAMED = 0.95  # of the cells of a sample, where a column holds names of image files
_LONGEST_PATH = 1000
_STRING_VIEW = pa.string_view() if hasattr(pa, "string_view") else None  # since Arrow 16
_NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
_ID_NAME = re.compile(r"(^|[_\-\s.])(id|ids|uuid|guid|index|idx|key|rowid|row|hash|md5|sha1|sha256|checksum)$", re.I)
_CAMEL_ID = re.compile(r"[a-z](Id|ID|Uuid|UUID)$")
_CODE = re.compile(r"(?=.*\d)[\w\-.:/]{3,64}")
_UUID = re.compile(r"\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?|[0-9a-f]{16,128}", re.I)
_TIME = r"([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}{_TIME}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](\d{{4}}|\d{{2}}){_TIME}"
    rf"|\d{{1,2}}[-\s][A-Za-z]{{3,9}}[-\s]\d{{4}}{_TIME}|\d{{1,2}}:\d{{2}}(:\d{{2}})?"
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP", b"P5", b"P6")
NUMBER_MARKERS = ("?", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "None", "none", "-", "")


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds.

    Parameters
    ----------
    name : str
    kind : Kind
    n_distinct : int
        Distinct values, null not counted; -1 where values are not compared (vectors, images).
        words, characters : float
        Means over a sample of the cells of a string column, else 0.
    reason : str
        Why it is of this kind, where the cells had to be read to tell.
    """

    name: str
    kind: Kind
    n_distinct: int = -1
    n_known: int = 0
    words: float = 0.0
    characters: float = 0.0
    reason: str = ""


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without dictionary encoding and with text as ``string`` or ``large_string``."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_column(column.cast(kind.value_type))
    return column.cast(pa.large_string()) if kind == _STRING_VIEW else column


def is_string(kind: pa.DataType) -> bool:
    """Whether a type is text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any kind."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def cell_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells of a scalar column as text, null for null and NaN.

    Text stays as written. Whole numbers stored as floats lose their ``.0`` (data frames turn integers with gaps into
    floats); booleans are ``True`` and ``False``; times are in ISO form.
    """
    plain = plain_column(column)
    kind = plain.type
    if is_string(kind):
        return plain
    if pa.types.is_boolean(kind):
        return pc.if_else(plain, "True", "False")
    if pa.types.is_floating(kind):
        # A cast to double spells a half or single float out; short floats keep their own short form.
        wide = plain if pa.types.is_float64(kind) or pa.types.is_float32(kind) else plain.cast(pa.float64())
        known = pc.if_else(pc.is_nan(wide), None, wide)
        if pc.all(pc.equal(pc.floor(known), known)).as_py() and pc.all(pc.less(pc.abs(known), 1e15)).as_py():
            return known.cast(pa.int64()).cast(pa.string())
        return known.cast(pa.string())
    try:
        return plain.cast(pa.string())
    except pa.ArrowException:
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in plain.to_pylist()], pa.string())])


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """Return a column as float64 with NaN for what is missing, None when a cell is no number.

    In text ``?``, ``NA``, ``null`` and their like count as missing.
    """
    plain = plain_column(column)
    kind = plain.type
    if is_string(kind):
        trimmed = pc.utf8_trim_whitespace(plain)
        marker = pc.is_in(trimmed, value_set=pa.array(NUMBER_MARKERS, plain.type))
        try:
            plain = pc.if_else(marker, None, trimmed).cast(pa.float64())
        except pa.ArrowException:
            return None
    elif not any(is_kind(kind) for is_kind in _NUMERIC):
        return None
    values = plain.cast(pa.float64(), safe=False).to_numpy()
    return values if len(values) > np.count_nonzero(np.isnan(values)) else None


def profile_column(table: pa.Table, name: str) -> ColumnProfile:
    """Return what a column holds."""
    field, column = table.schema.field(name), plain_column(table.column(name))
    kind, n = column.type, len(column)
    nulls = column.null_count
    known = n - nulls
    if nulls == n:
        return ColumnProfile(name, "empty", 0, known, reason="it is empty")
    if reason := _image_reason(field, column):
        return ColumnProfile(name, "image", -1, known, reason=reason)
    if is_matrix(field):
        return ColumnProfile(name, "matrix", -1, known)
    if is_list(kind):
        return ColumnProfile(name, "tags", -1, known)
    if pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return ColumnProfile(name, "other", -1, known, reason=f"cells of type {kind} are not read")
    try:
        distinct = int(pc.count_distinct(column, mode="only_valid").as_py())
    except pa.ArrowNotImplementedError:  # unions, and what newer versions of Arrow may bring
        return ColumnProfile(name, "other", -1, known, reason=f"cells of type {kind} are not read")
    if pa.types.is_temporal(kind):
        return ColumnProfile(name, "date", distinct, known, reason="it holds dates or times")
    if distinct == 1:
        return ColumnProfile(name, "constant", 1, known, reason=_constant_reason(column, nulls))
    if is_string(kind):
        return _profile_text(name, column, distinct, known)
    if pa.types.is_null(kind):
        return ColumnProfile(name, "empty", 0, known, reason="it is empty")
    return _profile_number(name, column, distinct, known)


def _constant_reason(column: pa.ChunkedArray, nulls: int) -> str:
    from labelwright.errors import quoted

    value = quoted(pc.drop_null(column)[0].as_py())
    return f"every row holds {value}" if not nulls else f"every row that is not empty holds {value}"


def _image_reason(field: pa.Field, column: pa.ChunkedArray) -> str:
    """Return why a column holds images, an empty text when it does not."""
    kind = field.type
    if image_shape(field) is not None:
        return "it holds images as arrays of uint8"
    if pa.types.is_struct(kind) and {"bytes", "path"} <= {kind.field(k).name for k in range(kind.num_fields)}:
        return "it holds encoded images"
    if not (is_string(column.type) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return ""
    cells = [cell for cell in _sample(column) if cell]
    if not cells:
        return ""
    if isinstance(cells[0], bytes):
        return "it holds encoded images" if all(cell.startswith(_MAGIC) for cell in cells) else ""
    named = sum(_suffix(cell) in IMAGE_SUFFIXES and len(cell) < _LONGEST_PATH for cell in cells)
    return "its cells are names of image files" if named >= NAMED * len(cells) else ""


def named_like_images(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each cell of text is named like an image file, as the cells of a sample are judged; null for null."""
    endings = "|".join(re.escape(suffix) for suffix in sorted(IMAGE_SUFFIXES))
    named = pc.match_substring_regex(column, rf"(?i)({endings})\s*$")
    return pc.and_(named, pc.less(pc.utf8_length(column), _LONGEST_PATH)) if pc.any(named).as_py() else named


def _suffix(cell: str) -> str:
    dot = cell.rfind(".")
    return cell[dot:].lower().strip() if dot >= 0 else ""


def _sample(column: pa.ChunkedArray) -> list[Any]:
    """Return up to 2000 cells spread evenly over the column, null left out."""
    known = pc.drop_null(column)
    if len(known) > SAMPLE:
        known = known.take(pa.array(sampled_places(len(known))))
    return known.to_pylist()


def sampled_places(n: int) -> NDArray[np.int64]:
    """Return which of `n` known cells are looked at to tell what a column holds."""
    return np.linspace(0, n - 1, SAMPLE).astype(np.int64) if n > SAMPLE else np.arange(n)


def _profile_text(name: str, column: pa.ChunkedArray, distinct: int, known: int) -> ColumnProfile:
    cells = [str(cell) for cell in _sample(column)]
    words = float(np.mean([len(cell.split()) for cell in cells]))
    characters = float(np.mean([len(cell) for cell in cells]))

    def profile(kind: Kind, reason: str = "") -> ColumnProfile:
        return ColumnProfile(name, kind, distinct, known, words, characters, reason)

    if sum(_DATE.fullmatch(cell.strip()) is not None for cell in cells) >= 0.95 * len(cells):
        return profile("date", "it holds dates or times")
    values = numbers(column)
    if values is not None:
        kind, reason = _number_kind(name, values, distinct, known)
        return profile(kind, reason)
    if distinct >= 0.5 * known and sum(_UUID.fullmatch(cell.strip()) is not None for cell in cells) >= 0.95 * len(
        cells
    ):
        return profile("identifier", "its cells are hashes or UUIDs")
    named_so = names_an_identifier(name)
    if named_so and distinct > max(20, 0.5 * known) and words < 2:
        return profile("identifier", "it is named like an identifier")
    if distinct == known and known >= 10 and all(_CODE.fullmatch(cell) for cell in cells):
        return profile("identifier", "every row has its own code")
    if (words >= 4 or characters >= 25) and distinct >= min(0.2 * known, 1000):
        return profile("text")
    return profile("category")


def names_an_identifier(name: str) -> bool:
    """Whether a column is named like an identifier: ``id``, ``user_id``, ``itemId``, ``index``, ``uuid``, ``key``."""
    return bool(_ID_NAME.search(name) or _CAMEL_ID.search(name))


def _profile_number(name: str, column: pa.ChunkedArray, distinct: int, known: int) -> ColumnProfile:
    values = numbers(column)
    if values is None:
        return ColumnProfile(name, "empty", 0, known, reason="it holds no numbers")
    kind, reason = _number_kind(name, values, distinct, known)
    return ColumnProfile(name, kind, distinct, known, reason=reason)


def _number_kind(name: str, values: NDArray[np.float64], distinct: int, known: int) -> tuple[Kind, str]:
    present = values[~np.isnan(values)]
    whole = bool(np.isfinite(present).all() and (present == np.floor(present)).all())
    if not whole:
        return "number", ""
    if distinct == known == len(values) and len(values) >= 3 and (np.diff(present) == 1).all():
        return "identifier", "it counts the rows"
    if names_an_identifier(name) and distinct > max(20, 0.5 * known):
        return "identifier", "it is named like an identifier"
    if name.startswith("unnamed_") and distinct == known and known >= 3:
        return "identifier", "it has no name and every row its own number"
    return "number", ""
