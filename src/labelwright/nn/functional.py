"""Networks as functions of their weights: virtual steps, directional derivatives, frozen batch statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from labelwright.errors import BadInput

Params = dict[str, Tensor]


def params_of(net: nn.Module, *, detach: bool = False) -> Params:
    """Return the trainable parameters by name; detached copies when they are to be kept."""
    return {name: p.detach().clone() if detach else p for name, p in net.named_parameters() if p.requires_grad}


def call(net: nn.Module, params: Mapping[str, Tensor], x: Any) -> Tensor:
    """Return the network's output with other weights than its own; gradients flow into `params`."""
    output: Tensor = functional_call(net, dict(params), (x,))
    return output


def virtual_step(
    net: nn.Module, loss: Callable[[Params], Tensor], lr: float, params: Params | None = None, *, graph: bool = True
) -> Params:
    """Return the weights after one gradient step that is not taken: w − lr · d loss / d w.

    Parameters
    ----------
    net : nn.Module
        Stays as it is.
    loss : callable
        Weights → scalar, through `call`.
    lr : float
    params : mapping, optional
        Weights to start from; the network's own by default.
    graph : bool, default True
        Keep the graph, so that the new weights can be differentiated by what the loss depends on.
    """
    weights = params_of(net) if params is None else params
    gradients = torch.autograd.grad(loss(weights), [*weights.values()], create_graph=graph, allow_unused=True)
    return {name: w if g is None else w - lr * g for (name, w), g in zip(weights.items(), gradients, strict=True)}


def jvp_log_softmax(net: nn.Module, params: Params, x: Any, direction: Params) -> Tensor:
    """Return the derivative of log softmax(net(x)) along `direction` in weight space, (b, K), detached.

    Forward-mode where every layer supports it, else two backward passes; both give the same numbers.
    """

    def log_probs(weights: Params) -> Tensor:
        return call(net, weights, x).log_softmax(dim=1)

    weights = {name: w.detach() for name, w in params.items()}
    along = {name: direction[name].detach() for name in weights}
    with frozen_statistics(net):
        try:
            return torch.func.jvp(log_probs, (weights,), (along,))[1].detach()
        except (NotImplementedError, RuntimeError):
            return jvp_by_backward(log_probs, weights, along)


def jvp_by_backward(function: Callable[[Params], Tensor], weights: Params, direction: Params) -> Tensor:
    """Return a directional derivative by differentiating a vector-Jacobian product in its vector."""
    with torch.enable_grad():
        inputs = {name: w.detach().requires_grad_(True) for name, w in weights.items()}
        output = function(inputs)
        vector = torch.zeros_like(output, requires_grad=True)
        pulled = torch.autograd.grad(output, [*inputs.values()], vector, create_graph=True)
        (pushed,) = torch.autograd.grad(pulled, vector, [direction[name] for name in inputs])
    return pushed.detach()


def hvp(loss: Callable[[Params], Tensor], params: Params, vector: Params) -> Params:
    """Return the Hessian of `loss` at `params` times `vector`, by name, detached."""
    with torch.enable_grad():
        weights = {name: w.detach().requires_grad_(True) for name, w in params.items()}
        first = torch.autograd.grad(loss(weights), [*weights.values()], create_graph=True)
        inner = sum((g * vector[name]).sum() for g, name in zip(first, weights, strict=True))
        second = torch.autograd.grad(inner, [*weights.values()], allow_unused=True)  # type: ignore[arg-type]
    return {
        name: torch.zeros_like(w) if s is None else s.detach()
        for (name, w), s in zip(weights.items(), second, strict=True)
    }


@contextmanager
def frozen_statistics(net: nn.Module) -> Iterator[None]:
    """Let batch normalisation use its running statistics and leave them alone."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    modes = [m.training for m in norms]
    for norm in norms:
        norm.training = False
    try:
        yield
    finally:
        for norm, mode in zip(norms, modes, strict=True):
            norm.training = mode


def optimizer_step(optimizer: torch.optim.Optimizer, params: Params, gradients: Params) -> Params:
    """Return the weights that `optimizer` would make of the gradients, differentiable by them; nothing is changed.

    Parameters
    ----------
    optimizer : torch.optim.SGD, Adam or AdamW
        With the state that it has now; others raise BadInput.
    params : mapping of str to Parameter
        Parameters of the optimizer itself, by name.
    gradients : mapping of str to Tensor
    """
    group_of = {parameter: group for group in optimizer.param_groups for parameter in group["params"]}
    if not isinstance(optimizer, torch.optim.SGD | torch.optim.Adam):
        raise BadInput(f"no differentiable step for {type(optimizer).__name__}", fix="choose SGD, Adam or AdamW")
    step = _sgd_step if isinstance(optimizer, torch.optim.SGD) else _adam_step
    return {
        name: step(w.detach(), gradients[name], optimizer.state.get(w, {}), group_of[w]) for name, w in params.items()
    }


def _sgd_step(w: Tensor, g: Tensor, state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    g = g + group["weight_decay"] * w
    momentum = group["momentum"]
    if momentum:
        old = state.get("momentum_buffer")
        buffer = g if old is None else momentum * old + (1 - group["dampening"]) * g
        g = g + momentum * buffer if group["nesterov"] else buffer
    return w - group["lr"] * g


def _adam_step(w: Tensor, g: Tensor, state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor:
    (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
    if group.get("decoupled_weight_decay"):
        w = w * (1 - lr * decay)
    else:
        g = g + decay * w
    t = float(state.get("step", 0.0)) + 1
    first = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
    second = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * g**2
    largest = torch.maximum(state["max_exp_avg_sq"], second) if group["amsgrad"] and state else second
    root = largest.clamp_min(1e-24).sqrt()  # the derivative of a square root at 0 is no number
    return w - lr / (1 - beta1**t) * first / (root / (1 - beta2**t) ** 0.5 + group["eps"])
