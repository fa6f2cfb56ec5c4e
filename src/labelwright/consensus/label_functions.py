"""Labelling functions: short rules that look at a row and name a class, or abstain.

A decorator makes one of any function of a row; `keyword`, `regex` and `comparison` make the common ones; a plain YAML
file holds rules of people who do not program:

    - name: asks to subscribe
      column: text
      keywords: [subscribe, my channel]
      label: spam
    - {name: a link, column: text, regex: "https?://", label: spam}
    - {name: long, column: length, at_least: 200, label: ham}

`apply_functions` runs them over any data frame and gives `Votes`.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import yaml
from numpy.typing import NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted
from labelwright.evidence import LabelSpace, Votes

Row = Mapping[str, Any]
Rule = Callable[[Row], str | None]


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


@dataclass(frozen=True)
class _Pattern:
    """Names a class where a pattern occurs in a column. A class, so that rules travel to other processes."""

    column: str
    pattern: re.Pattern[str]
    label: str

    def __call__(self, row: Row) -> str | None:
        value = row[self.column]
        return self.label if value is not None and self.pattern.search(str(value)) else None


@dataclass(frozen=True)
class _Range:
    column: str
    low: float
    high: float
    label: str

    def __call__(self, row: Row) -> str | None:
        value = row[self.column]
        return self.label if value is not None and self.low <= float(value) <= self.high else None


def keyword(words: Iterable[str], column: str, label: str, name: str | None = None) -> LabelingFunction:
    """Return the rule "one of these words or phrases occurs", whole words, any case.

    Examples
    --------
    >>> keyword(["my channel"], "text", "spam")({"text": "See MY CHANNEL!"})
    'spam'
    """
    known = [word for word in words if word.strip()]
    if not known:
        raise BadInput("a keyword rule has no words", fix="name at least one word")
    either = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
    return LabelingFunction(name or f"keyword {known[0]}", _Pattern(column, pattern, label), (column,), label)


def regex(pattern: str, column: str, label: str, name: str | None = None) -> LabelingFunction:
    """Return the rule "this regular expression occurs", any case."""
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"{quoted(pattern)} is no regular expression: {error}", fix="escape special signs") from None
    return LabelingFunction(name or f"regex {pattern}", _Pattern(column, compiled, label), (column,), label)


def comparison(
    column: str, label: str, *, at_least: float = -np.inf, at_most: float = np.inf, name: str | None = None
) -> LabelingFunction:
    """Return the rule "the number in this column lies between these"."""
    if not at_least <= at_most or (at_least == -np.inf and at_most == np.inf):
        raise BadInput(
            f"the range {at_least} to {at_most} of {quoted(column)} is no limit", fix="give a lower or upper"
        )
    rule = _Range(column, at_least, at_most, label)
    return LabelingFunction(name or f"{column} in range", rule, (column,), label)


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
    wanted = _wanted_columns(functions, table.columns)
    data = {name: table.get_column(name).to_list() for name in wanted}
    n = len(table)
    jobs = max(min(jobs, n), 1)
    cuts = np.linspace(0, n, jobs + 1).astype(int).tolist()
    pieces = [
        (start, {name: values[start:end] for name, values in data.items()}, end - start)
        for start, end in pairwise(cuts)
    ]
    if jobs == 1:
        parts = [_run(functions, *piece, space) for piece in pieces]
    else:
        from joblib import Parallel, delayed

        parts = Parallel(n_jobs=jobs)(delayed(_run)(functions, *piece, space) for piece in pieces)
    row, source, value = (np.concatenate([part[i] for part in parts]) for i in range(3))
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
    functions: Sequence[LabelingFunction], start: int, data: Mapping[str, list[Any]], n: int, space: LabelSpace
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return row, source and class of the votes on n rows that begin at row `start`."""
    found: list[tuple[int, int, int]] = []
    for i in range(n):
        row = {name: values[i] for name, values in data.items()}
        for j, function in enumerate(functions):
            try:
                said = function(row)
            except Exception as error:
                raise BadInput(
                    f"rule {quoted(function.name)} failed: {type(error).__name__}: {quoted(error)[1:-1]}",
                    where=f"row {start + i}",
                    fix="mend the rule or let it abstain there",
                ) from error
            if said is None:
                continue
            if said not in space.index:
                raise BadInput(
                    f"rule {quoted(function.name)} says {quoted(said)}, which is no class",
                    where=f"row {start + i}",
                    fix=did_you_mean(str(said), space.names),
                )
            found.append((start + i, j, space.index[said]))
    votes = np.array(found, dtype=np.int64).reshape(-1, 3)
    return votes[:, 0], votes[:, 1].astype(np.int32), votes[:, 2].astype(np.int32)


_KEYS = {"name", "column", "label", "keywords", "regex", "at_least", "at_most"}


def read_rules(path: str | Path, column: str | None = None) -> list[LabelingFunction]:
    """Read rules from a YAML file (see the head of this file); BadInput names the rule that is not right.

    `column` is what rules read that name no column themselves.
    """
    file = Path(path)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the file of rules cannot be read: {quoted(error)[1:-1]}", where=str(path)) from None
    except yaml.YAMLError as error:
        raise BadInput(f"this is no YAML: {quoted(error)[1:-1]}", where=str(path)) from None
    if not isinstance(content, list) or not content:
        raise BadInput("the file holds no list of rules", where=str(path), fix="begin each rule with '- name:'")
    return [_rule(entry, f"{path}, rule {i + 1}", column) for i, entry in enumerate(content)]


def _rule(entry: Any, where: str, default: str | None) -> LabelingFunction:
    if not isinstance(entry, dict):
        raise BadInput("this rule is no list of settings", where=where, fix="give name, column, label and a condition")
    unknown = sorted(str(key) for key in set(entry) - _KEYS)
    if unknown:
        raise BadInput(f"a rule has no setting {quoted(unknown[0])}", where=where, fix=did_you_mean(unknown[0], _KEYS))
    entry = ({} if default is None else {"column": default}) | entry
    missing = [key for key in ("name", "column", "label") if not isinstance(entry.get(key), str)]
    if missing:
        raise BadInput(f"{listed(missing)} is missing or no text", where=where, fix="put text in quotes")
    kinds = [kind for kind in ("keywords", "regex") if kind in entry]
    kinds += ["range"] if {"at_least", "at_most"} & set(entry) else []
    if len(kinds) != 1:
        raise BadInput("a rule needs one condition", where=where, fix="give keywords, regex, or at_least and at_most")
    column, label, name = entry["column"], entry["label"], entry["name"]
    try:
        if kinds[0] == "keywords":
            words = entry["keywords"]
            return keyword([str(w) for w in (words if isinstance(words, list) else [words])], column, label, name)
        if kinds[0] == "regex":
            return regex(str(entry["regex"]), column, label, name)
        low, high = float(entry.get("at_least", -np.inf)), float(entry.get("at_most", np.inf))
        return comparison(column, label, at_least=low, at_most=high, name=name)
    except (TypeError, ValueError) as error:
        problem = error.problem if isinstance(error, BadInput) else "a limit is no number"
        raise BadInput(problem, where=where, fix="mend this rule") from None
