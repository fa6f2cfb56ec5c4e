"""The measure of [P188]: what a panel of judges doubts about given labels, and how far doubts can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge_checks import (
    ConfidenceBin,
    compare_annotators,
    estimated_errors,
    judge_agreement,
    precision_by_confidence,
    reported_vs_corrected,
)
from labelwright.audit.judge_ensemble import Names, Ratings, mean_of_judges
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_labels, row_names
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Section, TableRows

Floats = NDArray[np.float64]
FEW_CHECKED = 30


class JudgedLabels:
    """Holds given labels against an ensemble of judges and says what is known about the flags [P188].

    Parameters
    ----------
    tau : float, default 0.9
        Confidence from which a correction is suggested, in [0, 1]. Choose it from checked rows: averages over judges
        that err alike are over-confident.
    seed : int, default 0
        For the interval of the number of errors.
    scale : Names or Ratings, optional
        What classes are: names by default.
    """

    def __init__(self, tau: float = 0.9, seed: int = 0, scale: Names | Ratings | None = None) -> None:
        if not 0 <= tau <= 1:
            raise BadInput(f"tau is {tau}", fix="give a confidence in [0, 1]")
        self.tau, self.seed, self.scale = tau, seed, scale or Names()

    def measure(
        self,
        labels: ArrayLike,
        judges: Mapping[str, ArrayLike],
        classes: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        truth: ArrayLike | None = None,
        checked: ArrayLike | None = None,
        shown: Sequence[str] | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        labels : int (n,), -1 = unlabelled
        judges : mapping of name to float (n, K)
            What each judge says; NaN rows where it gave no answer.
        classes : sequence of str, length K
        ids : sequence of str, optional
        truth : int (n,), optional
            The class that people gave, -1 where none; `checked` marks the rows that they looked at.
        shown : sequence of str, optional
            A few words about each row for the table.
        costs : mapping of judge to float, optional
            What one answer costs; "given labels" may be priced too.
        """
        if not judges:
            raise BadInput("there is no judge", fix="give at least one")
        y = as_labels("labels", labels, len(classes))
        for name, p in judges.items():
            if np.shape(p) != (len(y), len(classes)):
                raise BadInput(f"judge {name!r} gave shape {np.shape(p)}, expected ({len(y)}, {len(classes)})")
        probs = mean_of_judges(list(judges.values()))
        seen = np.zeros(len(y), bool) if checked is None else np.asarray(checked, bool)
        people = np.full(len(y), -1) if truth is None else as_labels("truth", truth, len(classes))
        wrong = seen & (people != y)
        flags, best = self.scale.flag(y, probs), self.scale.answer(probs)
        bins = precision_by_confidence(probs.max(axis=1), flags, seen, wrong)
        rest = ~flags & (y >= 0)
        errors = estimated_errors(
            bins, int(rest.sum()), int((rest & seen).sum()), int((rest & wrong).sum()), seed=self.seed
        )
        sure = self.scale.flag(y, probs, self.tau)
        names = row_names(ids, len(y))
        sections = (
            _flags_section(y, probs, best, flags, sure, classes, names, shown, self.tau),
            _confidence_section(bins, seen, errors),
            _judges_section(judges, y, best, people, seen, classes, costs, self.scale),
        )
        labelled = int((y >= 0).sum())
        return Report(
            "What a panel of judges doubts",
            sections,
            _verdict(labelled, int(flags.sum()), int(sure.sum()), self.tau, errors),
            {
                "labels": labelled,
                "judges": len(judges),
                "doubted": int(flags.sum()),
                f"doubted at {self.tau:g} or more": int(sure.sum()),
                "checked by people": int(seen.sum()),
            },
            _steps(int(sure.sum()), seen, flags, self.tau),
        )


