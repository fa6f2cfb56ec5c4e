"""Audit labels of tokens, boxes and pixels: paint a small world, spoil a few labels, find them, mend them.

Run: python examples/audit_tokens_boxes_masks.py [folder]. Fails unless exactly the spoiled rows are found.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from labelwright import Audit

PEOPLE = ("Ada Byron", "Grace Hopper", "Alan Turing", "Mary Lee", "Emmy Noether", "Karl Gauss")
PLACES = ("Oslo", "New York", "Rome", "Porto", "San Jose", "Lyon")
COLOURS = ((206, 92, 64), (64, 110, 190), (240, 190, 70))
NAMES = ("ball", "crate", "lamp")


def write_sentences(path: Path, n: int = 200) -> None:
    """Write sentences about people and places; a place is not marked, a person is marked as a place."""
    rng = np.random.default_rng(0)
    lines: list[str] = []
    for i in range(n):
        person, place = PEOPLE[rng.integers(6)], PLACES[rng.integers(6)]
        verb = ("lives", "works", "was born")[rng.integers(3)]
        pieces = [(person, "PER"), (verb, ""), ("in", ""), (place, "LOC"), (".", "")]
        if i in (14, 120):
            pieces[3] = (place, "")
        if i == 57:
            pieces[0] = (person, "LOC")
        for text, kind in pieces:
            for k, word in enumerate(text.split()):
                lines.append(f"{word}\t{'O' if not kind else ('I-' if k else 'B-') + kind}")
        lines.append("")
    path.write_text("\n".join(lines))


def scene(rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Return objects as (class, left, top, side)."""
    return [
        (int(rng.integers(3)), 20 + 95 * k + int(rng.integers(20)), 30 + int(rng.integers(70)), 60) for k in range(3)
    ]


def paint(objects: list[tuple[int, int, int, int]]) -> tuple[Image.Image, np.ndarray]:
    """Return the picture of a scene and the class of each pixel, 0 for the wall."""
    picture, mask = Image.new("RGB", (320, 200), (226, 222, 210)), Image.new("L", (320, 200), 0)
    for kind, x, y, side in objects:
        for pen, fill in ((ImageDraw.Draw(picture), COLOURS[kind]), (ImageDraw.Draw(mask), kind + 1)):
            if kind == 0:
                pen.ellipse((x, y, x + side, y + side), fill=fill)
            elif kind == 1:
                pen.rectangle((x, y, x + side, y + side), fill=fill)
            else:
                pen.polygon(((x + side // 2, y), (x + side, y + side), (x, y + side)), fill=fill)
    return picture, np.asarray(mask).copy()


def write_images(folder: Path, n: int = 30) -> None:
    """Write pictures with boxes (COCO) and masks, spoil some, and write what a good model would say."""
    rng = np.random.default_rng(1)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    annotations, results, probs = [], [], np.empty((n, 4, 200, 320), np.float16)
    for i in range(n):
        objects = scene(rng)
        picture, mask = paint(objects)
        picture.save(folder / f"images/{i:03d}.png")
        for k in range(4):
            probs[i, k] = np.where(mask == k, 0.94, 0.02)
        if i == 4:  # a part of an object was forgotten
            mask[60:] = np.where(mask[60:] == objects[0][0] + 1, 0, mask[60:])
        Image.fromarray(mask).save(folder / f"masks/{i:03d}.png")
        for k, (kind, x, y, side) in enumerate(objects):
            results.append({"image_id": i, "category_id": kind, "bbox": [x, y, side, side], "score": 0.98})
            if (i, k) == (7, 1):  # overlooked
                continue
            wrong = (i, k) == (12, 0)
            moved = 30 if (i, k) == (21, 2) else 0
            box = {"image_id": i, "category_id": (kind + wrong) % 3, "bbox": [x - moved, y + moved, side, side]}
            annotations.append({"id": len(annotations) + 1, **box})
    images = [{"id": i, "file_name": f"{i:03d}.png", "width": 320, "height": 200} for i in range(n)]
    categories = [{"id": k, "name": name} for k, name in enumerate(NAMES)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "coco.json").write_text(json.dumps(coco))
    (folder / "results.json").write_text(json.dumps(results))
    np.save(folder / "probs.npy", probs)


def main(folder: Path) -> None:
    """Write, audit, mend."""
    folder.mkdir(parents=True, exist_ok=True)
    write_sentences(folder / "corpus.conll")
    write_images(folder)
    audits = {
        "corpus": Audit(folder / "corpus.conll", task="token"),
        "boxes": Audit(folder / "coco.json", images=folder / "images", predictions=folder / "results.json"),
        "masks": Audit(
            folder / "masks",
            task="segmentation",
            images=folder / "images",
            pred_probs=folder / "probs.npy",
            classes=("wall", *NAMES),
        ),
    }
    spoiled = {"corpus": {14, 57, 120}, "boxes": {7, 12, 21}, "masks": {4}}
    for name, audit in audits.items():
        audit.run().save(folder / f"{name}-audit")
        rows = audit.issues.filter(audit.issues["is_issue"]).to_pylist()
        found = {row["row"] for row in rows if row["kind"] == "label"}
        if found != spoiled[name]:
            raise SystemExit(f"{name}: found {sorted(found)}, spoiled {sorted(spoiled[name])}")
        print(audit, end="\n\n")
        done = audit.apply(audit.suggestions(0.5).decisions, folder / f"{name}-mended")
        print("\n".join(done.lines()), end="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
