"""Read the folder that an audit wrote, so that what was found then can be held against what is found now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from labelwright.audit.compare.state import AuditState
from labelwright.audit.findings import SCHEMA
from labelwright.data.dataset import Plan, Source
from labelwright.data.input_columns import OWN_PREFIX
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, listed

SCHEMA_VERSION = 1
_ID = f"{OWN_PREFIX}id"
_FILES = ("summary.json", "issues.parquet", "marked.parquet", "run.json", "view.json")


def is_audit_folder(path: Path) -> bool:
    """Whether `path` is a folder that `labelwright audit` wrote."""
    return path.is_dir() and (path / "summary.json").is_file() and (path / "issues.parquet").is_file()


def read_audit(folder: Path) -> AuditState:
    """Read the folder of an audit.

    Parameters
    ----------
    folder : Path
        Of `labelwright audit` or `Audit.save`.

    Raises
    ------
    BadInput
        When files are missing, damaged, or of another version of the format.

    Examples
    --------
    >>> read_audit(Path("no such folder"))
    Traceback (most recent call last):
    labelwright.errors.BadInput: no such folder: no audit is stored here. Fix: run labelwright audit first.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if len(missing) == len(_FILES):
        raise BadInput("no audit is stored here", where=place(folder), fix="run labelwright audit first")
    if missing:
        raise BadInput(f"this audit lacks {listed(missing)}", where=place(folder), fix="run the audit again")
    summary, run, view = (_json(folder / name) for name in ("summary.json", "run.json", "view.json"))
    issues, marked = _table(folder / "issues.parquet"), _table(folder / "marked.parquet")
    if issues.schema.names != SCHEMA.names or _ID not in marked.column_names:
        raise BadInput("the tables of this audit are damaged", where=place(folder), fix="run the audit again")
    try:
        return _state(folder, summary, run, view, issues, marked)
    except (KeyError, TypeError, AttributeError) as damage:
        raise BadInput(
            f"this audit is damaged ({type(damage).__name__}: {damage})", where=place(folder), fix="run the audit again"
        ) from None


def _state(
    folder: Path, summary: Mapping[str, Any], run: Mapping[str, Any], view: Any, issues: pa.Table, marked: pa.Table
) -> AuditState:
    parameters = view["made"]["parameters"]
    label, ids = summary["label"], marked.column(_ID).to_pylist()
    own = [name for name in marked.column_names if name.startswith(OWN_PREFIX)]
    table = marked.drop_columns(own)
    if label not in table.column_names:
        raise KeyError(label)
    plan = Plan(
        task=summary["task"],
        modality=summary["modality"],
        label=label,
        image=parameters.get("image column"),
        id=parameters.get("id column"),
        group=parameters.get("group column"),
        split=parameters.get("split column"),
    )
    source = Source(table, Path(summary["data"]), run["data"]["format"], root=folder)
    settings = {"labelwright": run["labelwright"], **run["settings"]}
    return AuditState(source, plan, np.asarray(ids, dtype=np.str_), issues.cast(SCHEMA), summary, settings, stored=True)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path.name} cannot be read ({type(error).__name__})", where=place(path.parent), fix="run the audit again"
        ) from None
    if not isinstance(content, Mapping) or content.get("schema_version") != SCHEMA_VERSION:
        raise BadInput(
            f"{path.name} is not of the format that this version reads ({SCHEMA_VERSION})",
            where=place(path.parent),
            fix="run the audit again",
        )
    return content


def _table(path: Path) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"{path.name} cannot be read ({type(error).__name__})", where=place(path.parent), fix="run the audit again"
        ) from None
