"""What a caller may set about an audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class AuditOptions:
    """Settings of one audit that are not about the meaning of columns.

    Parameters
    ----------
    features : str or Path, optional
        ``"minilm"``, ``"efficientnet"`` or a file of features; None takes the built-in features of the modality.
    pred_probs : path or array of float64, shape (n, K), optional
        Out-of-sample probabilities of the caller's own model; None makes them by cross-validation. For boxes its
        predicted boxes, for masks its probabilities of pixels.
    classes : sequence of str, optional
        Order of the columns of `pred_probs` when the file does not name them.
    folds : int
        Parts of the cross-validation, at least 2.
    seed : int
        Same seed, data and version: same result.
    jobs : int
        Processes and threads; never changes a result.
    answers : mapping
        What the caller told about the data, for the nutrition label.
    use_cases : sequence of mapping
        Uses that the data is meant for, for the nutrition label.
    """

    features: str | Path | None = None
    pred_probs: Any = None
    classes: Sequence[str] | None = None
    folds: int = 5
    seed: int = 0
    jobs: int = 1
    answers: Mapping[str, Any] = field(default_factory=dict)
    use_cases: Sequence[Mapping[str, Any]] = ()
