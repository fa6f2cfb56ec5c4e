"""Auditor of tagged tokens: which tags do not fit, joined to spans that one decision can mend.

Each token is judged as a row of its own by the model of the truth that also judges classes (`LabelErrors`), or, with
`filter_by`, by confident learning [P042]. Neighbouring suspects of a sentence whose suggested tags make one entity, or
none at all, become one finding; `part` names its tokens as decisions do: ``4`` or ``4-6``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.label_issues import find_label_issues
from labelwright.audit.label_quality import get_label_quality_scores
from labelwright.audit.scores import Scores
from labelwright.audit.token_labels import SentenceMethod, pool_tokens
from labelwright.audit.truth_model import estimate_truth
from labelwright.data.parts.sentences import Sentences
from labelwright.errors import BadInput, listed, quoted
from labelwright.evidence.segments import segment_ids
from labelwright.evidence.space import LabelSpace

_WORDS_SHOWN = 6


class _Part(NamedTuple):
    """Neighbouring suspects: the first and one past the last, as positions in the whole, and what is suggested."""

    first: int
    end: int
    suggested: str


@dataclass(frozen=True)
class TokenErrors:
    """Auditor of tags of tokens.

    Parameters
    ----------
    filter_by : str, optional
        A filter of `find_label_issues`; by default the model of the truth decides.
    pooling : {"min", "softmin"}
        How the scores of tokens become that of their sentence.
    seed : int
    """

    filter_by: str | None = None
    pooling: SentenceMethod = "min"
    seed: int = 0

    def score(
        self, sentences: Sentences, labels: NDArray[np.integer], pred_probs: NDArray[np.floating], space: LabelSpace
    ) -> list[Scores]:
        """Score each sentence, and each suspect token or span of tokens.

        Parameters
        ----------
        sentences : Sentences
            n sentences of m tokens in all.
        labels : int, shape (m,)
            The given tags.
        pred_probs : float, shape (m, K)
            From a model that was not trained on the sentence.
        space : LabelSpace
            The K tags.

        Returns
        -------
        list of Scores
            Kind ``"label"``, level ``"row"``: one entry a sentence. Kind ``"label"``, level ``"part"``: one entry a
            suspect.

        Examples
        --------
        >>> sentences = Sentences(("Ann", "sings") * 20, np.arange(0, 41, 2), tuple(map(str, range(20))))
        >>> labels, probs = np.array([0, 1] * 20), np.array([[0.9, 0.1], [0.1, 0.9]] * 20)
        >>> labels[6] = 1
        >>> found = TokenErrors().score(sentences, labels, probs, LabelSpace(("B-PER", "O")))[1]
        >>> found.rows, found.part, found.suggested
        (array([3]), ['0'], ['B-PER'])
        """
        if pred_probs.shape != (len(sentences.tokens), len(space)):
            raise BadInput(
                f"pred_probs has shape {pred_probs.shape} for {len(sentences.tokens)} tokens and {len(space)} tags",
                fix="give one row a token and one column a tag",
            )
        quality, flags, other = self.judge(labels, pred_probs)
        parts = list(_parts(np.flatnonzero(flags), other, sentences, space))
        told = [_reason(part, sentences, labels, pred_probs, space) for part in parts]
        return [
            self._rows(sentences, quality, flags, parts, told),
            _part_scores(parts, told, sentences, labels, quality, space),
        ]

    def judge(
        self, labels: NDArray[np.integer], probs: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return the score of each token, whether it is suspect, and the tag that fits best instead."""
        best_other = np.array(probs, copy=True)
        best_other[np.arange(len(labels)), labels] = -1
        other: NDArray[np.int64] = best_other.argmax(axis=1)
        if self.filter_by is not None:
            scores = get_label_quality_scores(labels, probs)
            return scores.astype(np.float64), find_label_issues(labels, probs, filter_by=self.filter_by), other
        if len(np.unique(labels)) < 2:
            return np.ones(len(labels)), np.zeros(len(labels), dtype=bool), other
        truth = estimate_truth(labels, probs, seed=self.seed)
        flags = (truth.other_probability > truth.given) & (truth.other != labels[truth.rows])
        other[truth.rows[flags]] = truth.other[flags]
        return np.clip(truth.given, 0, 1), flags, other

    def _rows(
        self,
        sentences: Sentences,
        quality: NDArray[np.float64],
        flags: NDArray[np.bool_],
        parts: Sequence[_Part],
        told: Sequence[str],
    ) -> Scores:
        n = len(sentences.names)
        suspect = np.bincount(sentences.rows[flags], minlength=n) > 0
        reason: list[str | None] = [None] * n
        counts = np.bincount([sentences.rows[part.first] for part in parts], minlength=n)
        for part, text in zip(parts, told, strict=True):
            row = int(sentences.rows[part.first])
            more = f", and {counts[row] - 1} more in this sentence" if counts[row] > 1 else ""
            reason[row] = reason[row] or f"{_quoted_words(sentences.tokens[part.first : part.end])}: {text}{more}"
        score = pool_tokens(quality, sentences.offsets, self.pooling)
        return Scores("label", "row", np.clip(score, 0, 1), suspect, rows=np.arange(n), reason=reason)


