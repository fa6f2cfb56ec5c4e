"""What a chat endpoint replied, read with distrust: sizes are bounded and anything odd is an error in one line."""

from __future__ import annotations

import json
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, quoted

LARGEST_REPLY = 10 << 20  # bytes

Floats = NDArray[np.float64]


class EndpointFailed(BadInput):
    """The endpoint gave no answer, or none that can be read."""


def letter_probs(choice: dict[str, Any], n_options: int) -> Floats:
    """Return the probability of each of the first letters, (c,), from one choice of a reply; NaN where unread.

    The tokens of a letter (with a blank, in either case) count together.
    """
    letters = {letter: k for k, letter in enumerate(ascii_uppercase[:n_options])}
    probs = np.zeros(n_options)
    for token, log_prob in _first_tokens(choice):
        place = letters.get(token.strip(" \t\n.:()").upper())
        if place is not None:
            probs[place] += np.exp(min(log_prob, 0.0))
    if probs.sum() == 0:
        place = letters.get(content(choice).strip(" \t\n.:()")[:1].upper())
        if place is None:
            return np.full(n_options, np.nan)
        probs[place] = 1.0
    return probs / probs.sum()


def _first_tokens(choice: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the likeliest first tokens and their log-probabilities, where the endpoint shows them."""
    try:
        shown = choice["logprobs"]["content"][0]["top_logprobs"]
        return [(str(entry["token"]), float(entry["logprob"])) for entry in shown]
    except (KeyError, IndexError, TypeError, ValueError):
        return []


def content(choice: dict[str, Any]) -> str:
    """Return the text of a choice, "" where there is none."""
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    return text if isinstance(text, str) else ""


def first_choice(raw: bytes) -> dict[str, Any]:
    """Return the first choice of a reply; EndpointFailed when it is none of the protocol."""
    try:
        if len(raw) <= LARGEST_REPLY:
            choice = json.loads(raw)["choices"][0]
            if isinstance(choice, dict):
                return choice
    except (ValueError, KeyError, IndexError, TypeError):
        pass
    said = quoted(raw[:200].decode("utf-8", "replace"))
    raise EndpointFailed(f"the reply is none of the chat protocol: {said}", fix="check base_url") from None
