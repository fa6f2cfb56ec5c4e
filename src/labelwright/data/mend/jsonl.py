"""JSON Lines and JSON lists of objects: the value of the label changes, everything around it keeps its bytes.

The new value is of the old one's kind (text, number, true or false, list of tags); a row without the key gets it as its
last member. A rejected row loses its line, or its element and one comma.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Source
from labelwright.data.mend.json_spans import elements, members, removal
from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.raw_text import Edit, RawText, TextEdit, spliced, spliced_text
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.tasks import TagStyle
from labelwright.errors import BadInput, quoted

_LF = 10
_BLOCK = 1 << 24


@dataclass(frozen=True)
class JsonRows:
    """A JSON Lines file, or a JSON list of objects, whose label can be mended.

    Parameters
    ----------
    path : Path
    lines : array of int64, shape (n,), or None
        Line of each row, from 1; None for a JSON list.
    label : str
        The key of the label.
    like : object
        A label of the data, for the kind of value that rows without one get.
    items : Items
        One a row.
    tags : TagStyle or None
        How several tags are written.
    """

    path: Path
    lines: NDArray[np.int64] | None
    label: str
    like: Any
    items: Items
    tags: TagStyle | None = None

    is_tree = False

    @classmethod
    def of(cls, source: Source, label: str, items: Items, tags: TagStyle | None = None) -> JsonRows:
        """Take what is needed of a source as `read_json_lines` gives it; the table itself may go."""
        like = next((cell.as_py() for cell in source.table.column(label) if cell.is_valid), "")
        return cls(source.path, source.line_numbers, label, like, items, tags)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out."""
        return rejected_remark(changes)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        raw = RawText.read(self.path)
        pieces = self._list(raw, changes) if self.lines is None else self._lines(raw, changes)
        digest = raw.write(pieces, out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _lines(self, raw: RawText, changes: Changes) -> Iterator[bytes]:
        """Yield a JSON Lines file with the decided lines changed."""
        rows = np.array(sorted({*changes.relabel, *changes.reject}), dtype=np.int64)
        edits: list[Edit] = []
        escaped = raw.data.isascii()
        starts = _line_offsets(raw.data, self.lines[rows]).tolist() if self.lines is not None else []
        for row, start in zip(rows.tolist(), starts, strict=True):
            feed = raw.data.find(b"\n", start)
            end = len(raw.data) if feed < 0 else feed + 1
            if row in changes.reject:
                edits.append(Edit(start, end, b""))
                continue
            line = raw.data[start:end].decode()
            edit = self._edit(line, row, changes, escaped)
            before, within = (len(line[a:b].encode()) for a, b in ((0, edit.start), (edit.start, edit.end)))
            text = raw.encode(edit.text, changes.decided[row].where)
            edits.append(Edit(start + before, start + before + within, text))
        return spliced(raw.data, edits)

    def _list(self, raw: RawText, changes: Changes) -> Iterator[bytes]:
        """Yield a JSON list with the decided elements changed."""
        text = raw.data.decode()
        spans = list(elements(text))
        edits = [TextEdit(begin, end, "") for begin, end in removal(spans, set(changes.reject), text)]
        for row in changes.relabel:
            _, start, end = spans[row]
            edit = self._edit(text[start:end], row, changes, text.isascii())
            raw.encode(edit.text, changes.decided[row].where)
            edits.append(TextEdit(start + edit.start, start + edit.end, edit.text))
        return spliced_text(text, edits)

    def _edit(self, text: str, row: int, changes: Changes, escaped: bool) -> TextEdit:
        """Return the edit, within the text of one object, that gives it its new label."""
        where, label = changes.decided[row].where, changes.relabel[row]
        found = list(members(text))
        mine = [one for one in found if one.key == self.label]
        if mine:
            last = mine[-1]
            value = self._value(label, last.value, where)
            return TextEdit(last.start, last.end, json_text(value, escaped, text[last.start : last.end]))
        at = found[-1].end if found else text.index("{") + 1
        comma, colon = (", ", ": ") if '": ' in text else (",", ":")
        new = f"{json_text(self.label, escaped)}{colon}{json_text(self._value(label, None, where), escaped)}"
        return TextEdit(at, at, f"{comma}{new}" if found else new)

    def _value(self, label: str, old: Any, where: str) -> Any:
        """Return the label as a value of the kind that the column holds."""
        if self.tags == "list" or isinstance(old, list):
            return [as_kind(tag, old[0] if old else "", where) for tag in label.split("|") if tag]
        if isinstance(old, dict):
            return _parsed(label, where)
        if old is None:
            return as_kind(label, self.like, where)
        return as_kind(written_label(label, str(old), self.tags), old, where)


def _line_offsets(data: bytes, lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where lines, counted from 1 and in order, begin, in bytes."""
    offsets = np.zeros(len(lines), dtype=np.int64)
    seen, at = 1, int(np.searchsorted(lines, 1, side="right"))  # lines that have begun
    for block in range(0, len(data), _BLOCK):
        begins = np.flatnonzero(np.frombuffer(data, np.uint8, min(_BLOCK, len(data) - block), block) == _LF) + block + 1
        upto = int(np.searchsorted(lines, seen + len(begins), side="right"))
        offsets[at:upto] = begins[lines[at:upto] - seen - 1]
        seen, at = seen + len(begins), upto
        if at == len(lines):
            break
    return offsets


def _parsed(label: str, where: str) -> Any:
    """Return the JSON that a label is written as, where labels are objects."""
    try:
        return json.loads(label)
    except (ValueError, RecursionError):
        raise BadInput(
            f"{quoted(label)} is not JSON, and the labels of the data are objects", where=where, fix="write one as JSON"
        ) from None


def as_kind(label: str, like: Any, where: str) -> Any:
    """Return a label as text, number or truth value, whichever `like` is; BadInput when it cannot be one.

    Examples
    --------
    >>> as_kind("3", 1, ""), as_kind("3", "1", ""), as_kind("true", False, "")
    (3, '3', True)
    """
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False}[label.strip().lower()]
        if isinstance(like, int):
            return int(label)
        if isinstance(like, float):
            return float(label)
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(like)]
        raise BadInput(
            f"{quoted(label)} is not {kind}, and the labels of the data are", where=where, fix="write one of that kind"
        ) from None
    return label


def json_text(value: Any, escaped: bool, like: str = "") -> str:
    """Return a value as JSON, non-ASCII characters `escaped` or not, blanks in a list as in `like`."""
    tight = like.startswith("[") and "," in like and ", " not in like
    return json.dumps(value, ensure_ascii=escaped, separators=(",", ":") if tight else None)
