"""Studios and browsers for tests."""

from __future__ import annotations

import time
from threading import Lock

from labelwright.studio.app import create_app
from labelwright.studio.guard import Origins
from labelwright.studio.logins import new_entry
from labelwright.studio.studio import Studio, open_database

HOST = "127.0.0.1:8137"


def fresh_studio(audit, folder):
    """Return a new project of an audit in `folder`."""
    return Studio(audit, open_database(folder), folder)


class Browser:
    """A test client that behaves as our own pages do: same origin, session cookie, token for changes."""

    def __init__(self, studio, *, with_entry=True, host=HOST):
        from starlette.testclient import TestClient

        if with_entry:
            with studio.database.write() as connection:
                self.entry = new_entry(connection)
        self.app = create_app(studio, Origins.of("127.0.0.1", 8137), by_link=with_entry)
        self.client = TestClient(self.app, base_url=f"http://{host}", follow_redirects=False)
        self.csrf = ""

    def enter(self):
        """Use the link of the terminal."""
        assert self.client.get(f"/enter?token={self.entry}").status_code == 303
        return self._known()

    def log_in(self, name, password):
        """Log in by name and password."""
        answer = self.client.post("/login", data={"name": name, "password": password})
        assert answer.status_code == 303, answer.text
        return self._known()

    def _known(self):
        self.csrf = self.client.get("/api/me").json()["csrf"]
        return self

    def get(self, path, **options):
        """Ask for something."""
        return self.client.get(path, **options)

    def post(self, path, json=None, **headers):
        """Change something, as our pages do."""
        sent = {"X-CSRF-Token": self.csrf, "Origin": f"http://{HOST}"} | headers
        return self.client.post(path, json=json, headers=sent)


class Turns:
    """Work that takes a moment, and counts how much of it is done at a time."""

    def __init__(self):
        self._guard, self._now, self.most, self.taken = Lock(), 0, 0, 0

    def take(self, *_):
        """Do some of it."""
        with self._guard:
            self._now, self.taken = self._now + 1, self.taken + 1
            self.most = max(self.most, self._now)
        time.sleep(0.01)
        with self._guard:
            self._now -= 1
        return b"done"
