"""Folders saved by Hugging Face ``datasets``: the Arrow files that hold decided rows are written anew, the rest copied.

Class names stay numbers in the files. A changed part gets a new fingerprint in ``state.json``, because caches elsewhere
take the old one for the old rows; the number of rows in ``dataset_info.json`` follows rejected ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from labelwright.data.mend.columnar import NewCells, copy_arrow
from labelwright.data.mend.manifest import file_sha256
from labelwright.data.mend.table_folder import TableFolder
from labelwright.data.readers.columnar import arrow_table

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


@dataclass(frozen=True)
class HuggingFaceFolder(TableFolder):
    """A data set saved by ``save_to_disk``, or a dictionary of them, as `read_huggingface` gives it."""

    @cached_property
    def _saved(self) -> list[tuple[str, list[str]]]:
        return saved_parts(self.path)

    def _parts(self) -> Sequence[tuple[str, Sequence[str]]]:
        return self._saved

    def _n_rows(self, name: str) -> int:
        return int(arrow_table(self.path / name).num_rows)

    def _position(self, name: str) -> int:
        return int(arrow_table(self.path / name).schema.get_field_index(self.label))

    def _copy(self, name: str, target: Path, cells: NewCells) -> None:
        copy_arrow(self.path / name, target, cells)

    def _new_facts(self, out: Path, gone: dict[str, int]) -> Iterator[tuple[str, str]]:
        for part, files in self._saved:
            if part in gone:
                yield from _new_facts(self.path, part, out, gone[part], files)


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
