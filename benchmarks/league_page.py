"""Pages written from stored runs: ``docs/league-tables.md`` and the table of ``docs/method-choice.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.league import FAMILIES, Family, runs_of
from benchmarks.learning_runs import SEEDS, Runs

if TYPE_CHECKING:
    from benchmarks.method_choice import Row

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# League tables

Every method of a family on the same five sets, with its default settings: at most 800 rows to learn from, 30 epochs,
the network (two layers of 256) and optimiser that `ImpreciseClassifier` and `ImpreciseRegressor` take by default.
Nothing is tuned, so a method whose settings belong to another size of problem stands lower here than in its paper; the
proofs of single papers (`labelwright papers show ID`) use the settings of those papers. Features of text are learned
from all texts of a set, labels from the training rows alone. Test labels are the truth.

Written by `python -m benchmarks.league --tables` from `benchmarks/results/league_*.json`; do not edit by hand. A figure
in brackets rests on fewer than three seeds, ¹ on one fit of more than ten CPU seconds; "fails" is an error, told below
the table, "." was not measured yet. The mean rank is over the sets measured so far, of the methods that have all of
them. Differences of one or two points between single seeds say nothing.
"""
CHOICE_HEAD = """# How well auto chooses

`labelwright train --method auto` names one method by rules that a person can read (`labelwright/learn/choose.py`). Here
it is held against what one would do without this toolbox (cross-entropy; a linear model on averaged candidates or
proportions; unknown tags as off; ridge regression) and against the best of all measured methods in hindsight, which
nobody can know beforehand. "Seen" sets were looked at when the rules were made, the others judge them. Means over the
seeds; accuracy, for tags mean average precision, for numbers R².

Written by `python -m benchmarks.method_choice --tables` from the stored runs; do not edit by hand.
"""


def write_page(folder: Path = DOCS) -> Path:
    """Write ``league-tables.md`` and return its path."""
    parts = [HEAD, *(section(name, family) for name, family in FAMILIES.items())]
    path = folder / "league-tables.md"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def section(name: str, family: Family) -> str:
    """Return one family as Markdown, best mean rank first."""
    runs = runs_of(name)
    ranks = mean_ranks(runs, family)
    order = sorted(family.methods, key=lambda method: ranks.get(method, np.inf))
    lines = [f"## {family.title}", "", f"{family.measure[0].upper()}{family.measure[1:]}.", ""]
    sets = [one for one in family.sets if any(runs.values(method, one) for method in family.methods)]
    absent = [one for one in family.sets if one not in sets]
    if absent:
        lines += [f"Not measured yet: {'; '.join(absent)}.", ""]
    lines.append("| method | " + " | ".join(sets) + " | mean rank |")
    lines.append("|---|" + "---|" * (len(sets) + 1))
    for method in order:
        cells = [cell(runs, method, one) for one in sets]
        rank = f"{ranks[method]:.1f}" if method in ranks else ""
        lines.append(f"| {method} | " + " | ".join(cells) + f" | {rank} |")
    lines += ["", *failures(runs, family)]
    return "\n".join([*lines, family.left_out, ""] if family.left_out else lines)


def cell(runs: Runs, method: str, name: str) -> str:
    """Return the mean over seeds, and what to know about it."""
    values = runs.values(method, name)
    if not values:
        return "fails" if any((runs[method, name, seed] or {}).get("error") for seed in SEEDS) else "."
    mean = f"{np.mean(values):.3f}"
    if runs.too_long(method, name):
        return f"({mean})¹"
    return mean if len(values) == len(SEEDS) else f"({mean})"


def mean_ranks(runs: Runs, family: Family) -> dict[str, float]:
    """Return the mean rank over the sets of the methods that have all of these sets; ties share their ranks."""
    from scipy.stats import rankdata

    def score(method: str, name: str) -> float:
        values = runs.values(method, name)
        return float(np.mean(values)) if values else np.nan

    table = np.array([[score(method, name) for name in family.sets] for method in family.methods])
    sets = ~np.isnan(table).all(axis=0)
    if not sets.any():
        return {}
    there = ~np.isnan(table[:, sets]).any(axis=1)
    if not there.any():
        return {}
    ranks = np.mean([rankdata(-column) for column in table[there][:, sets].T], axis=0)
    names = [method for method, full in zip(family.methods, there, strict=True) if full]
    return dict(zip(names, ranks.tolist(), strict=True))


def failures(runs: Runs, family: Family) -> list[str]:
    """Return a line on each method that fails somewhere."""
    lines = []
    for method in family.methods:
        told = {
            run["error"]
            for name in family.sets
            for seed in SEEDS
            if (run := runs[method, name, seed]) is not None and run.get("error")
        }
        lines += [f"- `{method}` fails: {one}" for one in sorted(told)]
    return [*lines, ""] if lines else []


def write_choice_page(rows: Sequence[Row], folder: Path = DOCS) -> Path:
    """Write ``method-choice.md`` and return its path."""
    lines = [CHOICE_HEAD, *_summary(rows), ""]
    for title, seen in (("Sets that judge the rules", False), ("Sets that were seen when the rules were made", True)):
        lines += [f"## {title}", "", "| set | noise | auto chose | auto | plain | best in hindsight | seeds |"]
        lines.append("|---|---|---|---|---|---|---|")
        for row in rows:
            if row.seen != seen:
                continue
            rate = "" if row.noise_rate is None else f"{row.noise_rate:.0%}"
            told = f"| {row.name} | {rate} | {', '.join(row.chosen)} | {row.auto:.3f} | {row.plain:.3f} "
            lines.append(told + f"| {row.best_name} {row.best:.3f} | {row.seeds} |")
        lines.append("")
    path = folder / "method-choice.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _summary(rows: Sequence[Row]) -> list[str]:
    lines = []
    for what, some in (("the sets that judge the rules", [r for r in rows if not r.seen]), ("all sets", rows)):
        if not some:
            continue
        gain = [row.auto - row.plain for row in some]
        regret = [row.best - row.auto for row in some]
        worse = [f"{row.name} ({row.auto - row.plain:+.3f})" for row in some if row.auto < row.plain - 0.005]
        lines.append(
            f"On {what} ({len(some)}): auto lies {np.mean(gain):+.3f} from the plain way on average (median "
            f"{np.median(gain):+.3f}), and {np.mean(regret):.3f} below the best in hindsight."
            + (f" It does worse than the plain way on {', '.join(worse)}." if worse else "")
        )
        lines.append("")
    return lines
