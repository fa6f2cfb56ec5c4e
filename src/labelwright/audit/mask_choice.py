"""The measure of [P004]: which of several mask sets to keep for each image, and which masks a person must see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labelwright.audit.label_critic import (
    Choice,
    Decide,
    OrderSwapJudge,
    Overlay,
    best_label,
    flag_single_label,
    strict_decision,
    tie_threshold,
)
from labelwright.audit.measure_outputs import png_picture
from labelwright.audit.overlay_judges import QualityJudge
from labelwright.errors import BadInput
from labelwright.metrics.masks import dice
from labelwright.metrics.report import Alert, Picture, Plot, Report, ReportTable, Section, TableRows
from labelwright.progress import SILENT, Progress

MOST_PICTURES = 6


class LabelCritic:
    """Chooses between mask sets, asking a judge twice with the order swapped, and sends weak masks to people [P004].

    Parameters
    ----------
    judge : QualityJudge
        `LearntOverlayJudge` or `PromptedOverlayJudge`.
    decide : callable, default `strict_decision`
        Or `lenient_decision`.
    accept_from : float, default 0.5
        Quality, as the judge says, from which a mask needs no person, in [0, 1].
    seed : int, default 0
        Draws which of two masks is shown first.
    """

    def __init__(
        self, judge: QualityJudge, decide: Decide = strict_decision, accept_from: float = 0.5, seed: int = 0
    ) -> None:
        if not 0 <= accept_from <= 1:
            raise BadInput(f"accept_from is {accept_from}", fix="give a quality in [0, 1]")
        self.judge, self.accept_from, self.seed = judge, accept_from, seed
        self._swapped = OrderSwapJudge(judge, decide)

    def measure(
        self,
        overlays: Mapping[str, Sequence[Overlay]],
        sources: Sequence[str],
        *,
        expected: Mapping[str, bool] | None = None,
        progress: Progress = SILENT,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        overlays : mapping of image to its overlays, one a source
        sources : sequence of str
            Who made the masks, at least one; with one every mask is accepted or sent to a person.
        expected : mapping of image to bool, optional
            Whether the structure should be visible; True where nothing is said.
        """
        if not overlays or not sources:
            raise BadInput("there is no mask", fix="give at least one set of masks")
        wrong = next((name for name, shown in overlays.items() if len(shown) != len(sources)), None)
        if wrong is not None:
            raise BadInput(f"image {wrong!r} has {len(overlays[wrong])} masks for {len(sources)} sources")
        alike = _threshold(overlays)
        choices, quality = self._judged(overlays, alike, expected or {}, progress)
        self.choices_ = choices
        review = [name for name in overlays if self._needs_person(choices[name], quality[name])]
        return Report(
            "Which mask to keep",
            (
                _sources_section(choices, quality, sources, alike),
                _images_section(choices, quality, sources, review),
                _pictures_section(choices, overlays, sources, review),
            ),
            _verdict(choices, sources, review),
            {
                "images": len(overlays),
                "mask sets": len(sources),
                "decided": sum(one.best is not None for one in choices.values()) if len(sources) > 1 else None,
                "for a person": len(review),
            },
            _steps(choices, sources, review),
        )

    def _judged(
        self, overlays: Mapping[str, Sequence[Overlay]], alike: float, expected: Mapping[str, bool], progress: Progress
    ) -> tuple[dict[str, Choice], dict[str, tuple[float, ...]]]:
        """Return which mask of each image to keep, and the quality of each."""
        rng = np.random.default_rng(self.seed)
        choices: dict[str, Choice] = {}
        quality: dict[str, tuple[float, ...]] = {}
        with progress.stage("masks", len(overlays)) as advance:
            for name, shown in overlays.items():
                quality[name] = tuple(self.judge.quality(name, one) for one in shown)
                visible = expected.get(name, True)
                choices[name] = (
                    best_label(name, shown, self._swapped, alike=alike, expected=visible, rng=rng)
                    if len(shown) > 1
                    else Choice(0, 0.0, (0.0,))
                )
                advance(1)
        return choices, quality

    def _needs_person(self, choice: Choice, quality: Sequence[float]) -> bool:
        kept = max(quality) if choice.best is None else quality[choice.best]
        return flag_single_label(kept, self.accept_from)


