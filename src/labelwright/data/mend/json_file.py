"""What JSON files have in common: decisions become edits of the text, everything between them stays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labelwright.data.mend.manifest import ManifestLine, decided_lines
from labelwright.data.mend.plan import Changes, Items
from labelwright.data.mend.raw_text import RawText, TextEdit, spliced_text


@dataclass(frozen=True)
class JsonFile(ABC):
    """A JSON file whose parts can be decided on.

    Parameters
    ----------
    raw : RawText
    new_classes : tuple of str
        Classes that may be given though nothing has them.
    """

    raw: RawText
    new_classes: tuple[str, ...] = ()

    is_tree = False

    @property
    def path(self) -> Path:
        """The file."""
        return self.raw.path

    @cached_property
    def _text(self) -> str:
        return self.raw.data.decode()

    @property
    @abstractmethod
    def items(self) -> Items:
        """What can be decided on, in the order of the file."""

    @abstractmethod
    def _edits(self, changes: Changes) -> list[TextEdit]:
        """Return what becomes of the text."""

    def remarks(self, changes: Changes) -> tuple[str, ...]:
        """Return nothing: the counts say it all."""
        return ()

    def write(self, changes: Changes, out: Path) -> list[ManifestLine]:
        """Write the mended file and say which decisions it holds."""
        digest = self.raw.write(spliced_text(self._text, self._edits(changes)), out)
        file = ManifestLine(old_path=self.path.name, new_path=out.name, sha256=digest)
        return [file, *decided_lines(changes, self.items)]
