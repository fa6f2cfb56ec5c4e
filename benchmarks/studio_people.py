"""People who annotate over HTTP at a fixed pace: one process of its own, one connection each, plain sockets.

Reads what to do as JSON from standard input and writes what came of it to standard output; a request costs it some
50 µs, so that next to nothing of the cores is taken from the server.

Run by ``python -m benchmarks.studio``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

END = b"\r\n\r\n"


@dataclass
class Told:
    """What came of it: seconds of each request, and the statuses that should not have been."""

    next: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)


class Person(asyncio.Protocol):
    """Asks for a row and answers it, once every `pace` seconds; at once where the last turn took longer."""

    def __init__(self, headers: dict[str, str], turns: int, pace: float, told: Told) -> None:
        self.turns, self.pace, self.told = turns, pace, told
        self.head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer, self.turn, self.answering = b"", 0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin somewhere within the first turn."""
        self.transport: Any = transport
        loop = asyncio.get_running_loop()
        self.start = loop.time() + random.random() * self.pace
        loop.call_at(self.start, self.ask)

    def ask(self) -> None:
        """Ask for the next row."""
        self.answering = False
        self.send("/api/annotation/next", b"")

    def send(self, path: str, body: bytes) -> None:
        """Send a request."""
        self.sent = time.perf_counter()
        head = f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        """Go on when an answer is whole."""
        self.buffer += data
        head, found, body = self.buffer.partition(END)
        if not found:
            return
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        if len(body) < int(length.split(b":")[1]):
            return
        self.buffer = b""
        self.answered(int(head[9:12]), body, time.perf_counter() - self.sent)

    def answered(self, status: int, body: bytes, took: float) -> None:
        """Note the time; answer the row, or wait for the next turn."""
        (self.told.answer if self.answering else self.told.next).append(took)
        wanted = 201 if self.answering else 200
        assignment = None if self.answering or status != wanted else json.loads(body)["assignment"]
        if status != wanted or (not self.answering and assignment is None):
            self.told.errors.append(status)
        if assignment is not None:
            self.answering = True
            self.send(f"/api/annotation/{assignment}/answer", b'{"label": "class 1"}')
            return
        self.turn += 1
        if self.turn == self.turns:
            self.finish()
            return
        asyncio.get_running_loop().call_at(self.start + self.turn * self.pace, self.ask)

    def connection_lost(self, error: Exception | None) -> None:
        """Count a connection that the server ended."""
        if not self.done.done():
            self.told.errors.append(0)
            self.finish()

    def finish(self) -> None:
        """Go home."""
        if not self.done.done():
            self.done.set_result(None)
        self.transport.close()


async def work(port: int, people: list[dict[str, str]], turns: int, pace: float) -> dict[str, Any]:
    """Let everybody work and return what came of it."""
    told, loop, started = Told(), asyncio.get_running_loop(), time.perf_counter()
    opened = [
        (await loop.create_connection(lambda h=headers: Person(h, turns, pace, told), "127.0.0.1", port))[1]  # type: ignore[misc]
        for headers in people
    ]
    await asyncio.gather(*(person.done for person in opened))
    wall = time.perf_counter() - started
    return {**vars(told), "wall": wall, "cpu": time.process_time()}


if __name__ == "__main__":
    json.dump(asyncio.run(work(**json.load(sys.stdin))), sys.stdout)
