"""The tables of ``benchmarks/README.md``, written from the stored results so that no number is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = """# Benchmarks

Every number here was measured by the command above its table and is stored in `results/`. Peer and labelwright run in
turn in one process; times are medians of at least five rounds unless a row says otherwise, beside the floor that the
memory sets: a copy into a buffer that has been touched. Renew the tables with `python -m benchmarks --tables`, the
numbers with `make bench`. Written by `benchmarks/tables.py`; do not edit by hand.
"""
FIRST, LAST = ("work",), ("must", "holds")


def write_readme(folder: Path) -> Path:
    """Write ``README.md`` in `folder` from ``results/*.json`` and return its path."""
    parts = [HEAD]
    for path in sorted((folder / "results").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if "rows" in record:
            parts.append(section(path.stem, record))
            if path.with_suffix(".svg").exists():
                parts.append(f"![{path.stem.replace('_', ' ')}](results/{path.stem}.svg)\n")
    target = folder / "README.md"
    target.write_text("\n".join(parts), encoding="utf-8")
    return target


def section(name: str, record: dict[str, Any]) -> str:
    """Return one benchmark as Markdown."""
    machine = record["machine"]
    lines = [
        f"## {name.replace('_', ' ')}",
        "",
        f"`{record['command']}`, {record['measured']}, {machine['processor']}, {machine['cores']} cores, "
        f"Python {machine['python']}, NumPy {machine['numpy']}",
        "",
    ]
    rows = record["rows"]
    middle = [key for key in dict.fromkeys(k for row in rows for k in row) if key not in FIRST + LAST]
    columns = [*FIRST, *middle, *(key for key in LAST if any(key in row for row in rows))]
    lines += [_line(column.replace("_", " ") for column in columns), _line("---" for _ in columns)]
    lines += [_line(_cell(row.get(column)) for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    return str(value).replace("|", "\\|")
