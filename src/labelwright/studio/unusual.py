"""What is unusual about a row among the rows of its label: words of its text, cells of its table row.

words       the log-odds of a word between the given class and another one, the row itself left out, with a Dirichlet
            prior of the word's share in all rows (Monroe, Colaresi and Quinn, Fightin' Words, 2008):

                log (y_wg + a_w) / (n_g + a − y_wg − a_w)  −  the same of the other class

cells       a number far from the median of its class in units of the class's own spread (1.4826 · MAD), or a value that
            fewer than one in a hundred rows of the class have
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from labelwright.data.dataset import Dataset

# A word is a run of letters and digits; in scripts without spaces each sign is one.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
MOST_ROWS = 20_000  # texts that words are counted in: a random sample of larger data
FEWEST_ROWS_OF_WORD = 3
STRONG_ODDS = float(np.log(6.0))
PRIOR = 10.0  # words
FAR = 3.5  # robust standard deviations (Iglewicz and Hoaglin, 1993)
RARE = 0.01
FEWEST_ROWS_OF_CLASS = 20


class WordOdds:
    """How strongly each word speaks for one class against another; counted once, when first asked.

    Parameters
    ----------
    texts : callable
        Returns the texts of given rows.
    labels : int array, shape (n,)
        Classes, -1 = none.
    n_classes : int
    seed : int
        Of the sample that larger data are counted in.

    Examples
    --------
    >>> said = ["free prize", "free win", "free now"] * 3 + ["see you", "see her", "see now"] * 3
    >>> odds = WordOdds(lambda rows: [said[row] for row in rows], np.repeat([0, 1], 9), 2)
    >>> [said[0][start:end] for start, end, _ in odds.against(0, said[0], given=1, other=0)]
    ['free']
    """

    def __init__(
        self, texts: Callable[[Sequence[int]], list[str]], labels: NDArray[Any], n_classes: int, *, seed: int = 0
    ) -> None:
        self._texts, self._labels, self.n_classes, self._seed = texts, labels, n_classes, seed

    @cached_property
    def _counted(self) -> tuple[dict[str, int], NDArray[np.float64], frozenset[int]]:
        from sklearn.feature_extraction.text import CountVectorizer

        rows = np.flatnonzero(self._labels >= 0)
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng([self._seed, 0x77]).choice(rows, MOST_ROWS, replace=False))
        counter = CountVectorizer(analyzer=words_of, binary=True, dtype=np.float64)
        try:
            counts = counter.fit_transform(self._texts(rows.tolist()))
        except ValueError:  # no text has a word
            return {}, np.zeros((self.n_classes, 0)), frozenset()
        of_class = csr_matrix(
            (np.ones(len(rows)), (self._labels[rows], np.arange(len(rows)))), shape=(self.n_classes, len(rows))
        )
        return counter.vocabulary_, (of_class @ counts).toarray(), frozenset(rows.tolist())

    def against(self, row: int, text: str, *, given: int, other: int) -> list[tuple[int, int, float]]:
        """Return the words of a text that speak against the given and for another class: start, end, log-odds > 0."""
        vocabulary, counts, counted = self._counted
        found = [(m.start(), m.end(), vocabulary.get(m.group().lower(), -1)) for m in WORD.finditer(text)]
        known = sorted({number for *_, number in found if number >= 0})
        if given == other or not known:
            return []
        own = float(row in counted and self._labels[row] == given)
        seen = counts[:, known]
        prior = PRIOR * (seen.sum(axis=0) + 1) / (counts.sum() + counts.shape[1])
        here = _log_odds(np.maximum(seen[given] - own, 0), counts[given].sum(), prior)
        there = _log_odds(seen[other], counts[other].sum(), prior)
        enough = seen.sum(axis=0) - own >= FEWEST_ROWS_OF_WORD
        strong = dict(zip(known, np.where(enough, there - here, 0.0).tolist(), strict=True))
        return [(start, end, strong[number]) for start, end, number in found if strong.get(number, 0) >= STRONG_ODDS]


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def _log_odds(count: NDArray[np.float64], total: float, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    share = count + prior
    odds: NDArray[np.float64] = np.log(share) - np.log(np.maximum(total + PRIOR - share, 1e-9))
    return odds


def marked_text(text: str, spans: Sequence[tuple[int, int, float]]) -> list[dict[str, Any]]:
    """Cut a text into parts that are marked or not, in order; together they are the text.

    Examples
    --------
    >>> marked_text("a free b", [(2, 6, 1.5)])
    [{'text': 'a ', 'marked': False}, {'text': 'free', 'marked': True}, {'text': ' b', 'marked': False}]
    """
    parts, at = [], 0
    for start, end, _ in spans:
        parts += [{"text": text[at:start], "marked": False}, {"text": text[start:end], "marked": True}]
        at = end
    parts.append({"text": text[at:], "marked": False})
    return [part for part in parts if part["text"]]


class UnusualCells:
    """Which cells of a row are unusual among the rows of its class; a column is looked at once, when first asked.

    Parameters
    ----------
    dataset : Dataset
    groups : int array, shape (n,)
        What rows are compared within: classes, or zeros; -1 = none.
    """

    def __init__(self, dataset: Dataset, groups: NDArray[Any]) -> None:
        self._dataset, self._groups = dataset, groups
        self._columns: dict[str, Callable[[int], str | None]] = {}

    def why(self, row: int, name: str) -> str | None:
        """Say why a cell is unusual, None where it is not."""
        if name not in self._dataset.source.table.column_names:
            return None
        if name not in self._columns:
            self._columns[name] = self._judge(name)
        return self._columns[name](row)

    def _judge(self, name: str) -> Callable[[int], str | None]:
        cells = [None if cell is None or cell == "" else str(cell) for cell in self._dataset.column(name).to_pylist()]
        try:
            values = np.array([np.nan if cell is None else float(cell) for cell in cells])
        except ValueError:
            return _rare(cells, self._groups)
        return _far(values, self._groups)


def _far(values: NDArray[np.float64], groups: NDArray[Any]) -> Callable[[int], str | None]:
    distance = np.zeros(len(values))
    for group in np.unique(groups[groups >= 0]):
        rows = np.flatnonzero((groups == group) & np.isfinite(values))
        if len(rows) < FEWEST_ROWS_OF_CLASS:
            continue
        middle = np.median(values[rows])
        spread = 1.4826 * np.median(np.abs(values[rows] - middle))
        if spread > 0:
            distance[rows] = (values[rows] - middle) / spread
    return lambda row: f"{distance[row]:+.1f}" if abs(distance[row]) > FAR else None


def _rare(cells: list[str | None], groups: NDArray[Any]) -> Callable[[int], str | None]:
    names, codes = np.unique([cell or "" for cell in cells], return_inverse=True)
    keys = groups.astype(np.int64) * len(names) + codes
    _, inverse, number = np.unique(keys, return_inverse=True, return_counts=True)
    size = np.bincount(groups[groups >= 0], minlength=1)
    many = len(names) > len(cells) / 10  # free text and names: every value is rare

    def why(row: int) -> str | None:
        group = groups[row]
        if many or group < 0 or cells[row] is None or size[group] < FEWEST_ROWS_OF_CLASS:
            return None
        count, of = int(number[inverse[row]]), int(size[group])
        return f"{count} / {of}" if count <= max(RARE * of, 1) else None

    return why
