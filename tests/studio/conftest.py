"""A small audited data set, and a fresh project of it for each test."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the studio needs labelwright[studio]")

from argon2 import PasswordHasher

from labelwright.data.cache import Cache
from labelwright.facade import Audit
from labelwright.studio import logins
from studio_world import Browser, fresh_studio
from ticket_world import write_tickets


@pytest.fixture(scope="session")
def ticket_audit(tmp_path_factory):
    """The audit of 240 tickets, 8 of them mislabelled; made once."""
    folder = tmp_path_factory.mktemp("audited")
    path = folder / "made-tickets.csv"
    write_tickets(path)
    return Audit(path, label="topic", id="ticket", jobs=1, cache=Cache(folder / "cache")).run().result


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords():
    """Hashing passwords is slow on purpose; here it need not be."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "_HASHER", cheap)
        patch.setattr(logins, "_NOBODY", cheap.hash("nobody"))
        yield


@pytest.fixture
def studio(ticket_audit, tmp_path):
    """A project in which nothing is decided."""
    opened = fresh_studio(ticket_audit, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def browser(studio):
    """A browser that came in by the link of the terminal."""
    return Browser(studio).enter()
