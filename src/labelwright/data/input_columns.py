"""Which columns the model sees: the ones asked for, else the best kind that the data hold, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from labelwright.data.column_types import ColumnProfile
from labelwright.data.dataset import Modality, Source, Task
from labelwright.data.leaks import find_leaks
from labelwright.data.readers.places import place
from labelwright.errors import BadInput, listed, quoted

_MATRIX_NAMES = ("x", "features", "feature", "embedding", "embeddings", "vectors", "vector")
_PREDICTIONS = ("pred_probs", "probs", "probabilities", "logits", "predictions", "predicted", "scores")
OWN_PREFIX = "labelwright_"  # columns that an earlier run of ours added
FEATURE_FILES = (".npy", ".npz", ".parquet")


@dataclass(frozen=True)
class Asked:
    """What the caller said."""

    text: tuple[str, ...]
    image: str | None
    features: str | None
    feature_columns: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """What the model will see, and a note on why."""

    modality: Modality
    text: tuple[str, ...] = ()
    image: str | None = None
    columns: tuple[str, ...] = ()
    note: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        """All input columns."""
        return self.text + ((self.image,) if self.image else ()) + self.columns


def reasons_to_ignore(source: Source, label: str, task: Task, profiles: list[ColumnProfile]) -> dict[str, str]:
    """Return, for each column that should not be an input, why."""
    reasons = {}
    for profile in profiles:
        if profile.kind in ("empty", "constant", "date", "identifier", "other"):
            reasons[profile.name] = profile.reason
        elif profile.kind == "tags":
            reasons[profile.name] = "it holds lists"
        elif profile.name.startswith(OWN_PREFIX):
            reasons[profile.name] = "an earlier run wrote it"
        elif profile.name.casefold() in _PREDICTIONS and profile.kind in ("matrix", "number"):
            reasons[profile.name] = "it holds predictions"
    leaks = find_leaks(source.table, label, profiles, task)
    sure = {leak.name: f"{leak.reason}, so it gives the label away" for leak in leaks if leak.sure}
    maybe = {leak.name: f"{leak.reason}, so it gives the label away" for leak in leaks if not leak.sure}
    inputs = {p.name for p in profiles if p.name not in reasons} - set(sure)
    reasons |= sure
    if inputs - set(maybe):  # a column on which the label hangs by a threshold is given up only when others remain
        reasons |= maybe
    return reasons


def choose_inputs(source: Source, asked: Asked, profiles: list[ColumnProfile], reasons: dict[str, str]) -> Inputs:
    """Return the input columns: as asked, else images, vectors, free text or a table, the first that there is."""
    kinds = {p.name: p.kind for p in profiles}
    if asked.text:
        return Inputs("text", text=asked.text, note="the text columns are given")
    if asked.image:
        return _asked_image(source, asked.image, kinds)
    if asked.feature_columns:
        return _asked_columns(asked.feature_columns, kinds)
    if asked.features and asked.features.lower().endswith(FEATURE_FILES):
        shown = _shown_beside([p for p in profiles if p.name not in reasons])
        return replace(shown, note="the features come from a file")
    return _inferred_inputs([p for p in profiles if p.name not in reasons])


def _asked_image(source: Source, image: str, kinds: Mapping[str, str]) -> Inputs:
    if kinds.get(image) not in ("image", "category", "text", "identifier", "constant"):
        raise BadInput(
            f"column {quoted(image)} holds no images",
            where=place(source.path),
            fix="name a column of image files or encoded images",
        )
    return Inputs("image", image=image, note="the image column is given")


def _asked_columns(columns: tuple[str, ...], kinds: Mapping[str, str]) -> Inputs:
    unfit = [name for name in columns if kinds.get(name) in ("image", "tags", "other", "empty")]
    if unfit:
        raise BadInput(f"the feature columns {listed(unfit)} hold no numbers or categories", fix="name other columns")
    if all(kinds.get(name) in ("matrix", "number", "constant") for name in columns):
        return Inputs("features", columns=columns, note="the feature columns are given")
    return Inputs("table", columns=columns, note="the columns are given")


def _inferred_inputs(usable: list[ColumnProfile]) -> Inputs:
    images = [p.name for p in usable if p.kind == "image"]
    if images:
        return Inputs("image", image=images[0], note=f"column {quoted(images[0])} holds images")
    texts = tuple(p.name for p in usable if p.kind == "text")
    matrix = _best_matrix([p.name for p in usable if p.kind == "matrix"])
    if matrix is not None:
        note = f"column {quoted(matrix)} holds a vector for each row"
        return replace(_shown_beside(usable), columns=(matrix,), note=note)
    if texts:
        plural = "columns" if len(texts) > 1 else "column"
        holds = "hold" if len(texts) > 1 else "holds"
        return Inputs("text", text=texts, note=f"{plural} {listed(texts)} {holds} free text")
    table = tuple(p.name for p in usable if p.kind == "number" or (p.kind == "category" and not _mostly_unique(p)))
    if table:
        return Inputs("table", columns=table, note=f"{len(table)} columns of numbers and categories")
    short = sorted((p for p in usable if p.kind == "category"), key=lambda p: (-p.n_distinct, p.name))
    if short:
        return Inputs("text", text=(short[0].name,), note=f"column {quoted(short[0].name)} is the only one left")
    return Inputs("none", note="no column can serve as input")


def _shown_beside(usable: list[ColumnProfile]) -> Inputs:
    """Return what people look at where vectors judge the rows: the image, else the free text."""
    images = [p.name for p in usable if p.kind == "image"]
    texts = tuple(p.name for p in usable if p.kind == "text")
    return Inputs("features", text=() if images else texts, image=images[0] if images else None)


def _best_matrix(names: list[str]) -> str | None:
    known = [name for name in names if name.casefold() in _MATRIX_NAMES]
    return (known or names or [None])[0]  # type: ignore[list-item]


def _mostly_unique(profile: ColumnProfile) -> bool:
    return profile.n_distinct > 50 and profile.n_distinct > profile.n_known * 0.5


def reason_left_over(profile: ColumnProfile, inputs: Inputs) -> str:
    """Return why a usable column is not among the inputs."""
    if profile.kind == "category" and _mostly_unique(profile) and inputs.modality == "table":
        return "nearly every row has its own value"
    chosen = {"text": "the text is used", "image": "the images are used", "features": "the features are used"}
    return chosen.get(inputs.modality, "other columns are used")
