"""COCO JSON: images, their boxes with categories, and results of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted

KEYS = ("images", "annotations", "categories")


def is_coco(content: Any) -> bool:
    """Whether parsed JSON has the lists of a COCO file."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in KEYS)


def parsed_json(data: bytes, path: Path) -> Any:
    """Return the content of a JSON file; BadInput where it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is not JSON ({said(error)})", where=place(path), fix="export it again") from None


def check_entries(key: str, entries: list[Any], path: Path) -> None:
    """Raise BadInput unless every entry of one of the lists is an object, with an id where others refer to it."""
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or ("id" not in entry and key != "annotations"):
            raise broken(f"{key} entry {number} is no object with an id", path)


def category_names(categories: list[dict[str, Any]]) -> dict[Any, str]:
    """Return the name of each category by its id."""
    return {one["id"]: str(one.get("name", one["id"])) for one in categories}


def image_names(images: list[dict[str, Any]], path: Path) -> list[str]:
    """Return the durable name of each image, its id as text; BadInput where two are alike."""
    names = [str(image["id"]) for image in images]
    if len(set(names)) < len(names):
        raise broken("two images have one id", path)
    return names


def part_numbers(annotations: list[dict[str, Any]], images: set[str], path: Path) -> list[tuple[str, int]]:
    """Return the image of each annotation and its number among those of the image, in the order of the file, from 0."""
    seen: dict[str, int] = {}
    found = []
    for number, annotation in enumerate(annotations):
        image = str(annotation.get("image_id"))
        if image not in images:
            raise broken(f"annotations entry {number} belongs to no image (image_id {quoted(image)})", path)
        found.append((image, seen.get(image, 0)))
        seen[image] = seen.get(image, 0) + 1
    return found


def broken(problem: str, path: Path) -> BadInput:
    """Return the error for a file that breaks the form."""
    return BadInput(problem, where=place(path), fix="mend the file, or export it again")
