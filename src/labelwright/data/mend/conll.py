"""CoNLL files (one token a line, columns, blank lines between sentences): the tag of a token or span changes.

A sentence is named by its ``# sent_id`` where every sentence has one, else by its number, from 0. Items are sentences
(which can be rejected: their lines go, with the blank line after them) and tokens, ``<sentence>#<number>``, from 0. A
span of tokens, ``<sentence>#<first>-<last>``, gets an entity type: its tokens become ``B-type I-type ...``; the type
``O`` clears it. The tag is the last column unless `column` says otherwise. Columns are parted by tabs where a line has
one, else by runs of blanks; blanks, comments, and all other cells keep their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from labelwright.data.mend.decisions import PART, Decision, Decisions
from labelwright.data.mend.labels import ClassNames, ordered
from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import Edit, RawText, spliced
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, quoted

SUFFIXES = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".iobes")
_SENT_ID = re.compile(rb"#\s*sent_id\s*=\s*(.*\S)")
# A token may begin with # too (hashtags), so outside of CoNLL-U only key = value is a comment.
_COMMENT = {False: re.compile(rb"#\s*[^\s=]+\s*="), True: re.compile(rb"#")}
_SPAN = re.compile(r"(.*)#(\d+)-(\d+)", re.S)
_CELL = re.compile(rb"[^ ]+")


@dataclass(frozen=True)
class Sentence:
    """Where a sentence stands in the file, the blank line after it included, and the spans of its tags."""

    start: int
    end: int
    name: str | None
    tags: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ConllFile:
    """A file of tagged tokens.

    Parameters
    ----------
    raw : RawText
    column : int
        Column of the tag; -1 is the last.
    new_classes : tuple of str
        Tags that may be given though no token has them.
    """

    raw: RawText
    column: int = -1
    new_classes: tuple[str, ...] = ()

    is_tree = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.raw.path

    @cached_property
    def _sentences(self) -> list[Sentence]:
        return list(_sentences(self.raw, self.column))

    @cached_property
    def _names(self) -> list[str]:
        names = [sentence.name for sentence in self._sentences]
        known = [name for name in names if name is not None]
        return known if len(set(known)) == len(names) else [str(k) for k in range(len(names))]

    @cached_property
    def _tokens(self) -> list[tuple[int, int]]:
        return [(s, t) for s, sentence in enumerate(self._sentences) for t in range(len(sentence.tags))]

    @cached_property
    def items(self) -> Items:
        """Sentences first, then tokens, each in the order of the file."""
        names = self._names
        tags = [self.raw.data[a:b].decode() for sentence in self._sentences for a, b in sentence.tags]
        ids = [*names, *(f"{names[s]}{PART}{t}" for s, t in self._tokens)]
        rule = ClassNames(ordered(sorted(set(tags))), self.new_classes)
        return Items(np.array(ids, dtype=np.str_), [*([None] * len(names)), *tags], rule, frozenset(range(len(names))))

    def expand(self, decisions: Decisions) -> Decisions:
        """Return the decisions with those on spans replaced by one for each token."""
        entries = tuple(part for entry in decisions for part in _expanded(entry))
        return replace(decisions, entries=entries)

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return nothing: the counts say it all."""
        return ()

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        digest = self.raw.write(spliced(self.raw.data, self._edits(changes)), out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]

    def _edits(self, changes: Changes) -> Iterator[Edit]:
        n = len(self._sentences)
        for row in changes.reject:
            if row >= n:
                entry = changes.decided[row]
                raise BadInput(
                    f"{quoted(entry.id)} is a token, and tokens cannot be taken out of a sentence",
                    where=entry.where,
                    fix=f"relabel it to O, or reject the sentence {quoted(self._names[self._tokens[row - n][0]])}",
                )
            yield Edit(self._sentences[row].start, self._sentences[row].end, b"")
        for row, label in changes.relabel.items():
            s, t = self._tokens[row - n]
            if s not in changes.reject:
                yield Edit(*self._sentences[s].tags[t], self.raw.encode(label, changes.decided[row].where))


def _expanded(entry: Decision) -> Iterator[Decision]:
    match = _SPAN.fullmatch(entry.id)
    if match is None:
        yield entry
        return
    first, last = int(match[2]), int(match[3])
    if last < first or last - first > 10_000:
        raise BadInput(f"{quoted(entry.id)} is no span of tokens", where=entry.where, fix="write first-last")
    kind = (entry.label or "").strip()
    for k in range(first, last + 1):
        label = entry.label if kind in ("", "O") else f"{'B' if k == first else 'I'}-{kind}"
        yield entry._replace(id=f"{match[1]}{PART}{k}", label=label if entry.decision == "relabel" else None)


def _sentences(raw: RawText, column: int) -> Iterator[Sentence]:
    comment = _COMMENT[raw.path.suffix.lower() == ".conllu"]
    start, name, tags, at = 0, None, list[tuple[int, int]](), 0
    for number, line in enumerate(raw.data.splitlines(keepends=True), start=1):
        end = at + len(line)
        body = line.rstrip(b"\r\n")
        if comment.match(body) and b"\t" not in body and not tags:
            found = _SENT_ID.match(body)
            name = found[1].decode() if found else name
        elif body.strip():
            tags.append(_tag(raw, body, at, column, number))
        elif tags:
            yield Sentence(start, end, name, tuple(tags))
            start, name, tags = end, None, []
        at = end
    if tags:
        yield Sentence(start, at, name, tuple(tags))


def _tag(raw: RawText, body: bytes, at: int, column: int, number: int) -> tuple[int, int]:
    cells = _tabbed(body) if b"\t" in body else [match.span() for match in _CELL.finditer(body)]
    try:
        if len(cells) < 2:
            raise IndexError
        begin, end = cells[column]
    except IndexError:
        raise BadInput(
            f"has {counted(len(cells), 'column')}",
            where=f"{place(raw.path)} line {number}",
            fix="give every token its tag",
        ) from None
    return at + begin, at + end


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