def _parts(
    flagged: NDArray[np.int64], other: NDArray[np.int64], sentences: Sentences, space: LabelSpace
) -> Iterator[_Part]:
    """Yield the suspects, neighbours joined where one decision can mend them."""
    rows = segment_ids(sentences.offsets)
    at = 0
    while at < len(flagged):
        first = int(flagged[at])
        names = [space.names[other[first]]]
        step = 1
        while at + step < len(flagged) and flagged[at + step] == first + step and rows[first + step] == rows[first]:
            tag = space.names[other[first + step]]
            if not _continues(names[0], tag, space):
                break
            names.append(tag)
            step += 1
        whole = len(names) > 1
        yield _Part(first, first + step, (names[0][2:] if names[0] != "O" else "O") if whole else names[0])
        at += step


def _continues(first: str, tag: str, space: LabelSpace) -> bool:
    """Whether a span that begins with the tag `first` goes on with `tag`, in words that `apply` would write."""
    return tag == "O" if first == "O" else first.startswith("B-") and tag == f"I-{first[2:]}"


def _part_scores(
    parts: Sequence[_Part],
    told: Sequence[str],
    sentences: Sentences,
    labels: NDArray[np.integer],
    quality: NDArray[np.float64],
    space: LabelSpace,
) -> Scores:
    if not parts:
        return Scores.none("label", "part")
    rows = sentences.rows[[part.first for part in parts]]
    return Scores(
        "label",
        "part",
        np.array([quality[part.first : part.end].min() for part in parts]),
        np.ones(len(parts), dtype=bool),
        rows=rows,
        part=[part_name(part.first, part.end, sentences) for part in parts],
        given=[" ".join(space.names[k] for k in labels[part.first : part.end].tolist()) for part in parts],
        suggested=[part.suggested for part in parts],
        reason=[
            f"{_quoted_words(sentences.tokens[part.first : part.end])}: {text}"
            for part, text in zip(parts, told, strict=True)
        ],
    )


def part_name(first: int, end: int, sentences: Sentences) -> str:
    """Return tokens as decisions name them: ``4`` or ``4-6``, counted within the sentence, both ends included."""
    start = int(sentences.offsets[np.searchsorted(sentences.offsets, first, side="right") - 1])
    return str(first - start) if end - first == 1 else f"{first - start}-{end - 1 - start}"


def _quoted_words(words: Sequence[str]) -> str:
    shown = " ".join(words[:_WORDS_SHOWN]) + (" …" if len(words) > _WORDS_SHOWN else "")
    return quoted(shown)


def _reason(
    part: _Part,
    sentences: Sentences,
    labels: NDArray[np.integer],
    probs: NDArray[np.floating],
    space: LabelSpace,
) -> str:
    given = list(dict.fromkeys(space.names[k] for k in labels[part.first : part.end].tolist()))
    said = probs[part.first : part.end].argmax(axis=1)
    sure = probs[np.arange(part.first, part.end), said]
    tags = [f"{quoted(space.names[k])} at {p:.2f}" for k, p in zip(said.tolist(), sure.tolist(), strict=True)]
    more = f" and so on for {len(tags) - 3} more" if len(tags) > 3 else ""
    return f"given {listed(given)}; the model, trained without this sentence, says {', '.join(tags[:3])}{more}"
