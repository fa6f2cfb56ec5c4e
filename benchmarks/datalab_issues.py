"""Our data checks against cleanlab Datalab's of the same name: same rows, same neighbours, planted faults.

Run: ``pip install "cleanlab[datalab]"`` and ``python -m benchmarks.datalab_issues`` (needs the real data; see
``proofs/datasets.py``). The rows are 10,000 of CIFAR-10's features with the human labels of CIFAR-10N, in random order.
Faults whose rows are known are planted in them: 100 near copies, 50 vectors of noise as outliers. For data valuation
the truth are the labels that people got wrong. Both sides get the same k-NN graph; finding it is timed apart.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import CIFAR10_CLASSES, cifar10n_features, table
from scipy.sparse import csr_matrix

from benchmarks.records import medians, store
from labelwright.audit.class_balance import ClassImbalance
from labelwright.audit.duplicates import NearDuplicates, duplicate_groups
from labelwright.audit.outliers import Outliers
from labelwright.audit.row_order import RowOrder
from labelwright.audit.valuation import KnnShapley
from labelwright.data.neighbors import Neighbors, nearest_neighbors
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.ranking import average_precision

COMMAND = "python -m benchmarks.datalab_issues"
ROWS, COPIES, STRANGERS, K = 10_000, 100, 50, 10
SPACE = LabelSpace(CIFAR10_CLASSES)


@dataclass(frozen=True)
class World:
    """Rows with planted faults and where they are."""

    x: NDArray[np.float32]
    labels: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    copied: NDArray[np.bool_]
    strange: NDArray[np.bool_]
    neighbors: Neighbors


def build(seed: int) -> World:
    """Return shuffled CIFAR-10 features with near copies and noise vectors planted in them."""
    data, _ = cifar10n_features("aggregate", rows=ROWS, seed=seed)
    rng = np.random.default_rng([seed, 7])
    order = rng.permutation(ROWS)
    x, given, truth = data.X[order].copy(), data.given[order], data.truth[order]
    spread = x.std(axis=0)
    copied, strange = np.zeros(ROWS, dtype=bool), np.zeros(ROWS, dtype=bool)
    chosen = rng.permutation(ROWS)
    copy, original, stranger = np.split(chosen[: 2 * COPIES + STRANGERS], [COPIES, 2 * COPIES])
    x[copy] = x[original] + 0.02 * spread * rng.normal(size=(COPIES, x.shape[1])).astype(np.float32)
    x[stranger] = 3 * float(spread.mean()) * rng.normal(size=(STRANGERS, x.shape[1])).astype(np.float32)
    copied[copy], copied[original], strange[stranger] = True, True, True
    return World(x, given, given != truth, copied, strange, nearest_neighbors(x, K, metric="cosine", jobs=2))


def datalab(world: World) -> tuple[Any, csr_matrix]:
    """Return a Datalab that holds the labels, and the neighbours as the graph that it takes."""
    from cleanlab import Datalab

    graph = csr_matrix(
        (
            world.neighbors.distances.ravel().astype(np.float64),
            world.neighbors.indices.ravel(),
            np.arange(0, len(world.x) * K + 1, K),
        ),
        shape=(len(world.x), len(world.x)),
    )
    names = [CIFAR10_CLASSES[c] for c in world.labels.tolist()]
    return Datalab({"y": names}, label_name="y", verbosity=0), graph


def datalab_check(lab: Any, graph: csr_matrix, world: World, name: str) -> Any:
    """Run one check of Datalab and return its table of issues."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lab.find_issues(features=world.x, knn_graph=graph, issue_types={name: {}})
        return lab.get_issues(name)


def our_checks(world: World) -> Mapping[str, Callable[[], Any]]:
    """Return our check for each of Datalab's names."""
    return {
        "outlier": lambda: Outliers(k=K).score(world.neighbors),
        "near_duplicate": lambda: NearDuplicates().score(world.neighbors),
        "non_iid": lambda: RowOrder().score(world.neighbors),
        "class_imbalance": lambda: ClassImbalance().score(world.labels, SPACE),
        "data_valuation": lambda: KnnShapley(k=K).score(world.x, world.labels),
    }