def _threshold(overlays: Mapping[str, Sequence[Overlay]]) -> float:
    shares = [
        float(dice(shown[i].mask > 0, shown[j].mask > 0))
        for shown in overlays.values()
        for i in range(len(shown))
        for j in range(i)
    ]
    return tie_threshold(shares) if shares else 0.5


def _sources_section(
    choices: Mapping[str, Choice], quality: Mapping[str, Sequence[float]], sources: Sequence[str], alike: float
) -> Section:
    best = [one.best for one in choices.values()]
    rows: TableRows = tuple(
        (
            source,
            best.count(j) if len(sources) > 1 else None,
            round(float(np.mean([q[j] for q in quality.values()])), 4),
        )
        for j, source in enumerate(sources)
    )
    ties = best.count(None)
    alerts: tuple[Alert, ...] = ()
    if len(sources) > 1 and ties > 0.5 * len(best):
        alerts = (
            Alert(
                "label quality",
                "caution",
                f"The judge tells the masks of {ties} of {len(best)} images not apart.",
                mitigation="Use a better judge, or keep either set where they are alike.",
            ),
        )
    plot = Plot("bars", ("kept",) if len(sources) > 1 else ("mean quality",))
    return Section(
        "The mask sets",
        "Quality is the judge's own guess. Each pair is judged in both orders; where the answers disagree it is a tie.",
        {"masks count as alike from a Dice of": round(alike, 4), "ties": ties if len(sources) > 1 else None},
        (ReportTable("How often each set is kept", ("set", "kept", "mean quality"), rows, plot=plot),),
        alerts,
    )


def _images_section(
    choices: Mapping[str, Choice], quality: Mapping[str, Sequence[float]], sources: Sequence[str], review: Sequence[str]
) -> Section:
    order = sorted(choices, key=lambda name: (name not in review, max(quality[name]), name))
    rows: TableRows = tuple(
        (
            name,
            "tie" if choices[name].best is None else sources[choices[name].best or 0],
            round(choices[name].confidence, 4),
            *(round(q, 4) for q in quality[name]),
            "yes" if name in review else "no",
            choices[name].reason,
        )
        for name in order
    )
    columns = ("image", "keep", "confidence", *(f"quality of {source}" for source in sources), "for a person", "why")
    return Section(
        "The images",
        "Masks that the judge holds for weak come first.",
        tables=(ReportTable("Images", columns, rows, private=True, file="choices.csv"),),
    )


def _pictures_section(
    choices: Mapping[str, Choice],
    overlays: Mapping[str, Sequence[Overlay]],
    sources: Sequence[str],
    review: Sequence[str],
) -> Section:
    clear = sorted((n for n in choices if n not in review), key=lambda n: (-choices[n].confidence, n))
    names = [*review[:MOST_PICTURES], *clear[:MOST_PICTURES]]
    pictures = []
    for name in names:
        best = choices[name].best
        for j, source in enumerate(sources):
            said = "for a person" if name in review else "kept" if best == j else "tie" if best is None else "not kept"
            pictures.append(Picture(f"{name}, {source}: {said}", png_picture(overlays[name][j].rgb())))
    return Section(
        "Seen by the judge",
        "The mask in red over the projected image: first those for a person, then the clearest choices.",
        pictures=tuple(pictures),
    )


def _verdict(choices: Mapping[str, Choice], sources: Sequence[str], review: Sequence[str]) -> str:
    tail = f"{len(review)} of {len(choices)} images need a person."
    if len(sources) == 1:
        return tail
    best = [one.best for one in choices.values()]
    kept = ", ".join(f"{sources[j]} {best.count(j)}" for j in range(len(sources)))
    ties = best.count(None)
    return f"Kept masks: {kept}; {ties} {'tie' if ties == 1 else 'ties'}. {tail}"


def _steps(choices: Mapping[str, Choice], sources: Sequence[str], review: Sequence[str]) -> tuple[str, ...]:
    steps = []
    if review:
        steps.append(f"Let a person redraw first: {', '.join(review[:5])}")
    if len(sources) > 1:
        steps.append("Train on the masks of chosen.npz; ties hold the mask of the first set")
    steps.append("Look at some accepted masks yourself: the judge's accuracy on your images is not known")
    return tuple(steps)
