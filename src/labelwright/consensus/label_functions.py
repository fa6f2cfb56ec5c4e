"""Labelling functions: short rules that look at a row and name a class, or abstain.

A decorator makes one of any function of a row; `rule_kinds` has the common ones, `rule_files` reads them from a plain
file. `apply_functions` runs them over any data frame and gives `Votes`.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import LabelSpace, Votes

Row = Mapping[str, Any]
Rule = Callable[[Row], str | None]
Batch = Callable[[pa.Table], Sequence[str | None]]


@dataclass(frozen=True)
class LabelingFunction:
    """A rule with a name.

    Parameters
    ----------
    name : str
    rule : callable
        Row (column → value) → class name, or None to abstain.
    columns : tuple of str, optional
        The columns that it reads; all by default. Naming them makes wide tables faster.
    label : str, optional
        The class that it names, where it names one alone.
    batch : callable, optional
        The same for all rows at once, Arrow table of n rows → n answers: for rules that ask a model.

    Examples
    --------
    >>> @labeling_function()
    ... def shouts(row):
    ...     return "spam" if row["text"].isupper() else None
    >>> shouts.name, shouts({"text": "BUY NOW"})
    ('shouts', 'spam')

    Source: [P121].
    """

    name: str
    rule: Rule
    columns: tuple[str, ...] = ()
    label: str | None = None
    batch: Batch | None = None

    def __call__(self, row: Row) -> str | None:
        """Return the class that the rule names for a row, or None."""
        return self.rule(row)


def labeling_function(
    name: str | None = None, columns: Sequence[str] = (), label: str | None = None
) -> Callable[[Rule], LabelingFunction]:
    """Decorate a function of a row; its name is the rule's name by default. For more processes, import it by name."""

    def decorate(rule: Rule) -> LabelingFunction:
        return LabelingFunction(name or str(getattr(rule, "__name__", "rule")), rule, tuple(columns), label)

    return decorate


def apply_functions(
    functions: Sequence[LabelingFunction], frame: Any, classes: LabelSpace | Sequence[str], *, jobs: int = 1
) -> Votes:
    """Run labelling functions over a data frame.

    Parameters
    ----------
    functions : sequence of LabelingFunction
        Source j of the votes is the j-th.
    frame : data frame
        pandas, Polars or Arrow, n rows.
    classes : LabelSpace or sequence of str
    jobs : int, default 1
        Processes; rows are split among them. The result does not depend on it.

    Returns
    -------
    Votes
        Abstentions are left out.

    Raises
    ------
    BadInput
        When a rule reads a column that is not there, fails on a row, or names no class.

    Examples
    --------
    >>> import pandas as pd
    >>> from labelwright.consensus import keyword
    >>> rules = [keyword(["win"], "text", "spam"), keyword(["thanks"], "text", "ham")]
    >>> votes = apply_functions(rules, pd.DataFrame({"text": ["win now", "thanks", "hello"]}), ["ham", "spam"])
    >>> votes.row, votes.source, votes.value
    (array([0, 1]), array([0, 1], dtype=int32), array([1, 0], dtype=int32))
    """
    space = classes if isinstance(classes, LabelSpace) else LabelSpace(tuple(classes))
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise BadInput(f"{type(frame).__name__} is no data frame", fix="pass pandas, Polars or Arrow") from None
    if not functions:
        raise BadInput("there are no labelling functions", fix="pass at least one")
    twice = sorted({f.name for f in functions if [g.name for g in functions].count(f.name) > 1})
    if twice:
        raise BadInput(f"labelling functions share the name {listed(twice)}", fix="name each differently")
    singly = [j for j, function in enumerate(functions) if function.batch is None]
    wanted = _wanted_columns(functions, table.columns)
    together = [_run_batch(functions[j], j, table, space) for j in range(len(functions)) if j not in singly]
    data = {name: table.get_column(name).to_list() for name in wanted}
    n = len(table)
    jobs = max(min(jobs, n), 1)
    cuts = np.linspace(0, n, jobs + 1).astype(int).tolist()
    pieces = [
        (start, {name: values[start:end] for name, values in data.items()}, end - start)
        for start, end in pairwise(cuts)
    ]
    if jobs == 1:
        parts = [_run(functions, singly, *piece, space) for piece in pieces]
    else:
        from joblib import Parallel, delayed

        one_by_one = [functions[j] if j in singly else None for j in range(len(functions))]
        parts = Parallel(n_jobs=jobs)(delayed(_run)(one_by_one, singly, *piece, space) for piece in pieces)
    row, source, value = (np.concatenate([part[i] for part in (*parts, *together)]) for i in range(3))
    return Votes(row, source, value, n, len(functions), len(space))


def _wanted_columns(functions: Sequence[LabelingFunction], columns: Sequence[str]) -> list[str]:
    for function in functions:
        for column in function.columns:
            if column not in columns:
                raise BadInput(
                    f"rule {quoted(function.name)} reads column {quoted(column)}, which the table lacks",
                    fix=did_you_mean(column, columns),
                )
    if any(not function.columns for function in functions):
        return list(columns)
    return list(dict.fromkeys(column for function in functions for column in function.columns))


def _run(
    functions: Sequence[LabelingFunction | None],
    singly: Sequence[int],
    start: int,
    data: Mapping[str, list[Any]],
    n: int,
    space: LabelSpace,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return row, source and class of the votes on n rows that begin at row `start`."""
    found: list[tuple[int, int, int]] = []
    for i in range(n):
        row = {name: values[i] for name, values in data.items()}
        for j in singly:
            function = functions[j]
            assert function is not None
            try:
                said = function(row)
            except Exception as error:
                raise BadInput(
                    f"rule {quoted(function.name)} failed: {type(error).__name__}: {quoted(error)[1:-1]}",
                    where=f"row {start + i}",
                    fix="mend the rule or let it abstain there",
                ) from error
            if said is not None:
                found.append((start + i, j, _code(said, function.name, start + i, space)))
    return _columns(found)


def _run_batch(
    function: LabelingFunction, j: int, table: Any, space: LabelSpace
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return the votes of a rule that answers all rows at once."""
    assert function.batch is not None
    said = function.batch(table.to_arrow())
    if len(said) != len(table):
        raise BadInput(f"rule {quoted(function.name)} gives {len(said)} answers for {len(table)} rows")
    return _columns([(i, j, _code(one, function.name, i, space)) for i, one in enumerate(said) if one is not None])


def _code(said: str, rule: str, row: int, space: LabelSpace) -> int:
    if said not in space.index:
        raise BadInput(
            f"rule {quoted(rule)} says {quoted(said)}, which is no class",
            where=f"row {row}",
            fix=did_you_mean(str(said), space.names),
        )
    return space.index[said]


def _columns(found: list[tuple[int, int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    votes = np.array(found, dtype=np.int64).reshape(-1, 3)
    return votes[:, 0], votes[:, 1].astype(np.int32), votes[:, 2].astype(np.int32)
