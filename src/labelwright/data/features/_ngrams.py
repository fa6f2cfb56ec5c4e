"""The compiled inner loops of `text`: hashing n-grams and weighing their counts."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

BUCKETS = 1 << 21  # the lower half holds words and pairs of words, the upper half character n-grams
SHORTEST, LONGEST = 2, 4
MOST = 2 + 2 * (LONGEST - SHORTEST + 1)  # n-grams a character can give rise to, with room for the edges of words
_HALF = np.uint64(BUCKETS // 2)
_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_EDGE = np.uint64(0x20)


@njit(cache=True, nogil=True, inline="always")
def _mixed(h: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3: every bit of the hash depends on every bit that went in."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@njit(cache=True, nogil=True)
def _words(codes: NDArray[np.uint32], kinds: NDArray[np.uint8], start: int, stop: int, out: NDArray[np.int32]) -> int:
    """Write the buckets of words and of pairs of neighbouring words; return how many."""
    m = 0
    before = np.uint64(0)
    i = start
    while i < stop:
        if kinds[i] == 0:
            i += 1
            continue
        h = _SEED
        kind = kinds[i]
        while i < stop and kinds[i] == kind:
            h = (h ^ np.uint64(codes[i])) * _PRIME
            i += 1
            if kind == 1:  # each mark of punctuation is a word of its own
                break
        h = _mixed(h)
        out[m] = np.int32(h & (_HALF - np.uint64(1)))
        m += 1
        if before != 0:
            pair = _mixed(before * _PRIME ^ h)
            out[m] = np.int32(pair & (_HALF - np.uint64(1)))
            m += 1
        before = h
    return m


@njit(cache=True, nogil=True)
def _characters(
    codes: NDArray[np.uint32], kinds: NDArray[np.uint8], start: int, stop: int, out: NDArray[np.int32], m: int
) -> int:
    """Write the buckets of character n-grams inside words padded with one space on either side."""
    i = start
    while i < stop:
        if kinds[i] == 0:
            i += 1
            continue
        end = i
        while end < stop and kinds[end] != 0:
            end += 1
        for left in range(i - 1, end):
            h = _SEED
            for right in range(left, min(left + LONGEST, end + 1)):
                code = _EDGE if right < i or right >= end else np.uint64(codes[right])
                h = (h ^ code) * _PRIME
                size = right - left + 1
                if size >= SHORTEST:
                    out[m] = np.int32(_HALF + (_mixed(h + np.uint64(size)) & (_HALF - np.uint64(1))))
                    m += 1
        i = end
    return m


@njit(cache=True, nogil=True)
def count_ngrams(
    codes: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Write the columns (ascending) and counts of each text one after the other; return where each text ends."""
    n = len(starts) - 1
    ends = np.zeros(n + 1, np.int64)
    at = 0
    for t in range(n):
        length = starts[t + 1] - starts[t]
        found = np.empty(length * MOST + MOST, np.int32)
        m = _words(codes, kinds, starts[t], starts[t + 1], found)
        m = _characters(codes, kinds, starts[t], starts[t + 1], found, m)
        found = np.sort(found[:m])
        for p in range(m):
            if p > 0 and found[p] == found[p - 1]:
                values[at - 1] += 1
            else:
                columns[at] = found[p]
                values[at] = 1
                at += 1
        ends[t + 1] = at
    return ends


@njit(cache=True, nogil=True)
def weigh(
    counts: NDArray[np.float32],
    buckets: NDArray[np.int32],
    ends: NDArray[np.int64],
    column_of: NDArray[np.int32],
    weight: NDArray[np.float32],
    n_words: int,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Return TF-IDF values, columns and row ends; each group of columns has length 1 / sqrt(2) in a row."""
    n = len(ends) - 1
    values = np.empty(len(counts), np.float32)
    columns = np.empty(len(counts), np.int32)
    new_ends = np.zeros(n + 1, np.int64)
    at = 0
    for row in range(n):
        first = at
        words, characters = 0.0, 0.0
        for p in range(ends[row], ends[row + 1]):
            column = column_of[buckets[p]]
            if column >= 0:
                value = (1 + np.log(counts[p])) * weight[column]
                values[at] = value
                columns[at] = column
                at += 1
                if column < n_words:
                    words += value * value
                else:
                    characters += value * value
        for p in range(first, at):
            total = words if columns[p] < n_words else characters
            values[p] /= np.sqrt(2 * total)
        new_ends[row + 1] = at
    return values[:at].copy(), columns[:at].copy(), new_ends
