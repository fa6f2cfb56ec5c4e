"""Rows of a table that was read whole: what mending a file and mending a folder of files have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labelwright.data.dataset import Source
from labelwright.data.mend.plan import Changes, Items, rejected_remark
from labelwright.data.tasks import TagStyle


@dataclass(frozen=True)
class SourceRows:
    """A table whose label column can be mended.

    Parameters
    ----------
    source : Source
        As its reader gives it: splits one after the other, class numbers as names.
    label : str
        The label column.
    items : Items
        One a row.
    tags : TagStyle or None
        How several tags are written.
    """

    source: Source
    label: str
    items: Items
    tags: TagStyle | None = None

    @property
    def path(self) -> Path:
        """The file or folder."""
        return self.source.path

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Say that rejected rows are left out."""
        return rejected_remark(changes)
