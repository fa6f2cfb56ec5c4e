"""Judges of overlays: a vision-language model behind a chat endpoint, and a small model that learns from references.

Both say which of two overlays is better and how good a single one is, so either stands behind `OrderSwapJudge`.

Source: Bassi et al., Label Critic: Design Data Before Models, ISBI 2025 [P004].
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from labelwright.audit.label_critic import Overlay
from labelwright.data.language_model import LanguageModel, Prompt, WritingModel, checked_probs
from labelwright.errors import BadInput
from labelwright.metrics.masks import dice

CHECKLIST = (
    "Does the red region have the shape of {structure}?",
    "Does it lie where {structure} should lie?",
    "Is it one piece where {structure} is one piece?",
    "Is its outline smooth, without holes and stray parts?",
)
Floats = NDArray[np.float64]


class QualityJudge(Protocol):
    """Says how good a single overlay is, and which of two is better."""

    def quality(self, item: Any, overlay: Overlay) -> float:
        """Return how likely the mask is good, in [0, 1]."""
        ...

    def compare(self, item: Any, first: Overlay, second: Overlay) -> float:
        """Return how sure the judge is that the first is better, in [0, 1]."""
        ...


class PromptedOverlayJudge:
    """A vision-language model that criticises overlays against a checklist and then chooses.

    Parameters
    ----------
    model : LanguageModel
        Sees pictures. Where it also writes, it criticises each overlay first and reads its own words before choosing.
    structure : str
        What the red region should be, such as ``"the liver"``.
    checklist : sequence of str
        Questions with ``{structure}``; data, so that each structure may have its own.
    good, bad : sequence of Overlay
        Examples shown before a single overlay is judged.
    """

    def __init__(
        self,
        model: LanguageModel,
        structure: str,
        checklist: Sequence[str] = CHECKLIST,
        good: Sequence[Overlay] = (),
        bad: Sequence[Overlay] = (),
    ) -> None:
        self.model, self.structure = model, structure
        self.checklist = tuple(line.replace("{structure}", structure) for line in checklist)
        self.good, self.bad = tuple(good), tuple(bad)

    def expects(self, overlay: Overlay) -> bool:
        """Ask whether the structure should be visible in the image at all."""
        asked = f"The image shows part of a body. Should {self.structure} be visible in it?"
        plain = _png(Overlay(overlay.image, np.zeros_like(overlay.mask)))
        probs = checked_probs(self.model, [Prompt(asked, images=(plain,))], ["yes", "no"])[0]
        return not probs[1] > probs[0]

    def quality(self, item: Any, overlay: Overlay) -> float:
        """Return P(yes) to: is this a good outline of the structure?"""
        shown = [*self.good, *self.bad, overlay]
        words = [*["good"] * len(self.good), *["bad"] * len(self.bad)]
        told = "".join(f"Image {i + 1} is an example of a {word} outline. " for i, word in enumerate(words))
        asked = f"{told}Red marks {self.structure} in the last image. {self._questions()} Is it a good outline?"
        probs = checked_probs(self.model, [Prompt(asked, images=tuple(map(_png, shown)))], ["yes", "no"])[0]
        return 0.5 if np.isnan(probs).any() else float(probs[0])

    def compare(self, item: Any, first: Overlay, second: Overlay) -> float:
        """Return P(first is better); ½ where the model cannot tell."""
        pictures = _png(first), _png(second)
        said = ""
        if isinstance(self.model, WritingModel):
            ask = f"Red marks {self.structure}. {self._questions()} Criticise the outline in three sentences."
            notes = self.model.write([Prompt(ask, images=(one,)) for one in pictures])
            said = f" Of the first image you said: {notes[0]} Of the second: {notes[1]}"
        asked = f"Red marks {self.structure} in both images. {self._questions()}{said} Which image is outlined better?"
        options = ["the first image", "the second image", "I cannot tell"]
        probs = checked_probs(self.model, [Prompt(asked, images=pictures)], options)[0]
        if np.isnan(probs).any() or probs.argmax() == 2:
            return 0.5
        return float(probs[0] / (probs[0] + probs[1]))

    def _questions(self) -> str:
        return " ".join(self.checklist)


class LearntOverlayJudge:
    """Guesses the Dice of an overlay from its shape and fit, after training on references and spoilt copies of them.

    Parameters
    ----------
    seed : int, default 0
    scale : float, default 0.05
        Difference in guessed Dice that makes the judge fairly sure (e to 1).
    """

    def __init__(self, seed: int = 0, scale: float = 0.05) -> None:
        if scale <= 0:
            raise BadInput(f"scale is {scale}", fix="give a number above 0")
        self.seed, self.scale = seed, scale

    def fit(self, references: Sequence[Overlay], copies: int = 8) -> LearntOverlayJudge:
        """Learn from good overlays: each is spoilt `copies` times, and what Dice is left is what is learnt."""
        rng = np.random.default_rng(self.seed)
        shown, left = [], []
        for reference in references:
            truth = reference.mask > 0
            for k in range(copies + 1):
                drawn = truth if k == 0 else spoilt_mask(truth, rng)
                shown.append(Overlay(reference.image, np.where(drawn, np.maximum(reference.mask, 0.5), 0.0)))
                left.append(float(dice(drawn, truth)))
        return self.fit_scored(shown, left)

    def fit_scored(self, overlays: Sequence[Overlay], dices: Sequence[float]) -> LearntOverlayJudge:
        """Learn from overlays whose Dice with the truth is known."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        if not overlays or len(overlays) != len(dices):
            raise BadInput(f"there are {len(overlays)} overlays and {len(dices)} scores", fix="give some good masks")
        rows = np.stack([overlay_features(one) for one in overlays])
        self._model = HistGradientBoostingRegressor(min_samples_leaf=10, random_state=self.seed).fit(rows, list(dices))
        return self

    def quality(self, item: Any, overlay: Overlay) -> float:
        """Return the guessed Dice, in [0, 1]."""
        return float(np.clip(self._guesses(overlay)[0], 0.0, 1.0))

    def compare(self, item: Any, first: Overlay, second: Overlay) -> float:
        """Return 1 / (1 + exp(−difference of guessed Dice / scale))."""
        a, b = self._guesses(first, second)
        return float(1 / (1 + np.exp(-np.clip((a - b) / self.scale, -50, 50))))

    def _guesses(self, *overlays: Overlay) -> Floats:
        """Return the guesses as they are: cut to [0, 1] two bad masks would tie."""
        if not hasattr(self, "_model"):
            raise BadInput("the judge has not learned yet", fix="call fit first")
        return np.asarray(self._model.predict(np.stack([overlay_features(one) for one in overlays])))


