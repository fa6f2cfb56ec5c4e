"""Encodings: marks, guesses and refusals."""

from __future__ import annotations

import codecs

import pytest

from labelwright.data.readers.encoded_text import read_text
from labelwright.errors import BadInput

TEXT = "text,label\nnaïve café – “quoted”,ä\n" * 30


@pytest.fixture
def read(tmp_path):
    def _read(data):
        path = tmp_path / "rows.csv"
        path.write_bytes(data)
        return read_text(path)

    return _read


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
)
def test_an_encoding_is_recognised(read, data, encoding):
    text = read(data)
    assert (text.data.decode(), text.encoding) == (TEXT, encoding)


def test_one_broken_byte_in_utf8_is_refused_not_garbled(read):
    with pytest.raises(BadInput, match=r"rows.csv line 61: byte \d+ \(0xff\) breaks the UTF-8 of the file"):
        read(TEXT.encode() + b"\xff,x\n")


def test_binary_content_is_refused(read):
    with pytest.raises(BadInput, match="this is not a text file"):
        read(bytes(range(1, 256)) * 20)


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"PK\x03\x04", "zip archive"), (b"PAR1", "Parquet"), (b"%PDF-1.7", "PDF"), (b"\x1f\x8b", "gzip")],
)
def test_another_format_under_a_text_name_is_named(read, head, what):
    with pytest.raises(BadInput, match=what):
        read(head + b"rest of the file")


def test_a_truncated_utf16_file_is_refused(read):
    with pytest.raises(BadInput, match="is not valid utf-16"):
        read(TEXT.encode("utf-16")[:-1])
