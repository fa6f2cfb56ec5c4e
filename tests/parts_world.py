"""Small data whose rows have parts, with known errors: tagged sentences, masks and boxes of painted images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

PEOPLE = ("Ann", "Bob", "Cem", "Dora", "Eve", "Finn")
PLACES = ("Oslo", "Bonn", "Rome", "Graz", "Lyon", "Turin")
WRONG = {3: "3", 10: "0", 17: "3"}  # sentence and token of a place that is not marked, or of a person marked as a place


def write_sentences(path: Path, n: int = 120) -> None:
    """Write sentences such as ``Ann lives in Oslo .`` in which three tokens carry the wrong tag."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(n):
        person, place = PEOPLE[rng.integers(6)], PLACES[rng.integers(6)]
        verb = ("lives", "works", "sings")[rng.integers(3)]
        tags = ["B-PER", "O", "O", "B-LOC", "O"]
        if i in WRONG:
            tags[int(WRONG[i])] = "B-LOC" if WRONG[i] == "0" else "O"
        lines += [f"{word}\t_\t{tag}" for word, tag in zip((person, verb, "in", place, "."), tags, strict=True)]
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")


WRONG_MASK, WRONG_BOX = 4, (6, 6, 15, 15)  # a mask in which a part of the disc is called sky, and where
CLASSES = "sky,disc,void"


def paint(i: int, size: int = 32) -> np.ndarray:
    """Return the true mask of image i: a disc (1) in the sky (0) with an edge of unknown pixels (2)."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - 13 - i % 5, y - 13 - i % 3)
    return np.where(distance < 9, 1, np.where(distance < 10, 2, 0)).astype(np.uint8)


def write_masks(folder: Path, n: int = 12) -> None:
    """Write masks with a palette, their images and a model's probabilities; one region is wrong."""
    (folder / "masks/a").mkdir(parents=True)
    (folder / "images/a").mkdir(parents=True)
    probs = np.empty((n, 2, 32, 32), np.float32)
    for i in range(n):
        truth = paint(i)
        probs[i, 1] = np.where(truth == 1, 0.9, 0.1)
        probs[i, 0] = 1 - probs[i, 1]
        shown = np.stack(
            [np.where(truth == 1, 220, 60), np.full_like(truth, 90), np.where(truth == 0, 230, 50)], axis=2
        )
        Image.fromarray(shown.astype(np.uint8)).save(folder / f"images/a/{i:02d}.png")
        if i == WRONG_MASK:
            left, top, right, bottom = WRONG_BOX
            truth[top : bottom + 1, left : right + 1][truth[top : bottom + 1, left : right + 1] == 1] = 0
        mask = Image.fromarray(truth)
        mask.putpalette([0, 0, 255, 255, 0, 0, 255, 255, 255])
        mask.save(folder / f"masks/a/{i:02d}.png")
    np.save(folder / "probs.npy", probs)


SHAPES = ("disc", "square")
SWAPPED, MOVED, MISSING = 2, 5, 8  # images whose first box has the wrong class, the wrong place, or is not there


def scene(i: int) -> list[tuple[list[int], int]]:
    """Return the true boxes of image i, left, top, width and height, with their classes."""
    return [([8 + i % 7, 10, 30, 30], i % 2), ([60, 50 + i % 5, 24, 24], (i + 1) % 2)]


def _paint_scene(i: int) -> Image.Image:
    shown = Image.new("RGB", (100, 90), (235, 235, 225))
    pen = ImageDraw.Draw(shown)
    for (x, y, w, h), kind in scene(i):
        draw = pen.rectangle if kind else pen.ellipse
        draw((x, y, x + w, y + h), fill=(40, 90, 190) if kind else (200, 70, 50))
    return shown


def given_scene(i: int) -> list[tuple[list[int], int]]:
    """Return the boxes of image i as they are given, errors included."""
    boxes = scene(i)
    (bounds, kind), rest = boxes[0], boxes[1:]
    if i == SWAPPED:
        return [(bounds, 1 - kind), *rest]
    if i == MOVED:
        return [([bounds[0] + 12, bounds[1] + 12, 30, 30], kind), *rest]
    return rest if i == MISSING else boxes


