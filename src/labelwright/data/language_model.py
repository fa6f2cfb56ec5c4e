"""What asks a language model: prompts, the one face that every model has, and a memory for answers that cost.

A model of any kind stands behind two methods: how likely it holds each of a few answers, and what it writes. Prompted
labelling functions, judges of labels and writers of instructions all take such a model as an argument, so that a chat
endpoint, a model on this machine and a small one trained on the spot are exchangeable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labelwright.data.cache import Cache
from labelwright.errors import BadInput, quoted

SLOT = "[TEXT]"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prompt:
    """A question about one text, and pictures where there are any.

    Parameters
    ----------
    template : str
        The question; every ``[TEXT]`` in it stands for the text.
    text : str, default ""
        The row's own text, kept apart so that models which compare texts see it alone.
    images : tuple of bytes
        PNG or JPEG files, in the order in which the model sees them.

    Examples
    --------
    >>> Prompt('Does "[TEXT]" ask to subscribe?', "Hi!").filled()
    'Does "Hi!" ask to subscribe?'
    """

    template: str
    text: str = ""
    images: tuple[bytes, ...] = ()

    def filled(self) -> str:
        """Return the question with the text in its place."""
        return self.template.replace(SLOT, self.text)

    def key(self) -> list[object]:
        """Return what decides the answer, for a cache: template, text and pictures."""
        return [self.template, self.text, list(self.images)]


@runtime_checkable
class LanguageModel(Protocol):
    """A model that weighs given answers against each other."""

    @property
    def name(self) -> str:
        """Names the model and every setting that decides its answers; a memory of answers goes by it."""
        ...

    def option_probs(self, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
        """Return P(option | prompt) among the options, float64 (n, c).

        Rows sum to 1. A row is NaN where the model's answer was none of the options.
        """
        ...


@runtime_checkable
class WritingModel(LanguageModel, Protocol):
    """A language model that also answers in words of its own."""

    def write(self, prompts: Sequence[Prompt]) -> list[str]:
        """Return an answer a prompt, surrounding blanks removed."""
        ...


class Remembered:
    """A model whose answers are kept between runs: what was asked once is not asked again.

    Parameters
    ----------
    model : LanguageModel
    cache : Cache, optional
        `Cache()` by default: a private folder of this user. Keys are hashes of the model's name, template, text,
        pictures and options.
    block : int, default 64
        Prompts that are asked together and kept before the next ones, so that an interrupted run loses no more.

    Examples
    --------
    >>> import tempfile
    >>> class Coin:
    ...     name = "coin"
    ...     def option_probs(self, prompts, options):
    ...         print("asked", len(prompts))
    ...         return np.full((len(prompts), len(options)), 1 / len(options))
    >>> model = Remembered(Coin(), Cache(tempfile.mkdtemp()))
    >>> for _ in range(2):
    ...     p = model.option_probs([Prompt("[TEXT]?", "a"), Prompt("[TEXT]?", "a")], ["yes", "no"])
    asked 1
    >>> p
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def __init__(self, model: LanguageModel, cache: Cache | None = None, block: int = 64) -> None:
        if block < 1:
            raise BadInput(f"block is {block}", fix="ask at least 1 prompt at a time")
        self.model, self.cache, self.block = model, cache or Cache(), block

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.model.name

    def option_probs(self, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
        """Return what `LanguageModel.option_probs` returns; only prompts that are new are asked."""

        def ask(new: Sequence[Prompt]) -> list[NDArray]:
            return list(checked_probs(self.model, new, options))

        rows = self._answers(prompts, ["options", list(options)], ask)
        return np.stack(rows) if rows else np.empty((0, len(options)))

    def write(self, prompts: Sequence[Prompt]) -> list[str]:
        """Return what `WritingModel.write` returns; only prompts that are new are asked."""
        model = self.model
        if not isinstance(model, WritingModel):
            raise BadInput(f"{quoted(self.name)} weighs answers and writes none", fix="use a model that writes")

        def ask(new: Sequence[Prompt]) -> list[NDArray]:
            return [np.frombuffer(text.encode(), np.uint8) for text in model.write(new)]

        return [bytes(raw).decode() for raw in self._answers(prompts, ["text"], ask)]

    def _answers(
        self, prompts: Sequence[Prompt], kind: list[object], ask: Callable[[Sequence[Prompt]], list[NDArray]]
    ) -> list[NDArray]:
        distinct = list(dict.fromkeys(prompts))
        keys = {prompt: ["language model", self.name, *kind, *prompt.key()] for prompt in distinct}
        known: dict[Prompt, NDArray | None] = {prompt: self.cache.read(keys[prompt]) for prompt in distinct}
        new = [prompt for prompt in distinct if known[prompt] is None]
        for start in range(0, len(new), self.block):
            block = new[start : start + self.block]
            for prompt, said in zip(block, ask(block), strict=True):
                self.cache.write(keys[prompt], said)
                known[prompt] = said
        return [answer for prompt in prompts if (answer := known[prompt]) is not None]


def checked_probs(model: LanguageModel, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
    """Ask a model and return its probabilities (n, c); BadInput when they are none, or the options are no choice.

    Every caller goes through this, so that a model of the user's own is held to the contract.
    """
    if len(options) < 2 or len(set(options)) < len(options) or not all(option.strip() for option in options):
        raise BadInput(f"the answers {quoted(list(options))} are no choice", fix="name two or more different answers")
    probs = np.asarray(model.option_probs(prompts, options), dtype=np.float64)
    if probs.shape != (len(prompts), len(options)):
        raise BadInput(
            f"the model {quoted(model.name)} gave an array {probs.shape} for {len(prompts)} prompts and "
            f"{len(options)} answers",
            fix="return one row a prompt, one column an answer",
        )
    silent = np.isnan(probs).all(axis=1)
    read = probs[~silent]
    if not (np.isfinite(read).all() and (read >= 0).all() and np.allclose(read.sum(axis=1), 1, atol=1e-6)):
        raise BadInput(
            f"the model {quoted(model.name)} gave no probabilities", fix="return rows that sum to 1, NaN where unread"
        )
    return probs
