"""Folders of Parquet files as a hub hands them out: files with decided rows are written anew, the rest is copied.

Class names stay numbers in the files. Where rows are rejected, the numbers of rows in the YAML of ``README.md`` follow,
because loaders compare them with the files; all other bytes of it stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from labelwright.data.mend.columnar import NewCells, copy_parquet
from labelwright.data.mend.manifest import file_sha256
from labelwright.data.mend.table_folder import TableFolder
from labelwright.data.readers.hub_folder import CARD, card_text, hub_shards


@dataclass(frozen=True)
class HubFolder(TableFolder):
    """A folder of Parquet files, as `read_hub_folder` gives it."""

    @cached_property
    def _shards(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for shard in hub_shards(self.path):
            found.setdefault(shard.split, []).append(shard.name)
        return found

    def _parts(self) -> Sequence[tuple[str, Sequence[str]]]:
        return list(self._shards.items())

    def _n_rows(self, name: str) -> int:
        return int(pq.ParquetFile(self.path / name).metadata.num_rows)

    def _position(self, name: str) -> int:
        return int(pq.ParquetFile(self.path / name).schema_arrow.get_field_index(self.label))

    def _copy(self, name: str, target: Path, cells: NewCells) -> None:
        copy_parquet(self.path / name, target, cells)

    def _new_facts(self, out: Path, gone: dict[str, int]) -> Iterator[tuple[str, str]]:
        match = card_text(self.path)
        if match is None or not any(gone.values()):
            return
        text = with_fewer_rows(match.string, match.start(1), match.end(1), gone)
        if text != match.string:
            (out / CARD).write_bytes(text.encode())
            yield CARD, file_sha256(out / CARD)


def with_fewer_rows(text: str, start: int, end: int, gone: dict[str, int]) -> str:
    """Return a card with ``num_examples`` of its splits lowered; its YAML stands between `start` and `end`.

    Examples
    --------
    >>> card = "dataset_info:\\n  splits:\\n  - name: train\\n    num_examples: 12\\n"
    >>> with_fewer_rows(card, 0, len(card), {"train": 2}).split()[-1]
    '10'
    """
    tree = yaml.compose(text[start:end], Loader=yaml.SafeLoader)
    spots = []
    for entry in _entries(_value(_value(tree, "dataset_info"), "splits")):
        name, number = _value(entry, "name"), _value(entry, "num_examples")
        lost = gone.get(name.value, 0) if isinstance(name, yaml.ScalarNode) else 0
        if lost and isinstance(number, yaml.ScalarNode) and number.value.isdigit():
            spots.append((start + number.start_mark.index, start + number.end_mark.index, int(number.value) - lost))
    for begin, stop, number_left in sorted(spots, reverse=True):
        text = f"{text[:begin]}{number_left}{text[stop:]}"
    return text


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return what a mapping holds under a key, None where it holds nothing."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _entries(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