def write_coco(folder: Path, n: int = 16) -> None:
    """Write images, a COCO file with three wrong boxes, and a model's results."""
    (folder / "images").mkdir(parents=True)
    annotations, results = [], []
    for i in range(n):
        _paint_scene(i).save(folder / f"images/{i:02d}.png")
        for bounds, kind in given_scene(i):
            entry = {"id": len(annotations) + 1, "image_id": 100 + i, "category_id": kind + 1, "bbox": bounds}
            annotations.append(entry | {"area": bounds[2] * bounds[3], "iscrowd": 0})
        for (x, y, w, h), kind in scene(i):
            found = {"image_id": 100 + i, "category_id": kind + 1, "bbox": [x + 0.5, y, w, h], "score": 0.97}
            results.append(found)
    content = {
        "images": [{"id": 100 + i, "file_name": f"{i:02d}.png", "width": 100, "height": 90} for i in range(n)],
        "annotations": annotations,
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(SHAPES)],
    }
    (folder / "shapes.json").write_text(json.dumps(content))
    (folder / "results.json").write_text(json.dumps(results))


def write_yolo(folder: Path, n: int = 16) -> None:
    """Write the same as a YOLO data set with a folder of predictions."""
    for part in ("data/images/train", "data/labels/train", "said"):
        (folder / part).mkdir(parents=True)
    (folder / "data/data.yaml").write_text(f"names: [{', '.join(SHAPES)}]\n")

    def line(bounds: list[float], kind: int, *more: float) -> str:
        x, y, w, h = bounds
        shares = ((x + w / 2) / 100, (y + h / 2) / 90, w / 100, h / 90, *more)
        return f"{kind} {' '.join(f'{share:.6f}' for share in shares)}\n"

    for i in range(n):
        _paint_scene(i).save(folder / f"data/images/train/{i:02d}.png")
        given = "".join(line(*box) for box in given_scene(i))
        (folder / f"data/labels/train/{i:02d}.txt").write_text(given)
        said = "".join(line(bounds, kind, 0.97) for bounds, kind in scene(i))
        (folder / f"said/{i:02d}.txt").write_text(said)


PATCH = (50, 8, 24, 14)  # left, top, width and height of the red patch of a turned image, in stored pixels


def write_turned(folder: Path, *, upright: bool) -> None:
    """Write eight images that their files say to turn, one an orientation, with a box on the red patch of each.

    The boxes are told on the upright images, or on the stored pixels (80 x 60).
    """
    (folder / "images").mkdir(parents=True)
    entries, boxes = [], []
    for k in range(1, 9):
        stored = np.full((60, 80, 3), 255, np.uint8)
        left, top, width, height = PATCH
        stored[top : top + height, left : left + width] = (255, 0, 0)
        exif = Image.Exif()
        exif[0x0112] = k
        Image.fromarray(stored).save(folder / f"images/{k}.png", exif=exif)
        box, size = PATCH, (80, 60)
        if upright:
            seen = ImageOps.exif_transpose(Image.open(folder / f"images/{k}.png")).convert("RGB")
            red = np.argwhere(np.asarray(seen)[:, :, 1] == 0)
            (top, left), (bottom, right) = red.min(0).tolist(), red.max(0).tolist()
            box, size = (left, top, right - left + 1, bottom - top + 1), seen.size
        entries.append({"id": k, "file_name": f"{k}.png", "width": size[0], "height": size[1]})
        boxes.append({"id": k, "image_id": k, "category_id": 1, "bbox": list(box)})
    kinds = [{"id": k + 1, "name": name} for k, name in enumerate(SHAPES)]
    content = {"images": entries, "annotations": boxes, "categories": kinds}
    (folder / "turned.json").write_text(json.dumps(content))
