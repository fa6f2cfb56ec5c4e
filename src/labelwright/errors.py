"""What labelwright says when it cannot go on: one clear line, with the place and the remedy.

`BadInput` is for what the caller can mend (exit code 2). Anything else that escapes is our bug (exit code 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from labelwright.inert import inert

MAX_QUOTED = 80


class LabelwrightError(Exception):
    """Base of every error that labelwright raises on purpose."""

    exit_code = 1


class BadInput(LabelwrightError, ValueError):
    """The data, an argument or a file is not usable as it stands.

    Parameters
    ----------
    problem : str
        What is wrong, one sentence without the final full stop.
    where : str, optional
        The place, such as ``"tickets.csv line 1204 (row 1202), column 'topic'"``.
    fix : str, optional
        What to do about it, one sentence without the final full stop.
    """

    exit_code = 2

    def __init__(self, problem: str, *, where: str | None = None, fix: str | None = None) -> None:
        line = f"{inert(where)}: {problem}" if where else problem
        super().__init__(f"{line}. Fix: {fix}." if fix else f"{line}.")
        self.problem, self.where, self.fix = problem, where, fix

    def __reduce__(self) -> Any:
        """Travel between processes as it is: the message is whole already."""
        return _as_it_was, (type(self), self.args, self.__dict__)


def _as_it_was(kind: type[BadInput], args: tuple[Any, ...], state: dict[str, Any]) -> BadInput:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class MissingExtra(BadInput, ImportError):
    """An optional dependency is needed for what was asked."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency", fix=f'pip install "labelwright[{extra}]"')


_EXTRAS = {
    "studio": (
        *("alembic", "anyio", "argon2", "fastapi", "httptools", "multipart", "python_multipart"),
        *("sqlalchemy", "starlette", "uvicorn"),
    ),
    "postgres": ("psycopg",),
    "torch": ("lightning_fabric", "safetensors", "torch"),
}


def extra_of(missing: ModuleNotFoundError) -> str | None:
    """Return the extra that installs the module that was not found; None where it belongs to none."""
    name = (missing.name or "").split(".")[0]
    return next((extra for extra, modules in _EXTRAS.items() if name in modules), None)


@contextmanager
def naming_extra(what: str) -> Iterator[None]:
    """Say which extra `what` needs where a module of one is not found; anything else passes as it is."""
    try:
        yield
    except ModuleNotFoundError as missing:
        extra = extra_of(missing)
        if extra is None:
            raise
        raise MissingExtra(what, extra) from None


class GateFailed(LabelwrightError):
    """A check that the caller asked for did not hold (exit code 3)."""

    exit_code = 3


def quoted(value: object) -> str:
    """Quote a value for a message: inert, on one line, cut at 80 characters."""
    text = inert(str(value))
    if len(text) > MAX_QUOTED:
        text = text[: MAX_QUOTED - 1] + "…"
    return f"'{text}'"


def listed(values: Iterable[object], most: int = 8) -> str:
    """Join values for a message: ``'a', 'b', 'c' and 4 more``."""
    items = list(values)
    shown = ", ".join(quoted(v) for v in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``"did you mean 'topic'?"`` when an option is near, else the options there are."""
    known = [str(option) for option in options]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    lower = [option for option in known if option.casefold() == name.casefold()]
    best = list(dict.fromkeys(lower + near))
    if best:
        return f"did you mean {' or '.join(quoted(option) for option in best)}?".rstrip("?")
    return f"use one of {listed(known, 12)}" if known else "there is nothing to choose from"
