"""Label errors in tagged tokens: every token is a row of its own, every sentence gets a score from its tokens.

    token score      any label quality score of the token's tag
    sentence score   min over its tokens, or Σ_t s_t · softmax_t((1 − s) / τ)

Sentences may come as lists (one a sentence) or as flat arrays with `offsets`; flat arrays are not copied.

Source: Wang, Mueller, Detecting Label Errors in Token Classification Data, 2022; the flags are those of [P042].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.label_issues import find_label_issues
from labelwright.audit.label_quality import get_label_quality_scores
from labelwright.errors import BadInput
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids

Tokens = Sequence[Sequence[str]]
Issues = Sequence[tuple[int, int]]
SentenceMethod = Literal["min", "softmin"]


def token_find_label_issues(
    labels: Any,
    pred_probs: Any,
    *,
    offsets: ArrayLike | None = None,
    return_indices_ranked_by: str = "self_confidence",
    low_memory: bool = False,
    **options: Any,
) -> list[tuple[int, int]]:
    """Find the tokens whose tag is probably wrong.

    Parameters
    ----------
    labels : list of int sequences, one a sentence; or int, shape (m,), with `offsets`
        The tag of each token, in [0, K).
    pred_probs : list of float arrays (t, K), one a sentence; or float, shape (m, K), with `offsets`
        From a model that was not trained on the sentence.
    offsets : int, shape (n + 1,), optional
        Sentence i has the tokens ``offsets[i]:offsets[i + 1]`` of flat arrays.
    return_indices_ranked_by : str
        A label quality score; the worst token comes first.
    low_memory : bool
        Accepted for the sake of callers; memory is bounded in any case.
    **options
        As for `find_label_issues`.

    Returns
    -------
    list of (sentence, token)

    Examples
    --------
    >>> probs = [np.array([[0.9, 0.1], [0.7, 0.3], [0.05, 0.95]]), np.array([[0.8, 0.2], [0.8, 0.2]])]
    >>> token_find_label_issues([[0, 0, 1], [0, 1]], probs)
    [(1, 1)]
    """
    given, probs, cuts = flat_tokens(labels, pred_probs, offsets)
    found = find_label_issues(given, probs, return_indices_ranked_by=return_indices_ranked_by, **options)
    return places(found, cuts)


def token_label_quality_scores(
    labels: Any,
    pred_probs: Any,
    *,
    offsets: ArrayLike | None = None,
    token_score_method: str = "self_confidence",
    sentence_score_method: SentenceMethod = "min",
    sentence_score_kwargs: dict[str, float] | None = None,
) -> tuple[NDArray[np.floating], list[NDArray[np.floating]]]:
    """Score every sentence and every token, in [0, 1], low = suspect.

    Parameters
    ----------
    labels, pred_probs, offsets : as for `token_find_label_issues`
    token_score_method : str
        As for `get_label_quality_scores`.
    sentence_score_method : {"min", "softmin"}
    sentence_score_kwargs : dict, optional
        ``{"temperature": 0.05}`` for softmin.

    Returns
    -------
    sentence_scores : float, shape (n,)
        1 for a sentence without tokens.
    token_scores : list of float arrays, one a sentence

    Examples
    --------
    >>> probs = [np.array([[0.9, 0.1], [0.7, 0.3], [0.05, 0.95]]), np.array([[0.8, 0.2], [0.8, 0.2]])]
    >>> token_label_quality_scores([[0, 0, 1], [0, 1]], probs)[0]
    array([0.7, 0.2])
    """
    given, probs, cuts = flat_tokens(labels, pred_probs, offsets)
    scores = get_label_quality_scores(given, probs, method=token_score_method)
    temperature = (sentence_score_kwargs or {}).get("temperature", 0.05)
    pooled = pool_tokens(scores, cuts, sentence_score_method, temperature)
    return pooled, np.split(scores, cuts[1:-1]) if len(cuts) > 1 else []


def pool_tokens(
    scores: NDArray[np.floating], offsets: NDArray[np.int64], method: str = "min", temperature: float = 0.05
) -> NDArray[np.floating]:
    """Pool the scores of tokens (m,) into one for each sentence (n,); 1 for a sentence without tokens."""
    if method not in ("min", "softmin"):
        raise BadInput(f"sentence_score_method is {method!r}", fix="use 'min' or 'softmin'")
    if method == "softmin" and not temperature >= 0:
        raise BadInput(f"temperature is {temperature}", fix="use a number such as 0.05")
    pooled = np.ones(len(offsets) - 1, scores.dtype)
    full = np.flatnonzero(np.diff(offsets) > 0)
    if not len(full):
        return pooled
    starts = offsets[full]
    least = np.minimum.reduceat(scores, starts)
    if method == "min" or temperature == 0:
        pooled[full] = least
        return pooled
    rows = np.repeat(np.arange(len(full)), np.diff(offsets)[full])
    weight = np.exp((least[rows] - scores) / temperature)
    pooled[full] = np.add.reduceat(weight * scores, starts) / np.add.reduceat(weight, starts)
    return pooled


def token_issues_from_scores(
    sentence_scores: ArrayLike, *, token_scores: Sequence[ArrayLike] | None = None, threshold: float = 0.1
) -> Any:
    """Return the tokens (or, without `token_scores`, the sentences) that score below `threshold`, worst first."""
    if token_scores is None:
        scores = np.asarray(sentence_scores)
        rows = np.flatnonzero(scores < threshold)
        return rows[np.argsort(scores[rows], kind="stable")]
    parts = [np.asarray(part) for part in token_scores]
    flat = np.concatenate(parts) if parts else np.empty(0)
    found = np.flatnonzero(flat < threshold)
    return places(found[np.argsort(flat[found], kind="stable")], offsets_of([len(part) for part in parts]))


def token_filter_by_token(token: str, issues: Issues, tokens: Tokens) -> list[tuple[int, int]]:
    """Return the issues about one word, whatever its case.

    Examples
    --------
    >>> token_filter_by_token("may", [(0, 0), (0, 1)], [["May", "sings"]])
    [(0, 0)]
    """
    return [(i, j) for i, j in issues if tokens[i][j].lower() == token.lower()]


def token_common_label_issues(
    issues: Issues,
    tokens: Tokens,
    *,
    labels: Sequence[ArrayLike] | None = None,
    pred_probs: Sequence[ArrayLike] | None = None,
    class_names: Sequence[str] | None = None,
    top: int | None = None,
    exclude: Sequence[tuple[int, int]] = (),
    verbose: bool = False,
) -> pa.Table:
    """Count the issues by word and, where labels and probabilities are given, by given and predicted tag.

    Parameters
    ----------
    issues : sequence of (sentence, token)
    tokens : sequence of sequences of str
    labels, pred_probs : optional
        As for `token_find_label_issues`, one a sentence.
    class_names : sequence of str, optional
    top : int, optional
        Most lines to return; all by default.
    exclude : sequence of (given, predicted)
        Pairs of tags not to count.
    verbose : bool
        Print the table.

    Returns
    -------
    pyarrow.Table
        Columns token, num_label_issues, and given_label, predicted_label where known; most frequent first.

    Examples
    --------
    >>> token_common_label_issues([(0, 0), (1, 0)], [["May", "sings"], ["May"]]).to_pylist()
    [{'token': 'May', 'num_label_issues': 2}]
    """
    if labels is None or pred_probs is None:
        words = Counter(tokens[i][j] for i, j in issues)
        table = pa.table({"token": list(words), "num_label_issues": list(words.values())})
    else:
        table = _by_tags(issues, tokens, labels, pred_probs, class_names, {tuple(pair) for pair in exclude})
    counts = table["num_label_issues"].to_numpy()
    table = table.take(pa.array(np.argsort(-counts, kind="stable")[:top]))
    if verbose:
        print("\n".join(" | ".join(map(str, line.values())) for line in table.to_pylist()))
    return table


def _by_tags(
    issues: Issues,
    tokens: Tokens,
    labels: Sequence[ArrayLike],
    pred_probs: Sequence[ArrayLike],
    names: Sequence[str] | None,
    exclude: set[tuple[int, ...]],
) -> pa.Table:
    order: dict[str, int] = {}
    counts: Counter[tuple[int, int, int]] = Counter()
    for i, j in issues:
        word = order.setdefault(tokens[i][j], len(order))
        pair = int(np.asarray(labels[i])[j]), int(np.asarray(pred_probs[i])[j].argmax())
        if pair not in exclude:
            counts[word, *pair] += 1
    words, keys = list(order), sorted(counts)
    shown = (lambda k: k) if names is None else (lambda k: names[k])
    return pa.table(
        {
            "token": pa.array([words[word] for word, _, _ in keys], pa.string()),
            "given_label": [shown(given) for _, given, _ in keys],
            "predicted_label": [shown(said) for _, _, said in keys],
            "num_label_issues": pa.array([counts[key] for key in keys], pa.int64()),
        }
    )


def flat_tokens(
    labels: Any, pred_probs: Any, offsets: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[np.floating], NDArray[np.int64]]:
    """Return labels (m,), probabilities (m, K) and offsets (n + 1,) from flat arrays or one array a sentence."""
    if offsets is not None:
        given, probs = np.asarray(labels), np.asarray(pred_probs)
        return given, probs, checked_offsets(offsets, len(given), "the token offsets")
    sizes, widths = [len(row) for row in labels], [len(rows) for rows in pred_probs]
    if len(sizes) != len(widths):
        raise BadInput(f"there are {len(sizes)} sentences of labels and {len(widths)} of pred_probs", fix="give both")
    uneven = next((i for i, (a, b) in enumerate(zip(sizes, widths, strict=True)) if a != b), None)
    if uneven is not None:
        raise BadInput(
            f"{sizes[uneven]} labels and {widths[uneven]} rows of pred_probs",
            where=f"sentence {uneven}",
            fix="give one row of probabilities a token",
        )
    full = [i for i, size in enumerate(sizes) if size]
    if not full:
        raise BadInput("there is no token", fix="give at least one sentence with a token")
    given = np.fromiter((label for row in labels for label in row), np.int64, sum(sizes))
    return given, np.concatenate([np.asarray(pred_probs[i]) for i in full]), offsets_of(sizes)


def places(found: NDArray[np.integer], offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (sentence, token) for positions in the flat arrays."""
    rows = segment_ids(offsets)[found]
    return list(zip(rows.tolist(), (found - offsets[rows]).tolist(), strict=True))
