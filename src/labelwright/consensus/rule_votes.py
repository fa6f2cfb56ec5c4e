"""Rules instead of people: labelling functions vote on the rows of a table, and their votes are merged.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from labelwright.consensus.aggregation import Aggregation, merge
from labelwright.consensus.automatic import Automatic
from labelwright.consensus.base import LabelModel
from labelwright.consensus.label_functions import LabelingFunction, apply_functions
from labelwright.consensus.vote_frames import VoteFrame
from labelwright.data.labels import class_order
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.progress import SILENT, Progress


def aggregate_rules(
    functions: Sequence[LabelingFunction],
    frame: Any,
    *,
    classes: Sequence[str] | None = None,
    task: str | None = None,
    gold: str | None = None,
    method: LabelModel | None = None,
    jobs: int = 1,
    most_reask: int = 1000,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Aggregation:
    """Let rules vote on every row of a data frame and merge their votes.

    Parameters
    ----------
    functions : sequence of LabelingFunction
        The annotators of the result.
    frame : data frame
        pandas, Polars or Arrow, n rows.
    classes : sequence of str, optional
        All class names; by default those that the rules say they name (`LabelingFunction.label`) and those of `gold`.
    task : str, optional
        Column of ids, each once; the row number by default.
    gold : str, optional
        Column of known labels, empty where unknown.
    method, most_reask, seed, progress
        As in `aggregate`. `reask` names no annotator: a person is asked, who is taken to be right.
    jobs : int, default 1
        Processes.

    Examples
    --------
    >>> import pandas as pd
    >>> from labelwright.consensus import keyword
    >>> rules = [keyword(["win"], "text", "spam"), keyword(["thanks"], "text", "ham")]
    >>> aggregate_rules(rules, pd.DataFrame({"text": ["win now", "thanks"]})).labels["label"].to_list()
    ['spam', 'ham']

    Source: [P121].
    """
    table = nw.from_native(frame, eager_only=True)
    ids = _ids(table, task)
    known = None if gold is None else _known(table, gold)
    names = _classes(functions, classes, known)
    with progress.stage("Applying rules"):
        votes = apply_functions(functions, frame, names, jobs=jobs)
    index = {name: k for k, name in enumerate(names)}
    codes = np.array([-1 if v is None else index.get(v, -2) for v in known or [None] * len(table)], dtype=np.int64)
    if (codes == -2).any():
        wrong = (known or [])[int(np.flatnonzero(codes == -2)[0])]
        raise BadInput(f"the known label {quoted(wrong)} is no class", fix=did_you_mean(str(wrong), names))
    notes = [] if task is not None else ["tasks are named by their row, from 0"]
    spoken = np.zeros(len(table), dtype=bool)
    spoken[votes.row] = True
    if not spoken.all():
        bare = int((~spoken & (codes < 0)).sum())
        notes.append(
            f"no rule speaks about {int((~spoken).sum()):,} of {len(table):,} rows; {bare:,} of them have no label"
        )
    sources = pa.array([function.name for function in functions], pa.string())
    labels = pa.array(names, pa.string())
    read = VoteFrame(votes, ids, sources, labels, names, None, np.arange(len(table)), tuple(notes))
    return merge(
        *(read, codes, method or Automatic(seed=seed)),
        like=frame, may_ask=False, most_reask=most_reask, seed=seed, progress=progress,
    )  # fmt: skip


def _ids(table: nw.DataFrame[Any], task: str | None) -> pa.Array:
    if task is None:
        return pa.array(np.arange(len(table)))
    ids = _column(table, task)
    if ids.null_count or len(ids.unique()) < len(ids):
        raise BadInput(
            "an id is missing or stands twice", where=f"column {quoted(task)}", fix="give each row its own id"
        )
    return ids


def _known(table: nw.DataFrame[Any], gold: str) -> list[str | None]:
    texts = _column(table, gold).cast(pa.string()).to_pylist()
    return [None if value is None or not value.strip() else value for value in texts]


def _column(table: nw.DataFrame[Any], name: str) -> pa.Array:
    if name not in table.columns:
        raise BadInput(f"the table has no column {quoted(name)}", fix=did_you_mean(name, table.columns))
    array = table.get_column(name).to_arrow()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _classes(
    functions: Sequence[LabelingFunction], classes: Sequence[str] | None, known: list[str | None] | None
) -> tuple[str, ...]:
    if classes is not None:
        return tuple(classes)
    named = [function.label for function in functions if function.label is not None]
    if len(named) < len(functions):
        raise BadInput("a rule does not say which class it names", fix="pass classes")
    return class_order(list(dict.fromkeys([*named, *(value for value in known or () if value is not None)])))
