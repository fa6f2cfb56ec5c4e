"""The measure of [P019]: what the regions of single-label images show, and how often a crop shows another class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.measure_outputs import png_picture
from labelwright.audit.relabel import (
    LabelMapStore,
    pool_region_label,
    random_crops,
)
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_labels, row_names
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Picture, Plot, Report, ReportTable, Section, TableRows
from labelwright.progress import SILENT, Progress

CROPS, MOST_PICTURES, BLOCK = 16, 8, 256
AREAS = (0.08, 0.2, 0.4, 0.6, 0.8, 1.0)
PALETTE = np.array(
    [
        [23, 105, 196],
        [181, 85, 0],
        [26, 122, 60],
        [125, 75, 209],
        [194, 37, 92],
        [11, 114, 133],
        [122, 98, 0],
        [92, 100, 108],
    ],
    dtype=np.uint8,
)
Floats = NDArray[np.float64]


class RegionLabels:
    """Looks at label maps of single-label images: which other classes they show, and what random crops show [P019].

    Parameters
    ----------
    sure : float, default 0.5
        Probability from which a crop counts as showing a class, in (0, 1].
    crops : int, default 16
        Random crops an image.
    area : (least, most), default (0.08, 1)
        Share of the image that they cover, as in training.
    fill : float, default 0.0
        The logit of classes that a place did not keep.
    seed : int, default 0
    """

    def __init__(
        self,
        sure: float = 0.5,
        crops: int = CROPS,
        area: tuple[float, float] = (0.08, 1.0),
        fill: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0 < sure <= 1 or crops < 1:
            raise BadInput(f"sure is {sure}, crops {crops}", fix="give a probability in (0, 1] and at least one crop")
        self.sure, self.crops, self.area, self.fill, self.seed = sure, crops, area, fill, seed

    def measure(
        self,
        store: LabelMapStore,
        labels: ArrayLike,
        classes: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        progress: Progress = SILENT,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        store : LabelMapStore
            Maps of n images.
        labels : int (n,), -1 = unlabelled
        classes : sequence of str, length K
        ids : sequence of str, optional
        """
        y = as_labels("labels", labels, len(classes))
        if len(y) != len(store) or store.n_classes != len(classes):
            raise BadInput(f"maps of {len(store)} images and {store.n_classes} classes do not fit {len(y)} labels")
        known = np.flatnonzero(y >= 0)
        if not len(known):
            raise BadInput("no image has a label", fix="give labels of 0 or more")
        names = row_names(ids, len(y))
        whole, crop_class, size = self._crops_of(store, progress)
        shown = (crop_class == y[:, None]).astype(np.float64)
        other = ((crop_class >= 0) & (crop_class != y[:, None])).astype(np.float64)
        several = _classes_shown(crop_class, y, len(classes))
        return Report(
            "What the regions of the images show",
            (
                _crops_section(shown[known], other[known], size[known]),
                _classes_section(several[known], y[known], classes),
                _images_section(several, whole, other, y, classes, names, store, known),
            ),
            _verdict(other[known], several[known], whole[known], y[known]),
            {
                "images": len(known),
                "crops that show another class": percent(float(other[known].mean())),
                "images with several classes": int((several[known].sum(axis=1) > 1).sum()),
                "whole image says another class": int((whole[known].argmax(axis=1) != y[known]).sum()),
            },
            _steps(other[known], several[known]),
        )

    def _crops_of(self, store: LabelMapStore, progress: Progress) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Return the probabilities of whole images (n, K); of random crops the class, -1 = not sure, and the area."""
        rng, n = np.random.default_rng(self.seed), len(store)
        whole, size = np.empty((n, store.n_classes)), np.zeros((n, self.crops))
        crop_class = np.full((n, self.crops), -1)
        with progress.stage("crops", n) as advance:
            for start in range(0, n, BLOCK):
                rows = np.arange(start, min(start + BLOCK, n))
                whole[rows] = pool_region_label(store, rows, np.tile([0.0, 0.0, 1.0, 1.0], (len(rows), 1)), self.fill)
                boxes = random_crops(len(rows) * self.crops, rng, self.area)
                probs = pool_region_label(store, np.repeat(rows, self.crops), boxes, self.fill)
                probs = probs.reshape(len(rows), self.crops, -1)
                size[rows] = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).reshape(len(rows), -1)
                crop_class[rows] = np.where(probs.max(axis=2) >= self.sure, probs.argmax(axis=2), -1)
                advance(len(rows))
        return whole, crop_class, size


def _classes_shown(crop_class: NDArray[np.int64], y: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Return which classes an image shows: the given one, and those that two crops or more are sure of, (n, K)."""
    n = len(y)
    seen = crop_class >= 0
    flat = (np.arange(n)[:, None] * k + crop_class)[seen]
    counts = np.bincount(flat, minlength=n * k).reshape(n, k)
    return (counts >= 2) | (y[:, None] == np.arange(k))


