"""What all tests share: no network, no shared cache, a small file of tickets with known errors."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import settings

from ticket_world import write_tickets

LOOPBACK = ("127.", "::1", "localhost")

# The same examples in every run: a suite that fails by chance tells nothing of a change. EXPLORE=1 draws new ones.
settings.register_profile("same", derandomize=True)
if not os.environ.get("EXPLORE"):
    settings.load_profile("same")


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


@pytest.fixture
def tickets(tmp_path):
    """A CSV of 240 tickets, 8 of them mislabelled."""
    path = tmp_path / "made-tickets.csv"
    write_tickets(path)
    return path
