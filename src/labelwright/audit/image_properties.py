"""Images that are dark, bright, blurred, empty, oddly shaped, grey or broken.

Every rule has a fixed limit that a person would agree with and, where data sets differ, asks too that the image
differs from the others: what most images of a data set are like is no oddity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labelwright.audit.image_measures import Floats, ImageProperties
from labelwright.audit.inputs import reasons_at
from labelwright.audit.scores import Scores
from labelwright.inert import inert
from labelwright.metrics.numerals import percent


@dataclass(frozen=True)
class DarkImages:
    """Find images whose brightest parts are dark: 99 % quantile of the luminance at most `limit`."""

    limit: float = 0.3

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        evidence = _over(self.limit, properties.bright_end)
        return _scores(
            "dark", evidence, lambda i: f"its brightest parts reach {percent(properties.bright_end[i], 0)} of white"
        )


@dataclass(frozen=True)
class LightImages:
    """Find images whose darkest parts are almost white: 5 % quantile of the luminance at least 1 − `limit`."""

    limit: float = 0.05

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        evidence = _over(self.limit, 1 - properties.dark_end)
        return _scores(
            "light", evidence, lambda i: f"even its darker parts are at {percent(properties.dark_end[i], 0)} of white"
        )


@dataclass(frozen=True)
class BlurryImages:
    """Find images without sharp edges: sharpness at most `limit` and at most `share` of the median image's."""

    limit: float = 0.15
    share: float = 0.4

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        typical = _median(properties.sharpness)
        evidence = np.minimum(
            _over(self.limit, properties.sharpness), _over(self.share * typical, properties.sharpness)
        )
        return _scores(
            "blurry",
            evidence,
            lambda i: f"its edges are {percent(properties.sharpness[i] / typical, 0)} as sharp as usual here",
        )


@dataclass(frozen=True)
class LowInformationImages:
    """Find images with hardly any detail: entropy at most `bits` and at most half that of the median image."""

    bits: float = 3.0

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        limit = min(self.bits, max(0.5 * _median(properties.entropy), 0.05))
        evidence = _over(limit, properties.entropy)
        return _scores(
            "low_information",
            evidence,
            lambda i: (
                f"it is almost one flat area ({properties.entropy[i]:.1f} bits of detail, a typical image has "
                f"{_median(properties.entropy):.1f})"
            ),
        )


@dataclass(frozen=True)
class OddSizes:
    """Find images far larger or smaller than the others.

    The side (root of the area) lies beyond the quartiles by more than three times their distance, on a log scale, and
    differs from the median by at least `ratio`.
    """

    ratio: float = 2.0

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        side = np.sqrt(properties.width * properties.height)
        return _scores(
            "odd_size",
            _far_from_usual(np.log(side), self.ratio),
            lambda i: (
                f"it has {properties.width[i]:.0f} x {properties.height[i]:.0f} pixels, a typical image "
                f"{_median(properties.width):.0f} x {_median(properties.height):.0f}"
            ),
        )


@dataclass(frozen=True)
class OddAspectRatios:
    """Find images far longer than wide, or wider than long, than the others, by the rule of `OddSizes`."""

    ratio: float = 2.0

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        ratio = properties.width / properties.height
        return _scores(
            "odd_aspect_ratio",
            _far_from_usual(np.log(ratio), self.ratio),
            lambda i: (
                f"it is {properties.width[i]:.0f} x {properties.height[i]:.0f} pixels, width over height "
                f"{ratio[i]:.2f}; usual is {_median(ratio):.2f}"
            ),
        )


@dataclass(frozen=True)
class GrayscaleImages:
    """Find grey images in a data set where most have colour."""

    limit: float = 0.004

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; 0.5 and less is an issue."""
        evidence = _over(self.limit, properties.colour)
        return _scores("grayscale", evidence, lambda i: "it has no colour; most images here do")


@dataclass(frozen=True)
class UnreadableImages:
    """List the images that cannot be opened, with the reason."""

    def score(self, properties: ImageProperties) -> Scores:
        """Return one entry a row; score 0 for an image that cannot be read, else 1."""
        is_issue = np.fromiter((p is not None for p in properties.problems), bool, len(properties))
        found = np.flatnonzero(is_issue)
        reasons = [f"the image cannot be read: {inert(str(properties.problems[i]))}" for i in found.tolist()]
        return Scores(
            "unreadable_image",
            "row",
            1.0 - is_issue,
            is_issue,
            rows=np.arange(len(properties)),
            reason=reasons_at(found, reasons, len(properties)),
        )


IMAGE_AUDITORS = (
    UnreadableImages(),
    DarkImages(),
    LightImages(),
    BlurryImages(),
    LowInformationImages(),
    OddSizes(),
    OddAspectRatios(),
    GrayscaleImages(),
)


def score_images(properties: ImageProperties) -> tuple[Scores, ...]:
    """Return the scores of every image auditor, each with its defaults."""
    return tuple(auditor.score(properties) for auditor in IMAGE_AUDITORS)


def _median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else 0.0


def _over(limit: float, values: Floats) -> Floats:
    """Return limit / value: 1 at the limit, more below it, 0 where unknown."""
    return np.where(np.isfinite(values), limit / np.maximum(values, 1e-9), 0.0)


def _far_from_usual(logs: Floats, ratio: float) -> Floats:
    """Return evidence that a value lies far from the others: 1 at the limit, on a log scale."""
    known = logs[np.isfinite(logs)]
    if not len(known):
        return np.zeros(len(logs))
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    up, down = (high - middle) + 3 * (high - low), (middle - low) + 3 * (high - low)
    away = np.where(np.isfinite(logs), logs - middle, 0.0)
    return np.where(away >= 0, away / max(up, np.log(ratio)), -away / max(down, np.log(ratio)))


def _scores(kind: str, evidence: Floats, reason: Callable[[int], str]) -> Scores:
    """Turn evidence (1 = issue) into scores; what holds for more than half of the images is no oddity."""
    n = len(evidence)
    is_issue = evidence >= 1
    if is_issue.sum() > 0.5 * n:
        return Scores(kind, "row", np.ones(n), np.zeros(n, dtype=bool), rows=np.arange(n))
    found = np.flatnonzero(is_issue)
    return Scores(
        kind,
        "row",
        1 / (1 + np.maximum(evidence, 0)),
        is_issue,
        rows=np.arange(n),
        reason=reasons_at(found, [reason(i) for i in found.tolist()], n),
    )
