"""Text files edited in place of their bytes: what no edit touches is copied, in whatever encoding it came.

The work is done on UTF-8, as the readers see it; the way back gives the bytes of the file again because decoding was
strict (UTF-8, UTF-16, UTF-32 and cp1252 are one to one there). A byte-order mark goes back where it was.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from labelwright.data.readers.encoded_text import read_text
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, quoted

_MARKS = {
    "utf-8-sig": ((codecs.BOM_UTF8, "utf-8"),),
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
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


@dataclass(frozen=True)
class RawText:
    """A text file as UTF-8 with what it takes to write it back.

    Parameters
    ----------
    path : Path
    data : bytes
        UTF-8, without the byte-order mark.
    mark : bytes
        The byte-order mark that the file begins with, maybe empty.
    codec : str
        Name of the codec of the rest of the file.
    packed : bool
        Whether the file is gzip-compressed.
    """

    path: Path
    data: bytes
    mark: bytes
    codec: str
    packed: bool

    @classmethod
    def read(cls, path: Path) -> RawText:
        """Read a text file; BadInput where it is no text."""
        text = read_text(path)
        mark, codec = b"", text.encoding
        packed = path.suffix.lower() == ".gz"
        if text.encoding in _MARKS:
            with gzip.open(path) if packed else path.open("rb") as file:
                head = file.read(4)
            mark, codec = next((m, c) for m, c in _MARKS[text.encoding] if head.startswith(m))
        return cls(path, text.data, mark, codec, packed)

    def encode(self, text: str, where: str) -> bytes:
        """Return `text` as UTF-8; BadInput when the encoding of the file cannot hold it."""
        try:
            text.encode(self.codec)
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise BadInput(
                f"{quoted(text)} cannot be written in {self.codec}, the encoding of {quoted(self.path.name)}",
                where=where,
                fix="save the data as UTF-8 first, or choose another label",
            ) from None

    def write(self, pieces: Iterable[bytes], out: Path) -> str:
        """Write UTF-8 pieces in the encoding of the file; return the SHA-256 of the new file."""
        with out.open("wb") as raw:
            if self.packed:
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
                    self._write(pieces, file)
            else:
                self._write(pieces, raw)
        with out.open("rb") as written:
            return hashlib.file_digest(written, "sha256").hexdigest()

    def _write(self, pieces: Iterable[bytes], file: BinaryIO | gzip.GzipFile) -> None:
        file.write(self.mark)
        if self.codec == "utf-8":
            for piece in pieces:
                file.write(piece)
            return
        decoder = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a character
        for piece in pieces:
            file.write(decoder.decode(piece).encode(self.codec))

    @property
    def name(self) -> str:
        """The file's name for messages."""
        return place(self.path)


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
