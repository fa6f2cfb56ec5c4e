"""Features that can be made again: what was learned from the training rows, stored without pickling.

`fit_features` gives the same matrix as `build_features` and an encoder beside it. The encoder makes the vectors of any
further rows, and lies on disk as ``features.json`` and ``features.safetensors``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.features.build import NAMED, Features, build_features, image_rows, table_columns
from labelwright.errors import BadInput, MissingExtra, did_you_mean, listed, quoted
from labelwright.progress import SILENT, Progress

SCHEMA_VERSION = 1
FACTS, ARRAYS = "features.json", "features.safetensors"
Kind = Literal["text", "patches", "table", "columns", "minilm", "efficientnet", "file"]


@dataclass(frozen=True)
class FittedFeatures:
    """How the rows of a data set become vectors.

    Parameters
    ----------
    kind : str
        ``"text"``, ``"patches"``, ``"table"``, ``"columns"`` (vectors that stand in the data), ``"minilm"``,
        ``"efficientnet"`` or ``"file"`` (vectors that the caller brings for each data set).
    columns : tuple of str
        The input columns, in order.
    width : int
        Numbers a row.
    encoder : TextEncoder, PatchEncoder, TableEncoder or tuple of VectorEncoder, optional

    Examples
    --------
    >>> from labelwright.data.load import load_dataset
    >>> data = load_dataset({"text": ["good film", "bad film", "good"], "label": ["a", "b", "a"]}, label="label")
    >>> fitted, features = fit_features(data)
    >>> bool((fitted.transform(data).matrix == features.matrix).all())
    True
    """

    kind: Kind
    columns: tuple[str, ...]
    width: int
    encoder: Any = None

    def transform(
        self, dataset: Dataset, *, given: str | Path | None = None, jobs: int = 1, progress: Progress = SILENT
    ) -> Features:
        """Return the features of the rows of another data set.

        Parameters
        ----------
        dataset : Dataset
            With the input columns of training; further columns are ignored.
        given : path, optional
            The file of vectors, where the training vectors came from a file.

        Raises
        ------
        BadInput
            When a column is missing, or holds something else than in training.
        """
        self._check_columns(dataset)
        matrix = np.ascontiguousarray(self._matrix(dataset, given, jobs, progress), np.float32)
        if matrix.shape[1] != self.width:
            raise BadInput(
                f"the rows have {matrix.shape[1]} features, the training rows had {self.width}",
                where=dataset.source.path.name,
                fix="make them in the same way",
            )
        return Features(matrix, self.kind)

    def _check_columns(self, dataset: Dataset) -> None:
        have = dataset.source.table.column_names
        missing = [name for name in self.columns if name not in have]
        if missing:
            raise BadInput(
                f"{len(missing)} input column(s) of the model are missing: {listed(missing)}",
                where=dataset.source.path.name,
                fix=f"for {quoted(missing[0])} {did_you_mean(missing[0], have)}",
            )

    def _matrix(self, dataset: Dataset, given: Any, jobs: int, progress: Progress) -> NDArray[np.float32]:
        if self.kind == "file" or self.kind in NAMED:
            if self.kind == "file" and given is None:
                raise BadInput("the model learned from a file of features", fix="give one for these rows: --features")
            spec = str(given) if self.kind == "file" else self.kind
            return build_features(dataset, spec=spec, jobs=jobs, progress=progress).matrix
        if self.kind == "text":
            found: NDArray[np.float32] = self.encoder.transform(dataset.texts(), jobs=jobs, progress=progress)
        elif self.kind == "patches":
            from labelwright.data.images import ImageRows

            rows = ImageRows(dataset, self.columns[0])
            found = self.encoder.transform(rows, jobs=jobs, progress=progress)
        elif self.kind == "table":
            found = self.encoder.transform(dataset.source.table)
        else:
            from labelwright.data.features.given import vectors_of_columns

            found = vectors_of_columns(dataset, self.columns, self.encoder)
        return found

    def save(self, folder: Path) -> None:
        """Write ``features.json`` and ``features.safetensors`` into a folder that exists."""
        facts: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "kind": self.kind}
        facts |= {"columns": list(self.columns), "width": self.width, "encoder": {}}
        arrays: dict[str, NDArray[Any]] = {}
        if self.kind == "columns":
            facts["encoder"] = {"columns": [one.facts() for one in self.encoder]}
            arrays = {f"{i}.{key}": a for i, one in enumerate(self.encoder) for key, a in one.arrays().items()}
        elif self.encoder is not None:
            arrays = self.encoder.arrays()
            facts["encoder"] = self.encoder.facts() if self.kind == "table" else {}
        _safetensors().save_file({k: np.ascontiguousarray(a) for k, a in arrays.items()}, str(folder / ARRAYS))
        (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FittedFeatures:
        """Return what `save` wrote; BadInput when a file is missing, broken or of another version."""
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            version = facts["schema_version"]
            if version == SCHEMA_VERSION:
                arrays = _safetensors().load_file(str(folder / ARRAYS))
                columns, width = tuple(facts["columns"]), int(facts["width"])
                return cls(facts["kind"], columns, width, _restored(facts["kind"], facts["encoder"], arrays))
        except MissingExtra:
            raise
        except Exception as error:  # a broken safetensors file raises an exception of its own library
            raise BadInput(
                f"the model's features cannot be read ({type(error).__name__})",
                where=folder.name,
                fix="restore the folder from a copy, or train again",
            ) from None
        raise BadInput(
            f"the model's features are of version {version}, this labelwright reads {SCHEMA_VERSION}",
            where=folder.name,
            fix="train again, or use the labelwright that wrote it",
        )


def _restored(kind: str, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    if kind == "text":
        from labelwright.data.features.text import TextEncoder

        return TextEncoder.from_arrays(arrays)
    if kind == "patches":
        from labelwright.data.features.patches import PatchEncoder

        return PatchEncoder.from_arrays(arrays)
    if kind == "table":
        from labelwright.data.features.table import TableEncoder

        return TableEncoder.restored(facts, arrays)
    if kind == "columns":
        from labelwright.data.features.column_encoders import VectorEncoder

        return tuple(
            VectorEncoder.restored(one, {"axes": arrays[f"{i}.axes"]} if f"{i}.axes" in arrays else {})
            for i, one in enumerate(facts["columns"])
        )
    if kind == "file" or kind in NAMED:
        return None
    raise ValueError(kind)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise MissingExtra("storing a model", "torch") from None
    return safetensors.numpy


def fit_features(
    dataset: Dataset, *, spec: str | None = None, jobs: int = 1, seed: int = 0, progress: Progress = SILENT
) -> tuple[FittedFeatures, Features]:
    """Return the features of every row, as `build_features` makes them, and the encoder for further rows.

    Parameters
    ----------
    dataset, spec, jobs, seed
        As in `build_features`.
    """
    plan = dataset.plan
    if spec is not None or plan.modality not in ("text", "image", "table", "features"):
        features = build_features(dataset, spec=spec, jobs=jobs, seed=seed, progress=progress)
        kind: Kind = next((name for name in NAMED if name == spec), "file")
        read = {"minilm": plan.text, "efficientnet": (plan.image or "",)}
        return FittedFeatures(kind, read.get(kind, ()), features.matrix.shape[1]), features
    encoder: Any
    if plan.modality == "text":
        from labelwright.data.features.text import fit_text

        encoder, matrix, notes = fit_text(dataset.texts(), seed=seed, jobs=jobs, progress=progress)
        kind, columns = "text", plan.text
    elif plan.modality == "image":
        from labelwright.data.features.patches import fit_images

        encoder, matrix, notes = fit_images(image_rows(dataset), seed=seed, jobs=jobs, progress=progress)
        kind, columns = "patches", (plan.image or "",)
    elif plan.modality == "table":
        from labelwright.data.features.table import fit_table

        columns = table_columns(dataset)
        encoder, matrix, notes = fit_table(dataset.source.table.select(list(columns)), seed=seed)
        kind = "table"
        columns = tuple(column.name for column in encoder.columns)
    else:
        from labelwright.data.features.given import features_from_columns, fit_columns

        found = features_from_columns(dataset)
        encoder, matrix, notes = fit_columns(dataset), found.matrix, list(found.notes)
        kind, columns = "columns", plan.feature_columns
    features = Features(np.ascontiguousarray(matrix, np.float32), kind, tuple(notes))
    return FittedFeatures(kind, tuple(columns), features.matrix.shape[1], encoder), features
