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
from labelwright.data.readers.conll import Sentence, read_sentences, sentence_names
from labelwright.errors import BadInput, quoted

_SPAN = re.compile(r"(.*)#(\d+)-(\d+)", re.S)


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
        return list(read_sentences(self.raw.data, self.path, self.column))

    @cached_property
    def _names(self) -> list[str]:
        return sentence_names(self._sentences)

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
