"""What to ask again, and whom, when there are votes and no data: by the expected gain of one more vote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labelwright.acquire.contract import checked_budget
from labelwright.acquire.questions import Questions
from labelwright.acquire.reasons import vote_tally
from labelwright.consensus.aggregation import aggregate
from labelwright.consensus.vote_files import read_vote_file
from labelwright.errors import BadInput, quoted
from labelwright.metrics.numerals import percent
from labelwright.progress import SILENT, Progress

METHOD = "expected gain"
NOBODY, SOMEBODY = "Nobody has voted", "one more vote"


def next_votes(path: Path, budget: int, *, seed: int = 0, progress: Progress = SILENT, **columns: Any) -> Questions:
    """Return which tasks to ask again, and whom.

    Parameters
    ----------
    path : Path
        Votes: see `read_vote_file`.
    budget : int
    seed : int
    **columns
        ``task``, ``annotator``, ``label``, ``gold``, ``question``, ``sheet``: see `read_vote_file`.

    Raises
    ------
    BadInput
        There are no votes, or no further vote is expected to help.
    """
    checked_budget(budget, 1)
    with progress.stage("reading votes"):
        read = read_vote_file(path, **columns)
    result = aggregate(
        read.table, task=read.task, annotator=read.annotator, label=read.label, gold=read.gold, most_reask=budget,
        seed=seed, progress=progress,
    )  # fmt: skip
    found = result.reask.to_pydict()
    rank = {task: i for i, task in enumerate(result.tasks)}
    labels = result.labels.to_pydict()
    rows = [rank[task] for task in found["task"]][:budget]
    if not rows:
        raise BadInput("no further vote is expected to change a label", fix="the votes agree, or everyone has voted")
    gain = np.array(found["expected_gain"][: len(rows)], dtype=np.float64)
    ask = tuple(None if one is None else str(one) for one in found["annotator"][: len(rows)])
    reasons = [
        f"{vote_tally(result.votes, row, result.classes) or NOBODY}. Merged: {quoted(labels['label'][row])} "
        f"({percent(labels['confidence'][row], 0)}), and {who} is expected to add {100 * more:.1f} points."
        for row, who, more in zip(
            rows, [SOMEBODY if one is None else quoted(one) for one in ask], gain.tolist(), strict=True
        )
    ]
    voted = result.votes.counts().sum(axis=1) > 0
    return Questions(
        ids=tuple(str(result.tasks[row]) for row in rows),
        again=voted[rows],
        ask=ask,
        score=gain,
        reasons=tuple(reasons),
        method=METHOD,
        because="there are votes and no data: rows that nobody has voted on cannot be told apart",
        n_rows=len(result.tasks),
        n_told=int(voted.sum()),
        classes=tuple(result.classes),
        notes=(*read.notes, *result.notes),
    )


def looks_like_votes(path: Path, label: str | None = None) -> bool:
    """Whether a file is a list of votes: it names a task and an annotator a line, or is a Label Studio export."""
    try:
        read = read_vote_file(path, label=label)
    except BadInput:
        return False
    if read.form != "long table":
        return read.form == "Label Studio export"
    tasks = read.table[read.task]
    return read.task != read.annotator and len(tasks) > len(tasks.unique())
