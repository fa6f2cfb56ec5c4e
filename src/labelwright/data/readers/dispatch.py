"""One door for all formats: the name and the first bytes of a path say which reader takes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.arrays import read_npz
from labelwright.data.readers.columnar import read_arrow, read_parquet
from labelwright.data.readers.delimited import read_delimited
from labelwright.data.readers.file_state import file_state, refuse_changed
from labelwright.data.readers.hub_folder import read_hub_folder
from labelwright.data.readers.huggingface import is_huggingface, read_huggingface
from labelwright.data.readers.image_folder import holds_images, read_image_folder
from labelwright.data.readers.json_lines import read_json_lines
from labelwright.data.readers.mixed_folder import parquet_files_are_the_data
from labelwright.data.readers.places import place, said
from labelwright.data.readers.spreadsheet import read_spreadsheet
from labelwright.errors import BadInput, did_you_mean, listed, quoted

Reader = Callable[[Path, Path | None], Source]
READERS: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_delimited,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".ipc": read_arrow,
    ".npz": read_npz,
    ".xlsx": read_spreadsheet,
    ".xlsm": read_spreadsheet,
    ".xls": read_spreadsheet,
    ".ods": read_spreadsheet,
}
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")
_PACKED = (".zst", ".bz2", ".xz", ".lz4", ".zip", ".7z", ".tar", ".tgz")
_SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")


def read_source(
    path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, *, sheet: str | None = None
) -> Source:
    """Read a file or a folder.

    Parameters
    ----------
    path : path
        CSV, TSV (also ``.gz``), xlsx, Parquet, JSON Lines, Arrow, ``.npz``, a JSON export of Label Studio, a folder of
        images (one folder a class), saved by Hugging Face ``datasets``, or of Parquet files as a hub hands them out.
    root : path, optional
        Images named by a column are opened only below this folder; by default the folder of `path`.
    sheet : str, optional
        The sheet of a workbook, by default the first that holds rows.

    Raises
    ------
    BadInput
        The path is missing, of no known format, damaged or empty.

    Examples
    --------
    >>> read_source("no such file.csv")
    Traceback (most recent call last):
    labelwright.errors.BadInput: no such file.csv: there is no such file or folder. Fix: check the path.
    """
    where, base = Path(path), Path(root) if root is not None else None
    with reading(where):
        state = file_state(where)
        source = _read(where, base, sheet)
        refuse_changed(where, state)
    return replace(source, state=state)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say in one line what a system or a library says of a path that cannot be read."""
    try:
        _check_exists(path)
        yield
    except RecursionError:
        raise BadInput("is nested too deeply", where=place(path), fix="flatten it") from None
    except PermissionError:
        raise BadInput("may not be read", where=place(path), fix="check its rights") from None
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise BadInput(f"cannot be read ({said(error)})", where=place(path), fix="check the file") from None


def is_delimited(path: Path) -> bool:
    """Whether a path is a file that `read_delimited` reads, by its name."""
    return path.is_file() and READERS.get(_suffix(path)) is read_delimited


def is_json(path: Path) -> bool:
    """Whether a path is a file that `read_json_lines` reads, by its name."""
    return path.is_file() and READERS.get(_suffix(path)) is read_json_lines


def _suffix(path: Path) -> str:
    """Return the ending that tells the format."""
    suffix = path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if suffix == ".gz" and inner in _TEXT_SUFFIXES else suffix


def _read(path: Path, root: Path | None, sheet: str | None) -> Source:
    suffix = _suffix(path)
    if sheet is not None and suffix not in _SHEETS:
        raise BadInput("only workbooks have sheets", where=place(path), fix="leave out the sheet")
    if path.is_dir():
        return _read_folder(path, root)
    if suffix in _SHEETS:
        return read_spreadsheet(path, root, sheet)
    if suffix in _PACKED:
        raise BadInput(f"is packed as {suffix}", where=place(path), fix="unpack it, or pack text as .gz")
    if suffix not in READERS:
        raise BadInput(
            f"the ending {quoted(suffix)} is of no known format" if suffix else "the name has no ending",
            where=place(path),
            fix=f"give one of {listed(READERS, len(READERS))} or a folder",
        )
    return READERS[suffix](path, root)


def _check_exists(path: Path) -> None:
    try:
        if path.is_file() or path.is_dir():
            return
        there = os.path.lexists(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"is no usable path ({said(error)})", where=quoted(path), fix="check the path") from None
    if there:
        what = "is a link that leads nowhere" if path.is_symlink() else "is neither a file nor a folder"
        raise BadInput(what, where=place(path), fix="save the data to a file and name that")
    siblings: list[str] = []
    if path.parent.is_dir():
        siblings = [p.name for p in path.parent.iterdir() if not p.name.startswith(".")][:2000]
    hint = did_you_mean(path.name, siblings)
    raise BadInput(
        "there is no such file or folder",
        where=place(path),
        fix=hint if hint.startswith("did you mean") else "check the path",
    )


def _read_folder(path: Path, root: Path | None) -> Source:
    if is_huggingface(path):
        return read_huggingface(path, root)
    if parquet_files_are_the_data(path):
        return read_hub_folder(path, root)
    tables = sorted(p.name for p in path.iterdir() if p.is_file() and p.suffix.lower() in READERS)
    if tables and not holds_images(path):
        raise BadInput("is a folder of tables", where=place(path), fix=f"name one file: {listed(tables)}")
    return read_image_folder(path, root)
