"""Spreadsheets (``.xlsx`` and relatives): one sheet, cells as the text that a person would type for them."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.readers.delimited import checked_names
from labelwright.data.readers.formulas import unsaved_formula
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, did_you_mean, listed, quoted

_MAX_UNPACKED = 2 << 30


def read_spreadsheet(path: Path, root: Path | None = None, sheet: str | None = None) -> Source:
    """Read one sheet with a header row.

    Parameters
    ----------
    path : Path
        ``.xlsx``, ``.xlsm``, ``.xls`` or ``.ods``.
    root : Path, optional
        Folder for images named by a column.
    sheet : str, optional
        Name of the sheet, by default the first that holds rows; ``details`` names the others.

    Returns
    -------
    Source
        String columns: whole numbers without ``.0``, dates as ``2024-01-31``, booleans as ``TRUE`` and ``FALSE``.
        Line numbers are the row numbers of the sheet.
    """
    workbook = _opened(path)
    names = [str(name) for name in workbook.sheet_names]
    if sheet is not None and sheet not in names:
        raise BadInput(f"has no sheet {quoted(sheet)}", where=place(path), fix=did_you_mean(sheet, names))
    filled = {}
    for name in [sheet] if sheet is not None else names:
        rows = _rows(workbook, name, path)
        if rows:
            filled[name] = rows
    if not filled:
        raise BadInput("holds no rows", where=place(path), fix="give a sheet with a header row and rows")
    chosen = next(iter(filled))
    if (cell := unsaved_formula(path, chosen)) is not None:
        raise BadInput(
            f"holds a formula in {cell} whose result is not stored",
            where=f"{place(path)} sheet {quoted(chosen)}",
            fix="open it in a spreadsheet program, save it, and give that file",
        )
    table, lines = _table(filled[chosen], path, chosen)
    others = [name for name in filled if name != chosen]
    details = {"sheet": chosen} | ({"other sheets": listed(others)} if others else {})
    return Source(table, path, "xlsx", root or path.parent, lines, details)


def _opened(path: Path) -> Any:
    from python_calamine import CalamineWorkbook

    if path.suffix.lower() != ".xls":
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNPACKED:
                    raise BadInput("unpacks to more than 2 GiB", where=place(path), fix="save the sheet as CSV")
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise _damaged(path, error) from None
    return _guarded(path, lambda: CalamineWorkbook.from_path(str(path)))


def _guarded(path: Path, call: Any) -> Any:
    """Run a call into the parser; whatever it fails with, a panic included, is a damaged file."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of the parser derives from BaseException
        raise _damaged(path, error) from None


def _damaged(path: Path, error: BaseException) -> BadInput:
    reason = said(error)
    return BadInput(
        f"cannot be read as a spreadsheet ({reason})", where=place(path), fix="save it again, or save as CSV"
    )


def _rows(workbook: Any, name: str, path: Path) -> list[tuple[int, list[str]]]:
    """Return the non-blank rows of a sheet with their row numbers from 1."""
    sheet = _guarded(path, lambda: workbook.get_sheet_by_name(name))
    start = _guarded(path, lambda: sheet.start)
    first = (start[0] if start else 0) + 1
    cells = _guarded(path, lambda: sheet.to_python(skip_empty_area=True))
    texts = [[_text(cell) for cell in row] for row in cells]
    _spread_merged(texts, start or (0, 0), getattr(sheet, "merged_cell_ranges", None) or ())
    return [(first + i, row) for i, row in enumerate(texts) if any(row)]


def _spread_merged(texts: list[list[str]], start: tuple[int, int], ranges: Any) -> None:
    """Write what a merged cell says into all of its rows; a cell in the first row heads columns and stays."""
    for (top, left), (bottom, _) in ranges:
        first, column = top - start[0], left - start[1]
        if first < 1 or not 0 <= column < len(texts[0]):
            continue
        for row in texts[first + 1 : bottom - start[0] + 1]:
            row[column] = texts[first][column]


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


def _table(rows: list[tuple[int, list[str]]], path: Path, sheet: str) -> tuple[pa.Table, Any]:
    (header_line, header), body = rows[0], rows[1:]
    width = max((position + 1 for _, row in rows for position, cell in enumerate(row) if cell), default=0)
    where = f"{place(path)} sheet {quoted(sheet)} row {header_line}"
    names = checked_names((header + [""] * width)[:width], where)
    if not body:
        raise BadInput("has a header row but no rows", where=f"{place(path)} sheet {quoted(sheet)}", fix="add rows")
    columns = [pa.array([row[k] or None for _, row in body], pa.string()) for k in range(width)]
    return pa.table(columns, names=names), np.asarray([line for line, _ in body], dtype=np.int64)
