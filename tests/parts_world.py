"""Small data whose rows have parts, with known errors: sentences of tagged tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
