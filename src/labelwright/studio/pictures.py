"""Images of rows for the browser, drawn anew as PNG without metadata. They are decoded in a process of its own.

A decoder is the first thing that a hostile file attacks. So the studio itself reads the bytes only, from below the
data's folder, and hands them to `labelwright.studio.picture_worker`; when that dies or takes too long, the image is
unreadable and the next one gets a new process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer
from typing import IO

from labelwright.audit.run import AuditResult
from labelwright.data.image_files import Head
from labelwright.data.images import ImageRows, UnreadableImage
from labelwright.errors import BadInput
from labelwright.studio.part_rows import image_column
from labelwright.studio.picture_worker import ANSWER, DRAWN, HEAD, LARGEST_ANSWER, REQUEST

KEPT = 256  # pictures in memory
SECONDS = 10.0  # for one image, its process included
_WORKER = "labelwright.studio.picture_worker"


class PictureProcess:
    """The one process that decodes images; started when the first is wanted, and again when it has died.

    Parameters
    ----------
    seconds : float, default 10
        After which an image is given up, > 0.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def drawn(self, data: bytes, size: int) -> bytes:
        """Return a PNG of encoded bytes, for size 0 their head; UnreadableImage when they are no image or too much.

        One at a time.
        """
        process = self._running()
        watch = Timer(self.seconds, process.kill)
        watch.daemon = True
        watch.start()
        try:
            drawn, answer = _exchange(process, data, size)
        except (OSError, EOFError):
            self.close()
            raise UnreadableImage("it takes too much time or memory to decode") from None
        finally:
            watch.cancel()
        if not drawn:
            raise UnreadableImage(answer.decode("utf-8", "replace"))
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-m", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=os.sep,
            )
        return self._process


def _exchange(process: subprocess.Popen[bytes], data: bytes, size: int) -> tuple[bool, bytes]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(REQUEST.pack(len(data), size))
    process.stdin.write(data)
    process.stdin.flush()
    state, length = ANSWER.unpack(_exactly(process.stdout, ANSWER.size))
    if length > LARGEST_ANSWER:
        raise EOFError
    return state == DRAWN, _exactly(process.stdout, length)


def _exactly(pipe: IO[bytes], number: int) -> bytes:
    found = pipe.read(number)
    if len(found) < number:
        raise EOFError
    return found


def _environment() -> dict[str, str]:
    """Return what the process is told of this one: where modules lie, and no password or database."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    folders = [str(Path(folder).absolute()) for folder in sys.path if folder]
    return kept | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1",
                   "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip


class Pictures:
    """The images of an audited data set; the last few stay in memory, and so do reasons why there is none."""

    def __init__(self, audit: AuditResult, process: PictureProcess | None = None) -> None:
        column = image_column(audit.dataset)
        self._rows = None if column is None else ImageRows(audit.dataset, column)
        self._process = process or PictureProcess()
        self._kept: OrderedDict[tuple[int, int], bytes | UnreadableImage] = OrderedDict()
        self._lock, self._drawing = Lock(), Lock()

    def png(self, row: int, size: int) -> bytes:
        """Return a PNG of at most `size` pixels on the longer side; BadInput when there is none to show."""
        if self._rows is None or not 0 <= row < len(self._rows):
            raise BadInput("this row has no image")
        found = self._answered(self._rows, row, size)
        if isinstance(found, UnreadableImage):
            raise BadInput(f"the image cannot be read: {found.problem}")
        return found

    def head(self, row: int) -> Head | None:
        """Return the head of an image file, None when there is none to be had."""
        if self._rows is None or not self._rows.is_encoded:
            return None
        found = self._answered(self._rows, row, 0)
        return None if isinstance(found, UnreadableImage) else Head(*HEAD.unpack(found))

    def close(self) -> None:
        """End the process that decodes."""
        with self._drawing:
            self._process.close()

    def _answered(self, rows: ImageRows, row: int, size: int) -> bytes | UnreadableImage:
        found = self._known(row, size)
        if found is None:
            with self._drawing:  # one image at a time: so much memory, and no more
                found = self._known(row, size) or self._keep(row, size, self._drawn(rows, row, size))
        return found

    def _drawn(self, rows: ImageRows, row: int, size: int) -> bytes | UnreadableImage:
        try:
            data = rows.encoded(row)
            return rows.thumbnail_png(row, size) if data is None else self._process.drawn(data, size)
        except UnreadableImage as unreadable:
            return unreadable

    def _known(self, row: int, size: int) -> bytes | UnreadableImage | None:
        with self._lock:
            if (row, size) in self._kept:
                self._kept.move_to_end((row, size))
            return self._kept.get((row, size))

    def _keep(self, row: int, size: int, found: bytes | UnreadableImage) -> bytes | UnreadableImage:
        with self._lock:
            self._kept[row, size] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
