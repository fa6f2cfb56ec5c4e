"""Methods by name, for the command line: a name is the class of a paper's row in the catalogue, or the row's id.

In Python a method is an object; names as strings exist here alone. What a method has to be told about the data (a
transition matrix, the share of wrong labels, the share of positives) is filled in from the audit's estimate, and said.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.errors import BadInput, did_you_mean, listed, quoted

if TYPE_CHECKING:
    from labelwright.nn import Objective

Learns = Literal["labels", "candidates", "bags", "positives", "tags", "numbers", "any"]
Fills = Literal["transition", "forget", "prior", "expected", "rho"]
TOLD = {  # what no data can tell, and how a user says it
    "prior": ("the share of positives", "0.3"),
    "expected": ("the mean number of tags a row", "2.5"),
    "rho": ("the share of complete numbers", "0.7"),
}


@dataclass(frozen=True)
class Method:
    """A training method that the command line knows.

    Parameters
    ----------
    name : str
        Its class, which is the paper's name for it.
    id : str
        Its row in the catalogue; empty for what is no paper's.
    module : str
        Below `labelwright.learn`.
    learns : str
        What it learns from: ``"labels"`` (one a row, some wrong), ``"candidates"``, ``"bags"``, ``"positives"`` (known
        positives and rows that nobody looked at), ``"tags"`` (several a row), ``"numbers"`` or ``"any"`` of the first
        three.
    short : str
        Another name for it.
    fills : str, optional
        The constructor's argument that comes from the noise estimate, or must be set.
    silent : bool
        It learns from rows that say nothing, too.
    """

    name: str
    id: str
    module: str
    learns: Learns
    short: str = ""
    fills: Fills | None = None
    silent: bool = False

    @property
    def cited(self) -> str:
        """Its name with the row of the catalogue, where it has one."""
        return f"{self.name} [{self.id}]" if self.id else self.name

    def build(self, settings: Mapping[str, Any] | None = None, noise: NoiseEstimate | None = None) -> Objective:
        """Return the objective.

        Parameters
        ----------
        settings : mapping, optional
            Arguments of the constructor.
        noise : NoiseEstimate, optional
            Where the method wants to know how the labels go wrong.

        Raises
        ------
        BadInput
            A setting is unknown or of no use, or something is not known that the method needs.
        """
        kind = getattr(import_module(f"labelwright.learn.{self.module}"), self.name)
        chosen = dict(settings or {})
        known = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "args", "kwargs")]
        for name in chosen:
            if name not in known:
                raise BadInput(f"{self.name} has no setting {quoted(name)}", fix=did_you_mean(name, known))
        if self.fills is not None and self.fills not in chosen:
            chosen[self.fills] = self._filled(noise)
        try:
            objective: Objective = kind(**chosen)
        except BadInput:
            raise
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{self.name} cannot be made of {listed(chosen)} ({error})", fix="set other values"
            ) from None
        return objective

    def _filled(self, noise: NoiseEstimate | None) -> Any:
        if self.fills in TOLD:
            what, example = TOLD[self.fills]
            raise BadInput(f"{self.name} has to know {what}", fix=f"add --set {self.fills}={example}, for example")
        if noise is None:
            raise BadInput(f"{self.name} has to know how labels go wrong, and that could not be estimated")
        if self.fills == "transition":
            return noise.transition_matrix
        return min(max(noise.noise_rate, 0.01), 0.9)


METHODS = (
    Method("CrossEntropy", "B001", "noisy", "labels", "ce"),
    Method("MeanAbsoluteError", "B002", "noisy", "labels", "mae"),
    Method("ForwardCorrection", "B003", "noisy", "labels", "forward", "transition"),
    Method("BackwardCorrection", "B003", "noisy", "labels", "backward", "transition"),
    Method("ImportanceReweighting", "B004", "noisy", "labels", "importance", "transition"),
    Method("GeneralizedCrossEntropy", "B005", "noisy", "labels", "gce"),
    Method("TruncatedGeneralizedCrossEntropy", "B005", "noisy", "labels", "truncated-gce"),
    Method("SymmetricCrossEntropy", "B006", "noisy", "labels", "sce"),
    Method("NormalizedCrossEntropy", "B007", "noisy", "labels", "nce"),
    Method("ActivePassiveLoss", "B007", "noisy", "labels", "apl"),
    Method("SoftBootstrap", "B008", "noisy", "labels"),
    Method("HardBootstrap", "B008", "noisy", "labels", "bootstrap"),
    Method("Mixup", "B009", "noisy", "labels"),
    Method("CoTeaching", "B010", "noisy", "labels", "", "forget"),
    Method("CoTeachingPlus", "B011", "noisy", "labels", "", "forget"),
    Method("JoCoR", "B012", "noisy", "labels", "", "forget"),
    Method("DivideMix", "B013", "noisy", "labels"),
    Method("CrossSplit", "P094", "noisy", "labels"),
    Method("SparseOverParameterization", "B014", "noisy", "labels", "sop"),
    Method("EarlyLearningRegularization", "P134", "noisy", "labels", "elr"),
    Method("EarlyLearningRegularizationPlus", "P134", "noisy", "labels", "elr-plus"),
    Method("ImpreciseLabelLearner", "P010", "noisy", "any", "imprecise", silent=True),
    Method("PRODEN", "B015", "partial", "candidates"),
    Method("ClassifierConsistent", "B016", "partial", "candidates", "cc"),
    Method("RiskConsistent", "B016", "partial", "candidates", "rc"),
    Method("LeveragedWeighted", "B017", "partial", "candidates", "lws"),
    Method("UnbiasedPU", "B019", "partial", "positives", "upu", "prior", silent=True),
    Method("NonNegativePU", "B019", "partial", "positives", "nnpu", "prior", silent=True),
    Method("IgnoreUnobserved", "B020", "partial", "tags"),
    Method("AssumeNegative", "B020", "partial", "tags"),
    Method("WeakAssumeNegative", "B020", "partial", "tags"),
    Method("ExpectedPositive", "B021", "partial", "tags", "epr", "expected"),
    Method("RegularizedOnlineLabelEstimation", "B021", "partial", "tags", "role", "expected"),
    Method("LargeLossRejection", "B022", "partial", "tags"),
    Method("LargeLossTemporaryCorrection", "B022", "partial", "tags"),
    Method("LargeLossPermanentCorrection", "B022", "partial", "tags"),
    Method("AsymmetricLoss", "P063", "partial", "tags", "asl"),
    Method("PUMultiLabelLoss", "P026", "partial", "tags", silent=True),
    Method("EntropyMaximizationLoss", "P052", "partial", "tags"),
    Method("AsymmetricPseudoLabeling", "P052", "partial", "tags"),
    Method("COMIC", "P114", "partial", "tags"),
    Method("GaussianLikelihood", "", "regression", "numbers", "gaussian"),
    Method("AbsoluteError", "", "regression", "numbers"),
    Method("U2Objective", "P057", "regression", "numbers", "u2", "rho"),
    Method("ConRRegularization", "P153", "regression", "numbers", "conr"),
    Method("DLLP", "B023", "bags", "bags"),
    Method("EasyLLP", "B025", "bags", "bags"),
    Method("CountLikelihood", "B026", "bags", "bags"),
)


def find_method(name: str) -> Method:
    """Return the method of a name; case, hyphens and blanks do not matter.

    Raises
    ------
    BadInput
        There is no such method: near names are suggested.

    Examples
    --------
    >>> find_method("early-learning-regularization").id, find_method("elr").name, find_method("P010").name
    ('P134', 'EarlyLearningRegularization', 'ImpreciseLabelLearner')
    """
    wanted = _plain(name)
    for method in METHODS:
        if wanted in (_plain(method.name), _plain(method.short or method.name)):
            return method
    for method in METHODS:  # several methods share a row: the first one is the row's own
        if method.id and wanted == method.id.lower():
            return method
    known = [m.name for m in METHODS] + [m.short for m in METHODS if m.short]
    raise BadInput(f"there is no method {quoted(name)}", fix=did_you_mean(name, ["auto", *known]))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Return settings from ``["lam=7", "beta=0.7"]``: numbers, true and false.

    Examples
    --------
    >>> read_settings(["lam=7", "randomized=false"])
    {'lam': 7, 'randomized': False}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name or not text:
            raise BadInput(f"{quoted(pair)} is no setting", fix="write --set name=value, for example --set lam=7")
        if name in found:
            raise BadInput(f"{quoted(name)} is set twice", fix="leave one of the two")
        found[name] = _value(name, text)
    return found


def _value(name: str, text: str) -> int | float | bool:
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    for kind in (int, float):
        try:
            value: int | float = kind(text)
        except ValueError:
            continue
        if value == value and abs(value) != float("inf"):
            return value
    raise BadInput(f"the setting {quoted(name)} is {quoted(text)}", fix="give a number, true or false")