def _crops_section(shown: Floats, other: Floats, size: Floats) -> Section:
    rows = []
    for low, high in pairwise(AREAS):
        inside = (size >= low) & (size <= high)
        if inside.any():
            rows.append(
                (
                    f"{100 * low:.0f} to {percent(high, 0)}",
                    int(inside.sum()),
                    float(other[inside].mean()),
                    float(shown[inside].mean()),
                )
            )
    columns = ("area of the crop", "crops", "shows another class", "shows the given class")
    return Section(
        "What random crops show",
        "Training draws such crops and teaches each the one label of its image. The rest shows nothing for sure.",
        {"crops that show the given class": round(float(shown.mean()), 4)},
        (
            ReportTable(
                "Crops that show another class than their label",
                columns,
                tuple(rows),
                plot=Plot("bars", ("shows another class",), unit="share"),
            ),
        ),
    )


def _classes_section(several: NDArray[np.bool_], y: NDArray[np.int64], classes: Sequence[str]) -> Section:
    together = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(together, y, several.astype(np.int64))
    np.fill_diagonal(together, 0)
    order = np.argsort(-together, axis=None, kind="stable")[:15]
    pairs = [(a, b) for a, b in (divmod(int(i), len(classes)) for i in order) if together[a, b]]
    rows: TableRows = tuple((f"{classes[a]} with {classes[b]}", int(together[a, b])) for a, b in pairs)
    counts = np.bincount(several.sum(axis=1))
    many: TableRows = tuple((str(k), int(c)) for k, c in enumerate(counts.tolist()) if c)
    return Section(
        "Which classes stand together",
        "A class counts as shown when two crops or more are sure of it.",
        tables=(
            ReportTable("Classes an image", ("classes", "images"), many, plot=Plot("bars", ("images",))),
            ReportTable("Given class with another", ("pair", "images"), rows, plot=Plot("bars", ("images",))),
        ),
    )


def _images_section(
    several: NDArray[np.bool_],
    whole: Floats,
    other: Floats,
    y: NDArray[np.int64],
    classes: Sequence[str],
    names: Sequence[str],
    store: LabelMapStore,
    known: NDArray[np.int64],
) -> Section:
    share = other.mean(axis=1)
    order = known[np.argsort(-share[known], kind="stable")]
    listed_rows = [row for row in order.tolist() if share[row] > 0]
    rows: TableRows = tuple(
        (
            names[row],
            classes[y[row]],
            classes[int(whole[row].argmax())],
            "; ".join(classes[k] for k in np.flatnonzero(several[row]).tolist()),
            round(float(share[row]), 4),
        )
        for row in listed_rows
    )
    columns = ("image", "given", "whole image", "shows", "crops that show another class")
    top = store.top()
    pictures = []
    for row in listed_rows[:MOST_PICTURES]:
        present, place = np.unique(top[row], return_inverse=True)
        coloured = PALETTE[place.reshape(top[row].shape) % len(PALETTE)]
        title = f"{names[row]}, given {classes[y[row]]}. Map: {', '.join(classes[k] for k in present[:6])}"
        pictures.append(Picture(title, png_picture(coloured)))
    return Section(
        "The images",
        "Those whose crops contradict their label most come first. A map has a colour for the class of each place.",
        tables=(ReportTable("Images", columns, rows, True, file="regions.csv"),),
        pictures=tuple(pictures),
    )


def _verdict(other: Floats, several: NDArray[np.bool_], whole: Floats, y: NDArray[np.int64]) -> str:
    many = 100 * float((several.sum(axis=1) > 1).mean())
    changed = 100 * float((whole.argmax(axis=1) != y).mean())
    return (
        f"{percent(float(other.mean()), 0)} of random training crops show another class than the label of their image; "
        f"{many:.0f} % of images show several classes, and {changed:.0f} % as a whole another one than is given."
    )


def _steps(other: Floats, several: NDArray[np.bool_]) -> tuple[str, ...]:
    steps = ["Train on label_maps.npz with labelwright.audit.LocalizedLabelLoss: each crop is taught what it shows"]
    if (several.sum(axis=1) > 1).mean() > 0.05:
        steps.append("Score models by every label that an image shows: labelwright measure mistakes --acceptable")
    steps.append("The maps are as good as their teacher: look at some images of regions.csv before you believe them")
    return tuple(steps)
