"""Accuracy of label models on real votes: the default against every model of crowd-kit and snorkel's.

All crowd sets with classes and known truth (12), all sets of labelling functions (3, all rows). Every model is called
with its defaults; a peer that cannot run on a set is left out there. Rows without a vote are left out. The rules of
`Automatic` were written while these sets were at hand. The peers take half an hour and always say the same, so the
figures of their one run are stored (``results/label_model_peers.json``; delete it to have them measured again). The
column of the hyper label model is ours, beside the ranks.

Run: ``python -m benchmarks.label_model_accuracy``
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import CROWDS, crowd, texts, weak_votes
from scipy.stats import rankdata

from benchmarks.records import RESULTS, machine, store
from labelwright.consensus import Automatic, HyperLabelModel, most_probable
from labelwright.evidence import Votes

COMMAND = "python -m benchmarks.label_model_accuracy"
OURS, HYPER = "labelwright, default", "labelwright, hyper label model"
PEERS = RESULTS / "label_model_peers.json"


def sets() -> Iterator[tuple[str, Votes, NDArray[np.int64]]]:
    """Yield name, votes and truth (-1 = unknown) of every set."""
    for name in CROWDS:
        if name == "affect":
            continue
        data = crowd(name)
        k = int(max(data.label.max(), data.truth.max())) + 1
        votes = Votes(data.task, data.worker, data.label, len(data.truth), int(data.worker.max()) + 1, k)
        yield name, votes, data.truth
    for name in ("sms", "youtube", "yoruba"):
        table, truth = weak_votes(name), texts(name).labels  # type: ignore[arg-type]
        yield name, Votes.from_matrix(table, int(max(table.max(), truth.max())) + 1), truth


def known_rows(votes: Votes, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the rows with a vote and a known class."""
    return (votes.counts().sum(axis=1) > 0) & (truth >= 0)


def ours(votes: Votes, truth: NDArray[np.int64]) -> tuple[float, str]:
    """Return the accuracy of the default model, and which one it chose."""
    model = Automatic().fit(votes)
    rows = known_rows(votes, truth)
    labels = most_probable(model.predict_proba(votes))
    kept = getattr(model.model_, "kept_", ())
    chosen = f"{type(model.model_).__name__} of {', '.join(kept)}" if kept else type(model.model_).__name__
    return float((labels[rows] == truth[rows]).mean()), chosen


def crowdkit_models() -> dict[str, Any]:
    """Return crowd-kit's aggregators of classes; two lack a method that newer scikit-learn asks for, lent here."""
    from crowdkit import aggregation
    from sklearn.base import BaseEstimator

    for name in ("Wawa", "ZeroBasedSkill"):
        getattr(aggregation, name).__sklearn_tags__ = lambda self: BaseEstimator().__sklearn_tags__()
    names = "MajorityVote Wawa ZeroBasedSkill DawidSkene OneCoinDawidSkene GLAD MACE MMSR KOS"
    return {name: getattr(aggregation, name) for name in names.split()}


def crowdkit_accuracy(model: Any, votes: Votes, truth: NDArray[np.int64]) -> float | None:
    """Return the accuracy of one of them, None where it cannot run."""
    import pandas as pd

    said = votes.value >= 0
    frame = pd.DataFrame({"task": votes.row[said], "worker": votes.source[said], "label": votes.value[said]})
    rows = known_rows(votes, truth)
    if model.__name__ == "KOS" and frame["label"].nunique() > 2:
        return None
    try:
        labels = model().fit_predict(frame).reindex(np.flatnonzero(rows)).to_numpy()
    except (ValueError, KeyError, AssertionError, np.linalg.LinAlgError):
        return None
    return float((labels == truth[rows]).mean())


def snorkel_accuracy(votes: Votes, truth: NDArray[np.int64]) -> float | None:
    """Return the accuracy of snorkel's label model."""
    from snorkel.labeling.model import LabelModel

    model = LabelModel(cardinality=votes.n_classes, verbose=False)
    table = votes.to_matrix()
    model.fit(table, n_epochs=500, seed=0, progress_bar=False)
    rows = known_rows(votes, truth)
    return float((model.predict(table, tie_break_policy="random")[rows] == truth[rows]).mean())


def measured() -> dict[str, dict[str, float | None]]:
    """Return the accuracy of every peer on every set, measured once."""
    if PEERS.is_file():
        return dict(json.loads(PEERS.read_text(encoding="utf-8"))["accuracy"])
    models = crowdkit_models()
    found: dict[str, dict[str, float | None]] = {}
    for name, votes, truth in sets():
        found[name] = {key: crowdkit_accuracy(model, votes, truth) for key, model in models.items()}
        found[name]["snorkel LabelModel"] = snorkel_accuracy(votes, truth)
        print(name, found[name], flush=True)
    record = {"measured": datetime.now(UTC).date().isoformat(), "machine": machine(), "accuracy": found}
    PEERS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return found


def hyper(votes: Votes, truth: NDArray[np.int64]) -> float:
    """Return the accuracy of the hyper label model."""
    rows = known_rows(votes, truth)
    labels = most_probable(HyperLabelModel().fit(votes).predict_proba(votes))
    return float((labels[rows] == truth[rows]).mean())


def table(peers: Mapping[str, Mapping[str, float | None]]) -> list[dict[str, Any]]:
    """Return one row a set and one of mean ranks (1 = best; ties share; a peer that cannot run is last)."""
    rows: list[dict[str, Any]] = []
    names = [OURS, *next(iter(peers.values()))]
    ranks = []
    for name, votes, truth in sets():
        mine, chosen = ours(votes, truth)
        scores = {OURS: mine, **peers[name]}
        best = max(value for key, value in scores.items() if key != OURS and value is not None)
        ranks.append(rankdata([-1.0 if scores[key] is None else scores[key] for key in names]))  # type: ignore[list-item]
        rows.append(
            {
                "work": name, "chosen": chosen, "must": "at most 1 point below the best peer",
                "holds": bool(mine >= best - 0.01),
                **{key: None if scores[key] is None else round(float(scores[key]), 4) for key in names},  # type: ignore[arg-type]
                HYPER: round(hyper(votes, truth), 4),
            }
        )  # fmt: skip
    mean = {key: round(float(len(names) + 1 - np.mean([rank[i] for rank in ranks])), 2) for i, key in enumerate(names)}
    first = all(mean[OURS] < value for key, value in mean.items() if key != OURS)
    rows.append({"work": "mean rank", "chosen": "", "must": "better than every single peer", "holds": first, **mean})
    return rows


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    warnings.filterwarnings("ignore")
    rows = table(measured())
    store("label_model_accuracy", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for line in main():
        print(line)
