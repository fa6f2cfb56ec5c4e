"""The common kinds of rules: words, patterns, ranges of numbers, nearness to examples, models and questions.

A rule that compares or asks a model answers all rows at once; the others look at one row at a time.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121]; questions to a language model are those of [P083].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from labelwright.consensus.label_functions import Batch, LabelingFunction, Row
from labelwright.consensus.prompted_functions import PromptedLabelingFunction, ResponseMap
from labelwright.data.language_model import LanguageModel
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.metrics.checks import as_probs

MOST_AWAY = 0.5  # default distance of texts that count as alike
SURE = 0.9  # default probability from which a model's word counts


@dataclass(frozen=True)
class _Pattern:
    """Names a class where a pattern occurs in a column. A class, so that rules travel to other processes."""

    column: str
    pattern: re.Pattern[str]
    label: str

    def __call__(self, row: Row) -> str | None:
        value = row[self.column]
        return self.label if value is not None and self.pattern.search(str(value)) else None


@dataclass(frozen=True)
class _Range:
    column: str
    low: float
    high: float
    label: str

    def __call__(self, row: Row) -> str | None:
        value = row[self.column]
        return self.label if value is not None and self.low <= float(value) <= self.high else None


def keyword(words: Iterable[str], column: str, label: str, name: str | None = None) -> LabelingFunction:
    """Return the rule "one of these words or phrases occurs", whole words, any case.

    Examples
    --------
    >>> keyword(["my channel"], "text", "spam")({"text": "See MY CHANNEL!"})
    'spam'
    """
    known = [word for word in words if word.strip()]
    if not known:
        raise BadInput("a keyword rule has no words", fix="name at least one word")
    either = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
    return LabelingFunction(name or f"keyword {known[0]}", _Pattern(column, pattern, label), (column,), label)


def regex(pattern: str, column: str, label: str, name: str | None = None) -> LabelingFunction:
    """Return the rule "this regular expression occurs", any case.

    Parameters
    ----------
    pattern : str
        As Python's `re` reads it; BadInput where it is none.
    column : str
        Of texts.
    label : str
        What the rule votes where it occurs.
    name : str, optional

    Examples
    --------
    >>> regex(r"free|win", "text", "spam").name
    'regex free|win'
    """
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"{quoted(pattern)} is no regular expression: {error}", fix="escape special signs") from None
    return LabelingFunction(name or f"regex {pattern}", _Pattern(column, compiled, label), (column,), label)


def comparison(
    column: str, label: str, *, at_least: float = -np.inf, at_most: float = np.inf, name: str | None = None
) -> LabelingFunction:
    """Return the rule "the number in this column lies between these".

    Parameters
    ----------
    column : str
        Of numbers.
    label : str
        What the rule votes where it holds.
    at_least, at_most : float
        The ends belong to the range; BadInput when neither is given or they are the wrong way round.
    name : str, optional

    Examples
    --------
    >>> comparison("price", "cheap", at_most=5.0).name
    'price in range'
    """
    if not at_least <= at_most or (at_least == -np.inf and at_most == np.inf):
        raise BadInput(
            f"the range {at_least} to {at_most} of {quoted(column)} is no limit", fix="give a lower or upper"
        )
    rule = _Range(column, at_least, at_most, label)
    return LabelingFunction(name or f"{column} in range", rule, (column,), label)


@dataclass(frozen=True)
class _Single:
    """One row at a time of a rule that answers all at once."""

    batch: Batch

    def __call__(self, row: Row) -> str | None:
        return self.batch(pa.table({name: [value] for name, value in row.items()}))[0]


def _together(batch: Batch, columns: tuple[str, ...], label: str, name: str) -> LabelingFunction:
    return LabelingFunction(name, _Single(batch), columns, label, batch)


@dataclass(frozen=True)
class _Near:
    column: str
    examples: tuple[str, ...]
    at_most: float
    label: str

    def __call__(self, table: pa.Table) -> list[str | None]:
        from sklearn.feature_extraction.text import HashingVectorizer

        pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), alternate_sign=False)
        texts = ["" if value is None else str(value) for value in table[self.column].to_pylist()]
        alike = (pieces.transform(texts) @ pieces.transform(self.examples).T).max(axis=1).toarray().ravel()
        near = 1 - alike <= self.at_most + 1e-9
        return [self.label if one else None for one in near.tolist()]


def distance(
    examples: Iterable[str], column: str, label: str, *, at_most: float = MOST_AWAY, name: str | None = None
) -> LabelingFunction:
    """Return the rule "the text is close to one of these examples".

    The distance of two texts is 1 − the cosine of their counts of character pieces (2 to 4 characters within words, any
    case), in [0, 1]: 0 for the same text, 1 where they share no piece.

    Examples
    --------
    >>> distance(["please subscribe to my channel"], "text", "spam")({"text": "Subscribe to my chanel pls"})
    'spam'
    """
    known = tuple(text for text in examples if text.strip())
    if not known:
        raise BadInput("a distance rule has no examples", fix="give at least one text")
    if not 0 <= at_most < 1:
        raise BadInput(f"the distance {at_most} is not in [0, 1)", fix="0 = the same text, 1 = nothing in common")
    return _together(_Near(column, known, at_most, label), (column,), label, name or f"like {known[0]}")


def model(
    predict_proba: Callable[[pa.Table], ArrayLike], classes: Sequence[str], label: str, *, at_least: float = SURE,
    columns: Sequence[str] = (), name: str | None = None,
) -> LabelingFunction:  # fmt: skip
    """Return the rule "a trained model gives this class at least this probability".

    Parameters
    ----------
    predict_proba : callable
        Arrow table of n rows → P(class | row), float (n, K).
    classes : sequence of str
        Names of the K columns.
    label : str
        The class that is named.
    at_least : float in (0, 1], default 0.9
    columns : sequence of str
        What the model reads; all columns by default.
    name : str, optional

    Examples
    --------
    >>> sure = model(lambda table: [[0.05, 0.95], [0.6, 0.4]], ["ham", "spam"], "spam")
    >>> sure.batch(pa.table({"text": ["win", "hi"]}))
    ['spam', None]
    """
    if label not in classes:
        raise BadInput(f"the model knows no class {quoted(label)}", fix=did_you_mean(label, list(classes)))
    if not 0 < at_least <= 1:
        raise BadInput(f"the probability {at_least} is not in (0, 1]", fix="0.9 is usual")
    place = list(classes).index(label)

    def batch(table: pa.Table) -> list[str | None]:
        sure = as_probs("the model's probabilities", np.asarray(predict_proba(table)))[:, place] >= at_least
        return [label if one else None for one in sure.tolist()]

    return _together(batch, tuple(columns), label, name or f"model says {label}")


def question(
    template: str, asked: LanguageModel, column: str, label: str, *, at_least: float = 0.5, name: str | None = None
) -> LabelingFunction:
    """Return the rule "a language model answers this question with yes". [P083]

    Parameters
    ----------
    template : str
        A question to be answered with yes or no; ``[TEXT]`` stands for the text.
    asked : LanguageModel
    column, label : str
    at_least : float in (0, 1], default 0.5
        Probability of "yes" from which the class is named.
    name : str, optional
    """
    if not 0 < at_least <= 1:
        raise BadInput(f"the probability {at_least} is not in (0, 1]", fix="0.5 is usual")
    known = name or f"asks {template}"
    function = PromptedLabelingFunction(known, template, ResponseMap({"yes": label, "no": None}))

    def batch(table: pa.Table) -> list[str | None]:
        texts = ["" if value is None else str(value) for value in table[column].to_pylist()]
        yes = function.response_probs(asked, texts)[:, 0] >= at_least  # NaN, no answer, abstains
        return [label if one else None for one in yes.tolist()]

    return _together(batch, (column,), label, known)
