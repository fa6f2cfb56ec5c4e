"""CoNLL files: one token a line in columns, blank lines between sentences, comments where a file has them.

A sentence is named by its ``# sent_id`` where every sentence has one, else by its number, from 0. The tag is the last
column unless the caller says otherwise; the word is the first, in CoNLL-U the second. Columns are parted by tabs where
a line has one, else by runs of blanks. Places are bytes of the UTF-8 text, so that mending can change a tag alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, quoted

SUFFIXES = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".iobes")
_SENT_ID = re.compile(rb"#\s*sent_id\s*=\s*(.*\S)")
# A token may begin with # too (hashtags), so outside of CoNLL-U only key = value is a comment.
_COMMENT = {False: re.compile(rb"#\s*[^\s=]+\s*="), True: re.compile(rb"#")}
_CELL = re.compile(rb"[^ ]+")
Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """Where a sentence stands in the file, the blank line after it included, and the spans of its words and tags."""

    start: int
    end: int
    name: str | None
    words: tuple[Span, ...]
    tags: tuple[Span, ...]


def read_sentences(data: bytes, path: Path, column: int = -1) -> Iterator[Sentence]:
    """Yield the sentences of a file.

    Parameters
    ----------
    data : bytes
        The text of the file as UTF-8.
    path : Path
        Its name says whether it is CoNLL-U; also for messages.
    column : int
        Column of the tag; -1 is the last.

    Raises
    ------
    BadInput
        A line has too few columns: with its number.
    """
    universal = path.suffix.lower() == ".conllu"
    comment, word = _COMMENT[universal], int(universal)
    start, name, at = 0, None, 0
    words, tags = list[Span](), list[Span]()
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        end = at + len(line)
        body = line.rstrip(b"\r\n")
        if comment.match(body) and b"\t" not in body and not tags:
            found = _SENT_ID.match(body)
            name = found[1].decode() if found else name
        elif body.strip():
            cells = _cells(body, at, column, (path, number))
            words.append(cells[min(word, len(cells) - 1)])
            tags.append(cells[column])
        elif tags:
            yield Sentence(start, end, name, tuple(words), tuple(tags))
            start, name, words, tags = end, None, [], []
        at = end
    if tags:
        yield Sentence(start, at, name, tuple(words), tuple(tags))


def sentence_names(sentences: list[Sentence]) -> list[str]:
    """Return the durable names of sentences: their own where all have one and none twice, else their numbers."""
    known = [sentence.name for sentence in sentences if sentence.name is not None]
    return known if len(set(known)) == len(sentences) else [str(k) for k in range(len(sentences))]


def _cells(body: bytes, at: int, column: int, where: tuple[Path, int]) -> list[Span]:
    cells = _tabbed(body) if b"\t" in body else [match.span() for match in _CELL.finditer(body)]
    if len(cells) < 2 or not -len(cells) <= column < len(cells):
        raise BadInput(
            f"has {counted(len(cells), 'column')}",
            where=f"{place(where[0])} line {where[1]}",
            fix="give every token its tag",
        )
    return [(at + a, at + b) for a, b in cells]


def _tabbed(body: bytes) -> list[tuple[int, int]]:
    spans, begin = [], 0
    for cell in body.split(b"\t"):
        spans.append((begin, begin + len(cell)))
        begin += len(cell) + 1
    return spans


def tag_column(label: str | None) -> int:
    """Return the column of the tag as an index: ``"4"`` is the fourth, None and ``"-1"`` the last.

    Examples
    --------
    >>> tag_column("4"), tag_column(None)
    (3, -1)
    """
    if label is None:
        return -1
    try:
        number = int(label)
    except ValueError:
        number = 0
    if number == 0:
        raise BadInput(f"{quoted(label)} is no column of a CoNLL file", fix="give its number, such as --label 4")
    return number - 1 if number > 0 else number
