"""Tokens as sparse rows of features: the word, its form and its neighbours, for a linear tagger.

Of a word: itself, lower-cased; its first and last one to four letters; its shape (``Xx``, ``dd.d``) and what it holds
(digits, hyphens, only capitals). Of a token: all of that for its own word, the word, shape and last three letters of
the two words before and after, and the pairs of words around it. Features that occur once in the data are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_AFFIXES = 4
_WINDOW = (-2, -1, 1, 2)
_PAIRS = ((-2, -1), (-1, 0), (0, 1), (1, 2), (-1, 1))
_LONGEST = 100  # letters of a word that are looked at


def token_features(tokens: Sequence[str], offsets: NDArray[np.int64]) -> sp.csr_matrix:
    """Return the features of each token, float32 CSR (m, d), every value 1; no label is used.

    Parameters
    ----------
    tokens : sequence of str, length m
    offsets : array of int64, shape (n + 1,)
        Sentence i has the tokens ``offsets[i]:offsets[i + 1]``.

    Examples
    --------
    >>> token_features(["Ann", "sings", "Ann", "sings"], np.array([0, 2, 4])).shape[0]
    4
    """
    words, codes = np.unique(np.asarray(tokens, dtype=object).astype(np.str_), return_inverse=True)
    folded, fold_of = np.unique([word[:_LONGEST].lower() for word in words.tolist()], return_inverse=True)
    own, near = _table([_own(word[:_LONGEST]) for word in words]), _table([_near(word[:_LONGEST]) for word in words])
    blocks = [own[codes]]
    places = {step: _shifted(codes, offsets, step, len(words)) for step in _WINDOW}
    edge = sp.csr_matrix((1, near.shape[1]), dtype=np.float32)
    padded = sp.vstack([near, edge], format="csr")
    for step in _WINDOW:
        outside = sp.csr_matrix((places[step] == len(words)).astype(np.float32)[:, None])
        blocks += [padded[places[step]], outside]
    places[0] = codes
    lower = np.append(fold_of, len(folded))
    for a, b in _PAIRS:
        blocks.append(_pairs(lower[places[a]], lower[places[b]], len(folded) + 1))
    features = sp.hstack(blocks, format="csr", dtype=np.float32)
    often = np.bincount(features.indices, minlength=features.shape[1]) > 1
    return features[:, np.flatnonzero(often)]


def shape_of(word: str) -> str:
    """Return the form of a word: X for capitals, x for small letters, d for digits, each run once.

    Examples
    --------
    >>> shape_of("McDonald's"), shape_of("2,500")
    ("XxXx'x", 'd,d')
    """
    out: list[str] = []
    for letter in word:
        sign = "X" if letter.isupper() else "x" if letter.isalpha() else "d" if letter.isdigit() else letter
        if not out or out[-1] != sign:
            out.append(sign)
    return "".join(out)


def _own(word: str) -> list[str]:
    lower = word.lower()
    edges = range(1, min(len(word), _AFFIXES) + 1)
    found = [f"w:{lower}", f"s:{shape_of(word)}", *(f"<{lower[:k]}" for k in edges), *(f">{lower[-k:]}" for k in edges)]
    signs = (word.isupper() and len(word) > 1, word.istitle(), any(c.isdigit() for c in word), "-" in word)
    return found + [f"f{k}" for k, true in enumerate(signs) if true] + ["1"]


def _near(word: str) -> list[str]:
    lower = word.lower()
    return [f"w:{lower}", f"s:{shape_of(word)}", f">{lower[-3:]}"]


def _table(lists: list[list[str]]) -> sp.csr_matrix:
    """Return which word has which feature, CSR (words, features)."""
    flat = np.array([feature for features in lists for feature in features], dtype=np.str_)
    _, columns = np.unique(flat, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum([len(features) for features in lists])])
    shape = (len(lists), int(columns.max(initial=-1)) + 1)
    return sp.csr_matrix((np.ones(len(flat), np.float32), columns, starts), shape=shape)


def _shifted(codes: NDArray[np.int64], offsets: NDArray[np.int64], step: int, edge: int) -> NDArray[np.int64]:
    """Return the word `step` places on within the sentence, `edge` beyond its ends."""
    sizes = np.diff(offsets)
    at = np.arange(len(codes)) + step
    inside = (at >= np.repeat(offsets[:-1], sizes)) & (at < np.repeat(offsets[1:], sizes))
    return np.where(inside, codes[np.clip(at, 0, max(len(codes) - 1, 0))], edge)


def _pairs(first: NDArray[np.int64], second: NDArray[np.int64], n: int) -> sp.csr_matrix:
    _, columns = np.unique(first * n + second, return_inverse=True)
    m = len(columns)
    shape = (m, int(columns.max(initial=-1)) + 1)
    return sp.csr_matrix((np.ones(m, np.float32), columns, np.arange(m + 1)), shape=shape)
