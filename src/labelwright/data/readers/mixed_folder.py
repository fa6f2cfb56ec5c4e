"""Folders that hold Parquet files named by splits and images: which of the two are the data.

README.md with YAML                                        the Parquet files
images in no folder of their own, or all in one            the Parquet files; images are a preview or what rows name
images in two or more folders beside ``train.parquet``     the images, a folder a class; the table is about them
the same, but the files are shards of a hub                cannot be told
  (``train-00000-of-00001.parquet``) or hold images
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labelwright.data.readers.hub_folder import hub_shards, is_hub_folder, is_numbered, read_card
from labelwright.data.readers.image_folder import SPLIT_NAMES, images_near_the_top
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, listed, quoted


def parquet_files_are_the_data(path: Path) -> bool:
    """Whether a folder is about its Parquet files.

    Raises
    ------
    BadInput
        It holds both a folder of images a class and the files of a data set hub.
    """
    if not is_hub_folder(path):
        return False
    if read_card(path):
        return True
    classes = _class_folders(path)
    if len(classes) < 2:
        return True
    names = [shard.name for shard in hub_shards(path)]
    if not any(is_numbered(name) for name in names) and not any(_holds_images(path / name) for name in names):
        return False
    inside = names[0].rpartition("/")[0]
    raise BadInput(
        f"holds folders of images ({listed(classes, 3)}) and Parquet files of a data set ({quoted(names[0])}), "
        "and which are the data cannot be told",
        where=place(path),
        fix=f"name the folder of one, such as {place(path)}/{inside}" if inside else "move one of the two elsewhere",
    )


def _class_folders(path: Path) -> list[str]:
    """Return the folders that hold images, without the split above them."""
    found = set()
    for image in images_near_the_top(path):
        folders = image.relative_to(path).parts[:-1]
        found.add("/".join(folders[1:] if folders and folders[0].lower() in SPLIT_NAMES else folders))
    return sorted(found - {""})


def _holds_images(file: Path) -> bool:
    """Whether a column holds encoded images."""
    try:
        kinds = [field.type for field in pq.read_schema(file)]
    except (pa.ArrowException, OSError, ValueError):  # the reader says what is wrong with it
        return False
    structs = [kind for kind in kinds if pa.types.is_struct(kind)]
    return any({"bytes", "path"} <= {kind.field(k).name for k in range(kind.num_fields)} for kind in structs)
