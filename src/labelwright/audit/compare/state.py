"""A data set as it stood at one time: its rows, their names and labels, and what an audit found in it, if one ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright import __version__
from labelwright.audit.summary import counted_issues
from labelwright.data.column_types import cell_texts, is_list
from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.data.identity import content_hashes, row_ids
from labelwright.data.input_columns import OWN_PREFIX
from labelwright.errors import BadInput, did_you_mean, quoted

if TYPE_CHECKING:
    from labelwright.audit.run import AuditResult

DIGEST_LENGTH = 32  # hexadecimal digits of a content hash; what follows is an occurrence number


@dataclass(frozen=True)
class AuditState:
    """The rows of a data set and the findings of its audit.

    Parameters
    ----------
    source : Source
        The table without columns that labelwright wrote. From a stored audit it has no line numbers.
    plan : Plan
        Task, label column and the columns that name rows, groups and splits.
    ids : array of str, shape (n,)
        The durable name of each row.
    issues : pyarrow.Table or None
        Columns as in `labelwright.audit.findings.SCHEMA`; None when only the rows are known.
    summary : mapping or None
        The content of ``summary.json``; None when only the rows are known.
    settings : mapping
        Version, seed and model of the audit: where two audits differ here, findings may differ without any cause in
        the data.
    stored : bool
        Whether it was read from the folder of an audit: files that cells name are then not looked at.
    """

    source: Source
    plan: Plan
    ids: NDArray[np.str_]
    issues: pa.Table | None = None
    summary: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stored: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> AuditState:
        """Return the rows of `dataset` without findings."""
        return cls(_without_own_columns(dataset.source), dataset.plan, dataset.ids)

    @classmethod
    def of_result(cls, result: AuditResult) -> AuditState:
        """Return the rows and the findings of an audit that just ran."""
        rows, options = cls.of_dataset(result.dataset), result.options
        return replace(
            rows,
            issues=result.issues,
            summary=result.summary,
            settings={
                "labelwright": __version__,
                "seed": options.seed,
                "folds": options.folds,
                "features": None if options.features is None else str(options.features),
                "pred_probs": None if options.pred_probs is None else "given",
            },
        )

    @property
    def name(self) -> str:
        """The name of the data file or folder."""
        return self.source.path.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are content: all but the label."""
        return tuple(name for name in self.source.table.column_names if name != self.plan.label)

    def given(self) -> NDArray[np.object_]:
        """Return the label of each row as text, None where there is none; object, shape (n,)."""
        return column_texts(self.source.table, self.plan.label)

    def flagged(self) -> pa.Table:
        """Return the findings that are issues, without parts of rows that are findings themselves, as in the counts."""
        assert self.issues is not None
        counted = counted_issues(self.issues)
        return counted.filter(counted["is_issue"]).combine_chunks()

    def named_by(self, column: str) -> AuditState:
        """Return the same with rows named by a column; BadInput when it is missing, has gaps or repeats itself."""
        if column not in self.source.table.column_names:
            raise BadInput(
                f"{quoted(self.name)} has no column {quoted(column)} to join rows by",
                fix=did_you_mean(column, self.columns),
            )
        plan = replace(self.plan, id=column)
        return replace(self, plan=plan, ids=row_ids(self.source, plan))

    def content(self, columns: Sequence[str], *, files: bool) -> NDArray[np.str_] | None:
        """Return a hash of each row's cells in `columns`, str (n,), None where the content is not known.

        With `files` an image counts by its bytes, without by its name.
        """
        whole = set(columns) == set(self.columns)
        if self.plan.id is None and (whole or self.source.format == "image_folder"):
            return self.ids.astype(f"U{DIGEST_LENGTH}")
        plan = Plan(self.plan.task, "none", self.plan.label, image=self.plan.image if files else None)
        if self.source.format == "image_folder":
            return None if self.stored else row_ids(self.source, plan).astype(f"U{DIGEST_LENGTH}")
        kept = [name for name in self.source.table.column_names if name in {*columns, self.plan.label} - {self.plan.id}]
        source = replace(self.source, table=self.source.table.select(kept), format="memory")
        return row_ids(source, plan).astype(f"U{DIGEST_LENGTH}")

    def decided_content(self) -> NDArray[np.str_] | None:
        """Return the hash of each row's content that decisions may carry, str (n,), None where it is not known."""
        if self.stored and self.plan.id is not None and self.plan.image is not None:
            return None  # the files of images are not beside a stored audit
        if self.stored and self.source.format == "image_folder":
            return self.ids.astype(f"U{DIGEST_LENGTH}")
        return content_hashes(self.source, self.plan)

    def paths(self) -> list[str] | None:
        """Return the path of each image where rows are images of a folder, None where they are not."""
        if self.source.format != "image_folder":
            return None
        found: list[str] = self.source.table.column("path").to_pylist()
        return found

    def place(self, row: int) -> tuple[Path, int | None]:
        """Return the file that holds a row, and its line (from 1) where it is a line of text."""
        if self.source.format == "image_folder":
            return self.source.path / str(self.source.table.column("path")[row].as_py()), None
        lines = self.source.line_numbers
        return self.source.path, None if lines is None else int(lines[row])


def column_texts(table: pa.Table, name: str) -> NDArray[np.object_]:
    """Return a column as text, one entry a row, None for null; lists of tags joined by ``|``."""
    column = table.column(name)
    if is_list(column.type):
        cells = [None if cell is None else "|".join(map(str, cell)) for cell in column.to_pylist()]
    elif pa.types.is_nested(column.type):
        cells = [None if cell is None else repr(cell) for cell in column.to_pylist()]
    else:
        cells = cell_texts(column).to_pylist()
    return np.array(cells, dtype=object)


def _without_own_columns(source: Source) -> Source:
    own = [name for name in source.table.column_names if name.startswith(OWN_PREFIX)]
    return replace(source, table=source.table.drop_columns(own)) if own else source
