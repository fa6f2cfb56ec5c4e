"""The process that decodes images for the studio, and can do nothing else.

It reads encoded bytes from stdin and writes a PNG, a head, or one reason, to stdout. Before the first byte of data
arrives it gives up what a decoder under attack could use: it opens no more files or sockets, writes none, starts no
process, and has so much memory and so much time for each image. Where a system lacks one of these limits the others
hold.
"""

from __future__ import annotations

import io
import signal
import struct
import sys
from contextlib import suppress
from typing import IO

from labelwright.data.image_files import UnreadableImage, decode, head_of

REQUEST = struct.Struct(">II")  # bytes that follow, pixels of the longer side; 0: the head alone is asked for
HEAD = struct.Struct(">IIB")  # width, height, orientation
ANSWER = struct.Struct(">BI")  # drawn or not, bytes that follow
DRAWN, UNREADABLE = 0, 1
LARGEST_ANSWER = 64 * 2**20
MEMORY = 2 * 2**30  # bytes of address space; the largest image that is decoded takes 1.5 GB at its peak
CPU_SECONDS = 8


def png_of(data: bytes, size: int) -> bytes:
    """Return encoded bytes as a PNG of at most `size` pixels on the longer side, without metadata."""
    from PIL.Image import Resampling

    image = decode(data, size)
    image.thumbnail((size, size), Resampling.LANCZOS, reducing_gap=2.0)
    image.info.clear()
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # seen once, on this machine or near it: speed before size
    return file.getvalue()


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    while len(head := source.read(REQUEST.size)) == REQUEST.size:
        length, size = REQUEST.unpack(head)
        data = source.read(length)
        _allow_seconds()
        try:
            state, answer = DRAWN, png_of(data, size) if size else HEAD.pack(*head_of(io.BytesIO(data)))
        except UnreadableImage as unreadable:
            state, answer = UNREADABLE, unreadable.problem.encode()
        except MemoryError:
            state, answer = UNREADABLE, b"it takes too much memory to decode"
        target.write(ANSWER.pack(state, len(answer)))
        target.write(answer)
        target.flush()


def warm_up() -> None:
    """Decode one small image of each format, so that nothing is left to load once files cannot be opened."""
    from PIL import Image

    Image.init()
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000"):
        with suppress(OSError, KeyError, UnreadableImage):
            png_of(_example(form), 4)
            head_of(io.BytesIO(_example(form)))


def _example(form: str) -> bytes:
    from PIL import Image

    drawn = Image.new("RGB", (8, 8))
    turned = Image.Exif()
    turned[0x0112] = 6
    file = io.BytesIO()
    drawn.save(file, form, **({"exif": turned} if form in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
    return file.getvalue()


def give_up_rights() -> None:
    """Give up files, sockets, processes and core files, and bound the memory."""
    try:
        import resource
    except ImportError:  # Windows has none of these limits; the time of the other process holds
        return
    open_now = 3  # stdin, stdout, stderr
    for kind, limit in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_AS", MEMORY),
        ("RLIMIT_NOFILE", open_now),
    ):
        with suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, kind), (limit, limit))


def _allow_seconds() -> None:
    """Let the next image take `CPU_SECONDS`; the system ends the process after that."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the studio, which ends this
    warm_up()
    give_up_rights()
    serve(sys.stdin.buffer, sys.stdout.buffer)