def precision_recall(flags: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
    """Return precision and recall in one cell."""
    hits = int((flags & truth).sum())
    return f"{hits / max(int(flags.sum()), 1):.2f}, {hits / int(truth.sum()):.2f}"


def compare(world: World) -> list[dict[str, Any]]:
    """Return one row for each check: seconds of both, what both found, and how far they agree."""
    rows = []
    lab, graph = datalab(world)
    for name, ours in our_checks(world).items():
        seconds = medians({"peer": lambda name=name: datalab_check(lab, graph, world, name), "ours": ours})
        theirs, mine = datalab_check(lab, graph, world, name), ours()
        flag = theirs[f"is_{name}_issue"].to_numpy().astype(bool)
        row = {
            "work": f"{name}, {ROWS:,} x {world.x.shape[1]}",
            "datalab_s": seconds["peer"],
            "labelwright_s": seconds["ours"],
            "ratio": seconds["peer"] / seconds["ours"],
            **found(name, world, theirs[f"{name}_score"].to_numpy(), flag, mine),
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def found(name: str, world: World, score: NDArray[Any], flag: NDArray[np.bool_], mine: Any) -> dict[str, Any]:
    """Return what both sides found, measured against what was planted."""
    if name in ("class_imbalance", "non_iid"):
        return {
            "measure": "issue in clean data?",
            "datalab_found": "yes" if flag.any() else "no",
            "labelwright_found": "yes" if mine.n_issues else "no",
        }
    if name == "data_valuation":
        worth = np.full(ROWS, 1.0)
        worth[mine.rows] = mine.score
        return {
            "measure": "average precision for wrong labels",
            "datalab_found": f"{average_precision(world.wrong, -score):.3f}",
            "labelwright_found": f"{average_precision(world.wrong, -worth):.3f}",
        }
    if name == "outlier":
        return {
            "measure": "rows flagged; average precision for planted rows",
            "datalab_found": f"{int(flag.sum())}; {average_precision(world.strange, -score):.3f}",
            "labelwright_found": f"{mine.n_issues}; {average_precision(world.strange, -mine.score):.3f}",
            "same_flag": f"{(flag == mine.is_issue).mean():.2%}",
        }
    own = duplicate_groups([mine], ROWS) >= 0
    return {
        "measure": "precision, recall of planted rows",
        "datalab_found": precision_recall(flag, world.copied),
        "labelwright_found": precision_recall(own, world.copied),
        "same_flag": f"{(flag == own).mean():.2%}",
    }


def unit_errors(seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the California housing table, standardised, with one number of 50 rows ten times too large."""
    kept = table("california_housing").drop_columns(["ocean_proximity"])
    x = np.stack([np.asarray(kept.column(name).to_numpy(), dtype=np.float64) for name in kept.column_names], axis=1)
    x = x[np.isfinite(x).all(axis=1)]
    rng = np.random.default_rng([seed, 8])
    wrong = np.zeros(len(x), dtype=bool)
    wrong[rng.choice(len(x), STRANGERS, replace=False)] = True
    x[wrong, rng.integers(0, x.shape[1], STRANGERS)] *= 10
    spread = np.subtract(*np.quantile(x, [0.75, 0.25], axis=0))
    return ((x - np.median(x, axis=0)) / spread).astype(np.float32), wrong


def compare_unit_errors(seed: int) -> dict[str, Any]:
    """Return one row: outliers among rows of a table with unit errors."""
    x, wrong = unit_errors(seed)
    n = len(x)
    near = nearest_neighbors(x, K, metric="euclidean", jobs=2)
    world = World(x, np.arange(n) % 2, wrong, wrong, wrong, near)
    lab, graph = datalab(world)
    seconds = medians(
        {
            "peer": lambda: datalab_check(lab, graph, world, "outlier"),
            "ours": lambda: Outliers(k=K).score(near),
        }
    )
    theirs, mine = datalab_check(lab, graph, world, "outlier"), Outliers(k=K).score(near)
    flag = theirs["is_outlier_issue"].to_numpy().astype(bool)
    return {
        "work": f"outlier, {n:,} rows of California housing, 50 unit errors",
        "datalab_s": seconds["peer"],
        "labelwright_s": seconds["ours"],
        "ratio": seconds["peer"] / seconds["ours"],
        "measure": "precision, recall; average precision",
        "datalab_found": f"{precision_recall(flag, wrong)}; "
        f"{average_precision(wrong, -theirs['outlier_score'].to_numpy()):.3f}",
        "labelwright_found": f"{precision_recall(mine.is_issue, wrong)}; {average_precision(wrong, -mine.score):.3f}",
        "same_flag": f"{(flag == mine.is_issue).mean():.2%}",
    }


def main() -> None:
    """Measure and store; say so where the peer is not installed."""
    if find_spec("cleanlab") is None or find_spec("datasets") is None:
        print('skipped: pip install "cleanlab[datalab]"')
        return
    world = build(seed=0)
    rows = [*compare(world), compare_unit_errors(seed=0)]
    print(rows[-1], flush=True)
    grouped = np.argsort(world.labels, kind="stable")
    theirs = build_sorted(world, grouped)
    flag = datalab_check(*datalab(theirs), theirs, "non_iid")["is_non_iid_issue"].any()
    rows.append(
        {
            "work": "non_iid, rows sorted by label",
            "measure": "issue found?",
            "datalab_found": "yes" if flag else "no",
            "labelwright_found": "yes" if RowOrder().score(theirs.neighbors, labels=theirs.labels).n_issues else "no",
        }
    )
    store("datalab_issues", COMMAND, rows)


def build_sorted(world: World, order: NDArray[np.int64]) -> World:
    """Return the same rows in another order, with their neighbours renumbered."""
    place = np.empty(ROWS, dtype=np.int64)
    place[order] = np.arange(ROWS)
    near = world.neighbors
    moved = Neighbors(place[near.indices[order]], near.distances[order], near.metric)
    return World(
        world.x[order], world.labels[order], world.wrong[order], world.copied[order], world.strange[order], moved
    )


if __name__ == "__main__":
    main()
