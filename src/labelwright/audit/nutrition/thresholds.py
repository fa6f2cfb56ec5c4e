"""When a rule speaks, and which columns a use reads and watches. Source: [P065]."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from labelwright.audit.nutrition.answers import Answers, UseCase
from labelwright.audit.nutrition.table import Column, NutritionTable


@dataclass(frozen=True)
class Thresholds:
    """When a rule speaks. Shares and gaps are in [0, 1]; `label_error` is held against the lower end of an interval."""

    missing: float = 0.2
    missing_serious: float = 0.5
    representation: float = 0.5
    label_rate_gap: float = 0.1
    label_error_gap: float = 0.05
    label_error: float = 0.03
    sure: float = 0.9
    conflicting: float = 0.01
    proxy: float = 0.7
    leakage: float = 0.99

    def to_dict(self) -> dict[str, float]:
        """Return name and value of every threshold."""
        return {name: float(value) for name, value in asdict(self).items()}


def used_columns(table: NutritionTable, case: UseCase | None) -> tuple[Column, ...]:
    """Return the columns a use reads, without the target; all inputs when it names none."""
    target = (case.target if case else None) or table.label
    return tuple(c for c in table.inputs(case.columns if case else ()) if c.name != target)


def watched_columns(table: NutritionTable, answers: Answers, case: UseCase | None) -> tuple[Column, ...]:
    """Return the columns whose groups a use must treat alike."""
    if case is None:
        names = tuple(answers.sensitive)
    else:
        names = case.groups or tuple(n for n in answers.sensitive if not case.columns or n in case.columns)
    chosen = [table.columns[name] for name in names if name in table.columns]
    return tuple(c for c in chosen if (c.codes is not None and 1 < len(c.levels) <= 100) or c.numbers is not None)


def case_ids(case: UseCase | None) -> tuple[str, ...]:
    """Return the id of a use as a tuple, empty for the data set as a whole."""
    return () if case is None else (case.id,)
