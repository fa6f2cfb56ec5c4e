"""Learnt prompts: context vectors before a class's name, tuned while both encoders stay as they are.

    t_c = normalise(encode([v_c1, ..., v_cM, name_c])),   p(c | x) = softmax(scale · ⟨normalise(x), t_c⟩)

Only the context vectors v are learnt, each class having its own.

Source: Zhou et al., Learning to prompt for vision-language models, IJCV 2022; as tuned in [P142].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from labelwright.errors import BadInput
from labelwright.evidence import Hard
from labelwright.metrics.checks import as_array, as_labels
from labelwright.nn import SGD, Cosine, CrossEntropy, Loop, Task, Training

Encode = Callable[[Tensor], Tensor]
START = 0.02  # spread of the first context vectors


def mean_of_tokens(tokens: Tensor) -> Tensor:
    """Return the mean over tokens, (K, d), of tokens (K, T, d): the simplest text encoder."""
    return tokens.mean(dim=1)


class _Prompted(nn.Module):
    names: Tensor

    def __init__(self, names: Tensor, n_context: int, encode: Encode, scale: float) -> None:
        super().__init__()
        self.register_buffer("names", names)
        self.context = nn.Parameter(START * torch.randn(len(names), n_context, names.shape[2]))
        self.encode, self.scale = encode, scale

    def forward(self, x: Tensor) -> Tensor:
        texts = normalize(self.encode(torch.cat([self.context, self.names], dim=1)), dim=1)
        return self.scale * normalize(x, dim=1) @ texts.T


class PromptLearner:
    """Class-specific context vectors for an image-text model whose encoders are frozen. Needs the extra ``[torch]``.

    Parameters
    ----------
    class_tokens : float array (K, T, d)
        Token embeddings of the class names.
    encode : callable, default mean_of_tokens
        Tokens (K, M + T, d) → text embeddings (K, e), differentiable: the frozen text encoder.
    n_context : int, default 16
        M.
    scale : float, default 100.0
    training : Training, optional
        By default that of the paper: 200 epochs of stochastic gradient descent at 0.002 along a cosine after an epoch
        of warm-up, 32 rows a batch.

    Examples
    --------
    >>> X, y = np.repeat(np.eye(2), 8, axis=0) + 0.1, np.repeat([1, 0], 8)
    >>> learner = PromptLearner(np.eye(2)[:, None], n_context=2, scale=10.0, training=tuning(40, 0.5)).fit(X, y)
    >>> learner.predict_proba([[1.0, 0.0]]).argmax()
    np.int64(1)

    Source: [P142].
    """

    def __init__(
        self,
        class_tokens: ArrayLike,
        *,
        encode: Encode = mean_of_tokens,
        n_context: int = 16,
        scale: float = 100.0,
        training: Training | None = None,
    ) -> None:
        self.class_tokens = as_array("class_tokens", class_tokens, 3)
        if n_context < 1 or len(self.class_tokens) < 2:
            raise BadInput(f"{n_context} context vectors, {len(self.class_tokens)} classes", fix="at least 1 and 2")
        self.encode, self.n_context, self.scale = encode, n_context, scale
        self.training = training or tuning()

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Tune the context vectors on image embeddings float (n, e) and labels int (n,)."""
        k = len(self.class_tokens)
        rows = as_array("X", X, 2).astype(np.float32)
        names = torch.tensor(self.class_tokens, dtype=torch.float32)
        task = Task(
            rows,
            Hard(as_labels("y", y, k), k),
            net=lambda shape, n: _Prompted(names, self.n_context, self.encode, self.scale),
        )
        self.loop_ = Loop(CrossEntropy(), task, self.training)
        self.loop_.fit()
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return P(class | image), float64 (n, K); of the class names alone before `fit`."""
        rows = as_array("X", X, 2).astype(np.float32)
        if not hasattr(self, "loop_"):
            texts = normalize(self.encode(torch.tensor(self.class_tokens, dtype=torch.float32)), dim=1)
            logits = self.scale * normalize(torch.from_numpy(rows), dim=1) @ texts.T
            return logits.softmax(dim=1).double().numpy()
        return self.loop_.predict_proba(rows).double().cpu().numpy()


def tuning(epochs: int = 200, lr: float = 0.002, seed: int = 0) -> Training:
    """Return the paper's training: cosine after one epoch of warm-up, 32 rows a batch."""
    return Training(epochs, 32, SGD(lr, 0.9, 5e-4, schedule=Cosine(warmup=1.0)), seed=seed, device="cpu")
