"""Text files edited in place of their bytes: what no edit touches is copied, in whatever encoding it came.

The work is done on UTF-8, as the readers see it; the way back gives the bytes of the file again because decoding was
strict (UTF-8, UTF-16, UTF-32 and cp1252 are one to one there). A byte-order mark goes back where it was.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from labelwright.data.readers.encoded_text import EncodedFile, is_packed, read_text
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, quoted

_BLOCK = 1 << 22


class Edit(NamedTuple):
    """Bytes ``start`` to ``end`` of the UTF-8 text become `text`; equal bounds insert."""

    start: int
    end: int
    text: bytes


class TextEdit(NamedTuple):
    """Characters ``start`` to ``end`` of a text become `text`; equal bounds insert."""

    start: int
    end: int
    text: str


class Spot(NamedTuple):
    """Bytes ``start`` to ``end`` of the UTF-8 text become what `change` makes of them."""

    start: int
    end: int
    change: Callable[[bytes], bytes]


@dataclass(frozen=True)
class RawText:
    """A text file as UTF-8 with what it takes to write it back.

    Parameters
    ----------
    file : EncodedFile
    data : bytes
        UTF-8, without the byte-order mark.
    """

    file: EncodedFile
    data: bytes

    @classmethod
    def read(cls, path: Path) -> RawText:
        """Read a text file; BadInput where it is no text."""
        text = read_text(path)
        return cls(EncodedFile.of(path, text.encoding), text.data)

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    def encode(self, text: str, where: str) -> bytes:
        """Return `text` as UTF-8; BadInput when the encoding of the file cannot hold it."""
        return encoded(self.file, text, where)

    def write(self, pieces: Iterable[bytes], out: Path) -> str:
        """Write UTF-8 pieces in the encoding of the file; return the SHA-256 of the new file."""
        return write_text(self.file, pieces, out)

    @property
    def name(self) -> str:
        """The file's name for messages."""
        return place(self.path)


def encoded(file: EncodedFile, text: str, where: str) -> bytes:
    """Return `text` as UTF-8; BadInput when the encoding of the file cannot hold it."""
    try:
        text.encode(file.codec)
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput(
            f"{quoted(text)} cannot be written in {file.codec}, the encoding of {quoted(file.path.name)}",
            where=where,
            fix="save the data as UTF-8 first, or choose another label",
        ) from None


def write_text(file: EncodedFile, pieces: Iterable[bytes], out: Path) -> str:
    """Write UTF-8 pieces to `out` in the form of `file`; return the SHA-256 of what was written."""
    with out.open("wb") as raw:
        hashed = _Hashed(raw)
        if is_packed(file.path):
            with gzip.GzipFile(filename="", mode="wb", fileobj=hashed, mtime=0) as packed:
                _write(file, pieces, packed)
        else:
            _write(file, pieces, hashed)
    return hashed.digest.hexdigest()


class _Hashed:
    """A file being written whose bytes are hashed on their way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _write(file: EncodedFile, pieces: Iterable[bytes], out: Any) -> None:
    out.write(file.mark)
    if file.codec == "utf-8":
        for piece in pieces:
            out.write(piece)
        return
    decoder = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a character
    for piece in pieces:
        out.write(decoder.decode(piece).encode(file.codec))


def rewritten(blocks: Iterable[bytes], spots: Iterable[Spot]) -> Iterator[bytes]:
    """Yield a text that comes in blocks with every spot changed; spots are in order and do not overlap.

    Examples
    --------
    >>> b"".join(rewritten([b"a,c", b"at"], [Spot(2, 5, bytes.upper)]))
    b'a,CAT'
    """
    waiting = iter(spots)
    spot = next(waiting, None)
    rest, position = b"", 0  # what is held back, and where it begins
    for block in blocks:
        data = rest + block if rest else block
        done = 0
        while spot is not None and spot.end <= position + len(data):
            if spot.start < position + done:
                raise ValueError(f"spots overlap at byte {spot.start}")
            yield data[done : spot.start - position]
            yield spot.change(data[spot.start - position : spot.end - position])
            done, spot = spot.end - position, next(waiting, None)
        keep = len(data) if spot is None else max(min(spot.start - position, len(data)), done)
        yield data[done:keep]
        rest, position = data[keep:], position + keep
    if spot is not None:
        raise ValueError(f"the text ends before byte {spot.end}")
    yield rest


def spliced(data: bytes, edits: Iterable[Edit]) -> Iterator[bytes]:
    """Yield `data` with every edit made; edits may come in any order and must not overlap.

    Examples
    --------
    >>> b"".join(spliced(b"a,cat", [Edit(2, 5, b"dog")]))
    b'a,dog'
    """
    view = memoryview(data)
    position = 0
    for edit in sorted(edits):
        if edit.start < position:
            raise ValueError(f"edits overlap at byte {edit.start}")
        yield from _blocks(view[position : edit.start])
        yield edit.text
        position = edit.end
    yield from _blocks(view[position:])


def spliced_text(text: str, edits: Iterable[TextEdit]) -> Iterator[bytes]:
    """Yield `text` as UTF-8 with every edit made; edits may come in any order and must not overlap."""
    position = 0
    for edit in sorted(edits):
        if edit.start < position:
            raise ValueError(f"edits overlap at character {edit.start}")
        for start in range(position, edit.start, _BLOCK):
            yield text[start : min(start + _BLOCK, edit.start)].encode()
        yield edit.text.encode()
        position = edit.end
    for start in range(position, len(text), _BLOCK):
        yield text[start : start + _BLOCK].encode()


def _blocks(view: memoryview) -> Iterator[bytes]:
    for start in range(0, len(view), _BLOCK):
        yield bytes(view[start : start + _BLOCK])