def _flags_section(
    y: NDArray[np.int64],
    probs: Floats,
    best: NDArray[np.int64],
    flags: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    classes: Sequence[str],
    names: Sequence[str],
    shown: Sequence[str] | None,
    tau: float,
) -> Section:
    rows = np.flatnonzero(flags)
    rows = rows[np.argsort(-probs[rows].max(axis=1), kind="stable")]
    said = [""] * len(y) if shown is None else [text if len(text) <= 160 else text[:159] + "…" for text in shown]
    listed: TableRows = tuple(
        (names[i], classes[y[i]], classes[best[i]], round(float(probs[i].max()), 4), said[i]) for i in rows.tolist()
    )
    fixes: TableRows = tuple(
        (names[i], "relabel", classes[best[i]], f"judges at {probs[i].max():.3f}") for i in rows.tolist() if sure[i]
    )
    tables = [
        ReportTable(
            "Doubted labels", ("id", "given", "judges say", "confidence", "row"), listed, True, file="doubts.csv"
        ),
        ReportTable("Suggested decisions", ("id", "decision", "label", "note"), fixes, True, file="suggestions.csv"),
    ]
    pairs = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(pairs, (y[rows], best[rows]), 1)
    order = [(int(pairs[a, b]), a, b) for a in range(len(classes)) for b in range(len(classes)) if pairs[a, b]]
    top = sorted(order, key=lambda one: (-one[0], one[1], one[2]))[:12]
    counted: TableRows = tuple((f"{classes[a]} → {classes[b]}", count) for count, a, b in top)
    tables.insert(0, ReportTable("Given → judged", ("pair", "labels"), counted, plot=Plot("bars", ("labels",))))
    return Section(
        "Doubted labels",
        f"The judges' mean prefers another class. Suggestions are those with confidence {tau:g} or more; "
        "nothing is changed until you apply them.",
        tables=tuple(tables),
    )


def _confidence_section(bins: Sequence[ConfidenceBin], seen: NDArray[np.bool_], errors: Any) -> Section:
    rows: TableRows = tuple(
        (
            f"{b.low:g} to {b.high:g}",
            b.flagged,
            b.checked,
            b.errors,
            *((round(v, 4) if b.checked else None) for v in (b.precision.estimate, b.precision.low, b.precision.high)),
        )
        for b in bins
    )
    columns = ("confidence", "doubted", "checked", "wrong", "share wrong", "low", "high")
    plot = Plot("bars", ("share wrong",), "low", "high", "share") if seen.any() else Plot("bars", ("doubted",))
    alerts: tuple[Alert, ...] = ()
    if int(seen.sum()) < FEW_CHECKED:
        alerts = (
            Alert(
                "label quality",
                "caution",
                f"Only {int(seen.sum())} rows were checked by people, so the confidence of the judges is all there is.",
                mitigation="Check a sample in each bin, and a random sample of labels that are not doubted.",
            ),
        )
    known = not math.isnan(errors.estimate)
    return Section(
        "What a doubt is worth",
        "People's checks of doubted labels, by the confidence of the judges; whiskers are exact 95 % intervals.",
        {
            "wrong labels, estimated from checks": round(errors.estimate, 1) if known else None,
            "95 % interval": f"{errors.low:.0f} to {errors.high:.0f}" if known else None,
        },
        (ReportTable("Share of doubted labels that are wrong, by confidence", columns, rows, plot=plot),),
        alerts,
    )


