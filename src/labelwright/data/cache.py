"""What was computed once and may be used again: arrays in files named by the content that they came from.

A key is a BLAKE2b hash over everything that decides the result (inputs, parameters, versions), so an entry is never
stale; it is only ever missing. Entries are ``.npy`` files without pickles, written aside and renamed, each ending in
a hash of its own bytes: what was cut short or altered is computed again. The folder is private (mode 0700).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from labelwright import __version__
from labelwright.atomic import PRIVATE_DIRECTORY, write_aside

_DIGEST = 32
_LAYOUT = "labelwright-cache-1"


def content_hash(content: object) -> bytes:
    """Return 32 bytes that name `content`: two contents share them when type, shape and every value agree.

    Parameters
    ----------
    content : None, bool, int, float, str, bytes, numpy or Arrow array, or a sequence or mapping of such

    Raises
    ------
    TypeError
        When something of another type is met: it could change without its hash changing.

    Examples
    --------
    >>> content_hash(["a", 1]) == content_hash(("a", 1))
    True
    """
    state = hashlib.blake2b(digest_size=_DIGEST)
    _feed(state, content)
    return state.digest()


def _feed(state: hashlib.blake2b, content: object) -> None:
    if isinstance(content, bytes | str):
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        state.update(f"{type(content).__name__}:{len(raw)}:".encode())
        state.update(raw)
    elif content is None or isinstance(content, bool | int | float | np.bool_ | np.number):
        state.update(f"{np.asarray(content).dtype}:{content!r};".encode())
    elif isinstance(content, np.ndarray) and content.dtype != object:
        state.update(f"array:{content.dtype.str}:{content.shape};".encode())
        state.update(np.ascontiguousarray(content).data if content.size else b"")
    elif isinstance(content, np.ndarray | Sequence):
        state.update(f"sequence:{len(content)};".encode())
        for item in content:
            _feed(state, item)
    elif isinstance(content, Mapping):
        state.update(f"mapping:{len(content)};".encode())
        for key in sorted(content):
            _feed(state, key)
            _feed(state, content[key])
    else:
        _feed_arrow(state, content)


def _feed_arrow(state: hashlib.blake2b, content: object) -> None:
    import pyarrow as pa

    if not isinstance(content, pa.Array | pa.ChunkedArray | pa.Table):
        raise TypeError(f"the content of a {type(content).__name__} cannot be hashed")
    table = content if isinstance(content, pa.Table) else pa.table({"": content})
    sink = _HashSink(state)
    # One batch of fixed boundaries, so that chunking does not matter; validity and offsets are written canonically.
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as stream:
        for batch in table.combine_chunks().to_batches(max_chunksize=1 << 16):
            stream.write_batch(batch)


class _HashSink:
    """A file that only hashes what is written to it."""

    closed = False

    def __init__(self, state: hashlib.blake2b) -> None:
        self._state = state

    def write(self, data: bytes) -> int:
        self._state.update(data)
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def file_hash(path: Path) -> bytes:
    """Return 32 bytes that name what a file holds, whatever it is called."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_DIGEST)).digest()


def default_folder() -> Path:
    """Return the cache folder: ``$LABELWRIGHT_CACHE``, else the user's cache folder of this system."""
    named = os.environ.get("LABELWRIGHT_CACHE")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("labelwright", appauthor=False)


class Cache:
    """Arrays kept between runs in a private folder.

    Parameters
    ----------
    folder : Path or str, optional
        Default: ``$LABELWRIGHT_CACHE``, else the system's cache folder for labelwright.

    Examples
    --------
    >>> import tempfile
    >>> cache = Cache(tempfile.mkdtemp())
    >>> cache.array(("squares", 3), lambda: np.arange(3) ** 2)
    array([0, 1, 4])
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.path = Path(folder) if folder is not None else default_folder()

    def array(self, key_parts: object, compute: Callable[[], NDArray]) -> NDArray:
        """Return what `compute` returned when these `key_parts` were last met, else compute and keep it.

        A folder that cannot be written costs the saving, never the result.
        """
        kept = self.read(key_parts)
        if kept is not None:
            return kept
        value = np.asarray(compute())
        self.write(key_parts, value)
        return value

    def read(self, key_parts: object) -> NDArray | None:
        """Return what was kept under these `key_parts`, None when there is nothing."""
        return _read(self._entry(key_parts))

    def write(self, key_parts: object, value: NDArray) -> None:
        """Keep an array under these `key_parts`; a folder that cannot be written keeps nothing, silently."""
        with suppress(OSError):
            self._write(self._entry(key_parts), value)

    def _entry(self, key_parts: object) -> Path:
        key = content_hash([_LAYOUT, __version__, np.__version__, key_parts]).hex()
        return self.path / key[:2] / f"{key}.npy"

    def _write(self, entry: Path, value: NDArray) -> None:
        if value.dtype.hasobject:
            raise TypeError("only arrays of plain values can be cached")
        self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
        self.path.chmod(PRIVATE_DIRECTORY)
        entry.parent.mkdir(exist_ok=True, mode=PRIVATE_DIRECTORY)
        with write_aside(entry) as aside:
            with aside.open("xb") as file:
                np.lib.format.write_array(file, value, allow_pickle=False)
            with aside.open("r+b") as file:
                digest = _digest_of(file, aside.stat().st_size)
                file.seek(0, os.SEEK_END)
                file.write(digest)

    def size(self) -> tuple[int, int]:
        """Return how many entries there are and the bytes that they take."""
        sizes = [entry.stat().st_size for entry in self._entries()]
        return len(sizes), sum(sizes)

    def clear(self) -> int:
        """Remove every entry (and nothing else in the folder); return the bytes freed."""
        freed = 0
        for entry in self._entries():
            with suppress(FileNotFoundError):
                freed += entry.stat().st_size
                entry.unlink()
        for folder in self.path.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):
                folder.rmdir()
        return freed

    def _entries(self) -> list[Path]:
        return sorted(p for p in self.path.glob("[0-9a-f][0-9a-f]/*.npy") if p.is_file() and not p.is_symlink())


def _digest_of(file: BinaryIO, size: int) -> bytes:
    """Return the hash of the first `size` bytes of a file."""
    state = hashlib.blake2b(digest_size=_DIGEST)
    file.seek(0)
    while size > 0 and (block := file.read(min(size, 1 << 20))):
        state.update(block)
        size -= len(block)
    return state.digest()


def _read(entry: Path) -> NDArray | None:
    """Return the array of an entry, None when it is absent or damaged."""
    try:
        with entry.open("rb") as file:
            size = os.fstat(file.fileno()).st_size - _DIGEST
            value = np.lib.format.read_array(file, allow_pickle=False)
            if file.tell() != size:
                return None
            return value if file.read() == _digest_of(file, size) else None
    except (OSError, ValueError, EOFError):
        return None
