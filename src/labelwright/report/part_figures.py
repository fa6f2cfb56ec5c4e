"""Findings about parts of a row as the report shows them: the sentence with its marks, the image with its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from labelwright.data.parts.image_boxes import ImageBoxes
from labelwright.data.parts.mask_files import MaskFiles
from labelwright.data.parts.sentences import Sentences
from labelwright.report.rows import CELL_WIDTH, shorten

MOST_TOKENS = 80
_BEFORE = 15  # tokens shown before the first mark of a long sentence


class Figures(Protocol):
    """Draws one row with the parts in doubt marked."""

    def draw(self, row: int, marks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return ``{"tokens": ...}`` or ``{"image": ..., "key": ...}``; marks are findings of level part."""
        ...


class PartFigures:
    """Shows the rows of an audit of parts; of any other audit nothing.

    Parameters
    ----------
    result : AuditResult
    """

    def __init__(self, result: Any) -> None:
        self._draw = figures_of(result)
        issues: pa.Table = result.issues
        of_parts = pc.and_(pc.equal(issues["level"], "part"), issues["is_issue"])
        self._parts = issues.filter(of_parts) if self._draw is not None else None

    def shown(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the figure of a finding: with its part marked, or with all parts in doubt where it is about a row."""
        row = record["row"]
        if self._draw is None or self._parts is None or row is None:
            return None
        if record["level"] == "part":
            return self._draw.draw(row, [record])
        mine = pc.and_(pc.equal(self._parts["row"], row), pc.equal(self._parts["kind"], record["kind"]))
        return self._draw.draw(row, self._parts.filter(mine).to_pylist())


def figures_of(result: Any) -> Figures | None:
    """Return what draws the rows of this audit, None where they have no parts."""
    if isinstance(result.dataset.parts, Sentences):
        return SentenceFigures(result.dataset)
    if isinstance(result.dataset.parts, ImageBoxes):
        from labelwright.report.box_figures import BoxFigures

        return BoxFigures(result.dataset, result.part_predictions)
    if isinstance(result.dataset.parts, MaskFiles):
        from labelwright.report.mask_figures import MaskFigures

        return MaskFigures(result.dataset, result.part_predictions)
    return None


class SentenceFigures:
    """Draws sentences: given entities underlined, tokens in doubt marked with what is given and suggested."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def draw(self, row: int, marks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Return the tokens as [text, tag or None, given in doubt or None, suggested or None] pieces."""
        sentences: Sentences = self.dataset.parts
        start, end = int(sentences.offsets[row]), int(sentences.offsets[row + 1])
        doubted = {first: (last, mark) for mark in marks for first, last in [_bounds(mark["part"])]}
        first = min(doubted, default=0)
        begin = max(0, first - _BEFORE) if end - start > MOST_TOKENS else 0
        tags = self.dataset.space.decode(self.dataset.labels[start:end])
        words = sentences.tokens[start:end]
        pieces: list[list[str | None]] = [["…", None, None, None]] if begin else []
        at = begin
        while at < min(len(words), begin + MOST_TOKENS):
            last, mark = doubted.get(at, (at, None))
            text = shorten(" ".join(words[at : last + 1]), 4 * CELL_WIDTH)
            tag = None if tags[at] in ("O", None) else tags[at]
            if mark is not None:
                given = " ".join(dict.fromkeys((mark["given"] or "none").split(" ")))
                pieces.append([text, None, shorten(given, CELL_WIDTH), mark["suggested"]])
            elif pieces and pieces[-1][2] is None and _goes_on(pieces[-1][1], tag):
                pieces[-1][0] = f"{pieces[-1][0]} {text}"
            else:
                pieces.append([text, _kind(tag), None, None])
            at = last + 1
        return {"tokens": [*pieces, ["…", None, None, None]] if at < len(words) else pieces}


def _bounds(part: str) -> tuple[int, int]:
    first, _, last = part.partition("-")
    return int(first), int(last or first)


def _kind(tag: str | None) -> str | None:
    """Return the class of a tag such as B-PER, the tag itself where it is none of a span."""
    return None if tag is None else tag.partition("-")[2] or tag


def _goes_on(kind: str | None, tag: str | None) -> bool:
    """Whether a token belongs to the piece before it: nothing goes on, and so does a span until the next begins."""
    return kind is None if tag is None else tag[:2] in ("I-", "E-", "L-") and kind == tag[2:]
