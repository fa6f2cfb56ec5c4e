"""Acquisitions by name, for the command line, and the rule that chooses one.

In Python an acquisition is an object; names as strings exist here alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from labelwright.errors import BadInput, did_you_mean, listed, quoted

AUTO = "auto"
FEW_A_CLASS = 3  # labels a class below which a model's doubts say little


@dataclass(frozen=True)
class Method:
    """An acquisition that the command line knows.

    Parameters
    ----------
    name : str
    cls : str
        Its class, in the face of the family.
    needs : tuple of str
        ``"probs"`` (a model), ``"features"``, ``"labels"`` (some known), ``"draws"`` (a committee), ``"told"`` (asks
        again about labels).
    says : str
        Why a row was chosen: the kind of its reason.
    """

    name: str
    cls: str
    needs: tuple[str, ...]
    says: str


METHODS = (
    Method("activelab", "ActiveLab", ("probs",), "worth"),
    Method("random", "RandomSampling", (), "drawn"),
    Method("entropy", "Entropy", ("probs",), "unsure"),
    Method("least-confidence", "LeastConfidence", ("probs",), "unsure"),
    Method("margin", "Margin", ("probs",), "unsure"),
    Method("diverse", "DiverseMiniBatch", ("probs", "features"), "unsure"),
    Method("bald", "BALD", ("draws",), "disagree"),
    Method("badge", "BADGE", ("probs", "features"), "unsure"),
    Method("k-center", "KCenterGreedy", ("features",), "far"),
    Method("k-means", "KMeansCenters", ("features",), "typical"),
    Method("typiclust", "TypiClust", ("features",), "typical"),
    Method("probcover", "ProbCover", ("features",), "covers"),
    Method("error-reduction", "ExpectedErrorReduction", ("features", "labels"), "settles"),
    Method("data-selection", "SurrogateSubsampler", ("probs",), "unsure"),
    Method("robust-distillation", "RobustActiveDistillation", ("probs",), "unsure"),
    Method("hierarchy", "HierarchyReannotation", ("probs", "told"), "apart"),
)
_BY_NAME = {method.name: method for method in METHODS}


def find_method(name: str) -> Method:
    """Return the method of a name: of the list, or its class; BadInput suggests near names.

    Examples
    --------
    >>> find_method("BADGE").name
    'badge'
    """
    plain = name.strip().casefold().replace("_", "-")
    by_class = {method.cls.casefold(): method for method in METHODS}
    if plain in _BY_NAME or plain in by_class:
        return _BY_NAME.get(plain) or by_class[plain]
    raise BadInput(f"there is no method {quoted(name)}", fix=f"{did_you_mean(name, _BY_NAME)}; or auto")


def make(method: Method, settings: Mapping[str, Any]) -> Any:
    """Return the acquisition with its settings; BadInput names the settings that there are."""
    cls = getattr(import_module("labelwright.acquire"), method.cls)
    known = inspect.signature(cls).parameters
    odd = next((name for name in settings if name not in known), None)
    if odd is not None:
        raise BadInput(
            f"{method.name} has no setting {quoted(odd)}", fix=f"it has {listed(known)}" if known else "leave it out"
        )
    missing = [name for name, one in known.items() if one.default is one.empty and name not in settings]
    if missing:
        raise BadInput(f"{method.name} must be told {listed(missing)}", fix=f"add --set {missing[0]}=VALUE")
    return cls(**settings)


def choose(n_labelled: int, n_classes: int, *, has_votes: bool, may_reask: bool) -> tuple[Method, str]:
    """Return the method for a state of labelling, and why.

    Parameters
    ----------
    n_labelled : int
        Rows with a label or a vote.
    n_classes : int
        0 = none is known yet.
    has_votes, may_reask : bool
        Several people labelled; labelled rows may be asked about again.

    Examples
    --------
    >>> choose(0, 0, has_votes=False, may_reask=False)[0].name
    'typiclust'
    """
    if has_votes or may_reask:
        return _BY_NAME["activelab"], "it weighs one more opinion on a labelled row against a new row"
    if n_classes < 2 or n_labelled < FEW_A_CLASS * n_classes:
        return _BY_NAME["typiclust"], "with so few labels typical rows teach more than doubtful ones"
    return _BY_NAME["diverse"], "the model's doubts mean something by now, and one row of each kind is asked"
