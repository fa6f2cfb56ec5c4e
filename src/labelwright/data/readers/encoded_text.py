"""The bytes of a text file as UTF-8, with the encoding that they came in.

A byte-order mark decides. Without one: UTF-16 when every other byte is zero, UTF-8 when the bytes are valid UTF-8,
cp1252 when they are not and nothing in them speaks for UTF-8. A file that is UTF-8 but for a few broken bytes is
refused, because reading it as cp1252 would garble every accent.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

MAX_UNPACKED = 8 << 30  # bytes a .gz may unpack to
_BLOCK = 1 << 24
_HEAD = 1 << 16  # bytes looked at to tell UTF-16 without a mark
_MARKS = (  # the mark, the encoding, the codec of what follows
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive (an .xlsx or .npz file?)"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF"),
    (b"\x89path.nameG", "a path.nameG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True)
class EncodedText:
    """UTF-8 bytes without a byte-order mark, and the encoding of the file that they came from."""

    data: bytes
    encoding: str


def read_text(path: Path) -> EncodedText:
    """Read a text file (``.gz`` is unpacked) as UTF-8; BadInput where it is empty, binary or of no known encoding."""
    data = b"".join(raw_blocks(path)) if is_packed(path) else path.read_bytes()
    if not data.strip():
        raise BadInput("the file is empty", where=place(path), fix="give a file with a header line and rows")
    _refuse_foreign(data, path)
    text = _as_utf8(data, path)
    nul = text.data.find(b"\0")
    if nul >= 0:
        raise _holds_nul(path, text.data.count(b"\n", 0, nul) + 1)
    return text


def is_packed(path: Path) -> bool:
    """Whether a file is unpacked before it is read, by its name."""
    return path.suffix.lower() == ".gz"


def raw_blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked where it is packed; BadInput where it cannot be unpacked."""
    if not is_packed(path):
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        return
    size = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > MAX_UNPACKED:
                    raise BadInput("unpacks to more than 8 GiB", where=place(path), fix="unpack it and split it")
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(
            f"cannot be unpacked ({said(error)})", where=place(path), fix="compress the file again"
        ) from None


@dataclass(frozen=True)
class EncodedFile:
    """A text file that is read as UTF-8 block by block, so that it need not fit into memory.

    Parameters
    ----------
    path : Path
    encoding : str
        As `read_text` names it.
    mark : bytes
        The byte-order mark that the file begins with, maybe empty.
    codec : str
        Name of the codec of the rest of the file.
    """

    path: Path
    encoding: str
    mark: bytes
    codec: str

    @classmethod
    def of(cls, path: Path, encoding: str) -> EncodedFile:
        """Return a file whose encoding is known, as `read_text` or `find_encoding` name it."""
        head = _head(path, 4)
        for mark, name, codec in _MARKS:
            if name == encoding and head.startswith(mark):
                return cls(path, encoding, mark, codec)
        return cls(path, encoding, b"", encoding)

    def blocks(self, *, check: bool = False) -> Iterator[bytes]:
        """Yield the text as UTF-8 without its mark; a block may end within a character.

        UnicodeDecodeError where the file is not of its encoding; UTF-8 is gone through for that on request only.
        """
        decoder = codecs.getincrementaldecoder(self.codec)()
        skip = len(self.mark)
        whole = True  # whether no character is cut by the end of the block before
        for block in raw_blocks(self.path):
            data = block[skip:] if skip else block
            skip = 0
            if self.codec == "utf-8":
                if check and not (whole and data.isascii()):
                    decoder.decode(data)
                    whole = not decoder.getstate()[0]
                yield data
            else:
                yield decoder.decode(data).encode()
        decoder.decode(b"", final=True)


def find_encoding(path: Path) -> EncodedFile:
    """Find the encoding of a text file block by block: the same, and the same refusals, as those of `read_text`."""
    head = _head(path, _HEAD)
    _refuse_foreign(head, path)
    known = next((name for mark, name, _ in _MARKS if head.startswith(mark)), None)
    size = sum(map(len, raw_blocks(path))) if is_packed(path) else path.stat().st_size
    encoding = known or (None if size % 2 else _utf16_without_mark(head)) or "utf-8"
    file = EncodedFile.of(path, encoding)
    try:
        _look_through(file)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            read_text(path)  # says where
        file = _not_utf8(path)
    return file


