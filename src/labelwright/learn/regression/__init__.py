"""Learn real values from labels that are incomplete, permuted or rare."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.learn.regression"

_ROOMS: dict[str, tuple[str, ...]] = {
    "gaussian": (
        "GaussianLikelihood",
        "gaussian_loss",
        "likeliest_scale",
    ),
    "target_scale": ("TargetScale",),
    "absolute_error": ("AbsoluteError",),
    "conr": (
        "ConRRegularization",
        "ExponentialPush",
        "LinearPush",
        "conr_loss",
        "published_conr_loss",
    ),
    "lds": ("lds_weights",),
    "incomplete_net": ("U2Objective",),
    "glm": (
        "BERNOULLI",
        "GAUSSIAN",
        "POISSON",
        "Family",
        "GlmFit",
        "irls",
    ),
    "permuted": (
        "PermutedGLM",
        "recover_permutation",
        "two_step_estimate",
    ),
    "incomplete": (
        "ABSOLUTE",
        "SQUARED",
        "U2Regressor",
        "UpperLoss",
        "u2_gradient",
        "u2_loss",
    ),
    "losses": (
        "absolute",
        "huber",
        "pinball",
        "squared",
    ),
}
# Public names and where they live. They load on first use.
_FACE = {name: f"{_HERE}.{room}" for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'labelwright.learn.regression' has no attribute {name!r}")
    with naming_extra("training networks"):
        return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
