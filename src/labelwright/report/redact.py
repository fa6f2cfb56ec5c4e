"""The report without any row content, so that it can be passed on. What is not known to be harmless is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.errors import BadInput

FEWEST_ROWS = 5
_WORDS = ("schema_version", "title", "verdict", "facts", "noise", "found")
_PRIVATE_SCALARS = ("description",)


def redact(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a view without row content: it is built anew from what may stand, nothing is merely deleted.

    Ids become row numbers; texts, images, cells, neighbours, values and reasons go; the names of classes with fewer
    than 5 rows become ``(rare class 1)``; tables of values go, and so do notes, since they may quote the data. Counts,
    shares, positions on the map, the names of columns, of larger classes and of the file stay.

    Examples
    --------
    >>> redact(view)["redacted"]  # doctest: +SKIP
    True
    """
    try:
        return _redacted(view)
    except (LookupError, TypeError, AttributeError) as damage:
        raise BadInput(f"the stored view is damaged ({type(damage).__name__})", fix="run the audit again") from damage


def _redacted(view: Mapping[str, Any]) -> dict[str, Any]:
    mask = _Mask(view["class_rows"])
    regression = view["facts"]["task"] == "regression"
    clean: dict[str, Any] = {name: view[name] for name in _WORDS}
    clean["redacted"] = True
    clean["transition"] = _transition(view["transition"], mask)
    clean["classes"] = _classes(view["classes"], mask)
    clean["findings"] = [_finding(finding, mask, regression) for finding in view["findings"]]
    clean["next_in_line"] = [_item(item, mask, regression) for item in view["next_in_line"]]
    clean["map"] = _map(view["map"], mask, regression)
    clean["class_rows"] = {name: rows for name, rows in view["class_rows"].items() if rows >= FEWEST_ROWS}
    clean["nutrition"] = _nutrition(view["nutrition"], mask)
    made = view["made"]
    clean["made"] = {
        "version": made["version"],
        "seed": made["seed"],
        "parameters": dict(made["parameters"]),
        "ignored": [{"column": i["column"], "reason": "not read"} for i in made["ignored"]],
        "notes": [],
    }
    return clean


class _Mask:
    """Gives class names back when enough rows carry them, and a number otherwise."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        self._rows = rows
        self._numbers: dict[str, int] = {}

    def __call__(self, name: str | None) -> str | None:
        if name is None or self.may_stand(name):
            return name
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        return f"(rare class {number})"

    def may_stand(self, name: str) -> bool:
        return self._rows.get(name, 0) >= FEWEST_ROWS


def _transition(transition: Any, mask: _Mask) -> Any:
    return transition and transition | {"classes": [mask(name) for name in transition["classes"]]}


def _classes(classes: Any, mask: _Mask) -> Any:
    return classes and classes | {
        "rows": [row | {"name": mask(row["name"]), "instead": mask(row["instead"])} for row in classes["rows"]]
    }


def _map(plot: Any, mask: _Mask, regression: bool) -> Any:
    if not plot:
        return None
    fixed = ("all other classes", "no label")
    keys = plot["keys"] if regression else [key if key in fixed else mask(key) for key in plot["keys"]]
    return {"keys": keys} | {name: plot[name] for name in ("points", "explained", "total", "suspects")}


def _finding(finding: Mapping[str, Any], mask: _Mask, regression: bool) -> dict[str, Any]:
    items = [_item(item, mask, regression) for item in finding["items"]]
    return {"kind": finding["kind"], "level": finding["level"], "total": finding["total"], "items": items}


def _item(item: Mapping[str, Any], mask: _Mask, regression: bool) -> dict[str, Any]:
    about_classes = not regression and item["level"] in ("row", "part", "class", "pair")

    def name(value: str | None) -> str | None:
        return mask(value) if about_classes else None

    def card(shown: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if shown is None:
            return None
        empty: dict[str, Any] = {"texts": [], "image": None, "cells": [], "neighbors": []}
        return {"row": shown["row"], "id": None, "label": name(shown["label"])} | empty

    return {
        "level": item["level"],
        "card": card(item["card"]),
        "other": card(item["other"]),
        "part": name(item["part"]) if item["level"] == "part" else None,
        "column": item["column"],
        "score": item["score"],
        "given": name(item["given"]),
        "suggested": name(item["suggested"]),
        "reason": None,
        "copies": item["copies"],
        "parts": [{"part": mask(part["part"]), "given": "", "suggested": ""} for part in item["parts"]],
        "shown": None,
    }


def _nutrition(report: Any, mask: _Mask) -> Any:
    """Keep scalars, alerts and tables that hold no values; mask rare classes in what is left."""
    if not report:
        return None
    return report | {"sections": [_section(section, mask) for section in report["sections"]]}


def _section(section: Mapping[str, Any], mask: _Mask) -> dict[str, Any]:
    tables = [table for table in section["tables"] if not table["private"]]
    if section["title"] == "Labels":
        tables = [
            table | {"rows": [[mask(cell) if isinstance(cell, str) else cell for cell in row] for row in table["rows"]]}
            for table in tables
        ]
    return dict(section) | {"tables": tables}