def _judges_section(
    judges: Mapping[str, ArrayLike],
    y: NDArray[np.int64],
    best: NDArray[np.int64],
    people: NDArray[np.int64],
    seen: NDArray[np.bool_],
    classes: Sequence[str],
    costs: Mapping[str, float] | None,
    scale: Names | Ratings,
) -> Section:
    answers = {name: _answers(p, scale) for name, p in judges.items()}
    everyone = {**answers, "all judges together": best, "given labels": y}
    truth_known = seen & (people >= 0)
    rows = []
    for name, answer in everyone.items():
        said = (answer >= 0) & (y >= 0)
        right = float((answer == people)[truth_known].mean()) if truth_known.any() else None
        agree = float((answer == y)[said].mean()) if said.any() else None
        rows.append((name, int((answer >= 0).sum()), agree, right))
    columns = ("judge", "answers", "agrees with given labels", "right on checked rows")
    tables = [
        ReportTable("Judges", columns, tuple(rows), plot=Plot("bars", ("agrees with given labels",), unit="share"))
    ]
    if truth_known.any():
        tables.append(_cost_table(everyone, np.where(truth_known, people, -1), costs))
        scores = reported_vs_corrected(answers, np.where(truth_known, y, -1), np.where(truth_known, people, -1))
        tables.append(
            ReportTable(
                "Judges scored on the checked rows: with given and with corrected labels",
                ("judge", "reported", "corrected", "place before", "place after"),
                tuple((s.name, s.reported, s.corrected, s.reported_rank, s.corrected_rank) for s in scores),
            )
        )
    kappa = judge_agreement(list(answers.values()), len(classes)) if len(answers) > 1 else float("nan")
    return Section(
        "The judges",
        "Judges that agree with each other may err alike; checks by people alone say who is right.",
        {"Fleiss' kappa among judges": None if math.isnan(kappa) else round(kappa, 3)},
        tuple(tables),
    )


def _cost_table(
    answers: Mapping[str, NDArray[np.int64]], truth: NDArray[np.int64], costs: Mapping[str, float] | None
) -> ReportTable:
    unknown = [name for name in costs or {} if name not in answers]
    if unknown:
        raise BadInput(f"{unknown[0]!r} has a price and is no judge", fix=f"name one of {', '.join(answers)}")
    rows: TableRows = tuple(
        (one.name, one.accuracy.estimate, one.accuracy.low, one.accuracy.high, one.per_label, one.per_right_label)
        for one in compare_annotators(answers, truth, costs)
    )
    columns: tuple[str, ...] = ("who", "right", "low", "high", "cost of a label", "cost of a right label")
    kept = len(columns) if costs else 4
    plot = Plot("bars", ("right",), "low", "high", "share")
    return ReportTable("Right on checked rows", columns[:kept], tuple(row[:kept] for row in rows), plot=plot)


def _answers(p: ArrayLike, scale: Names | Ratings) -> NDArray[np.int64]:
    probs = np.asarray(p, dtype=np.float64)
    silent = np.asarray(np.isnan(probs).any(axis=1))
    return np.where(silent, -1, scale.answer(np.where(silent.reshape(-1, 1), 0.0, probs)))


def _verdict(labels: int, flagged: int, sure: int, tau: float, errors: Any) -> str:
    share = 100 * flagged / max(labels, 1)
    head = (
        f"The judges doubt {flagged:,} of {labels:,} labels ({share:.1f} %), "
        f"{sure:,} of them with confidence {tau:g} or more."
    )
    if math.isnan(errors.estimate):
        return f"{head} How many are wrong is not known yet: too few were checked by people."
    rate = [100 * value / max(labels, 1) for value in (errors.estimate, errors.low, errors.high)]
    return f"{head} By the checked rows {rate[0]:.1f} % of all labels are wrong ({rate[1]:.1f} to {rate[2]:.1f} %)."


def _steps(sure: int, seen: NDArray[np.bool_], flags: NDArray[np.bool_], tau: float) -> tuple[str, ...]:
    steps = []
    if int((seen & flags).sum()) < FEW_CHECKED:
        steps.append(
            "Check some doubted labels of each bin of confidence and 50 random others, write them as decisions "
            "(id, decision, label), and run this again with --checked"
        )
    if sure:
        steps.append("Read suggestions.csv, then labelwright apply suggestions.csv DATA --out MENDED")
    else:
        steps.append(f"No doubt reaches {tau:g}: lower --tau only if checked rows say that doubts are right there")
    return tuple(steps)
