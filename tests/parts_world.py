"""Small data whose rows have parts, with known errors: tagged sentences, masks and boxes of painted images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

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
