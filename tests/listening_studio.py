"""A studio that listens on a free port."""

from __future__ import annotations

import socket
import threading
import time

from labelwright.studio.app import create_app
from labelwright.studio.guard import Origins
from labelwright.studio.logins import new_entry


class Server:
    """A studio that listens on a free port."""

    def __init__(self, studio, *, with_link=True):
        import uvicorn

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if with_link:
            with studio.database.write() as connection:
                self.entry = new_entry(connection)
        app = create_app(studio, Origins.of("127.0.0.1", self.port), by_link=with_link)
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started and time.monotonic() < deadline:
            time.sleep(0.05)

    def url(self, path=""):
        """Return an address of the studio."""
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        """Stop listening."""
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(10)
