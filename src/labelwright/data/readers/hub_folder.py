"""Folders as data set hubs hand them out: Parquet files named by their split, beside a ``README.md`` with YAML.

    README.md
    data/train-00000-of-00002.parquet   data/train-00001-of-00002.parquet   data/test-00000-of-00001.parquet

The split of a file is what ``configs`` in the YAML says; else its name (``train-00000-of-00002.parquet``,
``train.parquet``) or that of its folder (``train/0000.parquet``). Names of classes come from the files, else from the
YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from labelwright.data.dataset import Source
from labelwright.data.readers.columnar import checked_table
from labelwright.data.readers.huggingface import features_of_schema, joined_splits, with_named_classes, with_split
from labelwright.data.readers.image_folder import SPLIT_NAMES
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, listed, quoted

CARD = "README.md"
_DEPTH = 3  # folders below the top that are looked into: config/split/0000.parquet
_SHARD = re.compile(r"(?P<split>.+?)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?")
_NUMBERED = re.compile(r"\d{4,}")
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)---[ \t]*(\r?\n|$)", re.S)


class Shard(NamedTuple):
    """A Parquet file, relative to the folder, with its split."""

    split: str
    name: str


def is_hub_folder(path: Path) -> bool:
    """Whether a folder holds Parquet files whose names or card say which splits they are."""
    names = _parquet_files(path)
    return bool(names) and (any(_split_of(name) for name in names) or bool(_configs(read_card(path))))


def hub_shards(path: Path) -> list[Shard]:
    """Return the files of a folder in reading order: splits as the card names them, else train first.

    Raises
    ------
    BadInput
        The folder holds several configurations, or a file is missing.
    """
    names = _parquet_files(path)
    found = _by_card(path, names) or [Shard(split, name) for name in names if (split := _split_of(name))]
    order = list(dict.fromkeys(shard.split for shard in found))
    order.sort(key=lambda split: not split.startswith("train"))
    shards = sorted(found, key=lambda shard: (order.index(shard.split), shard.name))
    _check_complete(path, shards)
    folders = sorted({_above_split(shard) for shard in shards})
    if len(folders) > 1 and not _configs(read_card(path)):
        raise BadInput(
            f"holds several data sets: {listed(folders)}", where=place(path), fix=f"give one, such as {folders[0]}"
        )
    return shards


def read_hub_folder(path: Path, root: Path | None = None) -> Source:
    """Read all splits of a folder, the split in a column where there are several.

    Raises
    ------
    BadInput
        A file is missing or damaged, splits differ in their columns, or several configurations are there.
    """
    shards = hub_shards(path)
    card = _features_of_card(read_card(path))
    splits = list(dict.fromkeys(shard.split for shard in shards))
    tables = []
    for split in splits:
        table = pa.concat_tables([_table(path, shard) for shard in shards if shard.split == split])
        named = with_named_classes(table, features_of_schema(table.schema) or card)
        tables.append(with_split(named, split) if len(splits) > 1 else named)
    details = {"splits": ", ".join(splits)}
    return Source(checked_table(joined_splits(tables, path), path), path, "hub", root or path, None, details)


def _table(path: Path, shard: Shard) -> pa.Table:
    try:
        table = pq.ParquetFile(path / shard.name).read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = said(error)
        raise BadInput(
            f"{quoted(shard.name)} cannot be read as Parquet ({reason})", where=place(path), fix="download it again"
        ) from None
    return table


def _parquet_files(path: Path) -> list[str]:
    """Return the Parquet files below a folder, hidden ones left out."""
    found = []
    for depth in range(_DEPTH):
        for file in path.glob("/".join(["*"] * depth + ["*.parquet"])):
            name = file.relative_to(path).as_posix()
            if file.is_file() and not any(part.startswith(".") for part in name.split("/")):
                found.append(name)
    return sorted(found)


def _split_of(name: str) -> str | None:
    """Return the split that the name of a file tells."""
    *folders, last = name.removesuffix(".parquet").split("/")
    if (shard := _SHARD.fullmatch(last)) is not None:
        return shard["split"]
    if last.lower() in SPLIT_NAMES:
        return last
    if _NUMBERED.fullmatch(last) and folders and folders[-1].lower() in SPLIT_NAMES:
        return folders[-1]
    return None


def is_numbered(name: str) -> bool:
    """Whether a file is named as one of several of a hub: ``train-00000-of-00002.parquet``."""
    return _SHARD.fullmatch(Path(name).stem) is not None


def _above_split(shard: Shard) -> str:
    folders = shard.name.split("/")[:-1]
    return "/".join(folders[:-1] if folders and folders[-1] == shard.split else folders) or "."


def _check_complete(path: Path, shards: list[Shard]) -> None:
    """Raise BadInput where a file says that there are more like it."""
    seen: dict[tuple[str, str], set[int]] = {}
    for shard in shards:
        match = _SHARD.fullmatch(Path(shard.name).stem)
        if match is not None:
            seen.setdefault((str(Path(shard.name).with_name(match["split"])), match["count"]), set()).add(
                int(match["number"])
            )
    for (stem, count), numbers in seen.items():
        missing = sorted(set(range(int(count))) - numbers)
        if missing:
            raise BadInput(
                f"{quoted(f'{stem}-{missing[0]:05d}-of-{count}.parquet')} is missing",
                where=place(path),
                fix="download the data set again",
            )


def read_card(path: Path) -> Mapping[str, Any]:
    """Return the YAML with which ``README.md`` begins; empty where there is none."""
    match = card_text(path)
    try:
        content = yaml.safe_load(match[1]) if match else None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(
            f"the YAML of {CARD} cannot be read ({said(error)})", where=place(path), fix=f"mend or remove {CARD}"
        ) from None
    return content if isinstance(content, dict) else {}


def card_text(path: Path) -> re.Match[str] | None:
    """Return the match of the YAML in the text of ``README.md``, its first group."""
    try:
        with (path / CARD).open(encoding="utf-8", newline="") as file:
            return _FRONT.match(file.read())
    except (OSError, UnicodeError):
        return None


def _configs(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    held = card.get("configs")
    found = [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []
    return [one for one in found if isinstance(one.get("data_files"), list | str | dict)]


def _by_card(path: Path, names: list[str]) -> list[Shard]:
    """Return the files of the one configuration, or the default one, of the card."""
    configs = _configs(read_card(path))
    if not configs:
        return []
    default = [one for one in configs if one.get("default") is True or one.get("config_name") == "default"]
    if len(configs) > 1 and len(default) != 1:
        known = [str(one.get("config_name")) for one in configs]
        raise BadInput(
            f"holds several configurations: {listed(known)}",
            where=place(path),
            fix=f"give the folder of one, such as {place(path)}/{known[0]}",
        )
    shards = []
    for split, patterns in _data_files((default or configs)[0]["data_files"]):
        matching = [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
        if not matching:
            raise BadInput(
                f"no file matches {listed(patterns)}, which {CARD} names for the split {quoted(split)}",
                where=place(path),
                fix="download the data set again",
            )
        shards += [Shard(split, name) for name in matching]
    return shards


def _data_files(held: Any) -> list[tuple[str, list[str]]]:
    """Return each split with the patterns of its files, in whichever form the card has them."""
    if isinstance(held, dict):
        pairs = list(held.items())
    elif isinstance(held, list) and all(isinstance(one, dict) for one in held):
        pairs = [(one.get("split", "train"), one.get("path")) for one in held]
    else:
        pairs = [("train", held)]
    as_list = [(str(split), paths if isinstance(paths, list) else [paths]) for split, paths in pairs]
    return [(split, [str(path).removeprefix("./").replace("**/", "*") for path in paths]) for split, paths in as_list]


def _features_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that ``dataset_info`` says to hold classes, in the form of the files' own metadata."""
    info = card.get("dataset_info")
    found = info.get("features") if isinstance(info, dict) else None
    classes: dict[str, Any] = {}
    for one in found if isinstance(found, list) else ():
        kind = one.get("dtype") if isinstance(one, dict) else None
        held = kind.get("class_label") if isinstance(kind, dict) else None
        names = held.get("names") if isinstance(held, dict) else None
        if isinstance(names, dict):
            names = [names[key] for key in sorted(names, key=int)]
        if isinstance(names, list):
            classes[str(one.get("name"))] = {"_type": "ClassLabel", "names": names}
    return classes
