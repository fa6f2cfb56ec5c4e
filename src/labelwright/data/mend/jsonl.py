"""JSON Lines and JSON lists of objects: the value of the label changes, everything around it keeps its bytes.

The new value is of the old one's kind (text, number, true or false, list of tags); a row without the key gets it as its
last member. A rejected row loses its line, or its element and one comma.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelwright.data.dataset import Source
from labelwright.data.mend.decisions import Decisions
from labelwright.data.mend.json_spans import elements, members, removal
from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.raw_text import RawText, TextEdit, encoded, spliced_text
from labelwright.data.mend.tag_cells import written_label
from labelwright.data.mend.text_rows import TextRows
from labelwright.data.readers.json_blocks import JsonLinesFile, OtherKinds
from labelwright.data.tasks import TagStyle
from labelwright.errors import BadInput, quoted


@dataclass(frozen=True)
class JsonLines(TextRows):
    """A file of one object a line: see `TextRows`. What decides how a label is written is looked at when it is read."""

    file: JsonLinesFile

    def about(self, decisions: Decisions) -> JsonLines:
        """Return the table with the rows that decisions name as its items."""
        try:
            return super().about(decisions)
        except OtherKinds:
            return replace(self, file=self.file.settled()).about(decisions)

    def _relabelled(self, changes: Changes, row: int, record: bytes) -> bytes:
        text, where = record.decode(), changes.decided[row].where
        kind = LabelKind(self.file.key(self.plan.label), self._like, self.tags, self.file.is_ascii)
        edit = kind.edit(text, changes.relabel[row], where)
        return text[: edit.start].encode() + encoded(self.file.text, edit.text, where) + text[edit.end :].encode()

    @property
    def _like(self) -> Any:
        """A label of the kind that rows without one get."""
        return 0.0 if self.file.has_floats(self.plan.label) else self.like


@dataclass(frozen=True)
class JsonList:
    """A JSON list of objects whose label can be mended.

    Parameters
    ----------
    path : Path
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
    label: str
    like: Any
    items: Items
    tags: TagStyle | None = None

    is_tree = False

    @classmethod
    def of(cls, source: Source, label: str, items: Items, tags: TagStyle | None = None) -> JsonList:
        """Take what is needed of a source as `read_json_lines` gives it; the table itself may go."""
        like = next((cell.as_py() for cell in source.table.column(label) if cell.is_valid), "")
        return cls(source.path, label, like, items, tags)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out."""
        return rejected_remark(changes)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        raw = RawText.read(self.path)
        digest = raw.write(self._pieces(raw, changes), out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _pieces(self, raw: RawText, changes: Changes) -> Iterator[bytes]:
        """Yield the list with the decided elements changed."""
        text = raw.data.decode()
        kind = LabelKind(self.label, self.like, self.tags, text.isascii())
        spans = list(elements(text))
        edits = [TextEdit(begin, end, "") for begin, end in removal(spans, set(changes.reject), text)]
        for row in changes.relabel:
            _, start, end = spans[row]
            where = changes.decided[row].where
            edit = kind.edit(text[start:end], changes.relabel[row], where)
            raw.encode(edit.text, where)
            edits.append(TextEdit(start + edit.start, start + edit.end, edit.text))
        return spliced_text(text, edits)


@dataclass(frozen=True)
class LabelKind:
    """How a label is written into an object.

    Parameters
    ----------
    key : str
        The key of the label.
    like : object
        A label of the data, for the kind of value that rows without one get.
    tags : TagStyle or None
        How several tags are written.
    escaped : bool
        Whether characters beyond ASCII are escaped.
    """

    key: str
    like: Any
    tags: TagStyle | None
    escaped: bool

    def edit(self, text: str, label: str, where: str) -> TextEdit:
        """Return the edit, within the text of one object, that gives it its new label.

        Examples
        --------
        >>> LabelKind("kind", "cat", None, True).edit('{"kind": "cat"}', "dog", "")
        TextEdit(start=9, end=14, text='"dog"')
        """
        found = list(members(text, text.index("{")))
        mine = [one for one in found if one.key == self.key]
        if mine:
            last = mine[-1]
            value = self._value(label, last.value, where)
            return TextEdit(last.start, last.end, json_text(value, self.escaped, text[last.start : last.end]))
        at = found[-1].end if found else text.index("{") + 1
        comma, colon = (", ", ": ") if '": ' in text else (",", ":")
        value = json_text(self._value(label, None, where), self.escaped)
        new = f"{json_text(self.key, self.escaped)}{colon}{value}"
        return TextEdit(at, at, f"{comma}{new}" if found else new)

    def _value(self, label: str, old: Any, where: str) -> Any:
        """Return the label as a value of the kind that the column holds."""
        if self.tags == "list" or isinstance(old, list):
            tag_like = next((held[0] for held in (old, self.like) if isinstance(held, list) and held), "")
            return [as_kind(tag, tag_like, where) for tag in label.split("|") if tag]
        if isinstance(old, dict):
            return _parsed(label, where)
        if old is None:
            return as_kind(label, self.like, where)
        return as_kind(written_label(label, str(old), self.tags), old, where)


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
