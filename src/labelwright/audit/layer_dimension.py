"""In how many directions the output of a layer of a network varies: the intrinsic dimension of what it makes of rows.

Source: Konz, Mazurowski, The Effect of Intrinsic Dataset Properties on Generalization, ICLR 2024 [P001].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.intrinsic import intrinsic_dimension
from labelwright.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
BLOCK = 256  # rows a batch


def representation_dimension(
    model: torch.nn.Module, layer: torch.nn.Module, X: Any, k: int = 20, *, anchors: int = 1000, seed: int = 0
) -> float:
    """Return the intrinsic dimension of what a layer of a network makes of the rows.

    Parameters
    ----------
    model : torch.nn.Module
        Called on batches of X in evaluation mode; its mode is restored.
    layer : torch.nn.Module
        A part of the model that returns one tensor; its output is flattened.
    X : tensor or array (n, ...)
        What the model takes.
    k, anchors, seed
        As in `intrinsic_dimension`.

    Raises
    ------
    BadInput
        When the layer is not part of the model or returns no tensor.

    Source: Konz, Mazurowski, ICLR 2024 [P001].
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("representation_dimension", "torch") from None
    if not any(layer is part for part in model.modules()):
        raise BadInput("the layer is no part of the model", fix="pass one of model.modules()")
    parameter = next(iter(model.parameters()), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    kind = torch.float32 if parameter is None else parameter.dtype
    inputs = torch.as_tensor(np.asarray(X) if not torch.is_tensor(X) else X)
    kept: list[Floats] = []

    def keep(_: Any, __: Any, out: Any) -> None:
        if not torch.is_tensor(out):
            raise BadInput("the layer returns no tensor", fix="choose a layer with one output")
        kept.append(out.detach().flatten(1).double().cpu().numpy())

    hook, training = layer.register_forward_hook(keep), model.training
    try:
        model.eval()
        with torch.no_grad():
            for batch in torch.split(inputs, BLOCK):
                model(batch.to(device, kind) if batch.is_floating_point() else batch.to(device))
    finally:
        hook.remove()
        model.train(training)
    return intrinsic_dimension(np.concatenate(kept), k, anchors=anchors, seed=seed)
