"""Merged votes as plain data: what ``summary.json`` holds, what the page shows, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright import __version__
from labelwright.consensus.aggregation import Aggregation
from labelwright.consensus.annotators import answers_by_consensus
from labelwright.consensus.workflow import AboutVotes
from labelwright.data.readers.places import counted
from labelwright.evidence import Votes
from labelwright.metrics.intervals import Interval
from labelwright.report.classes import MOST_CLASSES
from labelwright.report.rows import CELL_WIDTH, shorten

SCHEMA_VERSION = 1
DOUBT = 0.8
MOST_CONFUSED, WORST_SHOWN, ANNOTATORS_SHOWN, REASK_SHOWN, PAIRS_SHOWN = 10, 3, 200, 50, 20
# How alpha is read: Krippendorff's own two limits, and below them whether chance can be told from agreement.
_WORDS = (
    (0.8, "agree well"),
    (0.667, "agree enough for tentative conclusions"),
    (0.4, "agree moderately"),
    (0.1, "agree little"),
)
COEFFICIENTS = (
    ("krippendorff_alpha", "alpha", "Krippendorff’s alpha", "any pattern of missing votes; the one to quote"),
    ("fleiss_kappa", "fleiss", "Fleiss’ kappa", "every task has the same say"),
    ("cohen_kappa", "cohen", "Cohen’s kappa", "mean over pairs, weighted by the tasks they share"),
)


def summary_of(result: Aggregation, about: AboutVotes) -> dict[str, Any]:
    """Return the content of ``summary.json``: strict JSON, the same for the same votes and seed."""
    labels, annotators = arrow(result.labels), arrow(result.annotators)
    confidence = labels["confidence"].to_numpy()
    merged = labels["label"].is_valid().to_numpy()
    open_ = merged & (result.known < 0)
    ranked = annotators["rank"].is_valid().to_numpy()
    return {
        "schema_version": SCHEMA_VERSION,
        "labelwright": __version__,
        "data": about.name,
        "form": about.form,
        "pseudonyms": about.pseudonyms,
        "seed": about.seed,
        "n_tasks": len(result.tasks),
        "n_labelled": int(merged.sum()),
        "n_votes": int(labels["n_votes"].to_numpy().sum()),
        "n_annotators": len(result.sources),
        "n_annotators_ranked": int(ranked.sum()),
        "classes": _classes(result, merged),
        "method": method_facts(result),
        "agreement": {key: _interval(getattr(result.agreement, name)) for key, name, _, _ in COEFFICIENTS}
        | {"n_tasks": result.agreement.n_tasks, "n_pairs": result.agreement.n_pairs},
        "expected_right": float(confidence[open_].mean()) if open_.any() else None,
        "n_in_doubt": int((confidence[merged] < DOUBT).sum()),
        "doubt_below": DOUBT,
        "known_labels": {
            "n": int((result.known >= 0).sum()),
            "n_with_votes": int(((result.known >= 0) & (labels["n_votes"].to_numpy() > 0)).sum()),
            "accuracy_without_them": _interval(result.checked),
        },
        "n_reask": arrow(result.reask).num_rows,
        "dependent": [
            {
                "first": str(result.sources[pair.first]),
                "second": str(result.sources[pair.second]),
                "n_shared": pair.n_shared,
                "agreement": pair.agreement,
                "expected": pair.expected,
            }
            for pair in result.dependent
        ],
        "notes": [*about.notes, *result.notes],
    }


def page_view(result: Aggregation, about: AboutVotes, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows beside the summary: small whatever the number of tasks."""
    table = arrow(result.annotators)
    ranked = table["rank"].is_valid().to_numpy()
    rank = np.where(ranked, table["rank"].fill_null(0), 0)
    order = np.lexsort((-table["n_votes"].to_numpy(), rank, ~ranked))
    first, rest = order[: int(ranked.sum())], order[int(ranked.sum()) :]
    worst = first[::-1][:WORST_SHOWN].tolist()
    return {
        "ranked": _annotators(table, first),
        "unranked": _annotators(table, rest),
        "timed": "median_seconds" in table.column_names,
        "confusions": [_confusion(result, j) for j in worst] if about.form != "rules" else [],
        "confidence": _histogram(arrow(result.labels)),
        "reask": _asked(result),
        "pairs": summary["dependent"][:PAIRS_SHOWN],
        "class_rows": summary["classes"][:MOST_CLASSES],
    }


def verdict(summary: Mapping[str, Any], about: AboutVotes) -> str:
    """Return one plain sentence on what the votes gave."""
    n, labelled, doubt = summary["n_tasks"], summary["n_labelled"], summary["n_in_doubt"]
    some = counted(labelled, about.unit)
    head = f"{some} of {n:,} got a label" if labelled < n else f"{some} got a label"
    by = f"{head} from {counted(summary['n_annotators'], about.noun)}"
    if not doubt:
        return f"{by}; none is in doubt."
    return f"{by}; {doubt:,} {'is' if doubt == 1 else 'are'} in doubt."


def agreement_words(summary: Mapping[str, Any], about: AboutVotes) -> str:
    """Return one sentence on alpha, in words."""
    alpha = summary["agreement"]["krippendorff_alpha"]
    if alpha is None:
        return f"No task has votes of two {about.noun}s that can be compared, so agreement is not known."
    if alpha["low"] is not None and alpha["low"] <= 0:
        return f"The {about.noun}s do not agree more than chance would have it."
    words = next((words for least, words in _WORDS if alpha["estimate"] >= least), "hardly agree")
    return f"The {about.noun}s {words} (Krippendorff’s alpha {alpha['estimate']:.2f})."


