"""Formulas of a workbook whose results are not stored, as programs leave them that write sheets and cannot reckon.

Such a cell would read as empty. The text of the sheet tells: ``<c r="C3"><f>1+1</f><v/></c>``.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

_NAMES = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_UNSAVED = re.compile(
    rb'<c r="([A-Z]+\d+)"(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


def unsaved_formula(path: Path, sheet: str) -> str | None:
    """Return the first cell of a sheet (``"C3"``) that holds a formula without a result, None where there is none.

    Parameters
    ----------
    path : Path
        ``.xlsx`` or ``.xlsm``; of other files nothing is known.
    sheet : str
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            file = _file_of(archive, sheet)
            match = _UNSAVED.search(archive.read(file)) if file is not None else None
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, ElementTree.ParseError):  # the reader could read it
        return None
    return match[1].decode() if match else None


def _file_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the name in the archive of what a sheet holds."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for one in book.iter():
        if one.tag.endswith("}sheet") and one.get("name") == sheet and one.get(_NAMES) in targets:
            target = targets[one.get(_NAMES)]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None