def spoilt_mask(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask (H, W) that is grown, shrunk, shifted, holed, cut or drawn elsewhere, at random."""
    size = max(int(np.sqrt(mask.sum())), 2)
    kind = int(rng.integers(6))
    steps = int(rng.integers(1, max(size // 4, 2) + 1))
    if kind == 0:
        return np.asarray(ndimage.binary_dilation(mask, iterations=steps))
    if kind == 1:
        return np.asarray(ndimage.binary_erosion(mask, iterations=steps))
    if kind == 2:
        away = rng.integers(-size // 2, size // 2 + 1, 2)
        return np.asarray(ndimage.shift(mask.astype(np.uint8), away, order=0) > 0)
    out = mask.copy()
    inside = np.argwhere(mask)
    if kind == 3 and len(inside):  # holes
        for y, x in inside[rng.integers(len(inside), size=int(rng.integers(1, 4)))]:
            out[max(y - steps, 0) : y + steps, max(x - steps, 0) : x + steps] = False
    elif kind == 4 and len(inside):  # a part is missing
        normal = rng.normal(size=2)
        out &= (np.indices(mask.shape).transpose(1, 2, 0) - inside.mean(axis=0)) @ normal < rng.normal() * size / 4
    else:  # something else is drawn too
        y, x = (int(rng.integers(0, side)) for side in mask.shape)
        out[max(y - size // 3, 0) : y + size // 3, max(x - size // 3, 0) : x + size // 3] = True
    return out


def overlay_features(overlay: Overlay) -> Floats:
    """Return what the learnt judge sees, float64 (27,): figures of shape and place, of contrast, and of fit.

    Fit: how the mask correlates with the image as it is, and how that changes when it is shifted, grown or shrunk.
    """
    return np.concatenate([_shape_figures(overlay), _fit_figures(overlay)])


def _shape_figures(overlay: Overlay) -> Floats:
    drawn = overlay.mask > 0
    outline = drawn & ~ndimage.binary_erosion(drawn)
    area = int(drawn.sum())
    holes = (ndimage.binary_fill_holes(drawn).sum() - area) / max(area, 1)
    centre = [c / s for c, s in zip(ndimage.center_of_mass(drawn), drawn.shape, strict=True)] if area else [0.5, 0.5]
    near, inner = ndimage.binary_dilation(drawn, iterations=2) & ~drawn, ndimage.binary_erosion(drawn, iterations=2)
    edges = np.hypot(*np.gradient(overlay.image))
    means = [float(overlay.image[m].mean()) if m.any() else 0.0 for m in (drawn, near, inner, outline)]
    on_edge = float(edges[outline].mean()) if area else 0.0
    spread = float(overlay.image[drawn].std()) if area else 0.0
    rough = float(np.hypot(*np.gradient(overlay.mask))[inner].mean()) if inner.any() else 0.0
    shape = [drawn.mean(), outline.sum() / max(np.sqrt(area), 1), holes, ndimage.label(drawn)[1], *centre]
    return np.array([*shape, *means, means[0] - means[1], on_edge, spread, rough])


def _fit_figures(overlay: Overlay) -> Floats:
    mask = overlay.mask
    changed = [np.roll(mask, step, axis=axis) for axis in (0, 1) for step in (-3, -1, 1, 3)]
    changed += [ndimage.grey_dilation(mask, size=size) for size in (3, 5)]
    changed += [ndimage.grey_erosion(mask, size=size) for size in (3, 5)]
    fit = _correlation(overlay.image, mask)
    return np.array([fit, *(_correlation(overlay.image, other) - fit for other in changed)])


def _correlation(a: Floats, b: Floats) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / size if size > 1e-12 else 0.0


def _png(overlay: Overlay) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(overlay.rgb()).save(out, format="PNG")
    return out.getvalue()
