"""Three hundred broken files: each is read, or refused in one line."""

from __future__ import annotations

import gzip
import io
import json
import time
import warnings
import zipfile

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from labelwright.data.load import load_dataset
from labelwright.errors import BadInput

N_FILES = 300
ROWS = [(f"the {i}th text, with some words", i * 1.5, "cat" if i % 3 else "dog") for i in range(40)]
TABLE = pa.table({"text": [r[0] for r in ROWS], "x": [r[1] for r in ROWS], "label": [r[2] for r in ROWS]})


def _csv() -> bytes:
    lines = [f'"{text}",{x},{label}' for text, x, label in ROWS]
    return ("text,x,label\n" + "\n".join(lines) + "\n").encode()


def _parquet() -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(TABLE, out)
    return out.getvalue()


def _arrow(new=pa.ipc.new_file) -> bytes:
    out = io.BytesIO()
    with new(out, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return out.getvalue()


def _npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, X=np.arange(80.0).reshape(40, 2), label=np.arange(40) % 3)
    return out.getvalue()


def _xlsx() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["text", "x", "label"])
    for row in ROWS:
        book.active.append(list(row))
    book.save(out)
    return out.getvalue()


def _jsonl() -> bytes:
    return "\n".join(json.dumps({"text": t, "x": x, "label": y}) for t, x, y in ROWS).encode()


WHOLE = {
    "csv": _csv(),
    "tsv": _csv().replace(b",", b"\t"),
    "parquet": _parquet(),
    "arrow": _arrow(),
    "feather": _arrow(pa.ipc.new_stream),
    "npz": _npz(),
    "xlsx": _xlsx(),
    "jsonl": _jsonl(),
    "json": b"[" + _jsonl().replace(b"\n", b",") + b"]",
    "csv.gz": gzip.compress(_csv(), mtime=0),
}


def _truncated(data, rng):
    return data[: int(rng.integers(0, len(data)))]


def _flipped(data, rng):
    damaged = np.frombuffer(data, np.uint8).copy()
    at = rng.integers(0, len(damaged), size=int(rng.integers(1, 40)))
    damaged[at] = rng.integers(0, 256, size=len(at))
    return damaged.tobytes()


def _with_quotes(data, rng):
    damaged = bytearray(data)
    for at in sorted(rng.integers(0, len(data), size=int(rng.integers(1, 6))), reverse=True):
        damaged[at:at] = b'"'
    return bytes(damaged)


def _with_nul(data, rng):
    at = int(rng.integers(0, len(data)))
    return data[:at] + b"\0" * int(rng.integers(1, 4)) + data[at:]


def _with_bad_bytes(data, rng):
    at = int(rng.integers(0, len(data)))
    return data[:at] + rng.choice([b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\x80\x81\x8d"]) + data[at:]


def _junk(data, rng):
    return rng.bytes(int(rng.integers(0, 4000)))


def _other_encoding(data, rng):
    text = data.decode("latin-1") + "é€"
    return text.encode(
        rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-8-sig", "utf-7"]), errors="replace"
    )


def _deep(data, rng):
    depth = int(rng.integers(500, 200_000))
    opening = rng.choice([b"[", b'{"a":', b'{"label":['])
    return b'{"label": "a", "text": ' + opening * depth + b"\n" + data


def _huge_field(data, rng):
    return data + b'"' + b"x" * int(rng.integers(150_000, 3_000_000)) + b'",1,cat\n'


def _swapped(data, rng):
    return WHOLE[list(WHOLE)[int(rng.integers(len(WHOLE)))]]


def _ragged(data, rng):
    lines = data.split(b"\n")
    at = int(rng.integers(0, len(lines)))
    lines[at] = b"\n" * int(rng.integers(0, 3)) + lines[at] + b",,;;\t|" * int(rng.integers(1, 9))
    return b"\n".join(lines)


def _shuffled_blocks(data, rng):
    cuts = np.sort(rng.integers(0, len(data), size=4))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return b"".join(parts[int(k)] for k in rng.permutation(len(parts)))


def _lying_zip(data, rng):
    """Return a zip with the right names and the wrong content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("X.npy", "label.npy", "xl/workbook.xml", "[Content_Types].xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(name, _flipped(WHOLE["npz"][40:400], rng) if rng.random() < 0.5 else b"<a>" * 2000)
    return out.getvalue()


DAMAGE = (
    _truncated,
    _flipped,
    _with_quotes,
    _with_nul,
    _with_bad_bytes,
    _junk,
    _other_encoding,
    _deep,
    _huge_field,
    _swapped,
    _ragged,
    _shuffled_blocks,
    _lying_zip,
)


def _damaged(seed):
    rng = np.random.default_rng(seed)
    suffix = list(WHOLE)[seed % len(WHOLE)]
    damage = DAMAGE[int(rng.integers(len(DAMAGE)))]
    return suffix, damage, damage(WHOLE[suffix], rng)


@pytest.mark.parametrize("part", range(10))
def test_a_broken_file_is_read_or_refused_in_one_line(tmp_path, part):
    escaped = []
    for seed in range(part * N_FILES // 10, (part + 1) * N_FILES // 10):
        suffix, damage, data = _damaged(seed)
        path = tmp_path / f"file{seed}.{suffix}"
        path.write_bytes(data)
        begin = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                load_dataset(path, label="label")
        except BadInput as error:
            if "\n" in str(error) or "Fix: " not in str(error):
                escaped.append((seed, suffix, damage.__name__, str(error)))
        except Exception as error:  # the point of the test: nothing but BadInput may get out
            escaped.append((seed, suffix, damage.__name__, repr(error)))
        if time.monotonic() - begin > 5:
            escaped.append((seed, suffix, damage.__name__, "took over five seconds"))
        path.unlink()
    assert escaped == []


@pytest.mark.parametrize("suffix", list(WHOLE))
def test_the_whole_file_is_read(tmp_path, suffix):
    path = tmp_path / f"whole.{suffix}"
    path.write_bytes(WHOLE[suffix])
    assert len(load_dataset(path, label="label")) == 40
