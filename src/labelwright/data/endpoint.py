"""A language model behind a chat endpoint that speaks the OpenAI protocol: hosted, or served on this machine.

Nothing leaves this machine unless its receiver is named: `send_to` must be the host of `base_url`. Redirects are never
followed, since they would carry the data to a host that nobody named. What is about to be sent is said first.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.endpoint_host import checked_host, is_this_machine
from labelwright.data.endpoint_replies import LARGEST_REPLY, EndpointFailed, content, first_choice, letter_probs
from labelwright.data.language_model import Prompt
from labelwright.errors import BadInput, quoted

KEY = "LABELWRIGHT_LLM_KEY"
LONGEST_WAIT = 60.0  # seconds between two tries
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)  # busy or broken for the moment
SHOWN_TOKENS = 20  # the most that the protocol offers

Floats = NDArray[np.float64]


class ChatEndpoint:
    """A model that is asked over the network, one request a prompt.

    Wrap it in `Remembered`, so that no answer is paid for twice.

    Parameters
    ----------
    model : str
        The endpoint's name of the model.
    base_url : str
        Such as ``"https://api.openai.com/v1"`` or ``"http://localhost:11434/v1"``. Anything but this machine needs
        https.
    send_to : str, optional
        The host that the texts may go to; must be named, and be that of `base_url`, unless that is this machine.
    key_from : str, default "LABELWRIGHT_LLM_KEY"
        Environment variable with the endpoint's key; without it requests carry none.
    temperature : float, default 0.0
    longest_answer : int, default 512
        Tokens of a written answer.
    parallel : int, default 4
        Requests at a time.
    tries : int, default 5
        A request that fails for the moment is sent again after 1, 2, 4, ... seconds, or as long as the endpoint asks.
    timeout : float, default 60.0
        Seconds that one request may take.
    notify : callable, optional
        Told in one line what is sent where, before it is sent, and how many answers named no option; prints to the
        standard error by default.

    Raises
    ------
    BadInput
        When the receiver is not named, or the address is no safe one.
    EndpointFailed
        When it refuses, cannot be reached, or answers something else than the protocol says.

    Notes
    -----
    `option_probs` names the answers A, B, C, ... and reads the probability of each letter as the first token among the
    20 likeliest ones, which is what the protocol shows. An endpoint that shows none has the letter that it writes
    counted as certain. A habit of preferring the first answer is not taken out here: calibrate, or ask in both orders.

    Examples
    --------
    >>> ChatEndpoint("small", base_url="http://localhost:11434/v1").name
    'small at localhost, temperature 0.0, 512 tokens'
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        send_to: str | None = None,
        key_from: str = KEY,
        temperature: float = 0.0,
        longest_answer: int = 512,
        parallel: int = 4,
        tries: int = 5,
        timeout: float = 60.0,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.host = checked_host(base_url, send_to)
        if min(longest_answer, parallel, tries) < 1 or timeout <= 0 or not 0 <= temperature <= 2:
            raise BadInput(
                "the endpoint's settings make no request",
                fix="use a temperature in [0, 2], and at least 1 token, 1 request at a time and 1 try",
            )
        self.model, self.key_from, self.temperature = model, key_from, temperature
        self.longest_answer, self.parallel, self.tries, self.timeout = longest_answer, parallel, tries, timeout
        self.notify = notify or _to_stderr
        self._url = base_url.rstrip("/") + "/chat/completions"
        proxies: dict[str, str] | None = {} if is_this_machine(self.host) else None  # None: those of the environment
        self._opener = urllib.request.build_opener(_NoRedirect(), urllib.request.ProxyHandler(proxies))

    @property
    def name(self) -> str:
        """Model, host and settings."""
        return f"{self.model} at {self.host}, temperature {self.temperature}, {self.longest_answer} tokens"

    def option_probs(self, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
        """Return P(option | prompt), float64 (n, c); NaN where the answer named no option. Up to 20 options."""
        if len(options) > SHOWN_TOKENS:
            raise BadInput(
                f"{len(options)} answers, an endpoint weighs up to {SHOWN_TOKENS}", fix="ask in several steps"
            )
        listed = "\n".join(f"{letter}: {option}" for letter, option in zip(ascii_uppercase, options, strict=False))
        ending = f"\n\n{listed}\n\nAnswer with the letter alone."
        wanted = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": SHOWN_TOKENS}
        choices = self._ask(prompts, ending, wanted)
        probs = np.array([letter_probs(choice, len(options)) for choice in choices]).reshape(-1, len(options))
        unread = int(np.isnan(probs).any(axis=1).sum())
        if unread:
            self.notify(f"{self.model} named none of the answers for {unread:,} of {len(prompts):,} prompts")
        return probs

    def write(self, prompts: Sequence[Prompt]) -> list[str]:
        """Return the written answer to each prompt."""
        wanted = {"max_tokens": self.longest_answer, "temperature": self.temperature}
        return [content(choice).strip() for choice in self._ask(prompts, "", wanted)]

    def _ask(self, prompts: Sequence[Prompt], ending: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the first choice of the reply to each prompt."""
        if not prompts:
            return []
        bodies = [
            json.dumps({"model": self.model, "messages": [_message(prompt, ending)], **wanted}).encode()
            for prompt in prompts
        ]
        if not is_this_machine(self.host):
            pictures = sum(len(prompt.images) for prompt in prompts)
            also = f" and {pictures} pictures" if pictures else ""
            size = sum(map(len, bodies))
            self.notify(f"sending {len(prompts)} prompts{also} ({size:,} bytes) to {self.host} for {self.model}")
        pool = ThreadPoolExecutor(self.parallel)
        try:
            return list(pool.map(self._reply, bodies))
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure the other prompts are not sent

    def _reply(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "User-Agent": "labelwright"}
        key = os.environ.get(self.key_from)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        for attempt in range(1, self.tries + 1):
            request = urllib.request.Request(self._url, body, headers)
            try:
                with self._opener.open(request, timeout=self.timeout) as response:
                    return first_choice(response.read(LARGEST_REPLY + 1))
            except urllib.error.HTTPError as error:
                if error.code not in AGAIN or attempt == self.tries:
                    raise self._refused(error) from None
                wait = _asked_wait(error.headers, attempt)
            except (OSError, TimeoutError) as error:
                if attempt == self.tries:
                    reason = getattr(error, "reason", error)
                    raise EndpointFailed(
                        f"{self.host} cannot be reached: {quoted(reason)[1:-1]}", fix="check base_url and the network"
                    ) from None
                wait = _asked_wait(None, attempt)
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _refused(self, error: urllib.error.HTTPError) -> EndpointFailed:
        said = quoted(error.read(2000).decode("utf-8", "replace"))
        fixes = {401: f"put a valid key into ${self.key_from}", 404: "check base_url and the name of the model"}
        return EndpointFailed(
            f"{self.host} answers {error.code}: {said}", fix=fixes.get(error.code, "check the model and its limits")
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirects as the errors that they are here."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _message(prompt: Prompt, ending: str) -> dict[str, Any]:
    text = prompt.filled() + ending
    if not prompt.images:
        return {"role": "user", "content": text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for image in prompt.images:
        parts.append({"type": "image_url", "image_url": {"url": _data_url(image)}})
    return {"role": "user", "content": parts}


def _data_url(image: bytes) -> str:
    kinds = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
    kind = next((kind for start, kind in kinds.items() if image.startswith(start)), None)
    if kind is None:
        raise BadInput("a picture is neither PNG nor JPEG", fix="convert it before it is asked about")
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _asked_wait(headers: Message | None, attempt: int) -> float:
    """Return the seconds to wait before the next try: what the endpoint asks, else doubling from 1."""
    try:
        asked = float((headers and headers.get("Retry-After")) or "")
    except ValueError:
        asked = 2.0 ** (attempt - 1)
    return min(max(asked, 0.0), LONGEST_WAIT) if asked == asked else LONGEST_WAIT


def _to_stderr(line: str) -> None:
    from labelwright.inert import inert

    print(inert(line), file=sys.stderr, flush=True)
