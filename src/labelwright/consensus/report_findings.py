"""What a report says of a finding: its highest uptake, its slice, and a sentence without either number.

Three readers look for each number in their own way (a fixed phrase; the nearest number to a key word; the first number
after a word that is nearly the key word, misspelt or not), and it counts when two of three agree. A sentence is dropped
when it names more than one slice or more than two values, two values without "previous", a value below 2.5, no
anatomical term, or when it is a template.

Source: Huemann et al., Vision-language modeling in PET/CT for visual grounding of positive findings, 2025 [P039].
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from labelwright.errors import BadInput

LEAST_UPTAKE = 2.5
ANATOMY = (
    *("lung", "lobe", "liver", "hepatic", "spleen", "kidney", "renal", "adrenal", "bone", "rib", "vertebra", "spine"),
    *("pelvis", "femur", "sacrum", "node", "neck", "axilla", "mediastinum", "hilum", "hilar", "chest", "abdomen"),
    *("bowel", "colon", "stomach", "pancreas", "brain", "thyroid", "breast", "prostate", "bladder", "muscle", "skin"),
)
TEMPLATES = ("reference", "blood pool", "was administered", "glucose", "standardized uptake values are")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_VALUE = re.compile(
    r"suv\s*-?\s*max(?:imum)?\s*(?:of|is|was|:|=)?\s*(\d+(?:\.\d+)?)|max(?:imum)?\s+suv\s*(?:of|is|was|:|=)?\s*(\d+(?:\.\d+)?)",
    re.I,
)
_SLICE = re.compile(r"(?:axial\s+)?(?:slice|image)\s*(?:number|no\.?)?\s*#?\s*(\d+)", re.I)
_SIDES = {"left": re.compile(r"\bleft\b", re.I), "right": re.compile(r"\bright\b", re.I)}


@dataclass(frozen=True)
class Finding:
    """One sentence of a report that can be placed in the volume.

    Parameters
    ----------
    sentence : int
        Its number in the report.
    text : str
        As written.
    value : float
        The reported highest uptake.
    slice_number : int
        As the reporter counts.
    training_text : str
        Without value and slice, so that a model cannot read them.
    """

    sentence: int
    text: str
    value: float
    slice_number: int
    training_text: str

    @property
    def side(self) -> str | None:
        """``"left"`` or ``"right"`` when the sentence names one side alone."""
        named = [side for side, pattern in _SIDES.items() if pattern.search(self.text)]
        return named[0] if len(named) == 1 else None


class FindingParser:
    """Reads findings out of reports. [P039]

    Parameters
    ----------
    anatomy : sequence of str, optional
        Words of which a finding names at least one, as a whole word or its plural.
    templates : sequence of str, optional
        Phrases of sentences that describe no finding.
    least_value : float, default 2.5

    Examples
    --------
    >>> found = FindingParser().parse("Left neck node with SUV max of 12.3 on slice 145. Liver SUVmax 2.1, image 90.")
    >>> [(f.value, f.slice_number, f.training_text) for f in found]
    [(12.3, 145, 'Left neck node with SUV max of on slice.')]

    Source: [P039].
    """

    def __init__(
        self,
        anatomy: Sequence[str] = ANATOMY,
        templates: Sequence[str] = TEMPLATES,
        least_value: float = LEAST_UPTAKE,
    ) -> None:
        if not anatomy:
            raise BadInput("no anatomical term is known", fix="name some words that findings contain")
        terms = "|".join(re.escape(term) for term in sorted(anatomy, key=len, reverse=True))
        self._anatomy = re.compile(rf"\b(?:{terms})(?:s|es|e|l)?\b", re.I)
        self.templates, self.least_value = tuple(t.lower() for t in templates), least_value

    def parse(self, report: str) -> list[Finding]:
        """Return the findings of a report, in its order."""
        found = [self._finding(i, text.strip()) for i, text in enumerate(_SENTENCE.split(report))]
        return [finding for finding in found if finding is not None]

    def _finding(self, number: int, text: str) -> Finding | None:
        lower = text.lower()
        if not self._anatomy.search(text) or any(template in lower for template in self.templates):
            return None
        slices = _agreed(_slice_phrase(text), _nearest(text, ("slice", "image", "axial"), False), _after(text, False))
        if slices is None:
            return None
        rest = _without(text, slices)
        values = _values(rest)
        if len(_SLICE.findall(text)) > 1 or len(values) > 2 or (len(values) == 2 and "previous" not in lower):
            return None
        current = re.sub(r"previous\w*[^,.;()]*?\d+(?:\.\d+)?", "", rest, flags=re.I)
        value = _agreed(_value_phrase(current), _nearest(current, ("suv", "uptake"), True), _after(current, True))
        if value is None or float(value) < self.least_value:
            return None
        training = re.sub(r"\s+([.,;])", r"\1", re.sub(r"\s{2,}", " ", _without(rest, value)))
        return Finding(number, text, float(value), int(slices), training.replace("#", "").strip())


def _agreed(*readings: str | None) -> str | None:
    """Return the number that two of three readers found."""
    counted = Counter(reading for reading in readings if reading is not None).most_common(1)
    return counted[0][0] if counted and counted[0][1] >= 2 else None


def _value_phrase(text: str) -> str | None:
    match = _VALUE.search(text)
    return None if match is None else match[1] or match[2]


def _slice_phrase(text: str) -> str | None:
    match = _SLICE.search(text)
    return None if match is None else match[1]


def _values(text: str) -> list[str]:
    """Return the different numbers with a decimal point: uptakes are reported so."""
    return [number for number in _NUMBER.findall(text) if "." in number]


def _nearest(text: str, words: tuple[str, ...], decimal: bool) -> str | None:
    """Return the number of its kind nearest to a key word."""
    keys = [match.end() for word in words for match in re.finditer(word, text, re.I)]
    numbers = [m for m in _NUMBER.finditer(text) if ("." in m[0]) == decimal]
    if not keys or not numbers:
        return None
    return min(numbers, key=lambda m: min(abs(m.start() - key) for key in keys))[0]


def _after(text: str, decimal: bool) -> str | None:
    """Return the first number of its kind after a word that is nearly a key word."""
    words = ("suvmax", "suv", "uptake", "maximum") if decimal else ("slice", "image", "axial")
    for word in re.finditer(r"[A-Za-z]+", text):
        if difflib.get_close_matches(word[0].lower(), words, n=1, cutoff=0.75):
            later = [m[0] for m in _NUMBER.finditer(text, word.end()) if ("." in m[0]) == decimal]
            if later:
                return later[0]
    return None


def _without(text: str, number: str) -> str:
    """Return the text with a number taken out, as a whole number."""
    return re.sub(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", "", text)