def method_facts(result: Aggregation) -> dict[str, Any]:
    """Return the label model's name, and why `Automatic` chose it."""
    chosen = getattr(result.model, "model_", result.model)
    return {
        "name": type(chosen).__name__,
        "members": list(getattr(chosen, "kept_", ())),
        "reason": getattr(result.model, "reason_", None),
        "converged": bool(chosen.converged_),
    }


def arrow(frame: Any) -> pa.Table:
    """Return a table of the result, whatever its kind, as Arrow."""
    if isinstance(frame, pa.Table):
        return frame
    import narwhals as nw

    table: pa.Table = nw.from_native(frame, eager_only=True).to_arrow()
    return table


def _classes(result: Aggregation, merged: NDArray[np.bool_]) -> list[dict[str, Any]]:
    labels = arrow(result.labels)
    chosen = result.posterior.argmax(axis=1)
    index = {name: k for k, name in enumerate(result.classes)}
    texts = labels["label"].cast(pa.string()).to_pylist()
    chosen = np.array([index.get(text, -1) if text is not None else -1 for text in texts], dtype=np.int64)
    tasks = np.bincount(chosen[merged & (chosen >= 0)], minlength=len(result.classes))
    votes = np.bincount(result.votes.value[result.votes.value >= 0], minlength=len(result.classes))
    sure = result.posterior.max(axis=1)
    total = max(int(tasks.sum()), 1)
    return [
        {
            "name": shorten(name, CELL_WIDTH),
            "n_tasks": int(tasks[k]),
            "share": float(tasks[k] / total),
            "n_votes": int(votes[k]),
            "mean_confidence": float(sure[chosen == k].mean()) if tasks[k] else None,
        }
        for k, name in enumerate(result.classes)
    ]


def _interval(found: Interval | None) -> dict[str, Any] | None:
    if found is None or not math.isfinite(found.estimate):
        return None
    low, high = (end if math.isfinite(end) else None for end in (found.low, found.high))
    return {"estimate": found.estimate, "low": low, "high": high, "level": found.level}


def _annotators(table: pa.Table, order: NDArray[np.int64]) -> list[dict[str, Any]]:
    rows = table.take(pa.array(order[:ANNOTATORS_SHOWN], pa.int64())).to_pylist()
    return [row | {"annotator": shorten(str(row["annotator"]), CELL_WIDTH)} for row in rows]


def _confusion(result: Aggregation, source: int) -> dict[str, Any]:
    """Return what one source says where the merged label is ..., in shares of each row; at most ten classes."""
    votes, own = result.votes, (result.votes.source == source) & (result.votes.value >= 0)
    weight = None if votes.weight is None else votes.weight[own]
    alone = np.zeros(int(own.sum()), dtype=np.int32)
    votes = Votes(votes.row[own], alone, votes.value[own], votes.n_rows, 1, votes.n_classes, weight)
    counts = answers_by_consensus(votes, result.posterior)[0]
    chosen = np.arange(len(counts))
    if len(counts) > MOST_CONFUSED:
        wrong = counts.copy()
        np.fill_diagonal(wrong, 0)
        chosen = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MOST_CONFUSED])
    part, totals = counts[np.ix_(chosen, chosen)], np.maximum(counts.sum(axis=1)[chosen], 1e-300)
    return {
        "annotator": shorten(str(result.sources[source]), CELL_WIDTH),
        "n_votes": int(own.sum()),
        "total": len(counts),
        "classes": [shorten(result.classes[k], CELL_WIDTH) for k in chosen.tolist()],
        "matrix": [[float(value) for value in row] for row in part / totals[:, None]],
        "counts": [[float(value) for value in row] for row in part],
    }


def _histogram(labels: pa.Table) -> list[list[float]]:
    """Return (from, to, tasks) of the confidences of merged labels, in steps of five points."""
    confidence = labels["confidence"].to_numpy()[labels["label"].is_valid().to_numpy()]
    low = math.floor(20 * float(confidence.min(initial=1.0)) + 1e-9) / 20
    edges = np.linspace(low, 1.0, max(round((1 - low) * 20), 1) + 1)
    counts, _ = np.histogram(confidence, edges)
    return [[float(a), float(b), int(n)] for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)]


def _asked(result: Aggregation) -> list[dict[str, Any]]:
    """Return the first tasks to ask again with what was said about them."""
    rows = arrow(result.reask).slice(0, REASK_SHOWN).to_pylist()
    place = {task: i for i, task in enumerate(result.tasks)}
    labels = arrow(result.labels)
    offsets, votes = result.votes.offsets(), result.votes
    out = []
    for row in rows:
        i = place[row["task"]]
        said = votes.value[offsets[i] : offsets[i + 1]]
        counts = np.bincount(said[said >= 0], minlength=len(result.classes))
        best = np.argsort(-counts, kind="stable")[:4]
        label = labels["label"][i].as_py()
        out.append(
            {
                "task": shorten(str(row["task"]), CELL_WIDTH),
                "annotator": None if row["annotator"] is None else shorten(str(row["annotator"]), CELL_WIDTH),
                "gain": row["expected_gain"],
                "label": None if label is None else shorten(str(label), CELL_WIDTH),
                "confidence": labels["confidence"][i].as_py(),
                "votes": [[shorten(result.classes[k], CELL_WIDTH), int(counts[k])] for k in best.tolist() if counts[k]],
            }
        )
    return out
