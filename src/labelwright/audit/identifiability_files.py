"""Whether the noise of votes in a file can be told from them: the votes are read as `labelwright aggregate` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelwright.audit.noise_identifiability import NoiseIdentifiability
from labelwright.consensus.vote_files import read_vote_file
from labelwright.consensus.vote_frames import read_votes
from labelwright.metrics.report import Report


def identifiability_of_file(
    path: Path,
    *,
    task: str | None = None,
    annotator: Sequence[str] = (),
    label: str | None = None,
    tol: float | None = None,
) -> Report:
    """Read votes as `labelwright aggregate` does, and measure.

    Parameters
    ----------
    path : Path
        Long or wide, or an export of Label Studio.
    task, label : str, optional
    annotator : sequence of str
        Columns; found by their names when left out.
    tol : float, optional
        Of `NoiseIdentifiability`.
    """
    found = read_vote_file(path, task=task, annotator=tuple(annotator) or None, label=label)
    read = read_votes(found.table, task=found.task, annotator=found.annotator, label=found.label)
    return NoiseIdentifiability(tol).measure(read.votes, read.classes)
