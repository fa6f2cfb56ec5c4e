"""Judges: whatever says which answer fits an item. A network, a language model and a rule all stand behind one method.

A `Judge` weighs given answers for each item; a `PairwiseJudge` says which of two candidates is better. A judge is an
argument of the rooms that use it, so a chat endpoint and a small model trained on the spot are exchangeable.

Source: blocks of [P188] and [P004].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.language_model import LanguageModel, Prompt, checked_probs
from labelwright.errors import BadInput, quoted

Floats = NDArray[np.float64]


@runtime_checkable
class Judge(Protocol):
    """Says how well each of a few answers fits each item."""

    @property
    def name(self) -> str:
        """Names the judge in tables."""
        ...

    def score(self, items: Sequence[Any], options: Sequence[str]) -> Floats:
        """Return P(option | item), float64 (n, K), rows summing to 1; a row is NaN where the judge gives no answer."""
        ...


@runtime_checkable
class PairwiseJudge(Protocol):
    """Says which of two candidates for an item is better."""

    def compare(self, item: Any, first: Any, second: Any) -> float:
        """Return how sure the judge is that the first is better: 1 the first, 0 the second, 0.5 cannot tell."""
        ...


class PromptedJudge:
    """A language model as a judge: one question about a text, the class names as answers.

    Parameters
    ----------
    model : LanguageModel
        Such as ``Remembered(ChatEndpoint(...))``.
    template : str
        The question, with ``[TEXT]`` where the text stands.

    Examples
    --------
    >>> class Polite:
    ...     name = "polite"
    ...     def option_probs(self, prompts, options):
    ...         return np.array([[0.9, 0.1] if "please" in p.text else [0.2, 0.8] for p in prompts])
    >>> PromptedJudge(Polite(), "Is [TEXT] polite?").score(["please go", "go"], ["yes", "no"]).argmax(axis=1)
    array([0, 1])
    """

    def __init__(self, model: LanguageModel, template: str) -> None:
        if "[TEXT]" not in template:
            raise BadInput(f"the question {quoted(template)} has no place for the text", fix="write [TEXT] into it")
        self.model, self.template = model, template

    @property
    def name(self) -> str:
        """The model and the question."""
        return f"{self.model.name}: {self.template}"

    def score(self, items: Sequence[Any], options: Sequence[str]) -> Floats:
        """Return P(option | text), float64 (n, K)."""
        return checked_probs(self.model, [Prompt(self.template, str(item)) for item in items], options)


class SimilarityJudge:
    """Compares vectors of items with a description of each class: P(k | item) ∝ exp(cosine / temperature).

    Parameters
    ----------
    name : str
    encode : callable
        Items or texts to vectors, float (n, d).
    descriptions : mapping of str to str
        A text for each answer.
    temperature : float, default 0.05
        > 0; low = sure.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[[Sequence[Any]], ArrayLike],
        descriptions: dict[str, str],
        temperature: float = 0.05,
    ) -> None:
        if temperature <= 0:
            raise BadInput(f"temperature is {temperature}", fix="give a number above 0")
        self._name, self.encode, self.descriptions, self.temperature = name, encode, descriptions, temperature

    @property
    def name(self) -> str:
        """The given name."""
        return self._name

    def score(self, items: Sequence[Any], options: Sequence[str]) -> Floats:
        """Return P(option | item), float64 (n, K); BadInput when an answer has no description."""
        absent = [option for option in options if option not in self.descriptions]
        if absent:
            raise BadInput(f"class {quoted(absent[0])} has no description", fix="describe every class")
        if not len(items):
            return np.empty((0, len(options)))
        rows = unit_rows(self.encode(items))
        logits = rows @ unit_rows(self.encode([self.descriptions[option] for option in options])).T / self.temperature
        return softmax_rows(logits)


class EstimatorJudge:
    """A fitted scikit-learn classifier as a judge; its classes are the answers' places 0 to K − 1.

    Parameters
    ----------
    name : str
    estimator : object with ``predict_proba`` and ``classes_``
        A class that it never saw gets probability 0.
    """

    def __init__(self, name: str, estimator: Any) -> None:
        self._name, self.estimator = name, estimator

    @property
    def name(self) -> str:
        """The given name."""
        return self._name

    def score(self, items: Any, options: Sequence[str]) -> Floats:
        """Return P(option | item), float64 (n, K)."""
        classes = np.asarray(self.estimator.classes_, dtype=np.int64)
        if len(classes) and classes.max() >= len(options):
            raise BadInput(f"{self.name} knows class {classes.max()}, there are {len(options)} answers")
        probs = np.zeros((len(items), len(options)))
        probs[:, classes] = self.estimator.predict_proba(items)
        return probs


def unit_rows(vectors: ArrayLike) -> Floats:
    """Return rows of length 1, float64 (n, d); a row of zeros stays."""
    rows = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0)


def softmax_rows(logits: ArrayLike) -> Floats:
    """Return exp(logits) with rows scaled to 1, float64 (n, K)."""
    values = np.asarray(logits, dtype=np.float64)
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
