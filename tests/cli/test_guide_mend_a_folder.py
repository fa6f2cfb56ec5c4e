"""The guide "Mend a folder of images" does what it says, command by command."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelwright.cli import run

PAGE = Path(__file__).parents[2] / "docs" / "mend-a-folder.md"
STEP = re.compile(r"```(python)?\n(.*?)```", re.S)


def draw(path: Path, is_cat: bool, rng: np.random.Generator) -> None:
    """Write a small picture: cats are warm at the top, dogs cold at the bottom."""
    pixels = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
    rows = slice(0, 8) if is_cat else slice(8, 16)
    pixels[rows, :, 0 if is_cat else 2] += rng.integers(120, 190, (8, 16), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """80 pictures in two splits, two of them in the wrong folder."""
    rng = np.random.default_rng(0)
    for i in range(80):
        is_cat = i % 2 == 0
        folder = "cat" if is_cat != (i in (5, 12)) else "dog"
        draw(tmp_path / "photos" / ("test" if i % 5 == 0 else "train") / folder / f"{i}.png", is_cat, rng)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def steps() -> list[tuple[str, str]]:
    """Return the Python blocks and the commands of the page in order."""
    found = []
    for language, body in STEP.findall(PAGE.read_text(encoding="utf-8")):
        commands = [line for line in body.splitlines() if line.startswith("labelwright ")]
        found += [("python", body)] if language else [("command", line) for line in commands]
    return found


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*.png")}


def test_every_step_of_the_guide_works(photos, capsys):
    before = names(photos)
    for kind, step in steps():
        if kind == "python":
            exec(compile(step, "mend-a-folder.md", "exec"), {})
        else:
            assert run(shlex.split(step)[1:]) == 0, step
    here = photos.parent
    right = (before - {"test/dog/5.png", "test/cat/5.png", "train/cat/5.png", "train/dog/12.png"}) | {
        "test/dog/5.png",
        "train/cat/12.png",
    }
    assert names(here / "photos-mended") == names(here / "photos-auto") == names(here / "photos-by-python") == right
    assert names(photos) == before
    manifest = list(csv.DictReader((here / "photos-mended/manifest.csv").open(newline="")))
    assert {line["old_path"]: line["who"] for line in manifest if line["decision"]} == {
        "test/cat/5.png": "Ann",
        "train/dog/12.png": "Ann",
    }
    assert "to be wrong (model estimate" in capsys.readouterr().out
