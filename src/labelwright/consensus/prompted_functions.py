"""Questions to a language model as labelling functions: responses, the classes that they name, and calibration.

Source: Smith et al., Language Models in the Loop: Incorporating Prompting into Weak Supervision, 2024 [P083].
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.language_model import SLOT, LanguageModel, Prompt, WritingModel, checked_probs
from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import LabelSpace

LEAST = 1e-6  # of a calibrating probability: a response that is never given without content is not made certain by it

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ResponseMap:
    """The responses that a question allows, and the class that each of them names. [P083]

    Parameters
    ----------
    classes : mapping of str to str or None
        Response → class name, or None to abstain; in the order in which the model is offered them.

    Examples
    --------
    >>> ResponseMap({"yes": "spam", "no": None}).responses
    ('yes', 'no')
    """

    classes: Mapping[str, str | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", dict(self.classes))
        if len(self.classes) < 2 or all(name is None for name in self.classes.values()):
            raise BadInput(
                f"the responses {listed(self.classes)} tell no class apart",
                fix="list two or more responses, at least one of which names a class",
            )

    @property
    def responses(self) -> tuple[str, ...]:
        """The responses in order."""
        return tuple(self.classes)

    def codes(self, space: LabelSpace) -> NDArray[np.int64]:
        """Return the class number of each response, int64 (c,), -1 = abstain; BadInput for a class that is none."""
        for response, name in self.classes.items():
            if name is not None and name not in space.index:
                raise BadInput(
                    f"the response {quoted(response)} names {quoted(name)}, which is no class",
                    fix=did_you_mean(name, space.names),
                )
        return np.array([-1 if name is None else space.index[name] for name in self.classes.values()], dtype=np.int64)

    def read(self, answer: str) -> int:
        """Return the number of the response that a written answer names as whole words, -1 for none or several.

        Of responses inside each other ("spam", "not spam") the longest counts.

        Examples
        --------
        >>> found = ResponseMap({"spam": "spam", "not spam": "ham"})
        >>> found.read("It is NOT SPAM."), found.read("unsure")
        (1, -1)
        """
        order = sorted(range(len(self.responses)), key=lambda i: -len(self.responses[i]))
        named = set()
        for i in order:
            pattern = re.compile(rf"(?<!\w){re.escape(self.responses[i])}(?!\w)", re.IGNORECASE)
            if pattern.search(answer):
                named.add(i)
                answer = pattern.sub(" ", answer)
        return named.pop() if len(named) == 1 else -1


@dataclass(frozen=True)
class PromptedLabelingFunction:
    """One narrow question to a language model, answered by weighing listed responses. [P083]

    Parameters
    ----------
    name : str
    template : str
        The question; ``[TEXT]`` stands for the text.
    responses : ResponseMap

    Examples
    --------
    >>> question = PromptedLabelingFunction(
    ...     "subscribe", 'Does "[TEXT]" ask to subscribe?', ResponseMap({"yes": "spam", "no": None})
    ... )
    >>> class Reader:
    ...     name = "reader"
    ...     def option_probs(self, prompts, options):
    ...         yes = np.array(["subscribe" in prompt.text for prompt in prompts])
    ...         return np.column_stack([yes, ~yes]).astype(float)
    >>> question.response_probs(Reader(), ["subscribe!", "nice"])
    array([[1., 0.],
           [0., 1.]])

    Source: [P083].
    """

    name: str
    template: str
    responses: ResponseMap

    def __post_init__(self) -> None:
        if SLOT not in self.template:
            raise BadInput(
                f"the question {quoted(self.name)} has no place for the text", fix=f"write {SLOT} into its template"
            )

    def prompts(self, texts: Sequence[str]) -> list[Prompt]:
        """Return the question about each text."""
        return [Prompt(self.template, text) for text in texts]

    def response_probs(self, model: LanguageModel, texts: Sequence[str]) -> Floats:
        """Return P(response | question), float64 (n, c); NaN where the model's answer was none of them."""
        return checked_probs(model, self.prompts(texts), self.responses.responses)


@dataclass(frozen=True)
class WrittenLabelingFunction(PromptedLabelingFunction):
    """A question answered in the model's own words, in which a response is looked for; unmatched words abstain. [P083]

    Parameters
    ----------
    name, template, responses
        As for `PromptedLabelingFunction`; say in the template how to answer.
    """

    def response_probs(self, model: LanguageModel, texts: Sequence[str]) -> Floats:
        """Return 1 for the response that is named, float64 (n, c); NaN where none or several are."""
        if not isinstance(model, WritingModel):
            raise BadInput(f"{quoted(model.name)} writes no answers", fix="use PromptedLabelingFunction with it")
        found = np.array([self.responses.read(answer) for answer in model.write(self.prompts(texts))], dtype=np.int64)
        probs = (found[:, None] == np.arange(len(self.responses.responses))).astype(np.float64)
        probs[found < 0] = np.nan
        return probs


def calibrate_contextually(probs: ArrayLike, content_free: ArrayLike) -> Floats:
    """Return p_cal ∝ p / p_cf: what a text adds to the answer that the model gives without one.

    Parameters
    ----------
    probs : float array (n, c)
        P(response | text); NaN rows stay NaN.
    content_free : float array (c,)
        P(response) without content, its mean over several such contents; at least 1e-6 is divided by.

    Examples
    --------
    >>> calibrate_contextually([[0.9, 0.1]], [0.9, 0.1])
    array([[0.5, 0.5]])

    Notes
    -----
    A uniform `content_free` changes nothing.

    Source: Zhao et al., Calibrate before use, ICML 2021; in [P083].
    """
    p, habit = np.asarray(probs, dtype=np.float64), np.asarray(content_free, dtype=np.float64)
    if p.ndim != 2 or habit.shape != p.shape[1:] or not (np.isfinite(habit).all() and (habit >= 0).all()):
        raise BadInput(
            f"content-free probabilities {habit.shape} do not fit responses {p.shape}", fix="pass one number a response"
        )
    weighed = p / np.maximum(habit, LEAST)
    return weighed / weighed.sum(axis=1, keepdims=True)
