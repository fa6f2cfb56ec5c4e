"""Label models by name, for the command line. In Python a label model is an object."""

from __future__ import annotations

from importlib import import_module

from labelwright.consensus.base import LabelModel
from labelwright.errors import BadInput, did_you_mean, quoted

AUTO = "auto"
# Name → class; the class lives behind the family's public face.
METHODS = {
    "majority": "MajorityVote",
    "wawa": "WorkerAgreement",
    "zero-based-skill": "ZeroBasedSkill",
    "dawid-skene": "DawidSkene",
    "fast-dawid-skene": "FastDawidSkene",
    "one-coin": "OneCoin",
    "glad": "GLAD",
    "mace": "MACE",
    "ibcc": "IBCC",
    "ebcc": "EBCC",
    "data-programming": "DataProgramming",
    "matrix-completion": "MatrixCompletion",
    "triplet": "TripletModel",
    "committee": "Committee",
}


def label_model(name: str = AUTO, seed: int = 0) -> LabelModel:
    """Return an unfitted label model by its short name or the name of its class; ``auto`` is `Automatic`.

    Examples
    --------
    >>> type(label_model("dawid-skene")).__name__
    'DawidSkene'
    """
    wanted = name.strip().casefold().replace("_", "-").replace(" ", "-")
    if wanted in (AUTO, "automatic"):
        kind = "Automatic"
    else:
        known = METHODS | {kind.casefold(): kind for kind in METHODS.values()}
        if wanted not in known:
            raise BadInput(f"there is no label model {quoted(name)}", fix=did_you_mean(wanted, (AUTO, *METHODS)))
        kind = known[wanted]
    maker = getattr(import_module("labelwright.consensus"), kind)
    model: LabelModel = maker(seed=seed) if kind in ("Automatic", "Committee", "EBCC", "MACE") else maker()
    return model
