"""JSON Schemas (draft 2020-12) of everything that labelwright writes for programs, shipped with the package.

Files: ``summary.json``, ``run.json`` and ``view.json`` of an audit, ``compare.json``, the JSON of ``check``,
``report.json`` of a measure, ``summary.json`` of merged votes (``aggregate``). Tables: one row of ``issues.parquet``,
of ``compare.parquet`` and of a table of decisions, as an object by column.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from labelwright.errors import BadInput, did_you_mean, quoted

NAMES = ("aggregate", "check", "compare", "compare-row", "decision", "issue", "measure", "run", "summary", "view")


def schema(name: str) -> dict[str, Any]:
    """Return a schema by name.

    Examples
    --------
    >>> schema("summary")["properties"]["schema_version"]
    {'const': 1}
    """
    if name not in NAMES:
        raise BadInput(f"there is no schema {quoted(name)}", fix=did_you_mean(name, NAMES))
    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
