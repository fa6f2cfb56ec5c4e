"""Sets of masks read from folders, the judge that chooses between them, and the masks that it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.label_critic import project_overlay
from labelwright.audit.mask_choice import LabelCritic
from labelwright.audit.mask_files import image_folder, mask_folder, read_image, read_mask
from labelwright.audit.measure_outputs import npz_bytes
from labelwright.audit.overlay_judges import CHECKLIST, LearntOverlayJudge, PromptedOverlayJudge, QualityJudge
from labelwright.errors import BadInput, listed, quoted
from labelwright.metrics.report import Report
from labelwright.progress import SILENT, Progress


def masks_of_folders(
    images: Path,
    masks: Sequence[Path],
    *,
    reference: Path | None = None,
    model: Any = None,
    structure: str = "the object",
    checklist: Sequence[str] | None = None,
    axis: int = 1,
    window: tuple[float, float] | None = None,
    accept_from: float = 0.5,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[Report, dict[str, bytes]]:
    """Read images and sets of masks, measure, and return the report with ``chosen.npz``.

    Parameters
    ----------
    images : Path
        A folder of images (PNG) or volumes (``.npy``).
    masks : sequence of Path
        A folder of masks a source, under the names of the images.
    reference : Path, optional
        Good masks of some images, which a small judge learns from; needed without `model`.
    model : LanguageModel, optional
        A vision-language model; `structure` and `checklist` say what it looks for.
    axis, window
        As in `project_overlay`.
    """
    pictures = image_folder(images)
    files = {path.name: mask_folder(path) for path in masks}
    if len(files) < len(masks):
        raise BadInput("two sets of masks have one name", fix="rename one of the folders")
    names = [name for name in pictures if all(name in found for found in files.values())]
    if not names:
        raise BadInput("no image has a mask in every set", fix="name masks like the images")
    volumes = {name: read_image(pictures[name]) for name in names}
    drawn = {name: [_mask(found[name], volumes[name], name) for found in files.values()] for name in names}
    judge = _judge(reference, pictures, model, structure, checklist, axis, window, seed)
    shown = {
        name: [project_overlay(volumes[name], mask, axis=axis, window=window) for mask in drawn[name]] for name in names
    }
    expected = None
    if isinstance(judge, PromptedOverlayJudge):
        expected = {name: judge.expects(shown[name][0]) for name in names}
    critic = LabelCritic(judge, accept_from=accept_from, seed=seed)
    report = critic.measure(shown, list(files), expected=expected, progress=progress)
    kept = {name: drawn[name][critic.choices_[name].best or 0] for name in names}
    return report, {"chosen.npz": npz_bytes(kept)}


def _judge(
    reference: Path | None,
    pictures: Mapping[str, Path],
    model: Any,
    structure: str,
    checklist: Sequence[str] | None,
    axis: int,
    window: tuple[float, float] | None,
    seed: int,
) -> QualityJudge:
    if model is not None:
        return PromptedOverlayJudge(model, structure, CHECKLIST if checklist is None else checklist)
    if reference is None:
        raise BadInput("there is no judge", fix="give good masks with --reference, or a model with --llm")
    good = {name: path for name, path in mask_folder(reference).items() if name in pictures}
    if not good:
        raise BadInput(
            "no reference mask has an image", where=str(reference), fix=f"name them like {listed(pictures, 2)}"
        )
    overlays = []
    for name, path in good.items():
        volume = read_image(pictures[name])
        overlays.append(project_overlay(volume, _mask(path, volume, name), axis=axis, window=window))
    return LearntOverlayJudge(seed).fit(overlays, copies=max(8, 200 // len(overlays)))


def _mask(path: Path, volume: NDArray[np.float64], name: str) -> NDArray[np.bool_]:
    mask = read_mask(path, volume.ndim) > 0
    if mask.shape != volume.shape:
        raise BadInput(
            f"the mask of {quoted(name)} has shape {mask.shape}, the image {volume.shape}",
            where=str(path),
            fix="draw on its grid",
        )
    return mask
