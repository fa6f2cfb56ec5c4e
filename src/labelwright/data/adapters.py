"""What models that are already fitted say, as predicted probabilities in the class order of a label space.

Predictions count as evidence about a label only when the model has not been trained on that row: pass models fitted
on other data, or use `labelwright.data.crossval`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence.space import LabelSpace


def probs_from_sklearn(model: Any, X: Any, space: LabelSpace) -> NDArray[np.float64]:
    """Return the probabilities of a fitted scikit-learn classifier.

    Parameters
    ----------
    model : fitted classifier or pipeline with ``predict_proba`` and ``classes_``
        ``classes_`` are the names of the space, or the class numbers 0 to K - 1. Classes that it does not know get 0.
    X : what the model takes, n rows
    space : LabelSpace, K classes

    Returns
    -------
    array of float64, shape (n, K)

    Raises
    ------
    BadInput
        When the model gives no probabilities, or knows a class that the space does not.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0]], ["dog", "cat"])
    >>> probs_from_sklearn(model, [[0.0]], LabelSpace(("dog", "cat"))).argmax()
    np.int64(0)
    """
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        raise BadInput(
            f"{type(model).__name__} gives no probabilities or is not fitted",
            fix="fit it first; wrap it in sklearn.calibration.CalibratedClassifierCV if it has no predict_proba",
        )
    return in_class_order(model.predict_proba(X), list(model.classes_), space)


def probs_from_torch(
    model: Any, batches: Iterable[Any], space: LabelSpace, *, logits: bool | None = None, device: str | None = None
) -> NDArray[np.float64]:
    """Return the probabilities of a PyTorch module over batches, in evaluation mode and without gradients.

    Parameters
    ----------
    model : torch.nn.Module
        Gives (b, K), or an object or mapping with ``logits``, columns in the order of the space.
    batches : iterable of tensors, or of tuples or mappings that hold them (a DataLoader)
        Of a tuple the first entry is passed; a mapping without ``labels`` is passed by name.
    logits : bool, optional
        Whether the outputs are logits. Default: unless every row of the output is a distribution already.
    device : str, optional
        Default: where the model's parameters are.

    Returns
    -------
    array of float64, shape (n, K)
    """
    import torch

    first = next(iter(model.parameters()), None)
    place = device or (first.device if first is not None else "cpu")
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [_torch_output(model, batch, place) for batch in batches]
    finally:
        model.train(was_training)
    if not parts:
        return np.empty((0, len(space)))
    raw = np.concatenate(parts)
    given_logits = not _are_distributions(raw) if logits is None else logits
    return in_class_order(_softmax(raw) if given_logits else raw, list(range(raw.shape[1])), space)


def _torch_output(model: Any, batch: Any, place: Any) -> NDArray[np.float64]:
    if isinstance(batch, Mapping):
        said = model(**{name: value.to(place) for name, value in batch.items() if name not in ("labels", "label")})
    else:
        said = model((batch[0] if isinstance(batch, list | tuple) else batch).to(place))
    if isinstance(said, Mapping):
        said = said["logits"]
    said = getattr(said, "logits", said)
    if said.ndim != 2:
        raise BadInput(
            f"the model gives an array of {said.ndim} dimension(s) for a batch", fix="return (rows, classes)"
        )
    return said.float().cpu().numpy().astype(np.float64)


def probs_from_huggingface(
    model: Any, texts: Sequence[str], space: LabelSpace, *, tokenizer: Any = None, batch_size: int = 32
) -> NDArray[np.float64]:
    """Return the probabilities of a Hugging Face text-classification pipeline, or of a model with its tokenizer.

    Parameters
    ----------
    model : pipeline, or sequence-classification model together with `tokenizer`
        Its labels (``id2label``) are the names of the space, or ``LABEL_0`` to ``LABEL_{K-1}``.
    texts : sequence of str, length n
    space : LabelSpace, K classes

    Returns
    -------
    array of float64, shape (n, K)
    """
    if tokenizer is None:
        return probs_from_scored_labels(
            model([str(text) for text in texts], top_k=None, batch_size=batch_size, truncation=True), space
        )

    def batches() -> Iterable[Any]:
        for start in range(0, len(texts), batch_size):
            block = [str(text) for text in texts[start : start + batch_size]]
            yield dict(tokenizer(block, padding=True, truncation=True, return_tensors="pt"))

    given = LabelSpace(tuple(str(k) for k in range(int(model.config.num_labels))))
    raw = probs_from_torch(model, batches(), given, logits=True)
    names = getattr(model.config, "id2label", None) or {}
    return in_class_order(raw, [names.get(k, names.get(str(k), f"LABEL_{k}")) for k in range(raw.shape[1])], space)


def probs_from_scored_labels(
    outputs: Sequence[Mapping[str, Any] | Sequence[Mapping[str, Any]]], space: LabelSpace
) -> NDArray[np.float64]:
    """Return probabilities from what a text-classification pipeline returned.

    Parameters
    ----------
    outputs : sequence of lists of ``{"label": name, "score": p}``, length n
        One such mapping instead of a list names the best class alone: the rest of the mass is spread evenly.
    space : LabelSpace, K classes

    Examples
    --------
    >>> scored = [[{"label": "dog", "score": 0.9}, {"label": "cat", "score": 0.1}]]
    >>> probs_from_scored_labels(scored, LabelSpace(("cat", "dog")))
    array([[0.1, 0.9]])
    """
    out = np.full((len(outputs), len(space)), np.nan)
    for row, said in enumerate(outputs):
        scores = [said] if isinstance(said, Mapping) else list(said)
        for scored in scores:
            out[row, _class_number(scored["label"], space)] = float(scored["score"])
    unsaid = np.isnan(out)
    rest = np.maximum(1 - np.where(unsaid, 0, out).sum(axis=1), 0) / np.maximum(unsaid.sum(axis=1), 1)
    return _normalised(np.where(unsaid, rest[:, None], out))


def in_class_order(values: ArrayLike, classes: Sequence[Any], space: LabelSpace) -> NDArray[np.float64]:
    """Return columns that belong to `classes` in the order of `space`, rows summing to 1; absent classes get 0.

    Parameters
    ----------
    values : array of float, shape (n, len(classes))
        Probabilities.
    classes : sequence of str or int
        Names of the space, ``LABEL_k``, or class numbers.

    Examples
    --------
    >>> in_class_order([[0.2, 0.8]], ["dog", "cat"], LabelSpace(("cat", "dog", "owl")))
    array([[0.8, 0.2, 0. ]])
    """
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != len(classes):
        raise BadInput(f"predictions of shape {given.shape} do not have one column for each of {len(classes)} classes")
    columns = [_class_number(name, space) for name in classes]
    if len(set(columns)) != len(columns):
        raise BadInput(f"two columns are of the same class ({listed(classes)})")
    out = np.zeros((len(given), len(space)))
    out[:, columns] = given
    return _normalised(out)


def _class_number(name: Any, space: LabelSpace) -> int:
    """Return the class that a model means: a name of the space, else ``LABEL_k`` or a number."""
    text = str(name)
    if text in space.index:
        return space.index[text]
    number = text.removeprefix("LABEL_")
    if number.isdecimal() and int(number) < len(space):
        return int(number)
    raise BadInput(
        f"the model knows a class {quoted(text)} that is not in the data", fix=did_you_mean(text, space.names)
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _are_distributions(raw: NDArray[np.float64]) -> bool:
    return bool((raw >= 0).all() and np.allclose(raw.sum(axis=1), 1, atol=1e-3))


def _normalised(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    total = probs.sum(axis=1, keepdims=True)
    bad = ~(np.isfinite(probs).all(axis=1) & (probs >= 0).all(axis=1) & (total[:, 0] > 0))
    if bad.any():
        raise BadInput("the model's probabilities are negative, NaN or all zero", where=f"row {int(np.argmax(bad))}")
    return probs / total
