"""Label models, one file each: votes in, one label a row and the quality of every source out."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ROOMS = {
    "majority": "MajorityVote WeightedVote WorkerAgreement ZeroBasedSkill",
    "dawid_skene": "DawidSkene FastDawidSkene",
    "one_coin": "OneCoin",
    "data_programming": "DataProgramming",
    "glad": "GLAD",
    "mace": "MACE",
    "bcc": "IBCC EBCC",
    "matrix_completion": "MatrixCompletion",
    "triplet": "TripletModel",
    "hyper": "HyperLabelModel",
}
# Public names and where they live. They load on first use.
_FACE = {name: f"labelwright.consensus.label_models.{room}" for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.consensus.label_models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
