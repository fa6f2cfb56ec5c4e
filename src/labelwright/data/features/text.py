"""Text as vectors: how often which words, pairs of words and character n-grams occur, squeezed to 256 numbers.

Words (1-2) and character n-grams (2-4 inside words, edges marked) are hashed to columns, weighted by
``(1 + log count) · (1 + log((1 + n) / (1 + document frequency)))``, scaled to length 1 in each of the two groups, and
projected on the leading right singular vectors (randomised, seeded: Halko, Martinsson and Tropp, 2011), which are
learned from at most `SAMPLE` rows. Blocks of rows are projected one after the other, so memory does not grow with n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from labelwright.progress import SILENT, Advance, Progress

DIMENSIONS = 256
SAMPLE = 20_000
COLUMNS = 40_000  # most columns kept of each group, the most frequent ones
_BLOCK, _BLOCK_CHARACTERS = 2_000, 2_000_000  # most rows and characters worked on at a time by one thread
_LONGEST = 20_000  # characters read of one text


@dataclass(frozen=True)
class _Vocabulary:
    """Which hashes are columns, and the weight of each column. Columns of words come first."""

    column_of: NDArray[np.int32]  # (BUCKETS,), -1 = not kept
    weight: NDArray[np.float32]  # (m,)
    n_words: int


@dataclass(frozen=True)
class TextEncoder:
    """The n-grams that count and the axes that their weights are projected on, learned from some texts.

    Parameters
    ----------
    vocabulary : the kept n-grams and their weights
    axes : array of float32, shape (m, d)

    Examples
    --------
    >>> encoder, matrix, _ = fit_text(["red apple", "red apples", "blue sky", "blue skies"], dimensions=2)
    >>> bool((encoder.transform(["red apple"]) == matrix[:1]).all())
    True
    """

    vocabulary: _Vocabulary
    axes: NDArray[np.float32]

    def transform(self, texts: Sequence[str], *, jobs: int = 1, progress: Progress = SILENT) -> NDArray[np.float32]:
        """Return one vector a text, float32 (n, d); a text without any known n-gram is a row of zeros."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"), progress.stage("text features", len(texts)) as advance:
            return self._transform(texts, jobs, advance)

    def _transform(self, texts: Sequence[str], jobs: int, advance: Advance) -> NDArray[np.float32]:
        matrix = np.zeros((len(texts), self.axes.shape[1]), np.float32)

        def one_block(block: slice) -> int:
            matrix[block] = _weighted(_count_block(texts[block]), self.vocabulary) @ self.axes
            return block.stop - block.start

        with ThreadPoolExecutor(max(1, jobs)) as pool:
            for done in pool.map(one_block, _blocks(texts)):
                advance(done)
        return matrix

    def arrays(self) -> dict[str, NDArray]:
        """Return everything that `from_arrays` needs."""
        column_of = self.vocabulary.column_of
        kept = np.flatnonzero(column_of >= 0)
        kept = kept[np.argsort(column_of[kept])].astype(np.int32)
        n_words = np.array([self.vocabulary.n_words], np.int64)
        return {"kept": kept, "weight": self.vocabulary.weight, "n_words": n_words, "axes": self.axes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> Self:
        """Return the encoder whose `arrays` these are."""
        from labelwright.data.features._ngrams import BUCKETS

        column_of = np.full(BUCKETS, -1, np.int32)
        column_of[arrays["kept"]] = np.arange(len(arrays["kept"]))
        vocabulary = _Vocabulary(column_of, arrays["weight"], int(arrays["n_words"][0]))
        return cls(vocabulary, np.ascontiguousarray(arrays["axes"]))


def text_features(
    texts: Sequence[str], *, dimensions: int = DIMENSIONS, seed: int = 0, jobs: int = 1, progress: Progress = SILENT
) -> tuple[NDArray[np.float32], list[str]]:
    """Return one vector a text and notes on how they were made.

    Parameters
    ----------
    texts : sequence of str, length n
        Any script; case is folded. Of one text at most 20 000 characters are read.
    dimensions : int
        Most columns of the result; fewer when there are fewer rows or n-grams.
    jobs : int
        Threads; the result does not depend on it.

    Returns
    -------
    matrix : array of float32, shape (n, d)
        A text without any known n-gram is a row of zeros.
    notes : list of str

    Examples
    --------
    >>> matrix, _ = text_features(["red apple", "red apples", "blue sky", "blue skies"], dimensions=2)
    >>> matrix.shape
    (4, 2)
    """
    _, matrix, notes = fit_text(texts, dimensions=dimensions, seed=seed, jobs=jobs, progress=progress)
    return matrix, notes


def fit_text(
    texts: Sequence[str], *, dimensions: int = DIMENSIONS, seed: int = 0, jobs: int = 1, progress: Progress = SILENT
) -> tuple[TextEncoder, NDArray[np.float32], list[str]]:
    """Return what `text_features` returns, and the encoder that makes the same vectors of further texts."""
    from threadpoolctl import threadpool_limits

    n = len(texts)
    rng = np.random.default_rng(seed)
    chosen = np.arange(n) if n <= SAMPLE else np.sort(rng.choice(n, SAMPLE, replace=False))
    with threadpool_limits(1, user_api="blas"), progress.stage("text features", 2 * n) as advance:
        vocabulary, weighted = _learned([texts[i] for i in chosen.tolist()], jobs)
        encoder = TextEncoder(vocabulary, right_singular_vectors(weighted, dimensions, rng, jobs))
        del weighted
        advance(n)
        matrix = encoder._transform(texts, jobs, advance)
    return encoder, matrix, [_note(encoder, len(chosen), n)]


def _note(encoder: TextEncoder, sample: int, n: int) -> str:
    n_words, d = encoder.vocabulary.n_words, encoder.axes.shape[1]
    n_chars = len(encoder.vocabulary.weight) - n_words
    learned = "" if sample == n else f", learned from {sample} rows"
    return f"text: {n_words} word and {n_chars} character n-grams, TF-IDF, SVD to {d}{learned}"


def _learned(texts: list[str], jobs: int) -> tuple[_Vocabulary, sp.csr_array]:
    """Return the vocabulary of the sample and its weighted rows."""
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        counted = list(pool.map(_count_block, [texts[block] for block in _blocks(texts)])) or [_count_block([])]
    vocabulary = _vocabulary(counted, len(texts))
    return vocabulary, sp.vstack([_weighted(counts, vocabulary) for counts in counted], format="csr")


def _blocks(texts: Sequence[str]) -> list[slice]:
    """Cut the rows into blocks of at most `_BLOCK` texts and about `_BLOCK_CHARACTERS` characters."""
    lengths = np.minimum(np.fromiter(map(len, texts), np.int64, len(texts)), _LONGEST)
    of_row = np.arange(len(texts)) // _BLOCK + np.cumsum(lengths) // _BLOCK_CHARACTERS
    edges = [*np.flatnonzero(np.diff(of_row, prepend=-1)).tolist(), len(texts)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _count_block(texts: Sequence[str]) -> sp.csr_array:
    """Return how often each hashed n-gram occurs, float32 (n, BUCKETS)."""
    from labelwright.data.features._ngrams import BUCKETS, MOST, count_ngrams

    folded = [text[:_LONGEST].lower() for text in texts]
    lengths = np.array([len(text) for text in folded], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    codes = np.frombuffer("".join(folded).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds(codes)
    room = int((lengths * MOST + MOST).sum())
    columns, values = np.empty(room, np.int32), np.empty(room, np.float32)
    ends = count_ngrams(codes, kinds, starts, columns, values)
    used = int(ends[-1])
    return sp.csr_array(
        (values[:used].copy(), columns[:used].copy(), ends.astype(np.int32)), shape=(len(texts), BUCKETS)
    )


def _kinds(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return 0 for space and controls, 1 for punctuation and symbols, 2 for letters, marks and digits."""
    import unicodedata

    kind = np.zeros(0x110000, np.uint8)
    for code in np.flatnonzero(np.bincount(codes)).tolist():
        kind[code] = {"Z": 0, "C": 0, "L": 2, "N": 2, "M": 2}.get(unicodedata.category(chr(code))[0], 1)
    return kind[codes]


def _vocabulary(counted: list[sp.csr_array], n: int) -> _Vocabulary:
    """Keep the n-grams of at least two rows (of one, in a handful of rows), at most `COLUMNS` a group."""
    from labelwright.data.features._ngrams import BUCKETS

    frequency = sum(np.bincount(counts.indices, minlength=BUCKETS) for counts in counted)
    assert isinstance(frequency, np.ndarray)
    least = 1 if n < 20 else 2
    halves = []
    for first, last in ((0, BUCKETS // 2), (BUCKETS // 2, BUCKETS)):
        half = first + np.flatnonzero(frequency[first:last] >= least)
        # Frequent columns side by side: products then find most of what they need in cache.
        halves.append(half[np.argsort(-frequency[half], kind="stable")[:COLUMNS]])
    kept = np.concatenate(halves)
    column_of = np.full(BUCKETS, -1, np.int32)
    column_of[kept] = np.arange(len(kept))
    weight = (np.log((1 + n) / (1 + frequency[kept])) + 1).astype(np.float32)
    return _Vocabulary(column_of, weight, len(halves[0]))


def _weighted(counts: sp.csr_array, vocabulary: _Vocabulary) -> sp.csr_array:
    """Return TF-IDF rows over the kept columns, each group of columns scaled to length 1 / sqrt(2)."""
    from labelwright.data.features._ngrams import weigh

    values, columns, ends = weigh(
        counts.data,
        counts.indices.astype(np.int32),
        counts.indptr.astype(np.int64),
        vocabulary.column_of,
        vocabulary.weight,
        vocabulary.n_words,
    )
    return sp.csr_array((values, columns, ends.astype(np.int32)), shape=(counts.shape[0], len(vocabulary.weight)))


def right_singular_vectors(
    A: sp.csr_array, dimensions: int, rng: np.random.Generator, jobs: int
) -> NDArray[np.float32]:
    """Return the leading right singular vectors, (m, d): a randomised range finder with two power steps."""
    n, m = A.shape
    d = min(dimensions, n, m)
    if d == 0 or A.nnz == 0:
        return np.zeros((m, 1), np.float32)
    back = A.T.tocsr()
    width = min(d + 16, n, m)
    Y = _product(A, rng.standard_normal((m, width), dtype=np.float32), jobs)
    for _ in range(2):
        Y = _product(A, _orthonormal(_product(back, _orthonormal(Y), jobs)), jobs)
    B = _product(back, _orthonormal(_orthonormal(Y)), jobs)  # (m, width), the transpose of Qᵀ A
    value, vector = np.linalg.eigh(B.T @ B)
    order = np.argsort(-value)[:d]
    order = order[value[order] > value.max() * 1e-9]
    axes = (B @ vector[:, order]) / np.sqrt(value[order])
    sign = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * sign, np.float32)


def _orthonormal(Y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return orthonormal columns that span those of Y, from its Gram matrix (a tenth of the work of a QR)."""
    value, vector = np.linalg.eigh((Y.T @ Y).astype(np.float64))
    keep = value > value[-1] * 1e-6
    return Y @ (vector[:, keep] / np.sqrt(value[keep])).astype(np.float32)


def _product(A: sp.csr_array, dense: NDArray[np.float32], jobs: int) -> NDArray[np.float32]:
    """Return A @ dense, rows in blocks over threads (SciPy lets go of the interpreter lock)."""
    dense = np.ascontiguousarray(dense, np.float32)
    edges = np.linspace(0, A.shape[0], 17).astype(int)
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        parts = list(pool.map(lambda i: A[edges[i] : edges[i + 1]] @ dense, range(16)))
    return np.concatenate(parts)
