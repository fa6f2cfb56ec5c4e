"""How the buffers of an Arrow file or stream are compressed, read from the header of its first record batch.

pyarrow reads compressed batches but does not say how they were compressed, and a faithful copy must know. The header is
a FlatBuffers table: a table holds, below its own address, that of a list of the offsets of its fields.
Layout: Arrow columnar format, ``Message.fbs`` (Message: version, header_type, header; RecordBatch: length, nodes,
buffers, compression; BodyCompression: codec 0 = LZ4 frame, 1 = ZSTD).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_ARROW_FILE_START, _RECORD_BATCH = 8, 3
_HEADER_TYPE, _HEADER, _COMPRESSION, _CODEC = 1, 2, 3, 0
_CODECS = ("lz4", "zstd")


def ipc_compression(path: Path) -> str | None:
    """Return ``"lz4"``, ``"zstd"`` or None for an Arrow file, stream or Feather file (version 2)."""
    with path.open("rb") as file:
        if file.read(6) == b"ARROW1":
            file.seek(_ARROW_FILE_START)
        else:
            file.seek(0)
        while (message := _next_message(file)) is not None:
            header, body = message
            root = _uint32(header, 0)
            kind = _field(header, root, _HEADER_TYPE)
            if kind is not None and header[kind] == _RECORD_BATCH:
                return _codec(header, root)
            file.seek(body, 1)
    return None


def _codec(header: bytes, root: int) -> str | None:
    at = _field(header, root, _HEADER)
    batch = None if at is None else at + _uint32(header, at)
    at = None if batch is None else _field(header, batch, _COMPRESSION)
    if at is None:
        return None
    compression = at + _uint32(header, at)
    codec = _field(header, compression, _CODEC)
    return _CODECS[header[codec]] if codec is not None else _CODECS[0]  # absent = the default, LZ4


def _next_message(file: BinaryIO) -> tuple[bytes, int] | None:
    """Return the header of the next message and the length of its body, None at the end."""
    prefix = file.read(4)
    if prefix == b"\xff\xff\xff\xff":
        prefix = file.read(4)
    if len(prefix) < 4 or prefix == b"\0\0\0\0":
        return None
    header = file.read(_uint32(prefix, 0))
    at = _field(header, _uint32(header, 0), 3)
    return header, 0 if at is None else struct.unpack_from("<q", header, at)[0]


def _field(data: bytes, table: int, number: int) -> int | None:
    """Return where a field of the FlatBuffers table at `table` stands, None when it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    place = 4 + 2 * number
    if place >= struct.unpack_from("<H", data, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", data, vtable + place)[0]
    return table + offset if offset else None


def _uint32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
