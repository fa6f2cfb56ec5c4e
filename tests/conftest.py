"""What all tests share: no network, no shared cache, a small file of tickets with known errors."""

from __future__ import annotations

import csv
import random
import socket
from pathlib import Path

import pytest

LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Sockets reach this machine only."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    """No test sees the cache of another or of the person who runs it."""
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))


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
        words = rng.sample(WORDS[topic].split(), 5) + rng.sample("please help my the with today hello thanks".split(), 3)
        rng.shuffle(words)
        rows.append([f"T{i:04d}", " ".join(words), topic])
    mistaken = sorted(rng.sample(range(n), wrong))
    for i in mistaken:
        rows[i][2] = topics[(topics.index(rows[i][2]) + 1) % 3]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["ticket", "body", "topic"], *rows])
    return mistaken


@pytest.fixture
def tickets(tmp_path):
    """A CSV of 240 tickets, 8 of them mislabelled."""
    path = tmp_path / "made-tickets.csv"
    write_tickets(path)
    return path
