"""Folders saved by Hugging Face ``datasets``: the Arrow files that hold decided rows are written anew, the rest copied.

Class names stay numbers in the files. A changed part gets a new fingerprint in ``state.json``, because caches elsewhere
take the old one for the old rows; the number of rows in ``dataset_info.json`` follows rejected ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelwright.data.dataset import Source
from labelwright.data.matrices import class_names
from labelwright.data.mend.columnar import NewCells, copy_arrow
from labelwright.data.mend.manifest import MANIFEST, ManifestLine, decided_lines, file_sha256
from labelwright.data.mend.placement import place_all
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.mend.tree import place_file, read_tree
from labelwright.data.readers.columnar import arrow_table
from labelwright.data.tasks import TagStyle

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


@dataclass(frozen=True)
class HuggingFaceFolder:
    """A saved data set, or a dictionary of them, whose label column can be mended.

    Parameters
    ----------
    source : Source
        As `read_huggingface` gives it: splits one after the other, class numbers as names.
    label : str
        The label column.
    items : Items
        One a row.
    tags : TagStyle or None
    link : bool
        Give unchanged files a second name in place of a copy.
    """

    source: Source
    label: str
    items: Items
    tags: TagStyle | None = None
    link: bool = False

    is_tree = True

    @property
    def path(self) -> Path:
        """The folder."""
        return self.source.path

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out."""
        return rejected_remark(changes)

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the new folder into the empty folder `out`."""
        written = dict(self._new_files(changes, out))
        rows: list[tuple[int | None, str]] = [(None, name) for name in read_tree(self.path).files]
        placed, _ = place_all(rows, lambda row, old: None, reserved=(MANIFEST,))
        lines = []
        for place in placed:
            if place.old not in written:
                (out / place.new).parent.mkdir(parents=True, exist_ok=True)
                digest = place_file(self.path / place.old, out / place.new, link=self.link)
            else:
                digest = written[place.old]
            lines.append(ManifestLine(old_path=place.old, new_path=place.new, sha256=digest))
        return [*lines, *decided_lines(changes, self.items)]

    def _new_files(self, changes: Changes, out: Path) -> Iterator[tuple[str, str]]:
        """Write the files that change and yield their names and hashes."""
        names = class_names(self.source.table.schema.field(self.label))
        touched = {*changes.relabel, *changes.reject}
        first = 0
        for part, files in saved_parts(self.path):
            begin = first
            for name in files:
                table = arrow_table(self.path / name)
                span = range(first, first + table.num_rows)
                first = span.stop
                if any(row in span for row in touched):
                    yield name, self._new_arrow(name, table, span.start, changes, names, out)
            of_part = {row for row in touched if begin <= row < first}
            if of_part:
                gone = sum(row in changes.reject for row in of_part)
                yield from _new_facts(self.path, part, out, gone, files)

    def _new_arrow(
        self, name: str, table: pa.Table, first: int, changes: Changes, names: tuple[str, ...] | None, out: Path
    ) -> str:
        position = table.schema.get_field_index(self.label)
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_arrow(self.path / name, target, NewCells(position, changes, self.tags, names, first))
        return file_sha256(target)


def saved_parts(folder: Path) -> list[tuple[str, list[str]]]:
    """Return the parts of a saved folder (``""`` or the names of splits) with their Arrow files, in reading order."""
    if (folder / SPLITS).is_file():
        parts = [str(name) for name in json.loads((folder / SPLITS).read_text(encoding="utf-8"))["splits"]]
    else:
        parts = [""]
    found = []
    for part in parts:
        entries = json.loads((folder / part / STATE).read_text(encoding="utf-8"))["_data_files"]
        names = [str(e["filename"]) if isinstance(e, dict) else str(e) for e in entries]
        found.append((part, [f"{part}/{name}" if part else name for name in names]))
    return found


def _new_facts(folder: Path, part: str, out: Path, gone: int, files: list[str]) -> Iterator[tuple[str, str]]:
    """Write ``state.json`` with a new fingerprint, and ``dataset_info.json`` with fewer rows, where they are."""
    content = hashlib.sha256()
    for name in files:
        source = out / name if (out / name).exists() else folder / name
        content.update(file_sha256(source).encode())
    state = _read(folder / part / STATE)
    state["_fingerprint"] = content.hexdigest()[:16]
    yield _write(state, folder, part, STATE, out)
    if gone and (folder / part / INFO).is_file():
        info = _read(folder / part / INFO)
        splits = info.get("splits")
        name = str(state.get("_split") or part)
        if isinstance(splits, dict) and isinstance(splits.get(name), dict) and "num_examples" in splits[name]:
            splits[name]["num_examples"] -= gone
            yield _write(info, folder, part, INFO, out)


def _read(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def _write(content: dict[str, Any], folder: Path, part: str, name: str, out: Path) -> tuple[str, str]:
    relative = f"{part}/{name}" if part else name
    text = (folder / relative).read_text(encoding="utf-8")
    indent = 2 if "\n" in text.strip() else None
    target = out / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=indent, ensure_ascii=text.isascii()), encoding="utf-8")
    return relative, file_sha256(target)
