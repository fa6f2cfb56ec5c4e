"""What several processes read and none writes: put into one file once, mapped by all of them, so that it is there once.

Arrays and tables are not copied when a process opens it; they lie in the file, which the system keeps in memory as
long as there is room. The file has no name, and is gone with the last process that holds it.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
from collections.abc import Callable
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from labelwright.errors import BadInput, quoted

_ALIGNED = 64  # bytes, as Arrow and NumPy like it


class SharedFile:
    """An open file that goes along to processes that are spawned with it.

    Parameters
    ----------
    file : file object
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (DupFd(self.file.fileno()),)

    def close(self) -> None:
        """Close it here; other processes keep theirs."""
        self.file.close()


def _opened(number: Any) -> SharedFile:
    return SharedFile(os.fdopen(number.detach(), "rb"))


def put(value: Any, folder: Path) -> SharedFile:
    """Write a value into a file without a name, on the disk of `folder`; BadInput when there is no room."""
    parts: list[memoryview] = []
    told = memoryview(_pickled(value, lambda buffer: parts.append(buffer.raw())))
    sizes = np.array([told.nbytes, *(part.nbytes for part in parts)], np.int64)
    try:
        file = TemporaryFile(dir=folder)  # noqa: SIM115, who asked for it closes it
        file.write(len(sizes).to_bytes(8, "little") + sizes.tobytes())
        for part in (told, *parts):
            file.write(bytes(-file.tell() % _ALIGNED))
            file.write(part)
        file.flush()
    except OSError as error:
        raise BadInput(f"the data cannot be put into {quoted(folder)} ({error.strerror})", fix="make room") from None
    return SharedFile(file)


def taken(shared: SharedFile) -> Any:
    """Return the value of a file that a parent process wrote: of its own making alone, since it is unpickled."""
    whole = memoryview(mmap.mmap(shared.file.fileno(), 0, access=mmap.ACCESS_READ))
    count = int.from_bytes(whole[:8], "little")
    sizes = np.frombuffer(whole, np.int64, count, 8).tolist()
    parts, place = [], 8 + 8 * count
    for size in sizes:
        place += -place % _ALIGNED
        parts.append(whole[place : place + size])
        place += size
    return pickle.loads(parts[0], buffers=parts[1:])


def _pickled(value: Any, keep: Callable[[pickle.PickleBuffer], object]) -> bytes:
    out = io.BytesIO()
    _Pickler(out, protocol=5, buffer_callback=keep).dump(value)
    return out.getvalue()


class _Pickler(pickle.Pickler):
    """Takes arrays that are mapped from a file for plain ones, which alone are left outside the pickle."""

    def reducer_override(self, value: Any) -> Any:
        """Return how an array is taken apart."""
        if isinstance(value, np.memmap):
            return value.view(np.ndarray).__reduce_ex__(5)
        return NotImplemented
