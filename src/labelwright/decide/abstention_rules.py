"""What fair abstention has to keep: alike by which measure, how much silence, and no harm to any group.

Source: Yin et al., Fair classifiers that abstain without harm, ICLR 2024 [P106].
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from labelwright.decide.contract import Bools
from labelwright.errors import BadInput, listed
from labelwright.metrics.checks import as_share


class FairnessRule(Protocol):
    """Which acceptance rates must be alike, within `eps`."""

    eps: float

    def conditions(self, y: Bools) -> tuple[Bools, ...]:
        """Return the rows among which acceptance is compared."""
        ...


@dataclass(frozen=True)
class DemographicParity:
    """Acceptance rates of groups differ by at most `eps`."""

    eps: float

    def conditions(self, y: Bools) -> tuple[Bools, ...]:
        """All rows."""
        return (np.ones_like(y),)


@dataclass(frozen=True)
class EqualOpportunity:
    """True positive rates of groups differ by at most `eps`."""

    eps: float

    def conditions(self, y: Bools) -> tuple[Bools, ...]:
        """Rows with y = 1."""
        return (y,)


@dataclass(frozen=True)
class EqualizedOdds:
    """True and false positive rates of groups differ by at most `eps` each."""

    eps: float

    def conditions(self, y: Bools) -> tuple[Bools, ...]:
        """Rows with y = 1, rows with y = 0."""
        return y, ~y


class NoHarm(Protocol):
    """Which error among decided rows a group may have."""

    def allowed_error(self, base: float) -> float:
        """Return e' from the baseline's error e."""
        ...


@dataclass(frozen=True)
class RelativeAccuracy:
    """e' = e + eta (1 − e): accuracy may not fall below (1 − eta) times the baseline's, as in the published code."""

    eta: float = 0.0

    def allowed_error(self, base: float) -> float:
        """Return e'."""
        return base + self.eta * (1 - base)


@dataclass(frozen=True)
class RelativeError:
    """e' = (1 + eta) e."""

    eta: float = 0.0

    def allowed_error(self, base: float) -> float:
        """Return e'."""
        return (1 + self.eta) * base


@dataclass(frozen=True)
class AbstentionRules:
    """All rules of a plan.

    Parameters
    ----------
    fairness : FairnessRule
        `DemographicParity`, `EqualOpportunity` or `EqualizedOdds`.
    max_abstention : float or dict of group to float, default 0.2
        δ: largest share of a group that is left undecided, in [0, 1].
    no_harm : NoHarm, default `RelativeAccuracy(0)`
        With slack 0 no group's error among decided rows is above the baseline's.
    max_abstention_gap : float, optional
        σ: how far groups may differ in the share that is decided, overall and within y = 1 and y = 0.
    flip_penalty : float, default 1e-3
        Price of a flip in errors: flips that help nothing vanish. The program sees true labels, so without a price it
        likes to flip every error, which no model can learn.

    Examples
    --------
    >>> AbstentionRules(DemographicParity(0.03), max_abstention={"a": 0.1, "b": 0.2}).max_abstention_of("b")
    0.2
    """

    fairness: FairnessRule
    max_abstention: float | Mapping[Hashable, float] = 0.2
    no_harm: NoHarm = field(default_factory=RelativeAccuracy)
    max_abstention_gap: float | None = None
    flip_penalty: float = 1e-3

    def __post_init__(self) -> None:
        as_share("eps", self.fairness.eps)
        for share in (
            self.max_abstention.values() if isinstance(self.max_abstention, Mapping) else [self.max_abstention]
        ):
            as_share("max_abstention", share)
        if self.max_abstention_gap is not None:
            as_share("max_abstention_gap", self.max_abstention_gap)
        if self.flip_penalty < 0:
            raise BadInput(f"flip_penalty is {self.flip_penalty!r}", fix="give 0 or more")

    def max_abstention_of(self, group: Hashable) -> float:
        """Return δ of a group."""
        if not isinstance(self.max_abstention, Mapping):
            return float(self.max_abstention)
        if group not in self.max_abstention:
            raise BadInput(f"max_abstention names no group {listed([group])}", fix="give one share a group")
        return float(self.max_abstention[group])
