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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

MAX_UNPACKED = 8 << 30  # bytes a .gz may unpack to
_BLOCK = 1 << 24
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
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
    data = _unpacked(path) if path.suffix.lower() == ".gz" else path.read_bytes()
    if not data.strip():
        raise BadInput("the file is empty", where=place(path), fix="give a file with a header line and rows")
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            raise BadInput(f"this is {what}, not text", where=place(path), fix="rename the file to what it is")
    text = _as_utf8(data, path)
    nul = text.data.find(b"\0")
    if nul >= 0:
        line = text.data.count(b"\n", 0, nul) + 1
        raise BadInput(
            "holds a NUL byte", where=f"{place(path)} line {line}", fix="export the file again as plain text"
        )
    return text


def _unpacked(path: Path) -> bytes:
    blocks: list[bytes] = []
    size = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(_BLOCK):
                blocks.append(block)
                size += len(block)
                if size > MAX_UNPACKED:
                    raise BadInput("unpacks to more than 8 GiB", where=place(path), fix="unpack it and split it")
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(
            f"cannot be unpacked ({said(error)})", where=place(path), fix="compress the file again"
        ) from None
    return b"".join(blocks)


def _as_utf8(data: bytes, path: Path) -> EncodedText:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            if encoding == "utf-8-sig":
                rest = data[len(mark) :]
                _checked(rest, "utf-8", path)
                return EncodedText(rest, encoding)
            return EncodedText(_checked(data, encoding, path).encode(), encoding)
    if sixteen := _utf16_without_mark(data):
        return EncodedText(_checked(data, sixteen, path).encode(), sixteen)
    try:
        data.decode("utf-8")
        return EncodedText(data, "utf-8")
    except UnicodeDecodeError as error:
        _refuse_broken_utf8(data, error, path)
    return EncodedText(_checked(data, "cp1252", path).encode(), "cp1252")


def _utf16_without_mark(data: bytes) -> str | None:
    head = np.frombuffer(data[: 1 << 16], dtype=np.uint8)
    if len(data) % 2 or len(head) < 4:
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
    high = len(data.translate(None, bytes(range(128))))
    in_sequences = sum(len(m) for m in _UTF8_SEQUENCE.findall(data))
    controls = len(data.translate(None, bytes(range(9, 14)) + b"\x1b" + bytes(range(32, 256))))
    line = data.count(b"\n", 0, error.start) + 1
    if controls > len(data) // 200:
        raise BadInput("this is not a text file", where=place(path), fix="give a text file, or name it by what it is")
    if in_sequences > high - in_sequences:
        raise BadInput(
            f"byte {error.start} (0x{data[error.start]:02x}) breaks the UTF-8 of the file",
            where=f"{place(path)} line {line}",
            fix="mend that line, or save the file again as UTF-8",
        )
