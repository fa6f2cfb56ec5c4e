"""A small world with a known truth: support tickets of three topics, some of them mislabelled."""

from __future__ import annotations

import csv
import random
from pathlib import Path

WORDS = {
    "billing": "invoice refund charge card payment receipt price tax overcharged subscription",
    "login": "password reset locked account email code sign username forgot device",
    "delivery": "parcel late courier address package tracking arrived box lost street",
}


def write_tickets(path: Path, n: int = 240, wrong: int = 8, seed: int = 0) -> list[int]:
    """Write short support tickets of three topics, the first `wrong` drawn ones mislabelled; return their rows."""
    rng = random.Random(seed)
    topics = list(WORDS)
    rows = []
    for i in range(n):
        topic = topics[i % 3]
        words = rng.sample(WORDS[topic].split(), 5) + rng.sample(
            ["please", "help", "my", "the", "with", "today", "hello", "thanks"], 3
        )
        rng.shuffle(words)
        rows.append([f"T{i:04d}", " ".join(words), topic])
    mistaken = sorted(rng.sample(range(n), wrong))
    for i in mistaken:
        rows[i][2] = topics[(topics.index(rows[i][2]) + 1) % 3]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["ticket", "body", "topic"], *rows])
    return mistaken
