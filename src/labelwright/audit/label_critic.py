"""Which of several candidate masks is best, asked of a judge twice with the order swapped.

A volume is projected: intensities clipped to a window, scaled to [0, 1], summed along one axis, divided by the
maximum; the mask likewise, and drawn in red over it. For two candidates whose projections differ (Dice at most `alike`)
the judge sees overlay 1, overlay 2 and says which is better, then both in the other order. With answers a₁ and a₂ as
spoken ("the first", "the second", unsure):

    strict    decide only if both are sure and a₁ ≠ a₂, that is: the same mask twice; else a tie
    lenient   an unsure answer defers to the other; the same word twice is a habit of the judge, hence a tie

More than two candidates: all pairs, score = wins + half ties, then mean confidence (ours: the paper compares two).

Source: Bassi et al., Label Critic: Design Data Before Models, ISBI 2025 [P004].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge import PairwiseJudge
from labelwright.errors import BadInput
from labelwright.metrics.masks import dice, sum_projection

ORGANS, BONES = (-150.0, 250.0), (-500.0, 1500.0)  # Hounsfield units
FIRST, SECOND, UNSURE = 1.0, 0.0, 0.5
MOST_PAIRS, FEWEST_PAIRS = 10_000, 100
Mask = NDArray[np.bool_]
Decide = Callable[[float, float], float]


@dataclass(frozen=True)
class Overlay:
    """A picture of a volume with a mask on it.

    Parameters
    ----------
    image, mask : float64 (H, W), in [0, 1]
        The projections; the mask is 0 outside and above one half inside.
    """

    image: NDArray[np.float64]
    mask: NDArray[np.float64]

    def rgb(self) -> NDArray[np.uint8]:
        """Return the mask in red over the grey image, uint8 (H, W, 3)."""
        grey = np.repeat(self.image[:, :, None], 3, axis=2)
        red = np.array([1.0, 0.0, 0.0])
        share = 0.6 * self.mask[:, :, None]
        return np.round(255 * ((1 - share) * grey + share * red)).astype(np.uint8)


def project_overlay(
    volume: ArrayLike, mask: ArrayLike, *, window: tuple[float, float] | None = None, axis: int = 1
) -> Overlay:
    """Project a volume and a mask along an axis; a plane image (H, W) is taken as it is.

    Parameters
    ----------
    volume : float (D, H, W) or (H, W)
    mask : bool, of the same shape
    window : (low, high), optional
        Intensities are clipped to it, `ORGANS` or `BONES` for CT; the range of the values by default.
    axis : int, default 1
        Front to back.

    Examples
    --------
    >>> project_overlay([[0.0, 2.0]], [[False, True]]).mask
    array([[0., 1.]])
    """
    values, inside = np.asarray(volume, dtype=np.float64), np.asarray(mask, dtype=bool)
    if values.shape != inside.shape or values.ndim not in (2, 3):
        raise BadInput(f"the volume has shape {values.shape}, the mask {inside.shape}", fix="give both on one grid")
    if not np.isfinite(values).all():
        raise BadInput("the volume holds NaN or infinity", fix="fill these voxels")
    low, high = window if window is not None else (float(values.min(initial=0)), float(values.max(initial=1)))
    if not low <= high:
        raise BadInput(f"the window is {window}", fix="give the lower end first")
    scaled = (np.clip(values, low, high) - low) / max(high - low, 1e-12)
    if values.ndim == 2:
        return Overlay(scaled, inside.astype(np.float64))
    drawn = sum_projection(inside.astype(np.float64), axis)
    return Overlay(sum_projection(scaled, axis), np.where(drawn > 0, 0.5 + 0.5 * drawn, 0.0))


def strict_decision(a1: float, a2: float) -> float:
    """Return 1, 0 or ½ for candidate 1, 2 or a tie from the answers in order (1, 2) and (2, 1), each 1, 0 or ½.

    Examples
    --------
    >>> strict_decision(1.0, 0.0), strict_decision(1.0, 1.0), strict_decision(1.0, 0.5)
    (1.0, 0.5, 0.5)
    """
    return a1 if UNSURE not in (a1, a2) and a1 != a2 else UNSURE


def lenient_decision(a1: float, a2: float) -> float:
    """As `strict_decision`, but an unsure answer defers to the other one.

    Examples
    --------
    >>> lenient_decision(0.5, 0.0), lenient_decision(1.0, 1.0)
    (1.0, 0.5)
    """
    if a1 == UNSURE:
        return UNSURE if a2 == UNSURE else 1 - a2
    return a1 if a2 == UNSURE else strict_decision(a1, a2)


class OrderSwapJudge:
    """A pairwise judge that is asked twice, so that a habit of preferring one place cancels out.

    Parameters
    ----------
    judge : PairwiseJudge
    decide : callable, default `strict_decision`
        Or `lenient_decision`.
    margin : float, default 0.0
        In [0, ½): answers within it of ½ are unsure.

    Examples
    --------
    >>> class First:
    ...     def compare(self, item, first, second):
    ...         return 1.0
    >>> OrderSwapJudge(First()).compare(None, "a", "b")
    0.5
    """

    def __init__(self, judge: PairwiseJudge, decide: Decide = strict_decision, margin: float = 0.0) -> None:
        if not 0 <= margin < 0.5:
            raise BadInput(f"margin is {margin}", fix="give a number in [0, 0.5)")
        self.judge, self.decide, self.margin = judge, decide, margin

    def compare(self, item: Any, first: Any, second: Any) -> float:
        """Return 1 for the first, 0 for the second, ½ for a tie."""
        return self.verdict(item, first, second)[0]

    def verdict(self, item: Any, first: Any, second: Any) -> tuple[float, float]:
        """Return the decision and how sure it is, in [0, 1]: the mean distance of the two answers from ½, doubled."""
        a1, a2 = (float(self.judge.compare(item, *pair)) for pair in ((first, second), (second, first)))
        if not (0 <= a1 <= 1 and 0 <= a2 <= 1):
            raise BadInput(f"the judge answered {a1} and {a2}", fix="return a number in [0, 1]")
        decided = self.decide(self._spoken(a1), self._spoken(a2))
        return decided, 0.0 if decided == UNSURE else abs(a1 - 0.5) + abs(a2 - 0.5)

    def _spoken(self, answer: float) -> float:
        return UNSURE if abs(answer - 0.5) <= self.margin else float(answer > 0.5)


@dataclass(frozen=True)
class Choice:
    """The best of several candidates.

    Parameters
    ----------
    best : int or None
        None where they tie.
    confidence : float
        In [0, 1], 0 for a tie.
    wins : tuple of float
        Wins and half ties of each candidate.
    reason : str
    """

    best: int | None
    confidence: float
    wins: tuple[float, ...]
    reason: str = ""


def tie_threshold(dices: ArrayLike) -> float:
    """Return the Dice above which two candidates are not worth asking about, from the Dice of all pairs of a class.

    min(mean − standard deviation, 0.9), raised to the 100th lowest Dice where fewer than 100 pairs lie below it, and
    lowered to the 10,000th where more do.

    Examples
    --------
    >>> tie_threshold([0.5, 0.7])
    0.7
    """
    values = np.sort(np.asarray(dices, dtype=np.float64))
    if not len(values):
        return 0.5
    threshold = min(float(values.mean() - values.std()), 0.9)
    if (values < threshold).sum() < FEWEST_PAIRS:
        threshold = float(values[min(FEWEST_PAIRS, len(values)) - 1])
    return float(min(threshold, values[MOST_PAIRS - 1])) if len(values) > MOST_PAIRS else threshold


def best_label(
    item: Any,
    candidates: Sequence[Any],
    judge: OrderSwapJudge,
    *,
    alike: float = 0.5,
    expected: bool = True,
    overlap: Callable[[Any, Any], float] | None = None,
    is_empty: Callable[[Any], bool] | None = None,
    rng: np.random.Generator | None = None,
) -> Choice:
    """Choose the best of two or more candidates.

    Parameters
    ----------
    item : object
        What the judge sees besides; may be None.
    candidates : sequence of Overlay
        Or of anything that the judge takes, with `overlap` and `is_empty` for it.
    judge : OrderSwapJudge
    alike : float, default 0.5
        Pairs with a larger Dice of their projections tie without being asked about; see `tie_threshold`.
    expected : bool, default True
        False: the structure should not be visible here, so that an empty mask beats any other, and others tie.
    rng : numpy.random.Generator, optional
        Draws which of two candidates is shown first.
    """
    if len(candidates) < 2:
        raise BadInput(f"there are {len(candidates)} candidates", fix="give at least two")
    near, empty = overlap or _projected_dice, is_empty or _nothing_drawn
    wins, sure = np.zeros(len(candidates)), np.zeros(len(candidates))
    asked = False
    for i, j in combinations(range(len(candidates)), 2):
        a, b = candidates[i], candidates[j]
        if not expected:
            decided, confidence = 0.5 + 0.5 * (float(empty(a)) - float(empty(b))), 1.0
        elif near(a, b) > alike:
            decided, confidence = UNSURE, 0.0
        else:
            asked = True
            swap = rng is not None and bool(rng.integers(2))
            decided, confidence = judge.verdict(item, *((b, a) if swap else (a, b)))
            decided = 1 - decided if swap else decided
        wins[i] += decided
        wins[j] += 1 - decided
        if decided != UNSURE:
            sure[[i, j]] += [confidence, -confidence] if decided == FIRST else [-confidence, confidence]
    order = np.lexsort((-sure, -wins))
    best, second = order[:2]
    tied = wins[best] == wins[second] and np.isclose(sure[best], sure[second])
    said = tuple(float(w) for w in wins)
    if tied:
        reason = "the judge does not tell them apart" if asked else "the candidates are alike"
        return Choice(None, 0.0, said, reason if expected else "the structure is not expected here")
    confidence = float(np.clip(sure[best] / (len(candidates) - 1), 0.0, 1.0))
    return Choice(int(best), confidence, said, "" if expected else "the structure is not expected here")


def flag_single_label(quality: float, accept_from: float = 0.5) -> bool:
    """Tell whether a single mask must go to a person: its quality, as the judge says, is below `accept_from`."""
    return not quality >= accept_from


def _projected_dice(a: Overlay, b: Overlay) -> float:
    return float(dice(a.mask > 0, b.mask > 0))


def _nothing_drawn(a: Overlay) -> bool:
    return not (a.mask > 0).any()
