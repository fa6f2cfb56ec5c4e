"""Language models on this machine: a transformers model from a folder, and sentence vectors as a judge of answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from labelwright.data.language_model import Prompt
from labelwright.errors import BadInput, MissingExtra, quoted

Floats = NDArray[np.float64]
Encoder = Callable[[Sequence[str]], ArrayLike]


def minilm_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return MiniLM sentence vectors, float32 (n, 384). Needs the extra ``[text]``."""
    from labelwright.data.features.minilm import minilm_features

    return minilm_features(texts)[0]


class SimilarityScorer:
    """Weighs answers by how near they are to the text: softmax over options of cos(text, option) / temperature.

    Options are then sentences that say what the answer would mean ("Please subscribe to my channel."), not "yes" and
    "no". The template plays no part.

    Parameters
    ----------
    encode : callable, optional
        Texts → vectors (n, d); MiniLM by default, which needs the extra ``[text]``.
    temperature : float, default 0.05
    name : str, default "MiniLM similarity"
        Give another one to another encoder.

    Examples
    --------
    >>> scorer = SimilarityScorer(lambda texts: [[text.count("a"), text.count("b")] for text in texts], name="letters")
    >>> scorer.option_probs([Prompt("", "aab"), Prompt("", "b")], ["aa", "bb"]).argmax(axis=1)
    array([0, 1])
    """

    def __init__(
        self, encode: Encoder = minilm_vectors, temperature: float = 0.05, name: str = "MiniLM similarity"
    ) -> None:
        if not temperature > 0:
            raise BadInput(f"the temperature is {temperature}", fix="choose one above 0")
        self.encode, self.temperature, self._name = encode, temperature, name
        self._known: dict[str, Floats] = {}

    @property
    def name(self) -> str:
        """Encoder and temperature."""
        return f"{self._name}, temperature {self.temperature}"

    def option_probs(self, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
        """Return P(option | text), float64 (n, c)."""
        if not prompts:
            return np.empty((0, len(options)))
        texts = [prompt.text for prompt in prompts]
        cosine = self._unit(texts) @ self._unit(options).T
        return softmax(cosine / self.temperature, axis=1)

    def _unit(self, texts: Sequence[str]) -> Floats:
        """Return unit vectors of texts, each encoded once in the life of the scorer; zero vectors stay zero."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = np.asarray(self.encode(new), dtype=np.float64)
            if vectors.ndim != 2 or len(vectors) != len(new) or not np.isfinite(vectors).all():
                raise BadInput(
                    f"the encoder gave an array {vectors.shape} for {len(new)} texts", fix="return one vector a text"
                )
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            self._known.update(zip(new, vectors / np.where(length > 0, length, 1), strict=True))
        return np.stack([self._known[text] for text in texts])


class TransformersScorer:
    """A causal or sequence-to-sequence model of the transformers library, from a folder on this machine.

    The answers' probabilities are softmax over options of log P(option | prompt) / (tokens of the option). Weights are
    read from safetensors only, no code of the folder is run, and nothing is downloaded. Needs the extra ``[llm]``.

    Parameters
    ----------
    folder : path
        With ``config.json``, a tokenizer and ``*.safetensors``.
    device : {"cpu", "cuda"}, default "cpu"
    longest_answer : int, default 64
        Tokens of a written answer.
    longest_prompt : int, default 2048
        Tokens of a prompt that are read, the last ones.

    Raises
    ------
    MissingExtra, BadInput
        When transformers is not installed, or the folder holds no model.
    """

    def __init__(
        self, folder: Path | str, *, device: str = "cpu", longest_answer: int = 64, longest_prompt: int = 2048
    ) -> None:
        self.folder = Path(folder)
        self.device, self.longest_answer, self.longest_prompt = device, longest_answer, longest_prompt
        self._tokenizer, self._model, self._two_sided = _loaded(self.folder)
        self._model.to(device).eval()

    @property
    def name(self) -> str:
        """Folder name, a hash of the weights' place and sizes, and the settings."""
        files = [*sorted(self.folder.glob("*.safetensors")), self.folder / "config.json"]
        facts = repr([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])
        digest = hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()
        return f"{self.folder.name} {digest}, {self.longest_prompt} and {self.longest_answer} tokens"

    def option_probs(self, prompts: Sequence[Prompt], options: Sequence[str]) -> Floats:
        """Return P(option | prompt), float64 (n, c), by length-normalised log-likelihood."""
        scores = [[self._mean_log_prob(prompt, option) for option in options] for prompt in prompts]
        return softmax(np.array(scores).reshape(-1, len(options)), axis=1)

    def write(self, prompts: Sequence[Prompt]) -> list[str]:
        """Return the greedy continuation of each prompt."""
        import torch

        answers = []
        for prompt in prompts:
            ids = self._ids(prompt)
            with torch.no_grad():
                out = self._model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=self.longest_answer,
                    do_sample=False,
                    pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
                )
            new = out[0] if self._two_sided else out[0, ids.shape[1] :]
            answers.append(str(self._tokenizer.decode(new, skip_special_tokens=True)).strip())
        return answers

    def _ids(self, prompt: Prompt) -> Any:
        import torch

        if prompt.images:
            raise BadInput("this model reads no pictures", fix="use a chat endpoint with a model that sees")
        ids = self._tokenizer(prompt.filled())["input_ids"][-self.longest_prompt :]
        if not ids:
            raise BadInput("a prompt is empty", fix="write a question into the template")
        return torch.tensor([ids], device=self.device)

    def _mean_log_prob(self, prompt: Prompt, option: str) -> float:
        """Return the mean log-probability of the option's tokens after the prompt."""
        import torch

        ids = self._ids(prompt)
        text = option if self._two_sided else f" {option}"
        answer = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if not answer:
            raise BadInput(f"the answer {quoted(option)} has no token in this model", fix="word it differently")
        target = torch.tensor([answer], device=self.device)
        with torch.no_grad():
            if self._two_sided:
                logits = self._model(input_ids=ids, labels=target).logits[0]
            else:
                whole = torch.cat([ids, target], dim=1)
                logits = self._model(input_ids=whole).logits[0, ids.shape[1] - 1 : -1]
        return float(logits.float().log_softmax(dim=1).gather(1, target[0][:, None]).mean())


def _loaded(folder: Path) -> tuple[Any, Any, bool]:
    """Return tokenizer, model, and whether it is an encoder and a decoder."""
    try:
        import torch  # noqa: F401
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
    except ModuleNotFoundError:
        raise MissingExtra("a language model on this machine", "llm") from None
    if not (folder / "config.json").is_file():
        raise BadInput(f"{quoted(folder)} holds no model", fix="name a folder with config.json and safetensors")
    own: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        two_sided = bool(AutoConfig.from_pretrained(str(folder), **own).is_encoder_decoder)
        kind = AutoModelForSeq2SeqLM if two_sided else AutoModelForCausalLM
        model = kind.from_pretrained(str(folder), use_safetensors=True, **own)
        return AutoTokenizer.from_pretrained(str(folder), **own), model, two_sided
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().split("\n")[0]
        raise BadInput(f"the model in {quoted(folder)} cannot be read: {quoted(first)[1:-1]}") from None