def _look_through(file: EncodedFile) -> None:
    """Refuse a text that is blank or holds a NUL byte; UnicodeDecodeError where it is not of its encoding."""
    blank = True
    for block in file.blocks(check=True):
        blank = blank and not block.strip()
        if b"\0" in block:
            read_text(file.path)  # says where
    if blank:
        raise BadInput("the file is empty", where=place(file.path), fix="give a file with a header line and rows")


def _not_utf8(path: Path) -> EncodedFile:
    """Return the file as cp1252; BadInput where it is broken UTF-8, or none of both."""
    high = in_sequences = controls = size = 0
    for block in whole_lines(raw_blocks(path)):
        size += len(block)
        counts = _byte_counts(block)
        high, in_sequences, controls = high + counts[0], in_sequences + counts[1], controls + counts[2]
    file = EncodedFile.of(path, "cp1252")
    if controls > size // 200 or in_sequences > high - in_sequences:
        read_text(path)  # says where
    try:
        _look_through(file)
    except UnicodeDecodeError:
        read_text(path)
    return file


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks that end with a line end, but for the last (no sequence of UTF-8 runs over one).

    Examples
    --------
    >>> list(whole_lines([b"a\\nb", b"c", b"d\\ne"]))
    [b'a\\n', b'bcd\\n', b'e']
    """
    rest: list[bytes] = []
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[:cut]])
            rest = []
        if cut < len(block):
            rest.append(block[cut:])
    if rest:
        yield b"".join(rest)


def _head(path: Path, size: int) -> bytes:
    return next(raw_blocks(path), b"")[:size]


def _refuse_foreign(head: bytes, path: Path) -> None:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise BadInput(f"this is {what}, not text", where=place(path), fix="rename the file to what it is")


def _holds_nul(path: Path, line: int) -> BadInput:
    return BadInput("holds a NUL byte", where=f"{place(path)} line {line}", fix="export the file again as plain text")


def _as_utf8(data: bytes, path: Path) -> EncodedText:
    for mark, encoding, _ in _MARKS:
        if data.startswith(mark):
            if encoding == "utf-8-sig":
                rest = data[len(mark) :]
                _checked(rest, "utf-8", path)
                return EncodedText(rest, encoding)
            return EncodedText(_checked(data, encoding, path).encode(), encoding)
    if not len(data) % 2 and (sixteen := _utf16_without_mark(data[:_HEAD])):
        return EncodedText(_checked(data, sixteen, path).encode(), sixteen)
    try:
        data.decode("utf-8")
        return EncodedText(data, "utf-8")
    except UnicodeDecodeError as error:
        _refuse_broken_utf8(data, error, path)
    return EncodedText(_checked(data, "cp1252", path).encode(), "cp1252")


def _utf16_without_mark(start: bytes) -> str | None:
    head = np.frombuffer(start, dtype=np.uint8)
    if len(head) < 4:
        return None
    zero_even, zero_odd = float((head[0::2] == 0).mean()), float((head[1::2] == 0).mean())
    if zero_odd > 0.4 and zero_even < 0.05:
        return "utf-16-le"
    if zero_even > 0.4 and zero_odd < 0.05:
        return "utf-16-be"
    return None


def _checked(data: bytes, encoding: str, path: Path) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"byte {error.start} (0x{data[error.start]:02x}) is not valid {encoding}",
            where=f"{place(path)} line {line}",
            fix="save the file as UTF-8",
        ) from None


def _refuse_broken_utf8(data: bytes, error: UnicodeDecodeError, path: Path) -> None:
    """Raise when valid multi-byte sequences outweigh the bytes that are wrong, or when the file is binary."""
    high, in_sequences, controls = _byte_counts(data)
    line = data.count(b"\n", 0, error.start) + 1
    if controls > len(data) // 200:
        raise BadInput("this is not a text file", where=place(path), fix="give a text file, or name it by what it is")
    if in_sequences > high - in_sequences:
        raise BadInput(
            f"byte {error.start} (0x{data[error.start]:02x}) breaks the UTF-8 of the file",
            where=f"{place(path)} line {line}",
            fix="mend that line, or save the file again as UTF-8",
        )


def _byte_counts(data: bytes) -> tuple[int, int, int]:
    """Return how many bytes are not ASCII, how many of these are in sequences of UTF-8, how many are controls."""
    high = len(data.translate(None, bytes(range(128))))
    in_sequences = sum(len(m) for m in _UTF8_SEQUENCE.findall(data))
    return high, in_sequences, len(data.translate(None, bytes(range(9, 14)) + b"\x1b" + bytes(range(32, 256))))
