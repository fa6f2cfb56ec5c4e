"""The label vocabulary: class names that are twins of each other, and classes of a handful of rows.

Two names are twins when they become equal under one of these views, tried in this order: without invisible
characters and outer or repeated space; without case; after Unicode normalisation (NFKC); with letters of other
scripts replaced by the Latin ones they look like; with ``_ - . /`` between words read as a space. Failing that, a rare
name one slip (a letter more, less, other or swapped) from a common one is taken for a typo: never where digits
differ, and only where the rare class has at most `typo_share` of the rows of the common one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.class_balance import class_counts, rows_text
from labelwright.audit.inputs import reasons_at
from labelwright.audit.scores import Scores
from labelwright.errors import quoted
from labelwright.evidence.space import LabelSpace

# Cyrillic, Greek, Armenian and other letters that print like a Latin one, and the Latin one.
_LOOKALIKE = str.maketrans(
    "аеорсухіјѕԁԛԝһӏьвнктмгАВЕКМНОРСТУХІЈЅԌαοερτυνικχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսցոհıł",
    "aeopcyxijsdqwhlbbhktmrABEKMHOPCTYXIJSGaoeptuvikxwABEZHIKMNOPTYXouqnhil",
)
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_])[\s_\-./]+(?=\w)|(?<=\w)[\s_\-./]+(?=[^\W\d_])")
_LEAST_TYPO_LENGTH = 3
# In shorter names only a doubled or swapped letter is a typo: "cat" and "car" are two words.
_LEAST_SUBSTITUTION_LENGTH = 4
_LONGEST_TYPO_LENGTH = 64


@dataclass(frozen=True)
class ClassNames:
    """Find class names that mean the same, and say which spelling to keep and why.

    Parameters
    ----------
    typo_share : float, default 0.1
        A class is taken for the typo of another only with at most this share of its rows.

    Examples
    --------
    >>> labels = np.repeat([0, 1], [812, 3])
    >>> ClassNames().score(labels, LabelSpace(("Bug", "bug"))).reason
    ["'Bug' and 'bug' differ only in case: 812 and 3 rows; merge into 'Bug', the commoner spelling"]
    """

    typo_share: float = 0.1

    def score(self, labels: ArrayLike, space: LabelSpace) -> Scores:
        """Return one entry for each name to merge: `given` the spelling to give up, `suggested` the one to keep.

        Scores: 0 for names that differ in what nobody sees or means (space, case, Unicode, script, separators), 0.5
        for what may be a typo.
        """
        counts = class_counts(labels, space)
        twins = list(_twins(space.names, counts))
        merged = {drop for drop, *_ in twins}
        twins += [typo for typo in _typos(space.names, counts, self.typo_share) if typo[0] not in merged]
        reasons = [_reason(space.names, counts, *twin) for twin in twins]
        return Scores(
            "class_name",
            "class",
            np.array([0.5 if difference is None else 0.0 for *_, difference in twins]),
            np.ones(len(twins), dtype=bool),
            given=[space.names[drop] for drop, *_ in twins],
            suggested=[space.names[keep] for _, keep, _ in twins],
            reason=reasons,
        )


@dataclass(frozen=True)
class SmallClasses:
    """List the classes with too few rows to learn from or to judge.

    Parameters
    ----------
    min_rows : int, default 5

    Examples
    --------
    >>> SmallClasses().score([0] * 9 + [1], LabelSpace(("ham", "spam"))).reason[1]
    "'spam' has only 1 row: too few to learn from or to judge"
    """

    min_rows: int = 5

    def score(self, labels: ArrayLike, space: LabelSpace) -> Scores:
        """Return one entry a class; score = min(1, rows / `min_rows`)."""
        counts = class_counts(labels, space)
        is_issue = (counts < self.min_rows) & bool(counts.sum())
        found = np.flatnonzero(is_issue)
        reasons = [
            f"{quoted(space.names[c])} has {'no rows' if not counts[c] else 'only ' + rows_text(int(counts[c]))}: "
            "too few to learn from or to judge"
            for c in found.tolist()
        ]
        return Scores(
            "small_class",
            "class",
            np.minimum(counts / max(self.min_rows, 1), 1.0),
            is_issue,
            given=list(space.names),
            reason=reasons_at(found, reasons, len(space)),
        )


def _visible(name: str) -> str:
    kept = "".join(char for char in name if unicodedata.category(char) not in ("Cf", "Cc") or char.isspace())
    return " ".join(kept.split())


def _caseless(name: str) -> str:
    return _visible(name).casefold()


def _compatible(name: str) -> str:
    return _caseless(unicodedata.normalize("NFKC", name))


def _latin(name: str) -> str:
    return _compatible(_compatible(name.translate(_LOOKALIKE)).translate(_LOOKALIKE))


def _worded(name: str) -> str:
    return _BETWEEN_WORDS.sub(" ", _latin(name))


_VIEWS: tuple[tuple[Callable[[str], str], str], ...] = (
    (_visible, "space or invisible characters"),
    (_caseless, "case"),
    (_compatible, "Unicode form"),
    (_latin, "letters that look alike"),
    (_worded, "how words are separated"),
)

_Twin = tuple[int, int, str | None]


def _twins(names: tuple[str, ...], counts: NDArray[np.int64]) -> Iterator[_Twin]:
    """Yield (name to give up, name to keep, difference) for every name but the best of each group."""
    groups: dict[str, list[int]] = defaultdict(list)
    for k, name in enumerate(names):
        groups[_worded(name)].append(k)
    for members in groups.values():
        if len(members) < 2:
            continue
        keep = min(members, key=lambda k: (-counts[k], _oddness(names[k]), names[k]))
        for drop in members:
            if drop != keep:
                yield drop, keep, _difference(names[drop], names[keep])


def _difference(a: str, b: str) -> str:
    words = next(words for view, words in _VIEWS if view(a) == view(b))
    spaced = _visible(a) != a or _visible(b) != b
    return f"space and {words}" if spaced and words != _VIEWS[0][1] else words


def _oddness(name: str) -> int:
    """Count what a clean spelling does not have: characters that the views change."""
    return sum(a != b for a, b in zip(name, _visible(name), strict=False)) + 2 * (_latin(name) != _compatible(name))


def _typos(names: tuple[str, ...], counts: NDArray[np.int64], share: float) -> Iterator[_Twin]:
    """Yield rare names one slip from a common one, with the commonest such name; names meet over shared deletions."""
    forms = [_worded(name) for name in names]
    meeting: dict[str, list[int]] = defaultdict(list)
    for k, form in enumerate(forms):
        if _LEAST_TYPO_LENGTH <= len(form) <= _LONGEST_TYPO_LENGTH:
            for shorter in {form, *(form[:i] + form[i + 1 :] for i in range(len(form)))}:
                meeting[shorter].append(k)
    best: dict[int, int] = {}
    for members in meeting.values():
        for drop in members if len(members) > 1 else ():
            for keep in members:
                rare = 0 < counts[drop] <= share * counts[keep]
                if rare and _one_slip(forms[drop], forms[keep]):
                    best[drop] = max(best.get(drop, keep), keep, key=lambda k: (counts[k], -k))
    yield from ((drop, keep, None) for drop, keep in sorted(best.items()))


def _one_slip(a: str, b: str) -> bool:
    """Tell whether two different strings are one insertion, deletion, substitution or swap apart, digits aside."""
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[head:], b[head:]
    tail = next((i for i, (x, y) in enumerate(zip(rest_a[::-1], rest_b[::-1], strict=False)) if x != y), None)
    tail = min(len(rest_a), len(rest_b)) if tail is None else tail
    x, y = rest_a[: len(rest_a) - tail], rest_b[: len(rest_b) - tail]
    if a == b or any(char.isdigit() for char in x + y):
        return False
    swapped = len(x) == 2 and x == y[::-1]
    longer = a if len(a) > len(b) else b
    doubled = len(x) + len(y) == 1 and 0 < head < len(longer) and longer[head] == longer[head - 1]
    long = min(len(a), len(b)) >= _LEAST_SUBSTITUTION_LENGTH
    return swapped or doubled or (long and max(len(x), len(y)) == 1)


def _reason(names: tuple[str, ...], counts: NDArray[np.int64], drop: int, keep: int, difference: str | None) -> str:
    kept, dropped = quoted(names[keep]), quoted(names[drop])
    many, few = f"{int(counts[keep]):,}", rows_text(int(counts[drop]))
    if difference is None:
        return f"{dropped} looks like a typo of {kept}: {few} against {many}; merge into {kept}"
    why = "the commoner spelling" if counts[keep] > counts[drop] else "the cleaner spelling"
    what = difference + _odd_letter(names[drop], names[keep])
    return f"{kept} and {dropped} differ only in {what}: {many} and {few}; merge into {kept}, {why}"


def _odd_letter(drop: str, keep: str) -> str:
    """Name the first character of one spelling that the other lacks, where the eye cannot tell them apart."""
    for name, other in ((drop, keep), (keep, drop)):
        for char in name:
            if ord(char) > 127 and char not in other and _latin(char) in _latin(other):
                return f" (U+{ord(char):04X} {unicodedata.name(char, 'unnamed')})"
    return ""
