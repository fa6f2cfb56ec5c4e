"""Any network of the user's, as a backbone."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.nn.backbones.network import Network


class _UpToLast(nn.Module):
    """What a module's last linear layer reads."""

    def __init__(self, module: nn.Module, last: nn.Linear) -> None:
        super().__init__()
        self.module = module
        self._caught: list[Tensor] = []
        last.register_forward_pre_hook(lambda _, inputs: self._caught.append(inputs[0]))

    def forward(self, x: Any) -> Tensor:
        self._caught.clear()
        self.module(x)
        return self._caught.pop()


class Module:
    """Make networks of a module of your own: ``Module(my_net)``.

    The first network has its weights, further ones too but for a fresh last linear layer, so that two networks of one
    method differ. Features are what the last linear layer reads; a module without one gives logits only.

    Parameters
    ----------
    module : nn.Module
        Inputs (b, ...) → logits (b, K). Copied; yours stays as it is.
    """

    def __init__(self, module: nn.Module) -> None:
        if not isinstance(module, nn.Module):
            raise BadInput(f"{type(module).__name__} is no torch module", fix="pass an nn.Module or a backbone")
        self.module = module
        self._made = 0

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        """Return a copy whose last layer has `n_outputs` outputs."""
        own = copy.deepcopy(self.module)
        if hasattr(own, "features") and hasattr(own, "head"):
            return own
        last = _last_linear(own)
        if last is None:
            return own
        if last.out_features != n_outputs:
            raise BadInput(
                f"the network has {last.out_features} outputs, the labels {n_outputs} classes",
                fix=f"give its last layer {n_outputs} outputs",
            )
        if self._made:
            last.reset_parameters()
        self._made += 1
        return _Whole(own, last)

    def __repr__(self) -> str:
        return f"Module({type(self.module).__name__})"


class _Whole(Network):
    """A module as it is, with its last layer's inputs as features."""

    def __init__(self, module: nn.Module, last: nn.Linear) -> None:
        super().__init__(_UpToLast(module, last), last, last.in_features)

    def forward(self, x: Any) -> Tensor:
        body = self.body
        assert isinstance(body, _UpToLast)
        logits: Tensor = body.module(x)
        body._caught.clear()
        return logits


def _last_linear(module: nn.Module) -> nn.Linear | None:
    linear = [child for child in module.modules() if isinstance(child, nn.Linear)]
    return linear[-1] if linear else None
