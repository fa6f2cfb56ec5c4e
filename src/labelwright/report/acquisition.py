"""What `labelwright next` writes and prints: the list of questions, learning curves, and budget plans."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from labelwright.acquire.budget_planner import BudgetPlan
from labelwright.acquire.questions import SCHEMA_VERSION, Questions
from labelwright.acquire.replay import RANDOM, Replay
from labelwright.atomic import staged_directory
from labelwright.data.readers.places import counted
from labelwright.inert import inert, shortened
from labelwright.metrics.numerals import percent
from labelwright.report.curve_plots import Line, line_chart
from labelwright.report.curves_page import CurveSection, CurvesPage, render_curves
from labelwright.report.outputs import spreadsheet_safe
from labelwright.results_folder import refuse_inputs, refuse_unwritable

SHOWN = 5  # questions that the terminal shows


def check_next_folder(folder: Path, *inputs: Path | None) -> None:
    """Refuse a results folder that cannot be written, or that is one of the inputs; BadInput says why."""
    refuse_inputs(folder, inputs, within=False)
    refuse_unwritable(folder)


def write_questions(found: Questions, folder: Path, *, label_studio: bool = False) -> None:
    """Write ``next.csv``, ``summary.json`` and, where asked for, ``label_studio.json``; or nothing."""
    with staged_directory(folder) as aside:
        pyarrow.csv.write_csv(spreadsheet_safe(_texts(found.table())), aside / "next.csv")
        _write_json(aside / "summary.json", found.facts())
        if label_studio:
            _write_json(aside / "label_studio.json", found.label_studio_tasks())


def question_lines(
    found: Questions, folder: Path, *, json_only: bool, quiet: bool, label_studio: bool = False, checks: bool = False
) -> list[str]:
    """Return what the command line prints."""
    if json_only:
        return [json.dumps(found.facts(), allow_nan=False)]
    again = int(found.again.sum())
    kinds = [f"{counted(len(found) - again, 'new row')}"] if len(found) > again else []
    kinds += [f"{counted(again, 'row')} again"] if again else []
    lines = [f"Ask about {' and '.join(kinds)}: {folder / 'next.csv'}"]
    if quiet:
        return lines
    because = f": {found.because}" if found.because else ""
    lines.append(f"Method: {found.method}{because}.")
    lines.append(f"{found.n_told:,} of {found.n_rows:,} have a label so far.")
    for i in range(min(SHOWN, len(found))):
        who = f" (ask {found.ask[i]})" if found.ask[i] is not None else ""
        lines.append(f"  {i + 1}. {shortened(inert(found.ids[i]), 40)}{who}: {found.reasons[i]}")
    if len(found) > SHOWN:
        lines.append(f"  ... and {len(found) - SHOWN} more.")
    follow = "labelwright evaluate --checked next.csv" if checks else "the same command with --answers next.csv"
    if found.rows is None:
        lines += ["", "Next: ask, add the answers to the votes, then run the same command again."]
    else:
        lines += ["", f"Next: fill the column 'label' of next.csv, then run {follow}."]
    if label_studio:
        lines.append(f"Or import {folder / 'label_studio.json'} into Label Studio.")
    return lines


def _texts(table: pa.Table) -> pa.Table:
    """Return the table with categories and odd types as text, as CSV holds them."""
    for i, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type) or pa.types.is_large_string(column.type):
            table = table.set_column(i, column.name, table.column(i).cast(pa.string()))
    return table


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def replay_facts(found: Replay) -> dict[str, Any]:
    """Return the content of ``summary.json`` of a replay."""
    shares = found.shares()
    return {
        "schema_version": SCHEMA_VERSION,
        "n_pool": found.n_pool,
        "n_test": found.n_test,
        "n_classes": found.n_classes,
        "accuracy_with_all_labels": found.full,
        "methods": {
            name: {
                "labels": band.cost.tolist(),
                "accuracy": band.mean.tolist(),
                "low": _listed(band.low),
                "high": _listed(band.high),
                "mean_accuracy": float(np.mean([curve.area for curve in band.curves])),
                "share_of_random_labels": None if np.isnan(shares[name]) else shares[name],
            }
            for name, band in found.bands.items()
        },
    }


def _listed(values: np.ndarray[Any, Any]) -> list[float] | None:
    return None if np.isnan(values).any() else values.tolist()


def replay_verdict(found: Replay) -> str:
    """Return one sentence: who needs fewest labels for what random sampling reaches."""
    shares = {name: share for name, share in found.shares().items() if name != RANDOM}
    base = found.bands[RANDOM]
    reach = f"the {percent(base.mean[-1])} that random sampling reaches with {base.cost[-1]:.0f} labels"
    better = {name: share for name, share in shares.items() if not np.isnan(share) and share < 1}
    if not better:
        return f"No method reaches {reach} with fewer labels."
    best = min(better, key=lambda name: better[name])
    return f"{best} reaches {reach} with {percent(better[best], 0)} of them."


def write_replay(found: Replay, name: str, folder: Path) -> None:
    """Write ``curve.html``, ``curve.csv`` and ``summary.json``, or nothing."""
    with staged_directory(folder) as aside:
        (aside / "curve.html").write_text(render_curves(_replay_page(found, name)), encoding="utf-8")
        with (aside / "curve.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["method", "labels", "accuracy", "low", "high"])
            for method, band in found.bands.items():
                for row in zip(band.cost, band.mean, band.low, band.high, strict=True):
                    writer.writerow([method, *("" if np.isnan(value) else f"{value:.6g}" for value in row)])
        _write_json(aside / "summary.json", replay_facts(found))


def _replay_page(found: Replay, name: str) -> CurvesPage:
    order = sorted(found.bands, key=lambda method: -found.bands[method].curves[0].area)
    lines = [
        Line(method, band.cost, band.mean, np.clip(band.low, 0, 1), np.clip(band.high, 0, 1))
        for method, band in ((method, found.bands[method]) for method in order)
    ]
    repeats = len(next(iter(found.bands.values())).curves)
    return CurvesPage(
        title="Learning curves",
        name=name,
        verdict=replay_verdict(found),
        foot="The labels of the data were taken as true; accuracy is agreement with them on rows held out.",
        figures=[
            ("rows to label", f"{found.n_pool:,}"),
            ("test rows", f"{found.n_test:,}"),
            ("classes", str(found.n_classes)),
            ("repeats", str(repeats)),
            ("with all labels", percent(found.full)),
        ],
        sections=[
            CurveSection(
                "Accuracy against labels bought",
                f"Mean over {counted(repeats, 'repeat')} with its 95 % band. The thin line is what all labels reach.",
                ["labels", *order],
                _replay_rows(found, order),
                line_chart(lines, "labels bought", "accuracy on held-out rows", "Learning curves", found.full),
            ),
            CurveSection(
                "In short",
                "How many of random sampling's labels a method needs for the accuracy that random sampling ends with.",
                ["method", "mean accuracy over the curve", "accuracy at the end", "labels needed, of random's"],
                _replay_sums(found, order),
            ),
        ],
    )


def _replay_rows(found: Replay, order: Sequence[str]) -> list[list[str]]:
    cost = next(iter(found.bands.values())).cost
    return [
        [f"{labels:.0f}", *(percent(found.bands[method].mean[i]) for method in order)]
        for i, labels in enumerate(cost.tolist())
    ]


def _replay_sums(found: Replay, order: Sequence[str]) -> list[list[str]]:
    shares = found.shares()
    return [
        [
            method,
            percent(float(np.mean([curve.area for curve in found.bands[method].curves]))),
            percent(found.bands[method].mean[-1]),
            "–" if np.isnan(shares[method]) else percent(shares[method], 0),
        ]
        for method in order
    ]


def replay_lines(found: Replay, folder: Path, *, json_only: bool, quiet: bool) -> list[str]:
    """Return what the command line prints of a replay."""
    if json_only:
        return [json.dumps(replay_facts(found), allow_nan=False)]
    lines = [replay_verdict(found)]
    if quiet:
        return lines
    shares = found.shares()
    for name, band in sorted(found.bands.items(), key=lambda item: -item[1].mean[-1]):
        needs = "" if name == RANDOM or np.isnan(shares[name]) else f", {percent(shares[name], 0)} of random's labels"
        lines.append(f"  {name}: {percent(band.mean[-1])} with {band.cost[-1]:.0f} labels{needs}")
    return [*lines, "", f"Next: open {folder / 'curve.html'}."]


def plan_verdict(plan: BudgetPlan) -> str:
    """Return one sentence: how to split the money."""
    n_cheap, n_careful = plan.split
    return (
        f"Buy {n_careful:,} careful and {n_cheap:,} cheap labels: {percent(plan.fraction, 0)} of the money for careful "
        f"ones. Predicted accuracy {percent(plan.predicted)} ({percent(plan.low)} to {percent(plan.high)})."
    )


def plan_facts(plan: BudgetPlan) -> dict[str, Any]:
    """Return the content of ``summary.json`` of a plan."""
    return {"schema_version": SCHEMA_VERSION, **plan.facts()}


def write_plan(plan: BudgetPlan, name: str, folder: Path) -> None:
    """Write ``plan.html`` and ``summary.json``, or nothing."""
    with staged_directory(folder) as aside:
        (aside / "plan.html").write_text(render_curves(_plan_page(plan, name)), encoding="utf-8")
        _write_json(aside / "summary.json", plan_facts(plan))


def _plan_page(plan: BudgetPlan, name: str) -> CurvesPage:
    curves = plan.curves()
    lines = [Line(f"{percent(fraction, 0)} careful", x, y) for fraction, (x, y) in curves.items()]
    measured = [
        [f"{cost:.3g}", percent(fraction, 0), f"{cheap:,}", f"{careful:,}", percent(score)]
        for cost, fraction, cheap, careful, score in plan.sweep.rows()
    ]
    predicted = [
        [percent(fraction, 0), f"{cheap:,}", f"{careful:,}", percent(score)]
        for fraction, cheap, careful, score in plan.options()
    ]
    return CurvesPage(
        title="Budget plan",
        name=name,
        verdict=plan_verdict(plan),
        foot="Curves beyond what was measured are power laws fitted to it: a model estimate.",
        figures=[
            ("money", f"{plan.money:g}"),
            ("a cheap label", f"{plan.sweep.price_cheap:g}"),
            ("a careful label", f"{plan.sweep.price_careful:g}"),
            ("regime", plan.regime),
        ],
        sections=[
            CurveSection(
                "How to split the money",
                f"Predicted accuracy at {plan.money:g} for each share that is spent on careful labels.",
                ["share for careful labels", "cheap labels", "careful labels", "predicted accuracy"],
                predicted,
                line_chart(lines, "money spent", "accuracy on careful labels held out", "Accuracy against money"),
            ),
            CurveSection(
                "What was measured",
                "Models trained on parts of your labels, cheap ones first, then careful ones; means over repeats.",
                ["money", "share for careful labels", "cheap labels", "careful labels", "accuracy"],
                measured,
            ),
        ],
    )


def plan_lines(plan: BudgetPlan, folder: Path, *, json_only: bool, quiet: bool) -> list[str]:
    """Return what the command line prints of a plan."""
    if json_only:
        return [json.dumps(plan_facts(plan), allow_nan=False)]
    lines = [plan_verdict(plan)]
    if quiet:
        return lines
    lines.append(f"Regime at this budget: {plan.regime}.")
    for fraction, cheap, careful, score in plan.options():
        lines.append(
            f"  {percent(fraction, 0)} for careful labels: {careful:,} careful, {cheap:,} cheap, "
            f"{percent(score)} predicted"
        )
    lines.append("Predictions are power laws fitted to models trained on parts of your labels (model estimate).")
    return [*lines, "", f"Next: open {folder / 'plan.html'}."]
